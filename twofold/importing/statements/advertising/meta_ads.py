"""Meta Ads Manager's "Export table data": CSV or XLSX with English headers, others by a mapping.

Owns which columns it has, which rows are periods or totals, and which of its columns says a purchase. The claimed ROAS
is read from nothing: it is worked out. Facts: chain.md 3.1, from public parsers and their samples, November 2026.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from twofold.errors import FileRefused
from twofold.importing.readers.tables import Survey
from twofold.importing.statements.advertising.report import ReportFile, level_of
from twofold.importing.statements.advertising.sums import Total
from twofold.importing.statements.cells import (
    Cells,
    Headers,
    Sheet,
    count_signs,
    currency_for,
    open_report,
    refuse_other,
)
from twofold.importing.statements.contract import Dropped, StatementFile, StatementOptions
from twofold.ledger.lines import Claim, Spend

HEADERS: Headers = {
    "day": ("Day",),
    "starts": ("Reporting starts",),
    "ends": ("Reporting ends",),
    "account": ("Account ID",),
    "campaign": ("Campaign name",),
    "campaign_id": ("Campaign ID",),
    "adset": ("Ad set name",),
    "adset_id": ("Ad set ID",),
    "ad": ("Ad name",),
    "ad_id": ("Ad ID",),
    "amount": ("Amount spent",),
    "currency": ("Currency",),
    "impressions": ("Impressions",),
    "clicks": ("Clicks (all)", "Link clicks"),
    "purchases": ("Purchases",),
    "purchases_value": ("Purchases conversion value",),
    "website_purchases": ("Website purchases", "Direct website purchases"),
    "website_purchases_value": ("Website purchases conversion value", "Direct website purchases conversion value"),
    "results": ("Results",),
    "results_value": ("Results value",),
    "result_indicator": ("Result indicator",),
    "attribution_setting": ("Attribution setting",),
}
_MONEY = ("amount", "purchases", "purchases_value", "website_purchases", "website_purchases_value", "results",
          "results_value")  # fmt: skip
_NAMES = ("campaign", "campaign_id", "adset", "adset_id", "ad", "ad_id")


class MetaAds:
    name = "meta-ads"
    kind = "spend"
    title = "Meta Ads Manager, exported table data"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        count = count_signs(path, survey, sample, HEADERS, ("amount",))
        return count if count >= 3 else 0

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        needs = ["amount"]
        sheet = Sheet(
            open_report(path, survey, options, HEADERS),
            options,
            HEADERS,
            needs=needs,
            money=_MONEY,
            days=("day", "starts", "ends"),
            point=True,
        )
        if not sheet.has("day"):
            for field in ("starts", "ends"):
                if not sheet.has(field):
                    raise FileRefused(f"{path}: expected a column Day, got none; export with the breakdown By day")
        refuse_other("currency", options.currency, sheet.currencies.get("amount", ""))
        return ReportFile(self.name, self.title, sheet, _Judge(sheet), claims=_claims)


class _Judge:
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._level = level_of(sheet)
        self._names = [field for field in _NAMES if sheet.has(field)]

    def __call__(self, row: Cells) -> Total | Dropped | Spend:
        options = self._sheet.options
        by_day = self._sheet.has("day")
        unnamed = not any(row.text(field) for field in self._names) if self._names else False
        if unnamed or (not self._names and by_day and not row.text("day")):
            return Total(row=row.row, name="total row", amount=row.money("amount"), currency=_currency(row))
        account = row.id("account").removeprefix("act_") or options.account
        refuse_other("account", options.account.removeprefix("act_"), account.removeprefix("act_"))
        return Spend(
            source="meta", account=account.removeprefix("act_"), level=self._level, day=_day(row, by_day),
            zone=options.told_zone,
            campaign_id=row.id("campaign_id"), campaign=row.name("campaign"),
            adset_id=row.id("adset_id"), adset=row.name("adset"), ad_id=row.id("ad_id"), ad=row.name("ad"),
            currency=_currency(row), amount=Decimal(0), setting=row.name("attribution_setting"),
        )  # fmt: skip


def _currency(row: Cells) -> str:
    found = currency_for(row, "amount")
    refuse_other("currency", row.sheet.options.currency, found)
    return found


def _day(row: Cells, by_day: bool) -> str:
    if by_day:
        return row.needed("day", row.day("day"), "a day", "no_day")
    starts, ends = row.day("starts"), row.day("ends")
    if not starts or starts != ends:
        raise row.misread(
            "starts",
            "one day a row: export with the breakdown By day",
            f"a period, {starts or 'nothing'} to {ends or 'nothing'}",
            "period",
        )
    return starts


def _claims(row: Cells) -> tuple[tuple[Claim, ...], tuple[Claim, ...], list[str]]:
    """The purchases that Meta claims, once; the website's part of them apart."""
    hidden: list[str] = []
    purchases = _claim(row, "purchases", hidden)
    website = _claim(row, "website_purchases", hidden)
    main = purchases
    if not row.sheet.has("purchases") and not row.sheet.has("purchases_value"):
        main = _results(row, hidden) or website
    return (main,) if main else (), (website,) if website else (), hidden


def _claim(row: Cells, field: str, hidden: list[str], alias: str = "") -> Claim | None:
    alias = alias or field
    value_field = "results_value" if field == "results" else f"{field}_value"
    for place, what in ((field, "count"), (value_field, "value")):
        if row.masked(place):
            hidden.append(f"{alias} {what}")
    count, value = row.money(field), row.money(value_field)
    if count is None and value is None and not any(one.startswith(f"{alias} ") for one in hidden):
        return None
    return Claim(window="setting", count=count, value=value, alias=alias)


def _results(row: Cells, hidden: list[str]) -> Claim | None:
    """Results of a campaign are what it was set to bring: purchases only where the indicator says so."""
    indicator = row.name("result_indicator")
    if not re.search(r"purchase", indicator, re.I):
        return None
    return _claim(row, "results", hidden, alias=indicator)
