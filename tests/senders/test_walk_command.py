"""``twofold senders --walk`` and ``--steps`` on a shop of three pages that is served here; two browsers, as the whole command is tried."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.command_line import invoke
from twofold.senders.browser.walk import NEEDS

BEACON = (
    "navigator.sendBeacon('/t/events', JSON.stringify({dataset: '1', events: [{event_name: '%s', event_id: '%s'}]}));"
)
PAGES = {
    "/products/cup": f"""<html><body><script>{BEACON % ("ViewContent", "v1")}</script>
      <form action="/cart/add" onsubmit="{BEACON.replace("'", "&quot;") % ("AddToCart", "a1")} return false">
      <input id="mail"><button name="add" id="add">Add to cart</button></form><a href="/cart">Cart</a></body></html>""",
    "/cart": '<html><body><a href="/checkout">Check out</a></body></html>',
    "/checkout": f"<html><body><script>{BEACON % ('InitiateCheckout', 'i1')}</script></body></html>",
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._send(PAGES.get(self.path, ""))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._send("")

    def _send(self, body: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration and no data folder where it is run."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(shop: str, tmp_path: Path) -> Path:
    path = tmp_path / "twofold.toml"
    path.write_text(f'[[dataset]]\nid = "1"\norigins = ["{shop}"]\n', encoding="utf-8")
    return path


def run(*arguments: str) -> Result:
    return invoke(["senders", *arguments])


def rows(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.browser
def test_a_walk_is_told_written_and_joined(shop: str, config: Path, tmp_path: Path) -> None:
    """Its calls are rows of the inventory, and a file that --calls takes gives the same rows without a browser."""
    found = rows(
        run(
            "--walk", f"{shop}/products/cup", "--write", str(tmp_path / "calls.json"), "--json", "--config", str(config)
        )
    )
    (walk,) = [r for r in found if r["row"] == "walk"]
    assert (walk["whole"], walk["ended"], walk["calls"]) == (True, "walked", 3)
    assert [(s["name"], s["done"]) for s in walk["steps"]] == [("product", True), ("cart", True), ("checkout", True)]
    senders = [r for r in found if r["row"] == "sender"]
    assert {(r["event"], r["class"], r["platform"]) for r in senders} == {
        (event, "theme", "twofold") for event in ("ViewContent", "AddToCart", "InitiateCheckout")
    }
    assert len({r["sender"] for r in senders}) == 1  # the shop's own source, whichever page
    again = rows(run("--calls", str(tmp_path / "calls.json"), "--json"))
    assert [r for r in again if r["row"] == "sender"] == senders


@pytest.mark.browser
def test_recorded_steps_are_played(shop: str, config: Path, tmp_path: Path) -> None:
    """Typing, an accessible name, a selector that finds nothing beside one that does; a step that cannot be taken ends it."""
    steps = [
        {"type": "setViewport", "width": 800, "height": 600},
        {"type": "navigate", "url": f"{shop}/products/cup"},
        {"type": "change", "selectors": [["#mail"]], "value": "nino@example.com"},
        {"type": "click", "selectors": [["#gone"], ['aria/Add to cart[role="button"]']]},
        {"type": "waitForElement", "selectors": ["text/Cart"]},
        {"type": "click", "selectors": [["#nowhere"]], "timeout": 300},
    ]
    path = tmp_path / "steps.json"
    path.write_text(json.dumps({"title": "order", "steps": steps}), encoding="utf-8")
    done = run("--steps", str(path), "--json", "--config", str(config))
    (walk,) = [r for r in rows(done) if r["row"] == "walk"]
    assert walk["ended"].startswith("step 6 (click) could not be taken: nothing in the page for click on ")
    assert [s["done"] for s in walk["steps"]] == [True] * 5 + [False]
    assert {r["event"] for r in rows(done) if r["row"] == "sender"} == {"ViewContent", "AddToCart"}
    assert "nino" not in done.output


def test_without_playwright_it_says_what_is_missing(
    shop: str, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other two sides work as before."""
    monkeypatch.setitem(sys.modules, "playwright", None)
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    done = run("--walk", f"{shop}/products/cup", "--config", str(config))
    assert done.exit_code != 0
    assert str(done.exception) == NEEDS
    assert "pip install 'twofold[browser]'" in NEEDS
    (tmp_path / "page.html").write_text("<script src='/t/twofold.js'></script>", encoding="utf-8")
    assert [r["class"] for r in rows(run("--json", "--page", str(tmp_path / "page.html"))) if r["row"] == "sender"] == [
        "tag"
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--walk", "https://www.other.example/"), "--walk: expected a page of 127.0.0.1"),
        (("--walk", "{shop}/", "--steps", "x.json"), "expected one of them, got both"),
        (("--accept", "#yes"), "--accept and --write: expected --walk or --steps"),
        (("--steps", "/nowhere.json"), "--steps /nowhere.json: cannot be read"),
        (("--walk", "{shop}/", "--dataset", "9"), "--dataset: expected one of 1, got 9"),
    ],
)
def test_what_cannot_be_walked_is_refused_before_a_browser_starts(
    shop: str, config: Path, arguments: tuple[str, ...], words: str
) -> None:
    """With what was expected and got."""
    done = run(*(a.format(shop=shop) for a in arguments), "--config", str(config))
    assert done.exit_code != 0
    assert words in str(done.exception)
