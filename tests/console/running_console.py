"""A console in its own process, a data folder with some orders, and a client that keeps a cookie."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from twofold.app import Gateway
from twofold.config import load_settings
from twofold.store.lists import Reader

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
PASSWORD = "four words are easy"
DATASET = "1001"


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.text = response.read().decode("utf-8", "replace")


class Client:
    """One browser: its cookie, its address."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        sent = {k.replace("_", "-"): v for k, v in headers.items()}
        if self.cookie:
            sent["cookie"] = self.cookie
        body = None
        if form is not None:
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
            sent.setdefault("sec-fetch-site", "same-origin")
            body = urlencode(form)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        connection.request(method, path, body, sent)
        answer = Answer(connection.getresponse())
        connection.close()
        given = answer.headers.get("set-cookie", "")
        if given.startswith("__Host-twofold="):
            self.cookie = given.partition(";")[0]
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """As a browser has it: a page whose figures are being worked out asks again by itself, and so does this."""
        until = time.monotonic() + 240
        while True:
            answer = self.ask("GET", f"/console{path}", **headers)
            if answer.status != 503 or "refresh" not in answer.headers or time.monotonic() > until:
                return answer
            time.sleep(float(answer.headers["refresh"]))

    def post(self, path: str, form: dict[str, str], **headers: str) -> Answer:
        return self.ask("POST", f"/console{path}", form, **headers)

    def csrf(self) -> str:
        """The token that the forms of this session carry."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/account").text)
        assert found
        return found[1]


class Running:
    """A console and what it printed at its start."""

    def __init__(self, folder: Path, config: Path, *more: str) -> None:
        self.folder, self.config, self.invited = folder, config, Counter[str]()
        command = [sys.executable, "-m", "twofold", "console", "--config", str(config), "--port", "0", "--json", *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read() if self.process.stderr else ""
        self.told: dict[str, Any] = json.loads(line)
        self._link = str(self.told["link"] or "")
        self.port = int(self.told["address"].split(":")[2].partition("/")[0])

    def browser(self) -> Client:
        return Client(self.port)

    def door(self) -> str:
        """Where the first person comes in: by the link at first, by the password from then on. Both ask for the same."""
        link, self._link = self._link, ""
        return link or f"{self.told['address']}/login"

    def owner(self) -> Client:
        """A browser in which the first person has come in."""
        client = self.browser()
        path = self.door().partition("/console")[2]
        assert client.post(path, {"name": "nino", "password": PASSWORD}).status == 303
        return client

    def person(self, owner: Client, role: str) -> Client:
        """A browser of an invited person of a role."""
        page = owner.post("/people/invite", {"csrf": owner.csrf(), "role": role, "password": PASSWORD}).text
        found = re.search(r"/console(/join/[\w-]+)", page)
        assert found, page
        client = self.browser()
        self.invited[role] += 1  # two of one role are two people
        name = f"a {role}" if self.invited[role] == 1 else f"a {role} {self.invited[role]}"
        assert client.post(found[1], {"name": name, "password": PASSWORD}).status == 303
        return client

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=60)


def open_page(page: Any, address: str) -> None:
    """In a real browser (a page of playwright's), once it is whole: one that is being worked out, or lacks a part that is, asks again by
    itself, also at the very moment at which this does, or while somebody looks at it."""
    from playwright.sync_api import Error

    until = time.monotonic() + 120
    while True:
        try:
            answer = page.goto(address)
        except Error as err:
            if "ERR_ABORTED" not in str(err) and "interrupted" not in str(err):
                raise
            continue
        if "refresh" not in answer.headers or time.monotonic() > until:
            break
        time.sleep(0.5)
    assert answer.status == 200, (address, answer.status)


def configuration(folder: Path, endpoint: str = "http://127.0.0.1:9") -> Path:
    path = folder / "twofold.toml"
    path.write_text(
        f"""
[server]
data = "data"
[console]
name = "Mugs & more"
timezone = "Asia/Tbilisi"
[[dataset]]
id = "{DATASET}"
key = "a-key-of-sixteen-characters"
hold_s = {{ Purchase = 0.1 }}
[[destination]]
platform = "meta"
dataset = "{DATASET}"
endpoint = "{endpoint}"
token = "a token"
[[source]]
type = "own"
dataset = "{DATASET}"
shop = "mugs"
secret = "a-secret-of-sixteen"
""",
        encoding="utf-8",
    )
    return path


def order_body(order: dict[str, Any], now: int) -> dict[str, Any]:
    """An order as the shop's server sends it."""
    return {
        "type": "order",
        "id": order["id"],
        "number": order["number"],
        "placed_at": now - 60,
        "updated_at": now - 60,
        "status": "placed",
        "test": order["test"],
        "payment": {"method": "card", "status": "paid" if order["paid"] else "unpaid"},
        "totals": {"currency": "EUR", "total": order["total"]},
        "customer": {"email": "anna@shop.example"},
        "consent": "granted",
    }


async def fill(config: Path) -> None:
    """Orders and copies as a gateway keeps them: one paid, one unpaid, one test, one with hostile texts."""
    import hashlib
    import hmac

    import aiohttp

    gateway = Gateway(load_settings(config, port=0))
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(gateway.run(ready.set_result))
    address = await ready
    now = int(time.time())
    orders = [
        {"id": "5001", "number": "#5001", "paid": True, "test": False, "total": "129.90"},
        {"id": "5002", "number": "#5002", "paid": False, "test": False, "total": "20.00"},
        {"id": "5003", "number": HOSTILE, "paid": True, "test": True, "total": "30.00"},
    ]
    async with aiohttp.ClientSession() as session:
        for order in orders:
            body = json.dumps(order_body(order, now)).encode()
            sign = hmac.new(b"a-secret-of-sixteen", f"{now}.".encode() + body, hashlib.sha256).hexdigest()
            async with session.post(
                f"{address}/webhooks/own/mugs",
                data=body,
                headers={"X-Twofold-Signature": f"t={now},v1={sign}", "content-type": "application/json"},
            ) as answer:
                assert answer.status == 200, await answer.text()
        events = [
            {"event_name": name, "event_time": now, "event_id": f"e{n}", "action_source": "website",
             "event_source_url": "https://shop.example/", "user_data": {"em": ["anna@shop.example"]}}
            for n, name in enumerate(("PageView", "ViewContent", HOSTILE[:40]))
        ]  # fmt: skip
        for event in events:
            async with session.post(
                f"{address}/v25.0/{DATASET}/events",
                json={"data": [event], "access_token": "a-key-of-sixteen-characters"},
            ) as answer:
                await answer.text()
    await decided(config.parent / "data")
    gateway._stop.set()
    await task


async def decided(folder: Path, is_there: bool = False) -> None:
    """Until of every delivery it is known whether it leaves, and it was tried where it does. ``is_there``: the platform answers, so
    that each of them has its end."""
    deadline = time.monotonic() + 60
    while left := await asyncio.to_thread(undecided, folder, is_there):
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.1)


def undecided(folder: Path, is_there: bool) -> list[str]:
    with Reader(folder) as reader:
        rows = list(reader.rows("deliveries", limit=0))
    open_ = [r for r in rows if r["state"] == "waiting" and not r["reason"] and (is_there or not r["attempts"])]
    return [f"{r['event_name']} {r['event_id']}" for r in open_] if rows else ["nothing came"]


OWNERS = 12
"""Orders that two senders tell under ids of their own."""


async def trouble(folder: Path) -> Path:
    """A folder with some of what goes wrong in shops; the configuration's path. `test_console_causes` names the causes."""
    from tests.fakes.graph import OK, FakeGraph, error

    def answer(request: Any) -> Any:
        return error(100, 2804008) if any("v" in one for one in request.ids) else OK

    async with FakeGraph(answer) as graph:
        config = configuration(folder, graph.url)
        gateway = Gateway(load_settings(config, port=0))
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(gateway.run(ready.set_result))
        await _send_trouble(await ready)
        await decided(config.parent / "data", is_there=True)
        gateway._stop.set()
        await task
    return config


def troubled_events(now: int) -> list[tuple[str, dict[str, Any]]]:
    """Who sends what, in the order in which it comes."""
    user = {"client_ip_address": "93.184.216.34", "client_user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0"}
    base = {
        "event_time": now,
        "action_source": "website",
        "event_source_url": "https://shop.example/",
        "user_data": user,
    }
    lead = {"event_name": "Lead", **base, "custom_data": {"currency": "EUR", "grade": 7}}
    hidden = {k: v for k, v in base.items() if k != "event_source_url"} | {"event_name": HOSTILE[:40]}
    events = [("crm", {**lead, "event_id": f"lead{n}"}) for n in range(4)]
    events += [("crm", {"event_name": "Viewcontent", **base, "event_id": f"v{n}"}) for n in range(4)]
    events += [("crm", {**hidden, "event_id": f"h{n}"}) for n in range(4)]
    checkout = {"event_name": "InitiateCheckout", **base}
    for n in range(OWNERS):
        named = {**user, "em": [f"p{n}@shop.example"]}
        events.append(("plugin-a", {**checkout, "event_id": f"a-{n}", "user_data": named}))
        events.append(("plugin-b", {**checkout, "event_id": f"{7000 + n}"}))
    return events


async def _send_trouble(address: str) -> None:
    import aiohttp

    now = int(time.time())
    key = {"access_token": "a-key-of-sixteen-characters"}
    async with aiohttp.ClientSession() as session:

        async def post(path: str, body: Any, **headers: str) -> int:
            async with session.post(f"{address}{path}", json=body, headers=headers) as answer:
                return answer.status

        capi = f"/v25.0/{DATASET}/events"
        for agent, event in troubled_events(now):
            assert await post(capi, {"data": [event], "partner_agent": agent, **key}) == 200
        bare = {
            "event_name": "Purchase",
            "event_time": now,
            "action_source": "website",
            "user_data": {"fbp": "fb.1.1.1"},
        }
        assert await post(capi, {"data": [bare], "access_token": "wrong"}) >= 400
        assert await post(capi, {"data": [bare], **key}) >= 400
        signature = f"t={now},v1={'0' * 64}"
        assert await post("/webhooks/own/mugs", {}, **{"X-Twofold-Signature": signature}) >= 400


def begun_anew(filled: Path) -> Iterator[Running]:
    """A console that knows nobody yet."""
    for rest in (filled.parent / "data").glob("console.db*"):
        rest.unlink()
    running = Running(filled.parent / "data", filled)
    yield running
    running.stop()
