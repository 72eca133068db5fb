"""Shops that never send: their lists of changes are read, and each order that changed is fetched and comes in as a signed webhook does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from asked_shops import SHOP, TOKEN, Asking, asking, bigcommerce_order, bigcommerce_product
from listing_shops import Magento, PrestaShop, magento_order, prestashop_order
from running_gateway import NOW_S, purchase
from stand_in import Reply, StandIn, standing_in

from twofold.event.model import Tier
from twofold.event.refusal import Refusal
from twofold.fetching.systems import magento
from twofold.ledger.model import Method, Paid
from twofold.sources import SOURCES
from twofold.sources.contract import Reading, SourceOptions

OPTIONS = SourceOptions(shop=SHOP)


class Scene:
    def __init__(self, running: Asking, magento: Magento, presta: PrestaShop, at: tuple[StandIn, StandIn]) -> None:
        self.running, self.magento, self.presta, self.at = running, magento, presta, at

    @property
    def gateway(self) -> Any:
        return self.running.gateway


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    magento, presta = Magento(), PrestaShop()
    with standing_in(magento) as first, standing_in(presta) as second:
        sources = (
            {"type": "magento", "token": TOKEN, "endpoint": first.url},
            {"type": "prestashop", "token": TOKEN, "endpoint": f"{second.url}/", "timezone": "Europe/Paris"},
        )
        with asking(tmp_path_factory.mktemp("listed") / "data", *sources) as running:
            running.look_often()
            yield Scene(running, magento, presta, (first, second))


def test_an_order_of_magento_is_one_with_the_browsers_purchase(scene: Scene) -> None:
    scene.gateway.forget()
    page = purchase(
        f"purchase.{SHOP}.000000101", custom_data={"value": 55.5, "currency": "USD", "order_id": "000000101"}
    )
    assert scene.gateway.tag(page).status == 200
    scene.magento.put(magento_order(101))
    state = scene.running.until(lambda: scene.running.state("000000101"))
    assert (state.paid, state.known) == (Paid.PAID, True)
    browser, server = scene.gateway.new_events()
    assert (server.event_id, server.tier, server.sender) == (browser.event_id, Tier.T3, "magento")
    data, user = server.custom_data, server.user_data
    assert (data.value, data.currency, server.event_time) == (Decimal("55.5"), "USD", NOW_S)  # as the buyer saw it
    assert (data.num_items, user.client_ip_address, user.fbp) == (2, "203.0.113.9", "fb.1.1789990000000.1110590605")


def test_an_order_of_prestashop_in_its_own_time(scene: Scene) -> None:
    """16:13:20 in Paris is 14:13:20 UTC; the state, customer, address and currency are fetched beside the order."""
    scene.gateway.forget()
    scene.presta.put(prestashop_order(55))
    state = scene.running.until(lambda: scene.running.state("55"))
    assert (state.paid, state.known) == (Paid.PAID, True)
    server = scene.gateway.new_event()
    data = server.custom_data
    assert (data.value, data.currency, server.event_time, server.event_id) == (
        Decimal(51),
        "EUR",
        NOW_S,
        f"purchase.{SHOP}.55",
    )
    assert [(c.id, c.quantity, c.item_price) for c in data.contents] == [("77", 2, Decimal(24))]
    asked = [one.path for one in scene.at[1].asked]
    assert asked.count("/api/currencies/1") == 1
    scene.presta.put(prestashop_order(56))
    scene.running.until(lambda: scene.running.state("56"))
    asked = [one.path for one in scene.at[1].asked]
    assert (asked.count("/api/currencies/1"), asked.count("/api/customers/11")) == (1, 2)


def test_a_later_state_is_seen_and_an_unchanged_order_is_not_asked_for(scene: Scene) -> None:
    scene.magento.put(magento_order(102))
    scene.running.until(lambda: scene.running.state("000000102"))
    scene.magento.put(
        magento_order(102, "2026-09-21 14:20:00", state="closed", status="closed", base_total_refunded=51)
    )
    scene.running.until(lambda: scene.running.state("000000102").paid is Paid.REFUNDED)
    before = sum(one.path == "/rest/V1/orders/102" for one in scene.at[0].asked)
    lists = sum(one.path == "/rest/V1/orders" for one in scene.at[0].asked)
    scene.running.until(lambda: sum(one.path == "/rest/V1/orders" for one in scene.at[0].asked) > lists)
    assert sum(one.path == "/rest/V1/orders/102" for one in scene.at[0].asked) == before == 2


def test_more_orders_than_a_page_and_a_no_on_the_way(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirteen of one second, by pages of five; a page that fails and one that asks for patience: all come."""
    monkeypatch.setattr(magento, "PAGE_SIZE", 5)
    for entity in range(1_000, 1_013):
        scene.magento.put(magento_order(entity, "2026-09-21 15:00:00"))
    scene.magento.refusing.say(Reply(status=503), Reply(status=429, headers={"Retry-After": "1"}))
    door = f"magento:{SHOP}"

    def come() -> bool:
        for source in scene.gateway.gateway.fetches.sources.values():
            source._pause_until = min(source._pause_until, 0.0)  # patience is tried in test_turns
        return scene.running.rows("select count(*) from orders where order_id like '000001%'") == [(13,)]

    scene.running.until(come)
    scene.running.until(lambda: scene.running.quiet(door) and not scene.running.stands(door).code)


def test_nobody_can_send_to_a_source_that_never_sends(scene: Scene) -> None:
    for path in (f"/webhooks/magento/{SHOP}", f"/webhooks/magento/{SHOP}/", f"/webhooks/prestashop/{SHOP}"):
        assert scene.gateway.send("POST", path, "{}").status == 404


# -- what an order means


def read(name: str, tree: dict[str, Any], **options: Any) -> Reading:
    found = SOURCES[name].read(json.dumps(tree).encode(), {}, SourceOptions(shop=SHOP, **options), 0)
    assert isinstance(found, Reading), found
    return found


def snapshot(name: str, tree: dict[str, Any], **options: Any) -> Any:
    order = read(name, tree, **options).order
    assert order is not None
    return order.snapshot


COD = {"payment": {"method": "cashondelivery"}}
MAGENTO = [
    ("paid", {}, Paid.PAID),
    ("invoiced in part", {"base_total_paid": 20}, Paid.PART),
    ("reserved", {"base_total_paid": None}, Paid.AUTHORISED),
    ("unpaid", {"base_total_paid": None, "payment": {"method": "banktransfer"}}, Paid.UNPAID),
    (
        "nothing to pay",
        {"base_total_paid": 0, "base_grand_total": 0, "grand_total": 0, "payment": {"method": "free"}},
        None,
    ),
    ("refunded in part", {"base_total_refunded": 10}, Paid.PART_REFUNDED),
    ("refunded", {"base_total_refunded": 51, "state": "closed"}, Paid.REFUNDED),
    ("cancelled", {"state": "canceled", "base_total_paid": None}, Paid.VOIDED),
    ("on delivery, invoiced when it was sent", COD, Paid.UNPAID),
    ("on delivery, cancelled", COD | {"state": "canceled"}, Paid.VOIDED),
]


@pytest.mark.parametrize(("name", "change", "paid"), MAGENTO, ids=[row[0] for row in MAGENTO])
def test_the_money_of_magentos_orders(name: str, change: dict[str, Any], paid: Paid | None) -> None:
    found = snapshot("magento", {"order": magento_order(1, **change), "zone": "UTC"})
    assert found.paid is paid
    assert (found.cancelled_at is not None) is (change.get("state") == "canceled")


def test_every_field_of_magentos_order() -> None:
    found = read("magento", {"order": magento_order(1, state="complete", base_total_refunded=10), "zone": "UTC"})
    order = found.order
    assert order is not None
    assert order.snapshot is not None
    shop, seen = order.snapshot.shop, order.snapshot.presentment
    assert shop is not None
    assert seen is not None
    assert (shop.currency, shop.total, shop.tax, shop.shipping, shop.shipping_tax, shop.discount) == (
        "EUR", Decimal(51), Decimal("8.5"), Decimal(6), Decimal(1), Decimal(3))  # fmt: skip
    assert (seen.currency, seen.total) == ("USD", Decimal("55.5"))
    assert [(line.id, line.sku, line.quantity, line.price, line.discount) for line in order.snapshot.lines] == [
        ("77", "CUP-1", 2, Decimal(24), Decimal(3))
    ]
    assert (order.order_id, order.aliases, order.country, order.snapshot.confirmed) == (
        "000000001",
        ("entity:1",),
        "DE",
        True,
    )
    assert [(r.amount, r.total, r.currency) for r in order.refunds] == [(Decimal(10), Decimal(10), "EUR")]


@pytest.mark.parametrize(
    ("state", "module", "stages", "paid", "method"),
    [
        ({"paid": "1"}, "ps_checkout", {}, Paid.PAID, None),
        ({"paid": "0"}, "ps_wirepayment", {}, Paid.UNPAID, Method.BANK_TRANSFER),
        ({"paid": "1", "shipped": "1"}, "ps_cashondelivery", {}, Paid.UNPAID, Method.COD),
        ({"paid": "1", "name": "Collected"}, "ps_cashondelivery", {"Collected": "paid"}, Paid.PAID, Method.COD),
        ({"paid": "0", "template": "order_canceled"}, "ps_checkout", {}, Paid.VOIDED, None),
        ({"paid": "0", "template": "refund"}, "ps_checkout", {}, Paid.REFUNDED, None),
        ({"paid": "0", "template": [{"id": "1", "value": "payment_error"}]}, "ps_checkout", {}, Paid.VOIDED, None),
        ({}, "ps_checkout", {}, None, None),
    ],
)
def test_the_money_of_prestashops_orders(
    state: dict[str, Any], module: str, stages: dict[str, str], paid: Paid | None, method: Method | None
) -> None:
    tree = {
        "order": prestashop_order(1, module=module),
        "state": state,
        "currency": {"iso_code": "EUR"},
        "zone": "Europe/Paris",
    }
    found = snapshot("prestashop", tree, stages=stages)
    assert (found.paid, found.method) == (paid, method)
    assert (found.cancelled_at is not None) is (state.get("template") == "order_canceled")


def test_every_amount_of_prestashops_order() -> None:
    """With tax: 48 of goods and 6 of shipping, 3 taken off; the net sums are its other fields."""
    tree = {
        "order": prestashop_order(1),
        "state": {"paid": "1"},
        "currency": {"iso_code": "EUR"},
        "zone": "Europe/Paris",
    }
    found = read("prestashop", tree).order
    assert found is not None
    assert found.snapshot is not None
    shop = found.snapshot.shop
    assert shop is not None
    assert (shop.currency, shop.total, shop.tax, shop.shipping, shop.shipping_tax, shop.discount) == (
        "EUR", Decimal(51), Decimal("8.5"), Decimal(6), Decimal(1), Decimal(3))  # fmt: skip
    assert [(line.id, line.sku, line.quantity, line.price) for line in found.snapshot.lines] == [
        ("77", "CUP-1", 2, Decimal(24))
    ]
    assert (found.order_id, found.aliases) == ("1", ("cart:41",))


def test_every_amount_of_bigcommerces_order() -> None:
    """The same goods. The shopper saw prices in USD; the sums are in the currency that is paid in, `default_currency_code`."""
    order = bigcommerce_order(1001, coupon_discount="2.0000")
    found = read("bigcommerce", {"order": order, "products": [bigcommerce_product()]}).order
    assert found is not None
    assert found.snapshot is not None
    shop = found.snapshot.shop
    assert shop is not None
    assert (shop.currency, shop.total, shop.tax, shop.shipping, shop.shipping_tax, shop.discount) == (
        "EUR", Decimal(51), Decimal("8.5"), Decimal(6), Decimal(1), Decimal(5))  # fmt: skip
    assert [(line.id, line.sku, line.quantity, line.price, line.discount) for line in found.snapshot.lines] == [
        ("77", "CUP-1", 2, Decimal(24), Decimal(3))
    ]
    assert (found.order_id, found.country, found.aliases) == (
        "1001", "DE", ("cart:a8458391-ef68-4fe5-9ec1-000000001001",))  # fmt: skip


@pytest.mark.parametrize(
    ("name", "tree", "path"),
    [
        ("magento", {"order": magento_order(1, increment_id=None)}, "order.increment_id"),
        ("magento", {"order": magento_order(1, created_at="yesterday")}, "order.created_at"),
        ("magento", {"order": magento_order(1, base_currency_code="")}, "totals.currency"),
        ("magento", {"order": magento_order(1, base_grand_total=-1)}, "totals.total"),
        ("prestashop", {"order": prestashop_order(0)}, "order.id"),
        ("prestashop", {"order": prestashop_order(1)}, "totals.currency"),
        ("prestashop", {"order": prestashop_order(1, date_add="0000-00-00 00:00:00")}, "order.date_add"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, tree: dict[str, Any], path: str) -> None:
    found = SOURCES[name].read(json.dumps(tree).encode(), {}, OPTIONS, 0)
    assert isinstance(found, Refusal)
    assert found.path == path
