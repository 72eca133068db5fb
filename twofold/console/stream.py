"""Copies as they come, for the page *Live*: a stream that ends with the session of whoever looks.

Owns how often the store is asked, and how many streams a session may have.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from twofold.console.access.guard import HEADERS
from twofold.console.access.register import Session
from twofold.console.access.roles import Right
from twofold.console.answers import plain
from twofold.console.entrance import Entrance
from twofold.console.parts import Parts
from twofold.console.queries.signal import copies_after
from twofold.errors import StoreError

STREAM_S = 0.5
STREAM_ROWS = 100
MOST_STREAMS = 4
"""Of one session."""


class Stream:
    """Of one console."""

    def __init__(self, parts: Parts, entrance: Entrance) -> None:
        self._parts, self._entrance = parts, entrance
        self._streams: Counter[bytes] = Counter()

    async def answer(self, request: Request) -> Response:
        """Copies behind a position, one JSON object an event of the stream, until the reader leaves or the session ends."""
        session, refusal = await self._entrance.let_in(request, Right.SIGNAL)
        if session is None:
            return refusal
        if self._streams[session.digest] >= MOST_STREAMS:
            return plain(b"", "text/event-stream; charset=utf-8", status=429)
        given = request.query_params.get("after", "")
        position = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
        return StreamingResponse(
            self._copies(request, session, position),
            headers=dict(HEADERS),
            media_type="text/event-stream; charset=utf-8",
        )

    async def _copies(self, request: Request, session: Session, position: int) -> AsyncIterator[bytes]:
        """A page that only stands open is nobody's presence: it ends with the session, and does not make it longer."""
        self._streams[session.digest] += 1
        try:
            while not await request.is_disconnected():
                if await run_in_threadpool(self._parts.guard.session_of, request, seen=False) is None:
                    yield b"event: ended\ndata: {}\n\n"
                    return
                try:
                    rows = await run_in_threadpool(
                        copies_after, self._parts.settings.server.data, position, STREAM_ROWS
                    )
                except StoreError:
                    rows = []
                for row in rows:
                    position = row["position"]
                    yield b"data: " + msgspec.json.encode(row) + b"\n\n"
                if not rows:
                    yield b": still here\n\n"
                await asyncio.sleep(STREAM_S)
        finally:
            self._streams -= Counter({session.digest: 1})
