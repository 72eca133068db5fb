"""One table's day as one Parquet file: types, exact money, and a file that is there as a whole or not at all.

Owns the form on disk. A file is written under a name that nobody reads yet, flushed, and never changed after; which files
count is the manifest's to say.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from twofold.facts.shape import DAY, Table, Type

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
"""Column to value; a column that is left out is null, and the day is its file's. Money as exact `Decimal`."""


def schema_of(table: Table) -> pa.Schema:
    """A table's columns in Arrow's types."""
    return pa.schema([(column.name, _ARROW[column.type]) for column in table.columns])


def schema_digest(tables: Iterable[Table]) -> str:
    """Stands for the shape of these tables: files of another shape are made again."""
    shape = [(t.name, [(c.name, str(c.type)) for c in t.columns]) for t in tables]
    return blake2b(msgspec.json.encode(shape), digest_size=8).hexdigest()


class TableFile:
    """One new file on its way: rows in, a file at the end, or nothing where there was no row. ``day``: of all its rows, as text.
    ``by``: the column by which rows are put in order when all are there; else they come in their order. ``kept``: rows of the
    file before that stay."""

    def __init__(self, path: Path, table: Table, day: str, by: str = "", kept: pa.Table | None = None) -> None:
        self.path = path
        self.rows = 0
        self._table, self._day = table, day
        self._by = by
        self._made: list[Any] = [] if kept is None else kept.to_batches()
        self._schema = schema_of(table)
        self._waiting: list[Row] = []
        self._file: Any = None
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: Iterable[Row]) -> None:
        """Takes rows; they are written `ROWS` at a time."""
        coming = iter(rows)
        while True:
            before = len(self._waiting)
            self._waiting.extend(islice(coming, ROWS - before))
            if len(self._waiting) == ROWS:
                self._write()
            else:
                return

    def close(self) -> None:
        """Writes the rest. On disk once `flush_files` has returned."""
        if self._waiting:
            self._write()
        if self._by and self._made:
            whole = pa.Table.from_batches(self._made, schema=self._schema).sort_by(self._by)
            self._made = []
            self._open().write_table(whole, row_group_size=ROWS)
            self.rows = whole.num_rows
        if self._writer is None:
            return
        self._writer.close()
        self._file.close()

    def _write(self) -> None:
        made = _batch(self._table, self._schema, self._waiting, self._day)
        self._waiting = []
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


def _batch(table: Table, schema: pa.Schema, rows: Sequence[Row], day: str) -> pa.RecordBatch:
    lost: list[dict[str, str]] = [{} for _ in rows]
    arrays = []
    for column in table.columns:
        if column.name == EXACT:
            continue
        if column.name == DAY:
            arrays.append(pa.array([day] * len(rows), type=pa.string()))
            continue
        values = [row.get(column.name) for row in rows]
        if column.type in _PLACES:
            values = _rounded(column.name, column.type, values, lost)
        arrays.append(pa.array(values, type=_ARROW[column.type]))
    if len(arrays) < len(schema):
        exact = [msgspec.json.encode(one, order="sorted").decode() if one else None for one in lost]
        arrays.insert(schema.get_field_index(EXACT), pa.array(exact, type=pa.string()))
    return pa.record_batch(arrays, schema=schema)


def _rounded(name: str, kind: Type, values: list[Any], lost: list[dict[str, str]]) -> list[Decimal | None]:
    """Values as the column holds them; what it cannot hold exactly is kept in ``lost``."""
    places, limit = _PLACES[kind]
    step = Decimal(1).scaleb(-places)
    found: list[Decimal | None] = []
    for value, kept in zip(values, lost, strict=True):
        if value is None:
            found.append(None)
        elif not value.is_finite() or abs(value) >= limit:
            kept[name] = f"{value:f}"
            found.append(None)
        else:
            held = value if value.as_tuple().exponent >= -places else value.quantize(step, ROUND_HALF_EVEN, _WIDE)
            if held != value:
                kept[name] = f"{value:f}"
            found.append(held)
    return found
