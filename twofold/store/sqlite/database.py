"""The embedded engine: open, lock, migrate and run statements on one SQLite connection.

Owns the settings that durability rests on (each read back) and the steps between forms of the tables.
Knows no events. The interpreter's own SQLite may be inside the range of the WAL-reset defect, so APSW's
bundled library is used and its version is checked.
"""

from __future__ import annotations

import logging
import os
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any, cast

import apsw

from twofold.errors import RowFailed, StoreError, StoreFailed, StoreFull, StoreNewer, StoreOlder
from twofold.store.beside.folder import DATABASE, FolderLock, make_folder
from twofold.store.bodies import plain_body
from twofold.store.engine import SCHEMA_VERSION, Digests, Numbers
from twofold.store.sqlite.statements import MAX_ROWS, statement

log = logging.getLogger("twofold.store")

FORM_OF_0_2 = 5
"""The form of a data folder that version 0.2.0 left."""
APPLICATION_ID = 0x32464F4C  # "2FOL"
MIN_SQLITE = (3, 51, 3)  # first without the WAL-reset defect found in March 2026
_WAL_PAGES = 16_000  # checkpoint at about 64 MB: what is written again meanwhile is moved once
# Without the library's own lock, which it takes for each value it reads or binds; `Engine` has one for each statement.
_WRITABLE = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX


_FATAL = (apsw.IOError, apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError, apsw.ReadOnlyError)


def translated(err: apsw.Error) -> StoreError:
    """The engine's error in the store's words, so that nobody above has to know the engine."""
    if isinstance(err, apsw.FullError):
        return StoreFull(f"the disk is full: {err}")
    if isinstance(err, _FATAL):
        return StoreFailed(f"the store failed: {err}")
    if isinstance(err, (apsw.ConstraintError, apsw.MismatchError)):
        return RowFailed(f"internal: {type(err).__name__}: {err}")
    return StoreError(f"internal: {type(err).__name__}: {err}")


def _two_at_once() -> StoreError:
    """Two threads on one connection would break it, so the second is refused and not kept waiting: it is a bug."""
    return StoreError("internal: the store was asked by two threads at once")


class Engine:
    """The writing connection. Statements run on the loop's thread, the commit on its own; never both at once."""

    def __init__(self, folder: Path, examine: Callable[[Path], None] | None = None) -> None:
        """``examine`` may raise, of a folder that is locked and not yet opened: what stands in it is then left alone."""
        check_sqlite_version()
        make_folder(folder)
        self.folder = folder
        self.stale = False  # a file is not lost and found again
        self.on_back: Callable[[Any], None] = _nothing
        self._one_at_a_time = threading.Lock()
        self.lock = FolderLock(folder)
        self._inodes: dict[str, int | None] = {  # as each was first found; texts, as they are asked at every commit
            str(path): None for path in (folder / DATABASE, folder / f"{DATABASE}-wal", self.lock.path)
        }
        try:
            if examine is not None:
                examine(folder)
            self.db = _open_writable(folder / DATABASE)
        except BaseException:
            self.lock.release()
            raise
        try:
            self.db.set_busy_timeout(5_000)
            version = self._own_version()
            self._configure()
            self._migrate(version)
        except apsw.Error as err:
            self.close()
            raise StoreError(f"{folder / DATABASE} cannot be opened: {err}") from err
        except BaseException:
            self.close()
            raise

    def run(self, name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs the statement called ``name`` and returns its rows."""
        if not self._one_at_a_time.acquire(False):
            raise _two_at_once()
        try:
            return self.db.execute(statement(name), bindings).fetchall()
        except apsw.Error as err:
            raise translated(err) from err
        except UnicodeDecodeError as err:
            raise RowFailed(f"{name} has met a text that nobody wrote: {err.reason}", altered=True) from err
        finally:
            self._one_at_a_time.release()

    def run_rows(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs a row statement for all of ``rows``, `MAX_ROWS` at a time: one engine step each."""
        for start in range(0, len(rows), MAX_ROWS):
            part = rows[start : start + MAX_ROWS]
            if not self._one_at_a_time.acquire(False):
                raise _two_at_once()
            try:
                self.db.execute(statement(name, len(part)), list(chain.from_iterable(part)))
            except apsw.Error as err:
                raise translated(err) from err
            finally:
                self._one_at_a_time.release()

    def changes(self) -> int:
        """Rows changed by the last statement."""
        return self.db.changes()

    def script(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """SQL whose text is made at run time: only the fold's day tables, whose names we make ourselves."""
        if not self._one_at_a_time.acquire(False):
            raise _two_at_once()
        try:
            return self.db.execute(sql, bindings).fetchall()
        except apsw.Error as err:
            raise translated(err) from err
        finally:
            self._one_at_a_time.release()

    def _require_files(self) -> None:
        """Raises `StoreFailed` when a file that is written to is no longer where it would be read from at the next start:
        what is put into one that was deleted, or into a folder that was moved, is gone with this process."""
        for path, first in self._inodes.items():
            try:
                found = os.stat(path).st_ino
            except OSError as err:
                raise StoreFailed(f"{path} was taken away while it was in use: {err.strerror}") from err
            if first is None:
                self._inodes[path] = found
            elif first != found:
                raise StoreFailed(f"{path} was replaced while it was in use")

    def occupy(self, _number: int) -> bool:
        """A file has one owner, whom its lock knows."""
        return True

    def begin(self, _beside: bool = False) -> None:
        """Opens a transaction; the commit ends it, or `rollback`. Two are never beside each other."""
        self.run("begin")

    def begin_now(self, _beside: bool = False) -> bool:
        """A file has one owner, so it is always its turn."""
        self.run("begin")
        return True

    def wait_turn(self, _beside: bool = False) -> None:
        """There is none to wait for."""

    def hurry(self) -> None:
        """A disk is waited for: what becomes of a flush that is cut short nobody can say."""

    def commit(self) -> None:
        """Returns when the transaction is on disk. May run on a thread of its own while nobody else uses this."""
        self._require_files()
        self.run("commit")

    def rollback(self) -> None:
        """Ends a transaction if one is open."""
        if self.db.in_transaction:
            self.run("rollback")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `store.engine.Database`."""
        with self.db:
            yield

    def forget_keys(self, keys: Iterable[bytes], actions: Iterable[int] | None = None) -> None:
        """See `store.engine.Database`."""
        from twofold.store.sqlite.arrivals import forget_keys

        forget_keys(self, keys, actions)

    def close(self, at_the_end: Callable[[], None] | None = None) -> None:
        """``at_the_end`` runs once the database is closed, while the folder is still this process's."""
        self.db.close()
        try:
            if at_the_end is not None:
                at_the_end()
        finally:
            self.lock.release()

    def _configure(self) -> None:
        db = self.db
        for pragma, value, expected in (
            ("journal_mode", "wal", "wal"),
            ("synchronous", "full", 2),
            ("secure_delete", "on", 1),
            ("wal_autocheckpoint", _WAL_PAGES, _WAL_PAGES),
            ("journal_size_limit", 64 << 20, 64 << 20),
            ("cache_size", -32_768, -32_768),
        ):
            db.pragma(pragma, value)
            got = db.pragma(pragma)
            if got != expected:
                raise StoreError(f"engine setting {pragma}: expected {expected}, got {got}; durability is not assured")

    def _own_version(self) -> int:
        """The form that the database has, 0 for a new one. Another program's is refused before anything is set in it."""
        version, owner = int(self.db.pragma("user_version")), int(self.db.pragma("application_id"))
        taken = owner != 0 if version == 0 else owner != APPLICATION_ID
        if taken or (version == 0 and self.script("select 1 from sqlite_schema limit 1")):
            raise StoreError(f"{self.folder / DATABASE} is another program's; name another folder with --data")
        if version > SCHEMA_VERSION:
            raise StoreNewer(f"data folder has schema {version}, this program knows {SCHEMA_VERSION}; upgrade Twofold")
        return version

    def _migrate(self, version: int) -> None:
        for step in range(version + 1, SCHEMA_VERSION + 1):
            with self.db:  # one transaction a step: old or new, never between
                self.db.execute(_migration(step))
                self.db.pragma("user_version", step)
                self.db.pragma("application_id", APPLICATION_ID)
        if 0 < version < SCHEMA_VERSION:
            log.info(
                "the data folder is brought from form %d to %d; older programs refuse it now", version, SCHEMA_VERSION
            )


def _nothing(_db: Any) -> None: ...


def form_of(folder: Path) -> int:
    """Which form the database of a folder has, by its first bytes alone; 0 where there is none. Opens and makes nothing."""
    try:
        with (folder / DATABASE).open("rb") as file:
            head = file.read(64)
    except OSError:
        return 0
    return int.from_bytes(head[60:64], "big") if head.startswith(b"SQLite format 3\0") else 0


def expected_schema() -> dict[str, str]:
    """Name of each table and index to the words that make it, as this version's steps leave them."""
    db = apsw.Connection(":memory:")
    try:
        db.create_scalar_function("plain_body", cast(Any, plain_body), 1, deterministic=True)
        for step in range(1, SCHEMA_VERSION + 1):
            db.execute(_migration(step))
        return {str(n): str(sql) for n, sql in db.execute("select name, sql from sqlite_schema where sql is not null")}
    finally:
        db.close()


def odd_tables(db: apsw.Connection) -> list[str]:
    """Tables and indexes that are not made as this version makes them; the fold's tables of a day are made alike."""
    expected = expected_schema()
    found = {str(n): str(sql) for n, sql in db.execute("select name, sql from sqlite_schema where sql is not null")}
    fold = {n: sql.replace(n, "", 1) for n, sql in found.items() if n.startswith("fold_") and n not in expected}
    trees = {sql for n, sql in fold.items() if n.count("_") == 1}
    logs = {sql for n, sql in fold.items() if n.count("_") == 2}
    odd = sorted(n for n in expected if found.get(n) != expected[n])
    odd += sorted(n for n in found if n not in expected and not n.startswith("fold_"))
    return odd + ["fold_"] * (len(trees) > 1 or len(logs) > 1)


def _open_writable(path: Path) -> apsw.Connection:
    try:
        db = apsw.Connection(str(path), flags=_WRITABLE, statementcachesize=512)
        _add_functions(db)
        os.chmod(path, 0o600)
    except (apsw.Error, OSError) as err:
        raise StoreError(f"{path} cannot be opened: {err}") from err
    return db


def _add_functions(db: apsw.Connection) -> None:
    """What statements may call besides the engine's own functions, and how a list is bound as one value."""
    bind_lists(db)
    db.create_scalar_function("plain_body", cast(Any, plain_body), 1, deterministic=True)


def check_sqlite_version() -> str:
    """The engine's version; raises `StoreError` for one that can lose committed data."""
    version = apsw.sqlite_lib_version()
    if tuple(int(x) for x in version.split(".")) < MIN_SQLITE:
        raise StoreError(f"SQLite {version} has a defect that loses data; install a newer apsw")
    return version


def open_reader(folder: Path) -> apsw.Connection:
    """A read-only connection for commands; works while the gateway runs."""
    path = find_database(folder)
    db, version = _open_ours(path)
    if version < SCHEMA_VERSION:
        db.close()
        raise StoreOlder(f"{path} was written by an older version; start `twofold serve` once to bring it to this one")
    if version > SCHEMA_VERSION:
        db.close()
        raise StoreNewer(f"{path} has schema {version}, this program knows {SCHEMA_VERSION}; upgrade Twofold")
    return db


def _open_ours(path: Path) -> tuple[apsw.Connection, int]:
    """A read-only connection and the schema's version. Raises `StoreError` for a file that is not ours."""
    try:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        db.set_busy_timeout(5_000)
        _add_functions(db)
        version, owner = int(db.pragma("user_version")), int(db.pragma("application_id"))
    except apsw.Error as err:
        raise StoreError(f"{path} cannot be read: {err}") from err
    if owner != APPLICATION_ID:
        db.close()
        raise StoreError(f"{path} is another program's; name our data folder with --data or --config")
    return db, version


def require_data(folder: Path) -> None:
    """Raises `StoreError` unless the folder holds data of ours, of this version or an older one. Makes nothing."""
    db, _ = _open_ours(find_database(folder))
    db.close()


def find_database(folder: Path, *, may_be_new: bool = False) -> Path:
    """The database in a data folder; touches nothing. Raises `StoreError` where there is none, saying what is there.

    ``may_be_new``: a folder without one will do.
    """
    folder = folder.absolute()  # in what is said: a relative one is of the folder in which the command was given
    name_it = "name the data folder with --data or --config, or start `twofold serve` with it first"
    try:
        if folder.is_dir():
            if may_be_new or (folder / DATABASE).is_file():
                return folder / DATABASE
            raise StoreError(f"{folder} holds no data yet (no {DATABASE}); {name_it}")
        if folder.exists():
            raise StoreError(f"{folder} holds no data yet: it is a file, not a folder; {name_it}")
    except OSError as err:
        raise StoreError(f"{folder} cannot be looked into: {err.strerror}; {name_it}") from err
    raise StoreError(f"{folder} holds no data yet: it does not exist; {name_it}")


def empty_log(folder: Path) -> bool:
    """Moves all of the write-ahead log into the database and cuts it to nothing; False while a reader holds it.

    On a connection and thread of its own: most is moved without anybody waiting, the rest takes the write lock for a
    moment.
    """
    db = apsw.Connection(str(folder / DATABASE), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        db.set_busy_timeout(200)
        db.pragma("synchronous", "full")
        db.execute("pragma wal_checkpoint(passive)").fetchall()
        try:
            ((busy, _pages, _moved),) = db.execute("pragma wal_checkpoint(truncate)").fetchall()
        except apsw.BusyError:
            return False
        return not busy
    finally:
        db.close()


def bind_lists(db: apsw.Connection) -> None:
    """Lets a connection take `id_array` and `key_array`."""
    db.convert_binding = _bound


def _bound(_cursor: Any, _number: int, value: Any) -> Any:
    """A list for ``carray(?)``."""
    if isinstance(value, Numbers):
        # The memory of an empty array is nowhere in particular, which the engine refuses; no row has the number 0.
        return apsw.carray(value.ids or array("q", [0]))
    if isinstance(value, Digests):
        return apsw.carray(value.keys)
    raise TypeError(f"a statement was given {type(value).__name__}")


def _migration(step: int) -> str:
    folder = resources.files("twofold.store.sqlite")
    if step == 1:
        return folder.joinpath("schema.sql").read_text(encoding="utf-8")
    (file,) = (f for f in folder.joinpath("migrations").iterdir() if f.name.startswith(f"{step:04}_"))
    return file.read_text(encoding="utf-8")
