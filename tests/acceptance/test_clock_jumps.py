"""A gateway whose machine's clock jumps: nothing is given up, nothing is sent twice, nothing waits for a time that was wrong.

The wall clock is the test's, the monotonic one is the machine's, as under libfaketime; store, fold, outbox and worker are the
real ones, the platform is the fake on a real socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.graph import OK, FakeGraph, Reply
from twofold.app import Gateway
from twofold.clock import TrustedTime, now_ms, steady_ms
from twofold.config import settings_from
from twofold.store.lists import Reader
from twofold.store.store import read_newest

DATASET, KEY = "1234567890", "key-of-the-shop"
STATUS = {"Authorization": "Bearer token-of-the-operator"}
PATIENCE_S = 60
HOUR, DAY = 3_600_000, 86_400_000
YEARS = 10 * 365 * DAY
JUMPS = [YEARS, 2 * HOUR, -2 * HOUR, -30 * 365 * DAY]
LATER = Reply(status=503, body=b"")


class Jumping:
    """A gateway and what a test does to its clock."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        tree = {
            "server": {"data": str(folder), "port": 0, "status_token": STATUS["Authorization"][7:]},
            "dataset": [{"id": DATASET, "key": KEY, "hold_s": {"Purchase": 0.5}, "orders": {"wait_s": 0}}],
            "destination": [{"platform": "meta", "dataset": DATASET, "endpoint": endpoint, "token": "t" * 16}],
        }
        self.ahead_ms = 0
        self.folder = folder
        self.gateway = Gateway(settings_from(tree, environ={}))
        self.gateway.clock._wall = lambda: now_ms() + self.ahead_ms
        self.address = ""
        self.session: aiohttp.ClientSession

    async def send(self, event_id: str, name: str = "Purchase") -> None:
        event = {
            "event_name": name, "event_time": now_ms() // 1000, "event_id": event_id, "action_source": "website",
            "user_data": {"em": ["62a14e44" * 8]}, "custom_data": {"value": 42.5, "currency": "EUR", "order_id": event_id},
        }  # fmt: skip
        url = f"{self.address}/v25.0/{DATASET}/events"
        async with self.session.post(url, json={"data": [event], "access_token": KEY}) as answer:
            assert answer.status == 200, await answer.text()

    async def visit(self, event_id: str) -> None:
        """A copy of the tag, of something that has just happened by the browser's own clock."""
        event = {
            "dataset": DATASET, "event_name": "AddToCart", "event_id": event_id, "event_source_url": "https://shop.example/",
            "event_time": now_ms() // 1000, "age": 0,
        }  # fmt: skip
        async with self.session.post(f"{self.address}/t/events", json={"events": [event]}) as answer:
            assert answer.status == 200, await answer.text()

    async def health(self) -> dict[str, Any]:
        async with self.session.get(f"{self.address}/health", headers=STATUS) as answer:
            return dict(await answer.json())

    def states(self) -> dict[str, str]:
        with Reader(self.folder) as reader:
            return {
                row["event_id"]: f"{row['state']} {row['reason']}".strip() for row in reader.rows("deliveries", limit=0)
            }

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await asyncio.sleep(0.02)


def play(folder: Path, scenario: Callable[[Jumping, FakeGraph], Any], script: Any = (OK,)) -> None:
    async def main() -> None:
        async with FakeGraph(script) as graph:
            one = Jumping(folder, graph.url)
            address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(one.gateway.run(address.set_result))
            await asyncio.wait([task, address], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
            try:
                one.address = address.result()
                async with aiohttp.ClientSession() as one.session:
                    await scenario(one, graph)
            finally:
                one.gateway._stop.set()
                await task

    asyncio.run(main())


@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_is_wrong_for_a_while_changes_nothing(tmp_path, jump):
    """Ten years ahead, two hours either way, 1996: what waited, what comes in meanwhile and its repeats leave once each."""

    async def scenario(one: Jumping, graph: FakeGraph) -> None:
        await one.send("before")
        one.ahead_ms = jump
        await one.send("meanwhile")
        await one.send("before")  # a repeat, whose key must not be forgotten
        assert (await one.health())["clock"]["state"] == "doubted"
        await asyncio.sleep(2.5)
        await one.send("meanwhile-2")
        one.ahead_ms = 0
        await one.send("meanwhile")
        await one.send("after")
        names = {"before", "meanwhile", "meanwhile-2", "after"}
        await one.until(lambda: one.states() == dict.fromkeys(names, "delivered"))
        assert (await one.health())["clock"] == {"state": "ok"}
        assert sorted(i for r in graph.requests for i in r.ids) == sorted(names)

    play(tmp_path, scenario)


@pytest.mark.parametrize("jump", JUMPS)
def test_what_is_tried_again_meanwhile_is_neither_dead_nor_late(tmp_path, jump):
    """The platform is unwell while the clock is wrong: retries, leases and pauses are of the right time."""

    async def scenario(one: Jumping, graph: FakeGraph) -> None:
        nonlocal well
        await one.send("a")
        one.ahead_ms = jump
        await one.until(lambda: len(graph.requests) >= 2)
        one.ahead_ms = 0
        well = True
        await one.until(lambda: one.states() == {"a": "delivered"})

    well = False
    play(tmp_path, scenario, lambda _request: OK if well else LATER)


@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_a_person_accepts_is_gone_by(tmp_path, jump):
    """After it: what waited is planned by the new time, so that nothing waits for years, and what comes in leaves."""

    async def scenario(one: Jumping, graph: FakeGraph) -> None:
        nonlocal well
        await one.send("a")
        await one.until(lambda: bool(graph.requests))
        one.ahead_ms = jump
        one.gateway.clock()
        assert one.gateway.clock.accept()
        assert abs(one.gateway.clock() - now_ms() - jump) < 5_000
        well = True
        if jump < 0:  # ahead, it is too old by the time that was accepted
            await one.until(lambda: one.states() == {"a": "delivered"})
        else:
            await one.until(lambda: one.states()["a"].split()[0] in ("delivered", "dead"))

    well = False
    play(tmp_path, scenario, lambda _request: OK if well else LATER)


def test_a_clock_that_is_put_right_by_weeks_forgets_nothing_that_just_came(tmp_path):
    """By a clock three weeks back, which nobody had a reason to doubt, a browser's event comes, as it is told how long ago something
    was; once the clock is right, what comes again is known."""

    async def scenario(one: Jumping, graph: FakeGraph) -> None:
        for ahead_ms, name in ((-21 * DAY, "comes"), (0, "another")):
            one.ahead_ms = ahead_ms
            one.gateway.clock()
            assert one.gateway.clock.accept()
            await one.visit(name)
        await one.visit("comes")
        with Reader(one.folder) as reader:
            assert sorted(row["event_id"] for row in reader.rows("actions", limit=0)) == ["another", "comes"]

    play(tmp_path, scenario)


def test_a_start_in_a_wrong_year_gives_nothing_up(tmp_path):
    """The machine comes up ten years ahead with work on disk, and is put right a moment later."""

    async def before(one: Jumping, graph: FakeGraph) -> None:
        await one.send("waits")
        await one.until(lambda: bool(graph.requests))

    async def wrong(one: Jumping, graph: FakeGraph) -> None:
        one.ahead_ms = YEARS
        clock = one.gateway.clock
        fresh = TrustedTime(lambda: now_ms() + one.ahead_ms, steady_ms, newest_ms=read_newest(one.folder))
        clock.doubt, clock._offset, clock._floor = fresh.doubt, fresh._offset, fresh._floor
        assert (await one.health())["clock"]["state"] == "doubted"
        await one.send("comes")
        await asyncio.sleep(1)
        assert not any(state.startswith("dead") for state in one.states().values())
        one.ahead_ms = 0
        await one.until(lambda: one.states() == {"waits": "delivered", "comes": "delivered"})
        await one.send("comes")
        await one.send("after")
        await one.until(lambda: one.states().get("after") == "delivered")
        assert sorted(i for r in graph.requests for i in r.ids) == ["after", "comes", "waits"]

    play(tmp_path, before, lambda _request: LATER)
    play(tmp_path, wrong)
