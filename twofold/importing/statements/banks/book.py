"""One account's statement while it is read: its lines, and whether it closes.

Owns how a booking becomes a money line, whatever the format, and the sums that a statement is held against. A statement
closes when its opening balance and its booked entries give its closing balance, to the last digit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from msgspec import Struct

from twofold.event.contact import holds_contact
from twofold.event.scalars import read_currency
from twofold.importing.readers.problems import RowProblem
from twofold.importing.statements.banks.accounts import day_start, has_broken_checksum, zone_of
from twofold.importing.statements.contract import Item, StatementOptions, Unbalanced
from twofold.ledger.lines import Counterpart, MoneyKind, MoneyLine, Statement, Told
from twofold.ledger.references import gather, reference

BOOKED, PENDING, INFO = "booked", "pending", "info"
MAX_REFERENCE = 140
MAX_REFERENCES = 24  # of one line; a collective entry may name hundreds
_NOTHING = frozenset(
    {
        "NONREF",
        "NOTPROVIDED",
        "NOTAVAILABLE",
        "NONE",
        "N/A",
        "NA",
        "-",
        "NOREF",
        "UNKNOWN",
        "0",
        "EREF",
        "PREF",
        "MARF",
        "CREF",
        "KREF+",
        "EREF+",
        "MREF+",
    }
)  # codes that say: it stands in the text
_COUNTER = re.compile(r"[0-9]{1,5}")  # within a file or a day: not an id


class Booking(Struct, frozen=True, kw_only=True):
    """One movement as a format told it. ``amount`` is signed: what comes in is positive."""

    row: int
    amount: Decimal
    day: date
    value_day: date | None = None
    id: str = ""
    references: tuple[str, ...] = ()
    fee: Decimal = Decimal(0)  # kept beside the amount: what the account moved is the amount less the fee
    status: str = BOOKED
    counterpart: Counterpart | None = None
    text: str = ""
    original: Decimal | None = None
    original_currency: str = ""
    rate: Decimal | None = None


class Book:
    """The statement of one account in one currency. ``names`` counts the ids that the file has used."""

    def __init__(
        self, account: str, currency: str, options: StatementOptions, names: Counter[tuple[str, ...]] | None = None
    ) -> None:
        self.account = account
        self.currency = currency
        self.zone, self.zone_name = zone_of(account, options)
        self.id = ""
        self.opening: Decimal | None = None
        self.closing: Decimal | None = None
        self.since: date | None = None
        self.until: date | None = None
        self.covers_first = True
        self.covers_last = True
        self.entries = Decimal(0)
        self.lines = 0
        self._first: date | None = None
        self._last: date | None = None
        self._names = Counter[tuple[str, ...]]() if names is None else names

    def line(self, booking: Booking) -> Told:
        """The booking as a line of this account."""
        if booking.status == BOOKED:
            self.entries += booking.amount - booking.fee
        self.lines += 1
        self._first = min(self._first or booking.day, booking.day)
        self._last = max(self._last or booking.day, booking.day)
        kind = MoneyKind.BANK_CREDIT if booking.amount >= 0 else MoneyKind.BANK_DEBIT
        value_at = day_start(booking.value_day, self.zone) if booking.value_day else None
        thing = MoneyLine(
            source="bank",
            account=self.account,
            id=self._named(booking, kind),
            kind=kind,
            gross=booking.amount,
            fee=booking.fee,
            net=booking.amount - booking.fee,
            currency=self.currency,
            at=day_start(booking.day, self.zone),
            zone=self.zone_name,
            day_only=True,
            value_at=value_at,
            references=booking.references[:MAX_REFERENCES],
            status=booking.status,
            original=booking.original,
            original_currency=booking.original_currency,
            rate=booking.rate,
        )
        return Told(row=booking.row, thing=thing, counterpart=booking.counterpart, text=booking.text)

    def close(self, row: int) -> Iterator[Item]:
        """The statement, and what it is out of balance by. Nothing for one that is empty and says no balance."""
        if not self.lines and self.opening is None and self.closing is None:
            return
        since = self.since or self._first or self.until
        until = self.until or self._last or since
        if since is None or until is None:
            return
        first, last = str(min(since, self._first or since)), str(max(until, self._last or until))
        statement = Statement(
            account=self.account,
            id=self.id or f"{first}..{last}",
            currency=self.currency,
            since=first,
            until=last,
            opening=self.opening,
            closing=self.closing,
            entries=self.entries,
            covers_first=self.covers_first,
            covers_last=self.covers_last,
        )
        yield Told(row=row, thing=statement)
        if self.opening is None or self.closing is None:
            return
        difference = self.closing - self.opening - self.entries
        if difference:
            yield Unbalanced(
                what="statement", id=statement.id, account=self.account, currency=self.currency, opening=self.opening,
                entries=self.entries, closing=self.closing, difference=difference,
            )  # fmt: skip

    def _named(self, booking: Booking, kind: MoneyKind) -> str:
        """An id that a file uses twice for equal movements is told apart by its place among them."""
        if not booking.id:
            return ""
        key = (self.account, self.currency, kind, booking.id)
        self._names[key] += 1
        count = self._names[key]
        return booking.id if count == 1 else f"{booking.id}/{count}"


class Joins:
    """Statements of one account follow each other: the next opens where the last closed, and is numbered next."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Book] = {}

    def check(self, book: Book, row: int) -> Iterator[RowProblem]:
        """A word about a statement that does not go on where the one before it in the file ended."""
        before = self._last.get((book.account, book.currency))
        self._last[book.account, book.currency] = book
        if before is None:
            return
        if before.closing is not None and book.opening is not None and before.closing != book.opening:
            yield RowProblem(kind="warning", row=row, column="opening", expected=f"{before.closing:f}, where {before.id} ends",
                             got=f"{book.opening:f}", reason="statements_do_not_join")  # fmt: skip
        if before.id.isdigit() and book.id.isdigit() and int(book.id) > int(before.id) + 1:
            yield RowProblem(kind="warning", row=row, column="number", expected=f"statement {int(before.id) + 1}",
                             got=book.id, reason="statement_missing")  # fmt: skip


def usable_id(text: str) -> str:
    """A bank's reference if it can stand for a line; "" for "NONREF", for a counter and for what shows a person."""
    text = text.strip()
    if text.replace(" ", "").upper() in _NOTHING or _COUNTER.fullmatch(text) or len(text) > MAX_REFERENCE:
        return ""
    return "" if holds_contact(text) else text


def references(*pairs: tuple[str, str]) -> tuple[str, ...]:
    """``kind:value`` of those that say something and show no person, each once, in their order."""
    return gather(*(_reference(kind, " ".join(text.split())) for kind, text in pairs))


def _reference(kind: str, text: str) -> str | None:
    bare = text.replace(" ", "").upper()
    if bare in _NOTHING or len(text) > MAX_REFERENCE or holds_contact(text):
        return None
    return reference(kind, bare if kind == "creditor" else text)


def one_currency(text: str) -> str:
    """ISO 4217 in capitals; "" for anything else."""
    return read_currency(text.strip()) or ""


def account_warning(account: str, row: int) -> Iterator[RowProblem]:
    """A word about an account whose check digits are wrong; it is read all the same."""
    if has_broken_checksum(account):
        yield RowProblem(
            kind="warning", row=row, column="account", expected="an IBAN whose check digits are right",
            got=f"{account[:4]}…{account[-2:]}", reason="broken_iban",
        )  # fmt: skip


def joined(*parts: str | None) -> str:
    """Texts that say something, each once, with single blanks."""
    return " ".join(dict.fromkeys(" ".join(part.split()) for part in parts if part and part.strip()))
