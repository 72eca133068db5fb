"""Shopware 6: what an app's webhooks name, and what an order of its Admin API means.

Facts: developer.shopware.com, "Webhook" (a written entity is told by its id alone; what a webhook is signed with an app gets when it is registered) and "Webhook
Events Reference"; shopware/shopware `OrderTransactionStates`; the fields of an order in the published schema of the Admin API, read November 2026.
The money's state is that of the order's last transaction; an order itself is open, in progress, completed or cancelled.

What `fetching` hands over is the order with its transactions, deliveries, lines, addresses and currency.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from twofold.event.refusal import DropReason, Refusal
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Named, Reading, Source, SourceOptions
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

SENDER = "shopware"
PAID = {
    "open": "unpaid", "in_progress": "unpaid", "unconfirmed": "unpaid", "reminded": "unpaid", "authorized": "authorised", "paid": "paid",
    "paid_partially": "part", "refunded": "refunded", "refunded_partially": "part_refunded", "cancelled": "voided", "failed": "voided",
}  # fmt: skip
"""A transaction's state; of a chargeback nothing is said, as nobody knows how it ends."""
METHODS = {"cashpayment": "cod", "prepayment": "bank_transfer", "invoicepayment": "bank_transfer"}
"""Shopware's own handlers of payment, by the end of their names."""
MOST_NAMED = 100
_ID = re.compile(r"[0-9a-f]{32}")


def names(body: bytes, headers: Mapping[str, str]) -> Named | Ignored | None:
    """Orders that were written, or the one that was placed."""
    del headers
    tree = body_of(body)
    data = {} if isinstance(tree, Refusal) else lenient.part(tree, "data")
    given = data.get("payload")
    if isinstance(given, list):
        written = [
            lenient.token(one, "primaryKey")
            for one in lenient.parts(data, "payload")
            if lenient.text(one, "entity") == "order"
        ]
    else:
        written = [lenient.token(lenient.part(lenient.part(data, "payload"), "order"), "id")]
    found = [f"order:{one}" for one in written[:MOST_NAMED] if one and _ID.fullmatch(one)]
    return Named(tuple(found)) if found else Ignored(kind="notice", reason="names no order")


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One order."""
    del headers, now_ms
    order = body_of(body)
    if isinstance(order, Refusal):
        return order
    number = lenient.token(order, "orderNumber")
    if number is None:
        return without(order, "orderNumber", "orderNumber", "the order's number", DropReason.WRONG_TYPE)
    placed = local_time(lenient.text(order, "orderDateTime"))
    if placed is None:
        return without(
            order, "orderDateTime", "orderDateTime", "ISO 8601 with its offset", DropReason.MISSING_EVENT_TIME
        )
    return told(_order(order, options, number, placed), options, SENDER)


def changed_at(order: Mapping[str, Any]) -> int:
    """Unix s of the last change of an order, or of a payment or parcel of it: each is a row with times of its own."""
    rows = [order]
    for name in ("transactions", "deliveries"):
        given = order.get(name)
        rows += [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
    times = (local_time(str(row.get(name) or "")) for row in rows for name in ("createdAt", "updatedAt"))
    return max((at for at in times if at is not None), default=0)


def _order(order: dict[str, Any], options: SourceOptions, number: str, placed: int) -> dict[str, Any]:
    state, payment = _state(order), _last(order)
    stage = options.stages.get(state)
    handler = lenient.text(lenient.part(payment, "paymentMethod"), "handlerIdentifier") or ""
    method = METHODS.get(handler.rpartition("\\")[2].lower())
    total, bare = lenient.decimal(order, "amountTotal"), amount(order, "amountNet")
    lines = lenient.parts(order, "lineItems")
    taken = [
        -price for price in (lenient.decimal(line, "totalPrice") for line in lines) if price is not None and price < 0
    ]
    sent = any(_state(one) == "shipped" for one in lenient.parts(order, "deliveries"))
    where = status_of(stage, state == "cancelled" and stage is None)
    extra = lenient.part(order, "customFields")
    browser, consent = kept_ids(
        [(name, value) for name, value in extra.items() if isinstance(value, str)], options, placed
    )
    entity = lenient.token(order, "id")
    return {
        "id": number,
        "placed_at": moment(placed),
        "updated_at": moment(max(changed_at(order), placed)),
        "status": "shipped" if where == "placed" and sent else where,
        "payment": {
            "status": "paid" if stage == "paid" else PAID.get(_state(payment)),
            "gateway": read_label(lenient.text(lenient.part(payment, "paymentMethod"), "name")),
            "method": method,
        },
        "totals": {
            "currency": lenient.text(lenient.part(order, "currency"), "isoCode"),
            "total": total,
            "tax": total - bare if total is not None and bare is not None and total >= bare else None,
            "shipping": amount(order, "shippingTotal"),
            "discount": sum(taken, Decimal(0)) if taken else None,
            "tax_included": lenient.text(order, "taxStatus") == "gross",
        },
        "lines": [_line(line) for line in lines if lenient.text(line, "type") == "product"],
        "customer": _customer(order),
        "browser": browser,
        "consent": consent,
        "links": [f"entity:{entity}"] if entity else [],
    }


def _state(thing: dict[str, Any]) -> str:
    return lenient.text(lenient.part(thing, "stateMachineState"), "technicalName") or ""


def _last(order: dict[str, Any]) -> dict[str, Any]:
    """The transaction that was made last: earlier tries stay beside it."""
    found = lenient.parts(order, "transactions")
    return max(found, key=lambda one: lenient.text(one, "createdAt") or "", default={})


def _line(line: dict[str, Any]) -> dict[str, Any]:
    payload = lenient.part(line, "payload")
    return {
        "id": lenient.token(line, "productId") or lenient.token(payload, "productNumber"),
        "sku": lenient.token(payload, "productNumber"),
        "quantity": pieces(line, "quantity"),
        "price": amount(line, "unitPrice"),
    }


def _customer(order: dict[str, Any]) -> dict[str, Any]:
    person, home = lenient.part(order, "orderCustomer"), lenient.part(order, "billingAddress")
    return said({
        "id": lenient.token(person, "customerNumber"), "email": lenient.text(person, "email"), "phone": lenient.text(home, "phoneNumber"),
        "first_name": lenient.text(home, "firstName") or lenient.text(person, "firstName"),
        "last_name": lenient.text(home, "lastName") or lenient.text(person, "lastName"),
        "city": lenient.text(home, "city"), "zip": lenient.text(home, "zipcode"),
        "country": lenient.text(lenient.part(home, "country"), "iso"),
        "state": (lenient.text(lenient.part(home, "countryState"), "shortCode") or "").rpartition("-")[2],
    })  # fmt: skip


SHOPWARE = Source(name=SENDER, by_path=True, signed=never_signed, names=names, read=read)
