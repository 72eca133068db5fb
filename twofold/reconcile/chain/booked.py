"""What happened in a period, whatever the day of the orders: for cash and the accountant.

Owns the booked view: the same links by the date of each event, and one bridge from what was to be had at the beginning to
what is to be had at the end. Both ends are lists of accounts at those times; past days are never rewritten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal

from msgspec.structs import replace

from twofold.reconcile.chain.account import Account, Desk, account_of, counts, in_currency
from twofold.reconcile.chain.cohort import OPEN_REASONS
from twofold.reconcile.chain.purse import terms_of
from twofold.reconcile.chain.rows import Leak, Link, Report, Residual, Row, Step
from twofold.reconcile.chain.signals import signals_of
from twofold.reconcile.chain.standing import BACK, Station
from twofold.reconcile.chain.told import (
    NO_GROUP,
    Asked,
    Told,
    closed_row,
    group_of,
    is_deduction,
    one_of_each_exchange,
    parts_of,
    share_of,
)
from twofold.reconcile.chain.values import ZERO, At, Move, Order, place_of
from twofold.reconcile.exchange import day_number

OPENING, CLOSING = "receivables_opening", "receivables_closing"
"""What is to be had: due of what was delivered or taken, less what stands on the bank or was lost."""


class Group:
    """One group's sums of a period."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = defaultdict(int)
        self.amounts: dict[str, Decimal] = defaultdict(Decimal)
        self.terms: dict[str, Decimal] = defaultdict(Decimal)
        self.concerned: dict[str, int] = defaultdict(int)
        self.opening = self.closing = ZERO
        self.opened = self.closed = 0

    def book(self, link: str, amount: Decimal, count: int = 1) -> None:
        self.counts[link] += count
        self.amounts[link] += amount

    def term(self, reason: str, amount: Decimal) -> None:
        """What one order, or one line, is more or less by."""
        if amount:
            self.terms_of(reason, amount, 1)

    def terms_of(self, reason: str, amount: Decimal, concerned: int) -> None:
        """What several are together: they are concerned also where it comes to nothing."""
        self.terms[reason] += amount
        self.concerned[reason] += concerned


def report_booked(told: Told, asked: Asked, desk: Desk) -> Report:
    """What happened from the first to the last day, both in; by days, weeks or months each as a period of its own."""
    if asked.by not in ("day", "week", "month"):
        return _booked(told, asked, desk)
    whole = _booked(told, replace(asked, by=""), desk)
    rows = list(whole.rows)
    for name, first, last in parts_of(asked.since, asked.until, asked.by):
        part = _booked(told, replace(asked, since=first, until=last, by=""), desk)
        rows += [replace(row, group=name) for row in part.rows]
    return replace(whole, rows=tuple(rows))


def _booked(told: Told, asked: Asked, desk: Desk) -> Report:
    groups: dict[str, Group] = defaultdict(Group)
    name_of = _names(asked, desk)
    before, end = ends_of(asked, desk)
    without = 0
    many = 0
    for order, moves in one_of_each_exchange([o for o in told.orders if counts(o)], told.moves):
        if order.placed_at > end:
            continue
        many += 1
        now = account_of(order, moves, desk, end)
        earlier = account_of(order, moves, desk, before) if order.placed_at <= before else None
        if now is None or (earlier is None and order.placed_at <= before):
            without += 1
            continue
        for name in {"", name_of(order)}:
            _book_order(groups[name], now, earlier, before, end)
    for move in _loose(told, desk, before, end):
        for name in {"", NO_GROUP if asked.by else ""}:
            _book_loose(groups[name], move, before)
    rows: list[Row] = []
    for name in sorted({"", *groups}):
        rows += signals_of(told, asked, desk, name)
        rows += rows_of(name, groups[name])
    return Report(
        rows=tuple(closed_row(row, desk.rules.currency) for row in rows),
        missing={"rate": share_of(Decimal(without), Decimal(many))},
        balanced=not told.open_batches,
    )


def _names(asked: Asked, desk: Desk) -> Callable[[Order], str]:
    """Groups are of orders; days, weeks and months are asked for as periods of their own."""
    if asked.by in ("", "day", "week", "month"):
        return lambda _order: ""
    return group_of(asked.by, desk)


def ends_of(asked: Asked, desk: Desk) -> tuple[int, int]:
    """The last second before the period, and its last."""
    first, last = desk.days.start(day_number(asked.since)), desk.days.start(day_number(asked.until) + 1)
    end = min(last - 1, asked.as_of)
    return min(first - 1, end), end


def receivable(one: Account) -> Decimal:
    """What was to be had of an order: due and not taken, or taken and not on the bank."""
    due = sum((a for reason, a in one.gap.items() if reason in OPEN_REASONS), ZERO)
    return due - sum((a for reason, a in one.terms.items() if reason in OPEN_REASONS), ZERO)


def _book_order(group: Group, now: Account, earlier: Account | None, before: int, end: int) -> None:
    standing, was_delivered = now.standing, earlier is not None and earlier.is_delivered
    if earlier is None:
        group.book("placed", now.total)
    for link, at in (("confirmed", standing.confirmed_at), ("shipped", standing.shipped_at)):
        if at is not None and before < at <= end:
            group.book(link, now.total)
    arrived = now.delivered - (earlier.delivered if earlier else ZERO)
    if arrived or now.is_delivered != was_delivered:
        group.book("delivered", arrived, int(now.is_delivered) - int(was_delivered))
        group.term("delivered", arrived)
    back = now.refunds - (earlier.refunds if earlier else ZERO)
    group.term("refunded", -back)
    _book_stations(group, now, earlier)
    _book_gap(group, now, earlier)
    taken = now.collected - (earlier.collected if earlier else ZERO)
    if taken or now.purse.is_collected != (earlier is not None and earlier.purse.is_collected):
        group.book("collected", taken, int(now.purse.is_collected) - int(bool(earlier and earlier.purse.is_collected)))
    for reason in sorted({*now.terms, *(earlier.terms if earlier else ())}):
        if reason not in OPEN_REASONS:
            group.term(reason, now.terms.get(reason, ZERO) - (earlier.terms.get(reason, ZERO) if earlier else ZERO))
    banked = now.banked - (earlier.banked if earlier else ZERO)
    if banked or now.purse.is_banked != (earlier is not None and earlier.purse.is_banked):
        group.book("banked", banked, int(now.purse.is_banked) - int(bool(earlier and earlier.purse.is_banked)))
    group.term("banked", -banked)
    group.closing += receivable(now)
    group.closed += bool(receivable(now))
    if earlier is not None:
        group.opening += receivable(earlier)
        group.opened += bool(receivable(earlier))


def _book_stations(group: Group, now: Account, earlier: Account | None) -> None:
    for station in (*BACK, Station.LOST, Station.CANCELLED, Station.UNCONFIRMED):
        amount = now.parts.get(station, ZERO) - (earlier.parts.get(station, ZERO) if earlier else ZERO)
        if amount:
            group.book(f"leak:{station}", amount)


def _book_gap(group: Group, now: Account, earlier: Account | None) -> None:
    """What was due and will not come, or came though nothing was due."""
    for reason in sorted({*now.gap, *(earlier.gap if earlier else ())}):
        if reason not in OPEN_REASONS:
            group.term(reason, -now.gap.get(reason, ZERO) + (earlier.gap.get(reason, ZERO) if earlier else ZERO))


def _loose(told: Told, desk: Desk, before: int, end: int) -> list[tuple[Move, Move]]:
    """Deductions without an order that were made, or came to the bank, in the period: each as it was and as it is."""
    moves, _ = in_currency([m for m in told.loose if is_deduction(m) and m.at <= end], desk.rules.currency, desk.rates)
    today, yesterday = desk.days.of(end), desk.days.of(before)
    return [
        (replace(m, place=place_of(m, before, yesterday)), replace(m, place=place_of(m, end, today)))
        for m in sorted(moves, key=lambda m: (m.at, m.line))
    ]


def _book_loose(group: Group, moves: tuple[Move, Move], before: int) -> None:
    then, now = moves
    old = then.at <= before
    for reason, amount in terms_of([now]).items():
        if reason not in OPEN_REASONS and not old:
            group.term(reason, amount)
    banked = (now.net if now.place is At.BANKED else ZERO) - (then.net if old and then.place is At.BANKED else ZERO)
    if banked:
        group.book("banked", banked, 0)
        group.term("banked", -banked)
    if now.place is not At.BANKED:
        group.closing += now.net
    if old and then.place is not At.BANKED:
        group.opening += then.net


_TERMS = (
    "delivered", "refunded", "paid_by_voucher", "not_delivered", "short_collected", "rounding", "rate_difference", "fee_psp", "fee_cod",
    "freight_deducted", "reserve_held", "disputed", "batch_adjustment", "tax_withheld", "banked",
)  # fmt: skip


def rows_of(name: str, group: Group) -> Iterator[Row]:
    for link in ("placed", "confirmed", "shipped", "delivered", "collected", "banked"):
        yield Link(group=name, link=link, count=group.counts[link], amount=group.amounts[link])
    for station in (Station.UNCONFIRMED, Station.CANCELLED, Station.REFUSED, Station.RETURNED, Station.LOST):
        if f"leak:{station}" in group.counts:
            yield Leak(group=name, after="placed", reason=station, count=group.counts[f"leak:{station}"],
                       amount=group.amounts[f"leak:{station}"])  # fmt: skip
    yield from _receivables(name, group)


def _receivables(name: str, group: Group) -> Iterator[Row]:
    yield Step(group=name, start=OPENING, end=CLOSING, reason=OPENING, count=group.opened, amount=group.opening)
    reached = group.opening
    for reason in _TERMS:
        if group.concerned[reason]:
            amount = group.terms[reason]
            reached += amount
            yield Step(
                group=name, start=OPENING, end=CLOSING, reason=reason, count=group.concerned[reason], amount=amount
            )
    yield Step(group=name, start=OPENING, end=CLOSING, reason=CLOSING, count=group.closed, amount=group.closing)
    yield Residual(group=name, start=OPENING, end=CLOSING, count=0, amount=group.closing - reached)
