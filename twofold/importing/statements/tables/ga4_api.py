"""Answers of GA4's Data API, ``runReport``, page after page.

Owns which of its names is which figure, and what its metadata says of all rows: the property's currency and zone, and
that a figure is sampled, withheld or folded into "(other)". Facts: chain.md 3.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.event.scalars import read_currency, without_noise
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.answers import AnswersFile, exact, signs_in, text_of, whole
from twofold.importing.statements.cells import read_day, refuse_other
from twofold.importing.statements.contract import Item, StatementFile, StatementOptions
from twofold.importing.statements.tables.site_days import SiteDays, transaction_id
from twofold.ledger.lines import SiteDay

_KEYS = {
    "sessionSource": "medium_source",
    "sessionMedium": "medium",
    "sessionCampaignName": "campaign",
    "sessionDefaultChannelGroup": "channel",
}
_FIGURES = {
    "ecommercePurchases": "purchases",
    "purchaseRevenue": "revenue",
    "grossPurchaseRevenue": "gross_revenue",
    "refundAmount": "refunds",
}


class Ga4Api:
    name = "ga4-api"
    kind = "ga4"
    title = "answers of GA4's Data API"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path  # known by its text alone
        return signs_in(sample, survey, ("dimensionHeaders", "metricHeaders"), ("rows", "rowCount", "metadata",
                        "dimensionValues", "metricValues"))  # fmt: skip

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        return _Answers(path, survey, options)


class _Answers(AnswersFile):
    format = Ga4Api.name
    title = Ga4Api.title

    def items(self) -> Iterator[Item]:
        days = SiteDays()
        got: Counter[tuple[str, ...]] = Counter()
        declared: dict[tuple[str, ...], int] = {}
        for answer in self._answers():
            if "error" in answer:
                raise FileRefused(f"{self._path}: expected an answer with rows, got Google's error")
            names = tuple(_names(answer.get("dimensionHeaders"))), tuple(_names(answer.get("metricHeaders")))
            if not names[1]:
                raise FileRefused(f"{self._path}: expected an answer with metricHeaders, got another JSON object")
            report = *names[0], "", *names[1]
            counts = isinstance(answer.get("rowCount"), int)
            if counts:
                declared[report] = max(declared.get(report, 0), answer["rowCount"])
            rows = answer.get("rows", [])
            if not isinstance(rows, list):
                raise FileRefused(f"{self._path}: expected rows as a list, got another value")
            yield from self._rows(answer, names, rows, days)
            got[report] += len(rows) if counts else 0
        for report, count in declared.items():
            if got[report] != count:
                raise FileRefused(
                    f"{self._path}: expected {count} rows, as the answers say, got {got[report]}; fetch it again"
                )
        yield from days.items()

    def _rows(
        self, answer: Mapping[str, Any], names: tuple[tuple[str, ...], tuple[str, ...]], rows: list[Any], days: SiteDays
    ) -> Iterator[Item]:
        told = answer.get("metadata")
        metadata = told if isinstance(told, dict) else {}
        currency = read_currency(text_of(metadata.get("currencyCode"))) or self._options.currency
        refuse_other("currency", self._options.currency, currency)
        if reason := text_of(metadata.get("emptyReason")):
            self.notes.append(f"the answer is empty: {reason[:60]}")
        start = SiteDay(
            account=self._options.account.removeprefix("properties/"), day="", currency=currency, flags=_flags(metadata),
            zone=text_of(metadata.get("timeZone")) or self._options.told_zone,
        )  # fmt: skip
        for row in rows:
            self._row += 1
            problem = self._read(row, names, start, days)
            if problem is not None:
                yield problem

    def _read(
        self, row: Any, names: tuple[tuple[str, ...], tuple[str, ...]], start: SiteDay, days: SiteDays
    ) -> RowProblem | None:
        keys = dict(zip(names[0], _values(row, "dimensionValues"), strict=False))
        figures = dict(zip(names[1], _values(row, "metricValues"), strict=False))
        if len(keys) != len(names[0]) or len(figures) != len(names[1]):
            return self._problem("rows", "a value for each header", "another number of them", "bad_row")
        day = read_day(keys.get("date", ""))
        if day is None:
            return self._problem("date", "a day: ask for the dimension date", shape(keys.get("date", "")), "bad_date")
        if not start.currency:
            return self._problem("currencyCode", "the property's currency, or --currency", "nothing", "no_currency")
        found = replace(
            start, day=day, transaction=transaction_id(keys["transactionId"]) if "transactionId" in keys else "",
            **{ours: keys.get(theirs, "") for theirs, ours in _KEYS.items()},
        )  # fmt: skip
        try:
            numbers = {ours: exact(figures.get(theirs)) for theirs, ours in _FIGURES.items()}
            sessions = whole(figures.get("sessions"))
        except ValueError as wrong:
            days.tear(self._row, found)
            return self._problem("metricValues", "figures as numbers", shape(str(wrong)), "bad_number")
        told = {ours: None if number is None else without_noise(number) for ours, number in numbers.items()}
        days.add(self._row, replace(found, sessions=sessions, **told))
        return None


def _flags(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    found = {
        "sampled": bool(metadata.get("samplingMetadatas")),  # absent: not sampled
        "threshold": metadata.get("subjectToThresholding") is True,
        "other_row": metadata.get("dataLossFromOtherRow") is True,
        "restricted": bool(metadata.get("schemaRestrictionResponse")),
    }
    return tuple(name for name, is_so in sorted(found.items()) if is_so)


def _names(headers: Any) -> list[str]:
    return [text_of(one.get("name")) for one in headers if isinstance(one, dict)] if isinstance(headers, list) else []


def _values(row: Any, name: str) -> list[str]:
    values = row.get(name, []) if isinstance(row, dict) else []
    return (
        [text_of(one.get("value")) if isinstance(one, dict) else "" for one in values]
        if isinstance(values, list)
        else []
    )
