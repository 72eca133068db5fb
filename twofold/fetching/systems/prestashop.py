"""PrestaShop's webservice: one order with what belongs to it, and the orders that changed.

Facts: devdocs.prestashop-project.org, "Webservice" (key as the name of Basic access, `output_format=JSON`, `display`, `filter[…]` with `date=1`,
`sort`, `limit`), read November 2026. Its times are the shop's own without their zone: where an hour comes twice in autumn a change may be
listed an hour back, so two hours are read again each time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from twofold.fetching.answers import ask, unexpected
from twofold.fetching.contract import Access, Page, System, id_of, version_by
from twofold.pulling.exchange import Exchange, basic, encode_answer
from twofold.sources.fetched.order import local_time
from twofold.store.fetches.book import Listed

PAGE_SIZE = 100
SHOWN = ("id", "date_upd", "current_state", "total_paid_tax_incl", "total_paid_real")
ALWAYS = "2100-01-01 00:00:00"


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    order = _one(access, "orders", "order", id_of(thing), exchange)
    if order is None:
        return None
    address = _of(access, "addresses", "address", order.get("id_address_invoice"), exchange)
    return encode_answer({
        "order": order,
        "state": _kept(access, "order_states", "order_state", order.get("current_state"), exchange),
        "customer": _of(access, "customers", "customer", order.get("id_customer"), exchange),
        "address": address,
        "country": _kept(access, "countries", "country", address.get("id_country"), exchange),
        "region": _kept(access, "states", "state", address.get("id_state"), exchange),
        "currency": _kept(access, "currencies", "currency", order.get("id_currency"), exchange),
        "zone": access.source.timezone,
    })  # fmt: skip


def _one(access: Access, resource: str, name: str, number: str, exchange: Exchange) -> dict[str, Any] | None:
    query = {"output_format": "JSON"}
    path = f"/api/{resource}/{quote(number, safe='')}"
    answer = ask(access, path, exchange, basic(access.source.token, ""), query, may_lack=True)
    if answer is None:
        return None
    found = answer.document().get(name)
    if not isinstance(found, dict):
        raise unexpected(access, f"a {name} as JSON")
    return found


def _of(access: Access, resource: str, name: str, number: Any, exchange: Exchange) -> dict[str, Any]:
    """What belongs to an order; empty where it is gone, or there is none."""
    text = str(number or "0")
    return (_one(access, resource, name, text, exchange) or {}) if text.isdigit() and text.strip("0") else {}


def _kept(access: Access, resource: str, name: str, number: Any, exchange: Exchange) -> dict[str, Any]:
    """What is the same for many orders: asked for once an hour."""
    kept = access.kept.get(f"{resource}/{number}")
    if kept is None or kept[1] < exchange.now:
        kept = (_of(access, resource, name, number, exchange), exchange.now + 3_600)
        access.kept[f"{resource}/{number}"] = kept
    return kept[0]


def changed(access: Access, since: int, number: int, exchange: Exchange) -> Page:
    begin = datetime.fromtimestamp(since, access.zone).strftime("%Y-%m-%d %H:%M:%S")
    query = {
        "output_format": "JSON", "display": f"[{','.join(SHOWN)}]", "filter[date_upd]": f"[{begin},{ALWAYS}]", "date": "1",
        "sort": "[date_upd_ASC,id_ASC]", "limit": f"{(number - 1) * PAGE_SIZE},{PAGE_SIZE}",
    }  # fmt: skip
    answer = ask(access, "/api/orders", exchange, basic(access.source.token, ""), query)
    told = answer.value() if answer is not None else None
    orders = told.get("orders") if isinstance(told, dict) else told  # an empty list is all that is said of none
    if not isinstance(orders, list):
        raise unexpected(access, "a list of orders as JSON")
    return Page([_listed(access, one) for one in orders], more=len(orders) >= PAGE_SIZE)


def _listed(access: Access, order: Any) -> Listed:
    at = local_time(str(order.get("date_upd", "")), access.zone) if isinstance(order, dict) else None
    number = str(order.get("id", "")) if isinstance(order, dict) else ""
    if not number.isdigit() or at is None:
        raise unexpected(access, "id and date_upd of each order")
    return Listed(f"order:{number}", at, version_by(order, SHOWN))


PRESTASHOP = System(name="prestashop", fetch=fetch, changed=changed, every_minutes=5, overlap_s=2 * 3_600)
