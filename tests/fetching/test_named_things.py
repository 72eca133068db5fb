"""A notice that only names something: it is kept, answered, asked for at the system itself, and comes in as a signed webhook does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from asked_shops import (
    PLAIN,
    SECRET,
    SHOP,
    TOKEN,
    Asking,
    BigCommerce,
    Mollie,
    asking,
    bigcommerce_order,
    bigcommerce_product,
    notice,
)
from running_gateway import DATASET, NOW_S, purchase
from stand_in import Reply, StandIn, standing_in
from test_webhook_door import deliver, numbered

from twofold.config import settings_from
from twofold.errors import ConfigError
from twofold.event.model import Tier
from twofold.fetching.schedule import Fetches
from twofold.fetching.worker import UNKNOWN_TRIES
from twofold.ledger.model import Paid
from twofold.policies import asked_sources

HOOK = f"/webhooks/bigcommerce/{SHOP}/{SECRET}"
MOLLIE_HOOK = f"/webhooks/mollie/{SHOP}/{SECRET}"
THEN = "2026-09-21T14:20:00+00:00"


class Scene:
    def __init__(
        self, running: Asking, shop: BigCommerce, mollie: Mollie, shop_at: StandIn, mollie_at: StandIn
    ) -> None:
        self.running, self.shop, self.mollie, self.shop_at, self.mollie_at = running, shop, mollie, shop_at, mollie_at

    @property
    def gateway(self) -> Any:
        return self.running.gateway

    def done(self) -> None:
        self.running.until(
            lambda: all(map(self.running.quiet, (f"bigcommerce:{SHOP}", f"mollie:{SHOP}"))), "the last name"
        )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    shop, mollie = BigCommerce(), Mollie()
    with standing_in(shop) as shop_at, standing_in(mollie) as mollie_at:
        sources = (
            {
                "type": "bigcommerce",
                "secret": SECRET,
                "token": TOKEN,
                "endpoint": f"{shop_at.url}/stores/abc123",
                "every_minutes": 0,
            },
            {"type": "mollie", "secret": SECRET, "signature": "path", "token": TOKEN, "endpoint": mollie_at.url},
        )
        with asking(tmp_path_factory.mktemp("fetched") / "data", *sources) as running:
            yield Scene(running, shop, mollie, shop_at, mollie_at)


def payment(number: str, order: int | str, status: str = "paid", **changes: Any) -> dict[str, Any]:
    return {"resource": "payment", "id": number, "mode": "live", "amount": {"currency": "EUR", "value": "42.50"}, "method": "ideal",
            "metadata": {"order_id": str(order)}, "status": status, "createdAt": "2026-09-21T14:13:00+00:00", "paidAt": THEN} | changes  # fmt: skip


def test_a_named_order_is_fetched_and_is_one_with_the_browsers_purchase(scene: Scene) -> None:
    """Notice, fetch, one order in the ledger whose money came, one action with the browser's copy; every field from the API."""
    scene.gateway.forget()
    order = bigcommerce_order(1001)
    scene.shop.put(order, [bigcommerce_product()])
    page = purchase(f"purchase.{SHOP}.1001", custom_data={"value": 51, "currency": "EUR", "order_id": "1001"})
    assert scene.gateway.tag(page).status == 200
    reply = scene.gateway.send("POST", HOOK, notice(1001))
    assert (reply.status, reply.json["classified"]) == (200, "notice")
    state = scene.running.until(lambda: scene.running.state("1001"))
    assert (state.paid, state.known) == (Paid.PAID, True)
    browser, server = scene.gateway.new_events()
    assert (browser.tier, server.tier, server.sender) == (Tier.T0, Tier.T3, "bigcommerce")
    assert server.event_id == browser.event_id
    data, user = server.custom_data, server.user_data
    assert (data.value, data.currency, data.order_id, server.event_time) == (Decimal(51), "EUR", "1001", NOW_S)
    assert [(c.id, c.quantity, c.item_price) for c in data.contents] == [("77", 2, Decimal(24))]
    assert user.client_ip_address == "203.0.113.9"
    # SHA-256 of mary and of smith, from Meta's customer information parameters page
    assert [h.hex for h in user.fn] == ["6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"]
    actions = scene.running.rows(
        "select count(*) from action a where order_id = '1001' and merged_into is null"
        " and not exists (select 1 from superseded s where s.action = a.id)"
    )
    assert actions == [(1,)]
    scene.done()


def test_an_older_payment_notice_settles_what_the_shop_calls_unpaid(scene: Scene) -> None:
    scene.gateway.forget()
    order = 9_778_901_000_001
    assert deliver(scene.gateway, numbered(order, financial_status="pending")).status == 200
    scene.mollie.payments["tr_5B8cwPMGnU"] = payment("tr_5B8cwPMGnU", order)
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert scene.gateway.send("POST", MOLLIE_HOOK, "id=tr_5B8cwPMGnU", **form).status == 200
    scene.done()
    state = scene.running.state(str(order))
    assert state is not None
    assert (state.paid, state.received) == (Paid.PAID, {"EUR": Decimal("42.50")})
    # A late, older answer overturns nothing.
    scene.mollie.payments["tr_5B8cwPMGnU"] = payment("tr_5B8cwPMGnU", order, "open")
    assert scene.gateway.send("POST", MOLLIE_HOOK, "id=tr_5B8cwPMGnU", **form).status == 200
    scene.done()
    state = scene.running.state(str(order))
    assert state is not None
    assert state.paid is Paid.PAID


def test_an_older_state_of_an_order_overturns_nothing(scene: Scene) -> None:
    scene.shop.put(
        bigcommerce_order(
            1002, NOW_S + 60, status_id=4, status="Refunded", payment_status="refunded", refunded_amount="51.0000"
        )
    )
    scene.gateway.send("POST", HOOK, notice(1002))
    scene.done()
    scene.shop.put(bigcommerce_order(1002, NOW_S + 10))
    scene.gateway.send("POST", HOOK, notice(1002, "store/order/updated"))
    scene.done()
    state = scene.running.state("1002")
    assert state is not None
    assert (state.paid, state.refunded) == (Paid.REFUNDED, {"EUR": Decimal(51)})
    # Also where the older one is further than the newer: a payment that was taken for made.
    scene.shop.put(
        bigcommerce_order(1004, NOW_S + 60, status_id=7, status="Awaiting Payment", payment_status="pending")
    )
    scene.gateway.send("POST", HOOK, notice(1004))
    scene.done()
    scene.shop.put(bigcommerce_order(1004, NOW_S + 10))
    scene.gateway.send("POST", HOOK, notice(1004, "store/order/updated"))
    scene.done()
    state = scene.running.state("1004")
    assert state is not None
    assert state.paid is Paid.UNPAID


def test_a_stranger_costs_few_questions_and_changes_nothing(scene: Scene) -> None:
    """A name that nobody knows is asked for three times; however often it is named meanwhile; then a row says so."""
    scene.gateway.forget()
    before, orders = len(scene.shop_at.asked), scene.running.rows("select count(*) from orders")
    for _ in range(20):
        assert scene.gateway.send("POST", HOOK, notice(999_999)).status == 200
    scene.done()
    assert 1 <= len(scene.shop_at.asked) - before <= 2 * UNKNOWN_TRIES
    assert scene.running.rows("select count(*) from orders") == orders
    assert {(row["reason"], row["path"]) for row in scene.gateway.new_refused()} == {("not_fetched", "order:999999")}


def test_an_order_that_goes_away_before_its_goods_are_asked_for_is_not_known(scene: Scene) -> None:
    """A sale without goods would have been told of it; its products are 404 then, and 204 where an order has none."""
    scene.gateway.forget()
    scene.shop.going.add(1_777)
    scene.shop.put(bigcommerce_order(1_777), [bigcommerce_product()])
    assert scene.gateway.send("POST", HOOK, notice(1_777)).status == 200
    scene.done()
    assert scene.running.state("1777") is None
    assert {(row["reason"], row["path"]) for row in scene.gateway.new_refused()} == {("not_fetched", "order:1777")}


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"id=tr_abc", b'{"scope": "store/order/created"}', notice(7, "store/product/updated").encode(),
             notice(0).encode(), b'{"scope": "store/order/created", "data": {"type": "order", "id": "../../v3/hooks"}}', b"\xff" * 40],
)  # fmt: skip
def test_what_names_no_order_asks_nothing(scene: Scene, body: bytes) -> None:
    before = len(scene.shop_at.asked)
    reply = scene.gateway.send("POST", HOOK, body)
    assert (reply.status, reply.json["classified"]) == (200, "notice")
    assert scene.running.quiet(f"bigcommerce:{SHOP}")
    assert len(scene.shop_at.asked) == before


@pytest.mark.parametrize("path", [f"/webhooks/bigcommerce/{SHOP}", f"{HOOK}x", f"/webhooks/mollie/{SHOP}"])
def test_who_does_not_know_the_address_is_not_heard(scene: Scene, path: str) -> None:
    assert scene.gateway.send("POST", path, notice(1001)).status == 404


def test_an_address_lets_in_names_and_nothing_else(scene: Scene) -> None:
    """The payment itself, unsigned: who knows the address says by it that something is to be looked at, never what it is."""
    whole = payment("tr_forged000", 9_778_901_000_009)
    reply = scene.gateway.send("POST", MOLLIE_HOOK, json.dumps(whole))
    assert reply.json["classified"] == "notice"
    assert scene.running.state("9778901000009") is None


def test_only_the_address_in_the_configuration_is_asked(scene: Scene) -> None:
    """An order's own links, a notice's producer and a redirect lead nowhere."""
    with standing_in(lambda _: Reply(body={})) as elsewhere:
        scene.shop.put(bigcommerce_order(1003, products={"url": f"{elsewhere.url}/x", "resource": "/x"}))
        scene.shop.refusing.say(
            Reply(status=302, headers={"Location": f"{elsewhere.url}/stores/abc123/v2/orders/1003"})
        )
        scene.gateway.send("POST", HOOK, notice(1003, producer=f"{elsewhere.url}/stores/abc123"))
        door = f"bigcommerce:{SHOP}"
        scene.running.until(lambda: scene.running.stands(door).code == "unexpected_answer", "the refusal")
        assert "sends us elsewhere" in scene.running.stands(door).said
        assert elsewhere.asked == []


def test_a_secret_is_in_no_message_and_a_wrong_one_is_said(tmp_path: Any) -> None:
    """Access that is not accepted pauses the source and keeps the name; with the right one it is fetched."""
    shop = BigCommerce()
    shop.put(bigcommerce_order(1))
    with standing_in(shop) as at:
        source = {"type": "bigcommerce", "secret": SECRET, "endpoint": f"{at.url}/stores/abc123", "every_minutes": 0}
        with asking(tmp_path / "data", source | {"token": "another-token-9876"}) as running:
            running.gateway.send("POST", HOOK, notice(1))
            running.until(lambda: running.stands(f"bigcommerce:{SHOP}").code, "the problem")
            stands = running.stands(f"bigcommerce:{SHOP}")
            assert (stands.code, stands.who) == ("expired_token", "operator")
            assert "another-token" not in stands.said
        with asking(tmp_path / "data", source | {"token": TOKEN}) as running:
            assert running.until(lambda: running.state("1")).paid is Paid.PAID
            assert running.until(lambda: not running.stands(f"bigcommerce:{SHOP}").code)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": ""}, "token: expected a value for bigcommerce"),
        ({"endpoint": ""}, "endpoint: expected a value"),
        ({"endpoint": "http://api.bigcommerce.com/stores/x"}, "expected an address as https://"),
        ({"endpoint": "https://user@api.bigcommerce.com"}, "expected an address as https://"),
        ({"client_id": "x"}, "is not asked by it"),
        ({"type": "stripe"}, "is not asked by it"),
        ({"type": "mollie", "endpoint": "", "every_minutes": 5}, "lists no changes"),
        ({"timezone": "Mars"}, "timezone"),
        ({"secret": ""}, "secret"),
    ],
)
def test_settings_that_cannot_be_meant_are_named(change: dict[str, Any], words: str) -> None:
    source = {"type": "bigcommerce", "dataset": DATASET, "shop": SHOP, "secret": SECRET, "token": TOKEN,
              "endpoint": "https://api.bigcommerce.com/stores/abc123"}  # fmt: skip
    with pytest.raises(ConfigError, match=words):
        settings_from(PLAIN | {"source": [source | change]}, environ={})


def test_settings_reach_the_worker(scene: Scene) -> None:
    """Pace, list and access, and other access without a restart."""
    fetches = scene.gateway.gateway.fetches
    source = {"type": "bigcommerce", "dataset": DATASET, "shop": SHOP, "secret": SECRET, "token": "one-token-0123",
              "endpoint": "https://api.bigcommerce.com/stores/abc123/", "every_minutes": 7, "asks_per_minute": 30}  # fmt: skip
    settings = settings_from(PLAIN | {"source": [source]}, environ={})
    made = Fetches(asked_sources(settings, "secret"), fetches._store, fetches._keep, fetches._give_up, lambda: 0)
    worker = made.sources[f"bigcommerce:{SHOP}"]
    assert (worker._gap_s, worker._every_s, worker._access.base) == (2.0, 420.0, source["endpoint"].rstrip("/"))
    other = settings_from(PLAIN | {"source": [source | {"token": "two-token-0123"}]}, environ={})
    made.exchange(asked_sources(other, "secret"))
    assert made.sources[f"bigcommerce:{SHOP}"]._access.source.token == "two-token-0123"
