"""Commits that hang, because the standby that they wait for is gone, or because another process has the turn and does not end: senders
hear that they have to send again, the loop goes on, and nothing of what was taken back is stored.

The server is a real one; that its standby never answers, is its own setting that names one which does not exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from copies import FIRST, NOW, REPEAT, assert_sums_hold, claim, copy_of_buyer, folder_of, peer, peer_of, rows, taken

from tests.databases import Databases, no_standby
from twofold.errors import StoreAway
from twofold.store.sqlite import commit

PATIENCE_S = 60
FOR_A_STANDBY = (
    "select pid from pg_stat_activity where datname = current_database() and wait_event = 'SyncRep' order by 1"
)
FOR_THE_TURN = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'advisory'"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine's commit is not late."""
    monkeypatch.setattr(commit, "PATIENCE_S", PATIENCE_S)


@contextmanager
def soon(seconds: float) -> Iterator[None]:
    """Where something does hang, senders hear it after so long."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(commit, "PATIENCE_S", seconds)
        yield


@contextmanager
def operator(address: str) -> Iterator[psycopg.Connection[Any]]:
    """A session that waits for no standby."""
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("set synchronous_commit = local")
        yield db


async def until(holds: Any) -> Any:
    """On the loop of the gateways: while one of them holds it up, nothing is seen."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := holds()):
            await asyncio.sleep(0.02)
    return found


def run(postgres: Databases, folder: Path, scenario: Any) -> Any:
    with operator(postgres.of(folder)) as db:
        return asyncio.run(scenario(db))


def test_senders_hear_that_nothing_is_committed_and_what_only_waited_is_not_stored(
    tmp_path, postgres: Databases
) -> None:
    """The first copy's commit hangs: it may arrive, and is a repeat later. The second waited behind it, the third comes when it is known
    already. What a worker claimed meanwhile is done once the standby is back, by nobody a second time."""

    async def scenario(db: psycopg.Connection[Any]) -> list[str]:
        async with peer(tmp_path) as store:
            await store.append([copy_of_buyer("before")])
        async with peer(tmp_path) as store:
            with no_standby(db), soon(0.3):
                hangs = asyncio.ensure_future(store.append([copy_of_buyer("hangs")]))
                await until(lambda: db.execute(FOR_A_STANDBY).fetchall())
                waits = asyncio.ensure_future(store.append([copy_of_buyer("waits")]))
                claiming = asyncio.ensure_future(claim(store, NOW + 1_000))
                for one in (hangs, waits):
                    with pytest.raises(StoreAway, match=r"nothing was committed for \d+ s; send again later"):
                        await one
                assert store.late_s > commit.PATIENCE_S
                with pytest.raises(StoreAway, match="nothing was committed"):
                    await store.append([copy_of_buyer("later")])
                assert store.queued == 1  # that whose commit hangs
                assert not claiming.done()
            assert {d.event_id for d in await claiming} == {"before", "hangs"}
            assert (store.late_s, store.queued) == (0.0, 0)
            assert await store.append([copy_of_buyer("hangs")]) == [REPEAT]
            assert await store.append([copy_of_buyer("waits")]) == [FIRST]
            return [row["event_id"] for row in rows(store.folder, "events")]

    assert run(postgres, tmp_path, scenario) == ["before", "hangs", "hangs", "waits"]
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_a_gateway_whose_commit_hangs_ends(tmp_path, postgres: Databases) -> None:
    """Its wait is cut short, so that the process can go; what hung was not acknowledged, and is a repeat when it comes again."""

    async def scenario(db: psycopg.Connection[Any]) -> None:
        store = peer_of(tmp_path)
        store.start()
        with no_standby(db), soon(0.3):
            hangs = asyncio.ensure_future(store.append([copy_of_buyer("hangs")]))
            await until(lambda: db.execute(FOR_A_STANDBY).fetchall())
            async with asyncio.timeout(PATIENCE_S):
                await store.close()
            with pytest.raises(StoreAway):
                await hangs
        async with peer(tmp_path) as store:
            assert await store.append([copy_of_buyer("hangs")]) == [REPEAT]

    run(postgres, tmp_path, scenario)
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_the_loop_goes_on_while_another_process_has_the_turn(tmp_path, postgres: Databases) -> None:
    """One has the database for itself and hangs in its commit. The other waits for its turn, and its loop for nothing: it is on that loop
    that the server is asked who waits. Then both go on, in order."""

    async def scenario(db: psycopg.Connection[Any]) -> None:
        async with peer(tmp_path, "w0") as first, peer(tmp_path, "w1") as second:
            with no_standby(db), soon(0.3):
                alone = asyncio.ensure_future(first.transact(lambda engine: engine.run("put_meta", ("alone", ""))))
                await until(lambda: db.execute(FOR_A_STANDBY).fetchall())
                comes = asyncio.ensure_future(second.append([copy_of_buyer("comes")]))
                noted = asyncio.ensure_future(second.keep_note("kept", "it"))
                await until(lambda: db.execute(FOR_THE_TURN).fetchall())
                with pytest.raises(StoreAway, match="nothing was committed"):
                    await comes
                assert db.execute(FOR_THE_TURN).fetchall()
                assert not noted.done()
            await alone
            await noted
            assert await second.note("kept") == "it"
            await until(lambda: not second.queued)

    run(postgres, tmp_path, scenario)
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_what_others_are_in_the_way_of_refuses_no_events(tmp_path, postgres: Databases, monkeypatch) -> None:
    """In a quiet hour nothing is committed for longer than senders wait, as all that there is to do is a job whose table somebody else
    has. Events are taken, once it was tried so often that it goes by itself."""
    monkeypatch.setattr(commit, "TRIES", 1_000_000)
    held = "lock table twofold.redaction in exclusive mode"

    async def scenario(db: psycopg.Connection[Any]) -> None:
        async with peer(tmp_path) as store:
            with db.transaction():
                db.execute(held)
                with soon(0.3):
                    job = asyncio.ensure_future(store.transact(lambda engine: engine.db.execute(held).fetchall()))
                    await until(lambda: store.late_s > 1)
                with soon(3):
                    await taken(store, "next")
                assert not job.done()
            await job

    run(postgres, tmp_path, scenario)


def test_a_row_that_somebody_else_has_does_not_hold_the_loop_for_long(tmp_path, postgres: Databases) -> None:
    """An operator's open transaction has it. Each try gives up after a moment, and the loop has its turn between them, as the tries that
    are counted on it show; once the operator is through the copy is taken, without its sender having heard of it."""

    async def scenario(db: psycopg.Connection[Any]) -> list[Any]:
        async with peer(tmp_path) as store:
            await store.append([copy_of_buyer("before")])
            with psycopg.connect(postgres.of(tmp_path)) as other:
                other.execute("select 1 from twofold.action for update")
                coming = asyncio.ensure_future(store.append([copy_of_buyer("before", at=NOW + 1)]))
                await until(lambda: any(job.tries > 1 for job in store._commits._waiting))
                assert not coming.done()
            verdicts = await coming
        return verdicts

    assert run(postgres, tmp_path, scenario) == [REPEAT]


def test_where_all_that_waited_was_taken_back_the_next_event_finds_out_that_it_goes_on(
    tmp_path, postgres: Databases
) -> None:
    """The row is free again, and no other work is there that would be committed and tell so."""

    async def scenario(_: psycopg.Connection[Any]) -> list[Any]:
        async with peer(tmp_path) as store:
            await store.append([copy_of_buyer("before")])
        async with peer(tmp_path) as store:
            with psycopg.connect(postgres.of(tmp_path)) as other:
                other.execute("select 1 from twofold.action for update")
                # Sooner than the tries for a row are spent.
                with soon(2.0), pytest.raises(StoreAway, match="nothing was committed"):
                    await store.append([copy_of_buyer("before", at=NOW + 1)])
            return await store.append([copy_of_buyer("before", at=NOW + 1)])

    assert run(postgres, tmp_path, scenario) == [REPEAT]
