"""Klarna: what its pushes name, and what an order of its Order Management API means for the money.

Facts: docs.klarna.com, "Confirm purchase" (a push is a POST with an empty body to an address of the shop's, in which the shop puts the
placeholder of the order's id, as in ``?klarna_order_id={checkout.order.id}``), and the API's published schema of an order (statuses, captures,
refunds, amounts in minor units), read November 2026. A push is not signed. An order that is authorised pays nothing; each capture does.

Amounts are in a hundredth of the unit for every currency that Klarna is paid in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twofold.event.refusal import DropReason, Refusal, describe
from twofold.ledger.model import Payment
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Named, Source, SourceOptions
from twofold.sources.fetched.order import never_signed
from twofold.sources.payments.movement import Answer, Movement, body_of, currency_at, reading_of, seconds_at
from twofold.sources.schema import read_id

SENDER = "klarna"
PARAMETERS = ("klarna_order_id", "order_id", "sid")
"""Under which shops put the placeholder; the first as Klarna's own examples."""
REFERENCES = ("merchant_reference1", "merchant_reference2")
STATES = {
    "AUTHORIZED": ("payment reserved", "authorised"),
    "PART_CAPTURED": ("payment", "paid"),
    "CAPTURED": ("payment", "paid"),
    "CLOSED": ("payment", "paid"),
    "CANCELLED": ("payment given up", "voided"),
    "EXPIRED": ("payment given up", "voided"),
}
"""A status -> words for the answer and the history."""
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_GIVEN_UP = frozenset({"CANCELLED", "EXPIRED"})


def names(body: bytes, headers: Mapping[str, str]) -> Named | Ignored | None:
    """The order in the address's query."""
    del body
    try:
        query = parse_qs(urlsplit(headers.get(":path", "")).query, max_num_fields=20)
    except ValueError:
        query = {}
    found = next((query[name][0] for name in PARAMETERS if name in query), "")
    return Named((f"order:{found}",)) if _ID.fullmatch(found) else Ignored(kind="notice", reason="names no order")


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Answer:
    """One order as it stands."""
    del headers, now_ms
    order = body_of(body)
    if isinstance(order, Refusal):
        return order
    number, status = lenient.token(order, "order_id"), lenient.text(order, "status") or ""
    if number is None or status not in STATES:
        return Ignored(kind="payment", reason="names no payment, or a status that is not known here")
    currency, at = (
        currency_at(order, "purchase_currency", "purchase_currency"),
        seconds_at(order, "created_at", "created_at"),
    )
    if isinstance(currency, Refusal):
        return currency
    if isinstance(at, Refusal):
        return at
    moved = _movements(order, number, currency, status, at)
    if isinstance(moved, Refusal):
        return moved
    said, word = STATES[status]
    named = options.fields.get("order_id", REFERENCES[0])
    refunded = any(payment.kind == "refund" for payment in moved)
    return reading_of(
        Movement(
            sender=SENDER,
            kind="refund" if refunded else said,
            event="refund" if refunded else word,
            reference=f"klarna {status} {number}",
            at=max(payment.at for payment in moved),
            order=read_id(order.get(named)) or "",
            payment=number,
            payments=moved,
        )
    )


def _movements(
    order: dict[str, Any], number: str, currency: str, status: str, at: int
) -> tuple[Payment, ...] | Refusal:
    """What was reserved, each capture and each refund."""
    whole = _minor(order, "order_amount", "order_amount")
    if isinstance(whole, Refusal):
        return whole
    given_up = status in _GIVEN_UP
    # Of a status that ends it the API tells no time: it came after the order.
    found = [Payment(id=number, kind="authorisation", amount=whole, currency=currency, state="failure" if given_up else "success",
                     at=at + 1 if given_up else at, gateway=SENDER)]  # fmt: skip
    for name, ours, key, told, when in (
        ("captures", "capture", "capture_id", "captured_amount", "captured_at"),
        ("refunds", "refund", "refund_id", "refunded_amount", "refunded_at"),
    ):
        for place, one in enumerate(lenient.parts(order, name)):
            amount = _minor(one, told, f"{name}[{place}].{told}")
            moment = seconds_at(one, when, f"{name}[{place}].{when}") if one.get(when) else at
            if isinstance(amount, Refusal):
                return amount
            if isinstance(moment, Refusal):
                return moment
            own = lenient.token(one, key) or f"{number}:{ours}:{place}"
            found.append(Payment(id=own, kind=ours, amount=amount, currency=currency, at=moment, gateway=SENDER))
    return tuple(found)


def _minor(tree: dict[str, Any], name: str, where: str) -> Decimal | Refusal:
    given = lenient.whole(tree, name)
    if given is None or given < 0:
        reason = DropReason.MISSING_VALUE if tree.get(name) is None else DropReason.INVALID_VALUE
        return Refusal(
            reason=reason,
            path=where,
            expected="a whole number of hundredths, zero or more",
            got=describe(tree.get(name)),
        )
    return Decimal(given) / 100


KLARNA = Source(name=SENDER, by_path=True, signed=never_signed, names=names, read=read)
