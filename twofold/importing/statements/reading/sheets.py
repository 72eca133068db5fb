"""A table of a known format: its header under a preamble, its columns by name, its cells as typed values.

Owns what all formats of tables have in common: recognition by headers, how columns write numbers and days, rows that sum
others, and the sentence said when a cell does not fit. What the fields mean together is each format's own file. Nothing
is guessed for one cell alone: styles come from the whole column, or from the operator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.event.contact import names_somebody
from twofold.importing.readers.layout import Misread, fold_header, fold_word, shown_columns
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import HEADER_WITHIN, Row, Survey, duplicated, first_cells, open_table
from twofold.importing.readers.values import (
    DateStyle,
    NumberStyle,
    currency_of,
    date_order,
    number_style,
    read_currency,
    read_id,
    shape,
    shown_sign,
    unquoted,
)
from twofold.importing.readers.workbooks import sheet_heads
from twofold.importing.statements.contract import Dropped, Item, StatementOptions, Unbalanced
from twofold.importing.statements.reading.zones import offset_behind, zone_name, zone_of
from twofold.importing.zone import taken_in

SAMPLE = 5_000  # rows from which the style of numbers and days is found
MASKED = frozenset({"-", "--", "—", "–", "n/a", "na", "null", "none"})  # "unknown", never 0
TOTALS = frozenset(
    {"total", "totals", "grandtotal", "sum", "gesamt", "summe", "totaal", "итого", "всего", "ჯამი", "სულ"}
)
_NAMES = 3  # known names that make a line a header, where it has so many
_WORD = re.compile(r"[^\W\d_][\w .,/&()-]{0,59}")
_CURRENCY_BEHIND = re.compile(r"[\s(\[]+([A-Z]{3})[)\]]?\s*$")
_MIDNIGHT = re.compile(r"[T ]00:00(?::00(?:\.0+)?)?$")
_ISO_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")


class TableFormat(Struct, frozen=True, kw_only=True):
    """One format of tables. ``needs``: fields without which it is not recognised; "a|b" is satisfied by either.
    ``must``: those without which a file that is named to be of it cannot be read; the same where it is empty.

    ``read`` is a generator over the file's rows. ``summed``: money that a row of totals may sum.
    """

    name: str
    kind: str
    title: str
    columns: Mapping[str, tuple[str, ...]]  # our field -> their headers, the better ones first
    needs: tuple[str, ...]
    read: Callable[[TableFile], Iterator[Item]]
    money: frozenset[str]
    times: frozenset[str]
    utc: frozenset[str] = frozenset()  # of the times, those that are told in UTC
    else_utc: frozenset[str] = frozenset()  # those that the provider tells in UTC where no zone was asked for
    summed: frozenset[str] = frozenset()
    usual_decimal: str = "."
    must: tuple[str, ...] = ()

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        """See `StatementFormat`."""
        if survey.kind == "csv":
            text = sample.decode(survey.encoding or "utf-8", "replace").lstrip("\ufeff")
            return max((self.signs(cells) for _, _, cells in first_cells(text)), default=0)
        try:
            if survey.kind == "excel":
                heads = sheet_heads(path, HEADER_WITHIN).values()
                return max((self.signs(cells) for rows in heads for cells in rows), default=0)
            if survey.kind == "parquet":
                return self.signs(open_table(path, survey).columns)
        except FileRefused:
            return 0  # said when it is opened
        return 0

    def signs(self, cells: Sequence[str]) -> int:
        """How many of the format's headers stand in a line; 0 where a needed one does not."""
        folded = {fold_header(bare_header(cell)) for cell in cells if cell}
        known = {field for field, names in self.columns.items() if any(fold_header(n) in folded for n in names)}
        fits = all(any(part in known for part in need.split("|")) for need in self.needs)
        return len(known) if fits and len(known) >= min(_NAMES, sum(bool(cell) for cell in cells)) else 0

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> TableFile:
        """See `StatementFormat`."""
        return TableFile(self, path, survey, options)


class TableFile:
    """An open table, see `StatementFile`."""

    def __init__(self, form: TableFormat, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.form, self.path, self.options = form, path, options
        self.format, self.title = form.name, form.title
        signs = _signs_with(form, options)
        table = open_table(path, survey, sheet=options.sheet or _sheet_with(path, survey, signs), signs=signs)
        self.notes: list[str] = table.notes
        self._table, self._survey, self._serial = table, survey, survey.kind == "excel"
        rows = iter(table.rows)
        first = list(islice(rows, SAMPLE))
        self.columns = table.columns
        self.index = self._resolve()
        self._numbers, self._dates = self._learn([row for row in first if isinstance(row, Row)])
        self._rows = chain(first, rows)
        self._sums: dict[str, Decimal] = {}
        self.last_row = table.header_row
        self.currency = options.currency or self._currency_of_columns()

    @property
    def bytes_read(self) -> int:
        return self._table.bytes_read

    def items(self) -> Iterator[Item]:
        for item in self.form.read(self):
            yield replace(item, file=self.path.name) if isinstance(item, RowProblem) else item

    def rows(self) -> Iterator[Cells | RowProblem | Dropped | Unbalanced]:
        """Rows to be read, and in their places what is none. Rows that sum others are dropped and compared."""
        for row in self._rows:
            if isinstance(row, RowProblem):
                yield row
                continue
            self.last_row = row.number
            cells = Cells(self, row)
            if self._is_total(row):
                yield Dropped(row=row.number, reason="total")
                yield from self._compare(cells)
                continue
            self._add(cells)
            yield cells

    def read_each(self, read: Callable[[Cells], Iterator[Item]]) -> Iterator[Item]:
        """What ``read`` gives of each row; a problem in the place of one that it cannot read, with nothing of it."""
        for row in self.rows():
            if not isinstance(row, Cells):
                yield row
                continue
            try:
                found = list(read(row))
            except Misread as err:
                yield err.problem
                continue
            yield from row.warnings
            yield from found

    def note(self, text: str) -> None:
        """Said once."""
        if text not in self.notes:
            self.notes.append(text)

    def has(self, *fields: str) -> bool:
        return all(field in self.index for field in fields)

    def header(self, field: str) -> str:
        place = self.index.get(field)
        return self.columns[place] if place is not None else self.form.columns.get(field, (field,))[0]

    def number(self, field: str) -> NumberStyle:
        return self._numbers.get(field) or NumberStyle(self.options.decimal)

    def dates(self, field: str) -> DateStyle:
        return self._dates.get(field) or DateStyle(self.options.zone, self.options.dates, self._serial)

    # -- finding out

    def _resolve(self) -> dict[str, int]:
        folded = [fold_header(bare_header(name)) for name in self.columns]
        twice = {fold_header(bare_header(name)) for name in duplicated(list(self.columns))}
        index: dict[str, int] = {}
        for field, names in self.form.columns.items():
            told = self.options.columns.get(field)
            for name in (told,) if told else names:
                wanted = fold_header(name)
                if wanted not in folded:
                    continue
                if wanted in twice:
                    raise FileRefused(f"column {name}: expected once, got twice; which one holds the {field}?")
                index[field] = folded.index(wanted)
                break
        must = self.form.must or self.form.needs
        missing = [need for need in must if not any(part in index for part in need.split("|"))]
        if missing:
            wanted = ", ".join(self.form.columns[need.split("|")[0]][0] for need in missing)
            raise FileRefused(f"{self.path.name}: expected {self.title} with the columns {wanted}; "
                              f"got {shown_columns(self.columns)}")  # fmt: skip
        return index

    def _currency_of_columns(self) -> str:
        """Of headers such as "Amount (GEL)", where all that have one have the same."""
        found = {
            m[1]
            for f in self.form.money & self.index.keys()
            if (m := _CURRENCY_BEHIND.search(self.columns[self.index[f]]))
        }
        codes = {code for text in found if (code := read_currency(text))}
        return codes.pop() if len(codes) == 1 else ""

    def _learn(self, sample: list[Row]) -> tuple[dict[str, NumberStyle], dict[str, DateStyle]]:
        cells = {f: self._cells(self.index[f], sample) for f in self.index.keys() & (self.form.money | self.form.times)}
        sign = shown_sign(cells[f] for f in cells.keys() & self.form.money)
        numbers = {f: self._style(f, cells[f], sign) for f in cells.keys() & self.form.money}
        dates = {}
        days = [text for f in cells.keys() & self.form.times for text in cells[f]]
        order = date_order(days, self.options.dates) if days else ""
        bare = [row for row in sample if not self._names_zone(row)]
        for field in cells.keys() & self.form.times:
            own = date_order(cells[field], self.options.dates)
            if own is None and not order:
                raise FileRefused(f"column {self.columns[self.index[field]]}: expected days that can be read one way, got "
                                  "some like 05/04/2026; set --dates dmy or mdy")  # fmt: skip
            zone = self.zone_of(field)
            dates[field] = DateStyle(zone, own or order or "", self._serial)
            if field in self.form.utc or self.options.zone_given:
                continue
            if any(map(_lacks_zone, self._cells(self.index[field], bare)[:100])):
                told = (
                    (zone_name(zone), "the provider's usual one") if field in self.form.else_utc else (zone_name(zone),)
                )
                self.note(taken_in(*told))
        return numbers, dates

    def zone_of(self, field: str) -> tzinfo:
        """In which a column's times are where they say none."""
        usual = field in self.form.utc or (field in self.form.else_utc and not self.options.zone_given)
        return UTC if usual else self.options.zone

    def _names_zone(self, row: Row) -> bool:
        """True where a column of the row says in which zone its times are."""
        place = self.index.get("zone")
        return place is not None and place < len(row.cells) and bool(row.cells[place].strip())

    def _cells(self, place: int, sample: list[Row]) -> list[str]:
        texts = (unquoted(row.cells[place].strip()) for row in sample if place < len(row.cells))
        return [text for text in texts if text and text.lower() not in MASKED]

    def _style(self, field: str, cells: list[str], elsewhere: str) -> NumberStyle:
        if self._survey.kind in ("excel", "parquet") and not self.options.decimal:
            # Numbers were typed in the file; only texts have a style of their own.
            cells = [cell for cell in cells if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell)]
            if not cells:
                return NumberStyle(".")
        style = number_style(cells, self.options.decimal, self.form.usual_decimal, elsewhere)
        if style is None:
            raise FileRefused(f"column {self.columns[self.index[field]]}: expected amounts with one decimal sign, got some "
                              "that can be read two ways; set --decimal")  # fmt: skip
        return style

    # -- rows that sum others

    def _is_total(self, row: Row) -> bool:
        words = [cell for cell in row.cells if cell.strip()][:1]
        return bool(words) and fold_header(words[0].strip().rstrip(":")) in TOTALS

    def _add(self, cells: Cells) -> None:
        for field in self.form.summed & self.index.keys():
            try:
                amount = cells.money(field)
            except Misread:
                continue  # told with the row
            self._sums[field] = self._sums.get(field, Decimal(0)) + (amount or Decimal(0))

    def _compare(self, cells: Cells) -> Iterator[Unbalanced]:
        for field in sorted(self.form.summed & self.index.keys()):
            try:
                told = cells.money(field)
            except Misread:
                continue  # words in a row of totals
            entries = self._sums.get(field, Decimal(0))
            if told is not None and told != entries:
                yield Unbalanced(what="total", id=self.header(field), currency=self.currency, entries=entries,
                                 closing=told, difference=told - entries)  # fmt: skip


class Cells:
    """One row with typed access. All accessors raise `Misread`."""

    __slots__ = ("cells", "file", "row", "warnings")

    def __init__(self, file: TableFile, row: Row) -> None:
        self.file, self.row, self.cells = file, row.number, row.cells
        self.warnings: list[RowProblem] = []

    def text(self, field: str) -> str:
        """A cell, trimmed; empty when the file has no such column."""
        place = self.file.index.get(field)
        if place is None or place >= len(self.cells):
            return ""
        text = self.cells[place].strip()
        return unquoted(text) if text[:1] == "'" else text

    def word(self, field: str) -> str:
        """A cell as our word for theirs, where the operator maps it; else the folded cell."""
        folded = fold_word(self.text(field))
        return self.file.options.words.get(field, {}).get(folded, folded)

    def id(self, field: str) -> str:
        """An exact id; empty for an empty cell. A number that a spreadsheet has rounded is refused."""
        text = self.text(field)
        if not text or text.lower() in MASKED:
            return ""
        found = read_id(text)
        if found is None:
            rounded = "e" in text.lower() and any(c.isdigit() for c in text) and "@" not in text
            raise self.misread(
                field,
                "an id as exact text" if rounded else "an id: printable text without an e-mail address",
                "a number that a spreadsheet has rounded; export it again and import the file as it is" if rounded
                else shape(text),
                "rounded_id" if rounded else "bad_id",
            )  # fmt: skip
        return found

    def money(self, field: str) -> Decimal | None:
        """An amount, exact; None for an empty or masked cell, and for a column that is not there."""
        text = self.text(field)
        if not text or text.lower() in MASKED:
            return None
        style = self.file.number(field)
        amount = style.read(text)
        if amount is None:
            raise self.misread(
                field, f"an amount with the decimal sign {style.decimal or '.'}", shape(text), "bad_amount"
            )
        return amount

    def amount(self, field: str) -> Decimal:
        """The same, and needed."""
        found = self.money(field)
        if found is None:
            raise self.misread(field, "an amount", "nothing", "bad_amount")
        return found

    def time(self, field: str, zone: tzinfo | None = None, beside: str = "") -> int | None:
        """Unix seconds; None for an empty cell. ``beside``: a column that holds the time of the day."""
        text = " ".join(filter(None, (self.text(field), self.text(beside) if beside else "")))
        if not text or text.lower() in MASKED:
            return None
        style = self.file.dates(field)
        moment = (DateStyle(zone, style.order, style.serial) if zone is not None else style).read(text)
        if moment is None:
            raise self.misread(field, "a date, best as 2026-05-14T11:23:45+01:00", shape(text), "bad_date")
        return moment

    def moment_in_zone(self, field: str, beside: str = "") -> tuple[int, str]:
        """A time that is needed, and the zone in which the row tells it: the offset behind the time, the row's column ``zone``, or the
        file's. So a line has the day that stands in its file."""
        at, zone = self.time_in_zone(field, beside)
        if at is None:
            raise self.misread(field, "a time", "nothing", "no_date")
        return at, zone

    def time_in_zone(self, field: str, beside: str = "") -> tuple[int | None, str]:
        """The same of a time that may be missing."""
        text = offset_behind(self.text(field)) or self.text("zone")
        zone = zone_of(text) if text else None
        if text and zone is None:
            self.file.note(f"the zone {self.shown('zone')} is not known or is several; its times were read in the zone of "
                           "--timezone, else of [chain] timezone")  # fmt: skip
        options = self.file.options
        return self.time(field, zone or options.zone, beside), zone_name(zone) if zone else options.zone_name

    def moment(self, *fields: str) -> int:
        """The first of these times that the row has; one is needed."""
        found = next((at for field in fields if (at := self.time(field)) is not None), None)
        if found is None:
            raise self.misread(fields[0], "a time", "nothing", "no_date")
        return found

    def is_day(self, field: str) -> bool:
        """Without a time, or with the midnight that workbooks and databases put behind a day."""
        text = self.text(field)
        return ":" not in text or _MIDNIGHT.search(text) is not None

    def currency(self, *amounts: str, field: str = "currency") -> str:
        """Of the column, else as an amount is written, else as set. Never a default."""
        text = self.text(field)
        if text:
            found = read_currency(text.upper())
            if found is None:
                shown = text if _WORD.fullmatch(text) and len(text) < 12 else shape(text)
                raise self.misread(field, "three letters (ISO 4217)", shown, "bad_currency")
            return found
        written = next((code for name in amounts if (code := currency_of(self.text(name)))), None)
        if written or self.file.currency:
            return written or self.file.currency
        raise self.misread(field, "a currency in the row, or --currency", "nothing", "no_currency")

    def misread(self, field: str, expected: str, got: str, reason: str) -> Misread:
        return Misread(
            RowProblem(row=self.row, column=self.file.header(field), expected=expected, got=got, reason=reason)
        )

    def warn(self, field: str, expected: str, got: str, reason: str) -> None:
        self.warnings.append(RowProblem(kind="warning", row=self.row, column=self.file.header(field), expected=expected,
                                        got=got, reason=reason))  # fmt: skip

    def shown(self, field: str) -> str:
        """A cell for a message: as written where it reads like a word, else its shape."""
        text = self.text(field)
        return text if _WORD.fullmatch(text) and not names_somebody(text) else shape(text)


def bare_header(name: str) -> str:
    """A header without the currency behind it: "Amount (GEL)"."""
    found = _CURRENCY_BEHIND.search(name)
    return name[: found.start()] if found and read_currency(found[1]) else name


def _signs_with(form: TableFormat, options: StatementOptions) -> Callable[[Sequence[str]], int]:
    """A format that was named, or whose columns the operator names, is found by any of them."""
    told = {field: (name,) for field, name in options.columns.items() if field in form.columns}
    named = replace(form, columns={**form.columns, **told}, needs=())
    return lambda cells: form.signs(cells) * 100 or named.signs(cells)


def _sheet_with(path: Path, survey: Survey, signs: Callable[[Sequence[str]], int]) -> str:
    """The sheet of a workbook that shows most of a header: others stand before it, as covers and sums."""
    if survey.kind != "excel":
        return ""
    most = {n: max(map(signs, rows), default=0) for n, rows in sheet_heads(path, HEADER_WITHIN).items()}
    best = max(most, key=lambda name: most[name], default="")
    return best if most.get(best) else ""


def _lacks_zone(text: str) -> bool:
    if text.rstrip().endswith(("Z", "UTC", "GMT")) or text.isdigit():
        return False
    behind = text[10:] if _ISO_DAY.match(text) else text.partition(" ")[2]
    return ":" in behind and "+" not in behind and "-" not in behind
