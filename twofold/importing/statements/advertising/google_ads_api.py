"""Answers of the Google Ads API's searchStream: a list of batches, of ads and, beside them, of campaigns.

Owns the money in millionths, the two days of a conversion, and what a campaign cost beyond its ads: Performance Max and
others have none. Facts: chain.md 3.1, November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.event.scalars import read_currency
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.advertising.sums import AdDays
from twofold.importing.statements.answers import AnswersFile, exact, signs_in, text_of, whole
from twofold.importing.statements.cells import refuse_other
from twofold.importing.statements.contract import Item, StatementFile, StatementOptions, Unbalanced
from twofold.ledger.lines import REST, Claim, Spend

MICRO = Decimal(1_000_000)


class GoogleAdsApi:
    name = "google-ads-api"
    kind = "spend"
    title = "answers of the Google Ads API"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path  # known by its text alone
        return signs_in(sample, survey, ("results", "metrics"), ("costMicros", "currencyCode", "fieldMask", "requestId",
                        "customer", "segments"))  # fmt: skip

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        return _Answers(path, survey, options)


class _Answers(AnswersFile):
    format = GoogleAdsApi.name
    title = GoogleAdsApi.title

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        super().__init__(path, survey, options)
        self._ads: dict[tuple[str, ...], Decimal] = {}  # (account, campaign, day) -> what its ads cost
        self._campaigns: list[tuple[int, Spend]] = []

    def items(self) -> Iterator[Item]:
        days = AdDays()
        for batch in self._answers():
            if "error" in batch:
                raise FileRefused(f"{self._path}: expected an answer with results, got Google's error")
            results = batch.get("results", [])
            if not isinstance(results, list):
                raise FileRefused(f"{self._path}: expected batches with `results`, got another JSON object")
            for row in results:
                self._row += 1
                found = self._read(row, days)
                if found is not None:
                    yield found
        yield from self._beyond_ads(days)
        yield from days.items()

    def _read(self, row: Any, days: AdDays) -> Item | None:
        if not isinstance(row, dict):
            return self._problem("", "an object", "another value", "bad_row")
        try:
            spend = self._spend(row)
        except ValueError as wrong:
            return self._problem("metrics", "figures as numbers", shape(str(wrong)), "bad_number")
        if isinstance(spend, RowProblem):
            return spend
        if spend.level == "campaign":
            self._campaigns.append((self._row, spend))
            return None
        place = _campaign(spend)
        self._ads[place] = self._ads.get(place, Decimal(0)) + spend.amount
        return days.add(self._row, spend)

    def _spend(self, row: Mapping[str, Any]) -> Spend | RowProblem:
        customer, metrics = _part(row, "customer"), _part(row, "metrics")
        campaign, group, ad = _part(row, "campaign"), _part(row, "adGroup"), _part(_part(row, "adGroupAd"), "ad")
        day = text_of(_part(row, "segments").get("date"))
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            return self._problem("segments.date", "a day: ask for segments.date", shape(day), "bad_date")
        account = text_of(customer.get("id")) or self._options.account
        refuse_other("account", self._options.account.replace("-", ""), account.replace("-", ""))
        currency = read_currency(text_of(customer.get("currencyCode"))) or self._options.currency
        refuse_other("currency", self._options.currency, currency)
        if not currency:
            return self._problem(
                "customer.currencyCode", "a currency in the row, or --currency", "nothing", "no_currency"
            )
        level = (
            "ad" if ad.get("id") else "adset" if group.get("id") else "campaign" if campaign.get("id") else "account"
        )
        return Spend(
            source="google_ads", account=account.replace("-", ""), level=level, day=day,
            zone=text_of(customer.get("timeZone")) or self._options.told_zone,
            campaign_id=text_of(campaign.get("id")), campaign=text_of(campaign.get("name")),
            adset_id=text_of(group.get("id")), adset=text_of(group.get("name")),
            ad_id=text_of(ad.get("id")), ad=text_of(ad.get("name")), currency=currency,
            amount=(exact(metrics.get("costMicros")) or Decimal(0)) / MICRO,  # a metric of 0 may be left out
            impressions=whole(metrics.get("impressions")), clicks=whole(metrics.get("clicks")), claims=_claims(metrics),
        )  # fmt: skip

    def _beyond_ads(self, days: AdDays) -> Iterator[Unbalanced]:
        """A campaign's day less its ads'. A file of campaigns alone keeps them whole."""
        with_ads = bool(self._ads)
        for row, spend in self._campaigns:
            ads = self._ads.get(_campaign(spend), Decimal(0))
            if not with_ads:
                days.add(row, spend)
            elif spend.amount >= ads:  # also nothing beyond them is told: it may have been something before
                days.add(row, _rest(spend, spend.amount - ads, alone=not ads))
            else:
                yield Unbalanced(what="total", id=f"campaign {spend.campaign_id}, {spend.day}", currency=spend.currency,
                                 entries=ads, closing=spend.amount, difference=spend.amount - ads)  # fmt: skip


def _rest(spend: Spend, amount: Decimal, *, alone: bool) -> Spend:
    """``alone``: the campaign has no ads at all, so that its other figures are its own too."""
    if alone:
        return replace(spend, level=REST, amount=amount)
    return replace(spend, level=REST, amount=amount, impressions=None, clicks=None, claims=())


def _campaign(spend: Spend) -> tuple[str, ...]:
    return spend.account, spend.campaign_id, spend.day, spend.currency


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def _claims(metrics: Mapping[str, Any]) -> tuple[Claim, ...]:
    found = []
    for window, count, value, alias in (
        ("click_day", "conversions", "conversionsValue", "conversions"),
        ("conversion_day", "conversionsByConversionDate", "conversionsValueByConversionDate",
         "conversions_by_conversion_date"),
        ("view_through", "viewThroughConversions", "", "view_through_conversions"),
    ):  # fmt: skip
        number, worth = exact(metrics.get(count)), exact(metrics.get(value)) if value else None
        if number is not None or worth is not None:
            found.append(Claim(window=window, count=number, value=worth, alias=alias))
    return tuple(found)
