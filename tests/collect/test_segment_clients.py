"""Unchanged clients of Segment's tracking API against a running gateway, and the shop's signed webhook of the same order.

@segment/analytics-node, @rudderstack/rudder-sdk-node, segment-analytics-python and rudder-sdk-python send; nothing but their address is set.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rudderstack.analytics.client import Client as RudderClient
from running_gateway import CONFIGURATION as PLAIN
from running_gateway import DATASET, EMAIL, NOW_MS, NOW_S, Running
from segment.analytics.client import Client
from test_webhook_door import ORDER, deliver

from twofold.event.model import Channel, Event, Tier
from twofold.store.engines import open_reader

NODE = Path(__file__).parents[1] / "clients" / "node"
WRITE_KEY = "write-key-of-servers"
CONFIGURATION = PLAIN | {"dataset": [PLAIN["dataset"][0] | {"ways_in": {"segment_key": WRITE_KEY}}]}
ORDERS = itertools.count(5_678_901_000_001)
WHEN = datetime.fromtimestamp(NOW_S, UTC)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("segment") / "data", CONFIGURATION)
    yield running
    running.close()


def order_completed(order: int) -> dict[str, Any]:
    """The example of Segment's own page for Order Completed, cut, with Meta's example of a person."""
    return {
        "event": "Order Completed",
        "userId": "user-7",
        "messageId": f"message-{order}",
        "timestamp": WHEN.isoformat(),
        "context": {"traits": {"email": " John_Smith@gmail.com"}},
        "properties": {
            "checkout_id": "fksdjfsdjfisjf9sdfjsd9f",
            "order_id": str(order),
            "total": 42.5,
            "revenue": 35.0,
            "currency": "EUR",
            "products": [{"product_id": "111", "sku": "45790-32", "name": "Monopoly", "price": 21.25, "quantity": 2}],
        },
    }


def by_node(which: str) -> Callable[[Running, int], None]:
    def send(gateway: Running, order: int) -> None:
        command = ["node", "send_segment.js", which, f"http://127.0.0.1:{gateway.port}", WRITE_KEY]
        done = subprocess.run(
            [*command, json.dumps(order_completed(order))], cwd=NODE, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, (done.stdout, done.stderr)

    return send


def by_python(library: Any) -> Callable[[Running, int], None]:
    """``library``: the client of one of the two, which are called alike."""

    def send(gateway: Running, order: int) -> None:
        failed: list[Any] = []
        client = library(
            WRITE_KEY,
            host=f"http://127.0.0.1:{gateway.port}",
            sync_mode=True,
            gzip=True,
            on_error=lambda *e: failed.append(e),
        )
        said = order_completed(order)
        client.track(said["userId"], said["event"], said["properties"], context=said["context"], timestamp=WHEN,
                     message_id=said["messageId"])  # fmt: skip
        assert failed == []

    return send


def actions(gateway: Running, order: int) -> set[int]:
    """The actions that the journalled copies of an order stand for."""
    db = open_reader(gateway.folder)
    rows = list(db.execute("select action, plain_body(body) from event"))
    db.close()
    return {action for action, body in rows if f'"order_id":"{order}"'.encode() in bytes(body)}


CLIENTS = [
    pytest.param(by_node("segment"), "analytics-node", id="analytics-node", marks=pytest.mark.node),
    pytest.param(by_node("rudderstack"), "analytics-node", id="rudder-sdk-node", marks=pytest.mark.node),
    pytest.param(by_python(Client), "analytics-python", id="analytics-python"),
    pytest.param(by_python(RudderClient), "analytics-python", id="rudder-sdk-python"),
]


@pytest.mark.parametrize("webhook_first", [False, True], ids=["client-first", "webhook-first"])
@pytest.mark.parametrize(("send", "_sender"), CLIENTS)
def test_a_purchase_folds_with_the_shops_webhook(
    gateway: Running, send: Callable[[Running, int], None], _sender: str, webhook_first: bool
) -> None:
    """One order, told by an unchanged client and by the shop: two copies, one action, whoever comes first."""
    gateway.forget()
    order = next(ORDERS)
    webhook = ORDER | {"id": order, "note_attributes": []}
    if webhook_first:
        assert deliver(gateway, webhook).status == 200
    send(gateway, order)
    if not webhook_first:
        assert deliver(gateway, webhook).status == 200
    copies = gateway.new_events()
    assert sorted((e.event_name, int(e.tier)) for e in copies) == [("Purchase", Tier.T2), ("Purchase", Tier.T3)]
    (told,) = (e for e in copies if e.tier is Tier.T2)
    check_the_purchase(told, order)
    assert len(actions(gateway, order)) == 1
    assert gateway.new_refused() == []


def check_the_purchase(event: Event, order: int) -> None:
    data = event.custom_data
    assert (event.dataset, event.event_id, event.event_time) == (DATASET, f"message-{order}", NOW_MS // 1000)
    assert event.channel is Channel.SERVER
    assert (data.value, data.currency, data.order_id) == (Decimal("42.5"), "EUR", str(order))
    assert [(c.id, c.quantity, c.item_price) for c in data.contents] == [("111", 2, Decimal("21.25"))]
    assert [h.hex for h in event.user_data.em] == [EMAIL]


@pytest.mark.parametrize(("send", "sender"), CLIENTS)
def test_the_sender_is_named_by_its_own_word(
    gateway: Running, send: Callable[[Running, int], None], sender: str
) -> None:
    """Reports that ask who sends what see which client it was."""
    gateway.forget()
    send(gateway, next(ORDERS))
    event = gateway.new_event()
    assert event.sender == sender


@pytest.mark.parametrize("library", [Client, RudderClient], ids=["analytics-python", "rudder-sdk-python"])
def test_a_batch_of_everything_that_a_client_can_call(gateway: Running, library: Any) -> None:
    """One queue, as a site fills it: who is known by the browser first and then by a number, what tells no event, what is to go nowhere,
    and what one integration is told."""
    gateway.forget()
    order, failed = next(ORDERS), list[Any]()
    told = {
        "context": {"ip": "203.0.113.9", "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0"},
        "timestamp": WHEN,
    }
    client = library(
        WRITE_KEY, host=f"http://127.0.0.1:{gateway.port}", gzip=True, on_error=lambda *e: failed.append(e)
    )
    client.track(None, "Product Viewed", {"product_id": "111"}, anonymous_id="browser-7", **told)
    client.identify("user-7", {"email": "john_smith@gmail.com"})
    client.alias("browser-7", "user-7")
    client.group("user-7", "group-7", {"name": "Acme"})
    client.screen("user-7", "Home", "Start")
    client.page("user-7", "Shop", "Start", {"url": "https://shop.example/"}, **told)
    client.track("user-7", "Not Told", {}, integrations={"All": False}, **told)
    paid = {"order_id": str(order), "total": Decimal("42.50"), "currency": "EUR", "gclid": "EAIb"}
    client.track(
        "user-7", "Order Completed", paid, integrations={"All": True, "TikTok Conversions": {"ttclid": "t1"}}, **told
    )
    client.track("user-7", "Wish", {}, integrations={"All": False, "Google Ads": True, "Salesforce": True}, **told)
    client.flush()
    client.join()
    assert (failed, gateway.new_refused()) == ([], [])
    viewed, page, bought, wish = gateway.new_events()
    assert (wish.destinations, bought.destinations) == (("+google_ads", "-*"), ())
    assert [e.event_name for e in (viewed, page, bought)] == ["ViewContent", "PageView", "Purchase"]
    assert page.event_source_url == "https://shop.example/"
    assert (bought.custom_data.value, bought.click_ids) == (Decimal("42.5"), {"gclid": "EAIb", "ttclid": "t1"})
    known = hashlib.sha256(b"user-7").hexdigest()
    assert [h.hex for h in bought.user_data.external_id] == [h.hex for h in page.user_data.external_id] == [known]
    assert [h.hex for h in viewed.user_data.external_id] == [hashlib.sha256(b"browser-7").hexdigest()]
