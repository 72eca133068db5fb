"""The requests of a world as their senders write them: a browser's, a server's, a shop's, a stranger's, a person's."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from tests.world.steps import PEOPLE, Person, Thing
from twofold.collect.messages import Request

KEY = "key-of-the-shop-0123456789"
SECRET = "a-secret-of-the-shop-0123"
SITE = "shop.example"
FORGED_VALUE = "6.66"
FORGED_AGENT = "curl/8"


def from_browser(thing: Thing, person: Person, mark: int, now_s: int) -> Request:
    """One copy of the tag."""
    event = _event(thing, person, thing.browser_id, thing.browser_value, mark, now_s)
    return _json("/t/events", {"events": [{"dataset": thing.dataset, **event}]}, person.address, person.agent)


def from_server(things: list[Thing], people: list[Person], marks: list[int], now_s: int) -> Request:
    """One batch of copies of a dataset. Some people have said yes to ads."""
    data = [
        _event(t, people[t.person], t.event_id, t.value, mark, now_s) for t, mark in zip(things, marks, strict=True)
    ]
    for event, thing in zip(data, things, strict=True):
        if says_yes(people[thing.person]):
            event["consent"] = "granted"
    return _json(f"/v25.0/{things[0].dataset}/events", {"data": data, "access_token": KEY}, "198.51.100.7", "sdk/1")


def beside_unreadable(thing: Thing, people: list[Person], mark: int, now_s: int, kind: int) -> Request:
    """A server's copy in one batch with what must be refused: (0) no name, (1) money without a currency, (2) done nowhere."""
    request = from_server([thing], people, [mark], now_s)
    tree = json.loads(request.body)
    spoilt = _event(thing, people[thing.person], f"spoilt-{mark}", thing.value, mark, now_s)
    spoilt["event_name"] = "Purchase"
    if kind == 0:
        del spoilt["event_name"]
    if kind == 1:
        del spoilt["custom_data"]["currency"]
    if kind == 2:
        spoilt["action_source"] = "nowhere"
    tree["data"].insert(mark % 2, spoilt)
    request.body = json.dumps(tree).encode()
    return request


def says_yes(person: Person) -> bool:
    """True for who agreed to ads at the shop, as its server tells; the others said nothing."""
    return person.number < PEOPLE - 1


def from_shop(thing: Thing, person: Person, news: str, changed_s: int, now_s: int) -> Request:
    """An order's webhook. ``news``: paid, unpaid, cancelled, since ``changed_s``. Signed by the shop's clock, which the gateway's
    may not agree with."""
    body = {
        "type": "order", "id": thing.order, "placed_at": now_s - 30, "updated_at": changed_s,
        "status": "cancelled" if news == "cancelled" else "placed",
        "payment": {"method": "card", "status": "unpaid" if news == "unpaid" else "paid"},
        "totals": {"currency": "EUR", "total": thing.value}, "lines": [{"id": "MUG-1", "quantity": 1, "price": thing.value}],
        "customer": {"email": person.email},
        "browser": {"fbp": person.fbp, "ip": person.address, "user_agent": person.agent, "url": "https://shop.example/thanks",
                    "event_id": thing.event_id},
    }  # fmt: skip
    raw = json.dumps(body).encode()
    digest = hmac.new(SECRET.encode(), f"{now_s}.".encode() + raw, hashlib.sha256).hexdigest()
    request = _json(f"/webhooks/own/{SITE}", {}, "198.51.100.8", "shop/1")
    request.body = raw
    request.raw_headers[b"x-twofold-signature"] = f"t={now_s},v1={digest}".encode()
    return request


def notice(thing: Thing, word: str) -> Request:
    """What a shop that is asked says of an order: its number. ``word``: of the address, which nobody else knows."""
    body = {"scope": "store/order/updated", "store_id": "1025646", "data": {"type": "order", "id": int(thing.order or 0)},
            "producer": "stores/abc"}  # fmt: skip
    return _json(f"/webhooks/bigcommerce/{SITE}/{word}", body, "198.51.100.8", "shop/1")


def forged(thing: Thing, variant: int, now_s: int) -> Request:
    """A stranger's copy with what can be counted: the order's number, and the event's id where it is one of those. ``variant``: from 4
    on nobody may be told of it."""
    event_id = thing.event_id if thing.event_id.startswith("order-") else f"guess-{thing.number}-{variant}"
    event: dict[str, Any] = {
        "event_name": thing.name, "event_time": now_s, "event_id": event_id, "action_source": "website",
        "event_source_url": "https://evil.example/", "user_data": {"fbp": f"fb.1.1789999000000.66{variant}"},
        "custom_data": {"value": FORGED_VALUE, "currency": "EUR"},
    }  # fmt: skip
    if thing.order is not None and variant % 2 == 0:
        event["custom_data"]["order_id"] = thing.order
    if variant >= 4:
        event["consent"] = "denied"
    body = {"events": [{"dataset": thing.dataset, **event}]}
    return _json("/t/events", body, "192.0.2.66", FORGED_AGENT)


def unreadable(kind: int, dataset: str) -> Request:
    """What must be refused with a row: (0) no JSON, (1) no such dataset, (2) no name, (3) a wrong key."""
    path, key = f"/v25.0/{dataset}/events", KEY
    event = {"event_name": "Purchase", "event_time": 1, "action_source": "website"}
    match kind:
        case 0:
            request = _json(path, {}, "198.51.100.9", "sdk/1")
            request.body = b'{"data": [{"event_name": "Purch'
            return request
        case 1:
            path = "/v25.0/9999999999/events"
        case 2:
            event = {"action_source": "website"}
        case _:
            key = "another-key-0000000000000000"
    return _json(path, {"data": [event], "access_token": key}, "198.51.100.9", "sdk/1")


def consent(dataset: str, person: Person, state: str, by: int) -> Request:
    """Taken back or given again: by a server (an address), or by the browser itself (its own id)."""
    if by == 0:
        return _json(
            "/t/consent", {"dataset": dataset, "fbp": person.fbp, "state": state}, person.address, person.agent
        )
    body = {"state": state, "email": person.email, "access_token": KEY}
    return _json(f"/v1/{dataset}/consent", body, "198.51.100.7", "sdk/1")


def _event(thing: Thing, person: Person, event_id: str, value: str, mark: int, now_s: int) -> dict[str, Any]:
    custom: dict[str, Any] = {"value": value, "currency": "EUR", "content_name": f"mark-{mark}."}
    if thing.order is not None:
        custom["order_id"] = thing.order
    return {
        "event_name": thing.name, "event_time": now_s, "event_id": event_id, "action_source": "website",
        "event_source_url": "https://shop.example/thanks",
        "user_data": {"em": [person.hash], "fbp": person.fbp, "client_ip_address": person.address,
                      "client_user_agent": person.agent},
        "custom_data": custom,
    }  # fmt: skip


def _json(path: str, tree: dict[str, Any], peer: str, agent: str) -> Request:
    headers = [(b"content-type", b"application/json"), (b"user-agent", agent.encode())]
    return Request("POST", path, b"", headers, peer, json.dumps(tree).encode())
