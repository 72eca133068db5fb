"""The worker with the real store: what is accepted is delivered once, through crashes, consent and a dead token."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from delivering import SWIFT, delivering, events, numbered
from msgspec.structs import replace

from tests.fakes.graph import OK, error, refusing
from twofold.clock import now_ms
from twofold.errors import StoreFailed
from twofold.event.model import Consent
from twofold.store.lists import Reader
from twofold.store.opened.routes import Route
from twofold.store.store import Store


@asynccontextmanager
async def opened(folder):
    store = Store(folder, routes={"1": Route(destinations=("meta-1",))}, opened_at=now_ms())
    store.start()
    try:
        yield store
    finally:
        await store.close()


def deliveries(folder) -> dict[str, dict]:
    with Reader(folder) as reader:
        return {row["event_id"]: row for row in reader.rows("deliveries", limit=0)}


def states(folder) -> dict[str, str]:
    return {key: row["state"] for key, row in deliveries(folder).items()}


async def settled(d, folder) -> None:
    await d.until(lambda: not {"waiting", "paused"} & set(states(folder).values()))


def test_what_is_appended_is_delivered(tmp_path):
    """300 actions appended while the worker runs: each delivered once, with an attempt on record."""

    async def scenario():
        async with opened(tmp_path) as store, delivering(outbox=store) as d:
            for part in range(3):
                await store.append(events(*(f"e{n}" for n in range(part * 100, part * 100 + 100))))
            await settled(d, tmp_path)

            assert sorted(d.graph.ids) == sorted(f"e{n}" for n in range(300))
        rows = deliveries(tmp_path)
        assert {row["state"] for row in rows.values()} == {"delivered"}
        assert {row["attempts"] for row in rows.values()} == {1}
        with Reader(tmp_path) as reader:
            (attempt,) = reader.attempts(rows["e7"]["id"])
        assert (attempt["outcome"], attempt["status"]) == ("accepted", 200)

    asyncio.run(scenario())


def test_invalid_ones_die_alone(tmp_path):
    """Two invalid among fifty are dead with Meta's code; the others are delivered."""

    async def scenario():
        async with opened(tmp_path) as store, delivering(refusing({"e3", "e40"}), outbox=store) as d:
            await store.append(numbered(50))
            await settled(d, tmp_path)

    asyncio.run(scenario())
    rows = deliveries(tmp_path)
    assert {key for key, row in rows.items() if row["state"] == "dead"} == {"e3", "e40"}
    assert rows["e3"]["reason"] == "rejected:100/2804050"


def test_without_consent_nothing_is_sent(tmp_path):
    """Denied is suppressed with its reason and does not reach the socket."""

    async def scenario():
        async with opened(tmp_path) as store, delivering(outbox=store) as d:
            await store.append([*events("no", consent=Consent.DENIED), *events("yes", consent=Consent.GRANTED)])
            await settled(d, tmp_path)

            assert d.graph.ids == ["yes"]

    asyncio.run(scenario())
    assert states(tmp_path) == {"no": "suppressed", "yes": "delivered"}


def test_a_pause_is_on_disk_and_ends_with_the_trouble(tmp_path):
    """A dead token shows as paused with its code; after a restart with a good one everything goes out."""

    async def scenario():
        slow = replace(SWIFT, probe_ms=200)
        async with opened(tmp_path) as store, delivering([error(190)], outbox=store, policy=slow) as d:
            await store.append(numbered(20))
            await d.until(lambda: "paused" in states(tmp_path).values())
        rows = deliveries(tmp_path)
        assert {(row["state"], row["reason"], row["attempts"]) for row in rows.values()} == {
            ("paused", "credentials:190", 0)
        }
        async with opened(tmp_path) as store, delivering([OK], outbox=store) as d:
            await settled(d, tmp_path)

    asyncio.run(scenario())
    assert set(states(tmp_path).values()) == {"delivered"}


class DyingStore:
    """The store up to the moment the answer is in; then the process is as good as dead."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def settle(self, settlements, now):
        raise StoreFailed


def test_a_crash_after_the_answer_repeats_the_same_bytes(tmp_path):
    """Sent and taken, not recorded: after the restart the batch goes again, byte for byte, and ends delivered."""

    async def scenario():
        async with opened(tmp_path) as store:
            await store.append(numbered(10))
            async with delivering(outbox=DyingStore(store)) as d:
                with pytest.raises(StoreFailed):
                    async with asyncio.timeout(60):
                        await d.running
                first = d.graph.requests
        async with opened(tmp_path) as store, delivering(outbox=store) as d:
            await settled(d, tmp_path)
            return first, d.graph.requests

    first, second = asyncio.run(scenario())

    assert [json.loads(r.body)["data"] for r in first] == [json.loads(r.body)["data"] for r in second]
    assert [r.body for r in first] == [r.body for r in second]
    assert set(states(tmp_path).values()) == {"delivered"}
