"""The known truth: invented shoppers, what they ordered, and what happens to each order on its way.

Owns the products, the people and the shares of every mishap. Pure: the same seed makes the same orders on every
machine. Opens no socket and reads no clock; the driver turns delays into waiting.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

CURRENCY = "EUR"
DEMO_ORDERS = 156
# Beyond 2^53, as Shopify's own test order is: a float anywhere on the way would merge neighbours.
FIRST_ORDER_ID = 820_982_911_946_150_001
SHIPPING = Decimal("4.90")
FREE_SHIPPING_FROM = Decimal("60.00")
_LEAST_OF_A_KIND = 3


class Product(Struct, frozen=True, kw_only=True):
    """``price`` in EUR per piece, tax included."""

    id: str
    slug: str
    name: str
    price: Decimal
    about: str


PRODUCTS: tuple[Product, ...] = (
    Product(id="4410001", slug="stoneware-mug", name="Stoneware mug", price=Decimal("18.50"), about="350 ml, blue rim."),
    Product(id="4410002", slug="linen-towel", name="Linen towel", price=Decimal("24.00"), about="Washed linen, 50 × 70."),
    Product(id="4410003", slug="walnut-board", name="Walnut board", price=Decimal("46.90"), about="Oiled, 30 × 20 cm."),
    Product(id="4410004", slug="beeswax-candle", name="Beeswax candle", price=Decimal("9.95"), about="Burns 30 hours."),
    Product(id="4410005", slug="enamel-pot", name="Enamel pot", price=Decimal("74.00"), about="3 litres, with lid."),
    Product(id="4410006", slug="wool-blanket", name="Wool blanket", price=Decimal("129.00"), about="130 × 180 cm."),
)  # fmt: skip


class Shopper(Struct, frozen=True, kw_only=True):
    """An invented person in the clear, as a checkout form would hold them, and the browser they use."""

    first_name: str
    last_name: str
    email: str
    phone: str
    city: str
    zip: str
    country: str  # ISO 3166-1 alpha-2
    customer_id: int
    ip: str
    user_agent: str
    browser_number: int  # the random part of their _fbp
    fbclid: str | None  # the click that brought them, if an advertisement did


class Line(Struct, frozen=True):
    product: Product
    quantity: int


class Device(Struct, frozen=True, kw_only=True):
    """The phone on which a shopper clicked and logged in, who then bought on a computer."""

    ip: str
    user_agent: str
    browser_number: int
    fbclid: str


class Chat(Struct, frozen=True, kw_only=True):
    """The conversation in which an order was made: an ad began it, and the operator may have offered one thing more."""

    account: str  # of the business at WhatsApp
    click: str
    asked_for: tuple[Line, ...]  # before the offer

    @property
    def asked_value(self) -> Decimal:
        return total(self.asked_for)


class Today(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shares of the demo's orders of today that go from one place to another; a world's scenario may say others."""

    chat: Annotated[float, Meta(ge=0, le=0.2)] = 0.06  # made in a chat that an ad began
    cross_sell: Annotated[float, Meta(ge=0, le=1)] = (
        0.7  # of these: the operator offers an article, and the buyer takes it
    )
    two_devices: Annotated[float, Meta(ge=0, le=0.2)] = 0.06  # clicked on a phone, bought on a computer


class OrderKind(StrEnum):
    """What an order stands for."""

    REAL = "real"
    CANCELLED = "cancelled"  # the payment failed: an order exists and is cancelled, no thank-you page was shown
    TEST = "test"  # the merchant pressed "send test notification"; there is no shopper


class Blocker(StrEnum):
    """What the shopper's browser refuses to load or send."""

    NONE = "none"
    PIXEL = "pixel"  # requests to the platform's host
    ALL = "all"  # those and every tracking script, a first-party one included


class Order(Struct, frozen=True, kw_only=True):
    """One order with its fate. Delays are relative to the moment the checkout is completed."""

    id: int
    number: int
    shopper: Shopper
    lines: tuple[Line, ...]
    value: Decimal  # EUR, shipping included
    kind: OrderKind = OrderKind.REAL
    consented: bool = True
    blocker: Blocker = Blocker.NONE
    thank_you_loads: int = 1  # 0: the page never loads; 2 and more: it is refreshed
    thank_you_after_ms: int = 300
    webhook_after_ms: int = 700
    webhook_times: int = 1  # how often each delivery arrives
    paid_webhook: bool = False  # orders/paid arrives as well as orders/create
    phone: Device | None = None  # the other device, on which they clicked
    chat: Chat | None = None  # the shop system knows nothing of it

    @property
    def name(self) -> str:
        """The id under which it is told."""
        return f"CHAT-{self.number}" if self.chat else str(self.id)

    @property
    def cross_sold(self) -> bool:
        return self.chat is not None and self.chat.asked_for != self.lines


class Mishap(Struct, frozen=True, kw_only=True):
    """One class of fate: its share of all orders, whom it can strike, and what it does to an order."""

    name: str
    share: float
    can_strike: Callable[[Order], bool]
    strike: Callable[[Order, random.Random], Order]
    struck: Callable[[Order], bool]


def _with(**changes: object) -> Callable[[Order, random.Random], Order]:
    return lambda order, _: msgspec.structs.replace(order, **changes)


# Shares are invented but of the size that shop audits report; the demo needs each kind to occur, not to be average.
# In this order: a later row may look at what an earlier one did.
MISHAPS: tuple[Mishap, ...] = (
    Mishap(
        name="cancelled",
        share=0.03,
        can_strike=lambda o: o.kind is OrderKind.REAL,
        strike=_with(kind=OrderKind.CANCELLED, thank_you_loads=0),
        struck=lambda o: o.kind is OrderKind.CANCELLED,
    ),
    Mishap(
        name="test order",
        share=0.02,
        can_strike=lambda o: o.kind is OrderKind.REAL,
        strike=_with(kind=OrderKind.TEST, thank_you_loads=0),
        struck=lambda o: o.kind is OrderKind.TEST,
    ),
    Mishap(
        name="consent declined",
        share=0.14,
        can_strike=lambda o: o.kind is OrderKind.REAL,
        strike=_with(consented=False),
        struck=lambda o: not o.consented,
    ),
    Mishap(
        name="thank-you page lost",
        share=0.10,
        can_strike=lambda o: o.kind is OrderKind.REAL,
        strike=_with(thank_you_loads=0),
        struck=lambda o: o.kind is OrderKind.REAL and o.thank_you_loads == 0,
    ),
    Mishap(
        name="thank-you page refreshed",
        share=0.12,
        can_strike=lambda o: o.thank_you_loads == 1,
        strike=lambda o, draw: msgspec.structs.replace(o, thank_you_loads=draw.randint(2, 4)),
        struck=lambda o: o.thank_you_loads > 1,
    ),
    Mishap(
        name="pixel blocked",
        share=0.16,
        can_strike=lambda o: o.blocker is Blocker.NONE and o.kind is OrderKind.REAL,
        strike=_with(blocker=Blocker.PIXEL),
        struck=lambda o: o.blocker is Blocker.PIXEL,
    ),
    Mishap(
        name="everything blocked",
        share=0.06,
        can_strike=lambda o: o.blocker is Blocker.NONE and o.kind is OrderKind.REAL,
        strike=_with(blocker=Blocker.ALL),
        struck=lambda o: o.blocker is Blocker.ALL,
    ),
    Mishap(
        name="webhook before the browser",
        share=0.15,
        can_strike=lambda o: o.thank_you_loads > 0,
        strike=_with(webhook_after_ms=0, thank_you_after_ms=600),
        struck=lambda o: o.webhook_after_ms < o.thank_you_after_ms,
    ),
    Mishap(
        # Later than the demo's hold, so the browser's copy has left when the webhook comes.
        name="webhook late",
        share=0.12,
        can_strike=lambda o: o.webhook_after_ms == 700,
        strike=lambda o, draw: msgspec.structs.replace(o, webhook_after_ms=draw.randint(3_000, 5_000)),
        struck=lambda o: o.webhook_after_ms >= 3_000,
    ),
    Mishap(
        name="webhook delivered twice",
        share=0.10,
        can_strike=lambda o: o.webhook_times == 1,
        strike=_with(webhook_times=2),
        struck=lambda o: o.webhook_times > 1,
    ),
    Mishap(
        name="created and paid",
        share=0.25,
        can_strike=lambda o: o.kind is OrderKind.REAL,
        strike=_with(paid_webhook=True),
        struck=lambda o: o.paid_webhook,
    ),
)


def crossings(today: Today) -> tuple[Mishap, ...]:
    """No mishaps, yet no pixel sees them whole. After all mishaps, so that these strike the same orders with and without."""
    return (
        Mishap(
            name="sold in a chat",
            share=today.chat,
            can_strike=lambda o: (
                _is_plain(o) and o.webhook_after_ms == 700 and o.webhook_times == 1 and not o.paid_webhook
            ),
            strike=_in_a_chat,
            struck=lambda o: o.chat is not None,
        ),
        Mishap(
            name="offered in it",
            share=today.chat * today.cross_sell,
            can_strike=lambda o: o.chat is not None and len(o.lines) < len(PRODUCTS),
            strike=_offered,
            struck=lambda o: o.cross_sold,
        ),
        Mishap(
            name="clicked on a phone, bought on a computer",
            share=today.two_devices,
            can_strike=lambda o: _is_plain(o) and o.chat is None,
            strike=_on_two_devices,
            struck=lambda o: o.phone is not None,
        ),
    )


def _is_plain(order: Order) -> bool:
    return (
        order.kind is OrderKind.REAL
        and order.consented
        and order.thank_you_loads == 1
        and order.blocker is Blocker.NONE
    )


def _in_a_chat(order: Order, draw: random.Random) -> Order:
    chat = Chat(
        account="102290129340398", click="Aff-" + "".join(draw.choices(_BASE64URL, k=50)), asked_for=order.lines,
    )  # fmt: skip
    shopper = msgspec.structs.replace(order.shopper, fbclid=None)
    return msgspec.structs.replace(order, chat=chat, shopper=shopper, thank_you_loads=0)


def _offered(order: Order, draw: random.Random) -> Order:
    had = {line.product.id for line in order.lines}
    lines = (*order.lines, Line(draw.choice([p for p in PRODUCTS if p.id not in had]), 1))
    return msgspec.structs.replace(order, lines=lines, value=total(lines))


def _on_two_devices(order: Order, draw: random.Random) -> Order:
    shopper = order.shopper
    phone = Device(
        ip=f"198.51.100.{draw.randrange(1, 255)}",
        user_agent=_PHONE,
        browser_number=draw.randrange(10**17, 10**18),
        fbclid=shopper.fbclid or _click(draw),
    )
    return msgspec.structs.replace(
        order, phone=phone, shopper=msgspec.structs.replace(shopper, fbclid=None, user_agent=_COMPUTER)
    )


class Truth(Struct, frozen=True):
    """How many purchases there were and what they were worth in EUR."""

    count: int
    value: Decimal


def make_orders(seed: int, count: int = DEMO_ORDERS, today: Today = Today()) -> tuple[Order, ...]:  # noqa: B008
    """The orders of one seed. Every mishap strikes its share, rounded, and at least three orders when there are any; and so
    does every crossing whose share is not 0."""
    draw = random.Random(f"twofold/{seed}")
    orders = [_plain_order(draw, number) for number in range(count)]
    for mishap in (*MISHAPS, *(c for c in crossings(today) if c.share)):
        open_to = [place for place, order in enumerate(orders) if mishap.can_strike(order)]
        wanted = max(_LEAST_OF_A_KIND, round(mishap.share * count))
        for place in draw.sample(open_to, min(wanted, len(open_to))):
            orders[place] = mishap.strike(orders[place], draw)
    return tuple(orders)


def whole_truth(orders: Iterable[Order]) -> Truth:
    """All orders that stand for a purchase, consent or not: what the shop's books say."""
    return _sum(order for order in orders if order.kind is OrderKind.REAL)


def consented_truth(orders: Iterable[Order]) -> Truth:
    """The real orders of shoppers who agreed: all that an advertising platform may be told."""
    return _sum(order for order in orders if order.kind is OrderKind.REAL and order.consented)


def tally(orders: Sequence[Order]) -> dict[str, int]:
    """How many orders each mishap struck, by its name."""
    return {one.name: sum(map(one.struck, orders)) for one in (*MISHAPS, *crossings(Today()))}


def _sum(orders: Iterable[Order]) -> Truth:
    values = [order.value for order in orders]
    return Truth(len(values), sum(values, Decimal("0.00")))


def total(lines: Iterable[Line]) -> Decimal:
    """What the lines cost with shipping, in EUR."""
    goods = sum((line.product.price * line.quantity for line in lines), Decimal("0.00"))
    return goods if goods >= FREE_SHIPPING_FROM else goods + SHIPPING


def _plain_order(draw: random.Random, number: int) -> Order:
    products = draw.sample(PRODUCTS, draw.choice((1, 1, 1, 2, 2, 3)))
    lines = tuple(Line(product, draw.choice((1, 1, 1, 2, 3))) for product in products)
    return Order(
        id=FIRST_ORDER_ID + number,
        number=1001 + number,
        shopper=_shopper(draw, number),
        lines=lines,
        value=total(lines),
    )


class _Home(Struct, frozen=True):
    """One country's names and places. Numbers come from ranges kept for fiction where the country has one."""

    country: str
    phone: str  # format with one number below 100
    cities: tuple[tuple[str, str], ...]
    names: tuple[tuple[str, str, str], ...]  # first, last, spelling for the e-mail address


_HOMES: tuple[_Home, ...] = (
    _Home("GB", "+44 7700 9001{:02d}", (("Bath", "BA1 1AA"), ("St. Ives", "TR26 1AB")),
          (("Mary-Ann", "O'Brien", "maryann.obrien"), ("Tom", "Fielding", "tom.fielding"))),
    _Home("US", "(202) 555-01{:02d}", (("Menlo Park", "94025"), ("New York", "10001-2345")),
          (("John", "Smith", "john_smith"), ("Zoë", "Ng", "zoe.ng"))),
    _Home("GE", "+995 555 12 34 {:02d}", (("თბილისი", "0102"), ("Batumi", "6000")),
          (("ნინო", "ბერიძე", "nino.beridze"), ("Giorgi", "Kapanadze", "giorgi.k"))),
    _Home("DE", "+49 1511 55501{:02d}", (("Köln", "50667"), ("Düsseldorf", "40213")),
          (("Jürgen", "Weiß", "juergen.weiss"), ("Anja", "Groß-Lüder", "anja.gl"))),
    _Home("FR", "+33 6 39 98 01 {:02d}", (("Saint-Étienne", "42000"), ("Paris 15", "75015")),
          (("Valéry", "D'Amboise", "valery.damboise"), ("Chloé", "Lefèvre", "chloe.l"))),
    _Home("UA", "+380 50 123 45 {:02d}", (("Київ", "01001"), ("Львів", "79000")),
          (("Олена", "Шевченко", "olena.shevchenko"), ("Тарас", "Коваль", "taras.koval"))),
    _Home("KR", "+82 10-1234-56{:02d}", (("서울", "04524"), ("부산", "48058")),
          (("지은", "정", "jieun.jeong"), ("민수", "김", "minsu.kim"))),
    _Home("AE", "+971 50 123 45{:02d}", (("دبي", "00000"), ("Abu Dhabi", "00000")),
          (("ليلى", "حداد", "layla.haddad"), ("Omar", "Al Farsi", "omar.alfarsi"))),
)  # fmt: skip

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
)
_COMPUTER, _PHONE = _AGENTS[0], _AGENTS[1]
_BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _shopper(draw: random.Random, number: int) -> Shopper:
    home = draw.choice(_HOMES)
    first, last, address = draw.choice(home.names)
    city, code = draw.choice(home.cities)
    return Shopper(
        first_name=first,
        last_name=last,
        email=f"{address}+{number}@example.{draw.choice(('com', 'org', 'net'))}",
        phone=home.phone.format(number % 100),
        city=city,
        zip=code,
        country=home.country,
        customer_id=7_000_000_000_000 + number,
        ip=_address(draw, number),
        user_agent=draw.choice(_AGENTS),
        browser_number=draw.randrange(10**17, 10**18),
        fbclid=_click(draw) if draw.random() < 0.6 else None,
    )


def _click(draw: random.Random) -> str:
    return "IwAR" + "".join(draw.choices(_BASE64URL, k=57))


def _address(draw: random.Random, number: int) -> str:
    """From the ranges that are kept for documentation (RFC 5737, RFC 3849)."""
    if draw.random() < 0.4:
        return f"2001:db8:{number:x}::{draw.randrange(1, 0xFFFF):x}"
    return f"{draw.choice(('192.0.2', '198.51.100', '203.0.113'))}.{1 + number % 254}"
