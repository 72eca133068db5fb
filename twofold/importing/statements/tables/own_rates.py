"""Rates as the operator's own table: ``date, currency, per, rate, base``."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from twofold.event.scalars import read_currency
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.cells import Cells, Headers, Sheet, count_signs, open_report
from twofold.importing.statements.contract import StatementFile, StatementOptions
from twofold.importing.statements.tables.rows import RowFile
from twofold.ledger.lines import Rate, Told

HEADERS: Headers = {
    "day": ("date", "day"),
    "currency": ("currency",),
    "per": ("per", "quantity"),
    "rate": ("rate",),
    "base": ("base",),
}


class OwnRates:
    name = "rates"
    kind = "rates"
    title = "table of rates"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        return count_signs(path, survey, sample, HEADERS, ("day", "currency", "rate"))

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        table = open_report(path, survey, options, HEADERS)
        sheet = Sheet(table, options, HEADERS, needs=("day", "currency", "rate"), money=("per", "rate"), days=("day",))
        return RowFile(self.name, self.title, sheet, _rate)


def _rate(row: Cells) -> Told:
    day = row.needed("day", row.day("day"), "a day", "no_day")
    currency = _code(row, "currency", "")
    base = _code(row, "base", row.sheet.options.currency)
    if currency == base:
        raise row.misread("base", "another currency than the row's own", base, "bad_currency")
    rate, per = row.money("rate"), row.money("per")
    if rate is None or rate <= 0:
        raise row.misread("rate", "a number above 0", shape(row.text("rate")), "bad_rate")
    if per is not None and per <= 0:
        raise row.misread("per", "a number above 0", shape(row.text("per")), "bad_rate")
    return Told(
        row=row.row, thing=Rate(source="own", day=day, currency=currency, per=per or Decimal(1), rate=rate, base=base)
    )


def _code(row: Cells, field: str, otherwise: str) -> str:
    text = row.text(field) or otherwise
    code = read_currency(text)
    if code is None:
        raise row.misread(field, "three letters (ISO 4217)", shape(text), "bad_currency" if text else "no_currency")
    return code
