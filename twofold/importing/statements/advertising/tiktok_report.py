"""Answers of TikTok's Reporting API, page after page, by ad and day; with the advertiser's own answer if it is there.

Owns its envelope, what a report that moved between its pages looks like, and its zones, whose sign is reversed. The
names of its value metrics changed over time: which one is the purchases' value is a setting (``claimed_value``). Facts:
chain.md 3.1, November 2026.
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
from twofold.importing.statements.answers import AnswersFile, exact, signs_in, text_of, whole
from twofold.importing.statements.cells import refuse_other
from twofold.importing.statements.contract import Item, StatementFile, StatementOptions
from twofold.ledger.lines import Claim, Spend, Told

COUNT = "complete_payment"


class TikTokReport:
    name = "tiktok-report"
    kind = "spend"
    title = "answers of TikTok's Reporting API"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path  # known by its text alone
        return signs_in(sample, survey, ("dimensions", "metrics"), ("stat_time_day", "page_info", "code", "list", "ad_id",
                        "spend"))  # fmt: skip

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        return _Answers(path, survey, options)


class _Answers(AnswersFile):
    format = TikTokReport.name
    title = TikTokReport.title

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        super().__init__(path, survey, options)
        self._account = options.account
        self._currency = options.currency
        self._zone = options.told_zone
        self._seen: set[tuple[str, ...]] = set()
        self._total: int | None = None
        self._paged = 0  # of them on numbered pages

    def items(self) -> Iterator[Item]:
        for document in self._answers():
            if document.get("code", 0) != 0:
                raise FileRefused(
                    f"{self._path}: expected an answer with code 0, got code {shape(str(document['code']))}"
                )
            data = document.get("data")
            rows = data.get("list") if isinstance(data, dict) else None
            if not isinstance(rows, list):
                raise FileRefused(f"{self._path}: expected answers with data.list, got another JSON object")
            paged = self._check_page(data)
            for row in rows:
                if isinstance(row, dict) and "dimensions" not in row and row.get("advertiser_id"):
                    self._of_advertiser(row)
                    continue
                self._row += 1
                self._paged += paged
                yield self._read(row)
        if self._total is not None and self._total != self._paged:
            raise FileRefused(
                f"{self._path}: expected {self._total} rows, as its pages say, got {self._paged}; fetch it again"
            )

    def _check_page(self, data: Any) -> bool:
        """True for a page that counts its rows."""
        info = data.get("page_info")
        if not isinstance(info, dict):
            return False
        total = info.get("total_number")
        if isinstance(total, int):
            if self._total is not None and total != self._total:
                raise FileRefused(
                    f"{self._path}: expected {self._total} rows on every page, got {total}: the report moved while it "
                    "was fetched; fetch it again"
                )
            self._total = total
        return True

    def _of_advertiser(self, row: Mapping[str, Any]) -> None:
        self._account = text_of(row["advertiser_id"])
        refuse_other("account", self._options.account, self._account)
        told = read_currency(text_of(row.get("currency"))) or ""
        refuse_other("currency", self._options.currency, told)
        self._currency = told or self._currency
        self._zone = text_of(row.get("timezone")) or self._zone

    def _read(self, row: Any) -> Item:
        if not isinstance(row, dict):
            return self._problem("", "an object", "another value", "bad_row")
        keys, metrics = row.get("dimensions"), row.get("metrics")
        if not isinstance(keys, dict) or not isinstance(metrics, dict):
            return self._problem("", "dimensions and metrics", "a row without them", "bad_row")
        day = text_of(keys.get("stat_time_day"))[:10]
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            return self._problem("stat_time_day", "a day", shape(day), "bad_date")
        if not self._currency:
            return self._problem("currency", "the advertiser's currency, or --currency", "nothing", "no_currency")
        ids = [text_of(keys.get(name) or metrics.get(name)) for name in ("ad_id", "adgroup_id", "campaign_id")]
        place = (*ids, day)
        if place in self._seen:
            raise FileRefused(f"{self._path}: expected each ad and day once, got {day} twice for one: the report moved "
                              "while it was fetched; fetch it again")  # fmt: skip
        self._seen.add(place)
        try:
            spend = self._spend(ids, metrics, day)
        except ValueError as wrong:
            return self._problem("metrics", "figures as numbers", shape(str(wrong)), "bad_number")
        if spend is None:
            return self._problem("spend", "what it cost", "nothing", "no_amount")
        return Told(row=self._row, thing=spend)

    def _spend(self, ids: list[str], metrics: Mapping[str, Any], day: str) -> Spend | None:
        amount = exact(metrics.get("spend"))
        if amount is None:
            return None
        ad, group, campaign = ids
        return Spend(
            source="tiktok", account=self._account, day=day, zone=self._zone, currency=self._currency,
            level="ad" if ad else "adset" if group else "campaign" if campaign else "account",
            campaign_id=campaign, campaign=text_of(metrics.get("campaign_name")),
            adset_id=group, adset=text_of(metrics.get("adgroup_name")), ad_id=ad, ad=text_of(metrics.get("ad_name")),
            amount=amount, impressions=whole(metrics.get("impressions")), clicks=whole(metrics.get("clicks")),
            claims=self._claims(metrics),
        )  # fmt: skip

    def _claims(self, metrics: Mapping[str, Any]) -> tuple[Claim, ...]:
        columns = self._options.columns
        counted = columns.get("claimed_count") or (COUNT if COUNT in metrics else "conversion")
        valued = columns.get("claimed_value", "")
        count, value = exact(metrics.get(counted)), exact(metrics.get(valued)) if valued else None
        if count is None and value is None:
            return ()
        return (Claim(window="setting", count=count, value=value, alias=counted),)
