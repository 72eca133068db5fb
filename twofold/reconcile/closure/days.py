"""The lives of whole days, a few days at a time: what is read for some is let go before the next are read.

Owns how days are cut and which lines are a day's. Memory is that of a slice, whatever the number of days and the size of the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.lines import MoneyLine
from twofold.reconcile.chain.account import counts
from twofold.reconcile.chain.told import Unmatched, one_of_each_exchange
from twofold.reconcile.chain.values import Move, Order, Settlement
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
    ``unmatched``: what is left of the day's bank credits. ``batches``: payouts and remittances issued on the day.
    ``same``: lines that tell what a line of the day tells too, with that line, which counts.
    """

    day: int
    orders: tuple[OrderMoves, ...]
    placed: tuple[Order, ...] = ()
    loose: tuple[Move, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()
    batches: tuple[tuple[Group, Settlement], ...] = ()
    same: tuple[tuple[str, str], ...] = ()


class DayReader:
    """Days of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
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
        return [row for (row,) in self._ledger.store.run("list_orders_placed", (None, *span))]

    def _lives(self, some: list[int]) -> Iterator[DayLives]:
        part = self._ledger.part()
        rows = self._rows(some)
        raw = self._lines(some)
        part.shelves.held = dict(raw)
        part.add_orders(rows, wanted=True)
        part.spread()
        part.add_lines(raw, with_batches=False)
        names = frozenset(name for name, _ in raw if part.counting(name) == name)
        part.add_batches(self._days.start(some[0]) - DAY_S, self._days.start(some[-1] + 1) + DAY_S)
        issued = {
            g.key
            for number in part.numbers
            for g in part.batches.of(*number)
            if some[0] <= self._days.of(g.batch.at) <= some[-1]
        }
        matched = Growth(part, names, issued).grow()
        placed: dict[int, list[Order]] = defaultdict(list)
        for order in sorted((part.orders[part.known[row].key] for row in rows), key=lambda o: o.key):
            placed[self._days.of(order.placed_at)].append(order)
        same = self._same(raw, part)
        for one in self._parted(some, part, matched, names):
            yield replace(one, placed=tuple(placed[one.day]), same=tuple(sorted(same[one.day])))

    def _same(self, raw: Sequence[tuple[str, MoneyLine]], part: Part) -> dict[int, list[tuple[str, str]]]:
        """Lines that tell what another tells, by the day of the one that counts."""
        found: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for name, line in raw:
            if name in part.batches.same:  # a second copy has its first's days
                found[self._days.of(line.at, line.zone)].append((name, part.batches.same[name]))
        for day, pairs in part.shelves.same_by_day(self._days).items():
            found[day] += pairs
        return found

    def _parted(self, some: list[int], part: Part, matched: Matched, names: frozenset[str]) -> Iterator[DayLives]:
        """By day."""
        of = self._days.of
        orders: dict[int, list[OrderMoves]] = defaultdict(list)
        loose: dict[int, list[Move]] = defaultdict(list)
        unmatched: dict[int, list[Unmatched]] = defaultdict(list)
        batches: dict[int, list[tuple[Group, Settlement]]] = defaultdict(list)
        for order, moves in one_of_each_exchange([o for o in part.orders.values() if counts(o)], matched.moves):
            orders[of(order.placed_at)].append(OrderMoves(order, tuple(moves)))
        for move in matched.loose:
            if move.line in names or move.line.startswith("bank_fee:"):
                loose[move.day].append(move)
        for one in matched.unmatched:
            if one.line in names:
                unmatched[one.day].append(one)
        for group in matched.groups:
            batches[of(group.batch.at)].append((group, matched.settled[group.key]))
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
