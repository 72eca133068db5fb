"""One table as one file for somebody else's tools: CSV, Parquet or lines of JSON.

Owns the three forms and the way from the table's files by day to one file that is there as a whole or not at all. Rows pass through a batch
at a time, so memory stays what it is however long the table. In CSV a text that a spreadsheet would run as a formula is led by a quote, and an
empty text (quoted) is another thing than none. Which columns there are is the table's own definition.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from twofold.errors import FactsError
from twofold.facts.engine import Analytics
from twofold.facts.manifest import File, Manifest, reading
from twofold.facts.parquet import flush_folder, schema_of
from twofold.facts.shape import Table
from twofold.spreadsheet import AMOUNT, FORMULA, INNER_FORMULA

FORMS = (".csv", ".parquet", ".jsonl")
"""What a file's name may end with."""
ROWS = 8_192
"""Rows that pass through at once."""

Progress = Callable[[int, int], None]
"""Rows written, of how many."""


class Exported(NamedTuple):
    """``made_at``: the tables are of this time (Unix s) or later. ``currency``: of amounts in the reporting currency."""

    rows: int
    size: int
    made_at: int
    currency: str


class _Form(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...
    def close(self) -> None: ...


def export_table(
    analytics: Analytics, table: Table, to: Path, *, since: str = "", until: str = "", progress: Progress | None = None
) -> Exported:
    """Writes the rows that are filed by these days, all without them, in the order of days. ``to``: takes the place of what is there.

    Raises `FactsError` where the tables are not made, some of their days are away, it takes longer than a question may, or the file cannot be
    written; then nothing stands there that did not before.
    """
    fresh = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    until_s = time.monotonic() + analytics.deadline_s
    try:
        with reading(analytics.places, analytics.deadline_s) as manifest:
            known = _whole(manifest, table)
            files = [
                f
                for day, f in sorted(known.files.get(table.name, {}).items())
                if (since or day) <= day <= (until or day)
            ]
            rows = _write(analytics, table, files, fresh, to.suffix, until_s, progress)
        size = fresh.stat().st_size
        os.replace(fresh, to)
        flush_folder(to.parent)
    except OSError as err:
        raise FactsError(f"{to} cannot be written: {err.strerror or err}") from None
    finally:
        fresh.unlink(missing_ok=True)
    return Exported(rows, size, known.made_at, known.currency)


def _whole(manifest: Manifest | None, table: Table) -> Manifest:
    if manifest is None:
        raise FactsError("the tables are not made yet; start the gateway, or ask a report, which makes them")
    missing = sum(group == table.group for group, _ in manifest.absent)
    if missing:
        raise FactsError(f"the tables of {missing} days are being made; ask again in a moment")
    return manifest


def _write(
    analytics: Analytics,
    table: Table,
    files: list[File],
    fresh: Path,
    ending: str,
    until_s: float,
    progress: Progress | None,
) -> int:
    rows, total = 0, sum(file.rows for file in files)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as out:
        form = _form_of(ending, table, out)
        for batch in _batches(analytics.files, table, files):
            if time.monotonic() > until_s:
                raise FactsError(
                    f"{table.name} takes longer than {analytics.deadline_s:g} s; ask for fewer days (--since, --until), or raise deadline_s "
                    "under [analytics]"
                )
            form.write(batch)
            rows += batch.num_rows
            if progress is not None:
                progress(rows, total)
        form.close()
        out.flush()
        os.fsync(out.fileno())
    return rows


def _batches(folder: Path, table: Table, files: list[File]) -> Iterator[pa.RecordBatch]:
    schema = schema_of(table)
    for file in files:
        with pq.ParquetFile(folder / file.path) as day:
            for batch in day.iter_batches(ROWS):
                yield batch.select(schema.names).cast(schema)


def _form_of(ending: str, table: Table, out: Any) -> _Form:
    forms: dict[str, Callable[[Table, Any], _Form]] = {".csv": _Csv, ".parquet": _Parquet, ".jsonl": _Lines}
    return forms[ending](table, out)


# -- forms


class _Parquet:
    """The columns in their types; what each holds stands with it."""

    def __init__(self, table: Table, out: Any) -> None:
        words = {column.name: column.words for column in table.columns}
        fields = [field.with_metadata({"description": words[field.name]}) for field in schema_of(table)]
        self._schema = pa.schema(fields, metadata={"table": table.name, "description": table.words})
        self._writer = pq.ParquetWriter(out, self._schema, compression="zstd")

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch.cast(self._schema))

    def close(self) -> None:
        self._writer.close()


class _Csv:
    """A head of the columns' names, UTF-8, comma, texts in quotes, none as nothing, decimals with all their digits."""

    def __init__(self, table: Table, out: Any) -> None:
        self._schema = pa.schema(
            [(f.name, pa.string() if pa.types.is_decimal(f.type) else f.type) for f in schema_of(table)]
        )
        self._writer = pcsv.CSVWriter(out, self._schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(
            pa.record_batch([_for_a_sheet(column) for column in batch.columns], schema=self._schema)
        )

    def close(self) -> None:
        self._writer.close()


class _Lines:
    """A JSON object a line; decimals as text, so that no reader makes floats of them."""

    def __init__(self, _table: Table, out: Any) -> None:
        self._out = out
        self._encode = msgspec.json.Encoder(decimal_format="string")

    def write(self, batch: pa.RecordBatch) -> None:
        self._out.write(self._encode.encode_lines([_plain(row) for row in batch.to_pylist()]))

    def close(self) -> None:
        """Nothing is kept back."""


def _for_a_sheet(column: pa.Array) -> pa.Array:
    """Decimals with their digits written out, texts that are no formula."""
    if pa.types.is_decimal(column.type):
        written = column.cast(pa.string())
        if pc.any(pc.match_substring(written, "E")).as_py():  # very small ones
            return pa.array([None if value is None else f"{value:f}" for value in column.to_pylist()], type=pa.string())
        return written
    if not pa.types.is_string(column.type):
        return column
    amount = pc.match_substring_regex(column, AMOUNT)
    column = pc.if_else(amount, column, pc.replace_substring_regex(column, INNER_FORMULA, "\\1'\\2"))
    run = pc.and_not(pc.match_substring_regex(column, FORMULA), amount)
    return pc.if_else(run, pc.binary_join_element_wise("'", column, ""), column)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in row.items()}
