"""A connection to the store's database: how it is opened, what is asked of the server first, and how a named statement runs.

Owns what both the writing connection and the readers need. The durability of a commit rests on settings of the server and of
the session: they are set where they may be, read back, and refused where they are weaker. Statements run by their names in
PostgreSQL's wording; bodies come back as they were before they were packed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import Connection, RawCursor

from twofold.errors import StoreAway, StoreError
from twofold.store.bodies import plain_body
from twofold.store.peers.places import Edge
from twofold.store.postgres.faults import translated
from twofold.store.postgres.statements import PACKED, inline, over_spans, wording
from twofold.store.postgres.values import adapt
from twofold.store.sqlite.statements import Named

SCHEMA = "twofold"
MIN_SERVER = 150_000
CONNECT_S = 5
STATEMENT_S = 60
_STRONG = ("on", "remote_apply")


def connect(address: str, *, writes: bool) -> Connection[Any]:
    """A connection whose settings were looked at. Raises `StoreAway` where there is no server, `StoreError` for a weak one."""
    try:
        db = psycopg.connect(
            address, autocommit=True, cursor_factory=RawCursor, connect_timeout=CONNECT_S, application_name="twofold",
            keepalives_idle=5, keepalives_interval=2, keepalives_count=3, tcp_user_timeout=10_000,
            target_session_attrs="read-write" if writes else "primary",  # what a standby says may be of a moment ago
        )  # fmt: skip
    except (psycopg.Error, ValueError, UnicodeError) as err:
        # Never its own text, which could quote the address with its password.
        raise StoreAway(f"PostgreSQL of [server] store cannot be reached: {type(err).__name__}") from None
    try:
        adapt(db)
        db.prepare_threshold = 1
        db.prepared_max = 2_000
        _configure(db, writes)
    except psycopg.Error as err:
        db.close()
        raise translated(err) from None
    except BaseException:
        db.close()
        raise
    return db


def _configure(db: Connection[Any], writes: bool) -> None:
    version = db.info.server_version
    if version < MIN_SERVER:
        raise StoreError(f"PostgreSQL {version // 10_000} is too old for the store; expected 15 or newer")
    db.execute(f"set search_path = {SCHEMA}, pg_catalog")
    db.execute(f"set statement_timeout = '{STATEMENT_S}s'")
    db.execute("set lock_timeout = '15s'")
    # A machine that is gone says nothing: its session, and with it its place, is over some ten seconds later.
    for name, value in (("tcp_keepalives_idle", 5), ("tcp_keepalives_interval", 2), ("tcp_keepalives_count", 3)):
        db.execute(f"set {name} = {value}")
    if _setting(db, "server_encoding") != "UTF8":
        raise StoreError("the database's encoding is not UTF8; make one with `create database … encoding 'UTF8'`")
    if not writes:
        # Nobody waits for a snapshot, and what is made of its rows between two questions may take minutes.
        db.execute("set default_transaction_read_only = on")
        db.execute("set idle_in_transaction_session_timeout = 0")
        return
    # One that stands still in a transaction stops those that wait for it: it ends before they give up.
    db.execute("set idle_in_transaction_session_timeout = '10s'")
    if _setting(db, "synchronous_commit") not in _STRONG:
        db.execute("set synchronous_commit = on")
    for name, expected in (("synchronous_commit", _STRONG), ("fsync", ("on",)), ("full_page_writes", ("on",))):
        got = _setting(db, name)
        if got not in expected:
            raise StoreError(
                f"PostgreSQL's setting {name}: expected {expected[0]}, got {got}; durability is not assured"
            )


def _setting(db: Connection[Any], name: str) -> str:
    row = db.execute("select current_setting($1)", (name,)).fetchone()
    return str(row[0]) if row else ""


def rows_of(cursor: psycopg.Cursor[Any]) -> list[tuple[Any, ...]]:
    """All rows of what was just run, bodies unpacked."""
    described = cursor.description
    if described is None:
        return []
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    for at, one in enumerate(described):
        if one.name.startswith(PACKED):
            rows = [(*row[:at], plain_body(row[at]), *row[at + 1 :]) for row in rows]
    return rows


class Rows:
    """What a statement answered, asked as a cursor of the embedded engine is."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._left = iter(rows_of(cursor))
        self._names = [one.name.removeprefix(PACKED) for one in cursor.description or ()]

    def get_description(self) -> tuple[tuple[str], ...]:
        """The name of each column."""
        return tuple((name,) for name in self._names)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._left

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Those that were not taken yet."""
        return list(self._left)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next one."""
        return next(self._left, None)


class Reader:
    """Named statements on a connection, for whoever reads: ``execute(statement(name), values)``."""

    def __init__(self, db: Connection[Any]) -> None:
        self._db = db

    def execute(self, sql: str, bindings: Sequence[Any] = ()) -> Rows:
        """The statement by its name, in this engine's wording; ``begin`` is the beginning of a snapshot."""
        if isinstance(sql, Named):
            text = wording(sql.name)
        else:
            text = "begin isolation level repeatable read" if sql == "begin" else inline(sql)
        if bindings and isinstance(bindings[0], Edge):
            text, bindings = over_spans(text, bindings)
        try:
            return Rows(self._db.execute(text, bindings, binary=True))
        except psycopg.Error as err:
            raise translated(err) from None

    def close(self) -> None:
        """Nothing more is asked."""
        self._db.close()


def open_reader(address: str) -> Reader:
    """A connection that only reads."""
    return Reader(connect(address, writes=False))
