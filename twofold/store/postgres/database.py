"""The store's writing connection to PostgreSQL: one gateway's, and what becomes of it when the server goes away.

Owns the locks of the database, the schema's form, and the connection that is opened again after a loss. A loss is never a
success: whatever was in the transaction is answered with `StoreAway` and may be sent again, also where the commit arrived and
only its answer did not.

Two locks belong to the session. The first says whether several processes write (`LOCK`, shared by all of them) or one does
(exclusive: a command that runs without a gateway). The second is a process's place: what makes the state after a loss exact is
that it is had again only when the session before, and with it its last commit, is over; then whoever keeps something of the
database in memory reads it afresh (`stale`). A third belongs to each transaction of several processes: those that hold what they
touch by themselves run *beside* each other, and any other has the database for itself (`TURN`). Beside the database the data
folder stands as for the embedded engine: secret, watermark, withdrawals.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.pq import ExecStatus, TransactionStatus

from twofold.errors import StoreAway, StoreError, StoreFailed, StoreLocked
from twofold.store.beside.folder import FolderLock, make_folder
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.postgres.connection import ROW_MS, SCHEMA, Reader, connect, find_by_keys, rows_of
from twofold.store.postgres.dead_rows import set_pace
from twofold.store.postgres.faults import translated
from twofold.store.postgres.fold_keys import forget_keys
from twofold.store.postgres.forms import FORM, LOCK, bring_along, require_form, steps
from twofold.store.postgres.statements import row_statement, wording
from twofold.store.postgres.values import column, name_of_type

log = logging.getLogger("twofold.store")

TURN = LOCK + 1
"""The advisory lock of a transaction of one among several: shared by those that may run beside each other."""
_BEGIN = "begin isolation level read committed"
_LOCK_OF = {True: "advisory_xact_lock_shared", False: "advisory_xact_lock"}
"""By whether a transaction runs beside others."""
_TRY = {beside: f"{_BEGIN}; select pg_try_{lock}({TURN})" for beside, lock in _LOCK_OF.items()}
_WAIT = {
    beside: f"set local lock_timeout = '15s'; select pg_{lock}({TURN}); set local lock_timeout = {ROW_MS}"
    for beside, lock in _LOCK_OF.items()
}
"""Whoever has the turn keeps it until its commit is through. That is waited for on a thread of its own, and may be long."""
_BEGUN = re.compile(r"(?m)^insert into (\w+)")
_MADE = re.compile(r"(?m)^create (?:unique )?(?:table|index) (\w+)")
OVER_S = 2.0
"""How long a start waits for the lock: the server ends a gateway's session a moment after the gateway."""
LOST = "the connection to the database is lost"
AGAIN_S = (0.1, 2.0)
"""How long it waits between two tries to connect again, at first and at most; drawn between half and all of it."""


class Engine:
    """See `store.engine.Database`. ``address`` is never said: it may hold a password."""

    def __init__(self, folder: Path, address: str, examine: Callable[[Any], None] | None = None) -> None:
        """``examine`` may raise, of a database that is locked and of which nothing was changed yet; without it this is one of
        several processes."""
        make_folder(folder)
        self.folder = folder
        self.alone = examine is not None
        self._place: int | None = None
        self.on_back: Callable[[Any], None] = _nothing
        self.stale = False
        """After a loss: what is kept in memory of the database is to be read afresh before anything is written."""
        self._address = address
        self._closed = threading.Event()
        self._away: StoreError | None = None
        self._changed = 0
        self._warned = False
        self._types: dict[str, tuple[str, ...]] = {}
        self.lock = FolderLock(folder)
        try:
            self._db = connect(address, writes=True)
        except BaseException:
            self.lock.release()
            raise
        try:
            take_lock(self._db, self.alone, OVER_S)
            with _in_turn(self._db):
                make_schema(self._db)
                set_pace(self._db)
            self._listen(self._db)
            find_by_keys(self._db)
            self.db = Reader(self._db)
            if examine is not None:
                examine(self.db)
        except psycopg.Error as err:
            self.close()
            raise translated(err) from None
        except BaseException:
            self.close()
            raise

    # -- statements

    def run(self, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs the statement called ``name`` and returns its rows."""
        self._require()
        try:
            cursor = self._db.execute(wording(name), bindings, binary=True)
            self._changed = cursor.rowcount
            return rows_of(cursor)
        except psycopg.Error as err:
            raise self._met(err) from None

    def run_rows(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs a row statement for all of ``rows``: one array a column."""
        if not rows:
            return
        self._require()
        form = row_statement(name)
        assert form is not None, f"{name} is no statement for rows"
        try:
            types = self._types.get(name) or self._types_of(name)
            sql = form.many(types)
            self._changed = 0
            for wave in _waves(rows, form.key):
                arrays = [column(kind, values) for kind, values in zip(types, zip(*wave, strict=True), strict=True)]
                self._changed += self._db.execute(sql, arrays).rowcount
        except psycopg.Error as err:
            raise self._met(err) from None

    def changes(self) -> int:
        """Rows changed by the last statement."""
        return self._changed

    def forget_keys(self, keys: Iterable[bytes], actions: Iterable[int] | None = None) -> None:
        """See `store.engine.Database`."""
        forget_keys(self, keys, actions)

    def _types_of(self, name: str) -> tuple[str, ...]:
        """What the engine takes the values of one row for; asked of it once."""
        form = row_statement(name)
        assert form is not None
        found = form.types
        if not found:
            db = self._db.pgconn
            label = f"of_{name}".encode()
            for answer in (db.prepare(label, form.one.encode()), db.describe_prepared(label)):
                if answer.status != ExecStatus.COMMAND_OK:
                    raise StoreError(f"internal: {name} cannot be prepared")
            described = db.describe_prepared(label)
            found = tuple(name_of_type(described.param_type(n)) for n in range(described.nparams))
        self._types[name] = found
        return found

    # -- transactions

    def occupy(self, number: int) -> bool:
        """See `store.engine.Database`."""
        self._require()
        taken = self._db.execute("select pg_try_advisory_lock($1::int, $2::int)", (LOCK, number)).fetchone() == (1,)
        if taken:
            self._place = number
        return taken

    def begin(self, beside: bool = False) -> None:
        """Opens a transaction; the commit ends it, or `rollback`."""
        if not self.begin_now(beside):
            self.wait_turn(beside)

    def begin_now(self, beside: bool = False) -> bool:
        """See `store.engine.Database`."""
        if self.alone:
            self._plain(_BEGIN, "BEGIN")
            return True
        begun = self._plain(_TRY[beside], "BEGIN")
        begun.nextset()
        return begun.fetchone() == (True,)

    def wait_turn(self, beside: bool = False) -> None:
        """See `store.engine.Database`."""
        self._plain(_WAIT[beside], "SET")

    def hurry(self) -> None:
        """A wait for a standby ends with a warning, and that for a turn with an error."""
        with suppress(psycopg.Error):
            self._db.cancel()

    def commit(self) -> None:
        """Returns when the transaction is on disk. May run on a thread of its own while nobody else uses this."""
        self._warned = False
        self._plain("commit", "COMMIT")  # of a transaction that failed the engine answers ROLLBACK
        if self._warned:  # as when a wait for a standby was cut short: it is on one disk only, and not acknowledged
            self._db.close()
            raise self._met(psycopg.OperationalError("the commit was answered with a warning"))

    def rollback(self) -> None:
        """Ends a transaction if one is open; one whose connection is lost is over."""
        if self._away is None and self._db.pgconn.transaction_status in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        ):
            self._plain("rollback", "ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `store.engine.Database`."""
        if self._db.pgconn.transaction_status == TransactionStatus.INTRANS:
            yield
            return
        self.begin()
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def _plain(self, sql: str, expected: str) -> psycopg.Cursor[Any]:
        self._require()
        try:
            cursor = self._db.execute(sql, prepare=False)
        except psycopg.Error as err:
            raise self._met(err) from None
        # Of two commands the cursor stands at the first one's answer.
        if cursor.statusmessage != expected:
            raise StoreError(f"internal: {sql} was answered {cursor.statusmessage}")
        return cursor

    # -- life

    def close(self, at_the_end: Callable[[], None] | None = None) -> None:
        """``at_the_end`` runs once the connection is closed, while the folder is still this process's."""
        self._closed.set()
        self._db.close()
        try:
            if at_the_end is not None:
                at_the_end()
        finally:
            self.lock.release()

    def _listen(self, db: Connection[Any]) -> None:
        def heard(notice: Any) -> None:
            self._warned = self._warned or notice.severity_nonlocalized == "WARNING"

        db.add_notice_handler(heard)

    def _require(self) -> None:
        if self._away is not None:
            raise self._away

    def _met(self, err: psycopg.Error) -> StoreError:
        """The error in the store's words; where the connection is gone, it is looked for again in the background."""
        said = translated(err)
        gone = self._db.closed or self._db.broken or err.sqlstate == "25006"
        if gone and self._away is None and not self._closed.is_set():
            self._away = said = said if isinstance(said, StoreFailed) else StoreAway(LOST)
            self._db.close()
            log.error("the connection to the store's database is lost; nothing is accepted until it is back")
            threading.Thread(target=self._connect_again, name="twofold-reconnect", daemon=True).start()
        return said

    def _connect_again(self) -> None:
        """On a thread of its own, until the database is this gateway's again or somebody else's."""
        wait, why = AGAIN_S[0], ""
        while not self._closed.wait(random.uniform(wait / 2, wait)):  # so that many do not come at once
            wait = min(2 * wait, AGAIN_S[1])
            try:
                db = connect(self._address, writes=True)
            except StoreAway as err:
                if str(err) != why:  # such as a server that has no connection left: somebody has to act
                    why = str(err)
                    log.error("the store's database is still away: %s", why)
                    self._away = StoreAway(f"{LOST}: {why}")
                continue
            except StoreError as err:
                self._away = StoreFailed(str(err))
                continue
            try:
                take_lock(db, self.alone)
                _take_place(db, self._place)
            except (StoreLocked, psycopg.Error):  # the session before is not over yet, or another gateway has come
                db.close()
                continue
            try:
                self.on_back(Reader(db))
            except StoreAway:
                db.close()
                continue
            except StoreError as err:  # an older database was put in its place, or another process has this one's
                log.critical("the store's database is there again, and is not what it was: %s", err)
                self._away = StoreFailed(str(err))
                db.close()
                return
            self._listen(db)
            find_by_keys(db)
            self._db, self.db = db, Reader(db)
            self._types.clear()
            self.stale = True
            self._away = None
            log.warning("the store's database is there again")
            return


def _waves(rows: Sequence[Sequence[Any]], key: tuple[int, ...]) -> list[Sequence[Sequence[Any]]]:
    """The rows so that no wave has two of one key: one statement cannot change a row twice. Of one key in their order."""
    if not key or len(rows) == 1:
        return [rows]
    waves: list[list[Sequence[Any]]] = []
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        at = tuple(row[n] for n in key)
        wave = seen.get(at, 0)
        seen[at] = wave + 1
        if wave == len(waves):
            waves.append([])
        waves[wave].append(row)
    return [*waves]


def _nothing(_db: Any) -> None: ...


def take_lock(db: Connection[Any], alone: bool, patience_s: float = 0.0) -> None:
    """The database is this session's, or this session one of several, from here on. Raises `StoreLocked` where it cannot be."""
    until = time.monotonic() + patience_s
    how = "pg_try_advisory_lock" if alone else "pg_try_advisory_lock_shared"
    while db.execute(f"select {how}($1)", (LOCK,)).fetchone() != (1,):
        if time.monotonic() >= until:
            raise StoreLocked(
                "the database of [server] store is in use by gateways; run the command where one of them runs, or stop them"
                if alone
                else "the database of [server] store is in use by a command that has it for itself; wait until it is done"
            )
        time.sleep(0.05)


def _take_place(db: Connection[Any], number: int | None) -> None:
    """The place that was this process's before its connection was lost."""
    if number is None:
        return
    if db.execute("select pg_try_advisory_lock($1::int, $2::int)", (LOCK, number)).fetchone() != (1,):
        raise StoreLocked("the place is not free yet")


@contextmanager
def _in_turn(db: Connection[Any]) -> Iterator[None]:
    """Of several that start at once one makes the tables."""
    db.execute("select pg_advisory_lock($1)", (TURN,))
    try:
        yield
    finally:
        if not db.closed:
            db.execute("select pg_advisory_unlock($1)", (TURN,))


def make_schema(db: Connection[Any]) -> None:
    """The tables of a new database, or those of this version made of an older one's. A newer form is refused, unless programs of
    this one's may work with it."""
    found = [name for (name,) in db.execute("select tablename from pg_tables where schemaname = $1", (SCHEMA,))]
    if not found:
        with db.transaction():
            db.execute(f"create schema if not exists {SCHEMA}")
            db.pgconn.exec_(_schema().encode())
            db.execute("insert into meta (name, value) values ($1, $2)", (FORM, str(SCHEMA_VERSION)))
        return
    if "meta" not in found:
        raise StoreError(f"the schema {SCHEMA} of the database is another program's; name another database")
    bring_along(db, steps())
    require_form(Reader(db))


def odd_tables(db: Reader) -> list[str]:
    """Tables and indexes of this version that are not there; what is on the server's pages it checks itself."""
    there = "select tablename from pg_tables where schemaname = ?1 union select indexname from pg_indexes where schemaname = ?1"
    found = {name for (name,) in db.execute(there, (SCHEMA,))}
    return sorted(name for name in _MADE.findall(_schema()) if name not in found)


def which_database(db: Any) -> tuple[str, ...]:
    """Of a reader: its tables, and its server's timeline. A restore to an earlier state begins a new one, as a promotion does."""
    asked = (
        "select oid::bigint, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) from pg_namespace where nspname = ?"
    )
    return tuple(str(value) for row in db.execute(asked, (SCHEMA,)) for value in row)


def begun_tables() -> frozenset[str]:
    """Those in which a new database has rows already."""
    return frozenset(_BEGUN.findall(_schema()))


def _schema() -> str:
    return resources.files("twofold.store.postgres").joinpath("schema.sql").read_text(encoding="utf-8")
