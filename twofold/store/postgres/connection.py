"""A connection to the store's database: how it is opened, what is asked of the server first, and how a named statement runs.

Owns what both the writing connection and the readers need. The durability of a commit rests on settings of the server and of
the session: they are set where they may be, read back, and refused where they are weaker. Statements run by their names in
PostgreSQL's wording; bodies come back as they were before they were packed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import Connection, RawCursor, RawServerCursor
from psycopg.pq import TransactionStatus

from twofold.errors import StoreAway, StoreError
from twofold.store.bodies import plain_body
from twofold.store.peers.places import Edge
from twofold.store.postgres.faults import refusal_of, translated
from twofold.store.postgres.statements import PACKED, inline, over_spans, wording
from twofold.store.postgres.values import adapt
from twofold.store.sqlite.statements import Named

SCHEMA = "twofold"
MIN_SERVER = 150_000
CONNECT_S = 5
STATEMENT_S = 60
READ_S = 900
"""A report over years may ask for so long; a question whose asker is gone the server ends by itself (`GONE_S`)."""
ROW_MS = 250
"""How long the gateway's loop stands still at most for a row that another process has: until then it answers nobody. Sooner than the
server looks whether two wait for each other."""
GONE_S = 10
FETCHED = 2_000
"""Rows of a walk that are in memory at once."""
_STRONG = ("on", "remote_apply")
_SNAPSHOT = "begin isolation level repeatable read"


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
        raise StoreAway(
            f"PostgreSQL of [server] store cannot be reached: {refusal_of(str(err)) or type(err).__name__}"
        ) from None
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
    db.execute(f"set statement_timeout = '{STATEMENT_S if writes else READ_S}s'")
    db.execute("set lock_timeout = '15s'")
    db.execute("set jit = off")  # what it makes of a statement takes it longer than nearly all of ours run
    # A machine that is gone says nothing: its session, and with it its place, is over some ten seconds later.
    for name, value in (("tcp_keepalives_idle", 5), ("tcp_keepalives_interval", 2), ("tcp_keepalives_count", 3)):
        db.execute(f"set {name} = {value}")
    if _setting(db, "server_encoding") != "UTF8":
        raise StoreError("the database's encoding is not UTF8; make one with `create database … encoding 'UTF8'`")
    if not writes:
        # Nobody waits for a snapshot, and what is made of its rows between two questions may take minutes.
        db.execute("set default_transaction_read_only = on")
        db.execute("set idle_in_transaction_session_timeout = 0")
        db.execute(f"set client_connection_check_interval = '{GONE_S}s'")
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


def find_by_keys(db: Connection[Any]) -> None:
    """For the gateway's loop, which asks as the embedded engine is asked, and waits for nobody long: each statement names few rows, and
    finds them by keys. Whole tables are read where there is no other way; what is thought of their size, when some of it is months
    old, is no reason to."""
    for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
        db.execute(f"set {name} = off")
    db.execute("set max_parallel_workers_per_gather = 0")
    db.execute(f"set lock_timeout = {ROW_MS}")


def _setting(db: Connection[Any], name: str) -> str:
    row = db.execute("select current_setting($1)", (name,)).fetchone()
    return str(row[0]) if row else ""


def rows_of(cursor: psycopg.Cursor[Any]) -> list[tuple[Any, ...]]:
    """All rows of what was just run, bodies unpacked."""
    return _unpacked(cursor.description, cursor.fetchall()) if cursor.description is not None else []


def _unpacked(described: Sequence[psycopg.Column] | None, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    for at, one in enumerate(described or ()):
        if one.name.startswith(PACKED):
            rows = [(*row[:at], plain_body(row[at]), *row[at + 1 :]) for row in rows]
    return rows


class Rows:
    """What a statement answered, asked as a cursor of the embedded engine is."""

    def __init__(self, described: Sequence[psycopg.Column] | None, rows: Iterator[tuple[Any, ...]]) -> None:
        self._left = rows
        self._names = [one.name.removeprefix(PACKED) for one in described or ()]

    def get_description(self) -> tuple[tuple[str], ...]:
        """The name of each column."""
        return tuple((name,) for name in self._names)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._left

    def __next__(self) -> tuple[Any, ...]:
        return next(self._left)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Those that were not taken yet."""
        return list(self._left)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next one."""
        return next(self._left, None)


def answer_of(cursor: psycopg.Cursor[Any]) -> Rows:
    """What was just run, all of it in memory."""
    return Rows(cursor.description, iter(rows_of(cursor)))


class Reader:
    """Named statements on a connection, for whoever reads: ``execute(statement(name), values)``."""

    def __init__(self, db: Connection[Any], limit_s: int | None = None) -> None:
        """``limit_s``: after which the server ends a question, where that is no fault of its own."""
        self._db, self._limit_s = db, limit_s

    def execute(self, sql: str, bindings: Sequence[Any] = ()) -> Rows:
        """The statement by its name, in this engine's wording; ``begin`` is the beginning of a snapshot."""
        text, values = self._worded(sql, bindings)
        try:
            return self._asked(text, values)
        except psycopg.Error as err:
            if self._limit_s is not None and err.sqlstate == "57014":
                raise StoreError(f"the database took longer than {self._limit_s} s for one question") from None
            raise translated(err) from None

    def _worded(self, sql: str, bindings: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        if isinstance(sql, Named):
            text = wording(sql.name)
        else:
            text = _SNAPSHOT if sql == "begin" else inline(sql)
        return over_spans(text, bindings) if bindings and isinstance(bindings[0], Edge) else (text, bindings)

    def _asked(self, text: str, values: Sequence[Any]) -> Rows:
        return answer_of(self._db.execute(text, values, binary=True))

    def close(self) -> None:
        """Nothing more is asked."""
        self._db.close()


class Walker(Reader):
    """A reader whose answers may be longer than memory: once it has its snapshot, rows come as they are asked for, and however long
    all of them take."""

    def __init__(self, db: Connection[Any]) -> None:
        super().__init__(db)
        db.execute("set statement_timeout = 0")
        self._walks = 0

    def _asked(self, text: str, values: Sequence[Any]) -> Rows:
        if self._db.pgconn.transaction_status != TransactionStatus.INTRANS:
            return super()._asked(text, values)
        self._walks += 1
        cursor = RawServerCursor(self._db, f"walk_{self._walks}")
        try:
            cursor.execute(text, values, binary=True)
        except BaseException:
            cursor.close()
            raise
        return Rows(cursor.description, _walked(cursor))


def _walked(cursor: psycopg.ServerCursor[Any]) -> Iterator[tuple[Any, ...]]:
    try:
        while rows := cursor.fetchmany(FETCHED):
            yield from _unpacked(cursor.description, rows)
    except psycopg.Error as err:
        raise translated(err) from None
    finally:
        cursor.close()


def open_reader(address: str) -> Reader:
    """A connection that only reads."""
    return Reader(connect(address, writes=False), READ_S)


def open_walker(address: str) -> Walker:
    """A connection that only reads, for whoever reads all there is."""
    return Walker(connect(address, writes=False))
