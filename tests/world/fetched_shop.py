"""A shop that only names its orders: a notice has an order's number, and what the order is its API says, to whoever asks.

Owns the shop's side (its orders, its notices, what its API answers and when) and what the gateway owes to it: what was named and
acknowledged is asked for until it was had. What must come of an order is `promises`'s to say.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import pytest

from tests.world.promises import LATEST_MS, WEBHOOK, Copy, Promises
from tests.world.requests_in import SITE
from tests.world.steps import SHOP, SHOP_ANSWERS, Person, Thing
from twofold.fetching import worker
from twofold.fetching.schedule import Fetches
from twofold.pulling.exchange import Answer, Unreached

TOKEN, WORD = "token-of-the-shop-0123456", "word-in-the-address-0123"
DOOR = f"bigcommerce:{SITE}"
SOON_S, LATE_S, TIMEOUT_S = 0.05, 3.0, 30.0
UNKNOWN_MS = 300_000
"""So long after it was named an order that the shop does not know may be given up."""


class Machine(Protocol):
    """What the shop shares with its world."""

    promises: Promises
    people: list[Person]
    things: list[Thing]

    def is_gone(self) -> bool: ...
    def steady(self) -> int: ...
    def line(self, name: str) -> None: ...
    def shop_clock_s(self) -> int: ...
    def jumped_at(self) -> int:
        """When the gateway's clock was last wrong, by the steady clock; -1 for never."""
        ...


class Order(NamedTuple):
    """As the shop has it. ``version``: when it changed last, s."""

    thing: int
    word: str
    version: int
    placed_s: int


class Had(NamedTuple):
    """What came to the gateway of an order."""

    order: Order
    copy: Copy


class FetchedShop:
    """``list_minutes``: how often its list of changes is read; 0: never."""

    def __init__(self, machine: Machine, list_minutes: int) -> None:
        self.list_minutes = list_minutes
        self._machine = machine
        self._answers: deque[str] = deque()
        self._orders: dict[int, Order] = {}
        self._owed: dict[
            int, int
        ] = {}  # thing -> the version of which a notice was acknowledged, or that a list must show
        self._named_at: dict[int, int] = {}  # thing -> since when it may be wanted, by the steady clock
        self._doubtful: set[int] = set()  # it may have been given up
        self._had: dict[int, Had] = {}
        self._kept: set[int] = set()  # of those, what is surely on disk
        self._is_listed = False
        self._read: Order | None = None  # by the question that runs
        self._takes_s = SOON_S

    # -- the shop

    def answers(self, numbers: Collection[int]) -> None:
        """What its API does with the next questions."""
        self._answers += [SHOP_ANSWERS[n % len(SHOP_ANSWERS)] for n in numbers]

    def recover(self) -> None:
        self._answers.clear()

    def change(self, thing: int, word: str, version: int) -> None:
        known = self._orders.get(thing)
        placed = known.placed_s if known is not None else self._machine.shop_clock_s() - 30
        self._orders[thing] = Order(thing, word, version, placed)
        if self._is_listed and self.list_minutes:
            self._owes(thing, version)

    def noticed(self, thing: int, version: int, *, known: bool) -> None:
        """A notice left while the order had this version. ``known``: it was acknowledged."""
        self._named_at.setdefault(thing, self._machine.steady())
        if known:
            self._owes(thing, version)

    def version(self, thing: int) -> int:
        return self._orders[thing].version

    def _owes(self, thing: int, version: int) -> None:
        self._owed[thing] = max(version, self._owed.get(thing, 0))

    # -- what the gateway owes

    def look(self, wanted: Collection[str], is_listed: bool) -> None:
        """``wanted``: what stands in the gateway's book. Nobody writes now."""
        self._is_listed = is_listed
        promises, numbers = self._machine.promises, {name.partition(":")[2] for name in wanted}
        for thing, version in self._owed.items():
            had = self._had.get(thing)
            is_had = had is not None and had.order.version >= version
            by_notice = is_had or self._machine.things[thing].order in numbers or thing in self._doubtful
            if not by_notice and not self.list_minutes:
                promises.breaks(f"order of thing {thing} was named and is asked for no more")
        for thing, had in self._had.items():
            if thing not in self._kept and self._machine.things[thing].order not in numbers:
                self._keeps(thing, had)

    def _keeps(self, thing: int, had: Had) -> None:
        """Nobody asks for it any more: what was had stands on disk."""
        promises, order = self._machine.promises, had.order
        self._kept.add(thing)
        self._named_at.pop(thing, None)
        promises.order_told(thing, order.word, order.version, known=True)
        is_late = self._machine.steady() - had.copy.at_ms > LATEST_MS
        if order.word != "cancelled" and not is_late:
            had.copy.known, had.copy.step = True, promises.step

    def at_the_end(self, wanted: Collection[str]) -> None:
        """Everybody has had the time that he needs."""
        promises = self._machine.promises
        if wanted:
            promises.breaks(f"orders that are asked for without an end: {sorted(wanted)}")
        for thing, version in self._owed.items():
            had = self._had.get(thing)
            if (had is None or had.order.version < version) and thing not in self._doubtful:
                promises.breaks(f"order of thing {thing} was never had as it was told, at {version}")

    def lost(self) -> None:
        """Somebody accepted that what was promised is gone."""
        self._owed.clear()
        self._had.clear()
        self._kept.clear()
        self._is_listed = False

    # -- its API

    async def asked(self, question: Callable[[], Any]) -> Any:
        """In the place of a thread: one question, and the time that it takes."""
        self._read, self._takes_s = None, SOON_S
        result, failure = None, None
        try:
            result = question()
        except Exception as err:
            failure = err
        read, takes_s = self._read, self._takes_s
        await asyncio.sleep(takes_s)
        self._machine.line("the shop answered")
        if failure is not None:
            raise failure
        if read is not None and isinstance(result, bytes):
            self._comes(read)
        return result

    def _comes(self, order: Order) -> None:
        """From here on the gateway has it."""
        if self._machine.is_gone():
            return
        promises, thing = self._machine.promises, order.thing
        copy = promises.sent(thing, WEBHOOK, self._machine.steady() - 1000 * self._age_s(order))
        promises.order_told(thing, order.word, order.version, known=False)
        known = self._had.get(thing)
        if known is None or order.version >= known.order.version:
            self._had[thing] = Had(order, copy)
        self._kept.discard(thing)
        self._doubtful.discard(thing)

    def _age_s(self, order: Order) -> int:
        return max(self._machine.shop_clock_s() - order.placed_s, 0)

    def get(self, url: str, query: Mapping[str, str] | None, headers: Mapping[str, str] | None) -> Answer:
        """What a question gets. Raises `Unreached`."""
        if self._machine.is_gone():
            raise Unreached("the machine is gone")
        self._machine.line("a shop is asked")
        word = self._answers.popleft() if self._answers else "ok"
        path, number = urlsplit(url).path.removeprefix("/stores/abc/v2/orders"), 0
        if path:
            number = int(path.split("/")[1])
        if (headers or {}).get("X-Auth-Token") != TOKEN or not self._is_known(path, number):
            return _said(404, {"status": 404})
        if word == "unknown" and (not path or path.endswith("/products")):
            word = "down"
        if word == "unknown":
            self._doubts(number)
        return self._spoken(word, lambda: self._shown(path, number, query or {}))

    def _is_known(self, path: str, number: int) -> bool:
        return not path or any(self._number(one) == number for one in self._orders.values())

    def _doubts(self, number: int) -> None:
        """An order that is not known to a shop for long may be given up."""
        for one in self._orders.values():
            since = self._named_at.get(one.thing, 0)
            is_long = self._machine.steady() - since >= UNKNOWN_MS or self._machine.jumped_at() >= since
            if self._number(one) == number and is_long:
                self._doubtful.add(one.thing)

    def _spoken(self, word: str, shown: Callable[[], tuple[int, bytes]]) -> Answer:
        match word:
            case "away":
                raise Unreached("nobody listens there")
            case "cut":
                raise Unreached("the answer ended in the middle")
            case "slow":
                self._takes_s += TIMEOUT_S
                raise Unreached("no answer in time")
            case "down":
                return _said(503, {"status": 503, "title": "down"})
            case "throttled":
                return _said(429, {"status": 429})
            case "patience":
                return _said(429, {"status": 429}, {"retry-after": "120"})
            case "absurd":
                return _said(429, {"status": 429}, {"retry-after": "315360000"})
            case "token":
                return _said(401, {"status": 401, "title": "X-Auth-Token header is required"})
            case "forbidden":
                return _said(403, {"status": 403})
            case "unknown":
                return _said(404, [{"status": 404, "message": "The requested resource was not found."}])
            case "page":
                return Answer(200, {}, b"<html>fine</html>")
            case "torn":
                return Answer(200, {}, shown()[1][:-7])
            case "late":
                self._takes_s += LATE_S
        status, content = shown()
        now = format_datetime(datetime.fromtimestamp(self._machine.shop_clock_s(), UTC))
        return Answer(status, {"date": now}, content)

    def _shown(self, path: str, number: int, query: Mapping[str, str]) -> tuple[int, bytes]:
        if not path:
            since = datetime.fromisoformat(query["min_date_modified"]).timestamp()
            found = [self._document(one) for one in self._orders.values() if one.version >= since]
            found.sort(key=lambda one: one["id"])
            return (200, json.dumps(found).encode()) if found and query["page"] == "1" else (204, b"")
        order = next(one for one in self._orders.values() if self._number(one) == number)
        if path.endswith("/products"):
            thing = self._machine.things[order.thing]
            line = {"id": 5, "product_id": 77, "sku": "MUG-1", "price_inc_tax": thing.value, "quantity": 1}
            return 200, json.dumps([line]).encode()
        self._read = order
        self._machine.promises.told.add((order.thing, order.word))  # from here on it may be heard
        return 200, json.dumps(self._document(order)).encode()

    def _number(self, order: Order) -> int:
        return int(self._machine.things[order.thing].order or 0)

    def _document(self, order: Order) -> dict[str, Any]:
        """After the schema of its V2 orders, with what is read of them."""
        thing = self._machine.things[order.thing]
        person = self._machine.people[thing.person]
        placed, changed = (format_datetime(datetime.fromtimestamp(at, UTC)) for at in (order.placed_s, order.version))
        status, payment = {"paid": (11, "captured"), "unpaid": (7, "pending"), "cancelled": (5, "captured")}[order.word]
        return {
            "id": self._number(order), "date_created": placed, "date_modified": changed, "status_id": status,
            "payment_status": payment, "payment_method": "Credit Card", "total_inc_tax": thing.value, "total_ex_tax": thing.value,
            "total_tax": "0.0000", "refunded_amount": "0.0000", "items_total": 1, "items_shipped": 0, "is_deleted": False,
            "currency_code": "EUR", "default_currency_code": "EUR", "order_source": "www", "ip_address": person.address,
            "billing_address": {"email": person.email, "country_iso2": "DE"},
        }  # fmt: skip


class ScriptedExchange:
    """In the place of the sockets to a shop."""

    def __init__(self, shop: FetchedShop, now_s: Callable[[], float]) -> None:
        self._shop, self._now_s = shop, now_s
        self.asked = 0

    @property
    def now(self) -> float:
        return self._now_s()

    def get(self, url: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        self.asked += 1
        return self._shop.get(url, query, headers)


@contextmanager
def asked_here(shop: FetchedShop | None) -> Iterator[None]:
    """Questions run where they stand, in virtual time."""
    with pytest.MonkeyPatch.context() as patch:
        if shop is not None:
            patch.setattr(worker, "in_thread", shop.asked)
        yield


def put_in_place(fetches: Fetches, shop: FetchedShop, steady_s: Callable[[], float]) -> None:
    """Of a process that has just been made: its questions and pauses are the world's."""
    for source in fetches.sources.values():
        source._exchange = ScriptedExchange(shop, steady_s)  # type: ignore[assignment]
        source._steady = steady_s
        source._look_at = source._before_names_at = source._pause_until = steady_s()


def settings_of_shop(list_minutes: int) -> dict[str, Any]:
    """What a configuration says of it."""
    return {
        "type": "bigcommerce", "dataset": SHOP, "shop": SITE, "secret": WORD, "token": TOKEN, "every_minutes": list_minutes,
        "endpoint": "http://127.0.0.1:9/stores/abc", "asks_per_minute": 6_000,
    }  # fmt: skip


def _said(status: int, tree: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, json.dumps(tree).encode())
