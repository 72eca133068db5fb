"""What is the engine's own on PostgreSQL: its wording of every statement, its tables, its lock, and how it meets a lost server."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import psycopg
import pytest

from tests.databases import Databases
from twofold.errors import RowFailed, StoreAway, StoreError, StoreLocked, StoreOlder
from twofold.store.engine import id_array, key_array
from twofold.store.peers.keys import SharedKeys
from twofold.store.postgres.connection import connect
from twofold.store.postgres.faults import refusal_of
from twofold.store.sqlite.database import expected_schema
from twofold.store.sqlite.fold_keys import DAY_MS

pytestmark = pytest.mark.postgres

BIGINT = 20
KINDS = {"bigint", "text", "bytea"}


@pytest.fixture
def opened(tmp_path, postgres: Databases):
    """An engine on a new database."""
    from twofold.store.postgres.database import Engine

    engine = Engine(tmp_path, postgres.new())
    yield engine
    engine.close()


def test_every_statement_is_taken(opened):
    """The server prepares each by its name, in its form for one row and in that for many, with whole numbers as bigint. A
    parameter that it can take for nothing is one, if it is no list."""
    from twofold.store.postgres.statements import names, row_statement, wording

    db, refused = opened._db.pgconn, {}
    for name in names():
        sql = wording(name)
        label = f"try_{name}".encode()
        answer = db.prepare(label, sql.encode())
        if answer.error_message:
            lists = set(re.findall(r"(?:any|unnest)\(\$(\d+)", sql))
            count = max(map(int, re.findall(r"\$(\d+)", sql)), default=0)
            answer = db.prepare(label, sql.encode(), [0 if str(n) in lists else BIGINT for n in range(1, count + 1)])
        form = row_statement(name)
        if form is not None and not answer.error_message:
            types = opened._types_of(name)
            assert set(types) <= KINDS
            answer = db.prepare(f"many_{name}".encode(), form.many(types).encode())
        if answer.error_message:
            refused[name] = answer.error_message.decode()
    assert refused == {}


def keys_of(opened: Any) -> set[bytes]:
    return {bytes(key) for (key,) in opened._db.execute("select key from twofold.held_key").fetchall()}


def test_keys_go_with_their_day_unless_their_action_came_since(opened):
    """A key that was held and led nowhere is nobody's; one of an action that a clock years ahead stamped came no later than the next
    day that has keys, and may have come that late. What came while nobody was sure of the time stands under the day before, and has
    its window all the same."""
    began = {1: 100, 2: 4_000, 3: 110, 4: 101}
    for action, day in began.items():
        opened._db.execute(
            "insert into twofold.action select $1, '1', 'Purchase', 'e', 'k', 1, $2, 1, 1, 1, 0, 1, 2, '', null, null, null, null, 1, null",
            (action, day * DAY_MS),
        )
    keys = SharedKeys(opened, 8)
    keys.turn(100 * DAY_MS)
    keys.insert([(b"old", 1), (b"ahead", 2), (b"unsure", 3)], 100 * DAY_MS)
    keys.hold([b"held"])
    keys.turn(112 * DAY_MS)
    assert keys_of(opened) == {b"ahead", b"unsure"}
    keys.insert([(b"next", 4)], 101 * DAY_MS)  # is put down to the newest day
    opened._db.execute("update twofold.held_key set day = 101 where key = 'next'")
    keys.turn(113 * DAY_MS)
    assert keys_of(opened) == {b"unsure"}


def test_the_tables_are_those_of_the_embedded_engine(opened):
    """Each with the same columns, types, and what must be there; and the same indexes."""
    import apsw

    kinds = {"integer": "bigint", "text": "text", "blob": "bytea"}
    memory = apsw.Connection(":memory:")
    for sql in expected_schema().values():
        memory.execute(sql)
    expected = {
        (table, name): (kinds[kind.lower()], bool(needed or key))
        for (table,) in memory.execute("select name from sqlite_schema where type = 'table'").fetchall()
        for _, name, kind, needed, _default, key, hidden in memory.execute(f"pragma table_xinfo({table})")
        if hidden in (0, 3)
    }
    ours = {
        (table, name): (kind, needed == "NO")
        for table, name, kind, needed in opened._db.execute(
            "select table_name, column_name, data_type, is_nullable from information_schema.columns "
            "where table_schema = 'twofold' and table_name not like 'held_key!_%' escape '!'"
        )
    }
    assert ours == expected
    indexes = {
        str(n) for (n,) in memory.execute("select name from sqlite_schema where type = 'index' and sql is not null")
    }
    found = {n for (n,) in opened._db.execute("select indexname from pg_indexes where schemaname = 'twofold'")}
    assert indexes - {"delivery_unlisted"} <= found  # everything is listed as due with the accept here


def test_rows_of_one_key_are_written_in_their_order(opened):
    """The engine refuses to change a row twice in one statement; the later one stands, and all are counted."""
    rows = [("a", 1), ("b", 5), ("a", 2), ("a", 4)]
    with opened.transaction():
        opened.run_rows("raise_counters", rows)
    assert opened.changes() == 4
    assert opened.run("select_told", ("a",)) == [(7,)]


def test_values_come_back_as_they_went(opened):
    """Numbers of eight bytes, texts that hold anything but NUL, bytes, none; lists of no length."""
    high = 2**62 + 1
    row = (
        high,
        5,
        "1",
        "Purchase",
        "„ü\U0001f600\\'\"",
        7,
        "server",
        "x",
        3,
        "first",
        high,
        0,
        b"\0\xff",
        b"c" * 8,
        None,
    )
    with opened.transaction():
        opened.run_rows("insert_events", [row])
    assert opened.run("actions_of_rows", (id_array([high]),)) == [(high, high)]
    assert opened.run("select_last_row", (0, 2**63 - 1)) == [(high, b"c" * 8)]
    assert opened.run("actions_of_rows", (id_array([]),)) == []
    assert opened.run("find_fold_keys", (key_array([]),)) == []
    (event,) = opened.db.execute("select event_id, salt, position = ? from event", (high,)).fetchall()
    assert event == ("„ü\U0001f600\\'\"", None, 1)
    assert type(event[2]) is int


def test_a_value_that_does_not_fit_is_one_rows_fault(opened):
    """And the connection goes on."""
    with pytest.raises(RowFailed), opened.transaction():
        opened.run("insert_destination", (256, "a"))
    assert opened.run("select_destinations") == []


def test_several_gateways_or_one_command(tmp_path, postgres, monkeypatch):
    """Several are let in beside each other, each at a place of its own; whoever wants the database for itself is refused with what
    to do while one of them is there, and the other way round. A lock is had again as soon as a process before is gone."""
    from twofold.store.postgres import database
    from twofold.store.postgres.database import Engine

    def alone(_db):
        """It is examined, as by whoever is alone."""

    address = postgres.new()
    first, second = Engine(tmp_path / "a", address), Engine(tmp_path / "b", address)
    assert (first.occupy(0), second.occupy(0), second.occupy(1)) == (True, False, True)
    second.close()
    monkeypatch.setattr(database, "OVER_S", 0.1)
    with pytest.raises(StoreLocked, match="in use by gateways"):
        Engine(tmp_path / "b", address, alone)
    assert first.run("select_last_row", (0, 1 << 36)) == []
    monkeypatch.setattr(database, "OVER_S", 30)
    ending = threading.Timer(0.2, first.close)
    ending.start()
    own = Engine(tmp_path / "b", address, alone)
    ending.join()
    monkeypatch.setattr(database, "OVER_S", 0.1)
    with pytest.raises(StoreLocked, match="in use by a command"):
        Engine(tmp_path / "a", address)
    own.close()


def test_who_only_reads_may_take_its_time_between_two_questions(postgres):
    """A report works on what it read with its snapshot open, minutes on a busy machine, also where the server is set to end such
    sessions; a writer that stands still is ended by the server, as others wait for its rows."""
    address = postgres.new()
    with psycopg.connect(address, autocommit=True) as db:
        name = db.info.dbname
        db.execute(f"alter database {name} set idle_in_transaction_session_timeout = '50ms'")
        with connect(address, writes=False) as reader:
            reader.execute("begin")
            assert reader.execute("select 1").fetchall() == [(1,)]
            time.sleep(0.2)
            assert reader.execute("select 1").fetchall() == [(1,)]
        with connect(address, writes=True) as writer:
            assert writer.execute("show idle_in_transaction_session_timeout").fetchall() == [("10s",)]


def test_what_does_not_keep_a_commit_is_refused(tmp_path, postgres):
    """A role that commits without waiting is corrected and read back; a database of another form, and one that is not there, are
    refused; no message has the address."""
    import psycopg

    from twofold.store.postgres.database import Engine

    address = postgres.new()
    name = address.rpartition("/")[2]
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(f"alter database {name} set synchronous_commit = off")
    engine = Engine(tmp_path / "a", address)
    assert engine._db.execute("show synchronous_commit").fetchone() == ("on",)
    with engine.transaction():
        engine.run("put_meta", ("form", "1"))
    engine.close()
    with pytest.raises(StoreOlder, match="has form 1"):
        Engine(tmp_path / "a", address)
    with pytest.raises(StoreAway) as refused:
        Engine(tmp_path / "a", address.replace(name, "nothing_here_secret"))
    assert "secret" not in str(refused.value)
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("drop table twofold.meta")
    with pytest.raises(StoreError, match="another program"):
        Engine(tmp_path / "a", address)


def test_who_is_not_let_in_hears_why_and_who_has_to_act(postgres: Databases):
    """As many connections as its role may have, and a database that is not there: said by the server itself, in words of ours that
    quote nothing of the address. All else of the kind has no server here."""
    address = postgres.new()
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("create role few login connection limit 1")
        db.execute(f"grant all on database {db.info.dbname} to few")
        few = address.replace("//test@", "//few:secret-of-few@")
        try:
            with psycopg.connect(few), pytest.raises(StoreAway, match="as many connections as it may") as told:
                connect(few, writes=True)
            assert "secret-of-few" not in str(told.value)
            with pytest.raises(StoreAway, match="no such database"):
                connect(address + "_else", writes=True)
            db.execute("alter role few nologin")
            with pytest.raises(StoreAway, match="may not log in"):
                connect(few, writes=True)
            db.execute("alter role few login connection limit 9")
            db.execute(f"revoke all on database {db.info.dbname} from public, few")
            with pytest.raises(StoreAway, match="grant CONNECT"):
                connect(few, writes=True)
        finally:
            db.execute(f"revoke all on database {db.info.dbname} from few")
            db.execute("drop role few")


def test_a_line_that_turns_away_and_a_password_that_lacks_are_told():
    """By the words of PostgreSQL's and libpq's sources; a server of these tests turns nobody away by its pg_hba.conf."""
    turned = 'FATAL:  pg_hba.conf rejects connection for host "127.0.0.1", user "u", database "d", no encryption'
    assert "pg_hba.conf turns" in refusal_of(turned)
    assert "has none" in refusal_of("fe_sendauth: no password supplied")
