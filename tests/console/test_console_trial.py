"""A test purchase: the tester's copies are found among others, the two sides are compared, one word says what came of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from running_console import DATASET, Client, Running, configuration, decided

from tests.fakes.graph import OK, FakeGraph
from twofold.acceptance.seen.sides import compare
from twofold.acceptance.seen.trail import Purchase, trail_of
from twofold.app import Gateway
from twofold.config import load_settings
from twofold.console.pages.signal.trial import PATIENCE_S, verdict_of
from twofold.event.model import Channel, CustomData, Event, Hashed, Tier, UserData

MINE, OTHER = "fb.1.1700000000000.1111111111", "fb.1.1700000000000.2222222222"
EM = "a" * 64
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"


def copy(channel: Channel, **more: Any) -> Event:
    fields = {
        "dataset": DATASET, "event_name": "Purchase", "event_id": "p1", "event_time": 1_700_000_000, "received_at": 1_700_000_000_000,
        "channel": channel, "sender": "x", "tier": Tier(2), "user_data": UserData(em=(Hashed("one", EM),)),
        "custom_data": CustomData(value=Decimal("10.00"), currency="EUR", order_id="5001"),
    }  # fmt: skip
    return Event(**{**fields, **more})


def test_the_two_sides_field_by_field():
    """Money is compared as money, hashes as hashes, times within an hour; a difference in what matters is bad."""
    browser = copy(Channel.BROWSER)
    equal = copy(
        Channel.SERVER, event_time=1_700_003_600, user_data=UserData(em=(Hashed("two", EM),), fbp=MINE),
        custom_data=CustomData(value=Decimal("10.0"), currency="EUR", order_id="5001", num_items=1),
    )  # fmt: skip
    found = {f.name: f for f in compare(browser, equal)}
    assert {name for name, f in found.items() if f.verdict != "equal"} == {"num_items", "user_data.fbp"}
    assert found["user_data.em"].browser == "there"
    assert (found["value"].browser, found["user_data.fbp"].verdict) == ("10", "only_server")
    other = copy(
        Channel.SERVER, event_time=1_700_003_601, custom_data=CustomData(value=Decimal("10.01"), currency="GEL")
    )
    found = {f.name: f for f in compare(browser, other)}
    assert {name for name, f in found.items() if f.bad} == {"value", "currency"}
    assert found["event_time"].verdict == "differs"
    assert found["order_id"].verdict == "only_browser"


def purchase(channels: int = 3, **delivery: Any) -> Purchase:
    row = {"id": 256, "destination": "meta", "state": "delivered", "reason": "", "settled_at": 1, **delivery}
    return Purchase(
        action=1,
        event_id="p1",
        channels=channels,
        value="10",
        currency="EUR",
        order_id="5001",
        copies=[],
        deliveries=[row],
    )


@pytest.mark.parametrize(
    ("purchases", "waited", "word", "colour"),
    [
        ([], 0, "nothing", "grey"), ([], PATIENCE_S, "nothing", "amber"), ([purchase()], 0, "one", "green"),
        ([purchase(), purchase()], 0, "twice", "red"),
        ([purchase(1, state="suppressed", reason="superseded"), purchase(2)], 0, "not_joined", "amber"), ([purchase(1)], 0, "waiting", "grey"),
        ([purchase(1)], PATIENCE_S, "browser_only", "amber"), ([purchase(2)], PATIENCE_S, "server_only", "amber"),
        ([purchase(state="waiting")], PATIENCE_S, "waiting", "grey"), ([purchase(state="dead", reason="x")], 0, "refused", "red"),
        ([purchase(state="suppressed", reason="test_order")], 0, "test_order", "green"),
        ([purchase(state="suppressed", reason="consent_denied")], 0, "kept_back", "amber"),
    ],
)  # fmt: skip
def test_the_verdict(purchases, waited, word, colour):
    found = verdict_of(purchases, [], waited_s=waited)
    assert (found.word, found.colour) == (word, colour)


async def shop(config: Path, code: str, order: str) -> None:
    """The tester opens the shop with the code and buys; another buys beside her; both are told by browser and server."""
    import aiohttp

    async def buy(session: aiohttp.ClientSession, gateway: str, fbp: str, number: str, first_page: str) -> None:
        now = str(int(time.time() * 1000))

        async def seen(name: str, page: str, **more: str) -> None:
            query = {"id": DATASET, "ev": name, "dl": page, "fbp": fbp, "ts": now, "it": now, **more}
            async with session.get(f"{gateway}/tr/?{urlencode(query)}", headers={"user-agent": AGENT}) as answer:
                assert answer.status == 200

        await seen("PageView", first_page)
        await seen("ViewContent", "https://shop.example/mug", eid=f"v{number}")
        money = {"cd[value]": "10.00", "cd[currency]": "EUR", "cd[order_id]": number}
        await seen("Purchase", "https://shop.example/thanks", eid=f"p{number}", **money)
        event = {
            "event_name": "Purchase", "event_time": int(time.time()), "event_id": f"p{number}", "action_source": "website",
            "event_source_url": "https://shop.example/", "user_data": {"em": ["anna@shop.example"], "fbp": fbp, "client_user_agent": AGENT, "client_ip_address": "127.0.0.1"},
            "custom_data": {"value": 10.0, "currency": "EUR", "order_id": number},
        }  # fmt: skip
        body = {"data": [event], "access_token": "a-key-of-sixteen-characters"}
        async with session.post(f"{gateway}/v25.0/{DATASET}/events", json=body) as answer:
            assert answer.status == 200, await answer.text()

    gateway = Gateway(load_settings(config, port=0))
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(gateway.run(ready.set_result))
    address = await ready
    async with aiohttp.ClientSession() as session:
        await buy(session, address, OTHER, "6001", "https://shop.example/")
        await buy(session, address, MINE, order, f"https://shop.example/?twofold_test={code}")
    await decided(config.parent / "data")
    gateway._stop.set()
    await task


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Client, str]]:
    """A console in which a test was started, and what came of it by then."""
    folder = tmp_path_factory.mktemp("trial")

    async def begin(config: Path) -> None:
        gateway = Gateway(load_settings(config, port=0))
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(gateway.run(ready.set_result))
        await ready
        gateway._stop.set()
        await task

    config = configuration(folder)
    text = config.read_text(encoding="utf-8")
    text = text[: text.index("[[source]]")].replace("key =", 'origins = ["https://shop.example"]\nkey =')
    config.write_text(text, encoding="utf-8")
    asyncio.run(begin(config))
    running = Running(folder / "data", config)
    owner = running.owner()
    answer = owner.post("/test-purchase/start", {"csrf": owner.csrf()})
    code = answer.headers["location"].rpartition("/")[2]

    async def rest() -> None:
        async with FakeGraph((OK,)) as graph:
            config.write_text(text.replace("http://127.0.0.1:9", graph.url), encoding="utf-8")
            await shop(config, code, "6002")

    before = owner.get(f"/test-purchase/{code}")
    assert "No purchase of this test has come yet." in before.text
    assert f"https://shop.example/?twofold_test={code}" in before.text
    asyncio.run(rest())
    yield running, owner, code
    running.stop()


@pytest.mark.process
def test_one_order_becomes_one_purchase(bought):
    """Only the tester's copies count, though another bought at the same time."""
    _, owner, code = bought
    about, *rows = [json.loads(line) for line in owner.get(f"/test-purchase/{code}.json").text.splitlines()]
    assert about["verdict"] == "one", (about, rows)
    assert len(about["actions"]) == 1
    done = {r["name"] for r in rows if r["what"] == "step" and r["done"]}
    assert done == {"opened", "ViewContent", "browser", "server", "joined", "settled"}
    fields = {r["name"]: r for r in rows if r["what"] == "field"}
    assert fields["order_id"]["browser"] == fields["order_id"]["server"] == "6002"
    assert fields["user_data.fbp"]["verdict"] == "equal"
    assert fields["user_data.em"]["verdict"] == "only_server"
    assert MINE not in json.dumps(rows)
    assert "One order became one purchase." in owner.get(f"/test-purchase/{code}").text
    assert owner.get("/test-purchase/NOTHING").status == 404
    assert json.loads(owner.get(f"/test-purchase/{code}.json?order=77").text.splitlines()[0])["verdict"] == "nothing"


@pytest.mark.process
def test_a_test_lasts_a_day(bought):
    """What comes later is of no test: an old one costs no look at the journal."""
    running, _, code = bought
    early = trail_of(running.folder, DATASET, code + "X", 0, 0)
    assert early.over
    assert early.purchases == ()
    assert trail_of(running.folder, DATASET, code + "X", 0, 0) is early


@pytest.mark.process
def test_evidence_is_what_the_page_said(bought):
    """Its digest is that of the page's JSON; a role that may not test finds no such page."""
    running, owner, code = bought
    about = json.loads(owner.get(f"/test-purchase/{code}.json").text.splitlines()[0])
    assert owner.post(f"/test-purchase/{code}/keep", {"csrf": owner.csrf()}).status == 303
    row = json.loads(owner.get("/test-purchase.json").text.splitlines()[1])
    assert (row["code"], row["verdict"], row["digest"], row["kept_by"]) == (code, "one", about["digest"], "nino")
    assert owner.post("/test-purchase/NOTHING/keep", {"csrf": owner.csrf()}).status == 409
    assert running.person(owner, "accountant").get("/test-purchase").status == 404
