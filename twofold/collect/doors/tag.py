"""The door of our own tag: a JSON text of up to 100 events, each naming its dataset.

Owns the shape of that batch and its limits. What an event means is the steps'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twofold.collect import answers
from twofold.collect.doors.browsers import Browsers
from twofold.collect.doors.decode import as_events, read_batch, read_event
from twofold.collect.doors.work import Batch, Work, refused_work, wait_for
from twofold.collect.limits.rate_limit import Over
from twofold.collect.messages import JSON_CORS, Answer, Reply, Request
from twofold.collect.steps.draft import raw_event
from twofold.collect.steps.pipeline import run
from twofold.collect.steps.touches import sign_of
from twofold.event.mending import Mender
from twofold.event.model import Event
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_list

ENTRY = "tag"
MAX_TAG_EVENTS = 100


class TagDoor:
    """Answers 429 over a limit: the tag keeps its events and sends them again."""

    def __init__(self, browsers: Browsers, *, strict: bool) -> None:
        self._browsers = browsers
        self._strict = strict

    def greet(self, _request: Request) -> None:
        return None

    def refuse(self, request: Request, refusal: Refusal) -> Work:
        answer = Answer(*answers.refused([refusal]), JSON_CORS)
        return refused_work(self._browsers.clock(), ENTRY, "", refusal, request, answer)

    def take(self, request: Request) -> Work | Reply:
        mender = Mender()
        tree = read_batch(request.body, "events", MAX_TAG_EVENTS, mender)
        items = tree.get("events") if isinstance(tree, dict) else None
        if type(items) is not list:
            items = as_events(items, "events", MAX_TAG_EVENTS, mender)
        for unreadable in (tree, items):
            if isinstance(unreadable, Refusal):
                return self.refuse(request, unreadable)
        if isinstance(items, dict):
            items = as_list(items)
        if not isinstance(items, list) or not 0 < len(items) <= MAX_TAG_EVENTS:
            expected = f"a list of 1 to {MAX_TAG_EVENTS} events"
            refusal = Refusal(reason=DropReason.ENVELOPE, path="events", expected=expected, got=describe(items))
            return self.refuse(request, refusal)
        # A page's own toJSON makes texts of events.
        items = [read_event(x, f"events[{n}]", mender) if type(x) is str else x for n, x in enumerate(items)]
        browsers, rates = self._browsers, self._browsers.rates
        named = [str(item.get("dataset", "")) if isinstance(item, dict) else "" for item in items]
        client = browsers.client(request)
        over = rates.over_for_client(client or request.peer, named, browsers.clock())
        if over is not None:
            return self.too_much(request, over)
        notes, mended = mender.by_event()
        batch = Batch(notes=notes)
        for index, item in enumerate(items):
            result = self._event(request, item, client, mended.get(index, ()), batch)
            if isinstance(result, Refusal):
                batch.refuse(result, index, item)
            else:
                batch.events.append(result)
                batch.notes += [f"events[{index}]: {warning}" for warning in mended.get(index, ())]
        over = rates.over_for_name(batch.events, browsers.clock())
        if over is not None:
            return self.too_much(request, over)
        return batch.work(browsers.clock(), ENTRY, "", request, strict=self._strict, headers=JSON_CORS)

    def _event(self, request: Request, item: Any, client: str, mended: Sequence[str], batch: Batch) -> Event | Refusal:
        if isinstance(item, Refusal):
            return item
        if not isinstance(item, dict):
            return Refusal(reason=DropReason.WRONG_TYPE, expected="an event object", got=describe(item))
        dataset = self._browsers.dataset_for(request, str(item.get("dataset", "")))
        if isinstance(dataset, Refusal):
            return dataset
        raw, _unknown = raw_event({name: value for name, value in item.items() if name != "dataset"})
        origin = self._browsers.origin(request, dataset, ENTRY, client)
        event = run(raw, origin, mended)
        if isinstance(event, Event) and (sign := sign_of(raw, event, origin)) is not None:
            batch.signs.append(sign)
        return event

    def too_much(self, _request: Request, over: Over) -> Answer:
        self._browsers.metrics.limited[ENTRY, over.kind] += 1
        return wait_for(over)
