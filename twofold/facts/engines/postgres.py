"""PostgreSQL: the days that a question reads are copied into tables of a schema of their own, and asked there.

Owns that schema, `SCHEMA`. Beside each table stands which files its rows came from; a file that the manifest no longer names
goes with its rows, one that is new comes in, and the question is asked in the same transaction: one state. Two who ask at
once wait for each other while they copy. A text cannot hold the character NUL there: it becomes U+2400, its picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from twofold.errors import FactsError
from twofold.facts.engine import Ask
from twofold.facts.engines.dialect import translated
from twofold.facts.manifest import Manifest
from twofold.facts.shape import Table, Type

SCHEMA = "twofold_facts"
ROWS = 8_192
NUL = "\u2400"
_LOCK = 0x32464F4C


def asked(task: Ask, manifest: Manifest) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows of each answer."""
    yield from asyncio.run(_asked(task, manifest))


async def _asked(task: Ask, manifest: Manifest) -> list[Sequence[Sequence[Any]]]:
    db = await connected(task.engine, task.deadline_s)
    try:
        async with db.transaction():
            await prepare(db, task.tables)
            for table in task.tables:
                await _copy(db, table, Path(task.files), manifest)
            found: list[Sequence[Sequence[Any]]] = []
            for one in task.questions:
                sql = translated(one.question, {n: _plain(v) for n, v in one.parameters.items()}, "postgres")
                found.append([[list(row) for row in await db.fetch(sql)]])
            return found
    finally:
        await db.close()


async def connected(address: str, deadline_s: float) -> Any:
    """A connection whose tables are ours first. Raises `FactsError` where there is none."""
    try:
        import asyncpg
    except ImportError:
        raise FactsError("the package asyncpg is missing; install twofold[postgres]") from None
    settings = {"search_path": f"{SCHEMA},pg_catalog", "statement_timeout": str(int(deadline_s * 1000))}
    try:
        return await asyncpg.connect(address, server_settings=settings, timeout=min(deadline_s, 30))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TimeoutError) as err:
        # Never its own text, which could quote the address with its password.
        raise FactsError(f"PostgreSQL of [analytics] engine cannot be reached: {type(err).__name__}") from None


async def prepare(db: Any, tables: Sequence[Table]) -> None:
    """The schema and these tables, of today's shape; a table of another shape is made anew."""
    await db.execute("select pg_advisory_xact_lock($1)", _LOCK)
    await db.execute(f"create schema if not exists {SCHEMA}")
    await db.execute("create table if not exists copied (table_name text, path text, primary key (table_name, path))")
    for table in tables:
        if await _shape(db, table) != [(c.name, _KINDS[c.type]) for c in table.columns]:
            await db.execute(f"drop table if exists {table.name}")
            await db.execute("delete from copied where table_name = $1", table.name)
            columns = ", ".join(f"{c.name} {_kind(c.type)}" for c in table.columns)
            await db.execute(f"create table {table.name} ({columns})")
            await db.execute(f"create index on {table.name} (day)")


async def _shape(db: Any, table: Table) -> list[tuple[str, str]]:
    rows = await db.fetch(
        "select column_name, data_type from information_schema.columns where table_schema = $1 and table_name = $2 "
        "order by ordinal_position", SCHEMA, table.name,
    )  # fmt: skip
    return [tuple(row) for row in rows]


_KINDS = {
    Type.TEXT: "text",
    Type.INT: "bigint",
    Type.BOOL: "boolean",
    Type.MONEY: "numeric",
    Type.SUM: "numeric",
    Type.RATE: "numeric",
}


def _kind(kind: Type) -> str:
    """Texts compare by their bytes, as everywhere else."""
    return 'text collate "C"' if kind is Type.TEXT else str(kind).replace("decimal", "numeric")


async def _copy(db: Any, table: Table, files: Path, manifest: Manifest) -> None:
    """Brings a table to the state of the manifest."""
    wanted = {file.path: day for day, file in manifest.files.get(table.name, {}).items()}
    known = {path for (path,) in await db.fetch("select path from copied where table_name = $1", table.name)}
    for path in sorted(known - wanted.keys()):
        await forget_file(db, table.name, path)
    names = [column.name for column in table.columns]
    for path in sorted(wanted.keys() - known):
        with pq.ParquetFile(files / path) as file:
            for batch in file.iter_batches(ROWS):
                columns = [_column(table, n, batch.column(n).to_pylist()) for n in names]
                await db.copy_records_to_table(
                    table.name, schema_name=SCHEMA, columns=names, records=list(zip(*columns, strict=True))
                )
        await db.execute("insert into copied (table_name, path) values ($1, $2)", table.name, path)


async def forget_file(db: Any, table: str, path: str) -> None:
    """The rows of one day, by the file they came from."""
    day = Path(path).parent.name.removeprefix("day=")
    await db.execute(f"delete from {table} where day = $1", day)
    await db.execute("delete from copied where table_name = $1 and path = $2", table, path)


def _column(table: Table, name: str, values: list[Any]) -> list[Any]:
    kind = next(column.type for column in table.columns if column.name == name)
    return [_plain(value) for value in values] if kind is Type.TEXT else values


def _plain(value: Any) -> Any:
    return value.replace("\0", NUL) if isinstance(value, str) else value


async def forget(address: str, days: Sequence[tuple[str, str]]) -> None:
    """For an erasure: the rows of these days, by table, are gone."""
    db = await connected(address, 60)
    try:
        async with db.transaction():
            for table, day in days:
                if await db.fetchval("select to_regclass($1)", f"{SCHEMA}.{table}") is not None:
                    await db.execute(f"delete from {table} where day = $1", day)
                    await db.execute(
                        "delete from copied where table_name = $1 and path like $2", table, f"%/day={day}/%"
                    )
    finally:
        await db.close()
