"""Answers of Meta's Insights API, per ad and day, page after page; with the ad account's own answer if it is there.

Owns which of an action's names is taken, and its windows. Facts: chain.md 3.1 and meta.md 12, November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from twofold.errors import FileRefused
from twofold.event.scalars import read_currency
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.advertising.sums import AdDays
from twofold.importing.statements.answers import AnswersFile, exact, signs_in, text_of, whole
from twofold.importing.statements.cells import refuse_other
from twofold.importing.statements.contract import Item, StatementFile, StatementOptions
from twofold.ledger.lines import Claim, Spend

PURCHASE = ("omni_purchase", "purchase", "onsite_web_purchase", "offsite_conversion.fb_pixel_purchase")
"""All of them carry the whole number: the first that is there is taken."""
SITE = "offsite_conversion.fb_pixel_purchase"
_WINDOW = re.compile(r"(?:[0-9]+d_(?:click|view|ev|sequenced)(?:_[a-z]+_conversions)?|dda|skan_click|skan_view)")
_LEVELS = (("ad", "ad_id"), ("adset", "adset_id"), ("campaign", "campaign_id"))


class MetaInsights:
    name = "meta-insights"
    kind = "spend"
    title = "answers of Meta's Insights API"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path  # known by its text alone
        return signs_in(sample, survey, ("date_start", "spend"), ("date_stop", "account_currency", "actions", "ad_id",
                        "action_values", "paging"))  # fmt: skip

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        return _Answers(path, survey, options)


class _Answers(AnswersFile):
    format = MetaInsights.name
    title = MetaInsights.title

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        super().__init__(path, survey, options)
        self._zones: dict[str, str] = {}

    def items(self) -> Iterator[Item]:
        days = AdDays()
        for document in self._answers():
            if "error" in document:
                raise FileRefused(f"{self._path}: expected an answer with rows, got Meta's error")
            for row in self._rows_of(document):
                self._row += 1
                found = self._read(row, days)
                if found is not None:
                    yield found
        yield from days.items()

    def _rows_of(self, document: Mapping[str, Any]) -> list[Any]:
        if "timezone_name" in document:  # the account's own answer
            account = text_of(document.get("account_id") or document.get("id")).removeprefix("act_")
            self._zones[account] = text_of(document["timezone_name"])
            return []
        if "date_start" in document:
            return [document]
        data = document.get("data")
        if not isinstance(data, list):
            raise FileRefused(f"{self._path}: expected answers with `data`, got another JSON object")
        return data

    def _read(self, row: Any, days: AdDays) -> Item | None:
        if not isinstance(row, dict):
            return self._problem("", "an object", "another value", "bad_row")
        account = text_of(row.get("account_id")).removeprefix("act_") or self._options.account.removeprefix("act_")
        refuse_other("account", self._options.account.removeprefix("act_"), account)
        currency = read_currency(text_of(row.get("account_currency"))) or self._options.currency
        refuse_other("currency", self._options.currency, currency)
        if not currency:
            return self._problem("account_currency", "a currency in the row, or --currency", "nothing", "no_currency")
        start, stop = text_of(row.get("date_start")), text_of(row.get("date_stop"))
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", start):
            return self._problem("date_start", "a day, 2026-03-10", shape(start), "bad_date")
        if stop and stop != start:
            return self._problem("date_stop", "one day a row: ask with time_increment=1", f"a period, {start} to {stop}",
                                 "period")  # fmt: skip
        level = next((level for level, key in _LEVELS if row.get(key)), "account")
        try:
            spend = self._spend(row, account, level, start, currency)
        except ValueError as wrong:
            return self._problem("spend", "figures as numbers", shape(str(wrong)), "bad_number")
        if spend is None:
            return self._problem("spend", "what it cost", "nothing", "no_amount")
        return days.add(self._row, spend, cells=[repr(row)])

    def _spend(self, row: Mapping[str, Any], account: str, level: str, day: str, currency: str) -> Spend | None:
        amount = exact(row.get("spend"))
        if amount is None:
            return None
        actions, values = _items(row.get("actions")), _items(row.get("action_values"))
        taken = next((name for name in PURCHASE if name in actions or name in values), "")
        return Spend(
            source="meta", account=account, level=level, day=day, zone=self._zone(account), currency=currency,
            campaign_id=text_of(row.get("campaign_id")), campaign=text_of(row.get("campaign_name")),
            adset_id=text_of(row.get("adset_id")), adset=text_of(row.get("adset_name")),
            ad_id=text_of(row.get("ad_id")), ad=text_of(row.get("ad_name")),
            amount=amount, impressions=whole(row.get("impressions")), clicks=whole(row.get("clicks")),
            setting=text_of(row.get("attribution_setting")),
            claims=_claims(taken, actions, values), site_claims=_claims(SITE, actions, values),
        )  # fmt: skip

    def _zone(self, account: str) -> str:
        return self._zones.get(account) or self._options.told_zone


def _items(value: Any) -> dict[str, Mapping[str, Any]]:
    found = value if isinstance(value, list) else []
    return {text_of(item.get("action_type")): item for item in found if isinstance(item, dict)}


def _claims(
    name: str, actions: Mapping[str, Mapping[str, Any]], values: Mapping[str, Mapping[str, Any]]
) -> tuple[Claim, ...]:
    """``value`` follows the ad set's own setting; the others are asked-for windows, which overlap."""
    counts, worths = actions.get(name, {}), values.get(name, {})
    windows = {key for key in (*counts, *worths) if _WINDOW.fullmatch(key)}
    found = []
    for window in ("value", *sorted(windows)):
        count, value = exact(counts.get(window)), exact(worths.get(window))
        if count is not None or value is not None:
            found.append(Claim(window="setting" if window == "value" else window, count=count, value=value, alias=name))
    return tuple(found)
