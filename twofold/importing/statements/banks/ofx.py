"""OFX and QFX statements: version 1, which is SGML without end tags, and version 2, which is XML.

Owns the cutting into tags, which is one for both: an element that has a value needs no end tag. Entities of the file's
own are never expanded, as none is ever declared to this reader. One transaction is held at a time.

FITID stands for a line within its account, unless it is a counter; then the fingerprint does.
"""

from __future__ import annotations

import codecs
import html
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.banks.accounts import split_account
from twofold.importing.statements.banks.book import (
    PENDING,
    Book,
    Booking,
    account_warning,
    joined,
    one_currency,
    references,
    usable_id,
)
from twofold.importing.statements.contract import Item, StatementOptions
from twofold.ledger.lines import Counterpart

_TAG = re.compile(r"<(/?)([A-Za-z0-9._]+)\s*(/?)>([^<]*)")
_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{2,6}(?:\.\d+)?)?\s*(?:\[[^\]]*\])?")
_DIGITS = re.compile(r"[+-]?\s*(?:[0-9]{1,18}(?:[.,][0-9]{0,15})?|[.,][0-9]{1,15})")
_LISTS = {"BANKTRANLIST": "", "BANKTRANLISTP": PENDING}
_TRANSACTIONS = frozenset({"STMTTRN", "STMTTRNP"})
_STATEMENTS = frozenset({"STMTRS", "CCSTMTRS"})
_INSIDE = frozenset({"PAYEE", "BANKACCTTO", "CCACCTTO", "CURRENCY", "ORIGCURRENCY", "IMAGEDATA"})
_HEADER = re.compile(r"^\s*(ENCODING|CHARSET)\s*:\s*(\S+)", re.M | re.I)
_CHARSETS = {"1252": "cp1252", "8859-1": "iso8859-1", "ISO-8859-1": "iso8859-1", "UTF-8": "utf-8", "1251": "cp1251"}
_FITID = re.compile(rb"<FITID>\s*([^<\s]+)", re.I)
_CHUNK = 1 << 16
MAX_VALUE = 8_192


class Ofx:
    """The format."""

    name = "ofx"
    kind = "bank"
    title = "OFX statement"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path
        if survey.kind not in ("csv", "xml"):
            return 0
        text = sample.replace(b"\0", b"").upper()
        return 4 * (b"<OFX>" in text or b"OFXHEADER" in text) + (b"<STMTTRN>" in text)

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> OfxFile:
        return OfxFile(path, survey, options)


class OfxFile:
    """One open file."""

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.format, self.title = Ofx.name, Ofx.title
        self.notes: list[str] = []
        self.bytes_read = 0
        self._path, self._options = path, options
        self._encoding = _encoding_of(path, survey, options)
        self._names: Counter[tuple[str, ...]] = Counter()
        self._counted = _is_counted(path)
        self._row = 0

    def items(self) -> Iterator[Item]:
        book: Book | None = None
        head: dict[str, str] = {}  # of the statement, until its first transaction
        where: list[str] = []  # aggregates around, outermost first
        values: dict[str, str] | None = None  # of the transaction that is open
        begin, pending, found, whole = 0, "", False, False
        for row, closes, tag, value in self._tags():
            self._row = row
            if closes:
                whole = whole or tag == "OFX"
                if tag in where:
                    del where[where.index(tag) :]
                if (tag in _TRANSACTIONS or tag in _LISTS) and values is not None and book is not None:
                    yield from self._transaction(book, begin, values, pending)
                    values = None
                elif tag in _STATEMENTS and found:
                    book = book or (yield from self._begin(head))
                    self._balance(book, head)
                    yield from book.close(row)
                    book = None
            elif value and tag not in _INSIDE:
                if values is not None:
                    inside = next((w for w in reversed(where) if w in _INSIDE), "")
                    values.setdefault(f"{inside}.{tag}" if inside else tag, value)
                else:
                    inside = where[-1] if where else ""
                    head.setdefault(f"{inside}.{tag}" if inside in ("LEDGERBAL", "AVAILBAL") else tag, value)
            else:
                where.append(tag)
                if tag in _STATEMENTS:
                    head, found = {}, True
                elif tag in _LISTS:
                    pending = _LISTS[tag]
                elif tag in _TRANSACTIONS:
                    pending = PENDING if tag == "STMTTRNP" else pending
                    book = book or (yield from self._begin(head))
                    if values is not None:  # the one before was never closed, as some writers of SGML leave it
                        yield from self._transaction(book, begin, values, pending)
                    values, begin = {}, row
        if not found:
            raise FileRefused(f"{self._path.name}: expected an OFX statement (STMTRS), got a file without one")
        if not whole:
            raise FileRefused(f"{self._path.name}: expected </OFX> at its end, got line {self._row}; is it cut off? Fetch it "
                              "again")  # fmt: skip

    def _tags(self) -> Iterator[tuple[int, bool, str, str]]:
        """(line, is it an end tag, name in capitals, value) in the file's order."""
        rest, line = "", 1
        with self._path.open("rb") as raw:
            reader: Any = codecs.getreader(self._encoding)(raw, "replace")
            while True:
                chunk: str = reader.read(_CHUNK)
                self.bytes_read = raw.tell()
                text = rest + chunk
                cut = text.rfind("<") if chunk else len(text)  # a value may go on in the next chunk
                place = 0
                for found in _TAG.finditer(text, 0, max(cut, 0)):
                    line += text.count("\n", place, found.start())
                    place = found.start()
                    closes, name, alone, value = found.groups()
                    value = " ".join(html.unescape(value).split())[:MAX_VALUE] if not closes else ""
                    yield line, bool(closes or alone), name.upper(), value
                end = max(cut, 0)
                line += text.count("\n", place, end)
                rest = text[end:]
                if not chunk:
                    return
                if len(rest) > MAX_VALUE * 8:
                    raise FileRefused(
                        f"{self._path.name}: line {line}: expected a tag, got {len(rest)} characters without one"
                    )

    def _begin(self, head: dict[str, str]) -> Any:
        account, appended = split_account(head.get("ACCTID", "") or self._options.account)
        currency = one_currency(head.get("CURDEF", "")) or appended or one_currency(self._options.currency)
        if not currency:
            raise FileRefused(f"{self._path.name}: expected the account's currency (CURDEF), got "
                              f"{shape(head.get('CURDEF', ''))}; name it with --currency")  # fmt: skip
        book = Book(account, currency, self._options, self._names)
        book.since, book.until = _day(head.get("DTSTART", "")), _day(head.get("DTEND", ""))
        if not account:
            yield RowProblem(kind="warning", row=self._row, column="ACCTID", expected="an account", got="nothing",
                             reason="no_account")  # fmt: skip
        yield from account_warning(account, self._row)
        return book

    def _balance(self, book: Book, head: dict[str, str]) -> None:
        """OFX tells no opening balance: a statement alone is closed against nothing, two in a row against each other.
        The ledger's balance is the statement's end only on its last day."""
        day = _day(head.get("LEDGERBAL.DTASOF", ""))
        if day is not None and (book.until is None or day == book.until):
            book.closing = _number(head.get("LEDGERBAL.BALAMT", ""))

    def _transaction(self, book: Book, row: int, values: dict[str, str], pending: str) -> Iterator[Item]:
        amount = _number(values.get("TRNAMT", ""))
        day = _day(values.get("DTPOSTED", "") or values.get("DTTRAN", ""))
        for column, good, expected in (("TRNAMT", amount, "an amount"), ("DTPOSTED", day, "a day as 20260310")):
            if good is None:
                yield RowProblem(row=row, column=column, expected=expected, got=shape(values.get(column, "")),
                                 reason="unreadable_entry")  # fmt: skip
                return
        assert amount is not None
        assert day is not None
        name = values.get("NAME", "") or values.get("PAYEE.NAME", "")
        account = split_account(values.get("BANKACCTTO.ACCTID", ""))[0]
        currency = one_currency(values.get("CURRENCY.CURSYM", ""))
        if currency and currency != book.currency:
            yield RowProblem(row=row, column="CURRENCY", expected=f"an amount in {book.currency}", got=currency,
                             reason="another_currency")  # fmt: skip
            return
        counterpart = Counterpart(name=name, account=account, phone=values.get("PAYEE.PHONE", ""))
        yield book.line(
            Booking(
                row=row,
                amount=amount,
                day=day,
                value_day=_day(values.get("DTAVAIL", "")),
                id="" if self._counted else usable_id(values.get("FITID", "")),
                status=pending or "booked",
                references=references(
                    ("booking", values.get("REFNUM", "")), ("booking", values.get("SRVRTID", "")),
                    ("booking", values.get("CHECKNUM", "")),
                ),
                counterpart=counterpart if name or account else None,
                text=joined(values.get("MEMO"), values.get("NAME") if not values.get("MEMO") else None),
            )
        )  # fmt: skip


def _encoding_of(path: Path, survey: Survey, options: StatementOptions) -> str:
    """What the operator says, else what the bytes are: banks write CHARSET:1252 above UTF-8 and the other way round."""
    if options.encoding:
        return codecs.lookup(options.encoding).name
    if survey.encoding not in ("cp1252", "utf-8"):
        return survey.encoding
    if survey.encoding == "utf-8":
        return "utf-8"
    with path.open("rb") as file:
        head = file.read(1024).decode("ascii", "replace")
    told = {found[1].upper(): found[2].upper() for found in _HEADER.finditer(head)}
    name = _CHARSETS.get(told.get("CHARSET", ""), "cp1252")
    return "cp1252" if name == "utf-8" else name


def _is_counted(path: Path) -> bool:
    """Are the file's FITIDs its own counter: 1 to n, whatever zeros stand before them?"""
    found: set[int] = set()
    count, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            text = (tail + chunk).replace(b"\0", b"")
            cut = text.rfind(b"<")
            for told in _FITID.finditer(text, 0, max(cut, 0)):
                if not told[1].isdigit() or len(told[1]) > 9:
                    return False
                found.add(int(told[1]))
                count += 1
            tail = text[max(cut, 0) :][-4096:]
    return count > 0 and len(found) == count and min(found) in (0, 1) and max(found) - min(found) + 1 == count


def _day(text: str) -> date | None:
    """The bank's own day: the zone in brackets names the clock, not another day."""
    found = _DAY.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _number(text: str) -> Decimal | None:
    """A sign, zeros in front, a point or a comma; a separator of thousands is none of OFX."""
    bare = text.strip()
    return Decimal(bare.replace(" ", "").replace(",", ".")) if _DIGITS.fullmatch(bare) else None
