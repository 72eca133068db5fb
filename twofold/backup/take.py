"""One backup of a data folder, beside the gateway that writes to it.

Owns the order of the steps, so that whoever is killed between two of them leaves the backups of before whole: the copy is
taken and looked through, its chunks are written and read back from the disk, then the set is put, and only then older ones
go. What is not kept: the tables of reports, which are made again; the watermark, which begins anew; and the two files of
people's rights with the key of withdrawals, which are kept apart (`erasures`).
"""

from __future__ import annotations

import datetime
from contextlib import closing
from pathlib import Path

import apsw
from msgspec import Struct

from twofold import __version__
from twofold.backup.erasures import Head, folder_mark, put_copy, sizes_of
from twofold.backup.repository import CHUNK, Kept, KeptFile, Repository, changing, taking
from twofold.backup.sealing import SECRET_KEY
from twofold.backup.snapshot import Progress, copy_database, parts_of
from twofold.backup.state import note_backup
from twofold.errors import ConfigError, StoreDamaged, StoreError
from twofold.store.beside.folder import DATABASE
from twofold.store.beside.watermark import examine
from twofold.store.beside.withdrawn_file import WithdrawnFile
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.engines import require_embedded
from twofold.store.sqlite.database import open_reader, require_data

CONSOLE, LISTS = "console.db", "audiences.db"
_KEY_BYTES = 16_384  # a file of keys is no longer
NO_KEY = "delete from meta where name = 'withdrawal_key';"
NO_SESSIONS = "delete from session; delete from link; delete from failure;"
"""Of people who log in: whoever was logged in when it was taken is not when it is put back."""
BESIDE = {CONSOLE: NO_SESSIONS, LISTS: ""}
"""Databases beside the one: people who log in, and what platforms were told of whom. Each with what is left out of its copy."""


class Taken(Struct, frozen=True, kw_only=True):
    """What a backup came to. ``written``: bytes that were not there yet."""

    kept: Kept
    written: int
    forgotten: int


def require_apart(folder: Path, backups: Path | None, erasures: Path | None, *, sealed: bool) -> None:
    """The rule of docs/privacy.md. Raises `ConfigError` where one place would hold both, or the folder its own backup."""
    for name, place in (("TARGET", backups), ("--erasures", erasures)):
        if place is not None and _overlap(folder, place):
            raise ConfigError(f"{name}: {place} and the data folder {folder} lie in each other; name another place")
    if backups is not None and erasures is not None and _overlap(backups, erasures) and not sealed:
        raise ConfigError(
            f"--erasures: {erasures} is the place of the backups themselves. Whoever has both can test a guessed address "
            "against the database: name another place, or seal it to a key that is on neither with --recipient age1…"
        )

    if sealed:
        for place in (folder, backups, erasures):
            _require_no_key(place)


def _require_no_key(place: Path | None) -> None:
    """What is sealed is open to who finds the key beside it."""
    if place is None or not place.is_dir():
        return
    for path in place.iterdir():
        if path.is_file() and path.stat().st_size <= _KEY_BYTES and SECRET_KEY.encode() in path.read_bytes().upper():
            raise ConfigError(
                f"--recipient: {path} holds a secret key of age; it belongs on neither place. Move it away"
            )


def same_disk(one: Path, other: Path) -> bool:
    """True when both lie on one disk, so that losing it loses both. Of places that exist."""
    return one.stat().st_dev == other.stat().st_dev


def take_backup(folder: Path, target: Path, keep: int, now_s: int, progress: Progress) -> Taken:
    """A new set in ``target``, read back from its disk. Raises `StoreError`; then the sets of before are there as they were."""
    if keep < 1:
        raise ConfigError(f"--keep: expected 1 or more sets to be kept, got {keep}")
    require_embedded(folder, "`twofold backup` (the server's own pg_basebackup does it)")
    require_data(folder)
    with changing(target) as repository:
        kept, written = _new_set(folder, repository, now_s, progress)
        repository.put_set(kept)
        forgotten = repository.forget(keep)
    note_backup(folder, at=now_s, position=kept.position, place=str(target.resolve()))
    return Taken(kept=kept, written=written, forgotten=forgotten)


def take_erasures(folder: Path, target: Path, now_s: int, recipient: object | None) -> Head:
    """The copy of the two files of people's rights."""
    require_data(folder)
    sizes = sizes_of(folder)  # before they are read: what comes meanwhile is not called copied
    head = put_copy(folder, target, now_s, recipient)
    note_backup(folder, erasures_at=now_s, erasures_place=str(target.resolve()), erasures_sizes=sizes)
    return head


def _new_set(folder: Path, repository: Repository, now_s: int, progress: Progress) -> tuple[Kept, int]:
    with closing(open_reader(folder)) as db:
        loss = examine(folder, scan_log=False)
        if loss is not None:
            raise StoreDamaged(f"{folder}: {loss.what}. No backup is made of it; those of before are whole")
        key_elsewhere = WithdrawnFile(folder).read()[0] is not None
        copy = taking(repository.folder)
        try:
            with db:  # one read transaction: what is written meanwhile is the next backup's
                position, chain = _stands_at(db)
                copy_database(db, copy, NO_KEY if key_elsewhere else "", progress)
            database, written = _keep(repository, DATABASE, copy, progress)
        finally:
            copy.unlink(missing_ok=True)
    files = [database]
    for name in BESIDE:
        if (folder / name).is_file():
            beside, more = _beside(folder, name, repository)
            files.append(beside)
            written += more
    kept = Kept(
        name=datetime.datetime.fromtimestamp(now_s, datetime.UTC).strftime("%Y-%m-%dT%H%M%SZ"),
        taken_at=now_s,
        program=__version__,
        schema=SCHEMA_VERSION,
        position=position,
        chain=chain.hex(),
        folder=folder_mark(folder),
        withdrawals=key_elsewhere,
        files=files,
    )
    return kept, written


def _keep(repository: Repository, name: str, path: Path, progress: Progress) -> tuple[KeptFile, int]:
    """The file's chunks on disk, as the disk gives them back; a damaged one of an earlier set is written anew."""
    kept, written = repository.put_file(name, parts_of(path, CHUNK, progress))
    progress("reading back", 0, 0)
    damaged = repository.damaged(kept.chunks)
    if damaged:
        repository.drop(damaged)
        kept, more = repository.put_file(name, parts_of(path, CHUNK, progress))
        written += more
        if repository.damaged(damaged):
            raise StoreDamaged(f"{repository.folder}: what was read back is not what was written; look at that disk")
    return kept, written


def _beside(folder: Path, name: str, repository: Repository) -> tuple[KeptFile, int]:
    copy = taking(repository.folder)
    try:
        db = apsw.Connection(str(folder / name), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error as err:
        raise StoreError(f"{folder / name} cannot be read: {err}") from err
    try:
        with closing(db), db:
            db.execute("select count(*) from sqlite_schema").fetchall()
            copy_database(db, copy, BESIDE[name], _silent)
        return _keep(repository, name, copy, _silent)
    finally:
        copy.unlink(missing_ok=True)


def _stands_at(db: apsw.Connection) -> tuple[int, bytes]:
    """The first read of the transaction: from here on it sees this state."""
    rows = db.execute("select position, chain from event order by position desc limit 1").fetchall()
    return (int(str(rows[0][0])), bytes(rows[0][1])) if rows else (0, b"")  # type: ignore[arg-type]


def _overlap(one: Path, other: Path) -> bool:
    first, second = one.resolve(), other.resolve()
    return first == second or first in second.parents or second in first.parents


def _silent(_what: str, _at: int, _of: int) -> None:
    return None
