"""Stripe: balance transactions of the days, then each payout that arrives in them with its own.

Owns the lists and their pages. A payout's lines exist for automatic payouts; the list of the days tells lines that were
not paid out yet. The API does not repeat the payout that was asked for: it stands in the list's address. Facts: chain.md
3.4; docs.stripe.com, "Pagination" and "Errors".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from twofold.config import AccountSettings
from twofold.pulling.contract import Platform, Portion, Span
from twofold.pulling.exchange import Exchange, Unreached, bearer, encode_answer
from twofold.pulling.questions import refused, unexpected, unreached

ENDPOINT = "https://api.stripe.com"
_DAYS = 7
_ON_ITS_WAY = 15  # days ahead
_MAX_PAGES = 10_000


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    for part in span.parts(_DAYS):
        last = part.until + timedelta(days=1)
        created = {"created[gte]": str(_start(part.since)), "created[lt]": str(_start(last))}
        lines = _all(account, exchange, "/v1/balance_transactions", {**created, "expand[]": "data.source"})
        lines = [line for line in lines if line.get("type") != "payout"]  # told in full with its payout
        yield _portion(account, part, [_list("/v1/balance_transactions", lines)])
        # One that is on its way arrives later; then the days are over.
        until = last + timedelta(days=_ON_ITS_WAY) if part.until == span.until else last
        arriving = {"arrival_date[gte]": str(_start(part.since)), "arrival_date[lt]": str(_start(until))}
        for payout in _all(account, exchange, "/v1/payouts", arriving):
            if payout.get("automatic") is False:  # it has no lines but its own
                own = _one(account, exchange, f"/v1/balance_transactions/{payout.get('balance_transaction')}")
                lists = [_list("/v1/payouts", [payout]), _list("/v1/balance_transactions", [own])]
                yield _portion(account, _span_of([payout, own], part), lists)
                continue
            asked = {"payout": str(payout.get("id")), "expand[]": "data.source"}
            paid = _all(account, exchange, "/v1/balance_transactions", asked)
            lists = [_list("/v1/payouts", [payout]), _list(f"/v1/balance_transactions?payout={payout.get('id')}", paid)]
            yield _portion(account, _span_of([payout, *paid], part), lists)


def _portion(account: AccountSettings, span: Span, lists: list[dict[str, Any]]) -> Portion:
    return Portion(span=span, kind="payouts", format="stripe-json", account=account.id,
                   content=b"\n".join(map(encode_answer, lists)))  # fmt: skip


def _list(url: str, data: list[dict[str, Any]]) -> dict[str, Any]:
    """All pages of a list as one."""
    return {"object": "list", "url": url, "has_more": False, "data": data}


def _all(account: AccountSettings, exchange: Exchange, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    asked = {**query, "limit": "100"}
    for _ in range(_MAX_PAGES):
        document = _one(account, exchange, path, asked)
        data = document.get("data")
        if not isinstance(data, list) or not all(isinstance(item, dict) and item.get("id") for item in data):
            raise unexpected(account, "a list")
        found += data
        if document.get("has_more") is not True:
            return found
        if not data or asked.get("starting_after") == data[-1]["id"]:
            raise unexpected(account, "another page")
        asked["starting_after"] = data[-1]["id"]
    raise unexpected(account, f"at most {_MAX_PAGES} pages")


def _one(
    account: AccountSettings, exchange: Exchange, path: str, query: dict[str, str] | None = None
) -> dict[str, Any]:
    headers = bearer(account.token)
    if account.version:
        headers["Stripe-Version"] = account.version
    if account.id:
        headers["Stripe-Account"] = account.id
    try:
        answer = exchange.get((account.endpoint or ENDPOINT) + path, query, headers)
    except Unreached as err:
        raise unreached(account, err) from None
    document = answer.document()
    if answer.status != 200:
        error = document.get("error")
        raise refused(account, answer, str(error.get("message", "")) if isinstance(error, dict) else "")
    return document


def _span_of(objects: list[dict[str, Any]], part: Span) -> Span:
    """The days of a payout's lines, which were made before it arrives."""
    days = [datetime.fromtimestamp(o["created"], UTC).date() for o in objects if isinstance(o.get("created"), int)]
    return Span(min([*days, part.since]), max([*days, part.until]))


def _start(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


STRIPE = Platform(name="stripe", source="stripe", fetch=fetch)
