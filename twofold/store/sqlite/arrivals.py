"""The newest fold keys of a large day in the order they came, so that a commit writes a page of them and not a page for each.

Owns logs: tables ``fold_<day>_<n>`` beside a day's tree ``fold_<day>``, to which keys are appended, each with an image in
memory by which its keys are found. A log that is full is moved into the tree in the order of the keys, a slice with each
later batch: some keys of each slice share a page, where keys in the order of arrival share none. What a log holds is on disk
from the commit it came with; the image is read from it at the start, and rolls back with it. A crash while a log is moved
costs nothing: what is in the tree already is ignored when it comes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from twofold.store.engine import id_array, key_array
from twofold.store.sqlite.database import Engine
from twofold.store.sqlite.statements import MAX_ROWS

FULL = 200_000
"""Keys of one log; its image takes some 10 MB."""

EMPTIED_AT_ONCE = 4_000
_IMAGES = "recent"
_KEYS = "(key blob primary key, action integer not null, place integer not null) strict, without rowid"
_LOG = "(place integer primary key, key blob not null, action integer not null) strict"


class Log(NamedTuple):
    """The ``number``-th of a day."""

    day: int
    number: int

    @property
    def table(self) -> str:
        return f"fold_{self.day}_{self.number}"


class Arrivals:
    """Runs inside the writer's transaction; `reload` after one was rolled back."""

    def __init__(self, engine: Engine, full: int = FULL) -> None:
        self._engine = engine
        self._full = full
        if not _has_images(engine):
            engine.script(f"attach ':memory:' as {_IMAGES}")
        self.reload()
        for log in self._logs:
            if log not in self._imaged:
                self._image(log)
                script = f"insert into {_IMAGES}.{log.table} select key, action, place from main.{log.table}"
                engine.script(script)

    def reload(self) -> None:
        """Reads which logs there are; a log without an image has been moved, and is being emptied."""
        self._logs = sorted(map(_log_of, _names(self._engine, "main", "fold_[0-9]*_[0-9]*")))
        self._imaged = set(map(_log_of, _names(self._engine, _IMAGES, "fold_[0-9]*")))
        self._moved_to = b""

    def images(self, days: Sequence[int]) -> tuple[str, ...]:
        """The tables in which keys of these days are found besides their trees."""
        return tuple(f"{_IMAGES}.{log.table}" for log in self._logs if log in self._imaged and log.day in days)

    def tables(self, day: int) -> list[str]:
        """A day's logs."""
        return [log.table for log in self._logs if log.day == day]

    def add(self, day: int, rows: Sequence[tuple[bytes, int]]) -> None:
        """Keys that stand nowhere yet, in the order they came."""
        table = self._taking(day).table
        place = self._last_place(table)
        for start in range(0, len(rows), MAX_ROWS):
            part = rows[start : start + MAX_ROWS]
            values = ", ".join(["(?, ?)"] * len(part))
            sql = f"/* append_keys */ insert into main.{table} (key, action) values {values}"
            self._engine.script(sql, list(chain.from_iterable(part)))
        self._engine.script(
            f"/* image_keys */ insert or ignore into {_IMAGES}.{table} "
            f"select key, action, place from main.{table} where place > ?",
            (place,),
        )

    def move(self, size: int, newest_day: int) -> None:
        """The next ``size`` keys of the oldest log that takes no more go into their tree."""
        done = [log for log in self._logs if log.day != newest_day] or self._logs[:-1]
        if not done:
            return
        log = done[0]
        if log not in self._imaged:
            self._empty(log)
            return
        image = f"{_IMAGES}.{log.table}"
        ends = self._engine.script(
            f"/* slice_of_keys */ select key from {image} where key > ? order by key limit 1 offset ?",
            (self._moved_to, size - 1),
        )
        until = ends[0][0] if ends else b"\xff" * 17  # behind every key
        self._engine.script(
            f"/* move_keys */ insert or ignore into main.fold_{log.day} "
            f"select key, action from {image} where key > ? and key <= ? order by key",
            (self._moved_to, until),
        )
        self._moved_to = until
        if not ends:
            self._engine.script(f"drop table {image}")
            self._imaged.discard(log)
            self._moved_to = b""

    def drop(self, day: int) -> None:
        """The day has left the window."""
        for log in [log for log in self._logs if log.day == day]:
            self._engine.script(f"drop table main.{log.table}")
            self._engine.script(f"drop table if exists {_IMAGES}.{log.table}")

    def _taking(self, day: int) -> Log:
        """The log that takes keys: the day's last one until it is full."""
        last = self._logs[-1] if self._logs and self._logs[-1].day == day else None
        if last is not None and last in self._imaged and self._last_place(last.table) < self._full:
            return last
        log = Log(day, last.number + 1 if last else 1)
        self._engine.script(f"create table main.{log.table} {_LOG}")
        self._image(log)
        self._logs.append(log)
        return log

    def _image(self, log: Log) -> None:
        self._engine.script(f"create table {_IMAGES}.{log.table} {_KEYS}")
        self._imaged.add(log)

    def _last_place(self, table: str) -> int:
        return int(self._engine.script(f"/* last_key */ select coalesce(max(place), 0) from main.{table}")[0][0])

    def _empty(self, log: Log) -> None:
        """Takes the rows away by and by: at once it would write zeros over all of its pages in one commit."""
        self._engine.script(
            f"/* empty_log */ delete from main.{log.table} where place <= "
            f"(select min(place) from main.{log.table}) + ?",
            (EMPTIED_AT_ONCE,),
        )
        if not self._last_place(log.table):
            self._engine.script(f"drop table main.{log.table}")
            self._logs.remove(log)


def forget_keys(engine: Engine, keys: Iterable[bytes], actions: Iterable[int] | None = None) -> None:
    """Keys lead nowhere any more, or not to these actions: neither in a tree nor in a log."""
    wanted = list(keys)
    if not wanted:
        return
    if actions is None:
        engine.run("forget_fold_keys", (key_array(wanted),))
    else:
        actions = set(actions)
        engine.run("forget_fold_keys_of", (key_array(wanted), id_array(actions)))
        wanted = _leading_to(engine, wanted, set(actions))
    if not wanted:
        return
    gone = key_array(wanted)
    imaged = set(_names(engine, _IMAGES, "fold_[0-9]*")) if _has_images(engine) else set()
    for table in _names(engine, "main", "fold_[0-9]*"):
        if table in imaged:
            image = f"{_IMAGES}.{table}"
            found = engine.script(f"select place from {image} where key in (select value from carray(?))", (gone,))
            places = id_array(place for (place,) in found)
            engine.script(f"delete from main.{table} where place in (select value from carray(?))", (places,))
            engine.script(f"delete from {image} where key in (select value from carray(?))", (gone,))
        else:  # a tree; or a log that has been moved, which is walked
            engine.script(f"delete from main.{table} where key in (select value from carray(?))", (gone,))


def _leading_to(engine: Engine, keys: list[bytes], actions: set[int]) -> list[bytes]:
    """Those of the keys that lead to one of these actions, wherever they stand."""
    found: set[bytes] = set()
    for table in _names(engine, "main", "fold_[0-9]*"):
        sql = f"select key, action from main.{table} where key in (select value from carray(?))"
        found |= {key for key, action in engine.script(sql, (key_array(keys),)) if action in actions}
    return sorted(found)


def _names(engine: Engine, schema: str, pattern: str) -> list[str]:
    rows = engine.script(f"select name from {schema}.sqlite_schema where type = 'table' and name glob ?", (pattern,))
    return [name for (name,) in rows]


def _log_of(table: str) -> Log:
    _, day, number = table.split("_")
    return Log(int(day), int(number))


def _has_images(engine: Engine) -> bool:
    return any(name == _IMAGES for _, name, _ in engine.script("select seq, name, file from pragma_database_list"))
