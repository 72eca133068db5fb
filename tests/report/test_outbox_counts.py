"""Deliveries by state, as `/health` and the doctor tell them: what grouping all rows gives, without grouping them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import apsw

from tests.store.copies import HOLD, NOW, claim, copy, opened, settlement
from twofold.event.delivery import DeliveryState
from twofold.report.health import Counts
from twofold.store.lists import Reader
from twofold.store.store import Store

TWO = ("meta-1", "meta-2")
GROUPED = (
    "select t.name, case when d.state = 'waiting' and t.paused_for is not null then 'paused' else d.state end, count(*) "
    "from delivery as d join destination as t on t.id = d.destination group by 1, 2"
)


def grouped(folder: Path) -> dict[str, dict[str, int]]:
    db = apsw.Connection(str(folder / "twofold.db"))
    found: dict[str, dict[str, int]] = {}
    for name, state, count in db.execute(GROUPED):
        found.setdefault(name, {})[state] = count
    db.close()
    return found


async def some_of_each(store: Store) -> None:
    """Of twelve deliveries to the first destination two are accepted, one is given up, three are being tried; the second is
    paused."""
    await store.append([copy(f"e{n}") for n in range(12)])
    accepted, also, dead, *_ = await claim(store, NOW + HOLD, limit=6)
    states = (DeliveryState.DELIVERED, DeliveryState.DELIVERED, DeliveryState.DEAD)
    await store.settle([settlement(d, s) for d, s in zip((accepted, also, dead), states, strict=True)], NOW + HOLD)
    await store.pause("meta-2", "token", NOW + HOLD, NOW)


def test_the_counts_are_those_of_all_rows(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path, destinations=TWO) as store:
            with Reader(tmp_path) as reader:
                assert reader.outbox() == {}
            await some_of_each(store)

    asyncio.run(scenario())
    with Reader(tmp_path) as reader:
        assert reader.outbox() == grouped(tmp_path)
        assert reader.outbox() == {"meta-1": {"waiting": 9, "delivered": 2, "dead": 1}, "meta-2": {"paused": 12}}
        assert reader.waiting() == {"meta-1": {"waiting": 9}, "meta-2": {"paused": 12}}


def test_what_waits_is_told_at_once_and_what_is_settled_when_it_is_counted_again(tmp_path: Path) -> None:
    async def scenario() -> list[dict[str, Any]]:
        counts, found = Counts(tmp_path), []
        async with opened(tmp_path, destinations=TWO) as store:
            for at in (NOW, NOW, NOW + 1_000_000):
                if at == NOW:
                    await store.append([copy(f"of {len(found)}")])
                await counts.bring(at)
                with Reader(tmp_path) as reader:
                    found.append({"age": counts.age_s(at + 500), **counts.with_waiting(reader.waiting())})
                await store.settle([settlement(d) for d in await claim(store, NOW + HOLD)], NOW + HOLD)
        return found

    assert Counts(tmp_path).age_s(NOW) is None
    first, second, third = asyncio.run(scenario())
    assert first == {"age": 0.5, "meta-1": {"waiting": 1}, "meta-2": {"waiting": 1}}
    assert second == {"age": 0.5, "meta-1": {"waiting": 1}, "meta-2": {"waiting": 2}}
    assert third == {"age": 0.5, "meta-1": {"delivered": 2}, "meta-2": {"waiting": 2}}
