"""All causes of the last seven days, with what people said of them, the most pressing first.

Owns the stretch of time and which questions are asked. Reads only. Role: for the algorithm.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twofold.console.causes.came import causes_of_door, causes_of_keys, causes_of_senders, causes_of_sides
from twofold.console.causes.cause import Cause, with_states
from twofold.console.causes.left import causes_of_left, causes_of_waiting
from twofold.console.causes.placed import causes_of_orders, causes_of_values
from twofold.console.queries.kept import FINDING, kept
from twofold.console.queries.told import told_orders
from twofold.console.queries.weeks import only_files
from twofold.ledger.policy import OrderPolicy
from twofold.report.period import journal_of
from twofold.report.quality import quality
from twofold.report.senders import senders
from twofold.report.value_check import check_values

DAYS = 7
PERIOD_S = DAYS * 86_400


def causes_of(
    folder: Path | str, policy_of: Callable[[str], OrderPolicy], now: int, *, dataset: str | None, tested: bool
) -> list[Cause]:
    """Every cause of the last `DAYS` days. ``tested``: what is sent goes to this machine only."""
    since = now - PERIOD_S
    orders = list(told_orders(folder, policy_of, since, now + 1, now, dataset))
    found = [
        *causes_of_orders(orders, only_files(str(folder), orders)),
        *causes_of_values(list(check_values(folder, policy_of, now, dataset=dataset, since_s=since)), orders),
    ]
    cells = senders(folder, since * 1000, now * 1000 + 1000, (since - PERIOD_S) * 1000, dataset=dataset)
    rows = quality(folder, now * 1000, period_ms=PERIOD_S * 1000, dataset=dataset, sample=0)
    with journal_of(folder) as journal:
        span = journal.positions(since * 1000, now * 1000 + 1000)
        found += causes_of_left(journal, span, dataset, tested=tested)
        found += causes_of_waiting(_waiting(journal), now)
        found += causes_of_door(journal, since * 1000, dataset)
        found += causes_of_sides(journal, span, since, dataset)
    found += causes_of_senders(cells, now)
    found += causes_of_keys(rows, since, now)
    return with_states(found, kept(folder, FINDING), now)


def _waiting(journal: Any) -> list[dict[str, Any]]:
    names = ("destination", "paused", "count", "since")
    rows = [dict(zip(names, row, strict=True)) for row in journal.run("console_waiting")]
    return [{**row, "since": row["since"] // 1000, "paused": row["paused"] or ""} for row in rows]
