"""Shopify's webhooks against a running gateway: hand-made bodies, signed here with the standard library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from running_gateway import CONFIGURATION, DATASET, EMAIL, NOW_S, SECRET, SHOP, WEBHOOK, Reply, Running

from twofold.event.model import Channel, Tier
from twofold.store.lists import Reader

ORDER: dict[str, Any] = {
    "id": 5678901234567,
    "test": False,
    "email": "john_smith@gmail.com",
    "phone": "+1 650 555 1212",
    "browser_ip": "203.0.113.9",
    "cancelled_at": None,
    "created_at": "2026-09-21T10:13:20-04:00",
    "processed_at": "2026-09-21T10:13:20-04:00",
    "updated_at": "2026-09-21T10:13:21-04:00",
    "currency": "EUR",
    "total_price": "42.50",
    "financial_status": "paid",
    "source_name": "web",
    "note_attributes": [
        {"name": "_fbp", "value": "fb.1.1789990000000.1110590605"},
        {"name": "_twofold_event_id", "value": "from-the-page"},
    ],
    "customer": {"id": 7, "first_name": "Mary", "last_name": "Smith"},
    "line_items": [{"variant_id": 111, "quantity": 2, "price": "21.25"}],
}


def numbered(order_id: int, **changes: Any) -> dict[str, Any]:
    """Another order, with a page of its own: an event id belongs to one order."""
    notes = [{"name": "_twofold_event_id", "value": f"page-{order_id}"}]
    return ORDER | {"id": order_id, "note_attributes": [*ORDER["note_attributes"][:1], *notes]} | changes


def signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def deliver(gateway: Running, order: Any, secret: str = SECRET, topic: str = "orders/create", **headers: str) -> Reply:
    body = order if isinstance(order, bytes) else json.dumps(order).encode()
    given = {"x_shopify_topic": topic, "x_shopify_hmac_sha256": signature(body, secret), "x_shopify_shop_domain": SHOP}
    return gateway.send("POST", WEBHOOK, body, content_type="application/json", **(given | headers))


def test_an_order_becomes_a_purchase_of_the_highest_tier(gateway: Running) -> None:
    """A signed order is a server copy of tier T3 with its money, goods, person and the browser's ids."""
    reply = deliver(gateway, numbered(9_011))  # an order of its own: of one that was reported before nothing is new
    assert (reply.status, reply.json["events_received"]) == (200, 1)
    event = gateway.new_event()
    assert (event.dataset, event.event_name, event.event_id) == (DATASET, "Purchase", "page-9011")
    assert (event.channel, event.tier, event.sender) == (Channel.SERVER, Tier.T3, "shopify")
    assert event.event_time == NOW_S
    data, user = event.custom_data, event.user_data
    assert (data.value, data.currency, data.order_id) == (Decimal("42.50"), "EUR", "9011")
    assert [(c.id, c.quantity, c.item_price) for c in data.contents] == [("111", 2, Decimal("21.25"))]
    assert [h.hex for h in user.em] == [EMAIL]
    # SHA-256 of mary and of smith, from Meta's customer information parameters page
    assert [h.hex for h in user.fn] == ["6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"]
    assert [h.hex for h in user.ln] == ["6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd"]
    assert (user.fbp, user.client_ip_address) == ("fb.1.1789990000000.1110590605", "203.0.113.9")


def test_both_topics_of_one_order_are_one_action(gateway: Running) -> None:
    """orders/create and orders/paid, and the shop's retry, end in one fold."""
    order = numbered(31)
    for topic in ("orders/create", "orders/paid", "orders/paid"):
        assert deliver(gateway, order, topic=topic).status == 200
    with_keys = {(e.custom_data.order_id, e.event_id) for e in gateway.new_events()}
    assert with_keys == {("31", "page-31")}


def test_an_event_id_copied_from_another_order_does_not_swallow_a_purchase(gateway: Running) -> None:
    """Two signed orders are two purchases, also when a theme wrote one page's event id into both."""
    assert (
        deliver(gateway, numbered(51)).status
        == deliver(gateway, numbered(52, note_attributes=numbered(51)["note_attributes"])).status
        == 200
    )
    events = gateway.new_events()
    assert [e.custom_data.order_id for e in events] == ["51", "52"]
    with Reader(gateway.folder) as reader:
        actions = {row["order_id"] for row in reader.rows("actions", limit=0)}
    assert {"51", "52"} <= actions


FORGED: list[tuple[str, Callable[[Running], Reply]]] = [
    ("another secret", lambda g: deliver(g, ORDER, secret="another-secret-0000")),
    ("no signature", lambda g: deliver(g, ORDER, x_shopify_hmac_sha256="")),
    ("the signature of another body", lambda g: deliver(g, ORDER, x_shopify_hmac_sha256=signature(b"{}"))),
    ("hexadecimal", lambda g: deliver(g, ORDER, x_shopify_hmac_sha256=hmac.digest(SECRET.encode(), json.dumps(ORDER).encode(), hashlib.sha256).hex())),
    ("a space after signing", lambda g: g.send("POST", WEBHOOK, json.dumps(ORDER) + " ", x_shopify_hmac_sha256=signature(json.dumps(ORDER).encode()))),
    ("a plain order", lambda g: g.send("POST", WEBHOOK, json.dumps(ORDER), content_type="application/json")),
    ("the server key instead", lambda g: deliver(g, ORDER, secret="key-of-the-first-dataset")),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "send"), FORGED, ids=[f[0] for f in FORGED])
def test_what_is_not_signed_is_401(claim: str, send: Callable[[Running], Reply], gateway: Running) -> None:
    """No order is taken from a stranger; the attempt is kept, masked."""
    assert send(gateway).status == 401
    assert gateway.new_events() == []
    (row,) = gateway.new_refused()
    assert (row["entry"], row["dataset"], row["reason"]) == ("webhook", DATASET, "bad_signature")
    assert "gmail" not in row["body"]


def test_unsigned_headers_cannot_turn_an_order_away_from_its_shop(gateway: Running) -> None:
    """Topic and shop headers are not signed: at worst an order is left out, never booked elsewhere."""
    for changed in ({"x_shopify_shop_domain": "other.myshopify.com"}, {"x_shopify_topic": "products/update"}):
        assert deliver(gateway, ORDER | {"id": 99}, **changed).status == 200
    assert {e.dataset for e in gateway.new_events()} <= {DATASET}


LEFT_OUT = [
    ("a test order", {"test": True}),
    ("a cancelled order", {"cancelled_at": "2026-09-21T10:20:00Z"}),
    ("a voided payment", {"financial_status": "voided"}),
]


@pytest.mark.parametrize(("claim", "changes"), LEFT_OUT, ids=[o[0] for o in LEFT_OUT])
def test_orders_that_stand_for_no_purchase(claim: str, changes: dict[str, Any], gateway: Running) -> None:
    """Answered 200, so that the shop does not send again for hours; the ledger knows the order, no purchase is made."""
    reply = deliver(gateway, numbered(41 + LEFT_OUT.index((claim, changes)), **changes))
    assert (reply.status, reply.json["events_received"], reply.json["classified"]) == (200, 0, "order placed")
    assert gateway.new_events() == []
    assert gateway.new_refused() == []  # the order's state is kept as a fact, so nothing of it was refused


def test_a_webhook_that_is_not_kept_is_classified_and_left_a_row(gateway: Running) -> None:
    """What a topic is about is told, and what is no order is a row and not a purchase."""
    reply = deliver(gateway, {"id": 3, "title": "Mug", "variants": []}, topic="products/update")
    assert (reply.status, reply.json["events_received"], reply.json["classified"]) == (200, 0, "product")
    assert reply.json["messages"][0].startswith("left out: ")
    assert gateway.new_events() == []
    assert [r["reason"] for r in gateway.new_refused()] == ["not_an_order"]


BROKEN = [
    ("no JSON", b"{"),
    ("a list", b"[]"),
    ("without an id", json.dumps({k: v for k, v in ORDER.items() if k != "id"}).encode()),
    ("without a currency", json.dumps({k: v for k, v in ORDER.items() if k != "currency"}).encode()),
    ("a total that is no number", json.dumps(ORDER | {"total_price": "free"}).encode()),
]


@pytest.mark.parametrize(("claim", "body"), BROKEN, ids=[b[0] for b in BROKEN])
def test_signed_but_unreadable(claim: str, body: bytes, gateway: Running) -> None:
    """A signed body that is no order is a row with a reason, never a purchase of nothing; the shop gets 200, as it gives up
    a webhook that is refused some times in a row, and with it the orders that are right."""
    reply = deliver(gateway, body)
    assert (reply.status, reply.json["events_received"], reply.json["classified"]) == (200, 0, "refused")
    assert reply.json["messages"]
    assert gateway.new_events() == []
    assert len(gateway.new_refused()) == 1


def test_a_large_order(gateway: Running) -> None:
    """Five hundred lines with all of a shop's fields are an order like another."""
    line = {"variant_id": 1, "quantity": 1, "price": "1.00"} | {f"field_{n}": "x" * 20 for n in range(50)}
    order = numbered(9_077, line_items=[line | {"variant_id": n} for n in range(1, 501)])
    assert deliver(gateway, order).status == 200
    assert len(gateway.new_event().custom_data.contents) == 500


def test_two_secrets_while_one_is_rotated(start_gateway: Callable[..., Running]) -> None:
    """Old and new both fit while both are configured."""
    source = CONFIGURATION["source"][0] | {"secret": ["the-newer-secret-1", SECRET], "path": "/hooks/one"}
    gateway = start_gateway({**CONFIGURATION, "source": [source]})
    body = json.dumps(ORDER).encode()
    for secret, status in ((SECRET, 200), ("the-newer-secret-1", 200), ("neither-of-the-two", 401)):
        headers = {"x_shopify_hmac_sha256": signature(body, secret), "x_shopify_topic": "orders/paid"}
        reply = gateway.send("POST", "/hooks/one", body, **headers)
        assert reply.status == status
    assert gateway.send("POST", WEBHOOK, body).status == 404
    assert gateway.send("GET", "/hooks/one").status == 405


def test_no_public_answer_says_whether_an_order_exists(gateway: Running) -> None:
    """A number that the shop reported, one that nobody did, the same again, other money, a refusal of consent: the same
    answer to the byte, at the tag's endpoint and at the image."""
    assert deliver(gateway, numbered(9_071)).status == 200
    asked = [
        ("9071", "42.5", "granted"), ("9072", "42.5", "granted"), ("9071", "42.5", "granted"), ("9071", "0.01", "granted"),
        ("9071", "42.5", "denied"), ("9073", "42.5", "denied"),
    ]  # fmt: skip
    tags, images = set(), set()
    for n, (order, value, consent) in enumerate(asked):
        data = {"value": float(value), "currency": "EUR", "order_id": order}
        event = {"dataset": DATASET, "event_name": "Purchase", "event_time": NOW_S, "event_id": f"probe-{n}"}
        reply = gateway.tag(event | {"custom_data": data, "consent": consent})
        told = json.loads(reply.body)
        assert told.pop("fbtrace_id")  # of its own for every request
        tags.add((reply.status, json.dumps(told)))
        query = f"id={DATASET}&ev=Purchase&eid=probe-i{n}&cd[value]={value}&cd[currency]=EUR&cd[order_id]={order}"
        reply = gateway.send("GET", f"/tr?{query}")
        images.add((reply.status, reply.body))
    assert len(tags) == len(images) == 1
    assert {status for status, _ in tags | images} == {200}
