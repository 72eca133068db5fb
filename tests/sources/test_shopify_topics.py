"""Every topic is read or left out by name, tests count for nothing, and no body of any topic raises."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shopify_bodies import (
    BODIES,
    DISPUTE,
    EDIT,
    FULFILLMENT,
    NOW_MS,
    ORDER,
    ORDER_ID,
    REDACT,
    REFUND,
    REQUEST,
    RETURN,
    RETURN_CLOSED,
    SCAN,
    SHOP,
    SHOP_REDACT,
    TENDER,
    TRANSACTION,
    changed,
    deliver,
)

from tests.strategies import law_of
from twofold.event.refusal import Refusal
from twofold.ledger.model import Parcel, ParcelState, Payment, Refund
from twofold.sources.contract import Ignored, PrivacyRequest, Reading

SCANNED_S = 1_790_056_800  # 2026-09-22 06:00:00 UTC

KINDS = [
    # topic, kind, the word in the order's history; None where the order learns nothing
    ("orders/create", "order placed", "placed"),
    ("orders/paid", "order paid", "paid"),
    ("orders/updated", "order updated", "updated"),
    ("orders/cancelled", "order cancelled", "cancelled"),
    ("orders/fulfilled", "order fulfilled", "fulfilled"),
    ("orders/partially_fulfilled", "order partly fulfilled", "part_fulfilled"),
    ("orders/edited", "order edited", "edited"),
    ("orders/delete", "order deleted", "deleted"),
    ("refunds/create", "refund", "refund"),
    ("order_transactions/create", "payment", "payment"),
    ("fulfillments/create", "parcel", "parcel"),
    ("fulfillments/update", "parcel", "parcel"),
    ("fulfillment_events/create", "parcel", "parcel"),
    ("returns/request", "return requested", "return_requested"),
    ("returns/approve", "return approved", "return_approved"),
    ("returns/decline", "return declined", "return_declined"),
    ("returns/close", "return closed", "return_closed"),
    ("returns/reopen", "return reopened", "return_reopened"),
    ("returns/cancel", "return cancelled", "return_cancelled"),
    ("returns/update", "return updated", "return_updated"),
    ("disputes/create", "dispute", "dispute"),
    ("disputes/update", "dispute", "dispute"),
    ("customers/redact", "privacy erase", None),
    ("customers/data_request", "privacy export", None),
    ("shop/redact", "privacy erase shop", None),
    ("checkouts/create", "checkout", None),
    ("checkouts/update", "checkout", None),
    ("carts/create", "cart", None),
    ("carts/update", "cart", None),
    ("draft_orders/create", "draft order", None),
    ("draft_orders/update", "draft order", None),
    ("tender_transactions/create", "tender", None),
    ("app/uninstalled", "app uninstalled", None),
]


def test_every_body_has_its_row():
    """No topic of the reference list is without an expectation here."""
    assert {row[0] for row in KINDS} == set(BODIES)


@pytest.mark.parametrize(("topic", "kind", "event"), KINDS)
def test_every_topic_is_classified(topic, kind, event):
    """Each topic has its own kind, and those that are about an order name it by its exact id."""
    result = deliver(topic, BODIES[topic])
    assert isinstance(result, Reading | Ignored), result
    assert result.kind == kind
    order = result.order if isinstance(result, Reading) else None
    assert (order and (order.kind, order.order_id)) == (event and (event, str(ORDER_ID)))
    assert isinstance(result, Reading) is (event is not None or kind.startswith("privacy"))


@pytest.mark.parametrize(("topic", "kind", "event"), KINDS)
def test_the_newer_header_names_say_the_same(topic, kind, event):
    """Deliveries of the newer event system write the headers without X-."""
    assert deliver("", BODIES[topic], {"shopify-topic": topic}) == deliver(topic, BODIES[topic])


UNNAMED = [
    (ORDER, "order updated"),
    (EDIT, "order edited"),
    (REFUND, "refund"),
    (TRANSACTION, "payment"),
    (FULFILLMENT, "parcel"),
    (SCAN, "parcel"),
    (RETURN, "return updated"),
    (DISPUTE, "dispute"),
    (REDACT, "privacy erase"),
    (REQUEST, "privacy export"),
    (SHOP_REDACT, "privacy erase shop"),
    (TENDER, "tender"),
    (BODIES["checkouts/create"], "checkout"),
    (BODIES["draft_orders/create"], "draft order"),
]


@pytest.mark.parametrize(("body", "kind"), UNNAMED)
def test_a_body_without_a_topic_tells_what_it_is(body, kind):
    """A lost header costs nothing where the body's own shape is plain."""
    assert deliver("", body).kind == kind


@pytest.mark.parametrize("topic", ["orders/delete", "customers/redact", "shop/redact", "refunds/create"])
@pytest.mark.parametrize("body", [ORDER, REFUND, TRANSACTION, SCAN, REQUEST, RETURN])
def test_a_captured_body_does_no_harm_under_another_topic(topic, body):
    """Topics are not signed: no other topic turns a body into a deletion, an erasure or a refund."""
    result = deliver(topic, body)
    own = deliver("", body)
    if result == own or (isinstance(result, Reading) and result.kind == own.kind):
        return
    assert isinstance(result, Ignored) or not (result.order and result.order.deleted)
    assert isinstance(result, Ignored) or not (result.privacy and result.privacy.kind.startswith("erase"))


def test_a_deletion_names_the_order_and_nothing_else():
    """Since 2024 a deletion is an id alone."""
    result = deliver("orders/delete", {"id": ORDER_ID}, {"x-shopify-triggered-at": "2026-09-22T06:00:00Z"})
    assert (result.order.deleted, result.order.snapshot, result.order.at) == (True, None, SCANNED_S)


OTHERS = [
    ("products/update", "product"),
    ("customers/update", "customer"),
    ("inventory_levels/update", "stock"),
    ("subscription_contracts/create", "subscription"),
    ("orders/risk_assessment_changed", "order notice"),
    ("nobody/knows", "other topic"),
    ("x" * 500, "other topic"),
]


@pytest.mark.parametrize(("topic", "kind"), OTHERS)
@pytest.mark.parametrize("body", [{}, ORDER, b"not json"])
def test_topics_that_are_not_kept_are_answered_unread(topic, kind, body):
    """Whatever is subscribed by mistake is answered with success, by a closed list of kinds and a reason."""
    result = deliver(topic, body)
    assert isinstance(result, Ignored)
    assert (result.kind, bool(result.reason)) == (kind, True)


TESTS = [topic for topic, _, event in KINDS if event and BODIES[topic] is not ORDER]


@pytest.mark.parametrize("topic", TESTS)
def test_a_test_notification_leaves_no_trace_in_the_ledger(topic):
    """A notification sent by hand, or one about the order of all test notifications, changes no order."""
    marked = deliver(topic, BODIES[topic], {"x-shopify-test": "true"})
    assert isinstance(marked, Ignored)
    assert marked.kind == deliver(topic, BODIES[topic]).kind
    for number in ("820982911946154508", "820982911946154500"):
        body = json.loads(json.dumps(BODIES[topic]).replace(str(ORDER_ID), number))
        assert isinstance(deliver(topic, body), Ignored)


def test_a_test_notification_is_no_error_where_its_money_has_no_currency():
    """The refund that Shopify's test button makes up has transactions without a currency."""
    given = [{"id": 1, "kind": "refund", "status": "success", "amount": "75.00", "currency": None}]
    body = changed(REFUND, order_id=820982911946154508, transactions=given)
    assert isinstance(deliver("refunds/create", body), Ignored)
    assert isinstance(deliver("refunds/create", changed(REFUND, transactions=given)), Refusal)


# -- money that moved


def test_a_refund_is_the_money_that_went_back():
    """Only what succeeded counts; what is pending comes again with the order."""
    order = deliver("refunds/create", REFUND).order
    assert order.refunds == (Refund(id="502", amount=Decimal("18.00"), currency="EUR", at=1_790_071_205),)
    assert order.at == 1_790_071_205


def test_a_refund_without_money_is_told_without_an_amount():
    """Lines taken back from an unpaid order, or a parcel refused at the door, give nobody money."""
    result = deliver("refunds/create", changed(REFUND, transactions=[], processed_at=None, created_at=None))
    assert (result.order.refunds, result.order.at) == ((), NOW_MS // 1000)
    assert result.notes


PAYMENTS = [
    # kind, status, our kind and state; None where no money moves
    ("sale", "success", ("sale", "success")),
    ("authorization", "success", ("authorisation", "success")),
    ("emv_authorization", "success", ("authorisation", "success")),
    ("capture", "pending", ("capture", "pending")),
    ("refund", "failure", ("refund", "failure")),
    ("void", "error", ("void", "failure")),
    ("SALE", "AWAITING_RESPONSE", ("sale", "pending")),
    ("change", "success", None),
    ("suggested_refund", "success", None),
    ("something", "success", None),
]


@pytest.mark.parametrize(("kind", "status", "ours"), PAYMENTS)
def test_transactions_are_payments(kind, status, ours):
    """The kinds that move money have a word each, the others are left out with a reason."""
    result = deliver("order_transactions/create", changed(TRANSACTION, kind=kind, status=status))
    if ours is None:
        assert isinstance(result, Ignored)
        return
    assert result.order.payments == (
        Payment(
            id="601",
            kind=ours[0],
            amount=Decimal("93.00"),
            currency="EUR",
            state=ours[1],
            at=1_790_000_002,
            gateway="shopify_payments",
        ),
    )


DISPUTES = [("needs_response", "pending"), ("won", "failure"), ("lost", "success"), ("accepted", "success")]


@pytest.mark.parametrize(("status", "state"), DISPUTES)
def test_a_dispute_is_money_that_may_be_taken_back(status, state):
    """An open dispute is pending, a lost one took the money, a won one did not."""
    payment = deliver("disputes/update", changed(DISPUTE, status=status)).order.payments[0]
    assert (payment.id, payment.kind, payment.state) == ("dispute.901", "dispute", state)


NO_MONEY = [
    ("order_transactions/create", changed(TRANSACTION, test=True)),
    ("order_transactions/create", changed(TRANSACTION, order_id=None)),
    ("disputes/create", changed(DISPUTE, order_id=None)),
    ("fulfillments/create", changed(FULFILLMENT, status="error")),
    ("fulfillment_events/create", changed(SCAN, status="abducted")),
    ("returns/update", {"admin_graphql_api_id": "gid://shopify/Return/801", "return_line_items": {"removals": []}}),
]


@pytest.mark.parametrize(("topic", "body"), NO_MONEY)
def test_what_says_nothing_about_an_order_is_left_out(topic, body):
    """Payments of a test gateway or of no order, and fulfilments without a parcel, change nothing."""
    assert isinstance(deliver(topic, body), Ignored)


WRONG = [
    ("refunds/create", changed(REFUND, order_id="x"), "order_id"),
    ("refunds/create", changed(REFUND, id=1.5), "id"),
    ("order_transactions/create", changed(TRANSACTION, amount="-93.00"), "amount"),
    ("order_transactions/create", changed(TRANSACTION, amount=None), "amount"),
    ("order_transactions/create", changed(TRANSACTION, currency=None), "currency"),
    ("disputes/create", changed(DISPUTE, amount="all"), "amount"),
    ("fulfillments/create", changed(FULFILLMENT, order_id=None), "order_id"),
    ("fulfillment_events/create", changed(SCAN, fulfillment_id=None), "fulfillment_id"),
    ("orders/delete", {"id": "all"}, "id"),
    ("orders/edited", {"order_edit": {"order_id": None}}, "order_edit.order_id"),
    ("returns/approve", changed(RETURN, order={}), "order.id"),
    ("returns/close", changed(RETURN_CLOSED, order_id=[1]), "order_id"),
]


@pytest.mark.parametrize(("topic", "body", "path"), WRONG)
def test_a_wrong_id_or_amount_is_refused_with_its_path(topic, body, path):
    """Facts about money hang on exact ids and amounts."""
    result = deliver(topic, body)
    assert isinstance(result, Refusal)
    assert result.path == path


# -- parcels

SCANS = [
    ("label_purchased", ParcelState.CREATED),
    ("label_printed", ParcelState.CREATED),
    ("confirmed", ParcelState.CREATED),
    ("carrier_picked_up", ParcelState.IN_TRANSIT),
    ("in_transit", ParcelState.IN_TRANSIT),
    ("delayed", ParcelState.IN_TRANSIT),
    ("out_for_delivery", ParcelState.OUT),
    ("ready_for_pickup", ParcelState.WAITING),
    ("attempted_delivery", ParcelState.FAILED),
    ("failure", ParcelState.FAILED),
    ("returning_to_sender", ParcelState.RETURNING),
    ("delivered", ParcelState.DELIVERED),
    ("DELIVERED", ParcelState.DELIVERED),
    ("picked_up", ParcelState.DELIVERED),
]


@pytest.mark.parametrize(("status", "state"), SCANS)
def test_a_scan_and_a_fulfilment_name_the_same_parcel(status, state):
    """Both topics tell of one parcel by the fulfilment's id, with the time of the scan or of the last change."""
    scan = deliver("fulfillment_events/create", changed(SCAN, status=status)).order
    assert scan.parcels == (Parcel(id="702", state=state, at=SCANNED_S),)
    whole = deliver("fulfillments/update", changed(FULFILLMENT, shipment_status=status)).order
    assert whole.parcels == (Parcel(id="702", state=state, at=1_790_024_400),)


def test_a_cancelled_fulfilment_is_a_cancelled_parcel():
    """Whatever its last scan was."""
    body = changed(FULFILLMENT, status="cancelled", shipment_status="in_transit")
    assert deliver("fulfillments/update", body).order.parcels[0].state is ParcelState.CANCELLED


def test_a_fulfilment_without_a_scan_is_a_parcel_that_was_made():
    """`success` means that the warehouse has packed it, not that anybody carries it."""
    assert deliver("fulfillments/create", FULFILLMENT).order.parcels[0].state is ParcelState.CREATED


# -- privacy


def test_an_erasure_names_the_person_and_the_orders():
    """All that identifies the person, ids with every digit."""
    assert deliver("customers/redact", REDACT).privacy == PrivacyRequest(
        kind="erase",
        emails=("nino@example.com",),
        phones=("+995555123456",),
        external_ids=("7",),
        order_ids=(str(ORDER_ID), "5"),
    )


def test_a_request_for_a_copy_is_not_an_erasure():
    """It names the same person, and even under the topic of an erasure it stays a request for a copy."""
    assert deliver("customers/data_request", REQUEST).privacy.kind == "export"
    assert isinstance(deliver("customers/redact", REQUEST), Ignored)


def test_a_customer_known_by_address_alone_is_named_by_it():
    """Shopify writes that a customer record may hold no more than the e-mail."""
    body = changed(REDACT, customer={"email": "nino@example.com"}, orders_to_redact=[])
    found = deliver("customers/redact", body).privacy
    assert (found.emails, found.external_ids, found.order_ids) == (("nino@example.com",), (), ())


def test_a_request_that_names_nobody_erases_nobody():
    """An empty customer is no reason to do anything."""
    assert isinstance(deliver("customers/redact", changed(REDACT, customer={}, orders_to_redact=[])), Ignored)


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request", "shop/redact"])
def test_a_request_for_another_shop_of_the_same_app_is_not_ours(topic):
    """One app's secret signs for every shop it is installed in; the body says which shop is meant."""
    body = changed(BODIES[topic], shop_domain="other.myshopify.com")
    assert isinstance(deliver(topic, body), Ignored)
    assert isinstance(deliver(topic, changed(BODIES[topic], shop_domain=SHOP.upper())), Reading)
    assert isinstance(deliver(topic, BODIES[topic], shop=SHOP.upper()), Reading)
    assert isinstance(deliver(topic, body, shop="www.shop.example"), Reading)  # not to be told apart by name


# -- anything

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["1.00", "EUR", "2026-09-22T06:00:00Z", "0001-01-01T00:00:00+14:00", "gid://shopify/Order/1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def paths(value, path=()):
    """Every place inside a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


def placed(body, path, value):
    """The body with the value at that place."""
    if not path:
        return value
    inner = json.loads(json.dumps(body))
    at = inner
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return inner


PLACES = [(topic, path) for topic in ("orders/updated", *TESTS) for path in paths(BODIES[topic])]


@given(place=st.sampled_from(PLACES), value=VALUES, test=st.booleans())
@law_of(600)
def test_any_json_at_any_place_of_any_topic_is_answered(place, value, test):
    """Whatever stands where, the answer is a reading, a refusal or an ignoring; what the ledger gets can be kept."""
    from twofold.ledger.model import decode_report, encode_report

    topic, path = place
    result = deliver(topic, placed(BODIES[topic], path, value), {"x-shopify-test": "true"} if test else None)
    assert isinstance(result, Reading | Refusal | Ignored)
    if isinstance(result, Reading) and result.order:
        assert decode_report(encode_report(result.order)) == result.order


@given(topic=st.sampled_from(sorted(BODIES)), body=st.binary(max_size=60))
def test_any_bytes_under_any_topic_are_answered(topic, body):
    """No bytes raise, and none of them are a fact."""
    assert isinstance(deliver(topic, body), Refusal | Ignored)


@given(
    names=st.dictionaries(
        st.sampled_from(
            [f"{x}shopify-{n}" for x in ("", "x-") for n in ("topic", "test", "webhook-id", "triggered-at")]
        ),
        st.text(max_size=30),
    )
)
@law_of(200)
def test_any_header_values_are_answered(names):
    """Headers come from anywhere and are no more than hints."""
    assert isinstance(deliver("", ORDER, names), Reading | Refusal | Ignored)
