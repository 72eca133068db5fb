"""Klarna: one order by its id, from the Order Management API.

Facts: docs.klarna.com, "API URLs" (a base by region: Europe `https://api.klarna.com`, North America and Oceania their own), "Authentication" (a name and a
password), "Order management", read November 2026. The shop acknowledges its orders itself: nothing is changed there by us.
"""

from __future__ import annotations

from urllib.parse import quote

from twofold.fetching.answers import ask, basic
from twofold.fetching.contract import Access, System
from twofold.pulling.exchange import Exchange


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    path = f"/ordermanagement/v1/orders/{quote(thing.partition(':')[2], safe='')}"
    answer = ask(access, path, exchange, basic(access.source.client_id, access.source.client_secret), may_lack=True)
    return None if answer is None else answer.content


KLARNA = System(name="klarna", endpoint="https://api.klarna.com", fetch=fetch)
