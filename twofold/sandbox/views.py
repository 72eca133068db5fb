"""The JSON lists under ``/sandbox``: what was received, what Meta would count, what was refused; reset and faults.

Owns their shapes, which tests of other programs read. Every amount is exact decimal text. ``external_id`` is shown
as a key and never as a value, as in the Test Events tool.
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

from twofold.sandbox.dedup import MEANING, Source
from twofold.sandbox.faults import parse_faults
from twofold.sandbox.received import Inbox, Received, RefusedEntry, Tally, exact_text
from twofold.sandbox.settings import Sandbox

DEFAULT_LIMIT = 1_000
MAX_LIMIT = 100_000
WATCH_EVERY_S = 0.5

_encode = msgspec.json.Encoder(decimal_format="number").encode


def routes(sandbox: Sandbox) -> list[Route]:
    inbox = sandbox.inbox

    def listing(build: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            try:
                return json_response(build(request))
            except ValueError as err:
                return json_response({"error": str(err)}, 400)

        return answer

    async def reset(_: Request) -> Response:
        inbox.reset()
        sandbox.faults.clear()
        return json_response({"reset": True})

    async def add_faults(request: Request) -> Response:
        try:
            sandbox.faults.add(parse_faults(await request.body()))
        except msgspec.DecodeError as err:
            return json_response({"error": str(err)}, 400)
        return json_response({"faults": sandbox.faults.listing()})

    async def clear_faults(_: Request) -> Response:
        sandbox.faults.clear()
        return json_response({"faults": []})

    async def stream(_: Request) -> Response:
        return StreamingResponse(
            watch(inbox, sandbox.closing), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    return [
        Route("/sandbox/events", listing(lambda r: list_events(inbox, r))),
        Route("/sandbox/actions", listing(lambda r: list_actions(inbox, r))),
        Route("/sandbox/counts", listing(lambda r: list_counts(inbox, r))),
        Route("/sandbox/refused", listing(lambda r: list_refused(inbox, r))),
        Route("/sandbox/test_events", listing(lambda r: list_test_events(inbox, r))),
        Route("/sandbox/faults", listing(lambda _: {"faults": sandbox.faults.listing()}), methods=["GET"]),
        Route("/sandbox/faults", add_faults, methods=["POST"]),
        Route("/sandbox/faults", clear_faults, methods=["DELETE"]),
        Route("/sandbox/reset", reset, methods=["POST"]),
        Route("/sandbox/stream", stream),
    ]


def json_response(body: Any, status: int = 200) -> Response:
    return Response(_encode(body), status, media_type="application/json", headers={"cache-control": "no-store"})


def list_events(inbox: Inbox, request: Request) -> dict[str, Any]:
    """Every kept copy, oldest first. Filters: dataset, event_name, event_id, state, source, code; after, limit."""
    rows = _filtered(inbox.received(), request)
    after = _number(request, "after", 0)
    return {"events": [event_row(copy) for copy in _limited((c for c in rows if c.number > after), request)]}


def list_actions(inbox: Inbox, request: Request) -> dict[str, Any]:
    """What Meta would count: one row per Processed copy, with how many copies stand behind it."""
    copies = inbox.copies_per_action()
    rows = (c for c in _filtered(inbox.received(), request) if c.number in copies)
    return {"actions": [_action_row(copy, copies[copy.number]) for copy in _limited(rows, request)]}


def list_counts(inbox: Inbox, request: Request) -> dict[str, Any]:
    """Per dataset and event name; browser_received + server_received = deduplicated + counted."""
    wanted = {key: request.query_params.get(key) for key in ("dataset", "event_name")}
    return {
        "counts": [
            count_row(dataset, name, tally)
            for (dataset, name), tally in sorted(inbox.tallies().items())
            if wanted["dataset"] in (None, dataset) and wanted["event_name"] in (None, name)
        ]
    }


def list_refused(inbox: Inbox, request: Request) -> dict[str, Any]:
    """Refused requests, oldest first; nothing of their content."""
    dataset = request.query_params.get("dataset")
    rows = (entry for entry in inbox.refused if dataset in (None, entry.dataset))
    return {"refused": [_refused_row(entry) for entry in _limited(rows, request)]}


def list_test_events(inbox: Inbox, request: Request) -> dict[str, Any]:
    """The Test Events list, newest first: events with the code, and the browser events of the same datasets.

    The real tool shows the browser events of the tester's own session; there is no session here, so all are shown.
    Without a code every event is listed.
    """
    return {"test_events": [test_event_row(copy) for copy in _limited(select_test_events(inbox, request), request)]}


def select_test_events(inbox: Inbox, request: Request) -> Iterable[Received]:
    code = request.query_params.get("code")
    if not code:
        return inbox.newest()
    datasets = {c.arrival.dataset for c in inbox.received() if c.arrival.test_event_code == code}
    return (
        c
        for c in inbox.newest()
        if c.arrival.test_event_code == code or (c.arrival.source is Source.BROWSER and c.arrival.dataset in datasets)
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
        "test_event_code": arrival.test_event_code,
        "partner_agent": arrival.partner_agent,
        "client": arrival.client,
        "event": shown_event(arrival.event),
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
        "counterpart": copy.counterpart,
        "event_time": arrival.event_time,
        "received_at": copy.received_at,
        "event_source_url": arrival.event_source_url,
        "parameters": msgspec.json.decode(arrival.event).get("custom_data") or {},
        # The tool does not display external_id, so neither its value nor its name.
        "user_data_keys": [key for key in arrival.user_keys if key != "external_id"],
        "test_event_code": arrival.test_event_code,
    }


def count_row(dataset: str, name: str, tally: Tally) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "event_name": name,
        "browser_received": tally.browser,
        "server_received": tally.server,
        "deduplicated": tally.deduplicated,
        "counted": tally.counted,
        "value": {currency: exact_text(total.amount) for currency, total in sorted(tally.values.items())},
    }


def shown_event(event: msgspec.Raw) -> msgspec.Raw:
    """The event as it was sent."""
    return event


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


def _refused_row(entry: RefusedEntry) -> dict[str, Any]:
    return msgspec.structs.asdict(entry)


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


def _limited(rows: Iterable[Any], request: Request) -> list[Any]:
    return list(islice(rows, min(_number(request, "limit", DEFAULT_LIMIT), MAX_LIMIT)))


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{name}: expected a whole number, got {text[:20]!r}")
    return int(text[:9])
