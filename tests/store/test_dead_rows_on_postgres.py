"""What is deleted on PostgreSQL, and what of it still lies in its tables: an erasure is not done before it is gone.

What lies there says the server's own extension that looks into pages (pageinspect); no statement of ours could see it.
"""

from __future__ import annotations

import psycopg
import pytest

from tests.databases import Databases
from twofold.store.postgres import dead_rows
from twofold.store.postgres.connection import open_reader
from twofold.store.postgres.database import Engine
from twofold.store.postgres.dead_rows import vacuumed

pytestmark = pytest.mark.postgres

NAME = "person-that-is-erased"


@pytest.fixture
def admin(postgres: Databases, monkeypatch):
    """A session on a new database in which one row was deleted just now, and everybody who was to see it could."""
    monkeypatch.setattr(dead_rows, "PATIENCE_S", 0.2)
    address = postgres.new()
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("create extension pageinspect")
        db.execute("insert into twofold.meta (name, value) values (%s, '')", (NAME,))
        yield db, address


def lies_there(db: psycopg.Connection) -> bool:
    """Whether the table's first page holds the row, deleted or not."""
    sql = (
        "select count(*) from heap_page_items(get_raw_page('twofold.meta', 0)) where position(%s::bytea in t_data) > 0"
    )
    return db.execute(sql, (NAME.encode(),)).fetchone() == (1,)


def forget(db: psycopg.Connection) -> None:
    db.execute("delete from twofold.meta where name = %s", (NAME,))


def test_what_nobody_sees_is_gone(admin):
    db, address = admin
    forget(db)
    assert lies_there(db)
    assert vacuumed(address) is True
    assert not lies_there(db)


def test_what_a_report_still_sees_is_not_said_to_be_gone(admin):
    """It began before the row was deleted, and may ask for it until it ends."""
    db, address = admin
    report = open_reader(address)
    report.execute("begin")
    assert (NAME,) in report.execute("select name from meta").fetchall()
    forget(db)
    assert vacuumed(address) is False
    assert (NAME,) in report.execute("select name from meta").fetchall()
    report.close()
    assert vacuumed(address) is True
    assert not lies_there(db)


def test_who_looks_at_rows_since_does_not_hold_it_up(admin):
    db, address = admin
    forget(db)
    with psycopg.connect(address) as later:
        later.execute("begin isolation level repeatable read")
        later.execute("select name from twofold.meta").fetchall()
        assert vacuumed(address) is True
    assert not lies_there(db)


def test_another_database_of_the_server_does_not_hold_it_up(admin, postgres):
    db, address = admin
    with psycopg.connect(postgres.new()) as other:
        other.execute("begin isolation level repeatable read")
        other.execute("select name from twofold.meta").fetchall()
        forget(db)
        assert vacuumed(address) is True
    assert not lies_there(db)


def paces(db: psycopg.Connection) -> dict[str, list[str] | None]:
    sql = "select relname, reloptions from pg_class where relnamespace = 'twofold'::regnamespace and relkind = 'r'"
    return dict(db.execute(sql).fetchall())


def test_tables_that_only_grow_are_vacuumed_before_a_fifth_of_them_is_dead(postgres, tmp_path):
    """The server's own rule would leave what retention emptied in a store of a year for ten weeks. What an operator has set stays."""
    address = postgres.new()
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("alter table twofold.frozen reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)")
        db.execute("alter table twofold.event set (autovacuum_vacuum_scale_factor = 0.3)")
        Engine(tmp_path, address).close()
        found = paces(db)
        assert found["frozen"] == ["autovacuum_vacuum_scale_factor=0.005", "autovacuum_vacuum_threshold=1000"]
        assert found["event"] == ["autovacuum_vacuum_scale_factor=0.3"]
        assert found["counter"] is None


def test_a_table_that_is_held_is_left_for_the_next_start(postgres, tmp_path):
    address = postgres.new()
    with psycopg.connect(address) as other, psycopg.connect(address, autocommit=True) as db:
        other.execute("lock table twofold.frozen in share update exclusive mode")  # as a vacuum does
        Engine(tmp_path, address).close()
        assert paces(db)["frozen"] is None
        other.rollback()
        Engine(tmp_path, address).close()
        assert paces(db)["frozen"] is not None
