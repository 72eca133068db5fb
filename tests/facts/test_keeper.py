"""Tables are kept made by the owner of the folder: on a schedule, when asked, and taken away by an erasure."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.facts.world import POLICY, World, contents, world
from twofold.config import settings_from
from twofold.control.tables import ask_tables, make_tables
from twofold.errors import FactsError
from twofold.facts.engine import Analytics, ask
from twofold.facts.keeper import Keeper
from twofold.facts.manifest import read_manifest, reading
from twofold.matching.subject import SubjectRequest
from twofold.privacy.erase import read as read_erasure
from twofold.privacy.export import receipt
from twofold.privacy.runner import Eraser

ALWAYS = {"since": "2020-01-01", "until": "2030-01-01"}


def keeper(w: World, **limits: Any) -> Keeper:
    return Keeper(w.store, Analytics(data=w.folder, files=w.files, **limits), {"1": POLICY}, lambda: w.now)


@pytest.mark.process
def test_a_child_makes_the_tables_and_the_marks_go(tmp_path: Path) -> None:
    """The same files as in this process; nothing is marked any more."""
    with world(tmp_path / "data") as w:
        w.live(60)
        built = w._run(keeper(w).make())
        assert built.days
        assert w.marks() == []
        assert contents(w.files) == w.full(tmp_path / "full")


@pytest.mark.process
def test_a_build_that_is_asked_for_begins_from_then_on(tmp_path: Path) -> None:
    """While one runs a further one is promised, and holds what was written meanwhile."""
    with world(tmp_path / "data") as w:
        w.live(40)
        k = keeper(w)

        async def scenario() -> None:
            first = k.want()
            await asyncio.sleep(0.3)
            await w.store.append([w._event()])
            second = k.want()
            assert second == first + 1
            assert await k.wait(second, 60)

        w._run(scenario())
        assert k.error == ""
        assert contents(w.files) == w.full(tmp_path / "full")


@pytest.mark.process
def test_what_is_asked_for_during_a_build_is_made_beside_the_schedule(tmp_path: Path) -> None:
    """As in a gateway, whose schedule runs while two ask: what the second was promised is made, and not waited for in vain."""
    with world(tmp_path / "data") as w:
        w.live(40)
        k = keeper(w)

        async def scenario() -> int:
            running = asyncio.ensure_future(k.run(3600.0))
            for _ in range(3):
                first, second = k.want(), k.want()
                assert (second, k.want()) == (first + 1, second)
                assert await k.wait(second, 60)
            running.cancel()
            return k.done

        assert w._run(scenario()) == 6
        assert k.error == ""


@pytest.mark.process
def test_a_build_that_was_stopped_for_an_erasure_is_not_done_before_it_has_gone_on(tmp_path: Path) -> None:
    """Who waits for it gets tables of now, not those of before the changes; and they wait for each other once."""
    with world(tmp_path / "data") as w:
        w.live(20)
        k, wanted = keeper(w), w.task().places.wanted

        async def scenario() -> None:
            w.files.mkdir()
            wanted.touch()
            number = k.want()
            assert not await k.wait(number, 1.0)
            while not list(w.files.glob("manifest*")):  # it has come by, and has nothing to show
                await asyncio.sleep(0.05)
            wanted.unlink()
            assert await k.wait(number, 60)

        w._run(scenario())
        assert k.error == ""
        assert w.marks() == []
        assert contents(w.files) == w.full(tmp_path / "full")


@pytest.mark.process
def test_on_a_schedule(tmp_path: Path) -> None:
    """As the gateway runs it; ended at once with it, whatever its child is doing."""
    with world(tmp_path / "data") as w:
        w.live(20)
        k = keeper(w)

        async def scenario() -> None:
            running = asyncio.ensure_future(k.run(0.05))
            while k.done < 2:
                await asyncio.sleep(0.05)
            k.stop()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

        w._run(scenario())
        assert contents(w.files)["signals"]


@pytest.mark.process
def test_a_child_that_is_ended_leaves_marks(tmp_path: Path) -> None:
    """And the error says that it ended."""
    with world(tmp_path / "data") as w:
        w.live(40)
        k = keeper(w)

        async def scenario() -> None:
            k.want()
            while k._child is None:
                await asyncio.sleep(0)
            k.stop()
            assert await k.wait(1, 60)

        w._run(scenario())
        assert "ended with" in k.error
        assert w.marks()
        w.rebuild()
        assert contents(w.files) == w.full(tmp_path / "full")


@pytest.mark.process
def test_a_command_makes_what_it_asks(tmp_path: Path) -> None:
    """Without a gateway it takes the folder; where nothing changed it asks nobody."""
    with world(tmp_path / "data") as w:
        w.live(60)
    settings = settings_from({"server": {"data": str(tmp_path / "data")}, "dataset": [{"id": "1"}]}, environ={})
    told: list[tuple[int, int]] = []
    answer = ask_tables(settings, "orders_placed", ALWAYS, lambda at, of: told.append((at, of)))
    assert answer.rows
    assert told[-1][0] == told[-1][1] > 0
    assert make_tables(settings) is False
    changed = settings_from(
        {"server": {"data": str(tmp_path / "data")}, "dataset": [{"id": "1", "orders": {"counts_when": "placed"}}]},
        environ={},
    )
    assert make_tables(changed) is True


# -- erasures


def subject(w: World, order: str) -> SubjectRequest:
    return SubjectRequest(kind="erase", order_ids=(order,), dataset="1")


def every_byte(folder: Path) -> bytes:
    """Of the files as they lie on disk, and of what their columns hold once unpacked."""
    raw = b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())
    return raw + msgspec.json.encode(contents(folder), enc_hook=str)


@pytest.mark.process
def test_an_erasure_leaves_nothing_of_the_order_in_any_file(tmp_path: Path) -> None:
    """Its number, checkout and payments are gone from the tables, and the receipt counts the files that went."""
    with world(tmp_path / "data") as w:
        w.live(120)
        w._run(w._report(w._entry("o-of-mary")))
        w.rebuild()
        assert b"o-of-mary" in every_byte(w.files)
        k = keeper(w)
        number = erase(w, k, "o-of-mary")
        assert b"o-of-mary" not in every_byte_if_any(w.files)
        done = receipt(w.folder, number)
        assert done is not None
        assert done["state"] == "done"
        assert done["table_files"] > 3
        with pytest.raises(FactsError, match="being made"):
            ask(k.analytics, "orders_placed", ALWAYS)
        w._run(k.make())
        assert b"o-of-mary" not in every_byte(w.files)
        assert contents(w.files) == w.full(tmp_path / "full")
        assert w.marks() == []


@pytest.mark.process
def test_an_erasure_waits_for_who_reads_the_state_before(tmp_path: Path) -> None:
    """It is done when they have ended, and not before."""
    with world(tmp_path / "data") as w:
        w.live(60)
        w._run(w._report(w._entry("o-of-mary")))
        w.rebuild()
        code = (
            "import sys, time; from pathlib import Path; from twofold.facts.manifest import Places, reading\n"
            "with reading(Places(data=Path(sys.argv[1]), files=Path(sys.argv[1]) / 'facts'), 3600):\n"
            "    print('reads', flush=True); time.sleep(3600)"
        )
        reader = subprocess.Popen([sys.executable, "-c", code, str(w.folder)], stdout=subprocess.PIPE)
        assert reader.stdout is not None
        reader.stdout.readline()
        ended: list[float] = []

        def end() -> None:
            ended.append(time.monotonic())
            reader.kill()
            reader.wait()

        timer = threading.Timer(2.0, end)
        timer.start()
        erase(w, keeper(w), "o-of-mary")
        assert ended
        assert time.monotonic() > ended[0]
        assert b"o-of-mary" not in every_byte_if_any(w.files)
        reader.stdout.close()
        timer.join()


@pytest.mark.process
def test_an_erasure_stops_a_builder_that_began_before_it(tmp_path: Path) -> None:
    """What that one still names is taken away with the rest."""
    with world(tmp_path / "data") as w:
        w.live(150)
        w._run(w._report(w._entry("o-of-mary")))
        k = keeper(w)

        async def scenario() -> None:
            k.want()
            await asyncio.sleep(0.2)

        w._run(scenario())
        erase(w, k, "o-of-mary")
        assert b"o-of-mary" not in every_byte_if_any(w.files)
        assert w._run(k.wait(k.begun, 600))
        w._run(k.make())
        assert b"o-of-mary" not in every_byte(w.files)
        assert contents(w.files) == w.full(tmp_path / "full")


def test_an_erasure_of_a_folder_without_tables_counts_none(tmp_path: Path) -> None:
    with world(tmp_path / "data") as w:
        w._run(w._report(w._entry("o-of-mary")))
        done = receipt(w.folder, erase(w, keeper(w), "o-of-mary"))
        assert done is not None
        assert done["table_files"] == 0


def test_signs_that_are_forgotten_leave_the_tables(tmp_path: Path) -> None:
    """A person's touches go from the files of their days."""
    with world(tmp_path / "data", 3) as w:
        for _ in range(30):
            w.now += 3_600_000
            w.visit()
        w.rebuild()
        whos = {row["who"] for row in contents(w.files)["touches"]}
        assert whos
        w._run(w.store.transact(lambda _e: w.store.signs._drop([bytes.fromhex(who) for who in whos])))
        assert any(erased for *_, erased in w.marks())
        days = [(part, day) for part, day, _, erased in w.marks() if erased]
        assert keeper(w).forget_days(days) >= len({day for _, day in days})
        assert contents(w.files)["touches"] == []


def test_a_reader_of_the_new_state_is_not_waited_for(tmp_path: Path) -> None:
    with world(tmp_path / "data") as w:
        w.live(40)
        w.rebuild()
        w.live(10)
        days = [(part, day) for part, day, *_ in w.marks()]
        w.rebuild()
        with reading(w.task().places, 60):
            pass
        assert keeper(w).forget_days(days) > 0
        with reading(w.task().places, 60) as manifest:
            assert manifest == read_manifest(w.files)
            assert keeper(w).forget_days(days) == 0


def erase(w: World, k: Keeper, order: str) -> str:
    eraser = Eraser(w.store, lambda: w.now, k.forget_days)

    async def work() -> str:
        number = await eraser.ask(subject(w, order), "command")
        await eraser.finish_all()
        return number

    number = str(w._run(work()))
    row = w._run(w.store.transact(lambda e: read_erasure(e, number)))
    assert row is not None
    assert row.state == "done"
    return number


def every_byte_if_any(folder: Path) -> bytes:
    return every_byte(folder) if folder.exists() else b""
