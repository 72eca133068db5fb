"""Every kind of body that a WooCommerce webhook can bring, and the headers that must not matter."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from woocommerce_bodies import NOW_MS, OPTIONS, ORDER, UPDATED, order, read, reading

from tests.strategies import any_text, json_values, slow_law
from twofold.event.refusal import DropReason, Refusal
from twofold.ledger.model import encode_report
from twofold.sources.contract import Ignored, Reading
from twofold.sources.woocommerce import WOOCOMMERCE
from twofold.sources.woocommerce.bodies import FIELDS

SUBSCRIPTION = order(billing_period="month", billing_interval="1", next_payment_date_gmt="2026-10-21T14:13:20")
PRODUCT = {"id": 11, "name": "Mug", "type": "simple", "status": "publish", "sku": "MUG-1", "regular_price": "10.00"}
COUPON = {"id": 5, "code": "WELCOME", "amount": "10.00", "discount_type": "percent", "usage_count": 0}
CUSTOMER = {"id": 12, "email": "nino@example.com", "role": "customer", "is_paying_customer": True, "billing": {}}
FORBIDDEN = {"code": "woocommerce_rest_cannot_view", "message": "Sorry, …", "data": {"status": 401}}

BODIES = [
    # claim, topic, body, kind
    ("a product", "product.updated", PRODUCT, "product"),
    ("a product without a topic", "", PRODUCT, "product"),
    ("a coupon", "coupon.created", COUPON, "coupon"),
    ("a customer", "customer.updated", CUSTOMER, "customer"),
    ("a hook", "action.woocommerce_order_status_completed", {"action": "woocommerce_x", "arg": 4711}, "action"),
    ("a hook with an object", "action.woocommerce_add_to_cart", {"action": "x", "arg": {"id": 1}}, "action"),
    ("a subscription under its topic", "subscription.updated", SUBSCRIPTION, "subscription"),
    ("a subscription under an order's topic", "order.updated", SUBSCRIPTION, "subscription"),
    ("a body that could not be made", "order.updated", FORBIDDEN, "unreadable"),
    ("the legacy API", "order.created", {"order": {"id": 4711, "order_number": "4711", "total": "5.00"}}, "legacy"),
    ("a draft of the block checkout", "order.created", order(status="checkout-draft"), "draft"),
    ("the form for a new order", "order.created", order(status="auto-draft"), "draft"),
    ("a deleted product", "product.deleted", {"id": 11}, "product"),
    ("a deleted customer", "customer.deleted", {"id": 12}, "customer"),
    ("a deleted coupon", "coupon.deleted", {"id": 5}, "coupon"),
    ("an id without a topic", "", {"id": 5}, "unknown"),
    ("a deletion whose headers disagree", "order.deleted|product", {"id": 5}, "order"),
    ("nothing", "order.updated", [], "empty"),
    ("null", "order.updated", None, "empty"),
    ("an object of another plugin", "wishlist.created", {"id": 1, "wish": True}, "unknown"),
]


@pytest.mark.parametrize(("claim", "topic", "body", "kind"), BODIES, ids=[row[0] for row in BODIES])
def test_whatever_is_no_order_is_classified_and_kept_out_of_the_ledger(claim, topic, body, kind):
    """Each is answered with success, because WooCommerce disables a webhook after a few failures in a row."""
    name, _, resource = topic.partition("|")
    headers = UPDATED | {"x-wc-webhook-topic": name, "x-wc-webhook-resource": resource or name.partition(".")[0]}
    result = read(body, headers)
    assert isinstance(result, Ignored), result
    assert result.kind == kind
    assert "nino" not in result.reason


KINDS = [
    ("order.created", order(status="pending", date_paid_gmt=None, date_paid=None, transaction_id=""), "order placed"),
    ("order.created", ORDER, "order paid"),
    ("order.updated", ORDER, "order paid"),
    ("order.restored", ORDER, "order paid"),
    ("order.updated", order(status="cancelled"), "order cancelled"),
    ("order.updated", order(status="failed"), "payment failed"),
    ("order.updated", order(refunds=[{"id": 51, "reason": "", "total": "-10.00"}]), "refund"),
    ("order.updated", order(status="trash"), "order deleted"),
    ("order.deleted", {"id": 4711}, "order deleted"),
]


@pytest.mark.parametrize(("topic", "body", "kind"), KINDS)
def test_orders_are_classified_by_what_happened(topic, body, kind):
    """The kind comes from the body's state; only a deletion, which is an id alone, from the topic."""
    result = reading(body, UPDATED | {"x-wc-webhook-topic": topic})
    assert result.kind == kind
    assert result.order.order_id == "4711"


def test_a_deletion_leaves_a_fact_and_nothing_else():
    """An order that left the shop's list keeps its money and its purchase in the ledger."""
    result = reading({"id": 4711}, UPDATED | {"x-wc-webhook-topic": "order.deleted"})
    assert (result.order.deleted, result.order.snapshot, result.copy) == (True, None, None)
    assert result.order.at == NOW_MS // 1000


ALTERED = [
    {"x-wc-webhook-topic": "order.deleted"},
    {"x-wc-webhook-topic": "product.updated", "x-wc-webhook-resource": "product"},
    {"x-wc-webhook-topic": "action.anything"},
    {"x-wc-webhook-topic": "nonsense\n"},
    {"x-wc-webhook-source": "https://evil.example/"},
    {"x-wc-webhook-delivery-id": "another"},
    {"x-wc-webhook-id": "999"},
]


@pytest.mark.parametrize("headers", ALTERED)
def test_headers_are_not_signed_and_change_nothing_of_an_order(headers):
    """A captured body sent again under other headers is the same report and the same copy."""
    plain, altered = reading(ORDER), reading(ORDER, UPDATED | headers)
    assert altered.copy == plain.copy
    assert altered.kind == plain.kind
    ours, theirs = (json.loads(encode_report(r.order)) for r in (plain, altered))
    ours.pop("reference"), theirs.pop("reference")
    assert ours == theirs


def test_only_the_newest_headers_are_needed():
    """A delivery with nothing but its signature is still read."""
    assert reading(ORDER, {}).order.reference == "woocommerce order"


BROKEN = [b"", b"{", b"\xff\xfe{}", b'"text"', b"12", b"[1]", b"{}x", b"webhook_id=x", b"[" * 100_000, b"\x00"]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_json_object_is_refused_with_a_reason(body):
    """A refusal names what was expected, never what was in the body."""
    result = read(body)
    assert isinstance(result, Refusal)
    assert result.reason in (DropReason.SYNTAX, DropReason.WRONG_TYPE, DropReason.TOO_DEEP)


@slow_law
@given(
    st.dictionaries(st.sampled_from(FIELDS), json_values() | st.sampled_from(["0", "5.00", "EUR", "checkout"])),
    st.dictionaries(st.sampled_from(["x-wc-webhook-topic", "x-wc-webhook-delivery-id"]), any_text()),
)
def test_any_order_like_body_is_answered(changes, headers):
    """Whatever stands in the fields that are read, and in the headers, the answer is one of the three."""
    body = json.dumps(ORDER | changes, default=str).encode()
    assert isinstance(WOOCOMMERCE.read(body, headers, OPTIONS, NOW_MS), Reading | Refusal | Ignored)


@slow_law
@given(st.binary(max_size=200))
def test_any_bytes_are_answered(body):
    """No bytes make the reader raise."""
    assert isinstance(WOOCOMMERCE.read(body, UPDATED, OPTIONS, NOW_MS), Refusal | Ignored)
