"""Send all since: what would go is shown first, and exactly that goes. Takes four quiet seconds: a gateway has to give something up."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apsw
import pytest
from running_console import DATASET, Client, Running, configuration

from tests.fakes.graph import FakeGraph, error
from twofold.app import Gateway
from twofold.config import load_settings
from twofold.console.forms import CHANGE
from twofold.report.kept import kept
from twofold.store.beside.folder import DATABASE
from twofold.store.lists import Reader

VALUES = ("129.90", "20.05", "7.00")


async def given_up(folder: Path) -> Path:
    """A folder in which three Purchases and a Lead were refused for what is in them; the configuration's path."""
    import aiohttp

    async with FakeGraph(lambda _request: error(100, 2804008)) as graph:
        config = configuration(folder, graph.url)
        text = config.read_text(encoding="utf-8")
        config.write_text(text[: text.index("[[source]]")], encoding="utf-8")  # no shop: a Purchase waits for no order
        gateway = Gateway(load_settings(config, port=0))
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(gateway.run(ready.set_result))
        address, now = await ready, int(time.time())
        user = {"em": ["anna@shop.example"], "client_user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0"}
        base = {
            "event_time": now,
            "action_source": "website",
            "event_source_url": "https://shop.example/",
            "user_data": user,
        }
        events: list[dict[str, Any]] = [
            {**base, "event_name": "Purchase", "event_id": f"p{n}", "custom_data": {"value": float(value), "currency": "EUR"}}
            for n, value in enumerate(VALUES)
        ]  # fmt: skip
        events.append(
            {**base, "event_name": "Lead", "event_id": "l1", "custom_data": {"value": 1000, "currency": "EUR"}}
        )
        async with aiohttp.ClientSession() as session:
            for event in events:
                body = {"data": [event], "access_token": "a-key-of-sixteen-characters"}
                async with session.post(f"{address}/v25.0/{DATASET}/events", json=body) as answer:
                    assert answer.status == 200, await answer.text()
        for _ in range(600):
            with Reader(folder / "data") as reader:
                dead = reader.dead_deliveries({})
            if len(dead) == len(events):
                break
            await asyncio.sleep(0.1)
        gateway._stop.set()
        await task
    assert len(dead) == len(events)
    return config


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Client]]:
    folder = tmp_path_factory.mktemp("again")
    config = asyncio.run(given_up(folder))
    running = Running(folder / "data", config)
    yield running, running.owner()
    running.stop()


def rows_of(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/deliveries/given-up.json{query}")
    assert answer.status == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.process
def test_what_would_go_is_shown_first(shop: tuple[Running, Client]) -> None:
    """How many, of which platform, how old, worth what: of Purchases alone. A stretch before it, and a reason that is none."""
    _, owner = shop
    about, row = rows_of(owner)
    assert about["deliveries"] == row["count"] == 4
    assert row["platform"] == "meta"
    assert row["purchases"] == 3
    assert row["value"] == f"{sum(map(Decimal, VALUES))} EUR" == "156.95 EUR"
    assert row["too_old"] == 0
    assert 0 < row["oldest"] <= row["newest"] <= about["until"]
    assert rows_of(owner, "?since=1h")[0]["deliveries"] == 4
    assert len(rows_of(owner, "?since=2099-01-01T00:00")) == 1
    for query in (
        "?reason=nothing",
        "?destination=nothing",
        "?since=soon",
        "?since=2026-11-29T25:00",
        "?since=9999-12-31T23:59",
    ):
        assert owner.get(f"/deliveries/given-up{query}").status == 400, query
    page = owner.get(f"/deliveries/given-up?reason={quote(row['reason'])}").text
    assert "Send these 4 again" in page
    assert 'href="/console/deliveries/given-up"' in owner.get("/deliveries").text


@pytest.mark.process
def test_only_what_was_shown_goes(shop: tuple[Running, Client]) -> None:
    """A form without a preview sends nothing; what was given up after the preview stays; who did it stands in the log."""
    running, owner = shop

    def dead() -> int:
        with Reader(running.folder) as reader:
            return len(reader.dead_deliveries({}))

    csrf = owner.csrf()
    for given in ({}, {"since": "0"}, {"since": "-1", "until": "5"}, {"since": "0", "until": "9" * 40}):
        assert owner.post("/deliveries/again", {"csrf": csrf, **given}).status == 409, given
    _, row = rows_of(owner)
    page = owner.get("/deliveries/given-up").text
    (until,) = set(re.findall(r'name="until" value="(\d+)"', page))
    before = {"csrf": csrf, "since": "0", "until": str(row["oldest"] - 1)}
    assert owner.post("/deliveries/again", before).status == 303
    other = {"csrf": csrf, "since": "0", "until": until, "destination": "another"}
    assert owner.post("/deliveries/again", other).status == 303
    assert dead() == 4
    shown = {"csrf": csrf, "since": "0", "until": until, "reason": row["reason"]}
    assert owner.post("/deliveries/again", shown).status == 303
    assert dead() == 0
    said = [one.facts for one in kept(running.folder, CHANGE) if one.facts["what"] == "sent again"]
    assert [(one["deliveries"], one["reason"], one["by"]) for one in said] == [(4, row["reason"], "nino")]
    assert "Nothing was given up: every delivery" in owner.get("/deliveries/given-up").text


@pytest.mark.process
def test_what_may_have_arrived_is_said_before_it_goes(shop: tuple[Running, Client]) -> None:
    """Of nothing else that was given up: a platform may count it twice."""
    running, owner = shop
    settled_at = int(time.time() - 60) * 1000
    with closing(apsw.Connection(str(running.folder / DATABASE))) as db:  # as a worker gives them up
        db.execute("update delivery set state = 'dead', reason = 'horizon:2', settled_at = ?", (settled_at,))
        db.execute("update delivery set reason = 'ambiguous' where id = (select max(id) from delivery)")
    unsure, sure = (
        owner.get(f"/deliveries/given-up?dataset={DATASET}&reason={reason}").text
        for reason in ("ambiguous", "horizon%3A2")
    )
    assert "Send these 1 again" in unsure
    assert "<span>it may have arrived</span>" in unsure
    assert "Send these 3 again" in sure
    assert ["may count twice" in page for page in (unsure, sure)] == [True, False]


@pytest.mark.process
def test_who_may_not_send_again_sees_no_such_page(shop: tuple[Running, Client]) -> None:
    running, owner = shop
    buyer = running.person(owner, "buyer")
    assert buyer.get("/deliveries/given-up").status == 404
    assert "given-up" not in buyer.get("/deliveries").text
