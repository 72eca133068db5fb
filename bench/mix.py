"""(g) Growth: what an event costs once millions are stored, in the mix of a shop that sends by browser and by server.

Events are appended in groups of 500 straight to the store: half of them browser copies of 200,000 browsers, a tenth
Purchases; each Purchase comes as a browser copy and as its server twin. All in one day, which is the hardest case: no
table gets smaller by a new day's. Processor time is the process's own, so it can be read on a busy machine; the rate
is compared between an empty store and the full one in turn.

``python -m bench.mix 600000`` fills so far, and says on the way what each part costs. ``--data FOLDER`` keeps the
store there, and goes on from what is there already.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench import Row, sized
from twofold.destinations import BY_PLATFORM
from twofold.destinations.contract import Terms
from twofold.event.delivery import Delivery, DeliveryState, Settlement, Suppressed
from twofold.event.model import Channel, Content, CustomData, Event, Hashed, Tier, UserData
from twofold.listening import settle_memory
from twofold.store.beside.folder import DATABASE
from twofold.store.opened.routes import Route
from twofold.store.store import Store

EVENTS, GROUP, BROWSERS = sized(5_000_000, 500), 500, 200_000
ROUNDS, ROUND = sized(31, 1), sized(10, 1)  # a round is ROUND groups
CLAIMED, DESTINATION = sized(20_000, 500), "meta-1234567890"
DAY_S = 86_400
Around = Callable[[], AbstractContextManager[None]]
"""What is entered for as long as is measured."""
AGENTS = tuple(
    f"Mozilla/5.0 ({system}) Chrome/{major}.0 {kind}"
    for system in ("X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Linux; Android 10; K", "Macintosh; Intel Mac OS X 10_15_7")
    for major in range(128, 146)
    for kind in ("Safari", "Mobile Safari")
)  # fmt: skip


class Shop:
    """Invented events without end; the same ``seed`` makes the same ones."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._seed = seed
        self._number = 0

    def group(self, now_ms: int, size: int = GROUP) -> list[Event]:
        """The next ``size`` events, a multiple of 20."""
        return [e for _ in range(size // 20) for e in self._twenty(now_ms)]

    def _twenty(self, now_ms: int) -> Iterator[Event]:
        """One Purchase and its twin; nine browser copies, three of which have a twin; six server events of their own."""
        for _ in range(3):
            name = self._chance.choice(("ViewContent", "AddToCart", "InitiateCheckout"))
            yield from self._both(name, now_ms)
        yield from self._both("Purchase", now_ms)
        for _ in range(6):
            yield self._event("PageView", self._browser(), Channel.BROWSER, now_ms)
            yield self._event("ViewContent", self._browser(), Channel.SERVER, now_ms)

    def _both(self, name: str, now_ms: int) -> Iterator[Event]:
        browser = self._browser()
        number = self._number
        yield self._event(name, browser, Channel.BROWSER, now_ms)
        self._number = number
        yield self._event(name, browser, Channel.SERVER, now_ms)

    def _browser(self) -> int:
        return self._chance.randrange(BROWSERS)

    def _event(self, name: str, browser: int, channel: Channel, now_ms: int) -> Event:
        self._number += 1
        number = self._number
        server = channel is Channel.SERVER
        identity = sha256(f"{self._seed}.{number}.{name}".encode()).hexdigest()[:32]
        return Event(
            dataset="1234567890",
            event_name=name,
            event_id=f"{identity[:8]}-{identity[8:12]}-{identity[12:16]}-{identity[16:20]}-{identity[20:32]}",
            event_time=now_ms // 1000,
            received_at=now_ms,
            channel=channel,
            sender="shopify" if server else "tag",
            tier=Tier.T2 if server else Tier.T0,
            event_source_url=f"https://shop.example/p/{number % 4000}",
            user_data=self._user(browser, _known(name, server, browser)),
            custom_data=_custom(name, number),
            visitor=None if server else sha256(f"visitor {browser}".encode()).hexdigest()[:32],
        )

    def _user(self, browser: int, known: Sequence[str]) -> UserData:
        """The browser's own ids, and hashes of what is ``known`` of the person."""
        return UserData(
            client_ip_address=f"203.0.{browser % 251}.{browser % 241}",
            client_user_agent=AGENTS[browser % len(AGENTS)],
            fbp=f"fb.1.{1790000000000 + browser * 977}.{browser * 7919 % 2147483647}",
            fbc=f"fb.1.{1790000000000 + browser * 977}.{_click(browser)}" if browser % 10 == 0 else None,
            **_contact(browser, known),
        )


def _known(name: str, server: bool, browser: int) -> Sequence[str]:
    """Which contact fields a copy has: a shop knows its buyers, and who is logged in."""
    if name == "Purchase":
        return ("em", "ph", "external_id") if server else ("em",)
    return ("em",) if server and browser % 4 == 0 else ()


def _contact(browser: int, fields: Sequence[str]) -> dict[str, Any]:
    texts = {
        "em": f"shopper.{browser}@example.com",
        "ph": f"1650{browser % 10_000_000:07}",
        "external_id": f"customer-{browser}",
    }
    return {f: (Hashed("meta", sha256(texts[f].encode()).hexdigest()),) for f in fields}


def _click(browser: int) -> str:
    return sha256(f"click {browser}".encode()).hexdigest()[:48]


def _custom(name: str, number: int) -> CustomData:
    if name == "PageView":
        return CustomData()
    value = Decimal(1000 + number % 9000) / 100
    if name != "Purchase":
        return CustomData(value=value, currency="USD", content_type="product", content_ids=(f"sku-{number % 4000}",))
    goods = tuple(
        Content(id=f"sku-{(number + n) % 4000}", quantity=1 + n, item_price=Decimal(500 + number % 900 + n) / 100)
        for n in range(2)
    )
    return CustomData(
        value=value, currency="USD", order_id=f"5{number:012}", content_type="product", contents=goods, num_items=2
    )


def open_mix(folder: Path) -> Store:
    """A store that sends to one destination; nothing is due before its hold is over."""
    return Store(
        folder,
        routes={"1234567890": Route(destinations=(DESTINATION,), hold_ms=dict.fromkeys(("Purchase",), 0))},
        opened_at=_now_ms(),
    )


class Costs:
    """Processor time of the people's part, told apart from the rest of the append, in seconds."""

    def __init__(self, store: Store) -> None:
        self.people = 0.0
        people: Any = store.people
        people.news, people.write = self._timed(people.news), self._timed(people.write)

    def _timed(self, part: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def timed(given: Any) -> Any:
            started = time.thread_time()
            try:
                return part(given)
            finally:
                self.people += time.thread_time() - started

        return timed


class Filled:
    """What filling a store cost an event: seconds by the clock, processor time of all, and of the people's part."""

    def __init__(self) -> None:
        self.wall = self.cpu = self.people = 0.0
        self.events = 0


async def fill(store: Store, shop: Shop, costs: Costs, events: int) -> Filled:
    filled = Filled()
    people = costs.people
    while filled.events < events:
        group = shop.group(_now_ms())
        wall, cpu = time.perf_counter(), time.process_time()
        await store.append(group)
        filled.wall += time.perf_counter() - wall
        filled.cpu += time.process_time() - cpu
        filled.events += len(group)
    filled.people = costs.people - people
    return filled


async def index(store: Store) -> None:
    """What the gateway does when it has nothing else to do: the bytes of the index of words count like all others."""
    while await store.index_words():
        pass


def size_of(folder: Path) -> int:
    return os.path.getsize(folder / DATABASE)


def bench_mix(events: int = EVENTS) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_bench(Path(folder), events))


async def _bench(folder: Path, events: int) -> list[Row]:
    full, shop = open_mix(folder / "full"), Shop()
    full.start()
    costs = Costs(full)
    whole = await fill(full, shop, costs, events)
    if not whole.people:
        raise RuntimeError(
            "nothing of what noting people costs was measured: the store calls other functions than `Costs` times"
        )
    await index(full)
    await full.close()
    bytes_each = size_of(folder / "full") / whole.events
    full, empty = open_mix(folder / "full"), open_mix(folder / "empty")
    ratio, spread = await _compare(empty, full, shop)
    people = whole.people / whole.events * 1e6
    claims = [await claim_cost(folder / f"claims-{n}") for n in range(3)]
    return [
        Row(
            name=f"(g) appends with {events:,} events stored, against an empty store",
            ratio=ratio,
            target=0.8,
            detail=f"groups of {GROUP}, half of them browser copies of {BROWSERS:,} browsers, a tenth Purchases, all in "
            f"one day; the middle half of {ROUNDS} rounds lies between {spread[0]:.2f} and {spread[1]:.2f}",
        ),
        Row(name="(g) bytes on disk for one event", ratio=bytes_each, target=550, at_most=True, unit="B"),
        Row(
            name="(g) processor time of noting people, for one event",
            ratio=people,
            target=25,
            at_most=True,
            unit="us",
            detail=f"of {whole.cpu / whole.events * 1e6:.0f} us for all of an append, on average while the store was filled",
        ),
        Row(
            name="(g) processor time of a claim through all gates, for one delivery",
            ratio=min(claims),
            target=28,
            at_most=True,
            unit="us",
            detail=f"{CLAIMED:,} events of the mix, 500 at a time; the best of 3",
        ),
    ]


async def claim_cost(folder: Path, events: int = CLAIMED, around: Around = nullcontext) -> float:
    """Processor time of a claim through all gates, in us a delivery: copies united, judged, built and frozen."""
    store = await _filled(folder, events)
    claimed, later = 0, _now_ms() + 1000
    with around():
        started = time.thread_time()
        while got := await _claim(store, later):
            claimed += len(got)
        spent = time.thread_time() - started
    await store.close()
    return spent / claimed * 1e6


async def settle_cost(folder: Path, events: int = CLAIMED, around: Around = nullcontext) -> float:
    """Processor time of writing down that the platform took it, in us a delivery."""
    store = await _filled(folder, events)
    claimed, later = [], _now_ms() + 1000
    while got := await _claim(store, later):
        claimed.append([_taken(one, later) for one in got])
    with around():
        started = time.thread_time()
        for settlements in claimed:
            await store.settle(settlements, later)
        spent = time.thread_time() - started
    await store.close()
    return spent / sum(map(len, claimed)) * 1e6


def _taken(one: Delivery, at_ms: int) -> Settlement:
    return Settlement(
        delivery=one.id, lease=one.lease, state=DeliveryState.DELIVERED, outcome="accepted", status=200, started_at=at_ms,
        ended_at=at_ms,
    )  # fmt: skip


async def _filled(folder: Path, events: int) -> Store:
    store, shop = open_mix(folder), Shop(2)
    store.start()
    await fill(store, shop, Costs(store), events)
    settle_memory()  # as the gateway does when it starts
    return store


async def _claim(store: Store, now_ms: int) -> Sequence[Delivery]:
    return await store.claim(DESTINATION, now_ms, 500, 60_000, _built, lambda _source: 7 * DAY_S)


def _built(event: Event) -> bytes | Suppressed:
    return BY_PLATFORM["meta"].build(event, event.event_name, Terms())


async def _compare(empty: Store, full: Store, shop: Shop) -> tuple[float, tuple[float, float]]:
    """The rate of the full store over the empty one's; and between what the middle half of the rounds lies."""
    sides = [(store, Costs(store)) for store in (empty, full)]
    for store, _ in sides:
        store.start()
    ratios = []
    for store, costs in sides:
        await fill(store, shop, costs, 4 * GROUP)
    for _ in range(ROUNDS):
        times = []
        for store, costs in sides:
            filled = await fill(store, shop, costs, ROUND * GROUP)
            times.append(filled.wall)
        ratios.append(times[0] / times[1])
    for store, _ in sides:
        await store.close()
    ratios.sort()
    return statistics.median(ratios), (ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _watch(folder: Path, events: int, step: int, seed: int) -> None:
    store, shop = open_mix(folder), Shop(seed)
    store.start()
    costs = Costs(store)
    print("events, and for one: us by the clock, processor us, of it people's; bytes")
    for done in range(step, events + 1, step):
        part = await fill(store, shop, costs, step)
        each = [x / part.events * 1e6 for x in (part.wall, part.cpu, part.people)]
        print(f"{done:>9,} {each[0]:6.1f} {each[1]:6.1f} {each[2]:6.1f} {size_of(folder) / done:7.0f}", flush=True)
    await index(store)
    await store.close()
    print(f"closed: {size_of(folder) / events:.0f} bytes an event")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", type=int)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--step", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_watch(args.data or Path(folder), args.events, args.step, args.seed))


if __name__ == "__main__":
    main()
