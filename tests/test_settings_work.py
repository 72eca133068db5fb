"""What settings do in a gateway that runs: requests in at its socket, the store's rows and a platform's requests out.

The clock is the test's, so a wait of thirty seconds is exactly thirty thousand milliseconds. The defects that these rows are
for: a hold in the wrong unit, a gate that is not attached, a purge that forgets at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.graph import OK, FakeGraph
from twofold.app import Gateway
from twofold.config import settings_from
from twofold.event.model import Channel, CustomData, Event, Hashed, Tier, UserData
from twofold.matching.subject import Mark
from twofold.store.lists import Reader
from twofold.store.opened.routes import Route
from twofold.store.store import Store

DATASET, KEY = "1234567890", "key-of-the-shop"
NOW = 1_790_000_000_000
PATIENCE_S = 60
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
EM = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"


class Shop:
    """One running gateway, its clock, and the platform behind it."""

    def __init__(self, folder: Path, graph: FakeGraph, now: int = NOW, **dataset: Any) -> None:
        self.now = now
        self.folder = folder
        self.graph = graph
        tree = {
            "server": {"data": str(folder), "port": 0},
            "dataset": [{"id": DATASET, "key": KEY, "hold_s": {}, "orders": {"unmatched": "send"}, **dataset}],
            "destination": [{"platform": "meta", "dataset": DATASET, "endpoint": graph.url, "token": "t" * 16}],
        }
        if dataset.pop("source", False):
            tree["source"] = [{"type": "own", "dataset": DATASET, "shop": "s", "secret": "a-secret-of-16-or-more"}]
            del tree["dataset"][0]["source"]
        self.gateway = Gateway(settings_from(tree, environ={}), clock=lambda: self.now)
        self.address = ""
        self.session: aiohttp.ClientSession

    async def server(self, event_id: str, name: str = "Purchase") -> None:
        event = {
            "event_name": name, "event_time": NOW // 1000, "event_id": event_id, "action_source": "website",
            "user_data": {"em": [EM]}, "custom_data": {"value": 42.5, "currency": "EUR", "order_id": event_id},
        }  # fmt: skip
        url = f"{self.address}/v25.0/{DATASET}/events"
        async with self.session.post(url, json={"data": [event], "access_token": KEY}) as answer:
            assert answer.status == 200, await answer.text()

    async def browser(self, event_id: str, name: str = "Lead", agent: str = PERSON, **custom: Any) -> None:
        event = {"dataset": DATASET, "event_name": name, "event_id": event_id, "event_time": NOW // 1000}
        event |= {"custom_data": custom} if custom else {}
        body = {"events": [event]}
        async with self.session.post(f"{self.address}/t/events", json=body, headers={"User-Agent": agent}) as answer:
            assert answer.status == 200, await answer.text()

    def delivery(self, event_id: str) -> dict[str, Any]:
        with Reader(self.folder) as reader:
            (row,) = [r for r in reader.rows("deliveries", limit=0) if r["event_id"] == event_id]
        return dict(row)

    def told(self, event_id: str) -> str:
        row = self.delivery(event_id)
        return f"{row['state']} {row['reason']}".strip()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await asyncio.sleep(0.02)

    async def until_told(self, event_id: str, told: str) -> None:
        await self.until(lambda: self.told(event_id) == told)


def play(folder: Path, scenario: Callable[[Shop], Awaitable[None]], **dataset: Any) -> None:
    async def main() -> None:
        async with FakeGraph((OK,)) as graph:
            shop = Shop(folder, graph, **dataset)
            address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(shop.gateway.run(address.set_result))
            await asyncio.wait([task, address], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
            try:
                shop.address = address.result()
                async with aiohttp.ClientSession() as shop.session:
                    await scenario(shop)
            finally:
                shop.gateway._stop.set()
                await task

    asyncio.run(main())


@pytest.mark.parametrize("seconds", [30, 0.5, 3_600])
def test_a_hold_is_so_many_seconds(tmp_path: Path, seconds: float) -> None:
    """Due exactly then, by the gateway's clock; a name that is not listed does not wait."""

    async def scenario(shop: Shop) -> None:
        await shop.server("held")
        await shop.server("free", "Lead")
        assert shop.delivery("held")["due_at"] == NOW + int(seconds * 1000)
        await shop.until_told("free", "delivered")
        assert shop.told("held") == "waiting"
        shop.now += int(seconds * 1000) - 1
        await shop.server("free-2", "Lead")
        await shop.until_told("free-2", "delivered")
        assert shop.told("held") == "waiting"
        shop.now += 1
        await shop.server("free-3", "Lead")
        await shop.until_told("held", "delivered")

    play(tmp_path, scenario, hold_s={"Purchase": seconds})


@pytest.mark.parametrize("seconds", [60, 7_200])
def test_a_purchase_waits_for_its_order_so_many_seconds(tmp_path: Path, seconds: float) -> None:
    """Where a shop reports orders; afterwards it goes as the setting says."""

    async def scenario(shop: Shop) -> None:
        await shop.browser("b", "Purchase", value=9, currency="EUR", order_id="b")
        await shop.until_told("b", "waiting waits_for_order")
        assert shop.delivery("b")["due_at"] == NOW + seconds * 1000
        shop.now += seconds * 1000 + 1
        await shop.server("other", "Lead")
        await shop.until_told("b", "suppressed no_order")

    play(tmp_path, scenario, source=True, orders={"wait_s": seconds, "unmatched": "drop"})


CONFIRM = {"confirm_s": {"Lead": 90}}
# A setting, what a browser says, what becomes of it at once, and after the time.
GATED: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("robots", {}, {"agent": ROBOT}, "suppressed bot", "suppressed bot"),
    ("robots let through", {"bots": "send"}, {"agent": ROBOT}, "delivered", "delivered"),
    ("unconfirmed, dropped", {"trust": CONFIRM | {"unconfirmed": "drop"}}, {}, "waiting awaiting_confirmation", "suppressed unconfirmed"),
    ("unconfirmed, sent", {"trust": CONFIRM}, {}, "waiting awaiting_confirmation", "delivered"),
    ("of another name", {"trust": {"confirm_s": {"Search": 90}}}, {}, "delivered", "delivered"),
    ("over the cap", {"trust": {"value_caps": {"EUR": 10}}}, {"value": 11, "currency": "EUR"}, "suppressed value_over_cap", "suppressed value_over_cap"),
    ("at the cap", {"trust": {"value_caps": {"EUR": 10}}}, {"value": 10, "currency": "EUR"}, "delivered", "delivered"),
    ("another currency", {"trust": {"currencies": ["EUR"]}}, {"value": 1, "currency": "USD"}, "suppressed currency_not_listed", "suppressed currency_not_listed"),
    ("without consent", {"consent": {"require": True}}, {}, "suppressed consent_unstated", "suppressed consent_unstated"),
]  # fmt: skip


@pytest.mark.parametrize(("dataset", "said", "at_once", "later"), [r[1:] for r in GATED], ids=[r[0] for r in GATED])
def test_a_gate_holds_back_what_its_setting_says(
    tmp_path: Path, dataset: dict[str, Any], said: dict[str, Any], at_once: str, later: str
) -> None:
    """Each gate is attached, with its dataset's rules, and its seconds are seconds."""

    async def scenario(shop: Shop) -> None:
        await shop.browser("b", **said)
        await shop.until_told("b", at_once)
        if at_once.startswith("waiting"):
            assert shop.delivery("b")["due_at"] == NOW + 90_000
        shop.now += 90_001
        await shop.server("wakes", "Search")
        await shop.until_told("b", later)

    play(tmp_path, scenario, **dataset)


@pytest.mark.parametrize(
    ("days", "believed"), [(0, True), (1, True), (40, True), (63, True), (100, False), (3650, False)]
)
def test_what_was_done_before_a_new_yes_stays_unsent(tmp_path: Path, days: int, believed: bool) -> None:
    """The daily purge keeps a withdrawal that was taken back as long as an event from before can still be sent; a clock that
    nobody believes ends no such time."""

    async def before() -> None:
        route = Route(destinations=(f"meta-{DATASET}",))
        store = Store(tmp_path, routes={DATASET: route}, opened_at=NOW)
        store.start()
        try:
            mark = [Mark("order", "early")]
            early = Event(
                dataset=DATASET, event_name="Purchase", event_id="early", event_time=NOW // 1000, received_at=NOW,
                channel=Channel.SERVER, sender="test", tier=Tier.T2, user_data=UserData(em=(Hashed("meta", EM),)),
                custom_data=CustomData(order_id="early"), action_source="physical_store",
            )  # fmt: skip
            await store.append([early])
            await store.withdraw(DATASET, mark, NOW + 1)
            await store.grant(DATASET, mark, NOW + 2)
        finally:
            await store.close()

    async def scenario(shop: Shop) -> None:
        await shop.until_told("early", "suppressed consent_withdrawn")
        assert not shop.graph.requests

    asyncio.run(before())

    async def main() -> None:
        async with FakeGraph((OK,)) as graph:
            shop = Shop(tmp_path, graph, now=NOW + days * 86_400_000 + 10)
            if believed:
                shop.gateway.clock.accept()
            (await shop.gateway._open()).close()
            purging = asyncio.create_task(
                shop.gateway.upkeep.purge_withdrawals()
            )  # its first turn, before anything is claimed
            await asyncio.sleep(0.2)
            purging.cancel()
            delivering = asyncio.create_task(shop.gateway.workers[0].run())
            try:
                await scenario(shop)
            finally:
                shop.gateway.workers[0].stop()
                await delivering
                await shop.gateway.store.close()

    asyncio.run(main())
