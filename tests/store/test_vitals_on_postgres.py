"""What is said of the server that has the store: transactions that stand open, rows that cannot go, standbys that are lost.

Each is made on a real server, by sessions that are not the store's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.databases import Databases
from twofold.report import database_watch
from twofold.report.database_watch import DatabaseWatch
from twofold.setup.doctor.machine import database
from twofold.setup.finding import State
from twofold.store import engines
from twofold.store.postgres import vitals as asked
from twofold.store.postgres.vitals import vitals

pytestmark = pytest.mark.postgres

PATIENCE_S = 60


@pytest.fixture
def store(postgres: Databases) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """A new store's address, and a session of an operator there."""
    address = postgres.new()
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("set synchronous_commit = local")
        yield address, db


def until(address: str, holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The server counts a moment later."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds(found := vitals(address)):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_nothing_is_wrong_with_a_server_that_does_its_work(store) -> None:
    found = vitals(store[0])
    assert found["problems"] == []
    assert found["commits_wait_for"] == {"standbys": "", "needed": 0}


def test_a_transaction_that_stands_open_is_named(store, monkeypatch) -> None:
    monkeypatch.setattr(asked, "OLD_S", 0.2)
    address, _ = store
    with psycopg.connect(address, application_name="somebody's") as idle:
        idle.execute("select 1")
        pid = idle.info.backend_pid
        found = until(address, lambda found: found["problems"])
        assert (found["oldest_transaction"]["pid"], found["oldest_transaction"]["program"]) == (pid, "somebody's")
        assert "idle in transaction" in found["problems"][0]
        assert f"pg_terminate_backend({pid})" in found["problems"][0]
        idle.rollback()
        assert vitals(address)["problems"] == []


def test_another_databases_transaction_is_not_named(store, postgres: Databases, monkeypatch) -> None:
    monkeypatch.setattr(asked, "OLD_S", 0.0)
    with psycopg.connect(postgres.new()) as other:
        other.execute("select 1")
        assert vitals(store[0])["oldest_transaction"]["pid"] is None


def test_deleted_rows_that_cannot_go_are_counted_by_table(store, monkeypatch) -> None:
    monkeypatch.setattr(asked, "HELD_ROWS", 100)
    address, db = store
    with psycopg.connect(address) as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("select 1 from twofold.meta").fetchall()
        db.execute("insert into twofold.meta (name, value) select 'n' || n, '' from generate_series(1, 2000) as n")
        db.execute("delete from twofold.meta where name like 'n%'")
        db.execute("select pg_stat_force_next_flush()")
        found = until(address, lambda found: found["dead_rows"]["held_up"])
    # The server's own rule: 50 and a fifth of the rows that are there; four times that is held up.
    assert found["dead_rows"]["held_up"] == {"meta": 2_000}
    assert found["dead_rows"]["count"] >= 2_000
    assert "(meta 2,000)" in found["problems"][0]


def test_a_role_that_may_not_see_others_is_told_so(store, tmp_path: Path, monkeypatch) -> None:
    """By the doctor, too, who finds nothing wrong and has not seen all."""
    address, db = store
    db.execute("create role narrow login")
    try:
        assert vitals(address.replace("test@", "narrow@"))["sessions_hidden"] >= 1
        assert vitals(address)["sessions_hidden"] == 0
        for role, states in (("narrow@", [State.LOOK, State.OK]), ("test@", [State.OK])):
            monkeypatch.setattr(engines, "address_of", lambda _, role=role: address.replace("test@", role))
            assert [finding.state for finding in database(tmp_path)] == states
    finally:
        db.execute("drop role narrow")


@pytest.fixture
def lost(store) -> Iterator[Callable[[str], None]]:
    """Sets which standbys commits wait for; there are none. It is so once a session that begins says so."""
    address, db = store

    def wait_for(names: str) -> None:
        db.execute(f"alter system set synchronous_standby_names = '{names}'")
        db.execute("select pg_reload_conf()")
        deadline = time.monotonic() + PATIENCE_S
        said = None
        while said != (names,):
            assert time.monotonic() < deadline
            with psycopg.connect(address) as another:
                said = another.execute("show synchronous_standby_names").fetchone()

    try:
        yield wait_for
    finally:
        wait_for("")


@pytest.mark.parametrize(
    ("names", "needed"), [("ANY 2 (a, b, c)", 2), ("FIRST 1 (a)", 1), ("2 (a, b)", 2), ("a, b", 1), ("*", 1)]
)
def test_a_lost_standby_is_said_and_how_many_commits_wait_for(store, lost, names: str, needed: int) -> None:
    lost(names)
    found = vitals(store[0])
    assert found["commits_wait_for"] == {"standbys": names, "needed": needed}
    assert f"commits wait for {needed} of the standbys {names}, and 0 follow" in found["problems"][0]


def test_a_monitor_hears_of_a_lost_standby_and_of_commits_that_wait_for_none_any_more(
    store, lost, tmp_path: Path, monkeypatch
) -> None:
    """The operator takes it out: everything goes on, and what is acknowledged from then on is on one disk only."""
    monkeypatch.setattr(engines, "address_of", lambda _: store[0])
    monkeypatch.setattr(database_watch, "EVERY_S", 0.0)
    watch = DatabaseWatch(tmp_path)
    assert watch.look()["problems"] == []
    lost("ANY 1 (nobody)")
    (said,) = watch.look()["problems"]
    (finding,) = database(tmp_path)
    assert finding.state == State.DO
    assert f"{finding.text}: {finding.mend}" == said
    lost("")
    (said,) = watch.look()["problems"]
    assert said.startswith("commits waited for a standby when this gateway began, and no longer do")
    assert [f.state for f in database(tmp_path)] == [State.OK]
    gauges = {one.name: one.samples[0].value for one in watch.collect()}
    assert (gauges["twofold_database_problems"], gauges["twofold_database_standbys_needed"]) == (1, 0)
    assert DatabaseWatch(tmp_path).look()["problems"] == []
