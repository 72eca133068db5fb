"""A PostgreSQL server of the test's own: on a free port of this machine, in a temporary folder, gone at the end."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.ports import free_port

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that must be free there: several servers of tests run side by side."""
PREFIX = "twofold-postgres-"
OWNED = "owned"
"""A file in a server's folder that the process which made it holds locked."""
JUST_MADE_S = 5
PATIENCE_S = 60
"""So young a folder may not be locked yet."""


def programs() -> Path | None:
    """Where Debian puts the newest server's programs, or where they are on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    known = shutil.which("initdb")
    return Path(known).parent if known else None


STANDBY = "twofold_standby"
"""By this name a standby follows its server."""


class Server:
    """One server of a folder, which can be killed and started again. ``flushed``: what is committed is on disk. ``of``: the server
    whose standby it is until `promote`."""

    def __init__(self, folder: Path, *, flushed: bool, of: Server | None = None) -> None:
        where = programs()
        assert where is not None
        self._where, self._folder, self._flushed = where, folder, flushed
        user = _user()
        if user is not None:  # it refuses to run as root, so root starts it as somebody else
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        self._run = {"user": user, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        self._killed: list[int] = []
        self.port = free_port()
        self.address = f"postgresql://test@127.0.0.1:{self.port}/postgres"
        make = [where / "initdb", "-D", folder / "data", "-A", "trust", "-U", "test", "-E", "UTF8", "--no-sync"]
        if of is not None:
            make = [
                where / "pg_basebackup", "-D", folder / "data", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h", "127.0.0.1",
                "-p", str(of.port), "-U", "test",
            ]  # fmt: skip
        subprocess.run(make, check=True, **self._run)
        self.start()

    def start(self) -> None:
        """Returns when it answers. A server of before has to be gone, as none begins while one of its processes is in its memory."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(map(_is_gone, self._killed)):
            assert time.monotonic() < deadline, "a process of the server that was killed goes on"
            time.sleep(0.01)
        self._process = subprocess.Popen(
            [
                self._where / "postgres", "-D", self._folder / "data", "-p", str(self.port), "-h", "127.0.0.1",
                "-k", self._folder, "-c", f"cluster_name={STANDBY}", *([] if self._flushed else ["-F"]),
            ],
            **self._run,
        )  # fmt: skip
        ask = [self._where / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port)]
        for _ in range(1_200):
            if subprocess.run(ask, stdout=subprocess.DEVNULL).returncode == 0:
                return
            assert self._process.poll() is None
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    def processes(self) -> list[int]:
        """Its own process and those of its connections."""
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]

    def kill(self) -> None:
        """SIGKILL: nothing is put in order. Its own processes end by themselves then, as soon as they get to it."""
        self._killed = self.processes()
        self._process.kill()
        self._process.wait(60)

    def promote(self) -> None:
        """A standby becomes the server that writes; returns when it is."""
        command = [self._where / "pg_ctl", "promote", "-w", "-D", self._folder / "data"]
        subprocess.run(command, check=True, **self._run)

    def stop(self) -> None:
        """At once, nothing put in order: its folder goes with it."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(60)


@contextmanager
def server(*, flushed: bool = False, in_memory: bool = False) -> Iterator[str]:
    """The address of one in a temporary folder, gone at the end; ``in_memory``: where files are, if there is room."""
    with killable(flushed=flushed, in_memory=in_memory) as one:
        yield one.address


@contextmanager
def killable(*, flushed: bool = True, of: Server | None = None, in_memory: bool = False) -> Iterator[Server]:
    """The same, to be killed and started; or a standby of another one."""
    roomy = in_memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    where = MEMORY if roomy else Path(tempfile.gettempdir())
    _take_away_what_is_nobodys(where)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=where))
    try:
        with (folder / OWNED).open("w") as owned:
            fcntl.flock(owned, fcntl.LOCK_EX)
            one = Server(folder, flushed=flushed, of=of)
            try:
                yield one
            finally:
                one.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _take_away_what_is_nobodys(where: Path) -> None:
    """Folders of runs that were killed: their servers have ended, and nobody else would free the memory that they lie in."""
    for folder in where.glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / OWNED).open() as owned:
            fcntl.flock(owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - folder.stat().st_mtime > JUST_MADE_S:
                shutil.rmtree(folder, ignore_errors=True)


def _is_gone(process: int) -> bool:
    """Ended, whether or not somebody has asked how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _user() -> str | None:
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
