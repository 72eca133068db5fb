"""The collector as a plain ASGI callable: pages, and whatever `guard` does not hand to the doors directly.

Owns reading a body to its limit and sending an answer. Which path is which, and what it means, is `doors`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twofold.collect.doors.router import Doors
from twofold.collect.messages import Answer, Pending, Reply, Request
from twofold.errors import StoreError

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Page = Callable[[Request], Awaitable[Answer]]


class ClientGone(Exception):
    """The sender closed the connection before its body was whole; there is nobody to answer."""


class Collector:
    """``pages`` are further GET paths: tag, health, metrics."""

    def __init__(self, doors: Doors, pages: Mapping[str, Page]) -> None:
        self.doors = doors
        self._pages = pages

    def is_page(self, path: str) -> bool:
        return path in self._pages

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        client = scope.get("client")
        request = Request(
            scope["method"], scope["path"], scope["query_string"], scope["headers"], client[0] if client else ""
        )
        try:
            answer = await self._answer(request, receive)
        except ClientGone:
            return
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else answer.body})

    async def _answer(self, request: Request, receive: Receive) -> Answer:
        page = self._pages.get(request.path)
        if page is not None and request.method in ("GET", "HEAD"):
            return await page(request)
        limit = self.doors.body_limit(request.path)
        whole = await _read_body(request, receive, limit)
        reply: Reply = self.doors.answer(request) if whole else self.doors.refuse_oversized(request, limit)
        if not isinstance(reply, Pending):
            return reply
        try:
            return reply.then(await reply.future)
        except StoreError as err:
            return self.doors.failure(err)


async def _read_body(request: Request, receive: Receive, limit: int) -> bool:
    """Reads the body into the request; False when it is longer than ``limit`` (the rest is not held)."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return False
        if not message.get("more_body"):
            request.body = b"".join(parts)
            return True
