"""The folder's secret: what makes digests that nobody can make, or check, who has not this folder.

Owns the first line of the file `erasures` in a data folder; the lines after it are the privacy room's. One secret for all
keyed digests: of what was erased, of the browsers behind touches, of buyers and of counterparts, so that an erasure finds
each of them by the same digest. Mode 0600, never in the database, an export or a message. It belongs beside a restored
database and out of the backups that hold the database.

Lost, everything that was keyed with it says nothing any more: touches and orders of before are joined to nobody's later
ones. A new one is made then; the mark of the old one stays in the database, and `verify` says that they differ.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from twofold.errors import StoreError
from twofold.matching.subject import Keyring
from twofold.store.beside.durable_file import create_whole
from twofold.store.sqlite.statements import Run

FILE = "erasures"
SECRET_MARK = "touch_secret"
"""The row of `meta` that tells with which secret the kept signs were keyed."""


def folder_ring(folder: Path) -> Keyring:
    """The folder's ring; makes the secret where there is none. Raises `StoreError` where it cannot be used."""
    path = folder / FILE
    line = _first_line(path)
    if line is None:
        create_whole(path, msgspec.json.encode({"secret": secrets.token_hex(32)}) + b"\n")
        line = _first_line(path)
    return _ring(path, line or b"")


def ring_among(folder: Path, run: Run) -> Keyring:
    """The folder's ring where several processes write to one database, each with a folder of its own: all of them have one
    secret. Raises `StoreError` where this folder's is missing or another one."""
    told = run("select_meta", (SECRET_MARK,))
    if told and known_ring(folder) is None:
        raise StoreError(
            f"{folder} has no file {FILE}, whose first line is the secret of this database; copy the file from the folder of "
            "another gateway, or put it back"
        )
    ring = folder_ring(folder)
    run("put_meta_first", (SECRET_MARK, mark_of(ring)))
    if run("select_meta", (SECRET_MARK,))[0][0] != mark_of(ring):
        raise StoreError(
            f"{folder / FILE}: its secret is not the one of this database; copy the file from the folder of another gateway"
        )
    return ring


def known_ring(folder: Path) -> Keyring | None:
    """The folder's ring; None where it has no secret yet. Makes nothing."""
    line = _first_line(folder / FILE)
    return None if line is None else _ring(folder / FILE, line)


def read_ring(content: bytes) -> Keyring:
    """The ring of a file with this content."""
    return _ring(Path(FILE), next((line for line in content.split(b"\n") if line.strip()), b""))


def mark_of(ring: Keyring) -> str:
    """Tells two secrets apart and says nothing of either."""
    return ring.digest("secret", "mark").hex()


def _ring(path: Path, line: bytes) -> Keyring:
    try:
        return Keyring(bytes.fromhex(msgspec.json.decode(line)["secret"]))
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        raise StoreError(f"{path}: its first line is not the secret; restore the file from a copy") from None


def _first_line(path: Path) -> bytes | None:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    except OSError as err:
        raise StoreError(f"{path} cannot be read: {err.strerror}") from err
    return next((line for line in lines if line.strip()), None)
