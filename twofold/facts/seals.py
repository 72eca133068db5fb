"""What of a day changed since its tables were made: a seal over all that an order's rows, or a line's, are made of.

Owns the seals and their comparison. A mark names a day; of a large shop's day mostly a few orders changed. A seal that is not what
it was says which; an order or line that is gone says that all of the day may be another. Seals are kept in tables of their own
beside the rows (`order_seals`, `line_seals`), so they go with the files of their day, also in an erasure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from msgspec import Struct

from twofold.facts.manifest import Manifest
from twofold.facts.parquet import Row
from twofold.facts.rows.orders import CHUNK, DAY_S
from twofold.facts.rows.snapshot import Snapshot
from twofold.facts.shape import Group
from twofold.ledger.filing import day_text
from twofold.store.engine import id_array

SEALED = {Group.ORDERS: ("order_seals", "order_row", "buyer"), Group.LINES: ("line_seals", "line_state", "line")}
"""Groups of which it is known what changed: the table of the seals, its column of what they are of, and that of `Seal.who`."""
UNSURE = 0
"""The seal of what changed while the tables were made, and of an order whose path is not kept yet: it is made again each time."""


class Seal(Struct, frozen=True, gc=False):
    """``of``: all that rows are made of. ``who``: of an order the digests of its buyer, of a line its name, hex."""

    of: int
    who: str


Seals = Mapping[int, Seal]
"""By the order's row, or the number of a line's state."""


class Change(Struct, frozen=True, kw_only=True):
    """One marked day. ``now``: its seals. ``before``: those of the tables; None where they cannot be told."""

    now: Seals
    before: Seals | None

    @property
    def is_whole(self) -> bool:
        """True where everything of the day may be another: nothing is known of before, or something is gone."""
        return self.before is None or not self.before.keys() <= self.now.keys()

    @property
    def numbers(self) -> set[int]:
        """Orders, or states of lines, that are new or not what they were."""
        before = self.before or {}
        return {number for number, seal in self.now.items() if seal.of == UNSURE or before.get(number) != seal}

    @property
    def gone(self) -> set[int]:
        """Those that are no more."""
        return set() if self.before is None else self.before.keys() - self.now.keys()

    @property
    def other_people(self) -> set[int]:
        """Orders whose buyer was told otherwise before."""
        before = self.before or {}
        return {n for n in self.numbers if n in before and before[n].who != self.now[n].who}

    def names(self, numbers: Iterable[int]) -> set[str]:
        """Names of lines, by their states."""
        both = {**(self.before or {}), **self.now}
        return {both[number].who for number in numbers}


Changes = Mapping[tuple[str, int], Change]
"""By group and day."""


def changes_of(files: Path, snapshot: Snapshot, known: Manifest, marks: Iterable[tuple[str, int]]) -> Changes:
    """What changed of the marked days of orders and lines."""
    return {
        (group, day): Change(now=seals_of(snapshot, Group(group), day), before=_kept(files, known, Group(group), day))
        for group, day in marks
        if group in SEALED
    }


def seals_of(snapshot: Snapshot, group: Group, day: int) -> Seals:
    """A day's seals as the store has it."""
    return dict(_orders(snapshot, day) if group is Group.ORDERS else _lines(snapshot, day))


def seal_rows(group: Group, now: Seals, told: Seals | None) -> Iterator[Row]:
    """Rows of the seals' table. ``told``: by which it was decided what has to be made; what differs from it is unsure."""
    _, column, who = SEALED[group]
    for number in sorted(now):
        seal = now[number]
        sure = told is None or told.get(number) == seal
        yield {column: number, "seal": seal.of if sure else UNSURE, who: seal.who}


def _kept(files: Path, known: Manifest, group: Group, day: int) -> Seals | None:
    if (group.value, day) in known.absent:
        return None
    table, column, who = SEALED[group]
    file = known.files.get(table, {}).get(day_text(day))
    if file is None:
        return {}
    read = pq.read_table(files / file.path, columns=[column, "seal", who], partitioning=None)
    columns = (read.column(name).to_pylist() for name in (column, "seal", who))
    return {number: Seal(of, who) for number, of, who in zip(*columns, strict=True)}


def _orders(snapshot: Snapshot, day: int) -> Iterator[tuple[int, Seal]]:
    rows = snapshot.run("facts_orders", (day * DAY_S, (day + 1) * DAY_S))
    for at in range(0, len(rows), CHUNK):
        part = rows[at : at + CHUNK]
        ids = id_array(row[0] for row in part)
        said = {row[0]: blake2b(repr(row[1:7]).encode() + row[7], digest_size=8) for row in part}
        who = {row[0]: blake2b(digest_size=8) for row in part}
        for order, received, source, body in snapshot.run("list_facts_of", (ids,)):
            said[order].update(b"%d %s %d " % (received, source.encode(), len(body)) + body)
        for order, kind, digest, _ in snapshot.run("select_buyers", (ids,)):
            who[order].update(kind.encode() + b" " + digest)
        settled = set()
        for order, told_at, reason, touches in snapshot.run("select_paths", (ids,)):
            said[order].update(f"{told_at} {reason} ".encode() + touches)
            settled.add(order)
        for order, digest in said.items():
            people = who[order].digest()
            digest.update(people)
            yield order, Seal(_number(digest) if order in settled else UNSURE, people.hex())


def _lines(snapshot: Snapshot, day: int) -> Iterator[tuple[int, Seal]]:
    for number, name, digest, stands in snapshot.run("facts_line_seals", (day,)):
        sealed = blake2b(digest + (b"1" if stands else b"0"), digest_size=8)
        yield number, Seal(_number(sealed), name.hex())


def _number(digest: Any) -> int:
    return int.from_bytes(digest.digest(), signed=True) or 1
