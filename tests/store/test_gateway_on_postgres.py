"""One gateway whose store is PostgreSQL: it accepts, delivers, answers, verifies and erases; and neither the end of the gateway nor
the end of the server in the middle of accepting loses anything that was acknowledged.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import psycopg
import pytest
from several_gateways import DATASET, KEY, settings_text

from tests.facts.postgres import Server, killable
from tests.fakes.graph import in_thread
from tests.ports import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.process]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that may be killed."""
    with killable() as one:
        yield one


class Shop:
    """Sends Purchases over one connection at a time, and remembers what was acknowledged."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.acknowledged: set[str] = set()
        self.answers: list[int] = []

    def send(self, ids: list[str]) -> int:
        """One batch; the status, or 0 where the gateway was gone."""
        events = [
            {
                "event_name": "Purchase", "event_time": int(time.time()), "action_source": "website", "event_id": i,
                "user_data": {"em": ["62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"],
                              "client_ip_address": "2001:db8::1", "client_user_agent": "Mozilla/5.0"},
                "custom_data": {"value": 42.5, "currency": "EUR"},
            }
            for i in ids
        ]  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", f"/v25.0/{DATASET}/events?access_token={KEY}", json.dumps({"data": events}))
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
        self.answers.append(answer.status)
        if answer.status == 200:
            self.acknowledged.update(ids)
        return answer.status

    def until_accepted(self, name: str) -> None:
        """Sends until it is acknowledged."""
        self.until(lambda: self.send([name]) == 200, "the gateway accepts no more")

    @staticmethod
    def until(is_so: Callable[[], bool], why_not: str) -> None:
        """Waits for it, no longer than a minute."""
        deadline = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < deadline, why_not
            time.sleep(0.1)


@contextmanager
def gateway(config: Path, port: int, log: IO[bytes] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A running one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "twofold", "serve", "--config", config], stdout=subprocess.DEVNULL, stderr=log
    )
    try:
        for _ in range(1_200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "the gateway ended"
                time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def run(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command beside it."""
    return subprocess.run([sys.executable, "-m", "twofold", *words, "--config", config], capture_output=True, text=True)


@pytest.mark.timeout(1_800)
def test_nothing_that_was_acknowledged_is_lost(server, tmp_path):
    """Batches from four clients; first the gateway is killed in the middle, then the server; both come again. All that was
    acknowledged is there, is delivered once each under its id, and every sum holds. Then a person is erased."""
    port = free_port()
    config = tmp_path / "twofold.toml"
    with in_thread() as graph:
        config.write_text(settings_text(port, server.address, graph.url))
        shop = Shop(port)
        stop = threading.Event()

        def client(number: int) -> None:
            for n in range(100_000):
                if stop.is_set():
                    return
                if shop.send([f"c{number}-{n}-{k}" for k in range(5)]) != 200:
                    time.sleep(0.05)

        clients = [threading.Thread(target=client, args=(n,)) for n in range(4)]
        with gateway(config, port) as first:
            for one in clients:
                one.start()
            while len(shop.acknowledged) < 200:
                time.sleep(0.01)
            first.send_signal(signal.SIGKILL)
        with gateway(config, port) as process:
            seen = len(shop.acknowledged)
            while len(shop.acknowledged) < seen + 200:
                time.sleep(0.01)
            server.kill()
            deadline = time.monotonic() + 60
            while 503 not in shop.answers:  # it says so
                assert time.monotonic() < deadline, "nobody was told that the database is away"
                time.sleep(0.05)
            assert process.poll() is None  # and goes on
            server.start()
            shop.until_accepted("after")
            stop.set()
            for one in clients:
                one.join()
            deadline = time.monotonic() + 60
            while not shop.acknowledged <= set(graph.ids):
                assert time.monotonic() < deadline, "not all of it was delivered"
                time.sleep(0.2)
            checked = run(config, "verify", "--full")
            assert checked.returncode == 0, checked.stdout + checked.stderr
            for command in ("events", "actions", "deliveries", "refused"):
                listed = run(config, command, "--json")
                assert listed.returncode == 0, f"{command}: {listed.stderr}"
            refused = run(config, "backup", str(tmp_path / "backups"))
            assert "not there yet for a store on PostgreSQL" in refused.stderr
            erased = run(config, "erase", "--email", "john_smith@gmail.com", "--yes", "--json")
            assert erased.returncode == 0, erased.stdout + erased.stderr
            assert run(config, "verify").returncode == 0
            left = run(config, "events", "--limit", "0", "--json").stdout.splitlines()
            assert len(left) >= len(shop.acknowledged)
            assert not any("em" in json.loads(row)["match_keys"] for row in left)
    assert set(shop.answers) <= {200, 503}


def health(port: int) -> int:
    """What the gateway says of itself: its status."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status


@pytest.mark.timeout(600)
def test_a_server_without_a_connection_left_is_waited_for(server, tmp_path):
    """A gateway that has its connection goes on; a command is told what the server lacks and who has to act. One whose connection ends
    then answers 503 and lives, says the same in its log, and has the database again by itself. Nothing acknowledged is lost."""
    port = free_port()
    config = tmp_path / "twofold.toml"
    with in_thread() as graph, psycopg.connect(server.address, autocommit=True) as db:
        db.execute("create role few login connection limit 10")
        db.execute("create database few owner few template template0 encoding 'UTF8'")
        config.write_text(
            settings_text(port, server.address.replace("test@", "few@").replace("/postgres", "/few"), graph.url)
        )
        shop = Shop(port)
        with (tmp_path / "log").open("wb") as log, gateway(config, port, log) as process:
            assert shop.send(["before"]) == 200
            db.execute("alter role few connection limit 0")
            assert shop.send(["by the connection it has"]) == 200
            for command in ("events", "verify"):
                refused = run(config, command)
                assert refused.returncode == 3, refused.stdout + refused.stderr
                assert "it has as many connections as it may; whoever runs it has to" in refused.stderr
            db.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'few'")
            shop.until(lambda: shop.send(["meanwhile"]) == 503, "nobody was told that nothing is accepted")
            said = (tmp_path / "log").read_text
            shop.until(
                lambda: "still away: PostgreSQL of [server] store cannot be reached: it has as many" in said(),
                "no word of why",
            )
            assert process.poll() is None
            assert health(port) == 503
            db.execute("alter role few connection limit 10")
            shop.until_accepted("after")
            shop.until(lambda: shop.acknowledged <= set(graph.ids), "not all of it was delivered")
            shop.until(lambda: health(port) == 200, "still said to be away")  # the page may be half a second old
            checked = run(config, "verify", "--full")
            assert checked.returncode == 0, checked.stdout + checked.stderr
    assert shop.acknowledged == {"before", "by the connection it has", "after"}
    assert set(shop.answers) == {200, 503}
