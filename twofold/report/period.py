"""A stretch of time as a range of journal positions, found by halving: no index over time is needed.

Owns that search, and the read-only connection of the reports.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import apsw

from twofold.errors import StoreError
from twofold.store.engines import open_reader
from twofold.store.peers.places import Place, edges_of, places_of, spans_of
from twofold.store.sqlite.database import translated
from twofold.store.sqlite.statements import statement


class Journal:
    """Named statements on a read-only connection."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def run(self, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            rows: list[tuple[Any, ...]] = self._db.execute(statement(name), bindings).fetchall()
        except apsw.Error as err:
            raise translated(err) from err
        return rows

    def note(self, name: str) -> str | None:
        """What the gateway keeps under this name; None for nothing."""
        rows = self.run("select_meta", (name,))
        return str(rows[0][0]) if rows else None

    def positions(self, from_ms: int, to_ms: int) -> tuple[int, int]:
        """First position received at or after ``from_ms``, and the first one not received before ``to_ms``. Where several gateways
        write, each has such a stretch in its strand: a statement takes them as one (`edges_of`)."""
        return edges_of([(self.first_of(s, from_ms), self.first_of(s, to_ms)) for s in self.strands()])

    def strands(self) -> list[Place]:
        """Those that have copies; the first one where none has."""
        found = [place for place in places_of(self.run) if self.last_of(place) > place.before]
        return found or [Place()]

    def only_strand(self, what: str) -> Place:
        """The strand of whoever alone takes events in. Raises `StoreError` where several do: ``what`` follows one of them."""
        first, *others = self.strands()
        if others:
            raise StoreError(
                f"{what} follow one gateway's copies, and {len(others) + 1} gateways have taken events in here; see docs/postgres.md"
            )
        return first

    def last_of(self, place: Place) -> int:
        """A strand's last position; the number before its first when it is empty."""
        return int(self.run("last_position_of", (place.before, place.end))[0][0])

    def first_of(self, place: Place, at: int) -> int:
        """A strand's first position received at or after a time in ms; the one behind its last where there is none."""
        low, high = place.before + 1, self.last_of(place) + 1
        while low < high:
            middle = (low + high) // 2
            rows = self.run("first_received", (middle,))
            if rows and rows[0][1] < at:
                low = rows[0][0] + 1
            else:
                high = middle
        return low


def sample_of(span: tuple[int, int], most: int) -> Sequence[int]:
    """So many positions of a stretch, drawn alike each time; all where there are fewer."""
    parts = [range(*one) for one in spans_of(span)]
    whole = sum(map(len, parts))
    if whole <= most:
        return [n for part in parts for n in part]
    starts = list(accumulate(map(len, parts), initial=0))
    drawn = random.Random(span[1]).sample(range(whole), most)
    return [parts[at][n - starts[at]] for n in drawn for at in (bisect_right(starts, n) - 1,)]


@contextmanager
def journal_of(folder: Path | str) -> Iterator[Journal]:
    """The data folder's journal in one snapshot, also while the gateway runs."""
    db = open_reader(Path(folder))
    try:
        db.execute("begin")
        yield Journal(db)
    finally:
        db.close()
