"""GA4's CSV of a report or an exploration: ``#`` lines, then one or more tables, parted by blank lines.

Owns which of the tables is read (the one that tells purchases most finely; they sum the same days), how the day is
known, and the row that sums the others. Headers of another language come by a mapping. Facts: chain.md 3.2.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.event.scalars import read_currency
from twofold.importing.readers.layout import Misread
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import SEPARATORS, Row, Survey, Table
from twofold.importing.statements.cells import Cells, Headers, Sheet, mapped, read_day, split_header
from twofold.importing.statements.contract import Dropped, Item, StatementFile, StatementOptions, Unbalanced
from twofold.importing.statements.tables.site_days import SiteDays, transaction_id
from twofold.ledger.lines import SiteDay

HEADERS: Headers = {
    "day": ("Date",),
    "transaction": ("Transaction ID",),
    "source_medium": ("Session source / medium",),
    "source": ("Session source",),
    "medium": ("Session medium",),
    "campaign": ("Session campaign",),
    "channel": ("Session primary channel group (Default channel group)", "Session default channel group"),
    "sessions": ("Sessions",),
    "purchases": ("Ecommerce purchases", "Purchases", "Transactions"),
    "revenue": ("Purchase revenue",),
    "gross_revenue": ("Gross purchase revenue",),
    "refunds": ("Refund amount",),
    "currency": ("Currency",),
}
_MONEY = ("purchases", "revenue", "gross_revenue", "refunds")
_TELLS = ("purchases", "revenue", "gross_revenue")
_DIMENSIONS = ("transaction", "day", "source_medium", "source", "medium", "campaign", "channel")
_SPAN = re.compile(r"#.*?\b(\d{8})\s*[-–]\s*(\d{8})\b")
_DATE = re.compile(r"#[^:]*:\s*(\d{8})\s*")
_TOTAL = re.compile(r"\s*(?:grand total|totals?)\s*", re.I)


class _Section(Struct, frozen=True, kw_only=True):
    """One table of a file. ``line``: of its header, counted from 1; ``days``: first and last, where its notes say."""

    line: int
    separator: str
    columns: tuple[str, ...]
    fields: frozenset[str]
    days: tuple[str, ...]

    @property
    def one_day(self) -> str:
        return self.days[0] if len(self.days) == 2 and self.days[0] == self.days[1] else ""


class Ga4Csv:
    name = "ga4-csv"
    kind = "ga4"
    title = "CSV of a GA4 report or exploration"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path  # known by its beginning alone
        if survey.kind != "csv":
            return 0
        lines = sample.decode(survey.encoding, "replace").lstrip("\ufeff").split("\n")
        sections = list(_sections(lines, HEADERS))
        if not lines[0].startswith("#"):
            return 0
        return (
            1 + max((len(s.fields) for s in sections if s.fields & {*_TELLS, "sessions"}), default=0) + bool(sections)
        )

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        headers = mapped(HEADERS, options)
        with path.open("r", encoding=survey.encoding, errors="replace", newline="\n") as file:
            sections = [s for s in _sections(file, headers) if s.fields & set(_TELLS)]
        usable = [s for s in sections if "day" in s.fields or s.one_day]
        if not sections:
            raise FileRefused(f"{path}: expected a table with purchases or their revenue, got none; with headers of another "
                              "language name them in an [[import]]")  # fmt: skip
        if not usable:
            raise FileRefused(f"{path}: expected a column Date or a report of one day, got one of a period")
        chosen = max(usable, key=lambda s: ("transaction" in s.fields, "day" in s.fields,
                                            len(s.fields & set(_DIMENSIONS)), -s.line))  # fmt: skip
        found = _Ga4Csv(path, survey, options, chosen)
        if len(sections) > 1:
            found.notes.append(f"the file has {len(sections)} tables of purchases, which sum the same days; only that of "
                               f"line {chosen.line} was read")  # fmt: skip
        return found


class _Ga4Csv:
    format = Ga4Csv.name
    title = Ga4Csv.title

    def __init__(self, path: Path, survey: Survey, options: StatementOptions, section: _Section) -> None:
        self._section = section
        self._table = Table(survey)
        self._table.columns = list(section.columns)
        self._table.header_row = section.line
        self._table.separator = section.separator
        self._table.rows = _rows(path, survey, section, self._table)
        self._sheet = Sheet(self._table, options, HEADERS, needs=(), money=_MONEY, days=("day",), point=True)
        self._sums: dict[str, Decimal] = {}
        self._currency = ""
        self.notes: list[str] = [*self._table.notes]
        if not self._sheet.has("transaction"):
            self.notes.append("without transaction ids the days can be compared in sums only")

    @property
    def bytes_read(self) -> int:
        return self._table.bytes_read

    def items(self) -> Iterator[Item]:
        days = SiteDays()
        totals: list[Cells] = []
        for row in self._sheet.rows():
            if isinstance(row, RowProblem):
                yield row
                continue
            if self._is_total(row):
                totals.append(row)
                yield Dropped(row=row.row, reason="total")
                continue
            try:
                self._read(row, days)
            except Misread as wrong:
                yield wrong.problem
        yield from days.items()
        for row in totals:
            yield from self._held_against(row)

    def _is_total(self, row: Cells) -> bool:
        return any(_TOTAL.fullmatch(cell) for cell in row.cells) and not read_day(row.text("day") or "-")

    def _read(self, row: Cells, days: SiteDays) -> None:
        options = self._sheet.options
        source, medium = row.text("source"), row.text("medium")
        if self._sheet.has("source_medium"):
            source, _, medium = (part.strip() for part in row.text("source_medium").partition(" / "))
        keys = SiteDay(
            account=options.account,
            day=row.needed("day", row.day("day"), "a day", "no_day") if self._sheet.has("day") else self._section.one_day,
            zone=options.told_zone, currency=self._currency_of(row),
            transaction=transaction_id(row.text("transaction")) if self._sheet.has("transaction") else "",
            medium_source=source, medium=medium, campaign=row.text("campaign"), channel=row.text("channel"),
        )  # fmt: skip
        try:
            figures = {field: row.money(field) for field in _MONEY}
            sessions = row.count("sessions")
        except Misread:
            days.tear(row.row, keys)
            raise
        hidden = [field for field in (*_MONEY, "sessions") if row.masked(field)]
        days.add(row.row, _filled(keys, figures, sessions), hidden)
        for field, figure in figures.items():
            self._sums[field] = self._sums.get(field, Decimal(0)) + (figure or 0)

    def _currency_of(self, row: Cells) -> str:
        headers = (self._sheet.currencies.get(field, "") for field in _MONEY)
        code = read_currency(row.text("currency")) or next(filter(None, headers), "") or self._sheet.options.currency
        if not code:
            raise row.misread("currency", "the property's currency: set --currency", "nothing", "no_currency")
        self._currency = code
        return code

    def _held_against(self, row: Cells) -> Iterator[Unbalanced]:
        for field in _MONEY:
            try:
                told = row.money(field)
            except Misread:
                continue
            entries = self._sums.get(field, Decimal(0))
            if told is not None and told != entries:
                yield Unbalanced(what="total", id=self._sheet.header(field), currency=self._currency, entries=entries,
                                 closing=told, difference=told - entries)  # fmt: skip


def _filled(keys: SiteDay, figures: dict[str, Decimal | None], sessions: int | None) -> SiteDay:
    return replace(keys, sessions=sessions, **figures)


def _sections(lines: Iterator[str] | list[str], headers: Headers) -> Iterator[_Section]:
    """The tables whose header shows a field that is known."""
    known = {split_header(name)[0]: field for field, names in headers.items() for name in names}
    dates: list[str] = []
    block: list[str] = []
    at_start = True
    for number, line in enumerate(lines, 1):
        bare = line.strip().lstrip("\ufeff")
        if bare.startswith("#"):
            block += _dates_in(bare)
            at_start = True
            continue
        if not bare.strip(",;\t"):
            at_start = True
            continue
        if not at_start:
            continue
        at_start = False
        dates, block = block[:2] or dates, []
        separator = max(SEPARATORS, key=re.sub(r'"[^"]*"', "", bare).count)
        try:
            cells = next(csv.reader([bare], delimiter=separator), [])
        except csv.Error:  # a stray carriage return
            continue
        fields = frozenset(known[name] for cell in cells if (name := split_header(cell)[0]) in known)
        if fields:
            yield _Section(line=number, separator=separator, columns=tuple(cell.strip() for cell in cells), fields=fields,
                           days=tuple(dates))  # fmt: skip


def _dates_in(line: str) -> list[str]:
    found = _SPAN.match(line)
    texts = [found[1], found[2]] if found else [one[1]] if (one := _DATE.fullmatch(line)) else []
    return [day for text in texts if (day := read_day(text))]


def _rows(path: Path, survey: Survey, section: _Section, table: Table) -> Iterator[Row | RowProblem]:
    width = len(section.columns)
    with path.open("r", encoding=survey.encoding, errors="replace", newline="\n") as file:
        raw: Any = file.buffer
        for number, line in enumerate(iter(file.readline, ""), 1):
            if number <= section.line:
                continue
            bare = line.rstrip("\r\n")
            if not bare.strip(",;\t ") or bare.startswith("#"):
                return
            if not number & 255:
                table.bytes_read = raw.tell()
            try:
                cells = next(csv.reader([bare], delimiter=section.separator, strict=True))
            except csv.Error:
                yield RowProblem(row=number, expected="quotes that close", got="a quote left open", reason="broken_row")
                continue
            # The row that sums the others says so in a cell of its own behind the last column.
            if len(cells) != width and not (len(cells) == width + 1 and _TOTAL.fullmatch(cells[-1])):
                yield RowProblem(row=number, expected=f"{width} cells", got=f"{len(cells)}", reason="ragged_row")
                continue
            yield Row(number, cells)
