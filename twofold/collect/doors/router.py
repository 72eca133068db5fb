"""The collector's router: which path is which door's, and one `Work` stored. Plain functions.

Owns the table of doors, what is checked before any of them, and the append to the store. What a body means is the
door's; sockets are `listen`'s. What is stored is answered by a `Pending`: the answer is given when the store's future is
done, never before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Mapping
from functools import partial

from twofold.clock import Clock
from twofold.collect import answers
from twofold.collect.doors.browsers import Browsers
from twofold.collect.doors.capi import CapiDoor, dataset_in
from twofold.collect.doors.consent import MAX_BROWSER_BODY as MAX_CONSENT_BODY
from twofold.collect.doors.consent import ConsentDoors
from twofold.collect.doors.decode import inflate
from twofold.collect.doors.image import ImageDoor
from twofold.collect.doors.streams.cloud_events import CloudEventsDoor
from twofold.collect.doors.streams.ga4 import HITS, PROTOCOL, HitDoor, ProtocolDoor
from twofold.collect.doors.streams.segment import PATHS as SEGMENT_PATHS
from twofold.collect.doors.streams.segment import SegmentDoor
from twofold.collect.doors.tag import TagDoor
from twofold.collect.doors.webhooks import Webhooks
from twofold.collect.doors.work import Door, Work
from twofold.collect.limits.quarantine import Quarantine
from twofold.collect.limits.rate_limit import FREE_BYTES
from twofold.collect.messages import CORS, CORS_WITH_KEY, JSON, JSON_CORS, Answer, Pending, Reply, Request
from twofold.collect.metrics import CollectMetrics
from twofold.collect.policy import DatasetPolicy
from twofold.collect.told import ACCEPTED, Line, RequestLines
from twofold.errors import StoreBusy, StoreError, place_of
from twofold.event.model import Event
from twofold.event.refusal import DropReason, Refusal
from twofold.store.engine import Database
from twofold.store.fold import FoldVerdict
from twofold.store.store import Store

log = logging.getLogger("twofold.collect")

MAX_HEADERS = 64
MAX_URL = 49_152  # a page of 10,000 bytes as one parameter, its letters encoded twice; a parser of 64 KB is behind it
MAX_BROWSER_BODY = 1 << 20
RETRY_AFTER_S = 2
TRACES_KEPT = 20_000
_TRACE = re.compile(rb'"fbtrace_id":"(\w+)"')


class Doors:
    """All doors that take events. Every method runs on the event loop's thread and never waits."""

    def __init__(
        self,
        store: Store,
        *,
        datasets: Mapping[str, DatasetPolicy],
        webhooks: Webhooks,
        metrics: CollectMetrics,
        clock: Clock,
        shares: Quarantine | None = None,
        tag_path: str = "/t",
        strict: bool = False,
        proxies: int = 0,
        max_body: int = 4 << 20,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._shares = shares or Quarantine(datasets)
        browsers = self._browsers = Browsers(datasets, metrics, clock, proxies)
        image, tag = ImageDoor(browsers), TagDoor(browsers, strict=strict)
        self._capi = CapiDoor(datasets, clock, strict=strict)
        self._consent = ConsentDoors(store, datasets, clock, tag_path)
        self._fixed: dict[str, Door] = {
            f"{tag_path}/events": tag,
            f"{tag_path}/image": image,
            "/tr": image,
            "/tr/": image,
            HITS: HitDoor(browsers),
            PROTOCOL: ProtocolDoor(browsers, strict=strict),
            **dict.fromkeys(SEGMENT_PATHS, SegmentDoor(browsers, strict=strict)),
        }
        self._limits = dict.fromkeys(self._fixed, min(max_body, MAX_BROWSER_BODY))
        self._limits[self._consent.public] = MAX_CONSENT_BODY
        envelopes = CloudEventsDoor(datasets, clock, strict=strict)
        self._fixed |= dict.fromkeys(envelopes.datasets, envelopes)
        self.max_body = max_body
        self._lines = RequestLines(datasets)
        self._keeping: set[asyncio.Task[None]] = set()
        self.hang(webhooks)

    def hang(self, webhooks: Webhooks) -> None:
        """The doors of the webhooks, at first and after they were exchanged."""
        self._doors: dict[str, Door] = {**dict.fromkeys(webhooks.doors, webhooks), **self._fixed}

    def answer(self, request: Request) -> Reply:
        """What a request gets, now or once its events are on disk."""
        try:
            reply = self._dispatch(request)
            if isinstance(reply, Work):
                return self._store_work(reply)
            return self._told(reply) if isinstance(reply, Answer) and reply.status >= 400 else reply
        except StoreError as err:
            return self.failure(err)
        except Exception as err:  # a bug of ours: this request only, and nothing of its content in the log
            log.error("a door failed: %s in %s", type(err).__name__, place_of(err))
            said = answers.failed("an internal error; the gateway's log says where", code=1)
            return self._told(Answer(500, said, JSON_CORS))

    async def keep(self, work: Work) -> None:
        """What nobody sent and nobody waits for: done once it is on disk. Raises `StoreError`."""
        pending = self._store_work(work)
        pending.then(await pending.future)

    def failure(self, err: BaseException) -> Answer:
        """503 for a store that cannot take more, now or at all; the sender keeps its events."""
        self._metrics.overload += 1
        busy = isinstance(err, StoreBusy)
        message = "the gateway is catching up with its disk" if busy else "the gateway cannot write to its disk now"
        headers = (*JSON_CORS, (b"retry-after", str(RETRY_AFTER_S).encode()))
        return self._told(Answer(503, answers.failed(f"{message}; send again"), headers))

    def refuse_oversized(self, request: Request, expected: int) -> Reply:
        """For a body that was not read to its end."""
        refusal = Refusal(
            reason=DropReason.TOO_LARGE, path="body", expected=f"at most {expected} bytes", got="a larger one"
        )
        door = self._door_of(request.path) or self._capi
        reply = door.refuse(request, refusal)
        return self._store_work(reply) if isinstance(reply, Work) else reply

    def body_limit(self, path: str) -> int:
        """Bytes of body that this path takes, before and after decompression."""
        return self._limits.get(path, self.max_body)

    def _door_of(self, path: str) -> Door | None:
        door = self._doors.get(path)
        if door is not None:
            return door
        if dataset_in(path) is not None:
            return self._capi
        return self._consent if self._consent.door_for(path) is not None else None

    def _dispatch(self, request: Request) -> Work | Reply:
        path = request.path
        if len(request.raw_headers) > MAX_HEADERS:
            return Answer(431, answers.failed(f"more than {MAX_HEADERS} header fields", code=1, transient=False))
        if request.method == "OPTIONS":
            return Answer(204, b"", CORS_WITH_KEY if path in SEGMENT_PATHS else CORS)
        door = self._door_of(path)
        if len(path) + len(request.query) > MAX_URL:
            expected, got = f"at most {MAX_URL} bytes", f"{len(path) + len(request.query)} bytes"
            too_long = Refusal(reason=DropReason.TOO_LARGE, path="address", expected=expected, got=got)
            return door.refuse(request, too_long) if door is not None else Answer(*answers.refused([too_long]))
        if door is None:
            return Answer(404, answers.not_found(_what_is_missing(path)), JSON_CORS)
        if request.method != "POST":
            greeting = door.greet(request)
            if greeting is not None:
                return greeting
            message = answers.failed("only POST is answered here", code=1, transient=False)
            return Answer(405, message, (*JSON, (b"allow", b"POST, OPTIONS")))
        refusal = _inflate(request, self.body_limit(path)) if request.body else None
        if refusal is not None:
            return door.refuse(request, refusal)
        return door.take(request) if len(request.body) <= FREE_BYTES else self._weighed(door, request)

    def _weighed(self, door: Door, request: Request) -> Work | Reply:
        """A large body, where its sender has bytes left in this minute. Whoever shows a key is not counted."""
        browsers, size = self._browsers, len(request.body)
        address, now = browsers.client(request) or request.peer, browsers.clock()
        over = browsers.rates.over_for_bytes(address, size, now)
        answer = door.too_much(request, over) if over is not None else None
        if answer is not None:
            return answer
        reply = door.take(request)
        if not request.known:
            browsers.rates.count_bytes(address, size, now)
        return reply

    def _store_work(self, work: Work) -> Pending[list[FoldVerdict]]:
        started = time.perf_counter()
        events = self._shares.weigh(work.events, work.orders, self._clock())
        rows, trace = work.rows, ""
        if rows:
            trace = answers.trace_id()
            rows = [row._replace(trace=trace) for row in rows]
        return Pending(
            self._store.append(events, rows, work.orders, work.signs, work.lines),
            partial(self._stored, started, work, events, trace),
        )

    def _stored(
        self, started: float, work: Work, events: list[Event], trace: str, verdicts: list[FoldVerdict]
    ) -> Answer:
        metrics, entry = self._metrics, work.entry
        now = time.perf_counter()
        metrics.committed(now - started)
        for verdict in verdicts:
            metrics.accepted[entry, verdict] += 1
        metrics.marked(events)
        for row in work.rows:
            metrics.refused[entry, row.reason] += 1
        outcome = ACCEPTED if events or not work.rows else work.rows[0].reason
        if not self._lines.is_due(entry, outcome, now):
            return answers.say(trace, work.answer) if trace else work.answer()
        trace = trace or answers.trace_id()
        answer = answers.say(trace, work.answer)
        dataset = events[0].dataset if events else work.rows[0].dataset if work.rows else ""
        self._keep(
            self._lines.line(
                entry, outcome, now, status=answer.status, events=len(events), dataset=dataset, trace=trace
            )
        )
        return answer

    def _told(self, answer: Answer) -> Answer:
        """An answer that nothing was stored for, such as of a path that is none of ours: counted, and at times in the log."""
        now, outcome = time.perf_counter(), str(answer.status)
        if self._lines.is_due("", outcome, now):
            found = _TRACE.search(answer.body)
            trace = found[1].decode() if found is not None else answers.trace_id()
            self._keep(self._lines.line("", outcome, now, status=answer.status, events=0, dataset="", trace=trace))
        return answer

    def _keep(self, line: Line) -> None:
        """What the log has a line of can be found by its id; beside the answer, which does not wait for it."""
        row = (line.trace, self._clock(), line.entry, line.outcome, line.status, line.requests,
               self._store.watermark.position, line.events)  # fmt: skip

        def put(engine: Database) -> None:
            engine.run("keep_trace", row)
            engine.run("trim_traces", (TRACES_KEPT,))

        async def keep() -> None:
            with contextlib.suppress(StoreError):  # a store that takes nothing: the log has the line
                await self._store.transact(put)

        task = asyncio.ensure_future(keep())
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)


class ClosedDoors(Doors):
    """Of a process that only delivers: whoever sends it something is told, and keeps its events."""

    def answer(self, _request: Request) -> Reply:
        return self._told(
            Answer(404, answers.not_found("this process takes no events; send them to one that does"), JSON_CORS)
        )

    def refuse_oversized(self, request: Request, _expected: int) -> Reply:
        return self.answer(request)


def _what_is_missing(path: str) -> str:
    """Why nothing is behind a path, for whoever set up the sender."""
    if path.startswith("/webhooks/"):
        return "no source takes this webhook; the path must name a type and a shop as a [[source]] of this gateway does"
    return "see docs/wire.md for the paths of this gateway"


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
