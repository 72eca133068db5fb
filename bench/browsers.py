"""(k) What a page view costs at the doors of browsers, and what the record of touches adds to it.

Two questions. Accepts over HTTP of the tag's endpoint and of the pixel's, against the null handler on the same server. And the
processor time of one page view from its request to the rows of its transaction, with signs of visits against without: a
shop's mix, one landing page of a campaign and four pages inside the visit, each visit a browser of its own.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import statistics
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from bench import Row, sized
from bench.accepts import ROUNDS, gateway, load, null_server
from bench.purchase import BROWSER, purchase, view
from tests.sources.shopify_bodies import ORDER, SHOP
from twofold.collect.doors import capi, image, tag
from twofold.collect.doors.browsers import Browsers
from twofold.collect.doors.capi import CapiDoor
from twofold.collect.doors.image import ImageDoor
from twofold.collect.doors.tag import TagDoor
from twofold.collect.doors.webhooks import WebhookDoor, Webhooks
from twofold.collect.doors.work import Work
from twofold.collect.messages import Request
from twofold.collect.metrics import CollectMetrics
from twofold.collect.policy import DatasetPolicy, TrustRules
from twofold.destinations import BY_PLATFORM
from twofold.destinations.terms import hash_rules_of
from twofold.matching.other_forms import wanted_forms
from twofold.sources.contract import SourceOptions
from twofold.sources.shopify import SHOPIFY
from twofold.store.opened.routes import Route
from twofold.store.store import Store

PAGES = 5  # of one visit
TOGETHER = 50  # views in one transaction, as under load
VIEWS = sized(4_000, 100)  # of one round
HOOK, SECRET = "/hooks/shop", "hook-secret"
AGENT = BROWSER["client_user_agent"]
TAIL = "utm_source=facebook&utm_medium=paid_social&utm_campaign=Spring&utm_id=120210000000000001&utm_term=120210000000000002"


def bench_browsers() -> list[Row]:
    """Rounds of all in turn, compared within each."""
    got: dict[str, list[float]] = {"null": [], "tag": [], "pixel": []}
    for _ in range(ROUNDS):
        with null_server() as url:
            got["null"].append(load(url, "view"))
        for kind in ("tag", "pixel"):
            with gateway() as (url, _):
                got[kind].append(load(url, kind))

    def ratio(ours: str) -> float:
        return statistics.median(a / b for a, b in zip(got[ours], got["null"], strict=True))

    return [
        Row(name="(k) durable accepts of the tag, one page view a request, against a null handler", ratio=ratio("tag"), target=0.15,
            detail="64 connections, a page view with its page, referrer and browser's id"),
        Row(name="(k) the same of the genuine pixel's address", ratio=ratio("pixel"), target=0.15),
        Row(name="(k) processor time of a page view by the tag, with touches against without", ratio=_cost(by_tag), target=1.10,
            at_most=True, detail=f"visits of {PAGES} pages, {TOGETHER} views in one transaction"),
        Row(name="(k) the same by the pixel", ratio=_cost(by_pixel), target=1.10, at_most=True),
        Row(name="(k) the same of a server's Purchase", ratio=_cost(by_server), target=1.03, at_most=True,
            detail="one comparison a copy"),
    ]  # fmt: skip


def _cost(requests: Callable[[int, int], list[Request]]) -> float:
    """The median of rounds in turn, best of three each: noise only ever adds."""
    ratios = []
    for n in range(ROUNDS):
        with_signs = min(seconds_of(requests(n * 10 + k, VIEWS)) for k in range(3))
        without = min(without_signs(requests(n * 10 + k + 5, VIEWS)) for k in range(3))
        ratios.append(with_signs / without)
    return statistics.median(ratios)


Around = Callable[[], AbstractContextManager[None]]
"""What is entered for as long as is measured."""


def seconds_of(requests: list[Request], around: Around = nullcontext, platforms: tuple[str, ...] = ("meta",)) -> float:
    """Processor time from a request to the last one's row; the first `TOGETHER` are not measured, so that all is read and known."""
    return asyncio.run(_accept(requests, around, platforms))


def without_signs(requests: list[Request], around: Around = nullcontext) -> float:
    """The same, at doors that read no signs of visits."""
    doors: tuple[Any, ...] = (tag, image, capi)
    kept = [door.sign_of for door in doors]
    for door in doors:
        door.sign_of = lambda *_: None
    try:
        return seconds_of(requests, around)
    finally:
        for door, sign_of in zip(doors, kept, strict=True):
            door.sign_of = sign_of


async def _accept(requests: list[Request], around: Around, platforms: tuple[str, ...]) -> float:
    def clock() -> int:
        return int(time.time() * 1000)

    forms = wanted_forms(hash_rules_of(BY_PLATFORM[platform] for platform in platforms))
    policies = {"1": DatasetPolicy(id="1", trust=TrustRules(rate=0), key=None, forms=forms)}
    browsers = Browsers(policies, CollectMetrics(CollectorRegistry()), clock, 0)
    doors: dict[str, Any] = {
        "/t/events": TagDoor(browsers, strict=False),
        "/tr/": ImageDoor(browsers),
        "/1/events": CapiDoor(_keyed(policies), clock, strict=False),
    }
    hook = WebhookDoor(source=SHOPIFY, dataset="1", secrets=(SECRET,), options=SourceOptions(shop=SHOP))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "data", routes={"1": Route(destinations=platforms)}, opened_at=clock())
        store.start()
        doors[HOOK] = Webhooks({HOOK: hook}, policies, clock, store.ring)
        await _take(requests[:TOGETHER], doors, store)
        gc.collect()
        with around():
            started = time.process_time()
            for at in range(TOGETHER, len(requests), TOGETHER):
                await _take(requests[at : at + TOGETHER], doors, store)
            spent = time.process_time() - started
        await store.close()
    return spent


async def _take(requests: list[Request], doors: dict[str, Any], store: Store) -> None:
    """All of them in one transaction."""
    futures = []
    for request in requests:
        door = doors[request.path]
        work = door.take(request) if request.method == "POST" else door.greet(request)
        assert isinstance(work, Work), work
        futures.append(store.append(work.events, work.rows, work.orders, work.signs))
    await asyncio.gather(*futures)


def _keyed(policies: dict[str, DatasetPolicy]) -> dict[str, DatasetPolicy]:
    from twofold.collect.access import key_digest

    return {name: msgspec.structs.replace(p, key=key_digest("key")) for name, p in policies.items()}


def _views(seed: int, count: int) -> list[tuple[str, str, str, str]]:
    """(event id, browser, page, referrer) of visits in turn."""
    found = []
    for n in range(count):
        visit, page = seed * VIEWS + n // PAGES, n % PAGES
        if page == 0:
            url, referrer = (
                f"https://shop.example/p/{visit % 50}?{TAIL}&fbclid=IwAR{visit:040}",
                "https://l.facebook.com/",
            )
        else:
            url, referrer = f"https://shop.example/p/{(visit + page) % 50}?variant={page}", "https://shop.example/p/1"
        found.append((f"{seed}-{n}", f"fb.1.1790000000000.{10**9 + visit}", url, referrer))
    return found


def by_tag(seed: int, count: int) -> list[Request]:
    now = int(time.time())
    return [
        _request("POST", "/t/events", body=msgspec.json.encode({"events": [{
            "dataset": "1", "event_name": "PageView", "event_id": number, "event_time": now, "event_source_url": url,
            "referrer_url": referrer, "user_data": {"fbp": fbp}, "custom_data": {},
        }]}))
        for number, fbp, url, referrer in _views(seed, count)
    ]  # fmt: skip


def by_pixel(seed: int, count: int) -> list[Request]:
    from urllib.parse import urlencode

    now = int(time.time() * 1000)
    return [
        _request("GET", "/tr/", query=urlencode(
            {"id": "1", "ev": "PageView", "dl": url, "rl": referrer, "ts": now, "eid": number, "fbp": fbp, "v": "2.9.178"}
        ))
        for number, fbp, url, referrer in _views(seed, count)
    ]  # fmt: skip


def by_view(seed: int, count: int) -> list[Request]:
    """A server's copies of product pages, without contact data."""
    return [
        _request("POST", "/1/events", query="access_token=key", body=msgspec.json.encode({"data": [view(f"{seed}-{n}")]}))
        for n in range(count)
    ]  # fmt: skip


def by_server(seed: int, count: int) -> list[Request]:
    return [
        _request("POST", "/1/events", query="access_token=key", body=msgspec.json.encode({"data": [purchase(f"{seed}-{n}")]}))
        for n in range(count)
    ]  # fmt: skip


def by_webhook(seed: int, count: int) -> list[Request]:
    """Paid orders of a shop on Shopify, signed."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    times = {"created_at": now, "processed_at": now, "updated_at": now}
    return [_signed({**ORDER, **times, "id": seed * 10**6 + n, "name": f"#{n}", "order_number": n,
                     "cart_token": f"c1-{n:032}", "checkout_token": f"{n:032x}", "email": f"buyer{n}@example.com"})
            for n in range(count)]  # fmt: skip


def _signed(order: dict[str, Any]) -> Request:
    body = msgspec.json.encode(order)
    told = {"x-shopify-topic": "orders/paid", "x-shopify-shop-domain": SHOP, "x-shopify-hmac-sha256": signature(body)}
    headers = [(name.encode(), value.encode()) for name, value in told.items()]
    return Request("POST", HOOK, b"", headers, "203.0.113.8", body)


def signature(body: bytes) -> str:
    return b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()


def _request(method: str, path: str, *, query: str = "", body: bytes = b"") -> Request:
    headers = [(b"user-agent", AGENT.encode()), (b"content-type", b"application/json")]
    return Request(method, path, query.encode(), headers, "203.0.113.7", body)
