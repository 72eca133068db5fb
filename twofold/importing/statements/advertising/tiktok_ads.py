"""TikTok Ads Manager's export: XLSX or CSV by day.

Owns its columns and which of its rows sum others. Facts: chain.md 3.1, from public parsers, November 2026.
"""

from __future__ import annotations

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
    "day": ("By Day", "Date"),
    "account": ("Advertiser ID",),
    "campaign": ("Campaign name",),
    "campaign_id": ("Campaign ID",),
    "adset": ("Ad group name",),
    "adset_id": ("Ad group ID",),
    "ad": ("Ad name",),
    "ad_id": ("Ad ID",),
    "currency": ("Currency",),
    "amount": ("Cost",),
    "impressions": ("Impressions",),
    "clicks": ("Clicks (destination)",),
    "conversions": ("Conversions",),
    # Signs by which it is told from others; never read.
    "landing_page": ("Website URL (Ad level)",),
    "cost_per_conversion": ("Cost per conversion",),
    "cpc": ("CPC (destination)",),
    "ctr": ("CTR (destination)",),
}
_NAMES = ("campaign", "campaign_id", "adset", "adset_id", "ad", "ad_id")


class TikTokAds:
    name = "tiktok-ads"
    kind = "spend"
    title = "TikTok Ads Manager export"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        return count_signs(path, survey, sample, HEADERS, ("amount", "campaign"))

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        sheet = Sheet(
            open_report(path, survey, options, HEADERS),
            options,
            HEADERS,
            needs=("amount",),
            money=("amount", "conversions"),
            days=("day",),
        )
        if not sheet.has("day"):
            raise FileRefused(f"{path}: expected a column By Day or Date, got a report of a period; export it by day")
        found = ReportFile(self.name, self.title, sheet, _Judge(sheet), claims=_claims)
        found.notes.append("Conversions are what each ad group was set to bring, not purchases alone")
        return found


class _Judge:
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._level = level_of(sheet)
        self._ids = [field for field in _NAMES if field.endswith("_id") and sheet.has(field)]

    def __call__(self, row: Cells) -> Total | Dropped | Spend:
        if self._sums(row):
            return Total(row=row.row, name=row.text("campaign"), amount=row.money("amount"), currency=_currency(row))
        options = self._sheet.options
        if not any(row.name(field) for field in _NAMES):
            return Dropped(row=row.row, reason="unnamed")
        account = row.id("account") or options.account
        refuse_other("account", options.account, account)
        return Spend(
            source="tiktok", account=account, level=self._level,
            day=row.needed("day", row.day("day"), "a day", "no_day"),
            zone=options.told_zone,
            campaign_id=row.id("campaign_id"), campaign=row.name("campaign"),
            adset_id=row.id("adset_id"), adset=row.name("adset"), ad_id=row.id("ad_id"), ad=row.name("ad"),
            currency=_currency(row), amount=Decimal(0),
        )  # fmt: skip

    def _sums(self, row: Cells) -> bool:
        """A campaign may be called Total Look: then it has an id and a day."""
        names = [row.text(field) for field in ("campaign", "adset", "ad")]
        if not any("Total" in name for name in names):
            return False
        has_day = bool(row.text("day")) and not row.masked("day")
        return not (self._ids and has_day and all(row.id(field) for field in self._ids))


def _currency(row: Cells) -> str:
    found = currency_for(row, "amount")
    refuse_other("currency", row.sheet.options.currency, found)
    return found


def _claims(row: Cells) -> tuple[tuple[Claim, ...], tuple[Claim, ...], list[str]]:
    hidden = ["conversions count"] if row.masked("conversions") else []
    count = row.money("conversions")
    if count is None:
        return (), (), hidden
    return (Claim(window="setting", count=count, alias="conversions"),), (), hidden
