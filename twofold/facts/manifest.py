"""Which files are the tables now: one manifest, replaced as a whole, so that every reader sees one state.

Owns the manifest, who reads under which of its numbers, the lock of whoever makes files, and when a file may go. A file
stands under a name of its own and is never changed; what the manifest does not name is nobody's. ``files`` may lie on a
mount that knows neither locks nor renaming over a file: locks and readers' notes are in the data folder itself.

A file that was replaced goes when nobody reads under a manifest that named it any more. A reader says until when it reads at
most, and is ended by then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from twofold.errors import FactsError
from twofold.facts.parquet import flush_folder

MANIFEST = "manifest.json"
FORM = 1
"""Of the manifest; another one is not read, and all is made again."""

WANTED_S = 60.0  # a word that somebody waits for the lock holds so long: who died waiting stops nobody
_AGAIN_S = 0.05
_TORN_S = 2.0  # where a file cannot be renamed over another, a reader may meet one that is being written


class File(Struct, frozen=True, kw_only=True):
    """One table's day. ``path`` is relative to the folder of the files."""

    path: str
    rows: int
    size: int
    digest: str = ""  # of what is made again because something near it changed: one that says the same stays


class Replaced(Struct, frozen=True, kw_only=True):
    """A file that is no longer the table's; ``last``: the number of the last manifest that named it."""

    path: str
    last: int


class Manifest(Struct, frozen=True, kw_only=True):
    """The state of all tables."""

    form: int = FORM
    number: int = 0
    schema: str = ""
    rules: str = ""  # what decides beside the store: the policies of the orders
    lives: str = ""  # the same for lives: rules of the chain, its zone
    currency: str = ""  # in which lives are told
    store: str = ""  # which store they were made from, and their own word there; see `named_store`
    generation: int = 0  # of the last build; see `store.changed`
    position: int = 0  # of the journal, at the last build
    made_at: int = 0  # Unix s: the tables are as of this time or later
    files: dict[str, dict[str, File]] = {}  # table -> day -> file
    absent: tuple[tuple[str, int], ...] = ()  # (group, day) that are not made, or were taken away by an erasure
    replaced: tuple[Replaced, ...] = ()

    def paths(self, table: str) -> list[str]:
        """A table's files, oldest day first."""
        return [file.path for _, file in sorted(self.files.get(table, {}).items())]


def named_store(link: str, home: str) -> str:
    """A store, and by which word its marks are about these tables (`store.changed.days.HOME`); without one for the first tables."""
    return f"{link}:{home}" if home else link


def home_in(files: Path) -> str | None:
    """The word of the tables that are there; None where there are none."""
    manifest = read_manifest(files)
    return None if manifest is None else manifest.store.partition(":")[2]


class Places(Struct, frozen=True, kw_only=True):
    """Where things are. ``data``: the data folder; ``files``: the tables, usually ``facts`` in it."""

    data: Path
    files: Path

    @property
    def readers(self) -> Path:
        return self.data / "facts.readers"

    @property
    def spill(self) -> Path:
        return self.data / "facts.spill"

    @property
    def lock(self) -> Path:
        return self.data / "facts.lock"

    @property
    def wanted(self) -> Path:
        return self.data / "facts.wanted"


class _Sealed(Struct, frozen=True):
    sha256: str
    manifest: msgspec.Raw


def read_manifest(files: Path) -> Manifest | None:
    """The manifest that stands; None where there is none or it has another form."""
    until = time.monotonic() + _TORN_S
    while True:
        try:
            sealed = msgspec.json.decode((files / MANIFEST).read_bytes(), type=_Sealed)
            if sha256(sealed.manifest).hexdigest() == sealed.sha256:
                form = msgspec.json.decode(sealed.manifest).get("form")
                return msgspec.json.decode(sealed.manifest, type=Manifest) if form == FORM else None
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            pass
        if time.monotonic() > until:
            return None  # damaged: the tables are made again from the store
        time.sleep(_AGAIN_S)


def write_manifest(files: Path, manifest: Manifest) -> None:
    """Replaces the manifest. Readers see the one before or this one."""
    body = msgspec.json.encode(manifest)
    whole = msgspec.json.encode(_Sealed(sha256(body).hexdigest(), msgspec.Raw(body)))
    fresh = files / f"{MANIFEST}.{secrets.token_hex(4)}"
    _write(fresh, whole)
    try:
        os.replace(fresh, files / MANIFEST)
    except OSError:  # a mount of objects: a whole object is put in place of the other when it is closed
        _write(files / MANIFEST, whole)
        fresh.unlink(missing_ok=True)
    flush_folder(files)


def _write(path: Path, body: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


# -- who makes files


@contextlib.contextmanager
def making(places: Places, *, wait_s: float, urgent: bool = False) -> Iterator[None]:
    """Holds the lock of whoever makes or takes away files. ``urgent``: a builder that holds it stops at the next day.

    Raises `FactsError` when it is not free in time.
    """
    fd = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + wait_s
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise FactsError(
                        "another process makes the tables of the reports; try again when it is done"
                    ) from None
            if urgent:
                places.wanted.touch(0o600)
            time.sleep(_AGAIN_S)
        if urgent:
            places.wanted.unlink(missing_ok=True)
        yield
    finally:
        os.close(fd)


def is_wanted(places: Places) -> bool:
    """True while somebody waits for the lock who must not wait long."""
    try:
        return time.time() - places.wanted.stat().st_mtime < WANTED_S
    except FileNotFoundError:
        return False


# -- who reads


class _Note(Struct, frozen=True):
    """What a reader leaves beside the files. ``number``: null until it has read the manifest."""

    place: str  # in which processes of which machine ``pid`` counts
    pid: int
    started: str
    until: float  # Unix s
    number: int | None = None


@contextlib.contextmanager
def reading(places: Places, seconds: float) -> Iterator[Manifest | None]:
    """The manifest, with its files kept until the end of the block or for ``seconds``, whichever comes first."""
    places.readers.mkdir(mode=0o700, exist_ok=True)
    path = places.readers / f"{os.getpid()}-{secrets.token_hex(6)}"
    note = _Note(_place(), os.getpid(), _started(os.getpid()), time.time() + seconds)
    _write(path, msgspec.json.encode(note))  # first the note: what is read after it is not taken away
    try:
        manifest = read_manifest(places.files)
        if manifest is not None:
            fresh = path.with_suffix(".new")
            _write(fresh, msgspec.json.encode(msgspec.structs.replace(note, number=manifest.number)))
            os.replace(fresh, path)
        yield manifest
    finally:
        path.unlink(missing_ok=True)


def oldest_read(places: Places) -> int | None:
    """The lowest number that somebody may read under; None while nobody reads. Notes of the dead are taken away."""
    lowest: int | None = None
    for path in sorted(places.readers.glob("*")) if places.readers.is_dir() else ():
        try:
            note = msgspec.json.decode(path.read_bytes(), type=_Note)
        except FileNotFoundError:
            continue
        except msgspec.DecodeError:
            if time.time() - path.stat().st_mtime < WANTED_S:
                return 0  # being written
            path.unlink(missing_ok=True)
            continue
        if note.until < time.time() or _is_dead(note):
            path.unlink(missing_ok=True)
            continue
        lowest = min(note.number or 0, lowest if lowest is not None else note.number or 0)
    return lowest


def _place() -> str:
    with contextlib.suppress(OSError):
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    return "unknown"


def _started(pid: int) -> str:
    """When a process began, by the system's own count: tells it from a later one of the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _is_dead(note: _Note) -> bool:
    return note.place == _place() != "unknown" and _started(note.pid) != note.started


# -- what may go


def sweep(places: Places, manifest: Manifest) -> tuple[Manifest, int]:
    """Takes away the files that nobody can read any more; the manifest without them (not written), and how many went.

    Only under the lock: what no manifest ever named is the rest of a builder that died.
    """
    oldest = oldest_read(places)
    kept = tuple(r for r in manifest.replaced if oldest is not None and oldest <= r.last)
    known = {f.path for days in manifest.files.values() for f in days.values()} | {r.path for r in kept}
    gone = 0
    for path in sorted(places.files.glob("*/day=*/*")):
        if str(path.relative_to(places.files)) not in known:
            path.unlink(missing_ok=True)
            gone += path.suffix == ".parquet"
            with contextlib.suppress(OSError):
                path.parent.rmdir()
    for path in places.files.glob(f"{MANIFEST}.*"):
        path.unlink(missing_ok=True)
    return msgspec.structs.replace(manifest, replaced=kept), gone
