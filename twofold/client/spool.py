"""The file that survives a crash: what was queued and is not yet settled, one line each.

Owns one file of this process in a folder, and the adoption of files whose process is gone. Lines are written with
one `write` each before `track` returns: a killed process loses nothing. They are not flushed to the disk one by one,
so a power cut can lose the last ones. Contact data never comes here in the clear; see `contact`.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from typing import Any

try:
    import fcntl
except ImportError:  # pragma: no cover - not a POSIX system
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".spool"


class Spool:
    """One process's file. Every method raises OSError when the disk says no; one caller at a time."""

    def __init__(self, folder: str) -> None:
        if fcntl is None:
            raise OSError("a spool needs a system with flock (Linux, macOS, BSD)")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._folder = folder
        self._path, self._file = _new_file(folder)
        self._torn = False
        self._open: dict[int, None] = {}
        self._next = 1

    def put(self, lane: str, item: dict[str, Any]) -> int:
        """Writes one item; its number for `settle`."""
        number = self._next
        self._next += 1
        self._write({"n": number, "to": lane, "item": item})
        self._open[number] = None
        return number

    def settle(self, numbers: Iterable[int]) -> None:
        """These are delivered or refused. An empty spool is an empty file."""
        done = [number for number in numbers if number in self._open]
        for number in done:
            del self._open[number]
        if not self._open:
            os.ftruncate(self._file, 0)
        elif done:
            self._write({"done": done})

    def adopt(self) -> list[tuple[str, dict[str, Any], int]]:
        """What other processes left behind, now in this file: (lane, item, number). Files in use are not touched.

        The other file goes only after its items stand in this one: a crash in between sends them twice, under the
        same ids.
        """
        found: list[tuple[str, dict[str, Any], int]] = []
        for name in sorted(os.listdir(self._folder)):
            path = os.path.join(self._folder, name)
            if not name.endswith(_SUFFIX) or path == self._path:
                continue
            try:
                other = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # somebody else adopted it
            try:
                try:
                    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue  # its process lives
                if os.fstat(other).st_nlink == 0:
                    continue
                for lane, item in _unsettled(other):
                    found.append((lane, item, self.put(lane, item)))
                os.unlink(path)
            finally:
                os.close(other)
        return found

    def close(self) -> None:
        """An empty file is removed, one with items stays for the next process."""
        if self._file < 0:
            return
        if not self._open:
            os.unlink(self._path)
        os.close(self._file)
        self._file = -1

    def forget(self) -> None:
        """In a forked child: the file is the parent's, and so is its lock."""
        os.close(self._file)
        self._file = -1

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        if self._torn:
            data = b"\n" + data  # what a full disk cut short stays a line of its own
        self._torn = True
        while data:
            data = data[os.write(self._file, data) :]
        self._torn = False


def _new_file(folder: str) -> tuple[str, int]:
    """A file that is ours alone: path and descriptor."""
    while True:
        path = os.path.join(folder, f"{os.getpid()}-{uuid.uuid4().hex}{_SUFFIX}")
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            continue
        if os.fstat(file).st_nlink:
            return path, file
        os.close(file)  # somebody adopted the empty file before it was locked


def _unsettled(file: int) -> list[tuple[str, dict[str, Any]]]:
    """Items without their ``done``, in order. A torn line, as a crash leaves at the end, is passed over."""
    with os.fdopen(os.dup(file), "rb") as lines:
        lines.seek(0)
        kept: dict[int, tuple[str, dict[str, Any]]] = {}
        for line in lines:
            try:
                row = json.loads(line)
                for number in row.get("done", ()):
                    kept.pop(number, None)
                item = row.get("item")
                if item and all(isinstance(item[part], str) for part in ("text", "name", "id")):
                    kept[row["n"]] = (row["to"], item)
            except (ValueError, AttributeError, KeyError, TypeError):
                continue
    return list(kept.values())
