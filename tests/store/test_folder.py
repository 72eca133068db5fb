"""The data folder: one owner, its own rights only, and a clear refusal of every folder that cannot be it."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest
from copies import appended, assert_sums_hold, copy, rows, with_store

from tests.acceptance.gateway_process import gateway, run_twofold
from twofold.errors import StoreError, StoreLocked, StoreNewer
from twofold.store.beside.folder import FolderLock
from twofold.store.sqlite.database import Engine, open_reader

TOML = """
[[dataset]]
id = "1"
key = "a-key-for-tests"
"""
DEADLINE_S = 60


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fingerprint(folder: Path) -> dict[str, str]:
    """Name and digest of every file. By name only the socket, and the shared memory in which whoever runs marks its readers."""
    named = {p.name: p.is_file() and not p.name.endswith("-shm") for p in sorted(folder.iterdir())}
    return {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() if data else "" for n, data in named.items()}


# -- rights


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
def test_a_new_folder_is_its_owners_alone(tmp_path, umask):
    """0700 for the folder and 0600 for every file in it while it is in use, whatever the umask says."""
    folder = tmp_path / "deep" / "data"
    old = os.umask(umask)
    try:

        async def scenario(store):
            await store.append([copy()])
            return mode(folder), {p.name: mode(p) for p in folder.iterdir()}

        folder_mode, files = with_store(folder, scenario)
    finally:
        os.umask(old)
    assert folder_mode == 0o700
    assert set(files.values()) == {0o600}
    assert set(files) == {"lock", "twofold.db", "twofold.db-wal", "twofold.db-shm", "watermark", "erasures"}


# -- folders that cannot be used


def a_file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("x")
    return path


def under_a_file(tmp_path: Path) -> Path:
    return a_file(tmp_path) / "data"


def a_link(tmp_path: Path) -> Path:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    return tmp_path / "link"


def a_linked_database(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere.db").write_bytes(b"")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "twofold.db").symlink_to(tmp_path / "elsewhere.db")
    return tmp_path / "data"


def a_linked_lock(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").symlink_to(tmp_path / "elsewhere")
    return tmp_path / "data"


def a_lock_that_is_a_folder(tmp_path: Path) -> Path:
    (tmp_path / "data" / "lock").mkdir(parents=True)
    return tmp_path / "data"


def read_only(_tmp_path: Path) -> Path:
    return Path(f"/proc/{os.getpid()}")  # a folder in which not even root can make a file


def no_database(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "twofold.db").write_bytes(b"this is no database, it only has the name of one" * 100)
    return tmp_path / "data"


UNUSABLE = [
    (a_file, "File exists"),
    (under_a_file, "Not a directory"),
    (a_link, "symbolic link"),
    (a_linked_database, "symbolic link"),
    (a_linked_lock, "lock"),
    (a_lock_that_is_a_folder, "lock"),
    (read_only, "cannot be"),
    (no_database, "not a database"),
]


@pytest.mark.parametrize(("make", "words"), UNUSABLE, ids=[row[0].__name__ for row in UNUSABLE])
def test_what_cannot_be_a_data_folder_is_refused(tmp_path, make, words):
    """A StoreError that names the path and the cause, twice in a row: the first try leaves nothing locked."""
    folder = make(tmp_path)
    for _ in range(2):
        with pytest.raises(StoreError) as error:
            Engine(folder)
        assert type(error.value) is StoreError
        assert str(folder) in str(error.value)
        assert words in str(error.value)


def test_the_command_says_it_in_one_sentence(tmp_path):
    """`serve` on such a folder: exit code 3, one line, no trace."""
    config = tmp_path / "twofold.toml"
    config.write_text(TOML)
    done = run_twofold("serve", "--config", str(config), "--data", str(no_database(tmp_path)), "--port", "0")
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("twofold: ")


def test_a_newer_folder_is_refused_and_left_alone(tmp_path):
    """Written by a later version: neither opened nor read, and not a byte changed."""
    appended(tmp_path, [copy()])
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    db.pragma("user_version", 99)
    db.close()
    before = fingerprint(tmp_path)
    for use in (Engine, open_reader):
        with pytest.raises(StoreNewer, match="99"):
            use(tmp_path)
        # A reader may leave the engine's empty side files; the data is not touched.
        assert fingerprint(tmp_path) | before == fingerprint(tmp_path)


def test_a_folder_without_data_is_no_folder_to_read(tmp_path):
    """Reading commands make nothing; they say what is missing."""
    with pytest.raises(StoreError):
        open_reader(tmp_path)
    assert list(tmp_path.iterdir()) == []


# -- one owner


def test_one_process_cannot_open_it_twice(tmp_path):
    """The second store of one process is refused and the first goes on; closed, it can be opened again."""

    async def scenario(store):
        with pytest.raises(StoreLocked):
            Engine(tmp_path)
        return await store.append([copy()])

    with_store(tmp_path, scenario)
    FolderLock(tmp_path).release()
    assert len(rows(tmp_path, "events")) == 1


def test_a_second_gateway_is_refused_and_changes_nothing(tmp_path):
    """Exit code 4, with the owner's process id in the sentence, and every byte of the folder as it was."""
    with gateway(TOML, tmp_path / "data") as g:
        before = fingerprint(g.data)
        config = str(g.config)
        second = run_twofold("serve", "--config", config, "--data", str(g.data), "--port", "0")
        assert second.returncode == 4
        assert str(g.pid) in second.stderr
        assert fingerprint(g.data) == before
        assert g.running


# Opens a store, appends, forks a child that lives on, says so, and waits to be killed.
_FORKING = """
import asyncio, os, sys, time
sys.path[:0] = sys.argv[2:]
from copies import copy, opened
from pathlib import Path

async def main():
    async with opened(Path(sys.argv[1])) as store:
        await store.append([copy()])
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        print(child, flush=True)
        time.sleep(60)

asyncio.run(main())
"""


def test_a_child_of_a_killed_owner_does_not_keep_the_folder(tmp_path):
    """The owner forked and was killed, its child lives: the folder can be opened at once, and holds what was answered."""
    here = Path(__file__).parent
    owner = subprocess.Popen(
        [sys.executable, "-c", _FORKING, str(tmp_path), str(here), str(here.parent.parent)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        child = int(owner.stdout.readline())
        with pytest.raises(StoreLocked) as error:
            Engine(tmp_path)
        assert str(owner.pid) in str(error.value)
        owner.kill()
        owner.wait(DEADLINE_S)
        try:
            os.kill(child, 0)  # still there
            Engine(tmp_path).close()
        finally:
            os.kill(child, signal.SIGKILL)
    finally:
        owner.kill()
        owner.wait(DEADLINE_S)
        owner.stdout.close()
    assert len(rows(tmp_path, "events")) == 1
    assert_sums_hold(tmp_path)


# -- one thread at a time


def test_a_second_thread_is_refused_while_a_statement_runs(tmp_path):
    """The library's own lock is off, as it is taken for each value: whoever comes second must be told by ours."""
    engine = Engine(tmp_path / "data")
    long = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000000) select count(*) from n"

    begun, over = threading.Event(), threading.Event()
    engine.db.set_progress_handler(lambda: begun.set() or over.is_set(), 1000)
    refused: list[BaseException] = []

    def run() -> None:
        try:
            engine.script(long)
        except StoreError as err:
            refused.append(err)

    first = threading.Thread(target=run)
    first.start()
    try:
        assert begun.wait(DEADLINE_S)
        for second in (
            lambda: engine.run("select_destinations"),
            lambda: engine.script("select 1"),
            lambda: engine.run_rows("insert_destination", [(1, "meta")]),
            engine.commit,
        ):
            with pytest.raises(StoreError, match="two threads"):
                second()
    finally:
        over.set()  # interrupts the first
        first.join(DEADLINE_S)
    assert "two threads" not in str(refused[0])
    engine.db.set_progress_handler(None)
    assert engine.run("select_destinations") == []  # and free again
    engine.close()
