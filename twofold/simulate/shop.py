"""A small shop that a person can click through: product, cart, checkout, thank-you page, consent banner.

Its pages call plain ``fbq(...)`` as any shop's theme would; the gateway's tag and a stand-in for Meta's pixel both
listen. After a checkout the shop system delivers a signed order webhook, like the real one. Everything is in memory,
nothing is paid, and no contact data is written down.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import uvicorn
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from twofold.clock import Clock, now_ms
from twofold.event.click_ids import fbclid_of
from twofold.simulate.truth import CURRENCY, FIRST_ORDER_ID, PRODUCTS, Line, Order, Product, Shopper, total
from twofold.simulate.webhook import CREATED, Carried, delivery_headers, order_body, purchase_id

log = logging.getLogger("twofold.shop")

HERE = Path(__file__).parent
MAX_QUANTITY = 9
MAX_VISITORS = 10_000
WEBHOOK_TRIES = 6
_BY_SLUG: dict[str, Product] = {product.slug: product for product in PRODUCTS}
# The driver's orders come before these; a person's own never collide with them.
_FIRST_OWN_ID = FIRST_ORDER_ID + 1_000_000
_FIRST_OWN_NUMBER = 5001


class ShopSettings(Struct, frozen=True, kw_only=True):
    """Where the shop's scripts and webhooks go. Addresses are origins without a trailing slash."""

    gateway: str
    sandbox: str
    dataset: str
    name: str  # the shop's name in the webhook path, e.g. demo.myshopify.com
    secret: str
    hints: tuple[str, ...] = ()  # command lines the last page shows
    webhook_after_s: float = 1.0


class _Visitor(Struct):
    """One browser session."""

    cart: dict[str, int]  # slug -> pieces
    landing: str | None = None  # first address of the session
    added: str = ""  # what went into the cart and was not told yet: a page that is loaded again adds nothing
    orders: dict[int, Order] = {}


class Shop:
    """The shop's memory and pages. ``app`` is the ASGI application."""

    def __init__(self, settings: ShopSettings, *, clock: Clock = now_ms) -> None:
        self._settings = settings
        self._clock = clock
        self._visitors: dict[str, _Visitor] = {}
        self._made = 0
        self._deliveries: set[asyncio.Task[None]] = set()
        self._templates = Jinja2Templates(HERE / "templates")
        self.app = Starlette(
            routes=[
                Route("/", self._page(self._front)),
                Route("/products/{slug}", self._page(self._product)),
                Route("/cart", self._page(self._cart)),
                Route("/cart", self._page(self._change_cart), methods=["POST"]),
                Route("/checkout", self._page(self._checkout)),
                Route("/checkout", self._page(self._order), methods=["POST"]),
                Route("/thank-you/{order:int}", self._page(self._thank_you)),
                Route("/told/{order:int}", self._page(self._told)),
                Route("/consent", self._page(self._consent), methods=["POST"]),
                Mount("/static", StaticFiles(directory=HERE / "static")),
            ]
        )

    async def close(self) -> None:
        """Gives up the deliveries that are still under way."""
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)

    # -- pages

    async def _front(self, request: Request, visitor: _Visitor) -> Response:
        return self._show(request, "front.html", visitor, products=PRODUCTS)

    async def _product(self, request: Request, visitor: _Visitor) -> Response:
        product = _BY_SLUG.get(request.path_params["slug"])
        if product is None:
            return PlainTextResponse("No such product.", 404)
        return self._show(request, "product.html", visitor, product=product, track=[("ViewContent", _content(product))])

    async def _cart(self, request: Request, visitor: _Visitor) -> Response:
        added = _BY_SLUG.get(visitor.added)
        visitor.added = ""
        track = [("AddToCart", _content(added))] if added and added.slug in visitor.cart else []
        return self._show(request, "cart.html", visitor, track=track)

    async def _change_cart(self, request: Request, visitor: _Visitor) -> Response:
        form = await request.form()
        product = _BY_SLUG.get(str(form.get("slug")))
        if product is None:
            return PlainTextResponse("No such product.", 404)
        if form.get("remove"):
            visitor.cart.pop(product.slug, None)
            return RedirectResponse("/cart", 303)
        visitor.cart[product.slug] = min(
            visitor.cart.get(product.slug, 0) + _quantity(form.get("quantity")), MAX_QUANTITY
        )
        visitor.added = product.slug
        return RedirectResponse("/cart", 303)

    async def _checkout(self, request: Request, visitor: _Visitor) -> Response:
        if not visitor.cart:
            return RedirectResponse("/cart", 303)
        return self._show(request, "checkout.html", visitor, track=[("InitiateCheckout", _basket(_lines(visitor)))])

    async def _order(self, request: Request, visitor: _Visitor) -> Response:
        form = await request.form()
        lines = _lines(visitor)
        if not lines:
            return RedirectResponse("/cart", 303)
        order = Order(
            id=_FIRST_OWN_ID + self._made,
            number=_FIRST_OWN_NUMBER + self._made,
            shopper=self._shopper(request, form, visitor),
            lines=lines,
            value=total(lines),
            consented=_agreed(request),
        )
        self._made += 1
        visitor.cart.clear()
        visitor.orders[order.id] = order
        carried = Carried(
            fbp=request.cookies.get("_fbp"),
            fbc=request.cookies.get("_fbc"),
            # Asked and not answered is not agreed.
            consent="granted" if order.consented else "denied",
        )
        self._deliver_later(order, carried, request.url.netloc)
        return RedirectResponse(f"/thank-you/{order.id}", 303)

    async def _thank_you(self, request: Request, visitor: _Visitor) -> Response:
        order = visitor.orders.get(request.path_params["order"])
        if order is None:
            return PlainTextResponse("No such order in this browser.", 404)
        event_id = purchase_id(self._settings.name, order.id)
        shopper = order.shopper
        known = {"em": shopper.email, "ph": shopper.phone, "fn": shopper.first_name, "ln": shopper.last_name,
                 "ct": shopper.city, "zp": shopper.zip, "country": shopper.country}  # fmt: skip
        return self._show(
            request,
            "thank_you.html",
            visitor,
            order=order,
            event_id=event_id,
            copies_url=f"{self._settings.sandbox}/sandbox/events?event_id={quote(event_id)}",
            known={key: value for key, value in known.items() if value},
            track=[("Purchase", {**_basket(order.lines), "order_id": str(order.id)}, {"eventID": event_id})],
        )

    async def _told(self, request: Request, visitor: _Visitor) -> Response:
        """What the receiver has of this visitor's order by now: asked, never assumed."""
        order = visitor.orders.get(request.path_params["order"])
        if order is None:
            return PlainTextResponse("No such order in this browser.", 404)
        params = {"event_id": purchase_id(self._settings.name, order.id)}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
                session.get(f"{self._settings.sandbox}/sandbox/events", params=params) as answer,
            ):
                copies = (await answer.json())["events"]
        except (aiohttp.ClientError, TimeoutError):
            return JSONResponse({"reached": False}, headers={"Cache-Control": "no-store"})
        told = {
            "reached": True,
            "browser": sum(copy["source"] == "Browser" for copy in copies),
            "server": sum(copy["source"] == "Server" for copy in copies),
            "counted": sum(copy["state"] == "Processed" for copy in copies),
        }
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    async def _consent(self, request: Request, _: _Visitor) -> Response:
        form = await request.form()
        back = RedirectResponse(_local(str(form.get("back", "/"))), 303)
        answer = "granted" if form.get("answer") == "granted" else "denied"
        back.set_cookie("consent", answer, max_age=86_400, httponly=True, samesite="lax")
        return back

    # -- around the pages

    def _page(
        self, show: Callable[[Request, _Visitor], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            key = request.cookies.get("session", "")
            known = key in self._visitors
            if not known:
                key = secrets.token_urlsafe(16)
                self._remember(key, _Visitor(cart={}, landing=_address(request)))
            response = await show(request, self._visitors[key])
            if not known:
                response.set_cookie("session", key, httponly=True, samesite="lax")
            return response

        return answer

    def _remember(self, key: str, visitor: _Visitor) -> None:
        self._visitors[key] = visitor
        while len(self._visitors) > MAX_VISITORS:
            del self._visitors[next(iter(self._visitors))]

    def _show(self, request: Request, template: str, visitor: _Visitor, **context: Any) -> Response:
        nonce = secrets.token_urlsafe(16)
        lines = _lines(visitor)
        context = {
            "shop": self._settings,
            "nonce": nonce,
            "consent": request.cookies.get("consent"),
            "here": _address(request),
            "lines": lines,
            "pieces": sum(line.quantity for line in lines),
            "total": total(lines) if lines else None,
            "currency": CURRENCY,
            "track": [],
            "known": {},
            **context,
        }
        response = self._templates.TemplateResponse(request, template, context)
        response.headers["Content-Security-Policy"] = self._policy(nonce)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _policy(self, nonce: str) -> str:
        """Own files, the page's own script by its nonce, and the two hosts that are measured with. Nothing else."""
        gateway, sandbox = self._settings.gateway, self._settings.sandbox
        return (
            f"default-src 'none'; script-src 'self' 'nonce-{nonce}' {gateway}; style-src 'self'; "
            f"img-src 'self' data: {sandbox}; connect-src 'self' {gateway}; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )

    def _shopper(self, request: Request, form: Mapping[str, Any], visitor: _Visitor) -> Shopper:
        def text(name: str) -> str:
            return str(form.get(name) or "").strip()[:200]

        return Shopper(
            first_name=text("first_name"),
            last_name=text("last_name"),
            email=text("email"),
            phone=text("phone"),
            city=text("city"),
            zip=text("zip"),
            country=text("country")[:2].upper(),
            customer_id=_FIRST_OWN_NUMBER + self._made,
            ip=request.client.host if request.client else "",
            user_agent=request.headers.get("user-agent", "")[:512],
            browser_number=0,
            fbclid=fbclid_of(visitor.landing),
        )

    # -- the shop system's webhook

    def _deliver_later(self, order: Order, carried: Carried, domain: str) -> None:
        task = asyncio.create_task(self._deliver(order, carried, domain))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, order: Order, carried: Carried, domain: str) -> None:
        shop = self._settings
        body = order_body(order, carried, shop=self._settings.name, created_ms=self._clock(), domain=domain)
        headers = delivery_headers(body, order, topic=CREATED, shop=shop.name, secret=shop.secret)
        url = f"{shop.gateway}/webhooks/shopify/{shop.name}"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            for attempt in range(WEBHOOK_TRIES):
                await asyncio.sleep(shop.webhook_after_s * 2**attempt)
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.post(url, data=body, headers=headers) as answer:
                        if answer.ok:
                            return
        log.warning("the webhook of order %s was not taken after %d tries", order.number, WEBHOOK_TRIES)


@contextlib.asynccontextmanager
async def serving(shop: Shop, listener: socket.socket) -> AsyncIterator[None]:
    """The shop's pages on a listening socket while inside. The caller keeps the socket and the signals."""
    config = uvicorn.Config(
        shop.app, log_config=None, access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await asyncio.wait([task])
        await shop.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The caller has its own."""
        yield


def _content(product: Product) -> dict[str, Any]:
    return {
        "content_ids": [product.id],
        "content_name": product.name,
        "content_type": "product",
        "value": float(product.price),
        "currency": CURRENCY,
    }


def _basket(lines: tuple[Line, ...]) -> dict[str, Any]:
    return {
        "contents": [
            {"id": line.product.id, "quantity": line.quantity, "item_price": float(line.product.price)}
            for line in lines
        ],
        "content_type": "product",
        "num_items": sum(line.quantity for line in lines),
        "value": float(total(lines)),
        "currency": CURRENCY,
    }


def _lines(visitor: _Visitor) -> tuple[Line, ...]:
    return tuple(Line(_BY_SLUG[slug], quantity) for slug, quantity in visitor.cart.items())


def _quantity(given: Any) -> int:
    return int(given) if isinstance(given, str) and given in map(str, range(1, MAX_QUANTITY + 1)) else 1


def _agreed(request: Request) -> bool:
    return request.cookies.get("consent") == "granted"


def _address(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _local(address: str) -> str:
    """A path of this shop; anything that leads elsewhere becomes the front page."""
    parts = urlsplit(address)
    return address if not parts.scheme and not parts.netloc and address.startswith("/") and "\\" not in address else "/"
