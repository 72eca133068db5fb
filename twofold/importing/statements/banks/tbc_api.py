"""TBC Bank, Business Integration Services: answers of its account movements, page after page.

Owns their fields. A movement that is not authorised yet has moved no money. The bank's own SDK has the names; the account
stands in the question that was asked, and in the answer only where its customer part says it (developers.tbcbank.ge, "BIS -
Accounts", read November 2026).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.answers import documents, exact, signs_in, text_of
from twofold.importing.statements.banks.accounts import split_account
from twofold.importing.statements.banks.book import (
    BOOKED,
    PENDING,
    Book,
    Booking,
    account_warning,
    joined,
    one_currency,
    references,
    usable_id,
)
from twofold.importing.statements.contract import Dropped, Item, StatementFile, StatementOptions
from twofold.ledger.lines import Counterpart

_AUTHORISED, _WAITING = 0, frozenset({1, 2})
_TBILISI = ZoneInfo("Asia/Tbilisi")


class TbcApi:
    """The format."""

    name = "tbc-json"
    kind = "bank"
    title = "TBC Bank, account movements answer"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path  # known by its text alone
        return signs_in(
            sample, survey, ("movementId", "isDebit"), ("transactions", "partnerAccountInfo", "statusCode", "purpose")
        )

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        return _Movements(path, survey, options)


class _Movements:
    format = TbcApi.name
    title = TbcApi.title

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.notes: list[str] = []
        self.bytes_read = 0
        self._path, self._survey, self._options = path, survey, options
        self._books: dict[tuple[str, str], Book] = {}
        self._names: Counter[tuple[str, ...]] = Counter()
        self._row = 0

    def items(self) -> Iterator[Item]:
        total: int | None = None
        for answer in documents(self._path, self._survey):
            movements = answer.get("transactions")
            if not isinstance(movements, list):
                raise FileRefused(f"{self._path.name}: expected answers with transactions, got another JSON object")
            told = answer.get("total")
            total = told if isinstance(told, int) else total
            for movement in movements:
                self._row += 1
                yield from self._movement(movement)
        whole = total is None or total <= self._row
        if not whole:
            self.notes.append(
                f"the account has {total} movements and this file {self._row}; import its other pages too"
            )
        for book in self._books.values():
            book.covers_last = book.covers_last and whole
            yield from book.close(self._row)

    def _movement(self, movement: Any) -> Iterator[Item]:
        if not isinstance(movement, dict):
            yield self._problem("", "a movement", "")
            return
        day = _day(movement.get("date")) or _day(movement.get("documentDate"))
        if day is None:
            yield self._problem("date", "a day", text_of(movement.get("date")))
            return
        try:
            amount = exact(movement.get("amount"))
        except ValueError as wrong:
            yield self._problem("amount", "an amount", str(wrong))
            return
        if amount is None or not isinstance(movement.get("isDebit"), bool):
            yield self._problem("amount", "an amount and whether it is a debit", text_of(movement.get("amount")))
            return
        status = self._status(movement.get("statusCode"))
        if status is None:
            yield self._problem("statusCode", "0, 1 or 2", text_of(movement.get("statusCode")))
        elif not amount:
            yield Dropped(row=self._row, reason="zero")
        else:
            signed = -abs(amount) if movement["isDebit"] else abs(amount)
            yield from self._booked(movement, day, signed, status)

    def _booked(self, movement: dict[str, Any], day: date, amount: Decimal, status: str) -> Iterator[Item]:
        told = _part(movement, "customerAccountInfo")
        account, behind = split_account(text_of(told.get("accountIban")) or self._options.account)
        currency = one_currency(text_of(movement.get("currency"))) or behind or self._options.currency
        if not currency:
            yield self._problem("currency", "a currency, or --currency", "")
            return
        book = self._books.get((account, currency))
        if book is None:
            book = self._books[account, currency] = Book(account, currency, self._options, self._names)
            yield from account_warning(account, self._row)
        partner = _part(movement, "partnerAccountInfo")
        name, other = text_of(partner.get("partnerName")), split_account(text_of(partner.get("accountIban")))[0]
        yield book.line(Booking(
            row=self._row, amount=amount, day=day, status=status, id=usable_id(text_of(movement.get("movementId"))),
            references=references(
                ("booking", text_of(movement.get("transactionReference"))),
                ("bank_reference", text_of(movement.get("externalPaymentId"))),
            ),
            counterpart=Counterpart(name=name, account=other) if name or other else None,
            text=joined(*(text_of(movement.get(field)) for field in ("purpose", "additionalDescription", "additionalInformation"))),
        ))  # fmt: skip

    def _status(self, code: Any) -> str | None:
        """Without a word about it a movement is one that was made."""
        if code is None or code == _AUTHORISED:
            return BOOKED
        return PENDING if code in _WAITING else None

    def _problem(self, column: str, expected: str, got: str) -> RowProblem:
        return RowProblem(row=self._row, column=column, expected=expected, got=shape(got), reason="unreadable_entry")


def _part(movement: dict[str, Any], name: str) -> dict[str, Any]:
    found = movement.get(name)
    return found if isinstance(found, dict) else {}


def _day(value: Any) -> date | None:
    """The day that stands there; of a moment with a zone the bank's own day."""
    try:
        moment = datetime.fromisoformat(text_of(value))
    except ValueError:
        return None
    return (moment if moment.tzinfo is None else moment.astimezone(_TBILISI)).date()
