"""Contact data in the fields that nobody thinks of: masked at every door, in the journal, the answer and the kept bodies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from every_door import (
    CONFIGURATION,
    DOORS,
    event,
    own_order,
    shopify_order,
    signed,
    stripe_event,
    woocommerce_order,
)
from running_gateway import DATASET, KEY, Running

from twofold.event.model import encode
from twofold.store.engines import open_reader

SHOP_BODIES = {"shopify": shopify_order, "woocommerce": woocommerce_order, "stripe": stripe_event, "own": own_order}

orders = itertools.count(8_000)
PLAIN = "zoe.unique@example.com"
WAYS = {
    "plain": PLAIN,
    "encoded": quote(PLAIN, safe=""),
    "encoded twice": quote(quote(PLAIN, safe=""), safe=""),
    "full-width": PLAIN.replace("@", "＠"),
    "HTML": PLAIN.replace("@", "&#64;"),
    "a number": "+1 650 555 0199",
}
FIELDS: dict[str, Any] = {
    "event name": lambda e, text: e.update(event_name=text[:50]),
    "processing options": lambda e, text: e.update(data_processing_options=[text]),
    "content ids": lambda e, text: e["custom_data"].update(content_ids=["sku-1", text]),
    "a line's id": lambda e, text: e["custom_data"].update(contents=[{"id": text, "quantity": 1}]),
    "a line's name": lambda e, text: e["custom_data"].update(contents=[{"id": "1", "name": text}]),
    "content type": lambda e, text: e["custom_data"].update(content_type=text),
    "order id": lambda e, text: e["custom_data"].update(order_id=text),
    "event id": lambda e, text: e.update(event_id=text),
    "user agent": lambda e, text: e["user_data"].update(client_user_agent=f"Mozilla/5.0 ({text})"),
    "a property": lambda e, text: e["custom_data"].update(note=f"for {text}"),
    "a property's name": lambda e, text: e["custom_data"].update({text: 1}),
    "a deep property": lambda e, text: e["custom_data"].update(a={"b": [{"c": text}]}),
    "subscription id": lambda e, text: e["user_data"].update(subscription_id=text),
    "lead id": lambda e, text: e["user_data"].update(lead_id=text),
    "visitor": lambda e, text: e.update(visitor=text),
    "links": lambda e, text: e.update(links=[f"cart:{text}"]),
    "app data": lambda e, text: e.update(app_data={"campaign_ids": text}),
    "segmentation": lambda e, text: e.update(customer_segmentation=text),
    "the page": lambda e, text: e.update(event_source_url=f"https://shop.example/u/{quote(text)}?q={quote(text)}"),
    "the referrer": lambda e, text: e.update(referrer_url=f"https://shop.example/?next={quote(text)}"),
    "a campaign": lambda e, text: e.update(event_source_url=f"https://shop.example/?utm_source={text}"),
    "the page's user": lambda e, text: e.update(event_source_url=f"https://{text}/t"),
    "a click on an ad": lambda e, text: e["user_data"].update(fbc=f"fb.1.1790000000000.{text}"),
    "another platform's click": lambda e, text: e["user_data"].update(gclid=text, ttclid=text),
}
IDS: dict[str, Any] = {
    "shopify": lambda o, text: o.update(
        name=text, checkout_token=text, token=text, cart_token=text,
        line_items=[{"variant_id": 1, "quantity": 1, "price": "10.00", "sku": text}],
    ),
    "woocommerce": lambda o, text: o.update(
        number=text, order_key=text, transaction_id=text, coupon_lines=[{"code": text}],
        line_items=[{"id": 1, "product_id": 7, "quantity": 1, "total": "10.00", "subtotal": "10.00", "sku": text}],
    ),
    "own": lambda o, text: o.update(id=text),
    "stripe": lambda o, text: o["data"]["object"].update(client_reference_id=text, metadata={"order_id": text}),
}  # fmt: skip
"""Bodies of shops with contact data where ids and codes belong."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("contact") / "data", CONFIGURATION)
    yield running
    running.close()


def shows(text: str) -> bool:
    return "zoe" in text.lower() or "5550199" in "".join(c for c in text if c.isdigit())


@pytest.mark.parametrize("door", ["capi", "tag"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("field", FIELDS)
def test_no_field_keeps_it(gateway: Running, field: str, way: str, door: str) -> None:
    gateway.forget()
    order = str(next(orders))
    given = event(order, {"email": "a@b.example"})
    FIELDS[field](given, WAYS[way])
    reply = gateway.post(given) if door == "capi" else gateway.tag(given)
    assert reply.status == 200, reply.body
    assert not shows(encode(gateway.new_event()).decode())
    assert not shows(reply.body.decode())
    assert gateway.new_refused() == []


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("way", WAYS)
def test_no_door_keeps_it_in_a_products_name_or_an_agent(gateway: Running, door: str, way: str) -> None:
    gateway.forget()
    text = WAYS[way]
    facts = {
        "name": f"for {text}",
        "agent": f"Mozilla/5.0 ({text})",
        "headers": {"user_agent": f"Mozilla/5.0 ({quote(text)})"},
    }
    reply = DOORS[door](gateway, str(next(orders)), facts)
    assert reply.status == 200
    kept = encode(gateway.new_event()).decode()
    assert not shows(kept.replace("+http", ""))


def kept_anywhere(gateway: Running) -> str:
    """All that the tables hold, as text, with the journal's bodies unpacked."""
    db = open_reader(gateway.folder)
    names = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
    cells = [cell for name in names for row in db.execute(f'select * from "{name}"') for cell in row]
    cells += [body for (body,) in db.execute("select plain_body(body) from event")]
    db.close()
    texts = (cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell) for cell in cells)
    return "\n".join(text for text in texts if "zoe" in text.lower())


@pytest.mark.parametrize("way", [way for way in WAYS if way != "a number"])
@pytest.mark.parametrize("shop", IDS)
def test_no_id_of_a_shops_order_keeps_it(gateway: Running, shop: str, way: str) -> None:
    body = SHOP_BODIES[shop](str(next(orders)), {"email": "a@b.example"})
    IDS[shop](body, WAYS[way])
    reply = signed(gateway, shop, body, {"shopify": "orders/create", "woocommerce": "order.updated"}.get(shop, ""))
    assert reply.status in (200, 400)
    assert not shows(reply.body.decode())
    assert kept_anywhere(gateway) == ""


@pytest.mark.parametrize("way", [way for way in WAYS if way != "a number"])
def test_no_name_of_a_sender_keeps_it(gateway: Running, way: str) -> None:
    gateway.forget()
    gateway.post(event(str(next(orders)), {"email": "a@b.example"}), partner_agent=WAYS[way])
    gateway.send("GET", f"/tr/?id={DATASET}&ev=Lead&v=2.9.1&a={quote(WAYS[way], safe='')}")
    body = json.dumps({"specversion": "1.0", "id": WAYS[way], "source": WAYS[way], "type": WAYS[way], "data": {}})
    kind = {"content_type": "application/cloudevents+json", "authorization": f"Bearer {KEY}"}
    gateway.send("POST", f"/v1/{DATASET}/cloudevents", body, **kind)
    assert len(gateway.new_events()) == 2
    assert kept_anywhere(gateway) == ""


@pytest.mark.parametrize("door", ["tr_get", "tr_post"])
@pytest.mark.parametrize("way", WAYS)
def test_a_hit_keeps_none(gateway: Running, door: str, way: str) -> None:
    gateway.forget()
    text = WAYS[way]
    facts = {
        "custom": {"content_ids": json.dumps([text]), "note": text, text: "1", "contents": json.dumps([{"id": text}])}
    }
    DOORS[door](gateway, str(next(orders)), facts)
    gateway.send("GET", f"/tr/?id={DATASET}&ev=Lead&dpo={quote(text)}&eid={quote(text)}")
    for kept in gateway.new_events():
        assert not shows(encode(kept).decode())
    assert gateway.new_refused() == []


def test_names_of_goods_are_whole(gateway: Running) -> None:
    gateway.forget()
    goods = {
        "product_name": "Blue mug",
        "item_name": "Blue mug",
        "content_name": "Blue mug",
        "first_order": True,
        "card_value": 25,
    }
    given = event(str(next(orders)), {})
    given["custom_data"] |= goods | {"contents": [{"id": "1", "name": "Blue mug", "item_name": "Mug"}]}
    reply = gateway.post(given)
    assert reply.json["messages"] == []
    kept = gateway.new_event().custom_data
    assert kept.other == goods
    assert kept.contents[0].other == {"name": "Blue mug", "item_name": "Mug"}
