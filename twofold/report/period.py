"""A stretch of time as a range of journal positions, found by halving: no index over time is needed.

Owns that search, and the read-only connection of the reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from twofold.store.engines import open_reader
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
        """First position received at or after ``from_ms``, and the first one not received before ``to_ms``."""
        return self._first(from_ms), self._first(to_ms)

    def _first(self, at: int) -> int:
        low, high = 1, (self.run("last_position")[0][0] or 0) + 1
        while low < high:
            middle = (low + high) // 2
            rows = self.run("first_received", (middle,))
            if rows and rows[0][1] < at:
                low = rows[0][0] + 1
            else:
                high = middle
        return low


@contextmanager
def journal_of(folder: Path | str) -> Iterator[Journal]:
    """The data folder's journal in one snapshot, also while the gateway runs."""
    db = open_reader(Path(folder))
    try:
        db.execute("begin")
        yield Journal(db)
    finally:
        db.close()
