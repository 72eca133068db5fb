"""The orders of a period as they stand now: links, leaks, what is open, the matrix and the bridges, group by group.

Owns the cohort view. Each side of a bridge is summed by itself and each term is a sum over orders or lines of its own;
what they do not explain is the residual, and nothing is made to fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

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


class Tally:
    """One group's sums. Filled account by account, then written out; amounts are exact."""

    def __init__(self, desk: Desk, as_of: int) -> None:
        self._desk = desk
        self._today = desk.days.of(as_of)
        self.counts: dict[str, int] = defaultdict(int)
        self.amounts: dict[str, Decimal] = defaultdict(Decimal)
        self.terms: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.term_counts: dict[tuple[str, str], int] = defaultdict(int)
        self.concerned: dict[tuple[str, str], int] = defaultdict(int)
        self.oldest: dict[str, int] = {}
        self.expected: dict[str, int] = {}
        self.cells: dict[tuple[bool, bool], list[Decimal]] = {
            (d, c): [] for d in (True, False) for c in (True, False)
        }  # fmt: skip

    # -- filling

    def add(self, one: Account, courier_days: Mapping[str, int]) -> None:
        """One order."""
        standing = one.standing
        self._link("placed", one.total)
        if standing.confirmed:
            self._link("confirmed", one.total)
        if standing.shipped:
            self._link("shipped", one.total)
        self._physical(one)
        self._money(one, courier_days)
        self._matrix(one)

    def _link(self, name: str, amount: Decimal, count: int = 1) -> None:
        self.counts[name] += count
        self.amounts[name] += amount

    def _physical(self, one: Account) -> None:
        standing = one.standing
        for station, amount in one.parts.items():
            main = station is standing.station
            if station is Station.DELIVERED:
                self.counts["delivered"] += main
                self.amounts["delivered"] += amount
                continue
            self._term("delivered", station, -amount, -main, concerned=1)
            if station is Station.CANCELLED and standing.confirmed:
                self._term("cancelled_after", "confirmed", amount, int(main))
            if station in OPEN:
                self._age(station, standing.since, None)

    def _money(self, one: Account, courier_days: Mapping[str, int]) -> None:
        purse, delivered = one.purse, one.is_delivered
        self.amounts["refunds"] += one.refunds
        bare = delivered and not purse.is_collected and not {COURIER_HOLDS, UNPAID} & set(one.gap)
        paid_before = bare and VOUCHER in one.gap
        given = bare and not paid_before and bool(one.refunds)
        self._term("collected", REFUNDED, -one.refunds, -int(given), concerned=int(bool(one.refunds)))
        self._term("collected", NOTHING_DUE, ZERO, -int(bare and not given and not paid_before))
        for reason, amount in one.gap.items():
            gone = delivered and not purse.is_collected and reason in (COURIER_HOLDS, UNPAID)
            gone = gone or (paid_before and reason == VOUCHER)
            self._term("collected", reason, -amount, -int(gone), concerned=1)
            if reason in (COURIER_HOLDS, UNPAID):
                since = one.standing.delivered_at or one.standing.since
                days = courier_days.get(one.order.courier, self._desk.rules.courier_days)
                self._age(reason, since, self._desk.days.of(since) + days if reason == COURIER_HOLDS else None)
        if purse.is_collected:
            self.counts["collected"] += 1
            if not delivered:
                self.term_counts["collected", NOT_DELIVERED] += 1
        self.amounts["taken"] += one.taken
        self.amounts["collected"] += one.collected
        for reason, amount in one.terms.items():
            self._term("banked", reason, amount, 0, concerned=1)
        if purse.is_banked:
            self.counts["banked"] += 1
        elif purse.is_collected:
            first = next(m for m in purse.moves if m.kind in TAKEN and m.gross > 0)
            self.term_counts["banked", first.place] -= 1
        self.amounts["banked"] += one.banked
        for move in purse.moves:
            self._age_move(move)

    def add_loose(self, moves: Sequence[Move]) -> None:
        """Lines of batches that belong to no order: what was deducted from all."""
        self.amounts["banked"] += sum((m.net for m in moves if m.place is At.BANKED), ZERO)
        for move in moves:
            for reason, amount in terms_of((move,)).items():
                self._term("banked", reason, amount, 0, concerned=1)
            self._age_move(move)

    def _age_move(self, move: Move) -> None:
        if move.place is At.BANKED or not move.net:
            return
        batch = move.settlement
        expected = batch.late_after if batch else move.day + self._desk.rules.payout_days
        self._age(move.place, move.at if batch is None else batch.at, expected)

    def _matrix(self, one: Account) -> None:
        delivered, collected = one.is_delivered, one.purse.is_collected
        if delivered and collected:
            amount = max(min(one.due, one.collected), ZERO)
        elif delivered:
            amount = one.due
        else:
            amount = one.collected if collected else one.total
        self.cells[delivered, collected].append(amount)

    def _term(self, bridge: str, reason: str, amount: Decimal, count: int, concerned: int = 0) -> None:
        self.terms[bridge, reason] += amount
        self.term_counts[bridge, reason] += count
        self.concerned[bridge, reason] += concerned

    def _age(self, reason: str, since: int, expected: int | None) -> None:
        self.oldest[reason] = max(self.oldest.get(reason, 0), self._today - self._desk.days.of(since))
        if expected is not None:
            self.expected[reason] = max(self.expected.get(reason, expected), expected)

    # -- writing

    @property
    def delivered_net(self) -> Decimal:
        return self.amounts["delivered"] - self.amounts["refunds"]

    def rows(self, group: str) -> Iterator[Row]:
        """Links, leaks, open, matrix and bridges, unrounded."""
        yield from self._links(group)
        yield from self._leaks(group)
        yield from self._open(group)
        for (delivered, collected), amounts in self.cells.items():
            yield Cell(group=group, delivered=delivered, collected=collected, count=len(amounts),
                       amount=sum(amounts, ZERO))  # fmt: skip
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
