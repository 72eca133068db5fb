"""One rule for a customer's id at every door: what the browser and the server know of one person is one hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from running_gateway import NOW_S, SECRET, SHOP, WEBHOOK, Reply, Running, purchase

# Lower case, white space removed, SHA-256: what Meta's own pixel does with it (fbevents.js 2.9.178).
WRITTEN = " Cust 0042\t"
HASH = hashlib.sha256(b"cust0042").hexdigest()
NUMBER = 4200000042
NUMBER_HASH = hashlib.sha256(b"4200000042").hexdigest()
FACTS = {"event_name": "Lead", "event_time": NOW_S, "event_id": "e-1"}


def order(gateway: Running) -> Reply:
    """Shopify's webhook carries the customer's number, nothing else of the shop's."""
    at = "2026-09-21T10:13:20-04:00"
    body = json.dumps({
        "id": 77, "created_at": at, "processed_at": at, "currency": "EUR", "total_price": "42.50", "test": False,
        "financial_status": "paid", "source_name": "web", "customer": {"id": NUMBER}, "line_items": [],
    }).encode()  # fmt: skip
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    headers = {"x_shopify_topic": "orders/create", "x_shopify_hmac_sha256": signature, "x_shopify_shop_domain": SHOP}
    return gateway.send("POST", WEBHOOK, body, content_type="application/json", **headers)


def server(value: Any) -> Callable[[Running], Reply]:
    return lambda g: g.post(purchase(user_data={"external_id": value}))


def tag(value: Any) -> Callable[[Running], Reply]:
    return lambda g: g.tag({**FACTS, "user_data": {"external_id": value}})


def pixel(value: str) -> Callable[[Running], Reply]:
    return lambda g: g.pixel(ev="Lead", **{"ud[external_id]": value})


DOORS: list[tuple[str, Callable[[Running], Reply], str]] = [
    ("an SDK, which sends it as it is", server([WRITTEN]), HASH),
    ("a server that hashed it by the rule", server(HASH), HASH),
    ("a server with upper-case digits", server(HASH.upper()), HASH),
    ("a server's number", server(NUMBER), NUMBER_HASH),
    ("the tag, which hashes in the browser", tag(HASH), HASH),
    ("the tag's door, plain", tag(WRITTEN), HASH),
    ("the genuine pixel, which hashes", pixel(HASH), HASH),
    ("an image tag, plain", pixel(WRITTEN), HASH),
    ("a shop's webhook", order, NUMBER_HASH),
]


@pytest.mark.parametrize(("send", "expected"), [d[1:] for d in DOORS], ids=[d[0] for d in DOORS])
def test_one_hash_at_every_door(send: Callable[[Running], Reply], expected: str, gateway: Running) -> None:
    """However it is written and whoever brings it: the hash of the pixel's form, and only that."""
    assert send(gateway).status == 200
    assert [h.hex for h in gateway.new_event().user_data.external_id] == [expected]
