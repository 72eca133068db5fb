"""One sale through every door by which events come in, with chosen facts in the words of each door.

Owns how a fact is said at a door: the shopper's address, a product's name, the page. A fact that a door has no word for
is not sent. Bodies of shop systems have only what a Purchase needs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from running_gateway import DATASET, EVENTS, KEY, NOW_MS, NOW_S, Reply, Running

SECRET = "hush-0123456789abcdef"
SHOPS = {"shopify": "demo.myshopify.com", "woocommerce": "woo.example", "stripe": "pay.example", "own": "own.example"}
CONFIGURATION: dict[str, Any] = {
    "dataset": [{"id": DATASET, "key": KEY, "country": "US", "trust": {"rate": 0}, "ways_in": {"segment_key": KEY}}],
    "source": [{"type": t, "dataset": DATASET, "shop": shop, "secret": SECRET} for t, shop in SHOPS.items()],
}
EMAIL = "jane.roe@example.com"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
WHEN = datetime.fromtimestamp(NOW_S - 60, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def event(order: str, facts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A Purchase as a developer writes it, for the doors of servers and of the tag."""
    user: dict[str, Any] = {"em": facts.get("email", EMAIL), "client_user_agent": facts.get("agent", CHROME)}
    if "ip" in facts:
        user["client_ip_address"] = facts["ip"]
    custom = {"value": 10, "currency": "EUR", "order_id": order, **facts.get("custom", {})}
    if "name" in facts:
        custom["content_name"] = facts["name"]
    return {
        "event_name": "Purchase", "event_time": NOW_S - 60, "event_id": order, "action_source": "website",
        "event_source_url": facts.get("url", "https://shop.example/thanks"), "user_data": user, "custom_data": custom,
        **facts.get("event", {}), **changes,
    }  # fmt: skip


def _json(body: Any, facts: dict[str, Any]) -> bytes:
    """JSON as most languages write it, or with its texts in the bytes of another encoding."""
    encoding = facts.get("encoding")
    return json.dumps(body, ensure_ascii=False).encode(encoding) if encoding else json.dumps(body).encode()


def capi(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    body = _json({"data": [event(order, facts)], "access_token": KEY, **facts.get("request", {})}, facts)
    return gateway.send("POST", EVENTS, body, content_type="application/json", **facts.get("headers", {}))


def capi_form(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    body = urlencode({"data": _json([event(order, facts)], facts), "access_token": KEY, **facts.get("request", {})})
    return gateway.send(
        "POST", EVENTS, body, content_type="application/x-www-form-urlencoded", **facts.get("headers", {})
    )


def capi_texts(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    """As the Python SDK writes it: each event a JSON text of its own."""
    body = urlencode(
        {"data": json.dumps([json.dumps(event(order, facts))]), "access_token": KEY, **facts.get("request", {})}
    )
    return gateway.send(
        "POST", EVENTS, body, content_type="application/x-www-form-urlencoded", **facts.get("headers", {})
    )


def tag(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    body = _json({"events": [{"dataset": DATASET, **event(order, facts)}]}, facts)
    return gateway.send("POST", "/t/events", body, content_type="text/plain", **facts.get("headers", {}))


def hit(order: str, facts: dict[str, Any]) -> dict[str, str]:
    fields = {"id": DATASET, "ev": "Purchase", "eid": order, "ts": str(NOW_MS - 60_000), "v": "2.9.1"}
    fields |= {"dl": facts.get("url", "https://shop.example/thanks"), "cd[value]": "10", "cd[currency]": "EUR"}
    fields |= {f"cd[{name}]": str(value) for name, value in facts.get("custom", {}).items()}
    fields["ud[em]"] = facts.get("email", EMAIL)
    if "name" in facts:
        fields["cd[content_name]"] = facts["name"]
    return fields | facts.get("hit", {})


def encoded(fields: dict[str, str], facts: dict[str, Any]) -> str:
    return urlencode(fields, encoding=facts.get("encoding", "utf-8"), errors="surrogatepass")


def tr_get(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    return gateway.send("GET", "/tr/?" + encoded(hit(order, facts), facts), **facts.get("headers", {}))


def tr_post(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    kind = {"content_type": "application/x-www-form-urlencoded"}
    return gateway.send("POST", "/tr/", encoded(hit(order, facts), facts), **kind, **facts.get("headers", {}))


def signed(gateway: Running, kind: str, body: Any, topic: str = "", facts: dict[str, Any] | None = None) -> Reply:
    """A webhook of a shop system with its signature."""
    raw = _json(body, facts or {})
    code = hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()
    plain = base64.b64encode(code).decode()
    dated = hmac.new(SECRET.encode(), f"{NOW_S}.".encode() + raw, hashlib.sha256).hexdigest()
    headers = {
        "shopify": {"x_shopify_hmac_sha256": plain, "x_shopify_topic": topic},
        "woocommerce": {"x_wc_webhook_signature": plain, "x_wc_webhook_topic": topic},
        "stripe": {"stripe_signature": f"t={NOW_S},v1={dated}"},
        "own": {"x_twofold_signature": f"t={NOW_S},v1={dated}"},
    }[kind]
    path = f"/webhooks/{kind}/{SHOPS[kind]}"
    return gateway.send(
        "POST", path, raw, content_type="application/json", **headers, **(facts or {}).get("headers", {})
    )


def shopify(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    return signed(gateway, "shopify", shopify_order(order, facts), "orders/create", facts)


def shopify_order(order: str, facts: dict[str, Any]) -> dict[str, Any]:
    when = f"{WHEN}Z"
    body: dict[str, Any] = {
        "id": int(order), "order_number": int(order), "email": facts.get("email", EMAIL), "currency": "EUR",
        "total_price": "10.00", "financial_status": "paid", "created_at": when, "processed_at": when,
        "updated_at": when, "source_name": "web", "test": False, "payment_gateway_names": ["card"],
        "line_items": [{"variant_id": 1, "quantity": 1, "price": "10.00", "title": facts.get("name", "Mug")}],
        "client_details": {"user_agent": facts.get("agent", CHROME)},
        "note_attributes": [{"name": name, "value": value} for name, value in facts.get("kept", {}).items()],
    }  # fmt: skip
    if "ip" in facts:
        body["browser_ip"] = facts["ip"]
    return body


def woocommerce(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    return signed(gateway, "woocommerce", woocommerce_order(order, facts), "order.updated", facts)


def woocommerce_order(order: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": int(order), "number": order, "order_key": f"wc_order_{order}", "created_via": "checkout",
        "status": "processing", "currency": "EUR", "date_created_gmt": WHEN, "date_modified_gmt": WHEN,
        "date_paid_gmt": WHEN, "total": "10.00", "total_tax": "0.00", "shipping_total": "0.00", "discount_total": "0.00",
        "payment_method": "stripe", "customer_ip_address": facts.get("ip", ""),
        "customer_user_agent": facts.get("agent", CHROME),
        "meta_data": [{"id": n, "key": f"_{k}", "value": v} for n, (k, v) in enumerate(facts.get("kept", {}).items())],
        "billing": {"email": facts.get("email", EMAIL), "country": "US"},
        "line_items": [{"id": 1, "name": facts.get("name", "Mug"), "product_id": 7, "variation_id": 0, "quantity": 1,
                        "total": "10.00", "subtotal": "10.00", "price": 10}],
    }  # fmt: skip


def stripe(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    return signed(gateway, "stripe", stripe_event(order, facts), "", facts)


def stripe_event(order: str, facts: dict[str, Any]) -> dict[str, Any]:
    kept = {"order_id": order, "event_id": order, "client_user_agent": facts.get("agent", CHROME)}
    kept |= {"client_ip_address": facts["ip"]} if "ip" in facts else {}
    kept |= {"product": facts["name"]} if "name" in facts else {}
    kept |= facts.get("kept", {})
    session = {
        "id": f"cs_live_{order}", "object": "checkout.session", "livemode": True, "mode": "payment", "status": "complete",
        "payment_status": "paid", "amount_total": 1000, "currency": "eur", "created": NOW_S - 60,
        "client_reference_id": order, "payment_intent": f"pi_{order}", "metadata": kept,
        "customer_details": {"email": facts.get("email", EMAIL), "name": "Jane Roe", "address": {"country": "US"}},
    }  # fmt: skip
    return {
        "id": f"evt_{order}", "object": "event", "type": "checkout.session.completed", "created": NOW_S - 60,
        "livemode": True, "data": {"object": session},
    }  # fmt: skip


def own(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    return signed(gateway, "own", own_order(order, facts), "", facts)


def own_order(order: str, facts: dict[str, Any]) -> dict[str, Any]:
    browser = {"user_agent": facts.get("agent", CHROME)} | ({"ip": facts["ip"]} if "ip" in facts else {})
    return {
        "type": "order", "id": order, "placed_at": NOW_S - 60, "updated_at": NOW_S - 60, "status": "confirmed",
        "payment": {"method": "card", "status": "paid"}, "totals": {"currency": "EUR", "total": "10.00"},
        "lines": [{"id": "1", "name": facts.get("name", "Mug"), "quantity": 1, "price": "10.00"}],
        "customer": {"email": facts.get("email", EMAIL)}, "browser": browser, **facts.get("order", {}),
    }  # fmt: skip


def segment(gateway: Running, order: str, facts: dict[str, Any]) -> Reply:
    body = _json(segment_order(order, facts), facts)
    return gateway.send("POST", "/v1/track", body, content_type="application/json", **facts.get("headers", {}))


def segment_order(order: str, facts: dict[str, Any]) -> dict[str, Any]:
    context = facts.get("context", {}) | {
        "userAgent": facts.get("agent", CHROME),
        "page": {"url": facts.get("url", "https://shop.example/thanks")},
    }
    goods = {"product_id": "1", "quantity": 1, "price": 10} | ({"name": facts["name"]} if "name" in facts else {})
    return {
        "type": "track", "event": "Order Completed", "messageId": order, "timestamp": f"{WHEN}Z",
        "writeKey": facts.get("key", KEY),
        "context": context | {"traits": {"email": facts.get("email", EMAIL)}} | ({"ip": facts["ip"]} if "ip" in facts else {}),
        "properties": {"order_id": order, "total": 10, "currency": "EUR", "products": [goods], **facts.get("custom", {}),
                       **facts.get("properties", {})},
    }  # fmt: skip


SERVERS: dict[str, Callable[[Running, str, dict[str, Any]], Reply]] = {
    "capi": capi, "capi_form": capi_form, "capi_texts": capi_texts,
    "shopify": shopify, "woocommerce": woocommerce, "stripe": stripe, "own": own,
    "segment": segment,
}  # fmt: skip
"""Doors of servers: the shopper's address is what the body says."""

BROWSERS: dict[str, Callable[[Running, str, dict[str, Any]], Reply]] = {
    "tag": tag,
    "tr_get": tr_get,
    "tr_post": tr_post,
}
"""Doors of browsers: it is the connection's."""

DOORS = SERVERS | BROWSERS
