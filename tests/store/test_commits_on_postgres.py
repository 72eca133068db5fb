"""What a gateway of several makes of a server's answers: a commit with a warning, a transaction that was in others' way, and a
connection that is lost while another process comes under its name.

The answers are the server's own: a wait for a standby that an operator cuts short, errors by their codes, sessions that are ended.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from copies import (
    FIRST,
    NOW,
    REPEAT,
    ROUTES,
    assert_sums_hold,
    claim,
    copy_of_buyer,
    folder_of,
    peer,
    rows,
    settlement,
    taken,
)

from tests.databases import Databases, no_standby
from twofold.errors import StoreAway, StoreFailed
from twofold.store import engines
from twofold.store.postgres.database import TURN
from twofold.store.sqlite import commit
from twofold.store.sqlite.commit import TOGETHER, TRIES
from twofold.store.store import Store

PATIENCE_S = 60
WAITS_FOR_A_STANDBY = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"

ENDS_WHILE_IT_WAITS = "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"


@contextmanager
def operator(address: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(address, autocommit=True) as db:
        yield db


async def until(holds: Any) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline, "it does not come true"
        await asyncio.sleep(0.02)
    return found


def end_sessions(db: psycopg.Connection[Any]) -> None:
    """Of every gateway of this database."""
    db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'twofold'"
    )


@pytest.mark.parametrize("was_lost", [False, True], ids=["at first", "after a loss"])
def test_a_commit_that_waited_for_no_standby_is_not_acknowledged(tmp_path, postgres: Databases, was_lost: bool) -> None:
    """The only standby never comes, and an operator cuts the wait short: the server commits, with a warning. Whoever sent it is told
    to send again, which then is a repeat. The same on a connection that was made anew."""

    async def scenario(db: psycopg.Connection[Any]) -> None:
        async with peer(tmp_path) as store:
            assert await store.append([copy_of_buyer("before")]) == [FIRST]
            if was_lost:
                end_sessions(db)
                assert await taken(store, "before") == [REPEAT]
            with no_standby(db):
                coming = asyncio.ensure_future(store.append([copy_of_buyer("warned")]))
                await until(lambda: db.execute(WAITS_FOR_A_STANDBY).fetchall() or coming.done())
                with pytest.raises(StoreAway):
                    await coming
            assert await taken(store, "warned") == [REPEAT]
            assert await taken(store, "after") == [FIRST]

    with operator(postgres.of(tmp_path)) as db:
        db.execute("set synchronous_commit = local")
        asyncio.run(scenario(db))
    assert_sums_hold(folder_of(tmp_path, "w0"))


@contextmanager
def in_the_way(db: psycopg.Connection[Any], code: str, times: int, table: str = "event") -> Iterator[None]:
    """So many transactions that write an event, or a row of another table, end with this error, as where others wrote at the same
    moment."""
    db.execute("create sequence public.tried")
    db.execute(
        "create function public.refuse() returns trigger language plpgsql as $$ begin "
        f"if nextval('public.tried') <= {times} then raise exception using errcode = '{code}'; end if; return null; end $$"
    )
    db.execute(f"create trigger refuse after insert on twofold.{table} execute function public.refuse()")
    try:
        yield
    finally:
        db.execute(f"drop trigger refuse on twofold.{table}")
        db.execute("drop function public.refuse()")
        db.execute("drop sequence public.tried")


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"], ids=["serialization", "deadlock", "lock"])
def test_what_was_in_others_way_is_tried_again_by_the_gateway(
    tmp_path, postgres: Databases, monkeypatch, code: str
) -> None:
    """Its sender hears nothing of it; after the last try it is told to send again, and nothing was kept."""
    monkeypatch.setattr(commit, "PATIENCE_S", PATIENCE_S)  # which a busy machine may need for so many tries

    async def scenario(db: psycopg.Connection[Any]) -> list[str]:
        async with peer(tmp_path) as store:
            with in_the_way(db, code, 3):
                assert await store.append([copy_of_buyer("soon")]) == [FIRST]
                assert db.execute("select last_value from public.tried").fetchone() == (4,)
            with in_the_way(db, code, 1_000):
                with pytest.raises(StoreAway, match=f"wrote at the same moment \\({code}\\); send again later"):
                    await store.append([copy_of_buyer("never")])
                assert db.execute("select last_value from public.tried").fetchone() == (TRIES + 1,)
            assert await store.append([copy_of_buyer("after")]) == [FIRST]
            return [row["event_id"] for row in rows(store.folder, "events")]

    with operator(postgres.of(tmp_path)) as db:
        assert asyncio.run(scenario(db)) == ["soon", "after"]
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_what_is_held_up_at_a_row_takes_nothing_along_that_was_handed_in_with_it(tmp_path, postgres: Databases) -> None:
    """Another process has what one job needs, for longer than all its tries. What was in one transaction with it and what waits
    behind it is done meanwhile; it alone is refused."""
    held_by_another = "lock table twofold.redaction in exclusive mode"

    async def scenario(db: psycopg.Connection[Any]) -> None:
        async with peer(tmp_path) as store:
            with db.transaction():
                db.execute(held_by_another)
                held_up = asyncio.ensure_future(store.transact(lambda e: e.db.execute(held_by_another).fetchall()))
                with_it = asyncio.ensure_future(store.transact(lambda _: "done"))
                await asyncio.sleep(0)
                assert await taken(store, "behind it") == [FIRST]
                assert await with_it == "done"
                assert not held_up.done()
                with pytest.raises(StoreAway, match="55P03"):
                    await held_up
            assert await taken(store, "after") == [FIRST]

    with operator(postgres.of(tmp_path)) as db:
        asyncio.run(scenario(db))


def test_of_two_jobs_that_are_held_up_each_has_its_turn(tmp_path, postgres: Databases, monkeypatch) -> None:
    """Two other sessions have a table each that one of two jobs needs. Events are taken between their tries; the job whose table is free
    is done while the other is held up as before, and that one, too, once its table is free. It has any number of tries here."""
    monkeypatch.setattr(commit, "TRIES", 1_000_000)

    async def scenario(one: psycopg.Connection[Any], two: psycopg.Connection[Any]) -> None:
        async with peer(tmp_path) as store:
            with one.transaction():
                with two.transaction():
                    jobs = []
                    for db, table in ((one, "redaction"), (two, "refused")):
                        held = f"lock table twofold.{table} in exclusive mode"
                        db.execute(held)
                        work = partial(lambda held, engine: engine.db.execute(held).fetchall(), held)
                        jobs.append(asyncio.ensure_future(store.transact(work)))
                    for n in range(TOGETHER + 2):  # so many tries at least
                        assert await taken(store, f"between {n}") == [FIRST]
                    assert not any(job.done() for job in jobs)
                first, second = jobs
                await asyncio.wait_for(second, PATIENCE_S)
                assert not first.done()
            await asyncio.wait_for(first, PATIENCE_S)

    with operator(postgres.of(tmp_path)) as one, operator(postgres.of(tmp_path)) as two:
        asyncio.run(scenario(one, two))


@contextmanager
def own_role(db: psycopg.Connection[Any]) -> Iterator[str]:
    """The name of one who may log in until the test says otherwise."""
    db.execute("create role cut_off superuser login")
    try:
        yield "cut_off"
    finally:
        db.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'cut_off'")
        db.execute("drop role cut_off")


def test_who_comes_back_to_find_its_name_taken_writes_nothing_more(tmp_path, postgres: Databases, monkeypatch) -> None:
    """A gateway loses its connection; on another machine one is started under its name, works and ends. The first is let in again,
    and stops: its place is another's, and the leases that it held are void."""
    address = postgres.of(tmp_path)
    first_folder = folder_of(tmp_path, "w0")

    async def scenario(db: psycopg.Connection[Any], role: str) -> None:
        monkeypatch.setattr(engines, "address_of", lambda _: address.replace("test@", f"{role}@"))
        async with peer(tmp_path) as first:
            await first.append([copy_of_buyer("before")])
            db.execute(f"alter role {role} nologin")
            db.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (role,))
            monkeypatch.setattr(engines, "address_of", lambda _: address)
            elsewhere = tmp_path / "elsewhere"
            elsewhere.mkdir(mode=0o700)
            (elsewhere / "erasures").write_bytes((first_folder / "erasures").read_bytes())
            (elsewhere / "erasures").chmod(0o600)
            second = Store(elsewhere, routes=ROUTES, opened_at=NOW, peer="w0")
            second.start()
            assert await second.append([copy_of_buyer("elsewhere")]) == [FIRST]
            await second.close()
            db.execute(f"alter role {role} login")
            with pytest.raises(StoreFailed, match="another process works under the name w0 now"):
                await taken(first, "after")

    with operator(address) as db, own_role(db) as role:
        asyncio.run(scenario(db, role))
    monkeypatch.setattr(engines, "address_of", postgres.of)
    assert [row["event_id"] for row in rows(first_folder, "events")] == ["before", "elsewhere"]
    assert_sums_hold(first_folder)


def cut(store: Store) -> None:
    """Its connection, on the gateway's side: a session that waits in a commit does not notice, and goes on waiting."""
    with socket.socket(fileno=os.dup(store._engine._db.fileno())) as connection:
        connection.shutdown(socket.SHUT_RDWR)


def test_a_gateway_is_back_only_when_its_session_of_before_is_over(tmp_path, postgres: Databases) -> None:
    """The server has not noticed that the connection is gone, and waits for a standby with what was sent on it: until that is over
    nothing is taken, however often the gateway has connected again; then everything is, and that was committed after all."""
    sessions = "select sessions from pg_stat_database where datname = current_database()"
    waiting = "select 1 from pg_stat_activity where wait_event = 'SyncRep'"

    async def scenario(db: psycopg.Connection[Any]) -> None:
        async with peer(tmp_path) as store:
            assert await store.append([copy_of_buyer("before")]) == [FIRST]
            with no_standby(db):
                coming = asyncio.ensure_future(store.append([copy_of_buyer("in doubt")]))
                await until(lambda: db.execute(waiting).fetchall())
                cut(store)
                with pytest.raises(StoreAway):
                    await coming
                ((so_far,),) = db.execute(sessions).fetchall()
                await until(lambda: db.execute(sessions).fetchall()[0][0] >= so_far + 3)
                assert db.execute(waiting).fetchall()
                with pytest.raises(StoreAway):
                    await store.append([copy_of_buyer("meanwhile")])
            assert await taken(store, "in doubt") == [REPEAT]
            assert await taken(store, "after") == [FIRST]

    with operator(postgres.of(tmp_path)) as db:
        db.execute("set synchronous_commit = local")
        asyncio.run(scenario(db))
    kept = [row["event_id"] for row in rows(folder_of(tmp_path, "w0"), "events")]
    assert kept == ["before", "in doubt", "in doubt", "after"]
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_what_was_settled_in_a_commit_that_nobody_answered_is_not_written_twice(tmp_path, postgres: Databases) -> None:
    """The worker insists, as it cannot know; the platform was asked once, and one attempt is shown."""

    async def scenario(db: psycopg.Connection[Any]) -> list[Any]:
        async with peer(tmp_path) as store:
            await store.append([copy_of_buyer("one")])
            (claimed,) = await claim(store, NOW + 1_000)
            done = [settlement(claimed, started_at=NOW + 1_000, ended_at=NOW + 1_100)]
            with no_standby(db):
                settling = asyncio.ensure_future(store.settle(done, NOW + 1_200))
                await until(lambda: db.execute(ENDS_WHILE_IT_WAITS).fetchall() or settling.done())
                with pytest.raises(StoreAway):
                    await settling
            assert await taken(store, "after") == [FIRST]
            await store.settle(done, NOW + 1_300)
            return db.execute("select delivery, started_at, outcome from twofold.attempt").fetchall()

    with operator(postgres.of(tmp_path)) as db:
        db.execute("set synchronous_commit = local")
        (row,) = asyncio.run(scenario(db))
        assert row[1:] == (NOW + 1_000, "accepted")
    assert_sums_hold(folder_of(tmp_path, "w0"))


async def claim_that_nobody_hears_of(store: Store, db: psycopg.Connection[Any]) -> None:
    """The server has committed the claim when the connection ends, and no worker was told of it."""
    with no_standby(db):
        claiming = asyncio.ensure_future(claim(store, NOW + 1_000))
        await until(lambda: db.execute(ENDS_WHILE_IT_WAITS).fetchall() or claiming.done())
        with pytest.raises(StoreAway):
            await claiming
    leased = db.execute("select count(*) from twofold.delivery where leased_until is not null").fetchall()
    assert leased == [(2,)]


def test_what_a_claim_took_whose_commit_nobody_answered_is_claimed_again_at_once(tmp_path, postgres: Databases) -> None:
    """Whoever waited for its lease to be over would deliver five minutes late."""

    async def scenario(db: psycopg.Connection[Any]) -> tuple[list[str], list[str]]:
        async with peer(tmp_path) as store:
            await store.append([copy_of_buyer("one"), copy_of_buyer("two")])
            await claim_that_nobody_hears_of(store, db)
            assert await taken(store, "after") == [FIRST]
            again, then = await claim(store, NOW + 1_000), await claim(store, NOW + 1_000)
            return sorted(d.event_id for d in again), [d.event_id for d in then]

    with operator(postgres.of(tmp_path)) as db:
        db.execute("set synchronous_commit = local")
        assert asyncio.run(scenario(db)) == (["after", "one", "two"], [])
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_a_lease_that_was_given_back_in_vain_is_given_back_again(tmp_path, postgres: Databases) -> None:
    """The claim that frees what the lost one took is rolled back itself, and what is committed next is no claim."""

    async def scenario(db: psycopg.Connection[Any]) -> list[str]:
        async with peer(tmp_path) as store:
            await store.append([copy_of_buyer("one"), copy_of_buyer("two")])
            await claim_that_nobody_hears_of(store, db)
            assert await taken(store, "after") == [FIRST]
            with in_the_way(db, "40001", 1_000, "frozen"), pytest.raises(StoreAway, match="40001"):
                await claim(store, NOW + 1_000)
            assert await taken(store, "later") == [FIRST]
            return sorted(d.event_id for d in await claim(store, NOW + 1_000))

    with operator(postgres.of(tmp_path)) as db:
        db.execute("set synchronous_commit = local")
        assert asyncio.run(scenario(db)) == ["after", "later", "one", "two"]
    assert_sums_hold(folder_of(tmp_path, "w0"))


def test_a_row_is_waited_for_no_longer_by_who_had_to_wait_for_the_turn(tmp_path, postgres: Databases) -> None:
    """The turn is waited for beside the loop, and for long; the statements after it are the loop's, as those of one whose turn it was
    at once."""
    waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event = 'advisory'"

    async def scenario(db: psycopg.Connection[Any]) -> None:
        async with peer(tmp_path) as store:

            def patience() -> Any:
                return store.transact(lambda e: e.db.execute("select current_setting('lock_timeout')").fetchall())

            at_once = await patience()
            with db.transaction():
                db.execute("select pg_advisory_xact_lock(%s)", (TURN,))
                waiting = asyncio.ensure_future(patience())
                await until(lambda: db.execute(waits).fetchall())
            assert await waiting == at_once

    with operator(postgres.of(tmp_path)) as db:
        asyncio.run(scenario(db))
