"""From an empty folder to a purchase that is seen folded: the commands as a newcomer types them at a terminal, a shop that stands in
for WooCommerce, a page with the printed snippet, and a real browser that buys.

What is typed is counted and printed (`pytest -s`); how long it takes is not judged here.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from acceptance.gateway_process import Program, clean_environment, sandbox_process
from playwright.sync_api import Page, sync_playwright

from tests.ports import free_port
from tests.pulling.stand_in import standing_in
from tests.setup.platforms import WooCommerceStandIn
from tests.sources.woocommerce_bodies import ORDER
from tests.storefront import Pages, standing

pytestmark = pytest.mark.browser
PATIENCE_S = 60
JOIN = re.compile(r"http://\S+/console/join/\S+")
DATASET, TOKEN = "9876543210", "EAAB-the-token-of-the-dataset"
KEY = "wc_order_Zk3dE6gH9kLmN"
# docs/woocommerce.md, "The thank-you page": SHA-256 of the order's key with its name before it, 32 digits of it.
PURCHASE = "purchase." + hashlib.sha256(f"order_key:{KEY}".encode()).hexdigest()[:32]
THANKS = f"""<script>fbq('track', 'Purchase', {{value: 32.40, currency: 'EUR', order_id: '{ORDER["id"]}'}}, {{eventID: '{PURCHASE}'}});</script>"""


class Terminal:
    """Commands typed in one folder. Counts the answers that questions got: ``typed`` those with something in them, ``taken`` where
    Enter took the default."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.commands, self.typed, self.taken = folder, 0, 0, 0

    def run(self, words: str, *answers: tuple[str, str]) -> tuple[int, str]:
        """Its exit code and all it showed. ``answers``: a part of each question in its order, and what is typed."""
        self.commands += 1
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "twofold", *words.split()]
        process = subprocess.Popen(
            command, cwd=self.folder, stdin=theirs, stdout=theirs, stderr=theirs, env=clean_environment(None),
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)
        try:
            shown = self._talk(ours, list(answers))
            return process.wait(PATIENCE_S), shown
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    def _talk(self, terminal: int, answers: list[tuple[str, str]]) -> str:
        shown, read = "", 0
        while True:
            ready, _, _ = select.select([terminal], [], [], PATIENCE_S)
            assert ready, f"silent, waiting for {answers[:1]}:\n{shown}"
            try:
                piece = os.read(terminal, 65_536)
            except OSError:  # its end, on Linux
                piece = b""
            if not piece:
                break
            shown += piece.decode()
            if answers and answers[0][0] in shown[read:] and shown.endswith(": "):
                _, answer = answers.pop(0)
                read = len(shown)
                self.typed += bool(answer)
                self.taken += not answer
                os.write(terminal, f"{answer}\n".encode())
        assert not answers, f"never asked: {answers}\n{shown}"
        return shown


class Shop(Pages):
    """A page with the snippet and a button; who presses it has an order, of which the shop's server tells by its webhooks."""

    snippet = ""
    woocommerce = WooCommerceStandIn()
    told: list[int]

    def do_GET(self) -> None:
        body = "<a href='/checkout'>Buy two mugs</a>"
        if self.path == "/checkout":
            Shop.told = self.woocommerce.deliver("order.created", json.dumps(order_of(time.time())).encode())
            body = f"<h1>Thank you</h1>{THANKS}"
        self.give(f"<!doctype html><title>Mugs</title><head>{self.snippet}</head><body>{body}</body>".encode())


def order_of(now: float) -> dict[str, Any]:
    """The shop's order, placed and paid now."""
    at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    times = {f"date_{what}{zone}": at for what in ("created", "modified", "paid") for zone in ("", "_gmt")}
    return {**copy.deepcopy(ORDER), **times, "order_key": KEY, "status": "processing"}


def until(look: Callable[[], Any], said: Callable[[], str]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, said()
        time.sleep(0.3)
    return found


def own_ports(config: Path, console: int) -> None:
    """Where the console listens: 8402 is everybody's on a machine that runs tests."""
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[console] ", f"[console]\nport = {console} ", 1), encoding="utf-8")


def test_a_newcomer_connects_a_shop_and_sees_a_purchase_folded(tmp_path: Path) -> None:
    """No step says that something is wrong; at most six answers are typed; one order is one purchase at the platform, in the list of
    actions and in the console."""
    terminal = Terminal(tmp_path)
    port, console = free_port(), free_port()
    config = tmp_path / "twofold.toml"
    with (
        sandbox_process(tokens=(TOKEN,)) as meta, standing_in(Shop.woocommerce) as api, standing(Shop) as origin,
        contextlib.closing(Program(["serve", "--config", str(config)], port=port)) as gateway,
    ):  # fmt: skip
        shop = f"127.0.0.1:{origin.rpartition(':')[2]}"
        code, shown = terminal.run(
            f"init --endpoint {meta.url}",
            ("1. ", shop), ("2. ", f"http://127.0.0.1:{port}"), ("3. ", DATASET), ("4. ", TOKEN), ("5. ", ""), ("6. ", ""),
        )  # fmt: skip
        assert code == 0, shown
        assert "the token may send to the dataset" in shown
        assert TOKEN not in shown
        own_ports(config, console)
        gateway.start()
        code, shown = terminal.run(
            f"connect woocommerce --config twofold.toml --shop {shop} --endpoint {api.url}",
            ("Consumer key", "ck_0123"), ("Consumer secret", "cs_0123"),
        )  # fmt: skip
        assert code == 0, shown
        assert shown.count("made ") == 4, shown
        assert "has the new secret, without a restart" in shown
        code, Shop.snippet = terminal.run("snippet tag --config twofold.toml")
        assert code == 0
        Shop.snippet = Shop.snippet[Shop.snippet.index("<!--") :]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            try:
                buy(browser.new_page(), f"http://{shop}/")
                assert Shop.told == [200], gateway.output()
                (action,) = until(lambda: delivered(terminal), gateway.output)
                assert (action["copies"], action["channels"]) == (2, ["browser", "server"])
                assert (action["event_id"], action["value"]) == (PURCHASE, "32.40")
                doctor(terminal, gateway)
                look_in(browser.new_page(), until(lambda: JOIN.search(gateway.output()), gateway.output)[0])
            finally:
                browser.close()
                ended = gateway.stop()  # in order, or its console would stay
        arrived = requests_of(meta.url)
        assert [e["event_id"] for e in arrived if e["event_name"] == "Purchase"] == [PURCHASE]
        assert ended == 0
    print(f"\n{terminal.commands} commands, {terminal.typed} answers typed, {terminal.taken} defaults taken")
    assert terminal.typed <= 6


def buy(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_text("Buy two mugs").click()
    page.get_by_role("heading", name="Thank you").wait_for()
    page.wait_for_load_state("networkidle")


def delivered(terminal: Terminal) -> list[dict[str, Any]]:
    """Every Purchase that there is, once all of them left."""
    code, shown = terminal.run("actions --config twofold.toml --name Purchase --json")
    assert code == 0, shown
    actions = [row for row in map(json.loads, shown.splitlines()) if row["row"] == "action"]
    return actions if {row["state"] for row in actions} == {"delivered"} else []


def doctor(terminal: Terminal, gateway: Program) -> None:
    """Nothing is left to be done. Which webhooks came is kept a second behind them, so a first look may be too early."""
    deadline = time.monotonic() + PATIENCE_S
    code, shown = terminal.run("doctor --config twofold.toml")
    while "none has ever come" in shown and time.monotonic() < deadline:
        time.sleep(1)
        code, shown = terminal.run("doctor --config twofold.toml")
    assert code == 0, shown
    assert not re.search(r"^DO ", shown, re.M), shown


def look_in(page: Page, link: str) -> None:
    """By the link that `serve` printed: the first person comes in, finds the order by its number, and reads what became of it."""
    page.goto(link)
    page.locator("[name=name]").fill("nino")
    page.locator("[name=password]").fill("four words are easy")
    page.locator("main button").click()
    page.wait_for_url("**/today")
    page.get_by_role("searchbox").fill(str(ORDER["number"]))
    page.get_by_role("button", name="Find").click()
    page.get_by_role("heading", name=str(ORDER["number"])).wait_for()
    story = page.locator("main").inner_text()
    assert "€32.40" in story
    assert "the other copy, counted once" in story


def requests_of(sandbox: str) -> list[dict[str, Any]]:
    return list(requests.get(f"{sandbox}/sandbox/events", timeout=PATIENCE_S).json()["events"])
