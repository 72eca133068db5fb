"""Meta: the ad account, then Insights per ad and day, week after week, page after page.

Owns what is asked and which of its errors mean that we should wait, ask for less, or that somebody must act. Graph answers
most refusals with 400 and a code of its own. Facts: chain.md 3.1 and meta.md 12; Graph API, "Handle errors" and "Rate
limits".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from twofold.config import AccountSettings
from twofold.ledger.lines import Spend, Thing
from twofold.pulling.contract import Platform, Portion, Problem, Span, Who
from twofold.pulling.exchange import Answer, Exchange, Unreached, bearer, encode_answer
from twofold.pulling.questions import FORBIDDEN, NOT_FOUND, expired, refused, shown, throttled, unexpected, unreached

ENDPOINT = "https://graph.facebook.com"
VERSION = "v25.0"
FIELDS = ("account_id,account_currency,campaign_id,campaign_name,adset_id,adset_name,ad_id,ad_name,spend,impressions,"
          "clicks,inline_link_clicks,reach,actions,action_values,attribution_setting")  # fmt: skip
WINDOWS = '["1d_click","7d_click","28d_click","1d_view","1d_ev"]'
LIMIT = "500"
_DAYS = 7  # in one portion
_MAX_PAGES = 2_000
_THROTTLED = frozenset({4, 17, 32, 341, 613, *range(80000, 80015)})
_TRANSIENT = frozenset({1, 2})
_EXPIRED = frozenset({102, 190, 463, 467})
_USAGE = "x-business-use-case-usage"


class _TooMuch(Exception):
    """Meta wants to be asked for less at once."""


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    base = f"{account.endpoint or ENDPOINT}/{account.version or VERSION}/act_{account.id.removeprefix('act_')}"
    about = _ask(account, exchange, base, {"fields": "account_id,currency,timezone_name"})
    if not about.get("currency"):
        raise unexpected(account, "the ad account's currency")
    for part in span.parts(_DAYS):
        answers = [about, *_insights(account, exchange, base, part)]
        yield Portion(
            span=part, kind="spend", format="meta-insights", account=account.id.removeprefix("act_"),
            content=b"\n".join(map(encode_answer, answers)),
        )  # fmt: skip


def _insights(account: AccountSettings, exchange: Exchange, base: str, span: Span) -> list[dict[str, Any]]:
    """All pages of some days; day by day where Meta says that it is too much."""
    try:
        return list(_pages(account, exchange, base, span))
    except _TooMuch:
        if span.since == span.until:
            raise Problem("too_much", Who.OPERATOR, "meta wants to be asked for less than one day of all ads") from None
    middle = span.since + timedelta(days=(span.until - span.since).days // 2)
    halves = Span(span.since, middle), Span(middle + timedelta(days=1), span.until)
    return [page for half in halves for page in _insights(account, exchange, base, half)]


def _pages(account: AccountSettings, exchange: Exchange, base: str, span: Span) -> Iterator[dict[str, Any]]:
    query = {
        "level": "ad", "time_increment": "1", "fields": FIELDS, "limit": LIMIT, "action_attribution_windows": WINDOWS,
        "time_range": f'{{"since":"{span.since}","until":"{span.until}"}}',
    }  # fmt: skip
    for _ in range(_MAX_PAGES):
        page = _ask(account, exchange, f"{base}/insights", query)
        if not isinstance(page.get("data"), list):
            raise unexpected(account, "rows")
        paging = page.get("paging")
        yield {"data": page["data"]}  # without the links, which hold the token
        paging = paging if isinstance(paging, dict) else {}
        cursors = paging.get("cursors")
        after = cursors.get("after") if isinstance(cursors, dict) else None
        if not paging.get("next") or not isinstance(after, str):
            return
        if query.get("after") == after:
            raise unexpected(account, "another page")
        query["after"] = after
    raise unexpected(account, f"at most {_MAX_PAGES} pages")


def _ask(account: AccountSettings, exchange: Exchange, url: str, query: dict[str, str]) -> dict[str, Any]:
    try:
        answer = exchange.get(url, query, bearer(account.token), again=_again)
    except Unreached as err:
        raise unreached(account, err) from None
    document = answer.document()
    error = document.get("error")
    if not isinstance(error, dict):
        if answer.status != 200:
            raise refused(account, answer)
        return document
    raise _judged(account, answer, error)


def _judged(account: AccountSettings, answer: Answer, error: dict[str, Any]) -> Exception:
    code, words = error.get("code"), str(error.get("message", ""))
    if code in _EXPIRED:
        return expired(account, words)
    if code in _THROTTLED:
        return throttled(account)
    if "reduce the amount of data" in words.lower():
        return _TooMuch()
    if code == 10 or (isinstance(code, int) and 200 <= code < 300) or "permission" in words.lower():
        subcode = error.get("error_subcode")
        if subcode != 33:
            return Problem(FORBIDDEN, Who.OPERATOR, f"meta does not let this token read the account: {shown(account, words)}; "
                           "it needs ads_read")  # fmt: skip
    if error.get("error_subcode") == 33:
        return Problem(NOT_FOUND, Who.OPERATOR, f"meta does not know the account, or does not show it to this token: "
                       f"{shown(account, words)}")  # fmt: skip
    return refused(account, answer, words)


def _again(answer: Answer) -> float | None:
    """Seconds to wait before the same question; 0: as long as is usual."""
    error = answer.document().get("error") if answer.status != 200 else None
    if not isinstance(error, dict) or "reduce the amount of data" in str(error.get("message", "")).lower():
        return None
    if error.get("code") in _THROTTLED:
        return _regained(answer)
    return 0 if error.get("code") in _TRANSIENT or error.get("is_transient") is True else None


def _regained(answer: Answer) -> float:
    """The longest time after which Meta says that access is regained; in the header it counts minutes."""
    try:
        usage = msgspec.json.decode(answer.headers.get(_USAGE, "{}"))
    except msgspec.DecodeError:
        return 0
    minutes = [
        item.get("estimated_time_to_regain_access", 0)
        for items in (usage.values() if isinstance(usage, dict) else ())
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict)
    ]
    return max((60.0 * m for m in minutes if isinstance(m, int | float)), default=0)


def nothing(thing: Thing) -> dict[str, Any] | None:
    """Ads with no spend and no action have no row."""
    if not isinstance(thing, Spend) or not thing.ad_id:
        return None
    return {"data": [{
        "account_id": thing.account, "account_currency": thing.currency, "campaign_id": thing.campaign_id,
        "campaign_name": thing.campaign, "adset_id": thing.adset_id, "adset_name": thing.adset, "ad_id": thing.ad_id,
        "ad_name": thing.ad, "spend": "0", "impressions": "0", "clicks": "0", "date_start": thing.day, "date_stop": thing.day,
    }]}  # fmt: skip


META = Platform(name="meta", source="meta", fetch=fetch, nothing=nothing)
