"""The JSON lists under ``/sandbox``: what was received, what Meta would count, what was refused; reset and faults.

Owns their shapes, which tests of other programs read. Every amount is exact decimal text. Lists are
whole unless ``limit`` asks for fewer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.dedup import MEANING, Reason, Source
from twofold.sandbox.wire.faults import parse_faults
from twofold.sandbox.wire.rates import RateOptions
from twofold.sandbox.wire.received import Inbox, Received, Tally, exact_text

WATCH_EVERY_S = 0.5
ROWS_PER_PIECE = 500
NO_STORE = {"cache-control": "no-store"}

_encode = msgspec.json.Encoder(decimal_format="number").encode


def routes(sandbox: Sandbox) -> list[Route]:
    """Every address under ``/sandbox``."""
    return [
        *(_listing(sandbox.inbox, name, rows) for name, rows in LISTS.items()),
        *_faults(sandbox),
        *_rates(sandbox),
        _resetting(sandbox),
        *_streams(sandbox),
    ]


def _listing(inbox: Inbox, name: str, rows: Callable[[Inbox, Request], Iterable[dict[str, Any]]]) -> Route:
    async def answer(request: Request) -> Response:
        try:
            limited = islice(rows(inbox, request), _number(request, "limit", None))
        except ValueError as err:
            return json_response({"error": str(err)}, 400)
        return StreamingResponse(stream_rows(name, limited), media_type="application/json", headers=NO_STORE)

    return Route(f"/sandbox/{name}", answer)


def _faults(sandbox: Sandbox) -> list[Route]:
    """What the sandbox does wrong on purpose: asked, added, ended."""

    async def show(_: Request) -> Response:
        return json_response({"faults": sandbox.faults.listing()})

    async def add(request: Request) -> Response:
        try:
            sandbox.faults.add(parse_faults(await request.body()))
        except msgspec.DecodeError as err:
            return json_response({"error": str(err)}, 400)
        return json_response({"faults": sandbox.faults.listing()})

    async def clear(_: Request) -> Response:
        sandbox.faults.clear()
        return json_response({"faults": []})

    path = "/sandbox/faults"
    return [
        Route(path, show, methods=["GET"]),
        Route(path, add, methods=["POST"]),
        Route(path, clear, methods=["DELETE"]),
    ]


def _rates(sandbox: Sandbox) -> list[Route]:
    """How much it takes in a while: asked and set."""

    async def show(_: Request) -> Response:
        return json_response({"rates": sandbox.rates.options})

    async def put(request: Request) -> Response:
        try:
            sandbox.rates.set(msgspec.json.decode(await request.body(), type=RateOptions))
        except msgspec.DecodeError as err:
            return json_response({"error": str(err)}, 400)
        return json_response({"rates": sandbox.rates.options})

    return [Route("/sandbox/rates", show, methods=["GET"]), Route("/sandbox/rates", put, methods=["POST"])]


def _resetting(sandbox: Sandbox) -> Route:
    async def reset(_: Request) -> Response:
        sandbox.inbox.reset()
        sandbox.world.reset()
        sandbox.faults.clear()
        sandbox.notes.reset()
        sandbox.rates.set(sandbox.settings.rates)
        return json_response({"reset": True})

    return Route("/sandbox/reset", reset, methods=["POST"])


def _streams(sandbox: Sandbox) -> list[Route]:
    """What comes in, as it comes in."""

    async def stream(_: Request) -> Response:
        pieces = watch(sandbox.inbox, sandbox.closing)
        return StreamingResponse(pieces, media_type="text/event-stream", headers=NO_STORE)

    async def stream_tests(request: Request) -> Response:
        code = request.query_params.get("code") or None
        pieces = watch_test_events(sandbox.inbox, sandbox.closing, code)
        return StreamingResponse(pieces, media_type="text/event-stream", headers=NO_STORE)

    return [Route("/sandbox/stream", stream), Route("/sandbox/test_events/stream", stream_tests)]


def json_response(body: Any, status: int = 200) -> Response:
    return Response(_encode(body), status, media_type="application/json", headers=NO_STORE)


async def stream_rows(name: str, rows: Iterable[dict[str, Any]]) -> AsyncIterator[bytes]:
    """``{"name": [rows]}`` in pieces: a list of all events at once would be larger than the events."""
    rows = iter(rows)
    lead = b'{"%s":[' % name.encode()
    while piece := list(islice(rows, ROWS_PER_PIECE)):
        yield lead + b",".join(map(_encode, piece))
        lead = b","
    yield (lead if lead != b"," else b"") + b"]}"


def list_events(inbox: Inbox, request: Request) -> Iterable[dict[str, Any]]:
    """Every kept copy, oldest first; ``event`` is the event as it was sent.

    Filters: dataset, event_name, event_id, state, source, code; ``after`` a number.
    """
    after = _number(request, "after", 0) or 0
    return (event_row(copy) for copy in _filtered(inbox.received(), request) if copy.number > after)


def list_actions(inbox: Inbox, request: Request) -> Iterable[dict[str, Any]]:
    """What Meta would count: one row per Processed copy, with how many copies stand behind it."""
    copies = inbox.copies_per_action()
    rows = (copy for copy in _filtered(inbox.received(), request) if copy.number in copies)
    return (_action_row(copy, copies[copy.number]) for copy in rows)


def list_counts(inbox: Inbox, request: Request) -> Iterable[dict[str, Any]]:
    """Per dataset and event name; browser + server + app received = deduplicated + counted."""
    wanted = request.query_params.get("dataset"), request.query_params.get("event_name")
    return (
        count_row(dataset, name, tally)
        for (dataset, name), tally in sorted(inbox.tallies().items())
        if wanted[0] in (None, dataset) and wanted[1] in (None, name)
    )


def list_refused(inbox: Inbox, request: Request) -> Iterable[dict[str, Any]]:
    """Refused requests, oldest first; nothing of their content."""
    dataset = request.query_params.get("dataset")
    return [msgspec.structs.asdict(entry) for entry in inbox.refused if dataset in (None, entry.dataset)]


def list_test_events(inbox: Inbox, request: Request) -> Iterable[dict[str, Any]]:
    """The Test Events list, newest first: events with the code, and the browser events of the same datasets.

    The real tool shows the browser events of the tester's own session; there is no session here, so all are shown.
    Without a code every event is listed.
    """
    return (test_event_row(copy) for copy in select_test_events(inbox, request))


# the name in the address and in the answer -> its rows
LISTS: dict[str, Callable[[Inbox, Request], Iterable[dict[str, Any]]]] = {
    "events": list_events,
    "actions": list_actions,
    "counts": list_counts,
    "refused": list_refused,
    "test_events": list_test_events,
}


def select_test_events(inbox: Inbox, request: Request) -> Iterable[Received]:
    code = request.query_params.get("code")
    if not code:
        return inbox.newest()
    datasets = {c.arrival.dataset for c in inbox.received() if c.arrival.test_event_code == code}
    return (
        c
        for c in inbox.newest()
        if c.arrival.test_event_code == code
        or (c.arrival.source is not Source.SERVER and c.arrival.dataset in datasets)
    )


def event_row(copy: Received) -> dict[str, Any]:
    arrival = copy.arrival
    return {
        "number": copy.number,
        "dataset": arrival.dataset,
        "event_name": arrival.event_name,
        "event_id": arrival.event_id,
        "event_time": arrival.event_time,
        "received_at": copy.received_at,
        "source": arrival.source,
        "action_source": arrival.action_source,
        "state": copy.state,
        "reason": copy.reason,
        "meaning": MEANING[copy.reason],
        "counterpart": copy.counterpart,
        "value": None if arrival.value is None else exact_text(arrival.value),
        "currency": arrival.currency,
        "order_id": arrival.order_id,
        "user_data_keys": arrival.user_keys,
        "diagnostics": arrival.diagnostics,
        "flags": arrival.flags,
        "test_event_code": arrival.test_event_code,
        "partner_agent": arrival.partner_agent,
        "client": arrival.client,
        "event": arrival.event,
    }


def test_event_row(copy: Received) -> dict[str, Any]:
    """Source, time, state, parameters, and which user-data keys came."""
    arrival = copy.arrival
    return {
        "number": copy.number,
        "dataset": arrival.dataset,
        "event_name": arrival.event_name,
        "event_id": arrival.event_id,
        "source": arrival.source,
        "state": copy.state,
        "reason": copy.reason,
        "meaning": MEANING[copy.reason],
        "counterpart": copy.counterpart,
        "event_time": arrival.event_time,
        "received_at": copy.received_at,
        "action_source": arrival.action_source,
        "event_source_url": arrival.event_source_url,
        "parameters": msgspec.json.decode(arrival.event).get("custom_data") or {},
        # The tool does not display external_id, so neither its value nor its name.
        "user_data_keys": [key for key in arrival.user_keys if key != "external_id"],
        "diagnostics": arrival.diagnostics,
        "test_event_code": arrival.test_event_code,
    }


def count_row(dataset: str, name: str, tally: Tally) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "event_name": name,
        "browser_received": tally.browser,
        "server_received": tally.server,
        "app_received": tally.app,
        "deduplicated": tally.deduplicated,
        "counted": tally.counted,
        "value": {currency: exact_text(total.amount) for currency, total in sorted(tally.values.items())},
    }


async def watch(inbox: Inbox, closing: asyncio.Event) -> AsyncIterator[bytes]:
    """Server-sent events: one ``changed`` with the version, at most twice a second."""
    seen = -1
    while not closing.is_set():
        if inbox.version != seen:
            seen = inbox.version
            yield b"event: changed\ndata: %d\n\n" % seen
        try:
            await asyncio.wait_for(closing.wait(), WATCH_EVERY_S)
        except TimeoutError:
            continue


async def watch_test_events(inbox: Inbox, closing: asyncio.Event, code: str | None) -> AsyncIterator[bytes]:
    """Server-sent events: an ``event`` with a row of the Test Events list for each copy from now on, oldest first.

    A copy that a later one replaces is sent again, with its new state. ``id`` is the copy's number.
    """
    yield b": listening\n\n"
    seen = len(inbox)
    while not closing.is_set():
        if len(inbox) < seen:
            seen = 0  # a reset
        while seen < len(inbox):
            seen += 1
            copy = inbox.copy(seen)
            if not _is_tested(inbox, copy, code):
                continue
            replaced = copy.counterpart if copy.reason is Reason.BROWSER_PREFERRED else None
            for number in (replaced, seen):
                if number is not None:
                    yield b"id: %d\nevent: event\ndata: %b\n\n" % (number, _encode(test_event_row(inbox.copy(number))))
        try:
            await asyncio.wait_for(closing.wait(), WATCH_EVERY_S)
        except TimeoutError:
            continue


def _is_tested(inbox: Inbox, copy: Received, code: str | None) -> bool:
    if code is None or copy.arrival.test_event_code == code:
        return True
    if copy.arrival.source is Source.SERVER:
        return False
    return any(c.arrival.test_event_code == code and c.arrival.dataset == copy.arrival.dataset for c in inbox.newest())


def _action_row(copy: Received, copies: int) -> dict[str, Any]:
    arrival = copy.arrival
    return {
        "number": copy.number,
        "dataset": arrival.dataset,
        "event_name": arrival.event_name,
        "event_id": arrival.event_id,
        "event_time": arrival.event_time,
        "source": arrival.source,
        "value": None if arrival.value is None else exact_text(arrival.value),
        "currency": arrival.currency,
        "order_id": arrival.order_id,
        "user_data_keys": arrival.user_keys,
        "copies": copies,
    }


def _filtered(copies: Iterable[Received], request: Request) -> Iterable[Received]:
    wanted = [(get, request.query_params[name]) for name, get in FILTERS.items() if name in request.query_params]
    return (copy for copy in copies if all(get(copy) == value for get, value in wanted))


FILTERS: dict[str, Callable[[Received], Any]] = {
    "dataset": lambda c: c.arrival.dataset,
    "event_name": lambda c: c.arrival.event_name,
    "event_id": lambda c: c.arrival.event_id,
    "state": lambda c: c.state,
    "source": lambda c: c.arrival.source,
    "code": lambda c: c.arrival.test_event_code,
}


def _number(request: Request, name: str, default: int | None) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{name}: expected a whole number, got {text[:20]!r}")
    return int(text[:9])
