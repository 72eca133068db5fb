"""Batches of a part of the ledger, each with the sum of all its lines: a payout is whole or it says nothing.

Owns which other batches must be read with one so that it is the batch that the whole ledger makes of it: its number in other
currencies, under another name, told by its day alone, as a second copy. Of the lines only what they add up to is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cached_property

from twofold.ledger.filing import DAY_BATCH, batch_key
from twofold.ledger.lines import Batch, MoneyKind, MoneyLine
from twofold.ledger.ties import FAILED, key_of, plain
from twofold.reconcile.closure.shelves import Shelves
from twofold.reconcile.matches.groups import groups_of
from twofold.reconcile.matches.twice import tell_once
from twofold.reconcile.matches.values import DAY_S, Entry, Group
from twofold.store.lines.books import Book

Number = tuple[str, str]
"""Source and number of a batch, whatever its account and currency."""

_BEFORE_S, _AFTER_S = 12 * DAY_S, 3 * DAY_S
"""How far a batch told by its day alone may lie from the one that it is; a day more than `groups` allows."""


class Batches:
    """Batches by number, each read once."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self._found: dict[Number, tuple[Group, ...]] = {}
        self.same: dict[str, str] = {}
        """Lines of second copies of a remittance, to those that count."""
        self.ways: dict[str, tuple[str, ...]] = {}
        self.merged: dict[str, Entry] = {}
        """Lines that say more than they were told with, as a second copy did."""

    def of(self, source: str, number: str) -> tuple[Group, ...]:
        """The groups that this number stands in, and those that had to be read with them."""
        if (source, number) not in self._found:
            self._read(source, number)
        return self._found[source, number]

    def lines_of(self, source: str, number: str) -> list[MoneyLine]:
        """The lines that name this batch."""
        return list(self.named_lines(source, number).values())

    def named_lines(self, source: str, number: str) -> dict[str, MoneyLine]:
        """The same by name."""
        return self._lines(source, number)

    def _read(self, source: str, number: str) -> None:
        numbers, told, lines = {number}, list[Batch](), dict[str, MoneyLine]()
        waiting = [number]
        while waiting:
            some, waiting = waiting, []
            for one in some:
                mine = self._lines(source, one)
                lines.update(mine)
                told += self._told_by_number.get((source, one), ())
                for other in self._others(source, one, mine, told):
                    if other not in numbers:
                        numbers.add(other)
                        waiting.append(other)
        entries = self._once(source, lines)
        groups = tuple(groups_of(told, entries))
        for one in numbers:
            self._found[source, one] = groups

    def _lines(self, source: str, number: str) -> dict[str, MoneyLine]:
        found = self._shelves.lines([batch_key(source, number)])
        return {
            n: line
            for n, line in found
            if isinstance(line, MoneyLine) and (line.source, line.batch) == (source, number)
        }

    def _others(self, source: str, number: str, lines: dict[str, MoneyLine], told: list[Batch]) -> Iterator[str]:
        """Numbers of batches that may be this one, or that say something of it."""
        for line in lines.values():
            for reference in line.references:
                if reference.startswith("payout:"):
                    yield reference.partition(":")[2]
        for _, other in self._shelves.lines([f"payout:{number}"]):
            if isinstance(other, MoneyLine) and other.source == source and other.batch:
                yield other.batch
        yield from self._copies(source, number, lines)
        yield from self._days(source, number, lines, told)

    def _copies(self, source: str, number: str, lines: dict[str, MoneyLine]) -> Iterator[str]:
        """A remittance that stands under two names holds each parcel twice."""
        if not source.startswith("courier:"):
            return
        for line in lines.values():
            parcels = [key_of(r) for r in line.references if r.startswith("parcel:")]
            for _, other in self._shelves.lines(parcels):
                if isinstance(other, MoneyLine) and other.source == source and other.batch not in ("", number):
                    yield other.batch
            if parcels:
                return  # a copy has them all

    def _days(self, source: str, number: str, lines: dict[str, MoneyLine], told: list[Batch]) -> Iterator[str]:
        """A batch that is told by its day alone is one with a number of the same source and time."""
        days = self._by_day.get(source)
        if not days:
            return
        times = [b.at for b in told if b.id == number] + [line.at for line in lines.values()]
        if not times:
            return
        first, last = min(times), max(times)
        if not number.startswith(DAY_BATCH):
            yield from (b.id for b in days if first - _BEFORE_S <= b.at <= last + _BEFORE_S)
            return
        for book in self._shelves.books_of.get(source, ()):
            if book.batch and _meets(book, first - _BEFORE_S, last + _AFTER_S):
                yield book.batch
        for batch in self.told_between(first - _BEFORE_S, last + _AFTER_S):
            if batch.source == source:
                yield batch.id

    @cached_property
    def all_told(self) -> tuple[Batch, ...]:
        """All that files declare: one or two rows a payout, however many lines it has."""
        return tuple(self._shelves.store.batches())

    @cached_property
    def _told_by_number(self) -> dict[Number, list[Batch]]:
        found: dict[Number, list[Batch]] = defaultdict(list)
        for batch in self.all_told:
            found[batch.source, batch.id].append(batch)
        return found

    @cached_property
    def _by_day(self) -> dict[str, list[Batch]]:
        found: dict[str, list[Batch]] = defaultdict(list)
        for batch in self.all_told:
            if batch.id.startswith(DAY_BATCH):
                found[batch.source].append(batch)
        return found

    def told_between(self, first: int, last: int) -> Iterator[Batch]:
        """Batches issued or expected between two times."""
        for batch in self.all_told:
            expected = batch.at if batch.expected_at is None else batch.expected_at
            if min(batch.at, expected) <= last and max(batch.at, expected) >= first:
                yield batch

    def numbers_between(self, first: int, last: int) -> set[Number]:
        """All batches that may be issued or expected between two times, by what was told of them and by their lines."""
        found = {(b.source, b.id) for b in self.told_between(first, last)}
        return found | {(b.source, b.batch) for b in self._shelves.books if b.batch and _meets(b, first, last)}

    def declared(self, source: str, number: str) -> Decimal | None:
        """What a batch is known to bring without reading its lines; None where they have to be read."""
        told = self._told_by_number.get((source, number), [])
        leaving = [
            line
            for _, line in self._shelves.lines([f"leaves:{source}/{number}"])
            if isinstance(line, MoneyLine) and (line.source, line.batch) == (source, number)
        ]
        if any(line.kind is MoneyKind.PAYOUT_FAILED for line in leaving):
            return None
        nets = {b.net for b in told if b.net is not None} or {-line.net for line in leaving}
        return next(iter(nets)) if len(nets) == 1 and len(leaving) < 2 else None

    def numbers_of(self, source: str) -> set[str]:
        """All numbers of a source's batches."""
        found = {b.batch for b in self._shelves.books_of.get(source, ()) if b.batch}
        return found | {b.id for b in self.all_told if b.source == source}

    def named(self, words: Iterable[str]) -> set[Number]:
        """Batches that words of the bank's lines may name."""
        words = list(words)
        found = {number for word in words for number in self._by_name.get(word, ())}
        for _, line in self._shelves.lines([f"named:{word}" for word in words]):
            if isinstance(line, MoneyLine) and line.batch:
                found.add((line.source, line.batch))
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[Number]]:
        found: dict[str, list[Number]] = defaultdict(list)
        for batch in self.all_told:
            for name in {plain(batch.id), plain(batch.bank_reference)} - {""}:
                found[name].append((batch.source, batch.id))
        for book in self._shelves.books:
            if book.batch:
                found[plain(book.batch)].append((book.source, book.batch))
        return found

    def failed(self, source: str, currency: str) -> Iterator[Number]:
        """Batches of a source whose money came back, or that bring another's."""
        for _, line in self._shelves.lines([f"failed:{source}/{currency}"]):
            if isinstance(line, MoneyLine) and line.source == source and line.batch:
                yield source, line.batch
        for batch in self.all_told:
            if batch.source == source and batch.currency == currency and batch.status.casefold() in FAILED:
                yield source, batch.id

    def _once(self, source: str, lines: dict[str, MoneyLine]) -> Iterable[Entry]:
        entries = self._shelves.entries(lines.items())
        if not source.startswith("courier:") or not self._shelves.is_plain(source):
            return {e.name: e for e in entries.values()}.values()
        once = tell_once(entries.values())
        self.same.update(once.same)
        self.ways.update(once.ways)
        self.merged.update({e.name: e for e in once.entries if e.name in once.told_twice})
        return once.entries


def _meets(book: Book, first: int, last: int) -> bool:
    return book.first_day * DAY_S <= last and (book.last_day + 1) * DAY_S > first
