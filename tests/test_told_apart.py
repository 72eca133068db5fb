"""One running gateway, two destinations that are told apart: one at once, the other after its own hold and by its own rule.

Requests in at the gateway's socket, requests out to stand-ins of a platform; the clock is the test's. The order is a shop's own,
signed; money is written down here by hand.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow.parquet as pq
import pytest

from tests.fakes.graph import OK, FakeGraph, Reply
from twofold.app import Gateway
from twofold.config import settings_from
from twofold.control.tables import make_tables
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.policies import policies_of, routes_of, sends_to_itself, tokens_of
from twofold.store.engine import id_array
from twofold.store.lists import Reader

DATASET, KEY, SECRET = "1234567890", "key-of-the-shop", "a-secret-of-16-or-more"
NOW = 1_790_000_000_000
PATIENCE_S = 60
HALF_HOUR_MS = 1_800_000
EM = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
STRANGERS = ("forged", "of-a-server")
FBP = "fb.1.1789999000000.1184022741"


class Shop:
    """A gateway with the destinations "first" and "second", both Meta's, each with settings of its own."""

    def __init__(
        self, folder: Path, first: dict[str, Any], second: dict[str, Any], schema: Any = None, **dataset: Any
    ) -> None:
        self._schema = schema or {}
        self.now, self.folder = NOW, folder
        self.graphs = {"first": FakeGraph([OK]), "second": FakeGraph([OK])}
        self._told = {"first": first, "second": second}
        self._dataset = {"id": DATASET, "key": KEY, "hold_s": {}, **dataset}
        self.address = ""
        self.session: aiohttp.ClientSession

    def gateway(self) -> Gateway:
        tree = {
            "server": {"data": str(self.folder), "port": 0},
            "schema": self._schema,
            "dataset": [self._dataset],
            "destination": [
                {"platform": "meta", "dataset": DATASET, "name": name, "endpoint": graph.url, "token": "t" * 16,
                 **self._told[name]}
                for name, graph in self.graphs.items()
            ],
            "source": [{"type": "own", "dataset": DATASET, "shop": "s", "secret": SECRET}],
        }  # fmt: skip
        self.settings = settings_from(tree, environ={})
        self.running = Gateway(self.settings, clock=lambda: self.now)
        return self.running

    async def costs(self, *rows: str) -> None:
        """The operator imports a cost table beside the running gateway, which reads it some seconds later."""
        file = self.folder.parent / f"costs-{self.now}.csv"
        file.write_text("\n".join(("sku,rule,of,valid_from,unit_cost,percent,minimum,currency", *rows)) + "\n")
        plan = StatementPlan(kind="costs", path=file)
        run = asyncio.get_running_loop().run_in_executor
        await run(None, import_statement, self.settings, plan, self.now)
        assert self.running.margins is not None
        await run(None, self.running.margins.refresh)

    def values(self, destination: str) -> list[Any]:
        return [e["custom_data"]["value"] for e in self.sent(destination, "Purchase")]

    async def server(self, event_id: str, name: str = "Lead", custom: Any = None, **user: Any) -> None:
        event = {
            "event_name": name, "event_time": NOW // 1000, "event_id": event_id, "action_source": "website",
            "user_data": {"em": [EM], **user}, "custom_data": custom or {"value": 42.5, "currency": "EUR"},
        }  # fmt: skip
        await self._post(f"/v25.0/{DATASET}/events", {"data": [event], "access_token": KEY})

    async def browser(self, event_id: str, name: str = "Lead", user: Any = None, **custom: Any) -> None:
        event = {"dataset": DATASET, "event_name": name, "event_id": event_id, "event_time": NOW // 1000,
                 "user_data": user or {"fbp": FBP}, "custom_data": custom}  # fmt: skip
        await self._post("/t/events", {"events": [event]})

    async def order(self, number: str, **changes: Any) -> None:
        """The shop's word: 100.00 EUR with 20.00 of tax in it, two mugs and a kettle, paid by card."""
        body = json.dumps({
            "type": "order", "id": number, "placed_at": NOW // 1000, "updated_at": self.now // 1000, "status": "placed",
            "payment": {"method": "card", "status": "paid"},
            "totals": {"currency": "EUR", "total": "100.00", "tax": "20.00", "shipping": "5.00"},
            "lines": [{"id": "v1", "sku": "MUG", "quantity": 2, "price": "15.00"}, {"id": "v2", "sku": "KETTLE", "price": "65.00"}],
            "customer": {"email": "nino@example.com"}, "consent": "granted", **changes,
        }).encode()  # fmt: skip
        at = self.now // 1000
        mac = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        await self._post("/webhooks/own/s", body, {"x-twofold-signature": f"t={at},v1={mac}"})

    async def _post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> None:
        said = {"data": body} if isinstance(body, bytes) else {"json": body}
        agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"}
        async with self.session.post(self.address + path, headers=agent | (headers or {}), **said) as answer:
            assert answer.status == 200, await answer.text()

    def deliveries(self, name: str) -> dict[str, dict[str, Any]]:
        """The deliveries of one event name, by destination, without those of strangers."""
        with Reader(self.folder) as reader:
            rows = [dict(r) for r in reader.rows("deliveries", limit=0)]
        return {r["destination"]: r for r in rows if r["event_name"] == name and r["event_id"] not in STRANGERS}

    def open_of(self, destination: str) -> int:
        with Reader(self.folder) as reader:
            rows = [r for r in reader.rows("deliveries", limit=0) if r["destination"] == destination]
        return sum(r["state"] in ("waiting", "paused") for r in rows)

    def told(self, name: str) -> dict[str, str]:
        return {d: f"{row['state']} {row['reason']}".strip() for d, row in self.deliveries(name).items()}

    async def until(self, name: str, **told: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.told(name) != told:
                await asyncio.sleep(0.02)

    async def later(self, ms: int) -> None:
        """Time passes; an event that both are told at once wakes the workers."""
        self.now += ms
        await self.server(f"wakes-{self.now}", "Search")

    def sent(self, destination: str, name: str) -> list[dict[str, Any]]:
        bodies = [json.loads(r.body) for r in self.graphs[destination].requests]
        return [event for body in bodies for event in body["data"] if event["event_name"] == name]


def play(shop: Shop, scenario: Callable[[Shop], Awaitable[None]]) -> Shop:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            for graph in shop.graphs.values():
                await stack.enter_async_context(graph)
            gateway = shop.gateway()
            address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(gateway.run(address.set_result))
            await asyncio.wait([task, address], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
            try:
                shop.address = address.result()
                async with aiohttp.ClientSession() as shop.session:
                    await scenario(shop)
            finally:
                gateway._stop.set()
                await task

    asyncio.run(main())
    return shop


def test_one_waits_by_its_own_hold_and_tells_what_came_meanwhile(tmp_path: Path) -> None:
    """A second copy hurries the action and not the hold: the second leaves exactly then, with what a later copy knew."""

    async def scenario(shop: Shop) -> None:
        await shop.server("a")
        await shop.until("Lead", first="delivered", second="waiting")
        assert shop.deliveries("Lead")["second"]["due_at"] == NOW + HALF_HOUR_MS
        await shop.browser("a")  # the other channel
        await shop.server("a", fbp=FBP)
        await shop.later(HALF_HOUR_MS - 1)
        assert shop.told("Lead")["second"].startswith("waiting")
        await shop.later(1)
        await shop.until("Lead", first="delivered", second="delivered")

    shop = play(Shop(tmp_path, {}, {"hold_s": {"*": 1_800, "Search": 0}}), scenario)
    assert "fbp" not in shop.sent("first", "Lead")[0]["user_data"]
    assert shop.sent("second", "Lead")[0]["user_data"]["fbp"] == FBP


def test_an_order_that_is_cancelled_meanwhile_is_told_to_one_only(tmp_path: Path) -> None:
    """News of the order brings a look forward and no leaving; what is true at the hold's end decides."""

    async def scenario(shop: Shop) -> None:
        await shop.order("1001")
        await shop.until("Purchase", first="delivered", second="waiting held_for_destination")
        assert shop.deliveries("Purchase")["second"]["due_at"] == NOW + HALF_HOUR_MS
        shop.now += 60_000
        await shop.order("1001", status="cancelled", cancelled_at=shop.now // 1000)
        await shop.later(HALF_HOUR_MS)
        await shop.until("Purchase", first="delivered", second="suppressed order_cancelled")

    shop = play(Shop(tmp_path, {}, {"hold_s": {"Purchase": 1_800}}), scenario)
    assert shop.sent("second", "Purchase") == []


def test_one_waits_until_the_order_is_confirmed(tmp_path: Path) -> None:
    """By its own rule for when an order is a Purchase, which a rule for the payment method does not overrule."""

    async def scenario(shop: Shop) -> None:
        await shop.order("1001", payment={"method": "cod", "status": "unpaid"})
        await shop.until("Purchase", first="delivered", second="waiting not_confirmed")
        shop.now += 60_000
        await shop.order("1001", payment={"method": "cod", "status": "unpaid"}, status="confirmed")
        await shop.until("Purchase", first="delivered", second="delivered")

    shop = play(Shop(tmp_path, {}, {"counts_when": "confirmed"}), scenario)
    assert [e["event_id"] for e in shop.sent("first", "Purchase")] == [
        e["event_id"] for e in shop.sent("second", "Purchase")
    ]


COSTS = (
    "MUG,,,2026-01-01,6.00,,,EUR", "KETTLE,,,2026-01-01,30.00,,,EUR", ",packaging,,2026-01-01,1.20,,,EUR",
    ",freight,,2026-01-01,4.00,,,EUR", ",psp_fee,,2026-01-01,0.30,1.5,,EUR",
)  # fmt: skip
LEFT = 31  # 100.00 less 20.00 of tax, 42.00 of goods, 1.20, 4.00, and 1.80 of the provider's


def test_one_is_told_the_margin_later_and_the_other_the_revenue_at_once(tmp_path: Path) -> None:
    """No copy of an event changes the margin, whoever sends it; what is built again after new costs says the same."""

    async def scenario(shop: Shop) -> None:
        await shop.costs(*COSTS)
        await shop.order("1001")
        await shop.until("Purchase", first="delivered", second="waiting held_for_destination")
        goods = {"value": 0.01, "currency": "EUR", "order_id": "1001", "contents": [{"id": "v1", "quantity": 999}]}
        await shop.browser("forged", "Purchase", **goods)
        await shop.server("of-a-server", "Purchase", goods)
        shop.graphs["second"].script = lambda r: (
            Reply(status=500) if b"Purchase" in r.body and not shop.values("second") else OK
        )
        await shop.later(HALF_HOUR_MS)
        await shop.until("Purchase", first="delivered", second="paused unwell:http-500")
        await shop.costs("MUG,,,2026-01-02,1.00,,,EUR")
        one = shop.deliveries("Purchase")["second"]["id"]
        await shop.running.store.transact(lambda e: e.run("unfreeze", (id_array([one]),)))
        await shop.later(HALF_HOUR_MS)
        await shop.until("Purchase", first="delivered", second="delivered")
        assert "told:margin" in shop.deliveries("Purchase")["second"]["marks"]

    shop = play(Shop(tmp_path / "data", {}, {"value": "margin", "hold_s": {"Purchase": 1_800}}), scenario)
    assert shop.values("first") == [100]
    assert shop.values("second") == [LEFT, LEFT]
    assert make_tables(shop.settings)
    rows = tables_of(shop.folder, "purchase_deliveries")
    assert {r["destination"]: (r["told_as"], float(r["sent_value"])) for r in rows if r["state"] == "delivered"} == {
        "first": ("", 100), "second": ("margin", LEFT),
    }  # fmt: skip
    told = explained(tmp_path, shop.folder)
    assert {d: (float(row["payload"]["custom_data"]["value"]), row["hold_ms"], row["counts_when"]) for d, row in told.items()} == {
        "first": (100, 0, "confirmed"), "second": (LEFT + 10, HALF_HOUR_MS, ""),
    }  # fmt: skip
    assert told["second"]["worth"] == "its expected margin, of 100.00 EUR"


def tables_of(data: Path, table: str) -> list[dict[str, Any]]:
    """The rows of a derived table as its files have them."""
    files = sorted((data / "facts" / table).rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


def explained(folder: Path, data: Path) -> dict[str, dict[str, Any]]:
    """What `twofold destinations --explain` says of the same order beforehand, by costs that were mended since (10.00 less)."""
    config, event = folder / "twofold.toml", folder / "event.json"
    config.write_text(f'''
[server]
data = "{data}"
[[dataset]]
id = "{DATASET}"
[[destination]]
platform = "meta"
dataset = "{DATASET}"
name = "first"
counts_when = "confirmed"
[[destination]]
platform = "meta"
dataset = "{DATASET}"
name = "second"
value = "margin"
hold_s = {{ Purchase = 1800 }}
''')
    event.write_text(json.dumps({
        "event_name": "Purchase", "event_time": int(time.time()), "event_id": "e", "action_source": "website",
        "user_data": {"em": EM}, "custom_data": {"value": "100.00", "currency": "EUR", "order_id": "1001"},
    }))  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "twofold",
        "destinations",
        "--explain",
        str(event),
        "--config",
        str(config),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["destination"]: row for row in rows if "payload" in row}


def test_an_order_without_a_known_cost_is_told_as_the_setting_says(tmp_path: Path) -> None:
    """One does not leave, one waits for the cost and leaves with the margin, and a loss is told as nothing."""

    async def scenario(shop: Shop) -> None:
        await shop.costs(*COSTS[0:1], *COSTS[2:])
        await shop.order("1001")
        await shop.until("Purchase", first="suppressed margin_unknown", second="waiting margin_unknown")
        await shop.costs("KETTLE,,,2026-01-01,90.00,,,EUR")
        await shop.later(900_000)
        await shop.until("Purchase", first="suppressed margin_unknown", second="delivered")
        assert shop.deliveries("Purchase")["second"]["marks"] == ["told:margin", "margin_below_zero"]

    first, second = ({"margin_unknown": word} for word in ("refuse", "wait"))
    shop = play(Shop(tmp_path / "data", first, second, orders={"told_value": "margin"}), scenario)
    assert (shop.values("first"), shop.values("second")) == ([], [0])


def test_revenue_stands_in_for_an_unknown_margin_marked(tmp_path: Path) -> None:
    """The default; and a Purchase of which no shop told an order has no margin at all."""

    async def scenario(shop: Shop) -> None:
        await shop.order("1001")
        await shop.until("Purchase", first="delivered", second="delivered")
        assert shop.deliveries("Purchase")["second"]["marks"] == ["told:revenue", "margin_unknown"]

    shop = play(Shop(tmp_path / "data", {}, {"value": "margin"}), scenario)
    assert (shop.values("first"), shop.values("second")) == ([100], [100])


def test_a_receiver_of_ones_own_may_be_told_a_loss() -> None:
    """No platform says that it takes a value below zero; the signed webhook does."""
    told = [
        {"platform": platform, "name": platform, "dataset": DATASET, "value": "margin", "token": "t", "endpoint": "http://h.example",
         "options": {"secret": "whsec_" + "aW52ZW50ZWQtc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmc="} if platform == "webhook" else {}}
        for platform in ("meta", "webhook")
    ]  # fmt: skip
    settings = settings_from({"dataset": [{"id": DATASET}], "destination": told}, environ={})
    assert {d: rule.below_zero for d, rule in routes_of(settings)[DATASET].values.items()} == {
        "meta": False,
        "webhook": True,
    }


def test_a_dataset_knows_its_own_destinations_by_name() -> None:
    """A receiver of one shop that is called as a platform stands for that platform in no other shop's messages."""
    settings = settings_from(
        {
            "dataset": [{"id": "1"}, {"id": "2"}],
            "destination": [
                {"platform": "meta", "dataset": "1", "token": "t"},
                {"platform": "meta", "dataset": "2", "name": "Google Ads", "token": "t"},
            ],
        },
        environ={},
    )
    told = {"Google Ads": False}
    words = {dataset: policy.addressees.read(told) for dataset, policy in policies_of(settings).items()}
    assert words == {"1": ("-google_ads",), "2": ("-Google Ads",)}


@pytest.mark.parametrize(
    ("source", "reports"),
    [
        ({"type": "own"}, True),
        ({"type": "shopify"}, True),
        ({"type": "mapped", "fields": {"type": "=order", "id": "id"}, "signature": "path"}, True),
        ({"type": "mapped", "fields": {"type": "=payment", "order": "id"}, "signature": "path"}, False),
        ({"type": "hubspot"}, False),
        ({"type": "easypost"}, False),
    ],
)
def test_a_browsers_purchase_waits_for_a_shop_that_reports_orders_and_for_nobody_else(
    source: dict[str, Any], reports: bool
) -> None:
    """A CRM or a courier beside the pixel brings no order: what waited for it would wait in vain."""
    told = {"dataset": "1", "shop": "s", "secret": SECRET, **source}
    settings = settings_from({"dataset": [{"id": "1"}, {"id": "2"}], "source": [told]}, environ={})
    assert {name: route.has_orders for name, route in routes_of(settings).items()} == {"1": reports, "2": False}


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        (["http://127.0.0.1:9", "http://localhost:9"], True),
        (["http://127.0.0.1:9", "https://graph.facebook.com"], False),
        ([], False),
    ],
)
def test_a_gateway_is_tried_alone_where_nothing_leaves_the_machine(endpoints: list[str], expected: bool) -> None:
    """One stand-in beside a platform makes no test of it: its shoppers are real."""
    told = [
        {"platform": "meta", "dataset": "1", "name": f"d{n}", "token": "t", "endpoint": e}
        for n, e in enumerate(endpoints)
    ]
    assert sends_to_itself(settings_from({"dataset": [{"id": "1"}], "destination": told}, environ={})) is expected


def test_a_token_that_is_replaced_is_another_one_and_two_destinations_may_share_one() -> None:
    def marks(*tokens: str) -> list[str]:
        told = [{"platform": "meta", "dataset": "1", "name": f"d{n}", "token": t} for n, t in enumerate(tokens)]
        return [t.mark for t in tokens_of(settings_from({"dataset": [{"id": "1"}], "destination": told}, environ={}))]

    old, shared = marks("first-token", "first-token")
    (new,) = marks("second-token")
    assert old == shared != new
    assert "token" not in new


def test_a_share_takes_a_browser_whole_with_the_order_that_it_made(tmp_path: Path) -> None:
    """The shop's word of an order has no browser: it is in or out with the visit that it was stitched to."""

    async def scenario(shop: Shop) -> None:
        for n in range(8):
            person = {"fbp": f"fb.1.1789999000000.77{n}", "em": f"buyer-{n}@example.com"}
            await shop.browser(f"lead-{n}", "Lead", person)
            await shop.order(f"20{n}", customer={"email": person["em"]})
        async with asyncio.timeout(PATIENCE_S):
            while shop.open_of("first") or shop.open_of("second"):
                await asyncio.sleep(0.02)

    shop = play(Shop(tmp_path / "data", {}, {"share": 0.5}), scenario)
    leads = {e["event_id"].removeprefix("lead-") for e in shop.sent("second", "Lead")}
    orders = {e["custom_data"]["order_id"].removeprefix("20") for e in shop.sent("second", "Purchase")}
    assert leads == orders
    assert 0 < len(leads) < 8
    assert (len(shop.sent("first", "Lead")), len(shop.sent("first", "Purchase"))) == (8, 8)
