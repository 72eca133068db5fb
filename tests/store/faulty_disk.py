"""A disk under the real engine that can be full, fail or be slow, and that knows what a power cut would leave.

Owns the file layer only: it stands below SQLite, whose own code runs unchanged. While `disk` is open every store
opened in this process lies on it.

    with disk() as d:
        d.full = True                 # writes end with ENOSPC
        d.failing_syncs = 1           # the next sync ends with EIO
        with d.held():                # syncs wait until the end of the block
        d.image(folder, elsewhere)    # the files as they are after a power cut: only what was synced
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw


class Disk(apsw.VFS):
    """``syncs`` counts those of the write-ahead log that succeeded: one a commit."""

    def __init__(self) -> None:
        self.full = False
        self.failing_syncs = 0
        self.syncs = 0
        self.waiting = threading.Event()  # a sync has come to the closed gate
        self.synced: dict[str, bytearray] = {}
        self._gate = threading.Event()
        self._gate.set()
        self.below = apsw.vfs_names()[0]
        super().__init__("faulty-disk", self.below, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.synced.pop(filename, None)

    def excepthook(self, *_: object) -> None:
        """The engine hears of the error; nobody else needs to."""

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def image(self, folder: Path, elsewhere: Path) -> None:
        """Writes what a power cut at this moment would leave of ``folder``. Unsynced bytes of the database are lost whole;
        the watermark beside it is as new as it can be, which is the hardest to live up to."""
        elsewhere.mkdir(parents=True)
        for path, content in self.synced.items():
            if Path(path).parent == folder:
                (elsewhere / Path(path).name).write_bytes(content)
        (elsewhere / "watermark").write_bytes((folder / "watermark").read_bytes())

    def before_sync(self) -> None:
        self.waiting.set()
        assert self._gate.wait(20), "the gate was never opened"
        if self.failing_syncs:
            self.failing_syncs -= 1
            raise apsw.IOError("sync failed")


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._unsynced: list[tuple[int, bytes | None]] = []  # (offset, bytes), or (new size, None)
        super().__init__(disk.below, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.full:
            raise apsw.FullError("no space left")
        super().xWrite(data, offset)
        self._unsynced.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._unsynced.append((newsize, None))

    def xSync(self, flags: int) -> None:
        self._disk.before_sync()
        super().xSync(flags)
        content = self._disk.synced.setdefault(self._name, bytearray())
        for offset, data in self._unsynced:
            if data is None:
                del content[offset:]
            else:
                content.extend(bytes(max(0, offset - len(content))))
                content[offset : offset + len(data)] = data
        self._unsynced.clear()
        self._disk.syncs += self._name.endswith("-wal")

    def excepthook(self, *_: object) -> None:
        """As the disk's."""


@contextlib.contextmanager
def disk() -> Iterator[Disk]:
    """Puts the disk under every connection opened inside; the usual one comes back at the end."""
    faulty = Disk()
    try:
        yield faulty
    finally:
        faulty.unregister()
