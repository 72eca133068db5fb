"""What buyers answered, as people read it: beside the models, never among their rows.

Owns the sentences and the two tables; the figures are `attribution.surveys`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from twofold.commands.output.printing import make_table, plain, print_wide, say

MOST_ANSWERS = 30
"""Answers that are shown to people; machines get all."""
_Row = Mapping[str, Any]


def show_survey(whole: _Row, channels: Sequence[_Row], said: Sequence[_Row]) -> None:
    """The orders that were answered, the four fields of each channel, and what was answered."""
    say("")
    if not whole["answers"]:
        say("No order of these days was answered. Bring answers: twofold import survey FILE")
        return
    say(
        f"What buyers answered: {whole['answers']:,} of {whole['orders']:,} orders ({_percent(whole['answered'])}). It credits nobody."
    )
    if channels:
        _show_channels(whole, channels)
    if whole["clicked"]:
        say(
            f"Of {whole['clicked']:,} that mean a channel and have a last touch, {whole['agreed']:,} agree with it ({_percent(whole['agreement'])})."
        )
    if not whole["stands_for_all"]:
        say("All orders cannot be told from these: that takes at least 100 answers, and three of ten orders answered.")
    _show_said(whole, said)


def _show_channels(whole: _Row, channels: Sequence[_Row]) -> None:
    cells = ("answers", "of answers", "both", "answer\nalone", "last touch\nalone", "neither")
    more = ("of all\norders", "at least", "at most") if whole["stands_for_all"] else ()
    table = make_table("channel", *cells, *more, right=(*cells, *more))
    for row in channels:
        counts = [f"{row[name]:,}" for name in ("both", "said_only", "clicked_only", "neither")]
        estimates = [f"{row[name]:,}" for name in ("estimate", "estimate_low", "estimate_high")] if more else []
        table.add_row(row["channel"], f"{row['answers']:,}", _percent(row["share"]), *counts, *estimates)
    print_wide(table)
    if more:
        say(
            "of all orders: an estimate, if who gave no answer is like who did, and where it would lie in nineteen of twenty such surveys."
        )


def _show_said(whole: _Row, said: Sequence[_Row]) -> None:
    say("")
    table = make_table(
        "answer", "channel", "answers", "of answers", right=("answers", "of answers"), broken={"answer": 48}
    )
    for row in said[:MOST_ANSWERS]:
        table.add_row(plain(row["answer"]), row["channel"] or "", f"{row['answers']:,}", _percent(row["share"]))
    print_wide(table)
    if len(said) > MOST_ANSWERS:
        say(f"and {len(said) - MOST_ANSWERS:,} more: --json tells all")
    if whole["unmapped"]:
        say(
            f'LOOK  {whole["unmapped"]:,} answers mean no channel yet. Say which: [chain] answers = {{ "A friend" = "referral" }}'
        )


def _percent(share: str | None) -> str:
    return "" if share is None else f"{Decimal(share) * 100:.1f} %"
