"""One running gateway and ten platforms, each with a secret of its own: three are dead, one hangs, the six others are told in time.

Every stand-in first answers as if it were unwell and repeats what it was sent, secret and shopper: what survives of that is looked
for in every file, unpacked, in the log, in the metrics and in what the commands show.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.disk import readable
from tests.fakes.graph import OK, FakeGraph, Recorded, Reply, dead_port
from tests.fakes.platforms.ga4 import Ga4
from tests.fakes.platforms.google_ads import GoogleAds
from tests.fakes.platforms.linkedin import LinkedIn
from tests.fakes.platforms.microsoft import Microsoft
from tests.fakes.platforms.tiktok import TikTok
from tests.fakes.platforms.x import X
from twofold.app import Gateway
from twofold.clock import now_ms
from twofold.config import settings_from
from twofold.store.lists import Reader

DATASET, KEY, STATUS = "1234567890", "key-of-the-shop", "token-of-the-operator"
EMAIL = "Mara.Klein@example.com"
REFRESH, CLIENT = "1//refresh-invented", "client-secret-invented"
DEAD, HANGS = ("reddit", "snap", "dead-meta"), "pinterest"
WELL = ("meta", "ga4", "google_ads", "tiktok", "linkedin", "microsoft", "x")
ORDERS = 12
PATIENCE_S = 60


def secret(name: str) -> str:
    """Short and of words, as what hides long texts without a space must not be what hides it."""
    return f"hush of {name}" if name not in ("ga4", "google_ads") else f"hush-{name}"


def repeating(name: str, standin: Callable[[Recorded], Reply]) -> Callable[[Recorded], Reply]:
    """The first answer is 500 and repeats; all others are the platform's own."""
    first = [True]

    def answer(request: Recorded) -> Reply:
        if not first or request.path.startswith("/token"):
            return standin(request)
        first.clear()
        said = f"{secret(name)} {EMAIL} {request.headers.get('authorization', '')} {request.path}"
        told = {"code": 50_000, "message": said, "reason": said, "error": {"message": said, "code": said}, "traceId": said,
                "errors": [{"code": said, "message": said}], "request_id": said}  # fmt: skip
        return Reply(status=500, body=json.dumps(told).encode())

    return answer


def standins(now_s: int) -> dict[str, Any]:
    return {
        "meta": lambda _: OK,
        "ga4": Ga4(stream="1", secret=secret("ga4"), now_s=now_s),
        "google_ads": GoogleAds(account="1", actions={"9"}, refresh_token=REFRESH, now_s=now_s),
        "tiktok": TikTok(pixel="1", token=secret("tiktok")),
        "linkedin": LinkedIn(rule="9", token=secret("linkedin")),
        "microsoft": Microsoft(tag="1", token=secret("microsoft")),
        "x": X(pixel="1", token=secret("x")),
    }


def settings(folder: Path, urls: dict[str, str], dead: int) -> Any:
    google = {
        "client_id": "c",
        "client_secret": CLIENT,
        "refresh_token": REFRESH,
        "token_url": f"{urls['google_ads']}/token",
    }
    destinations = [
        {
            "platform": name.removeprefix("dead-"), "name": name, "dataset": DATASET, "remote_dataset": "1", "token": secret(name),
            "endpoint": f"http://127.0.0.1:{dead}" if name in DEAD else urls[name], "timeout_s": 60,
            **({"events": {"Purchase": "9"}} if name in ("google_ads", "linkedin", "x") else {}),
            **({"options": google} if name == "google_ads" else {}),
        }
        for name in (*WELL, HANGS, *DEAD)
    ]  # fmt: skip
    return settings_from({
        "server": {"data": str(folder), "port": 0, "status_token": STATUS},
        "dataset": [{"id": DATASET, "key": KEY, "hold_s": {}}],
        "destination": destinations,
    }, environ={})  # fmt: skip


def purchase(n: int, now_s: int) -> dict[str, Any]:
    return {
        "event_name": "Purchase", "event_time": now_s, "event_id": f"order-{n}", "action_source": "website",
        "event_source_url": "https://shop.example/thanks",
        "user_data": {"em": EMAIL, "client_ip_address": "203.0.113.7", "client_user_agent": "Agent"},
        "custom_data": {"value": 84.5, "currency": "EUR", "order_id": f"A-{n}", "contents": [{"id": "s", "quantity": 1}]},
        "click_ids": {"_ga": "GA1.1.1184022741.1795771021"},
    }  # fmt: skip


def test_three_dead_and_one_that_hangs_hold_up_nobody_and_no_secret_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now_s, folder = now_ms() // 1000, tmp_path / "data"
    fakes = standins(now_s)
    graphs = {name: FakeGraph(repeating(name, fake)) for name, fake in fakes.items()} | {
        HANGS: FakeGraph([Reply(hang=True)])
    }
    shown: list[str] = []

    def states() -> dict[str, set[str]]:
        with Reader(folder) as reader:
            rows = list(reader.rows("deliveries", {}, limit=0))
        shown.append(repr(rows))
        return {name: {row["state"] for row in rows if row["destination"] == name} for name in (*WELL, HANGS, *DEAD)}

    async def main() -> None:
        async with AsyncExitStack() as stack:
            dead = stack.enter_context(dead_port())
            for graph in graphs.values():
                await stack.enter_async_context(graph)
            gateway = Gateway(settings(folder, {name: graph.url for name, graph in graphs.items()}, dead))
            address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(gateway.run(address.set_result))
            await asyncio.wait([task, address], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            try:
                body = {"data": [purchase(n, now_s) for n in range(ORDERS)], "access_token": KEY}
                async with session.post(f"{address.result()}/v25.0/{DATASET}/events", json=body) as answer:
                    assert answer.status == 200, await answer.text()
                async with asyncio.timeout(PATIENCE_S):
                    while any(states()[name] != {"delivered"} for name in WELL):
                        await asyncio.sleep(0.05)
                assert graphs[HANGS].open >= 1
                assert all(states()[name] <= {"waiting", "paused"} for name in (HANGS, *DEAD))
                metrics = {"Authorization": f"Bearer {STATUS}"}
                async with session.get(f"{address.result()}/metrics", headers=metrics) as answer:
                    shown.append(await answer.text())
                held = b"".join(readable(folder).values()).lower()  # while it runs: the write-ahead log is there
                shown.append(held.decode("latin-1"))
            finally:
                gateway._stop.set()
                await task

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())

    orders = sorted(f"A-{n}" for n in range(ORDERS))
    assert sorted(e["params"]["transaction_id"] for _, e in fakes["ga4"].kept) == orders
    assert sorted(e["transactionId"] for e in fakes["google_ads"].taken) == orders
    for name in ("tiktok", "linkedin", "microsoft", "x"):
        kept = getattr(fakes[name], "taken" if name == "tiktok" else "kept")
        assert len({json.dumps(one, sort_keys=True) for one in kept}) == len(kept) == ORDERS, name
    everything = "\n".join((*shown, caplog.text)).lower()
    hidden = [secret(name) for name in (*WELL, HANGS, *DEAD)] + [EMAIL, REFRESH, CLIENT, *fakes["google_ads"].tokens]
    assert [one for one in hidden if one.lower() in everything] == []
