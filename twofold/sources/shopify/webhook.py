"""One delivery of a Shopify webhook: its signature, and what it says.

Owns the way from topic and shape to the reader, and the answers that are common to all. What the parts of a body
mean is in the readers beside it.

Platform rules, checked November 2026:
- signature: shopify.dev, "Verify webhook deliveries" (base64 HMAC-SHA256 of the raw body, app client secret);
- header names: shopify.dev, "Webhooks delivery structure" (any case; only topic, domain and HMAC always exist),
  and without ``X-`` in the newer "Events" deliveries;
- bodies: REST resources of webhook API version 2024-10 and later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct

from twofold.event.json import read_json
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import read_time_ms
from twofold.ledger.model import OrderReport, Parcel, Payment, Refund
from twofold.sources.contract import Ignored, PrivacyRequest, Reading, SourceOptions
from twofold.sources.shopify.bodies import Findings, Part
from twofold.sources.shopify.money import read_dispute, read_refund, read_transaction
from twofold.sources.shopify.orders import TEST_IDS, read_order_id, read_report
from twofold.sources.shopify.parcels import read_fulfillment, read_fulfillment_event
from twofold.sources.shopify.privacy import is_for_another_shop, read_person
from twofold.sources.shopify.purchases import read_buyer, read_purchase, read_said
from twofold.sources.shopify.topics import TOPICS, Shape, Topic, name_of, not_kept, not_read, shape_of, unnamed
from twofold.sources.signatures import fits_base64

SENDER = "shopify"

_MAX_STRING = 1 << 20  # apps keep whole configurations in a line's properties, which are not read
_KEYS_OF_EVENTS = 1_000  # a line has some 100 keys and an order up to 500 lines; the body's size is limited before
_DELIVERY_ID = re.compile(r"[0-9A-Za-z-]{1,64}")

Answer = Reading | Refusal | Ignored


class _Delivery(Struct, frozen=True, kw_only=True):
    """One body with what is known about its delivery. Only ``body`` was signed."""

    body: Part
    topic: Topic
    options: SourceOptions
    reference: str
    test: bool
    at: int  # Unix s; for bodies that hold no time


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """Is the body signed with one of the secrets? Shopify signs no time, so an old body stays valid."""
    del now_ms
    return fits_base64(_header(headers, "hmac-sha256"), body, secrets)


def topic_of(body: bytes, headers: Mapping[str, str]) -> str:
    """The topic as it is written in the reference, such as orders/create."""
    del body
    return name_of(_header(headers, "topic"))


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Answer:
    """One signed delivery. A late retry carries the order as it was then; the ledger goes by the snapshot's version.

    The Purchase's event id is ``purchase.<shop>.<order id>``, which the thank-you page can compute as well, unless
    the browser left its own id in the note attributes.
    """
    name = name_of(_header(headers, "topic"))
    if name and name not in TOPICS:
        kind, reason = not_kept(name)
        return Ignored(kind=kind, reason=reason)
    tree = read_json(body, events=_KEYS_OF_EVENTS, max_string=_MAX_STRING)
    if isinstance(tree, Refusal):
        return tree
    if not isinstance(tree, dict):
        return Refusal(reason=DropReason.WRONG_TYPE, expected="a JSON object", got=describe(tree))
    findings = Findings()
    topic = _topic(TOPICS.get(name), shape_of(tree), findings)
    if not isinstance(topic, Topic):
        return topic
    delivery = _Delivery(
        body=Part(tree, findings),
        topic=topic,
        options=options,
        reference=_reference(name, headers),
        test=_header(headers, "test").strip().lower() == "true",
        at=(read_time_ms(_header(headers, "triggered-at")) or now_ms) // 1000,
    )
    return findings.refusal or _READERS[topic.shape](delivery)


def _topic(named: Topic | None, shape: Shape | None, findings: Findings) -> Topic | Ignored | Refusal:
    """The topic to read a body by. The header may only narrow what the signed body says."""
    if named is None:
        ignored = not_read(shape) if shape else None
        if ignored:
            return Ignored(kind=ignored[0], reason=ignored[1])
        topic = unnamed(shape) if shape else None
        expected = "the header X-Shopify-Topic, or a body that tells what it is"
        return topic or Refusal(reason=DropReason.ENVELOPE, expected=expected, got="neither")
    if shape is None or shape is named.shape:
        return named
    if named.shape is Shape.DELETED and shape is Shape.ORDER:
        findings.note("a deletion with a whole order in it is read as the order's state; since 2024 it is an id alone")
        return TOPICS["orders/updated"]
    return Ignored(kind="topic mismatch", reason="the body is not what its topic says")


# -- one reader a shape


def _read_order(delivery: _Delivery) -> Answer:
    body, findings = delivery.body, delivery.body.findings
    order_id = read_order_id(body)
    by_body = body.flag("test") is True or order_id in TEST_IDS
    if delivery.test and not by_body:
        # The header is not signed: it may leave a delivery out, but never turn a real order into a test.
        return Ignored(kind=delivery.topic.kind, reason="a test notification is about no order", order_id=order_id)
    report = read_report(body, order_id, delivery.topic.event, delivery.reference) if order_id else None
    if report is None and by_body:
        return Ignored(kind=delivery.topic.kind, reason="a test order that cannot be read", order_id=order_id)
    copy = read_purchase(body, report, delivery.options) if report else None
    if findings.refusal or report is None:
        return _finish(delivery, None)
    return Reading(
        kind=delivery.topic.kind,
        sender=SENDER,
        order=report,
        copy=copy,
        buyer=read_buyer(body),
        said=read_said(body, report, delivery.options),
        notes=tuple(findings.notes),
    )


def _read_edit(delivery: _Delivery) -> Answer:
    """Which lines were changed; the order as it is after it comes with orders/updated."""
    edit = delivery.body.part("order_edit")
    order_id = edit.id("order_id")
    return _finish(delivery, order_id, at=edit.moment_s("created_at"))


def _read_deleted(delivery: _Delivery) -> Answer:
    return _finish(delivery, delivery.body.id("id"), deleted=True)


def _read_refund(delivery: _Delivery) -> Answer:
    body = delivery.body
    order_id, refund = body.id("order_id"), read_refund(body)
    at = body.moment_s("processed_at") or body.moment_s("created_at")
    if refund is None:
        body.findings.note("no money moved with this refund")
    return _finish(delivery, order_id, at=at, refunds=(refund,) if refund else ())


def _read_payment(reader: Callable[[Part], Payment | None], delivery: _Delivery) -> Answer:
    body = delivery.body
    if body.values.get("order_id") is None:
        return Ignored(kind=delivery.topic.kind, reason="a payment that belongs to no order")
    order_id, payment = body.id("order_id"), reader(body)
    if body.flag("test") is True:
        return Ignored(kind=delivery.topic.kind, reason="a test payment moves no money", order_id=order_id)
    if payment is None and body.findings.refusal is None:
        return Ignored(kind=delivery.topic.kind, reason="a kind of payment that moves no money", order_id=order_id)
    return _finish(delivery, order_id, at=payment.at if payment else None, payments=(payment,) if payment else ())


def _read_parcel(reader: Callable[[Part], Parcel | None], delivery: _Delivery) -> Answer:
    order_id, parcel = delivery.body.id("order_id"), reader(delivery.body)
    if parcel is None and delivery.body.findings.refusal is None:
        return Ignored(kind=delivery.topic.kind, reason="says nothing of where a parcel is", order_id=order_id)
    return _finish(delivery, order_id, at=parcel.at if parcel else None, parcels=(parcel,) if parcel else ())


def _read_return(delivery: _Delivery) -> Answer:
    """Steps of a return, for the history alone: goods and money come as parcels and refunds."""
    body = delivery.body
    if not {"order", "order_id"} & body.values.keys():  # returns/update names its return alone
        return Ignored(kind=delivery.topic.kind, reason="a step of a return that names no order")
    order_id = body.part("order").id("id") if "order" in body.values else body.id("order_id")
    return _finish(delivery, order_id)


def _read_person(kind: str, delivery: _Delivery) -> Answer:
    return _privacy(delivery, read_person(delivery.body, kind))


def _read_shop(delivery: _Delivery) -> Answer:
    return _privacy(delivery, PrivacyRequest(kind="erase_shop"))


def _privacy(delivery: _Delivery, request: PrivacyRequest) -> Answer:
    kind = delivery.topic.kind
    if is_for_another_shop(delivery.body, delivery.options.shop):
        return Ignored(kind=kind, reason="a privacy request for another shop with the same app")
    nobody = not (request.emails or request.phones or request.external_ids or request.order_ids)
    if nobody and request.kind != "erase_shop":
        return Ignored(kind=kind, reason="a privacy request that names nobody")
    return Reading(kind=kind, sender=SENDER, privacy=request, notes=tuple(delivery.body.findings.notes))


def _finish(
    delivery: _Delivery,
    order_id: str | None,
    *,
    at: int | None = None,
    payments: tuple[Payment, ...] = (),
    refunds: tuple[Refund, ...] = (),
    parcels: tuple[Parcel, ...] = (),
    deleted: bool = False,
) -> Answer:
    """The answer of every reader that has no whole order: a refusal, nothing for a test, else the report."""
    findings, topic = delivery.body.findings, delivery.topic
    # Before anything that is wrong: a test notification's refund has no currency, and is to be answered with 200.
    if delivery.test or order_id in TEST_IDS:
        return Ignored(kind=topic.kind, reason="a test notification is about no order", order_id=order_id)
    if findings.refusal or order_id is None:
        return findings.refusal or Refusal(reason=DropReason.WRONG_TYPE, path="order_id", expected="digits")
    report = OrderReport(
        order_id=order_id,
        kind=topic.event,
        at=delivery.at if at is None else at,
        reference=delivery.reference,
        payments=payments,
        refunds=refunds,
        parcels=parcels,
        deleted=deleted,
    )
    return Reading(kind=topic.kind, sender=SENDER, order=report, notes=tuple(findings.notes))


def _reference(name: str, headers: Mapping[str, str]) -> str:
    given = _header(headers, "webhook-id")
    return f"{name} {given}".strip() if _DELIVERY_ID.fullmatch(given) else name


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header by its name without Shopify's prefix, of which there are two spellings; empty when it is absent."""
    return headers.get(f"x-shopify-{name}") or headers.get(f"shopify-{name}") or ""


_READERS: dict[Shape, Callable[[_Delivery], Answer]] = {
    Shape.ORDER: _read_order,
    Shape.EDIT: _read_edit,
    Shape.DELETED: _read_deleted,
    Shape.REFUND: _read_refund,
    Shape.TRANSACTION: partial(_read_payment, read_transaction),
    Shape.DISPUTE: partial(_read_payment, read_dispute),
    Shape.FULFILLMENT: partial(_read_parcel, read_fulfillment),
    Shape.SCAN: partial(_read_parcel, read_fulfillment_event),
    Shape.RETURN: _read_return,
    Shape.ERASE: partial(_read_person, "erase"),
    Shape.EXPORT: partial(_read_person, "export"),
    Shape.ERASE_SHOP: _read_shop,
}
