"""What the first page weighs on a phone: everything that the browser fetches for it, as it comes over the wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright
from running_console import PASSWORD, Running

from twofold.simulate.world.folder import Written

CHROMIUM = "/usr/bin/chromium"
MOST_BYTES = 150_000


@pytest.fixture
def shop(world: Written) -> Iterator[Running]:
    """A console on six weeks of a shop: a page of nothing would weigh nothing."""
    running = Running(world.folder, world.config)
    yield running
    running.stop()


@pytest.mark.browser
def test_the_first_page_on_a_phone_weighs_little(shop: Running) -> None:
    """Today in both languages, with its style, script, icon and charts, nothing kept from before; nothing comes from elsewhere."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(**playwright.devices["Pixel 5"])
        page = context.new_page()
        page.goto(shop.door())
        page.locator("[name=name]").fill("nino")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("main button").click()
        page.wait_for_url("**/today")
        for language in ("en", "ka"):
            phone = context.new_page()
            wire = context.new_cdp_session(phone)
            wire.send("Network.enable")
            wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
            weights: dict[str, float] = {}
            hosts: set[str] = set()
            names: dict[str, str] = {}
            wire.on(
                "Network.requestWillBeSent",
                lambda told, names=names: names.update({told["requestId"]: told["request"]["url"]}),
            )
            wire.on(
                "Network.loadingFinished",
                lambda told, weights=weights: weights.update({told["requestId"]: told["encodedDataLength"]}),
            )
            answer = phone.goto(f"{shop.told['address']}/today?period=90&language={language}", wait_until="networkidle")
            assert answer is not None
            assert answer.status == 200
            assert phone.locator("svg, .bars").count() > 0  # its charts are there
            hosts = {url.split("/")[2] for url in names.values() if url.startswith("http")}
            assert hosts == {f"127.0.0.1:{shop.port}"}
            assert {"today", "console.css", "console.js"} <= {
                url.partition("?")[0].rpartition("/")[2] for one, url in names.items() if one in weights
            }
            assert 10_000 < sum(weights.values()) <= MOST_BYTES, weights
            phone.close()
        browser.close()
