"""Questions of PostgreSQL whose answers are longer than memory, or take long: rows come as they are asked for, and nobody's question
goes on once its asker is gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from tests.databases import Databases
from twofold.errors import StoreError
from twofold.store.postgres import connection
from twofold.store.postgres.connection import FETCHED, open_reader, open_walker

pytestmark = pytest.mark.postgres

FAILS_LATE = f"select 1 / ({3 * FETCHED} - generate_series(1, {4 * FETCHED}))"
"""The server cannot answer the row with this number, and comes to it when it is asked for it."""


@pytest.fixture
def address(postgres: Databases) -> str:
    return postgres.new()


def test_rows_of_a_walk_come_as_they_are_asked_for(address):
    """Those before one that the server cannot answer are had, and two walks go on beside each other."""
    db = open_walker(address)
    try:
        assert db.execute("select 1").fetchall() == [(1,)]  # before it has its snapshot as any reader
        db.execute("begin")
        first, second = db.execute(FAILS_LATE), db.execute("select generate_series(1, ?)", (2 * FETCHED + 1,))
        assert [next(first) for _ in range(FETCHED + 1)] == [(0,)] * (FETCHED + 1)
        assert [number for (number,) in second] == list(range(1, 2 * FETCHED + 2))
        assert db.execute("select 1 where false").fetchone() is None
        with pytest.raises(StoreError, match="internal: DivisionByZero"):
            first.fetchall()
    finally:
        db.close()


def test_a_reader_has_all_rows_or_the_error_at_once(address):
    db = open_reader(address)
    try:
        with pytest.raises(StoreError, match="internal: DivisionByZero"):
            db.execute(FAILS_LATE)
    finally:
        db.close()


def test_a_walk_has_no_time_limit_and_a_report_has_one(address, monkeypatch):
    monkeypatch.setattr(connection, "READ_S", 1)
    slow = "select pg_sleep(2)::text"
    walker, reader = open_walker(address), open_reader(address)
    try:
        walker.execute("begin")
        assert walker.execute(slow).fetchall() == [("",)]
        with pytest.raises(StoreError, match="longer than 1 s"):
            reader.execute(slow)
    finally:
        walker.close()
        reader.close()


ASKS = """
import sys
from twofold.store.postgres import connection
connection.GONE_S = 1
connection.open_reader(sys.argv[1]).execute("select pg_sleep(600)::text")
"""


def test_a_question_ends_when_its_asker_is_gone(address):
    """A child of the console that is killed leaves nothing behind that holds a snapshot."""
    asker = subprocess.Popen([sys.executable, "-c", ASKS, address], cwd=os.getcwd())
    asked = "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()"
    with psycopg.connect(address, autocommit=True) as db:
        try:
            until(db, asked, 1)
        finally:
            asker.send_signal(signal.SIGKILL)
            asker.wait()
        until(db, asked, 0)


def until(db: psycopg.Connection, sql: str, count: int) -> None:
    deadline = time.monotonic() + 120
    while db.execute(sql).fetchone() != (count,):
        assert time.monotonic() < deadline, f"expected {count}"
        time.sleep(0.1)
