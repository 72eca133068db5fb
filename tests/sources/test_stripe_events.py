"""Every type of Stripe event is answered, and no body makes the reader raise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe_bodies import (
    AT,
    CHARGE,
    DISPUTE,
    INTENT,
    INVOICE,
    NOW_MS,
    OPTIONS,
    REFUND,
    SESSION,
    event,
    read,
)

from tests.strategies import json_values, slow_law
from twofold.event.refusal import DropReason, Refusal
from twofold.sources.contract import Ignored, Reading
from twofold.sources.stripe import STRIPE
from twofold.sources.stripe.webhook import TYPES

OTHERS = [
    ("payout.paid", "payout"),
    ("payout.failed", "payout"),
    ("balance.available", "payout"),
    ("transfer.created", "payout"),
    ("payment_intent.created", "payment"),
    ("payment_intent.requires_action", "payment"),
    ("charge.pending", "payment"),
    ("charge.expired", "payment"),
    ("invoice.created", "invoice"),
    ("invoice.payment_failed", "payment failed"),
    ("customer.created", "customer"),
    ("customer.subscription.updated", "subscription"),
    ("product.updated", "product"),
    ("payment_method.attached", "payment_method"),
    ("setup_intent.succeeded", "setup_intent"),
    ("tomorrow.thing.made", "tomorrow"),
]


@pytest.mark.parametrize(("name", "kind"), OTHERS)
def test_types_that_tell_nothing_of_an_order_are_classified(name, kind):
    """Answered with success, because Stripe disables an endpoint that keeps refusing."""
    result = read(event(name, {"id": "x_1", "object": "thing", "email": "mary@example.com"}))
    assert isinstance(result, Ignored)
    assert result.kind == kind
    assert "mary" not in result.reason


def test_an_event_of_the_second_api_version_is_classified():
    """Its time is text and its data are not there; it is not one of ours."""
    body = {
        "id": "evt_test_65",
        "object": "v2.core.event",
        "type": "v2.money_management.transaction.created",
        "created": "2026-09-21T14:13:20.000Z",
        "livemode": True,
        "related_object": {"id": "trxn_1", "type": "transaction"},
    }
    result = read(body)
    assert (type(result), result.kind) == (Ignored, "v2")


def test_what_is_not_read_cannot_spoil_an_event():
    """Types that tell nothing are not opened, whatever their object holds."""
    body = json.dumps(event("account.updated", {"id": "acct_1", "deep": "x" * 20_000})).encode()
    assert isinstance(read(body), Ignored)


WRONG = [
    (b"", DropReason.SYNTAX, ""),
    (b"[]", DropReason.WRONG_TYPE, ""),
    (b'"text"', DropReason.WRONG_TYPE, ""),
    (b"\xff", DropReason.SYNTAX, ""),
    (b"{}", DropReason.WRONG_TYPE, "type"),
    (event("", SESSION), DropReason.WRONG_TYPE, "type"),
    (event("checkout.session.completed", SESSION, at="now"), DropReason.INVALID_EVENT_TIME, "created"),
    (event("checkout.session.completed", SESSION, at=-5), DropReason.INVALID_EVENT_TIME, "created"),
    (event("checkout.session.completed", SESSION) | {"data": {}}, DropReason.WRONG_TYPE, "data.object"),
    (event("checkout.session.completed", SESSION) | {"data": []}, DropReason.WRONG_TYPE, "data.object"),
    (event("checkout.session.completed", SESSION, amount_total=None), DropReason.MISSING_VALUE, "data.object.amount_total"),
    (event("checkout.session.completed", SESSION, amount_total=-1), DropReason.INVALID_VALUE, "data.object.amount_total"),
    (event("checkout.session.completed", SESSION, amount_total="32.40"), DropReason.INVALID_VALUE, "data.object.amount_total"),
    (event("checkout.session.completed", SESSION, amount_total=32.4), DropReason.INVALID_VALUE, "data.object.amount_total"),
    (event("payment_intent.succeeded", INTENT, currency=None), DropReason.MISSING_CURRENCY, "data.object.currency"),
    (event("payment_intent.succeeded", INTENT, currency=978), DropReason.INVALID_CURRENCY, "data.object.currency"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "reason", "path"), WRONG, ids=range(len(WRONG)))
def test_money_and_time_are_never_guessed(body, reason, path):
    """A body without them is refused with the place, in minor units only as whole numbers."""
    result = read(body)
    assert isinstance(result, Refusal)
    assert (result.reason, result.path) == (reason, path)


THINGS = {
    "checkout": SESSION,
    "payment_intent": INTENT,
    "charge": CHARGE,
    "charge.dispute": DISPUTE,
    "charge.refund": REFUND,
    "refund": REFUND,
    "invoice": INVOICE,
    "invoice_payment": {"id": "inpay_1", "invoice": "in_1A", "payment": {"payment_intent": "pi_3A"}},
}


def thing_of(name):
    return THINGS.get(name.rpartition(".")[0]) or THINGS[name.partition(".")[0]]


@pytest.mark.parametrize("name", TYPES)
def test_every_type_that_is_read_gives_a_report(name):
    """Of its own object, with a reference by which Stripe's dashboard finds the event."""
    result = read(event(name, thing_of(name), metadata={"order_id": "1001"}, amount_capturable=5))
    assert isinstance(result, Reading), result
    assert result.order.reference == f"stripe {name} evt_1A"
    assert result.order.at == AT


def test_a_repeat_of_an_event_is_the_same_report_and_copy():
    """Stripe signs each delivery anew and repeats for days; nothing of the delivery is in what is kept."""
    body = json.dumps(event("checkout.session.completed", SESSION)).encode()
    first = STRIPE.read(body, {"stripe-signature": "t=1,v1=a"}, OPTIONS, NOW_MS)
    assert first == STRIPE.read(body, {"stripe-signature": "t=2,v1=b"}, OPTIONS, NOW_MS + 3 * 86_400_000)


NAMES = sorted(
    {key for thing in THINGS.values() for key in thing} | {"charges", "refunds", "payment_details", "payment"}
)


@slow_law
@given(st.sampled_from(sorted(TYPES)), st.dictionaries(st.sampled_from(NAMES), json_values()), json_values())
def test_any_object_is_answered(name, changes, previous):
    """Whatever stands in the fields that are read, the answer is one of the three."""
    body = event(name, thing_of(name), previous=previous, **changes)
    assert isinstance(
        STRIPE.read(json.dumps(body, default=str).encode(), {}, OPTIONS, NOW_MS), Reading | Refusal | Ignored
    )


@slow_law
@given(
    st.binary(max_size=200),
    st.dictionaries(st.sampled_from(["id", "type", "created", "data", "livemode"]), json_values()),
)
def test_any_bytes_and_any_envelope_are_answered(raw, fields):
    """No bytes and no envelope make the reader raise."""
    assert isinstance(STRIPE.read(raw, {}, OPTIONS, NOW_MS), Refusal | Ignored)
    body = event("checkout.session.completed", SESSION) | fields
    assert isinstance(read(json.dumps(body, default=str).encode()), Reading | Refusal | Ignored)
