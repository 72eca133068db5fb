"""PrestaShop: what an order of its webservice means.

Facts: `classes/order/Order.php` and `OrderState.php` of PrestaShop/PrestaShop (fields of the webservice), its documentation of the resources
orders, order_states, customers and addresses, read November 2026. A state of an order is the shop's own; its flags `paid` and `shipped` and the
name of the mail that it sends say what it means. An order on delivery is "paid" there once it is sent, so its money is not believed by that.

What `fetching` hands over is an object of the order, its state, customer, address, currency and the zone of its times, each as the webservice
gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from twofold.event.refusal import DropReason, Refusal
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Reading, Source, SourceOptions
from twofold.sources.fetched.order import (
    amount,
    body_of,
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

SENDER = "prestashop"
METHODS = {"ps_cashondelivery": "cod", "cashondelivery": "cod", "ps_wirepayment": "bank_transfer", "bankwire": "bank_transfer",
           "ps_checkpayment": "bank_transfer", "cheque": "bank_transfer"}  # fmt: skip
"""PrestaShop's own modules of payment, today's names and those of before 1.7."""
CANCELLED, REFUNDED, FAILED = "order_canceled", "refund", "payment_error"
"""Mails of the states that come with PrestaShop."""


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One order with what belongs to it."""
    del headers, now_ms
    tree = body_of(body)
    if isinstance(tree, Refusal):
        return tree
    order, zone = lenient.part(tree, "order"), ZoneInfo(lenient.text(tree, "zone") or "UTC")
    number = lenient.digits(order, "id")
    if number is None:
        return without(order, "id", "order.id", "the order's number", DropReason.WRONG_TYPE)
    placed = local_time(lenient.text(order, "date_add"), zone)
    if placed is None:
        return without(order, "date_add", "order.date_add", "a time", DropReason.MISSING_EVENT_TIME)
    changed = local_time(lenient.text(order, "date_upd"), zone) or placed
    return told(_order(tree, order, options, number, placed, changed), options, SENDER)


def _order(
    tree: dict[str, Any], order: dict[str, Any], options: SourceOptions, number: str, placed: int, changed: int
) -> dict[str, Any]:
    state = lenient.part(tree, "state")
    stage = options.stages.get(_word(state, "name")) or options.stages.get(lenient.text(order, "current_state") or "")
    mail, gateway = _word(state, "template"), lenient.text(order, "module") or ""
    where = status_of(stage, mail == CANCELLED and stage is None)
    total, before = amount(order, "total_paid_tax_incl"), amount(order, "total_paid_tax_excl")
    shipping, bare = amount(order, "total_shipping_tax_incl"), amount(order, "total_shipping_tax_excl")
    cart = lenient.digits(order, "id_cart")
    return {
        "id": number,
        "placed_at": moment(placed),
        "updated_at": moment(changed),
        "status": "shipped" if where == "placed" and _yes(state, "shipped") else where,
        "payment": {
            "status": _paid(state, stage, mail, gateway),
            "gateway": read_label(gateway),
            "method": METHODS.get(gateway),
        },
        "totals": {
            "currency": lenient.text(lenient.part(tree, "currency"), "iso_code"),
            "total": total if total is not None else lenient.decimal(order, "total_paid"),
            "tax": total - before if total is not None and before is not None and total >= before else None,
            "shipping": shipping,
            "shipping_tax": shipping - bare if shipping is not None and bare is not None and shipping >= bare else None,
            "discount": amount(order, "total_discounts_tax_incl") or None,
            "tax_included": True,
        },
        "lines": [_line(row) for row in lenient.parts(lenient.part(order, "associations"), "order_rows")],
        "customer": _customer(tree, order),
        "links": [f"cart:{cart}"] if cart else [],
    }


def _paid(state: dict[str, Any], stage: str | None, mail: str, gateway: str) -> str | None:
    if stage == "paid":
        return "paid"
    if mail == REFUNDED:
        return "refunded"
    if mail in (CANCELLED, FAILED):
        return "voided"
    if METHODS.get(gateway) == "cod":
        return "unpaid"
    return ("paid" if _yes(state, "paid") else "unpaid") if "paid" in state else None


def _yes(tree: dict[str, Any], name: str) -> bool:
    return lenient.text(tree, name) == "1" or tree.get(name) is True


def _word(tree: dict[str, Any], name: str) -> str:
    """A text, or the first of one that is told in several languages."""
    given = tree.get(name)
    if isinstance(given, list):
        return next((lenient.text(one, "value") or "" for one in lenient.parts(tree, name)), "")
    return lenient.text(tree, name) or ""


def _line(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": lenient.digits(row, "product_id") or lenient.token(row, "product_reference"),
        "sku": lenient.token(row, "product_reference"),
        "quantity": pieces(row, "product_quantity"),
        "price": amount(row, "unit_price_tax_incl"),
    }


def _customer(tree: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    person, home = lenient.part(tree, "customer"), lenient.part(tree, "address")
    birth = lenient.text(person, "birthday") or ""
    phones = [lenient.text(home, name) for name in ("phone_mobile", "phone")]
    return said({
        "id": lenient.digits(order, "id_customer"), "email": lenient.text(person, "email"),
        "phone": list(dict.fromkeys(phone for phone in phones if phone)),
        "first_name": lenient.text(home, "firstname") or lenient.text(person, "firstname"),
        "last_name": lenient.text(home, "lastname") or lenient.text(person, "lastname"),
        "birth_date": None if birth.startswith("0000") else birth,
        "city": lenient.text(home, "city"), "zip": lenient.text(home, "postcode"),
        "country": lenient.text(lenient.part(tree, "country"), "iso_code"),
        "state": lenient.text(lenient.part(tree, "region"), "iso_code"),
    })  # fmt: skip


PRESTASHOP = Source(name=SENDER, signed=never_signed, read=read)
