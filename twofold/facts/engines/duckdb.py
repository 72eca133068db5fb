"""DuckDB over the manifest's files, in this process, within a limit.

Owns the connection's settings. It reads the files it is told and nothing else, loads no extension, and writes only where it
may put what does not fit into memory.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from twofold.facts.engine import Ask, Asked
from twofold.facts.manifest import Manifest
from twofold.facts.questions import Part, parameters_of, sql_beside
from twofold.facts.shape import Table

ROWS = 4_096
MOST_KEPT = 600_000
"""Rows of a part of which others are kept, too: some half a gigabyte with what orders are credited with."""
SHARE = 0.6
"""Of the memory that DuckDB may manage itself; the rest is for what it does not count: decoding files, rows on their way."""


def asked(task: Ask, manifest: Manifest) -> Iterator[Iterator[Sequence[Any]]]:
    """The rows of each answer, some at a time."""
    config: dict[str, Any] = {
        "memory_limit": f"{max(int(task.memory_mb * SHARE), 16)}MB",
        "threads": min(os.cpu_count() or 1, 4, max(task.memory_mb // 256, 1)),
        "temp_directory": task.spill,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
    }
    with duckdb.connect(":memory:", config=config) as db:
        # A question names its tables many times, each of a file a day: what stands at their ends is read once.
        db.execute("load parquet")
        db.execute("set parquet_metadata_cache = true")
        for table in task.tables:
            db.execute(view_of(table, [Path(task.files) / path for path in manifest.paths(table.name)]))
        db.execute("set lock_configuration = true")
        kept = _Kept(db, task.questions)
        for one in task.questions:
            yield _rows(db, kept.there(one), one)


class _Kept:
    """Parts that several questions of a task ask alike: each is worked out once and stands as a table until it is asked with other values."""

    def __init__(self, db: Any, questions: Sequence[Asked]) -> None:
        self._db = db
        self._times = Counter(key for one in questions for key in map(partial(_key, one), _kept_of(one)))
        self._made: dict[str, tuple[_Key, int]] = {}  # a part's name to its values, and its rows

    def there(self, one: Asked) -> list[str]:
        """The parts of the question that stand as tables now. A part of very many rows is the last one that is kept: those that are made
        of it are larger still."""
        names: list[str] = []
        for part in _kept_of(one):
            key = _key(one, part)
            if self._times[key] < 2:
                continue
            if part.name not in self._made or self._made[part.name][0] != key:
                self._made[part.name] = key, self._make(one, part, names)
            names.append(part.name)
            if self._made[part.name][1] > MOST_KEPT:
                break
        return names

    def _make(self, one: Asked, part: Part, there: Sequence[str]) -> int:
        sql = sql_beside(part.sql, _before(one, part), there)
        self._db.execute(f"drop table if exists {part.name}")
        _execute(self._db, f"create temp table {part.name} as {sql}", one)
        return int(self._db.execute(f"select count(*) from {part.name}").fetchone()[0])


_Key = tuple[str, str, tuple[tuple[str, Any], ...]]


def _kept_of(one: Asked) -> list[Part]:
    return [part for part in one.question.parts if part.kept]


def _before(one: Asked, part: Part) -> Sequence[Part]:
    parts = one.question.parts
    return parts[: parts.index(part)]


def _key(one: Asked, part: Part) -> _Key:
    """What the part's rows depend on: its own text with those that it reads, and the values of their parameters."""
    sql = sql_beside(part.sql, _before(one, part))
    return part.name, sql, tuple(sorted((name, one.parameters[name]) for name in parameters_of(sql)))


def _execute(db: Any, sql: str, one: Asked) -> Any:
    values = {name: one.parameters[name] for name in parameters_of(sql)}
    return db.execute(sql, values) if values else db.execute(sql)


def _rows(db: Any, there: Sequence[str], one: Asked) -> Iterator[Sequence[Any]]:
    sql = sql_beside(one.question.own, one.question.parts, there) if there else one.question.sql
    result = _execute(db, sql, one)
    while rows := result.fetchmany(ROWS):
        yield rows


def view_of(table: Table, files: Sequence[Path]) -> str:
    """The table as a view of its files; without any a table of no rows."""
    columns = ", ".join(column.name for column in table.columns)
    if files:
        paths = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
        return f"create view {table.name} as select {columns} from read_parquet([{paths}], hive_partitioning = false)"
    nothing = ", ".join(f"cast(null as {column.type}) as {column.name}" for column in table.columns)
    return f"create view {table.name} as select {nothing} where false"
