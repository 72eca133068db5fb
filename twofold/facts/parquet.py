"""One table's day as one Parquet file: types, exact money, and a file that is there as a whole or not at all.

Owns the form on disk. A file is written under a name that nobody reads yet, flushed, and never changed after; which files
count is the manifest's to say.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from twofold.facts.shape import DAY, Column, Table, Type

ROWS = 8_192
"""Rows made into columns at once: of the widest table some 30 MB."""

EXACT = "exact"
_WIDE = Context(prec=60)
_PLACES = {Type.MONEY: (4, Decimal(10) ** 14), Type.SUM: (12, Decimal(10) ** 16), Type.RATE: (8, Decimal(10) ** 10)}
_ARROW = {
    Type.TEXT: pa.string(),
    Type.INT: pa.int64(),
    Type.BOOL: pa.bool_(),
    Type.MONEY: pa.decimal128(18, 4),
    Type.SUM: pa.decimal128(28, 12),
    Type.RATE: pa.decimal128(18, 8),
}

Row = Mapping[str, Any]
"""Column to value; a column that is left out is null. Money as exact `Decimal`."""
Values = tuple[Any, ...]
"""A row as the values of `columns_of`, all of them and in that order: where rows are many they cost a third of it."""


def columns_of(table: Table) -> tuple[str, ...]:
    """The columns that a row has: neither its day nor what its columns could not hold."""
    return tuple(column.name for column in table.columns if column.name not in (DAY, EXACT))


def schema_of(table: Table) -> pa.Schema:
    """A table's columns in Arrow's types."""
    return pa.schema([(column.name, _ARROW[column.type]) for column in table.columns])


def schema_digest(tables: Iterable[Table]) -> str:
    """Stands for the shape of these tables: files of another shape are made again."""
    shape = [(t.name, [(c.name, str(c.type)) for c in t.columns]) for t in tables]
    return blake2b(msgspec.json.encode(shape), digest_size=8).hexdigest()


class TableFile:
    """One new file on its way: rows in, a file at the end, or nothing where there was no row. ``day``: of all of its rows. ``by``: the
    column by which rows are put in order when all are there; else they come in their order."""

    def __init__(self, path: Path, table: Table, day: str, by: str = "") -> None:
        self.path = path
        self.rows = 0
        self._table = table
        self._columns = columns_of(table)
        self._day = day
        self._by = by
        self._made: list[Any] = []
        self._kept: list[Any] = []
        self._schema = schema_of(table)
        self._waiting: list[Values] = []
        self._file: Any = None
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: Iterable[Row | Values]) -> None:
        """Takes rows; they are written `ROWS` at a time."""
        waiting, columns = self._waiting, self._columns
        for row in rows:
            waiting.append(row if isinstance(row, tuple) else tuple(map(row.get, columns)))
            if len(waiting) == ROWS:
                self._write()

    @property
    def is_bare(self) -> bool:
        """No row came."""
        return not self._waiting and not self._made and self._writer is None

    def keep(self, rows: pa.Table) -> None:
        """Rows of the file before that stay; only of one that is put in order."""
        self._kept = rows.to_batches()

    def close(self) -> None:
        """Writes the rest. On disk once `flush_files` has returned."""
        if self._waiting:
            self._write()
        if self._by and (self._kept or self._made):
            whole = pa.Table.from_batches(self._kept + self._made, schema=self._schema).sort_by(self._by)
            self._kept, self._made = [], []
            self._open().write_table(whole, row_group_size=ROWS)
            self.rows = whole.num_rows
        if self._writer is None:
            return
        self._writer.close()
        self._file.close()

    def _write(self) -> None:
        made = batch_of(self._table, self._schema, self._day, self._waiting)
        self._waiting.clear()
        if self._by:
            self._made.append(made)
        else:
            self._open().write_batch(made)
            self.rows += made.num_rows

    def _open(self) -> pq.ParquetWriter:
        if self._writer is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(fd, "wb")
            self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd", store_schema=False)
        return self._writer


def rows_without(path: Path, table: Table, changed: Mapping[str, Container[Any]]) -> pa.Table:
    """The rows of a file but for those that have one of these values in a column of that name."""
    found = pq.read_table(path, partitioning=None, schema=schema_of(table))
    for column in table.columns:
        if column.name in changed and found.num_rows:
            mine = changed[column.name]
            stays = pa.array([value not in mine for value in found.column(column.name).to_pylist()], type=pa.bool_())
            found = found.filter(stays)
    return found


def flush_files(paths: Iterable[Path]) -> None:
    """What was written to these files, and that they are there, outlives a power cut. Many at once: the disk has then
    little to do for each."""
    folders: dict[Path, None] = {}
    for path in paths:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        folders[path.parent] = None
        folders[path.parent.parent] = None
    for folder in folders:
        flush_folder(folder)


def flush_folder(folder: Path) -> None:
    """What was put into a folder is there after a power cut. A mount that cannot flush folders has its own promise."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError:
        pass
    finally:
        os.close(fd)


def batch_of(table: Table, schema: pa.Schema, day: str, rows: Sequence[Values]) -> pa.RecordBatch:
    """Rows of one day as columns."""
    lost: dict[int, dict[str, str]] = {}
    told = dict(zip(columns_of(table), zip(*rows, strict=True), strict=True))
    arrays = []
    for column in table.columns:
        if column.name == DAY:
            arrays.append(pa.repeat(pa.scalar(day, type=pa.string()), len(rows)))
        elif column.name != EXACT:
            arrays.append(_array(column, told[column.name], lost))
    if len(arrays) < len(schema):
        exact: list[str | None] = [None] * len(rows)
        for at, one in lost.items():
            exact[at] = msgspec.json.encode(one, order="sorted").decode()
        arrays.insert(schema.get_field_index(EXACT), pa.array(exact, type=pa.string()))
    return pa.record_batch(arrays, schema=schema)


def _array(column: Column, values: Sequence[Any], lost: dict[int, dict[str, str]]) -> pa.Array:
    """A column. Arrow takes an amount as it is, or refuses it where the column cannot hold it; most columns hold all of theirs."""
    kind = _ARROW[column.type]
    if column.type in _PLACES:
        try:
            return pa.array(values, type=kind)
        except pa.ArrowInvalid:
            values = _rounded(column.name, column.type, values, lost)
    return pa.array(values, type=kind)


def _rounded(name: str, kind: Type, values: Sequence[Any], lost: dict[int, dict[str, str]]) -> list[Decimal | None]:
    """Values as the column holds them; what it cannot hold exactly is kept in ``lost``, by the place of its row."""
    places, limit = _PLACES[kind]
    step = Decimal(1).scaleb(-places)
    found: list[Decimal | None] = []
    for at, value in enumerate(values):
        if value is None:
            found.append(None)
        elif not value.is_finite() or abs(value) >= limit:
            lost.setdefault(at, {})[name] = f"{value:f}"
            found.append(None)
        else:
            held = value if value.as_tuple().exponent >= -places else value.quantize(step, ROUND_HALF_EVEN, _WIDE)
            if held != value:
                lost.setdefault(at, {})[name] = f"{value:f}"
            found.append(held)
    return found
