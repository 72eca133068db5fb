"""Intents, charges, refunds and disputes as facts of an order, in any order of arrival."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from stripe_bodies import AT, CHARGE, DISPUTE, INTENT, REFUND, SESSION, SHOP, event, read, reading

from twofold.ledger.model import Method, Paid, Payment, Refund, Sale, encode_report
from twofold.ledger.state import Fact, derive
from twofold.sources.contract import Ignored, SourceOptions

NAMED = {"metadata": {"order_id": "1001"}}


def test_an_intent_of_its_own_is_a_whole_order():
    """Where the shop names no order, the intent is it, and its amount is the total."""
    result = reading(event("payment_intent.succeeded", INTENT))
    snapshot = result.order.snapshot
    assert (result.kind, result.order.kind, result.order.order_id) == ("payment", "paid", "pi_3A")
    assert (snapshot.paid, snapshot.shop.total, snapshot.shop.currency) == (Paid.PAID, Decimal("32.40"), "EUR")
    assert snapshot.method is None  # card or klarna: the intent only lists what could be used
    assert result.copy.event_id == f"purchase.{SHOP}.pi_3A"
    assert result.copy.user_data["em"] == ["mary@example.com"]
    assert result.copy.user_data["ct"] == "New York"


@pytest.mark.parametrize(("name", "thing"), [("payment_intent.succeeded", INTENT), ("charge.succeeded", CHARGE)])
def test_the_buyers_currency_of_an_intent_and_a_charge(name, thing):
    """With Adaptive Pricing each object says what the buyer was shown; the shop's own currency stays beside it."""
    shown = {"presentment_amount": 35_000, "presentment_currency": "gel"}
    result = reading(event(name, thing, presentment_details=shown))
    snapshot = result.order.snapshot
    assert (snapshot.shop.currency, snapshot.shop.total) == ("EUR", Decimal("32.40"))
    assert (snapshot.presentment.currency, snapshot.presentment.total) == ("GEL", Decimal("350.00"))
    assert (result.copy.custom_data["value"], result.copy.custom_data["currency"]) == (Decimal("350.00"), "GEL")


def test_a_part_of_an_order_is_not_its_whole_in_any_currency():
    """Where the merchant says a larger total, what this one payment showed is not the order."""
    shown = {"presentment_amount": 35_000, "presentment_currency": "gel"}
    parts = {"order_id": "1001", "order_total": "99.50"}
    snapshot = reading(
        event("payment_intent.succeeded", INTENT, presentment_details=shown, metadata=parts)
    ).order.snapshot
    assert (snapshot.shop.total, snapshot.presentment) == (Decimal("99.50"), None)


def test_the_intent_and_its_charge_are_one_payment():
    """Both events tell of the same money, under the same id."""
    intent = reading(event("payment_intent.succeeded", INTENT)).order
    charge = reading(event("charge.succeeded", CHARGE)).order
    assert intent.payments[0].id == charge.payments[0].id == "pi_3A"
    assert intent.payments[0].amount == charge.payments[0].amount == Decimal("32.40")
    assert intent.order_id == charge.order_id
    alone = reading(event("charge.succeeded", CHARGE, payment_intent=None)).order
    assert (alone.order_id, alone.payments[0].id) == ("ch_3A", "ch_3A")


def test_payments_of_a_split_order_claim_no_total():
    """Two intents of one order are two payments of it, and neither says what the order costs."""
    first = reading(event("payment_intent.succeeded", INTENT, **NAMED))
    second = reading(event("payment_intent.succeeded", INTENT, id="pi_3B", amount_received=6000, **NAMED))
    for result in (first, second):
        assert result.order.order_id == "1001"
        assert result.order.snapshot.shop is None
        assert result.order.snapshot.paid is Paid.PAID
    assert [r.order.payments[0].id for r in (first, second)] == ["pi_3A", "pi_3B"]
    assert sum(r.order.payments[0].amount for r in (first, second)) == Decimal("92.40")


def test_payments_of_a_split_order_with_its_total_all_speak_of_the_same_purchase():
    """With order_total in the metadata every part has the whole value and none says that all is paid."""
    metadata = {"order_id": "1001", "order_total": "92.40"}
    for part in ({}, {"id": "pi_3B", "amount_received": 6000}):
        result = reading(event("payment_intent.succeeded", INTENT, metadata=metadata, **part))
        assert (result.order.snapshot.shop.total, result.order.snapshot.paid) == (Decimal("92.40"), None)
        assert result.copy.custom_data["value"] == Decimal("92.40")
        assert result.copy.event_id == f"purchase.{SHOP}.1001"
    whole = reading(event("payment_intent.succeeded", INTENT, metadata=metadata, amount_received=9240))
    assert whole.order.snapshot.paid is Paid.PAID


def test_a_payment_without_the_configured_order_id_makes_no_purchase():
    """Where every payment should name its order, one that does not belongs to a session that does."""
    options = SourceOptions(shop=SHOP, fields={"order_id": "shop_order"})
    result = reading(event("payment_intent.succeeded", INTENT, **NAMED), options)
    assert (result.order.order_id, result.copy) == ("pi_3A", None)
    assert "configured order id" in result.notes[0]


STATES = [
    # claim, type, object, changes, kind, paid, (payment id, kind, amount)
    ("reserved", "payment_intent.amount_capturable_updated", INTENT, {"amount_capturable": 3240}, "payment reserved",
     Paid.AUTHORISED, ("pi_3A:reserved", "authorisation", "32.40")),
    ("a charge that is only reserved", "charge.succeeded", CHARGE, {"captured": False, "amount_captured": 0},
     "payment reserved", Paid.AUTHORISED, ("pi_3A:reserved", "authorisation", "32.40")),
    ("captured", "charge.captured", CHARGE, {}, "payment", Paid.PAID, ("pi_3A", "sale", "32.40")),
    ("captured in part", "payment_intent.succeeded", INTENT, {"amount_received": 3000}, "payment", Paid.PAID,
     ("pi_3A", "sale", "30.00")),
    ("under way", "payment_intent.processing", INTENT, {"amount_received": 0}, "payment pending", Paid.UNPAID, None),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "name", "thing", "changes", "kind", "paid", "payment"), STATES,
                         ids=[row[0] for row in STATES])  # fmt: skip
def test_money_that_is_reserved_is_not_money_that_was_taken(claim, name, thing, changes, kind, paid, payment):
    """Each state has its own payment id, so that a capture stands beside its reservation."""
    result = reading(event(name, thing, **changes))
    assert (result.kind, result.order.snapshot.paid) == (kind, paid)
    got = [(p.id, p.kind, str(p.amount)) for p in result.order.payments]
    assert got == ([payment] if payment else [])


def test_a_declined_try_is_a_fact_and_no_state():
    """The buyer may try again; its id is never that of the success."""
    result = reading(
        event("payment_intent.payment_failed", INTENT, amount_received=0, status="requires_payment_method")
    )
    payment = result.order.payments[0]
    assert (result.kind, result.copy, result.order.snapshot) == ("payment failed", None, None)
    assert (payment.id, payment.state, payment.amount) == ("ch_3A", "failure", Decimal("32.40"))
    unknown = reading(event("payment_intent.payment_failed", INTENT, latest_charge=None)).order.payments[0]
    assert unknown.id != "pi_3A"
    assert reading(event("charge.failed", CHARGE, status="failed")).order.payments[0].id == "ch_3A"


def test_an_intent_that_was_given_up():
    """An order that the shop named, or for which money was tried, is void; a basket nobody paid is no order."""
    named = reading(event("payment_intent.canceled", INTENT, latest_charge=None, **NAMED))
    assert (named.order.snapshot.paid, named.copy) == (Paid.VOIDED, None)
    tried = reading(event("payment_intent.canceled", INTENT))
    assert tried.order.snapshot.paid is Paid.VOIDED
    assert isinstance(read(event("payment_intent.canceled", INTENT, latest_charge=None)), Ignored)


def refunds_of(body):
    return [(fact.id, str(fact.amount)) for fact in reading(body).order.refunds]


def test_a_charge_that_lists_its_refunds_gives_each_by_its_id():
    """As API versions before 2022-11-15 do; a failed one gave nothing back."""
    listed = {
        "has_more": False,
        "data": [
            {"id": "re_1", "amount": 1000, "status": "succeeded", "created": AT - 9, "reason": "duplicate"},
            {"id": "re_2", "amount": 240, "status": "pending", "created": AT, "reason": None},
            {"id": "re_0", "amount": 500, "status": "failed", "created": AT - 20},
        ],
    }
    report = reading(event("charge.refunded", CHARGE, amount_refunded=1240, refunds=listed)).order
    assert report.refunds == (
        Refund(id="re_1", amount=Decimal("10.00"), currency="EUR", at=AT - 9, reason="duplicate", payment="ch_3A"),
        Refund(id="re_2", amount=Decimal("2.40"), currency="EUR", at=AT, payment="ch_3A"),
    )
    assert (report.kind, report.order_id, report.snapshot) == ("refund", "pi_3A", None)


def test_steps_of_the_sum_add_up_to_it_in_any_order():
    """Without a list each event is worth what it added, so no arrival counts anything twice."""
    steps = [(0, 1000), (1000, 1240), (1240, 3240)]
    bodies = [
        event("charge.refunded", CHARGE, amount_refunded=to, previous={"amount_refunded": before})
        for before, to in steps
    ]
    facts = [fact for body in bodies for fact in refunds_of(body)]
    assert facts == [("ch_3A:1000", "10.00"), ("ch_3A:1240", "2.40"), ("ch_3A:3240", "20.00")]
    assert [fact for body in reversed(bodies) for fact in refunds_of(body)] == facts[::-1]
    assert refunds_of(bodies[0]) == refunds_of(bodies[0])
    assert sum(Decimal(amount) for _, amount in facts) == Decimal("32.40")


def test_a_list_that_is_not_whole_is_not_trusted():
    """Where the list stops short of the sum, the step counts."""
    short = {"has_more": True, "data": [{"id": "re_9", "amount": 240, "status": "succeeded", "created": AT}]}
    body = event("charge.refunded", CHARGE, amount_refunded=1240, refunds=short, previous={"amount_refunded": 1000})
    assert refunds_of(body) == [("ch_3A:1240", "2.40")]


# which of three events arrive: 10.00, then 12.40, then 32.40 given back in all -> what the ledger knows
ARRIVALS = [((0, 1, 2), "32.40"), ((1,), "12.40"), ((2,), "32.40"), ((0, 2), "32.40"), ((2, 0), "32.40"), ((1, 0), "12.40"),
            ((2, 1, 0, 2), "32.40")]  # fmt: skip


@pytest.mark.parametrize(("arrived", "refunded"), ARRIVALS)
def test_a_sum_holds_what_lost_events_would_have_said(arrived, refunded):
    """Whichever of the events come, and in whichever order, the latest sum is what was given back."""
    steps = [(0, 1000), (1000, 1240), (1240, 3240)]
    facts = []
    for number in arrived:
        before, to = steps[number]
        previous = {"amount_refunded": before}
        body = event("charge.refunded", CHARGE, at=AT + number, amount_refunded=to, previous=previous)
        facts.append(Fact("stripe:shop.example", reading(body).order))
    assert derive(facts).refunded == {"EUR": Decimal(refunded)}


def test_a_sum_and_single_refunds_of_a_charge_are_never_added():
    """A list that was whole at first and cut later tells of the same money as the sum that comes then; steps that an
    older version kept without their sum are held by it too."""
    listed = {"has_more": False, "data": [{"id": "re_1", "amount": 1000, "status": "succeeded", "created": AT}]}
    first = reading(event("charge.refunded", CHARGE, amount_refunded=1000, refunds=listed)).order
    sums = event("charge.refunded", CHARGE, at=AT + 9, amount_refunded=1240, previous={"amount_refunded": 1000})
    then = reading(sums).order
    old = msgspec.structs.replace(
        first, refunds=(Refund(id="ch_3A:1000", amount=Decimal("10.00"), currency="EUR", at=AT),)
    )
    for before in (first, old):
        facts = [Fact("stripe:shop.example", report) for report in (before, then)]
        assert derive(facts).refunded == {"EUR": Decimal("12.40")}


REFUND_STATES = [
    ("refund.created", "pending", "pending"),
    ("refund.created", "succeeded", "success"),
    ("refund.updated", "requires_action", "pending"),
    ("charge.refund.updated", "succeeded", "success"),
    ("refund.failed", "failed", "failure"),
    ("refund.updated", "canceled", "failure"),
]


@pytest.mark.parametrize(("name", "status", "state"), REFUND_STATES)
def test_a_refund_object_is_a_movement_with_its_state_and_no_second_refund(name, status, state):
    """The same money comes with charge.refunded; only that makes a refund fact, so it is never counted twice."""
    report = reading(event(name, REFUND, status=status)).order
    assert report.payments == (
        Payment(id="re_3A", kind="refund", amount=Decimal("10.00"), currency="EUR", state=state, at=AT),
    )
    assert report.refunds == ()
    assert report.order_id == "pi_3A"  # never what staff wrote into the refund's metadata
    assert set(report.aliases) == {"payment:pi_3A", "charge:ch_3A"}


DISPUTES = [
    ("charge.dispute.created", "needs_response", "pending"),
    ("charge.dispute.funds_withdrawn", "under_review", "pending"),
    ("charge.dispute.closed", "lost", "success"),
    ("charge.dispute.closed", "won", "failure"),
    ("charge.dispute.closed", "warning_closed", "failure"),
]


@pytest.mark.parametrize(("name", "status", "state"), DISPUTES)
def test_a_dispute_takes_the_money_when_it_is_lost(name, status, state):
    """One id from the first word to the last."""
    result = reading(event(name, DISPUTE, status=status))
    payment = result.order.payments[0]
    assert (result.kind, payment.id, payment.kind, payment.state) == ("dispute", "du_1A", "dispute", state)
    assert (result.copy, result.order.order_id) == (None, "pi_3A")


METHODS = [
    ({"type": "card", "card": {"wallet": None}}, Method.CARD, Sale.WEB, ("card",)),
    ({"type": "card", "card": {"wallet": {"type": "apple_pay"}}}, Method.WALLET, Sale.WEB, ("card", "apple_pay")),
    ({"type": "card_present", "card_present": {}}, Method.CARD, Sale.STORE, ("card_present",)),
    ({"type": "klarna", "klarna": {}}, Method.LATER, Sale.WEB, ("klarna",)),
    ({"type": "sepa_debit"}, Method.BANK_TRANSFER, Sale.WEB, ("sepa_debit",)),
    ({"type": "ideal"}, Method.OTHER, Sale.WEB, ("ideal",)),
    ({}, None, Sale.WEB, ()),
]


@pytest.mark.parametrize(("details", "method", "sale", "gateways"), METHODS)
def test_the_method_is_what_was_used(details, method, sale, gateways):
    """A terminal's payment is a sale in the shop."""
    snapshot = reading(event("charge.succeeded", CHARGE, payment_method_details=details)).order.snapshot
    assert (snapshot.method, snapshot.sale, snapshot.gateways) == (method, sale, gateways)


IN_ONE_SECOND = [
    ("payment_intent.processing", INTENT, {}),
    ("payment_intent.amount_capturable_updated", INTENT, {"amount_capturable": 3240}),
    ("checkout.session.completed", SESSION, {"payment_status": "unpaid"}),
    ("payment_intent.succeeded", INTENT, {}),
    ("payment_intent.canceled", INTENT, {}),
]


def test_inside_one_second_the_later_step_has_the_higher_version():
    """Stripe's times are whole seconds; what ends a payment is never undone by what began it beside it."""
    versions = [reading(event(n, t, **c)).order.snapshot.version for n, t, c in IN_ONE_SECOND]
    assert all(a < b for a, b in pairwise(versions))
    assert {version // 1000 for version in versions} == {AT}
    later = reading(event("payment_intent.processing", INTENT, at=AT + 1)).order.snapshot.version
    assert later > versions[-1]


def test_a_report_holds_no_contact_data():
    """What the ledger keeps names nobody."""
    bodies = [
        event("checkout.session.completed", SESSION),
        event("payment_intent.succeeded", INTENT),
        event("charge.succeeded", CHARGE),
    ]
    for body in bodies:
        kept = encode_report(reading(body).order).decode().lower()
        for secret in ("mary", "smith", "example.com", "650555", "angeles", "90001", "main st"):
            assert secret not in kept


@pytest.mark.parametrize(("name", "thing"), [("refund.created", REFUND), ("charge.dispute.created", DISPUTE)])
def test_a_test_refund_is_known_as_a_test(name, thing):
    """Even when it is the first that is heard of its order."""
    report = reading(event(name, thing, live=False)).order
    assert report.snapshot.test is True
    assert report.snapshot.version == 0
