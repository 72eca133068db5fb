"""Segment's tracking API: ``POST /v1/track``, ``page``, ``batch`` and the rest, for its clients and those that speak like them.

Owns its paths, who may send with which key, and its answers. What a message means is the source's, what an event means the
steps'. A key of servers makes a server's copy; the key that stands in pages makes a browser's, like any stranger's.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from twofold.clock import bounds_of
from twofold.collect import answers
from twofold.collect.access import basic_user_of, key_digest, sender_name
from twofold.collect.doors.browsers import Browsers
from twofold.collect.doors.decode import read_batch
from twofold.collect.doors.work import Batch, Work, refused_work, wait_for
from twofold.collect.limits.rate_limit import Over
from twofold.collect.messages import JSON_CORS, Answer, Reply, Request
from twofold.collect.policy import DatasetPolicy
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.collect.steps.touches import sign_of
from twofold.event.mending import Mender
from twofold.event.model import Channel, Tier
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_list, as_object
from twofold.sources.streams.message import LeftOut
from twofold.sources.streams.segment import CALLS, library_of, read_message

ENTRY = "segment"
MAX_MESSAGES = 2_500  # Segment's own limit is 500 KB a batch; the smallest messages make this many of it
BATCH = frozenset(("batch", "b", "import"))
_SHARED = ("context", "integrations")
PATHS: dict[str, str] = {f"/v1/{word}": word for word in (*CALLS, *CALLS.values(), *BATCH)}


class _Sender(Struct, frozen=True):
    """Whose key was shown."""

    dataset: DatasetPolicy
    tier: Tier


class SegmentDoor:
    """Every method runs on the event loop's thread and never waits."""

    def __init__(self, browsers: Browsers, *, strict: bool) -> None:
        self._browsers = browsers
        self._strict = strict
        self._keys: list[tuple[bytes, _Sender]] = []
        for policy in browsers.datasets.values():
            self._keys += [(digest, _Sender(policy, Tier.T2)) for digest in policy.ways_in.segment]
            if policy.ways_in.segment_page is not None:
                self._keys.append((policy.ways_in.segment_page, _Sender(policy, Tier.T0)))

    def greet(self, _request: Request) -> None:
        return None

    def refuse(self, request: Request, refusal: Refusal, dataset: str = "") -> Work:
        answer = _no([refusal])
        return refused_work(self._browsers.clock(), ENTRY, dataset, refusal, request, answer)

    def take(self, request: Request) -> Work | Reply:
        mender = Mender()
        tree = read_batch(request.body, "batch", MAX_MESSAGES, mender)
        if isinstance(tree, Refusal):
            return self.refuse(request, tree)
        if not isinstance(tree, dict):
            return self.refuse(request, _wrong(DropReason.ENVELOPE, "body", "a JSON object", tree))
        sender = self._sender(request, tree)
        if isinstance(sender, Refusal):
            return self.refuse(request, sender)
        call = PATHS[request.path]
        items: Any = tree.get("batch") if call in BATCH else [tree]
        items = items if isinstance(items, list) else as_list(items)
        if items is None or not 0 < len(items) <= MAX_MESSAGES:
            expected = f"a list of 1 to {MAX_MESSAGES} messages"
            return self.refuse(request, _wrong(DropReason.ENVELOPE, "batch", expected, items), sender.dataset.id)
        kind = "" if call in BATCH else CALLS.get(call, call)
        return self._messages(request, sender, tree, items, kind, mender)

    def _sender(self, request: Request, tree: Mapping[str, Any]) -> _Sender | Refusal:
        """By the key in the header, else in the body. Each is compared, whichever fits, so that the time tells nothing."""
        given = basic_user_of(request.header(b"authorization")) or tree.get("writeKey")
        sender = self._sender_of(given)
        if sender is None:
            return _wrong(DropReason.BAD_KEY, "writeKey", "a write key of this gateway", given)
        request.known = sender.tier is not Tier.T0
        return sender

    def _sender_of(self, given: Any) -> _Sender | None:
        digest = key_digest(given) if isinstance(given, str) and given else b""
        fits = [sender for key, sender in self._keys if hmac.compare_digest(key, digest)]
        return fits[0] if fits else None

    def _messages(
        self,
        request: Request,
        sender: _Sender,
        tree: Mapping[str, Any],
        items: Sequence[Any],
        kind: str,
        mender: Mender,
    ) -> Work | Reply:
        browsers, dataset = self._browsers, sender.dataset
        client = browsers.client(request)
        if sender.tier is Tier.T0:
            allowed = browsers.dataset_for(request, dataset.id)
            if isinstance(allowed, Refusal):
                return self.refuse(request, allowed, dataset.id)
            over = browsers.rates.over_for_client(client or request.peer, [dataset.id] * len(items), browsers.clock())
            if over is not None:
                return self._limited(over)
        notes, mended = mender.by_event()
        batch, left = Batch(notes=notes), Counter[str]()
        for index, item in enumerate(items):
            found = self._one(request, sender, tree, item, kind, client, mended.get(index, ()), batch, index)
            if isinstance(found, LeftOut):
                left[found.kind] += 1
            elif found is not None:
                batch.refuse(found, index, None if isinstance(item, Refusal) else item)
        over = browsers.rates.over_for_name(batch.events, browsers.clock())
        if over is not None:
            return self._limited(over)
        for name, n in left.items():
            browsers.metrics.left_out[ENTRY, name] += n
        if not batch.events and not batch.refused:
            return _yes(0, (), batch.notes, left)
        work = batch.work(browsers.clock(), ENTRY, dataset.id, request, strict=self._strict)
        events, refusals = len(work.events), [r.refusal for r in batch.refused]
        work.answer = lambda: _yes(events, refusals, batch.notes, left) if events or left else _no(refusals)
        return work

    def _one(
        self, request: Request, sender: _Sender, tree: Mapping[str, Any], item: Any, kind: str, client: str,
        mended: Sequence[str], batch: Batch, index: int,
    ) -> LeftOut | Refusal | None:  # fmt: skip
        """None for a copy that was taken, which is in the batch then."""
        if isinstance(item, Refusal):
            return item
        if not isinstance(item, dict):
            return _wrong(DropReason.WRONG_TYPE, "", "a message object", item)
        item, notes = _with_shared(item, tree), list[str]()
        origin = self._origin(request, sender, item, client)
        said = kind or str(item.get("type", "")).lower()
        sent_at, ways = tree.get("sentAt"), sender.dataset.ways_in
        raw = read_message(item, said, sent_at, origin.received_at, ways.categories, notes)
        if isinstance(raw, (LeftOut, Refusal)):
            return raw
        event = run(raw, origin, mended)
        if isinstance(event, Refusal):
            return event
        batch.events.append(event)
        batch.notes += [f"batch[{index}]: {note}" for note in (*notes, *event.warnings)]
        if (sign := sign_of(raw, event, origin)) is not None:
            batch.signs.append(sign)
        return None

    def _origin(self, request: Request, sender: _Sender, item: Mapping[str, Any], client: str) -> Origin:
        name = sender_name("", library_of(item)) if library_of(item) else ENTRY
        if sender.tier is Tier.T0:
            return self._browsers.origin(request, sender.dataset, name, client)
        return Origin(
            dataset=sender.dataset.id,
            channel=Channel.SERVER,
            sender=name,
            tier=sender.tier,
            received_at=self._browsers.clock(),
            bounds=bounds_of(self._browsers.clock),
            policy=sender.dataset,
        )

    def too_much(self, request: Request, over: Over) -> Answer | None:
        """Libraries of servers show their key in the header, so it is known without the body."""
        given = basic_user_of(request.header(b"authorization"))
        sender = self._sender_of(given) if given else None
        return None if sender is not None and sender.tier is not Tier.T0 else self._limited(over)

    def _limited(self, over: Over) -> Answer:
        self._browsers.metrics.limited[ENTRY, over.kind] += 1
        return wait_for(over)


def _with_shared(item: dict[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    """A message with what its batch says once for all: context and integrations. Its own word counts before that."""
    if tree is item:
        return item
    shared = {name: told for name in _SHARED if (told := as_object(tree.get(name)))}
    return {**item, **{name: {**told, **(as_object(item.get(name)) or {})} for name, told in shared.items()}}


def _yes(count: int, refusals: Sequence[Refusal], notes: Sequence[str], left: Mapping[str, int]) -> Answer:
    """200 as Segment says it, with what we say anywhere else beside it."""
    told = msgspec.json.decode(answers.accepted(count, refusals, notes))
    said = {"success": True, **told} | ({"left_out": dict(left)} if left else {})
    return Answer(200, answers.encode(said), JSON_CORS)


def _no(refusals: Sequence[Refusal]) -> Answer:
    """Our error, and beside it the two fields that Segment's clients print."""
    status, body = answers.refused(refusals)
    first = refusals[0]
    told = {"success": False, "code": first.reason, "message": first.sentence(), **msgspec.json.decode(body)}
    return Answer(status, answers.encode(told), JSON_CORS)


def _wrong(reason: DropReason, path: str, expected: str, got: Any) -> Refusal:
    return Refusal(reason=reason, path=path, expected=expected, got=describe(got))
