"""One request to one destination: bytes out, a `PlatformAnswer` back, whatever happens.

Owns the connections and every limit on them: total time, no redirects, no proxies from the environment, no
cookies, TLS always verified, at most 64 KB of an answer read. It says whether anything of the request may have
reached the other side, because that decides whether sending again can count twice. It knows no platform.

Not here yet: refusing private addresses of an https endpoint (the sandbox is on loopback, and the endpoint is
the operator's own setting).
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp

from twofold import __version__
from twofold.destinations.contract import Failure, PlatformAnswer, Request

MAX_ANSWER_BYTES = 64 * 1024
CONNECT_S = 5.0
KEEP_ALIVE_S = 15.0  # short, so that the other side seldom hangs up on a request just written
DNS_TTL_S = 60

_HEADERS = {
    "User-Agent": f"twofold/{__version__}",
    # An answer is a few hundred bytes; compression only brings bombs.
    "Accept-Encoding": "identity",
}


class Sender:
    """The connections to one destination, used as an async context manager.

    ``connections`` at once at most; ``timeout_s`` for one request in all. ``tls`` replaces the system's trusted
    authorities (a private one, a test's); there is no way to switch verification off.
    """

    def __init__(self, *, connections: int, timeout_s: float, tls: ssl.SSLContext | None = None) -> None:
        if tls is not None and (tls.verify_mode is not ssl.CERT_REQUIRED or not tls.check_hostname):
            raise ValueError("expected a TLS context that verifies certificate and host name")
        self._connections = connections
        self._timeout_s = timeout_s
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Timeout] = set()
        self._hurried = False

    async def __aenter__(self) -> Sender:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections,
                ttl_dns_cache=DNS_TTL_S,
                keepalive_timeout=KEEP_ALIVE_S,
                ssl=self._tls or True,
            ),
            headers=_HEADERS,
            # The total time is kept by `_in_time`: aiohttp rounds its own up to whole seconds.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(CONNECT_S, self._timeout_s)),
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_trace_writing()],
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def hurry(self) -> None:
        """Ends the time of all running and later requests now; they come back unanswered or not sent."""
        self._hurried = True
        for timeout in self._running:
            timeout.reschedule(asyncio.get_running_loop().time())

    async def send(self, request: Request) -> PlatformAnswer:
        """One request. Never raises for what the network or the other side does."""
        exchange = _Sending()
        try:
            async with self._in_time(), self._post(request, exchange) as response:
                await exchange.read(response)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as err:
            # ValueError: what came is no HTTP in a way that aiohttp does not wrap.
            exchange.failure = _failure(err)
        return exchange.answer()

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        async with asyncio.timeout(0 if self._hurried else self._timeout_s) as timeout:
            self._running.add(timeout)
            try:
                yield
            finally:
                self._running.discard(timeout)

    def _post(self, request: Request, exchange: _Sending) -> Any:
        assert self._session is not None, "the sender is not open"
        return self._session.request(
            request.method,
            request.url,
            params=request.query or None,  # here and nowhere before: it may hold a secret
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            trace_request_ctx=exchange,
        )


class _Sending:
    """What is known of one request at any moment, so that a sudden end still leaves an answer."""

    def __init__(self) -> None:
        self.written = False
        self.failure: Failure | None = None
        self._status: int | None = None
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._complete = False

    async def read(self, response: aiohttp.ClientResponse) -> None:
        """At most 64 KB of the body; an oversized one is left incomplete and its connection closed."""
        self._status = response.status
        self._headers = {name.lower(): value for name, value in response.headers.items()}
        while part := await response.content.read(MAX_ANSWER_BYTES + 1 - len(self._body)):
            self._body += part
            if len(self._body) > MAX_ANSWER_BYTES:
                response.close()
                return
        self._complete = True

    def answer(self) -> PlatformAnswer:
        body, complete = bytes(self._body[:MAX_ANSWER_BYTES]), self._complete
        if complete and self._headers.get("content-encoding", "identity").lower() != "identity":
            body, complete = _unpack(body)
        return PlatformAnswer(
            status=self._status,
            headers=self._headers,
            body=body,
            complete=complete,
            written=self.written,
            failure=self.failure,
        )


def _unpack(body: bytes) -> tuple[bytes, bool]:
    """gzip or deflate, although we asked for neither; never more than 64 KB of it."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        text = unpacker.decompress(body, MAX_ANSWER_BYTES)
    except zlib.error:
        return b"", False
    return text, unpacker.eof


def _trace_writing() -> aiohttp.TraceConfig:
    """Marks the exchange just before its first byte goes out, so that "not sent" is never said wrongly."""
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_mark_written)
    return trace


async def _mark_written(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.written = True


def _failure(err: BaseException) -> Failure:
    """The kind of failure. Order matters: a slow connection is both a timeout and an OS error."""
    match err:
        case TimeoutError():
            return Failure.SLOW
        case aiohttp.ClientConnectorDNSError():
            return Failure.DNS
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Failure.TLS
        case aiohttp.ClientConnectorError():
            return Failure.REFUSED
        case _:
            return Failure.BROKEN
