"""Magento and Adobe Commerce: what an order of its REST API means.

Facts: magento/magento2, `Sales/Api/Data/OrderInterface` (fields), `Sales/Model/Order` (states) and the published schema of `/V1/orders`, read
November 2026. Base amounts are in the store's currency, the others in the one that the buyer saw. Whatever is invoiced counts as paid there;
an order on delivery is invoiced when it is sent, so its money is not believed by that.

What `fetching` hands over is an object of the order and the zone of its times.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from twofold.event.refusal import DropReason, Refusal
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Reading, Source, SourceOptions
from twofold.sources.fetched.order import (
    amount,
    body_of,
    kept_ids,
    local_time,
    moment,
    never_signed,
    pieces,
    said,
    status_of,
    told,
    without,
)
from twofold.sources.schema import read_label

SENDER = "magento"
METHODS = {"cashondelivery": "cod", "banktransfer": "bank_transfer", "checkmo": "bank_transfer", "free": None}
"""Magento's own offline methods."""


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One order."""
    del headers, now_ms
    tree = body_of(body)
    if isinstance(tree, Refusal):
        return tree
    order, zone = lenient.part(tree, "order"), ZoneInfo(lenient.text(tree, "zone") or "UTC")
    number = lenient.token(order, "increment_id")
    if number is None:
        return without(order, "increment_id", "order.increment_id", "the order's number", DropReason.WRONG_TYPE)
    placed = local_time(lenient.text(order, "created_at"), zone)
    if placed is None:
        return without(order, "created_at", "order.created_at", "a time", DropReason.MISSING_EVENT_TIME)
    changed = local_time(lenient.text(order, "updated_at"), zone) or placed
    return told(
        _order(order, options, number, placed, changed), options, SENDER, refunded=amount(order, "base_total_refunded")
    )


def _order(order: dict[str, Any], options: SourceOptions, number: str, placed: int, changed: int) -> dict[str, Any]:
    state, status = lenient.text(order, "state") or "", lenient.text(order, "status") or ""
    stage = options.stages.get(status) or options.stages.get(state)
    gateway = lenient.text(lenient.part(order, "payment"), "method") or ""
    where = status_of(stage, state == "canceled" and stage is None)
    extra = lenient.part(order, "extension_attributes")
    browser, consent = kept_ids(
        [(name, value) for name, value in extra.items() if isinstance(value, str)], options, placed
    )
    address = (
        (lenient.text(order, "x_forwarded_for") or lenient.text(order, "remote_ip") or "").partition(",")[0].strip()
    )
    entity = lenient.digits(order, "entity_id")
    seen = lenient.text(order, "order_currency_code")
    return {
        "id": number,
        "placed_at": moment(placed),
        "updated_at": moment(changed),
        "status": "shipped" if where == "placed" and state == "complete" else where,
        "payment": {
            "status": _paid(order, state, stage, gateway),
            "gateway": read_label(gateway),
            "method": METHODS.get(gateway),
        },
        "totals": _amounts(order, "base_", lenient.text(order, "base_currency_code")),
        "presentment": _amounts(order, "", seen)
        if seen and seen != lenient.text(order, "base_currency_code")
        else None,
        "lines": [_line(item) for item in lenient.parts(order, "items") if not lenient.digits(item, "parent_item_id")],
        "customer": _customer(order),
        "browser": {**browser, "ip": address},
        "consent": consent,
        "links": [f"entity:{entity}"] if entity else [],
    }


def _amounts(order: dict[str, Any], prefix: str, currency: str | None) -> dict[str, Any]:
    taken = lenient.decimal(order, f"{prefix}discount_amount")
    return {
        "currency": currency,
        "total": lenient.decimal(order, f"{prefix}grand_total"),
        "tax": amount(order, f"{prefix}tax_amount"),
        "shipping": amount(order, f"{prefix}shipping_incl_tax"),
        "shipping_tax": amount(order, f"{prefix}shipping_tax_amount"),
        "discount": abs(taken) if taken else None,  # written with a minus
        "tax_included": True,
    }


def _paid(order: dict[str, Any], state: str, stage: str | None, gateway: str) -> str | None:
    """By the money that came, not by the state, which the shop may set as it likes: a buyer who is still at the payment
    (`pending_payment`) has an order that is placed and not paid, as one who never comes back."""
    total, came = amount(order, "base_grand_total") or Decimal(0), amount(order, "base_total_paid") or Decimal(0)
    back = amount(order, "base_total_refunded") or Decimal(0)
    if stage == "paid":
        return "paid"
    if METHODS.get(gateway) == "cod" and not back:
        return "voided" if state == "canceled" else "unpaid"
    if back:
        return "refunded" if back >= came else "part_refunded"
    if came:
        return "paid" if came >= total else "part"
    if state == "canceled":
        return "voided"
    reserved = amount(lenient.part(order, "payment"), "base_amount_authorized")
    return "authorised" if reserved else None if not total else "unpaid"


def _line(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": lenient.digits(item, "product_id") or lenient.token(item, "sku"),
        "sku": lenient.token(item, "sku"),
        "quantity": pieces(item, "qty_ordered"),
        "price": amount(item, "base_price_incl_tax") or amount(item, "base_price"),
        "discount": amount(item, "base_discount_amount") or None,
    }


def _customer(order: dict[str, Any]) -> dict[str, Any]:
    home = lenient.part(order, "billing_address")
    return said({
        "id": lenient.digits(order, "customer_id"),
        "email": lenient.text(order, "customer_email") or lenient.text(home, "email"), "phone": lenient.text(home, "telephone"),
        "first_name": lenient.text(home, "firstname") or lenient.text(order, "customer_firstname"),
        "last_name": lenient.text(home, "lastname") or lenient.text(order, "customer_lastname"),
        "city": lenient.text(home, "city"), "state": lenient.text(home, "region_code") or lenient.text(home, "region"),
        "zip": lenient.text(home, "postcode"), "country": lenient.text(home, "country_id"),
    })  # fmt: skip


MAGENTO = Source(name=SENDER, signed=never_signed, read=read)
