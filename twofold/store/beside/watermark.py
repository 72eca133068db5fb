"""The file `watermark` in a data folder: up to which position events were acknowledged, written outside the database.

Owns the file and what follows from it. The engine can lose committed transactions without a word (one altered bit in its
write-ahead log is enough), so the position and the chain value of the last committed row are also kept here, before the
commit is answered. At start, and by `verify`, the database must hold at least that.

Two slots are written in turn, each with its own checksum, into the system's cache: what was written there survives the
end of the process at once, and a thread flushes it to the disk twice a second, so only a power cut may set the mark back,
by about half a second. It is never ahead of the database. A mark of another run than the database's is an older or newer
copy of one of the two. Of several writers each has a file of its own, which speaks of its own strand.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import struct
import threading
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct, structs

from twofold.errors import StoreDamaged, StoreError
from twofold.store.beside.durable_file import flush_folder
from twofold.store.beside.folder import DATABASE
from twofold.store.engine import Database
from twofold.store.journal import TOLD, last_row, told_in
from twofold.store.peers.places import ALONE, SPAN, Place, strand_of
from twofold.store.sqlite.database import require_data
from twofold.store.sqlite.log_scan import lost_in_log

log = logging.getLogger("twofold.store")

FILE = "watermark"
FLUSH_EVERY_S = 0.5
_TITLE = b"Twofold watermark, version 1. Keep it beside the database; `twofold watermark show` reads it.\n"
_SLOTS = (512, 1024)  # in sectors of their own: a torn write harms one
_SEAL_AT = 2048
_SEAL = struct.Struct("<QQ16s")  # of which mark, how long the database file was, its digest
MAX_SEALED = 512 << 20
"""Larger files are not sealed: half a second at the end and at the start is what nobody minds."""
_SIZE = 4096
_RECORD = struct.Struct("<QQQQ8s")  # number, run, position, state and above it what was told besides, chain
_TOLD_BITS = 8
_CHECK = struct.Struct("<I")
OPENING, RUNNING, CLOSED = 0, 1, 2
KEPT = "kept"
"""Value of the database's own note (`meta`, name `watermark`) that it has one: a folder of an older version has none."""


class Mark(Struct, frozen=True):
    """One slot: the row numbered ``position`` had the chain value ``chain`` in that run, and was committed; and ``told`` things
    that have no row in the journal."""

    number: int
    run: int
    position: int
    state: int
    chain: bytes
    whole: bool = True  # both slots could be read
    told: int = 0


class Loss(Struct, frozen=True):
    """What was acknowledged and is not there. ``first`` and ``last`` are positions, where they can be told."""

    what: str
    first: int | None = None
    last: int | None = None

    def error(self, folder: Path) -> StoreDamaged:
        """The loud stop, with what to do."""
        return StoreDamaged(
            f"{folder}: {self.what}. Nothing is changed. Put a backup back with `twofold restore`, or go on without what "
            "is missing with `twofold watermark accept`; both ask for a reason, which goes into the log"
        )


class Watermark:
    """The file of an open folder, for its owner. `mark` on the loop; the flushing thread is this one's own."""

    def __init__(self, folder: Path, run: int, position: int, chain: bytes, told: int = 0, name: str = FILE) -> None:
        """Opens or makes the file; it then speaks of the run that is about to begin."""
        self.path = folder / name
        self.run = run
        self.position = self.flushed = position
        self._chain = chain
        self._told = self._flushed_told = told
        self.flushed_at = time.monotonic()
        self.problem = ""
        self._wrong = 0  # number of the last mark that could not be written
        before = read_mark(folder, name) if self.path.exists() else None
        self._number = before.number if isinstance(before, Mark) else 0
        self._fd = self._opened()
        os.pwrite(self._fd, bytes(_SEAL.size + 4), _SEAL_AT)  # from here on the file may change
        self._state = OPENING
        self._both()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """The database speaks of this run, too."""
        self._state = RUNNING
        self._both()

    def start(self) -> None:
        """Starts the flushing thread."""
        self._thread = threading.Thread(target=self._flush_loop, name="twofold-watermark", daemon=True)
        self._thread.start()

    def mark(self, position: int, chain: bytes, told: int = 0) -> None:
        """The row of this position is on disk, and ``told`` things besides. Called before anybody is told so."""
        if position != self.position or told != self._told:
            self.position, self._chain, self._told = position, chain, told
            self._write()

    def close(self, clean: bool = True) -> None:
        """Ends the thread; ``clean``: all of it is committed, and the next start needs no doubt."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        if clean:
            self._state = CLOSED
            self._both()
        os.close(self._fd)

    @property
    def is_flushed(self) -> bool:
        return self.position == self.flushed and self._told == self._flushed_told

    def lag(self) -> dict[str, Any]:
        """For people: how far the disk's copy of the mark is behind."""
        waiting = self.position - self.flushed
        return {
            "position": self.position,
            "lag_events": waiting,
            "lag_s": round(time.monotonic() - self.flushed_at, 3) if waiting else 0.0,
            "problem": self.problem,
        }

    def _write(self) -> None:
        self._number = number = self._number + 1
        record = _RECORD.pack(number, self.run, self.position, self._state | self._told << _TOLD_BITS, self._chain)
        try:
            os.pwrite(self._fd, record + _CHECK.pack(zlib.crc32(record)), _SLOTS[number & 1])
        except OSError as err:
            self._failed(err)

    def _both(self) -> None:
        """Both slots say the same, on disk."""
        self._write()
        self._write()
        self._flush()

    def _flush(self) -> None:
        position, told, number = self.position, self._told, self._number
        began = time.monotonic()
        try:
            os.fdatasync(self._fd)
        except OSError as err:
            self._failed(err)
            return
        if number != self._wrong:
            self.problem = ""
        self.flushed, self._flushed_told, self.flushed_at = position, told, began

    def _failed(self, err: OSError) -> None:
        if not self.problem:
            log.error("%s cannot be written: %s; a loss of events could go unnoticed", self.path, err)
        self.problem, self._wrong = f"cannot be written: {err.strerror}", self._number

    def _flush_loop(self) -> None:
        while not self._done.wait(FLUSH_EVERY_S):
            if self._is_gone():
                log.error("%s was taken away or replaced while the gateway ran, and is written anew", self.path)
                fd, self._fd = self._fd, self._opened()
                os.close(fd)
                self._write()
                self._flush()
            elif self.is_flushed:
                self.flushed_at = time.monotonic()  # nothing to flush: the mark is as old as this moment
            else:
                self._flush()

    def _is_gone(self) -> bool:
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self._fd))
        except OSError:
            return True

    def _opened(self) -> int:
        try:
            return _open_file(self.path)
        except OSError as err:
            message = f"{self.path} cannot be written: {err.strerror}; a loss could not be noticed without it"
            raise StoreError(message) from err


def open_watermark(engine: Database, place: Place = ALONE) -> Watermark:
    """The watermark of an open database, for the run that is about to begin. `examine` the folder before it is opened; of one
    among several writers, what it lacks of its own strand is told here. Raises `StoreDamaged`."""
    if place.alone:
        run, position, chain = _stands_at(engine)
        watermark = Watermark(engine.folder, run + 1, position, chain, told_in(engine))
        engine.run("put_meta", (FILE, KEPT))
        return watermark
    mark = read_mark(engine.folder, place.file(FILE))
    lacks = _lacks(engine.db, mark, place.counter(TOLD)) if isinstance(mark, Mark) else None
    if lacks is not None:
        raise lacks.error(engine.folder)
    position, chain = last_row(engine, place)
    told = told_in(engine, place)
    return Watermark(engine.folder, place.generation, position, chain, told, place.file(FILE))


def seal(folder: Path) -> None:
    """The database was closed in order and nobody has it open: keeps what its file is now."""
    mark, digest = read_mark(folder), _file_digest(folder)
    if not isinstance(mark, Mark) or mark.state != CLOSED or digest is None:
        return
    record = _SEAL.pack(mark.number, *digest)
    with contextlib.suppress(OSError):
        fd = os.open(folder / FILE, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.pwrite(fd, record + _CHECK.pack(zlib.crc32(record)), _SEAL_AT)
            os.fdatasync(fd)
        finally:
            os.close(fd)


def unseal(folder: Path) -> None:
    """The file of the watermark was copied to where the database is another one: it says nothing of that one's bytes."""
    if (folder / FILE).exists():
        fd = _open_file(folder / FILE)
        try:
            os.pwrite(fd, bytes(_SEAL.size + 4), _SEAL_AT)
            os.fsync(fd)
        finally:
            os.close(fd)


def altered_while_closed(folder: Path) -> str | None:
    """What happened to the database file since it was sealed; None when nothing did, or when there is no seal. Only where
    nobody has the folder open."""
    mark = read_mark(folder)
    try:
        data = (folder / FILE).read_bytes()[_SEAL_AT : _SEAL_AT + _SEAL.size + 4]
    except OSError:
        return None
    record, check = data[: _SEAL.size], data[_SEAL.size :]
    if not isinstance(mark, Mark) or mark.state != CLOSED or not record.strip(b"\0"):
        return None
    if check != _CHECK.pack(zlib.crc32(record)):
        return f"the seal in the file {FILE} is damaged"
    number, *sealed = _SEAL.unpack(record)
    if number != mark.number or tuple(sealed) == _file_digest(folder):
        return None
    return f"{DATABASE} was changed by something else since it was closed"


def _file_digest(folder: Path) -> tuple[int, bytes] | None:
    """Length and digest of the database file; None where it cannot be told, as when it is too large or has a log."""
    log_file = folder / f"{DATABASE}-wal"
    try:
        size = (folder / DATABASE).stat().st_size
        if size > MAX_SEALED or (log_file.exists() and log_file.stat().st_size):
            return None
        with (folder / DATABASE).open("rb") as file:
            return size, hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
    except OSError:
        return None


def renew_watermark(engine: Database) -> None:
    """From here on the watermark says what the database says. Whoever calls it has put into the log why."""
    run, position, chain = _stands_at(engine)
    Watermark(engine.folder, run, position, chain, told_in(engine)).close()
    engine.run("put_meta", (FILE, KEPT))


def _stands_at(engine: Database) -> tuple[int, int, bytes]:
    """Run, last position and chain value there, as the database has them."""
    position, chain = last_row(engine)
    generation = engine.run("select_meta", ("generation",))
    return (int(generation[0][0]) if generation else 0), position, chain


def ended_unclean(engine: Database) -> bool:
    """True when whoever had this folder last did not close it, or it is not known whether he did. Asked before the
    watermark is opened."""
    mark = read_mark(engine.folder)
    if isinstance(mark, Mark):
        return mark.state != CLOSED
    return bool(last_row(engine)[0])


def read_mark(folder: Path, name: str = FILE) -> Mark | str | None:
    """The newest mark of a folder; None without a file, a text that says what is wrong with it when it says nothing."""
    try:
        data = (folder / name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as err:
        return f"the file {name} cannot be read: {err.strerror}"
    slots = [m for m in (_slot(data, at) for at in _SLOTS) if m is not None]
    if not slots:
        return f"the file {name} is damaged: neither of its two marks is what was written"
    newest = max(slots, key=lambda m: m.number)
    return structs.replace(newest, whole=len(slots) == 2)


def require_traces(folder: Path) -> None:
    """Raises `StoreError` where nothing of ours is or was: neither a database nor the mark of one that is gone."""
    if not (folder / FILE).is_file():
        require_data(folder)


def examine(folder: Path, *, scan_log: bool = True) -> Loss | None:
    """What the database lacks of what the watermark and the write-ahead log say was committed. Alters nothing.

    ``scan_log`` only where nobody writes to the folder.
    """
    if not (folder / DATABASE).exists():
        mark = read_mark(folder)
        if isinstance(mark, Mark) and mark.position:
            return Loss(f"there is no {DATABASE}, but {mark.position} events were acknowledged", 1, mark.position)
        return None
    broken = lost_in_log(folder / DATABASE) if scan_log else None
    mark = read_mark(folder)  # before the snapshot: what it says must be in every later one
    others = [(place, read_mark(folder, place.file(FILE))) for place in _places_in(folder)]
    try:
        db = _reader(folder)
    except apsw.Error as err:
        return Loss(f"the database cannot be opened: {err}")
    try:
        db.execute("begin")
        found = _compare(db, mark)
        for place, theirs in others:
            if found is None:
                found = _compare_strand(db, theirs, place)
    except apsw.Error as err:
        return Loss(f"the database cannot be read: {err}")
    finally:
        db.close()
    if broken is None:
        return found
    if found is not None and found.first is not None:
        return Loss(f"{broken}; {found.what}", found.first, found.last)
    return Loss(f"{broken}; the journal ends at position {_ends_at(folder)}, what was committed after it is missing")


def _compare(db: Any, mark: Mark | str | None) -> Loss | None:
    if not db.execute("select 1 from sqlite_schema where name = 'meta'").fetchall():
        return Loss("the database is empty") if isinstance(mark, Mark) and mark.position else None
    return compare(db, mark, several=_has_workers(db))


def compare(db: Any, mark: Mark | str | None, *, several: bool = False) -> Loss | None:
    """What a database that has our tables lacks of what a watermark says. ``several``: more than one process wrote to it."""
    notes = dict(db.execute("select name, value from meta where name in ('watermark', 'generation')").fetchall())
    run = int(notes.get("generation", 0))
    if "generation" not in notes and isinstance(mark, Mark) and several:
        return _compare_strand(db, mark, ALONE)  # the first of several writers
    if mark is None:
        if "watermark" not in notes:
            return None  # a folder of an older version, or one that was never opened
        return Loss(f"the file {FILE} is missing, so nobody can tell whether events are")
    if isinstance(mark, str):
        return Loss(f"{mark}, so nobody can tell whether events are missing")
    lacks = _lacks(db, mark, TOLD)
    if lacks is not None:
        return lacks
    if mark.run > run + 1 or (mark.run == run + 1 and mark.state != OPENING):
        return Loss(
            f"the database is of run {run}, the watermark of run {mark.run}: an older database was put in place, and "
            f"what was delivered, reported or withdrawn since is missing"
        )
    if mark.run < run:
        return Loss(
            f"the watermark is of run {mark.run}, the database of run {run}: an older copy of the file {FILE} was put in "
            f"place, so nobody can tell whether events behind position {mark.position} are missing"
        )
    return None


def read_marks(folder: Path) -> dict[int, Mark | str | None]:
    """The newest mark of each writer that has one in a folder, the first's always among them, by the writer's number."""
    return {place.number: read_mark(folder, place.file(FILE)) for place in (ALONE, *_places_in(folder))}


def compare_all(db: Any, marks: Mapping[int, Mark | str | None]) -> Loss | None:
    """`compare` for a database on a server. Where several processes have written to it each mark speaks of its strand only, and
    a folder may have none: it is another process's."""
    if not db.execute("select 1 from worker limit 1").fetchall():
        return compare(db, marks.get(0))
    found = (_compare_strand(db, mark, Place(number)) for number, mark in sorted(marks.items()))
    return next((loss for loss in found if loss is not None), None)


def _has_workers(db: Any) -> bool:
    return bool(db.execute("select 1 from sqlite_schema where name = 'worker'").fetchall()) and bool(
        db.execute("select 1 from worker limit 1").fetchall()
    )


def _compare_strand(db: Any, mark: Mark | str | None, place: Place) -> Loss | None:
    """What one of several writers was told is on disk, against its strand."""
    if not isinstance(mark, Mark):
        return Loss(f"{mark}, so nobody can tell whether events are missing") if mark else None
    return _lacks(db, mark, place.counter(TOLD))


def _places_in(folder: Path) -> list[Place]:
    """The writers beside the first that have a mark in this folder."""
    numbers = (path.name.removeprefix(f"{FILE}-") for path in folder.glob(f"{FILE}-*"))
    return [Place(int(number)) for number in sorted(numbers) if number.isdecimal()]


def _lacks(db: Any, mark: Mark, counter: str) -> Loss | None:
    """What the strand of a mark lacks of what was committed there."""
    strand = strand_of(mark.position) * SPAN
    sql = "select coalesce(max(position), ?1) from event where position > ?1 and position < ?1 + ?2"
    last = db.execute(sql, (strand, SPAN)).fetchone()[0]
    if last < mark.position:
        return Loss(
            f"events from position {last + 1} on are missing: {mark.position} were acknowledged, the journal ends at "
            f"{last}",
            last + 1,
            mark.position,
        )
    told = db.execute("select value from counter where name = ?", (counter,)).fetchone() if mark.told else None
    if mark.told > (told[0] if told else 0):
        missing = mark.told - (told[0] if told else 0)
        return Loss(
            f"{missing} things that were acknowledged are missing, of orders' news, money lines, refusals and requests of persons"
        )
    row = db.execute("select substr(chain, 1, 8) from event where position = ?", (mark.position,)).fetchone()
    if mark.position != strand and (row is None or row[0] != mark.chain):
        return Loss(f"position {mark.position} holds another event than the one that was acknowledged there")
    return None


def _reader(folder: Path) -> apsw.Connection:
    """Also of a folder of an older version, which is examined before it is migrated."""
    db = apsw.Connection(str(folder / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
    db.set_busy_timeout(5_000)
    return db


def _ends_at(folder: Path) -> int:
    db = _reader(folder)
    try:
        ((last,),) = db.execute("select coalesce(max(position), 0) from event").fetchall()
        return int(str(last))
    finally:
        db.close()


def _slot(data: bytes, at: int) -> Mark | None:
    end = at + _RECORD.size
    if len(data) < end + 4 or _CHECK.unpack(data[end : end + 4])[0] != zlib.crc32(data[at:end]):
        return None
    number, run, position, state, chain = _RECORD.unpack(data[at:end])
    state, told = state & (1 << _TOLD_BITS) - 1, state >> _TOLD_BITS
    return Mark(number, run, position, state, chain, told=told) if number else None


def _open_file(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(fd).st_size != _SIZE:
            os.ftruncate(fd, 0)
            os.pwrite(fd, _TITLE.ljust(_SIZE, b"\0"), 0)  # written out: a map over a hole could find the disk full
            os.fsync(fd)
            flush_folder(path.parent)
        return fd
    except BaseException:
        os.close(fd)
        raise
