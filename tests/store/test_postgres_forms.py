"""From one form of the tables on PostgreSQL to the next: in one transaction or not at all, and which programs work with what."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any

import psycopg
import pytest

from tests.databases import Databases
from twofold.errors import StoreError, StoreNewer, StoreOlder
from twofold.store.engine import SCHEMA_VERSION
from twofold.store.postgres import database, forms
from twofold.store.postgres.connection import Reader, connect
from twofold.store.postgres.forms import bring_along, form_of, require_form, steps

pytestmark = pytest.mark.postgres

FETCHES = """-- works from form 21
create table fetch_wanted (
    door text collate "C" not null,
    thing text collate "C" not null,
    first_at bigint not null,
    named bigint not null,
    due_at bigint not null,
    tries bigint not null,
    primary key (door, thing)
);
create index fetch_wanted_due on fetch_wanted (door, due_at);
"""
"""Of what came with form 22, in the words of this engine."""


@pytest.fixture
def older(postgres: Databases) -> Iterator[tuple[str, Any]]:
    """The address of a database of form 21, which has a row of before, and a connection to it."""
    address = postgres.new()
    with connect(address, writes=True) as db:
        db.execute("drop table fetch_wanted")
        db.execute("update meta set value = '21' where name = 'form'")
        db.execute("insert into destination (id, name) values (1, 'meta-1')")
        yield address, db


def shape(db: Any) -> list[Any]:
    """Every column and index of the schema."""
    columns = db.execute(
        "select table_name, column_name, data_type, is_nullable, collation_name from information_schema.columns "
        "where table_schema = 'twofold' order by 1, 2"
    ).fetchall()
    return [*columns, *db.execute("select indexdef from pg_indexes where schemaname = 'twofold' order by 1").fetchall()]


def test_an_older_database_becomes_as_a_new_one(older, postgres):
    """Every column and index; its rows stay, and the form is written."""
    _, db = older
    with connect(postgres.new(), writes=True) as new:
        expected = shape(new)
    assert shape(db) != expected
    bring_along(db, {22: FETCHES}, 22)
    assert shape(db) == expected
    assert db.execute("select name from destination").fetchall() == [("meta-1",)]
    assert form_of(Reader(db)) == (22, 21)


def test_a_step_that_fails_has_never_been(older):
    """The table it had made already is gone with it, and the step before stands."""
    _, db = older
    with pytest.raises(psycopg.Error):
        bring_along(db, {22: FETCHES, 23: "-- works from form 22\ncreate table half (a bigint);\nselect 1 / 0;"}, 23)
    assert form_of(Reader(db)) == (22, 21)
    assert db.execute("select to_regclass('half'), to_regclass('fetch_wanted') is not null").fetchone() == (None, 1)


def test_a_step_that_is_missing_or_says_nothing_of_others_is_refused(older):
    """Before anything is changed."""
    _, db = older
    before = shape(db)
    with pytest.raises(StoreOlder, match="no step leads to form 23"):
        bring_along(db, {22: FETCHES}, 23)
    with pytest.raises(StoreError, match="from which form on"):
        bring_along(db, {22: FETCHES.partition("\n")[2]}, 22)
    assert shape(db) == before
    assert form_of(Reader(db)) == (21, 21)


def test_a_start_takes_the_steps(older, tmp_path, monkeypatch):
    """An engine that is opened finds the tables of its own form; a reader beside it waits for that and takes none."""
    address, db = older
    with pytest.raises(StoreOlder, match="start `twofold serve` once"):
        require_form(Reader(db))
    none_needed = dict.fromkeys(range(23, SCHEMA_VERSION + 1), "-- works from form 22\n")
    monkeypatch.setattr(database, "steps", lambda: {22: FETCHES, **none_needed})
    database.Engine(tmp_path, address, lambda _db: None).close()
    require_form(Reader(db))


TOUCH_22 = """
drop table touch, touch_place, touch_tail;
create table touch (
    who bytea not null, slot bigint not null, key bytea not null, dataset text collate "C" not null, at bigint not null,
    kind text collate "C" not null, source text collate "C" not null, medium text collate "C" not null,
    campaign text collate "C" not null, content text collate "C" not null, term text collate "C" not null,
    utm_id text collate "C" not null, click text collate "C" not null, campaign_id text collate "C" not null,
    adset_id text collate "C" not null, ad_id text collate "C" not null, referrer text collate "C" not null,
    landing text collate "C" not null, device text collate "C" not null, country text collate "C" not null,
    consent text collate "C" not null, digest bytea not null, primary key (who, slot, key)
);
create index touch_at on touch (at);
insert into touch select who, 1, 'k', '1', at, 'visit', 'a', '', '', '', '', '', '', '', '', '', '', '', '', '', '', 'd'
from (values ('b'::bytea, 20), ('a'::bytea, 30), ('c'::bytea, 10)) as v(who, at);
update meta set value = '22' where name = 'form';
"""


def test_signs_of_form_22_are_numbered_by_their_times(postgres):
    """By hand: c came at 10, b at 20, a at 30; each has its place, and all of them are listed."""
    with connect(postgres.new(), writes=True) as new, connect(postgres.new(), writes=True) as db:
        db.execute(TOUCH_22, prepare=False)
        bring_along(db, steps(), 23)
        assert shape(db) == shape(new)
        assert db.execute("select id, who from touch order by id").fetchall() == [(1, b"c"), (2, b"b"), (3, b"a")]
        assert db.execute("select who, touch from touch_place order by who").fetchall() == [
            (b"a", 3),
            (b"b", 2),
            (b"c", 1),
        ]
        assert db.execute("select writer, placed, until from touch_tail").fetchall() == [(0, 3, 1 << 36)]
        assert form_of(Reader(db)) == (23, 23)


def test_deliveries_of_form_23_get_their_column(postgres):
    """It is empty here, and a program of before goes on beside it. Retention looks at all sent bytes once more."""
    with connect(postgres.new(), writes=True) as new, connect(postgres.new(), writes=True) as db:
        db.execute(
            "alter table delivery drop column unlisted; update meta set value = '23' where name = 'form';"
            "insert into progress (name, value) values ('payload', 7), ('payload@2', 8), ('address', 9)",
            prepare=False,
        )
        bring_along(db, steps(), 24)
        assert shape(db) == shape(new)
        assert form_of(Reader(db)) == (24, 23)
        assert db.execute("select name from progress").fetchall() == [("address",)]


@pytest.mark.parametrize(("works_from", "works"), [(SCHEMA_VERSION, True), (SCHEMA_VERSION + 1, False), (None, False)])
def test_a_newer_database_says_who_works_with_it(postgres, tmp_path, works_from, works):
    """While gateways are replaced one after the other the older ones go on where the newer step only added."""
    address = postgres.new()
    with connect(address, writes=True) as db:
        db.execute("update meta set value = $1 where name = 'form'", (str(SCHEMA_VERSION + 1),))
        if works_from is not None:
            db.execute("insert into meta (name, value) values ($1, $2)", (forms.WORKS_FROM, str(works_from)))
    if works:
        database.Engine(tmp_path, address, lambda _db: None).close()
        return
    with pytest.raises(StoreNewer, match="upgrade Twofold"):
        database.Engine(tmp_path, address, lambda _db: None)


def test_each_step_of_the_embedded_engine_has_one_here():
    """Of those that came after the first form on PostgreSQL."""
    folder = resources.files("twofold.store.sqlite").joinpath("migrations")
    theirs = {int(file.name[:4]) for file in folder.iterdir() if file.name.endswith(".sql")}
    assert set(steps()) == {number for number in theirs if number > 22}
