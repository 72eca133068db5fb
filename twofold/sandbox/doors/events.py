"""The Conversions API endpoint: ``POST /v{N}.{m}/{dataset}/events``, and the same without a version.

Owns who may write to what and the order of the checks: token, dataset, proof, data, events. Validity of events is
in `rules`, their fate in `received`, scripted failures in `faults`. Source: Meta for Developers, "Using the API"
and "Secure Graph API calls", read September 2026.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.sandbox.judge.diagnostics import diagnose, diagnose_refusal, seen_from
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.access import SEND_EVENTS, check_access
from twofold.sandbox.wire.answers import (
    DEFAULT_VERSION,
    RefusalKind,
    Refused,
    error_body,
    graph_response,
    new_trace_id,
    success_body,
)
from twofold.sandbox.wire.dedup import Source
from twofold.sandbox.wire.envelope import Envelope, envelope_from, events_from, read_body, read_fields
from twofold.sandbox.wire.faults import Fault, scripted_response, with_fault_headers
from twofold.sandbox.wire.flags import flags_of
from twofold.sandbox.wire.graph import VERSION, finish, is_outdated, unknown_path
from twofold.sandbox.wire.identifiers import comparable_fbp, comparable_values, person_digest
from twofold.sandbox.wire.masking import mask_checked, mask_text, may_hold_contact
from twofold.sandbox.wire.rates import WRITE
from twofold.sandbox.wire.received import Arrival, RefusedEntry, encode_event
from twofold.sandbox.wire.rules import Checked, check_batch


def routes(sandbox: Sandbox) -> list[Route]:
    """The endpoint's routes; they also match unknown first segments, so they come after all others."""

    async def events(request: Request) -> Response:
        return await answer_events(sandbox, request)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [
        Route("/{version}/{dataset}/events", events, methods=methods),
        Route("/{dataset}/events", events, methods=methods),
        Route("/{path:path}", unknown_path, methods=methods),
    ]


async def answer_events(sandbox: Sandbox, request: Request) -> Response:
    """One request to the endpoint, from bytes to answer."""
    version = request.path_params.get("version", DEFAULT_VERSION)
    if not VERSION.fullmatch(version):
        return await unknown_path(request)
    post = _Post(sandbox, request.path_params["dataset"], version, new_trace_id())
    try:
        await post.read(request)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is there to read it
    fault = sandbox.faults.take(post.dataset, post.event_ids())
    if fault is None:
        status, body = post.settle()
        response = graph_response(status, body, trace=post.trace, version=version)
    else:
        response = await _answer_with_fault(post, fault, version)
    return finish(sandbox, response, version, token=post.token, owner=post.dataset)


async def _answer_with_fault(post: _Post, fault: Fault, version: str) -> Response:
    if fault.delay_ms:
        await asyncio.sleep(fault.delay_ms / 1000)
    if fault.replaces_answer and not fault.keep:
        return scripted_response(fault, trace=post.trace, version=version, closing=post.sandbox.closing)
    status, body = post.settle()
    if fault.replaces_answer:
        return scripted_response(fault, trace=post.trace, version=version, closing=post.sandbox.closing)
    if fault.events_received is not None and status == 200:
        body["events_received"] = fault.events_received
    return with_fault_headers(graph_response(status, body, trace=post.trace, version=version), fault)


class _Post:
    """One request while it is worked on: read first, then settled once (or not at all, when a fault says so)."""

    def __init__(self, sandbox: Sandbox, dataset: str, version: str, trace: str) -> None:
        self.sandbox = sandbox
        self.dataset = dataset
        self.trace = trace
        self._outdated = is_outdated(sandbox.settings, version)
        self._method = "POST"
        self._client: str | None = None
        self._envelope = Envelope()
        self._events: list[Any] = []
        self._unreadable: Refused | None = None  # why the body could not be read; weighed after the token
        self._no_events: Refused | None = None

    async def read(self, request: Request) -> None:
        self._method, self._client = request.method, request.headers.get("user-agent")
        query, authorization = request.query_params.multi_items(), request.headers.get("authorization", "")
        try:
            body = await read_body(request.stream(), request.headers)
            fields = await read_fields(body, request.headers, query)
        except Refused as refused:
            self._unreadable = refused
            fields = dict(query)
        self._envelope = envelope_from(fields, authorization)
        try:
            self._events = events_from(self._envelope.data)
        except Refused as refused:
            self._no_events = refused

    @property
    def token(self) -> str:
        return self._envelope.token or ""

    def event_ids(self) -> set[str]:
        return {str(event["event_id"]) for event in self._events if isinstance(event, dict) and event.get("event_id")}

    def settle(self) -> tuple[int, dict[str, Any]]:
        """Status and body of the true answer; the batch is kept, or one line about its refusal."""
        now = self.sandbox.clock()
        try:
            self._check_access(now)
            for refused in (self._unreadable, self._no_events):
                if refused is not None:
                    raise refused
            checked = check_batch(self._events, now, self.dataset, self.sandbox.notes.links)
            if not self.sandbox.inbox.has_room(len(checked)):
                raise Refused(RefusalKind.FULL)
        except Refused as refused:
            self.sandbox.inbox.refuse(self._entry(refused, now))
            return refused.answer.status, error_body(refused, self.trace, method=self._method)
        self.sandbox.inbox.keep((self._arrival(event, now) for event in checked), now)
        return 200, success_body(len(checked), self.trace)

    def _check_access(self, now: int) -> None:
        envelope = self._envelope
        check_access(self.sandbox.settings, envelope.token, envelope.proof, self.dataset, SEND_EVENTS)
        if self._method != "POST":
            raise Refused(RefusalKind.WRONG_METHOD, subject=self.dataset)
        if not self.sandbox.rates.charge(self.token, WRITE, now):
            raise throttled(self.sandbox)

    def _entry(self, refused: Refused, now: int) -> RefusedEntry:
        answer = refused.answer
        return RefusedEntry(
            at=now,
            dataset=self.dataset[:64],
            endpoint="events",
            status=answer.status,
            code=answer.code,
            subcode=answer.subcode,
            title=answer.title or answer.message.partition(" Object with ID")[0],
            detail=refused.detail,
            blame=refused.blame,
            index=refused.index,
            count=len(self._events),
            trace=self.trace,
            event_name=mask_text(refused.event_name),
            diagnostics=diagnose_refusal(refused),
        )

    def _arrival(self, event: Checked, now: int) -> Arrival:
        found = diagnose(seen_from(event, now, outdated=self._outdated))
        encoded = encode_event(event.event)
        if may_hold_contact(encoded):
            event = mask_checked(event)
            encoded = encode_event(event.event)
        user_data, custom_data = event.user_data, event.custom_data
        offline = event.action_source == "physical_store"
        return Arrival(
            dataset=self.dataset,
            event_name=event.event_name,
            event_time=event.event_time,
            source=Source.SERVER,
            event=encoded,
            event_id=event.event_id,
            action_source=event.action_source,
            event_source_url=_text(event.event.get("event_source_url")),
            user_keys=tuple(user_data),
            fbp=comparable_fbp(user_data.get("fbp")),
            external_ids=comparable_values(user_data.get("external_id")),
            person=person_digest(user_data) if offline else "",
            value=event.value,
            currency=event.currency,
            order_id=_text(custom_data.get("order_id")),
            item_number=_text(custom_data.get("item_number")),
            diagnostics=found,
            test_event_code=self._envelope.test_event_code,
            partner_agent=self._envelope.partner_agent,
            client=self._client,
            flags=flags_of(event.event),
            contacts=contacts_of(self.sandbox, user_data),
        )


def contacts_of(sandbox: Sandbox, user_data: dict[str, Any]) -> tuple[str, ...]:
    """Hashed e-mail and phone for the limited order id rule; nothing while it is off, which saves memory."""
    if sandbox.settings.dedup.order_window_ms is None:
        return ()
    return (*comparable_values(user_data.get("em")), *comparable_values(user_data.get("ph")))


def throttled(sandbox: Sandbox) -> Refused:
    """The answer of a token that called too often, with the code that the options ask for."""
    refused = Refused(RefusalKind.THROTTLED)
    options = sandbox.rates.options
    refused.answer = msgspec.structs.replace(
        refused.answer, status=options.status, code=options.code, subcode=options.subcode
    )
    return refused


def _text(value: Any) -> str | None:
    """Ids are texts; a number is read as its digits."""
    if isinstance(value, bool) or value in (None, "") or not isinstance(value, str | int):
        return None
    return str(value)
