"""The chain of a period in one call: orders, movements and all else in, rows out.

Owns which orders and lines belong to a report, how they are grouped, and the closing of amounts at the very end. Reads
nothing and knows no clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from twofold.reconcile.chain.account import Account, Desk, account_of, counts, in_currency
from twofold.reconcile.chain.booked import report_booked
from twofold.reconcile.chain.cohort import Tally, book, book_loose
from twofold.reconcile.chain.customers import customers, first_delivered
from twofold.reconcile.chain.metrics import Buyers, Margins, figures_of, metrics_of
from twofold.reconcile.chain.purse import DISPUTED, GIVEN_BACK, TAKEN
from twofold.reconcile.chain.rows import Metric, Open, Report, Row
from twofold.reconcile.chain.signals import signals_of
from twofold.reconcile.chain.told import (
    NO_GROUP,
    Asked,
    Told,
    closed_row,
    group_of,
    is_deduction,
    one_of_each_exchange,
    period_of,
    share_of,
)
from twofold.reconcile.chain.values import ZERO, Move, place_of
from twofold.reconcile.exchange import day_number, exact

HABIT_PARCELS = 30
OF_SOMEBODY = TAKEN | GIVEN_BACK | DISPUTED
"""Kinds of lines that are one order's money: without one, they are of an order that is not here."""


def report_chain(told: Told, asked: Asked, desk: Desk) -> Report:
    """The orders placed in the period as they stand at the time; in the booked view what happened in it."""
    return report_booked(told, asked, desk) if asked.view == "booked" else _cohort(told, asked, desk)


def accounts_of(told: Told, asked: Asked, desk: Desk) -> tuple[list[Account], int]:
    """The accounts of the orders placed in the period, in the order of time; and how many have no rate."""
    first, last = day_number(asked.since), day_number(asked.until)
    orders = one_of_each_exchange([o for o in told.orders if counts(o)], told.moves)
    accounts: list[Account] = []
    without_rate = 0
    for order, moves in orders:
        if first <= desk.days.of(order.placed_at) <= last and order.placed_at <= asked.as_of:
            account = account_of(order, moves, desk, asked.as_of)
            if account is None:
                without_rate += 1
            else:
                accounts.append(account)
    accounts.sort(key=lambda a: (a.order.placed_at, a.order.key))
    return accounts, without_rate


def _cohort(told: Told, asked: Asked, desk: Desk) -> Report:
    today = desk.days.of(asked.as_of)
    accounts, without_rate = accounts_of(told, asked, desk)
    loose, unrated = deductions_of(told, asked, desk)
    buyers = Buyers(kinds=customers(told.bought, desk.rules.history_days), first_delivered=first_delivered(told.bought))
    sums = figures_of(accounts, loose, buyers, desk)
    rows: list[Row] = list(signals_of(told, asked, desk, ""))
    rows += _tallied(accounts, loose, desk, asked.as_of, "")
    rows += _unmatched(told, asked, desk)
    rows += metrics_of(sums, told.ads, desk.rules.least_costed, today)
    if asked.by:
        rows += _grouped(accounts, loose, told, asked, desk)
    return Report(
        rows=tuple(closed_row(row, desk.rules.currency) for row in rows),
        missing=missing_of(sums.margins, without_rate + len(unrated), len(accounts)),
        balanced=not told.open_batches,
    )


def deductions_of(told: Told, asked: Asked, desk: Desk) -> tuple[list[Move], list[Move]]:
    """What batches of the period keep or add for all of their orders, in the reporting currency; and that for which there is no
    rate."""
    first, last = day_number(asked.since), day_number(asked.until)
    today = desk.days.of(asked.as_of)
    loose = [
        replace(m, place=place_of(m, asked.as_of, today))
        for m in told.loose
        if first <= m.day <= last and m.at <= asked.as_of and is_deduction(m)
    ]
    found, unrated = in_currency(loose, desk.rules.currency, desk.rates)
    return sorted(found, key=lambda m: (m.at, m.line)), unrated


def missing_of(margins: Margins, without_rate: int, accounts: int) -> dict[str, Decimal]:
    """The shares of delivered money without costs, and of orders and lines without a rate."""
    return {
        "cost": share_of(margins.whole - margins.due, margins.whole),
        "rate": share_of(Decimal(without_rate), Decimal(accounts + without_rate)),
    }


def _tallied(accounts: Sequence[Account], loose: Sequence[Move], desk: Desk, as_of: int, group: str) -> Iterator[Row]:
    tally = Tally(desk.days.of(as_of))
    habits = courier_habits(accounts, desk)
    for account in accounts:
        book(account, tally, desk, habits)
    book_loose(loose, tally, desk)
    yield from tally.rows(group)


def courier_habits(accounts: Iterable[Account], desk: Desk) -> dict[str, int]:
    """Days from the delivery to the bank, of each courier that is known by enough parcels."""
    days: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for one in accounts:
        waited = days_to_bank(one, desk)
        if waited is not None:
            days[one.order.courier][waited] += 1
    return {name: habit for name, found in days.items() if (habit := habit_of(found)) is not None}


def days_to_bank(one: Account, desk: Desk) -> int | None:
    """From the delivery by a courier to the bank."""
    banked_at, delivered_at = one.purse.banked_at, one.standing.delivered_at
    if not one.order.courier or banked_at is None or delivered_at is None:
        return None
    return desk.days.of(banked_at) - desk.days.of(delivered_at)


def habit_of(parcels: Mapping[int, int]) -> int | None:
    """The middle of so many parcels by their days; None for too few."""
    many = sum(parcels.values())
    if many < HABIT_PARCELS:
        return None
    reached = 0
    for days, count in sorted(parcels.items()):
        reached += count
        if reached * 2 >= many:
            return days
    return None


def _grouped(accounts: Sequence[Account], loose: Sequence[Move], told: Told, asked: Asked, desk: Desk) -> Iterator[Row]:
    name_of = group_of(asked.by, desk)
    groups: dict[str, list[Account]] = defaultdict(list)
    for account in accounts:
        groups[name_of(account.order)].append(account)
    deducted: dict[str, list[Move]] = defaultdict(list)
    for move in loose:
        deducted[period_of(asked.by, move.day) or NO_GROUP].append(move)
    for name in sorted({*groups, *deducted}):
        yield from signals_of(told, asked, desk, name)
        yield from _tallied(groups.get(name, []), deducted.get(name, []), desk, asked.as_of, name)


def _unmatched(told: Told, asked: Asked, desk: Desk) -> Iterator[Row]:
    first, last = day_number(asked.since), day_number(asked.until)
    mine = [u for u in told.unmatched if first <= u.day <= last and u.at <= asked.as_of]
    worth = [exact(desk.rates.convert(u.amount, u.currency, desk.rules.currency, u.day) or ZERO) for u in mine]
    loose = [m for m in told.loose if first <= m.day <= last and m.at <= asked.as_of and m.kind in OF_SOMEBODY]
    lines, _ = in_currency(loose, desk.rules.currency, desk.rates)
    yield from unmatched_rows(
        (len(mine), sum(worth, ZERO), min((u.day for u in mine), default=0)),
        (len(loose), sum((m.gross for m in lines), ZERO)),
        desk.days.of(asked.as_of),
    )


def unmatched_rows(credits: tuple[int, Decimal, int], lines: tuple[int, Decimal], today: int) -> Iterator[Row]:
    """``credits``: of the bank, how many, how much, since which day; ``lines``: of others, how many and how much."""
    many, total, since = credits
    yield Metric(name="unmatched_bank_credits", value=total, unit="money", link="banked")
    yield Metric(name="unmatched_bank_credits_count", value=Decimal(many), unit="count", link="banked")
    yield Metric(name="unmatched_lines", value=lines[1], unit="money", link="collected")
    yield Metric(name="unmatched_lines_count", value=Decimal(lines[0]), unit="count", link="collected")
    if many:
        yield Open(link="banked", reason="credit_unmatched", count=many, amount=total, oldest_days=today - since)
