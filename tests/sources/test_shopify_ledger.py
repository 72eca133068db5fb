"""What an order body tells the ledger: money in both currencies to the minor unit, state, place of sale, refunds,
parcels. Expected values are added up by hand in `shopify_bodies`."""

from __future__ import annotations

from decimal import Decimal

import pytest
from shopify_bodies import ORDER, ORDER_ID, changed, deliver

from twofold.event.refusal import Refusal
from twofold.ledger.model import (
    Amounts,
    Line,
    Paid,
    Parcel,
    ParcelState,
    Refund,
    Sale,
    decode_report,
    encode_report,
)
from twofold.sources.contract import Reading

CREATED_S = 1_790_000_000  # 2026-09-21 14:13:20 UTC
UPDATED_S = 1_790_067_600  # 2026-09-22 09:00:00 UTC


def report(body=ORDER, topic="orders/updated", headers=None):
    result = deliver(topic, body, headers)
    assert isinstance(result, Reading), result
    return result.order


def state(**changes):
    return report(changed(ORDER, **changes)).snapshot


def test_an_order_after_a_partial_refund_is_told_as_it_stands_now():
    """The live amounts are taken in both currencies, the parts are contained in the total, gone lines are gone."""
    told = report()
    assert told.order_id == str(ORDER_ID)
    snapshot = told.snapshot
    assert snapshot.version == UPDATED_S * 1000
    assert snapshot.placed_at == CREATED_S - 1
    assert snapshot.shop == Amounts(
        currency="EUR",
        total=Decimal("75.00"),
        tax=Decimal("5.50"),
        shipping=Decimal("5.00"),
        shipping_tax=Decimal("0.80"),
        tip=Decimal("2.00"),
        gift_cards=Decimal("50.00"),
        discount=Decimal("3.00"),
        tax_included=True,
        after_refunds=True,
    )
    assert snapshot.presentment == Amounts(
        currency="GEL",
        total=Decimal("225.00"),
        tax=Decimal("16.50"),
        shipping=Decimal("15.00"),
        shipping_tax=Decimal("2.40"),
        gift_cards=Decimal("150.00"),
        discount=Decimal("9.00"),
        tax_included=True,
        after_refunds=True,
    )
    assert snapshot.lines == (
        Line(
            id="111",
            sku="MUG",
            quantity=1,
            price=Decimal("20.00"),
            shown_price=Decimal("60.00"),
            discount=Decimal("4.00"),
        ),
        Line(id="120", quantity=1, price=Decimal("50.00"), shown_price=Decimal("150.00"), gift_card=True),
    )
    assert snapshot.gateways == ("Cash on Delivery (COD)", "gift_card")
    assert (snapshot.paid, snapshot.sale, snapshot.test) == (Paid.PART_REFUNDED, Sale.WEB, False)
    assert snapshot.confirmed is None  # Shopify's `confirmed` is about stock
    assert snapshot.tags == ("vip", "gift")
    assert told.refunds == (Refund(id="501", amount=Decimal("54.00"), currency="GEL", at=UPDATED_S - 60),)
    assert told.parcels == (Parcel(id="701", state=ParcelState.DELIVERED, at=UPDATED_S - 7200),)


def test_a_report_survives_being_kept():
    """What the ledger writes down is read back equal, amounts with their digits."""
    told = report()
    assert decode_report(encode_report(told)) == told


def test_a_report_holds_no_contact_data():
    """Neither e-mail, name, address, nor the staff's free text stands in what the ledger keeps."""
    kept = encode_report(report()).decode()
    for private in ("nino", "Nino", "Beridze", "Tbilisi", "0102", "203.0.113.9", "Mozilla"):
        assert private not in kept


def test_the_amounts_before_refunds_are_marked_as_such():
    """Without live amounts the total still contains what was given back, and says so."""
    old = {key: ... for key in ORDER if key.startswith("current_")}
    amounts = state(**old).shop
    assert (amounts.total, amounts.tax, amounts.discount) == (Decimal("93.00"), Decimal("8.80"), Decimal("5.00"))
    assert amounts.after_refunds is False


ALIASES = [
    # claim, changes, aliases
    (
        "number, name, checkout and cart",
        {},
        (
            "number:1001",
            "name:1001",
            "checkout:bd5a8aa1ecd019dd3520ff791ee3a24c",
            "cart:c1-0123456789abcdef0123456789abcdef",
        ),
    ),
    ("a name with a prefix", {"name": "#DE-1001-A", "checkout_token": None, "cart_token": None},
     ("number:1001", "name:DE-1001-A")),
    ("a cart token without its key", {"name": None, "order_number": None, "checkout_token": None,
                                      "cart_token": "Z2NwLXVzOjAx?key=secret"}, ("cart:Z2NwLXVzOjAx",)),
    ("a name that holds an address", {"name": "nino@example.com", "order_number": None, "checkout_token": None,
                                      "cart_token": None}, ()),
    ("a name with a space", {"name": "# 1 001", "order_number": 5, "checkout_token": None, "cart_token": None},
     ("number:5",)),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "changes", "aliases"), ALIASES, ids=[row[0] for row in ALIASES])
def test_other_names_of_the_order(claim, changes, aliases):
    """The names by which a browser or another sender may know the order, without '#' and without a token's key; the
    Purchase copy is bound to the same names and to the order's id."""
    result = deliver("orders/updated", changed(ORDER, **changes))
    assert result.order.aliases == aliases
    assert tuple(result.copy.links) == (f"order:{ORDER_ID}", *aliases)


PAID = [
    ("pending", Paid.UNPAID),
    ("authorized", Paid.AUTHORISED),
    ("partially_paid", Paid.PART),
    ("paid", Paid.PAID),
    ("PAID", Paid.PAID),
    ("partially_refunded", Paid.PART_REFUNDED),
    ("refunded", Paid.REFUNDED),
    ("voided", Paid.VOIDED),
    ("EXPIRED", Paid.VOIDED),
    (None, None),
    ("something new", None),
]


@pytest.mark.parametrize(("status", "paid"), PAID)
def test_every_payment_state_has_a_word(status, paid):
    """Shopify's words in either case; nothing said and a new word are not taken for paid or unpaid."""
    assert state(financial_status=status).paid is paid


SALES = [
    # source_name, tags, browser_ip, sale
    ("web", "", "203.0.113.9", Sale.WEB),
    (None, "", None, Sale.WEB),
    ("pos", "", None, Sale.STORE),
    ("iphone", "", None, Sale.STORE),
    ("android", "", None, Sale.STORE),
    ("shopify_draft_order", "", None, Sale.STAFF),
    ("580111", "", None, Sale.WEB),
    ("3456789", "", "203.0.113.9", Sale.WEB),
    ("3456789", "", None, Sale.API),
    ("subscription_contract", "", None, Sale.RENEWAL),
    ("subscription_contract_checkout_one", "", None, Sale.RENEWAL),
    ("subscription_contract", "Subscription, Subscription First Order", "203.0.113.9", Sale.WEB),
    ("web", "Subscription First Order", "203.0.113.9", Sale.WEB),
    ("294517", "Subscription Recurring Order", None, Sale.RENEWAL),
    ("web", "Firmhouse-First-Recurring-Order", None, Sale.RENEWAL),
    ("web", "appstle_subscription_recurring_order", None, Sale.RENEWAL),
]


@pytest.mark.parametrize(("source_name", "tags", "address", "sale"), SALES)
def test_the_place_of_sale(source_name, tags, address, sale):
    """Shopify's own channels by name, renewals by channel or by the tags of subscription apps, other apps by whether
    a browser was there."""
    client = {"browser_ip": address} if address else None
    found = state(source_name=source_name, tags=tags, browser_ip=address, client_details=client)
    assert found.sale is sale


SHIPPING = [
    # claim, changes, shipping in EUR
    ("the live amount where there is one", {"current_shipping_price_set": {"shop_money": {"amount": "1.50"}}}, "1.50"),
    ("lines less their discounts, removed ones left out", {}, "5.00"),
    ("free by a code", {"shipping_lines": [{"price": "6.00", "discount_allocations": [{"amount": "6.00"}]}]}, "0.00"),
    ("the amount before discounts as the last resort", {"shipping_lines": []}, "6.00"),
]


@pytest.mark.parametrize(("claim", "changes", "shipping"), SHIPPING, ids=[row[0] for row in SHIPPING])
def test_shipping_is_what_was_paid_for_it(claim, changes, shipping):
    """Shipping is contained in the total, so it is taken with its discounts off."""
    assert state(**changes).shop.shipping == Decimal(shipping)


def test_the_buyers_currency_may_stand_in_one_of_the_totals_only():
    """Whichever of the two totals has it; the amount beside it is never the shop's."""
    for left in ("total_price_set", "current_total_price_set"):
        other = {"total_price_set", "current_total_price_set"} - {left}
        body = changed(ORDER, **{name: {"shop_money": ORDER[name]["shop_money"]} for name in other})
        result = deliver("orders/updated", body)
        assert result.order.snapshot.presentment.currency == "GEL"
        assert result.copy.custom_data["currency"] == "GEL"
        amounts = {Decimal(ORDER[name]["presentment_money"]["amount"]) for name in (left, *other)}
        assert result.copy.custom_data["value"] in amounts


def test_one_currency_is_told_once():
    """Where the buyer saw the shop's currency there is no second set of amounts."""
    assert state(presentment_currency="EUR").presentment is None


def test_a_cancelled_order_says_when_and_why():
    """A cancellation carries its own time and reason and no copy."""
    body = changed(ORDER, cancelled_at="2026-09-22T08:00:00Z", cancel_reason="fraud", financial_status="refunded")
    result = deliver("orders/cancelled", body)
    assert (result.kind, result.order.kind, result.copy) == ("order cancelled", "cancelled", None)
    # The report's own time is the version's, whatever the topic, which nobody signed; the snapshot says when.
    assert (result.order.at, result.order.snapshot.cancelled_at) == (UPDATED_S, UPDATED_S - 3600)
    assert result.order.snapshot.cancel_reason == "fraud"


def test_the_version_is_the_bodys_own_time():
    """No header moves a state forward or back: the version is `updated_at`, whatever a retry says about itself."""
    late = {"x-shopify-triggered-at": "2030-01-01T00:00:00Z", "x-shopify-event-id": "x"}
    assert report(headers=late) == report()


def test_the_reference_is_topic_and_delivery():
    """A report can be looked up again; what is no delivery id is not written down."""
    assert report(headers={"x-shopify-webhook-id": "8a95126f-859a"}).reference == "orders/updated 8a95126f-859a"
    assert report(headers={"shopify-webhook-id": "nino@example.com"}).reference == "orders/updated"


MONEY_FAULTS = [
    ("current_total_price", "seventy", "current_total_price"),
    ("refunds", [{"id": 1, "transactions": [{"amount": "x"}]}], "refunds[0].transactions[0].amount"),
    ("refunds", [{"id": "one"}], "refunds[0].id"),
    ("fulfillments", [{"id": None}], "fulfillments[0].id"),
]


@pytest.mark.parametrize(("field", "value", "path"), MONEY_FAULTS)
def test_money_and_ids_that_cannot_be_read_are_refused_with_their_path(field, value, path):
    """An amount or an id is never guessed and never left out in silence."""
    result = deliver("orders/updated", changed(ORDER, **{field: value}))
    assert isinstance(result, Refusal)
    assert result.path == path


FIGURES = [
    # field, value, what the note names, figure of the shop's amounts, what it is then
    ("current_total_tax", {"a": 1}, "current_total_tax", "tax", Decimal("5.50")),  # the pair beside it says it too
    ("total_tip_received", [], "total_tip_received", "tip", None),
    ("current_total_discounts", "-1", "current_total_discounts", "total", Decimal("75.00")),
    ("current_shipping_price_set", {"shop_money": {"amount": "free"}}, "current_shipping_price_set.shop_money.amount",
     "total", Decimal("75.00")),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "named", "figure", "then"), FIGURES)
def test_an_order_is_not_lost_for_a_figure_beside_its_total(field, value, named, figure, then):
    """Tax, tip, shipping or a discount that cannot be read is not known, and a note says so; total and order stay."""
    result = deliver("orders/updated", changed(ORDER, **{field: value}))
    assert getattr(result.order.snapshot.shop, figure) == then
    assert any(note.startswith(f"{named} ") for note in result.notes)


def test_a_sum_of_which_one_part_cannot_be_read_is_not_known():
    """The others' sum would be told as the whole: a line's discounts, the tax on shipping."""
    lines = [{"variant_id": 1, "quantity": 1, "price": "9.00", "total_discount": "0.00",
              "discount_allocations": [{"amount": "1.00"}, {"amount": "1,00"}]}]  # fmt: skip
    shipping = [{"price": "5.00", "tax_lines": [{"price": "0.40"}, {"price": "?"}]}]
    snapshot = report(changed(ORDER, line_items=lines, shipping_lines=shipping)).snapshot
    assert (snapshot.lines[0].price, snapshot.lines[0].discount) == (Decimal("9.00"), None)
    assert snapshot.shop.shipping_tax is None


def test_an_id_that_javascript_rounded_is_taken_from_the_gid():
    """A relay that parses numbers as floats turns …993 into …992; the gid beside it still has every digit."""
    assert report(changed(ORDER, id=ORDER_ID - 1)).order_id == str(ORDER_ID)
    other = changed(ORDER, id=77)
    assert report(other).order_id == "77"
