"""How far a change reaches: the days whose lives may be others than before, out of the days on which facts changed.

Owns that choice, which would rather name a day too many. What bears on a changed order or line is read as for its own life
(`closure`): all orders that a line there may name, and all lines of a batch that it is in or may pay, with the orders that these
name. A batch takes all of its lines with it, a customer all of his orders, as they are now and as the tables still have them; a
rate all that happened in the days on which it may be used; a cost every order since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from twofold.facts.manifest import Manifest
from twofold.facts.rows.orders import DAY_S
from twofold.facts.rows.snapshot import Snapshot
from twofold.ledger.lines import Batch, Cost, Decision, MoneyLine, ParcelLine, Rate
from twofold.ledger.ties import step_keys_of, ties_of_parcel, words_of
from twofold.reconcile.closure.growth import Growth
from twofold.reconcile.closure.ledger import Ledger
from twofold.reconcile.closure.part import Part
from twofold.store.orders.buyers import buyers_of, orders_of_buyers
from twofold.store.sqlite.database import id_array

RATE_DAYS = 8
"""So many days a rate is used, and the zones around them."""
_KINDS = ("money", "batch", "decision", "parcel", "rate", "cost")


class Reach:
    """``days``: in UTC, on which orders were placed whose life may have changed, or lines were written; ``own``: days of lines that
    may pay something else, in the lines' own zones. ``since``: from this day on all orders."""

    def __init__(self, snapshot: Snapshot, ledger: Ledger) -> None:
        self.days: set[int] = set()
        self.own: set[int] = set()
        self.since: int | None = None
        self._snapshot, self._ledger = snapshot, ledger
        self._rated: set[int] = set()

    def follow(self, orders: Collection[int], lines: Collection[int]) -> None:
        """``orders``, ``lines``: days of which an order or a line was written."""
        part = self._ledger.part()
        names: set[str] = set()
        for day in sorted(lines):
            names |= self._lines_of(day, part)
        rows = {row for day in sorted({*orders, *self._rated}) for row in self._placed(day)}
        part.add_orders(rows, wanted=True)
        for day in self._rated - set(lines):
            names |= self._lines_of(day, part)
        groups = {group.key for source, number in part.numbers for group in part.batches.of(source, number)}
        Growth(part, lines=frozenset(names), groups=groups).grow()
        found = rows | part.known.keys() | part.named
        found |= self._of_batches(part)
        found |= self._same_buyers(found & rows)
        for entry in part.entries.values():
            self._line(entry.line)
        self.days |= {*orders, *lines, *self._rated}
        self.days |= {placed // DAY_S for _, _, _, placed, *_ in self._orders(found)}

    def _line(self, line: MoneyLine) -> None:
        self.own.add(self._ledger.desk.days.of(line.at, line.zone))

    def _placed(self, day: int) -> list[int]:
        return [row[0] for row in self._snapshot.stream("facts_orders", (day * DAY_S, (day + 1) * DAY_S))]

    def _orders(self, rows: Iterable[int]) -> Iterator[tuple[int, str, str, int]]:
        yield from self._snapshot.run("facts_orders_of", (id_array(rows),))

    def _lines_of(self, day: int, part: Part) -> set[str]:
        """Puts a day's lines into the part: as they are, and by the keys that they had; the names of movements."""
        names: set[str] = set()
        for kind in _KINDS:
            for kept in self._snapshot.lines.versions(kind, day, day):
                thing = kept.thing
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
                elif isinstance(thing, Rate):
                    self._rated |= set(range(day - 1, day + RATE_DAYS + 1))
                elif isinstance(thing, Cost):
                    self.since = day - 1 if self.since is None else min(self.since, day - 1)
        return names

    def _of_batches(self, part: Part) -> set[int]:
        """Orders that lines of the part's batches name, with the days of these lines and of the batches."""
        keys: set[str] = set()
        for source, number in part.numbers:
            for group in part.batches.of(source, number):
                self.days.add(group.batch.at // DAY_S)
            for line in part.batches.lines_of(source, number):
                self._line(line)
                keys |= step_keys_of(line)
        return {row for orders in part.shelves.orders(keys).values() for row in orders}

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


def days_of_customers(files: Path, manifest: Manifest, days: Iterable[str]) -> set[str]:
    """Days of which the tables have an order of somebody who, by the tables, bought on one of these days."""
    told = manifest.files.get("buyers", {})
    customers: set[int] = set()
    for day in days:
        if day in told:
            customers |= set(_customers(files / told[day].path))
    if not customers:
        return set()
    return {day for day, file in told.items() if not customers.isdisjoint(_customers(files / file.path))}


def _customers(path: Path) -> list[int]:
    column = pq.read_table(path, columns=["customer"], partitioning=None).column("customer")
    return list(pc.unique(column.drop_null()).to_pylist())
