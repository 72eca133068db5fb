"""Power cuts: a file system of its own in an image, shut down at any moment without flushing its log, mounted again, looked at.

Owns the image. Counted is what senders were told before the call that cuts began: while a file system shuts down it answers
syncs under way one way or another. Needs loop devices and the right to mount; without them it says so and does nothing.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.lasting.counting_platform import Platform
from tests.lasting.folder_books import Broken, FolderBooks
from tests.lasting.forked import DidNotBegin, Lives
from tests.lasting.kills import config_at
from tests.lasting.results import Progress
from tests.lasting.steady_senders import Shoppers
from tests.ports import free_port

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
CHAPTER = 50  # cuts of one image
IMAGE_BYTES = 512 << 20


def why_not() -> str:
    """Why power cannot be cut here; empty when it can."""
    if os.geteuid() != 0:
        return "mounting takes root"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    if shutil.which("mkfs.ext4") is None:
        return "there is no mkfs.ext4"
    try:
        with tempfile.TemporaryDirectory(prefix="twofold-power-") as name, _Image(Path(name)) as image:
            image.cut()
    except (subprocess.CalledProcessError, OSError) as err:
        return f"a loop image cannot be mounted and shut down here: {err}"
    return ""


def cut_often(progress: Progress, cuts: int, until: float, tell: Callable[[], None], defect: str = "") -> None:
    """Until so many in all, or that moment. Raises `Broken`."""
    while progress["cuts"] < cuts and time.monotonic() < until:
        with tempfile.TemporaryDirectory(prefix="twofold-power-") as name:
            _chapter(Path(name), progress, min(CHAPTER, cuts - progress["cuts"]), until, tell, defect)


def _chapter(room: Path, progress: Progress, cuts: int, until: float, tell: Callable[[], None], defect: str) -> None:
    platform, port = Platform(), free_port()
    shoppers = Shoppers(port)
    with _Image(room) as image:
        books = FolderBooks(image.place / "data")
        lives = Lives(config_at(room, port, platform.url, image.place / "data"), room / "log", defect)
        chance, done = random.Random(f"power {progress['cuts']}"), 0
        try:
            lives.begin()
            shoppers.begin()
            while done < cuts and time.monotonic() < until:
                time.sleep(chance.uniform(0.02, 0.5))
                told = shoppers.told_before_a_cut()
                image.cut()
                lives.kill()
                image.again()
                try:
                    lives.begin()
                except DidNotBegin as err:
                    raise Broken(f"does not begin after a cut: {err}: {(room / 'log').read_text()[-600:]}") from err
                books.look(told)
                done += 1
                progress.add(cuts=1)
                tell()
            progress.add(events=len(shoppers.told()))
        finally:
            shoppers._stop.set()
            lives.close()
            platform.close()


class _Image:
    """An ext4 in a file, mounted at ``place``."""

    def __init__(self, room: Path) -> None:
        self._file, self.place = room / "image", room / "disk"

    def __enter__(self) -> _Image:
        with self._file.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        _run("mkfs.ext4", "-q", "-F", str(self._file))
        self.place.mkdir()
        _run("mount", "-o", "loop", str(self._file), str(self.place))
        return self

    def __exit__(self, *_: object) -> None:
        _run("umount", str(self.place))

    def cut(self) -> None:
        fd = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def again(self) -> None:
        _run("umount", str(self.place))
        _run("mount", "-o", "loop", str(self._file), str(self.place))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
