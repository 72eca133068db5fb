"""Plays the orders over real HTTP: as browsers with a pixel and a tag, as a naive server, as the shop's webhooks, and as chats.

The same orders are reported in four ways at once, each into a dataset of its own, so that only the way of measuring
differs: the pixel alone; a server that reports every webhook; both of these without a shared id; and Twofold, where
the gateway delivers beside the pixel. Knows the wire and the mishaps; counts nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
from msgspec import Struct

from twofold.clock import Clock, now_ms
from twofold.errors import TwofoldError
from twofold.simulate.truth import CURRENCY, PRODUCTS, Blocker, Chat, Device, Line, Order, OrderKind, Product
from twofold.simulate.webhook import CREATED, PAID, Carried, delivery_headers, order_body, purchase_id

BROWSERS = 24  # orders that are under way at the same time
LOOKERS_PER_ORDER = 0.4  # visitors who look and buy nothing
TRIES = 6
FIRST_WAIT_S = 0.2
PAUSE_S = 0.15  # between a page and its refresh, and between a webhook and its repeat
PAID_AFTER_S = 0.4
CHATTED_S = 240  # so long before the order the buyer began to write
API_VERSION = "v25.0"


class Stage(Struct, frozen=True, kw_only=True):
    """Where everything is: origins without a trailing slash, the four datasets, and the shop's secret."""

    gateway: str
    sandbox: str
    shop: str  # the origin of the shop's pages
    name: str  # the shop's name in the webhook path
    secret: str
    token: str  # what the naive server presents at the sandbox
    pixel_only: str
    server_only: str
    both: str
    twofold: str
    chat: str = "chat.example"  # the chat's name in its webhook path; its secret is the shop's
    tag_path: str = "/t"


class _Visit(Struct, frozen=True, kw_only=True):
    """One browser on one day: what its cookies hold, and what may leave it."""

    ip: str
    user_agent: str
    fbp: str
    fbc: str | None
    consented: bool
    pixel: bool
    tag: bool
    landing: str


class _Happening(Struct, frozen=True, kw_only=True):
    """One call of ``fbq('track', ...)`` on a page. Each browser copy of it has the same id, or none at all."""

    name: str
    page: str
    custom: dict[str, Any]
    event_id: str
    at_ms: int


async def drive(
    orders: Sequence[Order],
    stage: Stage,
    *,
    progress: Callable[[int, int], None],
    clock: Clock = now_ms,
    seed: int = 0,
    pace: float = 1.0,
) -> None:
    """Plays every order and the visitors around them; ``progress`` gets (done, total) after each.

    ``pace`` stretches every wait of the play; 0 waits for nothing. Raises `TwofoldError` when an address does not take
    a request after some tries.
    """
    draw = random.Random(f"twofold/visitors/{seed}")
    lookers = [draw.randrange(10**17, 10**18) for _ in range(round(len(orders) * LOOKERS_PER_ORDER))]
    timeout = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=BROWSERS * 2)) as session:
        driver = _Driver(stage, session, clock, pace)
        work = [partial(driver.play, order) for order in orders]
        work += [partial(driver.look, number, draw.choice(PRODUCTS)) for number in lookers]
        await _all(work, progress)


async def _all(work: Sequence[Callable[[], Awaitable[None]]], progress: Callable[[int, int], None]) -> None:
    """Runs all, a limited number at a time; the first failure ends the others."""
    gate = asyncio.Semaphore(BROWSERS)
    done = 0

    async def one(item: Callable[[], Awaitable[None]]) -> None:
        nonlocal done
        async with gate:
            await item()
        done += 1
        progress(done, len(work))

    progress(0, len(work))
    try:
        async with asyncio.TaskGroup() as group:
            for item in work:
                group.create_task(one(item))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


class _Driver:
    def __init__(self, stage: Stage, session: aiohttp.ClientSession, clock: Clock, pace: float) -> None:
        self._stage = stage
        self._session = session
        self._clock = clock
        self._pace = pace

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._pace)

    async def look(self, browser_number: int, product: Product) -> None:
        """A visitor without an order: two pages and gone."""
        visit = _Visit(
            ip=f"198.51.100.{browser_number % 254 + 1}",
            user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
            fbp=f"fb.1.{self._clock()}.{browser_number}",
            fbc=None,
            consented=True,
            pixel=True,
            tag=True,
            landing="/",
        )
        await self._track(visit, "PageView", "/", {})
        await self._track(visit, "ViewContent", f"/products/{product.slug}", _content(product))

    async def play(self, order: Order) -> None:
        """One order: the visit, the checkout, then thank-you page and webhooks, each when its fate says."""
        if order.kind is OrderKind.TEST:  # sent from the shop's settings page: nobody visited
            await self._webhooks(order, Carried())
            return
        if order.chat is not None:
            await self._chat(order, order.chat)
            return
        if order.phone is not None:
            await self._on_the_phone(order, order.phone)
        visit = self._visit(order)
        first = order.lines[0].product
        await self._track(visit, "PageView", visit.landing, {})
        await self._track(visit, "ViewContent", f"/products/{first.slug}", _content(first))
        await self._track(visit, "AddToCart", "/cart", _content(first))
        carried = Carried(
            fbp=visit.fbp if visit.tag and visit.consented else None,
            fbc=visit.fbc if visit.tag and visit.consented else None,
            consent="granted" if order.consented else "denied",
        )
        await asyncio.gather(self._thank_you(order, visit), self._webhooks(order, carried))

    # -- the browser

    def _visit(self, order: Order) -> _Visit:
        shopper, now = order.shopper, self._clock()
        return _Visit(
            ip=shopper.ip,
            user_agent=shopper.user_agent,
            fbp=f"fb.1.{now}.{shopper.browser_number}",
            fbc=f"fb.1.{now}.{shopper.fbclid}" if shopper.fbclid else None,
            consented=order.consented,
            pixel=order.blocker is Blocker.NONE,
            tag=order.blocker is not Blocker.ALL,
            landing=f"/?fbclid={shopper.fbclid}" if shopper.fbclid else "/",
        )

    async def _thank_you(self, order: Order, visit: _Visit) -> None:
        await self._wait(order.thank_you_after_ms / 1000)
        custom = {**_basket(order.lines), "value": float(order.value), "currency": CURRENCY, "order_id": str(order.id)}
        event_id = purchase_id(self._stage.name, order.id)
        for _ in range(order.thank_you_loads):
            known = {"em": _hash(order.shopper.email)}
            await self._track(visit, "Purchase", f"/thank-you/{order.id}", custom, event_id=event_id, known=known)
            await self._wait(PAUSE_S)

    async def _track(
        self,
        visit: _Visit,
        name: str,
        page: str,
        custom: dict[str, Any],
        *,
        event_id: str | None = None,
        known: dict[str, str] | None = None,
    ) -> None:
        if not visit.consented:
            return
        event_id = event_id or str(uuid.uuid4())
        happening = _Happening(name=name, page=page, custom=custom, event_id=event_id, at_ms=self._clock())
        calls = []
        if visit.pixel:
            # Without Twofold the theme gives no id; with it the tag hands its own to the pixel.
            calls += [
                self._pixel(visit, happening, dataset, None) for dataset in (self._stage.pixel_only, self._stage.both)
            ]
            calls.append(self._pixel(visit, happening, self._stage.twofold, event_id))
        if visit.tag:
            calls.append(self._tag(visit, happening, known or {}))
        await asyncio.gather(*calls)

    async def _pixel(self, visit: _Visit, happening: _Happening, dataset: str, event_id: str | None) -> None:
        """The image request of Meta's pixel, parameters in its order."""
        query = {
            "id": dataset,
            "ev": happening.name,
            "dl": self._stage.shop + happening.page,
            "rl": "",
            "if": "false",
            "ts": str(happening.at_ms),
            **{f"cd[{key}]": _pixel_text(value) for key, value in happening.custom.items()},
            "sw": "1280",
            "sh": "800",
            "v": "2.9.0-standin",
            "fbp": visit.fbp,
        }
        if visit.fbc:
            query["fbc"] = visit.fbc
        if event_id:
            query["eid"] = event_id
        query["rqm"] = "GET"
        headers = {"User-Agent": visit.user_agent, "Referer": f"{self._stage.shop}/"}
        await self._send("GET", f"{self._stage.sandbox}/tr/", params=query, headers=headers)

    async def _tag(self, visit: _Visit, happening: _Happening, known: dict[str, str]) -> None:
        """The tag's request: JSON as text/plain, so that a browser needs no preflight."""
        event = {
            "dataset": self._stage.twofold,
            "event_name": happening.name,
            "event_id": happening.event_id,
            "event_time": happening.at_ms // 1000,
            "event_source_url": self._stage.shop + happening.page,
            "referrer_url": "" if happening.page == visit.landing else f"{self._stage.shop}/",
            "custom_data": happening.custom,
            "user_data": {**known, "fbp": visit.fbp, **({"fbc": visit.fbc} if visit.fbc else {})},
            "consent": "granted",
        }
        headers = {
            "Content-Type": "text/plain;charset=UTF-8",
            "Origin": self._stage.shop,
            "User-Agent": visit.user_agent,
            # Every driven browser connects from this machine; the demo's gateway trusts one proxy.
            "X-Forwarded-For": visit.ip,
        }
        body = json.dumps({"v": 1, "agent": "twofold-tag/1", "events": [event]}, ensure_ascii=False)
        await self._send(
            "POST", f"{self._stage.gateway}{self._stage.tag_path}/events", data=body.encode(), headers=headers
        )

    async def _on_the_phone(self, order: Order, phone: Device) -> None:
        """The click of an ad, a look, a log-in; the cart stays empty."""
        now, shopper, product = self._clock(), order.shopper, order.lines[0].product
        visit = _Visit(
            ip=phone.ip, user_agent=phone.user_agent, fbp=f"fb.1.{now}.{phone.browser_number}", fbc=f"fb.1.{now}.{phone.fbclid}",
            consented=True, pixel=True, tag=True, landing=f"/?fbclid={phone.fbclid}",
        )  # fmt: skip
        await self._track(visit, "PageView", visit.landing, {})
        await self._track(visit, "ViewContent", f"/products/{product.slug}", _content(product))
        await self._track(visit, "CompleteRegistration", "/account", {}, known={"em": _hash(shopper.email)})

    # -- the chat

    async def _chat(self, order: Order, chat: Chat) -> None:
        """The operator writes the order down, with the offer when the buyer takes it, and that it was paid. Only then does it
        count. When the buyer first wrote is the same in all that is told."""
        began = self._clock() - CHATTED_S * 1_000
        asked, sold = (chat.asked_for, chat.asked_value), (order.lines, order.value)
        steps = [("placed", *asked), ("placed", *sold), ("paid", *sold)]
        for status, lines, value in steps if order.cross_sold else (steps[0], steps[2]):
            await self._to_chat(self._chat_body(order, chat, began, status, lines, value))
            await self._wait(PAUSE_S)

    def _chat_body(
        self, order: Order, chat: Chat, began: int, status: str, lines: Sequence[Line], value: Decimal
    ) -> dict[str, Any]:
        shopper, now = order.shopper, self._clock()
        told = [{"id": one.product.id, "quantity": one.quantity, "price": str(one.product.price)} for one in lines]
        return {
            "conversation": f"c-{order.number}", "channel": "whatsapp", "at": _told_time(now),
            "first_message_at": _told_time(began), "step": "Purchase",
            "whatsapp_business_account_id": chat.account, "ctwa_clid": chat.click, "phone": shopper.phone, "email": shopper.email,
            "name": f"{shopper.first_name} {shopper.last_name}", "country": shopper.country, "consent": "granted",
            "order": {"id": order.name, "amount": str(value), "currency": CURRENCY, "status": status, "method": "card", "lines": told},
        }  # fmt: skip

    async def _to_chat(self, told: dict[str, Any]) -> None:
        """As a chat tool sends it: the time and the body are signed."""
        body, at = json.dumps(told, ensure_ascii=False).encode(), str(self._clock() // 1000)
        code = hmac.new(self._stage.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Twofold-Signature": f"t={at},v1={code}"}
        await self._send("POST", f"{self._stage.gateway}/webhooks/chat/{self._stage.chat}", data=body, headers=headers)

    # -- the servers

    async def _webhooks(self, order: Order, carried: Carried) -> None:
        """The shop system's deliveries; the naive server reports each of them as well."""
        created_ms = self._clock()
        await self._wait(order.webhook_after_ms / 1000)
        for topic in (CREATED, PAID) if order.paid_webhook else (CREATED,):
            body = order_body(
                order, carried, shop=self._stage.name, created_ms=created_ms, domain="shop.example", topic=topic
            )
            headers = delivery_headers(body, order, topic=topic, shop=self._stage.name, secret=self._stage.secret)
            url = f"{self._stage.gateway}/webhooks/shopify/{self._stage.name}"
            for _ in range(order.webhook_times):
                await asyncio.gather(
                    self._send("POST", url, data=body, headers=headers), self._naive(order, created_ms)
                )
                await self._wait(PAUSE_S)
            await self._wait(PAID_AFTER_S if order.paid_webhook and topic == CREATED else 0)

    async def _naive(self, order: Order, created_ms: int) -> None:
        """What a plug-in does that sends a Purchase for every webhook: a new id each time, consent not asked."""
        for dataset in (self._stage.server_only, self._stage.both):
            event = {
                "event_name": "Purchase",
                "event_time": created_ms // 1000,
                "event_id": str(uuid.uuid4()),
                "action_source": "website",
                "event_source_url": "https://shop.example/",
                "user_data": {"em": [_hash(order.shopper.email)], "client_user_agent": order.shopper.user_agent},
                "custom_data": {**_basket(order.lines), "value": float(order.value), "currency": CURRENCY},
            }
            url = f"{self._stage.sandbox}/{API_VERSION}/{dataset}/events"
            await self._send("POST", url, json={"data": [event], "access_token": self._stage.token})

    async def _send(self, method: str, url: str, **request: Any) -> None:
        """Sends until it is taken, as every one of these senders does. A 4xx is a fault of this file, so it is raised."""
        said = "nothing"
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(FIRST_WAIT_S * 2 ** (attempt - 1))
            try:
                async with self._session.request(method, url, **request) as answer:
                    if answer.ok:
                        await answer.read()
                        return
                    said = f"{answer.status} {(await answer.text())[:300]}"
                    if answer.status < 500 and answer.status != 429:
                        break
            except (aiohttp.ClientError, TimeoutError) as err:
                said = type(err).__name__
        raise TwofoldError(f"{method} {url}: expected success, got {said}; look at the program behind this address")


def _told_time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _content(product: Product) -> dict[str, Any]:
    return {"content_ids": [product.id], "content_type": "product", "value": float(product.price), "currency": CURRENCY}


def _basket(lines: Sequence[Line]) -> dict[str, Any]:
    contents = [
        {"id": line.product.id, "quantity": line.quantity, "item_price": float(line.product.price)} for line in lines
    ]
    return {"contents": contents, "content_type": "product", "num_items": sum(line.quantity for line in lines)}


def _hash(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def _pixel_text(value: object) -> str:
    """Objects and lists as JSON, everything else as JavaScript would print it."""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else str(value)
