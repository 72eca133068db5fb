"""The gateway as a whole: in which order it starts, and what its two pages say of retention, robots and quality."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from store.faulty_disk import disk

from tests.ports import free_port
from twofold.app import Gateway
from twofold.config import settings_from
from twofold.errors import ConfigError
from twofold.policies import webhook_doors
from twofold.report.verify import verify

DATASET, KEY = "1234567890", "key-of-the-shop"
NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
PATIENCE_S = 60
STATUS = {"Authorization": "Bearer token-of-the-operator"}


def gateway(folder: Path, port: int = 0, now_ms: int = NOW_MS) -> Gateway:
    tree = {
        "server": {"data": str(folder), "port": port, "status_token": STATUS["Authorization"][7:]},
        "dataset": [{"id": DATASET, "key": KEY, "trust": {"value_caps": {"EUR": 100}, "currencies": ["EUR"]}}],
    }
    return Gateway(settings_from(tree, environ={}), clock=lambda: now_ms)


def serve(running: Gateway, look: Callable[[aiohttp.ClientSession, str], Awaitable[None]]) -> None:
    """Runs it until ``look`` is through; what either raises is raised."""

    async def main() -> None:
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(running.run(address.set_result))
        await asyncio.wait([task, address], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        try:
            if address.done():
                async with aiohttp.ClientSession() as session:
                    await look(session, address.result())
        finally:
            running._stop.set()
            await task

    asyncio.run(main())


async def send(session: aiohttp.ClientSession, address: str, agent: str, **changes: Any) -> None:
    event = {"dataset": DATASET, "event_name": "Lead", "event_time": NOW_MS // 1000, **changes}
    headers = {"User-Agent": agent} if agent else {"User-Agent": ""}
    async with session.post(f"{address}/t/events", data=json.dumps({"events": [event]}), headers=headers) as answer:
        assert answer.status == 200, await answer.text()


async def metrics(session: aiohttp.ClientSession, address: str) -> dict[tuple[str, ...], float]:
    """(name, label values …) to value."""
    async with session.get(f"{address}/metrics", headers=STATUS) as answer:
        families = text_string_to_metric_families(await answer.text())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


async def health(session: aiohttp.ClientSession, address: str) -> dict[str, Any]:
    async with session.get(f"{address}/health", headers=STATUS) as answer:
        assert answer.status == 200
        return await answer.json()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await true():
            await asyncio.sleep(0.05)


def test_nobody_is_let_in_before_a_restored_folder_is_clean(tmp_path: Path) -> None:
    """While erasures are applied again the port is closed; afterwards it answers."""
    port = free_port()
    running = gateway(tmp_path, port)
    seen: list[int] = []
    start = running.eraser.start

    async def watched() -> None:
        with socket.socket() as probe:
            seen.append(probe.connect_ex(("127.0.0.1", port)))
        await start()
        with socket.socket() as probe:
            seen.append(probe.connect_ex(("127.0.0.1", port)))

    running.eraser.start = watched  # type: ignore[method-assign]

    async def look(session: aiohttp.ClientSession, address: str) -> None:
        assert (await health(session, address))["status"] == "idle"

    serve(running, look)
    assert len(seen) == 2
    assert 0 not in seen


def test_damaged_lines_beside_the_database_are_said_and_the_others_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A flipped digit is still a line of JSON: it is told by its check, at start, in `/health` and by `verify`."""

    async def withdraw(session: aiohttp.ClientSession, address: str) -> None:
        for order in ("77", "78", "79"):
            url, key = f"{address}/v1/{DATASET}/consent", {"Authorization": f"Bearer {KEY}"}
            async with session.post(url, json={"state": "denied", "order": order}, headers=key) as answer:
                assert answer.status == 200, await answer.text()

    async def look(session: aiohttp.ClientSession, address: str) -> None:
        report = await health(session, address)
        assert (report["status"], report["integrity"]["damaged_lines"]) == (
            "degraded",
            {"erasures": 0, "withdrawals": 1},
        )

    serve(gateway(tmp_path), withdraw)
    file = tmp_path / "withdrawals"
    lines = file.read_bytes().split(b"\n")
    place = [n for n, line in enumerate(lines) if line.startswith(b"[[")][1]
    lines[place] = lines[place][:3] + (b"0" if lines[place][3:4] != b"0" else b"1") + lines[place][4:]
    file.write_bytes(b"\n".join(lines))
    (broken,) = [c for c in verify(tmp_path) if not c.holds]
    assert (broken.left, "withdrawals" in broken.note) == (1, True)
    with caplog.at_level("CRITICAL", "twofold.store"):
        serve(gateway(tmp_path), look)
    assert "1 lines of the file withdrawals are not what was written" in caplog.text


def test_a_taken_port_leaves_the_folder_to_the_next_one(tmp_path: Path) -> None:
    """The start fails with what to do, and the folder is closed again."""

    async def never(session: aiohttp.ClientSession, address: str) -> None:
        raise AssertionError(f"it listens on {address}")

    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigError, match="choose another with --port"),
    ):
        serve(gateway(tmp_path, taken.getsockname()[1]), never)

    async def look(session: aiohttp.ClientSession, address: str) -> None:
        assert (await health(session, address))["status"] == "idle"

    serve(gateway(tmp_path), look)


def test_robots_and_money_that_is_held_back_are_counted_by_reason(tmp_path: Path) -> None:
    """Each reason by itself; a person's event within the limits is in none of them."""

    async def look(session: aiohttp.ClientSession, address: str) -> None:
        await send(session, address, PERSON, custom_data={"value": 99, "currency": "EUR"})
        await send(session, address, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
        await send(session, address, PERSON.replace("Firefox", "HeadlessChrome"))
        await send(session, address, "")
        await send(session, address, "")
        await send(session, address, PERSON, custom_data={"value": 101, "currency": "EUR"})
        await send(session, address, PERSON, custom_data={"value": 5, "currency": "USD"})
        found = await metrics(session, address)
        bots = {reason: n for (name, *labels), n in found.items() if name == "twofold_bots_total" for reason in labels}
        held = {
            reason: n for (name, *labels), n in found.items() if name == "twofold_held_back_total" for reason in labels
        }
        assert bots == {"crawler": 1, "automation": 1, "no_user_agent": 2}
        assert held == {"value_over_cap": 1, "currency_not_listed": 1}

    serve(gateway(tmp_path), look)


def test_late_retention_is_an_alarm_and_no_outage(tmp_path: Path) -> None:
    """A gateway that slept for ten days over the thirty has addresses that are ten days late: both pages say so."""

    async def take(session: aiohttp.ClientSession, address: str) -> None:
        await send(session, address, PERSON)
        assert (await health(session, address))["retention"] == {"state": "ok", "late_s": 0.0}

    async def look(session: aiohttp.ClientSession, address: str) -> None:
        async def alarmed() -> bool:
            return (await health(session, address))["retention"]["state"] == "alarm"

        await until(alarmed)
        told = await health(session, address)
        assert told["retention"]["late_s"] == 10 * 86_400
        assert told["status"] == "ok"
        assert (await metrics(session, address))["twofold_retention_late_seconds", "address"] == 10 * 86_400

    serve(gateway(tmp_path), take)
    late = gateway(tmp_path, now_ms=NOW_MS + 40 * DAY_MS)
    late.clock.accept()  # a gap of forty days is not believed for ten minutes
    serve(late, look)


def test_a_gap_is_not_believed_at_once(tmp_path: Path) -> None:
    """After forty days nothing is emptied by a clock that nobody has confirmed; accepting goes on, and health says so."""

    async def take(session: aiohttp.ClientSession, address: str) -> None:
        await send(session, address, PERSON)

    async def look(session: aiohttp.ClientSession, address: str) -> None:
        told = await health(session, address)
        assert (told["clock"]["state"], told["clock"]["off_by_s"]) == ("doubted", 40 * 86_400)
        assert told["retention"] == {"state": "ok", "late_s": 0.0}
        await send(session, address, PERSON, event_time=NOW_MS // 1000)  # by the disk it is of today
        await send(session, address, PERSON, event_time=NOW_MS // 1000 + 40 * 86_400)  # by the clock, too

    serve(gateway(tmp_path), take)
    serve(gateway(tmp_path, now_ms=NOW_MS + 40 * DAY_MS), look)


def test_what_was_seen_is_kept_once_the_disk_has_room_again(tmp_path: Path) -> None:
    """Topics of webhooks and names of events: a note that found no room is written later, at a clean end at the latest."""
    tree = {
        "server": {"data": str(tmp_path), "port": 0},
        "dataset": [{"id": DATASET, "key": KEY}],
        "source": [{"type": "own", "dataset": DATASET, "shop": "mugs", "secret": "a-secret-of-16-or-more"}],
    }
    settings = settings_from(tree, environ={})
    path = settings.source[0].path
    with disk() as under:
        running = Gateway(settings, clock=lambda: NOW_MS)

        async def look(session: aiohttp.ClientSession, address: str) -> None:
            await send(session, address, PERSON, event_name="Fitting")
            under.full = True
            running.webhooks.seen.signed(path, "orders/paid", NOW_MS)
            await running.seen_notes.keep_seen_now()
            await running.seen_notes.keep_schema_now()
            under.full = False

        serve(running, look)
    again = Gateway(settings, clock=lambda: NOW_MS)
    assert again.webhooks.seen.paths[path].topics == {"orders/paid": NOW_MS}
    assert "Fitting" in again.schemas[DATASET].seen.names

    async def look_again(_session: aiohttp.ClientSession, _address: str) -> None:
        again.webhooks.exchange(webhook_doors(settings, again.store.purchase_ids))  # the configuration is read again
        again.webhooks.seen.signed(path, "orders/cancelled", NOW_MS)

    serve(again, look_again)
    third = Gateway(settings, clock=lambda: NOW_MS)
    assert third.webhooks.seen.paths[path].topics == {"orders/paid": NOW_MS, "orders/cancelled": NOW_MS}


def test_a_process_goes_on_as_it_was_once_its_gateway_has_ended(tmp_path: Path) -> None:
    """What it loaded is out of the collector's sight only as long as it serves; else it would be there for good."""
    gc.unfreeze()
    before = sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count()
    running = gateway(tmp_path)

    async def look(_session: aiohttp.ClientSession, _address: str) -> None:
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() != before[1]

    serve(running, look)
    assert (sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count()) == before
    left = weakref.ref(running)
    del running, look
    gc.collect()
    assert left() is None
