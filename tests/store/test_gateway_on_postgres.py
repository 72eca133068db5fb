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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from several_gateways import DATASET, KEY, settings_text

from tests.facts.postgres import Server, free_port, killable
from tests.fakes.graph import in_thread

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
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
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
        deadline = time.monotonic() + 60
        while self.send([name]) != 200:
            assert time.monotonic() < deadline, "the gateway accepts no more"
            time.sleep(0.1)


@contextmanager
def gateway(config: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A running one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "twofold", "serve", "--config", config], stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
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
