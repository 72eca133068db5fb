"""Bodies of WooCommerce webhooks, written by hand after the REST API's "Order properties"; the people are invented."""

from __future__ import annotations

import copy
import json

from twofold.sources.contract import Reading, SourceOptions
from twofold.sources.woocommerce import WOOCOMMERCE

SHOP = "shop.example"
NOW_MS = 1_790_100_000_000
PLACED = 1_790_000_000  # 2026-09-21 14:13:20 UTC
OPTIONS = SourceOptions(shop=SHOP)
UPDATED = {
    "x-wc-webhook-topic": "order.updated",
    "x-wc-webhook-resource": "order",
    "x-wc-webhook-event": "updated",
    "x-wc-webhook-source": "https://shop.example/",
    "x-wc-webhook-id": "7",
    "x-wc-webhook-delivery-id": "9f2c81d0e4b7",
}

# 2 mugs at 10.00 and tea at 5.50, with 2.50 off, shipping 4.00, 20 % tax on all: 23.00 + 4.00 = 27.00, and 5.40.
ORDER = {
    "id": 4711,
    "parent_id": 0,
    "number": "WS-4711",
    "order_key": "wc_order_Ab3dE6gH9kLmN",
    "created_via": "checkout",
    "version": "9.4.2",
    "status": "processing",
    "currency": "EUR",
    "date_created": "2026-09-21T16:13:20",
    "date_created_gmt": "2026-09-21T14:13:20",
    "date_modified": "2026-09-21T16:14:05",
    "date_modified_gmt": "2026-09-21T14:14:05",
    "discount_total": "2.50",
    "discount_tax": "0.50",
    "shipping_total": "4.00",
    "shipping_tax": "0.80",
    "cart_tax": "4.60",
    "total": "32.40",
    "total_tax": "5.40",
    "prices_include_tax": False,
    "customer_id": 12,
    "customer_ip_address": "203.0.113.9",
    "customer_user_agent": "Mozilla/5.0 (X11)",
    "customer_note": "",
    "billing": {
        "first_name": "Nino",
        "last_name": "Beridze",
        "company": "",
        "address_1": "Rustaveli 1",
        "address_2": "",
        "city": "Tbilisi",
        "state": "TB",
        "postcode": "0108",
        "country": "GE",
        "email": "Nino@Example.com",
        "phone": "+995 555 12 34 56",
    },
    "shipping": {
        "first_name": "Gio",
        "last_name": "Kapanadze",
        "city": "Batumi",
        "state": "",
        "postcode": "6000",
        "country": "GE",
        "phone": "+995 322 11 11 11",
    },
    "payment_method": "stripe",
    "payment_method_title": "Credit card",
    "transaction_id": "ch_3Px0001",
    "date_paid": "2026-09-21T16:13:40",
    "date_paid_gmt": "2026-09-21T14:13:40",
    "date_completed": None,
    "date_completed_gmt": None,
    "cart_hash": "0cc175b9c0f1b6a831c399e269772661",
    "meta_data": [
        {"id": 1, "key": "_fbp", "value": "fb.1.1789992155109.1110590605"},
        {"id": 2, "key": "_fbc", "value": "fb.1.1789992155109.IwAR0AbC"},
        {
            "id": 3,
            "key": "_wc_order_attribution_session_entry",
            "value": "https://shop.example/mugs/?fbclid=IwAR9zZ&gclid=Cj0KCQ_x",
        },
        {"id": 4, "key": "_stripe_intent_id", "value": "pi_3Px0001"},
        {"id": 5, "key": "_wc_order_attribution_device_type", "value": "Desktop"},
    ],
    "line_items": [
        {
            "id": 31,
            "name": "Mug",
            "product_id": 11,
            "variation_id": 111,
            "quantity": 2,
            "subtotal": "20.00",
            "subtotal_tax": "4.00",
            "total": "17.50",
            "total_tax": "3.50",
            "sku": "MUG-1",
            "price": 8.75,
            "meta_data": [],
        },
        {
            "id": 32,
            "name": "Tea",
            "product_id": 22,
            "variation_id": 0,
            "quantity": 1,
            "subtotal": "5.50",
            "subtotal_tax": "1.10",
            "total": "5.50",
            "total_tax": "1.10",
            "sku": None,
            "price": 5.5,
            "meta_data": [],
        },
    ],
    "tax_lines": [],
    "shipping_lines": [{"id": 33, "method_title": "Post", "total": "4.00", "total_tax": "0.80"}],
    "fee_lines": [],
    "coupon_lines": [],
    "refunds": [],
    "payment_url": "https://shop.example/checkout/order-pay/4711/?pay_for_order=true&key=wc_order_Ab3dE6gH9kLmN",
}


def order(**changes):
    """The order above with top-level fields replaced; a field set to `...` is taken out."""
    changed = copy.deepcopy(ORDER) | changes
    return {key: value for key, value in changed.items() if value is not ...}


def with_meta(**pairs):
    return [*ORDER["meta_data"], *({"id": 9, "key": key, "value": value} for key, value in pairs.items())]


def read(body, headers=UPDATED, options=OPTIONS):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WOOCOMMERCE.read(raw, headers, options, NOW_MS)


def reading(body, headers=UPDATED, options=OPTIONS):
    result = read(body, headers, options)
    assert isinstance(result, Reading), result
    return result
