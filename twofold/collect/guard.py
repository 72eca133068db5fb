"""Closes connections that do not finish what they began. uvicorn has no such limit of its own.

Owns the limits on slow headers, slow bodies, idle beginnings, header size and connections for one client.
One sweep a second looks at all connections, so a request itself costs only a few assignments.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_S = 5.0
BODY_GRACE_S = 5.0
BODY_BYTES_PER_S = 1024.0
IDLE_S = 15.0
MAX_HEADER_BYTES = 16_384 + 8_192  # fields and request line
MAX_PER_CLIENT = 100
_LOOPBACK = ("127.0.0.1", "::1", "")  # a reverse proxy on this machine speaks for everybody
_SWEEP_S = 1.0

_OPEN, _HEADERS, _BODY, _ANSWERING = range(4)


class GuardedProtocol(HttpToolsProtocol):
    """The HTTP protocol with deadlines. Phases: nothing sent yet, in headers, in body, being answered."""

    _clients: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._phase, self._since, self._got = _OPEN, self.loop.time(), 0
        self._peer = self.client[0] if self.client else ""
        GuardedProtocol._clients[self._peer] += 1
        if self._peer not in _LOOPBACK and GuardedProtocol._clients[self._peer] > MAX_PER_CLIENT:
            transport.close()
        state: Any = self.server_state
        if not getattr(state, "guarded", False):  # the first connection of this server starts its sweep
            state.guarded = True
            self.loop.call_later(_SWEEP_S, _sweep, state, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        GuardedProtocol._clients[self._peer] -= 1
        if not GuardedProtocol._clients[self._peer]:
            del GuardedProtocol._clients[self._peer]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._got += len(data)
        super().data_received(data)
        if self._phase is _HEADERS and self._got > MAX_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        self._phase, self._since, self._got = _HEADERS, self.loop.time(), 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._phase = _BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._phase = _ANSWERING
        super().on_message_complete()

    def overdue(self, now: float) -> bool:
        """True when the client has had its time for what it is doing."""
        waited = now - self._since
        if self._phase is _ANSWERING:
            return False
        if self._phase is _BODY:
            return waited > BODY_GRACE_S + self._got / BODY_BYTES_PER_S
        return waited > (HEADER_S if self._phase is _HEADERS else IDLE_S)

    def close_overdue(self) -> None:
        if self._phase is _OPEN:
            self.transport.close()
        else:
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            cycle: Any = self.cycle
            if cycle is None or cycle.response_complete or not cycle.response_started:
                self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()


def _sweep(state: Any, loop: asyncio.AbstractEventLoop) -> None:
    now = loop.time()
    for connection in [c for c in state.connections if c.overdue(now)]:
        connection.close_overdue()
    state.guarded = bool(state.connections)
    if state.guarded:
        loop.call_later(_SWEEP_S, _sweep, state, loop)
