"""GA4's raw events as exported from BigQuery, one JSON object a line: its purchases and refunds.

Owns the key of a purchase: the user and the transaction id, the first time it was seen; without an id, the user and the
time. The export keeps repeats that the reports fold. ``event_date`` is the property's day. Facts: chain.md 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from twofold.errors import FileRefused
from twofold.event.scalars import read_currency, without_noise
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey, Table, json_texts
from twofold.importing.readers.values import shape
from twofold.importing.statements.answers import exact, signs_in, text_of
from twofold.importing.statements.cells import read_day
from twofold.importing.statements.contract import Item, StatementFile, StatementOptions
from twofold.importing.statements.tables.site_days import MAX_ROWS, SiteDays, transaction_id
from twofold.ledger.lines import NOT_SET, SiteDay

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class _Purchase(Struct, frozen=True):
    at: int  # microseconds
    row: int
    day: str
    value: Decimal | None
    currency: str


class Ga4BigQuery:
    name = "ga4-bigquery"
    kind = "ga4"
    title = "GA4 events exported from BigQuery"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path  # known by its text alone
        return signs_in(sample, survey, ("event_name", "event_timestamp", "user_pseudo_id"), ("event_date", "ecommerce",
                        "event_params", "transaction_id"))  # fmt: skip

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        return _Events(path, survey, options)


class _Events:
    format = Ga4BigQuery.name
    title = Ga4BigQuery.title

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.notes: list[str] = []
        self._path = path
        self._survey = survey
        self._options = options
        self._table = Table(survey)
        self._purchases: dict[tuple[str, ...], _Purchase] = {}
        self._days = SiteDays()

    @property
    def bytes_read(self) -> int:
        return self._table.bytes_read

    def items(self) -> Iterator[Item]:
        for row, text in json_texts(self._path, self._table):
            try:
                event = _decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
                yield RowProblem(row=row, expected="one JSON object", got="text that is no JSON", reason="broken_row")
                continue
            problem = self._read(row, event)
            if problem is not None:
                yield problem
        for key, purchase in self._purchases.items():
            day = self._of(key[1], purchase)
            self._days.add(purchase.row, msgspec.structs.replace(day, purchases=Decimal(1), gross_revenue=purchase.value,
                                                                  revenue=purchase.value))  # fmt: skip
        yield from self._days.items()

    def _read(self, row: int, event: Any) -> RowProblem | None:
        if not isinstance(event, dict):
            return _problem(row, "", "an object", "another value", "bad_row")
        name = event.get("event_name")
        if name not in ("purchase", "refund"):
            return None
        told = event.get("ecommerce")
        shop = told if isinstance(told, dict) else {}
        at, day = text_of(event.get("event_timestamp")), read_day(text_of(event.get("event_date")))
        if not at.isascii() or not at.isdigit() or day is None:
            return _problem(row, "event_date", "a day and a time in microseconds", shape(text_of(event.get("event_date"))),
                            "bad_date")  # fmt: skip
        currency = _currency(event) or self._options.currency
        if not currency:
            return _problem(row, "currency", "a currency in the event, or --currency", "nothing", "no_currency")
        try:
            value = exact(shop.get("purchase_revenue" if name == "purchase" else "refund_value"))
        except ValueError as wrong:
            return _problem(row, "ecommerce", "an amount", shape(str(wrong)), "bad_amount")
        value = None if value is None else without_noise(value)
        self._keep(event, transaction_id(text_of(shop.get("transaction_id"))),
                   _Purchase(int(at), row, day, value, currency))  # fmt: skip
        return None

    def _keep(self, event: Mapping[str, Any], transaction: str, purchase: _Purchase) -> None:
        if event["event_name"] == "refund":
            amount = purchase.value or Decimal(0)
            self._days.add(
                purchase.row, msgspec.structs.replace(self._of(transaction, purchase), refunds=amount, revenue=-amount)
            )
            return
        user = text_of(event.get("user_pseudo_id"))
        key = (user, transaction) if transaction != NOT_SET else (user, NOT_SET, str(purchase.at))
        known = self._purchases.get(key)
        if known is None and len(self._purchases) >= MAX_ROWS:
            raise FileRefused(
                f"{self._path}: expected at most {MAX_ROWS:,} purchases in one file, got more; split it by month"
            )
        if known is None or purchase.at < known.at:
            self._purchases[key] = purchase

    def _of(self, transaction: str, purchase: _Purchase) -> SiteDay:
        options = self._options
        return SiteDay(account=options.account, day=purchase.day, currency=purchase.currency, transaction=transaction,
                       zone=options.told_zone)  # fmt: skip


def _currency(event: Mapping[str, Any]) -> str:
    """The event's own parameter: the amounts are in it."""
    params = event.get("event_params")
    for item in params if isinstance(params, list) else []:
        if isinstance(item, dict) and item.get("key") == "currency":
            value = item.get("value")
            return read_currency(text_of(value.get("string_value"))) or "" if isinstance(value, dict) else ""
    return ""


def _problem(row: int, column: str, expected: str, got: str, reason: str) -> RowProblem:
    return RowProblem(row=row, column=column, expected=expected, got=got, reason=reason)
