"""The values between sockets and doors: a request with its whole body, an answer, an answer that waits for the disk.

Owns these shapes and the header sets of our answers. Knows no paths and no meaning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")
CORS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-max-age", b"86400"),
)
CORS_WITH_KEY = (*CORS[:2], (b"access-control-allow-headers", b"authorization, content-type, *"), CORS[3])
"""For clients in pages that show a key in a header of their own. Each has further ones, as `X-Retry-Count`, `AnonymousId` or
`Rsa-Retry-Attempt`: none is read, and with one that a browser may not send its whole event stays behind. The star stands for all but
the key's, which has to be named (Fetch, "CORS protocol")."""
JSON = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
JSON_CORS = (*JSON, CORS[0])
GIF = (
    (b"content-type", b"image/gif"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    CORS[0],
)


class Answer(Struct, frozen=True):
    """What one request gets."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = JSON


class Pending(Struct, Generic[T], frozen=True):
    """An answer that waits for the disk: ``then`` makes it from what ``future`` brings, which is the door's to know."""

    future: asyncio.Future[T]
    then: Callable[[T], Answer]


Reply = Answer | Pending[Any]


class Request:
    """One HTTP request with its whole body. Header names are lower-case bytes.

    ``known``: a door found in it the key of a server that may speak here.
    """

    __slots__ = ("body", "known", "method", "path", "peer", "query", "raw_headers")

    def __init__(
        self, method: str, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]], peer: str, body: bytes = b""
    ) -> None:
        self.method = method
        self.path = path
        self.query = query.decode("latin-1")
        self.raw_headers = dict(headers)
        if len(self.raw_headers) != len(headers):
            self._join(b"x-forwarded-for", headers)
        self.peer = peer
        self.body = body
        self.known = False

    def _join(self, name: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """A list that came in several lines is one list (RFC 9110 5.3); of every other field the last line counts."""
        values = [value for field, value in headers if field == name]
        if values:
            self.raw_headers[name] = b",".join(values)

    def header(self, name: bytes) -> str:
        return self.raw_headers.get(name, b"").decode("latin-1")

    def headers(self) -> dict[str, str]:
        """Header fields by lower-case name. Some webhooks sign the address as well, so it is here under HTTP/2's names
        for it, which no client can send as a header field."""
        path = f"{self.path}?{self.query}" if self.query else self.path
        fields = {k.decode("latin-1"): v.decode("latin-1") for k, v in self.raw_headers.items()}
        return fields | {":method": self.method, ":path": path}
