"""Contact data in the fields that nobody thinks of: masked at every door, in the journal, the answer and the kept bodies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from every_door import CONFIGURATION, DOORS, event
from running_gateway import DATASET, Running

from twofold.event.model import encode

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
}


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
