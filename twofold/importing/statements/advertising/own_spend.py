"""What advertising cost, as the operator's own table, or any other by a mapping: influencers, agencies, print, and
platforms whose exports have no reader of their own.

Owns its columns, the unit of an amount (Snap, X and Reddit count in millionths), and what was invoiced beside what was
reported.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.importing.readers.tables import Survey
from twofold.importing.statements.advertising.table import IDS, AdTable
from twofold.importing.statements.cells import (
    Cells,
    Headers,
    Sheet,
    count_signs,
    currency_for,
    open_report,
)
from twofold.importing.statements.contract import UNITS, Dropped, Item, StatementFile, StatementOptions
from twofold.ledger.lines import INVOICE, Claim, Spend

HEADERS: Headers = {
    "day": ("day", "date"),
    "until": ("until",),  # of a report whose rows may be periods: these are refused
    "source": ("source", "channel", "platform"),
    "account": ("account", "account id"),
    "campaign": ("campaign", "campaign name"),
    "campaign_id": ("campaign_id",),
    "adset": ("adset", "ad set", "ad group"),
    "adset_id": ("adset_id", "ad group id"),
    "ad": ("ad", "ad name"),
    "ad_id": ("ad_id",),
    "spend": ("spend", "amount", "cost"),
    "invoiced": ("invoiced",),
    "currency": ("currency",),
    "impressions": ("impressions",),
    "clicks": ("clicks",),
    "claimed_count": ("claimed_count",),
    "claimed_value": ("claimed_value",),
    "attribution_setting": ("attribution_setting",),
}
_MONEY = ("spend", "invoiced", "claimed_count", "claimed_value")


class OwnSpend:
    name = "spend"
    kind = "spend"
    title = "table of advertising spend"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        if survey.kind == "json":
            return 0
        count = count_signs(path, survey, sample, HEADERS, ("day", "spend"))
        own = count_signs(path, survey, sample, {"source": HEADERS["source"]}, ("source",))
        return min(count, 3) if own else 0  # what a platform's own format knows better is that format

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        sheet = Sheet(
            open_report(path, survey, options, HEADERS),
            options,
            HEADERS,
            needs=("day",),
            money=_MONEY,
            days=("day", "until"),
        )
        if not sheet.has("spend") and not sheet.has("invoiced"):
            raise FileRefused(f"{path}: expected a column spend or invoiced, got neither")
        if not sheet.has("source") and not options.source:
            raise FileRefused(f"{path}: expected a column source, got none; or set `source` of the [[import]]")
        return _SpendTable(sheet)


class _SpendTable(AdTable):
    format = OwnSpend.name
    title = OwnSpend.title

    def __init__(self, sheet: Sheet) -> None:
        super().__init__(sheet)
        self._unit = UNITS[sheet.options.unit]

    def _read(self, row: Cells) -> Item | None:
        keys = self._keys(row)
        if keys is None:
            return Dropped(row=row.row, reason="total")
        return self._keep(row, keys)

    def _keys(self, row: Cells) -> Spend | None:
        """None for a row without a day and names, which sums others."""
        sheet, options = self._sheet, self._sheet.options
        day = row.day("day")
        until = row.day("until")
        if until and until != day:
            raise row.misread("day", "one day a row", f"a period, {day or 'nothing'} to {until}", "period")
        names: dict[str, Any] = {f: row.name(f) for f in ("campaign", "adset", "ad")} | {f: row.id(f) for f in IDS}
        if not day and not any(names.values()):
            return None
        level = next((one for one in ("ad", "adset", "campaign") if names[one] or names[f"{one}_id"]), "account")
        return Spend(
            source=_word(row.text("source")) or _word(options.source) if sheet.has("source") else _word(options.source),
            account=row.id("account") or options.account, level=level, day=row.needed("day", day, "a day", "no_day"),
            zone=options.told_zone, currency=currency_for(row, "spend" if sheet.has("spend") else "invoiced"), amount=Decimal(0),
            setting=row.name("attribution_setting"), **names,
        )  # fmt: skip

    def _add(self, row: Cells, keys: Spend) -> Item | None:
        if not keys.source:
            raise row.misread("source", "who was paid: a platform, a channel", "nothing", "no_source")
        amount, invoiced = row.money("spend"), row.money("invoiced")
        if amount is None and invoiced is None:
            raise row.misread("spend", "what it cost", "nothing", "masked" if row.masked("spend") else "no_amount")
        if amount is None:
            # An invoice of a month is no restatement of that day's spend: it stands beside it.
            return self._days.add(row.row, replace(keys, level=INVOICE, invoiced=invoiced))
        hidden = [field for field in ("impressions", "clicks") if row.masked(field)]
        hidden += [f"claimed {what}" for what in ("count", "value") if row.masked(f"claimed_{what}")]
        count, value = row.money("claimed_count"), row.money("claimed_value")
        claims = () if count is None and value is None else (
            Claim(window="setting", count=count, value=None if value is None else value * self._unit, alias="claimed"),
        )  # fmt: skip
        spend = replace(keys, amount=amount * self._unit, invoiced=invoiced, impressions=row.count("impressions"),
                        clicks=row.count("clicks"), claims=claims)  # fmt: skip
        return self._days.add(row.row, spend, unknown=hidden)


def _word(text: str) -> str:
    """A platform's or channel's name as one word: `Google Ads` and `google_ads` are one source."""
    return "_".join(text.casefold().replace("-", " ").replace("_", " ").split())
