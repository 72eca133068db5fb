"""Rows of a report as a file beside what is printed: ``--out rows.csv`` or ``rows.parquet``.

Owns both forms. Every figure is decimal text, so that nothing is rounded; a list is its parts with blanks between. A file is replaced whole
or not at all.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.spreadsheet import safe_cell

if TYPE_CHECKING:  # the command line shows its version without it
    from twofold.commands.output.rows.row import Row

ENDINGS = (".csv", ".parquet")


def _known_ending(out: Path | None) -> Path | None:
    if out is not None and out.suffix not in ENDINGS:
        raise typer.BadParameter(f"expected a name that ends with .csv or .parquet, got {out.name!r}")
    if out is not None and not out.parent.is_dir():
        raise typer.BadParameter(f"expected a folder that is there, got {str(out.parent)!r}")
    return out


OutOption = Annotated[
    Path | None, typer.Option("--out", help="Also write the rows there: .csv or .parquet.", callback=_known_ending)
]


def columns_of(kind: type[Row]) -> tuple[str, ...]:
    """The columns of such rows, also where there is none."""
    return kind.__struct_fields__


def write_rows(out: Path, rows: Sequence[Mapping[str, Any]], names: Sequence[str] = ()) -> None:
    """One column a field. ``names``: the columns where there may be no row."""
    columns = list(rows[0]) if rows else list(names)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        table = Path(folder) / "rows.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            text = _cell if out.suffix == ".csv" else _text  # no spreadsheet runs what a column of text holds
            writer.writerows({name: text(value) for name, value in row.items()} for row in rows)
        if out.suffix == ".csv":
            table.replace(out)
            return
        import duckdb

        made = Path(folder) / "rows.parquet"
        with duckdb.connect() as db:
            db.read_csv(str(table), header=True, all_varchar=True).write_parquet(str(made))
        made.replace(out)


def _text(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _cell(value: Any) -> Any:
    text = _text(value)
    return safe_cell(text) if isinstance(text, str) else text
