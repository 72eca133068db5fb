"""When an order becomes a Purchase, and what it is worth, to the minor unit. Expected values are reckoned by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from facts import LINE, SHOP, T0, amounts, facts, parcel, part, refund, report

from twofold.ledger.model import Amounts, Method, Paid, ParcelState, Sale
from twofold.ledger.policy import VALUE_PARTS, OrderPolicy, judge_order, method_of, value_of
from twofold.ledger.state import OrderState, derive

LATER = T0 + 3_600
ALL = frozenset(VALUE_PARTS)


def state_of(*reports, source=SHOP) -> OrderState:
    return derive(facts(*reports, source=source))


# gateways, the source's own word -> method
METHODS = [
    (("Cash on Delivery (COD)",), None, Method.COD),
    (("cash_on_delivery",), None, Method.COD),
    (("Cash-On-Delivery",), None, Method.COD),
    (("COD",), None, Method.COD),
    (("cod-fee",), None, Method.COD),
    (("Pay by COD/card",), None, Method.COD),
    (("Nachnahme",), None, Method.COD),
    (("გადახდა ადგილზე",), None, Method.COD),
    (("Оплата наложенным платежом",), None, Method.COD),
    (("gift_card", "Cash on Delivery (COD)"), None, Method.COD),
    (("encoded",), None, Method.OTHER),
    (("Barcode Pay",), None, Method.OTHER),
    (("codice sconto",), None, Method.OTHER),
    (("Wireless Pay",), None, Method.OTHER),
    (("Bank Deposit",), None, Method.BANK_TRANSFER),
    (("wire",), None, Method.BANK_TRANSFER),
    (("shopify_payments",), None, Method.CARD),
    (("paypal",), None, Method.WALLET),
    (("Klarna",), None, Method.LATER),
    (("gift_card",), None, Method.GIFT_CARD),
    (("manual",), None, Method.MANUAL),
    ((), None, Method.CARD),
    (("cod",), Method.CARD, Method.CARD),  # the source's word stands
    (("COD",), Method.MANUAL, Method.COD),  # unless it tells nothing apart
    (("COD",), Method.OTHER, Method.COD),
    (("something",), Method.OTHER, Method.OTHER),
    (("paypal",), Method.OTHER, Method.OTHER),  # only the operator's own list stands above it
    (("paypal",), Method.MANUAL, Method.MANUAL),
]


@pytest.mark.parametrize(("gateways", "word", "expected"), METHODS)
def test_method(gateways, word, expected):
    """Cash on delivery by the gateway's name in any spelling; a word that only contains "cod" is not."""
    assert method_of(state_of(report(0, gateways=gateways, method=word)), OrderPolicy()) is expected


COD = {"gateways": ("Cash on Delivery (COD)",)}
DELIVERED = part(40, parcels=(parcel("a", ParcelState.DELIVERED, 40),))
WAYS = {"counts_when": "paid", "when": {"cod": "delivered", "own": "confirmed"}}
# name, reports, source, policy, standing, reason
JUDGED = [
    ("card paid", [report(0)], SHOP, {}, "counts", "paid"),
    ("card authorised", [report(0, Paid.AUTHORISED)], SHOP, {}, "not_yet", "not_paid"),
    ("authorised is confirmed", [report(0, Paid.AUTHORISED)], SHOP, {"counts_when": "confirmed"}, "counts", "confirmed"),
    ("tag confirms", [report(0, Paid.UNPAID, tags=(" Confirmed ",))], SHOP, {"counts_when": "confirmed"}, "counts", "confirmed"),
    ("placed", [report(0, Paid.UNPAID)], SHOP, {"counts_when": "placed"}, "counts", "placed"),
    ("cod placed", [report(0, Paid.UNPAID, **COD)], SHOP, {}, "counts", "placed"),
    ("cod delivered: on its way", [report(0, Paid.UNPAID, **COD)], SHOP, WAYS, "not_yet", "not_delivered"),
    ("cod delivered: there", [report(0, Paid.UNPAID, **COD), DELIVERED], SHOP, WAYS, "counts", "delivered"),
    ("source wins over method", [report(0, Paid.UNPAID, confirmed=True, **COD)], "own:shop", WAYS, "counts", "confirmed"),
    ("bank transfer waits", [report(0, Paid.UNPAID, gateways=("Bank Deposit",))], SHOP, {}, "not_yet", "not_paid"),
    ("test", [report(0, test=True)], SHOP, {}, "never", "test_order"),
    ("cancelled", [report(0, cancelled_at=T0)], SHOP, {}, "never", "order_cancelled"),
    ("voided", [report(0, Paid.VOIDED)], SHOP, {}, "never", "order_voided"),
    ("refunded", [report(0, Paid.REFUNDED)], SHOP, {}, "never", "order_refunded"),
    ("refunded by sum", [report(0, refunds=(refund("r", "100.00"),))], SHOP, {}, "never", "order_refunded"),
    ("refunded by live total", [report(0, total=amounts("0.00", after_refunds=True), refunds=(refund("r", "100.00"),))], SHOP, {}, "never", "order_refunded"),
    ("refunded by sum, of little money", [report(0, total="0.50", refunds=(refund("r", "0.50"),))], SHOP, {}, "never", "order_refunded"),
    ("refunded in a currency that the order has no rate of", [report(0, total="1.00", refunds=(refund("r", "9.00", "GBP"),))], SHOP, {}, "counts", "paid"),
    ("the same, beside a rate", [report(0, total="1.00", presentment=amounts("160", "JPY"), refunds=(refund("r", "9.00", "GBP"),))], SHOP, {}, "counts", "paid"),
    ("the buyer's money no list knows", [report(0, presentment=amounts("5.00", "XXX"))], SHOP, {}, "never", "order_currency_unknown"),
    ("the buyer's money no list knows, and it is the shop's that is told", [report(0, presentment=amounts("5.00", "XXX"))], SHOP, {"presentment": False}, "counts", "paid"),
    ("part refunded", [report(0, Paid.PART_REFUNDED, refunds=(refund("r", "99.99"),))], SHOP, {}, "counts", "paid"),
    ("all lines taken away", [report(0, Paid.UNPAID, amounts("0.00", after_refunds=True), lines=(), **COD)], SHOP, {}, "never", "order_emptied"),
    ("money that no list knows", [report(0, total=Amounts(currency="XXX", total=Decimal("5.00")))], SHOP, {}, "never", "order_currency_unknown"),
    ("cancelled, and such money", [report(0, total=Amounts(currency="XXX", total=Decimal("5.00")), cancelled_at=T0)], SHOP, {}, "never", "order_cancelled"),
    ("free order", [report(0, None, "0.00")], SHOP, {}, "counts", "paid"),
    ("free order, live total", [report(0, Paid.PAID, amounts("0.00", after_refunds=True))], SHOP, {}, "counts", "paid"),
    ("deleted", [report(0), part(5, deleted=True)], SHOP, {}, "never", "order_deleted"),
    ("refused", [report(0, Paid.UNPAID, **COD), part(5, parcels=(parcel("a", ParcelState.REFUSED, 5),))], SHOP, {}, "never", "order_returned"),
    ("renewal, none", [report(0, sale=Sale.RENEWAL)], SHOP, {"renewals": "none"}, "never", "renewal"),
    ("renewal, subscribe", [report(0, sale=Sale.RENEWAL)], SHOP, {}, "counts", "paid"),
    ("only money", [part(0, payments=())], "stripe:x", {"counts_when": "placed"}, "not_yet", "not_placed"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "told", "source", "rules", "standing", "reason"), JUDGED, ids=[r[0] for r in JUDGED])
def test_judgement(name, told, source, rules, standing, reason):
    """Each order counts exactly when its policy says so, and never for a reason that has a name."""
    judged = judge_order(state_of(*told, source=source), OrderPolicy(**rules), LATER)
    assert (judged.standing, judged.reason) == (standing, reason)


def test_expiry():
    """Unpaid for longer than the policy waits is never; paid after that counts all the same."""
    policy = OrderPolicy(expire_s=86_400)
    unpaid = state_of(report(0, Paid.UNPAID))
    assert judge_order(unpaid, policy, T0 + 86_400).standing == "not_yet"
    assert judge_order(unpaid, policy, T0 + 86_401).reason == "never_paid"
    paid = state_of(report(0, Paid.UNPAID), report(90_000, Paid.PAID))
    assert judge_order(paid, policy, T0 + 90_001).since == T0 + 90_000


def without(*parts: str) -> frozenset[str]:
    return ALL - set(parts)


# 100 goods net + 19 tax on them + 10 shipping net + 1.90 tax on it + 5 tip + 4 duties + 20 gift card sold = 159.90
NET = amounts("159.90", tax="20.90", shipping="10.00", shipping_tax="1.90", tip="5.00", duties="4.00", gift_cards="20.00")  # fmt: skip
# The same order as a shop with gross prices tells it: shipping 11.90 with its tax.
GROSS = amounts("159.90", tax_included=True, tax="20.90", shipping="11.90", shipping_tax="1.90", tip="5.00", duties="4.00", gift_cards="20.00")  # fmt: skip
# 119 with 19 tax, half of it given back
HALF = {"refunds": (refund("r", "59.50"),)}
YEN = amounts("15000", "JPY", tax="1364", shipping="800", shipping_tax="73")
DINAR = amounts("12.345", "KWD", tax="0.590", shipping="1.250")
# name, amounts, facts beside, policy's parts, deduct, expected
VALUES = [
    ("all, net", NET, {}, ALL, True, "159.90"),
    ("all, gross", GROSS, {}, ALL, True, "159.90"),
    ("no tax, net", NET, {}, without("tax"), True, "139.00"),
    ("no tax, gross", GROSS, {}, without("tax"), True, "139.00"),
    ("no shipping, net", NET, {}, without("shipping"), True, "148.00"),
    ("no shipping, gross", GROSS, {}, without("shipping"), True, "148.00"),
    ("no tax, no shipping, net", NET, {}, without("tax", "shipping"), True, "129.00"),
    ("no tax, no shipping, gross", GROSS, {}, without("tax", "shipping"), True, "129.00"),
    ("no tip", NET, {}, without("tip"), True, "154.90"),
    ("no duties", NET, {}, without("duties"), True, "155.90"),
    ("no gift card", NET, {}, without("gift_card"), True, "139.90"),
    ("net revenue", GROSS, {}, frozenset({"goods"}), True, "100.00"),
    ("refund deducted", amounts("119.00", tax="19.00"), HALF, ALL, True, "59.50"),
    ("refund ignored", amounts("119.00", tax="19.00"), HALF, ALL, False, "119.00"),
    ("live total, deducted", amounts("59.50", tax="9.50", after_refunds=True), HALF, ALL, True, "59.50"),
    ("live total, ignored", amounts("59.50", tax="9.50", after_refunds=True), HALF, ALL, False, "119.00"),
    ("refund deducted, no tax", amounts("119.00", tax="19.00"), HALF, without("tax"), True, "50.00"),
    ("refund ignored, no tax", amounts("119.00", tax="19.00"), HALF, without("tax"), False, "100.00"),
    ("live, deducted, no tax", amounts("59.50", tax="9.50", after_refunds=True), HALF, without("tax"), True, "50.00"),
    ("live, ignored, no tax", amounts("59.50", tax="9.50", after_refunds=True), HALF, without("tax"), False, "100.00"),
    ("refund deducted, tax left out but never told", amounts("119.00"), HALF, without("tax"), True, "59.50"),
    ("yen", YEN, {}, ALL, True, "15000"),
    ("yen, no tax no shipping", YEN, {}, without("tax", "shipping"), True, "12836"),
    ("yen, no shipping", YEN, {}, without("shipping"), True, "14127"),
    ("dinar", DINAR, {}, ALL, True, "12.345"),
    ("dinar, no tax", DINAR, {}, without("tax"), True, "11.755"),
    ("nothing below zero", amounts("10.00", gift_cards="20.00"), {}, without("gift_card"), True, "0.00"),
    ("zero", amounts("0.00"), {}, ALL, True, "0.00"),
]


@pytest.mark.parametrize(("name", "money", "beside", "parts", "deduct", "expected"), VALUES, ids=[r[0] for r in VALUES])
def test_value(name, money, beside, parts, deduct, expected):
    """The value is the total less exactly what the policy leaves out, nothing twice, in whole minor units."""
    state = state_of(report(0, total=money, **beside))
    valued = value_of(state, OrderPolicy(value_parts=parts, deduct_refunds=deduct))
    assert valued is not None
    assert (str(valued.value), valued.currency) == (expected, money.currency)
    if money.total:
        assert max(valued.total - sum(valued.left_out.values()), Decimal(0)) == valued.value


EUR = amounts("100.00", tax="20.00", tip="5.00")
JPY = amounts("16000", "JPY", tax="3200")
KWD = amounts("33.333", "KWD")
# name, presentment, refunds, policy, value, currency; one euro is 160 yen, a third of a dinar
SHOWN = [
    ("what the buyer saw", JPY, (), {}, "16000", "JPY"),
    ("the shop's", JPY, (), {"presentment": False}, "100.00", "EUR"),
    ("no other currency", None, (), {}, "100.00", "EUR"),
    ("refund in the shop's currency", JPY, (refund("r", "25.00"),), {}, "12000", "JPY"),
    ("refund in the buyer's currency", JPY, (refund("r", "4000", "JPY"),), {"presentment": False}, "75.00", "EUR"),
    ("refund in both", JPY, (refund("r", "25.00"), refund("s", "4000", "JPY")), {}, "12000", "JPY"),
    ("no tax", JPY, (), {"value_parts": without("tax")}, "12800", "JPY"),
    ("tip known in the shop's currency only", JPY, (), {"value_parts": without("tip")}, "15200", "JPY"),
    ("tax known in the shop's currency only", KWD, (), {"value_parts": without("tax")}, "26.666", "KWD"),
]  # 33.333 * 0.2 = 6.6666, as money 6.667


@pytest.mark.parametrize(("name", "shown", "refunds", "rules", "value", "currency"), SHOWN, ids=[r[0] for r in SHOWN])
def test_currencies(name, shown, refunds, rules, value, currency):
    """Amounts of the other currency come over at the order's own rate, each rounded to the currency's digits."""
    state = state_of(report(0, total=EUR, presentment=shown, refunds=refunds, lines=(LINE,)))
    valued = value_of(state, OrderPolicy(**rules))
    assert valued is not None
    assert (str(valued.value), valued.currency) == (value, currency)


# 119.00 with 11.90 shipping, of which 1.90 is tax; one euro is 160 yen, and no shipping is 107.10 or 17,136 yen.
SHIPPED = amounts("119.00", tax_included=True, shipping="11.90", shipping_tax="1.90")
SHIPPED_NET = amounts("119.00", shipping="10.00", shipping_tax="1.90")


@pytest.mark.parametrize("shop", [SHIPPED, SHIPPED_NET], ids=["gross", "net"])
@pytest.mark.parametrize(
    ("shown", "tells"),
    [
        (amounts("19040", "JPY"), "the total"),
        (amounts("19040", "JPY", shipping_tax="304"), "the tax on shipping"),
        (amounts("19040", "JPY", shipping="1600"), "net shipping"),
        (amounts("19040", "JPY", tax_included=True, shipping="1904"), "gross shipping"),
        (amounts("19040", "JPY", tax_included=True, shipping="1904", shipping_tax="304"), "both"),
    ],
    ids=lambda told: told if isinstance(told, str) else "",
)
def test_shipping_is_gross_or_net_as_whoever_told_it_says(shop, shown, tells):
    """Whatever the buyer's currency tells of shipping and what only the shop's does, the same parcel is left out, with its tax once."""
    state = state_of(report(0, total=shop, presentment=shown))
    valued = value_of(state, OrderPolicy(value_parts=without("shipping")))
    assert valued is not None
    assert (str(valued.value), valued.currency) == ("17136", "JPY")


def test_wholly_refunded_in_the_buyers_currency():
    """A refund of all the buyer saw is a refund of the whole, though the rate leaves a cent in the shop's currency."""
    shown = amounts("15999", "JPY")
    told = report(0, total=amounts("99.99"), presentment=shown, refunds=(refund("r", "15999", "JPY"),))
    assert judge_order(state_of(told), OrderPolicy(), LATER).reason == "order_refunded"
