"""Shopify Payments: balance transactions and payouts by GraphQL, the newest first, until the days are behind us.

Owns the two questions, their pages, and the cost that Shopify counts instead of requests. Facts: chain.md 3.4; shopify.dev,
"ShopifyPaymentsAccount" and "API rate limits", read November 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from twofold.config import AccountSettings
from twofold.pulling.contract import Platform, Portion, Problem, Span, Who
from twofold.pulling.exchange import Answer, Exchange, Unreached, encode_answer
from twofold.pulling.questions import FORBIDDEN, refused, shown, throttled, unexpected, unreached

VERSION = "2026-10"
_MAX_PAGES = 5_000
_MONEY = "{ amount currencyCode }"
TRANSACTIONS = f"""query($after: String) {{ shopifyPaymentsAccount {{
  balanceTransactions(first: 100, after: $after, sortKey: PROCESSED_AT, reverse: true) {{
    nodes {{ id type test sourceId sourceType sourceOrderTransactionId transactionDate
      amount {_MONEY} fee {_MONEY} net {_MONEY}
      associatedOrder {{ id name }} associatedPayout {{ id status }} }}
    pageInfo {{ hasNextPage endCursor }} }} }} }}"""
PAYOUTS = f"""query($after: String) {{ shopifyPaymentsAccount {{
  payouts(first: 100, after: $after, sortKey: ISSUED_AT, reverse: true) {{
    nodes {{ id issuedAt status transactionType externalTraceId net {_MONEY} }}
    pageInfo {{ hasNextPage endCursor }} }} }} }}"""


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    """Lines and payouts as one portion: a payout is added up from its lines."""
    lines = _all(account, exchange, TRANSACTIONS, "balanceTransactions", "transactionDate", span)
    payouts = _all(account, exchange, PAYOUTS, "payouts", "issuedAt", span)
    told = {name: {"nodes": nodes, "pageInfo": {"hasNextPage": False}}
            for name, nodes in (("balanceTransactions", lines), ("payouts", payouts))}  # fmt: skip
    yield Portion(span=span, kind="payouts", format="shopify-json", account=account.id,
                  content=encode_answer({"data": {"shopifyPaymentsAccount": told}}))  # fmt: skip


def _all(
    account: AccountSettings, exchange: Exchange, query: str, name: str, dated: str, span: Span
) -> list[dict[str, Any]]:
    """The objects of the span, whose pages begin with the newest."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    for _ in range(_MAX_PAGES):
        told = _ask(account, exchange, query, after)
        payments = told.get("shopifyPaymentsAccount")
        if payments is None:
            raise Problem("no_payments", Who.OPERATOR, "the shop has no Shopify Payments account, or the app may not see it; "
                          "it needs read_shopify_payments_payouts")  # fmt: skip
        page = payments.get(name)
        nodes = page.get("nodes") if isinstance(page, dict) else None
        if not isinstance(nodes, list):
            raise unexpected(account, name)
        days = [_day(node.get(dated)) for node in nodes if isinstance(node, dict)]
        found += [
            node for node, day in zip(nodes, days, strict=False) if day is not None and span.since <= day <= span.until
        ]
        info = page["pageInfo"] if isinstance(page.get("pageInfo"), dict) else {}
        past = any(day is not None and day < span.since for day in days)
        if past or info.get("hasNextPage") is not True:
            return found
        if not isinstance(info.get("endCursor"), str) or info["endCursor"] == after:
            raise unexpected(account, "another page")
        after = info["endCursor"]
    raise unexpected(account, f"at most {_MAX_PAGES} pages")


def _ask(account: AccountSettings, exchange: Exchange, query: str, after: str | None) -> dict[str, Any]:
    base = account.endpoint or f"https://{account.id}"
    url = f"{base}/admin/api/{account.version or VERSION}/graphql.json"
    body = {"query": query, "variables": {"after": after}}
    try:
        answer = exchange.post(url, body, {"X-Shopify-Access-Token": account.token}, again=_again)
    except Unreached as err:
        raise unreached(account, err) from None
    document = answer.document()
    errors = document.get("errors")
    if answer.status != 200:
        raise refused(account, answer, errors if isinstance(errors, str) else "")
    if errors:
        codes = _codes(document)
        words = (
            "; ".join(str(e.get("message", "")) for e in errors if isinstance(e, dict))
            if isinstance(errors, list)
            else ""
        )
        if "THROTTLED" in codes:
            raise throttled(account)
        if "ACCESS_DENIED" in codes:
            raise Problem(
                FORBIDDEN, Who.OPERATOR, f"shopify does not let this token read payouts: {shown(account, words)}"
            )
        raise unexpected(account, f"an answer without errors ({shown(account, words)})")
    data = document.get("data")
    if not isinstance(data, dict):
        raise unexpected(account, "data")
    return data


def _codes(document: dict[str, Any]) -> set[str]:
    errors = document.get("errors")
    found = (e.get("extensions") for e in (errors if isinstance(errors, list) else []) if isinstance(e, dict))
    return {str(extension.get("code", "")) for extension in found if isinstance(extension, dict)}


def _again(answer: Answer) -> float | None:
    """A query that costs more than is left waits until as much is restored."""
    document = answer.document()
    if "THROTTLED" not in _codes(document):
        return None
    try:
        cost = document["extensions"]["cost"]
        status = cost["throttleStatus"]
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(missing / float(status["restoreRate"]), 0.5)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0


def _day(text: Any) -> date | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC).date()
    except ValueError:
        return None


SHOPIFY = Platform(name="shopify", source="shopify_payments", fetch=fetch)
