"""One running gateway, two destinations that are told apart: one at once, the other after its own hold and by its own rule.

Requests in at the gateway's socket, requests out to stand-ins of a platform; the clock is the test's. The order is a shop's own,
signed; money is written down here by hand.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.graph import OK, FakeGraph
from twofold.app import Gateway
from twofold.config import settings_from
from twofold.store.lists import Reader

pytestmark = pytest.mark.usefixtures("process_as_it_was")
DATASET, KEY, SECRET = "1234567890", "key-of-the-shop", "a-secret-of-16-or-more"
NOW = 1_790_000_000_000
PATIENCE_S = 20
HALF_HOUR_MS = 1_800_000
EM = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
FBP = "fb.1.1789999000000.1184022741"


class Shop:
    """A gateway with the destinations "first" and "second", both Meta's, each with settings of its own."""

    def __init__(self, folder: Path, first: dict[str, Any], second: dict[str, Any], **dataset: Any) -> None:
        self.now, self.folder = NOW, folder
        self.graphs = {"first": FakeGraph([OK]), "second": FakeGraph([OK])}
        self._told = {"first": first, "second": second}
        self._dataset = {"id": DATASET, "key": KEY, "hold_s": {}, **dataset}
        self.address = ""
        self.session: aiohttp.ClientSession

    def gateway(self) -> Gateway:
        tree = {
            "server": {"data": str(self.folder), "port": 0},
            "dataset": [self._dataset],
            "destination": [
                {"platform": "meta", "dataset": DATASET, "name": name, "endpoint": graph.url, "token": "t" * 16,
                 **self._told[name]}
                for name, graph in self.graphs.items()
            ],
            "source": [{"type": "own", "dataset": DATASET, "shop": "s", "secret": SECRET}],
        }  # fmt: skip
        return Gateway(settings_from(tree, environ={}), clock=lambda: self.now)

    async def server(self, event_id: str, name: str = "Lead", **user: Any) -> None:
        event = {
            "event_name": name, "event_time": NOW // 1000, "event_id": event_id, "action_source": "website",
            "user_data": {"em": [EM], **user}, "custom_data": {"value": 42.5, "currency": "EUR"},
        }  # fmt: skip
        await self._post(f"/v25.0/{DATASET}/events", {"data": [event], "access_token": KEY})

    async def browser(self, event_id: str, name: str = "Lead", **custom: Any) -> None:
        event = {"dataset": DATASET, "event_name": name, "event_id": event_id, "event_time": NOW // 1000,
                 "user_data": {"fbp": FBP}, "custom_data": custom}  # fmt: skip
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
        """The deliveries of one event name, by destination."""
        with Reader(self.folder) as reader:
            return {r["destination"]: dict(r) for r in reader.rows("deliveries", limit=0) if r["event_name"] == name}

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
