"""Readers of shops and payments on bodies that others recorded or the system itself published. Which body is whose: docs/bodies.md, of bodies.toml beside
this file; what is expected was read in each by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from twofold.ledger.model import Method, Paid, Sale
from twofold.sources import SOURCES
from twofold.sources.contract import Ignored, Reading, SourceOptions

PUBLISHED = Path(__file__).parent / "published"
OPTIONS = SourceOptions(shop="shop.example")


def body(name: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((PUBLISHED / f"{name}.json").read_bytes())
    return tree


def read(name: str, tree: dict[str, Any]) -> Any:
    return SOURCES[name].read(json.dumps(tree).encode(), {}, OPTIONS, 1_800_000_000_000)


def order(name: str, tree: dict[str, Any]) -> Any:
    found = read(name, tree)
    assert isinstance(found, Reading), found
    assert found.order is not None
    return found.order


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp())  # type: ignore[misc]


def test_bigcommerces_own_example() -> None:
    """Made by the API, so it is Pending without a checkout that anybody could complete: an order, not a draft."""
    told = order("bigcommerce", {"order": body("bigcommerce.order"), "products": []})
    state = told.snapshot
    assert (told.order_id, told.country, told.region) == ("193", "US", "US-TX")
    assert (state.shop.currency, state.shop.total, state.shop.tax) == ("USD", Decimal("10.98"), Decimal("0.98"))
    assert (state.paid, state.sale, state.placed_at) == (Paid.UNPAID, Sale.API, at(2018, 10, 12, 19, 6, 23))


@pytest.mark.parametrize(
    ("status", "source", "gateway", "paid"),
    [
        # "Shipped, Partially Shipped, Awaiting Pickup, Awaiting Shipment, Completed, Awaiting Fulfillment" are of the paid type.
        *((status, "www", "Bank Deposit", Paid.PAID) for status in (2, 3, 8, 9, 10, 11)),
        (7, "www", "Bank Deposit", Paid.UNPAID),
        (4, "www", "Bank Deposit", Paid.REFUNDED),
        (11, "www", "Cash on Delivery", None),  # its money is taken at the door, whatever the status
        (1, "manual", "Bank Deposit", Paid.UNPAID),
        (1, "www", "Bank Deposit", "draft"),
        (0, "external", "Bank Deposit", "draft"),
    ],
)
def test_what_a_status_of_bigcommerce_says_of_the_money(status: int, source: str, gateway: str, paid: Any) -> None:
    tree = body("bigcommerce.order") | {"status_id": status, "order_source": source, "payment_method": gateway}
    found = read("bigcommerce", {"order": tree, "products": []})
    if paid == "draft":
        assert isinstance(found, Ignored)
        assert found.kind == "draft"
    else:
        assert found.order.snapshot.paid is paid


def test_klarnas_own_example() -> None:
    told = order("klarna", body("klarna.order"))
    moved = [(p.kind, p.state, p.amount, p.currency, p.at) for p in told.payments]
    assert moved == [
        ("authorisation", "success", Decimal(2), "PLN", at(2022, 7, 8, 9, 48, 16)),
        ("capture", "success", Decimal(2), "PLN", at(2022, 7, 8, 9, 48, 17)),
    ]
    assert told.refunds == ()


def test_a_recorded_order_of_magento() -> None:
    told = order("magento", {"order": body("magento.order")})
    state = told.snapshot
    assert (told.order_id, told.aliases, told.country, told.region) == ("000000001", ("entity:1",), "IN", "IN-MP")
    assert (state.shop.currency, state.shop.total, state.shop.shipping) == ("INR", Decimal(1005), Decimal(5))
    assert (state.paid, state.method) == (
        Paid.UNPAID,
        Method.BANK_TRANSFER,
    )  # "Check / Money order", and all of it is due
    assert [(line.sku, line.quantity, line.price) for line in state.lines] == [("test-product", 1, Decimal(1000))]
    assert (state.placed_at, told.at) == (at(2024, 4, 5, 4, 31, 51), at(2024, 4, 5, 5, 12, 18))


def test_a_recorded_order_of_prestashop() -> None:
    """The order alone says of its currency and its state only the numbers; 09:37:25 of July in Paris is two hours before UTC's."""
    tree = {"order": body("prestashop.order"), "currency": {"id": 3, "iso_code": "MAD"}, "zone": "Europe/Paris"}
    told = order("prestashop", tree)
    state = told.snapshot
    assert (told.order_id, told.aliases) == ("114", ("cart:128",))
    assert (state.shop.total, state.shop.tax, state.shop.currency) == (Decimal(42340), Decimal(42340 - 36188), "MAD")
    assert [(x.sku, x.quantity, x.price) for x in state.lines] == [
        ("test63", 3, Decimal("2449.999999")), ("test195", 1, Decimal("34990")),
    ]  # fmt: skip
    assert state.placed_at == at(2023, 7, 28, 7, 37, 25)


def test_a_recorded_test_notification_of_shopify() -> None:
    """Its order, 820982911946154508, is nobody's; what was recorded went through a program that has no such numbers, and it is one all the same."""
    headers = {"x-shopify-topic": "refunds/create", "x-shopify-shop-domain": "hookdeck-demo.myshopify.com"}
    found = SOURCES["shopify"].read(
        json.dumps(body("shopify.refunds.create")).encode(), headers, OPTIONS, 1_800_000_000_000
    )
    assert isinstance(found, Ignored)
    assert found.kind == "refund"
