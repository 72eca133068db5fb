"""Callbacks of the Bank of Georgia's online payments.

Owns their signature and statuses (api.bog.ge/docs/en/payments, "Payment Details", read November 2026; the callback's envelope and
``Callback-Signature`` in libraries that speak with it): the signature is the base64 of RSA with SHA-256 over the body, checked with the
one public key that the bank publishes for all its merchants. So a right signature says that the bank wrote it, and not that it is of this
shop: who has an account at the bank may have it write to any address. Which merchant it is of stands in ``body.client.id``, and a body
of another one pays nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from twofold.event.refusal import Refusal
from twofold.ledger.model import Payment
from twofold.ledger.model import Refund as RefundFact
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Source, SourceOptions
from twofold.sources.payments.movement import Answer, Movement, amount_at, body_of, currency_at, reading_of, seconds_at
from twofold.sources.schema import read_id, read_label
from twofold.sources.signatures import fits_rsa

SENDER = "bog"
MERCHANT = "body.client.id"
"""What ``only`` of the source must name."""

STATES: Mapping[str, tuple[str, str, str, str]] = {
    "created": ("sale", "pending", "payment pending", "placed"),
    "processing": ("sale", "pending", "payment pending", "placed"),
    "auth_requested": ("authorisation", "pending", "payment pending", "placed"),
    "blocked": ("authorisation", "success", "payment reserved", "authorised"),
    "completed": ("sale", "success", "payment", "paid"),
    "partial_completed": ("sale", "success", "payment", "paid"),
    "refund_requested": ("sale", "success", "payment", "paid"),
    "refunded": ("sale", "success", "refund", "refund"),
    "refunded_partially": ("sale", "success", "refund", "refund"),
    "rejected": ("sale", "failure", "payment failed", "failed"),
}
"""A status -> kind and state of the money, words for the answer and the history."""


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """No time is signed apart from the body's own, so an old one stays valid; it is the same movement then."""
    del now_ms
    return fits_rsa(headers.get("callback-signature", ""), body, secrets)


def topic_of(body: bytes, headers: Mapping[str, str]) -> str:
    """Such as order_payment."""
    del headers
    tree = body_of(body)
    return "" if isinstance(tree, Refusal) else (lenient.token(tree, "event") or "")[:60]


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Answer:
    """One callback: the payment's details as they stand."""
    del headers, now_ms
    tree = body_of(body)
    if isinstance(tree, Refusal):
        return tree
    told = lenient.part(tree, "body")
    if lenient.text(lenient.part(told, "client"), "id") not in options.only.get(MERCHANT, ()):
        return Ignored(kind="another merchant", reason="signed by the bank, and not of the merchant that `only` names")
    number, status = lenient.token(told, "order_id"), lenient.text(lenient.part(told, "order_status"), "key") or ""
    if number is None or status not in STATES:
        return Ignored(kind="payment", reason="names no payment, or a status that is not known here")
    at, units = seconds_at(tree, "zoned_request_time", "zoned_request_time"), lenient.part(told, "purchase_units")
    currency = currency_at(units, "currency_code", "body.purchase_units.currency_code")
    if isinstance(at, Refusal):
        return at
    if isinstance(currency, Refusal):
        return currency
    kind, state, said, word = STATES[status]
    came = kind == "sale" and state == "success"
    amount = _amount(units, "transfer_amount" if came else "request_amount")
    if isinstance(amount, Refusal):
        return amount
    method = lenient.part(lenient.part(told, "payment_detail"), "transfer_method").get("key")
    movement = Payment(
        id=number, kind=kind, amount=amount, currency=currency, state=state, at=at, gateway=read_label(method) or ""
    )
    back = _given_back(units, number, currency, at)
    if isinstance(back, Refusal):
        return back
    return reading_of(
        Movement(
            sender=SENDER,
            kind=said,
            event=word,
            reference=f"bog {status} {number}",
            at=at,
            order=read_id(told.get("external_order_id")) or "",
            payment=number,
            payments=(movement,),
            refunds=back,
        )
    )


def _amount(units: dict[str, Any], name: str) -> Decimal | Refusal:
    return amount_at(units, name, f"body.purchase_units.{name}")


def _given_back(units: dict[str, Any], number: str, currency: str, at: int) -> tuple[RefundFact, ...] | Refusal:
    """The sum that went back by now; nothing where the body does not say one."""
    if units.get("refund_amount") in (None, ""):
        return ()
    total = _amount(units, "refund_amount")
    if isinstance(total, Refusal):
        return total
    if not total:
        return ()
    return (RefundFact(id=f"{number}:{total}", amount=total, currency=currency, at=at, total=total, payment=number),)


BOG = Source(name="bog", signed=signed, topic=topic_of, read=read)
