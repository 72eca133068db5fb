"""TikTok: the advertiser, then the basic report per ad and day, page after page.

Owns the questions, the envelope whose ``code`` says more than the status, and that a report which moved between its pages
is asked anew. With days the span is at most 30. Facts: chain.md 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from twofold.config import AccountSettings
from twofold.ledger.lines import Spend, Thing
from twofold.pulling.contract import Platform, Portion, Problem, Span, Who
from twofold.pulling.exchange import Answer, Exchange, Unreached, encode_answer
from twofold.pulling.questions import FORBIDDEN, expired, refused, shown, throttled, unexpected, unreached

ENDPOINT = "https://business-api.tiktok.com"
PATH = "/open_api/v1.3"
PAGE_SIZE = 1_000
METRICS = ("spend", "impressions", "clicks", "conversion", "complete_payment", "campaign_id", "campaign_name", "adgroup_id",
           "adgroup_name", "ad_name")  # fmt: skip
_DAYS = 7
_MAX_PAGES = 1_000
_LOOKS = 3  # how often a report that moves is asked anew
_EXPIRED = 40105
_FORBIDDEN = 40001
_THROTTLED = 40100
_BROKEN = frozenset({50000, 50002})  # their own error: the same question may be answered later


class _Moved(Exception):
    """Rows moved between the pages."""


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    about = _ask(account, exchange, "/advertiser/info/", {"advertiser_ids": f'["{account.id}"]'})
    rows = about["data"].get("list")
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict) or not rows[0].get("currency"):
        raise unexpected(account, "the advertiser's currency")
    told = {key: rows[0].get(key) for key in ("currency", "timezone")}
    head = {"code": 0, "data": {"list": [{"advertiser_id": account.id, **told}]}}
    for part in span.parts(_DAYS):
        pages = _report(account, exchange, part)
        yield Portion(span=part, kind="spend", format="tiktok-report", account=account.id, columns=account.columns,
                      content=b"\n".join(map(encode_answer, [head, *pages])))  # fmt: skip


def _report(account: AccountSettings, exchange: Exchange, span: Span) -> list[dict[str, Any]]:
    for _ in range(_LOOKS):
        try:
            return _pages(account, exchange, span)
        except _Moved:
            continue
    raise Problem(
        "moving_report", Who.NOBODY, "tiktok's report moved each time it was fetched; the next pull tries again"
    )


def _pages(account: AccountSettings, exchange: Exchange, span: Span) -> list[dict[str, Any]]:
    metrics = dict.fromkeys((*METRICS, *account.columns.values()))
    query = {
        "advertiser_id": account.id, "report_type": "BASIC", "service_type": "AUCTION", "data_level": "AUCTION_AD",
        "dimensions": '["ad_id","stat_time_day"]', "metrics": msgspec.json.encode(list(metrics)).decode(),
        "start_date": str(span.since), "end_date": str(span.until), "page_size": str(PAGE_SIZE),
    }  # fmt: skip
    pages: list[dict[str, Any]] = []
    seen: set[str] = set()
    total: int | None = None
    for number in range(1, _MAX_PAGES + 1):
        page = _ask(account, exchange, "/report/integrated/get/", {**query, "page": str(number)})
        rows, info = page["data"].get("list"), page["data"].get("page_info")
        if not isinstance(rows, list) or not isinstance(info, dict):
            raise unexpected(account, "rows and page_info")
        total = info.get("total_number") if total is None else total
        keys = [repr(sorted(row.get("dimensions", {}).items())) for row in rows if isinstance(row, dict)]
        if info.get("total_number") != total or seen.intersection(keys):
            raise _Moved
        seen.update(keys)
        pages.append({"code": 0, "data": {"list": rows, "page_info": info}})
        if number >= (info.get("total_page") or 1):
            if isinstance(total, int) and len(seen) != total:
                raise _Moved
            return pages
    raise unexpected(account, f"at most {_MAX_PAGES} pages")


def _ask(account: AccountSettings, exchange: Exchange, path: str, query: dict[str, str]) -> dict[str, Any]:
    try:
        answer = exchange.get(
            (account.endpoint or ENDPOINT) + PATH + path, query, {"Access-Token": account.token}, again=_again
        )
    except Unreached as err:
        raise unreached(account, err) from None
    document = answer.document()
    code, words = document.get("code"), str(document.get("message", ""))
    if answer.status != 200 and code is None:
        raise refused(account, answer)
    if code == 0 and isinstance(document.get("data"), dict):
        return document
    if code == _EXPIRED or "access token" in words.lower():
        raise expired(account, words)
    if code == _THROTTLED:
        raise throttled(account)
    if code == _FORBIDDEN:
        raise Problem(
            FORBIDDEN, Who.OPERATOR, f"tiktok does not let this token read the advertiser: {shown(account, words)}"
        )
    raise refused(account, answer, f"{code} {words}")


def _again(answer: Answer) -> float | None:
    code = answer.document().get("code")
    return 0 if code == _THROTTLED or code in _BROKEN else None


def nothing(thing: Thing) -> dict[str, Any] | None:
    """An ad that a whole report of the day does not tell any more."""
    if not isinstance(thing, Spend) or not thing.ad_id:
        return None
    metrics = {
        "spend": "0", "impressions": "0", "clicks": "0", "campaign_id": thing.campaign_id, "campaign_name": thing.campaign,
        "adgroup_id": thing.adset_id, "adgroup_name": thing.adset, "ad_name": thing.ad,
    }  # fmt: skip
    return {
        "code": 0,
        "data": {"list": [{"dimensions": {"ad_id": thing.ad_id, "stat_time_day": thing.day}, "metrics": metrics}]},
    }


TIKTOK = Platform(name="tiktok", source="tiktok", fetch=fetch, nothing=nothing)
