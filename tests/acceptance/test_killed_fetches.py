"""Killed in the middle of questions to shops: every order that was named or listed comes once, in its last state, and the lists' places are right.

The real command on a real folder. A shop that is asked by the id of a notice, one whose list of changes is read, and a platform that
writes down what it gets. The shops themselves choose when the gateway dies: with a question that they have read and never answer, or
some milliseconds after an answer, so that it dies while it takes the answer in.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from gateway_process import Gateway, Meanwhile, gateway

sys.path += [str(Path(__file__).parents[1] / name) for name in ("fetching", "collect", "pulling", "sources/payments")]
from asked_shops import SECRET, TOKEN, BigCommerce, bigcommerce_order, bigcommerce_product, mail, notice
from listing_shops import Magento, magento_order
from stand_in import Asked, Reply, StandIn, standing_in

from tests.fakes.graph import FakeGraph, in_thread
from twofold.ledger.model import Paid
from twofold.ledger.state import decode_state
from twofold.store.engines import open_reader
from twofold.store.fetches.book import MOST_WAITING

LONG = bool(os.environ.get("TWOFOLD_LONG"))
NAMED, LISTED, KILLS = (200, 300, 60) if LONG else (24, 108, 8)  # LISTED: more than a page of the list, which holds 100
SEED = int(os.environ.get("TWOFOLD_SEED", "20261129"))
DEADLINE_S = 300
MOMENTS = (("list", "asked"), ("thing", "answered"), ("thing", "asked"), ("list", "answered"))
DATASET = "1234567890"
NAMING, LISTING = "big.example", "mag.example"
TOML = """
[[dataset]]
id = "{dataset}"
hold_s = {{ Purchase = 0.2 }}
[[source]]
type = "bigcommerce"
dataset = "{dataset}"
shop = "{naming}"
secret = "{secret}"
endpoint = "{named_at}/stores/abc123"
token = "{token}"
every_minutes = 0
asks_per_minute = 6000
[[source]]
type = "magento"
dataset = "{dataset}"
shop = "{listing}"
endpoint = "{listed_at}"
token = "{token}"
asks_per_minute = 6000
[[destination]]
platform = "meta"
dataset = "{dataset}"
endpoint = "{endpoint}"
token = "token-of-the-platform"
batch = 20
"""


@dataclass
class Killer:
    """Kills each life of the gateway once, at questions for a thing and for a list, before and after an answer, in turn; none once it had
    its fill. ``pid``: of the life that is to end."""

    chance: random.Random
    left: int
    pid: int | None = None
    _passed: int = 0  # questions of the kind that is waited for
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def around(self, shop: Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
        def answer(asked: Asked) -> Reply:
            pid, moment = self._moment("list" if "searchCriteria[pageSize]" in asked.query else "thing")
            if moment == "asked":
                os.kill(pid, signal.SIGKILL)
                return Reply(cut=True, body=b"never read")
            reply = shop(asked)
            if moment == "answered":
                threading.Timer(self.chance.uniform(0, 0.02), os.kill, (pid, signal.SIGKILL)).start()
            return reply

        return answer

    def _moment(self, kind: str) -> tuple[int, str]:
        wanted, moment = MOMENTS[self.left % len(MOMENTS)]
        with self._lock:
            pid = self.pid
            if self.left <= 0 or pid is None or kind != wanted:
                return 0, ""
            self._passed += 1
            if kind == "thing" and self._passed < self.chance.randrange(1, 12):
                return 0, ""
            self.left, self.pid, self._passed = self.left - 1, None, 0
            return pid, moment


@dataclass
class Notices:
    """Tells of orders until each was answered. BigCommerce does so, too: what has no answer is sent again."""

    url: str
    left: list[int]
    failures: list[str] = field(default_factory=list)

    def run(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while self.left and time.monotonic() < deadline:
            try:
                body = notice(self.left[0], "store/order/updated")
                answer = requests.post(f"{self.url}/webhooks/bigcommerce/{NAMING}/{SECRET}", data=body, timeout=60)
            except requests.RequestException:
                time.sleep(0.02)
                continue
            if answer.status_code == 200:
                self.left.pop(0)
                time.sleep(0.02)
            elif answer.status_code != 503:
                self.failures.append(f"{answer.status_code} {answer.text[:200]}")
                return


@dataclass
class Shops:
    """Two shops. What they were told last is what must come."""

    named: BigCommerce
    listed: Magento
    begin: int  # Unix s: before the first look
    newest: int = 0  # Unix s: of the listed shop's newest change

    def name(self, number: int, paid: bool) -> None:
        state = {} if paid else {"payment_status": "capture pending"}
        products = [bigcommerce_product()] if number not in self.named.orders else []
        placed = mail(self.begin)
        self.named.put(bigcommerce_order(number, self.begin + 5 * paid, date_created=placed, **state), products)

    def list(self, entity: int, at: int, paid: bool) -> None:
        money = {} if paid else {"base_total_paid": None, "total_paid": None}
        text = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        self.listed.put(magento_order(entity, text, created_at=text, **money))
        self.newest = max(self.newest, at)


@pytest.fixture
def played(tmp_path: Path) -> Iterator[tuple[Gateway, Shops, Killer, FakeGraph, Notices]]:
    """Everything told, killed and begun again until nothing is wanted any more."""
    now = int(time.time())
    shops, killer = Shops(BigCommerce(), Magento(), now - 60), Killer(random.Random(SEED), KILLS)
    numbers = range(1, NAMED + 1)
    for number in numbers:
        shops.name(number, paid=False)
    for entity in range(1, LISTED + 1):
        shops.list(entity, now - 400 + entity, paid=entity % 2 == 0)
    with (
        in_thread() as platform,
        standing_in(killer.around(shops.named)) as named_at,
        standing_in(killer.around(shops.listed)) as listed_at,
    ):
        toml = TOML.format(
            dataset=DATASET, naming=NAMING, listing=LISTING, secret=SECRET, token=TOKEN, endpoint=platform.url,
            named_at=named_at.url, listed_at=listed_at.url,
        )  # fmt: skip
        with gateway(toml, tmp_path / "data") as g:
            killer.pid, told = g.pid, Notices(g.url, [*numbers])
            _play(g, shops, killer, told)
            _settle(g, shops)
            yield g, shops, killer, platform, told
            _ask_no_more(g, named_at, listed_at)


def _play(g: Gateway, shops: Shops, killer: Killer, told: Notices) -> None:
    """Half of the orders change while the gateway dies and begins again; in the last lives all that is told is the end of the story."""
    sender = Meanwhile(target=told.run)
    sender.start()
    second, deadline = list(range(1, NAMED + 1)), time.monotonic() + DEADLINE_S
    while killer.left > 0 or sender.is_alive() or second:
        assert time.monotonic() < deadline, (killer.left, told.left[:3])
        if second and not sender.is_alive():
            for number in second:
                shops.name(number, paid=True)
            told.left, second = second, []
            sender = Meanwhile(target=told.run)
            sender.start()
        if not g.running:
            if killer.left % 3 == 0:  # another page's worth of news, seen at the next look
                entity = 1 + 2 * killer.left
                shops.list(entity, int(time.time()), paid=True)
            g.start()
            killer.pid = g.pid if killer.left > 0 else None
        elif killer.pid is not None and not sender.is_alive() and _quiet(g):
            killer.pid = None
            g.kill()  # nothing is asked any more in this life: a look at the list begins the next
        time.sleep(0.02)
    time.sleep(0.2)  # a kill that was meant for the last answer
    if not g.running:
        g.start()
    for entity in range(1, LISTED + 1, 2):
        shops.list(entity, int(time.time()), paid=True)
    g.kill()
    g.start()


def _rows(g: Gateway, sql: str) -> list[tuple[Any, ...]]:
    db = open_reader(g.data)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def _quiet(g: Gateway) -> bool:
    return not _rows(g, "select 1 from fetch_wanted") and bool(_rows(g, "select 1 from fetch_door where until > 0"))


def _settle(g: Gateway, shops: Shops) -> None:
    """Until the list was read to its newest change, nothing is wanted and nothing waits to be sent."""
    deadline = time.monotonic() + DEADLINE_S
    newest = f"select 1 from fetch_door where until >= {shops.newest}"
    while not _rows(g, newest) or not _quiet(g) or g.rows("deliveries", state="waiting"):
        assert time.monotonic() < deadline, (_rows(g, "select * from fetch_wanted limit 3"), g.output()[-2000:])
        assert g.running, g.output()[-2000:]
        time.sleep(0.2)


def _ask_no_more(g: Gateway, *shops: StandIn) -> None:
    """What came is not asked for again: another life looks at the list once, and at no order."""
    before = [len(shop.asked) for shop in shops]
    g.kill()
    g.start()
    deadline = time.monotonic() + DEADLINE_S
    while len(shops[1].asked) == before[1]:
        assert time.monotonic() < deadline, "the list was not looked at"
        time.sleep(0.02)
    time.sleep(0.5)
    later = [one.path for shop, known in zip(shops, before, strict=True) for one in shop.asked[known:]]
    assert set(later) == {"/rest/V1/orders"}


def test_killed_in_the_middle_of_questions(played: tuple[Gateway, Shops, Killer, FakeGraph, Notices]) -> None:
    g, shops, killer, platform, told = played
    orders = {f"{number}" for number in range(1, NAMED + 1)} | {f"{entity:09}" for entity in range(1, LISTED + 1)}
    assert len(orders) < MOST_WAITING
    assert (killer.left, told.left, told.failures) == (0, [], [])

    # Nothing is lost, and what came last stands.
    states = {str(name): decode_state(bytes(state)) for name, state in _rows(g, "select order_id, state from orders")}
    assert states.keys() == orders
    assert {name for name, state in states.items() if state.paid is not Paid.PAID} == set()

    # Nothing is doubled: one Purchase an order, here and at the platform, under one id and with the same bytes each time.
    actions = g.rows("actions", name="Purchase")
    assert sorted(one["order_id"] for one in actions) == sorted(orders)
    assert {one["state"] for one in g.rows("deliveries")} == {"delivered"}
    sent: dict[str, set[str]] = defaultdict(set)
    for request in platform.requests:
        for event in request.envelope["data"]:
            sent[event["custom_data"]["order_id"]].add(repr(event))
    assert sent.keys() == orders
    assert [name for name, forms in sent.items() if len(forms) > 1] == []

    # The list's place is its newest change; no name is left on the books of either, and nothing stands against them.
    doors = {str(door): (until, code) for door, until, code in _rows(g, "select door, until, code from fetch_door")}
    assert doors[f"magento:{LISTING}"] == (shops.newest, "")
    assert doors[f"bigcommerce:{NAMING}"][1] == ""
    assert g.rows("refused") == []
    assert g.run("verify").returncode == 0
