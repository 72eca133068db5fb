"""A process's place among those of one database: its number, its generation, and the strand that it writes.

Owns the table `worker` and the numbers that follow from a place. A *strand* is the journal of one writer: its positions begin
at the strand's own first number and have no holes, whatever others write meanwhile, so the row before is always ``position -
1`` and the chain needs nobody else. Browsers are numbered alike. A folder that is one process's alone has place 0, whose
strand begins at 0: a position is then what it always was.

A place is taken by name at the start, with a new generation: leases of earlier ones are void, and whoever still writes under
an earlier generation is refused (`Revisions.catch_up`). The place of a name that was not seen for `FREE_AFTER_MS` is given to
a new name, strand and all.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from twofold.errors import StoreError, StoreLocked

if TYPE_CHECKING:  # it knows the orders, which know the revisions
    from twofold.store.engine import Database

SPAN = 1 << 36
"""Positions of one strand: with 256 destinations the number of a delivery stays exact in a double (2^53)."""

MOST = 511
"""The highest place; its last delivery is number 2^53 - 1."""

PATIENCE_S = 2.0
"""How long a start waits for its place: the server ends a process's session a moment after the process."""

FREE_AFTER_MS = 3_600_000
"""A name that was not seen for so long is taken for gone."""

_GENERATION_BITS, _COUNT_BITS = 20, 32


class Place(Struct, frozen=True):
    """``alone``: nobody else writes to this database, which its lock sees to."""

    number: int = 0
    generation: int = 0
    name: str = ""
    alone: bool = True

    @property
    def before(self) -> int:
        """The number before the strand's first."""
        return self.number * SPAN

    @property
    def end(self) -> int:
        """The number behind the strand's last possible one."""
        return self.before + SPAN

    def lease(self, generation: int) -> int:
        """The fencing number that the leases of a generation come after; no other place or generation has them."""
        return (self.number << _GENERATION_BITS | generation) << _COUNT_BITS

    def leases(self) -> tuple[int, int]:
        """The fencing numbers of all generations of this place, the last one excluded. Alone: everybody's."""
        if self.alone:
            return 0, 1 << 62
        return self.lease(0), (self.number + 1 << _GENERATION_BITS) << _COUNT_BITS

    def file(self, name: str) -> str:
        """What a file that each writer has of its own is called."""
        return f"{name}-{self.number}" if self.number else name

    def counter(self, name: str) -> str:
        """Each strand has its counters: two writers never wait for one row."""
        return f"{name}@{self.number}" if self.number else name


ALONE = Place()


class Edge(int):
    """One end of a stretch of time in positions, where several strands have some of it: ``spans`` of each, first and until. A
    statement between two edges is asked of all of them at once; as a number it is the first one's."""

    spans: tuple[tuple[int, int], ...]


def edges_of(spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """What a statement from one position to before another is given: of one span its ends, of several `Edge`."""
    if len(spans) == 1:
        return spans[0]
    first, until = Edge(spans[0][0]), Edge(spans[0][1])
    first.spans = until.spans = tuple(spans)
    return first, until


def spans_of(edges: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """The spans that `edges_of` was given."""
    first, _ = edges
    return first.spans if isinstance(first, Edge) else (edges,)


def ends_of(engine: Database) -> list[tuple[int, int]]:
    """Each strand by the number before its first position, and its last position."""
    return [(p.before, engine.run("last_position_of", (p.before, p.end))[0][0]) for p in places_of(engine.run)]


def places_of(run: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]) -> list[Place]:
    """Whoever has or had a strand here; a folder's own is always among them."""
    return [Place(number) for number in sorted({0, *(number for number, *_ in run("select_workers", ()))})]


def strand_of(position: int) -> int:
    """Whose position that is."""
    return position // SPAN


def sums_of(counters: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The counters of all strands together."""
    sums: Counter[str] = Counter()
    for name, value in counters:
        sums[name.partition("@")[0]] += value
    return dict(sums)


def take_place(engine: Database, name: str, now_ms: int) -> Place:
    """The place of this name. Raises `StoreLocked` while another process has it, `StoreError` where all are taken."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return _take_place(engine, name, now_ms)
        except StoreLocked:
            if time.monotonic() >= until:
                raise
        time.sleep(0.05)  # with no transaction open: others go on meanwhile


def _take_place(engine: Database, name: str, now_ms: int) -> Place:
    """In a transaction that has the database for itself."""
    engine.begin()
    try:
        number = _number_of(engine, name, now_ms)
        generation = engine.run("take_worker", (number, name, now_ms))[0][0]
        place = Place(number, generation, name, alone=False)
        engine.run("void_leases", (now_ms, *place.leases()))
        engine.commit()
    except BaseException:
        engine.rollback()
        raise
    return place


def _number_of(engine: Database, name: str, now_ms: int) -> int:
    """Its own number, else one that nobody was seen under for long, else a new one."""
    known = engine.run("select_workers")
    for number, other, _seen_at in known:
        if other != name:
            continue
        if not engine.occupy(number):
            raise StoreLocked(
                f"another process writes to this database under the name {name}; give each its own, by --name"
            )
        return int(number)
    for number, _other, seen_at in sorted(known, key=lambda row: row[2]):
        if seen_at < now_ms - FREE_AFTER_MS and engine.occupy(number):
            return int(number)
    number = len(known) and max(row[0] for row in known) + 1
    if number > MOST or not engine.occupy(number):
        raise StoreError(
            f"{MOST + 1} processes write to this database already; stop one, or wait an hour after its end"
        )
    return int(number)
