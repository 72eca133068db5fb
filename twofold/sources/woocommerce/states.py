"""What an order's status means for its payment, by payment method.

Owns WooCommerce's statuses and payment methods. A status is a step of the shop's work, not of the money: the same
"processing" is a paid card order and an unpaid cash-on-delivery order.

Read October 2026 in WooCommerce's own code: WC_Gateway_COD::process_payment sets processing (on-hold for downloads)
with the note that payment is made upon delivery; its change_payment_complete_order_status makes completed the paid
status of cash on delivery, and WC_Order::maybe_set_date_paid stamps date_paid by the same rule; BACS and cheque set
on-hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from twofold.ledger.model import Method, Paid


class Rule(Struct, frozen=True, kw_only=True):
    """One status. ``paid`` is for orders whose money comes before the goods, ``on_delivery`` for the others."""

    paid: Paid | None
    on_delivery: Paid | None
    confirmed: bool | None = None
    confirmed_on_delivery: bool | None = None
    cancelled: bool = False


RULES: Mapping[str, Rule] = {
    # The order exists, the buyer is still at the payment or went away. Shops void it after an hour (hold stock).
    "pending": Rule(paid=Paid.UNPAID, on_delivery=Paid.UNPAID),
    # Waits for a wire, a cheque or a person. Gateways also put reserved money here; see `is_reserved`.
    "on-hold": Rule(paid=Paid.UNPAID, on_delivery=Paid.UNPAID),
    # The money is there, except on delivery: there it is set by itself at checkout, so nobody confirmed anything.
    "processing": Rule(paid=Paid.PAID, on_delivery=Paid.UNPAID, confirmed=True),
    # Shop's work is done. For cash on delivery this is the status in which the money was taken. Not "delivered":
    # shops set it when they hand the parcel over, or by hand, and downloads are completed at once.
    "completed": Rule(paid=Paid.PAID, on_delivery=Paid.PAID, confirmed=True, confirmed_on_delivery=True),
    # Given up. Money that had come in (date_paid) is still there until a refund says otherwise; see `orders`.
    "cancelled": Rule(paid=Paid.VOIDED, on_delivery=Paid.VOIDED, cancelled=True),
    "refunded": Rule(paid=Paid.REFUNDED, on_delivery=Paid.REFUNDED),
    # The payment was declined. The buyer may try again on the same order, which then becomes processing.
    "failed": Rule(paid=Paid.VOIDED, on_delivery=Paid.VOIDED),
}
UNKNOWN = Rule(paid=None, on_delivery=None)
DRAFTS = frozenset({"checkout-draft", "auto-draft"})
"""The block checkout's basket, and the empty order that WordPress makes when staff open the form for a new one: no
order before it has another status."""
TRASH = "trash"


class Stage(StrEnum):
    """What the operator may say of a status of his own (or of one above) in the source's ``stages``."""

    PLACED = "placed"
    CONFIRMED = "confirmed"
    PAID = "paid"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


# A gateway's name -> how it is paid; the first that fits. Names are those of WooCommerce and of the plugins named.
METHODS: tuple[tuple[re.Pattern[str], Method], ...] = tuple(
    (re.compile(pattern), method)
    for pattern, method in (
        # Plugins for cash on delivery and on pickup have names of their own, and set processing without being paid.
        (r"(.*[_-])?cod([_-].*)?|.*(cash_?on|pay_?on_?deliver|on_?delivery|nachnahme|contrareembolso|contrassegno).*",
         Method.COD),
        (r"bacs|cheque|.*(bank_?transfer|multibanco|boleto|oxxo|konbini|sepa).*", Method.BANK_TRANSFER),
        (r".*(klarna|afterpay|clearpay|affirm|sezzle|zip_?(pay|money)|tabby|tamara|scalapay|alma|_later).*",
         Method.LATER),
        (r".*(credit[_-]card|ppcp-card|debit).*", Method.CARD),
        (r".*(paypal|ppcp|ppec|apple_?pay|google_?pay|amazon_?pay|alipay|wechat|venmo|_link).*", Method.WALLET),
        (r"stripe|stripe_cc|woocommerce_payments|square(_credit_card)?|braintree_credit_card|authorize_net.*|"
         r"mollie_wc_gateway_creditcard|viva.*|redsys.*|card", Method.CARD),
    )
)  # fmt: skip
_TITLE_ON_DELIVERY = re.compile(
    r"cash on (delivery|pickup)|pay(ment)? on (delivery|pickup|collection)|nachnahme|contre[- ]remboursement|"
    r"contra ?reembolso|contrassegno|\bCOD\b|наложен|при получени|გადახდა ადგილზე",
    re.I,
)

# Order meta in which a gateway says that it only reserved the money, or ran in test mode; each name and value read
# in the plugin's code, October 2026 (woocommerce-gateway-stripe; WooPayments; WooCommerce PayPal Payments).
_RESERVED = {("_stripe_charge_captured", "no"), ("_intention_status", "requires_capture")}
_TEST = {("_wcpay_mode", "test"), ("_ppcp_paypal_payment_mode", "sandbox")}


def method_of(gateway: str, title: str) -> Method | None:
    """None when the gateway says nothing to us; the merchant's own list of gateways decides then."""
    name = gateway.strip().lower()
    found = next((method for pattern, method in METHODS if pattern.fullmatch(name)), None)
    if found is None and _TITLE_ON_DELIVERY.search(title):
        return Method.COD
    return found


def is_reserved(meta: list[tuple[str, str]], status: str) -> bool:
    return status == "on-hold" and not _RESERVED.isdisjoint(meta)


def is_test(meta: list[tuple[str, str]]) -> bool:
    """WooCommerce itself has no test orders; some gateways say it in order meta."""
    return not _TEST.isdisjoint(meta)
