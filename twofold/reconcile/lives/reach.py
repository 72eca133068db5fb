"""How far a change reaches: the days whose lives may be others than before, out of the days on which facts changed.

Owns that choice, which would rather name a day too many. What bears on a changed order or line is read as for its own life
(`closure`): all orders that a line there may name, and all lines of a batch that it is in or may pay, with the orders that these
name. A batch takes all of its lines with it, unless the tables say the same of it; a customer all of his orders, as they are now and as
the tables still have them; a rate all that happened in the days on which it may be used; a cost every order since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from twofold.facts.parquet import Row
from twofold.facts.rows.orders import DAY_S
from twofold.facts.rows.snapshot import Snapshot
from twofold.facts.seals import Change, Changes
from twofold.facts.shape import Group as Tables
from twofold.ledger.lines import Batch, Cost, Decision, MoneyLine, ParcelLine, Rate
from twofold.ledger.ties import step_keys_of, ties_of_parcel, words_of
from twofold.reconcile.closure.batches import Number
from twofold.reconcile.closure.days import Only
from twofold.reconcile.closure.growth import Growth
from twofold.reconcile.closure.ledger import Ledger
from twofold.reconcile.closure.part import Part
from twofold.reconcile.exchange import day_number
from twofold.reconcile.lives.rows import settlement_row
from twofold.reconcile.matches.values import Group
from twofold.reconcile.reading.world import Matched
from twofold.store.engine import id_array
from twofold.store.orders.buyers import buyers_of, orders_of_buyers

_SETTLED = ("happened_at", "closes", "failed", "expected", "late_after", "banked_at")
"""What of a batch decides where the money of its lines is."""
RATE_DAYS = 8
"""So many days a rate is used, and the zones around them."""
_KINDS = ("money", "batch", "decision", "parcel", "rate", "cost")


class Reach:
    """``days``: in UTC, on which orders were placed whose life may have changed, or lines were written; ``own``: days of lines that
    may pay something else, in the lines' own zones. ``since``: from this day on all orders; ``rated``: days, in UTC, whose rates
    are others. ``only``: the lives themselves, unless the change ``is_whole``: then all of these days.

    ``before``: of a batch's source and number the rows that the tables have of it."""

    def __init__(
        self,
        snapshot: Snapshot,
        ledger: Ledger,
        before: Callable[[str, str], Sequence[Row]] = lambda _source, _number: (),
    ) -> None:
        self.days: set[int] = set()
        self.own: set[int] = set()
        self.since: int | None = None
        self.rated: set[int] = set()
        self.is_whole = False
        self._snapshot, self._ledger, self._before = snapshot, ledger, before
        self._rows: set[int] = set()
        self._names: set[str] = set()
        self._batches: set[str] = set()
        self._numbers: set[Number] = set()
        self._decided: list[Decision] = []

    @property
    def only(self) -> Only:
        """The lives that may have changed."""
        return Only(
            orders=frozenset(self._rows), lines=frozenset(self._names), batches=frozenset(self._batches),
            numbers=frozenset(self._numbers),
        )  # fmt: skip

    def add_orders(self, rows: Iterable[int]) -> None:
        """Further orders whose rows are made again."""
        self._rows |= set(rows)

    def follow(self, changes: Changes) -> None:
        """``changes``: of marked days. What is gone has left no key by which it is found: then all of its day is followed."""
        self.is_whole = any(change.is_whole for change in changes.values()) or self._tells_twice(changes)
        orders = {day: change for (group, day), change in changes.items() if group == Tables.ORDERS}
        lines = {day: change for (group, day), change in changes.items() if group == Tables.LINES}
        part = self._ledger.part()
        names: set[str] = set()
        for day in sorted(lines):
            names |= self._lines_of(day, part, None if self.is_whole else lines[day].numbers)
            self._names |= lines[day].names(lines[day].numbers)
        rows = {row for day in sorted(orders) for row in self._changed(day, orders[day])}
        rows |= {row for day in sorted(self.rated) for row in self._placed(day)}
        part.add_orders(rows, wanted=True)
        for day in sorted(self.rated):
            names |= self._lines_of(day, part, None)
        matched = self._grown(part, names)
        found = rows | part.known.keys() | part.named
        found |= self._of_batches(part, matched) | self._undecided()
        found |= self._same_buyers(found & rows)
        for name, entry in part.entries.items():
            self._names.add(name)
            self._line(entry.line)
        self._names |= names | part.names
        self._rows |= found
        self.days |= {*orders, *lines, *self.rated}
        self.days |= {placed // DAY_S for _, _, _, placed, *_ in self._orders(found)}

    def _changed(self, day: int, change: Change) -> Collection[int]:
        return self._placed(day) if self.is_whole else change.numbers

    def _tells_twice(self, changes: Changes) -> bool:
        """Whether a line that changed is of a source that is told in several ways: which of its lines are one may be another."""
        shelves = self._ledger.shelves
        sources = {
            kept.thing.source
            for (group, _), change in changes.items() if group == Tables.LINES
            for kept in self._snapshot.lines.of_numbers(change.numbers)
            if isinstance(kept.thing, MoneyLine)
        }  # fmt: skip
        return not all(shelves.is_plain(source) for source in sources)

    def _grown(self, part: Part, names: set[str]) -> Matched:
        """The part with all that bears on it, and with the batches that stand in it whole."""
        part.spread()  # so that most batches are known before anything is matched
        growth = Growth(part, frozenset(names), self._groups(part))
        matched = growth.grow()
        while not self.is_whole and (more := self._groups(part) - growth.groups):
            growth.groups |= more
            matched = growth.grow()
        return matched

    def _groups(self, part: Part) -> set[str]:
        return {group.key for source, number in part.numbers for group in part.batches.of(source, number)}

    def _line(self, line: MoneyLine) -> None:
        self.own.add(self._ledger.desk.days.of(line.at, line.zone))

    def _placed(self, day: int) -> list[int]:
        return [row[0] for row in self._snapshot.stream("facts_orders", (day * DAY_S, (day + 1) * DAY_S))]

    def _orders(self, rows: Iterable[int]) -> Iterator[tuple[int, str, str, int]]:
        yield from self._snapshot.run("facts_orders_of", (id_array(rows),))

    def _lines_of(self, day: int, part: Part, numbers: Collection[int] | None) -> set[str]:
        """Puts a day's lines into the part (``numbers``: these states of them): as they are, and by the keys that they had; the
        names of movements."""
        names: set[str] = set()
        lines = self._snapshot.lines
        told = [lines.versions(kind, day, day) for kind in _KINDS] if numbers is None else [lines.of_numbers(numbers)]
        for some in told:
            for kept in some:
                thing = self._ledger.store.here(kept.thing)
                if isinstance(thing, MoneyLine):
                    part.add_keys(step_keys_of(thing) | {f"word:{word}" for word in words_of(thing)})
                    if kept.stands:
                        part.add_lines([(kept.name.hex(), thing)])
                        names.add(kept.name.hex())
                    if thing.batch:
                        part.add_batch((thing.source, thing.batch))
                elif isinstance(thing, ParcelLine):
                    part.add_keys(ties_of_parcel(thing))
                    part.add_lines([(kept.name.hex(), thing)])
                elif isinstance(thing, Batch):
                    part.add_batch((thing.source, thing.id))
                elif isinstance(thing, Decision):
                    part.add_names([thing.line])
                    part.add_target(thing.to)
                    self._decided.append(thing)
                elif isinstance(thing, Rate):
                    self.rated |= set(range(day - 1, day + RATE_DAYS + 1))
                elif isinstance(thing, Cost):
                    self.since = day - 1 if self.since is None else min(self.since, day - 1)
        return names

    def _of_batches(self, part: Part, matched: Matched) -> set[int]:
        """Orders that lines of the part's batches name, with the days of these lines and of the batches. A batch of which the tables
        say the same has the same for all of its lines."""
        keys: set[str] = set()
        for source, number in part.numbers:
            groups, told = part.batches.of(source, number), self._before(source, number)
            self._numbers.add((source, number))
            self._batches |= {row["batch"] for row in told} | {group.key for group in groups}
            self._names |= {f"bank_fee:{key}" for key in self._batches}
            self.days |= {group.batch.at // DAY_S for group in groups}
            self.own |= {day_number(row["day"]) for row in told}
            if self.is_whole or not _is_as_before(groups, told, matched):
                for name, line in part.batches.named_lines(source, number).items():
                    self._names.add(name)
                    self._line(line)
                    keys |= step_keys_of(line)
        return {row for orders in part.shelves.orders(keys).values() for row in orders}

    def _undecided(self) -> set[int]:
        """Orders that lines paid before somebody decided about them: no key may lead to these."""
        if not self._decided:
            return set()
        shelves = self._ledger.shelves
        part = self._ledger.part([word for word in shelves.decisions if word not in self._decided])
        part.add_names(word.line for word in self._decided)
        Growth(part, frozenset(part.entries), self._groups(part)).grow()
        for entry in part.entries.values():
            self._line(entry.line)
        self._names |= part.entries.keys()
        return {*part.known, *part.named}

    def _same_buyers(self, rows: Iterable[int]) -> set[int]:
        """Orders of the same customers, as their digests say now."""
        found, new = set(rows), set(rows)
        while new:
            digests = {
                bytes.fromhex(d.partition(":")[2]) for told in buyers_of(self._snapshot.run, new).values() for d in told
            }
            new = orders_of_buyers(self._snapshot.run, digests) - found if digests else set()
            found |= new
        return found


def _is_as_before(groups: Sequence[Group], told: Sequence[Row], matched: Matched) -> bool:
    """Whether these batches are what the tables have under their number, as far as it decides where the money of their lines is."""
    before = {row["batch"]: row for row in told}
    if before.keys() != {group.key for group in groups} or any(g.batch.source.startswith("courier:") for g in groups):
        return False  # of a courier's remittance two copies may be told
    for group in groups:
        settled = matched.settled.get(group.key)
        now = None if settled is None else settlement_row(group, settled, None)
        if now is None or any(before[group.key][name] != now[name] for name in _SETTLED):
            return False
    return True
