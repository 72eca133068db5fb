"""How lines are written: a file in portions that nobody sees until all of it is there, a message in one.

Owns the tables of migration 0012. Nothing is updated in place: a line that comes again with other content is a further row,
and which of a line's rows stands is worked out when they are read. A portion is a few milliseconds; all functions run inside
a transaction of the writer. A file that was begun and never ended is invisible, and is taken out later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from twofold.ledger.filing import key_number, keys_of
from twofold.ledger.lines import decode_thing
from twofold.store.digests import row_digest
from twofold.store.engine import Database, id_array, key_array
from twofold.store.lines.books import Book, put_books
from twofold.store.lines.days import mark_line_days
from twofold.store.lines.row import LineRow

DIRECT = 0
"""The file of what no file told: webhooks and commands."""
ABANDONED_MS = 3_600_000
"""A file that nobody has added to for so long has lost its reader."""
_DROPPED_AT_ONCE = 500
_TO_COME = -1
"""The file that is only looked at."""


class Asks(Protocol):
    """Whoever answers named statements, a reader or the writer."""

    def run(self, name: str, bindings: Sequence[Any] = (), /) -> list[tuple[Any, ...]]: ...


class LineFile(Struct, frozen=True, kw_only=True):
    """A file as it is known again. ``reading`` stands for everything that changes how the same content is read."""

    sha256: str
    reading: str
    kind: str
    format: str


class Kept(Struct, kw_only=True):
    """What a portion came to. ``new``: names never told before; ``updated``: other content that stands now; ``known``:
    nothing new, or a state that was overtaken already; ``again``: of the updated those that stood in the same file before.
    ``rows``: what was written, states that do not stand and unchanged ones told anew included."""

    rows: int = 0
    new: int = 0
    updated: int = 0
    known: int = 0
    again: int = 0


def begin_file(engine: Database, file: LineFile, now_ms: int) -> int | None:
    """A number under which portions are put; None when all of this file was imported already, read in the same way. One
    of which some rows were refused is read again: a newer version may understand them."""
    for _, facts in engine.run("select_line_file", (file.sha256, file.reading)):
        if not msgspec.json.decode(facts).get("refused"):
            return None
    load = int(engine.run("next_line_file")[0][0])
    engine.run("insert_line_load", (load, engine.run("last_line")[0][0] + 1, now_ms))
    return load


def put_lines(engine: Database, load: int, rows: Sequence[LineRow], now_ms: int) -> Kept | None:
    """A portion of a file; None when the file is not being read (any more)."""
    if not engine.run("select_line_load", (load,)):
        return None
    kept, days = _write(engine, load, rows)
    engine.run("touch_line_load", (load, now_ms))
    engine.run_rows("insert_line_load_days", [(load, kind, day) for kind, day in sorted(days)])
    return kept


def end_file(engine: Database, load: int, file: LineFile, lines: int, facts: dict[str, Any], now_ms: int) -> bool:
    """Shows all lines of a file at once. ``lines``: how many rows it brought. False when it was not being read."""
    if not engine.run("select_line_load", (load,)):
        return False
    told = msgspec.json.encode(facts).decode()
    row = (load, file.sha256, file.reading, file.kind, file.format, now_ms, lines, told)
    engine.run("insert_line_file", (*row, row_digest(*row)))
    mark_line_days(engine, engine.run("select_line_load_days", (load,)))
    _forget_load(engine, load)
    return True


def keep_told(engine: Database, rows: Sequence[LineRow]) -> Kept:
    """What a webhook or a command told: seen with the transaction that it is a part of."""
    kept, days = _write(engine, DIRECT, rows)
    mark_line_days(engine, sorted(days))
    return kept


def drop_unfinished(engine: Database, before_ms: int, load: int | None = None) -> bool:
    """Takes out some lines of a file whose reader died, or of ``load``; True while there is more to do."""
    loads = (
        engine.run("select_line_load", (load,)) if load is not None else engine.run("select_line_loads", (before_ms,))
    )
    if not loads:
        return False
    number, first = loads[0]
    rows = engine.run("select_lines_of_load", (number, first, _DROPPED_AT_ONCE))
    for line, body in rows:
        for key in keys_of(decode_thing(body)):
            engine.run("drop_line_keys", (key_number(key), line))
    engine.run("drop_line_texts", (id_array(line for line, _ in rows),))
    engine.run("drop_lines", (id_array(line for line, _ in rows),))
    if len(rows) < _DROPPED_AT_ONCE:
        _forget_load(engine, number)
        return len(loads) > 1
    return True


def _forget_load(engine: Database, load: int) -> None:
    engine.run("drop_line_load_days", (load,))
    engine.run("drop_line_load", (load,))


class _State(Struct, gc=False):
    """One row that a name has, as far as it matters for the next one."""

    order: tuple[int, int, int]  # as_of, step, id
    kind: str
    day: int
    content: bytes
    told_at: int | None
    file: int


def _write(engine: Database, file: int, rows: Sequence[LineRow]) -> tuple[Kept, set[tuple[str, int]]]:
    """Writes what is not known yet, and answers what it was and which days it changes."""
    seen, taken = _states(engine, file, rows)
    kept = Kept()
    days: set[tuple[str, int]] = set()
    fresh: list[tuple[Any, ...]] = []
    keys: list[tuple[int, int]] = []
    texts: list[tuple[Any, ...]] = []
    books: list[Book] = []
    again: dict[bytes, None] = {}
    line = int(engine.run("last_line")[0][0])
    for row in rows:
        states = seen.setdefault(row.name, [])
        before = max(states, key=_order) if states else None
        stands = _judge(kept, row, states, before, line + 1, file)
        if stands is None:
            continue
        line += 1
        if stands:
            days.add((row.kind, row.day))
            if before is not None:
                days.add((before.kind, before.day))
        if row.name in taken or before is not None:
            again[row.name] = None
        fresh.append(_columns(line, file, row))
        keys += [(key, line) for key in row.keys]
        if row.book is not None:
            books.append(row.book)
        if row.text:
            texts.append((line, row.received_at, row.text, row_digest(line, row.received_at, row.text)))
    engine.run_rows("insert_lines", fresh)
    engine.run_rows("insert_line_keys", keys)
    engine.run_rows("insert_line_texts", texts)
    put_books(engine, books)
    engine.run_rows("insert_lines_again", [(name,) for name in again])
    return kept, days


def _judge(kept: Kept, row: LineRow, states: list[_State], before: _State | None, line: int, file: int) -> bool | None:
    """Counts a row, and adds it to its name's states where it says something: whether it stands; None where it says nothing."""
    order = (row.as_of, row.step, line)
    if before is not None and not _says_more(row, order, states, before):
        kept.known += 1
        return None
    kept.rows += 1
    stands = before is None or order > before.order
    _count(kept, row, file, before, stands)
    states.append(_State(order, row.kind, row.day, row.content, row.told_at, file))
    return stands


class Foresight:
    """What a file would come to, were it imported: nothing is written. ``asks`` reads the store."""

    def __init__(self, asks: Asks) -> None:
        self.kept = Kept()
        self._asks = asks
        self._seen: dict[bytes, list[_State]] = {}
        self._line = 1 << 62  # behind every row there is

    def was_imported(self, file: LineFile) -> bool:
        """As `begin_file` decides it."""
        found = self._asks.run("select_line_file", (file.sha256, file.reading))
        return any(not msgspec.json.decode(facts).get("refused") for _, facts in found)

    def put(self, rows: Sequence[LineRow]) -> None:
        fresh = {row.name for row in rows} - self._seen.keys()
        seen, _ = _states(self._asks, _TO_COME, [row for row in rows if row.name in fresh])
        self._seen.update({name: seen.get(name, []) for name in fresh})
        for row in rows:
            states = self._seen[row.name]
            self._line += 1
            _judge(self.kept, row, states, max(states, key=_order) if states else None, self._line, _TO_COME)


def _states(engine: Asks, file: int, rows: Sequence[LineRow]) -> tuple[dict[bytes, list[_State]], set[bytes]]:
    """By name the states that are seen, and the names that have any row, of files that are still being read, too."""
    seen: dict[bytes, list[_State]] = {}
    taken: set[bytes] = set()
    for name, of, as_of, step, line, kind, day, content, told_at, is_seen in engine.run(
        "select_lines_named", (key_array(row.name for row in rows), file)
    ):
        taken.add(name)
        if is_seen:
            seen.setdefault(name, []).append(_State((as_of, step, line), kind, day, content, told_at, of))
    return seen, taken


def _order(state: _State) -> tuple[int, int, int]:
    return state.order


def _says_more(row: LineRow, order: tuple[int, int, int], states: Sequence[_State], before: _State) -> bool:
    """Whether a row is worth keeping. Each time of its own at which a source said something is: what was said when must
    not depend on which file came first. Without one, what stands says the same, or it was told before and would not stand."""
    told = any(s.content == row.content and s.told_at == row.told_at for s in states)
    if row.told_at is not None:
        return not told
    return row.content != before.content and (not told or order > before.order)


def _count(kept: Kept, row: LineRow, file: int, before: _State | None, stands: bool) -> None:
    if before is None:
        kept.new += 1
    elif row.content == before.content or not stands:
        kept.known += 1
    else:
        kept.updated += 1
        kept.again += before.file == file != DIRECT


def _columns(line: int, file: int, row: LineRow) -> tuple[Any, ...]:
    body = bytes(row.body)
    facts = (file, row.row, row.kind, row.day, row.name, row.told_at, row.as_of, row.step, row.ordinal, row.received_at)
    return (line, *facts, row.content, body, line_digest(*facts, row.content, body))


def line_digest(*columns: Any) -> bytes:
    """Over a line's columns from file to body."""
    return row_digest(*columns)
