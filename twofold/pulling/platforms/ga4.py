"""GA4: purchases of each day with transaction id and source by runReport, page after page.

Owns the question. Access is renewed as Google's is. Facts: chain.md 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from twofold.config import AccountSettings
from twofold.ledger.lines import SiteDay, Thing
from twofold.pulling.contract import Platform, Portion, Span
from twofold.pulling.exchange import Answer, Exchange, Unreached, bearer
from twofold.pulling.platforms.google_ads import judged, token_of
from twofold.pulling.questions import refused, unexpected, unreached

ENDPOINT = "https://analyticsdata.googleapis.com"
VERSION = "v1beta"
DIMENSIONS = (
    "date",
    "transactionId",
    "sessionSource",
    "sessionMedium",
    "sessionCampaignName",
    "sessionDefaultChannelGroup",
)
METRICS = ("ecommercePurchases", "purchaseRevenue", "grossPurchaseRevenue", "refundAmount")
LIMIT = 10_000
_DAYS = 7
_MAX_PAGES = 1_000


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    property_id = account.id.removeprefix("properties/")
    url = f"{account.endpoint or ENDPOINT}/{account.version or VERSION}/properties/{property_id}:runReport"
    headers = bearer(token_of(account, exchange))
    for part in span.parts(_DAYS):
        yield Portion(span=part, kind="ga4", format="ga4-api", account=property_id,
                      content=b"\n".join(_pages(account, exchange, url, headers, part)))  # fmt: skip


def _pages(
    account: AccountSettings, exchange: Exchange, url: str, headers: dict[str, str], span: Span
) -> Iterator[bytes]:
    got = 0
    for _ in range(_MAX_PAGES):
        answer = _ask(account, exchange, url, headers, {
            "dateRanges": [{"startDate": str(span.since), "endDate": str(span.until)}],
            "dimensions": [{"name": name} for name in DIMENSIONS], "metrics": [{"name": name} for name in METRICS],
            "orderBys": [{"dimension": {"dimensionName": name}} for name in DIMENSIONS],
            "limit": str(LIMIT), "offset": str(got), "keepEmptyRows": False,
        })  # fmt: skip
        document = answer.document()
        rows, count = document.get("rows", []), document.get("rowCount", 0)
        if not isinstance(rows, list) or not isinstance(count, int) or "metricHeaders" not in document:
            raise unexpected(account, "rows and their count")
        yield answer.content.replace(b"\n", b" ")
        got += len(rows)
        if got >= count:
            return
        if not rows:
            raise unexpected(account, f"{count} rows in all")
    raise unexpected(account, f"at most {_MAX_PAGES} pages")


def _ask(account: AccountSettings, exchange: Exchange, url: str, headers: dict[str, str], body: Any) -> Answer:
    try:
        answer = exchange.post(url, msgspec.to_builtins(body), headers)
    except Unreached as err:
        raise unreached(account, err) from None
    error = answer.document().get("error")
    if isinstance(error, dict):
        raise judged(account, answer, error)
    if answer.status != 200:
        raise refused(account, answer)
    return answer


def nothing(thing: Thing) -> dict[str, Any] | None:
    """Rows without any figure are left out."""
    if not isinstance(thing, SiteDay) or not thing.transaction:
        return None
    keys = (
        thing.day.replace("-", ""),
        thing.transaction,
        thing.medium_source,
        thing.medium,
        thing.campaign,
        thing.channel,
    )
    return {
        "dimensionHeaders": [{"name": name} for name in DIMENSIONS], "metricHeaders": [{"name": name} for name in METRICS],
        "rows": [{"dimensionValues": [{"value": key} for key in keys], "metricValues": [{"value": "0"} for _ in METRICS]}],
        "metadata": {"currencyCode": thing.currency, "timeZone": thing.zone},
    }  # fmt: skip


GA4 = Platform(name="ga4", source="ga4", fetch=fetch, nothing=nothing)
