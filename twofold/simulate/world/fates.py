"""What becomes of each order of a world: who bought what and how, was it confirmed, carried, taken, sent back.

Owns the drawing. Pure: one seed and one last day make one world on every machine. Everything that would happen after the
last day has not happened. Money's further way is `money`'s.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from twofold.simulate.world.scenario import Article, Campaign, Courier, Scenario

CENT = Decimal("0.01")
LATER = 50_000
"""By how much the number of an order is larger than the one of the order that it was written for."""
FIRST_ID = 6_100_000_000_000
CALL_S = 20 * 3600  # within which a call confirms or does not
_FIRST = ("Nino", "Giorgi", "Anja", "Tom", "Mary", "Levan", "Chloe", "Omar", "Olena", "Tamar", "Jonas", "Salome")
_LAST = (
    "Beridze",
    "Kapanadze",
    "Fielding",
    "Weiss",
    "Lomidze",
    "Lefevre",
    "Shevchenko",
    "Haddad",
    "Gelashvili",
    "Novak",
)


class Person(Struct, frozen=True, kw_only=True):
    """An invented buyer in the clear."""

    first: str
    last: str
    email: str
    phone: str
    account: str

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


class Piece(Struct, frozen=True, kw_only=True):
    article: Article
    quantity: int
    cross_sold: bool = False


class Replaced(Struct, frozen=True):
    """An order that was given up for another one. ``named``: the buyer's transfer names this one, and not the later."""

    number: int
    placed_at: int
    pieces: tuple[Piece, ...]
    total: Decimal
    named: bool


class Fate(Struct, frozen=True, kw_only=True):
    """One order with all that happened to it up to the last day. Times are Unix s; None: it did not happen."""

    number: int
    id: int
    sale: str  # "web", "chat", "phone"
    method: str  # "card", "cod", "transfer", "voucher"
    placed_at: int
    person: Person
    pieces: tuple[Piece, ...]
    total: Decimal
    campaign: Campaign | None
    device: str  # on which it was clicked
    bought_on: str
    seen_by_ga4: bool
    confirmed_at: int | None = None
    cancelled_at: int | None = None
    paid_at: int | None = None  # by card, or by transfer on the bank
    courier: Courier | None = None
    parcel: str = ""
    shipped_at: int | None = None
    delivered_at: int | None = None
    refused_at: int | None = None
    returned_at: int | None = None
    lost_at: int | None = None
    taken: Decimal = Decimal(0)  # at the door
    refunds: tuple[tuple[int, Decimal], ...] = ()
    disputed_at: int | None = None
    transferred: Decimal = Decimal(0)
    names_number: bool = True
    refund_bounces: bool = False  # what is given back by transfer does not reach the buyer at first
    currency: str = ""  # of its prices and its money, where it is not the world's
    replaced: Replaced | None = None  # the order in whose place it was written
    edited_from: Decimal | None = None  # its total before an article was added
    second: str = ""  # its second parcel
    second_due: Decimal = Decimal(0)
    second_refused: bool = False
    won_at: int | None = None  # when a dispute was decided for the shop
    in_second: bool = False  # ordered in the second shop, whose numbers are the first one's, too

    @property
    def serial(self) -> int:
        """A number that no other order of the world has, whichever shop it is of."""
        return self.id - FIRST_ID

    @property
    def due(self) -> Decimal:
        """What is to be paid in money."""
        return Decimal(0) if self.method == "voucher" else self.total

    @property
    def kept(self) -> Decimal:
        """What of a delivered order the buyer took."""
        return self.total - self.second_due * self.second_refused

    @property
    def refunded(self) -> Decimal:
        return sum((amount for _, amount in self.refunds), Decimal(0))

    @property
    def station(self) -> str:
        """Where it stands, in the words of the chain."""
        if self.lost_at is not None:
            return "lost"
        if self.refused_at is not None:
            return "refused"
        if self.returned_at is not None:
            return "returned"
        if self.delivered_at is not None:
            return "delivered"
        if self.cancelled_at is not None:
            return "cancelled"
        if self.shipped_at is not None:
            return "in_transit"
        return "not_shipped" if self.confirmed_at is not None else "unconfirmed"


class Calendar(Struct, frozen=True):
    """The days of a world in its zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def end(self) -> int:
        """The moment at which the world stops: the last second of its last day."""
        return self.at(self.last + timedelta(days=1)) - 1

    def at(self, day: date, seconds: int = 0) -> int:
        return int(datetime.combine(day, time(), self.zone).timestamp()) + seconds

    def day(self, at: int) -> date:
        return datetime.fromtimestamp(at, self.zone).date()

    def text(self, at: int) -> str:
        return datetime.fromtimestamp(at, self.zone).isoformat()


def today_of(told: Scenario, now: float) -> date:
    """The day of a moment (Unix s) where the shop is: a world that ends with yesterday is over there."""
    return datetime.fromtimestamp(now, ZoneInfo(told.zone)).date()


def calendar_of(told: Scenario, today: date) -> Calendar:
    last = told.last_day(today)
    return Calendar(last - timedelta(days=told.days - 1), last, ZoneInfo(told.zone))


def rates_of(told: Scenario, calendar: Calendar) -> dict[date, Decimal]:
    """What one unit of the spend currency is worth (of the world's, for EUR), by the bank days of the world."""
    days = [calendar.first + timedelta(days=n) for n in range(-10, told.days)]
    days = [day for day in days if day.weekday() < 5]
    return {day: (told.rate * (100 + n % 5) / 100).quantize(Decimal("0.0001")) for n, day in enumerate(days)}


def draw_fates(told: Scenario, calendar: Calendar) -> tuple[Fate, ...]:
    """Every order of the world, by its time."""
    draw = random.Random(f"twofold/world/{told.seed}")
    placed = []
    for number in range(told.days):
        day = calendar.first + timedelta(days=number)
        count = max(1, told.orders_per_day + draw.choice((-1, 0, 0, 1)))
        placed += [calendar.at(day, draw.randrange(told.hours[0] * 3600, told.hours[1] * 3600)) for _ in range(count)]
    placed.sort()
    fates = tuple(_Drawer(told, calendar, draw).order(place, at) for place, at in enumerate(placed))
    return _in_two_shops(told, draw, fates) if told.second_shop else fates


def _in_two_shops(told: Scenario, draw: random.Random, fates: tuple[Fate, ...]) -> tuple[Fate, ...]:
    """A share of the web orders as a second shop's, whose first number is the first one's: each has the number of another order.
    Their pages tell a property of GA4 of their own, of which nothing is here."""
    second = {fate.id for fate in fates if fate.sale == "web" and draw.random() < told.second_shop}
    numbers = iter([fate.number for fate in fates if fate.sale == "web" and fate.id not in second])
    return tuple(
        _with(fate, in_second=True, number=next(numbers, fate.number), seen_by_ga4=False) if fate.id in second else fate
        for fate in fates
    )


class _Drawer:
    def __init__(self, told: Scenario, calendar: Calendar, draw: random.Random) -> None:
        self._told, self._calendar, self._draw = told, calendar, draw

    def order(self, place: int, at: int) -> Fate:
        told, draw = self._told, self._draw
        sale = "chat" if draw.random() < told.chat else "phone" if draw.random() < told.phone else "web"
        method = self._method(sale)
        pieces = self._pieces(sale)
        goods = sum((p.article.price * p.quantity for p in pieces), Decimal(0))
        campaign = self._campaign(sale)
        phone_first = sale == "web" and campaign is not None and draw.random() < told.two_devices
        device = "phone" if phone_first or draw.random() < 0.5 else "computer"
        fate = Fate(
            number=told.first_number + place,
            id=FIRST_ID + told.first_number + place,
            sale=sale,
            method=method,
            placed_at=at,
            person=self._person(place),
            pieces=pieces,
            total=goods + told.shipping,
            campaign=campaign,
            device=device,
            bought_on="computer" if phone_first else device,
            seen_by_ga4=sale == "web" and draw.random() >= told.ga4_misses,
        )
        return self._known(self._carried(self._decided(self._replaced(self._foreign(self._changed(fate))))))

    def _foreign(self, fate: Fate) -> Fate:
        """Priced in the currency of the advertising, and paid by transfer."""
        told = self._told
        if fate.sale == "web" or not told.foreign or self._draw.random() >= told.foreign:
            return fate
        pieces = tuple(
            structs.replace(p, article=structs.replace(p.article, price=cents(p.article.price / told.rate)))
            for p in fate.pieces
        )
        total = cents(told.shipping / told.rate) + sum((p.article.price * p.quantity for p in pieces), Decimal(0))
        return _with(fate, currency=told.spend_currency, method="transfer", pieces=pieces, total=total)

    def _replaced(self, fate: Fate) -> Fate:
        """Another order in its place, with other goods; who pays in advance gets the same in another colour."""
        told, draw = self._told, self._draw
        if fate.sale == "web" or not told.replaced or draw.random() >= told.replaced:
            return fate
        at = fate.placed_at + draw.randrange(600, CALL_S)
        if at > self._calendar.end:
            return fate
        old = Replaced(fate.number, fate.placed_at, fate.pieces, fate.total, draw.random() < 0.5)
        fate = _with(fate, number=fate.number + LATER, id=fate.id + LATER, placed_at=at, replaced=old)
        if fate.method == "transfer":
            return fate
        pieces = self._pieces(fate.sale)
        total = sum((p.article.price * p.quantity for p in pieces), Decimal(0)) + told.shipping
        return _with(fate, pieces=pieces, total=total)

    def _changed(self, fate: Fate) -> Fate:
        """Edited after it was placed, or paid by gift card."""
        told, draw = self._told, self._draw
        if fate.sale != "web":
            return fate
        if told.edited and fate.method != "card" and len(fate.pieces) > 1 and draw.random() < told.edited:
            added = fate.pieces[-1]
            fate = _with(fate, edited_from=fate.total - added.article.price * added.quantity)
        if told.vouchers and fate.edited_from is None and draw.random() < told.vouchers:
            fate = _with(fate, method="voucher")
        return fate

    def _method(self, sale: str) -> str:
        draw, told = self._draw.random(), self._told
        card = told.card if sale == "web" else 0.0
        return "card" if draw < card else "transfer" if draw < card + told.transfer else "cod"

    def _pieces(self, sale: str) -> tuple[Piece, ...]:
        draw, articles = self._draw, self._told.articles
        chosen = draw.sample(articles, min(len(articles), draw.choice((1, 1, 1, 2, 2, 3))))
        found = [Piece(article=a, quantity=draw.choice((1, 1, 1, 2))) for a in chosen]
        others = [a for a in articles if a not in chosen]
        if sale == "chat" and others and draw.random() < self._told.cross_sell:
            found.append(Piece(article=draw.choice(others), quantity=1, cross_sold=True))
        return tuple(found)

    def _campaign(self, sale: str) -> Campaign | None:
        left = self._draw.random()
        for campaign in self._told.campaigns if sale != "phone" else ():
            if left < campaign.share:
                return campaign
            left -= campaign.share
        return None

    def _person(self, place: int) -> Person:
        draw = self._draw
        first, last = draw.choice(_FIRST), draw.choice(_LAST)
        return Person(
            first=first,
            last=f"{last}{'abcdefghijklmnopqrstuvwxyz'[place % 26]}",  # names of buyers of one amount must not be one
            email=f"{first.lower()}.{last.lower()}{place}@example.com",
            phone=f"+9955551{place % 100_000:05}",
            account=iban("GE", f"TB{draw.randrange(10**15, 10**16)}"),
        )

    def _decided(self, fate: Fate) -> Fate:
        """Called or paid, or neither."""
        told, draw = self._told, self._draw
        called = fate.placed_at + draw.randrange(600, CALL_S)
        if fate.method == "card":
            fate = _with(fate, paid_at=fate.placed_at + 30, confirmed_at=fate.placed_at + 30)
            if draw.random() < told.card_cancelled:
                back = fate.placed_at + draw.randrange(3600, 10 * 3600)
                fate = _with(fate, cancelled_at=back, refunds=((back + 60, fate.due),))
        elif fate.method == "voucher":
            fate = _with(fate, confirmed_at=fate.placed_at + 30)
        elif fate.method == "transfer":
            if draw.random() < told.never_transferred:
                return _with(fate, cancelled_at=fate.placed_at + 5 * 86_400)
            paid = fate.placed_at + draw.randrange(0, 3) * 86_400 + 3600
            # Who forgets the number is found by name and amount, so the amount is right: more is nobody's to tell.
            named = draw.random() >= told.number_forgotten
            over = draw.choice((Decimal(0), Decimal(0), Decimal(0), Decimal("0.50"))) if named else Decimal(0)
            fate = _with(fate, paid_at=paid, confirmed_at=paid, transferred=fate.total + over, names_number=named)
        elif draw.random() < told.unreached:
            return fate
        elif draw.random() < told.declined:
            return _with(fate, cancelled_at=called)
        else:
            fate = _with(fate, confirmed_at=called)
        return fate

    def _carried(self, fate: Fate) -> Fate:
        """Shipped the day after, and what the courier made of it."""
        told, draw, calendar = self._told, self._draw, self._calendar
        if fate.confirmed_at is None or fate.cancelled_at is not None:
            return fate
        courier = draw.choices(told.couriers, [c.share for c in told.couriers])[0]
        shipped = calendar.at(calendar.day(fate.confirmed_at) + timedelta(days=1), 10 * 3600 + draw.randrange(7200))
        arrived = shipped + draw.randint(*courier.transit_days) * 86_400 + draw.randrange(3600)
        parcel = f"{courier.name[:2].upper()}{fate.number}{draw.randrange(1000, 9999)}"
        fate = _with(fate, courier=courier, parcel=parcel, shipped_at=shipped)
        cash = fate.method == "cod"
        luck = draw.random()
        if luck < courier.lost:
            fate = _with(fate, lost_at=arrived + 6 * 86_400)
            return self._give_back(fate, fate.lost_at) if not cash else fate
        if cash and luck < courier.lost + courier.refused:
            return _with(fate, refused_at=arrived)
        if cash and told.split and draw.random() < told.split:
            due = cents(fate.due / 3)
            fate = _with(fate, second=f"{parcel}-2", second_due=due, second_refused=draw.random() < 0.5)
        taken = fate.kept if cash else Decimal(0)
        if cash and draw.random() < courier.short and fate.total > courier.short_by:
            taken -= courier.short_by
        fate = _with(fate, delivered_at=arrived, taken=taken)
        if not cash and draw.random() < courier.returned:
            back = arrived + draw.randint(3, 8) * 86_400
            return self._give_back(_with(fate, returned_at=back), back)
        if fate.method == "card" and draw.random() < told.provider.disputed:
            at = arrived + draw.randint(2, 6) * 86_400
            won = told.provider.disputes_won and draw.random() < told.provider.disputes_won
            return _with(fate, disputed_at=at, won_at=at + 9 * 86_400 if won else None)
        if fate.method == "card" and draw.random() < told.partly_refunded:
            part = (fate.due * Decimal(draw.choice(("0.2", "0.25", "0.5")))).quantize(CENT, ROUND_HALF_UP)
            return _with(fate, refunds=((arrived + 2 * 86_400, part),))
        return fate

    def _give_back(self, fate: Fate, at: int | None) -> Fate:
        """A buyer who paid in advance gets all of it back the day after."""
        if at is None or fate.method == "voucher":
            return fate
        amount, told = fate.transferred if fate.method == "transfer" else fate.due, self._told
        may_bounce = told.refunds_bounce and fate.method == "transfer" and not fate.currency
        bounces = bool(may_bounce) and self._draw.random() < told.refunds_bounce
        return _with(fate, refunds=((at + 86_400, amount),), refund_bounces=bounces)

    def _known(self, fate: Fate) -> Fate:
        """Without what lies after the world's end."""
        end = self._calendar.end
        names = ("confirmed_at", "cancelled_at", "paid_at", "shipped_at", "delivered_at", "refused_at", "returned_at", "lost_at",
                 "disputed_at", "won_at")  # fmt: skip
        changes: dict[str, object] = {name: None for name in names if (getattr(fate, name) or 0) > end}
        if fate.shipped_at is not None and fate.shipped_at > end:
            changes |= {"courier": None, "parcel": ""}
        if fate.delivered_at is not None and fate.delivered_at > end:
            changes |= {"taken": Decimal(0), "second_refused": False}
        if fate.paid_at is not None and fate.paid_at > end:
            changes["transferred"] = Decimal(0)
        changes["refunds"] = tuple((at, amount) for at, amount in fate.refunds if at <= end)
        return _with(fate, **changes)


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def iban(country: str, bare: str) -> str:
    """An account number with right check digits (ISO 7064)."""
    number = int("".join(str(int(sign, 36)) for sign in f"{bare}{country}00"))
    return f"{country}{98 - number % 97:02}{bare}"


def weekdays(calendar: Calendar, weekday: int, more: int = 0) -> Iterator[date]:
    """Every such weekday of the world, and of some days after it."""
    day = calendar.first + timedelta(days=(weekday - calendar.first.weekday()) % 7)
    while day <= calendar.last + timedelta(days=more):
        yield day
        day += timedelta(days=7)


def bank_day(day: date, later: int) -> date:
    """So many bank days later; the week's end is none."""
    while later or day.weekday() > 4:
        day += timedelta(days=1)
        later -= day.weekday() < 5 and later > 0
    return day


def _with(fate: Fate, **changes: object) -> Fate:
    return Fate(**{name: getattr(fate, name) for name in fate.__struct_fields__} | changes)
