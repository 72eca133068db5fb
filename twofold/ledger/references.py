"""By which words a movement of money names its order, in one spelling: what lines say and what orders' facts carry.

Owns the list of kinds, how a value is written, and when two references name the same thing. A reference is "kind:value".
A provider's id is looked for among all that an order's facts hold (its aliases, payments, refunds, parcels), whatever
the source of the order called it. What a match is worth is worked out by `reconcile`.
"""

from __future__ import annotations

from collections.abc import Iterable

from twofold.event.contact import names_somebody
from twofold.event.identity import bare_order
from twofold.event.scalars import names_nobody
from twofold.ledger.model import OrderReport

KINDS = {
    "order": "the merchant's own id or number of the order, as the provider's reference field has it",
    "number": "the order's number or name that the buyer sees, without #",
    "checkout": "the checkout's token or id",
    "payment_intent": "Stripe's payment intent",
    "charge": "Stripe's charge",
    "session": "Stripe's checkout session",
    "invoice": "Stripe's invoice",
    "capture": "the provider's id of one capture",
    "transaction": "any other provider's id of a payment",
    "payment": "of a refund, dispute, fee or conversion: the payment whose money it is",
    "refund": "the provider's id of a refund",
    "dispute": "the provider's id of a dispute",
    "parcel": "a parcel's tracking number or the shop's id of it",
    "payout": "the provider's id of a payout, where the batch has another name",
    "creditor": "structured creditor reference (ISO 11649)",
    "bank_reference": "what a payout's or remittance's bank line says",
    "booking": "the bank's own number of a booking or of its document: it names no order, whatever number it is",
}
"""Every kind of reference. What else stands before a colon is no reference."""

MOST = 256  # characters of a value
_ORDERS = frozenset({"order", "number", "name"})
_OF_PROVIDERS = frozenset({"payment_intent", "charge", "session", "invoice", "capture", "transaction", "payment",
                           "refund", "dispute"})  # fmt: skip
_BY_PREFIX = {"pi_": "payment_intent", "ch_": "charge", "py_": "charge", "cs_": "session", "in_": "invoice",
              "re_": "refund", "pyr_": "refund", "du_": "dispute", "dp_": "dispute", "po_": "payout"}  # fmt: skip
_STEP = ":"  # between a payment and what a source says of it: "pi_1:reserved", "pi_1:3000"


def reference(kind: str, value: str) -> str | None:
    """ "kind:value" in the one spelling; None for a value that names nothing, or that holds an e-mail address."""
    text = " ".join(value.split())
    if kind in _ORDERS:
        text = bare_order(text)
    elif kind == "checkout":
        text = text.lstrip("#")
    if not text or len(text) > MOST or names_somebody(text) or not text.isprintable() or names_nobody(text):
        return None
    return f"{kind}:{text}"


def of_provider(value: str, kind: str = "transaction") -> str | None:
    """A provider's id under the kind that its own prefix tells (Stripe's do), else under ``kind``."""
    return reference(next((k for prefix, k in _BY_PREFIX.items() if value.startswith(prefix)), kind), value)


def gather(*found: str | None) -> tuple[str, ...]:
    """Those that are one, each once, in their order."""
    return tuple(dict.fromkeys(r for r in found if r))


def key_of(name: str) -> str:
    """What is equal for two references of the same thing: merchants write an order's id or its number, and what one
    system calls a charge is another's transaction."""
    kind, _, value = name.partition(":")
    if kind in _ORDERS:
        return f"order:{bare_order(value)}"
    return f"provider:{value}" if kind in _OF_PROVIDERS else name


def is_of_provider(name: str) -> bool:
    """True for an id that a payment provider gave, which no other payment has."""
    return name.partition(":")[0] in _OF_PROVIDERS


def of_report(report: OrderReport) -> tuple[str, ...]:
    """All references by which a line may name this report's order."""
    found = [reference("order", report.order_id)]
    found += [_of_alias(alias) for alias in report.aliases]
    for payment in report.payments:
        kind = "refund" if payment.kind == "refund" else "dispute" if payment.kind == "dispute" else "transaction"
        found.append(of_provider(payment.id.partition(_STEP)[0].removeprefix("dispute."), kind))
        found.append(of_provider(payment.provider_id, kind))
    for refund in report.refunds:
        if refund.payment:
            found.append(of_provider(refund.payment))
        if refund.total is None and _STEP not in refund.id and refund.id != "total":
            found.append(of_provider(refund.id, "refund"))
    for parcel in report.parcels:
        if report.order_id == before_order(parcel.id):
            continue  # told before there was an order, whose own word leads to it; what waits for one pays for none
        found += [reference("parcel", number) for number in (parcel.id, *parcel.numbers)]
    return gather(*found)


def of_reports(reports: Iterable[OrderReport]) -> tuple[str, ...]:
    """The same for all that was reported of an order."""
    return gather(*(name for report in reports for name in of_report(report)))


def _of_alias(alias: str) -> str | None:
    kind, _, value = alias.partition(":")
    if kind == "name":
        return reference("number", value)
    if kind in _OF_PROVIDERS:
        return of_provider(value, "transaction" if kind == "payment" else kind)
    return reference(kind, value) if kind in KINDS else None


def before_order(parcel: str) -> str:
    """The name by which a parcel goes that no order has yet."""
    return f"parcel:{parcel}"


def people_number(aliases: Iterable[str], order_id: str) -> str:
    """What people call an order: its name, else its number, where a source told one; else its id."""
    told = set(aliases)
    for kind in ("name:", "number:"):
        found = min(
            (alias.removeprefix(kind) for alias in told if alias.startswith(kind) and alias != kind), default=""
        )
        if found:
            return found
    return order_id
