"""TBC E-Commerce (tpay): what its callbacks name, and what a payment means.

Facts: developers.tbcbank.ge, "Create E-Commerce payment" (the callback is a POST of the payment's id alone, once a status is final) and "Get E-Commerce
payment details" (statuses and amounts), read November 2026. A callback is not signed. The details tell no time: the moment at which they were asked for
stands for it. They name the shop's own reference only where the shop gave one; else the shop tells the payment's id with its order, as ``payment:…``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from twofold.event.refusal import Refusal
from twofold.ledger.model import Payment
from twofold.ledger.model import Refund as RefundFact
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Named, Source, SourceOptions
from twofold.sources.fetched.order import never_signed
from twofold.sources.payments.movement import Answer, Movement, amount_at, body_of, currency_at, reading_of
from twofold.sources.schema import read_id

SENDER = "tbc"
STATES: Mapping[str, tuple[str, str, str, str]] = {
    "Created": ("sale", "pending", "payment pending", "placed"),
    "Processing": ("sale", "pending", "payment pending", "placed"),
    "WaitingConfirm": ("authorisation", "success", "payment reserved", "authorised"),
    "PaymentCompletionProcessing": ("authorisation", "success", "payment reserved", "authorised"),
    "CancelPaymentProcessing": ("authorisation", "pending", "payment pending", "authorised"),
    "Succeeded": ("sale", "success", "payment", "paid"),
    "Returned": ("sale", "success", "refund", "refund"),
    "PartialReturned": ("sale", "success", "refund", "refund"),
    "Failed": ("sale", "failure", "payment failed", "failed"),
    "Expired": ("sale", "failure", "payment failed", "failed"),
}
"""A status -> kind and state of the money, words for the answer and the history."""
_ID = re.compile(r"[A-Za-z0-9_-]{4,64}")


def names(body: bytes, headers: Mapping[str, str]) -> Named | Ignored | None:
    """The payment of a callback; both spellings of its name are seen."""
    del headers
    tree = body_of(body)
    found = None if isinstance(tree, Refusal) else lenient.token(tree, "PaymentId") or lenient.token(tree, "paymentId")
    if found is None or not _ID.fullmatch(found):
        return Ignored(kind="notice", reason="names no payment")
    return Named((f"payment:{found}",))


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Answer:
    """One payment as it stands."""
    del headers
    told = body_of(body)
    if isinstance(told, Refusal):
        return told
    number, status = lenient.token(told, "payId"), lenient.text(told, "status") or ""
    if number is None or status not in STATES:
        return Ignored(kind="payment", reason="names no payment, or a status that is not known here")
    kind, state, said, word = STATES[status]
    currency = currency_at(told, "currency", "currency")
    if isinstance(currency, Refusal):
        return currency
    # Of what was reserved first, the part that was taken is the money.
    taken = kind == "sale" and state == "success" and lenient.decimal(told, "confirmedAmount")
    name, at = "confirmedAmount" if taken else "amount", now_ms // 1000
    amount = amount_at(told, name, name)
    if isinstance(amount, Refusal):
        return amount
    back = lenient.decimal(told, "returnedAmount")
    given = (
        (RefundFact(id=f"{number}:{back}", amount=back, currency=currency, at=at, total=back, payment=number),)
        if back and back > 0
        else ()
    )
    return reading_of(
        Movement(
            sender=SENDER,
            kind=said,
            event=word,
            reference=f"tbc {status} {number}",
            at=at,
            order=read_id(told.get(options.fields.get("order_id", "merchantPaymentId"))) or "",
            payment=number,
            payments=(
                Payment(id=number, kind=kind, amount=amount, currency=currency, state=state, at=at, gateway=SENDER),
            ),
            refunds=given,
        )
    )


TBC = Source(name=SENDER, by_path=True, signed=never_signed, names=names, read=read)
