"""The hybrid: a real browser with the tag, on a shop of another origin, and a server with the official SDK report
the same purchase. One action, one delivery, better match keys than either copy had."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession
from gateway_process import Gateway, Program, gateway, sandbox_process
from playwright.sync_api import Browser

from tests.storefront import Pages, chromium_at, standing

pytestmark = pytest.mark.browser
DATASET, KEY = "1234567890", "key-of-the-shop"
PATIENCE_S = 60
TOML = """
[[dataset]]
id = "{dataset}"
key = "{key}"
origins = ["{origin}"]
[[destination]]
platform = "meta"
dataset = "{dataset}"
endpoint = "{endpoint}"
token = "token-of-the-platform"
"""
PAGE = """<!doctype html><title>Thank you</title>
<script src="{tag}"></script>
<script>
fbq('init', '{dataset}', {{em: 'John_Smith@gmail.com'}});
fbq('track', 'Purchase', {{value: 42.5, currency: 'EUR'}}, {{eventID: '{event_id}'}});
</script>"""
# SHA-256 of john_smith@gmail.com and 16505551212, from Meta's customer information parameters page
EMAIL = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
PHONE = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"


class Hybrid(NamedTuple):
    """A shop, its gateway, and what stands for Meta."""

    shop: str
    gateway: Gateway
    sandbox: Program
    browser: Browser

    def in_the_browser(self, event_id: str) -> None:
        """A shopper who came by an advertisement opens the thank-you page; returns when its copy is journalled."""
        context = self.browser.new_context()
        page = context.new_page()
        page.goto(f"{self.shop}/{event_id}?fbclid=IwAR0-Click_{event_id}")
        self.until(lambda: [r for r in self.gateway.rows("events", id=event_id) if r["channel"] == "browser"])
        page.wait_for_load_state("networkidle")  # a page that is closed before it heard the answer may send once more
        context.close()

    def on_the_server(self, event_id: str) -> None:
        """The shop's server reports the order through the SDK, which knows only another base address."""
        user = UserData(emails=["John_Smith@gmail.com"], phones=["16505551212"], external_ids=["customer-7"])
        custom = CustomData(value=42.5, currency="EUR", order_id=event_id)
        event = Event(
            event_name="Purchase",
            event_time=int(time.time()),
            event_id=event_id,
            action_source=ActionSource.WEBSITE,
            event_source_url=f"{self.shop}/{event_id}",
            user_data=user,
            custom_data=custom,
        )
        assert EventRequest(pixel_id=DATASET, events=[event]).execute().events_received == 1

    def until(self, look: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := look()):
            assert time.monotonic() < deadline, f"nothing after {PATIENCE_S} s\n{self.gateway.output()}"
            time.sleep(0.1)
        return found

    def received(self, event_id: str) -> list[dict[str, Any]]:
        events = requests.get(f"{self.sandbox.url}/sandbox/events", timeout=PATIENCE_S).json()["events"]
        return [e for e in events if e["event_id"] == event_id]


class _ShopPages(Pages):
    tag = ""

    def do_GET(self) -> None:
        event_id = self.path.partition("?")[0].strip("/")
        self.give(PAGE.format(tag=self.tag, dataset=DATASET, event_id=event_id).encode())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hybrid]:
    data: Path = tmp_path_factory.mktemp("hybrid") / "data"
    with standing(_ShopPages) as shop, sandbox_process() as receiver:
        toml = TOML.format(dataset=DATASET, key=KEY, origin=shop, endpoint=receiver.url)
        with gateway(toml, data) as sender:
            _ShopPages.tag = f"http://collect.example:{sender.port}/t/twofold.js"
            with chromium_at(shop) as browser:
                yield Hybrid(shop, sender, receiver, browser)
            assert sender.run("verify").returncode == 0


@pytest.fixture
def hybrid(running: Hybrid, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hybrid]:
    monkeypatch.setattr(FacebookSession, "GRAPH", running.gateway.url)
    monkeypatch.setattr(FacebookAdsApi, "_default_api", None)
    api = FacebookAdsApi.init(access_token=KEY, crash_log=False)
    yield running
    api._session.requests.close()


# The server draws the id for the page: by it the browser's copy is known to be the buyer's.
ORDERS = [
    ("3f2b6c1e-9d4a-4a55-8f0e-0c6f1f6f7a11", (Hybrid.in_the_browser, Hybrid.on_the_server)),
    ("9a7c0d52-64be-4f0b-b1d3-5e2a8c97f640", (Hybrid.on_the_server, Hybrid.in_the_browser)),
]


@pytest.mark.parametrize(("event_id", "copies"), ORDERS, ids=["browser-first", "server-first"])
def test_two_copies_are_one_action_with_the_match_keys_of_both(
    event_id: str, copies: tuple[Callable[[Hybrid, str], None], ...], hybrid: Hybrid
) -> None:
    """Whichever copy comes first, the platform gets one event, and it knows more than either copy did."""
    for send in copies:
        send(hybrid, event_id)
    (arrived,) = hybrid.until(lambda: hybrid.received(event_id))

    events = {row["channel"]: row for row in hybrid.gateway.rows("events", id=event_id)}
    assert {row["verdict"] for row in events.values()} == {"first", "twin"}
    by_browser, by_server = set(events["browser"]["match_keys"]), set(events["server"]["match_keys"])
    assert by_browser == {"em", "fbc", "fbp", "client_ip_address", "client_user_agent"}
    assert by_server >= {"em", "ph", "external_id"}

    user = arrived["event"]["user_data"]
    assert set(user) == by_browser | by_server
    assert (user["em"], user["ph"]) == ([EMAIL], [PHONE])
    assert user["fbc"].endswith(f".IwAR0-Click_{event_id}")
    assert user["client_ip_address"] == "127.0.0.1"
    assert "Chrome" in user["client_user_agent"]

    (action,) = hybrid.gateway.rows("actions", id=event_id)
    assert (action["copies"], action["late"], action["channels"]) == (2, 0, ["browser", "server"])
    assert set(action["match_keys"]) == set(user)
    (delivery,) = hybrid.gateway.rows("deliveries", id=event_id)
    assert delivery["attempts"] >= 1
    counted = requests.get(f"{hybrid.sandbox.url}/sandbox/actions", timeout=PATIENCE_S).json()["actions"]
    assert [(a["value"], a["order_id"]) for a in counted if a["event_id"] == event_id] == [("42.5", event_id)]


def test_a_shopper_who_comes_back_to_the_page_is_still_one_purchase(hybrid: Hybrid) -> None:
    """Two loads of the thank-you page and the server's copy: three copies, one delivery."""
    event_id = "c1d0e7a4-2b58-4d3c-9f61-70ab84f2e935"
    hybrid.in_the_browser(event_id)
    hybrid.on_the_server(event_id)
    hybrid.until(lambda: hybrid.received(event_id))
    hybrid.in_the_browser(event_id)
    hybrid.until(lambda: [a for a in hybrid.gateway.rows("actions", id=event_id) if a["copies"] == 3])
    assert len(hybrid.received(event_id)) == 1


def test_a_page_of_another_site_is_not_taken(hybrid: Hybrid) -> None:
    """The tag copied to a site that is not listed sends, and nothing of it is counted."""
    page = hybrid.browser.new_page()
    page.goto(hybrid.shop.replace("www.shop.", "copied.shop.") + "/copied")
    hybrid.until(lambda: hybrid.gateway.rows("refused", state="bad_origin"))
    page.close()
    assert hybrid.gateway.rows("events", id="copied") == []
