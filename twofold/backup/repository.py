"""A folder of backups: sets that each name all of a data folder's bytes, made of chunks that sets share.

Owns the form of that folder and what makes a set whole. A chunk is 256 KiB of a file, compressed, under the name of its
digest: what a later set has in common with an earlier one is written once. A set is one small file, written when all of its
chunks are on disk and were read back; whoever is killed before that leaves the sets of before, and chunks that the next
backup takes away. Not: where the bytes come from (`take`), and where they go (`control.recover`).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from twofold.errors import StoreDamaged, StoreError, StoreFull, StoreLocked
from twofold.store.beside.durable_file import create_whole, flush_folder, write_whole

MARKER = "twofold-backup"
_TITLE = b"Twofold backups, version 1. Kept and read by `twofold backup` and `twofold restore`; change nothing here.\n"
FORM = 1
CHUNK = 64 * 4096
_LEVEL = 3
_LARGEST = CHUNK + 4096  # what a chunk may come to when it is read; more is damage
TAKING = "taking"
"""Begins the name of what is only there while a backup is made."""


class KeptFile(Struct, frozen=True, kw_only=True):
    """One file of a set, as the digests of its chunks in order."""

    name: str
    size: int
    chunks: list[str]


class Kept(Struct, frozen=True, kw_only=True):
    """One set: a data folder as it was at one moment."""

    form: int = FORM
    name: str
    taken_at: int  # Unix s
    program: str
    schema: int
    position: int  # the journal's last
    chain: str  # chain value there, hexadecimal
    folder: str  # tells data folders apart: mark of the secret that this one's digests are made with, or empty
    withdrawals: bool  # the key of withdrawals was left out: it is in the file `withdrawals`
    files: list[KeptFile]

    @property
    def chunks(self) -> set[str]:
        return {chunk for file in self.files for chunk in file.chunks}

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Repository:
    """An open folder of backups. One process at a time changes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pack = ZstdCompressor(level=_LEVEL)
        self._fresh: set[Path] = set()  # folders whose new names are not flushed yet

    # -- sets

    def sets(self) -> tuple[list[Kept], list[str]]:
        """All that are whole, oldest first, and the names of those that cannot be read."""
        whole, broken = [], []
        for path in sorted((self.folder / "sets").glob("*.json")):
            try:
                whole.append(_decoded(path.read_bytes()))
            except (OSError, ValueError, msgspec.MsgspecError):
                broken.append(path.stem)
        return sorted(whole, key=lambda s: (s.taken_at, s.name)), broken

    def find(self, name: str | None) -> Kept:
        """The set of that name, or the newest. Raises `StoreError` where there is none."""
        whole, broken = self.sets()
        found = [s for s in whole if name in (None, s.name)]
        if found:
            return found[-1]
        if name in broken or (name is None and broken):
            raise StoreDamaged(
                f"{self.folder}: the set {name or broken[-1]} is not what was written; take another backup"
            )
        known = ", ".join(s.name for s in whole) or "none"
        raise StoreError(f"{self.folder}: expected a set called {name or '(any)'}, it has {known}")

    def put_set(self, kept: Kept) -> None:
        """The set is there from now on; all of its chunks must be."""
        self._flush_names()
        text = msgspec.json.encode(kept)
        write_whole(self.folder / "sets" / f"{kept.name}.json", text + b"\n" + _digest(text).encode() + b"\n")

    def forget(self, keep: int) -> int:
        """Takes away all but the newest sets, and the chunks that none of the others has. Answers how many sets went.

        With a set that cannot be read no chunk goes: nobody knows which are its.
        """
        whole, broken = self.sets()
        gone = whole[: max(0, len(whole) - keep)]
        for kept in gone:
            (self.folder / "sets" / f"{kept.name}.json").unlink(missing_ok=True)
        if gone:
            flush_folder(self.folder / "sets")
        if not broken:
            self._sweep({chunk for kept in whole[len(gone) :] for chunk in kept.chunks})
        return len(gone)

    # -- chunks

    def put_file(self, name: str, parts: Iterable[bytes]) -> tuple[KeptFile, int]:
        """A file's chunks, those that were not there yet written; and how many bytes that took."""
        chunks: list[str] = []
        size = written = 0
        for part in parts:
            digest = _digest(part)
            chunks.append(digest)
            size += len(part)
            path = self._path(digest)
            if not path.exists():
                written += self._write(path, self._pack.compress(part))
        return KeptFile(name=name, size=size, chunks=chunks), written

    def damaged(self, chunks: Iterable[str]) -> list[str]:
        """Those of these chunks that are not what was written, as the disk has them."""
        return [digest for digest in sorted(set(chunks)) if self._read(digest, cold=True) is None]

    def drop(self, chunks: Iterable[str]) -> None:
        """These chunks are written anew by whoever brings them next."""
        for digest in chunks:
            self._path(digest).unlink(missing_ok=True)

    def read_file(self, file: KeptFile) -> Iterator[bytes]:
        """Its bytes, each chunk held against its digest. Raises `StoreDamaged` naming the one that is not sound."""
        for digest in file.chunks:
            part = self._read(digest)
            if part is None:
                raise StoreDamaged(f"{self._path(digest)}: not what was written, so {file.name} of this backup is not whole; "
                                   "take another set with --set")  # fmt: skip
            yield part

    def _read(self, digest: str, *, cold: bool = False) -> bytes | None:
        try:
            with self._path(digest).open("rb") as file:
                if cold:  # what is still in memory says nothing of the disk
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                part = ZstdDecompressor().decompress(file.read(), max_output_size=_LARGEST)
        except (OSError, ZstdError):
            return None
        return part if _digest(part) == digest else None

    def _path(self, digest: str) -> Path:
        return self.folder / "chunks" / digest[:2] / digest

    def _write(self, path: Path, content: bytes) -> int:
        fresh = path.with_name(f"{path.name}.new")
        try:
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700)
                self._fresh.add(path.parent.parent)
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(fd)
            os.replace(fresh, path)
        except OSError as err:
            kind = StoreFull if err.errno == 28 else StoreError
            raise kind(f"{fresh} cannot be written: {err.strerror}; the backups of before are whole") from err
        self._fresh.add(path.parent)
        return len(content)

    def _flush_names(self) -> None:
        for folder in sorted(self._fresh):
            flush_folder(folder)
        self._fresh.clear()

    def _sweep(self, used: set[str]) -> None:
        for path in (self.folder / "chunks").glob("*/*"):
            if path.name not in used:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def changing(folder: Path) -> Iterator[Repository]:
    """The folder of backups for whoever adds to it; made where there is none. What a killed one left is taken away.

    Raises `StoreError` for a folder that holds anything else, `StoreLocked` while another backup is being made there.
    """
    _make(folder)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreLocked(f"{folder}: another backup is being made there; wait for its end") from None
        for left in folder.glob(f"{TAKING}-*"):
            left.unlink()
        yield Repository(folder)
    finally:
        os.close(fd)


def is_repository(folder: Path) -> bool:
    """True for a folder that `twofold backup` made."""
    return (folder / MARKER).is_file()


def taking(folder: Path) -> Path:
    """A name for a file that is only there meanwhile."""
    return folder / f"{TAKING}-{secrets.token_hex(4)}"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_repository(folder):
            others = sorted(p.name for p in folder.iterdir() if p.name not in ("lost+found", "sets", "chunks", "lock"))
            if others:
                raise StoreError(
                    f"{folder}: expected an empty folder or one of backups, it holds {others[0]}; name another"
                )
        for name in ("sets", "chunks"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        if not is_repository(folder):
            create_whole(folder / MARKER, _TITLE)
    except OSError as err:
        raise StoreError(f"{folder} cannot be used for backups: {err.strerror}") from err


def _decoded(content: bytes) -> Kept:
    text, _, check = content.partition(b"\n")
    if check.strip() != _digest(text).encode():
        raise ValueError
    kept = msgspec.json.decode(text, type=Kept)
    if kept.form != FORM:
        raise ValueError
    return kept


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()
