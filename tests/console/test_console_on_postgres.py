"""The console where the store is a PostgreSQL database: each page says what it says of a folder; and with two gateways on one
database each one's console shows what came to both, changes reach both, and the tables of reports have one place.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import sync_playwright
from running_console import DATASET, PASSWORD, Client, Running, configuration
from test_console_pages import CHROMIUM, PATHS

from tests.command_line import invoke
from tests.facts.postgres import server
from tests.ports import free_port
from twofold.simulate.world.folder import CONFIG, write_world
from twofold.simulate.world.scenario import DEMO, read_scenario

pytestmark = [pytest.mark.postgres, pytest.mark.process, pytest.mark.timeout(900)]

WITHIN_S = 90
KEY = "a-key-of-sixteen-characters"
ANNA = "anna@shop.example"
OWN_TO_A_FOLDER = ("/account", "/people", "/docs", "/engine-room", "/start", "/live", "/senders/copies")
"""Pages about people of the console, about texts, and about the folder and its configuration; and those of single copies, which a world has none of."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server(flushed=True, in_memory=True) as one:
        yield one


def database(address: str, name: str) -> str:
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(f"create database {name} template template0 encoding 'UTF8'")
    return f"{address.rpartition('/')[0]}/{name}"


def read(client: Client, path: str) -> tuple[int, str]:
    """The page once its figures are made."""
    until = time.monotonic() + WITHIN_S
    while True:
        answer = client.get(path)
        if answer.status != 503 or "retry-after" not in answer.headers or time.monotonic() > until:
            return answer.status, answer.text
        time.sleep(0.2)


def pages(folder: Path, address: str, now: int) -> dict[str, tuple[int, str]]:
    """What each page says, as rows, of six weeks of one shop, whose files were imported by the commands."""
    written = write_world(folder, read_scenario(DEMO), date(2026, 11, 28), now)
    config = written.folder / CONFIG
    if address:
        config.write_text(config.read_text().replace("[server]\n", f'[server]\nstore = "{address}"\n', 1))
    with contextlib.chdir(written.folder):
        for command in written.commands:
            done = invoke([*command, "--config", CONFIG])
            assert done.exit_code == 0, (command, done.output, done.exception)
    running = Running(written.folder / "data", config)
    try:
        owner = running.owner()
        found = {}
        for path in PATHS:
            bare, _, query = path.partition("?")
            if not bare.startswith(OWN_TO_A_FOLDER):
                assert read(owner, path)[0] in (200, 404), path
                found[path] = read(owner, f"{bare}.json?{query}")
        status, engine_room = read(owner, "/engine-room")
        assert status == 200
        assert ("its copies are its server" in engine_room) is bool(address)
        return found
    finally:
        running.stop()


def told(rows: str) -> list[Any]:
    """Rows without the moments at which they were asked and their tables and imports were made. In the row about the page that is also
    where its period ends, if it has none of its own."""
    moments = {"as_of", "made_at", "seen_at", "since", "code", "received_at", "tables_at", "stands", "imported_at"}
    parsed = [json.loads(line) for line in rows.splitlines()]
    return [
        {k: v for k, v in row.items() if k not in moments and not (k == "until" and row.get("row") == "about")}
        for row in parsed
    ]


def test_each_page_says_what_it_says_of_a_folder(address: str, tmp_path: Path) -> None:
    """Six weeks of a shop with couriers, payouts and a bank: the same files into a folder and into a database."""
    now = int(time.time())
    embedded = pages(tmp_path / "folder", "", now)
    there = pages(tmp_path / "there", database(address, "pages"), now)
    assert embedded.keys() == there.keys()
    assert len(told(embedded["/orders"][1])) > 10
    statuses = {path: status for path, (status, _) in embedded.items()}
    assert {path: status for path, (status, _) in there.items()} == statuses
    others = {
        path: apart(told(rows), told(there[path][1]))[:5]
        for path, (status, rows) in embedded.items()
        if status == 200 and told(there[path][1]) != told(rows)
    }
    assert not others, json.dumps(others)  # as text, which pytest does not shorten


def apart(here: list[Any], there: list[Any]) -> list[Any]:
    """What differs, row by row: the row's place, the name, and both values; or how many rows there are."""
    if len(here) != len(there):
        return [("rows", len(here), len(there))]
    return [
        (n, name, one.get(name), other.get(name))
        for n, (one, other) in enumerate(zip(here, there, strict=True))
        for name in one.keys() | other.keys()
        if one.get(name) != other.get(name)
    ]


class Gateway:
    """One of several: its process, its folder, and a console beside it."""

    def __init__(self, folder: Path, name: str, store: str, secret: Path | None) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        config = configuration(self.folder)
        self.port, console = free_port(), free_port()
        text = config.read_text(encoding="utf-8")
        text = text.replace("[server]\n", f'[server]\nstore = "{store}"\nport = {self.port}\n')
        config.write_text(text.replace("[console]\n", f"[console]\nport = {console}\n"), encoding="utf-8")
        if secret is not None:
            (self.folder / "data").mkdir(mode=0o700)
            shutil.copy(secret, self.folder / "data")
        command = [sys.executable, "-m", "twofold", "serve", "--config", str(config), "--name", name, "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._row()
        link = self._row()["link"]
        self.owner = Client(console)
        joined = self.owner.post(link.partition("/console")[2], {"name": "nino", "password": PASSWORD})
        assert joined.status == 303
        self.console = f"http://127.0.0.1:{console}/console"

    def _row(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "it ended without a word"
        return dict(json.loads(line))

    def send(self, number: str, name: str, **more: Any) -> None:
        event = {"event_name": name, "event_time": int(time.time()), "event_id": number, "action_source": "website",
                 "event_source_url": "https://shop.example/", "user_data": {"em": [ANNA]}, **more}  # fmt: skip
        body = json.dumps({"access_token": KEY, "data": [event]}).encode()
        url = f"http://127.0.0.1:{self.port}/v25.0/{DATASET}/events"
        with urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": "application/json"})) as answer:
            assert answer.status == 200

    def rows(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in read(self.owner, path)[1].splitlines()]

    def said(self, *words: str) -> str:
        """What a command prints with this gateway's configuration."""
        command = [sys.executable, "-m", "twofold", *words, "--config", str(self.folder / "twofold.toml")]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()


@contextmanager
def two(folder: Path, store: str) -> Iterator[tuple[Gateway, Gateway]]:
    with contextlib.ExitStack() as ends:
        first = ends.enter_context(stopped(Gateway(folder, "first", store, None)))
        secret = first.folder / "data" / "erasures"
        yield first, ends.enter_context(stopped(Gateway(folder, "second", store, secret)))


@contextmanager
def stopped(gateway: Gateway) -> Iterator[Gateway]:
    try:
        yield gateway
    finally:
        gateway.stop()


def until(holds: Any) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not (found := holds()):
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.3)
    return found


def test_two_gateways_have_one_picture(address: str, tmp_path: Path) -> None:
    """Two visits and a purchase come to one gateway, three visits and the purchase's other copy to the other. Each console counts
    five visits and one purchase, lists all seven copies, and follows what comes later; an erasure asked for at one is done for
    both; the tables of reports are kept by one of them, and the other says by whom."""
    with two(tmp_path, database(address, "two")) as (first, second):
        for n in range(2):
            first.send(f"a{n}", "PageView")
        for n in range(3):
            second.send(f"b{n}", "PageView")
        money = {"value": 12.5, "currency": "EUR", "order_id": "7001"}
        first.send("p", "Purchase", custom_data=money)
        second.send("p", "Purchase", custom_data=money)

        def counted(one: Gateway) -> dict[str, int]:
            rows = one.rows("/events.json?period=today")
            return {row["event_name"]: row["actions"] for row in rows if row.get("event_name")}

        for one in (first, second):
            assert until(lambda one=one: counted(one) == {"PageView": 5, "Purchase": 1})
            copies = [row for row in one.rows("/live.json") if row.get("position")]
            assert Counter(row["event_name"] for row in copies) == {"PageView": 5, "Purchase": 2}
            assert copies == sorted(copies, key=lambda row: row["received_at"], reverse=True)
            senders = [row for row in one.rows("/senders.json?period=today") if row.get("event_name")]
            assert sum(row["copies"] for row in senders) == 7
            # Of a period that nobody works out beforehand: what was asked before these came would stand for some minutes.
            quality = [
                row for row in one.rows("/match-quality.json?period=today") if row.get("event_name") == "PageView"
            ]
            assert quality
        second.send("later", "PageView")
        assert until(lambda: counted(first)["PageView"] == 6)

        # A page that goes on by itself needs one order of what comes; a test purchase too.
        with sync_playwright() as playwright, closing(playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])) as browser:  # fmt: skip
            page = browser.new_page(locale="en-GB")
            page.goto(f"{first.console}/login")
            page.locator("[name=name]").fill("nino")
            page.locator("[name=password]").fill(PASSWORD)
            page.locator("main button").click()
            page.wait_for_url("**/today")
            page.goto(f"{first.console}/live")
            assert page.locator("#live tbody tr").count() == 8
            assert "Load the page again to see what came since." in page.locator("#live-state").inner_text()
        begun = second.owner.post("/test-purchase/start", {"csrf": second.owner.csrf(), "dataset": DATASET})
        assert begun.status >= 400
        assert "2 gateways have taken events in" in begun.text

        # One keeps the tables.
        _, kept = read(first.owner, "/customers")
        assert "tables of reports are kept" not in kept
        _, elsewhere = read(second.owner, "/customers")
        assert "the tables of reports are kept by the gateway first" in elsewhere
        assert (first.folder / "data" / "facts").exists()
        assert not (second.folder / "data" / "facts").exists()

        # An erasure that the second is asked for is done by the first, which has the duties.
        form = {"csrf": second.owner.csrf(), "what": "email", "value": ANNA, "password": PASSWORD}
        assert second.owner.post("/rights/erase", form).status == 303
        for one in (first, second):
            until(lambda one=one: [r for r in one.rows("/rights.json") if r.get("kind") == "erase" and r["done_at"]])
        for one in (first, second):
            left = one.said("events", "--limit", "0", "--json").splitlines()
            assert len(left) == 8
            assert not any("em" in json.loads(row)["match_keys"] for row in left)
