"""A data folder as a program of before would have left it: the tables in an older form, with what they had room for.

Owns the way back, which no program has; the way forward is the store's own. It is taken from the steps themselves: a table that
came later goes, one that was changed is made anew as it was, with the columns that both have.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import apsw

from twofold.store.beside.watermark import _SEAL, _SEAL_AT
from twofold.store.bodies import plain_body
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.sqlite.database import _add_functions, _migration

OLDEST = 19
"""The oldest form to which there is a way back: the steps since have added what can be worked out from the rest."""


def put_back(file: Path, form: int) -> None:
    """Brings a database that nobody has open to an older form, and leaves it without a log."""
    db = apsw.Connection(str(file))
    try:
        _add_functions(db)
        db.pragma("journal_mode", "delete")
        db.pragma("synchronous", "full")
        db.pragma("secure_delete", "on")  # as the program has it: what is dropped leaves nothing in the file
        with db:
            _rebuild(db, _schema_of(form))
            db.pragma("user_version", form)
        db.pragma("journal_mode", "wal")
    finally:
        db.close()


def forget_seal(file: Path) -> None:
    """Of the watermark, by which a start sees whether somebody else has changed the database since it was closed."""
    if file.exists():
        data = file.read_bytes()
        file.write_bytes(data[:_SEAL_AT] + bytes(_SEAL.size + 4) + data[_SEAL_AT + _SEAL.size + 4 :])


@cache
def _schema_of(form: int) -> dict[str, tuple[str, str]]:
    """Kind (table, index) and words of everything that a database of a form has, by name."""
    db = apsw.Connection(":memory:")
    try:
        db.create_scalar_function("plain_body", plain_body, 1, deterministic=True)  # type: ignore[arg-type]
        for step in range(1, form + 1):
            db.execute(_migration(step))
        return _named(db)
    finally:
        db.close()


def _named(db: apsw.Connection) -> dict[str, tuple[str, str]]:
    rows = db.execute("select name, type, sql from sqlite_schema where sql is not null").fetchall()
    return {str(name): (str(kind), str(sql)) for name, kind, sql in rows}


def _rebuild(db: apsw.Connection, old: dict[str, tuple[str, str]]) -> None:
    new, whole = _named(db), _schema_of(SCHEMA_VERSION)
    tables = [name for name, (kind, _) in new.items() if kind == "table" and name in whole]
    for name in tables:
        if name not in old:
            db.execute(f"drop table {name}")
        elif old[name] != new[name]:
            db.execute(f"alter table {name} rename to as_it_is_now")
            db.execute(old[name][1])
            columns = ", ".join(c for c in _columns(db, name) if c in _columns(db, "as_it_is_now"))
            db.execute(f"insert into {name} ({columns}) select {columns} from as_it_is_now")
            db.execute("drop table as_it_is_now")
    there = _named(db)
    for name, (kind, _sql) in there.items():
        if kind == "index" and name in whole and name not in old:
            db.execute(f"drop index {name}")
    for name, (_kind, sql) in old.items():
        if name not in there:
            db.execute(sql)


def _columns(db: apsw.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in db.execute(f"pragma table_info({table})")]
