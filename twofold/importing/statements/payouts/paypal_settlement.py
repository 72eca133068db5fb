"""PayPal's settlement report (STL, by SFTP): records of several kinds, amounts unsigned and in minor units.

Owns the records and which columns their header names (developer.paypal.com, Settlement report, read November 2026).
The sign stands in the column beside an amount. A section is one account; its footers hold a currency's totals and its
opening and closing balance, which are compared only where the totals show that the footer is read rightly.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.event.scalars import read_currency
from twofold.importing.readers.layout import Misread, fold_header
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import MAX_CELL, Row, Survey
from twofold.importing.readers.values import DateStyle, read_id, shape
from twofold.importing.statements.contract import Dropped, Item, StatementOptions, Unbalanced
from twofold.importing.statements.payouts.paypal_activity import SOURCE, order_in
from twofold.importing.statements.payouts.paypal_kinds import kind_of, word_of
from twofold.importing.statements.reading.batches import amounts_of
from twofold.importing.statements.reading.zones import zone_behind
from twofold.ledger.lines import MoneyKind, MoneyLine, Told
from twofold.ledger.money import digits_of
from twofold.ledger.references import gather, reference

RECORDS = frozenset({"RH", "FH", "SH", "CH", "SB", "SF", "SC", "RF", "RC", "FF"})
_COLUMNS = {
    "id": "Transaction ID",
    "order": "Invoice ID",
    "payment": "PayPal Reference ID",
    "payment_type": "PayPal Reference ID Type",
    "code": "Transaction Event Code",
    "begun": "Transaction Initiation Date",
    "done": "Transaction Completion Date",
    "sign": "Transaction Debit or Credit",
    "gross": "Gross Transaction Amount",
    "currency": "Gross Transaction Currency",
    "fee_sign": "Fee Debit or Credit",
    "fee": "Fee Amount",
    "fee_currency": "Fee Currency",
    "custom": "Custom Field",
}
_NEEDED = ("id", "code", "sign", "gross", "currency")
_SEPARATORS = (",", "\t", ";", "|")
_MINOR = re.compile(r"[0-9]{1,15}")
_SIGNS = {"cr": 1, "credit": 1, "dr": -1, "debit": -1}
_OF_PAYMENT = frozenset({"refund", "dispute", "reversal", "fee", "hold", "release", "conversion"})


class SettlementFormat:
    """See `StatementFormat`."""

    name = "paypal-settlement"
    kind = "payouts"
    title = "PayPal's settlement report"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path
        if survey.kind != "csv":
            return 0
        text = sample.decode(survey.encoding or "utf-8", "replace").lstrip("\ufeff")
        kinds = {re.split(r'[",;\t|]', line.lstrip('"'), maxsplit=1)[0] for line in text.splitlines() if line.strip()}
        known = kinds & RECORDS
        columns = sum(name in text for name in _COLUMNS.values())
        return len(known) + columns if {"RH", "SH", "CH"} <= known or {"CH", "SB"} <= known else 0

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> SettlementFile:
        return SettlementFile(path, survey, options)


class SettlementFile:
    """An open report, see `StatementFile`."""

    format, title = SettlementFormat.name, SettlementFormat.title

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.path, self.options = path, options
        self.notes: list[str] = list(survey.notes)
        self.bytes_read = 0
        self._survey = survey
        self._account = options.account
        self._places: dict[str, int] = {}
        self._credits: dict[tuple[str, bool], Decimal] = {}  # (currency, came in) -> gross of the section
        self._nets: dict[str, Decimal] = {}
        self._ended = False
        self._dates = DateStyle(options.zone)

    def items(self) -> Iterator[Item]:
        for row in self._records():
            try:
                yield from self._record(row)
            except Misread as err:
                yield replace(err.problem, file=self.path.name)
        if not self._ended:
            raise FileRefused(f"{self.path.name}: expected a report that ends with its RF and FF records, got one that is "
                              "cut")  # fmt: skip

    def _records(self) -> Iterator[Row]:
        """Records of every width. Raises `FileRefused` for one that is no CSV, as what follows it cannot be trusted."""
        csv.field_size_limit(MAX_CELL)
        with self.path.open("r", encoding=self._survey.encoding, errors="replace", newline="") as file:
            separator = max(_SEPARATORS, key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, delimiter=separator)
            try:
                for cells in reader:
                    if any(cells):
                        cells[0] = cells[0].lstrip("\ufeff")
                        yield Row(reader.line_num, cells)
            except csv.Error as err:
                raise FileRefused(f"{self.path.name}: expected CSV, got a broken record in row {reader.line_num}: "
                                  f"{err}") from None  # fmt: skip

    def _record(self, row: Row) -> Iterator[Item]:
        cells = [cell.strip() for cell in row.cells]
        match cells[0]:
            case "SH":
                self._begin(cells)
            case "CH":
                self._learn(row.number, cells)
            case "SB":
                yield self._line(row.number, cells)
            case "SF":
                yield from self._compare(cells)
            case "RF" | "FF":
                self._ended = True
            case "RH" | "FH" | "SC" | "RC":
                pass
            case _:
                yield Dropped(row=row.number, reason="other_record")

    def _begin(self, cells: list[str]) -> None:
        """A section: its period and the account. The id of an account has no e-mail address."""
        self._credits.clear()
        self._nets.clear()
        account = next((c for c in cells[3:5] if re.fullmatch(r"[A-Z0-9]{8,20}", c)), "")
        self._account = self.options.account or account

    def _learn(self, row: int, cells: list[str]) -> None:
        folded = [fold_header(cell) for cell in cells]
        self._places = {field: folded.index(fold_header(name)) for field, name in _COLUMNS.items()
                        if fold_header(name) in folded}  # fmt: skip
        missing = [_COLUMNS[field] for field in _NEEDED if field not in self._places]
        if missing:
            raise FileRefused(f"{self.path.name}: row {row}: expected the columns {', '.join(missing)}, got others")

    def _text(self, cells: list[str], field: str) -> str:
        place = self._places.get(field)
        return cells[place] if place is not None and place < len(cells) else ""

    def _line(self, row: int, cells: list[str]) -> Told:
        if not self._places:
            raise FileRefused(
                f"{self.path.name}: row {row}: expected the record CH with the columns before it, got none"
            )
        currency = self._currency(row, cells, "currency")
        gross = self._signed(row, cells, "gross", "sign", currency)
        fee_currency = self._currency(row, cells, "fee_currency") if self._text(cells, "fee_currency") else currency
        fee = -self._signed(row, cells, "fee", "fee_sign", fee_currency)
        if fee and fee_currency != currency:
            raise self._misread(
                row, "fee_currency", f"the currency of the gross, {currency}", fee_currency, "bad_currency"
            )
        word = word_of(self._text(cells, "code"), "")
        if not word:
            self._note("rows of an event code that is not known are adjustments")
        money = amounts_of(row, _COLUMNS["gross"], gross=gross, fee=fee, net=gross - fee)
        kind = kind_of(word, money.net)
        number = self._id(row, cells, "id")
        payment = self._text(cells, "payment") if self._text(cells, "payment_type") in ("", "TXN") else ""
        self._credits[currency, gross > 0] = self._credits.get((currency, gross > 0), Decimal(0)) + abs(gross)
        self._nets[currency] = self._nets.get(currency, Decimal(0)) + money.net
        when = "done" if self._text(cells, "done") else "begun"
        at = self._time(row, cells, when)
        if at is None:
            raise self._misread(row, "done", "a time", "nothing", "no_date")
        line = MoneyLine(
            source=SOURCE,
            account=self._account,
            id=number,
            kind=kind,
            gross=money.gross,
            fee=money.fee,
            net=money.net,
            currency=currency,
            at=at,
            zone=zone_behind(self._text(cells, when)),
            references=gather(
                reference("transaction", number) if kind is MoneyKind.CHARGE else None,
                reference("refund", number) if kind is MoneyKind.REFUND else None,
                reference("payment", payment) if word in _OF_PAYMENT else None,
                reference("order", self._text(cells, "order")),
                reference("order", order_in(self._text(cells, "custom"))),
            ),
        )
        return Told(row=row, thing=line)

    def _signed(self, row: int, cells: list[str], field: str, sign: str, currency: str) -> Decimal:
        text = self._text(cells, field)
        if not text or not text.strip("0"):
            return Decimal(0)
        if not _MINOR.fullmatch(text):
            raise self._misread(row, field, "a whole number of minor units, without a sign", shape(text), "bad_amount")
        told = self._text(cells, sign)
        if told.lower() not in _SIGNS:
            raise self._misread(row, sign, "CR or DR", shape(told), "unknown_word")
        return Decimal(text).scaleb(-digits_of(currency)) * _SIGNS[told.lower()]

    def _currency(self, row: int, cells: list[str], field: str) -> str:
        text = self._text(cells, field)
        found = read_currency(text)
        if found is None:
            raise self._misread(
                row, field, "three letters (ISO 4217)", shape(text), "bad_currency" if text else "no_currency"
            )
        return found

    def _id(self, row: int, cells: list[str], field: str) -> str:
        text = self._text(cells, field)
        found = read_id(text) if text else ""
        if found is None:
            raise self._misread(row, field, "an id as exact text", shape(text), "bad_id")
        return found

    def _time(self, row: int, cells: list[str], field: str) -> int | None:
        text = self._text(cells, field)
        if not text:
            return None
        found = self._dates.read(text)
        if found is None:
            raise self._misread(row, field, "a time such as 2026/03/12 10:00:00 +0000", shape(text), "bad_date")
        return found

    def _compare(self, cells: list[str]) -> Iterator[Unbalanced]:
        """Footer: currency, gross credits and debits, fee credits and debits, opening, closing balance."""
        currency = read_currency(cells[1]) if len(cells) > 1 else None
        if currency is None or len(cells) < 8 or not all(_MINOR.fullmatch(c) for c in cells[2:8]):
            self._note("a section's footer has another form than is known; its balances were not compared")
            return
        credits, debits, _, _, opening, closing = (Decimal(c).scaleb(-digits_of(currency)) for c in cells[2:8])
        own = tuple(self._credits.get((currency, came), Decimal(0)) for came in (True, False))
        net = self._nets.get(currency, Decimal(0))
        for name, told, entries in (("gross credits", credits, own[0]), ("gross debits", debits, own[1])):
            if told != entries:
                yield Unbalanced(what="total", id=name, currency=currency, entries=entries, closing=told,
                                 difference=told - entries)  # fmt: skip
        if (credits, debits) == own and opening + net != closing:
            yield Unbalanced(what="statement", id=self._account, currency=currency, opening=opening, entries=net,
                             closing=closing, difference=closing - opening - net)  # fmt: skip

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _misread(self, row: int, field: str, expected: str, got: str, reason: str) -> Misread:
        return Misread(RowProblem(row=row, column=_COLUMNS[field], expected=expected, got=got, reason=reason))
