"""A platform that lives in the test: real sockets, one function that answers as the platform's documents say."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twofold.config import settings_from
from twofold.ledger.filing import KINDS
from twofold.pulling.exchange import Exchange
from twofold.pulling.platforms import BY_NAME
from twofold.pulling.run import PulledDay, PullProblem, pull, span_of
from twofold.store.lines.reading import OpenLines

NOW = 1_773_210_000  # 2026-03-11 06:20 UTC
TOKEN = "secret-token-of-the-account"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request. ``query`` and ``form`` hold the first value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int = 200
    body: Any = b""  # bytes as they are, else JSON
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # the connection ends in the middle of the body

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class StandIn:
    url: str
    asked: list[Asked]


@contextlib.contextmanager
def standing_in(answer: Callable[[Asked], Reply]) -> Iterator[StandIn]:
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            one = Asked(
                method=self.command, path=parts.path, body=body,
                query={name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
            )  # fmt: skip
            asked.append(one)
            reply = answer(one)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content[: len(reply.content) // 2] if reply.cut else reply.content)
            self.close_connection = reply.cut or self.close_connection

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield StandIn(f"http://127.0.0.1:{server.server_address[1]}", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Puller:
    """One account in one folder; what it waited is counted, not waited."""

    def __init__(self, folder: Path, now: float = NOW, **account: Any) -> None:
        self.now = now
        self.slept: list[float] = []
        self.settings = settings_from(
            {"server": {"data": str(folder / "data")}, "dataset": [{"id": "1"}], "account": [account]}, environ={}
        )

    def pull(self, since: str = "", until: str = "", **options: Any) -> list[PulledDay | PullProblem]:
        (account,) = self.settings.account
        exchange = Exchange(sleep=self.slept.append, clock=lambda: self.now, timeout_s=60)
        span = span_of(account, since, until, self.now)
        self.now += 60
        platform = BY_NAME[account.platform]
        return list(pull(self.settings, platform, account, span, int(self.now * 1000), exchange, **options))

    def days(self, *span: str) -> dict[str, tuple[int | None, int | None, int | None]]:
        """Of each day what was new, restated and unchanged. There must be no problem."""
        found = self.pull(*span)
        assert [item for item in found if isinstance(item, PullProblem)] == []
        return {d.day: (d.new, d.restated, d.unchanged) for d in found if isinstance(d, PulledDay)}

    def problem(self, *span: str) -> PullProblem:
        """The only problem. It must not tell the token."""
        (found,) = [item for item in self.pull(*span) if isinstance(item, PullProblem)]
        assert TOKEN not in repr(found)
        return found

    def lines(self, kind: str) -> list[Any]:
        assert kind in KINDS
        with OpenLines(self.settings.server.data) as lines:
            return [line.thing for line in lines.lines(kind)]

    def versions(self, kind: str) -> int:
        with OpenLines(self.settings.server.data) as lines:
            return len(list(lines.versions(kind)))
