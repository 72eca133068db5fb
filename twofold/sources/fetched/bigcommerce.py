"""BigCommerce: what its webhooks name, and what an order of its API means.

Facts: orders.v2.oas2 of BigCommerce's API specification, by way of the types that Space48/bigcommerce-api-js makes of it; body of a webhook:
its webhooks.v3; the example and the table of statuses in its guide to the Orders API (all read November 2026). A webhook names an order and says nothing of it. How it is signed is told in four ways by as
many sources and by none of BigCommerce's own; so the secret stands in the address, and what an order is comes from the API alone.

What `fetching` hands over is an object of the order and its products, each as the API gives it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from twofold.event.refusal import DropReason, Refusal
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Named, Reading, Source, SourceOptions
from twofold.sources.fetched.order import (
    amount,
    body_of,
    mail_time,
    moment,
    never_signed,
    pieces,
    said,
    status_of,
    told,
    without,
)
from twofold.sources.schema import read_label

SENDER = "bigcommerce"
INCOMPLETE = frozenset({"0", "1"})
"""Incomplete and Pending: the buyer has not completed the checkout. What was made by hand or by the API, without one, begins as Pending."""
WITHOUT_CHECKOUT = frozenset({"external", "manual"})
SHIPPED = frozenset({"2", "3"})
CANCELLED = frozenset({"5", "6"})
PAYMENT = {
    "authorized": "authorised", "held for review": "authorised", "capture pending": "authorised", "captured": "paid", "paid": "paid",
    "pending": "unpaid", "declined": "voided", "void": "voided", "void pending": "voided", "refunded": "refunded",
    "partially refunded": "part_refunded",
}  # fmt: skip
BY_STATUS = {
    "1": "unpaid", "4": "refunded", "14": "part_refunded", "5": "voided", "6": "voided", "7": "unpaid",
    **dict.fromkeys(("2", "3", "8", "9", "10", "11"), "paid"),
}  # fmt: skip
"""What a status says of the money, for a payment that has no state of its own. From Awaiting Fulfillment to Completed BigCommerce calls them
all paid; of money that is taken at the door they say nothing."""
_AT_THE_DOOR = re.compile(r"cash|on delivery|\bcod\b|nachnahme|contra reembolso|contrassegno|наложен|ადგილზე", re.I)
SALES = {"www": "web", "external": "api"}
TEST_GATEWAY = "test payment gateway"
_SCOPE = re.compile(r"store/order/[a-zA-Z/]{1,40}")


def topic_of(body: bytes, headers: Mapping[str, str]) -> str:
    """Such as order.created, of store/order/created."""
    del headers
    tree = body_of(body)
    scope = "" if isinstance(tree, Refusal) else lenient.text(tree, "scope") or ""
    return scope.removeprefix("store/").replace("/", ".").lower()[:40] if _SCOPE.fullmatch(scope) else ""


def names(body: bytes, headers: Mapping[str, str]) -> Named | Ignored | None:
    """The order that a webhook is about."""
    del headers
    tree = body_of(body)
    if isinstance(tree, Refusal):
        return Ignored(kind="notice", reason="names no order")
    thing = lenient.part(tree, "data")
    scope, number = lenient.text(tree, "scope") or "", None
    if scope.startswith("store/order/"):
        number = lenient.digits(thing, "orderId") or (
            lenient.digits(thing, "id") if lenient.text(thing, "type") == "order" else None
        )
    return Named((f"order:{number}",)) if number else Ignored(kind="notice", reason="names no order")


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One order with its products."""
    del headers, now_ms
    tree = body_of(body)
    if isinstance(tree, Refusal):
        return tree
    order = lenient.part(tree, "order")
    number, status = lenient.digits(order, "id"), lenient.text(order, "status_id") or "0"
    if number is None:
        return without(order, "id", "order.id", "the order's number", DropReason.WRONG_TYPE)
    if status == "0" or (status in INCOMPLETE and lenient.text(order, "order_source") not in WITHOUT_CHECKOUT):
        return Ignored(kind="draft", reason="the checkout is not completed", order_id=number)
    placed = mail_time(lenient.text(order, "date_created"))
    if placed is None:
        return without(
            order, "date_created", "order.date_created", "a time as in e-mail", DropReason.MISSING_EVENT_TIME
        )
    changed = mail_time(lenient.text(order, "date_modified")) or placed
    return told(
        _order(order, lenient.parts(tree, "products"), options, number, status, placed, changed), options, SENDER,
        refunded=amount(order, "refunded_amount"), deleted=order.get("is_deleted") is True,
    )  # fmt: skip


def _order(
    order: dict[str, Any],
    products: Sequence[dict[str, Any]],
    options: SourceOptions,
    number: str,
    status: str,
    placed: int,
    changed: int,
) -> dict[str, Any]:
    name = lenient.text(order, "status") or ""
    stage = options.stages.get(name) or options.stages.get(status)
    gateway = lenient.text(order, "payment_method") or ""
    state = lenient.text(order, "payment_status")
    paid = "paid" if stage == "paid" else PAYMENT.get(state.lower()) if state else _by_status(status, gateway)
    where = status_of(stage, status in CANCELLED and stage is None)
    taken = [one for one in (amount(order, "discount_amount"), amount(order, "coupon_discount")) if one]
    return {
        "id": number,
        "placed_at": moment(placed),
        "updated_at": moment(changed),
        "status": "shipped" if where == "placed" and status in SHIPPED else where,
        "test": gateway.lower() == TEST_GATEWAY,
        "sale": SALES.get(lenient.text(order, "order_source") or "www", "web"),
        "payment": {
            "status": paid,
            "gateway": read_label(gateway),
            "method": "card" if gateway == "Credit Card" else None,
        },
        "totals": {
            "currency": lenient.text(order, "default_currency_code") or lenient.text(order, "currency_code"),
            "total": lenient.decimal(order, "total_inc_tax"),
            "tax": amount(order, "total_tax"),
            "shipping": amount(order, "shipping_cost_inc_tax"),
            "shipping_tax": amount(order, "shipping_cost_tax"),
            "discount": sum(taken) if taken else None,
            "tax_included": True,
        },
        "lines": [_line(product) for product in products],
        "customer": _customer(order),
        "browser": {"ip": lenient.text(order, "ip_address")},
        "links": [f"cart:{cart}" for cart in (lenient.token(order, "cart_id"),) if cart],
    }


def _by_status(status: str, gateway: str) -> str | None:
    said = BY_STATUS.get(status)
    return None if said == "paid" and _AT_THE_DOOR.search(gateway) else said


def _line(product: dict[str, Any]) -> dict[str, Any]:
    discounts = [amount(one, "amount") or 0 for one in lenient.parts(product, "applied_discounts")]
    return {
        "id": lenient.digits(product, "product_id") or lenient.token(product, "sku"),
        "sku": lenient.token(product, "sku"),
        "quantity": pieces(product, "quantity"),
        "price": amount(product, "price_inc_tax"),
        "discount": sum(discounts) or None,
    }


def _customer(order: dict[str, Any]) -> dict[str, Any]:
    home = lenient.part(order, "billing_address")
    return said({
        "id": lenient.digits(order, "customer_id"),
        "email": lenient.text(home, "email"), "phone": lenient.text(home, "phone"),
        "first_name": lenient.text(home, "first_name"), "last_name": lenient.text(home, "last_name"),
        "city": lenient.text(home, "city"), "state": lenient.text(home, "state"), "zip": lenient.text(home, "zip"),
        "country": lenient.text(home, "country_iso2") or lenient.text(home, "country"),
    })  # fmt: skip


BIGCOMMERCE = Source(name=SENDER, by_path=True, signed=never_signed, topic=topic_of, names=names, read=read)
