"""Magento and Adobe Commerce: one order, and the orders that changed.

Facts: developer.adobe.com/commerce/webapi (REST, searchCriteria, integration tokens), read November 2026. Beyond its end a list shows its last
page again, so `total_count` alone says whether it goes on. Times in a list and in a filter are the database's, UTC unless the shop says otherwise.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from twofold.fetching.answers import ask, unexpected
from twofold.fetching.contract import Access, Page, System, id_of, version_by
from twofold.pulling.exchange import Exchange, bearer, encode_answer
from twofold.sources.fetched.order import local_time
from twofold.store.fetches.book import Listed

PAGE_SIZE = 100
SHOWN = (
    "entity_id", "updated_at", "state", "status", "base_grand_total", "base_total_paid", "base_total_refunded", "base_total_canceled",
    "base_total_invoiced",
)  # fmt: skip
"""What a list shows of an order; it is asked for when any of it differs."""


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    path = f"/rest/V1/orders/{quote(id_of(thing), safe='')}"
    answer = ask(access, path, exchange, bearer(access.source.token), may_lack=True)
    if answer is None:
        return None
    order = answer.document()
    if not order:
        raise unexpected(access, "an order")
    return encode_answer({"order": order, "zone": access.source.timezone})


def changed(access: Access, since: int, number: int, exchange: Exchange) -> Page:
    criteria = "searchCriteria"
    query = {
        f"{criteria}[filter_groups][0][filters][0][field]": "updated_at",
        f"{criteria}[filter_groups][0][filters][0][value]": datetime.fromtimestamp(since, access.zone).strftime(
            "%Y-%m-%d %H:%M:%S"
        ),
        f"{criteria}[filter_groups][0][filters][0][condition_type]": "gteq",
        f"{criteria}[sortOrders][0][field]": "updated_at",
        f"{criteria}[sortOrders][0][direction]": "ASC",
        f"{criteria}[sortOrders][1][field]": "entity_id",
        f"{criteria}[sortOrders][1][direction]": "ASC",
        f"{criteria}[pageSize]": str(PAGE_SIZE),
        f"{criteria}[currentPage]": str(number),
        "fields": f"items[{','.join(SHOWN)}],total_count",
    }
    answer = ask(access, "/rest/V1/orders", exchange, bearer(access.source.token), query)
    told = answer.document() if answer is not None else {}
    items, count = told.get("items") or [], told.get("total_count")
    if not isinstance(items, list) or not isinstance(count, int):
        raise unexpected(access, "items and their total_count")
    if (number - 1) * PAGE_SIZE >= count:
        return Page([], more=False)
    return Page([_listed(access, one) for one in items], more=number * PAGE_SIZE < count)


def _listed(access: Access, order: Any) -> Listed:
    entity = order.get("entity_id") if isinstance(order, dict) else None
    at = local_time(str(order.get("updated_at", "")), access.zone) if isinstance(order, dict) else None
    if not isinstance(entity, int) or at is None:
        raise unexpected(access, "entity_id and updated_at of each order")
    return Listed(f"order:{entity}", at, version_by(order, SHOWN))


MAGENTO = System(name="magento", fetch=fetch, changed=changed, every_minutes=5)
