"""Shapes that languages make, at every door: an empty list for an empty object, a numbered object for a list, JSON in a text."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from every_door import (
    BROWSERS,
    CONFIGURATION,
    DOORS,
    event,
    hit,
    own_order,
    shopify_order,
    signed,
    stripe_event,
    woocommerce_order,
)
from running_gateway import DATASET, EVENTS, KEY, Reply, Running, purchase

orders = itertools.count(11_000)
LINES = [{"id": "1", "quantity": 2}, {"id": "2", "quantity": 1}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("shapes") / "data", CONFIGURATION)
    yield running
    running.close()


def numbered(items: list[Any]) -> dict[str, Any]:
    return {str(n): item for n, item in enumerate(items)}


# What a sender made of one event or request, and what must be true of the one event that arrives.
Change = Callable[[dict[str, Any]], Any]
EVENT_SHAPES: list[tuple[str, Change, Callable[[Any], Any], Any]] = [
    ("custom_data []", lambda e: e.update(event_name="PageView", custom_data=[]), lambda k: k.custom_data.value, None),
    ("custom_data null", lambda e: e.update(event_name="PageView", custom_data=None), lambda k: k.custom_data.value, None),
    ("custom_data empty text", lambda e: e.update(event_name="PageView", custom_data=""), lambda k: k.custom_data.value, None),
    ("custom_data a word", lambda e: e.update(event_name="PageView", custom_data="none"), lambda k: k.custom_data.value, None),
    ("custom_data a list", lambda e: e.update(event_name="PageView", custom_data=[1, 2]), lambda k: k.custom_data.value, None),
    ("custom_data in text", lambda e: e.update(custom_data=json.dumps(e["custom_data"])), lambda k: k.custom_data.value, 10),
    ("user_data in text", lambda e: e.update(user_data=json.dumps(e["user_data"])), lambda k: len(k.user_data.em), 1),
    ("e-mail in a list", lambda e: e["user_data"].update(em=["a@b.example", "c@d.example"]), lambda k: len(k.user_data.em), 2),
    ("e-mail in a numbered object", lambda e: e["user_data"].update(em=numbered(["a@b.example", "c@d.example"])), lambda k: len(k.user_data.em), 2),
    ("contents numbered", lambda e: e["custom_data"].update(contents=numbered(LINES)), lambda k: [c.id for c in k.custom_data.contents], ["1", "2"]),
    ("contents in text", lambda e: e["custom_data"].update(contents=json.dumps(LINES)), lambda k: [c.id for c in k.custom_data.contents], ["1", "2"]),
    ("contents alone", lambda e: e["custom_data"].update(contents=LINES[0]), lambda k: [c.id for c in k.custom_data.contents], ["1"]),
    ("contents {}", lambda e: e["custom_data"].update(contents={}), lambda k: k.custom_data.contents, ()),
    ("content_ids numbered", lambda e: e["custom_data"].update(content_ids=numbered(["a", "b"])), lambda k: k.custom_data.content_ids, ("a", "b")),
    ("content_ids alone", lambda e: e["custom_data"].update(content_ids="a"), lambda k: k.custom_data.content_ids, ("a",)),
    ("content_ids in text", lambda e: e["custom_data"].update(content_ids='["a","b"]'), lambda k: k.custom_data.content_ids, ("a", "b")),
    ("options numbered", lambda e: e.update(data_processing_options={"0": "LDU"}), lambda k: k.data_processing_options, ("LDU",)),
    ("options alone", lambda e: e.update(data_processing_options="LDU"), lambda k: k.data_processing_options, ("LDU",)),
    ("options unreadable", lambda e: e.update(data_processing_options={"x": 1}), lambda k: k.data_processing_options, ("LDU",)),
    ("app_data []", lambda e: e.update(app_data=[]), lambda k: k.app_data or None, None),
    ("links alone", lambda e: e.update(links="cart:5f3a"), lambda k: k.links, ("cart:5f3a",)),
    ("order id with a point", lambda e: e["custom_data"].update(order_id=1001.0), lambda k: k.custom_data.order_id, "1001"),
    ("order id of a part", lambda e: e["custom_data"].update(order_id=1001.5), lambda k: k.custom_data.order_id, None),
    ("goods with a point", lambda e: e["custom_data"].update(contents=[{"id": 7.0}], content_ids=[7.0, "a"]), lambda k: (k.custom_data.contents[0].id, k.custom_data.content_ids), ("7", ("7", "a"))),
    ("event id with a point", lambda e: e.update(event_id=77.0), lambda k: k.event_id, "77"),
    ("customer with a point", lambda e: e["user_data"].update(external_id=[77.0]), lambda k: k.user_data.external_id[0].hex, hashlib.sha256(b"77").hexdigest()),
    ("time as text", lambda e: e.update(event_time=str(e["event_time"])), lambda k: k.custom_data.value, 10),
]  # fmt: skip


def post(gateway: Running, door: str, data: Any) -> Reply:
    if door == "tag":
        return gateway.send("POST", "/t/events", json.dumps({"events": data}), content_type="text/plain")
    if door == "capi":
        body = json.dumps({"data": data, "access_token": KEY})
        return gateway.send("POST", EVENTS, body, content_type="application/json")
    body = urlencode({"data": data if isinstance(data, str) else json.dumps(data), "access_token": KEY})
    return gateway.send("POST", EVENTS, body, content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize("door", ["capi", "capi_form", "tag"])
@pytest.mark.parametrize(("claim", "change", "look", "expected"), EVENT_SHAPES, ids=[s[0] for s in EVENT_SHAPES])
def test_parts_of_an_event(
    gateway: Running, door: str, claim: str, change: Change, look: Callable[[Any], Any], expected: Any
) -> None:
    gateway.forget()
    given = event(str(next(orders)), {}, dataset=DATASET) if door == "tag" else event(str(next(orders)), {})
    change(given)
    reply = post(gateway, door, [given])
    assert reply.status == 200, reply.body
    assert look(gateway.new_event()) == expected


BATCHES: list[tuple[str, Callable[[list[dict[str, Any]]], Any], int]] = [
    ("a list in text", json.dumps, 2),
    ("texts in a list", lambda events: [json.dumps(e) for e in events], 2),
    ("texts in a list in text", lambda events: json.dumps([json.dumps(e) for e in events]), 2),
    ("numbered", numbered, 2),
    ("numbered, in text", lambda events: json.dumps(numbered(events)), 2),
    ("one event alone", lambda events: events[0], 1),
    ("one event alone, in text", lambda events: json.dumps(events[0]), 1),
    ("a null between", lambda events: [events[0], None, events[1]], 2),
    ("a word between", lambda events: [events[0], "none", events[1]], 2),
]


@pytest.mark.parametrize("door", ["capi", "capi_form", "tag"])
@pytest.mark.parametrize(("claim", "write", "arrive"), BATCHES, ids=[b[0] for b in BATCHES])
def test_batches(gateway: Running, door: str, claim: str, write: Callable[[list[Any]], Any], arrive: int) -> None:
    gateway.forget()
    more = {"dataset": DATASET} if door == "tag" else {}
    events = [event(str(next(orders)), {}, **more) for _ in range(2)]
    reply = post(gateway, door, write(events))
    assert reply.status == 200, reply.body
    assert [e.event_id for e in gateway.new_events()] == [e["event_id"] for e in events][:arrive]


HIT_SHAPES = [
    ({"cd[contents]": json.dumps(LINES)}, lambda k: [c.id for c in k.custom_data.contents], ["1", "2"]),
    ({"cd[contents]": json.dumps(numbered(LINES))}, lambda k: [c.id for c in k.custom_data.contents], ["1", "2"]),
    ({"cd[contents]": "[]"}, lambda k: k.custom_data.contents, ()),
    ({"cd[content_ids]": '["a","b"]'}, lambda k: k.custom_data.content_ids, ("a", "b")),
    ({"cd[content_ids]": "a"}, lambda k: k.custom_data.content_ids, ("a",)),
    ({"cd[contents]": "{broken"}, lambda k: k.custom_data.value, 10),
    ({"dpo": '["LDU"]'}, lambda k: k.data_processing_options, ("LDU",)),
]


@pytest.mark.parametrize("door", ["tr_get", "tr_post"])
@pytest.mark.parametrize(("fields", "look", "expected"), HIT_SHAPES)
def test_hits(gateway: Running, door: str, fields: dict[str, str], look: Callable[[Any], Any], expected: Any) -> None:
    gateway.forget()
    assert hit("1", {"hit": fields}).items() >= fields.items()
    BROWSERS[door](gateway, str(next(orders)), {"hit": fields})
    assert look(gateway.new_event()) == expected


def lines(body: dict[str, Any]) -> dict[str, Any]:
    return body | {name: numbered(body[name]) for name in ("line_items", "lines") if name in body}


WEBHOOKS: list[tuple[str, str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("shopify", "empty objects", lambda b: b | {"client_details": [], "customer": [], "billing_address": [], "note_attributes": {}}),
    ("shopify", "a numbered list", lines),
    ("shopify", "text for a list", lambda b: b | {"tags": ["a", "b"], "payment_gateway_names": "card"}),
    ("woocommerce", "empty objects", lambda b: b | {"shipping": [], "meta_data": {}, "_links": [], "refunds": {}}),
    ("woocommerce", "a numbered list", lines),
    ("woocommerce", "text for a list", lambda b: b | {"meta_data": "", "coupon_lines": ""}),
    ("stripe", "empty objects", lambda b: b | {"data": {"object": b["data"]["object"] | {"shipping_details": [], "custom_fields": {}}}}),
    ("own", "empty objects", lambda b: b | {"browser": [], "parcels": {}, "tags": []}),
    ("own", "a numbered list", lines),
    ("own", "text for a list", lambda b: b | {"tags": "gift"}),
    ("own", "JSON in a text", lambda b: b | {"customer": json.dumps(b["customer"]), "lines": json.dumps(b["lines"])}),
]  # fmt: skip
BODIES = {"shopify": shopify_order, "woocommerce": woocommerce_order, "stripe": stripe_event, "own": own_order}
TOPICS = {"shopify": "orders/create", "woocommerce": "order.updated"}


@pytest.mark.parametrize(("kind", "claim", "change"), WEBHOOKS, ids=[f"{k}: {c}" for k, c, _ in WEBHOOKS])
def test_webhooks(gateway: Running, kind: str, claim: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    gateway.forget()
    reply = signed(gateway, kind, change(BODIES[kind](str(next(orders)), {})), TOPICS.get(kind, ""))
    assert reply.status == 200, reply.body
    kept = gateway.new_event()
    assert (kept.event_name, kept.custom_data.value, kept.custom_data.currency) == ("Purchase", 10, "EUR")
    assert len(kept.user_data.em) == 1
    assert gateway.new_refused() == []


@pytest.mark.parametrize(
    "nothing", [False, True, 0, 0.0, [], {}, "", " ", "null", "[object Object]", "[]", "{}"], ids=repr
)
def test_an_event_id_of_no_kind_costs_the_id_and_not_the_event(nothing: Any, gateway: Running) -> None:
    """What a program writes that made no id; each such event is one of its own."""
    gateway.forget()
    sent = [purchase(nothing, event_name="Lead") for _ in range(2)]  # type: ignore[arg-type]
    assert gateway.post(*sent).json["events_received"] == 2
    first, second = gateway.new_events()
    assert first.event_id != second.event_id
    assert first.warnings == second.warnings != ()


@pytest.mark.parametrize("nothing", [{}, [], "{}", "[]", "null", False], ids=repr)
def test_a_part_of_our_own_order_that_is_empty_costs_nothing(nothing: Any, gateway: Running) -> None:
    """What a program writes for the object or list that it has not."""
    gateway.forget()
    parts = dict.fromkeys(("browser", "messaging", "lines", "refunds", "parcels"), nothing)
    assert signed(gateway, "own", own_order(str(next(orders)), {}) | parts).status == 200
    assert gateway.new_event().custom_data.value == 10


@pytest.mark.parametrize("word", ["undefined", "null", " None ", "[object Object]"])
def test_a_currency_that_says_nothing_is_none(word: str, gateway: Running) -> None:
    """Outside a Purchase the event is kept without it, as Meta does; a Purchase needs one."""
    gateway.forget()
    given = {"value": 5, "currency": word}
    assert gateway.post(purchase("atc", event_name="AddToCart", custom_data=given)).status == 200
    kept = gateway.new_event()
    assert (kept.custom_data.value, kept.custom_data.currency) == (5, None)
    assert any("currency" in warning for warning in kept.warnings)
    reply = gateway.post(purchase("sale", custom_data=given))
    assert (reply.status, reply.error["error_data"]["refused"][0]["reason"]) == (400, "missing_currency")


@pytest.mark.parametrize("place", ["{{ order.id }}", "${orderId}", "%ORDER_ID%", "order-{{id}}", "__ORDER_ID__"])
@pytest.mark.parametrize("door", ["capi", "capi_form", "capi_texts", "segment", *BROWSERS])
def test_two_sales_under_a_templates_place_are_two(gateway: Running, door: str, place: str) -> None:
    """Whoever forgot to fill in a template sends the same id with every order: none of them may stand for another."""
    gateway.forget()
    for value, email in ((10, "ann@b.example"), (20, "bob@b.example")):
        facts = {"email": email, "custom": {"value": value, "total": value}}
        assert DOORS[door](gateway, place, facts).status == 200
    first, second = gateway.new_events()
    assert first.event_id != second.event_id
    assert (first.custom_data.order_id, second.custom_data.order_id) == (None, None)
    assert [first.custom_data.value, second.custom_data.value] == [10, 20]


@pytest.mark.parametrize("place", ["{{ customer.id }}", "${id}", "%CUSTOMER_ID%"])
def test_two_people_under_a_templates_place_are_two(gateway: Running, place: str) -> None:
    gateway.forget()
    gateway.post(purchase("place-1", user_data={"em": "ann@b.example", "external_id": place, "fn": "{{ first_name }}"}))
    user = gateway.new_event().user_data
    assert user.external_id == ()
    assert user.fn == ()
