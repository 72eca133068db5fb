"""What a payment provider says of one payment, brought into a report for the ledger: money that moved, never an order.

Owns the form. Such a report has no snapshot and no copy: it makes no Purchase, and settles whether one that the shop reports is
paid. Every event of one payment names it in an alias, so that a refund without the shop's own reference finds its order.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.event.refusal import DropReason, Refusal, describe, describe_code
from twofold.event.scalars import read_currency, read_time_ms
from twofold.ledger.model import OrderReport, Payment, Refund
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Reading

Answer = Reading | Refusal | Ignored

TEST = Ignored(kind="test payment", reason="a payment of the provider's test mode")
_KEYS_OF_EVENTS = 20


class Movement(Struct, frozen=True, kw_only=True):
    """One event of one payment. ``order``: the shop's reference, empty where the event has none; ``payment``: the provider's id."""

    sender: str
    kind: str  # for the answer
    event: str  # the history's one word
    reference: str
    at: int  # Unix s
    order: str
    payment: str
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    notes: tuple[str, ...] = ()


def reading_of(moved: Movement) -> Reading:
    report = OrderReport(
        order_id=moved.order or moved.payment,
        kind=moved.event,
        at=moved.at,
        reference=moved.reference,
        aliases=(f"payment:{moved.payment}",),
        payments=moved.payments,
        refunds=moved.refunds,
    )
    return Reading(kind=moved.kind, sender=moved.sender, order=report, notes=moved.notes)


def body_of(body: bytes) -> dict[str, Any] | Refusal:
    """The body as an object; what is read is what was signed, so a source that signs fields opens it by this, too."""
    return lenient.object_of(body, events=_KEYS_OF_EVENTS, expected="a JSON object")


def seconds_at(tree: dict[str, Any], name: str, where: str) -> int | Refusal:
    """Unix seconds of a time that names its offset."""
    found = read_time_ms(tree.get(name)) if isinstance(tree.get(name), str) else None
    if found is None:
        expected = "ISO 8601 with its offset"
        return Refusal(
            reason=DropReason.INVALID_EVENT_TIME, path=where, expected=expected, got=describe(tree.get(name))
        )
    return found // 1000


def amount_at(tree: dict[str, Any], name: str, where: str) -> Decimal | Refusal:
    """An amount that is written with its point, as number or text."""
    found = lenient.decimal(tree, name)
    if found is None or found < 0:
        given = tree.get(name)
        reason = DropReason.MISSING_VALUE if given is None else DropReason.INVALID_VALUE
        return Refusal(reason=reason, path=where, expected="an amount, zero or more", got=describe(given))
    return found


def money_at(
    thing: dict[str, Any], name: str, where: str, currency_name: str = "currency"
) -> tuple[Decimal, str] | Refusal:
    """An object of ``value`` and a currency. ``where``: its own place."""
    amount = lenient.part(thing, name)
    currency = currency_at(amount, currency_name, f"{where}.{currency_name}")
    if isinstance(currency, Refusal):
        return currency
    value = amount_at(amount, "value", f"{where}.value")
    return value if isinstance(value, Refusal) else (value, currency)


def currency_at(tree: dict[str, Any], name: str, where: str) -> str | Refusal:
    given = tree.get(name)
    found = read_currency(given)
    if found is None:
        reason = DropReason.INVALID_CURRENCY if given else DropReason.MISSING_CURRENCY
        return Refusal(reason=reason, path=where, expected="three letters (ISO 4217)", got=describe_code(given))
    return found
