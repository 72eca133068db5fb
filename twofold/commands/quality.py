"""``twofold quality`` and ``twofold stitching``: how well events can be matched, and what visits added to them.

Owns the words and tables of these commands; the figures are `report`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twofold.commands.options import (
    ConfigOption,
    DataOption,
    DatasetOption,
    JsonOption,
    folder_of,
    known_value,
    period_ms,
    period_such_as,
)
from twofold.commands.output.printing import cell, make_table, plain, print_about, print_rows, print_wide, say

if TYPE_CHECKING:
    from twofold.report.quality import EventQuality
    from twofold.report.stitching import Stitching

Since = Annotated[
    str, typer.Option("--since", help="How far back: 30m, 48h, 7d.", callback=period_such_as("48h or 7d"))
]


def quality(
    dataset: DatasetOption = None,
    since: Since = "48h",
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when something fell.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Estimate the match quality of each event name, and name what would raise it.

    The score is Twofold's own estimate of 0 to 10. It is compared with the same length of time before.
    """
    from twofold.clock import now_ms
    from twofold.report import quality as report

    now = now_ms()
    rows = report.quality(folder_of(config, data), now, period_ms=period_ms(since), dataset=dataset)
    _known_dataset(config, data, dataset, empty=not rows)
    if json:
        from twofold.commands.output.rows.signal import Quality

        print_about(
            "quality", dataset=dataset, since=(now - period_ms(since)) // 1000, until=now // 1000, as_of=now // 1000
        )
        print_rows(Quality, map(report.as_row, rows))
    else:
        _print_quality(rows, report.NOTE)
    if check and any(r.drops for r in rows):
        raise typer.Exit(1)


def stitching(
    dataset: DatasetOption = None,
    since: Since = "7d",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show how often an order without a browser found its visit, and what it gained.

    Counts what has been sent, or was about to be, made of server copies alone.
    """
    from twofold.clock import now_ms
    from twofold.report import stitching as report

    now = now_ms()
    rows = report.stitching(folder_of(config, data), now, period_ms=period_ms(since), dataset=dataset)
    _known_dataset(config, data, dataset, empty=not rows)
    if json:
        from twofold.commands.output.rows.signal import Stitching as Line

        print_about(
            "stitching", dataset=dataset, since=(now - period_ms(since)) // 1000, until=now // 1000, as_of=now // 1000
        )
        print_rows(Line, map(report.as_row, rows))
    else:
        _print_stitching(rows)


def _known_dataset(config: Path | None, data: str | None, dataset: str | None, *, empty: bool) -> None:
    """An empty answer about a dataset that is neither configured nor in the folder is a typing error."""
    if dataset is None or not empty:
        return
    from twofold.config import load_settings
    from twofold.store.lists import Reader

    settings = load_settings(config, data=data)
    with Reader(settings.server.data) as reader:
        known_value("--dataset", dataset, [*(d.id for d in settings.dataset), *reader.known("actions", "dataset")])


def _print_quality(rows: list[EventQuality], note: str) -> None:
    if not rows:
        say("no server events in this time")
        return
    table = make_table(
        "dataset", "event", "events", "estimate", "before", "with id", "covered", "delay", "would bring most"
    )
    for r in rows:
        best = ", ".join(f"{k.identifier} +{k.gain:.1f}" for k in r.missing[:3])
        table.add_row(
            cell(r.dataset), cell(r.event_name), str(r.events), _number(r.score), _number(r.score_before), f"{r.id_coverage:.0f} %",
            "" if r.event_coverage is None else f"{r.event_coverage:.0f} %",
            "" if r.delay_s is None else f"{r.delay_s:.0f} s", best,
        )  # fmt: skip
    print_wide(table)
    for r in rows:
        for drop in r.drops:
            say(f"fell: {plain(r.event_name)} of {plain(r.dataset)}: {drop}")
    wanted = {k.identifier: k for r in rows for k in r.missing[:3]}
    for k in wanted.values():
        say(f"{k.identifier}: {k.privacy}")
    say(note)


def _print_stitching(rows: list[Stitching]) -> None:
    if not rows:
        say("nothing was sent in this time that could have been stitched")
        return
    table = make_table("dataset", "event", "events", "stitched", "keys before", "keys after", "by")
    for r in rows:
        by = ", ".join(f"{kind} {n}" for kind, n in r.by.items())
        table.add_row(
            cell(r.dataset), cell(r.event_name), str(r.events), f"{r.rate:.0f} %", f"{r.keys_before:.1f}",
            f"{r.keys_after:.1f}", cell(by),
        )  # fmt: skip
    print_wide(table)
    for r in rows:
        for reason, n in r.reasons.items():
            say(f"{n} {plain(r.event_name)} of {plain(r.dataset)}: {reason}")


def _number(score: float | None) -> str:
    return "" if score is None else f"{score:.1f}"
