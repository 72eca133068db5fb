"""The collector's doors: which path is which, how a body is read, what is answered. A plain ASGI callable.

Owns the way request -> decode -> pipeline -> store -> answer; each door is one short method. What a body means
is `decode` and `steps`; who may knock is `trust`. Success is answered only when the store's future is done.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.json import encode as encode_json

from twofold.clock import Clock
from twofold.collect import answers
from twofold.collect.decode import inflate, raw_event, read_envelope, read_fields, read_multipart
from twofold.collect.metrics import CollectMetrics
from twofold.collect.pipeline import run
from twofold.collect.pixel import dataset_of, raw_from_hit, sender_of
from twofold.collect.steps import Origin
from twofold.collect.trust import client_address, key_fits, origin_allowed, sender_name
from twofold.errors import StoreBusy, StoreError
from twofold.event.model import Channel, Event, Tier
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scrub import mask_body
from twofold.event.strict_json import read_json
from twofold.sources.contract import Ignored, Source
from twofold.store.journal import RefusedRow
from twofold.store.writer import Store

MAX_TAG_EVENTS = 100
MAX_HEADERS = 64
MAX_URL = 8_192
MAX_TAG_BODY = 1 << 20
RETRY_AFTER_S = 2

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_EVENTS_PATH = re.compile(r"/(?:v\d{1,3}\.\d{1,2}/)?([A-Za-z0-9_\-]{1,64})/events/?")
_CORS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-max-age", b"86400"),
)
_JSON = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_GIF = ((b"content-type", b"image/gif"), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class DatasetDoor(Struct, frozen=True, kw_only=True):
    """What the collector needs to know of one dataset."""

    id: str
    key: bytes | None  # digest
    origins: frozenset[str]
    country: str


class WebhookDoor(Struct, frozen=True, kw_only=True):
    """One configured source behind its path."""

    source: Source
    shop: str
    dataset: str
    secrets: tuple[str, ...]


class RefusedCopy(Struct, frozen=True):
    """A refusal with the element it is about, so that its row shows that element and not its neighbours."""

    refusal: Refusal
    item: Any = None


class ClientGone(Exception):
    """The sender closed the connection before its body was whole; there is nobody to answer."""


class Answer(Struct, frozen=True):
    """What one request gets."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = _JSON


class Request:
    """One HTTP request: scope, lower-case headers, and the body once `read` has checked its size."""

    __slots__ = ("body", "headers", "method", "path", "peer", "query")

    def __init__(self, scope: Mapping[str, Any], proxies: int) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        client = scope.get("client")
        self.peer = client_address(client[0] if client else "", self.headers.get("x-forwarded-for", ""), proxies)
        self.body = b""

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


class Collector:
    """The ASGI application behind the collector's doors. ``pages`` are further GET paths (tag, health, metrics)."""

    def __init__(
        self,
        store: Store,
        *,
        datasets: Mapping[str, DatasetDoor],
        webhooks: Mapping[str, WebhookDoor],
        pages: Mapping[str, Callable[[Request], Awaitable[Answer]]],
        metrics: CollectMetrics,
        clock: Clock,
        tag_path: str = "/t",
        strict: bool = False,
        proxies: int = 0,
        max_body: int = 4 << 20,
    ) -> None:
        self._store = store
        self._datasets = datasets
        self._webhooks = webhooks
        self._pages = pages
        self._metrics = metrics
        self._clock = clock
        self._tag_events = f"{tag_path}/events"
        self._strict = strict
        self._proxies = proxies
        self._max_body = max_body

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except ClientGone:
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": _sized(answer)})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: Any, receive: Receive) -> Answer:
        if len(scope["headers"]) > MAX_HEADERS:
            return Answer(431, answers.failed(f"more than {MAX_HEADERS} header fields", code=1))
        if len(scope["path"]) + len(scope["query_string"]) > MAX_URL:
            return Answer(414, answers.failed(f"address longer than {MAX_URL} bytes", code=1))
        request = Request(scope, self._proxies)
        try:
            return await self._dispatch(request, receive)
        except StoreBusy:
            self._metrics.overload.inc()
            return _try_later("the gateway is catching up with its disk; send again", 503)
        except StoreError:
            self._metrics.overload.inc()
            return _try_later("the gateway cannot write to its disk now; send again", 503)

    async def _dispatch(self, request: Request, receive: Receive) -> Answer:
        path = request.path
        if request.method == "OPTIONS":
            return Answer(204, b"", _CORS)
        if path == self._tag_events:
            return await self._post(request, receive, self._tag, MAX_TAG_BODY)
        match = _EVENTS_PATH.fullmatch(path)
        if match:
            return await self._post(request, receive, lambda r: self._events(r, match[1]), self._max_body)
        if path in ("/tr", "/tr/"):
            return await self._tr(request, receive)
        webhook = self._webhooks.get(path)
        if webhook is not None:
            return await self._post(request, receive, lambda r: self._webhook(r, webhook), self._max_body)
        page = self._pages.get(path)
        if page is not None and request.method in ("GET", "HEAD"):
            return await page(request)
        return Answer(404, answers.not_found("see the README for the paths of this gateway"), (*_JSON, *_CORS[:1]))

    async def _post(
        self, request: Request, receive: Receive, door: Callable[[Request], Awaitable[Answer]], limit: int
    ) -> Answer:
        if request.method != "POST":
            return Answer(
                405, answers.failed("only POST is answered here", code=1), (*_JSON, (b"allow", b"POST, OPTIONS"))
            )
        refusal = await _read_body(request, receive, limit)
        if refusal is not None:
            return await self._refuse_body(request, refusal, _entry(request, self._tag_events, self._webhooks))
        return await door(request)

    # -- the doors

    async def _events(self, request: Request, dataset_id: str) -> Answer:
        """Meta's Conversions API: ``POST /{version}/{dataset}/events``."""
        envelope = read_envelope(request.body, request.header("content-type"), request.query)
        if isinstance(envelope, Refusal):
            return await self._refuse_body(request, envelope, "events", dataset_id)
        dataset = self._datasets.get(dataset_id)
        if dataset is None:
            refusal = Refusal(
                reason=DropReason.UNKNOWN_DATASET, path="dataset", expected="a configured id", got="another"
            )
            return await self._refuse_body(request, refusal, "events", "")
        token = envelope.access_token or _bearer(request.header("authorization"))
        if not key_fits(token, dataset.key):
            refusal = Refusal(
                reason=DropReason.BAD_KEY,
                path="access_token",
                expected="this dataset's key",
                got=describe(token or None),
            )
            return await self._refuse_body(request, refusal, "events", dataset_id)
        origin = Origin(
            dataset=dataset_id,
            channel=Channel.SERVER,
            sender=sender_name(request.header("user-agent"), envelope.partner_agent),
            tier=Tier.T2,
            received_at=self._clock(),
            default_country=dataset.country,
            test_event_code=envelope.test_event_code,
        )
        events, refused, notes = _run_all(envelope.data, origin)
        return await self._accept(request, "events", dataset_id, events, refused, notes)

    async def _tag(self, request: Request) -> Answer:
        """Our own tag: a JSON text of up to 100 events, each naming its dataset."""
        tree = read_json(request.body, events=MAX_TAG_EVENTS)
        items = tree.get("events") if isinstance(tree, dict) else None
        if isinstance(tree, Refusal):
            return await self._refuse_body(request, tree, "tag")
        if not isinstance(items, list) or not 0 < len(items) <= MAX_TAG_EVENTS:
            expected = f"a list of 1 to {MAX_TAG_EVENTS} events"
            refusal = Refusal(reason=DropReason.ENVELOPE, path="events", expected=expected, got=describe(items))
            return await self._refuse_body(request, refusal, "tag")
        events: list[Event] = []
        refusals: list[RefusedCopy] = []
        for index, item in enumerate(items):
            result = self._tag_event(request, item)
            if isinstance(result, Refusal):
                refusals.append(RefusedCopy(_at(result, index), item))
            else:
                events.append(result)
        return await self._accept(request, "tag", "", events, refusals, [], cors=True)

    def _tag_event(self, request: Request, item: Any) -> Event | Refusal:
        if not isinstance(item, dict):
            return Refusal(reason=DropReason.WRONG_TYPE, expected="an event object", got=describe(item))
        dataset = self._datasets.get(str(item.get("dataset", "")))
        refusal = _stranger(request, dataset)
        if refusal is not None or dataset is None:
            return refusal or Refusal(reason=DropReason.UNKNOWN_DATASET, path="dataset")
        raw, _unknown = raw_event(item)
        return run(raw, self._browser(request, dataset, "tag"))

    async def _tr(self, request: Request, receive: Receive) -> Answer:
        """The genuine pixel and image tags. Always the same GIF: a page never breaks, and nothing can be read."""
        answer = Answer(200, answers.GIF, (*_GIF, *_CORS[:1]))
        if request.method not in ("GET", "HEAD", "POST"):
            return answer
        refusal = await _read_body(request, receive, MAX_TAG_BODY) if request.method == "POST" else None
        fields = refusal or _hit_fields(request)
        if isinstance(fields, Refusal):
            await self._keep([_refused_row(self._clock(), "tr", "", fields, request.body)], "tr")
            return answer
        dataset = self._datasets.get(dataset_of(fields))
        refusal = _stranger(request, dataset)
        result: Event | Refusal
        if refusal is not None or dataset is None:
            result = refusal or Refusal(reason=DropReason.UNKNOWN_DATASET, path="id")
        else:
            origin = self._browser(request, dataset, sender_of(fields))
            result = run(raw_from_hit(fields, origin.received_at), origin)
        if isinstance(result, Refusal):
            body = request.body or request.query.encode()
            await self._keep([_refused_row(self._clock(), "tr", dataset.id if dataset else "", result, body)], "tr")
        else:
            await self._store_all("tr", [result], [])
        return answer

    async def _webhook(self, request: Request, door: WebhookDoor) -> Answer:
        """A shop's signed webhook. The signature is over the raw bytes, so it is checked before anything is read."""
        if not door.source.signed(request.body, request.headers, door.secrets):
            refusal = Refusal(
                reason=DropReason.BAD_SIGNATURE, path="signature", expected="the configured secret's", got="another"
            )
            return await self._refuse_body(request, refusal, "webhook", door.dataset)
        now = self._clock()
        found = door.source.read(request.body, request.headers, shop=door.shop, now_ms=now)
        if isinstance(found, Ignored):
            refusal = Refusal(reason=DropReason.NOT_AN_ORDER, expected="an order to count", got=found.reason)
            await self._keep([_refused_row(now, "webhook", door.dataset, refusal, request.body)], "webhook")
            return Answer(200, answers.accepted(0, [], [f"left out: {found.reason}"]))
        if isinstance(found, Refusal):
            return await self._refuse_body(request, found, "webhook", door.dataset)
        dataset = self._datasets[door.dataset]
        origin = Origin(
            dataset=door.dataset,
            channel=Channel.SERVER,
            sender=found.sender,
            tier=Tier.T3,
            received_at=now,
            default_country=dataset.country,
        )
        result = run(found.raw, origin)
        if isinstance(result, Refusal):
            return await self._refuse_body(request, result, "webhook", door.dataset)
        return await self._accept(request, "webhook", door.dataset, [result], [], [])

    # -- what the doors share

    def _browser(self, request: Request, dataset: DatasetDoor, sender: str) -> Origin:
        return Origin(
            dataset=dataset.id,
            channel=Channel.BROWSER,
            sender=sender,
            tier=Tier.T0,
            received_at=self._clock(),
            default_country=dataset.country,
            client_ip=request.peer or None,
            user_agent=request.header("user-agent")[:512] or None,
        )

    async def _accept(
        self,
        request: Request,
        entry: str,
        dataset: str,
        events: list[Event],
        refused: list[RefusedCopy],
        notes: Sequence[str],
        cors: bool = False,
    ) -> Answer:
        """Stores what is valid, keeps what is not, and says which is which."""
        headers = (*_JSON, *_CORS[:1]) if cors else _JSON
        refusals = [r.refusal for r in refused]
        rows = [_copy_row(self._clock(), entry, dataset, r, len(request.body)) for r in refused]
        if self._strict and refusals and events:
            whole = Refusal(reason=DropReason.WHOLE_BATCH, got=f"{len(events)} valid events beside an invalid one")
            rows.append(_refused_row(self._clock(), entry, dataset, whole, request.body))
            events = []
        if not events:
            await self._keep(rows, entry)
            status, body = answers.refused(refusals)
            return Answer(status, body, headers)
        await self._store_all(entry, events, rows)
        return Answer(200, answers.accepted(len(events), refusals, notes), headers)

    async def _store_all(self, entry: str, events: list[Event], rows: list[RefusedRow]) -> None:
        started = time.perf_counter()
        verdicts = await self._store.append(events, rows)
        metrics = self._metrics
        metrics.commit_seconds.observe(time.perf_counter() - started)
        for verdict in verdicts:
            metrics.accepted[entry, verdict].inc()
        for row in rows:
            metrics.refused[entry, DropReason(row.reason)].inc()

    async def _keep(self, rows: list[RefusedRow], entry: str) -> None:
        await self._store_all(entry, [], rows)

    async def _refuse_body(self, request: Request, refusal: Refusal, entry: str, dataset: str = "") -> Answer:
        await self._keep([_refused_row(self._clock(), entry, dataset, refusal, request.body)], entry)
        status, body = answers.refused([refusal])
        headers = (*_JSON, *_CORS[:1]) if entry == "tag" else _JSON
        return Answer(status, body, headers)


async def _read_body(request: Request, receive: Receive, limit: int) -> Refusal | None:
    """Reads and inflates the body up to ``limit``; what is longer is refused without being held."""
    length = request.header("content-length")
    if length.isdigit() and int(length) > limit:
        return Refusal(
            reason=DropReason.TOO_LARGE, path="body", expected=f"at most {limit} bytes", got=f"{length} bytes"
        )
    message = await receive()
    body = message.get("body", b"")
    if message.get("more_body"):
        parts = [body]
        size = len(body)
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                return Refusal(reason=DropReason.TOO_LARGE, path="body", expected=f"at most {limit} bytes", got="more")
        body = b"".join(parts)
    request.body = body
    encoding = request.header("content-encoding")
    if encoding:
        plain = inflate(body, encoding.strip().lower(), limit)
        if isinstance(plain, Refusal):
            return plain
        request.body = plain
    return None


def _run_all(data: list[Any], origin: Origin) -> tuple[list[Event], list[RefusedCopy], list[str]]:
    events: list[Event] = []
    refused: list[RefusedCopy] = []
    notes: list[str] = []
    for index, item in enumerate(data):
        if isinstance(item, Refusal):
            refused.append(RefusedCopy(item))
            continue
        raw, unknown = raw_event(item)
        result = run(raw, origin)
        if isinstance(result, Refusal):
            refused.append(RefusedCopy(_at(result, index), item))
            continue
        events.append(result)
        notes += [f"data[{index}].{name} is not a documented field; left out" for name in unknown]
        notes += [f"data[{index}]: {warning}" for warning in result.warnings]
    return events, refused, notes


def _at(refusal: Refusal, index: int) -> Refusal:
    return Refusal(
        reason=refusal.reason, path=refusal.path, expected=refusal.expected, got=refusal.got, index=index
    )  # fmt: skip


def _stranger(request: Request, dataset: DatasetDoor | None) -> Refusal | None:
    if dataset is None:
        return Refusal(reason=DropReason.UNKNOWN_DATASET, path="dataset", expected="a configured id", got="another")
    if not origin_allowed(request.header("origin"), dataset.origins):
        return Refusal(reason=DropReason.BAD_ORIGIN, path="origin", expected="a listed site", got="another")
    return None


def _hit_fields(request: Request) -> dict[str, Any] | Refusal:
    fields = read_fields(request.query)
    if request.method != "POST" or isinstance(fields, Refusal):
        return fields
    kind = request.header("content-type")
    posted = read_multipart(request.body, kind) if kind.startswith("multipart/") else read_fields(request.body)
    return posted if isinstance(posted, Refusal) else {**fields, **posted}


def _refused_row(now: int, entry: str, dataset: str, refusal: Refusal, body: bytes) -> RefusedRow:
    return RefusedRow(
        received_at=now,
        entry=entry,
        dataset=dataset,
        event_name="",
        event_id="",
        reason=refusal.reason,
        place=refusal.index,
        path=refusal.path,
        expected=refusal.expected,
        got=refusal.got,
        size=len(body),
        body=mask_body(body),
    )


def _copy_row(now: int, entry: str, dataset: str, copy: RefusedCopy, size: int) -> RefusedRow:
    """The row of one refused element: its own masked text, and its name and id where they are harmless."""
    item = copy.item if isinstance(copy.item, dict) else {}
    row = _refused_row(now, entry, dataset or _label(item.get("dataset")), copy.refusal, encode_json(copy.item))
    return row._replace(event_name=_label(item.get("event_name")), event_id=_label(item.get("event_id")), size=size)


def _label(value: Any) -> str:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text[:256] if text.isprintable() and "@" not in text else ""


def _entry(request: Request, tag_events: str, webhooks: Mapping[str, Any]) -> str:
    return "tag" if request.path == tag_events else "webhook" if request.path in webhooks else "events"


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _try_later(message: str, status: int) -> Answer:
    headers = (*_JSON, *_CORS[:1], (b"retry-after", str(RETRY_AFTER_S).encode()))
    return Answer(status, answers.failed(message), headers)


def _sized(answer: Answer) -> list[tuple[bytes, bytes]]:
    return [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
