"""Small files of a data folder that outlive a crash: written whole or not at all, or longer by what is flushed.

Owns how such a file is written, how its lines are told from what a crash cut off and from what was altered, and which error
says what: `StoreFull` when the disk is, else `StoreError`. What is in it is its owner's. Mode 0600; no link is followed.

A line is followed by a check of its text, which lines of version 0.2.0 lack. `append_line` begins with a line end, so what a
crash cut off is a line of its own, and followed by a text where a whole line is followed by an empty one or by the end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from twofold.errors import StoreError, StoreFull

T = TypeVar("T")
_CHECK = re.compile(rb" ([0-9a-f]{8})\s*\Z")


class Lines(NamedTuple, Generic[T]):
    """What stands in a file of lines."""

    first: bytes | None
    rest: list[T]
    damaged: int


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


def append_line(path: Path, line: bytes) -> None:
    """`append` of one line, with its check; what a crash cut off before it stays a line of its own."""
    append(path, b"\n" + with_check(line) + b"\n")


def with_check(line: bytes) -> bytes:
    """A line as it is written."""
    return line + b" %08x" % zlib.crc32(line)


def read_lines(path: Path, decode: Callable[[bytes], T]) -> Lines[T]:
    """The first line as it stands, what ``decode`` makes of the others, and how many are damaged.

    ``decode`` raises a `ValueError` for a line that it cannot read. What a crash cut off was never relied on, and is passed
    over; all other lines are kept whatever became of their neighbours.
    """
    try:
        texts = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Lines(None, [], 0)
    except OSError as err:
        raise StoreError(f"{path} cannot be read: {err.strerror}") from err
    last = len(texts) - 1
    places = [n for n, text in enumerate(texts) if text.strip()]
    found: list[T] = []
    damaged = 0
    for place in places[1:]:
        line, check = texts[place], _CHECK.search(texts[place])
        if check is not None:
            line = line[: check.start()]
        try:
            if check is not None and int(check[1], 16) != zlib.crc32(line):
                raise ValueError
            found.append(decode(line))
        except ValueError:
            ended = place < last and (place + 1 == last or not texts[place + 1].strip())
            damaged += ended or check is not None
    return Lines(texts[places[0]] if places else None, found, damaged)


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
