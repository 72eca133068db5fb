"""How lines are read again: by kind and days, by order, by batch, by name. Read-only, in whichever snapshot the connection has.

Owns what a reader gets. A line stands when no later state of it was told (`ledger.filing` says which is later); only whole
files are seen. What a line is matched with is worked out elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.filing import batch_key, key_number, keys_of
from twofold.ledger.lines import Thing, decode_thing
from twofold.store.engine import id_array, key_array
from twofold.store.engines import open_reader
from twofold.store.sqlite.statements import statement

ALL_DAYS = (-(1 << 31), 1 << 31)


class KeptLine(Struct, frozen=True, kw_only=True, gc=False):
    """One state of one line. ``stands``: no later one was told. ``received_at`` in ms, ``told_at`` in s."""

    number: int  # of the row: the state of a line
    name: bytes
    thing: Thing
    told_at: int | None
    received_at: int
    file: int  # of `LineReader.files`; 0: told by a webhook or a command
    row: int
    stands: bool
    text: str = ""  # name and text as the statement has them, where they were asked for and are kept


class LineReader:
    """Questions to one connection. Rows come in an order that does not depend on how they arrived. ``here``: makes of each
    line what it is for whoever asks."""

    def __init__(self, db: apsw.Connection, here: Callable[[Thing], Thing] | None = None) -> None:
        self._db = db
        self._here = here

    def lines(self, kind: str, since: int = ALL_DAYS[0], until: int = ALL_DAYS[1]) -> Iterator[KeptLine]:
        """The standing lines of a kind (`filing.KINDS`) from one day to another, both included, as they are read.

        Days as `filing.day_of` gives them: in UTC, so a caller who means days of another zone asks for one more on each side.
        """
        return self._rows("standing_lines", (kind, since, until))

    def versions(self, kind: str, since: int = ALL_DAYS[0], until: int = ALL_DAYS[1]) -> Iterator[KeptLine]:
        """The same with every earlier state of each line, for what is restated and kept beside."""
        return self._rows("all_lines", (kind, since, until))

    def of_numbers(self, numbers: Iterable[int]) -> Iterator[KeptLine]:
        """These states of lines, by the numbers of their rows."""
        return self._rows("lines_of_numbers", (id_array(numbers),))

    def named(self, names: Iterable[bytes]) -> Iterator[KeptLine]:
        """The standing lines of these names."""
        wanted = list(names)
        if wanted:
            yield from (line for line in self._rows("lines_of_names", (key_array(wanted),)) if line.stands)

    def by_key(self, key: str, *, versions: bool = False) -> list[KeptLine]:
        """Standing lines that are found under a key, such as ``order:1001``, ``parcel:…``, ``payment_intent:pi_…``."""
        found = self._rows("lines_by_key", (key_number(key),))
        return [line for line in found if (line.stands or versions) and key in keys_of(line.thing)]

    def by_batch(self, source: str, batch: str) -> list[KeptLine]:
        """A batch and its lines."""
        return self.by_key(batch_key(source, batch))

    def by_name(self, name: bytes) -> list[KeptLine]:
        """Every state of one line, the one that stands last."""
        return list(self._rows("lines_by_name", (name,)))

    def by_beginning(self, hexadecimal: str) -> list[KeptLine]:
        """Standing lines whose name begins so, in hexadecimal; at most ten."""
        low = bytes.fromhex(hexadecimal.ljust(32, "0")[:32])
        high = bytes.fromhex(hexadecimal.ljust(32, "f")[:32])
        return [one for one in self._rows("lines_between_names", (low, high)) if one.stands][:10]

    def with_texts(self, lines: Iterable[KeptLine]) -> Iterator[KeptLine]:
        """The same lines with what is kept of their texts, for people who may see it."""
        for line in lines:
            row = self._db.execute(statement("line_text_of"), (line.number,)).fetchone()
            yield replace(line, text=str(row[0])) if row else line

    def span(self, kind: str) -> tuple[int, int] | None:
        """The first and last day that has a line of a kind; None where there is none."""
        first, last = self._db.execute(statement("line_span"), (kind,)).fetchone() or (None, None)
        return None if first is None or last is None else (int(first), int(last))

    def files(self) -> Iterator[dict[str, Any]]:
        """The files that were imported, oldest first, with what did not balance in each."""
        names = ("id", "sha256", "reading", "kind", "format", "imported_at", "lines")
        for *columns, facts in self._db.execute(statement("select_line_files")):
            yield {**dict(zip(names, columns, strict=True)), **msgspec.json.decode(facts)}

    def _rows(self, name: str, bindings: tuple[Any, ...]) -> Iterator[KeptLine]:
        for number, line, file, row, told_at, received_at, body, stands in self._db.execute(statement(name), bindings):
            thing = decode_thing(body)
            yield KeptLine(
                number=number,
                name=line,
                thing=thing if self._here is None else self._here(thing),
                told_at=told_at,
                received_at=received_at,
                file=file,
                row=row,
                stands=bool(stands),
            )


class _Asking:
    """Named statements on a connection that only reads."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def run(self, name: str, bindings: Sequence[Any] = (), /) -> list[tuple[Any, ...]]:
        return self._db.execute(statement(name), bindings).fetchall()


@contextmanager
def reading(folder: Path | str) -> Iterator[_Asking]:
    """Statements in one snapshot of a folder; works while the gateway runs."""
    db = open_reader(Path(folder))
    try:
        db.execute("begin")
        yield _Asking(db)
    finally:
        db.close()


class OpenLines(LineReader):
    """The same with a connection of its own, on one snapshot; works while the gateway runs."""

    def __init__(self, folder: Path | str) -> None:
        self._own = open_reader(Path(folder))
        self._own.execute("begin")
        super().__init__(self._own)

    def close(self) -> None:
        self._own.close()

    def __enter__(self) -> OpenLines:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
