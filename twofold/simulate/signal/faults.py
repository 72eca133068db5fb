"""What each fault does to a session, to who comes, or to the stage on which the gateway stands.

Owns the faults. A fault strikes a share of what it can strike, drawn by its own seed, so that two faults do not disturb each
other. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from twofold.simulate.signal.scenario import Fault, FaultKind, SignalScenario
from twofold.simulate.signal.session import (
    DAY_MS,
    SITE,
    Hook,
    Page,
    Said,
    Session,
    address_of,
    drawn_id,
    product_of,
    sessions_of,
)
from twofold.simulate.truth import PRODUCTS, Order, OrderKind
from twofold.simulate.webhook import PAID

HOUR_MS = 3_600_000
PROXY = "10.0.0.7"
ROBOTS = (
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
)
OF_STAGE = frozenset(
    {FaultKind.TOKEN_DEAD, FaultKind.TOKEN_ENDS, FaultKind.WRONG_DATASET, FaultKind.TEST_CODE, FaultKind.RESTATES}
)
"""What befalls the gateway's surroundings rather than a session; whoever plays the world does it."""


def troubled(told: SignalScenario, first_ms: int) -> list[Session]:
    """All sessions of the world, each as its faults left it."""
    sessions = list(sessions_of(told, first_ms))
    for fault in told.faults:
        draw = random.Random(f"twofold/fault/{told.seed}/{fault.kind}/{fault.day}")
        since = first_ms + (fault.day - 1) * DAY_MS
        if fault.kind in _ADDED:
            sessions += _ADDED[fault.kind](sessions, fault, since, draw)
        elif fault.kind not in OF_STAGE:
            strike = _STRIKES[fault.kind]
            for session in sessions:
                if session.at >= since and draw.random() < fault.share:
                    strike(session, draw)
    return sessions


# -- pages


def _no_browser(session: Session, _draw: random.Random) -> None:
    session.pages = [p for p in session.pages if p.name != "Purchase"]


def _not_meeting(session: Session, draw: random.Random) -> None:
    for page in _purchases(session):
        page.event_id = drawn_id(draw)
        del page.custom["order_id"]


def _order_numbers(session: Session, draw: random.Random) -> None:
    number = f"T{draw.randrange(10**8, 10**9)}"
    for page in _purchases(session):
        page.event_id, page.custom["order_id"] = drawn_id(draw), number


def _revalued(value: Callable[[Session], Decimal]) -> Callable[[Session, random.Random], None]:
    def strike(session: Session, _draw: random.Random) -> None:
        for page in _purchases(session) if session.parts else ():
            page.custom["value"] = float(value(session))

    return strike


def _currency(session: Session, _draw: random.Random) -> None:
    for page in _purchases(session):
        page.custom["currency"] = "USD"


def _reloads(session: Session, draw: random.Random) -> None:
    """From mails and bookmarks, also days later."""
    for page in _purchases(session)[:1]:
        times = [page.at + draw.randrange(60_000, 6 * HOUR_MS) for _ in range(draw.randint(2, 5))]
        session.pages += [_copy(page, at=at) for at in times]


def _blocked(session: Session, _draw: random.Random) -> None:
    session.tag = False


def _button(session: Session, draw: random.Random) -> None:
    carts = [p for p in session.pages if p.name == "AddToCart"]
    session.pages += [
        Page(name="Purchase", path=p.path, custom=dict(p.custom), event_id=drawn_id(draw), at=p.at + 1_000)
        for p in carts
    ]


def _without(name: str) -> Callable[[Session, random.Random], None]:
    def strike(session: Session, _draw: random.Random) -> None:
        session.pages = [p for p in session.pages if p.name != name]

    return strike


def _two_owners(session: Session, draw: random.Random) -> None:
    """The theme's old pixel: its own id, no order number."""
    for page in _purchases(session)[:1]:
        custom = {"value": page.custom["value"], "currency": page.custom["currency"]}
        session.pages.append(
            Page(
                name="Purchase", path=page.path, custom=custom, event_id=drawn_id(draw), at=page.at + 500, door="image"
            )
        )


def _ids_anew(session: Session, draw: random.Random) -> None:
    if not (session.tag and session.consented):
        return
    for page in session.pages:
        event = {
            "event_name": page.name, "event_time": page.at // 1000, "event_id": drawn_id(draw), "action_source": "website",
            "event_source_url": SITE + (page.path or session.landing),
            "user_data": {"client_ip_address": session.ip, "client_user_agent": session.agent, "fbp": session.fbp},
            "custom_data": page.custom,
        }  # fmt: skip
        session.said.append(Said(agent="gtm-server/3", event=event, at=page.at + 800))


def _foreign(session: Session, _draw: random.Random) -> None:
    for page in session.pages:
        page.site = "https://shop-outlet.example"


# -- the visitor


def _server_address(session: Session, _draw: random.Random) -> None:
    session.proxy = PROXY


def _click_lowered(session: Session, _draw: random.Random) -> None:
    session.fbclid = session.fbclid.lower() if session.fbclid else None


def _click_stripped(session: Session, _draw: random.Random) -> None:
    session.fbclid = None


def _consent(session: Session, _draw: random.Random) -> None:
    session.consented = False


# -- the shop's server


def _no_server(session: Session, _draw: random.Random) -> None:
    session.hooks = []


def _late(session: Session, draw: random.Random) -> None:
    by = draw.randrange(3 * HOUR_MS, 9 * HOUR_MS)
    for hook in session.hooks:
        hook.at += by


def _topic(session: Session, _draw: random.Random) -> None:
    session.hooks = [h for h in session.hooks if h.topic != PAID]


def _zone(session: Session, _draw: random.Random) -> None:
    """The shop's clock is four hours ahead of UTC, and says UTC."""
    for hook in session.hooks:
        local = (datetime.fromtimestamp(session.at // 1000, UTC) + timedelta(hours=4)).isoformat()
        hook.edits = {**hook.edits, "created_at": local, "processed_at": local, "updated_at": local}


def _clock(session: Session, draw: random.Random) -> None:
    """Everything that the shop's server dates is from some minutes later."""
    ahead = timedelta(minutes=draw.randint(21, 26))
    for hook in session.hooks:
        later = (datetime.fromtimestamp(hook.at // 1000, UTC) + ahead).isoformat()
        hook.edits = {**hook.edits, "created_at": later, "processed_at": later, "updated_at": later}


def _secret(session: Session, _draw: random.Random) -> None:
    for hook in session.hooks:
        hook.signed = False


def _key_lost(session: Session, _draw: random.Random) -> None:
    if session.order is not None:
        customer = {"id": session.order.shopper.customer_id}
        for hook in session.hooks:
            hook.edits = {**hook.edits, "email": None, "contact_email": None, "customer": customer}


# -- who comes besides


def _robots(_sessions: Sequence[Session], fault: Fault, since: int, draw: random.Random) -> Iterator[Session]:
    """As many as there are buyers, through the whole shop."""
    for session in _struck(_sessions, fault, since, draw):
        robot = _stranger(session, draw, agent=draw.choice(ROBOTS))
        robot.pages.append(_bought(robot, draw))
        yield robot


def _test_orders(_sessions: Sequence[Session], fault: Fault, since: int, draw: random.Random) -> Iterator[Session]:
    """Somebody of the shop tries the checkout: an order of the kind test, told by the page as any."""
    number = 90_000
    for session in _struck(_sessions, fault, since, draw):
        if draw.random() > 0.25:
            continue
        number += 1
        assert session.order is not None
        hooks = [Hook(topic=h.topic, at=h.at + 900_000, edits={**h.edits, "test": True}) for h in session.hooks]
        twin = _stranger(session, draw, agent=session.agent)
        twin.order = _renumbered(session, number)
        twin.value, twin.parts, twin.hooks = session.value, session.parts, hooks
        page = _bought(twin, draw)
        page.custom["order_id"] = str(twin.order.id)
        twin.pages.append(page)
        yield twin


def _new_sender(_sessions: Sequence[Session], fault: Fault, since: int, draw: random.Random) -> Iterator[Session]:
    for session in _struck(_sessions, fault, since, draw):
        guest = _stranger(session, draw, agent=session.agent)
        event = {
            "event_name": "Contact", "event_time": guest.at // 1000, "event_id": drawn_id(draw), "action_source": "website",
            "event_source_url": f"{SITE}/contact",
            "user_data": {"client_ip_address": guest.ip, "client_user_agent": guest.agent, "fbp": guest.fbp},
        }  # fmt: skip
        guest.pages, guest.said = [], [Said(agent="popup-app", event=event, at=guest.at)]
        yield guest


def _struck(sessions: Sequence[Session], fault: Fault, since: int, draw: random.Random) -> Iterator[Session]:
    for session in sessions:
        real = session.order is not None and session.order.kind is OrderKind.REAL
        if real and session.at >= since and draw.random() < fault.share:
            yield session


def _stranger(session: Session, draw: random.Random, *, agent: str) -> Session:
    at, product = session.at + draw.randrange(60_000, 900_000), draw.choice(PRODUCTS)
    seen = product_of(product)
    steps: tuple[tuple[str, str, dict[str, Any]], ...] = (("PageView", "/", {}), ("ViewContent", f"/products/{product.slug}", seen), ("AddToCart", "/cart", seen),
             ("InitiateCheckout", "/checkout", seen))  # fmt: skip
    pages = [
        Page(name=name, path=path, custom=dict(custom), event_id=drawn_id(draw), at=at - 60_000 + n * 9_000)
        for n, (name, path, custom) in enumerate(steps)
    ]
    ip = address_of(draw)
    return Session(
        number=session.number + 500_000, at=at, ip=ip, agent=agent, browser=draw.randrange(10**17, 10**18), fbclid=None,
        paid=False, consented=True, tag=True, order=None, pages=pages,
    )  # fmt: skip


def _bought(session: Session, draw: random.Random) -> Page:
    return Page(
        name="Purchase", path="/thank-you", at=session.at, event_id=drawn_id(draw),
        custom={"value": 49.9, "currency": "EUR", "content_type": "product", "contents": [{"id": "4410001", "quantity": 1}]},
    )  # fmt: skip


def _renumbered(session: Session, number: int) -> Order:
    assert session.order is not None
    return replace(session.order, id=session.order.id + 50_000_000, number=number, paid_webhook=False)


def _purchases(session: Session) -> list[Page]:
    return [p for p in session.pages if p.name == "Purchase"]


def _copy(page: Page, *, at: int) -> Page:
    return Page(name=page.name, path=page.path, custom=page.custom, event_id=page.event_id, at=at)


_STRIKES: dict[FaultKind, Callable[[Session, random.Random], None]] = {
    FaultKind.NO_BROWSER: _no_browser,
    FaultKind.NO_SERVER: _no_server,
    FaultKind.LATE: _late,
    FaultKind.NOT_MEETING: _not_meeting,
    FaultKind.ORDER_NUMBERS: _order_numbers,
    FaultKind.MINOR_UNITS: _revalued(lambda s: s.value * 100),
    FaultKind.CURRENCY: _currency,
    FaultKind.TAX: _revalued(lambda s: s.value - s.parts["tax"]),
    FaultKind.SHIPPING: _revalued(lambda s: s.value - s.parts["shipping"]),
    FaultKind.DISCOUNT: _revalued(lambda s: s.value + s.parts["discount"]),
    FaultKind.SERVER_ADDRESS: _server_address,
    FaultKind.CLICK_LOWERED: _click_lowered,
    FaultKind.CLICK_STRIPPED: _click_stripped,
    FaultKind.IDS_ANEW: _ids_anew,
    FaultKind.TWO_OWNERS: _two_owners,
    FaultKind.RELOADS: _reloads,
    FaultKind.CONSENT: _consent,
    FaultKind.TOPIC: _topic,
    FaultKind.ZONE: _zone,
    FaultKind.CLOCK: _clock,
    FaultKind.BLOCKED: _blocked,
    FaultKind.BUTTON: _button,
    FaultKind.CHECKOUT: _without("InitiateCheckout"),
    FaultKind.EVENT_LOST: _without("AddToCart"),
    FaultKind.SECRET: _secret,
    FaultKind.FOREIGN_SITE: _foreign,
    FaultKind.KEY_LOST: _key_lost,
}
_ADDED: dict[FaultKind, Callable[[Sequence[Session], Fault, int, random.Random], Iterator[Session]]] = {
    FaultKind.ROBOTS: _robots,
    FaultKind.TEST_ORDERS: _test_orders,
    FaultKind.NEW_SENDER: _new_sender,
}
