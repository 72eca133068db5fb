"""A database as it was at one moment, as a file of its own, while others go on writing to it.

Owns the copying: by the engine's own method, inside one read transaction, so that what is written meanwhile neither is in
the copy nor makes it begin again. Knows what of each database is left out of a copy, and nothing of where it is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw

from twofold.errors import StoreDamaged, StoreError, StoreFull

Progress = Callable[[str, int, int], None]
_STEP_PAGES = 2_048


def copy_database(db: apsw.Connection, target: Path, leave_out: str, progress: Progress) -> None:
    """What ``db`` sees inside its open read transaction, in a new file. ``leave_out``: SQL that is run on the copy.

    The copy is read through by the engine. Raises `StoreDamaged` when it is not sound, `StoreFull` without room.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        new = apsw.Connection(str(target))
        try:
            new.pragma("synchronous", "off")  # only there meanwhile
            with new.backup("main", db, "main") as copying:
                while not copying.done:
                    copying.step(_STEP_PAGES)
                    progress("copying", copying.page_count - copying.remaining, copying.page_count)
            new.pragma("journal_mode", "off")
            new.pragma("secure_delete", "on")
            new.execute(leave_out)
            progress("looking through", 0, 0)
            ((problem,),) = new.execute("pragma quick_check(1)").fetchall()
        finally:
            new.close()
    except apsw.FullError as err:
        raise StoreFull(f"{target.parent} has no room for a copy of the database: {err}") from err
    except apsw.CorruptError as err:
        raise StoreDamaged(f"the database cannot be read to its end: {err}; the backups of before are whole") from err
    except apsw.Error as err:
        raise StoreError(f"the database cannot be copied to {target}: {err}") from err
    if problem != "ok":
        raise StoreDamaged(f"the database is not sound: {problem}; the backups of before are whole")


def parts_of(path: Path, size: int, progress: Progress) -> Iterator[bytes]:
    """A file in pieces."""
    whole, done = path.stat().st_size, 0
    with path.open("rb") as file:
        while part := file.read(size):
            yield part
            done += len(part)
            progress("keeping", done, whole)
