"""The file `backups` in a data folder: when it was last kept elsewhere, and how much of it.

Owns that file, for health, metrics and `twofold check`. It says nothing that a restore rests on, and is no part of a backup.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct, structs

from twofold.backup.erasures import sizes_of
from twofold.store.beside.durable_file import write_whole

FILE = "backups"


class LastBackup(Struct, frozen=True, kw_only=True):
    """Times in Unix s; 0: never."""

    at: int = 0
    position: int = 0  # up to which the last set goes
    place: str = ""
    erasures_at: int = 0
    erasures_place: str = ""
    erasures_sizes: tuple[int, int] = (0, 0)

    def erasures_behind(self, folder: Path) -> bool:
        """True when somebody was erased, or withdrew, since the copy was made, or there is none."""
        return not self.erasures_at or self.erasures_sizes != sizes_of(folder)


def last_backup(folder: Path) -> LastBackup:
    """What the folder knows; nothing, where the file is missing or cannot be read."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=LastBackup)
    except (OSError, msgspec.MsgspecError):
        return LastBackup()


def note_backup(folder: Path, **known: object) -> None:
    """These facts are so from now on."""
    write_whole(folder / FILE, msgspec.json.encode(structs.replace(last_backup(folder), **known)))
