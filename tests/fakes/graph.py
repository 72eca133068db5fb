"""A Graph API that answers what the test says: real sockets, one scripted answer for each request.

Owns the wire only: it reads plain HTTP/1.1 with a Content-Length, records what came, byte for byte, and answers
by a script. It validates nothing and deduplicates nothing; Meta's receiving side is the sandbox.

    async with FakeGraph([error(190, status=401), OK]) as graph:
        ...                       # the last answer of a script repeats
        graph.requests[0].ids

A script is a list of `Reply`, or a function of the `Recorded` request that returns one (see `refusing`).
`in_thread` runs the same server for tests without a loop of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. ``body`` None: Meta's success with the true count."""

    status: int = 200
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0  # before the first byte
    drip_s: float = 0.0  # between the bytes of the body; the headers come at once
    hang: bool = False  # never answers
    until: asyncio.Event | None = None  # answers when this is set
    reset: bool = False  # ends the connection with a reset instead of an answer
    reset_after: int | None = None  # sends so many bytes of the body, then resets
    raw: bytes | None = None  # sent as it is, instead of status line, headers and body


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One request as it came. ``at`` is monotonic seconds."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def ids(self) -> list[str]:
        return [e["event_id"] for e in self.envelope["data"]]


OK = Reply()
Script = Sequence[Reply] | Callable[[Recorded], Reply]


def error(code: int, subcode: int | None = None, *, status: int = 400, transient: bool = False, **more: Any) -> Reply:
    """Meta's error shape (Graph API, "Handle errors")."""
    inner: dict[str, Any] = {"message": "Invalid parameter", "type": "OAuthException", "code": code}
    if subcode is not None:
        inner["error_subcode"] = subcode
    inner |= {"is_transient": transient, "fbtrace_id": "Afake"}
    return Reply(status=status, body=json.dumps({"error": inner}).encode(), **more)


def html(status: int) -> Reply:
    return Reply(
        status=status,
        body=b"<!doctype html><title>Error</title><p>Sorry, something went wrong.",
        headers=(("Content-Type", "text/html; charset=utf-8"),),
    )


def counting(received: int) -> Reply:
    return Reply(body=json.dumps({"events_received": received, "messages": [], "fbtrace_id": "Afake"}).encode())


def bomb(status: int = 200, *, size: int = 100 << 20) -> Reply:
    """A hundred megabytes of spaces in a hundred kilobytes of gzip."""
    return Reply(status=status, body=gzip.compress(b" " * size), headers=(("Content-Encoding", "gzip"),))


def refusing(invalid: set[str], *, subcode: int = 2804050) -> Callable[[Recorded], Reply]:
    """Refuses every request that holds one of these event ids, as a whole, and takes all others."""

    def answer(request: Recorded) -> Reply:
        return error(100, subcode) if invalid.intersection(request.ids) else OK

    return answer


@dataclass
class FakeGraph:
    """The server. ``requests`` grows as requests are read in full; ``overlaps`` holds event ids that were in
    two open requests at once; ``open`` counts those not yet answered or given up.
    """

    script: Script = (OK,)
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    requests: list[Recorded] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    _open_ids: list[str] = field(default_factory=list)
    _handlers: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"{'https' if self.tls else 'http'}://{self.host}:{port}"

    @property
    def ids(self) -> list[str]:
        """Every event id received, in order, repeats included."""
        return [i for r in self.requests for i in r.ids]

    async def __aenter__(self) -> FakeGraph:
        self._server = await asyncio.start_server(self._accept, self.host, 0, ssl=self.tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            early: bytes | None = b""
            while early is not None and (request := await _read_request(reader, early)) is not None:
                early = await self._answer(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._handlers.discard(task)
            writer.close()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(
        self, request: Recorded, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """Records and answers one request. None when the connection is over, else what of the next one has come."""
        reply = self._next(request)
        ids = _ids(request)
        self.overlaps += [i for i in ids if i in self._open_ids]
        self._open_ids += ids
        self.open += 1
        self.requests.append(request)
        try:
            return await _unless_gone(_write(reply, len(ids), writer), reader)
        finally:
            self.open -= 1
            for i in ids:
                self._open_ids.remove(i)

    def _next(self, request: Recorded) -> Reply:
        if callable(self.script):
            return self.script(request)
        return self.script[min(len(self.requests), len(self.script) - 1)]


@contextlib.contextmanager
def in_thread(script: Script = (OK,)) -> Iterator[FakeGraph]:
    """The server on a loop of its own, for tests that start the gateway as a process."""
    graph = FakeGraph(script)
    ready, loops = threading.Event(), []

    async def serve() -> None:
        stop = asyncio.Event()
        async with graph:
            loops.append((asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield graph
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@contextlib.contextmanager
def dead_port() -> Iterator[int]:
    """A port that refuses connections; it is held, so that nobody else can be given it."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield s.getsockname()[1]


def _ids(request: Recorded) -> list[str]:
    try:
        return request.ids
    except (ValueError, KeyError, TypeError):
        return []


async def _read_request(reader: asyncio.StreamReader, early: bytes) -> Recorded | None:
    try:
        head = early + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *rest = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in rest if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Recorded(at=time.monotonic(), method=method, path=path, headers=headers, body=body)


async def _unless_gone(answer: Coroutine[Any, Any, bool], reader: asyncio.StreamReader) -> bytes | None:
    """Runs ``answer`` to its end, or drops it when the client hangs up first."""
    writing = asyncio.ensure_future(answer)
    reading = asyncio.ensure_future(reader.read(1))  # ends with nothing when the client hangs up
    try:
        await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
        keep = writing.done() and writing.result()
    finally:
        for future in (writing, reading):
            future.cancel()
        _, early = await asyncio.gather(writing, reading, return_exceptions=True)
    return (early if isinstance(early, bytes) else b"") if keep else None


async def _write(reply: Reply, sent: int, writer: asyncio.StreamWriter) -> bool:
    await asyncio.sleep(reply.delay_s)
    if reply.until is not None:
        await reply.until.wait()
    if reply.hang:
        await asyncio.Event().wait()
    if reply.reset:
        _reset(writer)
        return False
    if reply.raw is not None:
        writer.write(reply.raw)
        await writer.drain()
        return False
    body = counting(sent).body if reply.body is None else reply.body
    writer.write(_head(reply, body or b""))
    if reply.reset_after is not None:
        writer.write((body or b"")[: reply.reset_after])
        await writer.drain()
        await asyncio.sleep(0.05)  # a reset overtakes what is still in the buffers
        _reset(writer)
        return False
    if reply.drip_s:
        await _drip(reply.drip_s, body or b"", writer)
    else:
        writer.write(body or b"")
    await writer.drain()
    return True


def _head(reply: Reply, body: bytes) -> bytes:
    headers = {"Content-Type": "application/json; charset=UTF-8", "Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {reply.status} Whatever"]
    lines += [f"{k}: {v}" for k, v in headers.items() if k not in dict(reply.headers)]
    lines += [f"{k}: {v}" for k, v in reply.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _drip(seconds: float, body: bytes, writer: asyncio.StreamWriter) -> None:
    for byte in body:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(seconds)


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
