"""The worker and consent that changes while it works: what was claimed is not what may still be sent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from delivering import delivering, events

from tests.fakes.graph import OK, error
from twofold.clock import now_ms
from twofold.event.model import Consent, Hashed, UserData
from twofold.matching.subject import Mark
from twofold.store.lists import Reader
from twofold.store.opened.routes import Route
from twofold.store.sqlite import database
from twofold.store.store import Store

MARY = "a1" * 32


@asynccontextmanager
async def opened(folder, **facts):
    store = Store(folder, routes={"1": Route(destinations=("meta-1",))}, opened_at=now_ms(), **facts)
    store.start()
    try:
        yield store
    finally:
        await store.close()


def states(folder) -> dict[str, tuple[str, str]]:
    with Reader(folder) as reader:
        return {row["event_id"]: (row["state"], row["reason"]) for row in reader.rows("deliveries", limit=0)}


async def withdrawn(store: Store) -> str:
    await store.withdraw("1", [Mark("em", MARY)], now_ms())
    return "consent_withdrawn"


async def denied_by_another_copy(store: Store) -> str:
    late = events("mine", consent=Consent.DENIED)  # of the same tier: a lower one's word would stop nothing
    await store.append(late)
    return "consent_denied"


@pytest.mark.parametrize("take_back", [withdrawn, denied_by_another_copy])
def test_the_halves_of_a_refused_batch_are_asked_again(tmp_path, take_back):
    """Two go in one request; while it is open one person takes consent back, and the request is refused for one of them.

    Both halves were claimed before. The other person's is sent again, alone; hers never is.
    """

    async def scenario():
        answered = asyncio.Event()
        first = error(100, 2804050, until=answered)
        script = [first, OK]
        async with opened(tmp_path) as store:
            hers = events("mine", user_data=UserData(em=(Hashed("meta", MARY),)), consent=Consent.GRANTED)
            await store.append([*hers, *events("other", consent=Consent.GRANTED)])
            async with delivering(script, outbox=store) as d:
                await d.until(lambda: d.graph.requests)
                assert sorted(d.graph.requests[0].ids) == ["mine", "other"]
                reason = await take_back(store)
                answered.set()
                await d.until(lambda: not {s for s, _ in states(tmp_path).values()} & {"waiting", "paused"})
                later = [i for r in d.graph.requests[1:] for i in r.ids]
        return reason, later

    reason, later = asyncio.run(scenario())
    assert later == ["other"]
    assert states(tmp_path) == {"mine": ("suppressed", reason), "other": ("delivered", "")}


def test_what_another_process_was_told_is_obeyed_before_the_next_request(tmp_path, monkeypatch):
    """Two processes on one database, played on the embedded engine without its lock: the withdrawal is told to the one that
    does not send, between the claim of a batch and the halves of it."""

    class Unlocked:
        def __init__(self, folder):
            self.path = folder / "lock"
            self.path.touch()

        def release(self): ...

    monkeypatch.setattr(database, "FolderLock", Unlocked)

    async def scenario():
        answered = asyncio.Event()
        script = [error(100, 2804050, until=answered), OK]
        async with opened(tmp_path, peer="deliver") as store, opened(tmp_path, peer="collect") as other:
            hers = events("mine", user_data=UserData(em=(Hashed("meta", MARY),)), consent=Consent.GRANTED)
            await other.append([*hers, *events("other", consent=Consent.GRANTED)])
            async with delivering(script, outbox=store) as d:
                await d.until(lambda: d.graph.requests)
                await withdrawn(other)
                answered.set()
                await d.until(lambda: not {s for s, _ in states(tmp_path).values()} & {"waiting", "paused"})
                return [i for r in d.graph.requests[1:] for i in r.ids]

    assert asyncio.run(scenario()) == ["other"]
    assert states(tmp_path) == {"mine": ("suppressed", "consent_withdrawn"), "other": ("delivered", "")}
