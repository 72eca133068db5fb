"""The HTTP protocol of the collector: deadlines that uvicorn lacks, and a short way to the doors.

Owns the limits on slow headers, slow bodies, idle beginnings, header size and connections for one client. One
sweep a second looks at all connections, so a request itself costs only a few assignments.

A request to a door is answered from here, without an ASGI cycle: no task, one write. That is the hot path, and
it took 30 % off the processor time of an accept. All that one turn of the loop has read is answered at its end, one
after the other: when the doors were asked between two reads, their code had to come back into the processor's caches
each time, which cost another 13 %. Everything else (pages, pipelined requests, ``Expect``) goes the ordinary way
through `http`, which asks the same doors.
"""

from __future__ import annotations

import asyncio
import http
import logging
from collections import Counter
from functools import lru_cache, partial
from typing import Any, ClassVar
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from twofold.collect.listen.asgi import Collector
from twofold.collect.messages import Answer, Pending, Reply, Request
from twofold.errors import StoreError, place_of

log = logging.getLogger("twofold.collect")

HEADER_S = 5.0
BODY_GRACE_S = 5.0
BODY_BYTES_PER_S = 1024.0
IDLE_S = 15.0
MAX_HEADER_BYTES = 49_152 + 16_384  # request line and fields
MAX_PER_CLIENT = 100
MAX_WISHES = 20  # requests for another protocol in one packet: each has the rest of the packet read again
_LOOPBACK = ("127.0.0.1", "::1", "")  # a reverse proxy on this machine speaks for everybody
_SWEEP_S = 1.0

_UPGRADE_FIELDS = (b"connection", b"upgrade", b"http2-settings")
_OPEN, _HEADERS, _BODY, _ANSWERING, _KEPT = range(5)
_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in http.HTTPStatus}


class _Nothing:
    """Stands where uvicorn wakes a task; a direct exchange has none."""

    def set(self) -> None: ...


class DirectRequest:
    """One request answered without a task. Has the attributes by which uvicorn asks whether a cycle is done."""

    __slots__ = ("body", "disconnected", "keep_alive", "limit", "message_event", "more_body", "request",
                 "response_complete", "response_started")  # fmt: skip

    def __init__(self, request: Request, limit: int, keep_alive: bool) -> None:
        self.request = request
        self.limit = limit
        self.keep_alive = keep_alive
        self.body = b""
        self.more_body = True
        self.message_event = _NOTHING
        self.response_started = self.response_complete = self.disconnected = False


class ReadBatch:
    """The whole requests that one turn of the loop has read. ``wait`` takes one; at the turn's end all are answered."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[HttpProtocol, DirectRequest]] = []

    def wait(self, protocol: HttpProtocol, exchange: DirectRequest) -> None:
        self._waiting.append((protocol, exchange))
        if len(self._waiting) == 1:
            self._loop.call_soon(self._answer)

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for protocol, exchange in waiting:
            try:
                protocol.answer(exchange)
            except Exception as err:  # a bug of ours: this connection only
                log.error("a request could not be answered: %s in %s", type(err).__name__, place_of(err))
                protocol.transport.close()


_NOTHING = _Nothing()
_NO_REQUEST = Request("", "", b"", (), "")


class HttpProtocol(HttpToolsProtocol):
    """The HTTP protocol with deadlines. Phases: nothing sent yet, in headers, in body, being answered."""

    _clients: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._phase, self._since, self._got = _OPEN, self.loop.time(), 0
        self._chunk = self._first = 0  # bytes of the latest packet, and of the one in which this request began
        self._wishes = False  # this request asks for another protocol
        self._much = False  # so many bytes have come that the header may be too long
        self._peer = self.client[0] if self.client else ""
        HttpProtocol._clients[self._peer] += 1
        if self._peer not in _LOOPBACK and HttpProtocol._clients[self._peer] > MAX_PER_CLIENT:
            transport.close()
        state: Any = self.server_state
        if not getattr(state, "guarded", False):  # the first connection of this server starts its sweep
            state.guarded = True
            state.turn = ReadBatch(self.loop)
            self.loop.call_later(_SWEEP_S, _sweep, state, self.loop)
        self._turn: ReadBatch = state.turn

    def connection_lost(self, exc: Exception | None) -> None:
        HttpProtocol._clients[self._peer] -= 1
        if not HttpProtocol._clients[self._peer]:
            del HttpProtocol._clients[self._peer]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._chunk = len(data)
        self._got += self._chunk
        self._much = self._got + self._first > MAX_HEADER_BYTES
        self._unset_keepalive_if_required()
        self._feed(data)
        if self._phase is _HEADERS and self._got > MAX_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def _feed(self, data: bytes) -> None:
        for _ in range(MAX_WISHES):
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if self.parser.get_method() == b"CONNECT":
                    self._refuse(b"405 Method Not Allowed")
                    return
                data = self._without_wish() + data[upgrade.args[0] :]
            except httptools.HttpParserError:
                break
        self.send_400_response("Invalid HTTP request received.")

    def _without_wish(self) -> bytes:
        """The head of a request that asks for another protocol, as one that does not, for a parser of its own.

        None is spoken here, and a server may pass over such a wish (RFC 9110, 7.8), but the parser takes all that
        follows for the other protocol, the request's body included. Java's HTTP client wishes for HTTP/2 in requests
        on plain http, curl does with ``--http2``.
        """
        fields = [(name, value) for name, value in self.headers if name not in _UPGRADE_FIELDS]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            fields.append((b"connection", b"close"))
        line = b"%b %b HTTP/1.1\r\n" % (self.parser.get_method(), self.url)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as the one that uvicorn makes
        return line + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"

    def eof_received(self) -> bool:  # type: ignore[override]
        """True while something is to be answered: who ends writing after a request still waits for what it brings."""
        last: Any = self.pipeline[0][0] if self.pipeline else self.cycle
        if self._phase is not _ANSWERING or last is None or last.response_complete:
            return False
        last.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        self._phase, self._since, self._got = _HEADERS, self.loop.time(), 0
        self._first = self._chunk
        # Not super(): it makes the ASGI scope, which a direct exchange has no use for; `_go_ordinary` does.
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        self._phase = _BODY
        if self._much and self._header_bytes() > MAX_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
            self.cycle = DirectRequest(_NO_REQUEST, -1, False)  # type: ignore[assignment]  # swallows what follows
            return
        self._wishes = self.parser.should_upgrade()
        if self._wishes:
            return  # it will be read again
        exchange = self._direct()
        if exchange is None:
            self._go_ordinary()
        else:
            self.cycle = exchange  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        exchange = self.cycle
        if not isinstance(exchange, DirectRequest):
            super().on_body(body)
        elif len(exchange.body) <= exchange.limit:
            exchange.body += body
            if len(exchange.body) > exchange.limit:
                exchange.keep_alive = False
                self._reply(exchange, self.app.doors.refuse_oversized(exchange.request, exchange.limit))

    def on_message_complete(self) -> None:
        if self._wishes:
            return
        self._phase = _ANSWERING
        exchange = self.cycle
        if not isinstance(exchange, DirectRequest):
            super().on_message_complete()
        elif len(exchange.body) <= exchange.limit:
            exchange.more_body = False
            exchange.request.body = exchange.body
            self._turn.wait(self, exchange)

    def answer(self, exchange: DirectRequest) -> None:
        """Asks the doors; the answer is written now, or once its events are on disk."""
        self._reply(exchange, self.app.doors.answer(exchange.request))

    def _go_ordinary(self) -> None:
        """uvicorn's way, from the beginning of the message with what has been read since."""
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)  # the scope holds this list
        super().on_headers_complete()

    def _header_bytes(self) -> int:
        """As sent: the request line, and a colon, a space and a line end for each field."""
        line = len(self.parser.get_method()) + len(self.url) + len("  HTTP/1.1\r\n")
        return line + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _direct(self) -> DirectRequest | None:
        """The exchange for a request that a door can answer at once; None for the ordinary way."""
        collector = self.app
        waiting = self.cycle is not None and not self.cycle.response_complete
        if waiting or not isinstance(collector, Collector) or self.expect_100_continue:
            return None
        target = httptools.parse_url(self.url)
        path = target.path.decode("latin-1")
        path = unquote(path) if "%" in path else path
        if collector.is_page(path):
            return None
        method = self.parser.get_method().decode("ascii")
        request = Request(method, path, target.query or b"", self.headers, self._peer)
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        return DirectRequest(request, collector.doors.body_limit(path), keep_alive)

    def _reply(self, exchange: DirectRequest, reply: Reply) -> None:
        if isinstance(reply, Pending):
            reply.future.add_done_callback(partial(self._stored, exchange, reply))
        else:
            self._write(exchange, reply)

    def _stored(self, exchange: DirectRequest, reply: Pending[Any], future: asyncio.Future[Any]) -> None:
        try:
            answer = reply.then(future.result())
        except StoreError as err:
            answer = self.app.doors.failure(err)
        self._write(exchange, answer)

    def _write(self, exchange: DirectRequest, answer: Answer) -> None:
        if exchange.disconnected or self.transport.is_closing():
            return
        end = b"\r\n" if exchange.keep_alive else b"connection: close\r\n\r\n"
        body = answer.body if exchange.request.method != "HEAD" else b""
        head = _head(answer.status, answer.headers)
        self.transport.write(b"%bcontent-length: %d\r\n%b%b" % (head, len(answer.body), end, body))
        exchange.response_started = exchange.response_complete = True
        if not exchange.keep_alive:
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()
        else:
            # In place of uvicorn's timer for each answer: the sweep closes what stays idle.
            self.server_state.total_requests += 1
            self._phase, self._since = _KEPT, self.loop.time()

    def overdue(self, now: float) -> bool:
        """True when the client has had its time for what it is doing."""
        waited = now - self._since
        if self._phase is _ANSWERING:
            return False
        if self._phase is _BODY:
            return waited > BODY_GRACE_S + self._got / BODY_BYTES_PER_S
        return waited > (HEADER_S if self._phase is _HEADERS else IDLE_S)

    def close_overdue(self) -> None:
        if self._phase in (_OPEN, _KEPT):
            self.transport.close()
        else:
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            cycle: Any = self.cycle
            if cycle is None or cycle.response_complete or not cycle.response_started:
                self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()


@lru_cache(maxsize=256)
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return _STATUS_LINES[status] + b"".join(b"%b: %b\r\n" % pair for pair in headers)


def _sweep(state: Any, loop: asyncio.AbstractEventLoop) -> None:
    now = loop.time()
    for connection in [c for c in state.connections if c.overdue(now)]:
        connection.close_overdue()
    state.guarded = bool(state.connections)
    if state.guarded:
        loop.call_later(_SWEEP_S, _sweep, state, loop)
