"""Columns of a report under a preamble: which stands where, how it is written, and what a cell says.

Owns the reading rules that reports of platforms share: headers without case, spaces and signs, a currency in brackets
behind a header, cells that hide a figure, days in the forms that exports use, ids that a spreadsheet rounded. What the
fields mean together is each format's own file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path

from twofold.errors import FileRefused
from twofold.event.scalars import names_nobody, read_currency
from twofold.importing.readers.layout import Misread, fold_header
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import HEADER_WITHIN, Row, Survey, Table, first_cells, open_table
from twofold.importing.readers.values import (
    WORDED,
    NumberStyle,
    date_order,
    day_of_number,
    full_year,
    month_of,
    number_style,
    read_id,
    shape,
    shown_sign,
    unquoted,
)
from twofold.importing.readers.workbooks import read_workbook
from twofold.importing.statements.contract import StatementOptions

Headers = Mapping[str, tuple[str, ...]]
"""Our field to the headers under which formats have it, the better ones first."""

SAMPLE = 5_000  # rows from which is found how a column is written
_BRACKET = re.compile(r"\s*[(\[]([A-Z]{3})[)\]]\s*$")
_MASKED = re.compile(r"-{1,2}|–|—|n/?a|not available|\(not set\)|[<>]\s*[0-9.,]+\s*%?", re.I)
_GROUPED_WHOLE = re.compile(r"[0-9]{1,3}(?:[.,' \u00a0\u202f’][0-9]{3})+")
_ROUNDED_LONG = re.compile(r"([1-9][0-9]{14})(0+)")
_TYPED = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_THREE = re.compile(r"\.[0-9]{3}$")
_EIGHT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_ISO = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_SHORT = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_YEARS = range(1995, 2101)


def split_header(name: str) -> tuple[str, str]:
    """A header as it is compared, and the currency that stands in brackets behind it."""
    found = _BRACKET.search(name)
    code = read_currency(found[1]) if found else None
    return (fold_header(name[: found.start()]), code) if found and code else (fold_header(name), "")


def is_masked(text: str) -> bool:
    """A cell that hides its figure: it is unknown, never 0."""
    return _MASKED.fullmatch(text.strip()) is not None


def signs_of(headers: Headers) -> Callable[[Sequence[str]], int]:
    """How many of the fields' names a row of cells shows; fewer than three are no header."""
    known = {split_header(name)[0]: field for field, names in headers.items() for name in names}

    def count(cells: Sequence[str]) -> int:
        found = {known[folded] for cell in cells if len(cell) < 90 and (folded := split_header(cell)[0]) in known}
        return len(found) if len(found) >= 3 or len(found) == len(headers) else 0

    return count


def count_signs(path: Path, survey: Survey, sample: bytes, headers: Headers, needs: Collection[str]) -> int:
    """How many of the fields a file's header shows; 0 when one that is needed is missing or there is no header."""
    rows = first_rows(path, survey, sample)
    count = signs_of(headers)
    best = max(rows, key=count, default=[])
    folded = {split_header(cell)[0] for cell in best if len(cell) < 90}
    if not all(any(split_header(name)[0] in folded for name in headers[field]) for field in needs):
        return 0
    return count(best)


def first_rows(path: Path, survey: Survey, sample: bytes) -> list[list[str]]:
    """The first rows of a table, a CSV's once for each separator; nothing for what is no table."""
    match survey.kind:
        case "csv":
            text = sample.decode(survey.encoding, "replace").lstrip("\ufeff")
            return [cells for _, _, cells in first_cells(text)]
        case "excel" | "parquet":
            return _first_of(str(path), survey)
        case _:
            return []


@lru_cache(maxsize=4)
def _first_of(path: str, survey: Survey) -> list[list[str]]:
    # Every format asks for the same rows of one file, and a workbook is unpacked each time it is opened.
    try:
        if survey.kind == "excel":  # as it stands there: the header may stand below a title
            return [cells for _, cells in islice(read_workbook(Path(path), "", []), HEADER_WITHIN)]
        table = open_table(Path(path), survey)
        return [list(table.columns), *(row.cells for row in islice(table.rows, HEADER_WITHIN) if isinstance(row, Row))]
    except FileRefused:
        return []


def read_day(text: str, order: str = "", serial: bool = False) -> str | None:
    """A day as YYYY-MM-DD from the forms that exports write; None when it is none, or can be read two ways. ``serial``: the cell
    is a workbook's, where a day that nobody formatted as one is a number."""
    text = text.strip()
    if found := _EIGHT.fullmatch(text) or _ISO.fullmatch(text):
        return _day(int(found[1]), int(found[2]), int(found[3]))
    if found := _SHORT.fullmatch(text):
        order = "dmy" if found[2] == "." else order
        if not order:
            return None
        day, month = (found[1], found[3]) if order == "dmy" else (found[3], found[1])
        return _day(int(found[4]), int(month), int(day))
    for form in WORDED:
        if (found := form.fullmatch(text)) and not found["clock"]:
            return _day(full_year(found["y"]), month_of(found["m"]), int(found["d"]))
    return day_of_number(text) if serial else None


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat() if year in _YEARS else None
    except ValueError:
        return None


def mapped(headers: Headers, options: StatementOptions) -> Headers:
    """A format's headers, with the operator's own in the places that a mapping names."""
    return {**headers, **{field: (name,) for field, name in options.columns.items() if field in headers}}


def open_report(path: Path, survey: Survey, options: StatementOptions, headers: Headers) -> Table:
    """A table whose header stands among its first lines. Raises `FileRefused` when it is no table."""
    return open_table(path, survey, sheet=options.sheet, signs=signs_of(mapped(headers, options)))


class Sheet:
    """An open report: its fields' places, and its rows as `Cells`.

    ``money``, ``days``: fields whose columns are looked at before the first row is read. ``point``: the format writes a
    decimal point, so that 1,234 of a file with commas between cells is no riddle.
    """

    def __init__(
        self,
        table: Table,
        options: StatementOptions,
        headers: Headers,
        *,
        needs: Collection[str],
        money: Collection[str] = (),
        days: Collection[str] = (),
        point: bool = False,
    ) -> None:
        self.headers = mapped(headers, options)
        self.options = options
        self.table = table
        self.typed = table.survey.kind in ("excel", "parquet")  # its numbers are numbers; only texts have a style
        self.index: dict[str, int] = {}
        self.currencies: dict[str, str] = {}  # field -> the currency in its header
        first = list(islice(self.table.rows, SAMPLE))
        self._find(needs)
        self._rows: Iterator[Row | RowProblem] = chain(first, self.table.rows)
        sample = [row for row in first if isinstance(row, Row)]
        self.numbers = self._styles(sample, money, point)
        self.orders = {field: self._order(field, sample) for field in days if field in self.index}

    def rows(self) -> Iterator[Cells | RowProblem]:
        for row in self._rows:
            yield Cells(self, row) if isinstance(row, Row) else row

    def has(self, field: str) -> bool:
        return field in self.index

    def header(self, field: str) -> str:
        place = self.index.get(field)
        return self.table.columns[place] if place is not None else self.headers.get(field, (field,))[0]

    def _find(self, needs: Collection[str]) -> None:
        split = [split_header(name) for name in self.table.columns]
        folded = [name for name, _ in split]
        for field, names in self.headers.items():
            for name, _ in map(split_header, names):
                if name not in folded:
                    continue
                if folded.count(name) > 1:
                    raise FileRefused(
                        f"column {self.table.columns[folded.index(name)]}: expected once, got it {folded.count(name)} "
                        "times; export it again with one of them"
                    )
                self.index[field] = folded.index(name)
                self.currencies[field] = split[self.index[field]][1]
                break
        missing = [self.header(field) for field in needs if field not in self.index]
        if missing:
            raise FileRefused(f"expected also the columns {', '.join(missing)}, got a table without them")

    def _texts(self, field: str, sample: Sequence[Row]) -> list[str]:
        place = self.index[field]
        cells = (unquoted(row.cells[place].strip()) for row in sample if place < len(row.cells))
        return [cell for cell in cells if cell and not is_masked(cell)]

    def _styles(self, sample: Sequence[Row], money: Collection[str], point: bool) -> dict[str, NumberStyle]:
        texts = {field: self._texts(field, sample) for field in money if field in self.index}
        if self.typed and not self.options.decimal:
            texts = {field: [t for t in cells if not _TYPED.fullmatch(t)] for field, cells in texts.items()}
            elsewhere = shown_sign(texts.values()) or ("" if any(texts.values()) else ".")
        else:
            elsewhere = shown_sign(texts.values())
        if not elsewhere and point and self.table.separator == ",":
            elsewhere = "."
        found = {}
        for field, cells in texts.items():
            style = number_style(cells, self.options.decimal, "." if point else "", elsewhere)
            if style is None:
                raise FileRefused(
                    f"column {self.header(field)}: expected amounts with one decimal sign, got some that can be read "
                    "two ways; set --decimal or `decimal` of the [[import]]"
                )
            found[field] = style
        return found

    def _order(self, field: str, sample: Sequence[Row]) -> str:
        order = date_order(self._texts(field, sample), self.options.dates)
        if order is None:
            raise FileRefused(
                f"column {self.header(field)}: expected days that can be read one way, got some like 05/04/2026; set "
                "--dates dmy or mdy, or `dates` of the [[import]]"
            )
        return order


class Cells:
    """One row, with typed access. All accessors raise `Misread`."""

    __slots__ = ("cells", "row", "sheet")

    def __init__(self, sheet: Sheet, row: Row) -> None:
        self.sheet = sheet
        self.row = row.number
        self.cells = row.cells

    def text(self, field: str) -> str:
        """A cell, trimmed; empty when the report has no such column."""
        place = self.sheet.index.get(field)
        if place is None or place >= len(self.cells):
            return ""
        return unquoted(self.cells[place].strip())

    def masked(self, field: str) -> bool:
        return is_masked(self.text(field))

    def name(self, field: str) -> str:
        """A name that the operator gave; a dash is none."""
        text = " ".join(self.text(field).split())
        return "" if is_masked(text) else text

    def id(self, field: str) -> str:
        text = self.text(field)
        if not text or is_masked(text) or names_nobody(text):
            return ""
        found = read_id(text)
        if found is None:
            rounded = "e" in text.lower() and any(c.isdigit() for c in text)
            raise self.misread(
                field,
                "an id as exact text",
                "a number that a spreadsheet has rounded; export it again and import the file as it is" if rounded
                else shape(text),
                "rounded_id" if rounded else "bad_id",
            )  # fmt: skip
        return found

    def money(self, field: str) -> Decimal | None:
        """An amount, exact; None for an empty or masked cell or a column that is not there."""
        text = self.text(field)
        if not text or is_masked(text):
            return None
        style = self.sheet.numbers.get(field) or NumberStyle(self.sheet.options.decimal or ".")
        if self.sheet.typed and _TYPED.fullmatch(text) and not (style.decimal == "," and _THREE.search(text)):
            style = NumberStyle(".")  # a number of the workbook itself, whatever its texts look like
        amount = style.read(text)
        if amount is None:
            raise self.misread(
                field, f"an amount with the decimal sign {style.decimal or '.'}", shape(text), "bad_amount"
            )
        return amount

    def count(self, field: str) -> int | None:
        """A whole number, however its thousands are parted; None for an empty or masked cell."""
        text = self.text(field)
        if not text or is_masked(text):
            return None
        if _GROUPED_WHOLE.fullmatch(text):
            text = re.sub(r"\D", "", text)
        text = re.sub(r"[.,]0+$", "", text)
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise self.misread(field, "a whole number", shape(self.text(field)), "bad_number")
        return int(text)

    def day(self, field: str) -> str:
        """YYYY-MM-DD; empty for an empty or masked cell."""
        text = self.text(field)
        if not text or is_masked(text):
            return ""
        day = read_day(text, self.sheet.orders.get(field, self.sheet.options.dates), self.sheet.typed)
        if day is None:
            raise self.misread(field, "a day, best as 2026-03-10", shape(text), "bad_date")
        return day

    def needed(self, field: str, value: str, expected: str, reason: str) -> str:
        if not value:
            raise self.misread(field, expected, "nothing", reason)
        return value

    def misread(self, field: str, expected: str, got: str, reason: str) -> Misread:
        return Misread(
            RowProblem(row=self.row, column=self.sheet.header(field), expected=expected, got=got, reason=reason)
        )


def currency_for(cells: Cells, money: str, column: str = "currency") -> str:
    """Of the row, else of the header, else as set. Never a default. A row that contradicts its header is refused."""
    options = cells.sheet.options
    in_header = cells.sheet.currencies.get(money, "")
    text = cells.text(column)
    code = ""
    if text and not is_masked(text):
        found = read_currency(text)
        if found is None:
            raise cells.misread(column, "three letters (ISO 4217)", shape(text), "bad_currency")
        code = found
    if code and in_header and code != in_header:
        raise cells.misread(
            column, f"{in_header}, as the header of {cells.sheet.header(money)} says", code, "bad_currency"
        )
    code = code or in_header or options.currency
    if not code:
        raise cells.misread(column, "a currency in the row or its header, or --currency", "nothing", "no_currency")
    return code


def refuse_other(what: str, expected: str, got: str) -> None:
    """Raises `FileRefused` when the operator set one account or currency and the file is of another."""
    if expected and got and expected != got:
        raise FileRefused(f"{what}: expected {expected}, as set, got a file of {got}")


def refuse_rounded(header: str, ids: Collection[str]) -> None:
    """Raises `FileRefused` when the long ids of a column all end in zeros: a spreadsheet keeps 15 digits of a number.

    One id may end so by chance; together they must be rarer than one in a thousand.
    """
    long = {one for one in ids if len(one) > 15 and one.isdigit()}
    ends = [found for one in long if (found := _ROUNDED_LONG.fullmatch(one))]
    if long and len(ends) == len(long) and sum(len(found[2]) for found in ends) >= 3:
        raise FileRefused(
            f"column {header}: expected exact ids, got {len(ends)} that a spreadsheet has rounded to 15 digits; export "
            "it again and import the file as it is"
        )
