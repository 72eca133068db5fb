"""What our payload has of a router's: field by field, hashes left aside. Owns the comparing and the settings it is done with."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from msgspec.structs import replace

from bench.payloads.kinds import is_apart, is_told_again, kind_of, worths
from twofold.collect.policy import DatasetPolicy
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.pipeline import run
from twofold.config import DestinationSettings
from twofold.destinations import BY_PLATFORM
from twofold.destinations.contract import Suppressed
from twofold.destinations.terms import builder_of, terms_of
from twofold.event.json import read_json
from twofold.event.model import Channel, Event, RawEvent, Tier
from twofold.matching.other_forms import wanted_forms
from twofold.sources.streams.segment import read_message

# Settings that let leave what a platform wants a word for: a router's preset has them switched on.
_SETTINGS: dict[str, dict[str, Any]] = {
    "tiktok": {"events": {"PageView": "Pageview"}},
    "ga4": {"options": {"without_cookie": "visitor", "device": "on", "user_data": "on"}},
}
_HEX = re.compile("[0-9a-f]{64}")
_PEOPLE = re.compile("identifiers|userIds")
# Reddit's older interface, which both routers' fixtures speak, in the words of the one that is told here.
_OLDER = (("event_metadata", "metadata"), ("value_decimal", "value"), ("event_type", "type"))
_LISTS = ("data", "events", "elements", "conversions")


def event_of(message: dict[str, Any], cookies: dict[str, str] | None = None) -> Event | None:
    """A message as the door of Segment's API keeps it; None for one that it refuses or leaves out. ``cookies``: of the browser, which
    such a message does not carry."""
    origin = _origin(int(datetime.fromisoformat(message["timestamp"].replace("Z", "+00:00")).timestamp()))
    told = read_json(json.dumps(message).encode())
    assert isinstance(told, dict)
    raw = read_message(told, message["type"], None, origin.received_at, {}, [])
    event = run(raw, origin) if isinstance(raw, RawEvent) else None
    if not isinstance(event, Event):
        return None
    return replace(event, click_ids={**event.click_ids, **(cookies or {})})


@lru_cache
def _origin(when_s: int) -> Origin:
    """Of a server that sends half a minute after it happened, to a dataset that goes to every platform."""
    rules = {rule for d in BY_PLATFORM.values() for rules in d.identifiers.values() for rule in rules}
    policy = DatasetPolicy(id="1", country="US", forms=wanted_forms(rules))
    return Origin(
        dataset="1", channel=Channel.SERVER, sender="router", tier=Tier.T2, received_at=(when_s + 30) * 1000, policy=policy
    )  # fmt: skip


def payload_of(platform: str, event: Event, events: dict[str, str] | None = None) -> dict[str, Any] | str:
    """What the platform would get, or the reason why it gets nothing. ``events``: names or ids there."""
    made = builder_for(platform, event, events)()
    return one_event(platform, json.loads(made)) if isinstance(made, bytes) else made.reason


def builder_for(platform: str, event: Event, events: dict[str, str] | None = None) -> Callable[[], bytes | Suppressed]:
    """Makes the bytes, each time it is called."""
    more = dict(_SETTINGS.get(platform, {}))
    if BY_PLATFORM[platform].needs_names or events:
        more["events"] = {**more.get("events", {}), **(events or {event.event_name: "77"})}
    settings = DestinationSettings(platform=platform, dataset="1", only=(event.event_name,), **more)
    return partial(builder_of(BY_PLATFORM[platform], terms_of(BY_PLATFORM[platform], settings)), event)


def one_event(platform: str, body: dict[str, Any]) -> dict[str, Any]:
    """The one event of a request's body. GA4 says most of it around the event, so there it is the body."""
    if platform == "ga4":
        return body
    if platform == "reddit":
        text = json.dumps(body)
        for older, newer in _OLDER:
            text = text.replace(f'"{older}"', f'"{newer}"')
        body = json.loads(text)
    found = next((body[name] for name in _LISTS if isinstance(body.get(name), list)), [body])
    return dict(found[0])


def worths_of(platform: str, body: dict[str, Any]) -> set[Decimal]:
    """What a router's body says that its event is worth."""
    return worths(_flat(one_event(platform, body)))


def _flat(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _flat(value, f"{path}.{key}" if path else key)
    elif isinstance(tree, list):
        for n, value in enumerate(tree):
            yield from _flat(value, f"{path}[{n}]")
    else:
        yield path, tree


def _same(theirs: Any, ours: Any) -> bool:
    """Equal, and a figure however it is written: platforms take it as a number, routers often write text."""
    if isinstance(theirs, bool) or isinstance(ours, bool):
        return theirs is ours
    try:
        return Decimal(str(theirs)) == Decimal(str(ours))
    except ArithmeticError:
        return str(theirs) == str(ours)


class Score:
    """Counts by platform: fields that are the same, and the others by their kind."""

    def __init__(self) -> None:
        self.same: Counter[str] = Counter()
        self.others: dict[str, Counter[str]] = defaultdict(Counter)
        self.fields: dict[tuple[str, str, str], list[tuple[str, Any, Any]]] = defaultdict(list)

    def add(
        self, platform: str, name: str, theirs: dict[str, Any], ours: dict[str, Any] | str, elsewhere: Collection[Decimal] = ()
    ) -> None:  # fmt: skip
        """One payload of theirs beside ours; where ours is a reason, all of theirs is missing. ``elsewhere``: what they tell all
        platforms together that this event is worth."""
        here = dict(_flat(ours)) if isinstance(ours, dict) else {}
        for path, value in _flat(theirs):
            if value in ("", None) or (isinstance(value, str) and _HEX.fullmatch(value)) or _PEOPLE.search(path):
                continue
            if path in here and _same(value, here[path]):
                self.same[platform] += 1
                continue
            kind = "again" if is_told_again(platform, path, value, here) else kind_of(platform, path)
            if kind == "ours" and is_apart(path, here.get(path), elsewhere):
                kind = "apart"
            self.others[platform][kind] += 1
            field = re.sub(r"\[\d+\]", "[]", path)
            self.fields[platform, kind, field].append((name, value, here.get(path, "-") if here else ours))

    def table(self) -> Iterator[dict[str, int | str]]:
        """A row a platform, and their sum. ``comparable``: without what is private, a partner's, against the platform's page, told in another field, or told in two ways by the router itself."""
        for platform in (*sorted(self.same.keys() | self.others.keys()), "all"):
            chosen = [platform] if platform != "all" else list(self.same.keys() | self.others.keys())
            kinds = sum((self.others[one] for one in chosen), Counter[str]())
            same = sum(self.same[one] for one in chosen)
            rest = kinds["ours"] + kinds["unexplained"]
            yield {
                "platform": platform, "same": same, "all": same + kinds.total(), "comparable": same + rest,
                **{kind: kinds[kind] for kind in ("private", "partner", "document", "again", "apart", "ours", "unexplained")},
            }  # fmt: skip
