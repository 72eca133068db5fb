"""One state of the store, read while the gateway runs: named statements on a read-only connection.

Owns the connection and the stretches of the journal that came on a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twofold.facts.manifest import named_store
from twofold.matching.subject import Keyring
from twofold.store.changed.days import HOME
from twofold.store.engines import open_reader
from twofold.store.lines.reading import LineReader
from twofold.store.secret import known_ring
from twofold.store.sqlite.statements import statement


class Snapshot:
    """Statements that all see the same state."""

    def __init__(self, db: Any, ring: Keyring | None = None) -> None:
        self._db = db
        self.ring = ring
        """The folder's secret, where it has one: by it browsers are named."""
        self.lines = LineReader(db)
        starts = self.run("select_journal_days")
        self.position: int = self.run("last_position_or_zero")[0][0]
        """The journal's last."""
        ends = [*(first for first, _ in starts[1:]), self.position + 1][: len(starts)]
        self.stretches = [(first, end, day) for (first, day), end in zip(starts, ends, strict=True)]

    def run(self, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows at once."""
        return list(self.stream(name, bindings))

    def stream(self, name: str, bindings: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows one after another."""
        yield from self._db.execute(statement(name), bindings)

    @property
    def identity(self) -> str:
        """Which store this is, by the first link of its journal's chain, which no other has; and which tables its marks are about."""
        link, home = self.run("facts_first_link"), self.run("select_meta", (HOME,))
        return named_store(bytes(link[0][0]).hex() if link else "", str(home[0][0]) if home else "")

    def marks(self) -> list[tuple[str, int]]:
        """Part and day of what changed since it was made."""
        return [(part, day) for part, day, *_ in self.run("select_changed_days")]

    def stretches_of(self, day: int) -> list[tuple[int, int]]:
        """First position, and the first one after: usually one stretch, several where a clock was set back."""
        return [(first, end) for first, end, came in self.stretches if came == day]


@contextmanager
def snapshot_of(folder: Path) -> Iterator[Snapshot]:
    """The store as it is now, until the end of the block."""
    db = open_reader(folder)
    try:
        db.execute("begin")
        yield Snapshot(db, known_ring(folder))
    finally:
        db.close()
