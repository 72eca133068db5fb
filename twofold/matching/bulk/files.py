"""CSV and Parquet files of people to files of hashes. Everything in between stays in memory, nothing in the clear on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

from twofold.errors import FileRefused
from twofold.event.vocabulary import CONTACT_ALIASES
from twofold.matching.bulk.columns import ColumnReport, hash_columns
from twofold.matching.normalise import FORMS

READERS = {
    ".csv": "read_csv(?, all_varchar = true)",
    ".tsv": "read_csv(?, all_varchar = true)",
    ".txt": "read_csv(?, all_varchar = true)",
    ".parquet": "read_parquet(?)",
}
_WRITERS = {".csv": "FORMAT csv, HEADER", ".tsv": "FORMAT csv, HEADER, DELIMITER '\t'", ".parquet": "FORMAT parquet"}


def hash_table_file(
    source: Path,
    target: Path,
    mapping: Mapping[str, str],
    *,
    default_country: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> list[ColumnReport]:
    """Reads ``source`` and writes ``target``; the ends of their names say CSV, TSV or Parquet.

    ``mapping`` names columns for our fields; a column that bears a field's name (em, email, ph, phone, ...) is found
    without. Other columns are written as they are. Raises `FileRefused` for what cannot be read, mapped or written.
    """
    reader, writer = _by_ending(source, READERS), _by_ending(target, _WRITERS)
    if not source.is_file():
        raise FileRefused(f"{source}: no such file")
    if target.exists() and target.samefile(source):
        raise FileRefused(f"{target}: is the file that is read; name another one to write")
    # No file behind the database and no place to spill to: texts in the clear stay in memory.
    with duckdb.connect(":memory:", config={"temp_directory": ""}) as connection:
        try:
            connection.execute(f"CREATE TABLE people AS FROM {reader}", [str(source)])
        except duckdb.Error:
            # Its words quote the line it stumbled over.
            raise FileRefused(f"{source}: cannot be read as {source.suffix[1:].upper()}; export it again") from None
        columns = _mapped([row[0] for row in connection.execute("DESCRIBE people").fetchall()], mapping, source)
        reports = hash_columns(
            connection, "people", columns, into="hashed", default_country=default_country, progress=progress
        )
        try:
            connection.execute(f"COPY hashed TO ? ({writer})", [str(target)])
        except duckdb.Error as err:
            raise FileRefused(f"{target}: cannot be written: {err}") from None
    return reports


def _by_ending(path: Path, table: Mapping[str, str]) -> str:
    found = table.get(path.suffix.lower())
    if found is None:
        raise FileRefused(f"{path}: expected a name that ends in {', '.join(table)}")
    return found


def _mapped(present: list[str], mapping: Mapping[str, str], source: Path) -> dict[str, str]:
    columns: dict[str, str] = {}
    for name in present:
        field = CONTACT_ALIASES.get(name.strip().lower(), name.strip().lower())
        if field in FORMS:
            columns.setdefault(field, name)
    for field, column in mapping.items():
        if field not in FORMS:
            raise FileRefused(f"{field} is no contact field; expected any of {', '.join(FORMS)}")
        if column not in present:
            raise FileRefused(f"{source}: has no column {column}; it has {', '.join(present)}")
        columns[field] = column
    if not columns:
        raise FileRefused(f"{source}: no column is named as a contact field ({', '.join(FORMS)}); map them")
    return columns
