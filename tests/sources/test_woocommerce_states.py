"""WooCommerce orders as snapshots: status and method to payment, money, refunds, origin. The expected values follow from
WooCommerce's gateways and data types, not from our output."""

from __future__ import annotations

from decimal import Decimal
from hashlib import md5, sha256

import pytest
from woocommerce_bodies import NOW_MS, ORDER, PLACED, SHOP, UPDATED, order, read, reading, with_meta

from twofold.event.refusal import DropReason, Refusal
from twofold.ledger.model import Amounts, Line, Method, Paid, Sale, decode_report, encode_report
from twofold.sources.contract import SourceOptions

UNPAID = {"date_paid": None, "date_paid_gmt": None, "transaction_id": ""}
COD = {"payment_method": "cod", "payment_method_title": "Cash on delivery"}
BACS = {"payment_method": "bacs", "payment_method_title": "Bank transfer"}
OTHER = {"payment_method": "acme_pay", "payment_method_title": "Acme"}
STAMPED = {"transaction_id": ""}  # a date_paid, no transaction


STATES = [
    # claim, changes, paid, confirmed, cancelled
    ("a buyer who is still at the payment", {"status": "pending"} | UNPAID, Paid.UNPAID, None, False),
    ("a card that was charged", {"status": "processing"}, Paid.PAID, True, False),
    ("an order that is done", {"status": "completed"}, Paid.PAID, True, False),
    ("cash on delivery, placed", {"status": "processing"} | COD | UNPAID, Paid.UNPAID, None, False),
    ("cash on delivery, stamped as paid by a plugin", {"status": "processing"} | COD | STAMPED, Paid.UNPAID, None, False),
    ("cash on delivery of downloads", {"status": "on-hold"} | COD | UNPAID, Paid.UNPAID, None, False),
    ("cash that was taken", {"status": "completed"} | COD | STAMPED, Paid.PAID, True, False),
    ("a wire that is awaited", {"status": "on-hold"} | BACS | UNPAID, Paid.UNPAID, None, False),
    ("a wire that came", {"status": "processing"} | BACS | STAMPED, Paid.PAID, True, False),
    ("a status without any word of money", {"status": "processing"} | OTHER | UNPAID, None, True, False),
    ("an order that costs nothing", {"status": "processing", "total": "0.00"} | UNPAID, Paid.PAID, True, False),
    ("given up before payment", {"status": "cancelled"} | UNPAID, Paid.VOIDED, None, True),
    ("cancelled after payment", {"status": "cancelled"}, Paid.PAID, None, True),
    ("cash on delivery, cancelled", {"status": "cancelled"} | COD | STAMPED, Paid.VOIDED, None, True),
    ("all given back", {"status": "refunded"}, Paid.REFUNDED, None, False),
    ("a declined card", {"status": "failed"} | UNPAID, Paid.VOIDED, None, False),
    ("a status with its prefix", {"status": "wc-completed"}, Paid.PAID, True, False),
    ("a status of the shop's own, with money", {"status": "packing"}, Paid.PAID, None, False),
    ("a status of the shop's own, without", {"status": "packing"} | UNPAID, None, None, False),
    (
        "a card that was only reserved",
        {"status": "on-hold", "meta_data": with_meta(_stripe_charge_captured="no")},
        Paid.AUTHORISED,
        None,
        False,
    ),
    (
        "reserved by WooPayments",
        {"status": "on-hold", "meta_data": with_meta(_intention_status="requires_capture")},
        Paid.AUTHORISED,
        None,
        False,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "changes", "paid", "confirmed", "cancelled"), STATES, ids=[r[0] for r in STATES])
def test_status_and_method_together_say_what_was_paid(claim, changes, paid, confirmed, cancelled):
    """The same status means money for one method and none for another."""
    snapshot = reading(order(**changes)).order.snapshot
    assert (snapshot.paid, snapshot.confirmed) == (paid, confirmed)
    assert (snapshot.cancelled_at is not None) is cancelled


METHODS = [
    ("cod", "", Method.COD),
    ("cod_express", "", Method.COD),
    ("wc-cod", "", Method.COD),
    ("cash_on_pickup", "", Method.COD),
    ("gateway_17", "Cash on Delivery (+2 EUR)", Method.COD),
    ("gateway_17", "Nachnahme", Method.COD),
    ("bacs", "", Method.BANK_TRANSFER),
    ("cheque", "", Method.BANK_TRANSFER),
    ("stripe_sepa", "", Method.BANK_TRANSFER),
    ("stripe", "", Method.CARD),
    ("woocommerce_payments", "", Method.CARD),
    ("ppcp-credit-card-gateway", "", Method.CARD),
    ("ppcp-gateway", "", Method.WALLET),
    ("paypal", "", Method.WALLET),
    ("klarna_payments", "", Method.LATER),
    ("stripe_afterpay_clearpay", "", Method.LATER),
    ("codename_pay", "", None),
    ("acme", "Acme", None),
    ("", "", None),
]


@pytest.mark.parametrize(("gateway", "title", "method"), METHODS)
def test_a_gateway_is_known_by_its_name_or_is_left_to_the_merchant(gateway, title, method):
    """A plugin's gateway for cash on delivery is found by name or title; an unknown one claims no method."""
    snapshot = reading(order(payment_method=gateway, payment_method_title=title)).order.snapshot
    assert snapshot.method == method
    assert snapshot.gateways == ((gateway,) if gateway else ())


def test_the_whole_snapshot():
    """Every part of the order stands in the snapshot; the total already contains tax and shipping."""
    report = reading(ORDER).order
    snapshot = report.snapshot
    assert (report.order_id, report.kind, report.at, report.deleted) == ("4711", "paid", PLACED + 45, False)
    assert report.reference == "woocommerce order.updated 9f2c81d0e4b7"
    assert report.aliases == (
        "number:WS-4711",
        "order_key:wc_order_Ab3dE6gH9kLmN",
        "charge:ch_3Px0001",
        "payment:pi_3Px0001",
    )
    assert (snapshot.version, snapshot.placed_at) == ((PLACED + 45) * 1000, PLACED)
    assert snapshot.shop == Amounts(
        currency="EUR",
        total=Decimal("32.40"),
        tax=Decimal("5.40"),
        shipping=Decimal("4.00"),
        shipping_tax=Decimal("0.80"),
        discount=Decimal("2.50"),
    )
    assert snapshot.shop.total == Decimal("17.50") + Decimal("5.50") + Decimal("4.00") + Decimal("5.40")
    assert snapshot.lines == (
        Line(id="111", sku="MUG-1", quantity=2, price=Decimal("10.00"), discount=Decimal("2.50")),
        Line(id="22", quantity=1, price=Decimal("5.50")),
    )
    assert (snapshot.sale, snapshot.test, snapshot.delivered_at) == (Sale.WEB, False, None)
    assert decode_report(encode_report(report)) == report


NOTHING = ["0", "unknown", "00000000-0000-0000-0000-000000000000", sha256(b"").hexdigest(), md5(b"null").hexdigest()]


@pytest.mark.parametrize("value", NOTHING)
@pytest.mark.parametrize("field", ["number", "order_key", "transaction_id"])
def test_a_name_of_which_the_shop_knew_nothing_is_none(field, value):
    """Else it would be the name of every such order."""
    known = reading(ORDER).order.aliases
    assert not [alias for alias in reading(order(**{field: value})).order.aliases if alias not in known]


def test_a_report_holds_no_contact_data():
    """What the ledger keeps names nobody: no e-mail, phone, name or address of the order is in it."""
    kept = encode_report(reading(order(customer_note="call Nino")).order).decode().lower()
    for secret in ("nino", "beridze", "example.com", "555", "tbilisi", "rustaveli", "0108", "203.0.113.9"):
        assert secret not in kept


def test_two_customers_with_equal_baskets_share_no_alias():
    """cart_hash is the same for everybody who buys the same, so it must not tie two orders together."""
    first = reading(ORDER).order
    other = reading(
        order(id=4712, number="WS-4712", order_key="wc_order_zZ", transaction_id="ch_9", meta_data=[])
    ).order
    assert not set(first.aliases) & set(other.aliases)


REFUNDS = [
    # claim, status, refunds, paid, amounts
    ("one part", "processing", [("-10.00", 51)], Paid.PART_REFUNDED, ["10.00"]),
    ("two parts", "completed", [("-10.00", 51), ("-2.40", 52)], Paid.PART_REFUNDED, ["10.00", "2.40"]),
    ("parts that add up to all", "processing", [("-30.00", 51), ("-2.40", 52)], Paid.REFUNDED, ["30.00", "2.40"]),
    ("all", "refunded", [("-32.40", 51)], Paid.REFUNDED, ["32.40"]),
    ("pieces taken back, no money", "processing", [("0.00", 51)], Paid.PAID, []),
    ("an amount without the minus", "processing", [("10.00", 51)], Paid.PART_REFUNDED, ["10.00"]),
]


@pytest.mark.parametrize(("claim", "status", "refunds", "paid", "amounts"), REFUNDS, ids=[row[0] for row in REFUNDS])
def test_refunds_inside_an_update_become_refund_facts(claim, status, refunds, paid, amounts):
    """Each refund is a positive amount under its own id, and the total stays what it was."""
    listed = [{"id": number, "reason": "", "total": total} for total, number in refunds]
    report = reading(order(status=status, refunds=listed)).order
    assert [str(refund.amount) for refund in report.refunds] == amounts
    assert {refund.currency for refund in report.refunds} <= {"EUR"}
    assert (report.snapshot.paid, report.snapshot.shop.total) == (paid, Decimal("32.40"))
    assert report.snapshot.shop.after_refunds is False


def test_an_unpaid_order_is_not_refunded():
    """Lines taken off an unpaid cash-on-delivery order give no money back."""
    refunds = [{"id": 51, "reason": "", "total": "-10.00"}]
    report = reading(order(status="processing", refunds=refunds, **(COD | UNPAID))).order
    assert report.snapshot.paid is Paid.UNPAID


def test_a_reason_of_a_refund_names_nobody():
    """Staff write what they like into a reason; an address or number in it is masked."""
    refunds = [{"id": 51, "reason": "Nino@Example.com asked, +995 555 12 34 56", "total": "-10.00"}]
    reason = reading(order(refunds=refunds)).order.refunds[0].reason
    assert "@" not in reason
    assert "555" not in reason
    assert "asked" in reason


SALES = [
    ("checkout", {}, Sale.WEB),
    ("store-api", {}, Sale.WEB),
    ("admin", {}, Sale.STAFF),
    ("rest-api", {}, Sale.API),
    ("pos-rest-api", {}, Sale.STORE),
    ("subscription", {}, Sale.RENEWAL),
    ("checkout", {"meta_data": with_meta(_subscription_renewal="99")}, Sale.RENEWAL),
    ("funnel_plugin", {}, Sale.WEB),
    ("sync_plugin", {"customer_user_agent": ""}, Sale.API),
]


@pytest.mark.parametrize(("created_via", "changes", "sale"), SALES)
def test_where_an_order_was_made(created_via, changes, sale):
    """A renewal is known by its origin or its meta; an unknown origin is the web only when a browser was there."""
    assert reading(order(created_via=created_via, **changes)).order.snapshot.sale is sale


STAGES = [
    ("packing", "confirmed", (None, True, False, False)),
    ("at-customer", "delivered", (None, True, True, False)),
    ("paid-cash", "paid", (Paid.PAID, None, False, False)),
    ("returned", "cancelled", (None, None, False, True)),
]


@pytest.mark.parametrize(("status", "word", "expected"), STAGES)
def test_a_status_of_the_shops_own_means_what_the_operator_says(status, word, expected):
    """`stages` gives custom statuses their meaning."""
    options = SourceOptions(shop=SHOP, stages={status: word})
    result = reading(order(status=status, payment_method="acme", **UNPAID), options=options)
    got = result.order.snapshot
    assert (got.paid, got.confirmed, got.delivered_at is not None, got.cancelled_at is not None) == expected
    assert result.notes == ()


def test_a_stage_that_does_not_exist_and_a_status_without_one_are_told():
    """The merchant learns of statuses that say nothing to us, by name, as far as the name is harmless."""
    unmapped = reading(order(status="packing"))
    assert "packing" in " ".join(unmapped.notes)
    wrong = reading(order(status="packing"), options=SourceOptions(shop=SHOP, stages={"packing": "shipped"}))
    assert "expected one of placed, confirmed, paid, delivered, cancelled" in " ".join(wrong.notes)
    odd = reading(order(status="nino@example.com"))
    assert "nino" not in " ".join(odd.notes)


TESTS = [{"_wcpay_mode": "test"}, {"_ppcp_paypal_payment_mode": "sandbox"}]


@pytest.mark.parametrize("meta", TESTS)
def test_an_order_paid_in_a_gateways_test_mode_is_a_test(meta):
    """It is recorded as a test and stands for no purchase."""
    result = reading(order(meta_data=with_meta(**meta)))
    assert result.order.snapshot.test is True
    assert result.copy is None


def test_a_time_in_the_sites_own_zone_is_never_later_than_its_delivery():
    """Version 1 of the API writes the site's clock alone, which east of Greenwich reads like the future."""
    ahead = {"date_created": "2026-09-23T05:00:00", "date_modified": "2026-09-23T05:00:00"}
    result = reading(order(date_created_gmt=..., date_modified_gmt=..., **ahead))
    assert result.order.snapshot.placed_at == result.copy.event_time == NOW_MS // 1000
    assert any("time zone" in note for note in result.notes)


def test_site_time_is_only_a_fall_back_and_says_so():
    """Without the UTC fields the local ones are read, hours off, and a note tells it."""
    result = reading(order(date_created_gmt=..., date_modified_gmt=...))
    assert result.order.snapshot.placed_at == PLACED + 7200
    assert "time zone" in result.notes[0]
    assert reading(ORDER).notes == ()


WRONG = [
    ({"id": 0}, DropReason.WRONG_TYPE, "id"),
    ({"id": None}, DropReason.WRONG_TYPE, "id"),
    ({"id": "4711x"}, DropReason.WRONG_TYPE, "id"),
    ({"total": None}, DropReason.MISSING_VALUE, "total"),
    ({"total": "9" * 9_000}, DropReason.INVALID_VALUE, "total"),
    ({"total": "abc"}, DropReason.INVALID_VALUE, "total"),
    ({"total": "-5.00"}, DropReason.INVALID_VALUE, "total"),
    ({"total": "1e999999"}, DropReason.INVALID_VALUE, "total"),
    ({"currency": 978}, DropReason.INVALID_CURRENCY, "currency"),
    ({"currency": ""}, DropReason.MISSING_CURRENCY, "currency"),
    (
        dict.fromkeys(
            ("date_created", "date_created_gmt", "date_modified", "date_modified_gmt"), "0000-00-00T00:00:00"
        ),
        DropReason.MISSING_EVENT_TIME,
        "date_created_gmt",
    ),
]


@pytest.mark.parametrize(("changes", "reason", "path"), WRONG)
def test_an_order_without_number_money_or_time_is_refused_by_name(changes, reason, path):
    """Ids and money are never guessed; without them the body is refused with its path."""
    result = read(order(**changes))
    assert isinstance(result, Refusal)
    assert (result.reason, result.path) == (reason, path)


@pytest.mark.parametrize("name", ["total_tax", "shipping_total", "shipping_tax", "discount_total"])
def test_an_order_is_not_lost_for_a_figure_beside_its_total(name):
    """What is contained in the total is left out when it cannot be read, and a note says so."""
    found = read(order(**{name: "5,40 EUR"}))
    assert found.order.snapshot.shop.total == Decimal(ORDER["total"])
    assert f"{name} is not a plain decimal number; left out" in found.notes


def test_what_nobody_reads_cannot_spoil_an_order():
    """Plugins write whole documents into meta: long texts, deep trees, NUL, lists instead of objects."""
    deep = current = {}
    for _ in range(40):
        current["a"] = {}
        current = current["a"]
    meta = [
        {"key": "_builder", "value": "x" * 20_000},
        {"key": "_tree", "value": deep},
        {"key": "_nul", "value": "a\0b"},
        {"key": 5, "value": None},
        "odd",
        *ORDER["meta_data"],
    ]
    body = order(meta_data=meta, customer_note="x" * 9_000, plugin={"k" * 300: [deep]}, coupon_lines=[[]])
    assert reading(body).order == reading(ORDER).order


def test_empty_objects_written_as_lists_are_empty():
    """PHP writes an empty object as []; an order with such an address is still an order."""
    result = reading(order(billing=[], shipping=[], meta_data=[], line_items=[], refunds=[]))
    assert result.order.order_id == "4711"
    assert result.copy.user_data == {
        "external_id": "12",
        "client_ip_address": "203.0.113.9",
        "client_user_agent": "Mozilla/5.0 (X11)",
    }


def test_pieces_that_are_not_whole_make_one_line():
    """Half a kilogram is one piece at the line's price."""
    line = ORDER["line_items"][0] | {"quantity": 0.5, "subtotal": "10.00", "total": "10.00"}
    assert reading(order(line_items=[line])).order.snapshot.lines == (
        Line(id="111", sku="MUG-1", quantity=1, price=Decimal("10.00")),
    )


def test_a_later_body_has_a_higher_version_whatever_the_order_of_arrival():
    """Versions come from the order's own time of change, so a delivery that was overtaken is known as older."""
    before = reading(order(date_modified_gmt="2026-09-21T14:14:04")).order.snapshot.version
    assert before < reading(ORDER, UPDATED).order.snapshot.version
