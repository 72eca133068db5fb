"""The Conversions API endpoint: ``POST /v{N}.{m}/{dataset}/events``, and the same without a version.

Owns who may write to what and the order of the checks: token, dataset, proof, data, events. Validity of events is
in `rules`, their fate in `received`, scripted failures in `faults`. Source: Meta for Developers, "Using the API"
and "Secure Graph API calls", read September 2026.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.sandbox.answers import (
    DEFAULT_VERSION,
    Kind,
    Refused,
    error_body,
    graph_response,
    new_trace_id,
    success_body,
)
from twofold.sandbox.dedup import Source
from twofold.sandbox.diagnostics import diagnose
from twofold.sandbox.envelope import Envelope, envelope_from, events_from, read_body, read_fields
from twofold.sandbox.faults import Fault, scripted_response, with_fault_headers
from twofold.sandbox.identifiers import comparable_fbp, comparable_values, person_digest
from twofold.sandbox.received import Arrival, RefusedEntry, encode_event
from twofold.sandbox.rules import Checked, check_batch
from twofold.sandbox.settings import Sandbox, SandboxSettings

MIN_TOKEN = 8  # characters, when no tokens are configured

_VERSION = re.compile(r"v\d{1,3}\.\d{1,2}")
_DATASET = re.compile(r"\d{1,32}")


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


async def unknown_path(request: Request) -> Response:
    trace = new_trace_id()
    refused = Refused(Kind.UNKNOWN_PATH, subject=request.url.path)
    return graph_response(refused.answer.status, error_body(refused, trace), trace=trace)


async def answer_events(sandbox: Sandbox, request: Request) -> Response:
    """One request to the endpoint, from bytes to answer."""
    version = request.path_params.get("version", DEFAULT_VERSION)
    if not _VERSION.fullmatch(version):
        return await unknown_path(request)
    post = _Post(sandbox, request.path_params["dataset"], new_trace_id())
    try:
        await post.read(request)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is there to read it
    fault = sandbox.faults.take(post.dataset, post.event_ids())
    if fault is None:
        status, body = post.settle()
        return graph_response(status, body, trace=post.trace, version=version)
    return await _answer_with_fault(post, fault, version)


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

    def __init__(self, sandbox: Sandbox, dataset: str, trace: str) -> None:
        self.sandbox = sandbox
        self.dataset = dataset
        self.trace = trace
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

    def event_ids(self) -> set[str]:
        return {str(event["event_id"]) for event in self._events if isinstance(event, dict) and event.get("event_id")}

    def settle(self) -> tuple[int, dict[str, Any]]:
        """Status and body of the true answer; the batch is kept, or one line about its refusal."""
        now = self.sandbox.clock()
        try:
            self._check_access()
            for refused in (self._unreadable, self._no_events):
                if refused is not None:
                    raise refused
            checked = check_batch(self._events, now)
            if not self.sandbox.inbox.has_room(len(checked)):
                raise Refused(Kind.FULL)
        except Refused as refused:
            self.sandbox.inbox.refuse(self._entry(refused, now))
            return refused.answer.status, error_body(refused, self.trace, method=self._method)
        self.sandbox.inbox.keep((self._arrival(event, now) for event in checked), now)
        return 200, success_body(len(checked), self.trace)

    def _check_access(self) -> None:
        settings = self.sandbox.settings
        token = self._envelope.token
        if not may_enter(settings, token):
            raise Refused(Kind.BAD_TOKEN)
        if not _DATASET.fullmatch(self.dataset) or not may_write(settings, token or "", self.dataset):
            raise Refused(Kind.WRONG_DATASET, subject=self.dataset)
        if self._method != "POST":
            raise Refused(Kind.WRONG_METHOD, subject=self.dataset)
        if settings.app_secret:
            check_proof(settings.app_secret, token or "", self._envelope.proof)

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
        )

    def _arrival(self, event: Checked, now: int) -> Arrival:
        user_data, custom_data = event.user_data, event.custom_data
        offline = event.action_source == "physical_store"
        return Arrival(
            dataset=self.dataset,
            event_name=event.event_name,
            event_time=event.event_time,
            source=Source.SERVER,
            event=encode_event(event.event),
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
            diagnostics=diagnose(event, now),
            test_event_code=self._envelope.test_event_code,
            partner_agent=self._envelope.partner_agent,
            client=self._client,
        )


def may_enter(settings: SandboxSettings, token: str | None) -> bool:
    """Whether the token is one that the sandbox knows, or long enough when it knows none."""
    if token is None:
        return False
    return token in settings.tokens if settings.tokens else len(token) >= MIN_TOKEN


def may_write(settings: SandboxSettings, token: str, dataset: str) -> bool:
    datasets = settings.tokens.get(token, ())
    return not datasets or dataset in datasets


def check_proof(app_secret: str, token: str, proof: str | None) -> None:
    """``appsecret_proof`` is the lower-case hex HMAC-SHA256 of the token under the app secret."""
    if proof is None:
        raise Refused(Kind.PROOF_MISSING)
    expected = hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), proof.encode()):
        raise Refused(Kind.PROOF_WRONG)


def _text(value: Any) -> str | None:
    """Ids are texts; a number is read as its digits."""
    if isinstance(value, bool) or value in (None, "") or not isinstance(value, str | int):
        return None
    return str(value)
