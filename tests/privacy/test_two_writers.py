"""An erasure and retention where two processes write to one database: each looks through both strands, to their ends.

Played on the embedded engine with its lock taken aside.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from twofold.event.model import Channel, Consent, CustomData, Event, Hashed, Tier, UserData, readable_event
from twofold.matching.subject import SubjectRequest
from twofold.privacy.retention import Days, Retention
from twofold.privacy.runner import Eraser
from twofold.report.verify import verify
from twofold.store.opened.routes import Route
from twofold.store.peers.places import SPAN
from twofold.store.sqlite import database
from twofold.store.store import Store

NOW = 1_790_000_000_000
DAY = 86_400_000
HERS, OTHERS = "ab" * 32, "cd" * 32


class Unlocked:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self.path.touch()

    def release(self) -> None: ...


@pytest.fixture(autouse=True)
def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "FolderLock", Unlocked)


def page(event_id: str, em: str, at: int = NOW) -> Event:
    return Event(
        dataset="1", event_name="Lead", event_id=event_id, id_given=True, event_time=at // 1000, received_at=at,
        channel=Channel.SERVER, sender="test", tier=Tier.T2, consent=Consent.GRANTED,
        user_data=UserData(em=(Hashed("meta", em),), client_ip_address="203.0.113.9"), custom_data=CustomData(),
    )  # fmt: skip


async def two(folder: Path, scenario) -> None:
    stores = [Store(folder, routes={"1": Route()}, opened_at=NOW, peer=name) for name in "ab"]
    for store in stores:
        store.start()
    try:
        await scenario(*stores)
    finally:
        for store in stores:
            await store.close()


async def kept(store: Store) -> dict[int, Event | None]:
    rows = await store.transact(lambda e: e.run("bodies_after", (0, 1_000)))
    return {row[0]: readable_event(row[3]) for row in rows}


def test_an_erasure_takes_out_what_came_to_either_writer_also_while_it_searched(tmp_path: Path) -> None:
    """Hers of before the search, and hers that came to each after it; what is another person's stays."""

    async def scenario(a: Store, b: Store) -> None:
        eraser = Eraser(a, lambda: NOW)
        await eraser.start()
        for store, name in ((a, "a"), (b, "b")):
            await store.append([page(f"{name}1", HERS), page(f"{name}2", OTHERS)])
        find = eraser._find

        async def found(*args):
            answer = await find(*args)
            for store, name in ((b, "b"), (a, "a")):
                await store.append([page(f"{name}3", HERS), page(f"{name}4", OTHERS)])
            return answer

        eraser._find = found  # type: ignore[method-assign]
        await eraser.ask(SubjectRequest(emails=(HERS,)), "command")
        await eraser.finish_all()
        emails = {p: [h.hex for h in e.user_data.em] for p, e in (await kept(a)).items() if e is not None}
        assert emails == {n: [] if n % 2 else [OTHERS] for n in (1, 2, 3, 4, *(SPAN + i for i in range(1, 5)))}

    asyncio.run(two(tmp_path, scenario))
    assert [check.name for check in verify(tmp_path) if not check.holds] == []


def test_retention_empties_the_rows_of_each_writer(tmp_path: Path) -> None:
    """The first writer's rows too, when the second one's, which have higher numbers, were emptied before."""

    async def scenario(a: Store, b: Store) -> None:
        job = Retention(a, Days(address=30))
        await b.append([page("b1", HERS)])
        for name in ("a1", "a2"):
            await a.append([page(name, HERS, at=NOW + 1)])
        while await job.step(NOW + 31 * DAY):
            pass
        await a.append([page("a3", HERS, at=NOW + DAY)])
        await b.append([page("b2", HERS, at=NOW + DAY)])
        while await job.step(NOW + 32 * DAY):
            pass
        addresses = [e.user_data.client_ip_address for e in (await kept(a)).values() if e is not None]
        assert addresses == [None] * 5

    asyncio.run(two(tmp_path, scenario))
