"""Answers of the National Bank of Georgia: lari for ``quantity`` units of a currency, valid from a day.

Owns that the day is the one a rate is valid from, not the one that was asked for: on other days the last one is given.
Facts: chain.md 3.7, from five clients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from twofold.errors import FileRefused
from twofold.event.scalars import read_currency
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.answers import documents, exact, signs_in, text_of
from twofold.importing.statements.contract import Item, StatementFile, StatementOptions
from twofold.ledger.lines import Rate, Told

BASE = "GEL"
_TBILISI = timezone(timedelta(hours=4))  # no summer time


class Nbg:
    name = "nbg"
    kind = "rates"
    title = "rates of the National Bank of Georgia"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path  # known by its text alone
        return signs_in(sample, survey, ("quantity", "rate"), ("currencies", "code", "validFromDate", "rateFormated"))

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        del options
        return _Nbg(path, survey)


class _Nbg:
    format = Nbg.name
    title = Nbg.title

    def __init__(self, path: Path, survey: Survey) -> None:
        self.notes: list[str] = []
        self.bytes_read = 0
        self._path = path
        self._survey = survey

    def items(self) -> Iterator[Item]:
        row = 0
        told: dict[Rate, None] = {}
        for answer in documents(self._path, self._survey):
            currencies = answer.get("currencies")
            if not isinstance(currencies, list):
                raise FileRefused(f"{self._path}: expected answers with `currencies`, got another JSON object")
            for item in currencies:
                row += 1
                found = _rate(row, item)
                if isinstance(found, Told) and isinstance(found.thing, Rate):
                    if found.thing in told:
                        continue  # the last one is given again on days without their own
                    told[found.thing] = None
                yield found


def _rate(row: int, item: Any) -> Item:
    if not isinstance(item, dict):
        return _problem(row, "", "an object", "another value", "bad_row")
    code = read_currency(text_of(item.get("code")))
    if code is None:
        return _problem(row, "code", "three letters (ISO 4217)", shape(text_of(item.get("code"))), "bad_currency")
    day = _valid_from(item)
    if day is None:
        return _problem(row, "validFromDate", "a day", shape(text_of(item.get("validFromDate"))), "bad_date")
    try:
        per, rate = exact(item.get("quantity")), exact(item.get("rate"))
    except ValueError as wrong:
        return _problem(row, "rate", "a number", shape(str(wrong)), "bad_rate")
    if per is None or rate is None or per <= 0 or rate <= 0:
        return _problem(row, "rate", "quantity and rate above 0", "none", "bad_rate")
    return Told(row=row, thing=Rate(source="nbg", day=day, currency=code, per=per, rate=rate, base=BASE))


def _valid_from(item: Mapping[str, Any]) -> str | None:
    """A moment is the day that it is in Tbilisi: midnight there can be told in UTC."""
    try:
        moment = datetime.fromisoformat(text_of(item.get("validFromDate")))
    except ValueError:
        return None
    return (moment.astimezone(_TBILISI) if moment.tzinfo else moment).date().isoformat()


def _problem(row: int, column: str, expected: str, got: str, reason: str) -> RowProblem:
    return RowProblem(row=row, column=column, expected=expected, got=got, reason=reason)
