"""Columns of contact values to columns of hashes, value for value what `match_keys.hash_user_data` makes of them.

Owns no rule. Each field has a short form in SQL for the texts whose documented form is beyond doubt (plain ASCII of the
usual shape, phone numbers by the same plans as `event.phones`); every other distinct text goes through `event` itself,
once. The tests hold both ways against each other. Does not read or write files; a caller brings a connection and a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count, islice

import duckdb
from msgspec import Struct

from twofold.matching.bulk.short_forms import PHONE_COLUMNS, hash_expression, is_hash, quoted, with_phone_columns
from twofold.matching.normalise import FORMS, NEEDS_COUNTRY
from twofold.matching.user_data import BROKEN, RULE_SENT, hash_one, stated_country

_CHUNK = 20_000  # distinct texts brought back to the database at once
_REGIONS = 16  # countries whose local phone numbers are read in SQL; those of the others go through `event`
_FEW = 10_000  # up to so many distinct texts are hashed once each and looked up; measured: 3 times faster than hashing
_GAP = "chr(31)"  # between a text and its country in the key of a lookup
_names = count()


class ColumnReport(Struct, frozen=True, kw_only=True):
    """What became of one column; the counts are rows, and given = hashed + already + unusable + broken."""

    field: str
    column: str
    given: int  # not empty
    hashed: int
    already: int  # came as a SHA-256 and was kept
    unusable: int  # no such contact value: no e-mail address, a local number without a country, ...
    broken: int  # a cut or foreign hash
    apart: int  # rows whose text went through `event`, not through SQL


def hash_columns(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    *,
    into: str,
    country_column: str | None = None,
    default_country: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> list[ColumnReport]:
    """Makes table ``into``: the columns of ``table`` without the contact ones, and ``<field>_sha256`` for each field.

    ``columns`` maps our field names (em, ph, fn, ln, db, ge, ct, st, zp, country, external_id) to columns of ``table``;
    a value is text or a whole number. ``country_column`` (alpha-2, alpha-3 or an English name; it may be the one that
    is mapped to ``country``) and then ``default_country`` (alpha-2) say where local phone numbers and postal codes
    belong. A hash is 64 lower-case hexadecimal characters, or NULL where the cell is empty or no usable value. Row order
    is kept where the connection preserves insertion order, which is DuckDB's default.

    Temporary tables with the texts in the clear exist while it runs: use a connection in memory. ``progress`` is called
    with each field when it is done. Raises `KeyError` for an unknown field, `duckdb.Error` for an unknown column.
    """
    job = _Job(connection, table, dict(columns), country_column, default_country.lower(), f"_twofold_{next(_names)}")
    try:
        return job.run(into, progress)
    finally:
        job.clean_up()


class _Job:
    """One call's connection, names and temporary tables."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str,
        columns: dict[str, str],
        country_column: str | None,
        default_country: str,
        prefix: str,
    ) -> None:
        unknown = columns.keys() - FORMS.keys()
        if unknown:
            raise KeyError(f"unknown field {', '.join(sorted(unknown))}; expected any of {', '.join(FORMS)}")
        self.sql = connection.execute
        self.table, self.columns, self.prefix = table, columns, prefix
        self.default_country = default_country
        self.country_column = country_column or columns.get("country")
        self.made: list[tuple[str, str]] = []  # what to drop: kind, name
        self.regions: list[str] = []
        self.texts: dict[str, str] = {}  # field: table of distinct texts with their hashes, where they are few

    def run(self, into: str, progress: Callable[[str], None]) -> list[ColumnReport]:
        """All fields into one new table."""
        self._find_countries()
        for field, column in self.columns.items():
            if self._number(f"SELECT approx_count_distinct({_name(column)}) FROM {self.table}") <= _FEW:
                self.texts[field] = self._look_up_table(field, column)
        self._assemble(into)
        reports = []
        for field in self.columns:
            known = self.texts.get(field)
            reports.append(self._counted(field, known) if known else self._complete(into, field))
            progress(field)
        for column in dict.fromkeys([*self.columns.values(), self.prefix]):
            self.sql(f"ALTER TABLE {into} DROP COLUMN {_name(column)}")
        return reports

    def clean_up(self) -> None:
        """Drops what holds texts in the clear."""
        for kind, name in self.made:
            self.sql(f"DROP {kind} IF EXISTS {name}")

    # -- the country of a row

    def _find_countries(self) -> None:
        """A lookup of the country texts and their codes, and which codes are frequent."""
        default = quoted(self.default_country)
        self.country, self.regions = default, [self.default_country] if self.default_country else []
        if self.country_column:
            column = _text(self.country_column)
            found = self.sql(f"SELECT {column}, count(*) n FROM {self.table} GROUP BY 1 ORDER BY n DESC").fetchall()
            pairs = [(text, stated_country(text) or self.default_country) for text, _ in found if text is not None]
            self._table("codes", "k VARCHAR, h VARCHAR", pairs)
            self.country = f"coalesce({self._look_up('codes', column)}, {default})"
            self.regions = list(dict.fromkeys(code for _, code in pairs if code))[:_REGIONS]

    def _code(self, field: str) -> str:
        """The column of the country's code where ``field`` depends on it, else ''."""
        return self.prefix if field in NEEDS_COUNTRY else "''"

    def _rows(self) -> str:
        """Every row with the code of its country in a column of the job's own name."""
        return f"(SELECT *, {self.country} AS {self.prefix} FROM {self.table})"

    # -- few distinct texts: each is hashed once, and a row looks its hash up

    def _look_up_table(self, field: str, column: str) -> str:
        hashed, texts = (
            hash_expression(field, "v", "c", self.regions),
            (
                f"(SELECT {_text(column)} AS v, {self._code(field)} AS c, count(*) AS n FROM {self._rows()} "
                f"WHERE v <> '' GROUP BY ALL)"
            ),
        )
        if field == "ph":
            texts = with_phone_columns(texts, "v", "c", self.regions)
        name = self._create(
            field,
            f"SELECT v || {_GAP} || c AS k, v, c, n, h, CASE WHEN {is_hash('v')} THEN 'already' "
            f"WHEN h IS NOT NULL THEN 'hashed' END AS s, FALSE AS apart FROM (SELECT v, c, n, {hashed} AS h FROM {texts})",
        )
        odd = self.sql(f"SELECT v, c FROM {name} WHERE s IS NULL").fetchall()
        if odd:
            answers = self._judged(field, odd)
            self.sql(
                f"UPDATE {name} SET h = o.h, s = o.s, apart = TRUE FROM {answers} o WHERE {name}.v = o.v AND {name}.c = o.c"
            )
        return name

    def _look_up(self, name: str, key: str) -> str:
        """Expression for column h of the row of table ``name`` whose k is ``key``.

        A join would do it, but does not keep the order of rows; an enumeration with a list does, and is as fast.
        """
        full = f"{self.prefix}_{name}"
        empty = self._number(f"SELECT count(*) FROM {full}") == 0
        if empty:
            return "NULL"
        self.made += [("TYPE", f"{full}_keys"), ("TABLE", f"{full}_list")]
        self.sql(f"CREATE TYPE {full}_keys AS ENUM (SELECT k FROM {full} ORDER BY k)")
        self.sql(f"CREATE TEMP TABLE {full}_list AS SELECT list(h ORDER BY k) AS l FROM {full}")
        return f"(SELECT l FROM {full}_list)[enum_code(TRY_CAST({key} AS {full}_keys)) + 1]"

    def _counted(self, field: str, name: str) -> ColumnReport:
        apart = self._number(f"SELECT coalesce(sum(n), 0) FROM {name} WHERE apart")
        counts = self._counts(name)
        return ColumnReport(field=field, column=self.columns[field], given=sum(counts.values()), apart=apart, **counts)

    # -- the table

    def _assemble(self, into: str) -> None:
        """All rows with their old columns and the hashes that are known by now."""
        hashes = []
        for field, column in self.columns.items():
            text, code = _text(column), self._code(field)
            if field in self.texts:
                value = self._look_up(field, f"({text} || {_GAP} || {code})")
            else:
                value = hash_expression(field, text, code, self.regions)
            hashes.append(f"{value} AS {field}_sha256")
        rows, without = self._rows(), ""
        if "ph" in self.columns and "ph" not in self.texts:
            rows = with_phone_columns(rows, _text(self.columns["ph"]), self.prefix, self.regions)
            without = f" EXCLUDE ({', '.join(PHONE_COLUMNS)})"
        self.sql(f"CREATE TABLE {into} AS SELECT *{without}, {', '.join(hashes)} FROM {rows}")

    def _complete(self, into: str, field: str) -> ColumnReport:
        """Fills what SQL left open in a column of many distinct texts, and counts."""
        column, code, made = self.columns[field], self._code(field), f"{field}_sha256"
        text = _text(column)
        given = self._number(f"SELECT count(*) FROM {into} WHERE {text} <> ''")
        already = self._number(f"SELECT count(*) FROM {into} WHERE {is_hash(text)}")
        name = self._create(
            field,
            f"SELECT {text} AS v, {code} AS c, count(*) AS n, NULL::VARCHAR AS s FROM {into} "
            f"WHERE {made} IS NULL AND {text} <> '' GROUP BY v, c",
        )
        odd = self.sql(f"SELECT v, c FROM {name}").fetchall()
        counts = dict.fromkeys(_STATES, 0)
        if odd:
            answers = self._judged(field, odd)
            self.sql(f"UPDATE {name} SET s = o.s FROM {answers} o WHERE {name}.v = o.v AND {name}.c = o.c")
            self.sql(
                f"UPDATE {into} SET {made} = o.h FROM {answers} o WHERE {made} IS NULL AND o.h IS NOT NULL "
                f"AND {into}.{_text(column)} = o.v AND {code} = o.c"
            )
            counts = self._counts(name)
        apart = sum(counts.values())
        counts["hashed"] += given - already - apart
        counts["already"] += already
        return ColumnReport(field=field, column=column, given=given, apart=apart, **counts)

    def _judged(self, field: str, odd: list[tuple[str, str]]) -> str:
        """A table of what `event` makes of texts that SQL left open."""
        return self._table(f"{field}_odd", "v VARCHAR, c VARCHAR, h VARCHAR, s VARCHAR", _answers(field, odd))

    def _counts(self, name: str) -> dict[str, int]:
        found = dict(self.sql(f"SELECT s, sum(n)::BIGINT FROM {name} GROUP BY s").fetchall())
        return {state: found.get(state, 0) for state in _STATES}

    # -- small things

    def _number(self, query: str) -> int:
        row = self.sql(query).fetchone()
        return int(row[0]) if row else 0

    def _create(self, name: str, select: str) -> str:
        full = f"{self.prefix}_{name}"
        self.made.append(("TABLE", full))
        self.sql(f"CREATE TEMP TABLE {full} AS {select}")
        return full

    def _table(self, name: str, layout: str, rows: Iterable[tuple[str | None, ...]]) -> str:
        """A temporary table of texts from Python, a few thousand rows a statement."""
        full = f"{self.prefix}_{name}"
        self.made.append(("TABLE", full))
        self.sql(f"CREATE TEMP TABLE {full} ({layout})")
        width = layout.count(",") + 1
        insert = f"INSERT INTO {full} SELECT {', '.join(f'unnest(${n + 1}::VARCHAR[])' for n in range(width))}"
        source = iter(rows)
        while chunk := list(islice(source, _CHUNK)):
            self.sql(insert, [list(values) for values in zip(*chunk, strict=True)])
        return full


_STATES = ("hashed", "already", "unusable", "broken")


def _answers(field: str, odd: list[tuple[str, str]]) -> Iterator[tuple[str, str, str | None, str]]:
    """(text, country, hash, state) of each, by the same function as every event."""
    for text, country in odd:
        made = hash_one(field, text, country or None)
        if made is None:
            yield text, country, None, "unusable"
        elif made is BROKEN:
            yield text, country, None, "broken"
        else:
            yield text, country, made.hex, "already" if made.rule == RULE_SENT else "hashed"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _text(column: str) -> str:
    """A column as text; numbers as their digits."""
    return f"{_name(column)}::VARCHAR"
