"""Shopware 6's Admin API: one order with what belongs to it, and the orders that changed.

Facts: developer.shopware.com, Admin API ("Authentication": client credentials of an integration; "Search criteria": filter, sort, associations, ids,
total-count-mode), read November 2026. A payment or a parcel that changes is a row of its own beside the order, so orders are asked for by
the times of both. Pages are by the order's running number, which no change moves: one may come twice, none is passed over.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twofold.fetching.answers import judged, token_of, unexpected, unreached
from twofold.fetching.contract import Access, Page, System, id_of, version_of
from twofold.pulling.exchange import Exchange, Unreached, bearer, encode_answer
from twofold.sources.fetched.shopware import changed_at
from twofold.store.fetches.book import Listed

PAGE_SIZE = 100
TIMES = ("createdAt", "updatedAt", "transactions.createdAt", "transactions.updatedAt", "deliveries.updatedAt")
WHOLE: dict[str, Any] = {
    "currency": {},
    "orderCustomer": {},
    "lineItems": {},
    "stateMachineState": {},
    "billingAddress": {"associations": {"country": {}, "countryState": {}}},
    "transactions": {"associations": {"stateMachineState": {}, "paymentMethod": {}}},
    "deliveries": {"associations": {"stateMachineState": {}}},
}
"""What belongs to an order."""
PARTS: dict[str, Any] = {name: WHOLE[name] for name in ("stateMachineState", "transactions", "deliveries")}


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    found = _search(access, {"ids": [id_of(thing)], "limit": 1, "associations": WHOLE}, exchange)
    return encode_answer(found[0]) if found else None


def changed(access: Access, since: int, number: int, exchange: Exchange) -> Page:
    begin = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M:%S")
    ranges = [{"type": "range", "field": name, "parameters": {"gte": begin}} for name in TIMES]
    criteria = {
        "page": number, "limit": PAGE_SIZE, "filter": [{"type": "multi", "operator": "or", "queries": ranges}],
        "sort": [{"field": "autoIncrement", "order": "ASC"}], "associations": PARTS,
    }  # fmt: skip
    found = _search(access, criteria, exchange)
    return Page([_listed(access, one) for one in found], more=len(found) >= PAGE_SIZE)


def _search(access: Access, criteria: dict[str, Any], exchange: Exchange) -> list[dict[str, Any]]:
    source = access.source
    asked = {"grant_type": "client_credentials", "client_id": source.client_id, "client_secret": source.client_secret}
    token = token_of(access, "/api/oauth/token", asked, exchange, form=False)
    try:
        answer = exchange.post(
            f"{access.base}/api/search/order", criteria, {"Accept": "application/json", **bearer(token)}
        )
    except Unreached as err:
        raise unreached(access, err) from None
    told = judged(access, answer, exchange)
    found = told.document().get("data") if told is not None else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise unexpected(access, "a list of orders in data")
    return found


def _listed(access: Access, order: dict[str, Any]) -> Listed:
    number, at = order.get("id"), changed_at(order)
    if not isinstance(number, str) or not at:
        raise unexpected(access, "id and createdAt of each order")
    return Listed(f"order:{number}", at, version_of({"at": at, "shown": _shown(order)}))


def _shown(order: dict[str, Any]) -> list[Any]:
    """States and times of an order and of what belongs to it."""
    parts = [
        order,
        *(one for name in ("transactions", "deliveries") for one in order.get(name) or [] if isinstance(one, dict)),
    ]
    return [[one.get("id"), one.get("updatedAt"), one.get("stateId"), str(one.get("amountTotal"))] for one in parts]


SHOPWARE = System(name="shopware", fetch=fetch, changed=changed, every_minutes=5, in_order=False)
