"""The tables of lives of a test's own orders and lines, asked in this process: the same questions, the same engine."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from twofold.facts.engine import _READ, Answer, Asked
from twofold.facts.engines.duckdb import view_of
from twofold.facts.parquet import Row, Values, batch_of, columns_of, schema_of
from twofold.facts.shape import Table
from twofold.facts.tables import BY_NAME
from twofold.reconcile.chain.account import counts
from twofold.reconcile.chain.report import report_chain
from twofold.reconcile.chain.rows import Report
from twofold.reconcile.chain.told import Asked as ChainAsked
from twofold.reconcile.chain.told import Told, one_of_each_exchange
from twofold.reconcile.closure.days import DayLives, OrderMoves
from twofold.reconcile.exchange import day_text
from twofold.reconcile.lives.asking import chain_of
from twofold.reconcile.lives.making import day_of_rows


def lives_of_day(told: Told, day: int, desk: Any) -> DayLives:
    """What is told, of one day."""
    days = desk.days.of
    counted = [o for o in told.orders if counts(o)]
    return DayLives(
        day=day,
        orders=tuple(
            OrderMoves(o, tuple(m)) for o, m in one_of_each_exchange(counted, told.moves) if days(o.placed_at) == day
        ),
        placed=tuple(o for o in told.orders if days(o.placed_at) == day),
        loose=tuple(m for m in told.loose if m.day == day),
        unmatched=tuple(u for u in told.unmatched if u.day == day),
    )


class Tables:
    """A small database of the tables, filled from what a report is told."""

    def __init__(
        self, told: Told, desk: Any, first: int, last: int, more: dict[str, list[dict[str, Any]]] | None = None
    ) -> None:
        """``more``: rows of tables that are not of lives."""
        self._db = duckdb.connect(":memory:", config={"threads": 1})
        rows: dict[str, dict[str, list[Row | Values]]] = defaultdict(lambda: defaultdict(list))
        customers = {name: n for n, name in enumerate(sorted({o.buyer for o in told.orders if o.buyer}), 1)}
        for day in range(first, last + 1):
            for table, made in day_of_rows(lives_of_day(told, day, desk), desk, customers.get):
                rows[table][day_text(day)] += list(made)
        for name, made_before in (more or {}).items():
            for row in made_before:
                rows[name][row.get("day", "")].append(row)
        for name, table in BY_NAME.items():
            self._make(table, {day: of for day, of in rows.get(name, {}).items() if of})

    def _make(self, table: Table, rows: dict[str, list[Row | Values]]) -> None:
        if rows:
            schema, columns = schema_of(table), columns_of(table)
            tuples = {
                day: [row if isinstance(row, tuple) else tuple(map(row.get, columns)) for row in of]
                for day, of in rows.items()
            }
            made: Any = pa.Table.from_batches([batch_of(table, schema, day, of) for day, of in tuples.items()])
            self._db.execute(f"create table {table.name} as select * from made")
            assert made.num_rows == sum(map(len, rows.values()))
        else:
            self._db.execute(view_of(table, list[Path]()))

    def ask(self, asked: list[Asked]) -> list[Answer]:
        found = []
        for one in asked:
            made: Any = __import__("collections").namedtuple(one.question.name, list(one.question.answers))
            turn = [_READ[kind] for kind in one.question.answers.values()]
            result = self._db.execute(one.question.sql, one.parameters or None).fetchall()
            found.append(Answer(as_of=0, rows=[
                made(*(v if v is None else read(v) for read, v in zip(turn, row, strict=True))) for row in result
            ]))  # fmt: skip
        return found


def both(told: Told, asked: ChainAsked, desk: Any, tables: Tables) -> tuple[Report, Report]:
    """The report out of accounts, and out of the tables."""
    return report_chain(told, asked, desk), chain_of(tables.ask, asked, desk, None)[0]
