"""Small files of a data folder that outlive a crash: written whole or not at all, or longer by what is flushed.

Owns how such a file is written and which error says what: `StoreFull` when the disk is, else `StoreError`. What is in it is
its owner's. Mode 0600; no link is followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from twofold.errors import StoreError, StoreFull


def write_whole(path: Path, content: bytes) -> None:
    """The file holds this and is on disk, or is what it was."""
    fresh = path.with_name(f"{path.name}.new")
    with _errors(path):
        _write(fresh, os.O_TRUNC, content)
        os.replace(fresh, path)
        flush_folder(path.parent)


def create_whole(path: Path, content: bytes) -> None:
    """A file with this, on disk; one that another process made in the meantime stays, one of blank lines does not."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with _errors(path):
        try:
            _write(fresh, os.O_EXCL, content)
            with contextlib.suppress(FileExistsError):
                if path.exists() and not path.read_bytes().strip():
                    os.replace(fresh, path)
                else:
                    os.link(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
        flush_folder(path.parent)


def append(path: Path, content: bytes) -> None:
    """On disk when it returns; a crash may leave a part of it."""
    with _errors(path):
        _write(path, os.O_APPEND, content)


def flush_folder(folder: Path) -> None:
    """The names in a folder are on disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write(path: Path, how: int, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | how | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(fd, left) :]
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        kind = StoreFull if err.errno in (errno.ENOSPC, errno.EDQUOT) else StoreError
        raise kind(f"{path} cannot be written: {err.strerror}; nothing is done without it") from err
