"""One message for each event of the published e-commerce specification, in Segment's form, with values of our own."""

from __future__ import annotations

import json
import sys
from typing import Any

WHEN = "2026-11-29T17:30:00.000Z"
LAMP = {
    "product_id": "LMP-9",
    "sku": "L9-B",
    "name": "Desk lamp",
    "brand": "Halo",
    "category": "Lamps",
    "variant": "black",
    "price": 59.9,
    "quantity": 2,
    "coupon": "LIGHT5",
    "position": 3,
    "url": "https://shop.example/p/lmp-9",
    "image_url": "https://shop.example/i/lmp-9.jpg",
}
BULB = {
    "product_id": "BLB-2",
    "sku": "B2",
    "name": "Bulb E27",
    "brand": "Halo",
    "category": "Bulbs",
    "variant": "warm",
    "price": 7.5,
    "quantity": 4,
    "position": 4,
}
ORDER = {
    "checkout_id": "chk-771",
    "order_id": "R-20417",
    "affiliation": "Web store",
    "total": 161.75,
    "subtotal": 149.8,
    "revenue": 149.8,
    "shipping": 6.95,
    "tax": 24.97,
    "discount": 5,
    "coupon": "LIGHT5",
    "currency": "EUR",
    "products": [LAMP, BULB],
}
EVENTS: list[tuple[str | None, dict[str, Any]]] = [
    ("Products Searched", {"query": "desk lamp"}),
    ("Product List Viewed", {"list_id": "l-7", "category": "Lamps", "products": [LAMP, BULB]}),
    (
        "Product List Filtered",
        {
            "list_id": "l-7",
            "category": "Lamps",
            "filters": [{"type": "brand", "value": "Halo"}],
            "sorts": [{"type": "price", "value": "asc"}],
            "products": [LAMP],
        },
    ),
    ("Promotion Viewed", {"promotion_id": "pr-1", "creative": "top", "name": "Dark evenings", "position": "home"}),
    ("Promotion Clicked", {"promotion_id": "pr-1", "creative": "top", "name": "Dark evenings", "position": "home"}),
    ("Product Clicked", {**LAMP, "currency": "EUR"}),
    ("Product Viewed", {**LAMP, "currency": "EUR", "value": 119.8}),
    ("Product Added", {**LAMP, "cart_id": "c-1", "currency": "EUR", "value": 119.8}),
    ("Product Removed", {**LAMP, "cart_id": "c-1", "currency": "EUR", "value": 119.8}),
    ("Cart Viewed", {"cart_id": "c-1", "currency": "EUR", "value": 149.8, "products": [LAMP, BULB]}),
    ("Checkout Started", {k: v for k, v in ORDER.items() if k not in ("total", "subtotal")} | {"value": 161.75}),
    (
        "Checkout Step Viewed",
        {"checkout_id": "chk-771", "step": 2, "shipping_method": "Express", "payment_method": "Visa"},
    ),
    (
        "Checkout Step Completed",
        {"checkout_id": "chk-771", "step": 2, "shipping_method": "Express", "payment_method": "Visa"},
    ),
    (
        "Payment Info Entered",
        {
            "checkout_id": "chk-771",
            "order_id": "R-20417",
            "step": 3,
            "shipping_method": "Express",
            "payment_method": "Visa",
            "currency": "EUR",
            "value": 161.75,
            "products": [LAMP, BULB],
        },
    ),
    ("Order Completed", ORDER),
    ("Order Updated", ORDER),
    ("Order Refunded", {"order_id": "R-20417", "total": 59.9, "currency": "EUR", "products": [LAMP]}),
    ("Order Cancelled", ORDER),
    ("Coupon Entered", {"order_id": "R-20417", "cart_id": "c-1", "coupon_id": "LIGHT5"}),
    (
        "Coupon Applied",
        {"order_id": "R-20417", "cart_id": "c-1", "coupon_id": "LIGHT5", "coupon_name": "Light", "discount": 5},
    ),
    ("Coupon Denied", {"order_id": "R-20417", "cart_id": "c-1", "coupon": "X", "reason": "expired"}),
    ("Coupon Removed", {"order_id": "R-20417", "cart_id": "c-1", "coupon_id": "LIGHT5"}),
    ("Product Added to Wishlist", {"wishlist_id": "w-1", "wishlist_name": "Home", **LAMP, "currency": "EUR"}),
    ("Product Removed from Wishlist", {"wishlist_id": "w-1", "wishlist_name": "Home", **LAMP}),
    ("Wishlist Product Added to Cart", {"wishlist_id": "w-1", "cart_id": "c-1", **LAMP, "currency": "EUR"}),
    ("Product Shared", {"share_via": "email", "share_message": "look", "recipient": "friend", **LAMP}),
    ("Cart Shared", {"share_via": "email", "cart_id": "c-1", "products": [{"product_id": "LMP-9"}]}),
    ("Product Reviewed", {"product_id": "LMP-9", "review_id": "rv-1", "review_body": "bright", "rating": "5"}),
    ("Signed Up", {"type": "organic", "method": "email"}),
    ("Trial Started", {"trial_plan_name": "Pro", "currency": "EUR", "value": 9}),
    (None, {"title": "Lamps", "url": "https://shop.example/c/lamps"}),
]
CLICKS = "ttclid=E.C.P.z9&gclid=EAIb&epik=dj0yZ&ScCid=sc-77&rdt_cid=501&li_fat_id=8f1c3a02-0000-4000-8000-00c0ffee0001&twclid=tw55&msclkid=ms88"
CONTEXT = {
    "ip": "198.51.100.23",
    "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/145.0",
    "locale": "de-DE",
    "page": {"url": f"https://shop.example/c/lamps?{CLICKS}", "referrer": "https://search.example/?q=lamp", "title": "Lamps"},
    "traits": {
        "email": "tomas.berg@example.com", "phone": "+4915112345678", "firstName": "Tomas", "lastName": "Berg",
        "address": {"city": "Bremen", "postalCode": "28195", "country": "DE", "state": "HB"},
    },
    "consent": {"categoryPreferences": {"marketing": True, "ad_user_data": True, "analytics": True, "personalization": True}},
    "fbp": "fb.1.1795771021000.1184022741",
}  # fmt: skip


def messages() -> list[dict[str, Any]]:
    """All of them, each with an id of its own."""
    times = dict.fromkeys(("timestamp", "sentAt", "originalTimestamp"), WHEN)
    who = {"userId": "kunde-88", "anonymousId": "anon-501", "context": CONTEXT}
    return [
        {"messageId": f"own-{n:03}", **times, **who, "properties": properties}
        | ({"type": "track", "event": name} if name else {"type": "page", "name": "Lamps"})
        for n, (name, properties) in enumerate(EVENTS)
    ]


if __name__ == "__main__":
    sys.stdout.writelines(json.dumps(message) + "\n" for message in messages())
