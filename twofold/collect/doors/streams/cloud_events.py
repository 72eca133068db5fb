"""CloudEvents: ``POST /v1/{dataset}/cloudevents``, one in the body, a batch, or one whose envelope stands in the header.

Owns its paths and who may send: a server with the dataset's key. The envelope is the source's, what an event means the steps'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twofold.clock import Clock, bounds_of
from twofold.collect.access import bearer_of, key_fits
from twofold.collect.doors.decode import read_fields, read_list_text
from twofold.collect.doors.work import Batch, Work, refused_work
from twofold.collect.limits.rate_limit import Over
from twofold.collect.messages import Reply, Request
from twofold.collect.policy import DatasetPolicy
from twofold.collect.steps.draft import Origin, raw_event
from twofold.collect.steps.pipeline import run
from twofold.collect.steps.touches import sign_of
from twofold.event.json import read_json
from twofold.event.mending import Mender
from twofold.event.model import Channel, Tier
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.vocabulary import MAX_EVENTS
from twofold.sources.streams.cloud_events import BATCH, binary_attributes, read_envelope_event

ENTRY = "cloudevents"


def cloud_events_path(dataset: str) -> str:
    return f"/v1/{dataset}/cloudevents"


class CloudEventsDoor:
    """Every method runs on the event loop's thread and never waits."""

    def __init__(self, datasets: Mapping[str, DatasetPolicy], clock: Clock, *, strict: bool) -> None:
        self.datasets = {cloud_events_path(id_): policy for id_, policy in datasets.items()}
        self._clock = clock
        self._strict = strict

    def greet(self, _request: Request) -> None:
        return None

    def refuse(self, request: Request, refusal: Refusal) -> Work:
        return refused_work(self._clock(), ENTRY, self.datasets[request.path].id, refusal, request)

    def too_much(self, _request: Request, _over: Over) -> None:
        """The key is looked at before the body is read."""

    def take(self, request: Request) -> Work | Reply:
        policy = self.datasets[request.path]
        fields = read_fields(request.query)
        if isinstance(fields, Refusal):
            return self.refuse(request, fields)
        # The HTTP webhook protocol of CloudEvents allows the token in either place.
        token = bearer_of(request.header(b"authorization")) or fields.get("access_token", "")
        request.query = ""
        if not key_fits(token, policy.key):
            expected, got = "this dataset's key", describe(token or None)
            return self.refuse(
                request, Refusal(reason=DropReason.BAD_KEY, path="access_token", expected=expected, got=got)
            )
        request.known = True
        mender = Mender()
        items = _items(request, mender)
        if isinstance(items, Refusal):
            return self.refuse(request, items)
        return self._events(request, policy, items, mender)

    def _events(self, request: Request, policy: DatasetPolicy, items: list[Any], mender: Mender) -> Work:
        origin = Origin(
            dataset=policy.id, channel=Channel.SERVER, sender=ENTRY, tier=Tier.T2, received_at=self._clock(),
            bounds=bounds_of(self._clock), policy=policy,
        )  # fmt: skip
        is_batch = _kind(request) == BATCH
        notes, mended = mender.by_event() if is_batch else (mender.sentences(), {0: mender.sentences()})
        batch = Batch(notes=notes)
        for index, item in enumerate(items):
            if isinstance(item, Refusal):
                batch.refuse(item, index)
                continue
            raw, unknown = raw_event(item)
            event = run(raw, origin, mended.get(index, ()))
            if isinstance(event, Refusal):
                batch.refuse(event, index, item)
                continue
            batch.events.append(event)
            batch.notes += [f"data[{index}].{name} is not a documented field; left out" for name in unknown]
            batch.notes += [f"data[{index}]: {warning}" for warning in event.warnings]
            if (sign := sign_of(raw, event, origin)) is not None:
                batch.signs.append(sign)
        return batch.work(origin.received_at, ENTRY, policy.id, request, strict=self._strict)


def _items(request: Request, mender: Mender) -> list[Any] | Refusal:
    """The events of a request in any of the three modes, or what is wrong with each."""
    if _kind(request) == BATCH:
        return _listed(request.body, mender)
    tree = read_json(request.body, events=MAX_EVENTS, mender=mender) if request.body else None
    if isinstance(tree, Refusal):
        return tree
    attributes = binary_attributes(request.headers())
    if attributes:
        return [read_envelope_event(attributes, {} if tree is None else tree)]
    return [read_envelope_event(tree)] if isinstance(tree, dict) else _envelope("a CloudEvent", tree)


def _kind(request: Request) -> str:
    return request.header(b"content-type").partition(";")[0].strip().lower()


def _listed(body: bytes, mender: Mender) -> list[Any] | Refusal:
    """The events of a batch, each by itself: what one of them broke refuses that one."""
    tree = read_list_text(body, "data", MAX_EVENTS, mender)
    if isinstance(tree, Refusal):
        return tree
    if not isinstance(tree, list) or not 0 < len(tree) <= MAX_EVENTS:
        return _envelope(f"a list of 1 to {MAX_EVENTS} CloudEvents", tree)
    return [_one(item) for item in tree]


def _one(item: Any) -> Any:
    if isinstance(item, Refusal):
        return item
    return read_envelope_event(item) if isinstance(item, dict) else _envelope("a CloudEvent", item)


def _envelope(expected: str, got: Any) -> Refusal:
    return Refusal(reason=DropReason.ENVELOPE, path="body", expected=expected, got=describe(got))
