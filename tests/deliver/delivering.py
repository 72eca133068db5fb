"""A worker between an outbox in memory and a fake Graph API on a real socket, run until a condition holds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from tests.fakes.graph import OK, FakeGraph, Script
from tests.fakes.outbox import MemoryOutbox
from twofold.clock import now_ms
from twofold.config import DestinationSettings
from twofold.deliver.metrics import DeliverMetrics
from twofold.deliver.retry import Policy
from twofold.deliver.worker import Worker
from twofold.destinations.meta import META
from twofold.event.model import Channel, CustomData, Event, Hashed, Tier, UserData
from twofold.matching.user_data import RULE_META

DEADLINE_S = 60

# The real figures shrunk: waits of milliseconds, so that tests need not wait. Shares and counts are the real ones.
SWIFT = Policy(base_ms=8, cap_ms=40, probe_ms=30, throttle_min_ms=5, throttle_max_ms=50, refusal_window_ms=300)


class Clock:
    """Wall time that a test can move forward. Ask the outbox to wake the worker after moving it."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead_ms


@dataclass
class Delivering:
    """Everything a test looks at."""

    graph: FakeGraph
    outbox: MemoryOutbox
    worker: Worker
    clock: Clock
    registry: CollectorRegistry
    running: asyncio.Task[None]

    async def until(self, holds: Callable[[], Any]) -> None:
        """Polls; fails with the state of things when the deadline passes or the worker ends."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                if self.running.done():
                    await self.running
                await asyncio.sleep(0.002)

    async def done(self) -> None:
        await self.until(lambda: self.outbox.done)

    def forward(self, seconds: float) -> None:
        self.clock.ahead_ms += int(seconds * 1000)
        self.outbox.add()

    def requests_counted(self, outcome: str) -> float:
        labels = {"destination": "meta-1", "outcome": outcome}
        return self.registry.get_sample_value("twofold_delivery_requests_total", labels) or 0.0


def events(*ids: str, **changes: Any) -> list[Event]:
    """A website event for each id, with one match key, a minute old."""
    fields: dict[str, Any] = {
        "dataset": "1",
        "event_name": "ViewContent",
        "event_time": now_ms() // 1000 - 60,
        "received_at": now_ms(),
        "channel": Channel.SERVER,
        "sender": "test",
        "tier": Tier.T2,
        "user_data": UserData(em=(Hashed(RULE_META, "62a14e44" * 8),)),
        "custom_data": CustomData(),
    }
    return [Event(event_id=i, **{**fields, **changes}) for i in ids]


def numbered(count: int, **changes: Any) -> list[Event]:
    return events(*(f"e{n}" for n in range(count)), **changes)


@asynccontextmanager
async def delivering(
    script: Script = (OK,),
    *,
    policy: Policy = SWIFT,
    endpoint: str | None = None,
    outbox: Any = None,
    clock: Clock | None = None,
    destination: Any = META,
    name: str = "meta-1",
    sure: Callable[[int], int] = lambda now_ms: now_ms,
    **settings: Any,
):
    """Starts all three; at the end the worker must stop by itself and no attempts may have overlapped."""
    clock = clock or Clock()
    registry = CollectorRegistry()
    async with FakeGraph(script) as graph:
        outbox = outbox if outbox is not None else MemoryOutbox(clock)
        target = DestinationSettings(
            platform=destination.platform,
            dataset="1",
            name=name,
            endpoint=endpoint or graph.url,
            **{
                "remote_dataset": "1",
                "token": "EAAtoken",
                "version": destination.version,
                "timeout_s": 5.0,
                **settings,
            },
        )
        worker = Worker(
            destination=destination,
            target=target,
            outbox=outbox,
            clock=clock,
            metrics=DeliverMetrics(registry),
            sure=sure,
            policy=policy,
            chance=random.Random(7).random,
        )
        running = asyncio.create_task(worker.run())
        try:
            yield Delivering(graph, outbox, worker, clock, registry, running)
        finally:
            worker.stop()
            async with asyncio.timeout(
                DEADLINE_S
            ):  # the promise of `stop`: `GRACE_S`, where it has a processor to itself
                await asyncio.gather(running, return_exceptions=True)
        assert not graph.overlaps, f"in two open requests at once: {graph.overlaps[:5]}"
