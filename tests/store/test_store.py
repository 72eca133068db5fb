"""The writer: nothing is answered before it is on disk, what waits shares a commit, and a bad disk is survived."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from copies import (
    BROWSER,
    FIRST,
    HOLD,
    NOW,
    REPEAT,
    actions,
    assert_sums_hold,
    claim,
    copy,
    opened,
    rows,
    settlement,
    tamper,
    with_store,
)
from faulty_disk import disk
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import slow_law
from twofold.errors import RowFailed, StoreBusy, StoreError, StoreFailed, StoreFull
from twofold.event.model import Event
from twofold.store.engine import RefusedRow
from twofold.store.engines import open_reader
from twofold.store.lists import Reader

DEADLINE_S = 60


def numbered(first: int, count: int) -> list[Event]:
    return [copy(f"e{n}", at=NOW) for n in range(first, first + count)]


async def outcome(future) -> str:
    try:
        await future
    except StoreError as err:
        return type(err).__name__
    return "accepted"


# -- durable before the answer


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_a_note_is_read_behind_a_commit_that_is_under_way(tmp_path):
    """Asked for while the disk is busy, it waits its turn: neither the question nor what is being written fails."""

    async def scenario():
        with disk() as d:
            async with opened(tmp_path) as store:
                await store.keep_note("some", "word")
                d.waiting.clear()
                with d.held():
                    answer = store.append([copy()])
                    await asyncio.to_thread(d.waiting.wait, DEADLINE_S)
                    asked = asyncio.ensure_future(store.note("some"))
                    await asyncio.sleep(0.01)
                    assert not asked.done()
                assert (await outcome(answer), await asked) == ("accepted", "word")
                assert await store.note("none") is None

    asyncio.run(scenario())


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_no_answer_before_the_sync(tmp_path):
    """While the disk has not confirmed the flush, an append has no answer; afterwards it has."""

    async def scenario():
        with disk() as d:
            async with opened(tmp_path) as store:
                d.waiting.clear()
                with d.held():
                    answer = store.append([copy()])
                    async with asyncio.timeout(DEADLINE_S):
                        while not d.waiting.is_set():
                            await asyncio.sleep(0.001)
                    await asyncio.sleep(0)
                    answered_early = answer.done()
                return answered_early, await answer

    assert asyncio.run(scenario()) == (False, [FIRST])


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_what_waits_shares_a_commit(tmp_path):
    """Two appends at once, and a hundred: one flush each time. Two one after the other: two."""

    async def scenario():
        with disk() as d:
            async with opened(tmp_path) as store:
                counts = []
                for together in (2, 100):
                    before = d.syncs
                    await asyncio.gather(*(store.append([copy(f"{together}-{n}")]) for n in range(together)))
                    counts.append(d.syncs - before)
                before = d.syncs
                await store.append([copy("a")])
                await store.append([copy("b")])
                return [*counts, d.syncs - before]

    assert asyncio.run(scenario()) == [1, 1, 2]


@pytest.mark.embedded("its disk stands below the embedded engine")
@slow_law
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12), together=st.integers(1, 4), cut=st.integers(0, 11))
def test_a_power_cut_loses_nothing_that_was_answered(tmp_path_factory: pytest.TempPathFactory, sizes, together, cut):
    """What was synced at any answered moment holds every event answered by then, whole and in order."""
    folder = tmp_path_factory.mktemp("cut")
    lost = folder / "image"

    async def scenario() -> list[str]:
        answered: list[str] = []
        with disk() as d:
            async with opened(folder / "data") as store:
                for n in range(0, len(sizes), together):
                    parts = [
                        [copy(f"{m}-{i}") for i in range(sizes[m])] for m in range(n, min(n + together, len(sizes)))
                    ]
                    await asyncio.gather(*(store.append(part) for part in parts))
                    answered += [e.event_id for part in parts for e in part]
                    if n >= cut:
                        break
                d.image(folder / "data", lost)
        return answered

    answered = asyncio.run(scenario())
    assert [row["event_id"] for row in rows(lost, "events")] == answered
    assert_sums_hold(lost)


# -- a disk that is full or broken


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_a_full_disk_refuses_and_recovers(tmp_path):
    """No space: StoreFull and not a byte kept. Space again: accepted again by itself. Nothing answered is lost."""

    async def scenario():
        with disk() as d:
            async with opened(tmp_path) as store:
                await store.append(numbered(0, 10))
                d.full = True
                refused = [await outcome(store.append(numbered(n, 5))) for n in (10, 15)]
                together = await asyncio.gather(*(outcome(store.append([copy(f"x{n}")])) for n in range(5)))
                d.full = False
                # What was refused comes again, as senders do, and is new.
                return refused, together, await store.append([*numbered(0, 1), *numbered(10, 5)]), store.queued

    refused, together, again, queued = asyncio.run(scenario())
    assert refused == ["StoreFull"] * 2
    assert together == ["StoreFull"] * 5
    assert again == [REPEAT, *[FIRST] * 5]
    assert queued == 0
    assert [row["position"] for row in rows(tmp_path, "events")] == list(range(1, 17))
    assert_sums_hold(tmp_path)


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_a_full_disk_stops_no_settlement_for_ever(tmp_path):
    """A settlement that found no space is told so; written again later it holds."""

    async def scenario():
        with disk() as d:
            async with opened(tmp_path) as store:
                await store.append([copy()])
                (delivery,) = await claim(store, NOW + HOLD)
                d.full = True
                with pytest.raises(StoreFull):
                    await store.settle([settlement(delivery)], NOW + HOLD)
                d.full = False
                await store.settle([settlement(delivery)], NOW + HOLD)

    asyncio.run(scenario())
    assert [row["state"] for row in actions(tmp_path)] == ["delivered"]


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_after_a_failed_flush_nothing_more_is_answered(tmp_path):
    """The kernel may have dropped the pages of a failed flush: the store says no until it is opened afresh."""
    failures: list[BaseException] = []

    async def scenario():
        with disk() as d:
            async with opened(tmp_path, on_failure=failures.append) as store:
                await store.append(numbered(0, 10))
                d.failing_syncs = 1
                first = await outcome(store.append(numbered(10, 1)))
                with pytest.raises(StoreFailed):
                    store.append(numbered(11, 1))
                with pytest.raises(StoreFailed):
                    await claim(store, NOW + HOLD)
                return first

    assert asyncio.run(scenario()) == "StoreFailed"
    assert len(failures) == 1

    async def afresh():
        async with opened(tmp_path) as store:
            return await store.append([copy("e0"), copy("new")])

    assert asyncio.run(afresh()) == [REPEAT, FIRST]
    assert_sums_hold(tmp_path)


# -- neighbours, limits, the end


def test_one_bad_job_does_not_sink_its_neighbours(tmp_path):
    """A job that breaks in a shared transaction is refused alone; the others are kept, in order."""

    def explode(_engine) -> None:
        raise ValueError("a bug in a question")

    async def scenario():
        async with opened(tmp_path, hold={}) as store:
            await store.append([copy("seed")])
            jobs = [store.append([copy("a")]), store.transact(explode), store.append([copy("b")])]
            done = await asyncio.gather(*jobs, return_exceptions=True)
            return done, [d.event_id for d in await claim(store, NOW)]

    (a, broken, b), claimed = asyncio.run(scenario())
    assert (a, b) == ([FIRST], [FIRST])
    assert type(broken) is RowFailed
    assert not broken.altered
    assert "bug" not in str(broken)
    assert claimed == ["seed", "a", "b"]
    assert_sums_hold(tmp_path)


def test_too_much_waiting_is_refused_at_once(tmp_path):
    """Over the limit an append raises StoreBusy and keeps nothing; what waited before it is kept."""

    async def scenario():
        async with opened(tmp_path, max_queue=100) as store:
            waiting = store.append(numbered(0, 100))
            with pytest.raises(StoreBusy):
                store.append(numbered(100, 1))
            await waiting
            return await store.append(numbered(100, 1))

    assert asyncio.run(scenario()) == [FIRST]
    assert len(rows(tmp_path, "events")) == 101


@pytest.mark.embedded("its disk stands below the embedded engine")
def test_a_folder_whose_flush_failed_is_doubted_at_the_next_start(tmp_path):
    """It was closed, but not in order; one that was closed in order is not doubted."""

    async def doubted():
        async with opened(tmp_path) as store:
            return store.ended_unclean

    async def scenario():
        with disk() as d:
            async with opened(tmp_path) as store:
                await store.append(numbered(0, 10))
                d.failing_syncs = 1
                assert await outcome(store.append(numbered(10, 1))) == "StoreFailed"
        return await doubted(), await doubted()

    assert asyncio.run(scenario()) == (True, False)


def test_closing_finishes_what_was_handed_in(tmp_path):
    """Every append before the close gets its answer and is there after it; one after the close is refused."""

    async def scenario():
        async with opened(tmp_path) as store:
            waiting = [store.append([copy(f"e{n}")]) for n in range(700)]
        with pytest.raises(StoreFailed):
            store.append([copy("late")])
        return [w.result() for w in waiting]

    assert asyncio.run(scenario()) == [[FIRST]] * 700
    assert len(rows(tmp_path, "events")) == 700
    assert_sums_hold(tmp_path)


def test_an_answer_that_nobody_waits_for_is_kept_all_the_same(tmp_path):
    """A client that has gone: its event is committed, and the next one is answered."""

    async def scenario():
        async with opened(tmp_path) as store:
            store.append([copy("gone")]).cancel()
            return await store.append([copy("here")])

    assert asyncio.run(scenario()) == [FIRST]
    assert [row["event_id"] for row in rows(tmp_path, "events")] == ["gone", "here"]


def test_a_process_that_stood_still_does_not_take_it_for_the_databases_fault(tmp_path, monkeypatch):
    """A machine that slept, or a container that was frozen: its clock is a minute on, and what was handed in before is taken."""

    async def scenario():
        async with opened(tmp_path) as store:
            waiting = store.append([copy("before")])
            loop = asyncio.get_running_loop()
            monkeypatch.setattr(loop, "time", lambda: time.monotonic() + 60)
            return await waiting, await store.append([copy("after")])

    assert asyncio.run(scenario()) == ([FIRST], [FIRST])


def refused(n: int, reason: str = "syntax") -> RefusedRow:
    return RefusedRow(
        received_at=NOW, door="events", dataset="1", event_name="", event_id=str(n), reason=reason, batch_index=None,
        path="", expected="JSON", got="other", size=1, body="x",
    )  # fmt: skip


def test_refusals_are_kept_to_a_number_and_counted_for_ever(tmp_path):
    """The newest hundred stay; the counts by reason go on, and add up."""

    async def scenario():
        async with opened(tmp_path, refused_keep=100) as store:
            for n in range(0, 150, 10):
                await store.append([], [refused(i, "syntax" if i % 2 else "too_deep") for i in range(n, n + 10)])

    asyncio.run(scenario())
    kept = rows(tmp_path, "refused")
    assert [row["event_id"] for row in kept] == [str(n) for n in range(50, 150)]
    with Reader(tmp_path) as reader:
        tally = reader.tally()
    assert (tally["refused"], tally["refused.syntax"], tally["refused.too_deep"]) == (150, 75, 75)
    assert_sums_hold(tmp_path)


def test_an_action_folded_by_an_id_does_not_write_it_twice(tmp_path):
    """The list shows the id of the first copy, whatever it is sent under; rows of version 0.2.0 hold it themselves."""

    async def scenario(store):
        await store.append([copy("e1"), copy(None, order="7"), copy("e3")])
        await store.append([copy("e1", BROWSER)])

    with_store(tmp_path, scenario)
    with contextlib.closing(open_reader(tmp_path)) as db:
        assert [k for (k,) in db.execute("select fold_key from action order by id")] == ["id:", "order:7", "id:"]
    tamper(
        tmp_path,
        "update action set fold_key = 'id:e3' where id = 3",
        "update action set event_id = 'the-browsers' where id = 1",
    )
    assert [a["fold_key"] for a in rows(tmp_path, "actions")] == ["id:e1", "order:7", "id:e3"]
