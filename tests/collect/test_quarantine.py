"""The share watch: forged floods go into quarantine, everything that shops really live through does not.

The series are simulated: orders by a day's curve and chance, each reported by a browser (T0) in four of five cases and
by the shop's server half a minute later. Seeds are fixed.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace
from running_gateway import DATASET, Running, purchase

from twofold.app import Gateway
from twofold.collect.answers import GIF
from twofold.collect.limits.hourly_counts import HISTORY, HOUR, SLOT_MS
from twofold.collect.limits.past_counts import past_shares
from twofold.collect.limits.quarantine import QUARANTINE, WATCHED, Quarantine
from twofold.collect.policy import DatasetPolicy, TrustRules
from twofold.config import settings_from
from twofold.event.model import Channel, CustomData, Event, Tier, UserData, encode
from twofold.store.opened.routes import Route
from twofold.store.store import Store

START = 1_790_000_000_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
UA = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0"

Arrival = tuple[int, Event]


def event(tier: Tier, value: float = 40.0, currency: str = "EUR", *, name: str = "Purchase", **fields: Any) -> Event:
    return Event(
        dataset="1",
        event_name=name,
        event_id="e",
        event_time=START // 1000,
        received_at=START,
        channel=Channel.BROWSER if tier < Tier.T2 else Channel.SERVER,
        sender="test",
        tier=tier,
        user_data=UserData(),
        custom_data=CustomData(value=Decimal(str(value)), currency=currency),
        **fields,
    )


def orders(
    seed: int,
    hours: float,
    rate: Callable[[float], float],
    *,
    browser: Callable[[float], float] = lambda h: 0.8,
    server: Callable[[float], float] = lambda h: 1.0,
    currency: str = "EUR",
) -> Iterator[Arrival]:
    """Orders at ``rate(hour)`` an hour, in order of arrival; ``browser`` and ``server`` are the chances of a report."""
    chance = random.Random(seed)
    found: list[tuple[int, int, Event]] = []
    at, n = 0.0, 0
    peak = max(rate(k / 10) for k in range(int(hours * 10) + 1))
    while at < hours:
        at += chance.expovariate(peak)
        if chance.random() > rate(at) / peak:
            continue
        value, n = round(chance.lognormvariate(3.4, 0.7), 2), n + 2
        ms = START + int(at * HOUR_MS)
        if chance.random() < browser(at):
            heapq.heappush(found, (ms, n, event(Tier.T0, value, currency)))
        if chance.random() < server(at):
            heapq.heappush(found, (ms + chance.randint(2, 60) * 1000, n + 1, event(Tier.T3, value, currency)))
    return (found_one for found_one in [(ms, e) for ms, _, e in sorted(found)])


def flood(begins: float, ends: float, an_hour: float, value: float = 40.0, currency: str = "EUR") -> list[Arrival]:
    """Forged T0 purchases, evenly."""
    step = HOUR_MS / an_hour
    n = int((ends - begins) * an_hour)
    return [(START + int(begins * HOUR_MS + k * step), event(Tier.T0, value, currency)) for k in range(n)]


def by_day(mean: float) -> Callable[[float], float]:
    """A shop's day: three in the morning nearly nothing, the evening almost twice the mean."""
    return lambda hour: mean * (1 + 0.9 * math.sin((hour - 9) / 24 * 2 * math.pi))


def watch(factor: float = 5, **policy: Any) -> Quarantine:
    return Quarantine({"1": DatasetPolicy(id="1", trust=TrustRules(shift_factor=factor), **policy)})


def marked(arrivals: Iterable[Arrival], watching: Quarantine | None = None) -> list[int]:
    """When T0 copies were put in quarantine, in ms after the start."""
    watching = watching or watch()
    found = []
    for ms, one in sorted(arrivals, key=lambda a: a[0]):
        (kept,) = watching.weigh([one], (), ms)
        if kept.held_back == QUARANTINE:
            assert kept.tier is Tier.T0
            found.append(ms - START)
    return found


DAY4 = 4 * 24.0
STEP = lambda before, after: lambda hour: before if hour < DAY4 else after  # noqa: E731

ORDINARY = {
    "days as ever": lambda s: orders(s, 120, by_day(20)),
    "a small shop": lambda s: orders(s, 120, by_day(1.5)),
    "a sale day, twenty times": lambda s: orders(s, 108, lambda h: by_day(10)(h) * STEP(1, 20)(h)),
    "a sale at midnight, at once": lambda s: orders(s, 104, STEP(8, 200)),
    "a new shop that takes off": lambda s: orders(s, 36, lambda h: 1 + h * h / 4),
    "a first day of five hundred an hour": lambda s: orders(s, 10, lambda h: 500),
    "browsers only, and a sale day": lambda s: orders(s, 104, STEP(10, 200), server=lambda h: 0),
    "the tag is new": lambda s: orders(s, 110, by_day(30), browser=STEP(0, 0.95)),
    "the webhook is dead for a day": lambda s: orders(s, 110, by_day(40), server=STEP(1, 0)),
    "a new country": lambda s: [*orders(s, 120, by_day(20)), *orders(s + 9, 120, STEP(0.01, 60), currency="USD")],
    "one rich order": lambda s: [*orders(s, 40, lambda h: 90), (START + 38 * HOUR_MS, event(Tier.T0, 250_000))],
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_what_shops_live_through_is_no_shift(kind: str) -> None:
    """Both sides grow, or only the trusted one falls, or there is nothing to compare with: none is kept back."""
    for seed in (1, 2):
        assert marked(ORDINARY[kind](seed)) == [], seed


FORGED = {
    "ten times as many": lambda: flood(DAY4, DAY4 + 3, 300),
    "cheap ones, at the sum of an hour": lambda: flood(DAY4, DAY4 + 3, 300, value=0.01),
    "few and rich": lambda: flood(DAY4, DAY4 + 3, 60, value=5000),
    "in a currency nobody uses": lambda: flood(DAY4, DAY4 + 3, 300, currency="XAF"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_flood_of_one_side_goes_into_quarantine(kind: str) -> None:
    """Beside an ordinary shop of thirty orders an hour: within the first hour, to the end, and not for long after it."""
    for seed in (1, 2):
        when = marked([*orders(seed, 102, lambda h: 30), *FORGED[kind]()])
        assert when, seed
        assert DAY4 * HOUR_MS < when[0] < (DAY4 + 1) * HOUR_MS
        assert (DAY4 + 2.95) * HOUR_MS < when[-1] < (DAY4 + 3 + 13 / 12) * HOUR_MS


def test_a_long_flood_does_not_become_normal() -> None:
    """Four days of forging, longer than the history that is looked at: all of them in quarantine."""
    when = marked([*orders(4, 192, lambda h: 10), *flood(DAY4, DAY4 + 96, 150)])
    last_day = [ms for ms in when if ms > (DAY4 + 72) * HOUR_MS]
    assert len(last_day) >= 24 * 150 - 150


def test_only_the_flooded_name_is_kept_back_and_only_without_trust() -> None:
    """Trusted copies, copies with a token and other names go on; a name that nobody acts on is not watched."""
    watching = watch()
    marked([*orders(5, DAY4, lambda h: 30), *flood(DAY4, DAY4 + 1, 400)], watching)
    now = START + int((DAY4 + 1) * HOUR_MS)
    copies = [event(tier) for tier in Tier] + [event(Tier.T0, name=name) for name in ("Lead", "PageView")]
    found = [e.held_back for e in watching.weigh(copies, (), now)]
    assert found == [QUARANTINE, None, None, None, None, None]
    assert [(s.dataset, s.event_name) for s in watching.shifts(now)] == [("1", "Purchase")]


def test_off_is_off() -> None:
    assert marked([*orders(1, DAY4, lambda h: 30), *flood(DAY4, DAY4 + 3, 900)], watch(0)) == []


def test_what_goes_nowhere_anyhow_is_no_shift() -> None:
    """Robots and money over the cap are not sent: they must not be a way to get honest browsers kept back."""
    robots = [(ms, event(Tier.T0, bot="crawler")) for ms, _ in flood(DAY4, DAY4 + 1, 500)]
    rich = [(ms, event(Tier.T0, 9999, held_back="value_over_cap")) for ms, _ in flood(DAY4, DAY4 + 1, 500)]
    assert marked([*orders(1, 98, lambda h: 20), *robots, *rich]) == []
    assert marked([*orders(1, 98, lambda h: 20), *robots], watch(suppress_bots=False)) != []


def test_a_beginning_and_an_end_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """One line each, with name, dataset and numbers; the page and the gauge say it meanwhile."""
    caplog.set_level(logging.WARNING, logger="twofold.collect")
    watching = watch()
    marked([*orders(6, DAY4, lambda h: 30), *flood(DAY4, DAY4 + 1, 400)], watching)
    (line,) = caplog.messages
    assert line.startswith("quarantine begins: untrusted Purchase of dataset 1 were ")
    now = START + int((DAY4 + 1) * HOUR_MS)
    (shown,) = watching.page(now)
    assert (shown["dataset"], shown["event_name"]) == ("1", "Purchase")
    assert 0 < shown["since_s"] < 3600
    assert gauge(watching) == 1
    assert watching.page(now + 2 * HOUR_MS) == []  # nothing has come since: looking at it is enough
    assert gauge(watching) == 0
    assert caplog.messages[1].startswith("quarantine ends: untrusted Purchase of dataset 1")
    assert len(caplog.messages) == 2


def gauge(watching: Quarantine) -> float:
    (family,) = watching.collect()
    return next(s.value for s in family.samples if s.labels == {"dataset": "1", "event_name": "Purchase"})


# -- a restart


def stored(folder: Path, arrivals: Iterable[Arrival], then: Callable[[Store], Awaitable[None]] | None = None) -> None:
    """Journals them as they came; a browser's and a server's copy of one order are two actions here."""

    async def main() -> None:
        store = Store(
            folder,
            routes={"1": Route(destinations=("meta-1",))},
            policies={"1": DatasetPolicy(id="1")},
            opened_at=START,
        )
        store.start()
        batch = []
        for n, (ms, one) in enumerate(sorted(arrivals, key=lambda a: a[0])):
            one = Event(
                **{f: getattr(one, f) for f in one.__struct_fields__} | {"event_id": f"e{n}", "received_at": ms}
            )
            batch.append(one)
            if len(batch) == 1000:
                await store.append(batch)
                batch = []
        await store.append(batch)
        if then is not None:
            await then(store)
        await store.close()

    asyncio.run(main())


def test_a_restart_forgets_nothing_that_matters(tmp_path: Path) -> None:
    """Four days in the journal, then a start: a flood is seen as if the gateway had run all the time; one that was
    under way is taken up again."""
    usual = list(orders(7, DAY4, lambda h: 30))
    stored(tmp_path, [*usual, *flood(DAY4, DAY4 + 0.75, 400)])
    now = START + int((DAY4 + 0.75) * HOUR_MS)

    def restored(until: int) -> Quarantine:
        watching = watch()
        past = past_shares(tmp_path, WATCHED, until - (HOUR + HISTORY) * SLOT_MS, until, SLOT_MS)
        assert past[0].trusted > 0
        watching.restore(past, until)
        return watching

    assert [s.event_name for s in restored(now).shifts(now)] == ["Purchase"]
    before = restored(START + int(DAY4 * HOUR_MS))
    assert before.shifts(START + int(DAY4 * HOUR_MS)) == []
    rich = marked(flood(DAY4, DAY4 + 1, 60, value=5000), before)
    assert rich
    assert rich[0] < (DAY4 + 1) * HOUR_MS


def test_what_was_in_quarantine_before_the_start_was_not_usual(tmp_path: Path) -> None:
    """Kept back two hours ago, settled as that: the history has the shop's own orders and none of the flood."""
    kept = [(ms, replace(one, held_back=QUARANTINE)) for ms, one in flood(0, 1, 30)]
    own = [(ms + 1, event(Tier.T2)) for ms, _ in flood(0, 1, 10)]

    async def settle(store: Store) -> None:
        await store.claim("meta-1", START + 2 * HOUR_MS, 100, 60_000, encode, lambda _: 7 * 86_400)

    stored(tmp_path, [*kept, *own], settle)

    def counts(until: int) -> tuple[int, int]:
        past = past_shares(tmp_path, WATCHED, START, until, SLOT_MS)
        return sum(p.untrusted for p in past), sum(p.trusted for p in past)

    assert counts(START + 3 * HOUR_MS) == (0, 10)
    assert counts(START + HOUR_MS) == (30, 10), "of the last hour everything, so that a flood is taken up again"


def test_a_gateway_reads_it_when_it_starts(tmp_path: Path) -> None:
    """A flood that was under way at the stop is in quarantine soon after the start, without one more event."""
    stored(tmp_path, [*orders(7, DAY4, lambda h: 10), *flood(DAY4, DAY4 + 0.75, 400)])
    token = "token-of-the-operator"
    tree = {
        "server": {"data": str(tmp_path), "port": 0, "status_token": token},
        "dataset": [{"id": "1", "key": "key-of-the-first-dataset"}],
    }
    now = START + int((DAY4 + 0.75) * HOUR_MS)
    running = Gateway(settings_from(tree, environ={}), clock=lambda: now)

    async def main() -> Any:
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(running.run(address.set_result))
        try:
            async with asyncio.timeout(60), aiohttp.ClientSession() as session:
                while True:
                    async with session.get(
                        f"{await address}/health", headers={"Authorization": f"Bearer {token}"}
                    ) as answer:
                        if found := (await answer.json())["quarantine"]:
                            return found
                    await asyncio.sleep(0.05)
        finally:
            running._stop.set()
            await task

    assert asyncio.run(main()) == [{"dataset": "1", "event_name": "Purchase", "since_s": 0}]


# -- through the gateway


CAPPED = {
    "dataset": [
        {
            "id": DATASET,
            "key": "key-of-the-first-dataset",
            "trust": {"value_caps": {"EUR": 100}, "events_per_minute": 0},
        }
    ],
    "destination": [],
}


def in_quarantine(gateway: Running) -> None:
    """A day and more of the shop's own orders, then a flood of browsers."""
    begun = gateway.now
    for hour in range(30):
        gateway.now = begun + hour * HOUR_MS
        gateway.post(*(purchase(f"own-{hour}-{n}", event_time=gateway.now // 1000) for n in range(2)))
    for n in range(60):
        gateway.tag(browser(f"forged-{n}", gateway.now), user_agent=UA)


def browser(event_id: str, now: int, value: float = 42.5) -> dict[str, Any]:
    data = {"value": value, "currency": "EUR", "order_id": event_id}
    return {"event_name": "Purchase", "event_time": now // 1000, "event_id": event_id, "custom_data": data}


def test_a_forged_flood_is_kept_and_shown(start_gateway) -> None:
    """Over real sockets: marked in the journal, counted, on the health page; the shop's own copy is untouched."""
    gateway = start_gateway(CAPPED)
    in_quarantine(gateway)
    gateway.new_events()
    gateway.tag(browser("one-more", gateway.now), user_agent=UA)
    gateway.post(purchase("own-more", event_time=gateway.now // 1000))
    assert [e.held_back for e in gateway.new_events()] == [QUARANTINE, None]
    (shown,) = gateway.status("/health").json["quarantine"]
    assert (shown["dataset"], shown["event_name"]) == (DATASET, "Purchase")
    text = gateway.status("/metrics").body.decode()
    assert f'twofold_quarantine{{dataset="{DATASET}",event_name="Purchase"}} 1.0' in text
    assert 'twofold_held_back_total{reason="quarantine"}' in text


def test_browsers_cannot_tell_what_became_of_an_event(start_gateway) -> None:
    """New, again, in conflict, over the cap, without an id, in quarantine: equal status, fields and bytes at both doors.
    Only the number that names the answer differs, and it is as long each time."""
    gateway = start_gateway(CAPPED)
    gateway.tag(browser("known", gateway.now), user_agent=UA)
    kinds = {
        "new": browser("new", gateway.now),
        "again": browser("known", gateway.now),
        "conflict": browser("known", gateway.now, 43),
        "over the cap": browser("rich", gateway.now, 5000),
    }
    before = {kind: both_doors(gateway, one) for kind, one in kinds.items()}
    verdicts = metric_lines(gateway, "twofold_accepted_total")
    assert any('verdict="conflict"' in line for line in verdicts), "the kinds are what they are called"
    assert any('verdict="repeat"' in line for line in verdicts)
    in_quarantine(gateway)
    gateway.new_events()
    before["quarantine"] = both_doors(gateway, browser("kept", gateway.now))
    assert {e.held_back for e in gateway.new_events()} == {QUARANTINE}
    assert len(set(before.values())) == 1, before


def both_doors(gateway: Running, one: dict[str, Any]) -> tuple[Any, ...]:
    tag = gateway.tag(one, user_agent=UA)
    data = one["custom_data"]
    hit = gateway.pixel(
        {"user_agent": UA}, ev="Purchase", eid=one["event_id"], dl="https://shop.example/",
        **{"cd[value]": str(data["value"]), "cd[currency]": "EUR", "cd[order_id]": data["order_id"]},
    )  # fmt: skip
    assert hit.body == GIF
    body = tag.body.replace(tag.json["fbtrace_id"].encode(), b"")
    return tag.status, len(tag.body), body, tuple(tag.headers.items()), hit.status, hit.body, tuple(hit.headers.items())


def metric_lines(gateway: Running, start: str) -> list[str]:
    return [row for row in gateway.status("/metrics").body.decode().splitlines() if row.startswith(start)]
