"""TBC Bank, Business Integration Services: the movements of an account and currency, page after page.

Owns how access is had and how pages are asked. Facts: chain.md 3.6; developers.tbcbank.ge, "BIS - Authentication" and
"Accounts", read November 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twofold.config import AccountSettings
from twofold.pulling.contract import Platform, Portion, Span
from twofold.pulling.exchange import Exchange, Unreached, basic, bearer, encode_answer
from twofold.pulling.questions import expired, refused, unexpected, unreached

ENDPOINT = "https://api.tbcbank.ge"
PAGE_SIZE = 700
_DAYS = 31
_MAX_PAGES = 1_000


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    base = account.endpoint or ENDPOINT
    for part in span.parts(_DAYS):
        headers = bearer(_token(account, exchange, base))
        movements = _all(account, exchange, f"{base}/bab/v1/accounts/movements", headers, part)
        if movements:
            yield Portion(span=part, kind="bank", format="tbc-json", account=account.id, currency=account.currency,
                          content=encode_answer({"transactions": movements, "total": len(movements)}))  # fmt: skip


def _all(
    account: AccountSettings, exchange: Exchange, url: str, headers: dict[str, str], span: Span
) -> list[dict[str, Any]]:
    """From page 0; past the end a page is empty."""
    found: list[dict[str, Any]] = []
    for number in range(_MAX_PAGES):
        query = {
            "AccountNumber": account.id, "AccountCurrencyCode": account.currency, "PeriodFrom": f"{span.since}T00:00:00",
            "PeriodTo": f"{span.until}T23:59:59", "PageIndex": str(number), "PageSize": str(PAGE_SIZE),
        }  # fmt: skip
        try:
            answer = exchange.get(url, query, headers)
        except Unreached as err:
            raise unreached(account, err) from None
        document = answer.document()
        if answer.status != 200:
            raise refused(account, answer, str(document.get("title", "")))
        page, total = document.get("transactions"), document.get("total")
        if not isinstance(page, list) or not all(isinstance(one, dict) for one in page) or not isinstance(total, int):
            raise unexpected(account, "transactions and their total")
        found += page
        if len(found) >= total:
            return found
        if not page:
            raise unexpected(account, f"{total} transactions in all")
    raise unexpected(account, f"at most {_MAX_PAGES} pages")


def _token(account: AccountSettings, exchange: Exchange, base: str) -> str:
    body = {"grant_type": "client_credentials", "scope": "bab_accounts"}
    try:
        answer = exchange.post(f"{base}/oauth/token", body, basic(account.client_id, account.client_secret), form=True)
    except Unreached as err:
        raise unreached(account, err) from None
    token = answer.document().get("access_token")
    if answer.status == 200 and isinstance(token, str) and token:
        return token
    if answer.status in (400, 401, 403):
        raise expired(account, str(answer.document().get("error", "")))
    raise refused(account, answer)


TBC = Platform(name="tbc", source="bank", fetch=fetch)
