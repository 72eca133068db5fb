"""Google Ads' report download: title, period, header, rows, up to seven totals; CSV, XLSX or UTF-16 with tabs.

Owns its columns, which of its totals is of the whole file, and the two days on which it counts a conversion. Facts:
chain.md 3.1, from public parsers, November 2026.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from twofold.errors import FileRefused
from twofold.importing.readers.layout import fold_word
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
    read_day,
    refuse_other,
)
from twofold.importing.statements.contract import Dropped, StatementFile, StatementOptions
from twofold.ledger.lines import Claim, Spend

HEADERS: Headers = {
    "day": ("Day",),
    "account": ("Customer ID", "External customer ID"),
    "campaign": ("Campaign",),
    "campaign_id": ("Campaign ID",),
    "adset": ("Ad group",),
    "adset_id": ("Ad group ID",),
    "ad": ("Ad name",),
    "ad_id": ("Ad ID",),
    "currency": ("Currency code", "Currency"),
    "amount": ("Cost",),
    "impressions": ("Impr.", "Impressions"),
    "clicks": ("Clicks",),
    "conversions": ("Conversions",),
    "conversions_value": ("Conv. value",),
    "by_day": ("Conversions (by conv. time)",),
    "by_day_value": ("Conv. value (by conv. time)",),
    "view_through": ("View-through conv.",),
    "type": ("Campaign type",),
    "status": ("Campaign status",),
}
_MONEY = ("amount", "conversions", "conversions_value", "by_day", "by_day_value", "view_through")
_TOTAL = re.compile(r"\s*total\s*:\s*(.*)", re.I)
_WHOLE = ("account", "campaigns", "ad groups", "ads", "filtered", "all ", "manager", "my client center")
_PERIOD = re.compile(r"(.+?\d{4})(?:\s+[-–—]\s+(.+\d{4}))?")


class GoogleAds:
    name = "google-ads"
    kind = "spend"
    title = "Google Ads report"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        return count_signs(path, survey, sample, HEADERS, ("amount", "campaign"))

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        sheet = Sheet(
            open_report(path, survey, options, HEADERS),
            options,
            HEADERS,
            needs=("amount",),
            money=_MONEY,
            days=("day",),
        )
        period = "" if sheet.has("day") else _one_day(sheet.table.preamble)
        if not sheet.has("day") and not period:
            raise FileRefused(f"{path}: expected a column Day, got a report of a period; add the segment Time, Day")
        found = ReportFile(self.name, self.title, sheet, _Judge(sheet, period), claims=_claims,
                           kind=lambda row: fold_word(row.name("type")))  # fmt: skip
        found.notes.append("Conversions stand on the day of the click, those by conversion time on their own day")
        return found


def _one_day(preamble: list[str]) -> str:
    """The day of a report whose period is one day; empty for any longer one."""
    for line in preamble:
        found = _PERIOD.fullmatch(line.strip().strip('",;\t'))
        if found:
            first, last = read_day(found[1]), read_day(found[2] or found[1])
            return first if first and first == last else ""
    return ""


class _Judge:
    def __init__(self, sheet: Sheet, day: str) -> None:
        self._sheet = sheet
        self._day = day
        self._level = level_of(sheet)

    def __call__(self, row: Cells) -> Total | Dropped | Spend:
        found = next((total for cell in row.cells[:4] if (total := _TOTAL.fullmatch(cell))), None)
        if found:
            name = " ".join(found[1].split())
            whole = name.casefold().startswith(_WHOLE)
            return Total(row=row.row, name=f"Total: {name}", amount=row.money("amount"), currency=_code(row),
                         kind="" if whole else fold_word(name))  # fmt: skip
        options = self._sheet.options
        account = re.sub(r"\D", "", row.id("account")) or options.account
        refuse_other("account", re.sub(r"\D", "", options.account), re.sub(r"\D", "", account))
        return Spend(
            source="google_ads", account=re.sub(r"[ -]", "", account), level=self._level,
            day=self._day or row.needed("day", row.day("day"), "a day", "no_day"),
            zone=options.told_zone,
            campaign_id=row.id("campaign_id"), campaign=row.name("campaign"),
            adset_id=row.id("adset_id"), adset=row.name("adset"), ad_id=row.id("ad_id"), ad=row.name("ad"),
            currency=_currency(row), amount=Decimal(0),
        )  # fmt: skip


def _code(row: Cells) -> str:
    """A total of several currencies has none."""
    return row.text("currency") if re.fullmatch("[A-Z]{3}", row.text("currency")) else ""


def _currency(row: Cells) -> str:
    found = currency_for(row, "amount")
    refuse_other("currency", row.sheet.options.currency, found)
    return found


def _claims(row: Cells) -> tuple[tuple[Claim, ...], tuple[Claim, ...], list[str]]:
    found: list[Claim] = []
    hidden: list[str] = []
    for field, value, window, alias in (
        ("conversions", "conversions_value", "click_day", "conversions"),
        ("by_day", "by_day_value", "conversion_day", "conversions_by_conversion_date"),
        ("view_through", "", "view_through", "view_through_conversions"),
    ):
        for place, what in ((field, "count"), (value, "value")):
            if place and row.masked(place):
                hidden.append(f"{alias} {what}")
        count, worth = row.money(field), row.money(value) if value else None
        if count is not None or worth is not None:
            found.append(Claim(window=window, count=count, value=worth, alias=alias))
    return tuple(found), (), hidden
