"""A platform that counts: how often each event came, and whether its bytes were the same each time.

Owns one small server of sockets, in a thread. It keeps a number and a digest for each event, not the requests: a run lasts hours.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import time
from typing import Any

from tests.lasting.steady_senders import number_of


class Platform:
    """``mood``: what it does with the next requests: ok, slow, down, throttled, silent."""

    def __init__(self) -> None:
        self.mood = "ok"
        self.times: dict[int, int] = {}
        self.bytes: dict[int, bytes] = {}
        self.altered: set[int] = set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.platform = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def forget(self) -> None:
        """Begins to count anew."""
        with self._lock:
            self.times.clear()
            self.bytes.clear()

    def take(self, body: bytes) -> int:
        """Notes a request's events; answers how many they are."""
        events = json.loads(body)["data"]
        with self._lock:
            for event in events:
                number = number_of(event["event_id"])
                digest = hashlib.blake2b(json.dumps(event).encode(), digest_size=8).digest()
                if self.bytes.setdefault(number, digest) != digest:
                    self.altered.add(number)
                self.times[number] = self.times.get(number, 0) + 1
        return len(events)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    platform: Platform

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever was killed hangs up in the middle."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body, platform = self.rfile.read(int(self.headers["content-length"])), self.server.platform
        match platform.mood:
            case "down":
                return self._say(503, {"error": {"code": 2, "message": "down"}})
            case "throttled":
                return self._say(400, {"error": {"code": 4, "message": "too many"}})
            case "silent":
                time.sleep(12)
                self.close_connection = True
                return None
            case "slow":
                time.sleep(2)
        count = platform.take(body)
        return self._say(200, {"events_received": count, "messages": [], "fbtrace_id": "Afake"})

    def _say(self, status: int, tree: dict[str, Any]) -> None:
        body = json.dumps(tree).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """No lines."""
