"""Stripe events, written by hand after the API reference's objects; ids and people are invented."""

from __future__ import annotations

import copy
import json

from twofold.sources.contract import Reading, SourceOptions
from twofold.sources.stripe import STRIPE

SHOP = "shop.example"
NOW_MS = 1_790_000_100_000
AT = 1_790_000_000
OPTIONS = SourceOptions(shop=SHOP)

SESSION = {
    "id": "cs_live_a1",
    "object": "checkout.session",
    "amount_subtotal": 2500,
    "amount_total": 3240,
    "client_reference_id": None,
    "created": AT - 300,
    "currency": "eur",
    "customer": "cus_A1",
    "customer_details": {
        "address": {
            "city": "Los Angeles",
            "country": "US",
            "line1": "1 Main St",
            "line2": None,
            "postal_code": "90001",
            "state": "CA",
        },
        "email": "Mary@Example.com",
        "name": "Mary Ann Smith",
        "phone": "+16505551212",
        "tax_exempt": "none",
    },
    "customer_email": None,
    "invoice": None,
    "livemode": True,
    "metadata": {"order_id": "1001", "fbp": "fb.1.1789992155109.1110590605", "fbc": "fb.1.1789992155109.IwAR0AbC"},
    "mode": "payment",
    "payment_intent": "pi_3A",
    "payment_method_types": ["card"],
    "payment_status": "paid",
    "shipping_cost": {"amount_subtotal": 400, "amount_tax": 80, "amount_total": 480},
    "status": "complete",
    "subscription": None,
    "success_url": "https://shop.example/thanks?session_id={CHECKOUT_SESSION_ID}",
    "total_details": {"amount_discount": 250, "amount_shipping": 480, "amount_tax": 540},
}

INTENT = {
    "id": "pi_3A",
    "object": "payment_intent",
    "amount": 3240,
    "amount_capturable": 0,
    "amount_received": 3240,
    "created": AT - 200,
    "currency": "eur",
    "customer": "cus_A1",
    "description": None,
    "invoice": None,
    "latest_charge": "ch_3A",
    "livemode": True,
    "metadata": {},
    "payment_method_types": ["card", "klarna"],
    "receipt_email": "mary@example.com",
    "shipping": {"name": "Mary Smith", "phone": None, "address": {"country": "US", "state": "NY", "city": "New York"}},
    "status": "succeeded",
}

CHARGE = {
    "id": "ch_3A",
    "object": "charge",
    "amount": 3240,
    "amount_captured": 3240,
    "amount_refunded": 0,
    "billing_details": {
        "address": {"city": "Los Angeles", "country": "US", "postal_code": "90001", "state": "CA"},
        "email": "mary@example.com",
        "name": "Mary Smith",
        "phone": None,
    },
    "captured": True,
    "created": AT,
    "currency": "eur",
    "customer": "cus_A1",
    "livemode": True,
    "metadata": {},
    "paid": True,
    "payment_intent": "pi_3A",
    "payment_method_details": {"card": {"brand": "visa", "wallet": None}, "type": "card"},
    "refunded": False,
    "status": "succeeded",
}

INVOICE = {
    "id": "in_1A",
    "object": "invoice",
    "amount_paid": 2400,
    "billing_reason": "subscription_create",
    "created": AT - 5,
    "currency": "eur",
    "customer": "cus_A1",
    "customer_address": {"city": "Berlin", "country": "DE", "postal_code": "10115", "state": None},
    "customer_email": "mary@example.com",
    "customer_name": "Mary Smith",
    "customer_phone": None,
    "livemode": True,
    "metadata": {},
    "parent": {
        "type": "subscription_details",
        "subscription_details": {
            "subscription": "sub_1",
            "metadata": {"order_id": "1001", "event_id": "first-1", "fbp": "fb.1.1789992155109.1110590605"},
        },
    },
    "status": "paid",
    "total": 2400,
    "total_discount_amounts": [],
    "total_taxes": [{"amount": 400, "tax_behavior": "inclusive"}],
}

REFUND = {
    "id": "re_3A",
    "object": "refund",
    "amount": 1000,
    "charge": "ch_3A",
    "created": AT,
    "currency": "eur",
    "metadata": {"order_id": "some note of staff"},
    "payment_intent": "pi_3A",
    "reason": "requested_by_customer",
    "status": "succeeded",
}

DISPUTE = {
    "id": "du_1A",
    "object": "dispute",
    "amount": 3240,
    "charge": "ch_3A",
    "created": AT,
    "currency": "eur",
    "metadata": {},
    "payment_intent": "pi_3A",
    "reason": "fraudulent",
    "status": "needs_response",
}


def event(name, thing, *, at=AT, live=True, previous=None, **changes):
    """An event of type ``name`` about ``thing`` with its fields replaced; a field set to `...` is taken out."""
    changed = {key: value for key, value in (copy.deepcopy(thing) | changes).items() if value is not ...}
    if "livemode" in changed:
        changed["livemode"] = live
    data = {"object": changed} | ({"previous_attributes": previous} if previous else {})
    return {
        "id": "evt_1A",
        "object": "event",
        "api_version": "2025-09-30.clover",
        "created": at,
        "data": data,
        "livemode": live,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": name,
    }


def read(body, options=OPTIONS):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return STRIPE.read(raw, {}, options, NOW_MS)


def reading(body, options=OPTIONS):
    result = read(body, options)
    assert isinstance(result, Reading), result
    return result
