"""Bank of Georgia, Business Online: answers of the statement and of today's activities, saved as JSON.

Owns their fields. An answer holds at most 1,000 records; a file may be one answer, a list of them, or a list of records.
The account's own currency is the line's: in conversions the record's destination currency was seen wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import read_id, shape
from twofold.importing.statements.banks.accounts import iban_in, split_account
from twofold.importing.statements.banks.book import (
    Book,
    Booking,
    account_warning,
    joined,
    one_currency,
    references,
    usable_id,
)
from twofold.importing.statements.contract import Dropped, Item, StatementOptions
from twofold.ledger.lines import Counterpart

MAX_SIZE = 64 << 20  # bytes: an answer of 1,000 records has less than 3 MB
_TBILISI = ZoneInfo("Asia/Tbilisi")
_CONVERSION = "CCO"
_SIGNS = (b'"EntryAmount', b'"EntryDate"', b'"EntryId"', b'"DocumentNomination"', b'"SenderDetails"', b'"BeneficiaryDetails"',
          b'"DocumentProductGroup"', b'"DocKey"', b'"EntryComment', b'"Nomination"', b'"PostDate"', b'"EntryAccountNumber"')  # fmt: skip
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class BogApi:
    """The format."""

    name = "bog-json"
    kind = "bank"
    title = "Bank of Georgia, Business Online answer"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path
        if survey.kind != "json":
            return 0
        found = sum(sign in sample.replace(b"\0", b"") for sign in _SIGNS)
        return found if found >= 3 else 0

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> BogFile:
        return BogFile(path, survey, options)


class BogFile:
    """One open file."""

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        if survey.size > MAX_SIZE:
            raise FileRefused(f"{path.name}: expected answers of together at most {MAX_SIZE >> 20} MiB, got "
                              f"{survey.size >> 20} MiB; import them one by one")  # fmt: skip
        self.format, self.title = BogApi.name, BogApi.title
        self.notes: list[str] = []
        self.bytes_read = 0
        self._path, self._options = path, options
        self._pages = _pages(path, survey)
        self._books: dict[tuple[str, str], Book] = {}
        self._names: Counter[tuple[str, ...]] = Counter()
        self._plain = self._currency_of_file()

    def items(self) -> Iterator[Item]:
        row = 0
        whole = True
        for page, records in self._pages:
            count = page.get("Count")
            if isinstance(count, int) and count > len(records):
                whole = False
                self.notes.append(
                    f"the statement has {count} records and this answer {len(records)}; import its other pages too"
                )
            for record in records:
                row += 1
                yield from self._record(row, record)
        for book in self._books.values():
            book.covers_last = book.covers_last and whole
            yield from book.close(row)

    def _record(self, row: int, record: Any) -> Iterator[Item]:
        if not isinstance(record, dict):
            yield RowProblem(row=row, expected="a record", got="another JSON value", reason="unreadable_entry")
            return
        today = "EntryDate" not in record
        day = _day(record.get("PostDate") if today else record.get("EntryDate")) or _day(
            record.get("DocumentValueDate")
        )
        if day is None:
            yield _problem(
                row, "PostDate" if today else "EntryDate", "a day", record.get("EntryDate", record.get("PostDate"))
            )
            return
        amount = self._amount(row, record, today)
        if isinstance(amount, RowProblem):
            yield amount
            return
        if amount == 0:
            yield Dropped(row=row, reason="zero")
            return
        sender = _party(record, "Sender" if today else "SenderDetails")
        receiver = _party(record, "Beneficiary" if today else "BeneficiaryDetails")
        own, other = (receiver, sender) if amount > 0 else (sender, receiver)
        book = yield from self._book(row, _text(record.get("EntryAccountNumber")), _text(own.get("AccountNumber")))
        if today:
            book.covers_last = False
        yield book.line(self._booking(row, record, amount, day, other))

    def _amount(self, row: int, record: dict[str, Any], today: bool) -> Decimal | RowProblem:
        names = ("Debit", "Credit", "Amount") if today else ("EntryAmountDebit", "EntryAmountCredit", "EntryAmount")
        found = []
        for name in names:
            value = record.get(name)
            number = _number(value)
            if value not in (None, "") and number is None:
                return _problem(row, name, "an amount", value)
            found.append(number)
        debit, credit, signed = found
        if debit is None and credit is None:
            return signed if signed is not None else _problem(row, names[1], "an amount", None)
        amount = (credit or Decimal(0)) - abs(debit or Decimal(0))
        # Today's amount is told without its sign.
        if signed is not None and signed != amount and not (today and abs(signed) == abs(amount)):
            return RowProblem(row=row, column=names[2], expected="credit less debit", got="another amount",
                              reason="unreadable_entry")  # fmt: skip
        return amount

    def _booking(self, row: int, record: dict[str, Any], amount: Decimal, day: date, other: dict[str, Any]) -> Booking:
        name = _text(other.get("Name")) or _text(record.get("DocumentPayerName") or record.get("PayerName"))
        account = split_account(_text(other.get("AccountNumber")))[0]
        value = _day(record.get("DocumentValueDate") or record.get("ValueDate"))
        original, currency = self._before_conversion(record, amount)
        return Booking(
            row=row,
            amount=amount,
            day=day,
            value_day=value if value != day else None,
            id=usable_id(_id(record.get("EntryId", record.get("Id")))),
            references=references(
                ("booking", _text(record.get("EntryDocumentNumber") or record.get("DocNo"))),
                ("booking", _id(record.get("DocumentKey") or record.get("DocKey"))),
            ),
            counterpart=Counterpart(name=name, account=account) if name or account else None,
            text=joined(*(_text(record.get(field)) for field in (
                "EntryComment", "DocumentNomination", "DocumentInformation", "DocComment", "Nomination", "EntryCommentEn"))),
            original=original,
            original_currency=currency,
        )  # fmt: skip

    def _before_conversion(self, record: dict[str, Any], amount: Decimal) -> tuple[Decimal | None, str]:
        source = one_currency(_text(record.get("DocumentSourceCurrency")))
        number = _number(record.get("DocumentSourceAmount"))
        is_other = amount > 0 and source and number and number != amount and source != self._plain
        return (number, source) if is_other and record.get("DocumentProductGroup") == _CONVERSION else (None, "")

    def _book(self, row: int, told: str, own: str) -> Generator[Item, None, Book]:
        account, currency = split_account(told or self._options.account or iban_in(_words(self._path.stem)) or own)
        currency = currency or self._plain
        if not currency:
            raise FileRefused(f"{self._path.name}: expected the account's currency behind its number or in the file's name, "
                              "got none; name it with --currency")  # fmt: skip
        book = self._books.get((account, currency))
        if book is None:
            book = self._books[account, currency] = Book(account, currency, self._options, self._names)
            yield from account_warning(account, row)
        return book

    def _currency_of_file(self) -> str:
        """Where no account number carries its currency: the file's name, the operator's word, else the one currency of all
        records that convert nothing."""
        named = {
            word for word in re.findall(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", self._path.stem) if one_currency(word)
        }
        if len(named) == 1:
            return str(named.pop())
        if self._options.currency:
            return one_currency(self._options.currency)
        told = {
            one_currency(_text(record.get(field)))
            for _, records in self._pages for record in records
            if isinstance(record, dict) and record.get("DocumentProductGroup") != _CONVERSION
            for field in ("DocumentSourceCurrency", "DocumentDestinationCurrency")
        } - {""}  # fmt: skip
        return told.pop() if len(told) == 1 else ""


def _pages(path: Path, survey: Survey) -> list[tuple[dict[str, Any], list[Any]]]:
    """(answer, its records) of a file. Raises `FileRefused` for what is none."""
    text = path.read_text(encoding=survey.encoding or "utf-8", errors="replace").lstrip("\ufeff")
    try:
        found = _decode(text)
    except (msgspec.DecodeError, ArithmeticError, RecursionError):
        raise FileRefused(
            f"{path.name}: expected whole JSON, got text that breaks off or is none; fetch it again"
        ) from None
    answers = found if isinstance(found, list) else [found]
    if answers and all(
        isinstance(a, dict) and not _records(a) and not isinstance(a.get("Records"), list) for a in answers
    ):
        if isinstance(found, list):
            return [({}, answers)]
        raise FileRefused(f"{path.name}: expected Records of a statement or a list of activities, got neither")
    return [(a, _records(a) or []) for a in answers if isinstance(a, dict)]


def _records(answer: dict[str, Any]) -> list[Any] | None:
    for name in ("Records", "records", "activities", "Activities"):
        if isinstance(answer.get(name), list):
            found: list[Any] = answer[name]
            return found
    return None


def _problem(row: int, column: str, expected: str, got: Any) -> RowProblem:
    return RowProblem(row=row, column=column, expected=expected, got=shape(_text(got)), reason="unreadable_entry")


def _party(record: dict[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return (
        " ".join(value.split())
        if isinstance(value, str)
        else ""
        if value is None or isinstance(value, bool)
        else str(value)
    )


def _id(value: Any) -> str:
    """One text form of an id that comes as a number, as a number with a fraction of zeros, or as text."""
    text = f"{value:f}" if isinstance(value, Decimal) else _text(value)
    return (read_id(text) or "") if text else ""


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | Decimal):
        return Decimal(value)
    text = value.strip() if isinstance(value, str) else ""
    return Decimal(text) if re.fullmatch(r"-?[0-9]{1,18}(?:\.[0-9]{1,15})?", text) else None


def _day(value: Any) -> date | None:
    """The day that stands there; of a moment with a zone the bank's own day."""
    text = _text(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        found = re.match(r"(\d{2})[./](\d{2})[./](\d{4})", text)
        try:
            return date(int(found[3]), int(found[2]), int(found[1])) if found else None
        except ValueError:
            return None
    return (moment if moment.tzinfo is None else moment.astimezone(_TBILISI)).date()


def _words(stem: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", " ", stem)
