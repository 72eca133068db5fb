"""The file `erasures` in a data folder: what was ever erased, as digests keyed with the secret of its first line.

Owns the lines behind the secret, which is the store's (`store/secret`). The file is no part of the database, so that a
database restored from a backup can be cleaned again of everybody who asked since. Mode 0600; lines of JSON, the first holds
the secret; appended and flushed. Keep it when the database is restored, and out of the backups that hold the database:
without it a keyed digest says nothing.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from twofold.errors import StoreError
from twofold.store.beside.durable_file import append
from twofold.store.secret import FILE, folder_ring


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One erasure: what was wanted and found to be the person's. ``keys``: kind to digests in hexadecimal."""

    id: str
    at: int  # ms
    kind: str = "erase"
    dataset: str | None = None
    named: str = ""
    keys: dict[str, list[str]] = {}


def written_erasures(folder: Path) -> set[str]:
    """Ids of the erasures that the file holds. Makes nothing."""
    try:
        lines = (folder / FILE).read_bytes().split(b"\n")
    except OSError:
        return set()
    found: set[str] = set()
    for line in lines[1:]:
        try:
            found.add(msgspec.json.decode(line, type=Entry).id)
        except (msgspec.MsgspecError, ValueError):
            continue
    return found


class Erasures:
    """Reads and appends. Raises `StoreError` where the file cannot be used: nothing is erased without it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.ring = folder_ring(folder)

    def entries(self) -> list[Entry]:
        """All erasures, the last entry of each id; a line cut off by a crash was never relied on."""
        found: dict[str, Entry] = {}
        for line in self._lines()[1:]:
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except msgspec.MsgspecError:
                continue
            found[entry.id] = entry
        return list(found.values())

    def add(self, entry: Entry) -> None:
        """On disk when it returns. Begins with a line end: what a crash cut off before it stays a line of its own."""
        append(self.path, b"\n" + msgspec.json.encode(entry) + b"\n")

    def _lines(self) -> list[bytes]:
        try:
            return [line for line in self.path.read_bytes().split(b"\n") if line.strip()]
        except FileNotFoundError:
            return []
        except OSError as err:
            raise StoreError(f"{self.path} cannot be read: {err.strerror}") from err
