"""What is owed to the shop: by whom, since when, by which day it should be here; batches that do not close; credits that
nobody knows.

Owns the grouping by who has the money and by age. Whose money is where is the chain's and the matching's.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from twofold.console.money.chain import read
from twofold.console.money.task import Task
from twofold.reconcile.chain.account import Account, Desk, in_currency
from twofold.reconcile.chain.purse import COURIER_HOLDS
from twofold.reconcile.chain.report import accounts_of, courier_habits
from twofold.reconcile.chain.rows import closed
from twofold.reconcile.chain.values import At, Move, place_of
from twofold.reconcile.exchange import day_text
from twofold.reconcile.reading.whole import Whole

AGES = (7, 14, 30)
"""Days: up to a week, two, a month, and what is older."""
BEGINNING = "1970-01-01"


class Owed(Struct, frozen=True, kw_only=True):
    """One sum that somebody has for the shop. Days from the epoch."""

    who: str
    where: str
    amount: Decimal
    since: int
    expected: int


def cash(task: Task) -> dict[str, Any]:
    """Who has how much, the late first; then what does not close, and what nobody knows."""
    whole, asked = read(replace(task, since=BEGINNING, until=date.max.isoformat(), by="", view="cohort"))
    accounts, _ = accounts_of(whole.told, asked, whole.desk)
    desk, today = whole.desk, whole.desk.days.of(task.as_of)
    habits = courier_habits(accounts, desk)
    owed = [one for account in accounts for one in _of_order(account, desk, habits)]
    loose = [replace(m, place=place_of(m, task.as_of, today)) for m in whole.told.loose if m.at <= task.as_of]
    owed += _of_moves(loose, desk)
    groups: dict[tuple[str, str], list[Owed]] = defaultdict(list)
    for one in owed:
        groups[one.who, one.where].append(one)
    rows = [_row(key, some, today, desk.rules.currency) for key, some in groups.items()]
    rows.sort(key=lambda row: (row["late"] == 0, -row["late"], row["who"], row["where"]))
    return {
        "owed": rows,
        "batches": _open_batches(whole),
        "unmatched": [
            {"line": u.line, "at": u.at, "amount": u.amount, "currency": u.currency}
            for u in sorted(whole.told.unmatched, key=lambda u: (u.at, u.line))
            if u.at <= task.as_of
        ],
        "currency": desk.rules.currency,
    }


def _of_order(one: Account, desk: Desk, habits: dict[str, int]) -> list[Owed]:
    found = []
    if COURIER_HOLDS in one.gap:
        since = desk.days.of(one.standing.delivered_at or one.standing.since)
        due = since + habits.get(one.order.courier, desk.rules.courier_days)
        found.append(
            Owed(who=one.order.courier, where=COURIER_HOLDS, amount=one.gap[COURIER_HOLDS], since=since, expected=due)
        )
    return found + _of_moves(one.moves, desk)


def _of_moves(moves: Any, desk: Desk) -> list[Owed]:
    """Money on its way, in the reporting currency; what has no rate stands in no sum."""
    found = []
    mine: list[Move] = [m for m in moves if m.place is not At.BANKED and m.net and not m.told]
    for move in in_currency(mine, desk.rules.currency, desk.rates)[0]:
        batch = move.settlement
        since = desk.days.of(move.at if batch is None else batch.at)
        due = batch.late_after if batch else move.day + desk.rules.payout_days
        found.append(Owed(who=move.source, where=str(move.place), amount=move.net, since=since, expected=due))
    return found


def _row(key: tuple[str, str], some: list[Owed], today: int, currency: str) -> dict[str, Any]:
    ages = [Decimal(0)] * (len(AGES) + 1)
    for one in some:
        ages[sum(today - one.since > days for days in AGES)] += one.amount
    late = [one for one in some if one.expected < today]
    return {
        "who": key[0], "where": key[1], "count": len(some), "amount": closed(sum((one.amount for one in some), Decimal(0)), currency),
        "ages": [closed(amount, currency) for amount in ages], "oldest_days": today - min(one.since for one in some),
        "expected": day_text(max(one.expected for one in some)), "late": len(late),
        "late_amount": closed(sum((one.amount for one in late), Decimal(0)), currency),
    }  # fmt: skip


def _open_batches(whole: Whole) -> list[dict[str, Any]]:
    return [
        {"key": g.key, "source": g.batch.source, "id": g.batch.id, "kind": g.batch.kind, "at": g.batch.at, "declared": g.net,
         "lines": g.lines, "difference": g.difference, "paid": whole.matched.paid.get(g.key), "currency": g.batch.currency}
        for g in sorted(whole.matched.open_groups, key=lambda g: (g.batch.at, g.key))
    ]  # fmt: skip
