"""DuckDB over the manifest's files, in this process, within a limit.

Owns the connection's settings. It reads the files it is told and nothing else, loads no extension, and writes only where it
may put what does not fit into memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from twofold.facts.engine import Ask, Asked
from twofold.facts.manifest import Manifest
from twofold.facts.shape import Table

ROWS = 4_096
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
        for one in task.questions:
            yield _rows(db, one)


def _rows(db: Any, one: Asked) -> Iterator[Sequence[Any]]:
    sql, values = one.question.sql, one.parameters
    result = db.execute(sql, values) if values else db.execute(sql)
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
