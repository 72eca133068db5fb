"""The console's HTTP protocol: deadlines and a limit on the head of a request, which uvicorn lacks.

Owns how long somebody may take to say what is wanted and to send it, how long a head may be, and how many connections one
address may have. What is answered is the application's. The gateway's listener has a protocol of its own, for speed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0
BODY_GRACE_S = 10.0
BODY_BYTES_PER_S = 1024
MAX_HEAD_BYTES = 32_768
MAX_PER_CLIENT = 50  # a browser opens six, and a stream for each of its windows
_LOOPBACK = ("127.0.0.1", "::1", "")  # a reverse proxy on this machine speaks for everybody
_LOOK_S = 2.0


class ConsoleProtocol(HttpToolsProtocol):
    """Without deadlines two hundred silent connections shut everybody out, and one endless head took all memory."""

    _clients: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""
        self._timer: asyncio.TimerHandle | None = None
        self._begin_head()
        self._clients[self._peer] += 1
        if self._peer not in _LOOPBACK and self._clients[self._peer] > MAX_PER_CLIENT:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._clients[self._peer] -= 1
        if not self._clients[self._peer]:
            del self._clients[self._peer]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._got += len(data)
        if self._in_head and self._got > MAX_HEAD_BYTES:
            self.transport.close()

    def on_message_begin(self) -> None:
        self._begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._in_head, self._got, self._since = False, 0, self.loop.time()
        self._timer = self.loop.call_later(_LOOK_S, self._look_at_body)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_timer()
        super().on_message_complete()

    def _begin_head(self) -> None:
        self._stop_timer()
        self._in_head, self._got = True, 0
        self._timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _look_at_body(self) -> None:
        """A body that comes too slowly ends the connection; one of a file may take as long as it needs at that rate."""
        over = self.loop.time() - self._since - BODY_GRACE_S
        if self._got < over * BODY_BYTES_PER_S:
            self.transport.close()
        else:
            self._timer = self.loop.call_later(_LOOK_S, self._look_at_body)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
