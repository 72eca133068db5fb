"""An order's webhook without a browser, after a real visit: what reaches the platform is the visit's, or nobody's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from gateway_process import Gateway, Program, gateway, sandbox_process
from playwright.sync_api import Browser, BrowserContext

from tests.storefront import Pages, chromium_at, standing

pytestmark = pytest.mark.browser
DATASET, OTHER = "1234567890", "2222222222"
SECRET = "hush-0123456789abcdef"
PATIENCE_S = 60
BROWSER_KEYS = {"fbc", "fbp", "client_ip_address", "client_user_agent"}
TOML = "".join(
    f"""
[[dataset]]
id = "{dataset}"
hold_s = {{ Purchase = 0.2 }}
[[destination]]
platform = "meta"
dataset = "{dataset}"
endpoint = "ENDPOINT"
token = "token-of-the-platform"
[[source]]
type = "shopify"
dataset = "{dataset}"
shop = "{shop}"
secret = "{SECRET}"
"""
    for dataset, shop in ((DATASET, "first"), (OTHER, "second"))
)
PAGE = """<!doctype html><title>Shop</title>
<script src="{tag}"></script>
<script>
const asked = new URLSearchParams(location.search);
if (asked.get('cart')) document.cookie = 'cart=' + asked.get('cart') + '; path=/';
if (asked.get('link')) twofold.links = [asked.get('link')];
fbq('init', '{dataset}', asked.get('who') ? {{ em: asked.get('who') + '@mail.example' }} : undefined);
fbq('track', 'PageView', {{}}, {{ eventID: asked.get('id') }});
</script>"""


class Shop(NamedTuple):
    """The shop's pages, its gateway, and what stands for Meta."""

    address: str
    gateway: Gateway
    sandbox: Program
    browser: Browser

    def visitor(self) -> BrowserContext:
        return self.browser.new_context()

    def visit(self, visitor: BrowserContext, event_id: str, **asked: str) -> None:
        """Opens a page; returns when its event is journalled."""
        page = visitor.new_page()
        query = "&".join(f"{name}={value}" for name, value in {"id": event_id, **asked}.items())
        page.goto(f"{self.address}/?{query}")
        self.until(lambda: self.gateway.rows("events", id=event_id))
        page.close()

    def order(self, number: int, *, shop: str = "first", minutes_ago: int = 0, **facts: Any) -> None:
        """The shop's signed webhook: an order of its web shop that knows no browser."""
        at = datetime.fromtimestamp(time.time() - 60 * minutes_ago, UTC).isoformat(timespec="seconds")
        body = json.dumps({
            "id": number, "name": f"#{number}", "order_number": number, "created_at": at, "processed_at": at,
            "updated_at": at, "currency": "EUR", "total_price": "42.50", "financial_status": "paid",
            "source_name": "web", "test": False, "cancelled_at": None, "browser_ip": None, "client_details": None,
            "customer": {"id": 900_000 + number, "first_name": "Mary", "last_name": "Smith"},
            "line_items": [{"variant_id": 111, "quantity": 1, "price": "42.50"}], **facts,
        }).encode()  # fmt: skip
        signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
        headers = {
            "content-type": "application/json", "x-shopify-topic": "orders/create",
            "x-shopify-hmac-sha256": signature, "x-shopify-shop-domain": f"{shop}.myshopify.com",
        }  # fmt: skip
        answer = requests.post(f"{self.gateway.url}/webhooks/shopify/{shop}", body, headers=headers, timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text

    def received(self, number: int) -> dict[str, Any]:
        """The user data of the order's Purchase, as it reached the platform."""

        def look() -> list[dict[str, Any]]:
            found = requests.get(f"{self.sandbox.url}/sandbox/events", timeout=PATIENCE_S).json()["events"]
            events = [e["event"] for e in found if e["event_name"] == "Purchase"]
            return [e for e in events if e["custom_data"].get("order_id") == str(number)]

        user: dict[str, Any] = self.until(look)[0]["user_data"]
        return user

    def until(self, look: Callable[[], list[Any]]) -> list[Any]:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := look()):
            assert time.monotonic() < deadline, f"nothing after {PATIENCE_S} s\n{self.gateway.output()}"
            time.sleep(0.1)
        return found


class _Pages(Pages):
    tag = ""

    def do_GET(self) -> None:
        self.give(PAGE.format(tag=self.tag, dataset=DATASET).encode())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    data: Path = tmp_path_factory.mktemp("stitching") / "data"
    with (
        standing(_Pages) as address,
        sandbox_process() as receiver,
        gateway(TOML.replace("ENDPOINT", receiver.url), data) as sender,
    ):
        _Pages.tag = f"http://collect.example:{sender.port}/t/twofold.js"
        with chromium_at(address) as browser:
            yield Shop(address, sender, receiver, browser)
        assert sender.run("verify").returncode == 0


def cookies(visitor: BrowserContext) -> dict[str, str]:
    return {c["name"]: c["value"] for c in visitor.cookies()}


def test_an_order_without_a_browser_gets_the_visit_that_made_it(shop: Shop) -> None:
    """Landing by an advertisement, a cart, an order: delivered with the click as first seen, the browser's id, address
    and agent; `twofold stitching` says from where."""
    visitor = shop.visitor()
    shop.visit(visitor, "landing", fbclid="IwAR0-Ab_C", gclid="Cj0-x")
    first = cookies(visitor)
    shop.visit(visitor, "cart", cart="Z2NwLWV1cm9wZS0x%3Fkey%3Dsecret")
    shop.order(1001, cart_token="Z2NwLWV1cm9wZS0x", checkout_token="0f" * 16)
    user = shop.received(1001)
    assert user.keys() >= BROWSER_KEYS
    assert user["fbc"] == first["_fbc"]
    assert user["fbc"].endswith(".IwAR0-Ab_C")
    assert user["fbp"] == first["_fbp"]
    assert user["client_ip_address"] == "127.0.0.1"
    assert "Chrome" in user["client_user_agent"]
    done = shop.gateway.run("stitching", "--json", "--dataset", DATASET)
    (row,) = [r for r in map(json.loads, done.stdout.splitlines()) if r.get("event_name") == "Purchase"]
    assert row["by"].get("cart", 0) >= 1
    assert row["taken"]["fbc"] >= 1
    assert float(row["keys_after"]) > float(row["keys_before"])
    visitor.close()


def cart_of_another_dataset(shop: Shop) -> None:
    shop.visit(shop.visitor(), "n1", fbclid="Foreign", cart="cart-of-the-first-dataset")
    shop.order(2001, shop="second", cart_token="cart-of-the-first-dataset")


def denied(shop: Shop) -> None:
    visitor = shop.visitor()
    shop.visit(visitor, "n2", fbclid="Denied", cart="cart-of-one-who-denied")
    said = {"dataset": DATASET, "event_name": "PageView", "event_id": "n2-no", "event_time": int(time.time()),
            "consent": "denied", "user_data": {"fbp": cookies(visitor)["_fbp"]}}  # fmt: skip
    answer = requests.post(f"{shop.gateway.url}/t/events", json={"events": [said]}, timeout=PATIENCE_S)
    assert answer.status_code == 200
    shop.order(2002, cart_token="cart-of-one-who-denied")


def shared_device(shop: Shop) -> None:
    visitor = shop.visitor()
    shop.visit(visitor, "n3a", fbclid="Shared", who="anna")
    shop.visit(visitor, "n3b", who="ben")
    shop.order(2003, email="anna@mail.example")


def shared_email(shop: Shop) -> None:
    for n in ("a", "b"):
        shop.visit(shop.visitor(), f"n4{n}", fbclid=f"Click{n}", who="family")
    shop.order(2004, email="family@mail.example")


def visit_after_the_order(shop: Shop) -> None:
    shop.visit(shop.visitor(), "n5", fbclid="Later", cart="cart-that-was-ordered")
    shop.order(2005, cart_token="cart-that-was-ordered", minutes_ago=20)


def two_claim_one_checkout(shop: Shop) -> None:
    for n in ("a", "b"):
        shop.visit(shop.visitor(), f"n6{n}", fbclid=f"Claim{n}", link="checkout:" + "ab" * 16)
    shop.order(2006, checkout_token="ab" * 16)


NEGATIVE = [
    ("of another dataset", cart_of_another_dataset, 2001),
    ("after consent was denied", denied, 2002),
    ("on a shared device", shared_device, 2003),
    ("with a shared e-mail", shared_email, 2004),
    ("before the visit", visit_after_the_order, 2005),
    ("claimed by two browsers", two_claim_one_checkout, 2006),
]


@pytest.mark.parametrize(("happens", "number"), [r[1:] for r in NEGATIVE], ids=[r[0] for r in NEGATIVE])
def test_an_order_gets_nobody_elses_visit(happens: Callable[[Shop], None], number: int, shop: Shop) -> None:
    """The Purchase arrives with the keys of the order alone."""
    happens(shop)
    user = shop.received(number)
    assert not BROWSER_KEYS & user.keys()
    assert user.keys() >= {"fn", "ln"}


def test_one_person_on_one_device_is_found_by_e_mail(shop: Shop) -> None:
    """The positive side of the shared ones: one browser, one e-mail, and an order that knows nothing else."""
    visitor = shop.visitor()
    shop.visit(visitor, "p1", fbclid="ByMail", who="clara")
    shop.order(3001, email="Clara@mail.example")
    user = shop.received(3001)
    assert user["fbp"] == cookies(visitor)["_fbp"]
    assert user["fbc"].endswith(".ByMail")
