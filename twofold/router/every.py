"""All findings of the last seven days, with what people said of them, the most pressing first.

Owns the stretch of time and which questions are asked. Reads only. Role: for the algorithm.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twofold.ledger.policy import OrderPolicy
from twofold.report.kept import FINDING, kept
from twofold.report.period import journal_of
from twofold.report.quality import quality
from twofold.report.senders import senders
from twofold.report.told import only_files, told_orders
from twofold.report.value_check import check_values
from twofold.router.came import findings_of_door, findings_of_keys, findings_of_senders, findings_of_sides
from twofold.router.finding import Finding, with_states
from twofold.router.left import findings_of_left, findings_of_waiting
from twofold.router.placed import findings_of_orders, findings_of_values

DAYS = 7
PERIOD_S = DAYS * 86_400


def findings_of(
    folder: Path | str, policy_of: Callable[[str], OrderPolicy], now: int, *, dataset: str | None, tested: bool
) -> list[Finding]:
    """Every finding of the last `DAYS` days. ``tested``: what is sent goes to this machine only."""
    since = now - PERIOD_S
    orders = list(told_orders(folder, policy_of, since, now + 1, now, dataset))
    found = [
        *findings_of_orders(orders, only_files(str(folder), orders)),
        *findings_of_values(list(check_values(folder, policy_of, now, dataset=dataset, since_s=since)), orders),
    ]
    cells = senders(folder, since * 1000, now * 1000 + 1000, (since - PERIOD_S) * 1000, dataset=dataset)
    rows = quality(folder, now * 1000, period_ms=PERIOD_S * 1000, dataset=dataset, sample=0)
    with journal_of(folder) as journal:
        span = journal.positions(since * 1000, now * 1000 + 1000)
        found += findings_of_left(journal, span, dataset, tested=tested)
        found += findings_of_waiting(_waiting(journal), now)
        found += findings_of_door(journal, since * 1000, dataset)
        found += findings_of_sides(journal, span, since, dataset)
    found += findings_of_senders(cells, now)
    found += findings_of_keys(rows, since, now)
    return with_states(found, kept(folder, FINDING), now)


def _waiting(journal: Any) -> list[dict[str, Any]]:
    names = ("destination", "paused", "count", "since")
    rows = [dict(zip(names, row, strict=True)) for row in journal.run("console_waiting")]
    return [{**row, "since": row["since"] // 1000, "paused": row["paused"] or ""} for row in rows]
