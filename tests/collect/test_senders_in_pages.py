"""Senders in a real Chromium against a running gateway: analytics.js and RudderStack's library unchanged, recorded hits of Google's
tag, the web template.

Each reports one Purchase on a page of the shop, and the shop's signed order of the same counts with it once. gtag.js itself is not
published to be kept, so its hits are sent by the page as it sends them: `fetch` with cookies, `sendBeacon`, an image.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser
from running_gateway import CONFIGURATION as PLAIN
from running_gateway import DATASET, Running
from test_webhook_door import deliver, numbered

from tests.examples.templates import RUNNER, template
from tests.storefront import OURS, Pages, chromium_at, standing
from twofold.event.model import Consent, Event, Tier
from twofold.store.engines import open_reader
from twofold.store.ladder import admit

sys.path.append(str(Path(__file__).parents[1] / "sources" / "streams"))
from gtag_hits import MEASUREMENT_ID, batch, of_a_container, purchase

pytestmark = [pytest.mark.browser, pytest.mark.node]
PACKAGES = Path(__file__).parents[1] / "clients/node/node_modules"
SEGMENT = PACKAGES / "@segment/analytics-next/dist/umd"
RUDDERSTACK = PACKAGES / "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
PAGE_KEY = "shop-pages-0123456"
PATIENCE_S = 60
ORDER = 8_678_901_000_000


class Storefront(Pages):
    """Pages by their path, and analytics.js with its parts as its package has them."""

    pages: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        script = SEGMENT / Path(path).name
        script = {"/runner.js": RUNNER, "/rudderstack.js": RUDDERSTACK}.get(path, script)
        if path.endswith(".js") and script.is_file():
            self.give(script.read_bytes(), "text/javascript")
        else:
            self.give(self.pages.get(path, "<!doctype html><title>shop</title>").encode())


@pytest.fixture(scope="module")
def storefront() -> Iterator[str]:
    with standing(Storefront) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(storefront: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    ways = {"segment_page_key": PAGE_KEY, "measurement_ids": [MEASUREMENT_ID]}
    dataset = PLAIN["dataset"][0] | {"ways_in": ways, "origins": [storefront]}
    running = Running(tmp_path_factory.mktemp("pages") / "data", PLAIN | {"dataset": [dataset]})
    yield running
    running.close()


@pytest.fixture(scope="module")
def browser(storefront: str) -> Iterator[Browser]:
    # No host but ours answers.
    hosts = f"{OURS}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with chromium_at(storefront, "--in-process-gpu", "--disable-background-networking", hosts=hosts) as running:
        yield running


def by_analytics_js(gateway: Running, order: int) -> str:
    """The library's own loader; of its settings only the address is ours, and they come with the page."""
    shown = {
        "apiKey": PAGE_KEY,
        "apiHost": f"gateway.shop.example:{gateway.port}/v1",
        "protocol": "http",
    }
    settings = {"writeKey": PAGE_KEY, "cdnSettings": {"integrations": {"Segment.io": shown}}}
    goods = [{"product_id": "111", "name": "Monopoly", "price": 21.25, "quantity": 2}]
    properties = {"order_id": str(order), "total": 42.5, "currency": "EUR", "products": goods}
    return f"""<script src="/ajs/index.js"></script><script>
const analytics = AnalyticsNext.AnalyticsBrowser.load({json.dumps(settings)});
analytics.page();
analytics.track('Order Completed', {json.dumps(properties)});
</script>"""


def by_rudderstack(gateway: Running, order: int) -> str:
    """The build with all plugins in it, so that it asks nobody for them; what its control plane would say stands in the page."""
    source = {"id": "shop", "name": "shop", "writeKey": PAGE_KEY, "enabled": True, "config": {}, "destinations": []}
    goods = [{"product_id": "111", "name": "Monopoly", "price": 21.25, "quantity": 2}]
    properties = {"order_id": str(order), "total": 42.5, "currency": "EUR", "products": goods}
    return f"""<script src="/rudderstack.js"></script><script>
const analytics = new rudderanalytics.RudderAnalytics();
analytics.load({json.dumps(PAGE_KEY)}, 'http://gateway.shop.example:{gateway.port}', {{
  getSourceConfig: () => ({json.dumps({"source": source})}),
}});
analytics.page();
analytics.track('Order Completed', {json.dumps(properties)});
</script>"""


def by_gtag_get(gateway: Running, order: int) -> str:
    url = f"http://gateway.shop.example:{gateway.port}/g/collect?{purchase(str(order))}"
    return f"<script>fetch({json.dumps(url)}, {{ method: 'GET', keepalive: true, credentials: 'include' }});</script>"


def by_gtag_beacon(gateway: Running, order: int) -> str:
    shared, lines = batch(str(order))
    url = f"http://gateway.shop.example:{gateway.port}/g/collect?{shared}"
    return f"<script>navigator.sendBeacon({json.dumps(url)}, {json.dumps(lines)});</script>"


def by_gtag_container(gateway: Running, order: int) -> str:
    url = f"http://gateway.shop.example:{gateway.port}/g/collect?{of_a_container(str(order))}"
    return f"<script>fetch({json.dumps(url)}, {{ method: 'POST', keepalive: true, credentials: 'include' }});</script>"


def by_template(gateway: Running, order: int, granted: str = "true") -> str:
    """The web template in the page's own world: only `injectScript` puts the gateway of this test for the address it was given.

    ``granted``: what the page's consent tool says.
    """
    made = template("web.tpl")
    given = {
        "scriptUrl": "https://gateway.shop.example/t/twofold.js",
        "dataset": DATASET,
        "report": "layer",
        "grants": True,
    }
    items = [{"item_id": "111", "price": 21.25, "quantity": 2}]
    shop = {"transaction_id": str(order), "value": 42.5, "currency": "EUR", "items": items}
    layer = {"event": "purchase", "event_id": f"page-{order}", "ecommerce": shop}
    return f"""<script src="/runner.js"></script><script>
const layer = {json.dumps(layer)};
const world = {{
  copyFromDataLayer: (key) => layer[key],
  isConsentGranted: () => {granted},
  addConsentListener: (purpose, listener) => (window.listeners = window.listeners || []).push(() => listener(purpose, true)),
  logToConsole: (...line) => console.log(...line),
  callInWindow: (name, ...args) => window[name](...args),
  injectScript: (url, onSuccess, onFailure) => {{
    const script = document.createElement('script');
    script.async = true;
    script.src = url.replace('https://gateway.shop.example', 'http://gateway.shop.example:{gateway.port}');
    script.onload = onSuccess;
    script.onerror = onFailure;
    document.head.append(script);
  }},
}};
const heard = window.heard = {{}};
const data = {{ ...{json.dumps(given)}, gtmOnSuccess: () => {{ window.said = true; }}, gtmOnFailure: () => {{ window.said = false; }} }};
new Function('require', 'data', {json.dumps(made["code"])})(
  tagManager.requirer({json.dumps(made["permissions"])}, world, {{}}, heard), data);
</script>"""


SENDERS = [
    pytest.param(by_analytics_js, "analytics.js", id="analytics.js"),
    pytest.param(by_rudderstack, "rudderlabs javascript sdk", id="rudderstack"),
    pytest.param(by_gtag_get, "gtag", id="gtag-get"),
    pytest.param(by_gtag_beacon, "gtag", id="gtag-beacon"),
    pytest.param(by_gtag_container, "gtag", id="gtag-container"),
    pytest.param(by_template, "tag", id="web-template"),
]


@pytest.mark.parametrize(("page", "sender"), SENDERS)
def test_a_purchase_of_a_page_counts_with_the_shops_webhook(
    gateway: Running, storefront: str, browser: Browser, page: Any, sender: str, request: pytest.FixtureRequest
) -> None:
    """What the browser reported is a stranger's copy with its money; with the signed order one Purchase is left."""
    gateway.forget()
    gateway.now = int(time.time() * 1000)  # a browser's clock is nobody's to set
    order = ORDER + [p.id for p in SENDERS].index(request.node.callspec.id)
    context = browser.new_context()
    visit = context.new_page()
    errors: list[str] = []
    visit.on("pageerror", lambda error: errors.append(str(error)))
    agent = str(visit.evaluate("navigator.userAgent"))
    Storefront.pages[f"/thanks-{order}"] = f"<!doctype html><title>Thanks</title>{page(gateway, order)}"
    visit.goto(f"{storefront}/thanks-{order}")
    told = waited(gateway, visit)
    context.close()
    assert errors == []
    webhook(gateway, order, agent)
    check(gateway, order, told, sender)


def test_the_web_template_holds_what_was_denied_until_it_is_granted(
    gateway: Running, storefront: str, browser: Browser
) -> None:
    """With consent mode's no the tag reports nothing; with its yes the same Purchase goes, and says that it was granted."""
    gateway.forget()
    gateway.now = int(time.time() * 1000)
    order = ORDER + len(SENDERS)
    context = browser.new_context()
    visit = context.new_page()
    Storefront.pages[f"/thanks-{order}"] = f"<!doctype html>{by_template(gateway, order, 'Boolean(window.yes)')}"
    visit.goto(f"{storefront}/thanks-{order}")
    visit.wait_for_function("window.said === true")
    assert visit.evaluate("document.cookie") == ""
    assert gateway.new_events() == []
    visit.evaluate("window.yes = true; window.listeners.forEach((hear) => hear()); 0")
    told = waited(gateway, visit)
    context.close()
    assert (told.event_id, told.custom_data.order_id, told.consent) == (f"page-{order}", str(order), Consent.GRANTED)


def waited(gateway: Running, visit: Any) -> Event:
    """The page's Purchase, once it is on disk."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = [event for event in gateway.new_events() if event.event_name == "Purchase"]
        if found:
            return found[0]
        visit.wait_for_timeout(50)
    raise AssertionError(f"no Purchase came; refused: {gateway.new_refused()}")


def webhook(gateway: Running, order: int, agent: str) -> None:
    """The shop's word of an order that was placed from this machine with that browser."""
    now = datetime.fromtimestamp(gateway.now // 1000, UTC).isoformat()
    times = dict.fromkeys(("created_at", "processed_at", "updated_at"), now)
    client = {"browser_ip": "127.0.0.1", "client_details": {"user_agent": agent, "browser_ip": "127.0.0.1"}}
    assert deliver(gateway, numbered(order, note_attributes=[], **times, **client)).status == 200


def check(gateway: Running, order: int, told: Event, sender: str) -> None:
    # A page that is closed before it heard the answer sends what it told once more, under the same id.
    (signed,) = (event for event in gateway.new_events() if event.event_id != told.event_id)
    assert (signed.tier, told.tier, told.sender) == (Tier.T3, Tier.T0, sender)
    data = told.custom_data
    assert (data.order_id, data.value, data.currency) == (str(order), Decimal("42.5"), "EUR")
    assert set(map(id, admit([signed, told]).copies)) == {id(signed), id(told)}
    db = open_reader(gateway.folder)
    (sold,) = db.execute("select count(*) from orders where order_id = ?", (str(order),)).fetchone()
    (left,) = db.execute(
        "select count(*) from action a where a.event_name = 'Purchase' and a.id in (select action from event where event_id in (?, ?))"
        " and not exists (select 1 from superseded s where s.action = a.id)",
        (signed.event_id, told.event_id),
    ).fetchone()
    db.close()
    assert (sold, left) == (1, 1)
