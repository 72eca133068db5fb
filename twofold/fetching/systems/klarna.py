"""Klarna: one order by its id, from the Order Management API.

Facts: docs.klarna.com, "API URLs" (a base by region: Europe `https://api.klarna.com`, North America and Oceania their own), "Authentication" (a name and a
password), "Order management", read November 2026. The shop acknowledges its orders itself: nothing is changed there by us.
"""

from __future__ import annotations

from urllib.parse import quote

from twofold.event.refusal import Refusal
from twofold.event.scalars import read_time_ms
from twofold.fetching.answers import content_at
from twofold.fetching.contract import Access, System, id_of
from twofold.pulling.exchange import Exchange, basic
from twofold.sources.payments.movement import body_of

OPEN = frozenset({"AUTHORIZED", "PART_CAPTURED"})
OPEN_AGAIN_S, DAY_S, REFUNDS_S = 6 * 3_600.0, 86_400.0, 30 * 86_400.0


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    headers = basic(access.source.client_id, access.source.client_secret)
    return content_at(access, f"/ordermanagement/v1/orders/{quote(id_of(thing), safe='')}", exchange, headers)


def again(body: bytes, now_s: float) -> float | None:
    """Klarna pushes a placed order and no capture or refund: what is open is asked for four times a day, what is captured once a day for a month."""
    order = body_of(body)
    if isinstance(order, Refusal):
        return None
    if order.get("status") in OPEN:
        return OPEN_AGAIN_S
    placed = read_time_ms(order.get("created_at")) if isinstance(order.get("created_at"), str) else None
    young = placed is not None and now_s - placed / 1000 < REFUNDS_S
    return DAY_S if young and order.get("status") == "CAPTURED" else None


KLARNA = System(name="klarna", endpoint="https://api.klarna.com", fetch=fetch, again=again)
