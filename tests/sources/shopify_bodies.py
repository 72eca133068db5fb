"""Bodies of every Shopify topic, made by hand in the shapes of the REST resources (webhook API 2024-10).

Amounts are chosen so that each part can be told from the others. Two currencies: the shop's EUR, the buyer's GEL at
three to one.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from twofold.event.refusal import Refusal
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.sources.shopify import SHOPIFY

SHOP = "demo.myshopify.com"
NOW_MS = 1_790_100_000_000
ORDER_ID = 9007199254740993  # the first whole number that no float can hold


def pair(eur: str, gel: str) -> dict[str, Any]:
    return {
        "shop_money": {"amount": eur, "currency_code": "EUR"},
        "presentment_money": {"amount": gel, "currency_code": "GEL"},
    }


# Two mugs at 20.00 with 4.00 off, a gift card of 50.00, shipping 6.00 with 1.00 off, a tip of 2.00, tax included.
# Placed: 36 + 50 + 5 + 2 = 93.00. Then one mug was given back: 18.00 less.
ORDER: dict[str, Any] = {
    "id": ORDER_ID,
    "admin_graphql_api_id": f"gid://shopify/Order/{ORDER_ID}",
    "app_id": 580111,
    "browser_ip": "203.0.113.9",
    "cancel_reason": None,
    "cancelled_at": None,
    "cart_token": "c1-0123456789abcdef0123456789abcdef",
    "checkout_token": "bd5a8aa1ecd019dd3520ff791ee3a24c",
    "client_details": {"browser_ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (X11)"},
    "confirmed": True,
    "created_at": "2026-09-21T10:13:20-04:00",
    "processed_at": "2026-09-21T10:13:19-04:00",
    "updated_at": "2026-09-22T09:00:00Z",
    "currency": "EUR",
    "presentment_currency": "GEL",
    "current_total_price": "75.00",
    "current_total_price_set": pair("75.00", "225.00"),
    "current_total_tax": "5.50",
    "current_total_tax_set": pair("5.50", "16.50"),
    "current_total_discounts": "3.00",
    "current_total_discounts_set": pair("3.00", "9.00"),
    "total_price": "93.00",
    "total_price_set": pair("93.00", "279.00"),
    "total_tax": "8.80",
    "total_tax_set": pair("8.80", "26.40"),
    "total_discounts": "5.00",
    "total_discounts_set": pair("5.00", "15.00"),
    "total_shipping_price_set": pair("6.00", "18.00"),
    "total_tip_received": "2.00",
    "taxes_included": True,
    "email": "nino@example.com",
    "financial_status": "partially_refunded",
    "fulfillment_status": "fulfilled",
    "gateway": None,
    "landing_site": "/products/mug?gclid=EAIaIQ_gC&utm_source=x",
    "name": "#1001",
    "number": 1,
    "order_number": 1001,
    "note_attributes": [],
    "payment_gateway_names": ["Cash on Delivery (COD)", "gift_card"],
    "source_name": "web",
    "tags": "vip, gift",
    "test": False,
    "line_items": [
        {
            "id": 11,
            "variant_id": 111,
            "product_id": 110,
            "sku": "MUG",
            "quantity": 2,
            "current_quantity": 1,
            "price": "20.00",
            "price_set": pair("20.00", "60.00"),
            "total_discount": "0.00",
            "discount_allocations": [{"amount": "4.00", "amount_set": pair("4.00", "12.00")}],
            "gift_card": False,
        },
        {
            "id": 12,
            "variant_id": None,
            "product_id": 120,
            "sku": "",
            "quantity": 1,
            "current_quantity": 1,
            "price": "50.00",
            "price_set": pair("50.00", "150.00"),
            "gift_card": True,
        },
        {"id": 13, "variant_id": None, "product_id": None, "sku": "OLD", "quantity": 1, "current_quantity": 0,
         "price": "1.00"},
    ],
    "shipping_lines": [
        {
            "price": "6.00",
            "price_set": pair("6.00", "18.00"),
            "discount_allocations": [{"amount": "1.00", "amount_set": pair("1.00", "3.00")}],
            "tax_lines": [{"price": "0.80", "price_set": pair("0.80", "2.40")}],
        },
        {"price": "9.00", "price_set": pair("9.00", "27.00"), "is_removed": True, "tax_lines": []},
    ],
    "refunds": [
        {
            "id": 501,
            "admin_graphql_api_id": "gid://shopify/Refund/501",
            "created_at": "2026-09-22T08:59:00Z",
            "note": "Nino broke it",
            "refund_line_items": [],
            "transactions": [
                {"kind": "refund", "status": "success", "amount": "10.00", "currency": "GEL"},
                {"kind": "refund", "status": "success", "amount": "44.00", "currency": "GEL"},
                {"kind": "refund", "status": "failure", "amount": "99.00", "currency": "GEL"},
            ],
        }
    ],
    "fulfillments": [
        {
            "id": 701,
            "order_id": ORDER_ID,
            "status": "success",
            "shipment_status": "delivered",
            "created_at": "2026-09-21T20:00:00Z",
            "updated_at": "2026-09-22T07:00:00Z",
            "tracking_numbers": ["1Z"],
        }
    ],
    "customer": {"id": 7, "email": "nino@example.com", "first_name": "Nino", "last_name": "Beridze"},
    "billing_address": {"country_code": "GE", "province_code": None, "city": "Tbilisi", "zip": "0102"},
}  # fmt: skip

REFUND: dict[str, Any] = {
    "id": 502,
    "order_id": ORDER_ID,
    "created_at": "2026-09-22T10:00:00Z",
    "processed_at": "2026-09-22T10:00:05Z",
    "refund_line_items": [{"id": 1, "quantity": 1, "subtotal": 18.5, "total_tax": 0}],
    "transactions": [
        {"id": 1, "kind": "refund", "status": "success", "amount": "18.00", "currency": "EUR"},
        {"id": 2, "kind": "refund", "status": "pending", "amount": "1.00", "currency": "EUR"},
    ],
    "order_adjustments": [],
}
TRANSACTION: dict[str, Any] = {
    "id": 601,
    "order_id": ORDER_ID,
    "kind": "sale",
    "gateway": "shopify_payments",
    "status": "success",
    "created_at": "2026-09-21T14:13:21Z",
    "processed_at": "2026-09-21T14:13:22Z",
    "test": False,
    "amount": "93.00",
    "currency": "EUR",
    "payment_details": {"credit_card_name": "NINO BERIDZE"},
}
FULFILLMENT: dict[str, Any] = {
    "id": 702,
    "order_id": ORDER_ID,
    "status": "success",
    "shipment_status": None,
    "created_at": "2026-09-21T20:00:00Z",
    "updated_at": "2026-09-21T21:00:00Z",
    "tracking_numbers": ["1Z"],
    "destination": {"first_name": "Nino"},
}
SCAN: dict[str, Any] = {
    "id": 1,
    "fulfillment_id": 702,
    "status": "out_for_delivery",
    "happened_at": "2026-09-22T06:00:00Z",
    "created_at": "2026-09-22T06:05:00Z",
    "order_id": ORDER_ID,
}
RETURN: dict[str, Any] = {
    "id": 801,
    "admin_graphql_api_id": "gid://shopify/Return/801",
    "status": "open",
    "order": {"id": ORDER_ID, "admin_graphql_api_id": f"gid://shopify/Order/{ORDER_ID}"},
    "return_line_items": [],
}
RETURN_CLOSED: dict[str, Any] = {
    "id": 801,
    "admin_graphql_api_id": "gid://shopify/Return/801",
    "order_id": ORDER_ID,
    "status": "closed",
}
DISPUTE: dict[str, Any] = {
    "id": 901,
    "order_id": ORDER_ID,
    "type": "chargeback",
    "amount": "93.00",
    "currency": "EUR",
    "reason": "fraudulent",
    "status": "needs_response",
    "evidence_due_by": "2026-10-01T00:00:00Z",
    "initiated_at": "2026-09-25T00:00:00Z",
}
EDIT: dict[str, Any] = {
    "order_edit": {"id": 1, "order_id": ORDER_ID, "created_at": "2026-09-21T15:00:00Z", "staff_note": "Nino called"}
}
CHECKOUT: dict[str, Any] = {
    "id": 1,
    "token": "t",
    "cart_token": "c",
    "abandoned_checkout_url": "https://shop.example/1/checkouts/t/recover?key=k",
    "line_items": [],
    "total_price": "1.00",
}
CART: dict[str, Any] = {"id": "c", "token": "c", "line_items": [], "updated_at": "2026-09-21T15:00:00Z"}
DRAFT: dict[str, Any] = {
    "id": 1,
    "admin_graphql_api_id": "gid://shopify/DraftOrder/1",
    "status": "open",
    "line_items": [],
    "invoice_url": "https://shop.example/1/invoices/x",
    "order_id": None,
}
TENDER: dict[str, Any] = {
    "id": 1,
    "order_id": ORDER_ID,
    "amount": "93.00",
    "currency": "EUR",
    "remote_reference": "1",
    "payment_method": "credit_card",
}
PERSON = {"id": 7, "email": "nino@example.com", "phone": "+995555123456"}
REDACT: dict[str, Any] = {"shop_id": 1, "shop_domain": SHOP, "customer": PERSON, "orders_to_redact": [ORDER_ID, 5]}
REQUEST: dict[str, Any] = {
    "shop_id": 1,
    "shop_domain": SHOP,
    "customer": PERSON,
    "orders_requested": [ORDER_ID],
    "data_request": {"id": 9999},
}
SHOP_REDACT: dict[str, Any] = {"shop_id": 1, "shop_domain": SHOP}

# topic -> a body of it
BODIES: dict[str, dict[str, Any]] = {
    **{f"orders/{step}": ORDER for step in ("create", "paid", "updated", "cancelled", "fulfilled",
                                            "partially_fulfilled")},
    "orders/edited": EDIT,
    "orders/delete": {"id": ORDER_ID},
    "refunds/create": REFUND,
    "order_transactions/create": TRANSACTION,
    "fulfillments/create": FULFILLMENT,
    "fulfillments/update": FULFILLMENT,
    "fulfillment_events/create": SCAN,
    **{f"returns/{step}": RETURN for step in ("request", "approve", "decline", "update")},
    **{f"returns/{step}": RETURN_CLOSED for step in ("close", "reopen", "cancel")},
    "disputes/create": DISPUTE,
    "disputes/update": DISPUTE,
    "customers/redact": REDACT,
    "customers/data_request": REQUEST,
    "shop/redact": SHOP_REDACT,
    "checkouts/create": CHECKOUT,
    "checkouts/update": CHECKOUT,
    "carts/create": CART,
    "carts/update": CART,
    "draft_orders/create": DRAFT,
    "draft_orders/update": DRAFT,
    "tender_transactions/create": TENDER,
    "app/uninstalled": {"id": 1, "name": "Demo"},
}  # fmt: skip


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy with top-level fields replaced; a field set to `...` is taken out."""
    return {key: value for key, value in (copy.deepcopy(body) | changes).items() if value is not ...}


def deliver(
    topic: str, body: Any, headers: dict[str, str] | None = None, **options: Any
) -> Reading | Refusal | Ignored:
    """One delivery as the collector hands it over."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"x-shopify-topic": topic} if topic else {}
    return SHOPIFY.read(raw, named | (headers or {}), SourceOptions(**{"shop": SHOP} | options), NOW_MS)
