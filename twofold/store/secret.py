"""The folder's secret: what makes digests that nobody can make, or check, who has not this folder.

Owns the first line of the file `erasures` in a data folder; the lines after it are the privacy room's. One secret for all
keyed digests: of what was erased, of the browsers behind touches, of buyers and of counterparts, so that an erasure finds
each of them by the same digest. Mode 0600, never in the database, an export or a message. It belongs beside a restored
database and out of the backups that hold the database.

Lost, everything that was keyed with it says nothing any more: touches and orders of before are joined to nobody's later
ones. A new one is made then; the mark of the old one stays in the database, and `verify` says that they differ.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from twofold.errors import StoreError
from twofold.matching.subject import Keyring

FILE = "erasures"


def folder_ring(folder: Path) -> Keyring:
    """The folder's ring; makes the secret where there is none. Raises `StoreError` where it cannot be used."""
    path = folder / FILE
    line = _first_line(path)
    if line is None:
        _create(path, msgspec.json.encode({"secret": secrets.token_hex(32)}))
        line = _first_line(path)
    return _ring(path, line or b"")


def known_ring(folder: Path) -> Keyring | None:
    """The folder's ring; None where it has no secret yet. Makes nothing."""
    line = _first_line(folder / FILE)
    return None if line is None else _ring(folder / FILE, line)


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


def _create(path: Path, line: bytes) -> None:
    """Whole or not at all, and never over another's: a secret that is cut off or replaced is a secret that is lost."""
    fresh = path.with_name(f"{FILE}.{secrets.token_hex(4)}")
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(fd, line + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            if path.exists():  # empty: nothing was ever relied on
                os.replace(fresh, path)
            else:
                os.link(fresh, path)
        except FileExistsError:
            pass  # another process was faster: its secret counts
        finally:
            fresh.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as err:
        raise StoreError(f"{path} cannot be written: {err.strerror}; nothing is keyed or erased without it") from err
