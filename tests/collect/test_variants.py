"""The setting ``hash_variants``: keys that travel in Meta's libraries' forms too, whichever door the value came in by."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from running_gateway import CONFIGURATION, DATASET, KEY, NOW_S, SECRET, SHOP, WEBHOOK, Reply, Running, purchase

from twofold.destinations.meta import build

NAME = "Mary-Ann"
DOCUMENTED = hashlib.sha256(b"maryann").hexdigest()  # punctuation removed, as Meta's page says
LIBRARY = hashlib.sha256(b"mary-ann").hexdigest()  # as facebook-business 25 sends it


@pytest.fixture(scope="module")
def naming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    dataset: dict[str, Any] = {"id": DATASET, "key": KEY, "hash_variants": ["fn"]}
    gateway = Running(tmp_path_factory.mktemp("variants") / "data", CONFIGURATION | {"dataset": [dataset]})
    yield gateway
    gateway.close()


def order(gateway: Running) -> Reply:
    at = "2026-09-21T10:13:20-04:00"
    body = json.dumps({
        "id": 78, "created_at": at, "processed_at": at, "currency": "EUR", "total_price": "42.50", "test": False,
        "financial_status": "paid", "source_name": "web", "line_items": [],
        "customer": {"id": 5, "first_name": NAME, "last_name": NAME},
    }).encode()  # fmt: skip
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    headers = {"x_shopify_topic": "orders/create", "x_shopify_hmac_sha256": signature, "x_shopify_shop_domain": SHOP}
    return gateway.send("POST", WEBHOOK, body, content_type="application/json", **headers)


USER = {"fn": NAME, "ln": NAME, "em": "mary@example.com"}
DOORS: list[tuple[str, Callable[[Running], Reply]]] = [
    ("a server", lambda g: g.post(purchase("o-1", user_data=USER))),
    ("the tag", lambda g: g.tag({"event_name": "Lead", "event_time": NOW_S, "event_id": "e-1", "user_data": USER})),
    ("an image tag", lambda g: g.pixel(ev="Lead", **{f"ud[{key}]": value for key, value in USER.items()})),
    ("a shop's webhook", order),
]


@pytest.mark.parametrize("send", [d[1] for d in DOORS], ids=[d[0] for d in DOORS])
def test_a_named_key_travels_in_both_forms(naming: Running, send: Callable[[Running], Reply]) -> None:
    """The documented form first, then the libraries'; a key that is not named in its documented form only."""
    assert send(naming).status == 200
    (event,) = naming.new_events()
    sent = json.loads(build(event))["user_data"]
    assert sent["fn"] == [DOCUMENTED, LIBRARY]
    assert sent["ln"] == [DOCUMENTED]
