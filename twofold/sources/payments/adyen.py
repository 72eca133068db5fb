"""Adyen's standard webhooks.

Owns their signature, their event codes and their minor units. Facts (Adyen's libraries for PHP and Ruby with their test vectors, "Webhook
structure and types", "Currency codes and minor units", read November 2026): an item is signed by itself, in
``additionalData.hmacSignature``, the base64 of the HMAC-SHA256 under the key that is shown in hexadecimal, over eight of its fields with
colons between: reference, original reference, account, merchant reference, value, currency, event, success. A colon within a
field is escaped by the Ruby library and not by the PHP one; both are taken, which cannot be taken for each other as no field but
the merchant reference may hold one. Nothing else of an item is signed: the time orders two states of one payment, the method
is a name for people, and what is not live counts for nothing.

Whether an authorisation is the money depends on the account's capture setting, which no item tells: it is the operator's to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.refusal import DropReason, Refusal, describe
from twofold.ledger.model import Payment
from twofold.sources import lenient
from twofold.sources.contract import MOST_PARTS as MOST
from twofold.sources.contract import Ignored, Part, Reading, Several, Source, SourceOptions, at_place, too_many
from twofold.sources.payments.movement import TEST, Answer, Movement, body_of, currency_at, reading_of, seconds_at
from twofold.sources.schema import read_label
from twofold.sources.signatures import fits_base64

SENDER = "adyen"
ZERO_DECIMAL = frozenset({
    "BIF", "CVE", "DJF", "GNF", "IDR", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
})  # fmt: skip
THREE_DECIMAL = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""As in ISO 4217 but for four: CVE and IDR have none, CLP and ISK two."""

_PLAIN = re.compile(r"[^:\\]{0,200}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){8,64}")


class _Item(Struct, frozen=True, kw_only=True):
    """One item, opened."""

    code: str
    success: bool
    order: str
    id: str  # of this event's own request
    payment: str  # of the payment that it is about
    amount: Decimal
    currency: str
    at: int
    method: str
    action: str  # of CANCEL_OR_REFUND
    captures: bool  # the account captures by itself

    def paid(self, payment_id: str, kind: str, state: str) -> Payment:
        return Payment(
            id=payment_id, kind=kind, amount=self.amount, currency=self.currency, state=state, at=self.at, gateway=self.method
        )  # fmt: skip


def is_key(secret: str) -> bool:
    """Is it a key as the Customer Area shows it?"""
    return _HEX.fullmatch(secret) is not None


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """Is every item signed with one of the keys? No time is signed, so an old item stays valid; it is the same movement then."""
    del headers, now_ms
    keys = [bytes.fromhex(secret) for secret in secrets if is_key(secret)]
    tree = body_of(body)
    items = [] if isinstance(tree, Refusal) else _items(tree)
    fits = [_fits(item, keys) for item in items]
    return bool(fits) and all(fits)


def topic_of(body: bytes, headers: Mapping[str, str]) -> str:
    """Such as AUTHORISATION."""
    del headers
    tree = body_of(body)
    items = [] if isinstance(tree, Refusal) else _items(tree)
    return (lenient.token(items[0], "eventCode") or "")[:60] if items else ""


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Answer | Several:
    """The items of one delivery; there is one as a rule."""
    del headers, now_ms
    tree = body_of(body)
    if isinstance(tree, Refusal):
        return tree
    items = _items(tree)
    if not items:
        got = describe(tree.get("notificationItems"))
        return Refusal(reason=DropReason.WRONG_TYPE, path="notificationItems", expected="items of a webhook", got=got)
    if len(items) > MOST:
        return too_many(len(items))
    if lenient.text(tree, "live") not in ("true", "True") and tree.get("live") is not True:
        return TEST
    if len(items) == 1:
        return _read_item(items[0], options)
    found = [(at_place(_read_item(item, options), f"notificationItems[{n}]"), item) for n, item in enumerate(items)]
    return Several(tuple(Part(answer, msgspec.json.encode(item)) for answer, item in found))


def _items(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """As documented, each within an object of one field; all or none."""
    wrapped = lenient.parts(tree, "notificationItems")
    found = [lenient.part(one, "NotificationRequestItem") for one in wrapped]
    return found if all(found) else []


def _fits(item: dict[str, Any], keys: Sequence[bytes]) -> bool:
    amount = lenient.part(item, "amount")
    before = [_as_signed(item.get(n)) for n in ("pspReference", "originalReference", "merchantAccountCode")]
    behind = [
        _as_signed(v) for v in (amount.get("value"), amount.get("currency"), item.get("eventCode"), item.get("success"))
    ]
    order = _as_signed(item.get("merchantReference"))
    given = lenient.part(item, "additionalData").get("hmacSignature")
    if not isinstance(given, str) or "\\" in order or not all(_PLAIN.fullmatch(text) for text in (*before, *behind)):
        return False
    spellings = {":".join([*before, spelt, *behind]) for spelt in (order, order.replace(":", "\\:"))}
    fits = [fits_base64(given, text.encode("utf-8", "surrogatepass"), keys) for text in sorted(spellings)]
    return any(fits)


def _as_signed(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | str):
        return str(value)
    return "" if value is None else "\\"  # anything else cannot have been signed


def _read_item(item: dict[str, Any], options: SourceOptions) -> Answer:
    code = lenient.token(item, "eventCode") or ""
    reader = _READERS.get(code)
    if reader is None:
        return Ignored(kind="event", reason="an event that moves no money of an order")
    order, own = lenient.token(item, "merchantReference"), lenient.token(item, "pspReference")
    if order is None or own is None:
        return Ignored(kind="payment", reason="names no payment or no order of the shop")
    at, money = seconds_at(item, "eventDate", "eventDate"), _money(item)
    if isinstance(at, Refusal):
        return at
    if isinstance(money, Refusal):
        return money
    made = _Item(
        code=code, success=lenient.text(item, "success") in ("true", "True") or item.get("success") is True,
        order=order, id=own, payment=lenient.token(item, "originalReference") or own,
        amount=money[0], currency=money[1], at=at, method=read_label(item.get("paymentMethod")) or "",
        action=lenient.text(lenient.part(item, "additionalData"), "modification.action") or "",
        captures=options.stages.get("AUTHORISATION") == "paid",
    )  # fmt: skip
    return reader(made)


def _money(item: dict[str, Any]) -> tuple[Decimal, str] | Refusal:
    amount = lenient.part(item, "amount")
    currency = currency_at(amount, "currency", "amount.currency")
    if isinstance(currency, Refusal):
        return currency
    minor = lenient.whole(amount, "value")
    if minor is None or minor < 0:
        given = amount.get("value")
        reason = DropReason.MISSING_VALUE if given is None else DropReason.INVALID_VALUE
        expected = "a whole number of minor units, zero or more"
        return Refusal(reason=reason, path="amount.value", expected=expected, got=describe(given))
    places = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return Decimal(minor).scaleb(-places), currency


# -- what each event says


def _told(item: _Item, kind: str, event: str, payment: Payment) -> Reading:
    reference = f"adyen {item.code} {item.id}"
    return reading_of(
        Movement(
            sender=SENDER, kind=kind, event=event, reference=reference, at=item.at, order=item.order, payment=item.payment,
            payments=(payment,),
        )
    )  # fmt: skip


def _authorisation(item: _Item) -> Answer:
    kind = "sale" if item.captures else "authorisation"
    if not item.success:
        return _told(item, "payment failed", "failed", item.paid(item.id, kind, "failure"))
    if item.captures:
        return _told(item, "payment", "paid", item.paid(item.id, kind, "success"))
    return _told(item, "payment reserved", "authorised", item.paid(item.id, kind, "success"))


def _capture(item: _Item) -> Answer:
    if item.captures:
        return Ignored(
            kind="payment", reason="the account captures by itself: the money was counted at its authorisation"
        )
    if not item.success:
        return _told(item, "payment failed", "failed", item.paid(item.id, "capture", "failure"))
    return _told(item, "payment", "paid", item.paid(item.id, "capture", "success"))


def _capture_failed(item: _Item) -> Answer:
    """The scheme rejected it later: of the capture, or of what stood for it."""
    known = (item.payment, "sale") if item.captures else (item.id, "capture")
    return _told(item, "payment failed", "failed", item.paid(*known, "failure"))


def _cancelled(item: _Item) -> Answer:
    """What was reserved is given back; money that was captured cannot be cancelled."""
    if not item.success:
        return Ignored(kind="payment", reason="a cancellation that did not happen")
    kind = "sale" if item.captures else "authorisation"
    return _told(item, "payment given up", "voided", item.paid(item.payment, kind, "failure"))


def _refund(item: _Item) -> Answer:
    state = "success" if item.success else "failure"
    return _told(item, "refund", "refund", item.paid(item.id, "refund", state))


def _refund_failed(item: _Item) -> Answer:
    return _told(item, "refund", "refund", item.paid(item.id, "refund", "failure"))


def _cancelled_or_refunded(item: _Item) -> Answer:
    if item.action == "refund":
        return _refund(item)
    if item.action == "cancel":
        return _cancelled(item)
    return Ignored(kind="payment", reason="does not say whether the payment was cancelled or refunded")


def _disputed(state: str) -> Callable[[_Item], Answer]:
    """All events of a payment's dispute are one: the latest says whether it stands."""

    def read_dispute(item: _Item) -> Answer:
        return _told(item, "dispute", "dispute", item.paid(f"{item.payment}:dispute", "dispute", state))

    return read_dispute


_READERS: Mapping[str, Callable[[_Item], Answer]] = {
    "AUTHORISATION": _authorisation,
    "CAPTURE": _capture,
    "CAPTURE_FAILED": _capture_failed,
    "CANCELLATION": _cancelled,
    "TECHNICAL_CANCEL": _cancelled,
    "REFUND": _refund,
    "REFUND_FAILED": _refund_failed,
    "REFUNDED_REVERSED": _refund_failed,
    "CANCEL_OR_REFUND": _cancelled_or_refunded,
    "NOTIFICATION_OF_CHARGEBACK": _disputed("pending"),
    "CHARGEBACK": _disputed("success"),
    "SECOND_CHARGEBACK": _disputed("success"),
    "CHARGEBACK_REVERSED": _disputed("failure"),
}

ADYEN = Source(name="adyen", signed=signed, topic=topic_of, read=read)
