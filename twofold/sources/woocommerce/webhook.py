"""One delivery of a WooCommerce webhook: its signature, the ping, and what kind of body it is.

Owns the headers and the way from a body to its reader.

Platform rules, read October 2026 in WooCommerce's own code (includes/class-wc-webhook.php):
- ``X-WC-Webhook-Signature`` is base64 of HMAC-SHA256 of the body with the webhook's secret; no other header is signed;
- the body is the REST API's answer for the object, made when the webhook is delivered, not when it happened, so a late
  delivery is not stale, and a body that could not be made is the API's error object;
- a deletion's body is the id alone;
- the ping on saving a webhook is the form text ``webhook_id=N`` without signature or topic, and must be answered 200,
  else the merchant sees an error and is pinged again at each delivery;
- there are no retries, and after more than five failures in a row the webhook is disabled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from twofold.event.mending import Mender
from twofold.event.refusal import Refusal
from twofold.ledger.model import OrderReport
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.sources.signatures import fits_base64
from twofold.sources.woocommerce.bodies import open_body
from twofold.sources.woocommerce.orders import read_order, read_report
from twofold.sources.woocommerce.purchases import read_buyer, read_purchase, read_said
from twofold.sources.woocommerce.states import DRAFTS

SENDER = "woocommerce"
DELETION = "order.deleted"

KINDS = {
    "placed": "order placed",
    "paid": "order paid",
    "refund": "refund",
    "delivered": "order delivered",
    "cancelled": "order cancelled",
    "failed": "payment failed",
    "deleted": "order deleted",
}

_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_TOPIC = re.compile(r"[a-z0-9_]{1,40}\.[a-z0-9_.]{1,100}")
_DELIVERY_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


def is_ping(body: bytes) -> bool:
    """True for the ping. It is not signed, so it is to be answered with 200 before the signature is asked for, and
    nothing of it is kept."""
    return _PING.fullmatch(body.strip()) is not None


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """Is the body signed with one of the secrets? No time is signed, so an old body stays valid. A ping is not signed;
    see `is_ping`."""
    del now_ms
    return fits_base64(headers.get("x-wc-webhook-signature", ""), body, secrets)


def topic_of(body: bytes, headers: Mapping[str, str]) -> str:
    """Such as order.updated."""
    del body
    return headers.get("x-wc-webhook-topic", "")


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One signed delivery. What it is, is read from the body; the topic tells only bodies apart that look alike.

    The Purchase's event id is the one in order meta (facebook-for-woocommerce's, else our snippet's), else
    ``purchase.<shop>.<order id>``, which the thank-you page can compute as well.
    """
    if is_ping(body):
        return Ignored(kind="ping", reason="the greeting of a webhook that was saved")
    if body.strip() in (b"[]", b"null", b'""', b"{}"):
        return Ignored(kind="empty", reason="WooCommerce had nothing to say about the object")
    mender = Mender()
    found = open_body(body, mender)
    if isinstance(found, Refusal):
        return found
    topic = _topic(headers)
    if _is_order(found):
        read = _read_order(found, topic, headers, options, now_ms)
        return replace(read, notes=(*mender.sentences(), *read.notes)) if isinstance(read, Reading) else read
    if found.keys() == {"id"}:
        return _read_deletion(found, topic, headers, now_ms)
    return _not_an_order(found, topic)


def _is_order(body: dict[str, Any]) -> bool:
    """A customer has billing data too, and a subscription has all that an order has; the rest is an order's alone."""
    if "billing_period" in body:
        return False
    return "order_key" in body or {"status", "billing", "payment_method"} <= body.keys()


def _read_order(
    body: dict[str, Any], topic: str, headers: Mapping[str, str], options: SourceOptions, now_ms: int
) -> Reading | Refusal | Ignored:
    order = read_order(body, now_ms // 1000)
    if isinstance(order, Refusal):
        return order
    if order.status in DRAFTS:
        return Ignored(kind="draft", reason="a draft is no order yet", order_id=order.id)
    report = read_report(order, options.stages, _reference(topic, headers))
    if isinstance(report, Refusal):
        return report
    copy = read_purchase(order, report, options)
    return Reading(
        kind=KINDS[report.kind],
        sender=SENDER,
        order=report,
        copy=copy,
        buyer=read_buyer(order),
        said=read_said(order, report, options),
        notes=tuple(order.notes),
    )


def _read_deletion(
    body: dict[str, Any], topic: str, headers: Mapping[str, str], now_ms: int
) -> Reading | Ignored | Refusal:
    """The body is an id of any kind of object, so here, and only here, the unsigned topic decides: that of an order
    says that it left the shop's list, which takes no purchase back by itself."""
    order_id = lenient.digits(body, "id")
    if topic != DELETION or headers.get("x-wc-webhook-resource", "order") != "order" or order_id is None:
        return Ignored(kind=_resource(topic), reason="a deletion of something that is no order")
    report = OrderReport(
        order_id=order_id,
        kind="deleted",
        at=now_ms // 1000,  # the body has no time
        reference=_reference(topic, headers),
        deleted=True,
    )
    return Reading(kind=KINDS["deleted"], sender=SENDER, order=report)


def _not_an_order(body: dict[str, Any], topic: str) -> Ignored:
    if "code" in body and "message" in body and "discount_type" not in body:
        return Ignored(
            kind="unreadable",
            reason="WooCommerce could not read the object: the webhook's user may not, or it is gone",
        )
    if isinstance(body.get("order"), dict):
        return Ignored(kind="legacy", reason="a body of the legacy API: set the webhook's API version to v3")
    if "action" in body and "arg" in body:
        return Ignored(kind="action", reason="a hook of WordPress names an object and tells nothing of it")
    if "billing_period" in body or "next_payment_date_gmt" in body:
        return Ignored(kind="subscription", reason="a subscription is no order; its orders come by themselves")
    for name, kind in (("discount_type", "coupon"), ("is_paying_customer", "customer"), ("regular_price", "product")):
        if name in body:
            return Ignored(kind=kind, reason=f"a {kind} is no order")
    return Ignored(kind=_resource(topic), reason="not an order")


def _topic(headers: Mapping[str, str]) -> str:
    given = headers.get("x-wc-webhook-topic", "").strip().lower()
    return given if _TOPIC.fullmatch(given) else ""


def _resource(topic: str) -> str:
    name = topic.partition(".")[0]
    return name if name in ("customer", "product", "coupon", "action", "subscription", "order") else "unknown"


def _reference(topic: str, headers: Mapping[str, str]) -> str:
    given = headers.get("x-wc-webhook-delivery-id", "").strip()
    delivery = given if _DELIVERY_ID.fullmatch(given) else ""
    return " ".join(filter(None, ("woocommerce", topic or "order", delivery)))
