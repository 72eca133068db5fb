"""A shop of pages that records what the tag and the stand-in for Meta's library send, and a visitor who opens them.

The tests' own words for a page: ``TAG``, ``BASE_SNIPPET``, ``INIT``. The browser itself is in ``conftest``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from twofold import tag

T = TypeVar("T")

STANDIN = Path(__file__).with_name("standin_fbevents.js").read_bytes()
DATASET = "1234567890"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # One light process instead of a handful for each test.
    "--in-process-gpu",
    "--disable-site-isolation-trials",
    "--host-resolver-rules=MAP *.example 127.0.0.1,MAP shop.co.uk 127.0.0.1,MAP *.shop.co.uk 127.0.0.1",
]
TAG = '<script src="/t/twofold.js"></script>'
RAN = "<script>fetch('/ran');</script>"  # says that all scripts above it have run
INIT = f"<script>fbq('init', '{DATASET}');</script>"
# The contract of Meta's base snippet in our own words: nothing if fbq exists, else a stub and an async script.
BASE_SNIPPET = """<script>
(function (w, d, source) {
  if (w.fbq) return;
  var n = w.fbq = function () { n.callMethod ? n.callMethod.apply(n, arguments) : n.queue.push(arguments); };
  if (!w._fbq) w._fbq = n;
  n.push = n; n.loaded = true; n.version = '2.0'; n.queue = [];
  var s = d.createElement('script'); s.async = true; s.src = source; d.head.appendChild(s);
})(window, document, '/fbevents.js');
</script>"""


class Shop:
    """The server side of a test: its pages, what it was sent, and how it answers the tag."""

    def __init__(self) -> None:
        self.tests = 0
        self.forget()

    @property
    def mark(self) -> str:
        """What the browser of this test calls itself: the last beacon of a page can arrive when the next test runs."""
        return f"Test/{self.tests};"

    def expects(self, agent: str) -> bool:
        return "Test/" not in agent or self.mark in agent

    def begin(self) -> None:
        """Forget the test before, and do not hear its browser any more."""
        self.tests += 1
        self.forget()

    def forget(self) -> None:
        self.pages: dict[str, str] = {}
        self.headers: dict[str, str] = {}  # for pages
        self.delay_s: dict[str, float] = {}  # before a post is answered
        self.waits_for: dict[str, str] = {}  # path: the path that the page has to ask for before this one is answered
        self.asked: set[str] = set()
        self.answer: tuple[int, str] = (200, '{"accepted":1}')
        self.posts: list[dict[str, Any]] = []
        self.hits: list[dict[str, str]] = []
        self.underway: set[Request] = set()  # requests that the browser has begun and not finished

    def hold(self, path: str) -> None:
        """Return when the page has asked for what ``path`` waits for: an order that holds on a slow machine, too."""
        end = time.monotonic() + 60
        before, asked = self.waits_for.get(path), self.asked
        while before is not None and before not in asked and time.monotonic() < end:
            time.sleep(0.005)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event of every post so far, also the refused ones; without its age, the one thing that grows."""
        sent = [event for post in list(self.posts) for event in post["body"].get("events", ())]
        return [{name: value for name, value in event.items() if name != "age"} for event in sent]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event_name"] == name]


def handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            shop.hold(url.path)
            shop.asked.add(url.path)
            if url.path == "/ran":
                self._send(204, "text/plain", b"")
            elif url.path == "/tr":
                if self._expected():
                    shop.hits.append(dict(parse_qsl(url.query)))
                self._send(200, "image/gif", b"GIF89a")
            elif url.path.endswith("/twofold.js"):
                self._send(200, "text/javascript; charset=utf-8", tag.source())
            elif url.path == "/fbevents.js":
                self._send(200, "text/javascript; charset=utf-8", STANDIN)
            elif url.path in shop.pages:
                kind = "text/javascript" if url.path.endswith(".js") else "text/html"
                self._send(200, kind + "; charset=utf-8", shop.pages[url.path].encode(), shop.headers)
            else:
                self._send(404, "text/plain", b"not here")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            time.sleep(shop.delay_s.get(self.path, 0))
            if self._expected():
                shop.posts.append({"path": self.path, "headers": dict(self.headers), "body": json.loads(body)})
            status, text = shop.answer
            self._send(status, "application/json", text.encode(), {"access-control-allow-origin": "*"})

        def do_OPTIONS(self) -> None:
            if self._expected():
                shop.posts.append({"path": "preflight", "headers": dict(self.headers), "body": {"events": []}})
            self._send(204, "text/plain", b"")

        def _expected(self) -> bool:
            return shop.expects(self.headers.get("user-agent", ""))

        def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
            try:
                self.send_response(status)
                for key, value in {"content-type": kind, "content-length": str(len(body)), **(headers or {})}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:
                pass  # the page is gone; that is what the unload tests are about

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


class Visitor:
    """One browser context and its pages: opens a page made of HTML pieces and reads its console."""

    def __init__(self, shop: Shop, context: BrowserContext, port: int) -> None:
        self.shop, self.context, self.port = shop, context, port
        self.warnings: list[str] = []
        self.errors: list[str] = []

    def url(self, path: str = "/", host: str = "www.shop.example") -> str:
        return f"http://{host}:{self.port}{path}"

    def open(self, *pieces: str, path: str = "/", host: str = "www.shop.example", page: Page | None = None) -> Page:
        """Serve the pieces as the page at ``path`` and go there, in a new tab unless one is given."""
        self.shop.pages[urlsplit(path).path] = "<!doctype html><title>shop</title>" + "\n".join(pieces)
        if page is None:
            page = self.context.new_page()
            page.on("console", self._heard)
            page.on("pageerror", lambda error: self.errors.append(str(error)))
            page.on("request", lambda request: self.shop.underway.add(request))
            page.on("requestfinished", lambda request: self.shop.underway.discard(request))
            page.on("requestfailed", lambda request: self.shop.underway.discard(request))
        page.goto(self.url(path, host))
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "warning":
            self.warnings.append(message.text)

    def cookies(self) -> dict[str, dict[str, Any]]:
        return {cookie["name"]: dict(cookie) for cookie in self.context.cookies()}


def until(page: Page, ready: Callable[[], T], deadline_s: float = 60) -> T:
    """Poll until ``ready`` is true, letting the browser work between two looks; its value."""
    end = time.monotonic() + deadline_s
    while not (value := ready()):
        assert time.monotonic() < end, "deadline passed"
        page.wait_for_timeout(15)
    return value


def settle(page: Page, shop: Shop, dataset: str = DATASET) -> None:
    """Return when an event tracked now has arrived, and with it all that the page had begun to send before."""
    count = len(shop.named("Settled"))
    page.evaluate(f"fbq('init', '{dataset}'); fbq('trackSingleCustom', '{dataset}', 'Settled')")
    until(page, lambda: len(shop.named("Settled")) > count and not shop.underway)
