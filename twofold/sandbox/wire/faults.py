"""Scripted misbehaviour of the events endpoint, for tests of senders.

Owns the script, its order and the unusual answers (drip, reset, hang). A fault is taken when its ``match`` fits;
the first fitting one wins, and it is gone after ``times`` uses. Faults never touch what was kept before.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from twofold.sandbox.wire.answers import graph_response, scripted_error_body

TRANSPORT = "sandbox.transport"  # where the server's protocol leaves the connection in the scope
ABORT_NOW = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset instead of an orderly end


class FaultMatch(Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests a fault is for; an empty field fits all."""

    dataset: str | None = None


class Fault(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One scripted answer. Without status, code, body, hang, reset or a lie, only the delay and drip apply.

    Unless ``keep`` is set, nothing of the request is kept when the answer is scripted; with it, the request is
    worked on as usual and only its answer is replaced (the sender cannot know that it arrived).
    """

    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    code: int | None = None  # answers Meta's error envelope with this code
    subcode: int | None = None
    message: str = ""
    transient: bool = False
    body: Any = None  # a text is sent as it is, anything else as JSON
    body_bytes: Annotated[int, Meta(ge=0, le=1 << 30)] = 0  # appends so many spaces: a huge body
    events_received: int | None = None  # a lie about the count; the events are kept
    headers: dict[str, str] = {}
    delay_ms: Annotated[int, Meta(ge=0, le=600_000)] = 0
    drip: Annotated[int, Meta(ge=0, le=60_000)] | bool = 0  # ms between single bytes of the body; true is 1000
    reset: bool = False  # the connection is reset without an answer
    hang: bool = False  # the connection stays open without an answer
    keep: bool = False
    match: FaultMatch = FaultMatch()
    times: Annotated[int, Meta(ge=0)] | None = None  # 0 is for ever; default 1, or for ever with invalid_event_ids
    invalid_event_ids: tuple[str, ...] = ()  # only for batches that hold one of these; 400/100/2804003 by default

    @property
    def replaces_answer(self) -> bool:
        return (
            self.status is not None
            or self.code is not None
            or self.body is not None
            or self.body_bytes > 0
            or self.reset
            or self.hang
            or bool(self.invalid_event_ids)
        )


class _Scripted(Struct):
    fault: Fault
    left: int | None  # None is for ever
    used: int = 0


class FaultScript:
    """The faults still to come, in order."""

    def __init__(self) -> None:
        self._faults: list[_Scripted] = []

    def add(self, faults: list[Fault]) -> None:
        for fault in faults:
            times = fault.times if fault.times is not None else (0 if fault.invalid_event_ids else 1)
            self._faults.append(_Scripted(fault, times or None))

    def take(self, dataset: str, event_ids: set[str]) -> Fault | None:
        """The first fault for this request, used up by one; None when the request is to be answered truly."""
        for scripted in self._faults:
            if not _fits(scripted.fault, dataset, event_ids):
                continue
            scripted.used += 1
            if scripted.left is not None:
                scripted.left -= 1
                if not scripted.left:
                    self._faults.remove(scripted)
            return scripted.fault
        return None

    def clear(self) -> None:
        self._faults.clear()

    def listing(self) -> list[dict[str, Any]]:
        """What is still scripted, with ``left`` (null: for ever) and ``used``."""
        return [{**msgspec.to_builtins(s.fault), "left": s.left, "used": s.used} for s in self._faults]


def parse_faults(body: bytes) -> list[Fault]:
    """One fault, a list of them, or ``{"faults": [...]}``. Raises `msgspec.ValidationError` naming the field."""
    tree = msgspec.json.decode(body)
    if isinstance(tree, dict) and "faults" in tree:
        tree = tree["faults"]
    return msgspec.convert([tree] if isinstance(tree, dict) else tree, list[Fault])


def scripted_response(fault: Fault, *, trace: str, version: str, closing: asyncio.Event) -> Response:
    """The answer of a fault that replaces the true one."""
    if fault.reset:
        return ResetResponse()
    if fault.hang:
        return HangResponse(closing)
    return with_fault_headers(_plain_response(fault, trace, version), fault)


def with_fault_headers(response: Response, fault: Fault) -> Response:
    for name, value in fault.headers.items():
        response.headers[name] = value
    if fault.drip:
        return DripResponse(response, 1.0 if fault.drip is True else fault.drip / 1000)
    return response


def _plain_response(fault: Fault, trace: str, version: str) -> Response:
    status = fault.status or (400 if fault.code is not None or fault.invalid_event_ids else 200)
    padding = b" " * fault.body_bytes
    if isinstance(fault.body, str):
        return Response(fault.body.encode() + padding, status, media_type="application/json")
    body = fault.body
    if body is None:
        code, subcode = fault.code, fault.subcode
        if code is None and fault.invalid_event_ids:
            code, subcode = 100, subcode or 2804003
        if code is None:
            return Response(padding, status, media_type="application/json")
        body = scripted_error_body(code, subcode, fault.message, fault.transient, trace)
    response = graph_response(status, body, trace=trace, version=version)
    if padding:
        response.body = bytes(response.body) + padding
        response.headers["content-length"] = str(len(response.body))
    return response


class ResetResponse(Response):
    """Breaks the connection with a TCP reset before any byte of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's signature)
        connection = scope[TRANSPORT].get_extra_info("socket")
        if connection is not None:  # the sender may have gone already
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT_NOW)
        await _break(scope, receive)


class HangResponse(Response):
    """Never answers; ends when the sender gives up or the sandbox closes."""

    def __init__(self, closing: asyncio.Event) -> None:
        super().__init__()
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's signature)
        gone = asyncio.ensure_future(_disconnected(receive))
        closed = asyncio.ensure_future(self._closing.wait())
        await asyncio.wait({gone, closed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (gone, closed):
            task.cancel()
        await _break(scope, receive)


class DripResponse(Response):
    """Sends the headers at once and the body byte by byte."""

    def __init__(self, response: Response, gap_s: float) -> None:
        super().__init__()
        self._response, self._gap_s = response, gap_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's signature)
        inner = self._response
        await send({"type": "http.response.start", "status": inner.status_code, "headers": inner.raw_headers})
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            for byte in bytes(inner.body):
                await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
                await asyncio.wait({gone}, timeout=self._gap_s)
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _break(scope: Scope, receive: Receive) -> None:
    scope[TRANSPORT].abort()
    await _disconnected(receive)  # otherwise the server complains of an answer that never began


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _fits(fault: Fault, dataset: str, event_ids: set[str]) -> bool:
    if fault.match.dataset is not None and fault.match.dataset != dataset:
        return False
    return not fault.invalid_event_ids or not event_ids.isdisjoint(fault.invalid_event_ids)
