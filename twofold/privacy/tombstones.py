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

from twofold.store.beside.durable_file import append_line, read_lines
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
    return {entry.id for entry in read_lines(folder / FILE, _entry).rest}


def damaged_erasures(folder: Path) -> int:
    """How many lines of the file are not what was written. Makes nothing."""
    return read_lines(folder / FILE, _entry).damaged


def _entry(line: bytes) -> Entry:
    return msgspec.json.decode(line, type=Entry)


class Erasures:
    """Reads and appends. Raises `StoreError` where the file cannot be used: nothing is erased without it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.ring = folder_ring(folder)

    def entries(self) -> list[Entry]:
        """All erasures, the last entry of each id."""
        return list({entry.id: entry for entry in read_lines(self.path, _entry).rest}.values())

    def add(self, entry: Entry) -> None:
        """On disk when it returns."""
        append_line(self.path, msgspec.json.encode(entry))
