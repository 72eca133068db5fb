"""No contact value in the clear: after every door has taken good and bad requests, the disk, the log, the answers
and what was delivered are searched byte by byte."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import string
import time
from urllib.parse import quote, quote_plus

import pytest
import requests

from tests.acceptance.gateway_process import gateway
from tests.disk import readable
from tests.fakes.graph import in_thread

DATASET, KEY, SECRET, SHOP = "1234567890", "key-Gq7pZr2mXw9", "secret-Vb4nKc8tLd3f", "demo.myshopify.com"
TOML = """
[server]
window_days = 8
status_token = "token-of-the-operator"
[[dataset]]
id = "{dataset}"
key = "{key}"
country = "US"
hold_s = {{ Purchase = 0 }}
orders = {{ wait_s = 0 }}  # most of these purchases are no order of the shop; waiting for one would only delay the search
[[destination]]
platform = "meta"
dataset = "{dataset}"
endpoint = "{endpoint}"
token = "token-Ys6jHf1qWe5u"
[[source]]
type = "shopify"
dataset = "{dataset}"
shop = "{shop}"
secret = "{secret}"
"""
DEADLINE_S = 60
SHOPPERS = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
PEOPLE = 12


class Person:
    """Made up, with values so odd that they stand in no file by accident."""

    def __init__(self, chance: random.Random) -> None:
        def word(length: int = 9) -> str:
            return "".join(chance.choices(string.ascii_lowercase, k=length))

        self.first, self.last, self.street, self.customer = word(), word(), word(12), f"cust-{word()}"
        self.city = f"{word()} {word()}"
        self.email = f"{word()}.{word()}@{word()}.example"
        self.phone = f"+1650{chance.randrange(2_000_000, 9_999_999)}"
        self.born = f"19{chance.randrange(50, 99)}-{chance.randrange(10, 13)}-{chance.randrange(10, 28)}"
        self.plain = (
            self.first, self.last, self.street, self.customer, self.city, *self.city.split(), self.email,
            *self.email.partition("@")[0].split("."), self.phone, self.phone[1:], self.phone[2:],
        )  # fmt: skip

    @property
    def user_data(self) -> dict:
        return {
            "em": self.email.upper(), "ph": [self.phone], "fn": self.first.title(), "ln": self.last, "ct": self.city,
            "db": self.born, "external_id": self.customer, "client_ip_address": "203.0.113.9",
            "client_user_agent": "Mozilla/5.0", "shipping_street": self.street, self.email: "x",
        }  # fmt: skip

    @property
    def url(self) -> str:
        return f"https://shop.example/thanks?e={quote(self.email)}&phone={quote(self.phone)}#{self.first}"

    def hashes(self) -> list[str]:
        return [hashlib.sha256(t.encode()).hexdigest() for t in (self.email, self.phone[1:])]


def event(p: Person, n: int, **changes) -> dict:
    return {
        "event_name": "Purchase", "event_time": int(time.time()), "event_id": f"e{n}", "action_source": "website",
        "event_source_url": p.url, "referrer_url": p.url, "user_data": p.user_data,
        "custom_data": {
            "value": 42.5, "currency": "EUR", "note": f"call {p.email}", "customer_name": f"{p.first} {p.last}",
            "address": {"street": p.street}, p.email: 1, "order_id": f"order for {p.email}",
        },
        p.email: "an unknown field",
    } | changes  # fmt: skip


def order(p: Person, n: int) -> dict:
    address = {
        "first_name": p.first,
        "last_name": p.last,
        "phone": p.phone,
        "city": p.city,
        "address1": p.street,
        "country_code": "US",
    }
    return {
        "id": 9_000_000 + n, "name": f"#{n}", "test": False, "email": p.email, "phone": p.phone, "currency": "EUR",
        "total_price": "42.50", "created_at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        "financial_status": "paid", "source_name": "web", "landing_site": f"/?email={p.email}", "browser_ip": "203.0.113.9",
        "customer": {"id": n, "email": p.email, "first_name": p.first, "last_name": p.last, "phone": p.phone},
        "billing_address": address, "shipping_address": address, "note": f"for {p.first}",
        "note_attributes": [{"name": "greeting", "value": p.email}],
        "line_items": [{"variant_id": 1, "product_id": 1, "sku": "MUG", "quantity": 1, "price": "42.50", "title": p.first}],
    }  # fmt: skip


def good_requests(http: requests.Session, url: str, p: Person, n: int) -> list[requests.Response]:
    """One valid copy through each door; each must be taken."""
    capi = f"{url}/v25.0/{DATASET}/events"
    body = {"data": [event(p, n)], "access_token": KEY}
    form = {"data": json.dumps([json.dumps(event(p, n, event_id=f"f{n}"))]), "access_token": KEY}
    hit = {
        "id": DATASET, "ev": "Purchase", "eid": f"t{n}", "dl": p.url, "rl": p.url, "ts": str(int(time.time() * 1000)),
        "cd[value]": "42.5", "cd[currency]": "EUR", "cd[email]": p.email, "ud[em]": p.email, "ud[ph]": p.phone,
        "udff[fn]": p.first, "v": "2.9.178",
    }  # fmt: skip
    tag = {"dataset": DATASET, **event(p, n, event_id=f"g{n}")}
    raw = json.dumps(order(p, n)).encode()
    return [
        http.post(capi, json=body, timeout=60),
        http.post(capi, data=form, timeout=60),
        http.get(f"{url}/tr/", params=hit, timeout=60),
        http.post(f"{url}/tr/", data=hit | {"eid": f"p{n}"}, timeout=60),
        http.post(f"{url}/t/events", data=json.dumps({"events": [tag]}), headers={"Origin": "https://shop.example"}, timeout=60),
        http.post(f"{url}/webhooks/shopify/{SHOP}", data=raw, headers=signed(raw), timeout=60),
    ]  # fmt: skip


def signed(raw: bytes, secret: str = SECRET) -> dict[str, str]:
    mac = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
    return {
        "X-Shopify-Hmac-Sha256": mac, "X-Shopify-Topic": "orders/create", "X-Shopify-Shop-Domain": SHOP,
        "Content-Type": "application/json",
    }  # fmt: skip


def bad_requests(http: requests.Session, url: str, p: Person, n: int) -> list[requests.Response]:
    """Everything that is refused and kept: the body, one event of it, the address, the signature, the key."""
    got = []

    def post(path: str, **what) -> None:
        got.append(http.post(f"{url}{path}", timeout=60, **what))

    def get(path: str, **what) -> None:
        got.append(http.get(f"{url}{path}", timeout=60, **what))

    capi = f"/v25.0/{DATASET}/events"
    whole = json.dumps({"data": [event(p, n)], "access_token": KEY})
    broken = [
        event(p, n, custom_data={"value": 1, "note": p.email}),
        event(p, n, event_time=p.email),
        event(p, n, action_source=p.email),
        event(p, n, event_name=f"Hello {p.email}, your name does not fit into fifty characters"),
        event(p, n, event_id=[p.email]),
        event(p, n, user_data={"em": "ab" * 20, "fn": p.first}),
        event(p, n, user_data=p.email),
        event(p, n, custom_data={"value": 1, "currency": p.first}),
        event(p, n, **{p.email: {p.email: "x\0"}}),
        p.email,
        [p.email],
    ]
    for item in broken:
        post(capi, json={"data": [item], "access_token": KEY})
    for body in (whole[:-1], whole.replace("{", "[", 1), f'{{"{p.email}":1,"{p.email}":2}}', whole.encode("utf-16")):
        post(capi, data=body)
    post("/v25.0/999/events", data=whole)
    post(capi, json={"data": [event(p, n)], "access_token": f"wrong-{p.email}"})
    get("/tr/", params={"id": p.email, "ev": p.first, "ud[em]": p.email})
    get("/tr/", params={"id": DATASET, "ev": "x" * 60 + p.first, "ud[em]": p.email, "dl": p.url})
    post("/t/events", data=f"email={p.email}")
    post("/t/events", json={"events": [{"dataset": p.email, **event(p, n)}]})
    raw = json.dumps(order(p, n)).encode()
    post(f"/webhooks/shopify/{SHOP}", data=raw, headers=signed(raw, "another-secret-of-16"))
    post(f"/webhooks/shopify/{SHOP}", data=raw[:-2], headers=signed(raw[:-2]))
    get(f"/{p.email}")
    return got


def written(text: str) -> set[bytes]:
    """The ways one value can stand in a file."""
    forms = {text, quote(text), quote_plus(text), quote(quote(text)), json.dumps(text)[1:-1], text[::-1]}
    found = {form.encode() for form in forms} | {text.encode("utf-16-le"), base64.b64encode(text.encode())[:-3]}
    return {f.lower() for f in found}


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory):
    """(people, {where: bytes}) once everything was sent and delivered and the gateway was killed."""
    chance = random.Random(20260921)
    people = [Person(chance) for _ in range(PEOPLE)]
    folder = tmp_path_factory.mktemp("clear")
    with in_thread() as graph, requests.Session() as http:
        http.headers["User-Agent"] = SHOPPERS  # a robot's events would not be delivered, and not be searched
        toml = TOML.format(dataset=DATASET, key=KEY, secret=SECRET, shop=SHOP, endpoint=graph.url)
        with gateway(toml, folder / "data") as g:
            answers = []
            for n, p in enumerate(people):
                done = good_requests(http, g.url, p, n)
                assert [r.status_code for r in done] == [200] * 6, [r.text for r in done]
                answers += done
                answers += bad_requests(http, g.url, p, n)
            deadline = time.monotonic() + DEADLINE_S
            while any(row["state"] == "waiting" for row in g.rows("deliveries")):
                assert time.monotonic() < deadline, "not delivered"
                time.sleep(0.1)
            listed = "".join(g.run(kind, "--json", "--limit", "0").stdout for kind in ("events", "actions", "refused"))
            metrics = http.get(
                f"{g.url}/metrics", headers={"Authorization": "Bearer token-of-the-operator"}, timeout=60
            ).content
            g.kill()  # so that the write-ahead log stays as it is
            places = {f"data/{name}": content for name, content in readable(g.data).items()}
            places |= {
                "the log": g.output().encode(),
                "the answers": b"".join(r.content for r in answers),
                "the lists": listed.encode(),
                "the metrics": metrics,
                "what was delivered": b"".join(r.body for r in graph.requests),
            }
    return people, places


def test_the_data_was_there(aftermath):
    """The hashes are on the disk and left for the platform, and refused bodies were kept: the search is not in vain."""
    people, places = aftermath
    disk = b"".join(content for name, content in places.items() if name.startswith("data/"))
    for p in people:
        for value in p.hashes():
            assert value.encode() in disk
            assert value.encode() in places["what was delivered"]
    assert b"missing_currency" in disk
    assert b"bad_signature" in disk


def test_nothing_stands_in_the_clear(aftermath):
    """No e-mail address, phone number, name, street, city or customer number, in any spelling a file might have."""
    people, places = aftermath
    found = [
        (name, value, form)
        for name, content in places.items()
        for lower in [content.lower()]
        for p in people
        for value in p.plain
        for form in written(value)
        if form in lower
    ]
    assert found == []


def test_no_secret_stands_anywhere(aftermath):
    """Neither the senders' key nor the webhook's secret is written down; the platform's token goes only to it."""
    _people, places = aftermath
    for name, content in places.items():
        assert KEY.encode() not in content, name
        assert SECRET.encode() not in content, name
        assert name == "what was delivered" or b"token-Ys6jHf1qWe5u" not in content, name
