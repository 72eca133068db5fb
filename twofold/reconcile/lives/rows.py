"""Rows of the tables of lives: an order's account span by span, a line that is no order's, batches, buyers.

Owns which column what of an account is. The sums of an account are booked into a row's terms by the code that books them into
a report (`chain.cohort`), so that both say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from twofold.facts.lives import FOREVER
from twofold.facts.parquet import Row, Values
from twofold.reconcile.chain.account import Account, Desk, account_of, in_currency
from twofold.reconcile.chain.booked import receivable
from twofold.reconcile.chain.cohort import at_stake, book, book_loose
from twofold.reconcile.chain.metrics import came_in
from twofold.reconcile.chain.purse import COURIER_HOLDS, LEAVING
from twofold.reconcile.chain.report import OF_SOMEBODY, days_to_bank
from twofold.reconcile.chain.told import NO_GROUP, Unmatched, is_deduction, period_of
from twofold.reconcile.chain.values import ZERO, At, Move, Order, Settlement, place_of
from twofold.reconcile.exchange import day_text, exact
from twofold.reconcile.lives.spans import Span, spans, times_of, times_of_move
from twofold.reconcile.matches.values import Group

CASH, HABIT, LINK, LINE, AGE, UNRATED = "cash", "habit", "link", "line", "age", "unrated"
UNMATCHED_CREDIT, UNMATCHED_LINE = "unmatched_credit", "unmatched_line"

Made = Iterator[tuple[str, Iterable[Row | Values]]]
Part = tuple[Any, ...]
"""Some columns of a row that follow each other: rows of lives are put together of parts that many of them share, as
`facts.parquet.columns_of` has them."""


class Term(Struct, kw_only=True):
    """One row of life_terms but for whose it is."""

    amount: Decimal = ZERO
    orders: int = 0
    concerned: int = 0
    since_first: int | None = None
    since_last: int | None = None
    expected: int | None = None


class Terms(Struct):
    """What an account is booked into: by bridge, reason and days. Links stand in columns of their own."""

    found: dict[tuple[str, str, int | None], Term] = field(default_factory=dict)
    with_links: bool = False

    def of(self, bridge: str, reason: str, days: int | None = None) -> Term:
        return self.found.setdefault((bridge, reason, days), Term())

    def link(self, name: str, amount: Decimal, _count: int = 1, /) -> None:
        if self.with_links:
            self.of(LINK, name).amount += amount

    def term(self, bridge: str, reason: str, amount: Decimal, count: int, concerned: int = 0) -> None:
        one = self.of(bridge, str(reason))
        one.amount += amount
        one.orders += count
        one.concerned += concerned

    def age(self, reason: str, since: int, expected: int | None) -> None:
        one = self.of(AGE, str(reason))
        one.since_first = since if one.since_first is None else min(one.since_first, since)
        one.since_last = since if one.since_last is None else max(one.since_last, since)
        if expected is not None:
            one.expected = expected if one.expected is None else max(one.expected, expected)

    def cell(self, delivered: bool, collected: bool, amount: Decimal) -> None:
        """A column of its own."""

    def rows(self) -> list[Part]:
        """Of each row what stands behind its times."""
        return [
            (bridge, reason, days or 0, one.amount, one.orders, one.concerned, one.since_first, one.since_last, one.expected)
            for (bridge, reason, days), one in sorted(self.found.items(), key=_place)
        ]  # fmt: skip


def _place(told: tuple[tuple[str, str, int | None], Term]) -> tuple[str, str, int]:
    bridge, reason, days = told[0]
    return bridge, reason, days or 0


# -- orders


class _State(Struct, frozen=True):
    """A span's rows but for its times; None for an account that a missing rate leaves out."""

    life: Part | None
    terms: list[Part]
    waiting: list[Part] = []


_UNRATED = _State(None, [])


def order_rows(order: Order, moves: Sequence[Move], desk: Desk) -> Made:
    """An order's rows of lives and life_terms, or of unrated_lives."""
    common = _groups_of(order, desk)
    own, groups = common[:2], common[2:]

    def told(at: int) -> _State:
        account = account_of(order, moves, desk, at)
        return _UNRATED if account is None else _state_of(account, desk)

    names = (*own, order.key, order.order_id, order.number, order.placed_at, *groups)
    for span, state in spans(times_of(order, moves, desk), order.placed_at, told):
        times = (span.since, span.until)
        if state.life is None:
            yield "unrated_lives", [(*own, order.placed_at, *times)]
            continue
        yield "lives", [names + times + state.life]
        head = common + times
        yield "life_terms", [head + term for term in state.terms]
        head = own + times
        yield "waiting", [head + part for part in state.waiting]


def _groups_of(order: Order, desk: Desk) -> Part:
    """Dataset, row, week and month, and what orders are grouped by."""
    day = desk.days.of(order.placed_at)
    named = (order.sale, order.method, order.source, order.channel, order.currency)
    return (
        order.key.partition("/")[0], order.row, period_of("week", day), period_of("month", day),
        *[str(name) or NO_GROUP for name in named], order.courier,
    )  # fmt: skip


def _state_of(one: Account, desk: Desk) -> _State:
    standing, purse = one.standing, one.purse
    terms = Terms()
    book(one, terms, desk, {})
    for days, amount in came_in(one, desk):
        terms.of(CASH, "", days).amount += amount
    waited = days_to_bank(one, desk)
    if waited is not None:
        terms.of(HABIT, "", waited).orders = 1
    margin = (one.net_revenue, one.cm1, one.cm2, one.cm3) if one.cm3 is not None else (None, None, None, None)
    life = (
        str(standing.station), standing.confirmed, standing.shipped, standing.confirmed_at, standing.shipped_at,
        one.is_delivered, purse.is_collected, purse.is_banked, one.margin is not None, one.total, one.delivered,
        one.refunds, one.due, one.taken, one.collected, one.banked, at_stake(one), receivable(one), *margin,
    )  # fmt: skip
    return _State(life, terms.rows(), _waiting_of(one, desk))


# -- what somebody has for the shop


def _waiting_of(one: Account, desk: Desk) -> list[Part]:
    """What of an order's money is not on the bank yet: with whom, since when, by when it should be here."""
    found = _on_its_way(one.moves, desk)
    if COURIER_HOLDS in one.gap:
        since = desk.days.of(one.standing.delivered_at or one.standing.since)
        found[one.order.courier, COURIER_HOLDS, since, None] = (one.gap[COURIER_HOLDS], 1)
    return _waiting_rows(found)


def _on_its_way(moves: Iterable[Move], desk: Desk) -> dict[tuple[str, str, int, int | None], tuple[Decimal, int]]:
    """Money on its way, in the reporting currency; what has no rate stands in no sum."""
    found: dict[tuple[str, str, int, int | None], tuple[Decimal, int]] = {}
    mine = [m for m in moves if m.place is not At.BANKED and m.net and not m.told]
    for move in in_currency(mine, desk.rules.currency, desk.rates)[0] if mine else ():
        batch = move.settlement
        since = desk.days.of(move.at if batch is None else batch.at)
        expected = batch.late_after if batch else move.day + desk.rules.payout_days
        key = move.source, str(move.place), since, expected
        amount, pieces = found.get(key, (ZERO, 0))
        found[key] = amount + move.net, pieces + 1
    return found


def _waiting_rows(found: dict[tuple[str, str, int, int | None], tuple[Decimal, int]]) -> list[Part]:
    """Of each row what stands behind its times."""
    return [
        (who, place, since, expected, exact(amount), pieces)
        for (who, place, since, expected), (amount, pieces) in sorted(found.items(), key=repr)
    ]


def loose_waiting(moves: Iterable[Move], desk: Desk) -> Iterator[Values]:
    """The same of lines that are no order's. A payout's own line takes out what its lines brought: it is none of them."""
    for move in moves:
        if move.kind in LEAVING:
            continue

        def told(at: int, m: Move = move) -> list[Part]:
            placed = replace(m, place=place_of(m, at, desk.days.of(at)))
            return _waiting_rows(_on_its_way([placed], desk))

        for span, rows in spans(times_of_move(move, desk), move.at, told):
            yield from _spanned(("", number_of_line(move.line)), rows, span)


def open_credit_row(one: Unmatched) -> Row:
    """The row of what is left of a credit."""
    return {"line": one.line, "happened_at": one.at, "amount": one.amount, "currency": one.currency}


# -- lines that are no order's


def loose_rows(moves: Iterable[Move], desk: Desk) -> Iterator[Values]:
    """Rows of life_terms: what batches keep for all, and the money of orders that are not here."""
    for move in moves:
        common = _groups_of_line(move.line, move.day)
        if move.kind in OF_SOMEBODY:
            (rated, _) = in_currency([move], desk.rules.currency, desk.rates)
            found = Terms({(UNMATCHED_LINE, "", None): Term(amount=rated[0].gross if rated else ZERO, concerned=1)})
            yield from _spanned(common, found.rows(), Span(move.at, FOREVER))
        elif is_deduction(move):
            for span, rows in spans(times_of_move(move, desk), move.at, lambda at, m=move: _deducted(m, at, desk)):  # type: ignore[misc]
                yield from _spanned(common, rows.rows(), span)


def _deducted(move: Move, at: int, desk: Desk) -> Terms:
    placed = replace(move, place=place_of(move, at, desk.days.of(at)))
    rated, _ = in_currency([placed], desk.rules.currency, desk.rates)
    if not rated:
        return Terms({(UNRATED, "", None): Term(concerned=1)})
    terms = Terms(with_links=True)
    terms.of(LINE, "").concerned = 1
    book_loose(rated, terms, desk)
    return terms


def credit_rows(unmatched: Iterable[Unmatched], desk: Desk) -> Iterator[Values]:
    """Rows of life_terms: credits on the bank that pay nothing known."""
    for one in unmatched:
        worth = exact(desk.rates.convert(one.amount, one.currency, desk.rules.currency, one.day) or ZERO)
        found = Terms(
            {(UNMATCHED_CREDIT, "", None): Term(amount=worth, concerned=1, since_first=one.day, since_last=one.day)}
        )
        yield from _spanned(_groups_of_line(one.line, one.day), found.rows(), Span(one.at, FOREVER))


def _spanned(head: Part, rows: Iterable[Part], span: Span) -> Iterator[Values]:
    head = (*head, span.since, span.until)
    return (head + row for row in rows)


def _groups_of_line(line: str, day: int) -> Part:
    """As `_groups_of`."""
    return ("", number_of_line(line), period_of("week", day), period_of("month", day), *(NO_GROUP,) * 5, "")


def number_of_line(line: str) -> int:
    """A line's number where orders have theirs: below 0."""
    return -1 - (int.from_bytes(blake2b(line.encode(), digest_size=8).digest()) >> 1)


# -- batches


def settlement_row(group: Group, settled: Settlement, paid: Decimal | None) -> Row:
    """The row of a batch. ``paid``: what stands on the bank for it."""
    return {
        "batch": group.key, "source": group.batch.source, "number": group.batch.id, "kind": group.batch.kind,
        "currency": group.batch.currency, "happened_at": group.batch.at, "net": group.net, "lines": group.lines, "paid": paid,
        "closes": settled.closes, "failed": settled.failed, "expected": settled.expected_at // 86_400,
        "late_after": settled.late_after, "banked_at": settled.banked_at,
    }  # fmt: skip


def text_of(day: int) -> str:
    """The day of a row."""
    return day_text(day)
