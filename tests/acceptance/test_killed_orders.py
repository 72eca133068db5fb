"""One Purchase per real order on the real programs: killed between all arrivals, exact at the platform.

Every class of order is played once in each order of arrival, each time as an order of its own. All first steps are
sent, then the gateway is killed and started on the same folder, then all second steps, and so on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import requests
from gateway_process import Gateway, Program, gateway, sandbox_process

LONELY = "2222222222"  # here the orders never come
DATASET, KEY, SECRET = "1234567890", "key-of-the-shop", "secret-of-the-shop-0001"
SHOP = "demo.myshopify.com"
DEADLINE_S = 60
USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"
)
TOML = """
[[dataset]]
id = "{dataset}"
key = "{key}"
hold_s = {{ Purchase = 0.3 }}
[dataset.orders]
wait_s = 120
[[source]]
type = "shopify"
dataset = "{dataset}"
shop = "{shop}"
secret = "{secret}"
[[source]]
type = "stripe"
dataset = "{dataset}"
shop = "acct"
secret = "{secret}"
[[dataset]]
id = "{lonely}"
hold_s = {{ Purchase = 0.3 }}
orders.wait_s = 1
orders.unmatched = "send"
[[source]]
type = "shopify"
dataset = "{lonely}"
shop = "lonely.myshopify.com"
secret = "{secret}"
[[destination]]
platform = "meta"
dataset = "{lonely}"
endpoint = "{endpoint}"
token = "token-of-the-platform"
[[destination]]
platform = "meta"
dataset = "{dataset}"
endpoint = "{endpoint}"
token = "token-of-the-platform"
"""


class Order(NamedTuple):
    """One order of its own: ``n`` makes all its names."""

    n: int
    placed: int  # Unix s

    @property
    def id(self) -> str:
        return str(5_000_000_000_000 + self.n)

    @property
    def number(self) -> str:
        return str(1_000 + self.n)


Step = Callable[[str, Order], requests.Response]


def signed(url: str, body: dict[str, Any]) -> requests.Response:
    raw = json.dumps(body).encode()
    mac = base64.b64encode(hmac.digest(SECRET.encode(), raw, hashlib.sha256)).decode()
    headers = {"x-shopify-topic": "orders/updated", "x-shopify-hmac-sha256": mac, "x-shopify-shop-domain": SHOP}
    return requests.post(f"{url}/webhooks/shopify/{SHOP}", data=raw, headers=headers, timeout=60)


def hook(version: int, status: str = "paid", total: str = "100.00", **more: Any) -> Step:
    """A Shopify order as it stood ``version`` seconds after it was placed."""

    def send(url: str, order: Order) -> requests.Response:
        def moment(s: int) -> str:
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(order.placed + s))

        cancelled = moment(version) if more.get("cancelled") else None
        body = {
            "id": int(order.id),
            "name": f"#{order.number}",
            "order_number": int(order.number),
            "checkout_token": f"checkout-{order.n}",
            "test": more.get("test", False),
            "email": f"buyer{order.n}@example.com",
            "created_at": moment(0),
            "processed_at": moment(0),
            "updated_at": moment(version),
            "cancelled_at": cancelled,
            "currency": "EUR",
            "total_price": total,
            "current_total_price": total,
            "financial_status": status,
            "payment_gateway_names": [more.get("gateway", "shopify_payments")],
            "source_name": "web",
            "line_items": [{"id": 1, "variant_id": order.n, "quantity": 1, "price": total}],
        }
        return signed(url, body)

    return send


def browser(event_id: str = "b", name: str = "id", dataset: str = DATASET) -> Step:
    """A thank-you page's pixel, with a value of its own that must not win; ``name`` is how it knows the order."""

    def send(url: str, order: Order) -> requests.Response:
        known = {"id": order.id, "number": f"#{order.number}", "none": ""}[name]
        hit = {
            "id": dataset,
            "ev": "Purchase",
            "eid": f"{event_id}-{order.n}",
            "cd[value]": "99.00",
            "cd[currency]": "EUR",
        }
        hit |= {"ud[external_id]": hashlib.sha256(order.id.encode()).hexdigest(), "dl": "https://shop.example/thanks"}
        hit |= {"cd[order_id]": known} if known else {}
        return requests.get(f"{url}/tr/", params=hit, headers={"user-agent": USER_AGENT}, timeout=60)

    return send


def server(url: str, order: Order) -> requests.Response:
    """The shop's own server through the Conversions API, under an id of its own."""
    event = {
        "event_name": "Purchase",
        "event_time": order.placed,
        "event_id": f"s-{order.n}",
        "action_source": "website",
        "user_data": {"external_id": f"customer-{order.n}"},
        "custom_data": {"value": 98, "currency": "EUR", "order_id": order.id},
    }
    return requests.post(f"{url}/v25.0/{DATASET}/events", json={"data": [event], "access_token": KEY}, timeout=60)


B, AGAIN, BY_NUMBER, ALONE = BROWSERS = browser(), browser("b2"), browser(name="number"), browser(dataset=LONELY)
COD = "Cash on Delivery (COD)"
BANK = "Bank Deposit"
# name, steps, how many Purchases, their value, how the event id may begin: a page's word gives the id only where nobody
# else speaks, as anybody can say it; the shop's server or its webhook gives it otherwise
CLASSES: list[tuple[str, list[Step], int, str, tuple[str, ...]]] = [
    ("browser, server, shop", [B, server, hook(2)], 1, "100.00", ("s-", "purchase.")),
    ("refresh", [B, AGAIN, hook(2)], 1, "100.00", ("purchase.",)),
    ("number and id", [BY_NUMBER, hook(0, "pending"), hook(2)], 1, "100.00", ("purchase.",)),
    ("paid after pending", [B, hook(0, "pending", gateway=BANK), hook(9, gateway=BANK)], 1, "100.00", ("purchase.",)),
    ("never paid", [B, hook(0, "pending", gateway=BANK)], 0, "", ()),
    ("cash on delivery", [B, hook(0, "pending", gateway=COD)], 1, "100.00", ("purchase.",)),
    ("cancelled", [B, hook(0, "pending"), hook(9, "pending", cancelled=True)], 0, "", ()),
    ("test", [B, hook(2, test=True)], 0, "", ()),
    ("voided", [B, hook(0, "authorized"), hook(9, "voided")], 0, "", ()),
    ("edited before it was paid", [hook(0, "pending"), hook(5, "pending", "120.00"), hook(9, "paid", "130.00")], 1, "130.00", ("purchase.",)),
    ("refunded in part", [B, hook(0, "authorized"), hook(9, "partially_refunded", "70.00")], 1, "70.00", ("purchase.",)),
    ("browser alone", [ALONE], 1, "99.00", ("b-",)),
]  # fmt: skip


def plays() -> Iterator[tuple[str, list[Step], int, str, tuple[str, ...]]]:
    for name, steps, count, value, event_id in CLASSES:
        for order in itertools.permutations(steps):
            yield name, list(order), count, value, event_id


def purchases_at(sandbox: Program) -> dict[str, list[dict[str, Any]]]:
    """By the number in the event id, which is the order's.

    One event id once: a request that was under way when the gateway was killed is sent again as it was, and the
    platform knows it by its id.
    """
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in requests.get(f"{sandbox.url}/sandbox/events", params={"limit": 1000}, timeout=60).json()["events"]:
        known = found[event["event_id"].rpartition("-")[2].rpartition(".")[2]]
        if all(event["event_id"] != one["event_id"] or event["value"] != one["value"] for one in known):
            known.append(event)
    return found


def settle(g: Gateway) -> None:
    """Waits until only what waits for its order's payment is left."""
    deadline = time.monotonic() + DEADLINE_S
    while left := [r for r in g.rows("deliveries", state="waiting") if r["reason"] != "not_paid"]:
        assert time.monotonic() < deadline, [(r["reason"], r["event_id"]) for r in left]
        time.sleep(0.3)


def test_killed_between_all_arrivals(tmp_path):
    """Each real order is one Purchase with the order's value at the platform, each other one none, in every order."""
    played = [(Order(n, int(time.time()) - 120), *play) for n, play in enumerate(plays(), 1)]
    with sandbox_process() as platform:
        toml = TOML.format(dataset=DATASET, lonely=LONELY, key=KEY, shop=SHOP, secret=SECRET, endpoint=platform.url)
        with gateway(toml, tmp_path / "data") as g:
            for turn in range(3):
                for order, _name, steps, *_ in played:
                    if turn < len(steps):
                        assert steps[turn](g.url, order).status_code in (200, 204)
                g.kill()  # right after the last answer
                g.start()
            settle(g)
            left = [(r["action"], r["reason"]) for r in g.rows("deliveries", state="suppressed")]
            found = purchases_at(platform)
            assert g.stop() == 0
            assert g.run("verify").returncode == 0
    wrong = []
    for order, name, _steps, count, value, event_id in played:
        got = found.get(str(order.n), []) + found.get(order.id, [])
        values = [Decimal(str(e["value"])) for e in got]
        right = len(got) == count and all(v == Decimal(value) for v in values)
        if not right or not all(e["event_id"].startswith(event_id) for e in got):
            wrong.append((name, order.n, [(e["event_id"], e["value"]) for e in got]))

    assert not wrong, (wrong, left)
    assert sum(map(len, found.values())) == sum(count for _, _, _, count, *_ in played)
