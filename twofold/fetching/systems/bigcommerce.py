"""BigCommerce: one order with its products, and the orders that changed.

Facts: orders.v2.oas2 (`/v2/orders`, `min_date_modified`, pages of 250, 204 for none; sorted by id unless told otherwise) by way of
Space48/bigcommerce-api-js; `X-Auth-Token`. Pages are by id, which no change moves: an order that changes meanwhile comes into an earlier
page and pushes others behind, so that one may come twice and none is passed over; the list's place moves when it is read to its end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from twofold.fetching.answers import ask, unexpected
from twofold.fetching.contract import Access, Page, System, id_of, version_by
from twofold.pulling.exchange import Exchange, encode_answer
from twofold.sources.fetched.order import mail_time
from twofold.store.fetches.book import Listed

PAGE_SIZE = 250
SHOWN = (
    "id", "date_modified", "status_id", "payment_status", "payment_method", "total_inc_tax", "refunded_amount", "items_total", "items_shipped",
    "is_deleted",
)  # fmt: skip
"""What a list shows of an order that can change; nothing of the buyer."""


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    path = f"/v2/orders/{quote(id_of(thing), safe='')}"
    answer = ask(access, path, exchange, _headers(access), may_lack=True)
    if answer is None:
        return None
    order, products = answer.document(), _products(access, path, exchange)
    if not order:
        raise unexpected(access, "an order")
    if products is None:
        return None
    return encode_answer({"order": order, "products": products})


def _products(access: Access, path: str, exchange: Exchange) -> list[Any] | None:
    """None where the order is not known any more: it went away between the two questions, and an order without goods must not be told in
    its place. Of an order that has no products the answer is 204."""
    found: list[Any] = []
    for number in range(1, 41):
        query = {"limit": str(PAGE_SIZE), "page": str(number)}
        answer = ask(access, f"{path}/products", exchange, _headers(access), query, may_lack=True)
        if answer is None:
            return None
        page = [] if answer.status == 204 else answer.value()
        if not isinstance(page, list):
            raise unexpected(access, "a list of products")
        found += page
        if len(page) < PAGE_SIZE:
            break
    return found


def changed(access: Access, since: int, number: int, exchange: Exchange) -> Page:
    query = {
        "min_date_modified": datetime.fromtimestamp(since, UTC).isoformat(), "limit": str(PAGE_SIZE), "page": str(number), "sort": "id:asc",
    }  # fmt: skip
    answer = ask(access, "/v2/orders", exchange, _headers(access), query)
    orders = [] if answer is None or answer.status == 204 else answer.value()
    if not isinstance(orders, list) or not all(isinstance(one, dict) for one in orders):
        raise unexpected(access, "a list of orders")
    return Page([_listed(access, one) for one in orders], more=len(orders) >= PAGE_SIZE)


def _listed(access: Access, order: dict[str, Any]) -> Listed:
    number, at = order.get("id"), mail_time(str(order.get("date_modified", "")))
    if not isinstance(number, int) or at is None:
        raise unexpected(access, "an id and date_modified of each order")
    return Listed(f"order:{number}", at, version_by(order, SHOWN))


def _headers(access: Access) -> dict[str, str]:
    return {"X-Auth-Token": access.source.token, "Accept": "application/json"}


BIGCOMMERCE = System(name="bigcommerce", fetch=fetch, changed=changed, every_minutes=60, in_order=False)
