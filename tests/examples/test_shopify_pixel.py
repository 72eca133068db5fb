"""The custom pixel in a real Chromium, in a frame sandboxed as Shopify's, against a real gateway. Events have the shapes
of the Web Pixels API; expected ids and hashes follow from the documented rules, not from the pixel."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Frame, Request

from tests.acceptance.gateway_process import Gateway, gateway
from tests.storefront import Pages, chromium_at, standing
from twofold.sources.contract import SourceOptions
from twofold.sources.shopify import SHOPIFY

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
PIXEL = (HERE.parents[1] / "examples" / "shopify-pixel.js").read_text(encoding="utf-8")
HOST = (HERE / "standin_pixel_host.js").read_text(encoding="utf-8")
CART = (HERE.parents[1] / "twofold" / "setup" / "snippets" / "cart.html").read_text(encoding="utf-8")
DATASET, KEY, SHOP, SECRET = "1234567890", "key-of-the-shop", "demo.myshopify.com", "hush-0123456789abcdef"
PATIENCE_S = 60
ORDER_ID = 9007199254740993
SANDBOX = "/wpm@5982071ew7ea472e3/custom/web-pixel-77@1/sandbox/modern"
TOML = f"""
[[dataset]]
id = "{DATASET}"
key = "{KEY}"
[[source]]
type = "shopify"
dataset = "{DATASET}"
shop = "{SHOP}"
secret = "{SECRET}"
"""
ALLOWED = {
    "analyticsProcessingAllowed": True,
    "marketingAllowed": True,
    "preferencesProcessingAllowed": True,
    "saleOfDataAllowed": True,
}
REFUSED = dict.fromkeys(ALLOWED, False)
# Three days ago: of a browser's click that is over, the gateway keeps nothing.
FBC = f"fb.1.{int(time.time() * 1000) - 3 * 86_400_000}.IwAR0AbC"
TOP = """<!doctype html><title>shop</title><script>
document.cookie = '_fbp=fb.1.1643992155109.1110590605;path=/';
document.cookie = '_fbc=FBC;path=/';
document.cookie = '_ga=GA1.1.1418143823.1643992155;path=/';
addEventListener('message', (message) => {
  const found = document.cookie.split('; ').find((pair) => pair.startsWith(message.data.cookie + '='));
  const value = found ? found.slice(found.indexOf('=') + 1) : '';
  message.source.postMessage({ reply: message.data.ask, value }, '*');
});
</script>""".replace("FBC", FBC)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Storefront(Pages):
    """The top page, and inside Shopify's sandbox path the frame with the stand-in and the pixel."""

    frames: ClassVar[dict[str, str]] = {}
    carts: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.give(self.frames.get(path, TOP).encode())

    def do_POST(self) -> None:
        assert self.path == "/cart/update.js"
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.carts.append(body["attributes"])
        self.give(b"{}")


@pytest.fixture(scope="module")
def storefront() -> Iterator[str]:
    with standing(Storefront) as origin:
        yield origin


@pytest.fixture(scope="module")
def collecting(storefront: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(
        TOML.replace("key =", f'origins = ["{storefront}"]\nkey ='), tmp_path_factory.mktemp("pixel") / "d"
    ) as g:
        yield g


@pytest.fixture(scope="module")
def browser(storefront: str) -> Iterator[Browser]:
    with chromium_at(storefront) as running:
        yield running


class Shopper:
    """One visit: the page with its sandboxed pixel, and what the gateway keeps of it."""

    def __init__(self, browser: Browser, storefront: str, collecting: Gateway) -> None:
        self.gateway = collecting
        self._storefront = storefront
        self._context = browser.new_context()
        self.page = self._context.new_page()
        self.errors: list[str] = []
        self.sent: list[dict[str, Any]] = []  # every event that left the browser, as on the wire
        self.page.on("request", self._seen)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(
        self,
        privacy: dict[str, bool] | None,
        *,
        native: bool = False,
        in_theme: str = "[]",
        silent: bool = False,
        customer: dict[str, Any] | None = None,
    ) -> Frame:
        """The shop's page; the frame is sandboxed without allow-same-origin, so it has no origin and no cookies."""
        pixel = PIXEL.replace("https://gateway.shop.example", f"http://collect.example:{self.gateway.port}")
        pixel = pixel.replace("[2000, 8000", "[20, 20")  # the first retry need not be waited for
        assert "inTheme: []" in pixel
        pixel = pixel.replace("inTheme: []", f"inTheme: {in_theme}")
        if native:
            pixel = pixel.replace("nativeIds: false", "nativeIds: true")
        host = json.dumps({"privacy": privacy, "silent": silent, "customer": customer})
        Storefront.frames = {
            f"{SANDBOX}/products/mug": f"<!doctype html><script>window.HOST = {host};</script>"
            f"<script>{HOST}</script><script>{pixel}</script>"
        }
        self.page.goto(f"{self._storefront}/products/mug")
        self.page.evaluate(
            """(source) => new Promise((done) => {
              const frame = document.createElement('iframe');
              frame.setAttribute('sandbox', 'allow-scripts allow-forms');
              frame.onload = done;
              frame.src = source;
              document.body.append(frame);
            })""",
            f"{SANDBOX}/products/mug",
        )
        (frame,) = self.page.main_frame.child_frames
        return frame

    def _seen(self, request: Request) -> None:
        if request.method == "POST" and "/t/events" in request.url:
            self.sent += json.loads(request.post_data or "{}")["events"]

    def emit(self, frame: Frame, name: str, data: dict[str, Any], **envelope: Any) -> None:
        """Shopify's pixel host tells the pixel of an event."""
        frame.evaluate("(event) => emit(event)", self.event(name, data, **envelope))

    def until_sent(self, count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE_S
        while len(self.sent) < count:
            assert time.monotonic() < deadline, f"{len(self.sent)} of {count} were sent"
            self.page.wait_for_timeout(20)
        return self.sent

    def url(self, path: str) -> str:
        return f"{self._storefront}{path}"

    def event(self, name: str, data: dict[str, Any], *, path: str = "/products/mug", id_: str = "") -> dict[str, Any]:
        """The envelope of a standard event."""
        return {
            "id": id_ or f"sh-{name.upper()}",
            "clientId": "5c3b6f0e-0000-4000-8000-000000000000",
            "name": name,
            "seq": 1,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 60)),
            "type": "standard",
            "context": {"document": {"location": {"href": self.url(path)}, "referrer": "https://l.example/x?token=1"}},
            "data": data,
        }

    def events(self, count: int, **filters: str) -> list[dict[str, Any]]:
        """Journalled copies, as soon as there are as many."""
        deadline = time.monotonic() + PATIENCE_S
        while len(rows := self.gateway.rows("events", **filters)) < count:
            assert time.monotonic() < deadline, self.gateway.output()
            self.page.wait_for_timeout(50)
        return rows

    def close(self) -> None:
        self._context.close()
        assert self.errors == [], "the pixel must never throw"


@pytest.fixture
def shopper(browser: Browser, storefront: str, collecting: Gateway) -> Iterator[Shopper]:
    shopper = Shopper(browser, storefront, collecting)
    yield shopper
    shopper.close()


MUG = {
    "id": "111",
    "sku": "MUG",
    "price": {"amount": 20.0, "currencyCode": "EUR"},
    "product": {"id": "110", "title": "Mug", "vendor": "Us", "type": "Mugs"},
}


def checkout(order_id: int | str | None = None, token: str = "bd5a8aa1ecd0", **changes: Any) -> dict[str, Any]:
    return {
        "checkout": {
            "token": token,
            "order": {"id": order_id, "customer": {"id": "7", "isFirstOrder": True}} if order_id else None,
            "email": " Jane.Doe@Example.com",
            "phone": "+995 555 12 34 56",
            "billingAddress": {
                "firstName": "Jane",
                "lastName": "Doe",
                "city": "San Francisco",
                "provinceCode": "CA",
                "zip": "94105-1234",
                "countryCode": "US",
            },
            "currencyCode": "EUR",
            "totalPrice": {"amount": 42.5, "currencyCode": "EUR"},
            "lineItems": [{"id": "1", "quantity": 2, "finalLinePrice": {"amount": 40.0}, "variant": MUG}],
            "attributes": [],
            "transactions": [],
        }
        | changes
    }


def order_body(order_id: int, token: str) -> bytes:
    """The same order as Shopify's servers report it."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({
        "id": order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
        "created_at": now,
        "processed_at": now,
        "updated_at": now,
        "currency": "EUR",
        "presentment_currency": "EUR",
        "total_price": "42.50",
        "financial_status": "paid",
        "source_name": "web",
        "email": "jane.doe@example.com",
        "checkout_token": token,
        "line_items": [{"variant_id": 111, "product_id": 110, "quantity": 2, "price": "20.00"}],
    }).encode()  # fmt: skip


@pytest.mark.parametrize("token", ["bd5a8aa1ecd019dd3520ff791ee3a24c", "hWN0OwNBHrpWOXyOtP3XTb1c", "36578301542399187"])
def test_its_id_is_made_of_the_checkouts_token_as_the_webhooks(shopper: Shopper, token: str) -> None:
    """Where the token cannot be guessed nobody can send the id first; page and webhook make the same of it."""
    order_id = ORDER_ID - 2  # no other test's
    frame = shopper.open(ALLOWED)
    shopper.emit(
        frame,
        "checkout_completed",
        checkout(f"gid://shopify/Order/{order_id}", token=token),
        path=f"{SANDBOX}/checkouts/cn/x",
    )
    (sent,) = shopper.until_sent(1)
    copy = SHOPIFY.read(order_body(order_id, token), {}, SourceOptions(shop=SHOP), 0).copy
    made = "purchase." + hashlib.sha256(f"checkout:{token}".encode()).hexdigest()[:32]
    assert sent["event_id"] == copy.event_id == (f"purchase.{SHOP}.{order_id}" if token.isdigit() else made)


def test_a_purchase_carries_what_the_webhook_lacks_under_the_same_id(shopper: Shopper) -> None:
    """Id, order and checkout are those of the webhook's copy; cookies of the top frame, hashed contact data in Meta's
    forms, the shopper's page without sandbox path and token, and the time of the event come with it."""
    frame = shopper.open(ALLOWED)
    path = f"{SANDBOX}/checkouts/cn/Z2NwLXVz/thank-you?key=secret&utm_source=fb&gclid=EAIaIQ_x&email=jane%40example.com"
    began = int(time.time())
    shopper.emit(frame, "checkout_completed", checkout(f"gid://shopify/Order/{ORDER_ID}"), path=path)
    (sent,) = shopper.until_sent(1)

    copy = SHOPIFY.read(order_body(ORDER_ID, "bd5a8aa1ecd0"), {}, SourceOptions(shop=SHOP), 0).copy
    assert sent["event_id"] == copy.event_id == f"purchase.{SHOP}.{ORDER_ID}"
    assert set(sent["links"]) == set(copy.links) == {f"order:{ORDER_ID}", "checkout:bd5a8aa1ecd0"}
    assert sent["custom_data"] == {
        "content_type": "product",
        "contents": [{"id": "111", "quantity": 2, "item_price": 20}],
        "value": 42.5,
        "currency": "EUR",
        "num_items": 2,
        "order_id": str(ORDER_ID),
    }
    assert (sent["event_name"], sent["dataset"], sent["action_source"]) == ("Purchase", DATASET, "website")
    assert sent["event_source_url"] == shopper.url("/checkouts?utm_source=fb&gclid=EAIaIQ_x")
    assert sent["referrer_url"] == "https://l.example/x"
    assert -70 < sent["event_time"] - began < -50
    assert sent["user_data"] == {
        "em": sha256("jane.doe@example.com"),
        "ph": sha256("995555123456"),
        "fn": sha256("jane"),
        "ln": sha256("doe"),
        "ct": sha256("sanfrancisco"),
        "st": sha256("ca"),
        "zp": sha256("94105"),
        "country": sha256("us"),
        "external_id": sha256("7"),
        "fbp": "fb.1.1643992155109.1110590605",
        "fbc": FBC,
    }
    assert sent["click_ids"] == {"gclid": "EAIaIQ_x", "_ga": "GA1.1.1418143823.1643992155"}
    assert (sent["region"], sent["consent"]) == ("US-CA", ALLOWED)
    (row,) = shopper.events(1, id=sent["event_id"])
    assert (row["channel"], row["event_name"], row["event_time"]) == ("browser", "Purchase", sent["event_time"])
    assert {"em", "ph", "fbp", "fbc", "external_id"} <= set(row["match_keys"])


def test_nothing_leaves_the_browser_in_the_clear(shopper: Shopper) -> None:
    """No part of the contact data, and none of the page's tokens, is in what is sent."""
    frame = shopper.open(ALLOWED, customer={"id": "7", "email": "jane@home.example", "firstName": "Jane"})
    path = "/checkouts/cn/Z2NwLXVz/information?key=secret&email=jane%40home.example"
    shopper.emit(frame, "checkout_completed", checkout(11, token="t11"), path=path)
    shopper.emit(frame, "page_viewed", {}, path=path)
    text = json.dumps(shopper.until_sent(2)).lower()
    for private in ("jane", "doe", "555", "francisco", "94105", "z2nw", "secret"):
        assert private not in text


MAPPED = [
    # Shopify's event, its data, Meta's event, the id or None for a random one, custom data
    ("page_viewed", {}, "PageView", None, {}),
    (
        "product_viewed",
        {"productVariant": MUG},
        "ViewContent",
        None,
        {"content_type": "product", "contents": [{"id": "111", "quantity": 1, "item_price": 20}], "value": 20,
         "currency": "EUR"},
    ),
    ("search_submitted", {"searchResult": {"query": "mug"}}, "Search", None, {"search_string": "mug"}),
    (
        "product_added_to_cart",
        {"cartLine": {"cost": {"totalAmount": {"amount": 60.0, "currencyCode": "EUR"}}, "merchandise": MUG,
                      "quantity": 3}},
        "AddToCart",
        None,
        {"content_type": "product", "contents": [{"id": "111", "quantity": 3, "item_price": 20}], "value": 60,
         "currency": "EUR"},
    ),
    (
        "checkout_started",
        checkout(token="t1"),
        "InitiateCheckout",
        "InitiateCheckout.t1",
        {"content_type": "product", "contents": [{"id": "111", "quantity": 2, "item_price": 20}], "value": 42.5,
         "currency": "EUR", "num_items": 2},
    ),
    (
        "payment_info_submitted",
        checkout(token="t2"),
        "AddPaymentInfo",
        "AddPaymentInfo.t2",
        {"content_type": "product", "contents": [{"id": "111", "quantity": 2, "item_price": 20}], "value": 42.5,
         "currency": "EUR", "num_items": 2},
    ),
]  # fmt: skip


def test_every_standard_event_has_metas_name_and_its_id(shopper: Shopper) -> None:
    """Events of a checkout are named by its token, so that a reload repeats their id; the others have random ids. What
    Meta has no name for is not sent. The gateway takes them all."""
    frame = shopper.open(ALLOWED)
    for name, data, *_ in MAPPED:
        shopper.emit(frame, name, data)
    shopper.emit(frame, "cart_viewed", {})
    sent = {event["event_name"]: event for event in shopper.until_sent(len(MAPPED))}
    assert set(sent) == {row[2] for row in MAPPED}
    for _, _, name, event_id, custom in MAPPED:
        event = sent[name]
        assert event["custom_data"] == custom, name
        assert event["event_source_url"] == shopper.url("/products/mug")
        assert event["event_id"] == event_id if event_id else len(event["event_id"]) == 32
        assert shopper.events(1, id=event["event_id"])[0]["event_name"] == name


def test_what_the_theme_reports_is_not_reported_again(shopper: Shopper) -> None:
    """With the tag in the theme each event has one owner: what is named there does not come from this frame."""
    frame = shopper.open(ALLOWED, in_theme="['PageView', 'ViewContent']")
    shopper.emit(frame, "page_viewed", {})
    shopper.emit(frame, "product_viewed", {"productVariant": MUG})
    shopper.emit(frame, "checkout_completed", checkout(22, token="t22"))
    (sent,) = shopper.until_sent(1)
    assert sent["event_name"] == "Purchase"


def test_the_native_option_takes_shopifys_own_id(shopper: Shopper) -> None:
    """With nativeIds each event has the id that Shopify gave it, and a Purchase still names its order."""
    frame = shopper.open(ALLOWED, native=True)
    shopper.emit(frame, "checkout_completed", checkout(21, token="t21"), id_="sh-0FA1C9E2-AB12-4F5A-9D00-1C2B3A4D5E6F")
    (sent,) = shopper.until_sent(1)
    assert sent["event_id"] == "sh-0FA1C9E2-AB12-4F5A-9D00-1C2B3A4D5E6F"
    assert sent["custom_data"]["order_id"] == "21"


def test_a_refusal_is_told_of_the_purchase_alone_and_says_nothing_about_the_person(shopper: Shopper) -> None:
    """Without consent only the Purchase is reported, bare and as refused, so that its webhook is not sent either."""
    frame = shopper.open(REFUSED)
    shopper.emit(frame, "page_viewed", {})
    shopper.emit(frame, "checkout_completed", checkout(31, token="t31"))
    (sent,) = shopper.until_sent(1)
    assert (sent["event_name"], sent["consent"]) == ("Purchase", REFUSED)
    assert "user_data" not in sent
    assert "click_ids" not in sent
    assert shopper.events(1, id=f"purchase.{SHOP}.31")


def test_events_wait_for_consent_and_keep_their_time(shopper: Shopper) -> None:
    """What happened before the visitor agreed is sent then, with the time at which it happened; without, never."""
    frame = shopper.open(REFUSED)
    shopper.emit(frame, "product_viewed", {"productVariant": MUG})
    began = int(time.time())
    frame.evaluate("(privacy) => consent(privacy)", REFUSED)
    frame.evaluate("(privacy) => consent(privacy)", ALLOWED)
    (sent,) = shopper.until_sent(1)
    assert (sent["event_name"], sent["consent"]) == ("ViewContent", ALLOWED)
    assert -70 < sent["event_time"] - began < -50


def test_analytics_alone_sends_no_match_keys(shopper: Shopper) -> None:
    """Who allows analytics and not marketing is measured without cookies, contact data and click ids."""
    only = REFUSED | {"analyticsProcessingAllowed": True}
    frame = shopper.open(only)
    shopper.emit(frame, "checkout_started", checkout(token="t41"))
    (sent,) = shopper.until_sent(1)
    assert sent["consent"] == only
    assert "user_data" not in sent


def test_a_top_frame_that_never_answers_costs_the_cookies_and_not_the_event(shopper: Shopper) -> None:
    """The purchase goes without cookies; the cart's attributes stand in for them where the theme wrote them."""
    frame = shopper.open(ALLOWED, silent=True)
    written = [{"key": "_fbp", "value": "fb.1.17.5"}, {"key": "_fbc", "value": "a b"}]
    shopper.emit(frame, "checkout_completed", checkout(51, token="t51", attributes=written))
    (sent,) = shopper.until_sent(1)
    assert sent["user_data"]["fbp"] == "fb.1.17.5"
    assert "fbc" not in sent["user_data"]


def test_an_id_that_the_shop_wrote_on_the_cart_is_used_by_both_copies(shopper: Shopper) -> None:
    """`_twofold_event_id` on the cart becomes the Purchase's id in the browser and in the webhook."""
    frame = shopper.open(ALLOWED)
    written = [{"key": "_twofold_event_id", "value": "cart-7"}]
    shopper.emit(frame, "checkout_completed", checkout(71, token="t71", attributes=written))
    (sent,) = shopper.until_sent(1)
    body = json.loads(order_body(71, "t71")) | {"note_attributes": [{"name": "_twofold_event_id", "value": "cart-7"}]}
    copy = SHOPIFY.read(json.dumps(body).encode(), {}, SourceOptions(shop=SHOP), 0).copy
    assert sent["event_id"] == copy.event_id == "cart-7"


def test_an_event_is_sent_again_when_the_gateway_was_away(shopper: Shopper) -> None:
    """A lost request and an overloaded gateway cost nothing: the same event arrives, once."""
    answers = [lambda route: route.abort(), lambda route: route.fulfill(status=503, body="busy")]
    shopper.page.context.route("**/t/events", lambda route: answers.pop(0)(route) if answers else route.continue_())
    frame = shopper.open(ALLOWED)
    shopper.emit(frame, "checkout_started", checkout(token="t91"))
    (row,) = shopper.events(1, id="InitiateCheckout.t91")
    assert row["verdict"] == "first"
    ages = [event["age"] for event in shopper.sent]
    assert ages == sorted(ages)
    assert len({json.dumps(event | {"age": 0}) for event in shopper.sent}) == 1


SKEWS = [("three years behind", -3 * 365 * 86_400), ("ten years ahead", 3650 * 86_400), ("right", 0)]


@pytest.mark.parametrize("skew_s", [row[1] for row in SKEWS], ids=[row[0] for row in SKEWS])
def test_a_wrong_clock_loses_nothing(skew_s: int, shopper: Shopper) -> None:
    """The age of an event is told beside its time; the gateway applies it to its own clock."""
    frame = shopper.open(ALLOWED)
    frame.evaluate("(s) => { const real = Date.now; Date.now = () => real() + s * 1000; }", skew_s)
    event, began = shopper.event("product_viewed", {"productVariant": MUG}), time.time()
    event["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(began + skew_s - 60))
    before = len(shopper.events(0))
    frame.evaluate("(event) => emit(event)", event)
    (sent,) = shopper.until_sent(1)
    assert 60 <= sent["age"] + 1 <= 62 + time.time() - began
    assert abs(sent["event_time"] - (began + skew_s - 60)) <= 1
    rows = [row for row in shopper.events(before + 1) if row["event_id"] == sent["event_id"]]
    assert [-62 <= row["event_time"] - began <= -58 + time.time() - began for row in rows] == [True]


def test_an_unseen_page_tells_nothing_until_it_is_shown(shopper: Shopper) -> None:
    """A prerendered page's events wait, and carry the time at which the page was shown."""
    frame = shopper.open(ALLOWED)
    frame.evaluate("Object.defineProperty(document, 'prerendering', {value: true, configurable: true})")
    shopper.emit(frame, "page_viewed", {})
    shopper.emit(frame, "product_viewed", {"productVariant": MUG})
    shopper.page.wait_for_timeout(400)
    assert shopper.sent == []
    shown = time.time()
    frame.evaluate("delete document.prerendering; document.dispatchEvent(new Event('prerenderingchange'))")
    sent = shopper.until_sent(2)
    assert sorted(e["event_name"] for e in sent) == ["PageView", "ViewContent"]
    assert all(int(shown) <= e["event_time"] <= time.time() for e in sent)


TEXTS = [("half an emoji", "'shoes ' + '😀'.slice(0, 1)", "shoes \ufffd"), ("NUL", "'sho\\u0000es'", "shoes"), ("the other half", "'😀'.slice(1) + 'x'", "\ufffdx")]  # fmt: skip


@pytest.mark.parametrize(("text", "arrives"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_half_characters_cost_no_event(text: str, arrives: str, shopper: Shopper) -> None:
    """What themes cut, and NUL, are replaced."""
    frame = shopper.open(ALLOWED)
    event = shopper.event("search_submitted", {"searchResult": {"query": ""}})
    frame.evaluate(f"(event) => {{ event.data.searchResult.query = {text}; emit(event); }}", event)
    (sent,) = shopper.until_sent(1)
    assert sent["custom_data"]["search_string"] == arrives


WRONG = [
    "/products/mug?next=/list?sort=asc&fbclid=IwAR0AbC&gclid=G-1",
    "/products/mug?utm_source=fb?fbclid=IwAR0AbC?gclid=G-1",
    "/products/mug?a=1&amp;fbclid=IwAR0AbC&amp;gclid=G-1",
]


@pytest.mark.parametrize("path", WRONG)
def test_an_address_that_was_put_together_wrongly(path: str, shopper: Shopper) -> None:
    """A second question mark and an ampersand written for HTML hide no click."""
    frame = shopper.open(ALLOWED)
    frame.evaluate("(event) => emit(event)", shopper.event("page_viewed", {}, path=path))
    (sent,) = shopper.until_sent(1)
    assert "fbclid=IwAR0AbC" in sent["event_source_url"].replace("?", "&").split("&")
    assert sent["click_ids"]["gclid"] == "G-1"


STRANGE = [
    {},
    {"name": "checkout_completed"},
    {"name": "checkout_completed", "data": None, "context": None, "timestamp": "yesterday"},
    {"name": "checkout_completed", "data": {"checkout": {"lineItems": "none", "order": 5, "totalPrice": None}}},
    {"name": "product_added_to_cart", "data": {"cartLine": None}},
    {"name": "product_viewed", "data": {"productVariant": {"id": None, "price": 5}}},
    {"name": "search_submitted", "data": {"searchResult": {"query": 5}}},
    {"name": "page_viewed", "context": {"document": {"location": {"href": "about:blank"}}}},
]


def test_no_event_throws_into_the_page(shopper: Shopper) -> None:
    """Whatever shape an event has, the pixel lives on and sends the next one."""
    frame = shopper.open(None)
    for event in STRANGE:
        frame.evaluate("(event) => emit(event)", event)
    shopper.emit(frame, "checkout_started", checkout(token="t61"))
    deadline = time.monotonic() + PATIENCE_S
    while not [event for event in shopper.sent if event["event_id"] == "InitiateCheckout.t61"]:
        assert time.monotonic() < deadline
        shopper.page.wait_for_timeout(20)


def theme(shopper: Shopper, marketing: bool) -> dict[str, Any]:
    """The theme's snippet for the cart, on a page that an advertisement led to; what it writes on the
    cart."""
    snippet = CART
    privacy = f"""<script>window.Shopify = {{ routes: {{ root: '/' }}, customerPrivacy: {{
      marketingAllowed: () => {json.dumps(marketing)}, analyticsProcessingAllowed: () => true,
      saleOfDataAllowed: () => {json.dumps(marketing)} }} }};</script>"""
    Storefront.frames = {"/landing": TOP + privacy + snippet}
    Storefront.carts.clear()
    shopper.page.goto(shopper.url("/landing?gclid=EAIaIQ_x&fbclid=IwAR0AbC&utm_source=x"))
    shopper.page.evaluate("document.dispatchEvent(new Event('visitorConsentCollected'))")
    deadline = time.monotonic() + PATIENCE_S
    while not Storefront.carts:
        assert time.monotonic() < deadline
        shopper.page.wait_for_timeout(20)
    return Storefront.carts[0]


def test_the_themes_snippet_brings_the_browsers_ids_to_the_webhook(shopper: Shopper) -> None:
    """Cookies, click ids and consent come through the cart's attributes to the order's copy, case kept."""
    attributes = theme(shopper, marketing=True)
    noted = [{"name": name, "value": value} for name, value in attributes.items()]
    body = json.loads(order_body(81, "t81")) | {"note_attributes": noted}
    copy = SHOPIFY.read(json.dumps(body).encode(), {}, SourceOptions(shop=SHOP), 0).copy
    assert copy.user_data["fbp"] == "fb.1.1643992155109.1110590605"
    assert copy.user_data["fbc"] == FBC
    assert copy.click_ids == {"gclid": "EAIaIQ_x", "_ga": "GA1.1.1418143823.1643992155"}
    assert copy.consent == {"marketing": True, "analytics": True, "sale_of_data": True}


def test_the_themes_snippet_carries_nothing_but_the_refusal(shopper: Shopper) -> None:
    """Who refused marketing leaves no id on the order, and the order says so."""
    attributes = theme(shopper, marketing=False)
    assert set(attributes) == {"_twofold_consent"}
    assert json.loads(attributes["_twofold_consent"]) == {"marketing": False, "analytics": True, "sale_of_data": False}
