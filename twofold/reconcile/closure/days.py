"""The lives of whole days, a few days at a time: what is read for some is let go before the next are read.

Owns how days are cut and which lines are a day's. Memory is that of a slice, whatever the number of days and the size of the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.lines import MoneyLine
from twofold.reconcile.chain.account import counts
from twofold.reconcile.chain.told import Unmatched, one_of_each_exchange
from twofold.reconcile.chain.values import Move, Order, Settlement
from twofold.reconcile.closure.batches import Number
from twofold.reconcile.closure.growth import Growth
from twofold.reconcile.closure.ledger import Ledger
from twofold.reconcile.closure.part import Part
from twofold.reconcile.matches.values import DAY_S, Group
from twofold.reconcile.reading.world import Matched

MOST_ORDERS = 5_000
"""Orders of a slice at most, where it has more than one day."""
_DAYS_AT_ONCE = 14


class OrderMoves(Struct, frozen=True):
    """An order with all money that is its own, in the order of time. One that was replaced is told by the one that replaces
    it, with the money of both, and has no entry of its own."""

    order: Order
    moves: tuple[Move, ...]


class DayLives(Struct, frozen=True, kw_only=True):
    """Everything that a report of money needs of one day of the reporting zone, whatever time it is asked for: accounts follow
    from it by `account_of`. ``day``: days since 1970-01-01.

    ``orders``: those placed on the day that stand in L1: reported, no test, not deleted. ``placed``: all that were placed on it.
    ``loose``: movements of the day that are no order's.
    ``unmatched``: what is left of the day's bank credits. ``batches``: payouts and remittances issued on the day, each with
    what became of it and what stands on the bank for it.
    ``same``: lines that tell what a line of the day tells too, with that line, which counts.
    """

    day: int
    orders: tuple[OrderMoves, ...]
    placed: tuple[Order, ...] = ()
    loose: tuple[Move, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()
    batches: tuple[tuple[Group, Settlement, Decimal | None], ...] = ()
    same: tuple[tuple[str, str], ...] = ()


class Only(Struct, frozen=True, kw_only=True):
    """Some lives: orders by row, lines by name, batches by key with their numbers."""

    orders: frozenset[int] = frozenset()
    lines: frozenset[str] = frozenset()
    batches: frozenset[str] = frozenset()
    numbers: frozenset[Number] = frozenset()


class DayReader:
    """Days of one ledger. ``only``: of them only these lives."""

    def __init__(self, ledger: Ledger, only: Only | None = None) -> None:
        self._ledger = ledger
        self._only = only
        self._own: dict[int, list[tuple[str, MoneyLine]]] | None = None
        self._days = ledger.desk.days
        self._held: dict[int, list[tuple[str, MoneyLine]]] = defaultdict(list)
        self._read = -1  # UTC days of lines up to this one are read

    def lives(self, days: Iterable[int]) -> Iterator[DayLives]:
        """The lives of these days, in their order."""
        for some in self._slices(sorted(set(days))):
            yield from self._lives(some)

    def _slices(self, days: Sequence[int]) -> Iterator[list[int]]:
        """Days that follow each other, as many as have few orders."""
        some: list[int] = []
        orders = 0
        for day in days:
            count = len(self._rows([day]))
            if some and (orders + count > MOST_ORDERS or day != some[-1] + 1 or len(some) == _DAYS_AT_ONCE):
                yield some
                some, orders = [], 0
            some.append(day)
            orders += count
        if some:
            yield some

    def _rows(self, some: Sequence[int]) -> list[int]:
        span = self._days.start(some[0]), self._days.start(some[-1] + 1)
        rows = [row for (row,) in self._ledger.store.run("list_orders_placed", (None, *span))]
        return rows if self._only is None else [row for row in rows if row in self._only.orders]

    def _lives(self, some: list[int]) -> Iterator[DayLives]:
        part = self._ledger.part()
        rows = self._rows(some)
        raw = self._lines(some)
        part.shelves.held = dict(raw)
        part.add_orders(rows, wanted=True)
        part.spread()
        part.add_lines(raw, with_batches=False)
        names = frozenset(name for name, _ in raw if part.counting(name) == name)
        self._add_batches(part, some)
        issued = {
            g.key
            for number in part.numbers
            for g in part.batches.of(*number)
            if some[0] <= self._days.of(g.batch.at) <= some[-1]
        }
        if self._only is not None:
            issued &= self._only.batches
        matched = Growth(part, names, issued).grow()
        placed: dict[int, list[Order]] = defaultdict(list)
        for order in sorted((part.orders[part.known[row].key] for row in rows), key=lambda o: o.key):
            placed[self._days.of(order.placed_at)].append(order)
        same = self._same(raw, part)
        for one in self._parted(some, part, matched, names, frozenset(rows)):
            yield replace(one, placed=tuple(placed[one.day]), same=tuple(sorted(same[one.day])))

    def _add_batches(self, part: Part, some: Sequence[int]) -> None:
        """All that are issued on these days; of some lives those of theirs, and those that lose a fee of the bank's on these days."""
        if self._only is None:
            part.add_batches(self._days.start(some[0]) - DAY_S, self._days.start(some[-1] + 1) + DAY_S)
            return
        fees = self._ledger.desk.rules.bank_fee
        for number in sorted(self._only.numbers):
            at = [self._days.of(group.batch.at) for group in part.batches.of(*number)]
            if number[0] in fees or any(some[0] <= day <= some[-1] for day in at):
                part.add_batch(number)

    def _same(self, raw: Sequence[tuple[str, MoneyLine]], part: Part) -> dict[int, list[tuple[str, str]]]:
        """Lines that tell what another tells, by the day of the one that counts."""
        found: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for name, line in raw:
            if name in part.batches.same:  # a second copy has its first's days
                found[self._days.of(line.at, line.zone)].append((name, part.batches.same[name]))
        for day, pairs in part.shelves.same_by_day(self._days).items():
            found[day] += pairs
        return found

    def _parted(
        self, some: list[int], part: Part, matched: Matched, names: frozenset[str], rows: frozenset[int]
    ) -> Iterator[DayLives]:
        """By day."""
        of, only = self._days.of, self._only
        names = names if only is None else names | {f"bank_fee:{key}" for key in only.batches}
        orders: dict[int, list[OrderMoves]] = defaultdict(list)
        loose: dict[int, list[Move]] = defaultdict(list)
        unmatched: dict[int, list[Unmatched]] = defaultdict(list)
        batches: dict[int, list[tuple[Group, Settlement, Decimal | None]]] = defaultdict(list)
        for order, moves in one_of_each_exchange([o for o in part.orders.values() if counts(o)], matched.moves):
            if only is None or order.row in rows:
                orders[of(order.placed_at)].append(OrderMoves(order, tuple(moves)))
        for move in matched.loose:
            if move.line in names or (only is None and move.line.startswith("bank_fee:")):
                loose[move.day].append(move)
        for one in matched.unmatched:
            if one.line in names:
                unmatched[one.day].append(one)
        for group in matched.groups:
            if only is None or group.key in only.batches:
                batches[of(group.batch.at)].append((group, matched.settled[group.key], matched.paid.get(group.key)))
        for day in some:
            yield DayLives(
                day=day,
                orders=tuple(sorted(orders[day], key=lambda o: (o.order.placed_at, o.order.key))),
                loose=tuple(loose[day]),
                unmatched=tuple(unmatched[day]),
                batches=tuple(batches[day]),
            )

    def _lines(self, some: list[int]) -> list[tuple[str, MoneyLine]]:
        """Movements of these days in their own zones, which are filed by the day in UTC; each file day is read once."""
        if self._only is not None:
            return self._lines_of_some(some)
        first, last = some[0] - 1, some[-1] + 1
        if first > self._read + 1:
            self._held.clear()
            self._read = first - 1
        for kept in self._ledger.store.lines.lines("money", self._read + 1, last):
            line = kept.thing
            if isinstance(line, MoneyLine):
                self._held[self._days.of(line.at, line.zone)].append((kept.name.hex(), line))
        self._read = max(self._read, last)
        for day in [day for day in self._held if day < some[0]]:
            del self._held[day]
        return [one for day in some for one in self._held.pop(day, [])]

    def _lines_of_some(self, some: list[int]) -> list[tuple[str, MoneyLine]]:
        assert self._only is not None
        if self._own is None:
            self._own = defaultdict(list)
            hexadecimal = (name for name in sorted(self._only.lines) if not name.startswith("bank_fee:"))
            for kept in self._ledger.store.lines.named(map(bytes.fromhex, hexadecimal)):
                line = kept.thing
                if isinstance(line, MoneyLine):
                    self._own[self._days.of(line.at, line.zone)].append((kept.name.hex(), line))
        return [one for day in some for one in self._own.get(day, ())]
