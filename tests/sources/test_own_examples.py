"""The signing examples of examples/own-shop as they are published, run against a socket that checks what arrives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from twofold.sources.own.webhook import OWN

EXAMPLES = Path(__file__).parents[2] / "examples" / "own-shop"
SECRET = "0123456789abcdef"
ORDER = {"type": "order", "id": "№ 7 — „ჭიქა“", "totals": {"currency": "GEL", "total": "1.50"}}
PROGRAMS = [
    pytest.param([sys.executable, str(EXAMPLES / "send.py")], id="python"),
    pytest.param(["node", str(EXAMPLES / "send.mjs")], id="node", marks=pytest.mark.node),
]


@contextmanager
def shop_door() -> Iterator[tuple[str, list[tuple[bytes, dict[str, str]]]]]:
    """A server that answers 200 and keeps what it got."""
    got: list[tuple[bytes, dict[str, str]]] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/webhooks/own/shop.example", got
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("command", PROGRAMS)
def test_what_the_example_sends_fits(command, tmp_path):
    """The signature fits the bytes that arrive, text outside ASCII included, and no other secret's would."""
    order = tmp_path / "order.json"
    order.write_text(json.dumps(ORDER), encoding="utf-8")
    with shop_door() as (address, got):
        env = os.environ | {"ADDRESS": address, "OWN_SECRET": SECRET, "ORDER": str(order)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    ((body, headers),) = got
    assert done.stdout.strip() == "200"
    assert json.loads(body) == ORDER
    assert OWN.signed(body, headers, (SECRET,), int(time.time() * 1000))
    assert not OWN.signed(body, headers, ("fedcba9876543210",), int(time.time() * 1000))
