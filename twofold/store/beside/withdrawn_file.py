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
from twofold.store.beside.durable_file import append, write_whole

FILE = "withdrawals"
State = tuple[int, int | None]
"""(withdrawn at, given again at), ms."""


class WithdrawnFile:
    """Reads and appends. Raises `StoreError` where the file cannot be used: no withdrawal is acknowledged without it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def read(self) -> tuple[bytes | None, dict[bytes, State]]:
        """The key, None where there is no file, and how each digest stands; a line cut off by a crash was never relied on."""
        try:
            lines = [line for line in self._path.read_bytes().split(b"\n") if line.strip()]
        except FileNotFoundError:
            return None, {}
        except OSError as err:
            raise StoreError(f"{self._path} cannot be read: {err.strerror}") from err
        try:
            key = bytes.fromhex(msgspec.json.decode(lines[0])["key"])
        except (IndexError, KeyError, TypeError, ValueError, msgspec.MsgspecError):
            raise StoreError(f"{self._path}: its first line is not the key; restore the file from a copy") from None
        found: dict[bytes, State] = {}
        for line in lines[1:]:
            try:
                rows = msgspec.json.decode(line, type=list[tuple[str, int, int | None]])
                found |= {bytes.fromhex(name): (withdrawn, granted) for name, withdrawn, granted in rows}
            except (ValueError, msgspec.MsgspecError):
                continue
        return key, found

    def begin(self, key: bytes, states: Iterable[tuple[bytes, int, int | None]]) -> None:
        """A file with this key and these states, whole or not at all: a key that is cut off would be one that is lost."""
        write_whole(self._path, msgspec.json.encode({"key": key.hex()}) + b"\n" + _line(states))

    def append(self, states: Iterable[tuple[bytes, int, int | None]]) -> None:
        """On disk when it returns. Begins with a line end: what a crash cut off before it stays a line of its own."""
        append(self._path, b"\n" + _line(states))


def _line(states: Iterable[tuple[bytes, int, int | None]]) -> bytes:
    rows = [(name.hex(), withdrawn, granted) for name, withdrawn, granted in states]
    return msgspec.json.encode(rows) + b"\n" if rows else b""
