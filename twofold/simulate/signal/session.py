"""One visitor's session as a healthy shop's pages and server tell it: pages, webhooks, and what other tools send.

Owns the ordinary way through the shop and when each step of it happens. A fault changes a session before it becomes
requests, so everything here can be changed. Times in Unix ms.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

from msgspec import Struct

from twofold.simulate.signal.scenario import SignalScenario, Trade
from twofold.simulate.truth import CURRENCY, PRODUCTS, Blocker, Order, OrderKind, Product, make_orders, total
from twofold.simulate.webhook import CREATED, PAID, purchase_id

DAY_MS = 86_400_000
SHOP = "signal-shop.myshopify.com"
SITE = "https://shop.example"
_OPEN_MS, _CLOSE_MS = 8 * 3_600_000, 23 * 3_600_000
_PHONED, _BOOKED = 0.7, 0.4  # of orders those on the phone; of leads those with an appointment
_DISCOUNT, _TAX = Decimal("0.10"), Decimal("0.19")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
)


class Page(Struct, kw_only=True):
    """One event of a page. ``path``: empty for the landing address. ``door``: tag or image."""

    name: str
    path: str
    custom: dict[str, Any]
    event_id: str
    at: int
    door: str = "tag"
    site: str = SITE


class Hook(Struct, kw_only=True):
    """One delivery of the shop's webhook. ``edits``: fields of the body that are another."""

    topic: str
    at: int
    edits: dict[str, Any] = {}
    signed: bool = True


class Said(Struct, kw_only=True):
    """An event that another tool sends to the server's door. ``agent``: how it calls itself."""

    agent: str
    event: dict[str, Any]
    at: int


class Session(Struct, kw_only=True):
    """``at``: when the checkout was completed, or the last page seen. ``fbclid``: the click on its landing address."""

    number: int
    at: int
    ip: str
    agent: str
    browser: int
    fbclid: str | None
    paid: bool  # an advertisement brought the visitor, also where its click id is lost
    consented: bool
    tag: bool
    order: Order | None
    value: Decimal = Decimal(0)
    parts: dict[str, Decimal] = {}  # tax, shipping, discount of the value
    pages: list[Page] = []
    hooks: list[Hook] = []
    said: list[Said] = []
    proxy: str = ""  # whose address the gateway takes for the visitor's

    @property
    def fbp(self) -> str:
        return f"fb.1.{self.at - 700_000}.{self.browser}"

    @property
    def fbc(self) -> str | None:
        return f"fb.1.{self.at - 700_000}.{self.fbclid}" if self.fbclid else None

    @property
    def landing(self) -> str:
        tags = "utm_source=facebook&utm_medium=paid&utm_campaign=spring" if self.paid else ""
        return "/?" + "&".join(filter(None, (tags, f"fbclid={self.fbclid}" if self.fbclid else "")))


def sessions_of(told: SignalScenario, first_ms: int) -> Iterator[Session]:
    """All sessions of the world, in no order. ``first_ms``: midnight of its first day."""
    draw = random.Random(f"twofold/trade/{told.seed}")
    for session in _sessions_of(told, first_ms):
        if told.trade is Trade.LEADS:
            _as_lead(session, draw)
        elif told.trade is Trade.PHONE and session.order is not None and draw.random() < _PHONED:
            _as_call(session)
        elif told.trade is Trade.CHATS and session.order is not None:
            _as_chat(session)
        yield session


def _as_lead(session: Session, draw: random.Random) -> None:
    """A form instead of an order; the CRM tells it again under the form's id, and of some an appointment days later."""
    buyer, session.hooks = session.order, []
    session.pages = [
        Page(name=p.name, path="/offer" if p.name == "ViewContent" else p.path, custom={}, event_id=p.event_id, at=p.at)
        for p in session.pages if p.name in ("PageView", "ViewContent")
    ]  # fmt: skip
    session.order, session.value, session.parts = None, Decimal(0), {}
    if buyer is None or buyer.kind is not OrderKind.REAL:
        return
    lead = drawn_id(draw)
    session.pages.append(Page(name="Lead", path="/contact/thanks", custom={}, event_id=lead, at=session.at))
    if session.consented:
        session.said.append(
            _of_crm(session, buyer, "Lead", lead, session.at + draw.randrange(2_000, 90_000), "website")
        )
        if draw.random() < _BOOKED:
            later = session.at + draw.randrange(DAY_MS // 2, 2 * DAY_MS)
            session.said.append(_of_crm(session, buyer, "Schedule", drawn_id(draw), later, "system_generated"))


def _as_call(session: Session) -> None:
    """Taken on the phone by an app of the shop's: its webhooks know no browser, and no page has seen it."""
    nobody = {"source_name": "phone-desk", "landing_site": None, "browser_ip": None, "client_details": None}
    session.pages, session.tag, session.fbclid, session.paid = [], False, None, False
    for hook in session.hooks:
        hook.edits = {**hook.edits, **nobody}


def _as_chat(session: Session) -> None:
    """Agreed in a chat: its tool tells it once, with the order's money."""
    order, session.pages, session.hooks = session.order, [], []
    assert order is not None
    if session.consented and order.kind is OrderKind.REAL:
        said = _of_crm(session, order, "Purchase", f"chat-{order.id}", session.at, "chat")
        said.agent = "chat-desk"
        said.event["custom_data"] = {"value": str(session.value), "currency": CURRENCY, "order_id": str(order.id)}
        session.said.append(said)


def _of_crm(session: Session, buyer: Order, name: str, event_id: str, at: int, place: str) -> Said:
    person = {"em": buyer.shopper.email, "ph": buyer.shopper.phone, "external_id": str(buyer.shopper.customer_id)}
    seen = {"client_ip_address": session.ip, "client_user_agent": session.agent, "fbp": session.fbp}
    seen |= {"fbc": session.fbc} if session.fbc else {}
    event: dict[str, Any] = {
        "event_name": name,
        "event_id": event_id,
        "event_time": at // 1000,
        "action_source": place,
        "consent": "granted",
    }
    if place == "website":
        event |= {"event_source_url": f"{SITE}/contact/thanks"}
    event["user_data"] = {k: sha256(v.strip().lower().lstrip("+").encode()).hexdigest() for k, v in person.items()} | (
        seen if place == "website" else {}
    )
    return Said(agent="crm", event=event, at=at)


def _sessions_of(told: SignalScenario, first_ms: int) -> Iterator[Session]:
    orders = make_orders(told.seed, told.days * told.orders_per_day)
    draw = random.Random(f"twofold/signal/{told.seed}")
    order_days = [n // told.orders_per_day for n in range(len(orders))]
    for order, day in zip(draw.sample(orders, len(orders)), order_days, strict=True):
        yield _buyer(order, first_ms + day * DAY_MS + draw.randrange(_OPEN_MS, _CLOSE_MS), draw)
    for number in range(round(len(orders) * told.lookers)):
        at = first_ms + draw.randrange(told.days) * DAY_MS + draw.randrange(_OPEN_MS, _CLOSE_MS)
        yield _looker(len(orders) + number, at, draw)


def _buyer(order: Order, at: int, draw: random.Random) -> Session:
    shopper = order.shopper
    session = Session(
        number=order.number, at=at, ip=address_of(draw), agent=shopper.user_agent, browser=shopper.browser_number,
        fbclid=shopper.fbclid, paid=shopper.fbclid is not None, consented=order.consented,
        tag=order.blocker is not Blocker.ALL, order=order, value=order.value,
    )  # fmt: skip
    _price(session, draw)
    if order.kind is not OrderKind.TEST:
        session.pages = _way(session, order.lines[0].product, draw)
        session.pages += [_thanks(session, n) for n in range(order.thank_you_loads)]
    for topic in (CREATED, PAID) if order.paid_webhook else (CREATED,):
        later = order.webhook_after_ms + (60_000 if topic == PAID else 0)
        session.hooks += [
            Hook(topic=topic, at=at + later + n * 2_000, edits=_edits(session)) for n in range(order.webhook_times)
        ]
    return session


def _price(session: Session, draw: random.Random) -> None:
    """Each fifth order has a code for a tenth off; tax is contained; what is below the limit pays for shipping."""
    assert session.order is not None
    goods = sum((line.product.price * line.quantity for line in session.order.lines), Decimal(0))
    discount = (goods * _DISCOUNT).quantize(Decimal("0.01")) if draw.random() < 0.2 else Decimal("0.00")
    session.value = session.order.value - discount
    session.parts = {
        "discount": discount,
        "shipping": total(session.order.lines) - goods,
        "tax": (session.value * _TAX / (1 + _TAX)).quantize(Decimal("0.01")),
    }


def _edits(session: Session) -> dict[str, Any]:
    parts, value = session.parts, str(session.value)
    return {
        "total_price": value,
        "current_total_price": value,
        "total_price_set": {side: _money(value) for side in ("shop_money", "presentment_money")},
        "total_tax": str(parts["tax"]),
        "taxes_included": True,
        "total_discounts": str(parts["discount"]),
        "discount_codes": [{"code": "TEN", "amount": str(parts["discount"]), "type": "percentage"}] if parts["discount"] else [],
        "total_shipping_price_set": {side: _money(str(parts["shipping"])) for side in ("shop_money", "presentment_money")},
    }  # fmt: skip


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency_code": CURRENCY}


def _looker(number: int, at: int, draw: random.Random) -> Session:
    paid = draw.random() < 0.5
    session = Session(
        number=number, at=at, ip=address_of(draw), agent=draw.choice(_AGENTS),
        browser=draw.randrange(10**17, 10**18), paid=paid, consented=draw.random() < 0.86, tag=draw.random() < 0.94,
        fbclid="IwAR" + "".join(draw.choices("ABCDEFGHJKLMNPQRSTabcdefghjkmnpqrst0123456789", k=57)) if paid else None,
        order=None,
    )  # fmt: skip
    way = _way(session, draw.choice(PRODUCTS), draw)
    session.pages = way[: draw.choice((1, 2, 2, 2, 3, 4))]
    return session


def _way(session: Session, product: Product, draw: random.Random) -> list[Page]:
    at, seen = session.at, product_of(product)
    steps: tuple[tuple[str, str, dict[str, Any], int], ...] = (
        ("PageView", "", {}, 600_000),
        ("ViewContent", f"/products/{product.slug}", seen, 500_000),
        ("AddToCart", "/cart", seen, 400_000),
        ("InitiateCheckout", "/checkout", {**seen, "num_items": 1}, 200_000),
    )
    return [
        Page(name=name, path=path, custom=custom, event_id=drawn_id(draw), at=at - before)
        for name, path, custom, before in steps
    ]


def _thanks(session: Session, load: int) -> Page:
    """The same id at each load: page and server make it of the checkout's secret."""
    order = session.order
    assert order is not None
    return Page(
        name="Purchase", path=f"/thank-you/{order.id}", at=session.at + order.thank_you_after_ms + load * 40_000,
        event_id=purchase_id(SHOP, order.id),
        custom={
            "content_type": "product",
            "contents": [{"id": line.product.id, "quantity": line.quantity} for line in order.lines],
            "value": float(session.value), "currency": CURRENCY, "order_id": str(order.id),
        },
    )  # fmt: skip


def product_of(product: Product) -> dict[str, Any]:
    """What a page says of one article."""
    return {"content_ids": [product.id], "content_type": "product", "value": float(product.price), "currency": CURRENCY}


def drawn_id(draw: random.Random) -> str:
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


def address_of(draw: random.Random) -> str:
    """One that a judge takes for a shopper's: those that are kept for documentation are named as made up."""
    return f"{draw.choice((81, 82, 85, 86))}.{draw.randrange(1, 250)}.{draw.randrange(1, 250)}.{draw.randrange(1, 250)}"
