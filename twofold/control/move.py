"""A data folder whose database is a file, taken into PostgreSQL, and the other way round: a copy, and the source stays as it was.

Owns the order of the steps, so that whoever is killed between two of them leaves a target that is empty still, is refused, or is
gone on with: the folder is made beside its place under another name, the database in one transaction or in that folder, and
last the folder is put in its place. Both databases are held meanwhile, so no gateway writes to either. What can be made again
(the tables of reports, what was proved) is left out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
from msgspec import Struct

from twofold.errors import StoreError, StoreLocked
from twofold.store.beside.durable_file import flush_folder
from twofold.store.beside.folder import DATABASE, FolderLock, is_open
from twofold.store.beside.watermark import FILE, compare_all, read_marks, renew_watermark, unseal
from twofold.store.engines import address_of, kit_for
from twofold.store.sqlite import transfer as embedded
from twofold.store.sqlite.database import empty_log
from twofold.store.transfer.tables import Progress, copy_all

if TYPE_CHECKING:  # an extra
    from twofold.store.postgres.transfer import ServerSide

TakeAlong = Callable[[Path, Path], None]
LOCK, MADE_AGAIN = "lock", frozenset({"facts", "proved"})


class Moved(Struct, frozen=True):
    """``rows`` of all tables; ``finished``: an earlier move had copied them, and only its last step was missing."""

    rows: int
    finished: bool = False


def move(source: Path, target: Path, progress: Progress, take_along: TakeAlong | None = None) -> Moved:
    """Copies the store of one folder into that of another; exactly one of the two has its database on PostgreSQL. ``take_along``: of
    the way back, source and the folder that becomes the target; what others keep beside the store is put there.

    Raises `StoreLocked` where a gateway holds either, `StoreDamaged` where the source lacks something, and `StoreError` where the
    target is not empty.
    """
    look_first(source, target)
    held = FolderLock(source)
    try:
        loss = kit_for(source).lost(source, True)
        if loss is not None:
            raise loss.error(source)
        if address_of(target):
            return _into_server(source, target, progress)
        return _into_folder(source, target, progress, take_along or _nothing)
    finally:
        held.release()


def look_first(source: Path, target: Path) -> None:
    """Raises `StoreError` for what cannot be moved, before anything that takes long."""
    if source.resolve() == target.resolve():
        raise StoreError(f"{source} is both sides of the move; name two folders")
    kit_for(source).require(source)
    if bool(address_of(source)) == bool(address_of(target)):
        raise StoreError("expected a configuration with [server] store: a move has PostgreSQL on one side")
    if is_open(source):
        raise StoreLocked(f"{source} is in use by a gateway; stop it first")
    require_empty(target)


def require_empty(target: Path) -> None:
    """Raises `StoreError` where something lies in the target's folder, `StoreLocked` where a gateway has it."""
    if is_open(target):
        raise StoreLocked(f"{target} is in use by a gateway; stop it first")
    if target.exists() and (not target.is_dir() or any(path.name != LOCK for path in target.iterdir())):
        raise StoreError(f"{target} is not empty; name a new folder, nothing is written over")


def _into_server(source: Path, target: Path, progress: Progress) -> Moved:
    with _server(target) as side:
        side.make()
        staged = _staged(target)
        if not side.is_empty():
            if staged.is_dir() and (staged / FILE).exists() and compare_all(side.reader(), read_marks(staged)) is None:
                _put_in_place(staged, target)  # all was copied, and only this was missing
                return Moved(0, finished=True)
            raise StoreError("the database of [server] store is not empty; name a new one, nothing is written over")
        _copy_beside(source, staged)
        own, db = embedded.source_side(source)
        with closing(db):
            side.begin(writes=True)
            rows = copy_all(own, side, progress)
        flush_folder(staged)
        side.commit()
        _put_in_place(staged, target)
    return Moved(rows)


def _nothing(_source: Path, _target: Path) -> None:
    pass


def _into_folder(source: Path, target: Path, progress: Progress, take_along: TakeAlong) -> Moved:
    require_empty(target)
    staged = _staged(target)
    with _server(source) as side:
        side.begin(writes=False)
        _copy_beside(source, staged)
        own, engine = embedded.target_side(staged)
        with closing(engine):
            rows = copy_all(side, own, progress)
            # Gateways there count their runs otherwise. That nothing is missing was looked at before the first row.
            renew_watermark(engine)
        empty_log(staged)
    take_along(source, staged)
    flush_folder(staged)
    _put_in_place(staged, target)
    return Moved(rows)


@contextmanager
def _server(folder: Path) -> Iterator[ServerSide]:
    from twofold.store.postgres.transfer import ServerSide

    with closing(ServerSide(address_of(folder))) as side:
        yield side


def _staged(target: Path) -> Path:
    """Where the target's folder is made, beside its place: on the same disk."""
    return target.with_name(f"{target.name}.moving")


def _put_in_place(staged: Path, target: Path) -> None:
    """At once, or not at all: a folder that is not empty is not replaced."""
    require_empty(target)
    (staged / LOCK).unlink(missing_ok=True)
    (target / LOCK).unlink(missing_ok=True)
    os.rename(staged, target)
    flush_folder(target.parent)


def _copy_beside(source: Path, staged: Path) -> None:
    """What lies beside the database, flushed: secret and erasures, withdrawals, watermarks, people who log in, and the rest."""
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(mode=0o700, parents=True)
    for path in sorted(source.iterdir()):
        if path.name in MADE_AGAIN or path.name == LOCK or path.name.startswith(DATABASE):
            continue
        if path.is_dir():
            _copy_folder(path, staged / path.name)
        elif path.is_file() and not path.is_symlink() and not _is_log(path):
            _copy_file(path, staged / path.name)
    unseal(staged)  # it speaks of the file that the database was


def _is_log(path: Path) -> bool:
    """Of another database beside: what is in it comes with the copy of that one."""
    return path.name.endswith(("-wal", "-shm", "-journal"))


def _copy_folder(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700)
    for path in sorted(source.iterdir()):
        if path.is_dir():
            _copy_folder(path, target / path.name)
        elif path.is_file() and not path.is_symlink() and not _is_log(path):
            _copy_file(path, target / path.name)
    flush_folder(target)


def _copy_file(source: Path, target: Path) -> None:
    try:
        if source.suffix == ".db":
            _copy_database(source, target)
        else:
            shutil.copyfile(source, target)
        os.chmod(target, source.stat().st_mode & 0o700)
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except (OSError, apsw.Error) as err:
        raise StoreError(f"{source} cannot be copied to {target}: {err}") from err


def _copy_database(source: Path, target: Path) -> None:
    old = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    new: Any = apsw.Connection(str(target))
    try:
        with new.backup("main", old, "main") as copying:
            while not copying.done:
                copying.step(4_096)
        new.pragma("journal_mode", "delete")
    finally:
        new.close()
        old.close()
