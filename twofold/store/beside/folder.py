"""The data folder itself: how it is made, who has it, and what its database is called where it is a file.

Owns the folder's lock, which every engine takes: what lies beside a database is one process's, too. Knows no engine.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

from twofold.errors import StoreError, StoreLocked

DATABASE = "twofold.db"
_OPEN_HERE: set[Path] = set()  # POSIX locks do not stop a second open in the same process; this does


def make_folder(folder: Path) -> None:
    """Makes the data folder, readable by its owner only. Raises `StoreError` naming the cause."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink():
            raise StoreError(f"{folder} is a symbolic link; name the folder itself")
        if (folder / DATABASE).is_symlink():
            raise StoreError(f"{folder / DATABASE} is a symbolic link; the data must lie in the folder itself")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StoreError(f"{folder} cannot be written by this user; change its owner or name another with --data")
    except OSError as err:
        raise StoreError(f"{folder} cannot be used as data folder: {err.strerror}") from err


class FolderLock:
    """One owner for a data folder. A POSIX record lock: dropped when the owner dies, not inherited by a fork."""

    def __init__(self, folder: Path) -> None:
        self.path = folder.resolve() / "lock"
        if self.path in _OPEN_HERE:
            raise StoreLocked(f"{folder} is in use by other work of this process; wait until that is done")
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as err:
            raise StoreError(f"{self.path} cannot be used as lock file: {err.strerror}") from err
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise StoreLocked(
                f"{folder} is in use by process {owner or 'unknown'}; stop it first, or name another folder with --data"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        _OPEN_HERE.add(self.path)

    def release(self) -> None:
        _OPEN_HERE.discard(self.path)
        os.close(self._fd)


def is_open_here(folder: Path) -> bool:
    """True while this process owns the folder."""
    return folder.resolve() / "lock" in _OPEN_HERE


def is_open(folder: Path) -> bool:
    """True while somebody owns the folder, in this process or another."""
    path = folder.resolve() / "lock"
    if path in _OPEN_HERE:
        return True  # not asked of the system: closing the file would drop the lock that is held here
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        answer = fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        return bool(struct.unpack("hhqqi", answer[: struct.calcsize("hhqqi")])[0] != fcntl.F_UNLCK)
    finally:
        os.close(fd)
