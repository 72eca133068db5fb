"""A PostgreSQL server of the tests' own, and a database for each data folder that is opened on it.

A database is made once and used again: making one costs as much as a test. What a test has left in it is deleted, and that no
connection was left open is looked at, when its folder is done with.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.facts.postgres import server
from twofold.store import engines

if TYPE_CHECKING:
    import psycopg

TEMPLATE = "twofold_template"
PEER = "peer-"
"""Begins the name of a folder that one of several processes has beside the database of the folder above it."""
PATIENCE_S = 60
LEAVE_S = 60
"""How long a session may take to end after its connection was closed."""

NEW = re.findall(r"(?m)^insert into [^;]*;", files("twofold.store.postgres").joinpath("schema.sql").read_text("utf-8"))
"""What makes the rows that a new database has."""
_ROWS = "select tablename from pg_tables where schemaname = 'twofold' and tablename !~ '^held_key_' order by 1"
_SEQUENCES = "select sequencename from pg_sequences where schemaname = 'twofold' and last_value is not null"
_FORM = "select md5(string_agg(concat_ws(' ', attrelid::regclass, attname, atttypid, attnotnull, attisdropped), ',' order by attrelid::regclass::text, attnum)) from pg_attribute where attrelid in (select oid from pg_class where relnamespace = 'twofold'::regnamespace)"
_OTHERS = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"


class Databases:
    """Of one server."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._of: dict[Path, str] = {}
        self._free: list[str] = []
        self._made = 0
        self._emptying: dict[str, Any] = {}  # a connection to each database that was used again
        self._form: tuple[Any, ...] | None = None

    def of(self, folder: Path) -> str:
        """The address of this folder's database, which is found when it is first asked for."""
        folder = folder.parent if folder.name.startswith(PEER) else folder
        if folder not in self._of:
            self._take_back(*[f for f in self._of if not f.exists()])  # of examples of a law, which follow one another
            self._of[folder] = self._free.pop() if self._free else self.new()
        return self._of[folder]

    def new(self) -> str:
        """The address of a new database with the store's tables, which is nobody else's afterwards."""
        import psycopg

        self._made += 1
        name = f"store_{self._made}"
        with psycopg.connect(self.address, autocommit=True) as db:
            db.execute(f"create database {name} template {TEMPLATE} strategy wal_log")
        return self.address.rpartition("/")[0] + f"/{name}"

    def done(self) -> None:
        """At the end of a test. Raises `AssertionError` where a connection was left open."""
        self._take_back(*self._of)

    def close(self) -> None:
        """Before the server ends."""
        for db in self._emptying.values():
            db.close()

    def _take_back(self, *folders: Path) -> None:
        for folder in folders:
            address = self._of.pop(
                folder, None
            )  # a thread of an earlier test may have asked meanwhile, for its folder that is gone
            if address is not None and self._empty(address):
                self._free.append(address)

    def _empty(self, address: str) -> bool:
        """Nothing is left in it but what a new one has. False where its tables are not as they were made."""
        import psycopg

        db = self._emptying.get(address)
        if db is None:
            db = self._emptying[address] = psycopg.connect(address, autocommit=True)
            db.execute("set search_path = twofold, pg_catalog")
        until = time.monotonic() + LEAVE_S
        while db.execute(_OTHERS).fetchone() != (0,):
            assert time.monotonic() < until, "a connection to the database was left open"
            time.sleep(0.01)
        form = db.execute(_FORM).fetchone()
        if form != (self._form or form):
            return False
        self._form = form
        tables = [name for (name,) in db.execute(_ROWS)]
        any_row = " union all ".join(f"select '{name}' where exists (select from {name})" for name in tables)
        filled = [name for (name,) in db.execute(any_row, prepare=True)]
        with db.transaction():
            db.execute("drop schema if exists twofold_lists cascade")  # begun when a platform is first told of people
            for name in filled:
                db.execute(f"delete from {name} where name <> 'form'" if name == "meta" else f"delete from {name}")
            for row in NEW:
                db.execute(row)
            for (name,) in db.execute(_SEQUENCES).fetchall():
                db.execute(f"alter sequence {name} restart")
        return db.execute("select name from meta").fetchall() == [("form",)]


def chosen_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The body of a fixture ``on_engine``: every folder of a test whose parameter says "postgres" has its database there."""
    name = str(getattr(request, "param", "embedded"))
    if name != "postgres":
        yield name
        return
    found: Databases = request.getfixturevalue("postgres")
    monkeypatch.setattr(engines, "address_of", found.of)
    yield name
    found.done()


@contextmanager
def no_standby(db: psycopg.Connection[Any]) -> Iterator[None]:
    """Each commit waits for a standby that never comes. The server's processes hear of it one after the other: it is so once a commit
    of another session was seen waiting, and was cut short."""
    import psycopg

    db.execute("alter system set synchronous_standby_names = 'ANY 1 (nobody)'")
    db.execute("select pg_reload_conf()")
    try:
        with psycopg.connect(db.info.dsn, autocommit=True) as probe:
            deadline = time.monotonic() + PATIENCE_S
            while not _waited(db, probe):
                assert time.monotonic() < deadline, "no commit waits"
        yield
    finally:
        db.execute("alter system reset synchronous_standby_names")
        db.execute("select pg_reload_conf()")


def _waited(db: psycopg.Connection[Any], probe: psycopg.Connection[Any]) -> bool:
    """Whether a commit of the probe's had to. It leaves nothing, but is in the server's log: what is not does not wait, whatever number
    it was given."""
    cut_short = f"select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep' and pid = {probe.info.backend_pid}"
    committing = threading.Thread(target=probe.execute, args=("select pg_logical_emit_message(true, 'twofold', '')",))
    committing.start()
    waited = False
    while committing.is_alive():
        waited = bool(db.execute(cut_short).fetchall()) or waited
        committing.join(0.02)
    return waited


@contextmanager
def databases() -> Iterator[Databases]:
    """A server that flushes what it commits, to memory where there is a file system in memory; with the template of a store."""
    import psycopg

    from twofold.store.postgres.connection import connect
    from twofold.store.postgres.database import make_schema

    with server(flushed=True, in_memory=True) as address:
        with psycopg.connect(address, autocommit=True) as db:
            db.execute(f"create database {TEMPLATE} template template0 encoding 'UTF8'")
        with connect(address.rpartition("/")[0] + f"/{TEMPLATE}", writes=True) as db:
            make_schema(db)
        made = Databases(address)
        try:
            yield made
        finally:
            made.close()
