"""An order's body as a report: its snapshot at the moment WooCommerce built the body, and its refunds.

Owns how WooCommerce's money, times and numbers are read. What a status means is in `states`.

Money (woocommerce-rest-api-docs, "Order properties", read October 2026): ``total`` contains tax, shipping and fees, and
coupons are off it; it stays the same when money is refunded. All other amounts, of lines and of shipping too, are
without tax, whether or not the shop's prices include it, so ``Amounts.tax_included`` is never set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.event.contact import names_somebody
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import read_order_currency
from twofold.ledger.model import Amounts, Line, Method, OrderReport, Paid, Refund, Sale, Snapshot
from twofold.sources import lenient
from twofold.sources.people import place_of
from twofold.sources.schema import read_label
from twofold.sources.woocommerce.bodies import meta_of, moment, site_moment
from twofold.sources.woocommerce.states import RULES, TRASH, UNKNOWN, Stage, is_reserved, is_test, method_of

SALES = {
    "checkout": Sale.WEB,
    "store-api": Sale.WEB,  # the block checkout
    "admin": Sale.STAFF,
    "rest-api": Sale.API,
    "subscription": Sale.RENEWAL,  # WooCommerce Subscriptions: made by the schedule
    "pos-rest-api": Sale.STORE,  # the point of sale of WooCommerce's app
}
"""created_via -> where the order was made; other values are plugins'."""

_RENEWAL_META = "_subscription_renewal"
_PIECE = Decimal("0.000001")
_STATUS = re.compile(r"[a-z0-9_-]{1,40}")


class Order(Struct, frozen=True, kw_only=True):
    """One order's body with what was found out about it."""

    body: dict[str, Any]
    id: str
    status: str
    meta: list[tuple[str, str]]
    placed_at: int
    modified_at: int
    notes: list[str]


def read_order(body: dict[str, Any], now_s: int) -> Order | Refusal:
    """Refused are an order without its number and one without any time.

    A time in the site's own zone (version 1 of the API has no other) may seem hours ahead; no order was placed after
    ``now_s``.
    """
    order_id = lenient.digits(body, "id")
    if order_id is None:
        return _refuse(DropReason.WRONG_TYPE, "id", "the order's number", body.get("id"))
    notes: list[str] = []
    created = moment(body, "date_created")
    if created is None:
        created = site_moment(body, "date_created")
        if created is not None:
            created = min(created, now_s)
            notes.append("date_created_gmt is missing; date_created, which is in the site's time zone, was read as UTC")
    modified = moment(body, "date_modified")
    if modified is None:
        modified = site_moment(body, "date_modified")
    if created is None and modified is None:
        given = body.get("date_created_gmt")
        return _refuse(DropReason.MISSING_EVENT_TIME, "date_created_gmt", "a time", given)
    placed_at = created if created is not None else modified
    assert placed_at is not None
    return Order(
        body=body,
        id=order_id,
        status=(lenient.text(body, "status") or "").lower().removeprefix("wc-"),
        meta=meta_of(body),
        placed_at=placed_at,
        modified_at=modified if modified is not None else placed_at,
        notes=notes,
    )


def read_report(order: Order, stages: Mapping[str, str], reference: str) -> OrderReport | Refusal:
    """What the body says, whatever its topic: the kind too is read from the body, because only that is signed."""
    amounts = _amounts(order)
    if isinstance(amounts, Refusal):
        return amounts
    refunds = _refunds(order, amounts.currency)
    snapshot = _snapshot(order, amounts, refunds, stages)
    shipping, billing = lenient.part(order.body, "shipping"), lenient.part(order.body, "billing")
    # A shop that ships to the billing address leaves the other one empty.
    home = shipping if lenient.text(shipping, "country") else billing
    country, region = place_of(lenient.text(home, "country"), lenient.text(home, "state"))
    return OrderReport(
        order_id=order.id,
        kind=_kind(order.status, snapshot, refunds),
        at=order.modified_at,
        reference=reference,
        aliases=aliases_of(order.body),
        snapshot=snapshot,
        refunds=refunds,
        deleted=order.status == TRASH,
        country=country,
        region=region,
    )


def aliases_of(body: dict[str, Any]) -> tuple[str, ...]:
    """Other names of the order: its number in the shop, the key in its thank-you page's address, its payment.

    Not ``cart_hash``: it is a digest of what is in the basket, the same for everybody who buys the same.
    """
    found = [f"{kind}:{value}" for kind, value in
             (("number", lenient.token(body, "number")), ("order_key", lenient.token(body, "order_key"))) if value]  # fmt: skip
    transaction = lenient.token(body, "transaction_id")
    if transaction:
        kind = "payment" if transaction.startswith("pi_") else "charge" if transaction.startswith("ch_") else ""
        found.append(f"{kind or 'transaction'}:{transaction}")
    for name, value in meta_of(body):
        if name in ("_stripe_intent_id", "_intent_id") and value.startswith("pi_") and not names_somebody(value):
            found.append(f"payment:{value[:200]}")
    return tuple(dict.fromkeys(link for link in found if " " not in link))


def _amounts(order: Order) -> Amounts | Refusal:
    body = order.body
    total, currency = lenient.decimal(body, "total"), read_order_currency(body.get("currency"))
    if total is None or total < 0:
        reason = DropReason.MISSING_VALUE if body.get("total") is None else DropReason.INVALID_VALUE
        return _refuse(reason, "total", "a plain decimal number, zero or more", body.get("total"))
    if currency is None:
        reason = DropReason.MISSING_CURRENCY if not body.get("currency") else DropReason.INVALID_CURRENCY
        return _refuse(reason, "currency", "three letters (ISO 4217)", body.get("currency"))
    return Amounts(
        currency=currency,
        total=total,
        tax=_figure(order, "total_tax"),
        shipping=_figure(order, "shipping_total"),
        shipping_tax=_figure(order, "shipping_tax"),
        discount=_figure(order, "discount_total"),
    )


def _figure(order: Order, name: str) -> Decimal | None:
    """An amount beside the total; an order is not lost for one that cannot be read."""
    found, value = lenient.decimal(order.body, name), order.body.get(name)
    if found is None and value not in (None, ""):
        order.notes.append(f"{name} is not a plain decimal number; left out")
    return found


def _refunds(order: Order, currency: str) -> tuple[Refund, ...]:
    """The refunds so far. A refund has no time here, so the order's last change stands for it: its latest possible."""
    found = []
    for entry in lenient.parts(order.body, "refunds"):
        refund_id, total = lenient.digits(entry, "id"), lenient.decimal(entry, "total")
        if refund_id and total:  # written with a minus; one of 0.00 takes back pieces, not money
            reason = read_label(entry.get("reason")) or ""
            found.append(
                Refund(id=refund_id, amount=abs(total), currency=currency, at=order.modified_at, reason=reason)
            )
    return tuple(found)


def _snapshot(order: Order, amounts: Amounts, refunds: tuple[Refund, ...], stages: Mapping[str, str]) -> Snapshot:
    body, rule = order.body, RULES.get(order.status, UNKNOWN)
    gateway, title = lenient.text(body, "payment_method") or "", lenient.text(body, "payment_method_title") or ""
    method = method_of(gateway, title)
    on_delivery = method is Method.COD
    stage = _stage(order, stages)
    delivered = stage is Stage.DELIVERED
    cancelled = stage is Stage.CANCELLED or rule.cancelled
    label = read_label(gateway)
    return Snapshot(
        version=order.modified_at * 1000,
        placed_at=order.placed_at,
        shop=amounts,
        lines=tuple(_line(line) for line in lenient.parts(body, "line_items")),
        gateways=(label,) if label else (),
        method=method,
        paid=_paid(order, method, stage, sum((r.amount for r in refunds), Decimal()), amounts.total),
        confirmed=_confirmed(stage, rule.confirmed_on_delivery if on_delivery else rule.confirmed),
        sale=_sale(order),
        test=is_test(order.meta),
        cancelled_at=order.modified_at if cancelled else None,
        cancel_reason=order.status if cancelled and not rule.cancelled else "",
        delivered_at=order.modified_at if delivered else None,
    )


def _confirmed(stage: Stage | None, by_status: bool | None) -> bool | None:
    if stage in (Stage.CONFIRMED, Stage.DELIVERED):
        return True
    return None if stage is Stage.PLACED else by_status


def _paid(order: Order, method: Method | None, stage: Stage | None, refunded: Decimal, total: Decimal) -> Paid | None:
    """The payment's state by status and method, put right by what the order says of money that moved.

    For an order that is paid before the goods, ``date_paid`` or a transaction id is the word that it was; the
    status alone is taken for it only when it is "completed", which a person or a rule of the shop set. On delivery
    only the status counts: plugins stamp date_paid when such an order is placed.
    """
    rule = RULES.get(order.status, UNKNOWN)
    on_delivery = method is Method.COD
    paid = rule.on_delivery if on_delivery else rule.paid
    came_in = not on_delivery and _came_in(order)
    if stage is Stage.PAID:
        paid = Paid.PAID
    elif is_reserved(order.meta, order.status):
        return Paid.AUTHORISED
    elif order.status == "processing" and paid is Paid.PAID and not came_in:
        paid = Paid.PAID if not total else None
    elif rule is UNKNOWN:
        paid = Paid.PAID if came_in else Paid.UNPAID if on_delivery and stage is not None else None
    elif order.status == "cancelled" and came_in:
        paid = Paid.PAID
    if paid is Paid.PAID and refunded:
        paid = Paid.REFUNDED if refunded >= total else Paid.PART_REFUNDED
    return paid


def _came_in(order: Order) -> bool:
    return bool(order.body.get("date_paid_gmt") or order.body.get("date_paid") or order.body.get("transaction_id"))


def _stage(order: Order, stages: Mapping[str, str]) -> Stage | None:
    word = stages.get(order.status) or stages.get(f"wc-{order.status}")
    if word is None:
        if order.status not in RULES and order.status != TRASH:
            shown = order.status if _STATUS.fullmatch(order.status) else "…"
            order.notes.append(f"status {shown} is not WooCommerce's own and has no entry in the source's stages")
        return None
    try:
        return Stage(word)
    except ValueError:
        order.notes.append(f"stages: expected one of {', '.join(Stage)} for status {order.status[:40]}")
        return None


def _sale(order: Order) -> Sale:
    if any(name == _RENEWAL_META for name, _ in order.meta):
        return Sale.RENEWAL
    created_via = lenient.text(order.body, "created_via") or ""
    # A plugin's checkout has a browser; an order that code made has none.
    other = Sale.WEB if lenient.text(order.body, "customer_user_agent") else Sale.API
    return SALES.get(created_via.lower(), other)


def _line(line: dict[str, Any]) -> Line:
    pieces = lenient.decimal(line, "quantity")
    quantity = int(pieces) if pieces and pieces > 0 and pieces == int(pieces) else 1  # 0.5 kg is one piece of a line
    before, after = lenient.decimal(line, "subtotal"), lenient.decimal(line, "total")
    return Line(
        id=item_id(line) or "",
        sku=lenient.token(line, "sku") or "",
        quantity=quantity,
        price=price_of_piece(before, quantity) if before is not None else None,
        discount=before - after if before is not None and after is not None and before > after else None,
    )


def item_id(line: dict[str, Any]) -> str | None:
    """The catalogue's id: the variation's, else the product's, else the sku."""
    return lenient.digits(line, "variation_id") or lenient.digits(line, "product_id") or lenient.token(line, "sku")


def price_of_piece(amount: Decimal, quantity: int) -> Decimal:
    """A line's amount by piece; rounded to six places where it does not come out even."""
    exact = amount / quantity
    return exact if exact * quantity == amount else exact.quantize(_PIECE)


def _kind(status: str, snapshot: Snapshot, refunds: tuple[Refund, ...]) -> str:
    if status == TRASH:
        return "deleted"
    if snapshot.cancelled_at is not None:
        return "cancelled"
    if status == "failed":
        return "failed"
    if refunds or snapshot.paid is Paid.REFUNDED:
        return "refund"
    if snapshot.delivered_at is not None:
        return "delivered"
    return "paid" if snapshot.paid is Paid.PAID else "placed"


def _refuse(reason: DropReason, path: str, expected: str, got: object) -> Refusal:
    return Refusal(reason=reason, path=path, expected=expected, got=describe(got))
