"""The orders of a period as they stand now: links, leaks, what is open, the matrix and the bridges, group by group.

Owns the cohort view. Each side of a bridge is summed by itself and each term is a sum over orders or lines of its own;
what they do not explain is the residual, and nothing is made to fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from twofold.reconcile.chain.account import RATE_DIFFERENCE, Account, Desk
from twofold.reconcile.chain.purse import (
    COURIER_HOLDS,
    NOT_DELIVERED,
    NOTHING_DUE,
    REFUNDED,
    SHORT,
    TAKEN,
    UNPAID,
    VOUCHER,
    terms_of,
)
from twofold.reconcile.chain.rows import Cell, Leak, Link, Open, Residual, Row, Step
from twofold.reconcile.chain.standing import OPEN, Station
from twofold.reconcile.chain.values import ZERO, At, Move
from twofold.reconcile.exchange import day_text

_BEFORE_DELIVERY = (
    Station.UNCONFIRMED, Station.CANCELLED, Station.AWAITS_CONFIRMATION, Station.NOT_SHIPPED, Station.IN_TRANSIT,
    Station.REFUSED, Station.RETURNED, Station.LOST,
)  # fmt: skip
_GAP = (REFUNDED, NOTHING_DUE, VOUCHER, COURIER_HOLDS, UNPAID, SHORT, "rounding", RATE_DIFFERENCE, NOT_DELIVERED)
_TERMS = (
    "fee_psp", "fee_cod", "freight_deducted", "reserve_held", "disputed", "batch_adjustment", "tax_withheld",
    "refund_pending", At.PENDING, At.IN_FLIGHT, At.NOT_ARRIVED, At.BATCH_OPEN,
)  # fmt: skip
OPEN_REASONS = frozenset(
    {*OPEN, COURIER_HOLDS, UNPAID, "refund_pending", At.PENDING, At.IN_FLIGHT, At.NOT_ARRIVED, At.BATCH_OPEN}
)
_LINK_OF = {
    Station.UNCONFIRMED: "placed", Station.AWAITS_CONFIRMATION: "placed", Station.NOT_SHIPPED: "confirmed",
    Station.IN_TRANSIT: "shipped", Station.REFUSED: "shipped", Station.RETURNED: "delivered", Station.LOST: "shipped",
    REFUNDED: "delivered", COURIER_HOLDS: "delivered", UNPAID: "delivered", SHORT: "delivered", "rounding": "delivered",
    RATE_DIFFERENCE: "delivered", VOUCHER: "delivered",
}  # fmt: skip


class Sums(Protocol):
    """Where the parts of an account are booked, each as a sum of many."""

    def link(self, name: str, amount: Decimal, count: int = 1, /) -> None:
        """An order is in a link (or an amount beside it: before refunds, what was taken)."""

    def term(self, bridge: str, reason: str, amount: Decimal, count: int, concerned: int = 0) -> None:
        """A term of the bridge that ends in ``bridge``. ``concerned``: orders or lines that have it."""

    def age(self, reason: str, since: int, expected: int | None) -> None:
        """Something waits since a day, and is expected by another."""

    def cell(self, delivered: bool, collected: bool, amount: Decimal) -> None:
        """An order's place in the matrix."""


def book(one: Account, sums: Sums, desk: Desk, courier_days: Mapping[str, int]) -> None:
    """One order."""
    standing = one.standing
    sums.link("placed", one.total)
    if standing.confirmed:
        sums.link("confirmed", one.total)
    if standing.shipped:
        sums.link("shipped", one.total)
    _physical(one, sums, desk)
    _money(one, sums, desk, courier_days)
    sums.cell(one.is_delivered, one.purse.is_collected, at_stake(one))


def _physical(one: Account, sums: Sums, desk: Desk) -> None:
    standing = one.standing
    for station, amount in one.parts.items():
        main = station is standing.station
        if station is Station.DELIVERED:
            sums.link("delivered", amount, int(main))
            continue
        sums.term("delivered", station, -amount, -main, concerned=1)
        if station is Station.CANCELLED and standing.confirmed:
            sums.term("cancelled_after", "confirmed", amount, int(main))
        if station in OPEN:
            sums.age(station, desk.days.of(standing.since), None)


def _money(one: Account, sums: Sums, desk: Desk, courier_days: Mapping[str, int]) -> None:
    purse, delivered = one.purse, one.is_delivered
    sums.link("refunds", one.refunds, 0)
    bare = delivered and not purse.is_collected and not {COURIER_HOLDS, UNPAID} & set(one.gap)
    paid_before = bare and VOUCHER in one.gap
    given = bare and not paid_before and bool(one.refunds)
    if one.refunds:
        sums.term("collected", REFUNDED, -one.refunds, -int(given), concerned=1)
    if bare and not given and not paid_before:
        sums.term("collected", NOTHING_DUE, ZERO, -1)
    for reason, amount in one.gap.items():
        gone = delivered and not purse.is_collected and reason in (COURIER_HOLDS, UNPAID)
        gone = gone or (paid_before and reason == VOUCHER)
        sums.term("collected", reason, -amount, -int(gone), concerned=1)
        if reason in (COURIER_HOLDS, UNPAID):
            since = desk.days.of(one.standing.delivered_at or one.standing.since)
            days = courier_days.get(one.order.courier, desk.rules.courier_days)
            sums.age(reason, since, since + days if reason == COURIER_HOLDS else None)
    if purse.is_collected and not delivered:
        sums.term("collected", NOT_DELIVERED, ZERO, 1)
    sums.link("taken", one.taken, 0)
    sums.link("collected", one.collected, int(purse.is_collected))
    for reason, amount in one.terms.items():
        sums.term("banked", reason, amount, 0, concerned=1)
    if purse.is_collected and not purse.is_banked:
        first = next(m for m in purse.moves if m.kind in TAKEN and m.gross > 0)
        sums.term("banked", first.place, ZERO, -1)
    sums.link("banked", one.banked, int(purse.is_banked))
    for move in purse.moves:
        _age_move(move, sums, desk)


def book_loose(moves: Sequence[Move], sums: Sums, desk: Desk) -> None:
    """Lines of batches that belong to no order: what was deducted from all."""
    for move in moves:
        if move.place is At.BANKED:
            sums.link("banked", move.net, 0)
        for reason, amount in terms_of((move,)).items():
            sums.term("banked", reason, amount, 0, concerned=1)
        _age_move(move, sums, desk)


def _age_move(move: Move, sums: Sums, desk: Desk) -> None:
    if move.place is At.BANKED or not move.net:
        return
    batch = move.settlement
    expected = batch.late_after if batch else move.day + desk.rules.payout_days
    sums.age(move.place, desk.days.of(move.at if batch is None else batch.at), expected)


def at_stake(one: Account) -> Decimal:
    """As the matrix counts an order: of what was delivered and what was taken the smaller, else the one that is."""
    if one.is_delivered:
        return max(min(one.due, one.collected), ZERO) if one.purse.is_collected else one.due
    return one.collected if one.purse.is_collected else one.total


class Tally:
    """One group's sums. Filled part by part, then written out; amounts are exact. ``today``: the day of the report."""

    def __init__(self, today: int) -> None:
        self._today = today
        self.counts: dict[str, int] = defaultdict(int)
        self.amounts: dict[str, Decimal] = defaultdict(Decimal)
        self.terms: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.term_counts: dict[tuple[str, str], int] = defaultdict(int)
        self.concerned: dict[tuple[str, str], int] = defaultdict(int)
        self.oldest: dict[str, int] = {}
        self.expected: dict[str, int] = {}
        self.cells = {(d, c): (0, ZERO) for d in (True, False) for c in (True, False)}

    # -- filling

    def link(self, name: str, amount: Decimal, count: int = 1) -> None:
        self.counts[name] += count
        self.amounts[name] += amount

    def term(self, bridge: str, reason: str, amount: Decimal, count: int, concerned: int = 0) -> None:
        self.terms[bridge, reason] += amount
        self.term_counts[bridge, reason] += count
        self.concerned[bridge, reason] += concerned

    def age(self, reason: str, since: int, expected: int | None) -> None:
        self.oldest[reason] = max(self.oldest.get(reason, 0), self._today - since)
        if expected is not None:
            self.expected[reason] = max(self.expected.get(reason, expected), expected)

    def cell(self, delivered: bool, collected: bool, amount: Decimal, count: int = 1) -> None:
        many, whole = self.cells[delivered, collected]
        self.cells[delivered, collected] = many + count, whole + amount

    # -- writing

    @property
    def delivered_net(self) -> Decimal:
        return self.amounts["delivered"] - self.amounts["refunds"]

    def rows(self, group: str) -> Iterator[Row]:
        """Links, leaks, open, matrix and bridges, unrounded."""
        yield from self._links(group)
        yield from self._leaks(group)
        yield from self._open(group)
        for (delivered, collected), (count, amount) in self.cells.items():
            yield Cell(group=group, delivered=delivered, collected=collected, count=count, amount=amount)
        yield from self._bridge(group, "placed", "delivered", self.amounts["placed"], "delivered", _BEFORE_DELIVERY)
        yield from self._bridge(group, "delivered", "collected", self.amounts["delivered"], "collected", _GAP)
        yield from self._bridge(group, "collected", "banked", self.amounts["collected"], "banked", _TERMS)

    def _links(self, group: str) -> Iterator[Link]:
        before = {"delivered": self.amounts["delivered"], "collected": self.amounts["taken"]}
        for link in ("placed", "confirmed", "shipped", "delivered", "collected", "banked"):
            amount = self.delivered_net if link == "delivered" else self.amounts[link]
            yield Link(group=group, link=link, count=self.counts[link], amount=amount, before=before.get(link))

    def _leaks(self, group: str) -> Iterator[Leak]:
        early = self.terms["cancelled_after", "confirmed"], self.term_counts["cancelled_after", "confirmed"]
        for bridge, reasons in (("delivered", _BEFORE_DELIVERY), ("collected", _GAP), ("banked", _TERMS)):
            for reason in reasons:
                count, amount = self.concerned[bridge, reason], -self.terms[bridge, reason]
                if reason in OPEN_REASONS or reason == NOT_DELIVERED or not (count or amount):
                    continue
                if reason is Station.CANCELLED:
                    late, lost_late = early[1], early[0]
                    for after, many, lost in (
                        ("placed", count - late, amount - lost_late), ("confirmed", late, lost_late),
                    ):  # fmt: skip
                        if many or lost:
                            yield Leak(group=group, after=after, reason=reason, count=many, amount=lost)
                else:
                    after = _LINK_OF.get(reason, "collected")
                    yield Leak(group=group, after=after, reason=reason, count=count, amount=amount)

    def _open(self, group: str) -> Iterator[Open]:
        for bridge, reasons in (("delivered", _BEFORE_DELIVERY), ("collected", _GAP), ("banked", _TERMS)):
            for reason in reasons:
                count, amount = self.concerned[bridge, reason], -self.terms[bridge, reason]
                if reason in OPEN_REASONS and (count or amount):
                    expected = self.expected.get(reason)
                    yield Open(
                        group=group, link=_LINK_OF.get(reason, "collected"), reason=reason, count=count, amount=amount,
                        oldest_days=self.oldest.get(reason, 0), expected=None if expected is None else day_text(expected),
                    )  # fmt: skip

    def _bridge(
        self, group: str, start: str, end: str, begin: Decimal, bridge: str, reasons: Sequence[str]
    ) -> Iterator[Row]:
        yield Step(group=group, start=start, end=end, reason=start, count=self.counts[start], amount=begin)
        count, amount = self.counts[start], begin
        for reason in reasons:
            term, many = self.terms[bridge, reason], self.term_counts[bridge, reason]
            if term or many:
                yield Step(group=group, start=start, end=end, reason=reason, count=many, amount=term)
            count, amount = count + many, amount + term
        reached, there = self.amounts[end], self.counts[end]
        yield Step(group=group, start=start, end=end, reason=end, count=there, amount=reached)
        yield Residual(group=group, start=start, end=end, count=there - count, amount=reached - amount)
