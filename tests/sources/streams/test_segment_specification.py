"""Every event of the published e-commerce specification, with the properties that it lists, as the gateway's own.

The specification is the same at Segment ("Spec: V2 Ecommerce Events") and RudderStack ("Ecommerce Events Specification"). The values are
our own. What each event must become is written down here by hand; nothing of it is asked from the code.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from twofold.event.model import RawEvent
from twofold.sources.streams.message import LeftOut
from twofold.sources.streams.segment import read_message

NOW_MS = 1_790_000_000_000
LAMP = {
    "product_id": "LMP-9", "sku": "L9-B", "category": "Lamps", "name": "Desk lamp", "brand": "Halo", "variant": "black",
    "price": 59.9, "quantity": 2, "coupon": "LIGHT5", "position": 3, "url": "https://shop.example/p/lmp-9",
    "image_url": "https://shop.example/i/lmp-9.jpg",
}  # fmt: skip
BULB = {"product_id": "BLB-2", "sku": "B2", "name": "Bulb E27", "price": "7.50", "quantity": "4"}
GOODS = [LAMP, BULB]
MONEY = {
    "affiliation": "Web store", "subtotal": 149.8, "total": 161.75, "revenue": 149.8, "shipping": 6.95, "tax": 24.97,
    "discount": 5, "coupon": "LIGHT5", "currency": "EUR",
}  # fmt: skip
ORDER = {"order_id": "R-20417", "checkout_id": "chk-771", **MONEY, "products": GOODS}
ONE, BOTH, NONE = ["LMP-9"], ["LMP-9", "BLB-2"], []

# Their name, its properties; our name, which goods, value and currency.
SPECIFICATION: list[tuple[str, dict[str, Any], str, list[str], Any, str | None]] = [
    ("Products Searched", {"query": "desk lamp"}, "Search", NONE, None, None),
    ("Product List Viewed", {"list_id": "l-7", "category": "Lamps", "products": GOODS}, "Product List Viewed", BOTH, None, None),
    ("Product List Filtered", {"list_id": "l-7", "filters": [{"type": "brand", "value": "Halo"}], "sorts": [{"type": "price",
      "value": "asc"}], "products": [LAMP]}, "Product List Filtered", ONE, None, None),
    ("Promotion Viewed", {"promotion_id": "pr-1", "creative": "top", "name": "Dark evenings", "position": "home"},
     "Promotion Viewed", NONE, None, None),
    ("Promotion Clicked", {"promotion_id": "pr-1", "creative": "top", "name": "Dark evenings", "position": "home"},
     "Promotion Clicked", NONE, None, None),
    ("Product Clicked", LAMP, "Product Clicked", ONE, None, None),
    ("Product Viewed", {**LAMP, "currency": "EUR", "value": 119.8}, "ViewContent", ONE, 119.8, "EUR"),
    ("Product Added", {**LAMP, "cart_id": "c-1", "currency": "EUR"}, "AddToCart", ONE, Decimal("119.8"), "EUR"),
    ("Product Removed", {**LAMP, "cart_id": "c-1"}, "Product Removed", ONE, None, None),
    ("Cart Viewed", {"cart_id": "c-1", "products": GOODS}, "Cart Viewed", BOTH, None, None),
    ("Checkout Started", ORDER, "InitiateCheckout", BOTH, 161.75, "EUR"),
    ("Checkout Step Viewed", {"checkout_id": "chk-771", "step": 2, "shipping_method": "Express", "payment_method": "Visa"},
     "Checkout Step Viewed", NONE, None, None),
    ("Checkout Step Completed", {"checkout_id": "chk-771", "step": 2, "shipping_method": "Express", "payment_method": "Visa"},
     "Checkout Step Completed", NONE, None, None),
    ("Payment Info Entered", {"checkout_id": "chk-771", "order_id": "R-20417", "step": 3, "shipping_method": "Express",
      "payment_method": "Visa"}, "AddPaymentInfo", NONE, None, None),
    ("Order Completed", ORDER, "Purchase", BOTH, 161.75, "EUR"),
    ("Order Updated", ORDER, "Order Updated", BOTH, 161.75, "EUR"),
    ("Order Refunded", {"order_id": "R-20417", "total": 59.9, "currency": "EUR", "products": [LAMP]}, "Order Refunded", ONE, 59.9, "EUR"),
    ("Order Cancelled", ORDER, "Order Cancelled", BOTH, 161.75, "EUR"),
    ("Coupon Entered", {"order_id": "R-20417", "cart_id": "c-1", "coupon_id": "LIGHT5"}, "Coupon Entered", NONE, None, None),
    ("Coupon Applied", {"order_id": "R-20417", "coupon_id": "LIGHT5", "coupon_name": "Light", "discount": 5}, "Coupon Applied", NONE, None,
     None),
    ("Coupon Denied", {"order_id": "R-20417", "coupon": "X", "reason": "expired"}, "Coupon Denied", NONE, None, None),
    ("Coupon Removed", {"order_id": "R-20417", "coupon_id": "LIGHT5"}, "Coupon Removed", NONE, None, None),
    ("Product Added to Wishlist", {"wishlist_id": "w-1", **LAMP, "currency": "EUR"}, "AddToWishlist", ONE, Decimal("119.8"), "EUR"),
    ("Product Removed from Wishlist", {"wishlist_id": "w-1", **LAMP}, "Product Removed from Wishlist", ONE, None, None),
    ("Wishlist Product Added to Cart", {"wishlist_id": "w-1", "cart_id": "c-1", **LAMP, "currency": "EUR"}, "AddToCart", ONE,
     Decimal("119.8"), "EUR"),
    ("Product Shared", {"share_via": "email", "share_message": "look", "recipient": "friend", **LAMP}, "Product Shared", ONE, None, None),
    ("Cart Shared", {"share_via": "email", "cart_id": "c-1", "products": [{"product_id": "LMP-9"}, {"product_id": "BLB-2"}]}, "Cart Shared",
     BOTH, None, None),
    ("Product Reviewed", {"product_id": "LMP-9", "review_id": "rv-1", "review_body": "bright", "rating": "5"}, "Product Reviewed", ONE, None,
     None),
]  # fmt: skip


def read(kind: str = "track", **message: Any) -> Any:
    given = {"messageId": "m-1", "userId": "u-1", "timestamp": "2026-09-21T14:13:20Z", **message}
    return read_message(given, kind, None, NOW_MS, {}, [])


def event(name: str, properties: dict[str, Any]) -> RawEvent:
    """As the door hands it on: no figure is a float."""
    found = read(event=name, properties=json.loads(json.dumps(properties), parse_float=Decimal))
    assert isinstance(found, RawEvent)
    return found


@pytest.mark.parametrize(
    "spelt", [str, str.lower, str.upper, "  {}  ".format], ids=["as is", "lower", "upper", "spaced"]
)
@pytest.mark.parametrize(
    ("name", "properties", "ours", "goods", "value", "currency"), SPECIFICATION, ids=[r[0] for r in SPECIFICATION]
)
def test_each_event_of_the_specification(name, properties, ours, goods, value, currency, spelt):
    """Its name however it is spelt, its goods with what they are, its money as it is written."""
    found = event(spelt(name), properties)
    data = found.custom_data
    assert found.event_name == ours
    assert [line["id"] for line in data.get("contents", ())] == goods
    assert (data.get("value"), data.get("currency")) == (value if value is None else Decimal(str(value)), currency)
    assert data.get("order_id") == properties.get("order_id")
    if "LMP-9" in goods and properties.get("products", [LAMP])[0] is LAMP and name != "Product Reviewed":
        line = data["contents"][0]
        told = [
            line[key]
            for key in ("quantity", "item_price", "title", "brand", "category", "variant", "coupon", "position")
        ]
        assert told == [2, Decimal("59.9"), "Desk lamp", "Halo", "Lamps", "black", "LIGHT5", 3]


@pytest.mark.parametrize(("name", "properties"), [row[:2] for row in SPECIFICATION], ids=[r[0] for r in SPECIFICATION])
def test_no_property_of_the_specification_is_lost(name, properties):
    """Each is in its own place, a part of the goods, or a property under its name; but what names the checkout, the cart and pictures."""
    apart = {"order_id", "currency", "total", "revenue", "value", "products", "checkout_id", "cart_id", "price", "quantity", "product_id", "sku",
             "url", "name", "query", "category"}  # fmt: skip
    data = event(name, properties).custom_data
    told = json.loads(json.dumps(properties), parse_float=Decimal)
    assert {key: data.get(key) for key in told if key not in apart} == {k: v for k, v in told.items() if k not in apart}
    if "query" in properties:
        assert data["search_string"] == properties["query"]
    if "category" in properties:
        assert data["content_category"] == properties["category"]
    if "name" in properties:
        assert properties["name"] in (data.get("content_name"), data.get("promotion_name"))


@pytest.mark.parametrize(
    ("older", "ours"),
    [
        ("Viewed Product Category", "Product List Viewed"),
        ("Viewed Product", "ViewContent"),
        ("Added Product", "AddToCart"),
        ("Removed Product", "Product Removed"),
        ("Completed Order", "Purchase"),
        ("Viewed Promotion", "Promotion Viewed"),
        ("Clicked Promotion", "Promotion Clicked"),
        ("Viewed Checkout Step", "Checkout Step Viewed"),
        ("Completed Checkout Step", "Checkout Step Completed"),
        ("Trial Started", "StartTrial"),
        ("Signed Up", "CompleteRegistration"),
    ],
)
def test_the_first_version_of_the_specification_and_the_one_for_subscriptions(older, ours):
    assert event(older, {}).event_name == ours


@pytest.mark.parametrize(
    "lines",
    [
        [
            {
                "content_id": "LMP-9",
                "price": 59.9,
                "quantity": 2,
                "content_name": "Desk lamp",
                "content_category": "Lamps",
            }
        ],
        [{"id": "LMP-9", "item_price": 59.9, "quantity": 2, "title": "Desk lamp", "category": "Lamps"}],
        [{"id": "LMP-9", "price": "59.9", "quantity": "2", "title": "Desk lamp", "category": "Lamps"}],
    ],
    ids=["TikTok's words", "Meta's", "X's"],
)
def test_goods_in_a_platforms_own_form(lines):
    """Senders that were set up for one platform write its `contents` into the properties."""
    data = event("Product Added", {"contents": lines, "value": 119.8, "currency": "EUR"}).custom_data
    (line,) = data["contents"]
    assert (line["id"], float(line["item_price"]), int(line["quantity"])) == ("LMP-9", 59.9, 2)
    assert (line["title"], line["category"], data["num_items"]) == ("Desk lamp", "Lamps", 2)


def test_products_are_heard_before_contents():
    data = event("Product Added", {"contents": [{"content_id": "other"}], "products": [LAMP]}).custom_data
    assert [line["id"] for line in data["contents"]] == ["LMP-9"]


@pytest.mark.parametrize(
    ("kind", "found"), [("page", "PageView"), *((k, LeftOut(k)) for k in ("identify", "screen", "group", "alias"))]
)
def test_each_call(kind, found):
    """A page is an event; what tells none is left out and counted."""
    got = read(kind, name="Lamps", properties={"title": "Lamps"}, traits={"plan": "pro"}, groupId="g", previousId="p")
    assert (got.event_name if isinstance(got, RawEvent) else got) == found
