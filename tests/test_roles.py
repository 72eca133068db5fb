"""Processes that share a gateway's work: one takes events in, one delivers. A data folder is one process's, and says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.graph import OK, FakeGraph
from twofold import app, roles
from twofold.app import Gateway
from twofold.clock import now_ms
from twofold.config import settings_from
from twofold.errors import ConfigError
from twofold.report.verify import verify
from twofold.roles import Role
from twofold.store.lists import Reader
from twofold.store.sqlite import database

DATASET, KEY, TOKEN = "1234567890", "key-of-the-shop", "a-status-token-of-32-characters!"
PATIENCE_S = 60


def settings(folder: Path, url: str = "http://127.0.0.1:9") -> Any:
    return settings_from({
        "server": {"data": str(folder), "port": 0, "status_token": TOKEN},
        "dataset": [{"id": DATASET, "key": KEY, "hold_s": {}}],
        "destination": [{"dataset": DATASET, "platform": "meta", "name": "meta", "endpoint": url, "token": "t" * 16}],
    }, environ={})  # fmt: skip


@pytest.mark.parametrize("role", [Role.COLLECT, Role.DELIVER])
def test_a_part_of_the_work_is_refused_where_the_folder_is_one_process_s(tmp_path: Path, role: Role) -> None:
    """Before anything is opened or made, with what to do."""
    with pytest.raises(ConfigError, match=f"--role {role}: the data folder is one process's alone"):
        Gateway(settings(tmp_path / "data"), role=role)
    assert not (tmp_path / "data").exists()


def test_a_name_among_others_is_refused_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--name a: a data folder is one process's alone"):
        Gateway(settings(tmp_path / "data"), name="a")


def test_every_task_of_a_gateway_belongs_to_a_role(tmp_path: Path) -> None:
    """What is named for a role exists; who takes events in has no duty, who delivers keeps nothing of what comes."""
    gateway = Gateway(settings(tmp_path / "data"))
    names = gateway._works().keys()
    asyncio.run(_closed(gateway))
    assert names >= roles.COLLECTING | roles.DELIVERING | roles.ON_DUTY
    of = {role: {name for name in names if roles.is_for(name, role)} for role in Role}
    assert of[Role.ALL] == names
    assert of[Role.COLLECT] == names - roles.DELIVERING - roles.ON_DUTY
    assert of[Role.DELIVER] == names - roles.COLLECTING


async def _closed(gateway: Gateway) -> None:
    gateway.store.start()
    await gateway.store.close()


class Unlocked:
    """In the place of the folder's lock: the embedded engine plays a database of several processes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self.path.touch()

    def release(self) -> None: ...


@asynccontextmanager
async def running(folder: Path, url: str, role: Role, name: str = "") -> AsyncIterator[tuple[Gateway, str]]:
    gateway = Gateway(settings(folder, url), role=role, name=name)
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(gateway.run(address.set_result))
    await asyncio.wait([task, address], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield gateway, address.result()
    finally:
        gateway._stop.set()
        while not (task.done() or gateway.health.leaving):
            await asyncio.sleep(0.01)
        task.cancel()  # so that nobody waits until a time that is given to others is over
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def told(session: aiohttp.ClientSession, address: str, event_id: str) -> int:
    event = {
        "event_name": "Purchase", "event_time": now_ms() // 1000, "event_id": event_id, "action_source": "website",
        "user_data": {"em": "mara@shop.example"}, "custom_data": {"value": 84.5, "currency": "EUR"},
    }  # fmt: skip
    body = {"data": [event], "access_token": KEY}
    async with session.post(f"{address}/v25.0/{DATASET}/events", json=body) as answer:
        return answer.status


async def health(session: aiohttp.ClientSession, address: str) -> tuple[int, str]:
    async with session.get(f"{address}/health") as answer:
        return answer.status, (await answer.text()).strip()


def test_one_takes_events_in_and_another_delivers_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that collect, replaced one after the other while events come, and one that delivers. Who only delivers takes none
    and says so; who leaves says so before it closes its port. Nothing is lost or sent twice."""
    monkeypatch.setattr(database, "FolderLock", Unlocked)
    monkeypatch.setattr(app, "is_shared", lambda _settings: True)
    monkeypatch.setattr(app, "LEAVE_S", PATIENCE_S)  # the test ends it
    folder, sent = tmp_path / "data", [f"e{n}" for n in range(6)]

    async def main() -> list[str]:
        async with FakeGraph([OK]) as graph, aiohttp.ClientSession() as session:
            async with running(folder, graph.url, Role.DELIVER) as (deliver, delivering):
                assert await told(session, delivering, "refused") == 404
                async with running(folder, graph.url, Role.COLLECT, "first") as (first, old):
                    assert [await told(session, old, e) for e in sent[:2]] == [200, 200]
                    assert first.workers == []
                    async with running(folder, graph.url, Role.COLLECT, "second") as (_, new):
                        assert await told(session, new, sent[2]) == 200
                        first._stop.set()
                        async with asyncio.timeout(PATIENCE_S):
                            while (await health(session, old))[1] != "leaving":
                                await asyncio.sleep(0.01)
                        assert await health(session, old) == (503, "leaving")
                        assert await told(session, old, sent[3]) == 200, "it still takes what is sent there"
                        assert [await told(session, new, e) for e in (*sent[4:], sent[0])] == [200, 200, 200]
                        async with asyncio.timeout(PATIENCE_S):
                            while sum(len(r.ids) for r in graph.requests) < len(sent):
                                await asyncio.sleep(0.05)
                assert deliver.store.place.number == 0
                assert await health(session, delivering) == (200, "ok")
            return [i for r in graph.requests for i in r.ids]

    assert sorted(asyncio.run(main())) == sent
    assert [check.name for check in verify(folder) if not check.holds] == []
    with Reader(folder) as reader:
        assert {row["state"] for row in reader.rows("deliveries", limit=0)} == {"delivered"}
