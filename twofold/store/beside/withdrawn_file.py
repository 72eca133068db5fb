"""The file `withdrawals` in a data folder: who withdrew consent, as keyed digests, beside the database.

Owns the file. It is no part of the database, so that a database restored from a backup does not forget who said no since.
Mode 0600; lines of JSON: the first holds the key of the digests, each further one how some of them stand from then on.
Appended and flushed before the transaction is committed. Keep it when the database is restored.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from twofold.errors import StoreError
from twofold.store.beside.durable_file import append_line, read_lines, with_check, write_whole

FILE = "withdrawals"
State = tuple[int, int | None]
"""(withdrawn at, given again at), ms."""


class WithdrawnFile:
    """Reads and appends. Raises `StoreError` where the file cannot be used: no withdrawal is acknowledged without it."""

    def __init__(self, folder: Path, name: str = FILE) -> None:
        self._path = folder / name

    def read(self) -> tuple[bytes | None, dict[bytes, State], int]:
        """The key, None where there is no file, how each digest stands, and how many lines are damaged."""
        lines = read_lines(self._path, _states)
        if lines.first is None and not self._path.exists():
            return None, {}, 0
        try:
            key = bytes.fromhex(msgspec.json.decode(lines.first or b"")["key"])
        except (KeyError, TypeError, ValueError, msgspec.MsgspecError):
            raise StoreError(f"{self._path}: its first line is not the key; restore the file from a copy") from None
        return key, {name: state for line in lines.rest for name, state in line.items()}, lines.damaged

    def begin(self, key: bytes, states: Iterable[tuple[bytes, int, int | None]]) -> None:
        """A file with this key and these states, whole or not at all: a key that is cut off would be one that is lost."""
        line = _line(states)
        first = msgspec.json.encode({"key": key.hex()}) + b"\n"
        write_whole(self._path, first + (with_check(line) + b"\n" if line else b""))

    def append(self, states: Iterable[tuple[bytes, int, int | None]]) -> None:
        """On disk when it returns."""
        append_line(self._path, _line(states))


def damaged_withdrawals(folder: Path) -> int:
    """How many lines of the file are not what was written. Makes nothing."""
    return read_lines(folder / FILE, _states).damaged


def _line(states: Iterable[tuple[bytes, int, int | None]]) -> bytes:
    rows = [(name.hex(), withdrawn, granted) for name, withdrawn, granted in states]
    return msgspec.json.encode(rows) if rows else b""


def _states(line: bytes) -> dict[bytes, State]:
    rows = msgspec.json.decode(line, type=list[tuple[str, int, int | None]])
    return {bytes.fromhex(name): (withdrawn, granted) for name, withdrawn, granted in rows}
