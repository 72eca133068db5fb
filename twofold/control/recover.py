"""Past a loss: a backup put back in place of the database, or going on without what is missing. Both with a reason.

Owns the order of the steps. Until the last one the watermark still speaks of what was acknowledged, so whatever a crash
leaves half done is refused at the next start and can be done again. The gateway must not be running.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct, structs

from twofold.backup.erasures import PeopleFiles, folder_mark, put_back, read_copy
from twofold.backup.repository import Kept, KeptFile, Repository, is_repository
from twofold.backup.take import BESIDE
from twofold.config import Settings
from twofold.errors import StoreDamaged, StoreError
from twofold.policies import OrdersWorth, keeper_of, open_store
from twofold.privacy.audit_log import append_audit
from twofold.privacy.runner import Eraser
from twofold.store.beside.durable_file import flush_folder
from twofold.store.beside.folder import DATABASE, FolderLock, make_folder
from twofold.store.beside.watermark import Loss, Mark, examine, read_mark, renew_watermark
from twofold.store.beside.withdrawn_file import WithdrawnFile
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.engines import require_embedded
from twofold.store.secret import FILE as ERASURES
from twofold.store.secret import SECRET_MARK
from twofold.store.sqlite.database import APPLICATION_ID, Engine
from twofold.store.sqlite.log_scan import lost_in_log

_FRESH = f"{DATABASE}.restoring"
_FETCHED = f"{DATABASE}.fetched"
_STEP_PAGES = 4_096


class Backup(Struct, frozen=True):
    """A database that can be put back, and what would be missing then."""

    path: Path
    ends_at: int  # its last position
    acknowledged: int  # the last position that the folder knows of
    people: PeopleFiles | None = None  # who was erased and who withdrew, from the copy that was named
    kept: Kept | None = None  # the set that it was fetched from
    repository: Path | None = None


def accept_loss(folder: Path, reason: str, now_ms: int) -> Loss | None:
    """Goes on without what is missing, and puts why into the log; None, and nothing changed, when nothing is."""
    require_embedded(folder, "going on without what is missing")
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


def inspect_backup(
    folder: Path, source: Path, *, erasures: Path | None = None, identity: Path | None = None, name: str | None = None
) -> Backup:
    """What a backup holds; a set of `twofold backup` is fetched into the folder for that. Changes nothing else there.

    Raises `StoreError` for one that cannot be put back as it is, and where nobody knows who must not come back with it:
    the file of erasures has to be in the folder, or its copy be named by ``erasures``.
    """
    people = read_copy(erasures, identity)[1] if erasures is not None else None
    if not is_repository(source):
        return _with_people(folder, _inspect(folder, source), people)
    repository = Repository(source)
    kept = repository.find(name)
    if kept.schema > SCHEMA_VERSION:
        raise StoreError(f"{source}: the set {kept.name} has schema {kept.schema}, this program knows {SCHEMA_VERSION}; "
                         "upgrade Twofold")  # fmt: skip
    make_folder(folder)
    lock = FolderLock(folder)
    try:
        fetched = folder / _FETCHED
        _fetch(repository, _file_of(kept, DATABASE), fetched)
        found = _inspect(folder, fetched)
        if found.ends_at != kept.position:
            raise StoreDamaged(
                f"{source}: the set {kept.name} ends at position {found.ends_at}, not at {kept.position}"
            )
    finally:
        lock.release()
    kept_as = structs.replace(found, kept=kept, repository=source)
    return _with_people(folder, kept_as, people)


def drop_fetched(folder: Path) -> None:
    """What was fetched to be looked at and is not put back."""
    (folder / _FETCHED).unlink(missing_ok=True)


def _with_people(folder: Path, found: Backup, people: PeopleFiles | None) -> Backup:
    """The rule that erasures outlive a restore. Refused before anything is changed."""
    mark, erased_some = _people_of(found.path)
    wanted = found.kept.folder if found.kept is not None else mark
    here = folder_mark(folder)
    brought = people.mark if people is not None else ""
    if (wanted or erased_some) and not (here or brought):
        raise StoreError(f"{folder / ERASURES} is not there, so nobody knows who must not come back with this backup; "
                         "name the place of its copy with --erasures")  # fmt: skip
    if here and brought and here != brought:
        raise StoreError(
            f"{folder / ERASURES} and the copy that was named are of two data folders; move the wrong one away"
        )
    if wanted and (brought or here) not in ("", wanted):
        raise StoreError(
            f"the file {ERASURES} is of another data folder than this backup; name the right copy with --erasures"
        )
    key_left_out = found.kept is not None and found.kept.withdrawals
    if (
        key_left_out
        and WithdrawnFile(folder).read()[0] is None
        and not (people is not None and people.withdrawals.strip())
    ):
        raise StoreError(f"the file withdrawals is neither in {folder} nor in the copy of the erasures, and this backup "
                         "was made without its key; name the right copy with --erasures")  # fmt: skip
    return structs.replace(found, people=people)


def _people_of(path: Path) -> tuple[str, bool]:
    """The mark of the secret that a database's digests were made with, where it has any, and whether anybody was erased."""
    with closing(_reader(path)) as db:
        tables = {name for (name,) in db.execute("select name from sqlite_schema where type = 'table'")}
        marks = (
            db.execute("select value from meta where name = ?", (SECRET_MARK,)).fetchall() if "meta" in tables else []
        )
        erased = db.execute("select 1 from erasure limit 1").fetchall() if "erasure" in tables else []
    return (str(marks[0][0]) if marks else ""), bool(erased)


def _inspect(folder: Path, source: Path) -> Backup:
    path = source / DATABASE if source.is_dir() else source
    if not path.is_file():
        raise StoreError(
            f"{path} is not there; name a folder of `twofold backup`, a copy of a data folder, or of its {DATABASE}"
        )
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
    require_embedded(folder, "`twofold restore`")
    make_folder(folder)
    lock = FolderLock(folder)
    try:
        if backup.people is not None:  # first: a database that is back must not be without them for a moment
            put_back(folder, backup.people)
        if backup.repository is not None:
            _put_beside(folder, Repository(backup.repository), backup.kept)
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
        return await Eraser(store, clock, keeper_of(settings, store, clock).forget_days, OrdersWorth(settings)).start()
    finally:
        await store.close()


def _fetch(repository: Repository, file: KeptFile, target: Path) -> None:
    """A file of a set as one file again, on disk."""
    for left in (target, target.with_name(f"{target.name}-wal"), target.with_name(f"{target.name}-shm")):
        left.unlink(missing_ok=True)
    _write_parts(target, repository.read_file(file))


def _write_parts(target: Path, parts: Iterable[bytes]) -> None:
    try:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
    except OSError as err:
        target.unlink(missing_ok=True)
        raise StoreError(f"{target} cannot be written: {err.strerror}") from err
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _put_beside(folder: Path, repository: Repository, kept: Kept | None) -> None:
    """People who log in, and what platforms were told, come back only where the folder knows nothing of them: an ended access must not
    begin again, and what was told since must not be forgotten."""
    for file in kept.files if kept is not None else ():
        if file.name in BESIDE and not (folder / file.name).exists():
            fresh = folder / f"{file.name}.restoring"
            _fetch(repository, file, fresh)
            os.replace(fresh, folder / file.name)


def _file_of(kept: Kept, name: str) -> KeptFile:
    return next(f for f in kept.files if f.name == name)


def _put_in_place(folder: Path, source: Path) -> None:
    fresh = folder / _FRESH
    for left in (fresh, folder / f"{_FRESH}-wal", folder / f"{_FRESH}-shm"):
        left.unlink(missing_ok=True)
    if source == folder / _FETCHED:
        os.replace(source, fresh)
    else:
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
