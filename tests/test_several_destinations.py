"""One running gateway, several platforms: each gets an action once in its own words, one that is dead or hangs slows no other, a
no to one platform is a no to it alone, and so is what a message says of whom it is meant for. Requests in at the gateway's socket, requests out to stand-ins on theirs."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from tests.fakes.graph import OK, FakeGraph, Reply, dead_port
from tests.fakes.platforms.ga4 import Ga4
from tests.fakes.platforms.google_ads import GoogleAds
from twofold.app import Gateway
from twofold.clock import now_ms
from twofold.config import settings_from
from twofold.store.lists import Reader

DATASET, KEY, WRITE_KEY = "1234567890", "key-of-the-shop", "write-key-of-servers"
SECRET, REFRESH = "secret-of-the-stream", "1//refresh-invented"
EMAIL, PHONE = "Mara.Klein+shop@gmail.com", "+1 202 555 0143"
PATIENCE_S = 60


class Shop:
    """A gateway with five destinations: three that are well, one whose port is closed, one that never answers."""

    def __init__(self, folder: Path, now_s: int) -> None:
        self.folder, self.now_s = folder, now_s
        self.ga4 = Ga4(stream="G-1", secret=SECRET, now_s=now_s)
        self.google = GoogleAds(account="4445556666", actions={"9"}, refresh_token=REFRESH, now_s=now_s)
        self.graphs = {
            "meta": FakeGraph([OK]), "ga4": FakeGraph(self.ga4), "google": FakeGraph(self.google),
            "hangs": FakeGraph([Reply(hang=True)]),
        }  # fmt: skip

    def settings(self, dead: int) -> Any:
        url = {name: graph.url for name, graph in self.graphs.items()}
        options = {
            "client_id": "c",
            "client_secret": "s" * 20,
            "refresh_token": REFRESH,
            "token_url": f"{url['google']}/token",
        }
        destinations = [
            {"platform": "meta", "name": "meta", "endpoint": url["meta"], "token": "t" * 16},
            {"platform": "ga4", "name": "ga4", "endpoint": url["ga4"], "remote_dataset": "G-1", "token": SECRET},
            {"platform": "google_ads", "name": "google", "endpoint": url["google"], "remote_dataset": "4445556666",
             "events": {"Purchase": "9"}, "options": options},
            {"platform": "meta", "name": "dead", "endpoint": f"http://127.0.0.1:{dead}", "token": "t" * 16},
            {"platform": "meta", "name": "hangs", "endpoint": url["hangs"], "token": "t" * 16, "timeout_s": 60},
        ]  # fmt: skip
        return settings_from({
            "server": {"data": str(self.folder), "port": 0},
            "dataset": [{"id": DATASET, "key": KEY, "hold_s": {}, "ways_in": {"segment_key": WRITE_KEY}}],
            "destination": [{"dataset": DATASET, **d} for d in destinations],
        }, environ={})  # fmt: skip

    def states(self, event_id: str) -> dict[str, tuple[str, str]]:
        with Reader(self.folder) as reader:
            rows = reader.rows("deliveries", {"id": event_id}, limit=0)
            return {row["destination"]: (row["state"], row["reason"]) for row in rows}

    async def purchase(self, session: aiohttp.ClientSession, address: str, event_id: str, **more: Any) -> None:
        event = {
            "event_name": "Purchase", "event_time": self.now_s, "event_id": event_id, "action_source": "website",
            "user_data": {"em": EMAIL, "ph": PHONE},
            "custom_data": {"value": 84.5, "currency": "EUR", "order_id": f"1004{event_id[-1]}"},
            "click_ids": {"gclid": "EAIaIQ", "_ga": "GA1.1.1184022741.1795771021"}, **more,
        }  # fmt: skip
        body = {"data": [event], "access_token": KEY}
        async with session.post(f"{address}/v25.0/{DATASET}/events", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def segment(self, session: aiohttp.ClientSession, address: str, event_id: str, **said: Any) -> None:
        """The same purchase as Segment's clients send it."""
        paid = {"order_id": f"1004{event_id[-1]}", "total": 84.5, "currency": "EUR", "gclid": "EAIaIQ", "email": EMAIL}
        body = {"messageId": event_id, "userId": "u", "event": "Order Completed", "properties": paid, **said}
        headers = {"Authorization": aiohttp.encode_basic_auth(WRITE_KEY, "")}
        async with session.post(f"{address}/v1/track", json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.02)


def running(shop: Shop, look: Callable[[aiohttp.ClientSession, str], Any]) -> None:
    async def main() -> None:
        with dead_port() as dead:
            async with AsyncExitStack() as stack:
                for graph in shop.graphs.values():
                    await stack.enter_async_context(graph)
                gateway = Gateway(shop.settings(dead))
                address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
                task = asyncio.create_task(gateway.run(address.set_result))
                await asyncio.wait([task, address], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
                try:
                    async with aiohttp.ClientSession() as session:
                        await look(session, address.result())
                finally:
                    gateway._stop.set()
                    await task

    asyncio.run(main())


def test_three_are_told_while_one_is_dead_and_one_hangs(tmp_path: Path) -> None:
    """The third order is a no to GA4 alone. Nothing of the shopper's contact stands in the folder."""
    shop = Shop(tmp_path / "data", now_ms() // 1000)
    well = dict.fromkeys(("meta", "ga4", "google"), ("delivered", ""))

    async def look(session: aiohttp.ClientSession, address: str) -> None:
        await shop.purchase(session, address, "order-1")
        await until(lambda: well.items() <= shop.states("order-1").items())
        assert shop.graphs["hangs"].open == 1  # and it was not waited for
        await shop.purchase(session, address, "order-2")
        await shop.purchase(session, address, "order-3", consent={"marketing": True, "platforms": {"ga4": False}})
        await until(lambda: well.items() <= shop.states("order-2").items())
        others = {name: state for name, state in well.items() if name != "ga4"}
        others["ga4"] = ("suppressed", "consent_denied:platform:ga4")
        await until(lambda: others.items() <= shop.states("order-3").items())
        await shop.segment(session, address, "order-4", integrations={"All": False, "Google Ads": True})
        await shop.purchase(session, address, "order-5", destinations={"Facebook Pixel": False})
        kept = ("suppressed", "not_addressed")
        alone = {"google": ("delivered", ""), "meta": kept, "ga4": kept, "dead": kept, "hangs": kept}
        await until(lambda: shop.states("order-4") == alone)
        others = well | {"meta": kept}
        await until(lambda: others.items() <= shop.states("order-5").items())
        for order in ("order-1", "order-2", "order-3"):
            assert {shop.states(order)[name][0] for name in ("dead", "hangs")} <= {"waiting", "paused"}

    running(shop, look)

    assert sorted(e["params"]["transaction_id"] for _, e in shop.ga4.kept) == ["10041", "10042", "10045"]
    assert shop.ga4.dropped == []
    assert sorted(e["transactionId"] for e in shop.google.taken) == [
        "W-10041",
        "W-10042",
        "W-10043",
        "W-10044",
        "W-10045",
    ]
    told = [json.loads(r.body) for r in shop.graphs["meta"].requests]
    assert sorted(e["event_id"] for body in told for e in body["data"]) == ["order-1", "order-2", "order-3"]
    people = {next(iter(i.values())) for e in shop.google.taken for i in e["userData"]["userIdentifiers"]}
    # Google's own forms: an e-mail address without dots and tag, a phone number with its plus.
    assert people == {hashlib.sha256(text.encode()).hexdigest() for text in ("maraklein@gmail.com", "+12025550143")}
    held = b"".join(f.read_bytes() for f in (tmp_path / "data").rglob("*") if f.is_file()).lower()
    for clear in (EMAIL.lower(), "maraklein@gmail", "2025550143", SECRET, REFRESH.lower(), *shop.google.tokens):
        assert clear.encode() not in held
