"""The copy of the files `erasures` and `withdrawals`, kept in another place than the database's backups.

Owns that copy: one file, replaced as a whole, whose first line says whose it is and whose rest is the two files, sealed where
a key was given. They hold the secrets by which a guessed address could be tested against the database, and they say who must
not come back with an older one; so they are kept apart from it, and are needed to put it back.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from twofold.backup.sealing import seal, unseal
from twofold.errors import StoreDamaged, StoreError
from twofold.store.beside.durable_file import write_whole
from twofold.store.beside.withdrawn_file import FILE as WITHDRAWALS
from twofold.store.secret import FILE as ERASURES
from twofold.store.secret import known_ring, mark_of, read_ring

COPY = "twofold-erasures"
FORM = 1


class Head(Struct, frozen=True, kw_only=True):
    """What the copy says of itself to anybody."""

    form: int = FORM
    taken_at: int  # Unix s
    folder: str  # mark of the secret; says nothing of it
    lines: int  # of both files
    sealed: bool
    digest: str  # of the rest


class PeopleFiles(Struct, frozen=True, kw_only=True):
    """Both files as they were."""

    erasures: bytes
    withdrawals: bytes = b""

    @property
    def mark(self) -> str:
        """Of the secret in the first of them."""
        return mark_of(read_ring(self.erasures))

    @property
    def lines(self) -> int:
        return len(_lines(self.erasures)) + len(_lines(self.withdrawals))


def folder_mark(folder: Path) -> str:
    """Tells data folders apart; empty where there is no secret yet."""
    ring = known_ring(folder)
    return "" if ring is None else mark_of(ring)


def files_of(folder: Path) -> PeopleFiles | None:
    """Both files of a data folder; None where nothing was ever kept in them."""
    erasures = _content(folder / ERASURES)
    return (
        None if erasures is None else PeopleFiles(erasures=erasures, withdrawals=_content(folder / WITHDRAWALS) or b"")
    )


def sizes_of(folder: Path) -> tuple[int, int]:
    """Bytes of both; they only grow, so a copy of other sizes is an older one."""
    return _size(folder / ERASURES), _size(folder / WITHDRAWALS)


def put_copy(folder: Path, target: Path, now_s: int, recipient: Any | None) -> Head:
    """Writes the copy, and reads it back. Raises `StoreError` where that place holds another folder's, or more than this."""
    files = files_of(folder)
    if files is None:
        raise StoreError(
            f"{folder} has no file {ERASURES}, which every folder has once it was opened; put it back first"
        )
    mark = folder_mark(folder)
    before = read_head(target)
    if before is not None and before.folder != mark:
        raise StoreError(f"{target / COPY} is of another data folder; name another place")
    if before is not None and before.lines > files.lines:
        raise StoreError(f"{target / COPY} knows {before.lines} lines, this folder {files.lines}: it is older than its copy; "
                         f"put the files {ERASURES} and {WITHDRAWALS} back with `twofold restore` first")  # fmt: skip
    body = msgspec.json.encode(files)
    if recipient is not None:
        body = seal(body, recipient)
    head = Head(taken_at=now_s, folder=mark, lines=files.lines, sealed=recipient is not None, digest=_digest(body))
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise StoreError(f"{target} cannot be used for the copy of the erasures: {err.strerror}") from err
    write_whole(target / COPY, msgspec.json.encode(head) + b"\n" + body)
    if _split(target / COPY) != (head, body):
        raise StoreDamaged(f"{target / COPY}: what was read back is not what was written; look at that disk")
    return head


def read_head(target: Path) -> Head | None:
    """What the copy of a place says of itself; None where there is none."""
    path = copy_of(target)
    return _split(path)[0] if path.is_file() else None


def copy_of(target: Path) -> Path:
    """The file, where somebody names it or its folder."""
    return target / COPY if target.is_dir() else target


def read_copy(target: Path, identity: Path | None) -> tuple[Head, PeopleFiles]:
    """The two files of a copy. Raises `StoreError`: not there, altered, or sealed and the key is missing."""
    path = copy_of(target)
    if not path.is_file():
        raise StoreError(f"{path} is not there; name the folder that `twofold backup --erasures` was given")
    head, body = _split(path)
    if head.sealed and identity is None:
        raise StoreError(f"{path} is sealed; name the file with its secret key with --identity")
    if head.sealed and identity is not None:
        body = unseal(body, identity)
    try:
        return head, msgspec.json.decode(body, type=PeopleFiles)
    except msgspec.MsgspecError:
        raise StoreDamaged(f"{path}: its content cannot be read; take another copy") from None


def put_back(folder: Path, files: PeopleFiles) -> None:
    """The files are in the data folder, with the lines that are there already. Raises `StoreError` for another secret's."""
    for name, content in ((ERASURES, files.erasures), (WITHDRAWALS, files.withdrawals)):
        own = _content(folder / name)
        merged = content if own is None else _united(folder / name, own, content)
        if merged.strip() and merged != own:
            write_whole(folder / name, merged)


def _united(path: Path, own: bytes, copied: bytes) -> bytes:
    """The copy's lines that are not here, then the own ones: where both speak of one thing, the folder's last word stands."""
    mine, theirs = _lines(own), _lines(copied)
    if not theirs:
        return own
    if not mine:
        return copied
    if mine[0] != theirs[0]:
        raise StoreError(f"{path} begins with another secret than its copy: they are of two data folders. Move it away "
                         "if nothing of this folder is wanted any more")  # fmt: skip
    known = set(mine)
    lines = [mine[0], *(line for line in theirs[1:] if line not in known), *mine[1:]]
    return own if len(lines) == len(mine) else b"".join(line + b"\n\n" for line in lines)


def _lines(content: bytes) -> list[bytes]:
    return [line for line in content.split(b"\n") if line.strip()]


def _content(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as err:
        raise StoreError(f"{path} cannot be read: {err.strerror}") from err
    return content if content.strip() else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _split(path: Path) -> tuple[Head, bytes]:
    try:
        line, _, body = path.read_bytes().partition(b"\n")
        head = msgspec.json.decode(line, type=Head)
    except OSError as err:
        raise StoreError(f"{path} cannot be read: {err.strerror}") from err
    except msgspec.MsgspecError:
        raise StoreDamaged(f"{path}: expected a copy of the erasures, its first line is none") from None
    if head.form != FORM or head.digest != _digest(body):
        raise StoreDamaged(f"{path}: not what was written; take another copy of the erasures")
    return head, body


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()
