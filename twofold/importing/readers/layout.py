"""A format's columns found in a file's header, and typed access to the cells of one order's rows.

Owns recognition by headers, what a column's numbers and dates look like, and the sentence said when a cell does not
fit. What the fields mean together is each format's own file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.errors import FileRefused
from twofold.event.model import RawEvent
from twofold.event.scalars import NO_CURRENCY, names_nobody
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Row, Survey, duplicated
from twofold.importing.readers.values import (
    DateStyle,
    NumberStyle,
    currency_of,
    date_order,
    number_style,
    read_currency,
    read_id,
    read_label,
    shape,
    shown_sign,
    unquoted,
)
from twofold.ledger.model import OrderReport
from twofold.ledger.money import to_minor
from twofold.sources.contract import Buyer
from twofold.touch.model import Touch

MONEY = frozenset({
    "total", "subtotal", "tax", "shipping", "shipping_tax", "tip", "duties", "gift_cards", "discount", "refunded",
    "line_price", "line_discount", "line_total",
})  # fmt: skip
TIMES = frozenset({
    "placed_at", "updated_at", "paid_at", "cancelled_at", "delivered_at", "refunded_at", "returned_at", "event_time",
})  # fmt: skip
# Fields whose cells hold words of the shop system: shown in the report, so that the operator can map them.
WORDS = frozenset({"status", "payment_status", "method", "gateway", "currency", "channel", "sale", "event_name", "test",
                   "tax_included"})  # fmt: skip
_TRUE, _FALSE = frozenset({"true", "yes", "y", "1", "t"}), frozenset({"false", "no", "n", "0", "f", ""})
_WORD = re.compile(r"[^\W\d][^\W\d _/-]{0,29}|[^\W\d][\w /-]{0,29}")
_SHOWN_HEADER = re.compile(r"[A-Za-z][A-Za-z _\-/().#]{0,39}[0-9]{0,2}")


class ReadOptions(Struct, frozen=True, kw_only=True):
    """What the operator set for one file, and what the platform's rules are at this moment."""

    zone: tzinfo
    zone_given: bool = False
    home: tzinfo = UTC  # the shop's, in which its days begin
    currency: str = ""
    decimal: str = ""  # "." or ","; empty: found from each column
    dates: str = ""  # "dmy" or "mdy"; empty: found from each column
    words: Mapping[str, Mapping[str, str]] = {}  # field -> their word, folded -> ours
    channel: str = ""  # of sales whose file has no column for it
    shop: str = ""  # configured name of the shop the file comes from
    young_after: int = 0  # Unix s: an order placed before is too old to be sent
    young_store_after: int = 0  # the same for sales in a store
    action_sources: Mapping[Any, str] = {}  # Sale -> Meta's action_source
    route: Callable[..., Any] | None = None  # how a chat event is told: `sources.messaging.route`


class Found(Struct, frozen=True, kw_only=True):
    """What one order's rows say. ``rows``: how many they were. A sale that is no Purchase is in ``events`` alone."""

    row: int
    rows: int
    order: OrderReport | None = None
    copy: RawEvent | None = None
    buyer: Buyer | None = None
    said: tuple[Touch, ...] = ()
    events: tuple[RawEvent, ...] = ()
    currency: str = ""
    total: Decimal = Decimal()
    young: bool = False
    warnings: tuple[RowProblem, ...] = ()


class Skipped(Struct, frozen=True, kw_only=True):
    """Rows that are understood and stand for no order: an open deal, a draft of a checkout."""

    rows: int
    reason: str


class Format(Struct, frozen=True, kw_only=True):
    """One kind of export. ``needs``: fields whose columns must all be there for it to be recognised by itself."""

    name: str
    title: str  # for people
    sender: str
    columns: Mapping[str, tuple[str, ...]]  # our field -> headers, the better ones first
    needs: tuple[str, ...]
    build: Callable[[Group], Found | Skipped]
    key: str = "order_id"  # rows with the same are one order, when they stand together
    continues: bool = False  # a row without the key goes on with the order above
    usual_decimal: str = "."
    words: Mapping[str, Mapping[str, str]] = {}


class Misread(Exception):
    """Raised inside a format only: the rows of this order cannot be understood. Carries the problem."""

    def __init__(self, problem: RowProblem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


class Layout:
    """Where a format's fields stand in one file, and how its columns are written."""

    def __init__(self, form: Format, columns: Sequence[str], options: ReadOptions, survey: Survey) -> None:
        self.form = form
        self.columns = columns
        self.options = options
        self.survey = survey
        self._serial = survey.kind == "excel"
        self.index: dict[str, int] = {}
        self.numbers: dict[int, NumberStyle] = {}
        self.dates: dict[int, DateStyle] = {}
        self.words = {**form.words, **options.words}
        self.resolve()

    def resolve(self) -> None:
        """Finds each field's column. Raises `FileRefused` when one that is used stands there twice."""
        folded = [fold_header(name) for name in self.columns]
        twice = {fold_header(name) for name in duplicated(list(self.columns))}
        self.width = len(self.columns)
        for field, headers in self.form.columns.items():
            for header in headers:
                wanted = fold_header(header)
                if wanted in folded:
                    if wanted in twice:
                        raise FileRefused(f"column {header}: expected once, got twice; which one holds the {field}?")
                    self.index[field] = folded.index(wanted)
                    break

    def learn(self, sample: Sequence[Row]) -> None:
        """Finds how the columns write numbers and days. Raises `FileRefused` when a column contradicts itself."""
        cells = {field: self._cells(self.index[field], sample) for field in self.index.keys() & (MONEY | TIMES)}
        sign = shown_sign(cells[field] for field in cells.keys() & MONEY)
        for field, texts in cells.items():
            place = self.index[field]
            if field in MONEY:
                self.numbers[place] = self._number_style(place, texts, sign)
            else:
                self.dates[place] = self._date_style(self._date_order(place, texts))

    def _cells(self, place: int, sample: Sequence[Row]) -> list[str]:
        return [unquoted(cell.strip()) for row in sample if place < len(row.cells) and (cell := row.cells[place])]

    def style_of(self, place: int) -> NumberStyle:
        """For a column that came later than the sample: as the operator says, else each cell must show its sign."""
        return self.numbers.get(place) or NumberStyle(self.options.decimal)

    def dates_of(self, place: int) -> DateStyle:
        return self.dates.get(place) or self._date_style(self.options.dates)

    def _date_style(self, order: str) -> DateStyle:
        return DateStyle(self.options.zone, order, self._serial, self.options.home)

    def has(self, *fields: str) -> bool:
        return all(field in self.index for field in fields)

    def header(self, field: str) -> str:
        place = self.index.get(field)
        return self.columns[place] if place is not None else self.form.columns.get(field, (field,))[0]

    def _number_style(self, place: int, cells: list[str], elsewhere: str) -> NumberStyle:
        if self.survey.kind in ("excel", "parquet") and not self.options.decimal:
            # Numbers were typed in the file; only texts have a style of their own.
            cells = [cell for cell in cells if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell)]
            if not cells:
                return NumberStyle(".")
        style = number_style(cells, self.options.decimal, self.form.usual_decimal, elsewhere)
        if style is None:
            raise FileRefused(
                f"column {self.columns[place]}: expected amounts with one decimal sign, got some that can be read two "
                "ways; set --decimal or `decimal` of the [[import]]"
            )
        return style

    def _date_order(self, place: int, cells: list[str]) -> str:
        order = date_order(cells, self.options.dates)
        if order is None:
            raise FileRefused(
                f"column {self.columns[place]}: expected days that can be read one way, got some like 05/04/2026; set "
                "--dates dmy or mdy, or `dates` of the [[import]]"
            )
        return order


class Group:
    """The rows of one order, with typed access. All accessors raise `Misread`; the first row holds the order."""

    __slots__ = ("cells", "layout", "options", "rows", "warnings")

    def __init__(self, layout: Layout, rows: list[Row]) -> None:
        self.layout = layout
        self.options = layout.options
        self.rows = rows
        self.cells = rows[0].cells
        self.warnings: list[RowProblem] = []

    @property
    def row(self) -> int:
        return self.rows[0].number

    def text(self, field: str, row: Row | None = None) -> str:
        """A cell, trimmed; empty when the file has no such column."""
        place = self.layout.index.get(field)
        cells = row.cells if row else self.cells
        if place is None or place >= len(cells):
            return ""
        text = cells[place].strip()
        return unquoted(text) if text[:1] == "'" else text

    def word(self, field: str) -> str:
        """A cell as our word for theirs; the folded cell itself when nothing maps it."""
        folded = fold_word(self.text(field))
        return self.layout.words.get(field, {}).get(folded, folded)

    def id(self, field: str, row: Row | None = None) -> str:
        text = self.text(field, row)
        if not text or names_nobody(text):
            return ""
        found = read_id(text)
        if found is None:
            rounded = "e" in text.lower() and any(c.isdigit() for c in text)
            raise self.misread(
                field,
                "an id as exact text" if rounded else "an id: printable text without an e-mail address",
                "a number that a spreadsheet has rounded; export it again and import the file as it is" if rounded
                else shape(text),
                "rounded_id" if rounded else "bad_id",
                row,
            )  # fmt: skip
        return found

    def money(self, field: str, row: Row | None = None) -> Decimal | None:
        """An amount, exact; None for an empty cell or a column that is not there."""
        text = self.text(field, row)
        if not text:
            return None
        style = self.layout.style_of(self.layout.index[field])
        amount = style.read(text)
        if amount is None:
            sign = style.decimal or "."
            raise self.misread(field, f"an amount with the decimal sign {sign}", shape(text), "bad_amount", row)
        return amount

    def positive(self, field: str, row: Row | None = None) -> Decimal | None:
        amount = self.money(field, row)
        if amount is not None and amount < 0:
            raise self.misread(field, "an amount of zero or more", "a negative one", "negative_amount", row)
        return amount

    def time(self, field: str) -> int | None:
        """Unix seconds; None for an empty cell."""
        text = self.text(field)
        if not text:
            return None
        moment = self.layout.dates_of(self.layout.index[field]).read(text)
        if moment is None:
            raise self.misread(field, "a date, best as 2026-05-14T11:23:45+01:00", shape(text), "bad_date")
        return moment

    def flag(self, field: str) -> bool | None:
        word = self.word(field)
        return True if word in _TRUE else False if word in _FALSE and self.text(field) else None

    def count(self, field: str, row: Row | None = None) -> int | None:
        text = self.text(field, row)
        if not text:
            return None
        number = NumberStyle(".").read(text)
        if number is None or number < 0 or number != number.to_integral_value() or number > 10**9:
            raise self.misread(field, "a whole number", shape(text), "bad_number", row)
        return int(number)

    def label(self, field: str) -> str:
        return read_label(self.text(field))

    def currency(self, *amounts: str) -> str:
        """Of the column, else as an amount is written, else as set. Never a default."""
        text = self.text("currency")
        if text:
            found = read_currency(text)
            if found is None:
                self.warn("currency", "three letters (ISO 4217)", self.shown("currency", text), "bad_currency")
            return found or NO_CURRENCY
        for field in amounts:
            written = currency_of(self.text(field))
            if written:
                return written
        if not self.options.currency:
            raise self.misread("currency", "a currency in the row, or --currency", "nothing", "no_currency")
        return self.options.currency

    def needed(self, field: str, value: Any, expected: str, reason: str) -> Any:
        if value is None or value == "":
            raise self.misread(field, expected, "nothing", reason)
        return value

    def exact(self, amount: Decimal, currency: str, field: str) -> Decimal:
        """The amount; a warning when it has more digits than the currency."""
        if to_minor(amount, currency) != amount:
            self.warn(field, f"an amount with the digits of {currency}", "more of them; kept as written", "fraction")
        return amount

    def misread(self, field: str, expected: str, got: str, reason: str, row: Row | None = None) -> Misread:
        return Misread(
            RowProblem(
                row=(row or self.rows[0]).number,
                column=self.layout.header(field),
                expected=expected,
                got=got,
                reason=reason,
            )
        )

    def warn(self, field: str, expected: str, got: str, reason: str) -> None:
        self.warnings.append(
            RowProblem(
                kind="warning",
                row=self.row,
                column=self.layout.header(field),
                expected=expected,
                got=got,
                reason=reason,
            )
        )

    def shown(self, field: str, text: str) -> str:
        """A cell for the report: its word where the column holds words, else its shape."""
        return text if field in WORDS and _WORD.fullmatch(text) else shape(text)


def fold_header(name: str) -> str:
    """A header without case, spaces and signs, so that `Deal - ID`, `deal_id` and `Deal ID` are one."""
    return re.sub(r"[\W_]+", "", name.casefold().replace("#", "number"))


def fold_word(text: str) -> str:
    """A status without case and with single spaces; `wc-completed` and `partially_paid` as they are said."""
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())


def recognise(columns: Sequence[str], forms: Iterable[Format]) -> Format | None:
    """The format whose needed columns are all there; of several, the one that knows most of the columns."""
    folded = {fold_header(name) for name in columns}

    def knows(form: Format, field: str) -> bool:
        return any(fold_header(header) in folded for header in form.columns[field])

    fitting = [form for form in forms if all(knows(form, field) for field in form.needs)]
    return max(fitting, key=lambda form: sum(knows(form, field) for field in form.columns), default=None)


def shown_columns(columns: Sequence[str]) -> str:
    """Headers for a message: a file without a header has contact data in its first line."""
    shown = [name for name in columns[:60] if _SHOWN_HEADER.fullmatch(name)]
    hidden = len(columns) - len(shown)
    return ", ".join(shown[:12]) + (
        f" and {hidden + max(0, len(shown) - 12)} more" if hidden or len(shown) > 12 else ""
    )
