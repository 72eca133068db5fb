"""SWIFT statements: MT940, and MT942 of the running day.

Owns the cutting into fields, pages (``:60M:``, ``:62M:``) as one statement, days, and what a line's text says. The fields
themselves are read by the library mt-940, one at a time: a line that it cannot read costs itself, and nothing of it
reaches a log, as its own messages hold the bank's text.

Lines have no id here: a bank reference after ``//`` is often a counter, so the fingerprint stands for the line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import mt940
from msgspec import Struct

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.banks.accounts import iban_in, lenient_day, split_account
from twofold.importing.statements.banks.book import (
    BOOKED,
    PENDING,
    Book,
    Booking,
    Joins,
    account_warning,
    joined,
    one_currency,
    references,
)
from twofold.importing.statements.contract import Item, StatementOptions
from twofold.ledger.lines import Counterpart

_FIELD = re.compile(r"^(?:\{4:)?:(\d{2}[A-Z]?|NS):(.*)$", re.S)
_SIGNS = re.compile(rb"(?:^|[\r\n{4:])\s*:(20|25|28C?|60[FM]|61|62[FM]|34F|13D?|90[CD]):")
_BALANCE = re.compile(r"([CD])(\d{2})(\d{2})(\d{2})([A-Z]{3})([0-9]{1,15}(?:,[0-9]{0,15})?)\s*")
_SLASHED = re.compile(r"/([A-Z]{3,4})/")  # /EREF/…/REMI/… as Dutch banks write it
_STATEMENT = mt940.tags.StatementGLS()  # references of any length, as some German and Dutch banks write them
_OPTIONS = mt940.options.Options.all()
_DETAILS = mt940.tags.TransactionDetails()
MAX_FIELD = 16_384  # characters of one field
MAX_LINE = 65_536
WIDTH = 65  # characters of a line, by the rule


class Swift:
    """The format."""

    name = "mt940"
    kind = "bank"
    title = "SWIFT statement (MT940, MT942)"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path
        if survey.kind not in ("csv", "json"):  # a SWIFT envelope begins with a brace, as JSON does
            return 0
        tags = {found[1][:2] for found in _SIGNS.finditer(sample.replace(b"\0", b""))}
        return len(tags) if {b"25", b"28"} & tags and {b"60", b"61", b"62", b"34"} & tags else 0

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> SwiftFile:
        return SwiftFile(path, survey, options)


class Field(NamedTuple):
    row: int
    tag: str
    text: str


class SwiftFile:
    """One open file."""

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.format, self.title = Swift.name, Swift.title
        self.notes: list[str] = list(survey.notes)
        self.bytes_read = 0
        self._path, self._survey, self._options = path, survey, options

    def items(self) -> Iterator[Item]:
        """Lines as they come; a statement when its pages are there, in whatever order they stand in the file."""
        open_pages: dict[tuple[str, ...], _Pages] = {}
        joins, row = Joins(), 0
        fields = _Fields(self._fields())
        while (head := fields.next_head()) is not None:
            statement = _Statement(self._path, self._options, open_pages, head)
            yield from statement.items(fields.rest())
            row = statement.row
            if statement.pages.is_whole:
                open_pages.pop(statement.key, None)
                yield from statement.pages.close(row)
                yield from joins.check(statement.pages.book, row)
        if not row:
            raise FileRefused(f"{self._path.name}: expected a SWIFT statement that begins with :20:, got none")
        for pages in open_pages.values():  # others of them are in another file
            yield from pages.close(row)

    def _fields(self) -> Iterator[Field]:
        """Fields with their further lines. A line that is ``-`` or closes a block ends a field."""
        tag, begin, lines, size = "", 0, list[str](), 0
        with self._path.open("r", encoding=self._survey.encoding, errors="replace", newline=None) as file:
            buffer: Any = file.buffer
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                if not number & 1023:
                    self.bytes_read = buffer.tell()
                bare = line.strip("\ufeff\x01\x03\r\n")
                found = _FIELD.match(bare[bare.rfind("{4:") :] if "{4:" in bare else bare)
                if found or bare.strip() == "-" or bare.startswith("-}"):
                    if tag:
                        yield Field(begin, tag, "\n".join(lines))
                    tag, begin, lines, size = (found[1], number, [_unpadded(found[2])], 0) if found else ("", 0, [], 0)
                elif tag and size < MAX_FIELD:
                    lines.append(_unpadded(bare))
                    size += len(bare)
        if tag:
            yield Field(begin, tag, "\n".join(lines))


class _Fields:
    """The fields of a file, message by message. Of a statement only its head is held, and one line at a time."""

    def __init__(self, fields: Iterator[Field]) -> None:
        self._fields = fields
        self._again: Field | None = None

    def next_head(self) -> list[Field] | None:
        """What stands from the next ``:20:`` up to the first line or closing balance; None at the file's end."""
        head: list[Field] = []
        while (field := self._next()) is not None:
            if (head and field.tag == "20") or field.tag[:2] in ("61", "62"):
                if head:
                    self._again = field
                    break
            elif head or field.tag == "20":
                head.append(field)
        return head or None

    def rest(self) -> Iterator[Field]:
        """The message's other fields."""
        while (field := self._next()) is not None:
            if field.tag == "20":
                self._again = field
                return
            yield field

    def _next(self) -> Field | None:
        field, self._again = self._again, None
        return field if field is not None else next(self._fields, None)


def _unpadded(line: str) -> str:
    """A line with a blank that ends its 65 characters, which parts two words; without what fills a longer record up."""
    return line[:WIDTH] if not line[WIDTH:].strip() else line.rstrip()


class _Line(Struct):
    """A ``:61:`` and what follows it."""

    field: Field
    details: list[str]


class _Pages:
    """A statement while its pages come. ``seams``: how often each balance closed a page and opened another."""

    def __init__(self, book: Book, page: str) -> None:
        self.book = book
        self.page = page
        self.begins = self.ends = False
        self.seams: Counter[Decimal] = Counter()
        self._loose: list[tuple[Decimal, bool]] = []  # (balance, it opened a page)

    @property
    def is_whole(self) -> bool:
        return self.begins and self.ends and not any(self.seams.values())

    def open_page(self, balance: Decimal, first: bool) -> None:
        """A page's opening balance; ``first``: it is the statement's own."""
        if first:
            self.book.opening, self.begins = balance, True
        else:
            self.seams[balance] -= 1
            self._loose.append((balance, True))

    def end_page(self, balance: Decimal, last: bool) -> None:
        if last:
            self.book.closing, self.ends = balance, True
        else:
            self.seams[balance] += 1
            self._loose.append((balance, False))

    def close(self, row: int) -> Iterator[Item]:
        """The statement as far as its pages are here: it begins and ends at the seams that nothing joins."""
        book = self.book
        if any(self.seams.values()):
            opened = [b for b, opens in self._loose if opens and self.seams[b] < 0]
            closed = [b for b, opens in self._loose if not opens and self.seams[b] > 0]
            if (opened or self.begins) and (closed or self.ends) and len(opened) + self.begins > 1:
                yield RowProblem(kind="warning", row=row, column="60M", expected="pages that join",
                                 got=f"one that opens with {opened[-1]:f}", reason="pages_do_not_join")  # fmt: skip
            book.opening = book.opening if self.begins else opened[0] if opened else None
            book.closing = book.closing if self.ends else closed[-1] if closed else None
        if not self.begins and self.page:
            book.id = f"{book.id}/{self.page}" if book.id else ""
        yield from book.close(row)


class _Statement:
    """One message: a statement, or a page of one."""

    def __init__(
        self, path: Path, options: StatementOptions, open_pages: dict[tuple[str, ...], _Pages], head: list[Field]
    ) -> None:
        self._path = path
        self._first_row = self.row = head[0].row
        self._found = found = {field.tag: field for field in reversed(head)}
        number, _, page = _text(found, "28C" if "28C" in found else "28").partition("/")
        number, page = number.strip().lstrip("0"), page.strip().lstrip("0")
        self.interim = (
            "60F" not in found and "60M" not in found and bool(found.keys() & {"34F", "90C", "90D", "13D", "13"})
        )
        account, appended = _account_of(_text(found, "25") or _text(found, "25P") or options.account)
        self._opening = opening = self._balance("60F", "60M")
        currency = (opening[2] if opening else "") or appended or one_currency(_text(found, "34F")[:3])
        currency = currency or one_currency(options.currency)
        if not currency:
            raise FileRefused(
                f"{path.name}: line {head[0].row}: expected a balance (:60F:) with its currency, got none"
            )
        self._problems: list[Item] = []
        self.key = (account, currency, number)
        self.pages = self._pages(open_pages, options, page)
        self.book = self.pages.book
        if opening is not None:
            self.pages.open_page(opening[1], "60F" in found)

    def _pages(self, open_pages: dict[tuple[str, ...], _Pages], options: StatementOptions, page: str) -> _Pages:
        """The statement that this page belongs to, or a new one."""
        account, currency, number = self.key
        before = None if self.interim else open_pages.get(self.key)
        if before is not None and not ("60F" in self._found and before.begins):
            return before
        if before is not None:  # a statement of the same number began already
            self._problems += list(before.close(self._first_row))
        pages = _Pages(Book(account, currency, options), page)
        pages.book.id = number
        pages.book.covers_last = not self.interim
        if self.interim:
            pages.begins = pages.ends = True
        else:
            open_pages[self.key] = pages
        self._problems += list(account_warning(account, self._first_row))
        if not account:
            self._warn("25", "an account", "nothing", "no_account")
        return pages

    def items(self, rest: Iterator[Field]) -> Iterator[Item]:
        """The lines, then what the closing balance says."""
        yield from self._spoken()
        for line in self._lines(rest):
            try:
                yield self.book.line(self._booking(line))
            except _Misread as err:
                yield RowProblem(row=line.field.row, column=":61:", expected=err.expected, got=err.got,
                                 reason="unreadable_entry")  # fmt: skip
            yield from self._spoken()
        closing = self._balance("62F", "62M")
        if closing is not None and closing[2] != self.key[1]:
            raise FileRefused(f"{self._path.name}: line {self.row}: expected the closing balance (:62F:) in the statement's own "
                              f"currency {self.key[1]}, got {closing[2]}")  # fmt: skip
        if closing is not None:
            self.pages.end_page(closing[1], "62F" in self._found)
            self.book.until = max(self.book.until or closing[0], closing[0])
        elif self._opening is not None:
            raise FileRefused(f"{self._path.name}: line {self.row}: expected the statement's closing balance (:62F:), got the end; "
                              "is the file cut off? Fetch it again")  # fmt: skip

    def _spoken(self) -> Iterator[Item]:
        yield from self._problems
        self._problems = []

    def _lines(self, rest: Iterator[Field]) -> Iterator[_Line]:
        line: _Line | None = None
        for field in rest:
            self.row = field.row
            if field.tag == "61":
                if line is not None:
                    yield line
                line = _Line(field, [])
            elif line is not None and field.tag in ("86", "NS"):
                line.details.append(field.text)
            elif field.tag[:2] in ("62", "64", "65", "90"):  # a :86: after these is the statement's
                self._found.setdefault(field.tag, field)
                if line is not None:
                    yield line
                line = None
        if line is not None:
            yield line

    def _booking(self, line: _Line) -> Booking:
        found = _STATEMENT.re.match("\n".join(part.rstrip() for part in line.field.text.split("\n")))
        parts = dict(found.groupdict()) if found else {}
        amount = str(parts.get("amount") or "")
        if not found or amount.count(",") > 1 or not amount.strip(",") or not self._ends_well(parts):
            raise _Misread(
                "day, sign and amount as SWIFT writes them (2603100310C120,00…)", shape(line.field.text[:30])
            )
        value = self._day(parts, line.field)
        day = self._booking_day(parts, value, line.field)
        # RC takes a credit back, RD a debit: the other way round. A third letter is the currency's.
        sign = {"C": 1, "RD": 1, "D": -1, "RC": -1}.get(str(parts["status"]).upper())
        if sign is None:
            raise _Misread("C, D, RC or RD", str(parts["status"]))
        told = _details("\n".join(line.details))
        customer, bank = (str(parts.get(n) or "").strip() for n in ("customer_reference", "bank_reference"))
        own_words = str(parts.get("extra_details") or "").strip()
        account = split_account(told.account)[0]
        counterpart = Counterpart(name=told.name, account=account) if told.name or account else None
        return Booking(
            row=line.field.row,
            amount=sign * Decimal(amount.replace(",", ".")),
            day=day,
            value_day=value,
            status=PENDING if self.interim else BOOKED,
            references=references(
                ("bank_reference", customer), ("booking", bank),
                ("bank_reference", told.end_to_end), ("creditor", told.creditor),
            ),
            counterpart=counterpart,
            text=joined(told.text, own_words, "" if customer.upper() == "NONREF" else customer),
        )  # fmt: skip

    @staticmethod
    def _ends_well(parts: dict[str, Any]) -> bool:
        """The pattern would take ``100.50`` for 100: after the amount a letter stands, or nothing."""
        rest = str(parts.get("id") or parts.get("customer_reference") or "")
        return not rest or rest[0].isalpha() or rest[0] == " "

    def _day(self, parts: dict[str, Any], field: Field) -> date:
        found = lenient_day(2000 + int(parts["year"]), int(parts["month"]), int(parts["day"]))
        if found is None:
            raise _Misread("a day as YYMMDD", shape(field.text[:6]))
        if found[1]:
            self._warn(":61:", "a day that exists", f"{parts['day']}.{parts['month']}.", "no_such_day", field.row)
        return found[0]

    def _booking_day(self, parts: dict[str, Any], value: date, field: Field) -> date:
        """The day that stands there without a year is the one nearest to the value date."""
        month, day = str(parts.get("entry_month") or "").strip(), str(parts.get("entry_day") or "").strip()
        if not (month and day):
            return value
        near = [lenient_day(year, int(month), int(day)) for year in (value.year - 1, value.year, value.year + 1)]
        found = [one for one in near if one is not None]
        if not found:
            raise _Misread("a booking day as MMDD", shape(f"{month}{day}"))
        best, moved = min(found, key=lambda one: (abs((one[0] - value).days), one[0]))
        if moved:
            self._warn(":61:", "a booking day that exists", f"{day}.{month}.", "no_such_day", field.row)
        return best

    def _balance(self, *tags: str) -> tuple[date, Decimal, str] | None:
        for tag in tags:
            field = self._found.get(tag)
            if field is None:
                continue
            found = _BALANCE.match(field.text.split("\n")[0])
            day = lenient_day(2000 + int(found[2]), int(found[3]), int(found[4])) if found else None
            currency = one_currency(found[5]) if found else ""
            if found is None or day is None or not currency:
                raise FileRefused(f"{self._path.name}: line {field.row}: expected a balance as :{tag}:C260310GEL120,00, "
                                  f"got {shape(field.text[:30])}")  # fmt: skip
            amount = Decimal(found[6].replace(",", "."))
            return day[0], -amount if found[1] == "D" else amount, currency
        return None

    def _warn(self, column: str, expected: str, got: str, reason: str, row: int = 0) -> None:
        problem = RowProblem(kind="warning", row=row or self._first_row, column=column, expected=expected, got=got,
                             reason=reason)  # fmt: skip
        self._problems.append(problem)


class _Misread(Exception):
    def __init__(self, expected: str, got: str) -> None:
        super().__init__(expected)
        self.expected, self.got = expected, got


# -- what a :86: says


class _Details(Struct, frozen=True):
    text: str = ""
    name: str = ""
    account: str = ""
    end_to_end: str = ""
    creditor: str = ""


def _details(text: str) -> _Details:
    """The structured text of German, Austrian and Polish banks (``?20``), that of Dutch ones (``/EREF/``), or free text."""
    if not text.strip():
        return _Details()
    parts = _sub_fields(text)
    if parts is not None:
        return parts
    joined_text = "".join(text.split("\n"))
    slashed = _SLASHED.split("/" + joined_text.lstrip("/"))
    if len(slashed) > 3 and slashed[0] == "":
        found: dict[str, str] = {}
        for key, value in zip(slashed[1::2], slashed[2::2], strict=False):
            found.setdefault(key, value.strip("/ "))
        said = found.get("REMI", "")
        creditor = re.search(r"(?:STRD/CUR/|ISO/)([A-Z0-9]+)", said)
        party = found.get("NAME", "") or [*found.get("CNTP", "").split("/"), "", "", ""][2]
        account = found.get("IBAN", "") or found.get("CNTP", "").split("/")[0]
        return _Details(joined(said.removeprefix("USTD//"), found.get("TRTP"), found.get("TRCD")), party, account,
                        found.get("EREF", "") or found.get("E2E", ""), creditor[1] if creditor else "")  # fmt: skip
    return _Details(text=" ".join(text.split()))


def _sub_fields(text: str) -> _Details | None:
    # The separator is ? by the rule, others in some countries' banks (~, ^ and < in Poland).
    flat = "".join(text.split("\n"))
    sign = re.match(r"\d{3}([?~<^])\d{2}", flat) or re.match(r"([~?<^])\d{2}", flat)
    if sign is None:
        return None
    flat = flat.replace(sign[1], "?")
    flat = flat if flat[:3].isdigit() else f"000{flat}"
    collection = mt940.models.Transactions(options=_OPTIONS)
    raw = {"transaction_details": flat}
    result = mt940.processors.transaction_details_post_processor(collection, _DETAILS, raw, dict(raw))
    if "transaction_details" in result and "purpose" not in result:
        return None

    other = re.search(r"\?38([A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})", flat)  # where Polish banks have the other side's IBAN

    def of(*names: str) -> str:
        return next((str(result[n]).strip() for n in names if result.get(n)), "")

    return _Details(
        text=joined(of("purpose"), of("posting_text"), of("additional_purpose")),
        name=of("applicant_name", "deviate_applicant"),
        account=of("gvc_applicant_iban", "applicant_iban") or (other[1] if other else ""),
        end_to_end=of("end_to_end_reference"),
        creditor=of("customer_reference") if of("customer_reference").startswith("RF") else "",
    )


def _text(found: dict[str, Field], tag: str) -> str:
    return found[tag].text.strip() if tag in found else ""


def _account_of(text: str) -> tuple[str, str]:
    """``:25:`` holds an IBAN, a bank code and a number, or a number; some append the currency."""
    first = text.split("\n")[0].strip()
    iban = iban_in(first)
    if iban:
        return iban, one_currency(first[-3:]) if first.replace(" ", "").upper() != iban else ""
    number, currency = split_account(first)
    found = re.fullmatch(r"([0-9A-Z/.-]*[0-9])([A-Z]{3})", number)
    if found and not currency and one_currency(found[2]):
        return found[1], found[2]
    return number, currency
