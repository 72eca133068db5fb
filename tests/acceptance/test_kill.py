"""Killed again and again under load: every action arrives, each under one id, with the same bytes, and the sums hold.

The real command on a real folder, eight clients that retry until they have an answer, and a platform that writes
down what it gets. `TWOFOLD_LONG=1` plays a thousand actions and twenty kills instead of the short version.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import msgspec
import pytest
import requests
from gateway_process import Gateway, gateway

from tests.fakes.graph import FakeGraph, Reply, in_thread

LONG = bool(os.environ.get("TWOFOLD_LONG"))
ACTIONS, KILLS = (1000, 20) if LONG else (150, 5)
CLIENTS, REPEATS = 8, 0.2
SEED = int(os.environ.get("TWOFOLD_SEED", "20260921"))
DEADLINE_S = 600 if LONG else 90
DATASET, KEY = "1234567890", "key-of-the-shop"
TOML = """
[[dataset]]
id = "{dataset}"
key = "{key}"
hold_s = {{ Purchase = 0.3 }}
[[destination]]
platform = "meta"
dataset = "{dataset}"
endpoint = "{endpoint}"
token = "token-of-the-platform"
batch = 20
"""
SHOPPERS = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
SLOWLY = Reply(delay_s=0.03)  # so that kills find requests under way
EMAIL = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"


@dataclass(frozen=True)
class Copy:
    """One action as one channel reports it. Every third action is a purchase whose two channels use different ids."""

    action: int
    channel: str

    @property
    def is_purchase(self) -> bool:
        return self.action % 3 == 0

    @property
    def name(self) -> str:
        return "Purchase" if self.is_purchase else "AddToCart"

    @property
    def event_id(self) -> str:
        return f"{self.channel}-{self.action}" if self.is_purchase else f"action-{self.action}"

    @property
    def custom_data(self) -> dict[str, object]:
        data: dict[str, object] = {"value": self.action + 0.5, "currency": "EUR"}
        data |= {"num_items": 3} if self.channel == "server" else {}
        return data | ({"order_id": f"order-{self.action}"} if self.is_purchase else {})

    @property
    def fbp(self) -> str:
        """The platform's id of the browser, which shops' servers read from its cookie: it proves whose word this is."""
        return f"fb.1.1789999000000.{1_000_000_000 + self.action}"

    def event(self) -> dict[str, object]:
        return {
            "event_name": self.name,
            "event_time": int(time.time()) - 60,
            "event_id": self.event_id,
            "action_source": "website",
            "user_data": {"em": [EMAIL], "external_id": f"customer-{self.action}", "fbp": self.fbp},
            "custom_data": self.custom_data,
        }

    def hit(self) -> dict[str, str]:
        custom = {f"cd[{k}]": str(v) for k, v in self.custom_data.items()}
        return {
            "id": DATASET,
            "ev": self.name,
            "eid": self.event_id,
            "v": "2.9.178",
            "ud[em]": EMAIL,
            "fbp": self.fbp,
            **custom,
        }


def request_of(copies: list[Copy], chance: random.Random) -> tuple[str, str, dict]:
    """(method, path, arguments) of one request that carries these copies, all of one channel."""
    if copies[0].channel == "server":
        body = {"data": [c.event() for c in copies], "access_token": KEY}
        return "POST", f"/v25.0/{DATASET}/events", {"json": body}
    if len(copies) == 1 and chance.random() < 0.5:
        return (
            ("GET", "/tr/", {"params": copies[0].hit()})
            if chance.random() < 0.5
            else ("POST", "/tr/", {"data": copies[0].hit()})
        )
    return "POST", "/t/events", {"json": {"events": [{"dataset": DATASET, **c.event()} for c in copies]}}


def parcels(chance: random.Random) -> list[list[Copy]]:
    """All copies of all actions, a fifth of them twice, shuffled, in requests of one to five."""
    copies = []
    for n in range(ACTIONS):
        channels = chance.choice([["browser", "server"]] * 4 + [["browser"], ["server"]])
        copies += [Copy(n, channel) for channel in channels]
    copies += chance.sample(copies, int(len(copies) * REPEATS))
    chance.shuffle(copies)
    found: list[list[Copy]] = []
    for channel in ("browser", "server"):
        rest = [c for c in copies if c.channel == channel]
        while rest:
            size = chance.choice([1, 1, 1, 2, 5])
            found.append(rest[:size])
            rest = rest[size:]
    chance.shuffle(found)
    return found


@dataclass
class Clients:
    """Eight senders that do not give up. What was answered, and what left without an answer and was sent again."""

    url: str
    answered: Counter[Copy] = field(default_factory=Counter)
    unanswered: Counter[Copy] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wanted: float = float("inf")
    _then: Callable[[], None] = lambda: None
    _reached: threading.Event = field(default_factory=threading.Event)

    @property
    def done(self) -> int:
        return self.answered.total()

    def await_answers(self, wanted: float, then: Callable[[], None]) -> None:
        """Returns once so many copies were answered. The client that got the answer runs ``then`` first of all."""
        self._reached.clear()
        with self._lock:
            self._wanted, self._then = wanted, then
        assert self._reached.wait(DEADLINE_S), self.failures

    def run(self, share: list[list[Copy]], seed: int) -> None:
        chance = random.Random(seed)
        with requests.Session() as http:
            http.headers["User-Agent"] = SHOPPERS  # the library's own name is a robot's, which is not delivered
            for copies in share:
                method, path, what = request_of(copies, chance)
                if not self._send(http, method, path, what, copies):
                    return

    def _send(self, http: requests.Session, method: str, path: str, what: dict, copies: list[Copy]) -> bool:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                answer = http.request(method, f"{self.url}{path}", timeout=60, **what)
            except requests.RequestException as err:
                if "NewConnectionError" not in repr(err):  # nobody listened: it never left
                    self._note(self.unanswered, copies)
                time.sleep(0.02)
                continue
            if answer.status_code == 503:
                time.sleep(0.05)
                continue
            if answer.status_code != 200:
                self.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
                return False
            self._note(self.answered, copies)
            return True
        self.failures.append(f"{method} {path}: no answer in {DEADLINE_S} s")
        return False

    def _note(self, counter: Counter[Copy], copies: list[Copy]) -> None:
        with self._lock:
            counter.update(copies)
            if self.done >= self._wanted:
                self._then()
                self._wanted = float("inf")
                self._reached.set()


def play(g: Gateway, chance: random.Random) -> Clients:
    """Sends everything while the gateway is killed and started on the same folder and port."""
    work, clients = parcels(chance), Clients(g.url)
    total = sum(map(len, work))
    threads = [
        threading.Thread(target=clients.run, args=(work[n::CLIENTS], SEED + n), daemon=True) for n in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for n in range(KILLS):
        # Spread over the work. Every other one at the very moment of an answer, when what was answered is youngest;
        # the others a little later, so that they hit accepting, folding and delivering alike.
        at_once = n % 2 == 0
        wanted = total * (n + chance.random()) / (KILLS + 1)
        clients.await_answers(wanted, partial(os.kill, g.pid, signal.SIGKILL) if at_once else lambda: None)
        if not at_once:
            time.sleep(chance.uniform(0, 0.05))
        g.kill()
        g.start()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    assert clients.failures == []
    assert clients.done == total
    return clients


def received(graph: FakeGraph) -> Iterator[tuple[int, str, bool, bytes]]:
    """(action, event id, whether the server's word is in it, bytes) for each event the platform got, repeats included."""

    class Envelope(msgspec.Struct):
        data: list[msgspec.Raw]

    for request in graph.requests:
        for raw in msgspec.json.decode(request.body, type=Envelope).data:
            event = json.loads(bytes(raw))
            order = event["custom_data"].get("order_id")
            action = int((order or event["event_id"]).rpartition("-")[2])
            yield action, event["event_id"], "num_items" in event["custom_data"], bytes(raw)


def settled(g: Gateway) -> bool:
    """Nothing waits: all was delivered, or a browser's Purchase was called back when its server's copy came."""
    return all(
        row["state"] == "delivered" or (row["state"], row["tier"], row["event_name"]) == ("suppressed", 0, "Purchase")
        for row in g.rows("actions")
    )


def with_server(events: list[dict]) -> set[str]:
    """The orders that a server reported."""
    servers = (e for e in events if (e["channel"], e["event_name"]) == ("server", "Purchase"))
    return {e["event_id"].replace("server-", "order-") for e in servers}


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_by_kills(tmp_path):
    """None lost, none sent under two ids, repeats byte for byte alike, every copy counted once, `verify` exact.

    A server's Purchase has a delivery of its own, under the same id, where its browser's had begun to leave already.
    """
    chance = random.Random(SEED)
    with (
        in_thread([SLOWLY]) as graph,
        gateway(TOML.format(dataset=DATASET, key=KEY, endpoint=graph.url), tmp_path / "data") as g,
    ):
        clients = play(g, chance)
        deadline = time.monotonic() + DEADLINE_S
        while not settled(g):
            assert time.monotonic() < deadline, Counter((r["state"], r["reason"]) for r in g.rows("deliveries"))
            time.sleep(0.2)
        assert g.stop() == 0
        assert g.run("verify").returncode == 0
        events, actions = g.rows("events"), g.rows("actions")

    # The journal: every answered copy is there; more only where a request got no answer and was sent again.
    late = [
        a for a in actions if (a["tier"], a["event_name"]) == (0, "Purchase") and a["order_id"] in with_server(events)
    ]
    assert len(actions) == ACTIONS + len(late)
    journal = Counter((e["event_id"], e["channel"]) for e in events)
    for copy in clients.answered | clients.unanswered:
        least = clients.answered[copy]
        assert least <= journal[copy.event_id, copy.channel] <= least + clients.unanswered[copy]
    assert sum(journal.values()) == sum(a["copies"] for a in actions)
    assert Counter(e["verdict"] for e in events)["first"] == len(actions)
    assert Counter(e["verdict"] for e in events)["conflict"] == 0
    assert {a["order_id"] for a in actions if a["state"] == "suppressed"} <= {a["order_id"] for a in late}

    # The platform: each action once, under one of its own ids, with the same bytes however often.
    ids, bodies = defaultdict(set), defaultdict(set)
    times: Counter[int] = Counter()
    for action, event_id, by_server, raw in received(graph):
        ids[action].add(event_id)
        bodies[action, by_server].add(raw)
        times[action] += 1
    assert set(ids) == set(range(ACTIONS))
    assert {a: found for a, found in ids.items() if len(found) > 1} == {}
    assert {a: found for a, found in bodies.items() if len(found) > 1} == {}
    assert {(a, json.loads(raw)["custom_data"]["value"]) for (a, _), (raw,) in bodies.items()} == {
        (n, n + 0.5) for n in range(ACTIONS)
    }
    assert {f"order-{a}" for a, by_server in bodies if by_server} >= with_server(events)
    twice = {f"order-{a}" for a, by_server in bodies if not by_server and (a, True) in bodies}
    assert twice <= {a["order_id"] for a in late}
    # Each kill can leave one batch a worker had under way in doubt; nothing else is ever sent twice.
    assert times.total() - ACTIONS <= KILLS * 20 * 4 + len(late)
    # Two requests under way with one id: only where they are a browser's word and its server's, which are two deliveries.
    assert {overlap.replace("browser-", "order-") for overlap in graph.overlaps} <= {a["order_id"] for a in late}
