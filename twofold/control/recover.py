"""Past a loss: a backup put back in place of the database, or going on without what is missing. Both with a reason.

Owns the order of the steps. Until the last one the watermark still speaks of what was acknowledged, so whatever a crash
leaves half done is refused at the next start and can be done again. The gateway must not be running.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from twofold.config import Settings
from twofold.errors import StoreDamaged, StoreError
from twofold.policies import keeper_of, open_store
from twofold.privacy.audit_log import append_audit
from twofold.privacy.runner import Eraser
from twofold.store.beside.durable_file import flush_folder
from twofold.store.beside.watermark import Loss, Mark, examine, read_mark, renew_watermark
from twofold.store.sqlite.database import (
    APPLICATION_ID,
    DATABASE,
    SCHEMA_VERSION,
    Engine,
    FolderLock,
    make_folder,
)
from twofold.store.sqlite.log_scan import lost_in_log

_FRESH = f"{DATABASE}.restoring"
_STEP_PAGES = 4_096


class Backup(Struct, frozen=True):
    """A database that can be put back, and what would be missing then."""

    path: Path
    ends_at: int  # its last position
    acknowledged: int  # the last position that the folder knows of


def accept_loss(folder: Path, reason: str, now_ms: int) -> Loss | None:
    """Goes on without what is missing, and puts why into the log; None, and nothing changed, when nothing is."""
    found: list[Loss | None] = []

    def look(place: Path) -> None:
        found.append(examine(place))
        if found[0] is None:
            raise _NothingMissing

    try:
        engine = Engine(folder, look)
    except _NothingMissing:
        return None
    loss = found[0]
    assert loss is not None
    try:
        facts = {"reason": reason, "what": loss.what, "first": loss.first, "last": loss.last}
        _log(engine, now_ms, "watermark", facts)
        renew_watermark(engine)
    finally:
        engine.close()
    return loss


def inspect_backup(folder: Path, source: Path) -> Backup:
    """What a backup holds. Raises `StoreError` for one that cannot be put back as it is."""
    path = source / DATABASE if source.is_dir() else source
    if not path.is_file():
        raise StoreError(f"{path} is not there; name a copy of a data folder, or of its {DATABASE}")
    if path.resolve() == (folder / DATABASE).resolve():
        raise StoreError(f"{path} is the database itself; name a copy of it")
    broken = lost_in_log(path)
    if broken is not None:
        raise StoreDamaged(f"{path}: {broken}; take another backup")
    db = _reader(path)
    try:
        if db.pragma("application_id") != APPLICATION_ID:
            raise StoreError(f"{path} is no database of Twofold")
        version = int(str(db.pragma("user_version")))
        if version > SCHEMA_VERSION:
            raise StoreError(f"{path} has schema {version}, this program knows {SCHEMA_VERSION}; upgrade Twofold")
        ((problem,),) = db.execute("pragma integrity_check(1)").fetchall()
        if problem != "ok":
            raise StoreDamaged(f"{path}: {problem}; take another backup")
        ends_at = _last_position(db)
    except apsw.Error as err:
        raise StoreDamaged(f"{path} cannot be read to its end: {err}; take another backup") from err
    finally:
        db.close()
    mark = read_mark(folder)
    return Backup(path, ends_at, max(mark.position if isinstance(mark, Mark) else 0, _in_place(folder)))


def restore(settings: Settings, backup: Backup, reason: str, clock: Callable[[], int]) -> int:
    """Puts a backup in place of the database, and erases again whoever was erased since it was made. Answers how many
    erasures that were."""
    folder = Path(settings.server.data)
    make_folder(folder)
    lock = FolderLock(folder)
    try:
        _put_in_place(folder, backup.path)
    finally:
        lock.release()
    engine = Engine(folder)
    try:
        missing = backup.ends_at < backup.acknowledged
        facts = {
            "reason": reason,
            "ends_at": backup.ends_at,
            "first": backup.ends_at + 1 if missing else None,
            "last": backup.acknowledged if missing else None,
        }
        _log(engine, clock(), "restore", facts)
        renew_watermark(engine)
    finally:
        engine.close()
    return asyncio.run(_erase_again(settings, clock))


async def _erase_again(settings: Settings, clock: Callable[[], int]) -> int:
    store = open_store(settings, clock())
    store.start()
    try:
        return await Eraser(store, clock, keeper_of(settings, store, clock).forget_days).start()
    finally:
        await store.close()


def _put_in_place(folder: Path, source: Path) -> None:
    fresh = folder / _FRESH
    for left in (fresh, folder / f"{_FRESH}-wal", folder / f"{_FRESH}-shm"):
        left.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.close(fd)
    try:
        _copy(source, fresh)
    except apsw.Error as err:
        fresh.unlink(missing_ok=True)
        raise StoreError(f"{source} cannot be copied to {fresh}: {err}") from err
    for name in (f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (folder / name).unlink(missing_ok=True)
    os.replace(fresh, folder / DATABASE)
    flush_folder(folder)


def _copy(source: Path, target: Path) -> None:
    old, new = _reader(source), apsw.Connection(str(target))
    try:
        new.pragma("synchronous", "full")
        with new.backup("main", old, "main") as copying:
            while not copying.done:
                copying.step(_STEP_PAGES)
        new.pragma("journal_mode", "delete")  # one file, flushed: nothing of it stands in a log
    finally:
        new.close()
        old.close()


def _reader(path: Path) -> apsw.Connection:
    """Also on a medium that cannot be written, where there is no log to be read."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    uri = f"{path.resolve().as_uri()}?immutable=1"
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def _in_place(folder: Path) -> int:
    """Last position of the database that is there now; 0 where it cannot be read."""
    if not (folder / DATABASE).exists():
        return 0
    try:
        db = apsw.Connection(str(folder / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error:
        return 0
    try:
        return _last_position(db)
    except apsw.Error:
        return 0
    finally:
        db.close()


def _last_position(db: apsw.Connection) -> int:
    ((last,),) = db.execute("select coalesce(max(position), 0) from event").fetchall()
    return int(str(last))


def _log(engine: Engine, now_ms: int, kind: str, facts: dict[str, Any]) -> None:
    engine.begin()
    append_audit(engine, now_ms, kind, facts)
    engine.commit()


class _NothingMissing(Exception):
    """Leaves a folder as it is."""
