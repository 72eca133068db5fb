"""A PostgreSQL server of the test's own: on a free port of this machine, in a temporary folder, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """Where Debian puts the newest server's programs, or where they are on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    known = shutil.which("initdb")
    return Path(known).parent if known else None


@contextmanager
def server(*, flushed: bool = False) -> Iterator[str]:
    """Its address. It refuses to run as root, so root starts it as somebody else. ``flushed``: what is committed is on disk."""
    where = programs()
    assert where is not None
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="twofold-postgres-"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    port = _free_port()
    run = {"user": user, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    subprocess.run(
        [where / "initdb", "-D", folder / "data", "-A", "trust", "-U", "test", "-E", "UTF8", "--no-sync"],
        check=True,
        **run,
    )
    started = subprocess.Popen(
        [
            where / "postgres",
            "-D",
            folder / "data",
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
            "-k",
            folder,
            *([] if flushed else ["-F"]),
        ],
        **run,
    )
    try:
        for _ in range(200):
            if (
                subprocess.run(
                    [where / "pg_isready", "-h", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL
                ).returncode
                == 0
            ):
                break
            assert started.poll() is None
            time.sleep(0.05)
        yield f"postgresql://test@127.0.0.1:{port}/postgres"
    finally:
        started.terminate()
        started.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
