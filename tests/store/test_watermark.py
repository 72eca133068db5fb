"""The watermark: whatever was acknowledged and is gone is a loud stop at start and a failing line of `verify`.

Each loss is made by hand on the files of a closed or killed folder; what is missing is known from what was appended.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import apsw
import pytest

from tests.acceptance.gateway_process import clean_environment, run_twofold
from tests.store.copies import NOW, appended, assert_sums_hold, copy, opened, told, with_store
from tests.store.order_reports import entry, report, shop_copy, shop_store
from twofold.collect.refused import refused_row
from twofold.control.recover import accept_loss
from twofold.errors import StoreDamaged
from twofold.event.refusal import DropReason, Refusal
from twofold.ledger.policy import OrderPolicy
from twofold.matching.subject import SubjectRequest
from twofold.privacy.runner import COMMAND, Eraser
from twofold.report.verify import verify
from twofold.store.beside.folder import DATABASE
from twofold.store.beside.watermark import CLOSED, RUNNING, examine, read_mark
from twofold.store.sqlite.log_scan import lost_in_log

FRAME, HEAD = 24, 32

KILLED = """
    import asyncio, os, sys
    from pathlib import Path
    sys.path.insert(0, {root!r})
    from tests.store.copies import copy, opened

    async def main():
        async with opened(Path(sys.argv[1])) as store:
            for n in range(int(sys.argv[2]), int(sys.argv[3])):
                await store.append([copy(f"e{{n}}")])
            os.kill(os.getpid(), 9)

    asyncio.run(main())
"""
ROOT = str(Path(__file__).parents[2])


def killed(folder: Path, first: int, beyond: int) -> None:
    """A process of its own appends events one by one, each acknowledged, and is killed at once after the last answer."""
    folder.mkdir(exist_ok=True)
    code = textwrap.dedent(KILLED.format(root=ROOT))
    command = [sys.executable, "-c", code, str(folder), str(first), str(beyond)]
    assert subprocess.run(command, env=clean_environment(None), cwd=ROOT, timeout=60).returncode == -9


def flip(path: Path, at: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(bytes(data))


def count(folder: Path) -> int:
    """Rows of the journal, as the engine reads the folder without us."""
    return told(folder, "select count(*) from event")[0][0]


def failing(folder: Path) -> list[str]:
    return [c.line for c in verify(folder) if not c.holds]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """360 acknowledged events in the write-ahead log of a killed process."""
    folder = tmp_path_factory.mktemp("crashed") / "data"
    killed(folder, 0, 360)
    return folder


def fresh(crashed: Path, tmp_path: Path) -> Path:
    shutil.copytree(crashed, tmp_path / "data")
    return tmp_path / "data"


def test_a_killed_process_leaves_the_mark_at_its_last_answer(crashed, tmp_path):
    """The mark is written before the answer: it lags by nothing when only the process dies."""
    folder = fresh(crashed, tmp_path)
    mark = read_mark(folder)
    assert (mark.position, mark.state) == (360, RUNNING)
    assert examine(folder) is None
    assert failing(folder) == []
    assert appended(folder, [copy("e0"), copy("e360")]) == ["repeat", "first"]
    assert read_mark(folder).state == CLOSED


@pytest.mark.parametrize("part", [0.02, 0.2, 0.4, 0.6, 0.8, 0.95, 0.999])
@pytest.mark.parametrize("within", ["facts", "page"])
def test_one_bit_in_the_log_is_a_loud_stop(crashed, tmp_path, part, within):
    """Wherever in the log: fewer events are readable, and both the start and `verify` say which are missing."""
    folder = fresh(crashed, tmp_path)
    wal = folder / "twofold.db-wal"
    step = FRAME + 4096
    frame = int(part * ((wal.stat().st_size - HEAD) // step))
    flip(wal, HEAD + frame * step + (9 if within == "facts" else 1000), 3)
    readable = count(folder)
    assert readable < 360
    before = wal.read_bytes()
    with pytest.raises(StoreDamaged, match=f"position {readable + 1} on are missing: 360 were acknowledged"):
        appended(folder, [copy("next")])
    assert wal.read_bytes() == before, "what is left of the log is nobody's to change yet"
    assert "on are missing" in failing(folder)[0]


def test_the_log_alone_proves_what_broke(crashed, tmp_path):
    """Without the watermark's help: frames of a later transaction stand behind the broken one."""
    folder = fresh(crashed, tmp_path)
    wal = folder / "twofold.db-wal"
    assert lost_in_log(folder / "twofold.db") is None
    frames = (wal.stat().st_size - HEAD) // (FRAME + 4096)
    for frame in (0, frames // 3, frames // 2, frames - 40):
        whole = wal.read_bytes()
        flip(wal, HEAD + frame * (FRAME + 4096) + 77)
        assert "is not what was written" in lost_in_log(folder / "twofold.db"), frame
        wal.write_bytes(whole)
        (folder / "twofold.db-shm").unlink(missing_ok=True)
    flip(wal, 17)
    assert "the head of the write-ahead log" in lost_in_log(folder / "twofold.db")


def test_a_torn_end_is_no_loss(crashed, tmp_path):
    """What a power cut leaves of a transaction that was never answered: cut short, or written in part."""
    folder = fresh(crashed, tmp_path)
    wal, step = folder / "twofold.db-wal", FRAME + 4096
    last = wal.read_bytes()[-step:]
    with wal.open("ab") as file:  # a further transaction: its first frame never came, its last did
        file.write(b"\0" * step + last)
    assert lost_in_log(folder / "twofold.db") is None
    assert appended(folder, [copy("e0")]) == ["repeat"]
    assert count(folder) == 361


def cut_log(folder: Path) -> None:
    wal = folder / "twofold.db-wal"
    os.truncate(wal, wal.stat().st_size // 2)


def no_log(folder: Path) -> None:
    (folder / "twofold.db-wal").unlink()


def no_database(folder: Path) -> None:
    (folder / "twofold.db").unlink()


def empty_database(folder: Path) -> None:
    (folder / "twofold.db").write_bytes(b"")
    (folder / "twofold.db-wal").unlink()


def no_watermark(folder: Path) -> None:
    (folder / "watermark").unlink()


def empty_watermark(folder: Path) -> None:
    (folder / "watermark").write_bytes(b"")


def mangled_watermark(folder: Path) -> None:
    for at in (530, 1040):
        flip(folder / "watermark", at)


def zeroed_watermark(folder: Path) -> None:
    (folder / "watermark").write_bytes(b"\0" * 4096)


GONE = [
    cut_log,
    no_log,
    no_database,
    empty_database,
    no_watermark,
    empty_watermark,
    mangled_watermark,
    zeroed_watermark,
]


@pytest.mark.parametrize("harm", GONE, ids=lambda h: h.__name__)
def test_whatever_is_gone_is_said(crashed, tmp_path, harm):
    """Files cut short, emptied or taken away: the start is refused, and after a reason it goes on with what is there."""
    folder = fresh(crashed, tmp_path)
    harm(folder)
    with pytest.raises(StoreDamaged, match=r"restore.*watermark accept"):
        appended(folder, [copy("next")])
    assert accept_loss(folder, "the disk failed", NOW).what
    assert accept_loss(folder, "once more", NOW) is None
    kept = count(folder)
    assert appended(folder, [copy("next")]) == ["first"]
    assert count(folder) == kept + 1
    assert_sums_hold(folder)
    db = apsw.Connection(str(folder / "twofold.db"))
    facts = db.execute("select facts from audit where kind = 'watermark'").fetchall()
    assert len(facts) == 1
    assert "the disk failed" in facts[0][0]


def test_the_commands_say_what_is_missing(crashed, tmp_path):
    """`serve` ends with 3 and says what to do; `watermark show` answers no; `accept` needs a reason, and then all is well."""
    folder = fresh(crashed, tmp_path)
    cut_log(folder)
    where = ("--data", str(folder))
    left = count(folder)
    done = run_twofold("serve", *where, "--port", "0")
    assert done.returncode == 3
    assert f"events from position {left + 1} on are missing: 360 were acknowledged" in done.stderr
    done = run_twofold("watermark", "show", *where)
    assert done.returncode == 1
    assert f"Events from position {left + 1} on are missing: 360 were acknowledged" in done.stdout
    assert "twofold restore" in done.stdout
    assert run_twofold("watermark", "accept", *where).returncode == 2
    assert run_twofold("watermark", "accept", *where, "--reason", " ").returncode == 3
    done = run_twofold("watermark", "accept", *where, "--reason", "the disk failed")
    assert f"position {left + 1} on" in done.stdout
    assert run_twofold("watermark", "show", *where).returncode == 0
    assert run_twofold("verify", *where).returncode == 0


@pytest.mark.parametrize("slot", [530, 1040])
def test_one_harmed_slot_is_no_loss(crashed, tmp_path, slot):
    """A write that a crash tore harms one of two: the other is at most one commit older."""
    folder = fresh(crashed, tmp_path)
    flip(folder / "watermark", slot)
    mark = read_mark(folder)
    assert mark.position in (359, 360)
    assert not mark.whole
    assert appended(folder, [copy("next")]) == ["first"]
    assert read_mark(folder).whole


def test_older_copies_put_in_place_are_found(tmp_path):
    """Of the database: what came since is named. Of the watermark: nobody can tell, and that is said. Of both: they agree."""
    folder = tmp_path / "data"
    appended(folder, [copy(f"e{n}") for n in range(10)])
    old = {name: (folder / name).read_bytes() for name in ("twofold.db", "watermark")}
    appended(folder, [copy(f"e{n}") for n in range(10, 15)])
    new = {name: (folder / name).read_bytes() for name in ("twofold.db", "watermark")}

    (folder / "twofold.db").write_bytes(old["twofold.db"])
    loss = examine(folder)
    assert (loss.first, loss.last) == (11, 15)
    (folder / "twofold.db").write_bytes(new["twofold.db"])
    assert examine(folder) is None
    (folder / "watermark").write_bytes(old["watermark"])
    assert "older copy" in examine(folder).what
    (folder / "twofold.db").write_bytes(old["twofold.db"])
    assert examine(folder) is None


def test_an_older_database_with_as_many_events_is_found(tmp_path):
    """What was settled, reported or withdrawn moves no position: the number of the run tells."""
    folder = tmp_path / "data"
    appended(folder, [copy()])
    old = (folder / "twofold.db").read_bytes()
    appended(folder, [])
    (folder / "twofold.db").write_bytes(old)
    assert "an older database was put in place" in examine(folder).what


def test_another_journal_of_the_same_length_is_found(tmp_path):
    """The chain value at the marked position is compared, not only the number of rows."""
    for name in ("one", "other"):
        appended(tmp_path / name, [copy(f"{name}{n}") for n in range(5)])
    shutil.copy(tmp_path / "other" / "twofold.db", tmp_path / "one" / "twofold.db")
    assert "position 5 holds another event" in examine(tmp_path / "one").what


def test_a_folder_of_an_older_version_gets_one_quietly(tmp_path):
    """No file and no note that there was one: it is made at the first start; taken away afterwards it is missed."""
    folder = tmp_path / "data"
    appended(folder, [copy()])
    (folder / "watermark").unlink()
    db = apsw.Connection(str(folder / "twofold.db"))
    db.execute("delete from meta where name = 'watermark'")
    db.close()
    assert examine(folder) is None
    assert appended(folder, [copy()]) == ["repeat"]
    assert read_mark(folder).position == 2
    (folder / "watermark").unlink()
    assert "missing" in examine(folder).what


def test_a_start_that_is_cut_off_is_no_loss(crashed, tmp_path):
    """Killed between the watermark's new run and the database's: the mark says that the run had not begun."""
    folder = fresh(crashed, tmp_path)
    mark = read_mark(folder)
    for number, at in ((mark.number + 1, 1024), (mark.number + 2, 512)):
        record = struct.pack("<QQQQ8s", number, mark.run + 1, mark.position, 0, mark.chain)
        data = bytearray((folder / "watermark").read_bytes())
        data[at : at + len(record) + 4] = record + struct.pack("<I", zlib.crc32(record))
        (folder / "watermark").write_bytes(bytes(data))
    assert read_mark(folder).run == mark.run + 1
    assert examine(folder) is None


def test_it_is_written_anew_when_it_is_taken_away_while_running(tmp_path):
    """Removed or replaced by an older copy under a running store: the file is there again, with the last position."""
    folder = tmp_path / "data"

    async def scenario(store):
        await store.append([copy("a")])
        (folder / "watermark").unlink()
        await store.append([copy("b")])
        for _ in range(1_200):
            if (folder / "watermark").exists() and getattr(read_mark(folder), "position", 0) == 2:
                return store.watermark.lag()
            await asyncio.sleep(0.05)
        raise AssertionError("it did not come back")

    assert with_store(folder, scenario)["position"] == 2
    assert examine(folder) is None


def test_verify_beside_a_writing_store_sees_no_loss(tmp_path):
    """The mark is read before the snapshot, so a store that goes on writing never looks as if something were missing."""

    async def main():
        async with opened(tmp_path) as store:
            loop = asyncio.get_running_loop()
            for n in range(20):
                writing = [store.append([copy(f"{n}-{m}")]) for m in range(30)]
                assert await loop.run_in_executor(None, failing, tmp_path) == []
                await asyncio.gather(*writing)

    asyncio.run(main())


def test_restore_puts_a_backup_back_and_says_what_is_missing(tmp_path):
    """A copy of the folder: its events are there, those since are named and logged, and everything holds afterwards."""
    folder = tmp_path / "data"
    appended(folder, [copy(f"e{n}") for n in range(10)])
    shutil.copytree(folder, tmp_path / "backup")
    appended(folder, [copy(f"e{n}") for n in range(10, 15)])
    (folder / "twofold.db").write_bytes(b"\xaa" * 8192)
    with pytest.raises(StoreDamaged):
        appended(folder, [copy("next")])
    done = run_twofold(
        "restore", str(tmp_path / "backup"), "--reason", "the disk failed", "--yes", "--data", str(folder)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Events from position 11 to 15 are not in this backup." in done.stdout
    assert count(folder) == 10
    assert appended(folder, [copy("e0"), copy("e12")]) == ["repeat", "first"]
    assert_sums_hold(folder)
    db = apsw.Connection(str(folder / "twofold.db"))
    ((facts,),) = db.execute("select facts from audit where kind = 'restore'").fetchall()
    assert all(part in facts for part in ("the disk failed", '"first":11', '"last":15'))


def test_restore_takes_no_damaged_or_foreign_backup(tmp_path):
    """Each is refused with its cause, and the folder stays as it was."""
    folder = tmp_path / "data"
    appended(folder, [copy(f"e{n}") for n in range(200)], together=True)
    before = (folder / "twofold.db").read_bytes()
    broken = tmp_path / "broken.db"
    broken.write_bytes(before[:8192] + b"\xaa" * 4096 + before[12288:])
    foreign = tmp_path / "foreign.db"
    db = apsw.Connection(str(foreign))
    db.execute("create table t (a)")
    db.close()
    for source, word in (
        (broken, "take another"),
        (foreign, "no database of Twofold"),
        (tmp_path / "none", "not there"),
    ):
        done = run_twofold("restore", str(source), "--reason", "r", "--yes", "--data", str(folder))
        assert done.returncode == 3
        assert word in done.stderr
    assert (folder / "twofold.db").read_bytes() == before


def checked(folder: Path) -> dict[str, object]:
    """What the page check of a start says, once it is through."""

    async def scenario(store):
        while store.page_check.state == "running":
            await asyncio.sleep(0.01)
        return store.page_check.report()

    return with_store(folder, scenario)


def test_after_an_unclean_end_the_pages_are_checked(crashed, tmp_path):
    """In the background, every table; after an end in order nobody needs it."""
    folder = fresh(crashed, tmp_path)
    report = checked(folder)
    assert report["state"] == "ok"
    assert report["checked"] == report["tables"] > 10
    assert checked(folder)["state"] == "not_needed"


@pytest.mark.parametrize("name", ["delivery_due", "attempt_delivery", "sighting_browser"])
def test_pages_that_are_not_sound_are_found(crashed, tmp_path, name):
    """Indexes that lack rows of their table, or have one that it lacks."""
    folder = fresh(crashed, tmp_path)
    db = apsw.Connection(str(folder / "twofold.db"))
    db.execute("pragma wal_checkpoint(truncate)").fetchall()
    ((root,),) = db.execute("select rootpage from sqlite_schema where name = ?", (name,)).fetchall()
    db.close()
    data = bytearray((folder / "twofold.db").read_bytes())
    at = (root - 1) * 4096
    data[at + 3 : at + 5] = b"\0\0" if name == "delivery_due" else b"\0\1"  # how many cells there are
    (folder / "twofold.db").write_bytes(bytes(data))
    report = checked(folder)
    assert report["state"] == "damaged"
    assert report["problems"]


REPORTS = OrderPolicy(counts_when="paid")
NOT_IN_THE_JOURNAL = {
    "an order's cancellation": lambda store: store.append_orders([entry(report(version=2, cancelled_at=NOW // 1000))]),
    "a refusal": lambda store: store.append([], [refused_row(NOW, "events", "1", UNREADABLE, b"{")]),
    "a person's request": lambda store: Eraser(store, lambda: NOW).ask(SubjectRequest(emails=("mary@shop.example",)), COMMAND),
}  # fmt: skip
UNREADABLE = Refusal(reason=DropReason.SYNTAX, path="body", expected="JSON", got="none")


@pytest.mark.parametrize("what", list(NOT_IN_THE_JOURNAL))
@pytest.mark.parametrize("cut", [True, False])
def test_what_no_event_stands_for_is_missed_too(tmp_path, what, cut):
    """Acknowledged in a transaction without any event; then the log is cut behind the last one that had some."""
    folder, after = tmp_path / "data", tmp_path / "after"
    log = f"{DATABASE}-wal"

    async def main():
        async with shop_store(folder, REPORTS) as store:
            await store.append_orders([entry(report(), shop_copy())])
            events_end_at = (folder / log).stat().st_size
            await NOT_IN_THE_JOURNAL[what](store)
            shutil.copytree(folder, after, ignore=shutil.ignore_patterns("*-shm", "lock"))
            return events_end_at

    events_end_at = asyncio.run(main())
    if not cut:
        assert examine(after) is None
        return
    os.truncate(after / log, events_end_at)
    with pytest.raises(StoreDamaged, match="orders' news, money lines, refusals and requests"):
        asyncio.run(opened_once(after))
    assert len(failing(after)) == 1
    assert accept_loss(after, "tried", NOW) is not None
    asyncio.run(opened_once(after))


async def opened_once(folder: Path) -> None:
    async with shop_store(folder, REPORTS):
        pass
