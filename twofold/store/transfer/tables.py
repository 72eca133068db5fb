"""Which rows a store consists of, and how all of them go from one engine to another.

Owns the contract of a side (`Side`), the order of the copying, and the proof that what arrived is what left: a sum over the
digests of a table's rows, whatever their order, read back from the target before anybody may rely on it. Rows are never
together in memory. Knows no engine, and nothing of what lies beside a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from twofold.errors import StoreDamaged, StoreError

Row = tuple[Any, ...]
Progress = Callable[[str, int, int], None]
"""What is done, how many rows of it are done, and of how many."""
TELL_EVERY = 5_000
"""Rows between two words of progress."""


class Table(Struct, frozen=True):
    """``columns``: name and kind (bigint, text or bytea) of those that are written; what the engine works out itself is none."""

    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)


KEYS = Table("held_key", (("key", "bytea"), ("action", "bigint"), ("day", "bigint")))
"""The fold's memory, in which each engine keeps its keys in its own way: a key, the earliest action that holds it, and the day,
since 1970, by which it is forgotten."""


class Side(Protocol):
    """The database of one store, held by nobody else. A source is read in one snapshot; a target is new."""

    def tables(self) -> tuple[Table, ...]:
        """All tables but the fold's keys, by name, each with its columns by name."""

    def count(self, table: Table) -> int: ...

    def read(self, table: Table) -> Iterator[Row]:
        """All rows, in any order."""

    def form(self, table: Table, row: Row, /) -> Row:
        """The row as this engine can hold it. Raises `StoreError` for one that it cannot."""

    def write(self, table: Table, rows: Iterable[Row]) -> None: ...


class Tally:
    """How many rows went by, and the sum of their digests."""

    def __init__(self) -> None:
        self.rows = self.sum = 0

    def over(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, counted."""
        pack = msgspec.msgpack.Encoder().encode
        for row in rows:
            self.rows += 1
            self.sum += int.from_bytes(blake2b(pack(row), digest_size=8).digest(), "big")
            yield row

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and (self.rows, self.sum) == (other.rows, other.sum)

    __hash__ = None  # type: ignore[assignment]


def copy_all(source: Side, target: Side, progress: Progress) -> int:
    """Every row of the source, into an empty target; answers how many. Whoever calls it commits what the target has then.

    Raises `StoreError` where the two have other tables, and `StoreDamaged` where what arrived is not what left.
    """
    tables = source.tables()
    if target.tables() != tables:
        raise StoreError("internal: the tables of the two engines differ")
    every = (*tables, KEYS)
    done, whole = 0, 2 * sum(source.count(table) for table in every)
    for table in every:
        left, arrived = Tally(), Tally()

        def told(what: str, rows: Iterable[Row], name: str = table.name) -> Iterator[Row]:
            nonlocal done
            for row in rows:
                yield row
                done += 1
                if done % TELL_EVERY == 0:
                    progress(f"{what} {name}", done, whole)

        formed = (target.form(table, row) for row in source.read(table))  # used up within the loop
        target.write(table, left.over(told("copying", formed)))
        for _ in arrived.over(told("reading back", target.read(table))):
            pass
        if left != arrived:
            raise StoreDamaged(
                f"of the table {table.name} {left.rows} rows left and {arrived.rows} arrived, or not as they left; "
                "nothing of the move is kept"
            )
    progress("copied", whole, whole)
    return whole // 2
