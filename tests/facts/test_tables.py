"""The shape of the derived tables: what reports may rest on."""

from __future__ import annotations

import duckdb
import pytest

from twofold.facts.shape import DAY, Table
from twofold.facts.tables import BY_NAME, TABLES


def test_each_table_has_its_own_name() -> None:
    """By which questions ask for it."""
    assert len(BY_NAME) == len(TABLES)


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_a_table_is_filed_by_day_and_every_column_is_explained(table: Table) -> None:
    """The day first; names once each; the key among them; words for all."""
    names = [column.name for column in table.columns]
    assert names[0] == DAY
    assert len(set(names)) == len(names)
    assert set(table.key) <= set(names)
    assert all(column.words for column in table.columns)
    assert table.words.endswith(".")


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_columns_can_be_asked_for_without_quotes(table: Table) -> None:
    """No name is a reserved word: statements are read by several engines."""
    columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    names = ", ".join(f"t.{column.name}, {column.name}" for column in table.columns)
    with duckdb.connect() as db:
        db.execute(f"create table {table.name} ({columns})")
        assert db.execute(f"select {names} from {table.name} as t where {table.key[0]} is not null").fetchall() == []
