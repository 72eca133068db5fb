"""Mollie's webhooks of the next generation: signed events with the payment or the refund in them.

Owns their signature and the statuses (docs.mollie.com/reference/webhooks-new, payments-api-webhooks, refunds-api-webhooks, read November
2026): ``X-Mollie-Signature: sha256=<hex>``, the HMAC-SHA256 of the body; two fields for a day while the secret is changed. An event of a
full payload has the object as the API gives it in ``_embedded.entity``; the pages of single events show the object alone, and both are read.
The older webhooks of a payment's own ``webhookUrl`` are an unsigned id in a form (docs.mollie.com/reference/webhooks), and so are events without
their payload: what they name is asked for at Mollie.

The order is ``metadata.order_id``, or the name that the operator set; metadata may be a text of JSON. A payment says how much of it was
given back as a sum; each refund is told by itself as well, as money of the kind ``refund``, so that the larger of both stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from twofold.event.refusal import Refusal
from twofold.event.scalars import as_object
from twofold.ledger.model import Payment
from twofold.ledger.model import Refund as RefundFact
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Named, Source, SourceOptions
from twofold.sources.payments.movement import TEST, Answer, Movement, body_of, money_at, reading_of, seconds_at
from twofold.sources.schema import read_id, read_label
from twofold.sources.signatures import fits_hex

SENDER = "mollie"
_PREFIX = "sha256="
_MOST_SIGNATURES = 4
_BETWEEN = re.compile(", ?")  # as two fields of one name are joined

STATES: Mapping[str, tuple[str, str, str, str]] = {
    "open": ("sale", "pending", "payment pending", "placed"),
    "pending": ("sale", "pending", "payment pending", "placed"),
    "authorized": ("authorisation", "success", "payment reserved", "authorised"),
    "paid": ("sale", "success", "payment", "paid"),
    "canceled": ("sale", "failure", "payment failed", "failed"),
    "expired": ("sale", "failure", "payment failed", "failed"),
    "failed": ("sale", "failure", "payment failed", "failed"),
}
"""A payment's status -> kind and state of the money, words for the answer and the history."""

REFUND_STATES = {"queued": "pending", "pending": "pending", "processing": "pending", "refunded": "success",
                 "failed": "failure", "canceled": "failure"}  # fmt: skip

_MOMENTS = {"paid": "paidAt", "authorized": "authorizedAt", "canceled": "canceledAt", "expired": "expiredAt",
            "failed": "failedAt"}  # fmt: skip


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """No time is signed, so an old body stays valid; it is the same movement then."""
    del now_ms
    given = _BETWEEN.split(headers.get("x-mollie-signature", ""))[:_MOST_SIGNATURES]
    fits = [fits_hex(one.removeprefix(_PREFIX), body, secrets) for one in given if one.startswith(_PREFIX)]
    return any(fits)


_PAYMENT = re.compile(r"tr_[A-Za-z0-9]{4,60}")
_FORM = re.compile(rb"[!-~]{4,200}")


def names(body: bytes, headers: Mapping[str, str]) -> Named | Ignored | None:
    """The payment of an older webhook or of an event without its payload."""
    del headers
    if body.lstrip()[:1] != b"{":
        found = parse_qs(body.decode("ascii", "replace")).get("id", []) if _FORM.fullmatch(body) else []
    else:
        event = body_of(body)
        if isinstance(event, Refusal) or lenient.part(lenient.part(event, "_embedded"), "entity"):
            return None
        if not (lenient.text(event, "type") or "").startswith("payment."):
            return None
        found = [lenient.token(event, "entityId") or ""]
    if len(found) != 1 or not _PAYMENT.fullmatch(found[0]):
        return Ignored(kind="notice", reason="names no payment")
    return Named((f"payment:{found[0]}",))


def topic_of(body: bytes, headers: Mapping[str, str]) -> str:
    """Such as payment.paid."""
    del headers
    tree = body_of(body)
    return "" if isinstance(tree, Refusal) else (lenient.token(tree, "type") or "")[:60]


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Answer:
    """One event."""
    del headers, now_ms
    event = body_of(body)
    if isinstance(event, Refusal):
        return event
    alone = lenient.text(event, "resource") in ("payment", "refund")
    thing = event if alone else lenient.part(lenient.part(event, "_embedded"), "entity")
    reader = {"payment": _payment, "refund": _refund}.get(lenient.text(thing, "resource") or "")
    if not thing and (lenient.text(event, "type") or "").startswith(("payment.", "refund.")):
        return Ignored(kind="payment", reason="has only an id: set the webhook's payload to the full one")
    if reader is None:
        return Ignored(kind="event", reason="an event that moves no money of an order")
    if lenient.text(thing, "mode") == "test":
        return TEST
    return reader(event, thing, options)


def _payment(event: dict[str, Any], payment: dict[str, Any], options: SourceOptions) -> Answer:
    number, status = lenient.token(payment, "id"), lenient.text(payment, "status") or ""
    if number is None or status not in STATES:
        return Ignored(kind="payment", reason="names no payment, or a status that is not known here")
    kind, state, said, word = STATES[status]
    money, at = money_at(payment, "amount", "amount"), _moment(event, payment, _MOMENTS.get(status, "createdAt"))
    if isinstance(money, Refusal):
        return money
    if isinstance(at, Refusal):
        return at
    movement = Payment(
        id=number, kind=kind, amount=money[0], currency=money[1], state=state, at=at, gateway=read_label(payment.get("method")) or ""
    )  # fmt: skip
    given_back = _sum_given_back(payment, number, at)
    return reading_of(
        Movement(
            sender=SENDER, kind=said, event=word, reference=_reference(event, number), at=at, order=_order(payment, options),
            payment=number, payments=(movement, *_charged_back(payment, number, at)), refunds=given_back,
        )
    )  # fmt: skip


def _refund(event: dict[str, Any], refund: dict[str, Any], options: SourceOptions) -> Answer:
    number, payment = lenient.token(refund, "id"), lenient.token(refund, "paymentId")
    state = REFUND_STATES.get(lenient.text(refund, "status") or "")
    if number is None or payment is None or state is None:
        return Ignored(kind="refund", reason="names no payment, or a status that is not known here")
    money, at = money_at(refund, "amount", "amount"), _moment(event, refund, "createdAt")
    if isinstance(money, Refusal):
        return money
    if isinstance(at, Refusal):
        return at
    movement = Payment(id=number, kind="refund", amount=money[0], currency=money[1], state=state, at=at)
    return reading_of(
        Movement(
            sender=SENDER, kind="refund", event="refund", reference=_reference(event, number), at=at, order=_order(refund, options),
            payment=payment, payments=(movement,),
        )
    )  # fmt: skip


def _reference(event: dict[str, Any], number: str) -> str:
    return f"mollie {lenient.token(event, 'type') or 'event'} {lenient.token(event, 'id') or number}"


def _moment(event: dict[str, Any], thing: dict[str, Any], name: str) -> int | Refusal:
    """The event's own moment orders two states of one payment; the object's where it came alone."""
    if event is not thing and event.get("createdAt") is not None:
        return seconds_at(event, "createdAt", "createdAt")
    name = name if thing.get(name) is not None else "createdAt"
    return seconds_at(thing, name, name)


def _order(thing: dict[str, Any], options: SourceOptions) -> str:
    metadata = as_object(thing.get("metadata")) or {}
    return read_id(metadata.get(options.fields.get("order_id", "order_id"))) or ""


def _sum_given_back(payment: dict[str, Any], number: str, at: int) -> tuple[RefundFact, ...]:
    money = money_at(payment, "amountRefunded", "amountRefunded")
    if isinstance(money, Refusal) or not money[0]:
        return ()
    total, currency = money
    return (
        RefundFact(id=f"{number}:{total}", amount=total, currency=currency, at=at, total=total, payment=number),
    )  # fmt: skip


def _charged_back(payment: dict[str, Any], number: str, at: int) -> tuple[Payment, ...]:
    money = money_at(payment, "amountChargedBack", "amountChargedBack")
    if isinstance(money, Refusal) or not money[0]:
        return ()
    return (Payment(id=f"{number}:dispute", kind="dispute", amount=money[0], currency=money[1], at=at),)


MOLLIE = Source(name="mollie", by_path=True, signed=signed, topic=topic_of, names=names, read=read)
