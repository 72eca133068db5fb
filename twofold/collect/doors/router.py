"""The collector's doors: which path is which, and what each of them does with one request. Plain functions.

Owns the way request -> decode -> pipeline -> store -> answer; each door is one short method. What a body means
is `decode` and `steps`; who may knock is `trust`; sockets are `http` and `guard`. A door that stores answers a
`Pending`: the answer is given when the store's future is done, never before.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from twofold.clock import Clock
from twofold.collect import answers
from twofold.collect.access import bearer_of, client_address, key_fits, origin_allowed, sender_name
from twofold.collect.doors.consent import ConsentDoors
from twofold.collect.doors.decode import inflate, raw_event, read_envelope, read_fields, read_multipart, read_plain
from twofold.collect.doors.pixel_fields import dataset_of, raw_from_hit, sender_of
from twofold.collect.doors.webhooks import Webhooks, WebhookWork
from twofold.collect.limits.quarantine import ShareWatch
from twofold.collect.limits.rate_limit import Over, Rates
from twofold.collect.messages import CORS, GIF, JSON, JSON_CORS, Answer, Pending, Reply, Request
from twofold.collect.metrics import CollectMetrics
from twofold.collect.policy import DatasetPolicy
from twofold.collect.refused import RefusedCopy, copy_row, refused_row
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.errors import StoreBusy, StoreError, place_of
from twofold.event.json import read_json
from twofold.event.model import Channel, Event, Tier
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.store.engine import RefusedRow
from twofold.store.fold import Verdict
from twofold.store.orders.ledger import OrderEntry
from twofold.store.store import Store

log = logging.getLogger("twofold.collect")

MAX_TAG_EVENTS = 100
MAX_HEADERS = 64
MAX_URL = 8_192
MAX_TAG_BODY = 1 << 20
RETRY_AFTER_S = 2

_TEST_CODE = re.compile(r"[A-Za-z0-9_\-]{1,40}")
_TOKEN_ONLY = {"access_token"}
_EVENTS_PATH = re.compile(r"/(?:v\d{1,3}\.\d{1,2}/)?([A-Za-z0-9_\-]{1,64})/events/?")


class Doors:
    """All POST doors and `/tr`. Every method runs on the event loop's thread and never waits."""

    def __init__(
        self,
        store: Store,
        *,
        datasets: Mapping[str, DatasetPolicy],
        webhooks: Webhooks,
        metrics: CollectMetrics,
        clock: Clock,
        shares: ShareWatch | None = None,
        tag_path: str = "/t",
        strict: bool = False,
        proxies: int = 0,
        max_body: int = 4 << 20,
    ) -> None:
        self._store = store
        self._datasets = datasets
        self._webhooks = webhooks
        self._metrics = metrics
        self._clock = clock
        self._rates = Rates(datasets)
        self._shares = shares or ShareWatch(datasets)
        self._tag_events = f"{tag_path}/events"
        self._consent = ConsentDoors(store, datasets, clock, tag_path)
        self._strict = strict
        self._proxies = proxies
        self.max_body = max_body

    def answer(self, request: Request) -> Reply:
        """What a request gets, now or once its events are on disk."""
        try:
            return self._dispatch(request)
        except StoreError as err:
            return self.failure(err)
        except Exception as err:  # a bug of ours: this request only, and nothing of its content in the log
            log.error("a door failed: %s in %s", type(err).__name__, place_of(err))
            return Answer(500, answers.failed("an internal error; the gateway's log says where", code=1), JSON_CORS)

    def failure(self, err: BaseException) -> Answer:
        """503 for a store that cannot take more, now or at all; the sender keeps its events."""
        self._metrics.overload += 1
        busy = isinstance(err, StoreBusy)
        message = "the gateway is catching up with its disk" if busy else "the gateway cannot write to its disk now"
        headers = (*JSON_CORS, (b"retry-after", str(RETRY_AFTER_S).encode()))
        return Answer(503, answers.failed(f"{message}; send again"), headers)

    def refuse_oversized(self, request: Request, expected: int) -> Reply:
        """For a body that was not read to its end."""
        refusal = Refusal(
            reason=DropReason.TOO_LARGE, path="body", expected=f"at most {expected} bytes", got="a larger one"
        )
        entry = self._entry(request)
        if entry == "tr":
            return self._keep(request, refusal, entry, "", Answer(200, answers.GIF, GIF))
        return self._refuse_body(request, refusal, entry)

    def body_limit(self, path: str) -> int:
        """Bytes of body that this path takes, before and after decompression."""
        return min(self.max_body, MAX_TAG_BODY) if path in (self._tag_events, "/tr", "/tr/") else self.max_body

    def _dispatch(self, request: Request) -> Reply:
        path, method = request.path, request.method
        if len(request.raw_headers) > MAX_HEADERS:
            return Answer(431, answers.failed(f"more than {MAX_HEADERS} header fields", code=1))
        if len(path) + len(request.query) > MAX_URL:
            return Answer(414, answers.failed(f"address longer than {MAX_URL} bytes", code=1))
        if method == "OPTIONS":
            return Answer(204, b"", CORS)
        tr, tag = path in ("/tr", "/tr/"), path == self._tag_events
        match = None if tr or tag else _EVENTS_PATH.fullmatch(path)
        webhook = None if tr or tag or match else self._webhooks.doors.get(path)
        consent = None if tr or tag or match or webhook else self._consent.door_for(path)
        if not tr and not tag and match is None and webhook is None and consent is None:
            return Answer(404, answers.not_found("see the README for the paths of this gateway"), JSON_CORS)
        if method == "GET" and webhook is not None and (greeting := self._webhooks.greet(request)) is not None:
            return greeting
        if method != "POST" and not tr:
            message = answers.failed("only POST is answered here", code=1)
            return Answer(405, message, (*JSON, (b"allow", b"POST, OPTIONS")))
        refusal = _inflate(request, self.body_limit(path)) if request.body else None
        if tr:
            return self._tr(request, refusal)
        if refusal is not None:
            return self._refuse_body(request, refusal, self._entry(request))
        if tag:
            return self._tag(request)
        if consent is not None:
            return consent(request)
        if match is not None:
            return self._events(request, match[1])
        assert webhook is not None
        return self._webhook(request)

    def _entry(self, request: Request) -> str:
        if request.path == self._tag_events:
            return "tag"
        return (
            "tr" if request.path in ("/tr", "/tr/") else "webhook" if request.path in self._webhooks.doors else "events"
        )

    # -- the doors

    def _events(self, request: Request, dataset_id: str) -> Reply:
        """Meta's Conversions API: ``POST /{version}/{dataset}/events``."""
        plain = read_plain(request.body) if request.raw_headers.get(b"content-type") == b"application/json" else None
        fields = read_fields(request.query) if plain is not None else None
        if plain is not None and isinstance(fields, dict) and fields.keys() <= _TOKEN_ONLY:
            token = plain.access_token or fields.get("access_token", "")
            return self._from_server(request, dataset_id, token, plain.partner_agent, plain.test_event_code, plain.data)
        envelope = read_envelope(request.body, request.header(b"content-type"), request.query)
        if isinstance(envelope, Refusal):
            return self._refuse_body(request, envelope, "events", dataset_id)
        token, agent, code = envelope.access_token, envelope.partner_agent, envelope.test_event_code
        return self._from_server(request, dataset_id, token, agent, code, envelope.data)

    def _from_server(
        self,
        request: Request,
        dataset_id: str,
        token: str,
        agent: str,
        test_event_code: str | None,
        data: Sequence[Any],
    ) -> Reply:
        dataset = self._datasets.get(dataset_id)
        if dataset is None:
            refusal = Refusal(
                reason=DropReason.UNKNOWN_DATASET, path="dataset", expected="a configured id", got="another"
            )
            return self._refuse_body(request, refusal, "events")
        token = token or bearer_of(request.header(b"authorization"))
        if not key_fits(token, dataset.key):
            refusal = Refusal(
                reason=DropReason.BAD_KEY,
                path="access_token",
                expected="this dataset's key",
                got=describe(token or None),
            )
            return self._refuse_body(request, refusal, "events", dataset_id)
        notes: list[str] = []
        if test_event_code and not _TEST_CODE.fullmatch(test_event_code):
            notes.append("test_event_code is not a code of Test Events; left out")
            test_event_code = None
        origin = Origin(
            dataset=dataset_id,
            channel=Channel.SERVER,
            sender=sender_name(request.header(b"user-agent"), agent),
            tier=Tier.T2,
            received_at=self._clock(),
            policy=dataset,
            test_event_code=test_event_code,
        )
        events, refused, more = _run_all(data, origin)
        return self._accept(request, "events", dataset_id, events, refused, [*notes, *more])

    def _tag(self, request: Request) -> Reply:
        """Our own tag: a JSON text of up to 100 events, each naming its dataset."""
        tree = read_json(request.body, events=MAX_TAG_EVENTS)
        items = tree.get("events") if isinstance(tree, dict) else None
        if isinstance(tree, Refusal):
            return self._refuse_body(request, tree, "tag")
        if not isinstance(items, list) or not 0 < len(items) <= MAX_TAG_EVENTS:
            expected = f"a list of 1 to {MAX_TAG_EVENTS} events"
            refusal = Refusal(reason=DropReason.ENVELOPE, path="events", expected=expected, got=describe(items))
            return self._refuse_body(request, refusal, "tag")
        named = [str(item.get("dataset", "")) if isinstance(item, dict) else "" for item in items]
        over = self._rates.over_for_client(self._client(request), named, self._clock())
        if over is not None:
            return self._too_many(over)
        events: list[Event] = []
        refusals: list[RefusedCopy] = []
        for index, item in enumerate(items):
            result = self._tag_event(request, item)
            if isinstance(result, Refusal):
                refusals.append(RefusedCopy(_at(result, index), item))
            else:
                events.append(result)
        over = self._rates.over_for_name(events, self._clock())
        if over is not None:
            return self._too_many(over)
        return self._accept(request, "tag", "", events, refusals, [], cors=True)

    def _too_many(self, over: Over) -> Answer:
        """429 for the tag, which keeps its events and sends them again; none of them is taken."""
        self._metrics.limited["tag", over.kind] += 1
        headers = (*JSON_CORS, (b"retry-after", str(over.retry_s).encode()))
        return Answer(429, answers.failed("more events than the limit; send them again later", code=4), headers)

    def _tag_event(self, request: Request, item: Any) -> Event | Refusal:
        if not isinstance(item, dict):
            return Refusal(reason=DropReason.WRONG_TYPE, expected="an event object", got=describe(item))
        dataset = self._datasets.get(str(item.get("dataset", "")))
        refusal = _stranger(request, dataset)
        if refusal is not None or dataset is None:
            return refusal or Refusal(reason=DropReason.UNKNOWN_DATASET, path="dataset")
        raw, _unknown = raw_event({name: value for name, value in item.items() if name != "dataset"})
        return run(raw, self._browser(request, dataset, "tag"))

    def _tr(self, request: Request, refusal: Refusal | None) -> Reply:
        """The genuine pixel and image tags. Always the same GIF: a page never breaks, and nothing can be read."""
        answer = Answer(200, answers.GIF, GIF)
        if request.method not in ("GET", "HEAD", "POST"):
            return answer
        fields = refusal or _hit_fields(request)
        if isinstance(fields, Refusal):
            return self._keep(request, fields, "tr", "", answer)
        over = self._rates.over_for_client(self._client(request), [dataset_of(fields)], self._clock())
        dataset = self._datasets.get(dataset_of(fields))
        if over is not None:
            return self._drop_hit(request, dataset, over, answer)
        refusal = _stranger(request, dataset)
        if refusal is not None or dataset is None:
            return self._keep(request, refusal or Refusal(reason=DropReason.UNKNOWN_DATASET), "tr", "", answer)
        origin = self._browser(request, dataset, sender_of(fields))
        result = run(raw_from_hit(fields, origin.received_at), origin)
        if isinstance(result, Refusal):
            return self._keep(request, result, "tr", dataset.id, answer)
        over = self._rates.over_for_name([result], origin.received_at)
        if over is not None:
            return self._drop_hit(request, dataset, over, answer)
        return self._store_all("tr", [result], [], lambda: answer)

    def _drop_hit(self, request: Request, dataset: DatasetPolicy | None, over: Over, answer: Answer) -> Reply:
        """A hit over a limit: refused, because nobody would send it again. All are counted, a few are kept."""
        self._metrics.limited["tr", over.kind] += 1
        stands_for = self._rates.keep_row(self._clock())
        if stands_for is None:
            self._metrics.refused["tr", DropReason.RATE_LIMITED] += 1
            return answer
        refusal = Refusal(
            reason=DropReason.RATE_LIMITED,
            path=over.kind,
            expected="fewer events a minute",
            got=f"{stands_for} over the limit since the last one kept",
        )
        return self._keep(request, refusal, "tr", dataset.id if dataset else "", answer)

    def _webhook(self, request: Request) -> Reply:
        door = self._webhooks.doors[request.path]

        def keep(refusal: Refusal, answer: Answer | None) -> Reply:
            if answer is None:
                return self._refuse_body(request, refusal, "webhook", door.dataset)
            return self._keep(request, refusal, "webhook", door.dataset, answer)

        work = self._webhooks.answer(request, keep)
        if not isinstance(work, WebhookWork):
            return work
        return self._store_all("webhook", work.events, work.rows, work.answer, work.orders)

    # -- what the doors share

    def _client(self, request: Request) -> str:
        return client_address(request.peer, request.header(b"x-forwarded-for"), self._proxies)

    def _browser(self, request: Request, dataset: DatasetPolicy, sender: str) -> Origin:
        return Origin(
            dataset=dataset.id,
            channel=Channel.BROWSER,
            sender=sender,
            tier=Tier.T0,
            received_at=self._clock(),
            policy=dataset,
            client_ip=self._client(request) or None,
            user_agent=request.header(b"user-agent")[:512] or None,
            gpc=request.header(b"sec-gpc") == "1",
        )

    def _accept(
        self,
        request: Request,
        entry: str,
        dataset: str,
        events: list[Event],
        refused: list[RefusedCopy],
        notes: Sequence[str],
        cors: bool = False,
    ) -> Reply:
        """Stores what is valid, keeps what is not, and says which is which."""
        headers = JSON_CORS if cors else JSON
        if not refused:
            return self._store_all(
                entry, events, [], lambda: Answer(200, answers.accepted(len(events), (), notes), headers)
            )
        refusals = [r.refusal for r in refused]
        rows = [copy_row(self._clock(), entry, dataset, r, request.body) for r in refused]
        if self._strict and events:
            whole = Refusal(reason=DropReason.WHOLE_BATCH, got=f"{len(events)} valid events beside an invalid one")
            rows.append(refused_row(self._clock(), entry, dataset, whole, request.body))
            events = []
        if not events:
            return self._store_all(entry, [], rows, lambda: Answer(*answers.refused(refusals), headers))
        count = len(events)
        return self._store_all(
            entry, events, rows, lambda: Answer(200, answers.accepted(count, refusals, notes), headers)
        )

    def _store_all(
        self,
        entry: str,
        events: list[Event],
        rows: list[RefusedRow],
        answer: Callable[[], Answer],
        orders: Sequence[OrderEntry] = (),
    ) -> Pending:
        started = time.perf_counter()
        events = self._shares.weigh(events, orders, self._clock())
        future = self._store.append(events, rows, orders)
        return Pending(future, partial(self._stored, started, entry, events, rows, answer))

    def _stored(
        self,
        started: float,
        entry: str,
        events: Sequence[Event],
        rows: list[RefusedRow],
        answer: Callable[[], Answer],
        verdicts: list[Verdict],
    ) -> Answer:
        metrics = self._metrics
        metrics.committed(time.perf_counter() - started)
        for verdict in verdicts:
            metrics.accepted[entry, verdict] += 1
        metrics.marked(events)
        for row in rows:
            metrics.refused[entry, row.reason] += 1
        return answer()

    def _keep(self, request: Request, refusal: Refusal, entry: str, dataset: str, answer: Answer) -> Pending:
        body = request.body or request.query.encode()
        return self._store_all(entry, [], [refused_row(self._clock(), entry, dataset, refusal, body)], lambda: answer)

    def _refuse_body(self, request: Request, refusal: Refusal, entry: str, dataset: str = "") -> Pending:
        headers = JSON_CORS if entry == "tag" else JSON
        return self._keep(request, refusal, entry, dataset, Answer(*answers.refused([refusal]), headers))


def _inflate(request: Request, limit: int) -> Refusal | None:
    if len(request.body) > limit:
        got = f"{len(request.body)} bytes"
        return Refusal(reason=DropReason.TOO_LARGE, path="body", expected=f"at most {limit} bytes", got=got)
    encoding = request.raw_headers.get(b"content-encoding")
    if not encoding:
        return None
    plain = inflate(request.body, encoding.decode("latin-1").strip().lower(), limit)
    if isinstance(plain, Refusal):
        return plain
    request.body = plain
    return None


def _run_all(data: Sequence[Any], origin: Origin) -> tuple[list[Event], list[RefusedCopy], list[str]]:
    events: list[Event] = []
    refused: list[RefusedCopy] = []
    notes: list[str] = []
    for index, item in enumerate(data):
        if isinstance(item, Refusal):
            refused.append(RefusedCopy(item))
            continue
        raw, unknown = raw_event(item) if type(item) is dict else (item, ())
        result = run(raw, origin)
        if isinstance(result, Refusal):
            refused.append(RefusedCopy(_at(result, index), item))
            continue
        events.append(result)
        if not unknown and not result.warnings:
            continue
        notes += [f"data[{index}].{name} is not a documented field; left out" for name in unknown]
        notes += [f"data[{index}]: {warning}" for warning in result.warnings]
    return events, refused, notes


def _at(refusal: Refusal, index: int) -> Refusal:
    return Refusal(
        reason=refusal.reason, path=refusal.path, expected=refusal.expected, got=refusal.got, index=index
    )  # fmt: skip


def _stranger(request: Request, dataset: DatasetPolicy | None) -> Refusal | None:
    if dataset is None:
        return Refusal(reason=DropReason.UNKNOWN_DATASET, path="dataset", expected="a configured id", got="another")
    if not origin_allowed(request.header(b"origin"), dataset.origins):
        return Refusal(reason=DropReason.BAD_ORIGIN, path="origin", expected="a listed site", got="another")
    return None


def _hit_fields(request: Request) -> dict[str, Any] | Refusal:
    fields = read_fields(request.query)
    if request.method != "POST" or isinstance(fields, Refusal):
        return fields
    kind = request.header(b"content-type")
    posted = read_multipart(request.body, kind) if kind.startswith("multipart/") else read_fields(request.body)
    return posted if isinstance(posted, Refusal) else {**fields, **posted}
