"""Checkout sessions and invoices as orders. Expected values follow from the API reference, not from our output."""

from __future__ import annotations

from decimal import Decimal

import pytest
from stripe_bodies import AT, INTENT, INVOICE, NOW_MS, OPTIONS, SESSION, SHOP, event, read, reading

from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.event.model import Channel, Event, Tier
from twofold.ledger.model import Amounts, Method, Paid, Payment, Sale, decode_report, encode_report
from twofold.sources.contract import Ignored, SourceOptions

COMPLETED = "checkout.session.completed"


def test_a_paid_session_is_the_whole_order():
    """Amounts are exact and in major units; shipping is without its tax."""
    result = reading(event(COMPLETED, SESSION))
    report, snapshot = result.order, result.order.snapshot
    assert (result.kind, result.sender) == ("checkout paid", "stripe")
    assert (report.order_id, report.kind, report.at) == ("1001", "paid", AT)
    assert report.reference == f"stripe {COMPLETED} evt_1A"
    assert report.aliases == ("payment:pi_3A", "session:cs_live_a1")
    assert snapshot.shop == Amounts(
        currency="EUR",
        total=Decimal("32.40"),
        tax=Decimal("5.40"),
        shipping=Decimal("4.00"),
        shipping_tax=Decimal("0.80"),
        discount=Decimal("2.50"),
    )
    assert (snapshot.paid, snapshot.method, snapshot.gateways) == (Paid.PAID, Method.CARD, ("card",))
    assert (snapshot.sale, snapshot.test, snapshot.placed_at) == (Sale.WEB, False, AT)
    assert report.payments == (Payment(id="pi_3A", kind="sale", amount=Decimal("32.40"), currency="EUR", at=AT),)
    assert decode_report(encode_report(report)) == report


def test_a_paid_session_becomes_one_purchase_with_every_part():
    """What Stripe asks the buyer and what the shop put into metadata stand in the copy, contact data still plain."""
    raw = reading(event(COMPLETED, SESSION)).copy
    assert (raw.event_name, raw.event_time, raw.action_source) == ("Purchase", AT, "website")
    assert raw.event_id == f"purchase.{SHOP}.1001"
    assert raw.event_source_url == "https://shop.example/thanks"
    assert raw.custom_data == {"value": Decimal("32.40"), "currency": "EUR", "order_id": "1001"}
    assert raw.user_data == {
        "em": ["Mary@Example.com"],
        "ph": ["+16505551212"],
        "fn": "Mary",
        "ln": "Smith",
        "ct": "Los Angeles",
        "st": "CA",
        "zp": "90001",
        "country": "US",
        "external_id": "cus_A1",
        "fbp": "fb.1.1789992155109.1110590605",
        "fbc": "fb.1.1789992155109.IwAR0AbC",
    }
    assert raw.links == ["order:1001", "payment:pi_3A", "session:cs_live_a1"]
    assert raw.region == "US-CA"


def test_metadata_carries_what_a_browser_knows():
    """Names are those of the documentation, in any case and with or without an underscore."""
    metadata = {
        "Order_ID": "1001",
        "event_id": "p-77",
        "consent": "granted",
        "gclid": "Cj0_x",
        "client_ip_address": "203.0.113.9",
        "client_user_agent": "Mozilla/5.0",
        "external_id": "u-5",
        "landing_page": "https://shop.example/a?fbclid=IwAR9&ttclid=T1",
        "event_source_url": "https://shop.example/checkout?email=x%40y.example",
    }
    raw = reading(event(COMPLETED, SESSION, metadata=metadata)).copy
    assert (raw.event_id, raw.consent) == ("p-77", "granted")
    assert raw.click_ids == {"gclid": "Cj0_x", "ttclid": "T1"}
    assert raw.event_source_url == "https://shop.example/checkout"
    assert raw.user_data["external_id"] == "u-5"
    assert raw.user_data["client_ip_address"] == "203.0.113.9"
    assert raw.user_data["fbc"] == f"fb.1.{AT * 1000}.IwAR9"


ORDER_IDS = [
    # claim, changes, configured name, order id
    ("metadata", {}, "", "1001"),
    ("metadata before the reference", {"client_reference_id": "c-9"}, "", "1001"),
    ("the order's number", {"metadata": {"order_number": "2002"}}, "", "2002"),
    ("a configured name", {"metadata": {"order_id": "1001", "shop_order": "77"}}, "shop_order", "77"),
    ("the reference", {"metadata": {}, "client_reference_id": "c-9"}, "", "c-9"),
    ("the payment intent", {"metadata": {}}, "", "pi_3A"),
    ("an expanded payment intent", {"metadata": {}, "payment_intent": INTENT}, "", "pi_3A"),
    ("the session, where nothing was to pay", {"metadata": {}, "payment_intent": None}, "", "cs_live_a1"),
    ("the invoice of a subscription", {"metadata": {}, "mode": "subscription", "payment_intent": None,
                                       "invoice": "in_1A"}, "", "in_1A"),
    ("the intent, although it has an invoice too", {"metadata": {}, "invoice": "in_1A"}, "", "pi_3A"),
    ("never an address", {"metadata": {"order_id": "mary@example.com"}}, "", "pi_3A"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "changes", "name", "order_id"), ORDER_IDS, ids=[row[0] for row in ORDER_IDS])
def test_the_order_is_the_shops_own_or_what_all_objects_share(claim, changes, name, order_id):
    """The report and the copy speak of the same order, whatever it is called."""
    options = SourceOptions(shop=SHOP, fields={"order_id": name} if name else {})
    result = reading(event(COMPLETED, SESSION, **changes), options)
    assert result.order.order_id == order_id
    assert result.copy.custom_data["order_id"] == order_id


def test_session_and_intent_of_one_sale_name_each_other():
    """Without any metadata both are the order of the intent; with it they share its alias."""
    bare = reading(event(COMPLETED, SESSION, metadata={})).order
    intent = reading(event("payment_intent.succeeded", INTENT)).order
    assert bare.order_id == intent.order_id == "pi_3A"
    named = reading(event(COMPLETED, SESSION)).order
    assert "payment:pi_3A" in named.aliases
    assert "payment:pi_3A" in intent.aliases
    assert named.payments[0].id == intent.payments[0].id


STATES = [
    # claim, type, payment status, kind, paid, has a copy, payments
    ("paid", COMPLETED, "paid", "checkout paid", Paid.PAID, True, 1),
    ("nothing to pay", COMPLETED, "no_payment_required", "checkout paid", Paid.PAID, True, 1),
    ("a debit under way", COMPLETED, "unpaid", "checkout unpaid", Paid.UNPAID, True, 0),
    ("the debit came", "checkout.session.async_payment_succeeded", "paid", "checkout paid", Paid.PAID, True, 1),
    ("it did not", "checkout.session.async_payment_failed", "unpaid", "payment failed", Paid.VOIDED, False, 0),
]


@pytest.mark.parametrize(
    ("claim", "name", "status", "kind", "paid", "copied", "payments"), STATES, ids=[row[0] for row in STATES]
)
def test_a_session_says_whether_the_money_is_there(claim, name, status, kind, paid, copied, payments):
    """`complete` means that the buyer went through, not that the money came."""
    result = reading(event(name, SESSION, payment_status=status))
    assert (result.kind, result.order.snapshot.paid) == (kind, paid)
    assert (result.copy is not None, len(result.order.payments)) == (copied, payments)


def test_money_that_comes_days_later_does_not_move_the_order():
    """The purchase happened at the checkout; an event four days on is about its money."""
    later = event("checkout.session.async_payment_succeeded", SESSION, at=AT + 4 * 86_400)
    result = reading(later)
    assert result.order.snapshot.placed_at == AT - 300
    assert result.copy.event_time == AT - 300
    assert result.order.payments[0].at == AT + 4 * 86_400


def test_an_expired_session_is_no_order_unless_the_shop_has_one():
    """Nobody bought; an order that the shop made beforehand is given up."""
    assert isinstance(read(event("checkout.session.expired", SESSION, metadata={})), Ignored)
    result = reading(event("checkout.session.expired", SESSION, payment_status="unpaid"))
    assert (result.order.snapshot.paid, result.order.kind, result.copy) == (Paid.VOIDED, "cancelled", None)


def test_a_session_that_saves_a_card_sells_nothing():
    """mode=setup has no amount and is no order."""
    result = read(event(COMPLETED, SESSION, mode="setup", amount_total=None, payment_intent=None))
    assert (type(result), result.kind) == (Ignored, "card saved")


TOTALS = [
    # claim, metadata's order total, total, paid
    ("the same", "32.40", "32.40", Paid.PAID),
    ("a deposit of a larger order", "100.00", "100.00", None),
    ("not a number", "a lot", "32.40", Paid.PAID),
    ("nothing", "", "32.40", Paid.PAID),
]


@pytest.mark.parametrize(("claim", "stated", "total", "paid"), TOTALS, ids=[row[0] for row in TOTALS])
def test_the_merchants_word_on_the_orders_total_counts_more_than_the_session(claim, stated, total, paid):
    """A session that takes a part does not make the order cheaper, nor paid."""
    result = reading(event(COMPLETED, SESSION, metadata={"order_id": "1001", "order_total": stated}))
    snapshot = result.order.snapshot
    assert (snapshot.shop.total, snapshot.paid) == (Decimal(total), paid)
    assert result.copy.custom_data["value"] == Decimal(total)
    assert result.order.payments[0].amount == Decimal("32.40")
    assert (result.notes != ()) == (stated == "a lot")


CURRENCIES = [
    # currency, minor units, amount
    ("usd", 1999, "19.99"),
    ("jpy", 500, "500"),
    ("krw", 12_000, "12000"),
    ("mga", 500, "500"),
    ("kwd", 5120, "5.120"),
    ("tnd", 1, "0.001"),
    ("isk", 500, "5.00"),
    ("ugx", 500, "5.00"),
    ("huf", 1045, "10.45"),
    ("twd", 80_000, "800.00"),
    ("eur", 99_999_999, "999999.99"),
    ("eur", 0, "0.00"),
]


@pytest.mark.parametrize(("currency", "units", "amount"), CURRENCIES)
def test_minor_units_are_exact_in_every_currency(currency, units, amount):
    """By Stripe's page: yen have no decimals, dinars three, and the special cases two."""
    result = reading(event(COMPLETED, SESSION, currency=currency, amount_total=units))
    assert result.order.snapshot.shop.total == Decimal(amount)
    assert result.copy.custom_data["value"] == Decimal(amount)
    assert result.copy.custom_data["currency"] == currency.upper()


def test_the_buyers_own_currency_is_kept_beside_the_shops():
    """With Adaptive Pricing the ledger has both, in either form, and the purchase is what the buyer saw."""
    shown = {"presentment_amount": 35_000, "presentment_currency": "gel"}
    newer = reading(event(COMPLETED, SESSION, presentment_details=shown))
    older = reading(
        event(
            COMPLETED,
            SESSION,
            currency="gel",
            amount_total=35_000,
            currency_conversion={"amount_total": 3240, "amount_subtotal": 2500, "fx_rate": "2.9", "source_currency": "eur"},
        )
    )  # fmt: skip
    for result in (newer, older):
        snapshot = result.order.snapshot
        assert (snapshot.shop.currency, snapshot.shop.total) == ("EUR", Decimal("32.40"))
        assert (snapshot.presentment.currency, snapshot.presentment.total) == ("GEL", Decimal("350.00"))
        assert (result.copy.custom_data["value"], result.copy.custom_data["currency"]) == (Decimal("350.00"), "GEL")


def test_a_test_payment_is_a_test_and_never_touches_a_live_order():
    """A staging shop's order 1001 must not be the live one, and makes no purchase."""
    result = reading(event(COMPLETED, SESSION, live=False))
    assert result.order.snapshot.test is True
    assert result.order.order_id == "test.1001"
    assert result.copy is None
    assert not [alias for alias in result.order.aliases if alias.startswith("number:")]


INVOICES = [
    # reason, amount, kind, sale, has a copy
    ("subscription_create", 2400, "invoice paid", Sale.WEB, True),
    ("subscription_cycle", 2400, "renewal", Sale.RENEWAL, True),
    ("subscription_update", 2400, "renewal", Sale.RENEWAL, True),
    ("subscription_create", 0, "invoice paid", Sale.WEB, False),
    ("subscription_cycle", 0, "renewal", Sale.RENEWAL, False),
    ("manual", 2400, "invoice paid", Sale.WEB, False),
]


@pytest.mark.parametrize(("reason", "amount", "kind", "sale", "copied"), INVOICES)
def test_an_invoice_is_a_first_order_or_a_renewal(reason, amount, kind, sale, copied):
    """A renewal is nobody's visit; a trial that costs nothing is no purchase; staff's invoices make no copy."""
    result = reading(event("invoice.paid", INVOICE, billing_reason=reason, amount_paid=amount, total=amount))
    assert (result.kind, result.order.snapshot.sale, result.copy is not None) == (kind, sale, copied)
    assert (result.order.order_id, result.order.snapshot.paid) == ("in_1A", Paid.PAID)


def test_a_renewal_takes_nothing_from_the_first_order_but_the_person():
    """The subscription's metadata names the first order; each renewal is an order and an event of its own."""
    first = reading(event("invoice.paid", INVOICE)).copy
    renewal = reading(event("invoice.paid", INVOICE, id="in_2B", billing_reason="subscription_cycle")).copy
    assert first.event_id == "first-1"
    assert renewal.event_id == f"purchase.{SHOP}.in_2B"
    assert renewal.custom_data["order_id"] == "in_2B"
    assert renewal.action_source == "system_generated"
    assert first.user_data["fbp"] == renewal.user_data["fbp"]


def test_session_and_first_invoice_of_a_subscription_are_one_order():
    """Both are named by the invoice, so that there is one purchase."""
    session = reading(event(COMPLETED, SESSION, metadata={}, mode="subscription", payment_intent=None, invoice="in_1A"))
    invoice = reading(event("invoice.paid", INVOICE, parent=None))
    assert session.order.order_id == invoice.order.order_id == "in_1A"
    assert session.copy.event_id == invoice.copy.event_id


def test_a_trial_that_starts_is_no_purchase():
    """A subscription session of zero is paid, and nothing was bought."""
    result = reading(
        event(COMPLETED, SESSION, mode="subscription", amount_total=0, invoice="in_1A", payment_intent=None)
    )
    assert result.copy is None


LINKS = [
    # claim, type, object, changes
    ("the intent names its invoice", "payment_intent.succeeded", {"invoice": "in_1A"}),
    (
        "as newer versions do",
        "payment_intent.succeeded",
        {"invoice": ..., "payment_details": {"customer_reference": None, "order_reference": "in_1A"}},
    ),
]


@pytest.mark.parametrize(("claim", "name", "changes"), LINKS, ids=[row[0] for row in LINKS])
def test_an_invoices_payment_adds_money_and_no_second_order(claim, name, changes):
    """The invoice speaks for the order; its intent is a payment of it."""
    result = reading(event(name, INTENT, **changes))
    assert (result.order.order_id, result.copy, result.order.snapshot) == ("in_1A", None, None)
    assert result.order.payments[0].id == "pi_3A"


def test_an_invoice_payment_ties_the_two():
    """invoice_payment.paid names both the invoice and the intent."""
    thing = {
        "id": "inpay_1",
        "object": "invoice_payment",
        "amount_paid": 2400,
        "currency": "eur",
        "invoice": "in_1A",
        "payment": {"type": "payment_intent", "payment_intent": "pi_3A"},
        "status": "paid",
    }
    report = reading(event("invoice_payment.paid", thing)).order
    assert report.order_id == "in_1A"
    assert set(report.aliases) == {"invoice:in_1A", "payment:pi_3A"}


def test_a_subscriptions_payment_that_names_no_invoice_is_left_to_it():
    """Versions between two changes of the API name it nowhere; the invoice's own event still comes."""
    result = read(event("payment_intent.succeeded", INTENT, description="Subscription creation"))
    assert isinstance(result, Ignored)


def test_the_invoices_amounts():
    """Tax is what the invoice lists, and the total is the invoice's."""
    snapshot = reading(event("invoice.paid", INVOICE)).order.snapshot
    assert snapshot.shop == Amounts(currency="EUR", total=Decimal("24.00"), tax=Decimal("4.00"))
    older = event("invoice.payment_succeeded", INVOICE, total_taxes=..., tax=400, payment_intent="pi_9", paid=True)
    report = reading(older).order
    assert report.snapshot.shop.tax == Decimal("4.00")
    assert report.payments[0].id == "pi_9"


def test_options_may_be_empty():
    """A source that nobody configured further still reads."""
    assert reading(event(COMPLETED, SESSION), OPTIONS).order is not None


def test_the_collectors_steps_take_the_copy_as_it_is():
    """Every value has a form that the steps understand: nothing is refused, left out or warned about."""
    origin = Origin(dataset="1", channel=Channel.SERVER, sender="stripe", tier=Tier.T3, received_at=NOW_MS)
    taken = run(reading(event(COMPLETED, SESSION)).copy, origin)
    assert isinstance(taken, Event), taken
    assert taken.warnings == ()
    assert taken.user_data.em
    assert taken.custom_data.value == Decimal("32.40")
