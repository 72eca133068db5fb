"""A disk under the real engine that can be full, fail or be slow, and that knows what a power cut would leave.

Owns the file layer only: it stands below SQLite, whose own code runs unchanged. While `disk` is open every store
opened in this process lies on it.

    with disk() as d:
        d.full = True                 # writes end with ENOSPC
        d.failing_syncs = 1           # the next sync ends with EIO
        with d.held():                # syncs wait until the end of the block
        d.image(folder, elsewhere)    # the files as they are after a power cut: only what was synced
        d.image(folder, elsewhere, torn=chance)  # and some of what was on its way, each write whole or in part
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw


def nobody_hears() -> None: ...


class Disk(apsw.VFS):
    """``on_write`` is called before each write. ``syncs`` counts those of the write-ahead log that succeeded: one a commit."""

    def __init__(self) -> None:
        self.full = False
        self.failing_syncs = 0
        self.syncs = 0
        self.on_write: Callable[[], None] = nobody_hears
        self.waiting = threading.Event()  # a sync has come to the closed gate
        self.synced: dict[str, bytearray] = {}
        self.unsynced: dict[str, list[tuple[int, bytes | None]]] = {}  # (offset, bytes), or (new size, None)
        self._gate = threading.Event()
        self._gate.set()
        self.below = apsw.vfs_names()[0]
        super().__init__("faulty-disk", self.below, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.synced.pop(filename, None)
        self.unsynced.pop(filename, None)

    def excepthook(self, *_: object) -> None:
        """The engine hears of the error; nobody else needs to."""

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def image(self, folder: Path, elsewhere: Path, torn: random.Random | None = None) -> None:
        """Writes what a power cut at this moment would leave of ``folder``. Unsynced bytes of the database are lost whole, or
        with ``torn`` each write by chance; the watermark beside it is as new as it can be, which is the hardest to live up to."""
        elsewhere.mkdir(parents=True)
        for path, content in self.synced.items():
            if Path(path).parent == folder:
                kept = bytearray(content)
                for offset, data in self.unsynced.get(path, ()) if torn is not None else ():
                    if (
                        part := torn.randrange(4)
                    ) and data is not None:  # half of them whole, a quarter cut in the middle
                        put(kept, offset, data if part > 1 else data[: len(data) // 2])
                (elsewhere / Path(path).name).write_bytes(kept)
        (elsewhere / "watermark").write_bytes((folder / "watermark").read_bytes())

    def before_sync(self) -> None:
        self.waiting.set()
        assert self._gate.wait(60), "the gate was never opened"
        if self.failing_syncs:
            self.failing_syncs -= 1
            raise apsw.IOError("sync failed")


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        if self._name not in disk.synced and Path(self._name).is_file():  # there before: nothing of it is on its way
            disk.synced[self._name] = bytearray(Path(self._name).read_bytes())
        super().__init__(disk.below, name, flags)

    def xLock(self, level: int) -> None:
        try:
            super().xLock(level)
        except (
            apsw.IOError
        ) as err:  # a reader that closes last asks for a writer's lock, which the system has none of for it
            raise apsw.BusyError("only a reader") from err

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.on_write()
        if self._disk.full:
            raise apsw.FullError("no space left")
        super().xWrite(data, offset)
        self._disk.unsynced.setdefault(self._name, []).append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._disk.unsynced.setdefault(self._name, []).append((newsize, None))

    def xSync(self, flags: int) -> None:
        self._disk.before_sync()
        super().xSync(flags)
        content = self._disk.synced.setdefault(self._name, bytearray())
        for offset, data in self._disk.unsynced.pop(self._name, ()):
            if data is None:
                del content[offset:]
            else:
                put(content, offset, data)
        self._disk.syncs += self._name.endswith("-wal")

    def excepthook(self, *_: object) -> None:
        """As the disk's."""


def put(content: bytearray, offset: int, data: bytes) -> None:
    """Writes into a file's content; what lies between its end and ``offset`` is zeros."""
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


@contextlib.contextmanager
def disk() -> Iterator[Disk]:
    """Puts the disk under every connection opened inside; the usual one comes back at the end."""
    faulty = Disk()
    try:
        yield faulty
    finally:
        faulty.unregister()
