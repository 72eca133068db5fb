"""Several gateways as processes on one PostgreSQL database, and shops that send to any of them: what the tests of them share.

Owns the processes and the outside view: what was acknowledged to a client, what the platform received. It asks the gateways for
nothing but their answers and the exit of `twofold verify`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import twofold
from tests.ports import free_port

DATASET, KEY = "1234567890", "key-of-the-first-dataset"
PATIENCE_S = 240
QUIET_S = 20
LONG = bool(os.environ.get("TWOFOLD_LONG"))


def settings_text(port: int, address: str, graph: str) -> str:
    """A gateway whose store is at this address of PostgreSQL's (empty: in its folder), and which delivers to this stand-in for Meta."""
    store = f'store = "{address}"' if address else ""
    return f"""
[server]
data = "data"
port = {port}
{store}
[[dataset]]
id = "{DATASET}"
key = "{KEY}"
hold_s = {{}}
[[destination]]
platform = "meta"
dataset = "{DATASET}"
token = "token-of-meta"
endpoint = "{graph}"
"""


class Process:
    """One gateway: a folder of its own, a name of its own, a port."""

    def __init__(self, folder: Path, name: str, role: str, address: str, graph: str) -> None:
        self.name, self.role = name, role
        self.folder = folder / name
        self.folder.mkdir()
        self.config = self.folder / "twofold.toml"
        self.port = free_port()
        self.running: subprocess.Popen[bytes] | None = None
        self.program = Path(twofold.__file__).parents[1]
        self.is_embedded = not address  # one process's alone, which needs no name
        self.config.write_text(settings_text(self.port, address, graph))

    @property
    def collects(self) -> bool:
        return self.role != "deliver"

    def start(self) -> None:
        """Returns when it listens."""
        words = [sys.executable, "-m", "twofold", "serve", "--config", str(self.config)]
        if not self.is_embedded:
            words += ["--name", self.name, "--role", self.role]
        with (self.folder / "log").open("ab") as log:
            self.running = subprocess.Popen(
                words, stdout=log, stderr=log, env=self.environ(self.program), cwd=self.folder
            )
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert self.running.poll() is None, f"{self.name} ended:\n{self.log()}"
                assert time.monotonic() < deadline, f"{self.name} does not listen:\n{self.log()}"
                time.sleep(0.05)

    @staticmethod
    def environ(program: Path) -> dict[str, str]:
        """By which Python finds the program in this folder first."""
        return os.environ | {
            "PYTHONPATH": os.pathsep.join([str(program), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        }

    def kill(self) -> None:
        if self.running is not None:
            self.running.send_signal(signal.SIGKILL)
            self.running.wait()

    def log(self) -> str:
        return (self.folder / "log").read_text()[-4_000:]

    def verify(self) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "twofold", "verify", "--full", "--config", str(self.config)]
        return subprocess.run(words, capture_output=True, text=True, env=self.environ(self.program), cwd=self.folder)

    def waiting(self) -> str:
        """The deliveries that wait in the store, some of them; empty where none does."""
        words = [sys.executable, "-m", "twofold", "deliveries", "--json", "--state", "waiting", "--limit", "20"]
        return subprocess.run(
            [*words, "--config", str(self.config)], check=True, capture_output=True, text=True,
            env=self.environ(self.program), cwd=self.folder,
        ).stdout  # fmt: skip


@contextmanager
def gateways(
    folder: Path, roles: Sequence[str], address: str, graph: str, program: Path | None = None
) -> Iterator[list[Process]]:
    """So many, running; the first one's secret is in every folder, as an operator copies it. ``program``: another than this one."""
    found = [Process(folder, f"g{n}", role, address, graph) for n, role in enumerate(roles)]
    try:
        for one in found:
            one.program = program or one.program
        found[0].start()
        for other in found[1:]:
            (other.folder / "data").mkdir(mode=0o700)
            shutil.copy(found[0].folder / "data" / "erasures", other.folder / "data")
            other.start()
        yield found
    finally:
        for one in found:
            one.kill()


class Shops:
    """Clients that send orders, each order's two copies under an id of its own each to two gateways at about the same moment, and
    send again elsewhere what was not acknowledged. Each client's browser opens a page out of an ad before."""

    def __init__(self, to: Sequence[Process], enough: int, clients: int = 8, each: int = 5, mark: str = "") -> None:
        """``mark``: in all numbers, so that two such loads tell of orders of their own."""
        self._mark = mark
        self.acknowledged: set[str] = set()
        self.answers: dict[int, int] = defaultdict(int)
        self._to, self._enough, self._each = [p for p in to if p.collects], enough, each
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(n,)) for n in range(clients)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        """Until so many events were acknowledged."""
        deadline = time.monotonic() + PATIENCE_S
        before = 0
        while (seen := len(self.acknowledged)) < count:
            if seen > before:
                before, deadline = seen, time.monotonic() + PATIENCE_S
            assert time.monotonic() < deadline, f"{seen} of {count} are accepted, and no more: {dict(self.answers)}"
            assert any(thread.is_alive() for thread in self._threads), "every client has ended"
            time.sleep(0.02)

    def end(self) -> None:
        """Until each client has had its answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _client(self, number: int) -> None:
        chance = random.Random(number)
        for n in range(1_000_000):
            if len(self.acknowledged) >= self._enough or self._stop.is_set():
                return
            self._until_seen(f"{self._mark}{number}.{n}", chance)
            orders = [f"{self._mark}{number}-{n}-{k}" for k in range(self._each)]
            both = [threading.Thread(target=self._until_taken, args=(orders, c, chance.random())) for c in "ab"]
            for one in both:
                one.start()
            for one in both:
                one.join()

    def _until_taken(self, orders: list[str], copy: str, seed: float) -> None:
        chance = random.Random(seed)
        while not self._stop.is_set():
            status = self._send(chance.choice(self._to), orders, copy)
            with self._lock:
                self.answers[status] += 1
                if status == 200:
                    self.acknowledged.update(f"{copy}-{order}" for order in orders)
            if status == 200:
                return
            time.sleep(chance.random() / 10)

    def _until_seen(self, visit: str, chance: random.Random) -> None:
        hit = {
            "id": DATASET, "ev": "PageView", "eid": f"view.{visit}", "fbp": f"fb.1.1700000000000.{zlib.crc32(visit.encode())}",
            "dl": f"https://shop.example/?utm_source=facebook&utm_medium=cpc&utm_campaign=c{visit}",
        }  # fmt: skip
        while not self._stop.is_set():
            status = self._ask(chance.choice(self._to), "GET", f"/tr/?{urlencode(hit)}")
            with self._lock:
                self.answers[status] += 1
            if status == 200:
                return
            time.sleep(chance.random() / 10)

    def _send(self, to: Process, orders: list[str], copy: str) -> int:
        events = [
            {
                "event_name": "Purchase", "event_time": int(time.time()), "action_source": "website", "event_id": f"{copy}-{order}",
                "user_data": {"em": ["62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"],
                              "client_ip_address": "2001:db8::1", "client_user_agent": "Mozilla/5.0"},
                "custom_data": {"value": 42.5, "currency": "EUR", "order_id": order},
            }
            for order in orders
        ]  # fmt: skip
        return self._ask(to, "POST", f"/v25.0/{DATASET}/events?access_token={KEY}", json.dumps({"data": events}))

    def _ask(self, to: Process, method: str, path: str, body: str | None = None) -> int:
        """The status; 0 where no answer came."""
        connection = http.client.HTTPConnection("127.0.0.1", to.port, timeout=60)
        try:
            connection.request(method, path, body, {"User-Agent": "Mozilla/5.0"})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def orders_of(ids: set[str]) -> dict[str, set[str]]:
    """Order to the ids under which it was seen; a page view is of none."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in ids:
        if "-" in one:
            found[one.partition("-")[2]].add(one)
    return found


class Delivered:
    """What the platform received, each request read once; one that broke off in its body is none."""

    def __init__(self, graph: Any) -> None:
        self._graph, self._read = graph, 0
        self.ids: set[str] = set()

    def look(self) -> set[str]:
        requests = self._graph.requests
        while self._read < len(requests):
            with contextlib.suppress(ValueError):
                self.ids.update(requests[self._read].ids)
            self._read += 1
        return self.ids


def wait_for_all(wanted: Set[str], delivered: Delivered, one: Process) -> None:
    """Until the platform has each of these orders. Where nothing comes for a while the store says why: nothing waits there, so they
    are lost; or how what waits stands, once even a slow machine had its time."""
    before, since = -1, time.monotonic()
    while missing := wanted - orders_of(delivered.look()).keys():
        if len(missing) != before:
            before, since = len(missing), time.monotonic()
        if time.monotonic() > since + QUIET_S:
            waiting = one.waiting()
            if waiting:
                assert time.monotonic() < since + PATIENCE_S, f"{len(missing)} orders are not delivered: {waiting}"
            else:
                missing = wanted - orders_of(delivered.look()).keys()
                assert not missing, f"{len(missing)} orders that were acknowledged are lost"
        time.sleep(0.2)


def require_all(shops: Shops, graph: Any, running: Sequence[Process]) -> None:
    """Nothing acknowledged is lost, no order was told to the platform under two ids, and every sum holds in every folder."""
    delivered = Delivered(graph)
    wait_for_all(orders_of(shops.acknowledged).keys(), delivered, running[0])
    twice = {order: ids for order, ids in orders_of(delivered.look()).items() if len(ids) > 1}
    assert not twice, f"told under two ids: {list(twice.items())[:5]}"
    for one in running:
        checked = one.verify()
        assert checked.returncode == 0, f"{one.name}: {checked.stdout}{checked.stderr}"
    assert set(shops.answers) <= {0, 200, 503}
