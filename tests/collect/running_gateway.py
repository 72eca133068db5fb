"""A gateway on a real socket with a clock that the test owns: the real server, guard, doors, steps and store.

Also the tests' own senders: a client that speaks plain HTTP, and one that writes raw bytes. What was kept is read
from the data folder, as the commands read it.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import uvloop

from twofold.app import Gateway
from twofold.config import settings_from
from twofold.event.model import Event, decode_event
from twofold.listening import make_server, port_of
from twofold.store.engines import open_reader
from twofold.store.lists import Reader

DATASET, KEY = "1234567890", "key-of-the-first-dataset"
LISTED, LISTED_KEY = "2222222222", "key-of-the-listed-dataset"  # takes browsers of one site only
KEYLESS = "3333333333"  # lets no server sender in
STATUS_TOKEN = "token-of-the-operator"
SHOP, SECRET = "demo.myshopify.com", "hush-0123456789abcdef"
WEBHOOK = f"/webhooks/shopify/{SHOP}"
EVENTS = f"/v25.0/{DATASET}/events"
NOW_MS = 1_790_000_000_000
NOW_S = NOW_MS // 1000
# SHA-256 of john_smith@gmail.com, from Meta's customer information parameters page
EMAIL = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
PATIENCE_S = 60

CONFIGURATION: dict[str, Any] = {
    "dataset": [
        {"id": DATASET, "key": KEY, "country": "US"},
        {"id": LISTED, "key": LISTED_KEY, "origins": ["https://shop.example"]},
        {"id": KEYLESS},
    ],
    "source": [{"type": "shopify", "dataset": DATASET, "shop": SHOP, "secret": SECRET}],
}


def purchase(event_id: str | None = "order-1001", **changes: Any) -> dict[str, Any]:
    """A valid Purchase in Meta's documented shape; a change to ``...`` removes the key."""
    event = {
        "event_name": "Purchase",
        "event_time": NOW_S,
        "action_source": "website",
        "event_id": event_id,
        "event_source_url": "https://shop.example/thanks",
        "user_data": {"em": [EMAIL], "client_ip_address": "2001:db8::1", "client_user_agent": "Mozilla/5.0"},
        "custom_data": {"value": 42.5, "currency": "EUR", "order_id": event_id},
    }
    return {key: value for key, value in (event | changes).items() if value is not ...}


class Reply(NamedTuple):
    """One HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]


class Running:
    """One gateway in a thread of its own; ``now`` is its clock in ms."""

    keep_alive_s = 15  # a test of idle clients makes it shorter

    def __init__(self, folder: Path, configuration: dict[str, Any] | None = None, **server: Any) -> None:
        self.folder = folder
        self.now = NOW_MS
        self.port = 0
        self._settings = settings_from(
            {
                "server": {"data": str(folder), "port": 0, "status_token": STATUS_TOKEN, **server},
                **(configuration or CONFIGURATION),
            },
            environ={},
        )
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), "the gateway did not start"
        if self._error is not None:
            raise self._error
        self._connection: http.client.HTTPConnection | None = None
        self._events_seen = self._refused_seen = 0

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as err:
            self._error = err
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.gateway = Gateway(self._settings, clock=lambda: self.now)
        server = make_server(self.gateway.collector, "127.0.0.1", 0)
        server.config.timeout_keep_alive = min(server.config.timeout_keep_alive, self.keep_alive_s)
        self.gateway.store.start()
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.005)
        self.port = port_of(server)
        self._ready.set()
        await self._stop.wait()
        server.should_exit = True
        await serving
        await self.gateway.store.close()

    def close(self) -> None:
        self.hang_up()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the gateway did not stop"
        if self._error is not None:
            raise self._error

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- sending

    def send(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> Reply:
        """One request on a kept connection; ``_`` in a header's name is written as ``-``."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, path, body.encode() if isinstance(body, str) else body, given)
            answer = self._connection.getresponse()
            reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except BaseException:
            self.hang_up()
            raise
        if reply.headers.get("connection") == "close":
            self.hang_up()
        return reply

    def status(self, path: str) -> Reply:
        """`/health` or `/metrics` as the operator sees them."""
        return self.send("GET", path, authorization=f"Bearer {STATUS_TOKEN}")

    def post(self, *events: Any, path: str = EVENTS, key: str = KEY, **fields: Any) -> Reply:
        """Events as a JSON request of a server sender, the token in the body."""
        body = {"data": list(events), "access_token": key, **fields}
        return self.send("POST", path, json.dumps(body), content_type="application/json")

    def tag(self, *events: dict[str, Any], **headers: str) -> Reply:
        """Events as the tag sends them."""
        body = json.dumps({"events": [{"dataset": DATASET, **event} for event in events]})
        return self.send("POST", "/t/events", body, **{"content_type": "text/plain;charset=UTF-8", **headers})

    def pixel(self, headers: dict[str, str] | None = None, **parameters: str) -> Reply:
        """A hit of the genuine pixel, as an image."""
        return self.send("GET", "/tr/?" + urlencode({"id": DATASET, **parameters}), **(headers or {}))

    # -- what was kept

    def new_events(self) -> list[Event]:
        """The copies journalled since the last look."""
        db = open_reader(self.folder)
        rows = db.execute(
            "select position, plain_body(body) from event where position > ? order by 1", (self._events_seen,)
        )
        found = [(position, decode_event(body)) for position, body in rows]
        db.close()
        self._events_seen = found[-1][0] if found else self._events_seen
        return [event for _, event in found]

    def new_event(self) -> Event:
        (event,) = self.new_events()
        return event

    def new_refused(self) -> list[dict[str, Any]]:
        """The rows of what was refused since the last look."""
        with Reader(self.folder) as reader:
            rows = list(reader.rows("refused", limit=0, after=self._refused_seen))
        self._refused_seen = rows[-1]["id"] if rows else self._refused_seen
        return rows

    def forget(self) -> None:
        """The next looks begin here, on a new connection."""
        self.hang_up()
        self.now = NOW_MS
        self.new_events()
        self.new_refused()

    # -- raw bytes

    def raw(self) -> RawClient:
        return RawClient(self.port)


class RawClient:
    """A socket to write any bytes to, and a reader of HTTP answers that believes only content-length."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S, (source, 0))
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def write(self, *parts: bytes) -> None:
        for part in parts:
            self._socket.sendall(part)

    def end_writing(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def read(self, *, head: bool = False) -> Reply | None:
        """The next answer; None when the gateway has closed."""
        try:
            line = self._file.readline()
        except ConnectionResetError:
            return None
        if not line:
            return None
        status = int(line.split()[1])
        headers = {}
        while (field := self._file.readline().strip()) != b"":
            name, _, value = field.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if head or status in (100, 204, 304) else int(headers["content-length"])
        return Reply(status, headers, self._file.read(length))

    def read_all(self) -> list[int]:
        """The statuses of every answer until the gateway closes."""
        statuses = []
        while (reply := self.read()) is not None:
            statuses.append(reply.status)
        return statuses


def request(
    method: str = "POST", path: str = EVENTS, body: bytes | None = None, *fields: str, version: str = "1.1"
) -> bytes:
    """A request's bytes, with its length when there is a body."""
    length = [] if body is None else [f"Content-Length: {len(body)}"]
    lines = [f"{method} {path} HTTP/{version}", "Host: gateway.example", *length, *fields]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def events_body(*events: Any, key: str = KEY) -> bytes:
    return json.dumps({"data": list(events), "access_token": key}).encode()
