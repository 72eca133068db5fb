"""Google's tag and the Measurement Protocol: ``/g/collect`` for browsers, ``/mp/collect`` for servers with the secret.

Owns their paths, who may send, and their answers. What a hit means is the source's. A hit's answer is always the same, as the pixel's is:
a page never breaks, and nothing can be read from it. The secret stands in the address, so the address is forgotten before
anything is kept or said.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from twofold.clock import bounds_of
from twofold.collect.access import key_digest
from twofold.collect.doors.browsers import Browsers
from twofold.collect.doors.decode import read_batch, read_fields
from twofold.collect.doors.work import Batch, Work, refused_work
from twofold.collect.limits.rate_limit import Over
from twofold.collect.messages import CORS, JSON, Answer, Reply, Request
from twofold.collect.policy import DatasetPolicy
from twofold.collect.refused import copy_row, label
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.collect.steps.touches import sign_of
from twofold.event.mending import Mender
from twofold.event.model import Channel, Tier
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_list
from twofold.sources.streams.ga4 import read_event, read_hit
from twofold.sources.streams.message import LeftOut

HITS, PROTOCOL = "/g/collect", "/mp/collect"
MAX_EVENTS = 100  # a line each; Google's tag sends some twenty, the Measurement Protocol allows 25
_NO_BODY = ((b"cache-control", b"no-store"), CORS[0])


class HitDoor:
    """Hits of gtag whose server container is this gateway. Every method runs on the event loop's thread and never waits."""

    entry = "gtag"

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers
        self._datasets = {name: p for p in browsers.datasets.values() for name in p.ways_in.measurement_ids}

    def greet(self, request: Request) -> Work | Reply:
        if request.method not in ("GET", "HEAD"):
            return _seen(request)
        return self.take(request)

    def refuse(self, request: Request, refusal: Refusal, dataset: str = "") -> Work:
        return refused_work(self._browsers.clock(), self.entry, dataset, refusal, request, _seen(request))

    def take(self, request: Request) -> Work | Reply:
        mender = Mender()
        shared = read_fields(request.query, mender)
        if isinstance(shared, Refusal):
            return self.refuse(request, shared)
        browsers, name = self._browsers, str(shared.get("tid", ""))
        lines = [line for line in request.body.splitlines() if line.strip()] or [b""]
        if len(lines) > MAX_EVENTS:
            expected, got = f"at most {MAX_EVENTS} lines", f"{len(lines)} lines"
            return self.refuse(request, Refusal(reason=DropReason.TOO_MANY, path="body", expected=expected, got=got))
        client, policy = browsers.client(request), self._datasets.get(name)
        named = policy.id if policy is not None else ""
        over = browsers.rates.over_for_client(client or request.peer, [named] * len(lines), browsers.clock())
        if over is not None:
            return self._too_many(request, named, over)
        if policy is None:
            expected = "a measurement id of this gateway"
            return self.refuse(request, _wrong(DropReason.UNKNOWN_DATASET, "tid", expected, name or None))
        allowed = browsers.dataset_for(request, policy.id)
        if isinstance(allowed, Refusal):
            return self.refuse(request, allowed, policy.id)
        batch = self._lines(request, policy, shared, lines, client, mender)
        over = browsers.rates.over_for_name(batch.events, browsers.clock())
        if over is not None:
            return self._too_many(request, policy.id, over)
        if not batch.events and not batch.refused:
            return _seen(request)
        body = request.body or request.query.encode()
        rows = [copy_row(browsers.clock(), self.entry, policy.id, r, body) for r in batch.refused]
        return Work(
            entry=self.entry, events=batch.events, rows=rows, signs=batch.signs, answer=lambda: _seen(request)
        )  # fmt: skip

    def _lines(
        self, request: Request, policy: DatasetPolicy, shared: Mapping[str, Any], lines: Sequence[bytes], client: str,
        mender: Mender,
    ) -> Batch:  # fmt: skip
        batch, origin = Batch(), self._browsers.origin(request, policy, self.entry, client)
        for index, line in enumerate(lines):
            own = read_fields(line, mender)
            if isinstance(own, Refusal):
                batch.refuse(own, index)
                continue
            fields = mender.mend_fields({**shared, **own})
            found = read_hit(fields, origin.received_at, [])
            if isinstance(found, LeftOut):
                self._browsers.metrics.left_out[self.entry, found.kind] += 1
                continue
            event = found if isinstance(found, Refusal) else run(found, origin, mender.sentences())
            if isinstance(event, Refusal):
                batch.refuse(event, index, fields)
                continue
            batch.events.append(event)
            assert not isinstance(found, Refusal)
            if (sign := sign_of(found, event, origin)) is not None:
                batch.signs.append(sign)
        return batch

    def too_much(self, request: Request, over: Over) -> Work | Reply:
        return self._too_many(request, "", over)

    def _too_many(self, request: Request, dataset: str, over: Over) -> Work | Reply:
        """All are counted, a few are kept: nobody would send them again."""
        browsers = self._browsers
        browsers.metrics.limited[self.entry, over.kind] += 1
        stands_for = browsers.rates.keep_row(browsers.clock())
        if stands_for is None:
            browsers.metrics.refused[self.entry, DropReason.RATE_LIMITED] += 1
            return _seen(request)
        got = f"{stands_for} over the limit since the last one kept"
        refusal = Refusal(
            reason=DropReason.RATE_LIMITED, path=over.kind, expected=f"fewer {over.what} a minute", got=got
        )  # fmt: skip
        return self.refuse(request, refusal, label(dataset))


class ProtocolDoor:
    """Measurement Protocol bodies of servers. Every method runs on the event loop's thread and never waits."""

    entry = "mp"

    def __init__(self, browsers: Browsers, *, strict: bool) -> None:
        self._browsers = browsers
        self._strict = strict
        self._datasets = {name: p for p in browsers.datasets.values() for name in p.ways_in.measurement_ids}

    def greet(self, _request: Request) -> None:
        return None

    def refuse(self, request: Request, refusal: Refusal, dataset: str = "") -> Work:
        request.query = ""  # it has the secret
        return refused_work(self._browsers.clock(), self.entry, dataset, refusal, request)

    def too_much(self, _request: Request, _over: Over) -> None:
        """The secret is looked at before the body is read."""

    def take(self, request: Request) -> Work | Reply:
        fields, mender = read_fields(request.query), Mender()
        request.query = ""
        if isinstance(fields, Refusal):
            return self.refuse(request, fields)
        policy = self._sender(fields)
        if isinstance(policy, Refusal):
            return self.refuse(request, policy)
        request.known = True
        tree = read_batch(request.body, "events", MAX_EVENTS, mender)
        if isinstance(tree, Refusal):
            return self.refuse(request, tree, policy.id)
        items = tree.get("events") if isinstance(tree, dict) else None
        items = items if isinstance(items, list) else as_list(items)
        if not items or len(items) > MAX_EVENTS:
            expected = f"a list of 1 to {MAX_EVENTS} events"
            return self.refuse(request, _wrong(DropReason.ENVELOPE, "events", expected, items), policy.id)
        return self._events(request, policy, tree, items, mender, str(fields.get("measurement_id", "")))

    def _sender(self, fields: Mapping[str, Any]) -> DatasetPolicy | Refusal:
        """The dataset of the measurement id, where the secret is its own. All are compared, so that the time tells nothing."""
        policy, given = self._datasets.get(str(fields.get("measurement_id", ""))), str(fields.get("api_secret", ""))
        digest = key_digest(given) if given else b""
        fits = [hmac.compare_digest(one, digest) for one in (policy.ways_in.mp_secrets if policy is not None else ())]
        if policy is None:
            expected, said = "a measurement id of this gateway", fields.get("measurement_id")
            return _wrong(DropReason.UNKNOWN_DATASET, "measurement_id", expected, said)
        return (
            policy if any(fits) else _wrong(DropReason.BAD_KEY, "api_secret", "this dataset's mp_secret", given or None)
        )

    def _events(
        self, request: Request, policy: DatasetPolicy, tree: Mapping[str, Any], items: Sequence[Any], mender: Mender,
        measurement_id: str,
    ) -> Work | Reply:  # fmt: skip
        clock = self._browsers.clock
        origin = Origin(
            dataset=policy.id, channel=Channel.SERVER, sender="measurement-protocol", tier=Tier.T2, received_at=clock(),
            bounds=bounds_of(clock), policy=policy,
        )  # fmt: skip
        notes, mended = mender.by_event()
        batch, left = Batch(notes=notes), Counter[str]()
        for index, item in enumerate(items):
            told: list[str] = []
            found: Any = item
            if isinstance(item, dict):
                found = read_event(item, tree, origin.received_at, told, measurement_id)
            elif not isinstance(item, Refusal):
                found = _wrong(DropReason.WRONG_TYPE, "", "an event object", item)
            if isinstance(found, LeftOut):
                left[found.kind] += 1
                continue
            event = found if isinstance(found, Refusal) else run(found, origin, mended.get(index, ()))
            if isinstance(event, Refusal):
                batch.refuse(event, index, item if isinstance(item, dict) else None)
                continue
            batch.events.append(event)
            batch.notes += [f"events[{index}]: {note}" for note in (*told, *event.warnings)]
            if (sign := sign_of(found, event, origin)) is not None:
                batch.signs.append(sign)
        for name, n in left.items():
            self._browsers.metrics.left_out[self.entry, name] += n
        if not batch.events and not batch.refused:
            return Answer(204, b"", _NO_BODY)
        work = batch.work(origin.received_at, self.entry, policy.id, request, strict=self._strict, headers=JSON)
        if not batch.refused:  # as Google answers; what was mended stands in the event's warnings
            work.answer = lambda: Answer(204, b"", _NO_BODY)
        return work


def _seen(request: Request) -> Answer:
    """204 for every hit. Google's tag sends its cookies along and hears an answer to that only with the page's own site in it; the
    cookies are not read, and the answer says nothing."""
    origin = request.raw_headers.get(b"origin")
    if not origin or len(origin) > 255 or not origin.isascii() or b"\n" in origin or b"\r" in origin:
        return Answer(204, b"", _NO_BODY)
    headers = (_NO_BODY[0], (CORS[0][0], origin), (b"access-control-allow-credentials", b"true"), (b"vary", b"origin"))
    return Answer(204, b"", headers)


def _wrong(reason: DropReason, path: str, expected: str, got: Any) -> Refusal:
    return Refusal(reason=reason, path=path, expected=expected, got=describe(got))
