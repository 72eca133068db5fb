"""The embedded engine as a side of a transfer: see `store.transfer.tables`.

Owns how its tables are read and written as a whole, and its fold keys, which stand in a table for each day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import apsw

from twofold.errors import StoreDamaged
from twofold.store.sqlite.database import Engine, open_reader, translated
from twofold.store.sqlite.fold_keys import TREE
from twofold.store.transfer.tables import KEYS, Row, Table

KINDS = {"INTEGER": "bigint", "TEXT": "text", "BLOB": "bytea"}
AT_ONCE = 50_000
"""Rows of one transaction."""
_FOLD = "select name from sqlite_schema where type = 'table' and name glob 'fold_[0-9]*'"


class EmbeddedSide:
    """``db`` stays whoever's it is; one that is written to has nothing in its tables."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def tables(self) -> tuple[Table, ...]:
        """See `Side`."""
        names = self._db.execute(
            "select name from sqlite_schema where type = 'table' and name not glob 'fold_[0-9]*' "
            "and name not glob 'sqlite_*' and name <> ? order by name", (KEYS.name,)
        ).fetchall()  # fmt: skip
        return tuple(Table(str(name), self._columns(str(name))) for (name,) in names)

    def _columns(self, table: str) -> tuple[tuple[str, str], ...]:
        rows = self._db.execute(f"pragma table_xinfo({table})").fetchall()
        return tuple(sorted((str(name), KINDS[str(kind).upper()]) for _, name, kind, *_, hidden in rows if not hidden))

    def count(self, table: Table) -> int:
        """See `Side`."""
        sql = f"select count(*) from ({self._keys()})" if table is KEYS else f"select count(*) from {table.name}"
        ((rows,),) = self._db.execute(sql).fetchall()
        return int(str(rows))

    def read(self, table: Table) -> Iterator[Row]:
        """See `Side`."""
        sql = self._keys() if table is KEYS else f"select {', '.join(table.names)} from {table.name}"
        try:
            yield from self._db.execute(sql)
        except apsw.Error as err:
            raise translated(err) from err
        except UnicodeDecodeError as err:
            raise StoreDamaged(f"the table {table.name} holds a text that nobody wrote: {err.reason}") from err

    def _keys(self) -> str:
        """A key may stand in the tables of two days, and in a log beside the tree of its day."""
        names = [str(name) for (name,) in self._db.execute(_FOLD)]
        parts = [f"select key, action, {name.split('_')[1]} as day from {name}" for name in names]
        parts.append("select key, action, day from held_key where action is not null")
        return f"select key, min(action), max(day) from ({' union all '.join(parts)}) group by key"

    def form(self, _table: Table, row: Row) -> Row:
        """It holds whatever the other engine can hold."""
        return row

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        """See `Side`. In portions: what is not whole yet is nobody's."""
        rest = iter(rows)
        try:
            while part := list(islice(rest, AT_ONCE)):
                with self._db:
                    if table is KEYS:
                        self._write_keys(part)
                    else:
                        values = ", ".join("?" * len(table.columns))
                        sql = f"insert into {table.name} ({', '.join(table.names)}) values ({values})"
                        self._db.executemany(sql, part)
        except apsw.Error as err:
            raise translated(err) from err

    def _write_keys(self, rows: list[Row]) -> None:
        by_day: dict[int, list[Row]] = {}
        for key, action, day in sorted(rows):
            by_day.setdefault(day, []).append((key, action))
        for day, some in by_day.items():
            self._db.execute(f"create table if not exists fold_{day:d} {TREE}")
            self._db.executemany(f"insert into fold_{day:d} (key, action) values (?, ?)", some)


def source_side(folder: Path) -> tuple[EmbeddedSide, apsw.Connection]:
    """Of a folder that nobody writes to, in one snapshot. The connection is to be closed."""
    db = open_reader(folder)
    db.execute("begin")
    return EmbeddedSide(db), db


def target_side(folder: Path) -> tuple[EmbeddedSide, Engine]:
    """A new database in the folder. The engine is to be closed."""
    engine = Engine(folder)
    side = EmbeddedSide(engine.db)
    for table in side.tables():
        engine.db.execute(f"delete from {table.name}")  # what a new one begins with comes with the other's rows
    return side, engine
