"""Every source of orders against every kind of file: an order and the line of its money name each other in one spelling."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.importing.statements.statement_files import read, written
from tests.importing.statements.test_read_couriers import table
from tests.importing.statements.test_read_payouts import (
    ADYEN,
    KLARNA_ROWS,
    KLARNA_SUMMARY,
    PAYPAL,
    STL,
    own,
    paypal,
    report,
    shopify,
)
from twofold.importing.statements.formats import formats_of
from twofold.ledger import references
from twofold.ledger.lines import MoneyLine
from twofold.ledger.model import OrderReport
from twofold.sources import SOURCES
from twofold.sources.contract import Reading, SourceOptions

sys.path.insert(0, str(Path(__file__).parents[2] / "sources"))
import shopify_bodies
import stripe_bodies
import woocommerce_bodies

NOW_MS = 1_790_100_000_000
PAYPAL_ID = "8RU54321AB1234560"
assert PAYPAL


def told(source: str, body: dict[str, Any], **headers: str) -> OrderReport:
    found = SOURCES[source].read(json.dumps(body).encode(), headers, SourceOptions(shop="s"), NOW_MS)
    assert isinstance(found, Reading), found
    assert found.order is not None
    return found.order


def shopify_order(**changes: Any) -> OrderReport:
    body = shopify_bodies.ORDER | {"name": "#1001", "order_number": 1001, "checkout_id": 68683485610367} | changes
    return told("shopify", body, **{"x-shopify-topic": "orders/paid"})


def shopify_transaction() -> OrderReport:
    body = {"id": 7128676925696, "order_id": 5001, "kind": "sale", "gateway": "paypal", "status": "success",
            "amount": "45.00", "currency": "USD", "authorization": PAYPAL_ID, "test": False,
            "processed_at": "2026-09-01T10:00:00-04:00"}  # fmt: skip
    return told("shopify", body, **{"x-shopify-topic": "order_transactions/create"})


def shopify_fulfilment() -> OrderReport:
    body = {"id": 41, "order_id": 5001, "status": "success", "shipment_status": "in_transit", "tracking_number": "T1",
            "tracking_numbers": ["T1 ABC"], "updated_at": "2026-09-01T10:00:00-04:00", "line_items": []}  # fmt: skip
    return told("shopify", body, **{"x-shopify-topic": "fulfillments/update"})


def woocommerce_order(**changes: Any) -> OrderReport:
    return told(
        "woocommerce", woocommerce_bodies.order(number="1001", **changes), **{"x-wc-webhook-topic": "order.updated"}
    )


def stripe_event(name: str, thing: dict[str, Any], **changes: Any) -> OrderReport:
    return told("stripe", stripe_bodies.event(name, thing, **changes))


def own_order(**parts: Any) -> OrderReport:
    return told("own", {"type": "order", "id": "1001", "placed_at": 1_790_000_000, "updated_at": 1_790_000_010,
                        "totals": {"currency": "EUR", "total": "42.50"}} | parts)  # fmt: skip


ROW = "2026-09-01 10:00:00 -0400,charge,{},visa,online,paid,2026-09-03,77,2026-09-03,45.00,1.61,43.39,{},card,45.00,USD,USD"
GRAPHQL = {"data": {"shopifyPaymentsAccount": {"balanceTransactions": {"nodes": [{
    "id": "gid://shopify/ShopifyPaymentsBalanceTransaction/1", "type": "CHARGE", "transactionDate": "2026-09-01T14:00:00Z",
    "amount": {"amount": "45.00", "currencyCode": "USD"}, "fee": {"amount": "1.61", "currencyCode": "USD"},
    "net": {"amount": "43.39", "currencyCode": "USD"}, "sourceOrderTransactionId": "7128676925696",
    "associatedOrder": {"id": f"gid://shopify/Order/{shopify_bodies.ORDER_ID}", "name": "#77"},
    "associatedPayout": {"id": "gid://shopify/ShopifyPaymentsPayout/9"}}]}}}}  # fmt: skip
INTENT, CHARGE = stripe_bodies.INTENT["id"], stripe_bodies.CHARGE["id"]
CHARGES = (
    report([("charge", "120.00", "3.78", "116.22", CHARGE)]).replace(f"pi_{CHARGE[3:]}", INTENT).replace(",1001", ",")
)
PAYPAL_ROW = ("03/13/2026", "10:00:00", "PDT", "Anna", "Express Checkout Payment", "Completed", "USD", "45.00", "-1.00",
              "44.00", "a@example.com", "b@example.com", PAYPAL_ID, "", "1001", "", "Credit")  # fmt: skip
ADYEN_ROW = "Co,Shop,PSP12345678,1001,visa,2026-03-12 10:00:00,CET,Settled,MOD1,EUR,,120.00,1,EUR,,116.22,,,,,7"

# (name, order, file, file's name, kind of import)
CASES: list[tuple[str, Callable[[], OrderReport], str, str, str]] = [
    ("Shopify by number", shopify_order, shopify(ROW.format("#1001", "")), "a.csv", "payouts"),
    ("Shopify by checkout", shopify_order, shopify(ROW.format("", "#68683485610367")), "a.csv", "payouts"),
    ("Shopify by order id", shopify_order, json.dumps(GRAPHQL), "a.json", "payouts"),
    ("Shopify by its transaction", shopify_transaction, json.dumps(GRAPHQL), "a.json", "payouts"),
    ("Shopify paid by PayPal", shopify_transaction, paypal((*PAYPAL_ROW[:14], "", "", "Credit")), "a.csv", "payouts"),
    ("Shopify's parcel", shopify_fulfilment, table("T1 ABC,120.00,2026-03-16", header="AWB,COD Amount (GEL),Payment date"),
     "a.csv", "remittances"),
    ("Stripe by intent", lambda: stripe_event("payment_intent.succeeded", stripe_bodies.INTENT), CHARGES, "a.csv", "payouts"),
    ("Stripe by charge", lambda: stripe_event("charge.succeeded", stripe_bodies.CHARGE),
     CHARGES.replace(INTENT, ""), "a.csv", "payouts"),
    ("WooCommerce through Stripe", lambda: woocommerce_order(transaction_id=INTENT), CHARGES, "a.csv", "payouts"),
    ("WooCommerce through PayPal", lambda: woocommerce_order(transaction_id=PAYPAL_ID), STL, "a.csv", "payouts"),
    ("WooCommerce by number", woocommerce_order, paypal(PAYPAL_ROW), "a.csv", "payouts"),
    ("own order at Adyen", own_order, f"{ADYEN}\n{ADYEN_ROW}\n", "a.csv", "payouts"),
    ("own order at Klarna", own_order, KLARNA_SUMMARY + "\n" + KLARNA_ROWS, "a.csv", "payouts"),
    ("own payment in our own table",
     lambda: own_order(id="X", payments=[{"id": "pay_77", "kind": "sale", "amount": "42.50", "currency": "EUR",
                                          "at": 1_790_000_000}]),
     own("B1,2026-03-20,charge,,pay_77,120.00,3.78,116.22,GEL,2026-03-12"), "a.csv", "payouts"),
    ("own parcel", lambda: own_order(id="X", parcels=[{"id": "T1", "state": "in_transit", "at": 1_790_000_000}]),
     table("T1,120.00,2026-03-16", header="AWB,COD Amount (GEL),Payment date"), "a.csv", "remittances"),
]  # fmt: skip


@pytest.mark.parametrize(("order", "text", "name", "kind"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_an_order_and_its_line_name_each_other(tmp_path, order, text, name, kind):
    found = read(written(tmp_path, text, name), formats_of(kind), source="quick")
    keys = {references.key_of(r) for r in references.of_report(order())}
    lines = [thing for thing in found.things if isinstance(thing, MoneyLine)]
    assert any(keys & set(map(references.key_of, line.references)) for line in lines), (
        sorted(keys),
        lines[0].references,
    )


def test_every_kind_that_a_line_uses_is_listed(tmp_path):
    used = set()
    for number, (_, _, text, name, kind) in enumerate(CASES):
        (tmp_path / str(number)).mkdir()
        for thing in read(written(tmp_path / str(number), text, name), formats_of(kind), source="q").things:
            used |= {r.partition(":")[0] for r in getattr(thing, "references", ())}
    assert used <= set(references.KINDS)
    assert len(used) >= 8
