"""What is owed to the shop: by whom, since when, by which day it should be here; batches that do not close; credits that
nobody knows.

Owns the grouping by who has the money and by age. Whose money is where stands in the derived tables (`waiting`, `settlements`,
`open_credits`), which are asked, whatever the size of the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from twofold.console.money.task import Task
from twofold.facts.engine import Asked
from twofold.facts.questions import questions_of
from twofold.reconcile.chain.report import habit_of
from twofold.reconcile.chain.rows import closed
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.exchange import day_text
from twofold.reconcile.lives.asking import ROOM
from twofold.reconcile.matches.values import Days

AGES = (7, 14, 30)
"""Days: up to a week, two, a month, and what is older."""
_QUESTIONS = ("cash_waiting", "cash_habits", "cash_open_batches", "cash_credits")


class Owed(Struct, frozen=True, kw_only=True):
    """Sums that somebody has for the shop, of one age. Days from the epoch."""

    who: str
    where: str
    amount: Decimal
    pieces: int
    since: int
    expected: int


def cash(task: Task) -> dict[str, Any]:
    """Who has how much, the late first; then what does not close, and what nobody knows."""
    given = {"as_of": task.as_of, "dataset": task.dataset or ""}
    known = questions_of(ROOM)
    seen: list[int] = []
    answers = task.asking(seen)(
        [Asked(question=known[name], parameters={p: given[p] for p in known[name].asks}) for name in _QUESTIONS]
    )
    waiting, habits, batches, credits = (answer.rows for answer in answers)
    currency = answers[0].currency or task.base.rules.currency
    today = Days(ZoneInfo(task.base.zone)).of(task.as_of)
    groups: dict[tuple[str, str], list[Owed]] = defaultdict(list)
    for one in _owed(waiting, _habits(habits), task.base.rules):
        groups[one.who, one.where].append(one)
    rows = [_row(key, some, today, currency) for key, some in groups.items()]
    rows.sort(key=lambda row: (row["late"] == 0, -row["late"], row["who"], row["where"]))
    return {
        "tables_at": min(seen, default=0),
        "owed": rows,
        "batches": [_batch(row) for row in batches],
        "unmatched": [
            {"line": c.line, "at": c.happened_at, "amount": closed(c.amount, c.currency), "currency": c.currency}
            for c in credits
        ],
        "currency": currency,
    }


def _habits(rows: Sequence[Any]) -> dict[str, int]:
    days: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        days[row.courier][row.days] = row.orders
    return {name: habit for name, found in days.items() if (habit := habit_of(found)) is not None}


def _owed(rows: Sequence[Any], habits: dict[str, int], rules: Rules) -> list[Owed]:
    return [
        Owed(
            who=row.who, where=row.place, amount=row.amount, pieces=row.pieces, since=row.since,
            expected=row.since + habits.get(row.who, rules.courier_days) if row.expected is None else row.expected,
        )
        for row in rows
    ]  # fmt: skip


def _row(key: tuple[str, str], some: list[Owed], today: int, currency: str) -> dict[str, Any]:
    ages = [Decimal(0)] * (len(AGES) + 1)
    for one in some:
        ages[sum(today - one.since > days for days in AGES)] += one.amount
    late = [one for one in some if one.expected < today]
    return {
        "who": key[0], "where": key[1], "count": sum(one.pieces for one in some),
        "amount": closed(sum((one.amount for one in some), Decimal(0)), currency),
        "ages": [closed(amount, currency) for amount in ages], "oldest_days": today - min(one.since for one in some),
        "expected": day_text(max(one.expected for one in some)), "late": sum(one.pieces for one in late),
        "late_amount": closed(sum((one.amount for one in late), Decimal(0)), currency),
    }  # fmt: skip


def _batch(row: Any) -> dict[str, Any]:
    net, lines = closed(row.net, row.currency), closed(row.lines, row.currency)
    return {
        "source": row.source, "id": row.number, "kind": row.kind, "at": row.happened_at, "declared": net, "lines": lines,
        "difference": net - lines, "paid": None if row.paid is None else closed(row.paid, row.currency), "currency": row.currency,
    }  # fmt: skip
