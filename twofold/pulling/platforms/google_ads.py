"""Google Ads: ads and campaigns of each week by searchStream, with access renewed by the refresh token.

Owns the two questions and Google's errors. Performance Max and others have no ads: campaigns are asked too, and the reader
keeps what they cost beyond their ads. Facts: chain.md 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from twofold.config import AccountSettings
from twofold.ledger.lines import REST, Spend, Thing
from twofold.pulling.contract import Platform, Portion, Problem, Span, Who
from twofold.pulling.exchange import Answer, Exchange, Unreached, bearer, encode_answer
from twofold.pulling.questions import (
    FORBIDDEN,
    expired,
    refused,
    renewed_token,
    shown,
    throttled,
    unexpected,
    unreached,
)

ENDPOINT = "https://googleads.googleapis.com"
TOKENS = "https://oauth2.googleapis.com/token"
VERSION = "v26"
_DAYS = 7
_METRICS = ("metrics.cost_micros, metrics.impressions, metrics.clicks, metrics.conversions, metrics.conversions_value, "
            "metrics.conversions_by_conversion_date, metrics.conversions_value_by_conversion_date, "
            "metrics.view_through_conversions")  # fmt: skip
_KEYS = "customer.id, customer.currency_code, customer.time_zone, segments.date, campaign.id, campaign.name"
ADS = f"SELECT {_KEYS}, ad_group.id, ad_group.name, ad_group_ad.ad.id, {_METRICS} FROM ad_group_ad"
CAMPAIGNS = f"SELECT {_KEYS}, {_METRICS} FROM campaign"
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


def token_of(account: AccountSettings, exchange: Exchange) -> str:
    """An access token: the one that is set, or with an application's id the one that its refresh token gives."""
    if not account.client_id:
        return account.token
    url = f"{account.endpoint}/token" if account.endpoint else TOKENS
    return renewed_token(account, exchange, url, {
        "grant_type": "refresh_token", "refresh_token": account.token,
        "client_id": account.client_id, "client_secret": account.client_secret,
    })  # fmt: skip


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    customer = account.id.replace("-", "")
    url = (f"{account.endpoint or ENDPOINT}/{account.version or VERSION}/customers/{customer}/"
           "googleAds:searchStream")  # fmt: skip
    headers = {**bearer(token_of(account, exchange)), "developer-token": account.developer_token}
    if account.login_id:
        headers["login-customer-id"] = account.login_id.replace("-", "")
    for part in span.parts(_DAYS):
        where = f" WHERE segments.date BETWEEN '{part.since}' AND '{part.until}'"
        answers = [_ask(account, exchange, url, headers, query + where) for query in (ADS, CAMPAIGNS)]
        yield Portion(span=part, kind="spend", format="google-ads-api", account=customer,
                      content=b"\n".join(map(encode_answer, answers)))  # fmt: skip


def _ask(
    account: AccountSettings, exchange: Exchange, url: str, headers: dict[str, str], query: str
) -> list[dict[str, Any]]:
    """The batches of a stream. An error can stand behind batches that came before it: then none of them counts."""
    try:
        answer = exchange.post(url, {"query": query}, headers, again=_again)
    except Unreached as err:
        raise unreached(account, err) from None
    batches = _batches(answer)
    error = next((batch["error"] for batch in batches if isinstance(batch.get("error"), dict)), None)
    if error is not None:
        raise judged(account, answer, error)
    if answer.status != 200:
        raise refused(account, answer)
    if not answer.content.lstrip().startswith(b"["):
        raise unexpected(account, "a list of batches")
    return batches


def judged(account: AccountSettings, answer: Answer, error: dict[str, Any]) -> Problem:
    """Google's error, by its status in words: the same everywhere."""
    words = str(error.get("message", ""))
    match error.get("status"):
        case "UNAUTHENTICATED":
            return expired(account, words)
        case "PERMISSION_DENIED":
            return Problem(FORBIDDEN, Who.OPERATOR, f"{account.platform} does not let this token read the account: "
                           f"{shown(account, words)}")  # fmt: skip
        case "RESOURCE_EXHAUSTED":
            return throttled(account)
        case _:
            return refused(account, answer, words)


def _batches(answer: Answer) -> list[dict[str, Any]]:
    found = answer.value()
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]


def _again(answer: Answer) -> float | None:
    if answer.status == 200:
        return None
    error: dict[str, Any] = next((b["error"] for b in _batches(answer) if isinstance(b.get("error"), dict)), {})
    if error.get("status") != "RESOURCE_EXHAUSTED":
        return 0 if answer.status >= 500 else None
    found = _DELAY.search(str([d for d in error.get("details", []) if isinstance(d, dict)]))
    return float(found[1]) if found else 0


def nothing(thing: Thing) -> list[dict[str, Any]] | None:
    """Rows with nothing in them are left out where a segment is asked. A rest is told by campaigns: none is left there."""
    if not isinstance(thing, Spend) or not thing.campaign_id or (thing.level == "ad" and not thing.ad_id):
        return None
    row: dict[str, Any] = {
        "customer": {"id": thing.account, "currencyCode": thing.currency, "timeZone": thing.zone},
        "campaign": {"id": thing.campaign_id, "name": thing.campaign}, "segments": {"date": thing.day},
        "metrics": {"costMicros": "0", "impressions": "0", "clicks": "0"},
    }  # fmt: skip
    if thing.level == "ad":
        row |= {"adGroup": {"id": thing.adset_id, "name": thing.adset}, "adGroupAd": {"ad": {"id": thing.ad_id}}}
    elif thing.level != REST:
        return None
    return [{"results": [row]}]


GOOGLE_ADS = Platform(name="google_ads", source="google_ads", fetch=fetch, nothing=nothing)
