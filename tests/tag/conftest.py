"""The shop on a free port and a real Chromium to visit it with.

Every name under .example and .co.uk is this machine. Two hosts count as secure (crypto.subtle exists there),
as a shop on https would; the others are what they are: plain http.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from running_shop import CHROMIUM_ARGS, Shop, Visitor, handler


@pytest.fixture(scope="session")
def _server() -> Iterator[tuple[Shop, int]]:
    shop = Shop()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(shop))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield shop, server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def port(_server: tuple[Shop, int]) -> int:
    return _server[1]


@pytest.fixture(scope="module")  # not longer: Playwright keeps an event loop running in this thread while it is open
def _browser(port: int) -> Iterator[Browser]:
    secure = ",".join(f"http://{host}:{port}" for host in ("www.shop.example", "shop.example"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[*CHROMIUM_ARGS, f"--unsafely-treat-insecure-origin-as-secure={secure}"],
        )
        yield browser
        browser.close()


@pytest.fixture
def shop(_server: tuple[Shop, int]) -> Shop:
    _server[0].begin()
    return _server[0]


@pytest.fixture(scope="module")
def _agent(_browser: Browser) -> str:
    page = _browser.new_page()
    agent = str(page.evaluate("navigator.userAgent"))
    page.close()
    return agent


@pytest.fixture
def context(_browser: Browser, _agent: str, shop: Shop) -> Iterator[BrowserContext]:
    context = _browser.new_context(user_agent=f"{_agent} {shop.mark}")
    yield context
    context.close()


@pytest.fixture
def visitor(shop: Shop, context: BrowserContext, port: int) -> Iterator[Visitor]:
    visitor = Visitor(shop, context, port)
    yield visitor
    for page in context.pages:  # the last beacon of this page must not reach the next test
        page.evaluate("navigator.sendBeacon = () => true; 0")
    assert visitor.errors == [], "the tag must never throw into the page"
