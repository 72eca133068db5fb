"""Money that moved for an order: transactions, refunds, disputes.

Owns Shopify's words for them (REST Transaction, Refund and Dispute resources; GraphQL OrderTransactionKind and
OrderTransactionStatus, read November 2026).
"""

from __future__ import annotations

import re
from decimal import Decimal

from twofold.event.refusal import DropReason
from twofold.event.scalars import read_order_currency
from twofold.ledger.model import Payment, Refund
from twofold.sources.shopify.bodies import Part, exact_id

KINDS = {
    "sale": "sale",
    "authorization": "authorisation",
    "emv_authorization": "authorisation",
    "capture": "capture",
    "refund": "refund",
    "void": "void",
}
"""The kinds that move money of the order. Not: `change` (cash given back at the till), `suggested_refund`."""

_PROVIDER_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")  # shorter ones are codes of a bank, which many payments have

STATES = {
    "success": "success",
    "pending": "pending",
    "awaiting_response": "pending",
    "failure": "failure",
    "error": "failure",
}
# A chargeback takes the money at once and gives it back when it is won; an inquiry takes nothing unless it is lost.
DISPUTES = {"won": "failure", "lost": "success", "accepted": "success", "charge_refunded": "success"}


def read_transaction(part: Part) -> Payment | None:
    """One transaction; None for kinds that move no money, and after a refusal."""
    kind = KINDS.get((part.text("kind") or "").lower())
    if kind is None:
        return None
    state = STATES.get((part.text("status") or "").lower(), "pending")
    return _payment(part, exact(part), kind, state, ("processed_at", "created_at"), part.label("gateway"))


def read_dispute(part: Part) -> Payment | None:
    """Money that the buyer's bank takes back, as a payment of the kind ``dispute``."""
    number = exact(part)
    state = DISPUTES.get((part.text("status") or "").lower(), "pending")
    return _payment(part, number and f"dispute.{number}", "dispute", state, ("initiated_at",), "")


def read_refund(part: Part) -> Refund | None:
    """Money given back: the sum of the refund's transactions that succeeded.

    None when no money moved (an unpaid order's lines taken back, a cash-on-delivery parcel refused) or none has yet;
    a pending transaction comes again, as succeeded, inside the order's next update.
    """
    number = exact(part)
    moved: list[tuple[Decimal, str]] = []
    for transaction in part.parts("transactions"):
        amount = transaction.money("amount")
        succeeded = (transaction.text("status") or "success").lower() == "success"
        if (transaction.text("kind") or "refund").lower() != "refund" or not succeeded or not amount:
            continue
        currency = _currency(transaction)
        if currency:
            moved.append((amount, currency))
    if number is None or not moved:
        return None
    currency = moved[0][1]
    if any(other != currency for _, other in moved):
        part.findings.note(f"{part.where('transactions')} are in several currencies; only those of the first are added")
    total = sum((amount for amount, own in moved if own == currency), Decimal())
    at = part.moment_s("processed_at") or part.moment_s("created_at")
    if at is None:
        part.findings.refuse(DropReason.MISSING_EVENT_TIME, part.where("created_at"), "a time with its offset", None)
        return None
    return Refund(id=number, amount=total, currency=currency, at=at, reason=_reason(part))


def exact(part: Part) -> str | None:
    """The object's own id."""
    number = part.id("id")
    return None if number is None else exact_id(number, part.values.get("admin_graphql_api_id"))


def _payment(
    part: Part, number: str | None, kind: str, state: str, times: tuple[str, ...], gateway: str
) -> Payment | None:
    amount, currency = part.money("amount"), _currency(part)
    at = next((at for at in map(part.moment_s, times) if at is not None), None)
    if amount is None:
        part.findings.refuse(DropReason.MISSING_VALUE, part.where("amount"), "an amount", None)
    if at is None:
        part.findings.refuse(DropReason.MISSING_EVENT_TIME, part.where(times[-1]), "a time with its offset", None)
    if number is None or amount is None or currency is None or at is None:
        return None
    # What the provider calls it: a card's authorisation, PayPal's transaction, Stripe's intent or charge.
    given = part.text("authorization") or ""
    return Payment(
        id=number, kind=kind, amount=amount, currency=currency, state=state, at=at, gateway=gateway,
        provider_id=given if _PROVIDER_ID.fullmatch(given) else "",
    )  # fmt: skip


def _currency(part: Part) -> str | None:
    value = part.values.get("currency")
    found = read_order_currency(value)
    if found is None:
        reason = DropReason.INVALID_CURRENCY if value else DropReason.MISSING_CURRENCY
        part.findings.refuse(reason, part.where("currency"), "three letters (ISO 4217)", value)
    return found


def _reason(part: Part) -> str:
    """A refund's note is free text of the staff and can name anybody, so only the reason of a return is taken."""
    return part.part("return").label("reason") if isinstance(part.values.get("return"), dict) else ""
