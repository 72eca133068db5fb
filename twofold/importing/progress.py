"""How far an import of a file came, kept beside the store so that an interrupted one goes on there.

Owns one small file for each path and dataset. It is written after the store has committed, so it is never ahead of
the truth; lost or unreadable it costs time only, because the store takes no report twice. Holds no file name.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct

FOLDER = "imports"


class Mark(Struct, kw_only=True):
    """``row``: everything up to it is on disk. ``key`` stands for the file's content and the way it is read."""

    key: str
    row: int = 0
    new: int = 0
    updated: int = 0
    already_known: int = 0
    not_sendable: dict[str, int] = {}
    done: bool = False


class ProgressFile:
    """The mark of one path in one dataset."""

    def __init__(self, data: Path, path: Path, dataset: str) -> None:
        name = blake2b(f"{path.resolve()}\0{dataset}".encode(), digest_size=16).hexdigest()
        self._folder = data / FOLDER
        self._path = self._folder / f"{name}.json"

    def read(self) -> Mark | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Mark)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, mark: Mark) -> None:
        """Replaces the mark in one step; a crash leaves the old one or the new one."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(msgspec.json.encode(mark))
        new.replace(self._path)


def key_of(*parts: object) -> str:
    """A short name for content and settings together."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()
