"""Statements that name a few actions read a few rows on PostgreSQL, however many there are: it chooses how by what it thinks of sizes,
and had read whole tables for each portion of retention and each step of an erasure.

What a statement read says the server itself (explain analyze, in blocks of 8 kB).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.databases import Databases
from twofold.store.engine import id_array
from twofold.store.postgres.connection import connect
from twofold.store.postgres.database import Engine
from twofold.store.postgres.statements import names, wording

pytestmark = pytest.mark.postgres

ACTIONS = 40_000
FEW = range(ACTIONS // 2, ACTIONS // 2 + 20)
BLOCKS = 600
"""Of twenty actions: thirty for each, for some keys of three to five tables. The smallest of the tables has as many and more."""

FILLED = f"""
insert into event select g, g, '1', 'Purchase', 'e' || g, g, 'server', 't', 2, 'first', g, 0, decode(repeat(md5(g::text), 9), 'hex'), '\\x00', null
from generate_series(1, {ACTIONS}) as g;
insert into action select g, '1', 'Purchase', 'e' || g, 'k' || g, g, g, g, g, 1, 0, 2, 2, '', '1', 'EUR', 'o' || g, null, 1, null
from generate_series(1, {ACTIONS}) as g;
insert into delivery select g * 256 + 1, 1, 'delivered', '', g, g, 1, g, null, g + 1, null, decode(md5(g::text), 'hex') from generate_series(1, {ACTIONS}) as g;
insert into frozen select g * 256 + 1, 'e' || g, g, 'website', null, decode(repeat(md5(g::text), 20), 'hex') from generate_series(1, {ACTIONS}) as g;
insert into attempt (delivery, started_at, ended_at, outcome, code, decision, note)
select g * 256 + 1, g, g, 'accepted', '', 'delivered', 'said' from generate_series(1, {ACTIONS}) as g;
insert into destination (id, name) values (1, 'meta');
"""


@pytest.fixture(scope="module")
def address(postgres: Databases) -> str:
    """A store of which everything was sent long ago."""
    found = postgres.new()
    with psycopg.connect(found, autocommit=True) as db:
        db.execute("set search_path = twofold, pg_catalog")
        db.execute(FILLED)
        db.execute("vacuum analyze")
    return found


@pytest.fixture
def writer(address, tmp_path) -> Iterator[Any]:
    engine = Engine(tmp_path, address)
    yield engine._db
    engine.close()


def blocks(db: Any, name: str, values: list[Any]) -> int:
    """What the statement read, with these values."""
    with db.transaction(force_rollback=True):
        rows = db.execute(f"explain (analyze, buffers) {wording(name)}", values).fetchall()
    plan = "\n".join(row for (row,) in rows).partition("Planning:")[0]
    found = re.search(r"Buffers: shared ?(?:hit=(\d+))? ?(?:read=(\d+))?", plan)
    assert found is not None, plan
    return sum(int(n or 0) for n in found.groups())


OF_ACTIONS = sorted(
    name for name in names() if re.search(r"where (?:id|delivery) between \w+\.value \* 256", wording(name))
)


def test_these_are_all_of_them():
    assert len(OF_ACTIONS) >= 8
    assert {"actions_waiting", "payloads_of", "suppress_erased", "console_told"} <= set(OF_ACTIONS)


@pytest.mark.parametrize("name", OF_ACTIONS)
def test_deliveries_of_a_few_actions_are_found_by_their_keys(writer, name):
    count = max(map(int, re.findall(r"\$(\d+)", wording(name))))
    array = re.search(r"unnest\(\$(\d+)", wording(name))
    assert array is not None
    values: list[Any] = [0] * count
    values[int(array[1]) - 1] = id_array(FEW)
    assert blocks(writer, name, values) < BLOCKS


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("payloads_after", [FEW[0] * 256, 20]),
        ("bodies_after", [FEW[0], 20]),
        ("actions_of_rows", [id_array(FEW)]),
        ("empty_payloads", [id_array(n * 256 + 1 for n in FEW)]),
        ("select_copies", [id_array(FEW)]),
        ("select_journalled_copies", [id_array(FEW)]),
        ("select_held", [id_array(n * 256 + 1 for n in FEW), 0]),
    ],
)
def test_a_portion_of_retention_or_a_claim_reads_its_own_rows(writer, name, values):
    assert blocks(writer, name, values) < BLOCKS


def test_a_page_finds_what_some_actions_were_told_by_keys(address):
    db = connect(address, writes=False)
    try:
        assert blocks(db, "console_told", [id_array(FEW)]) < BLOCKS
        assert blocks(db, "facts_purchase_deliveries", [FEW[0], FEW[-1]]) < BLOCKS
    finally:
        db.close()
