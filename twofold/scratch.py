"""Folders for as long as something runs, which do not stay behind even when it is killed.

Owns their names, the lock by which a living one is told from a dead one, and taking the dead away at the next start. The lock goes
with the process, however it ends; children do not inherit it. What is put into a folder is of whoever asked for it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = ".in-use"
"""A folder with this file that nobody holds is dead. One without it is not ours to take away."""


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A folder of this process alone. Dead ones of the same prefix and user are taken away first."""
    sweep(prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    held = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        _remove(folder)
        os.close(held)


def sweep(prefix: str) -> int:
    """Takes away what dead processes left; how many folders. What cannot be taken away stays, and stops nobody."""
    gone = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            gone += _is_ours(folder) and _take_away(folder)
    return gone


def _is_ours(folder: Path) -> bool:
    return not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.getuid()


def _take_away(folder: Path) -> bool:
    try:
        held = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return _remove(folder)
    finally:
        os.close(held)


def _remove(folder: Path) -> bool:
    """What somebody still writes into stays, with its mark: the next start tries again."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        (folder / LOCK).touch()
    return not folder.exists()
