"""The purchase that the benches send: three lines, nine contact fields. Invented data."""

from __future__ import annotations

import time
from typing import Any

FIRST = ("Mary", "Ana María", "Jörg", "Chloé", "O'Neil", "Li-Wei", "Fatima", "Nino", "Søren", "Jean Luc")
LAST = ("Smith", "García López", "Müller", "D'Angelo", "Nguyen", "Kowalska", "Ivanov", "Yılmaz", "Brown", "Lee")
CITY = ("Menlo Park", "São Paulo", "Köln", "St. John's", "New York", "Tbilisi", "Málaga", "Paris 15")


BROWSER = {
    "client_ip_address": "203.0.113.7",
    "client_user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36",
    "fbp": "fb.1.1790000000000.1234567890",
    "fbc": "fb.1.1790000000000.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
}
LINES = [
    {"id": "sku-1", "quantity": 2, "item_price": 21.25},
    {"id": "sku-2", "quantity": 1, "item_price": 9.9},
    {"id": "sku-3", "quantity": 3, "item_price": 1.5},
]


def shopper(n: int) -> dict[str, str]:
    """Nine contact fields of invented shopper ``n``: e-mail and phone are their own, the rest repeats."""
    return {
        "em": f" Shopper.{n}@Example.com",
        "ph": f"+1 650 555 {n % 10_000:04}",
        "fn": FIRST[n % len(FIRST)],
        "ln": LAST[n // 3 % len(LAST)],
        "db": f"19{60 + n % 40}0{1 + n % 9}{10 + n % 18}",
        "ge": "f",
        "ct": CITY[n % len(CITY)],
        "zp": f"94{n % 200:03}",
        "country": "US",
    }


def purchase(event_id: str, person: dict[str, str] | None = None) -> dict[str, Any]:
    """One Purchase as a sender would write it, contact data in the clear."""
    return {
        "event_name": "Purchase",
        "event_time": int(time.time()),
        "event_id": event_id,
        "action_source": "website",
        "event_source_url": "https://shop.example/thanks",
        "user_data": {**(person or shopper(1)), **BROWSER},
        "custom_data": {
            "value": 56.9,
            "currency": "USD",
            "order_id": event_id,
            "content_type": "product",
            "contents": LINES,
        },
    }


def view(event_id: str) -> dict[str, Any]:
    """One ViewContent: what most requests to a shop's gateway are."""
    return {
        "event_name": "ViewContent",
        "event_time": int(time.time()),
        "event_id": event_id,
        "action_source": "website",
        "event_source_url": "https://shop.example/product/1",
        "user_data": BROWSER,
        "custom_data": {"value": 21.25, "currency": "USD", "content_ids": ["sku-1"], "content_type": "product"},
    }


def page_view() -> dict[str, Any]:
    """One page view inside a visit, as the tag tells it; without its id."""
    return {
        "event_name": "PageView",
        "event_time": int(time.time()),
        "event_source_url": "https://shop.example/product/1",
        "referrer_url": "https://shop.example/",
        "user_data": {"fbp": BROWSER["fbp"]},
        "custom_data": {},
    }
