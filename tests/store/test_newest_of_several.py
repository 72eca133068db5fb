"""Lists of the last so many rows where several gateways write, each into a strand of its own: those that came last, whichever took
them, and the same rows however many are asked for.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from copies import NOW, copy, folder_of

from twofold.store.lists import Reader
from twofold.store.opened.routes import Route
from twofold.store.store import Store

ROUTES = {"1": Route(destinations=("meta-1", "meta-2"))}
CAME = [0, 1, 1, 2, 0, 0, 2, 1, 0, 0]
"""Which of three gateways took each, in the order they came: the last strand has neither the first nor the last."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    async def fill() -> None:
        async with AsyncExitStack() as closing:
            stores = []
            for name in ("w0", "w1", "w2"):
                store = Store(folder_of(tmp_path, name), routes=ROUTES, opened_at=NOW, peer=name)
                store.start()
                closing.push_async_callback(store.close)
                stores.append(store)
            for n, taker in enumerate(CAME):
                await stores[taker].append([copy(f"e{n}", at=NOW + 1_000 * n)])

    asyncio.run(fill())
    return folder_of(tmp_path, "w1")


@pytest.mark.parametrize(("kind", "rows_each"), [("events", 1), ("actions", 1), ("deliveries", 2)])
def test_the_last_rows_are_those_that_came_last(folder: Path, kind: str, rows_each: int) -> None:
    for limit in range(1, len(CAME) + 3):
        with Reader(folder) as reader:
            found = [row["event_id"] for row in reader.rows(kind, limit=limit * rows_each)]
        assert found == [f"e{n}" for n in range(len(CAME)) for _ in range(rows_each)][-limit * rows_each :]


def test_a_filter_holds_in_each_strand(folder: Path) -> None:
    with Reader(folder) as reader:
        assert [row["event_id"] for row in reader.rows("events", {"id": "e3"}, limit=5)] == ["e3"]
        found = [row["event_id"] for row in reader.rows("deliveries", {"destination": "meta-2"}, limit=4)]
        assert found == ["e6", "e7", "e8", "e9"]


def test_actions_are_found_by_state_and_deliveries_by_number(folder: Path) -> None:
    """Numbers of a further gateway's strand are longer than 32 bits."""
    with Reader(folder) as reader:
        assert len(list(reader.rows("actions", {"state": "waiting"}, limit=50))) == len(CAME)
        assert list(reader.rows("actions", {"state": "delivered"}, limit=50)) == []
        for row in reader.rows("deliveries", limit=50):
            found = reader.delivery(row["id"])
            assert found is not None
            assert found["event_id"] == row["event_id"]
