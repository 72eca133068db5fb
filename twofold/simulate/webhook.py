"""The shop system's side of an order webhook: the body in Shopify's shape, and its signature.

Written from Shopify's REST Order resource (webhook API 2024-10), on its own: what the gateway reads is not looked
at here, or the demo would only prove that the two agree with each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from twofold.simulate.truth import CURRENCY, Order, OrderKind, Shopper

CREATED, PAID = "orders/create", "orders/paid"


class Carried(Struct, frozen=True, kw_only=True):
    """What the shop's theme wrote into the cart's attributes for the order to carry."""

    fbp: str | None = None
    fbc: str | None = None
    consent: str | None = None  # "granted" or "denied"

    def attributes(self) -> list[dict[str, str]]:
        named = {
            "_fbp": self.fbp,
            "_fbc": self.fbc,
            "_twofold_consent": self.consent,
        }
        return [{"name": name, "value": value} for name, value in named.items() if value]


def checkout_token(shop: str, order_id: int) -> str:
    """What only the buyer's checkout and the shop know. A shop draws it; here it is made, so that a seed repeats a run."""
    return hashlib.sha256(f"{shop}/{order_id}".encode()).hexdigest()[:32]


def purchase_id(shop: str, order_id: int) -> str:
    """The event id that the thank-you page and the webhook both make of the checkout's token: nobody else can know it."""
    return f"purchase.{hashlib.sha256(f'checkout:{checkout_token(shop, order_id)}'.encode()).hexdigest()[:32]}"


def order_body(
    order: Order, carried: Carried, *, shop: str, created_ms: int, domain: str, topic: str = CREATED
) -> bytes:
    """The body of one delivery. A repeat of it, also hours later, has the same bytes.

    ``created_ms`` is when the checkout was completed; ``domain`` is the host the shopper sees, ``shop`` the shop's name.
    """
    made = datetime.fromtimestamp(created_ms // 1000, UTC).isoformat()
    changed = datetime.fromtimestamp(created_ms // 1000 + (topic == PAID), UTC).isoformat()
    shopper = order.shopper
    money = str(order.value)
    address = _address(shopper)
    body: dict[str, Any] = {
        "id": order.id,
        "checkout_token": checkout_token(shop, order.id),
        "admin_graphql_api_id": f"gid://shopify/Order/{order.id}",
        "name": f"#{order.number}",
        "order_number": order.number,
        "test": order.kind is OrderKind.TEST,
        "created_at": made,
        "processed_at": made,
        "updated_at": changed,
        "cancelled_at": None if order.kind is OrderKind.REAL else made,
        "financial_status": _payment(order, topic),
        "fulfillment_status": None,
        "source_name": "web",
        "email": shopper.email,
        "contact_email": shopper.email,
        "phone": None,
        "currency": CURRENCY,
        "presentment_currency": CURRENCY,
        "total_price": money,
        "current_total_price": money,
        "total_price_set": {
            "shop_money": {"amount": money, "currency_code": CURRENCY},
            "presentment_money": {"amount": money, "currency_code": CURRENCY},
        },
        "browser_ip": shopper.ip,
        "client_details": {"browser_ip": shopper.ip, "user_agent": shopper.user_agent},
        "landing_site": f"/?fbclid={shopper.fbclid}" if shopper.fbclid else "/",
        "referring_site": "",
        "order_status_url": f"https://{domain}/1/orders/{order.id:x}/authenticate?key={order.number:08x}",
        "note_attributes": carried.attributes(),
        "payment_gateway_names": ["shopify_payments"],
        "customer": _customer(shopper),
        "billing_address": address,
        "shipping_address": address,
        "line_items": _line_items(order),
    }
    if order.kind is OrderKind.TEST:
        body |= {"browser_ip": None, "client_details": None, "landing_site": None, "note_attributes": []}
    return json.dumps(body, ensure_ascii=False).encode()


def _address(shopper: Shopper) -> dict[str, Any]:
    return {
        "first_name": shopper.first_name,
        "last_name": shopper.last_name,
        "phone": shopper.phone,
        "city": shopper.city,
        "province_code": None,
        "zip": shopper.zip,
        "country_code": shopper.country,
    }


def _customer(shopper: Shopper) -> dict[str, Any]:
    return {
        "id": shopper.customer_id,
        "email": shopper.email,
        "phone": shopper.phone,
        "first_name": shopper.first_name,
        "last_name": shopper.last_name,
    }


def _line_items(order: Order) -> list[dict[str, Any]]:
    return [
        {
            "id": order.id + 1 + place,
            "variant_id": int(line.product.id),
            "product_id": int(line.product.id) - 1_000_000,
            "sku": line.product.slug.upper(),
            "title": line.product.name,
            "quantity": line.quantity,
            "price": str(line.product.price),
        }
        for place, line in enumerate(order.lines)
    ]


def delivery_headers(body: bytes, order: Order, *, topic: str, shop: str, secret: str) -> dict[str, str]:
    """The headers of one delivery. Only the body is signed, by base64 HMAC-SHA256."""
    signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Shopify-Captain-Hook",
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Order-Id": str(order.id),
        "X-Shopify-Test": "true" if order.kind is OrderKind.TEST else "false",
        "X-Shopify-Api-Version": "2024-10",
    }


def _payment(order: Order, topic: str) -> str:
    if order.kind is not OrderKind.REAL:
        return "voided"
    return "pending" if order.paid_webhook and topic == CREATED else "paid"
