"""What came undeclared, and of which type every property was: counted as events come in, bounded, kept by day.

Owns the counting and the answer to one event: let through, its undeclared parts left out, or refused. An event of a documented name
without properties of its own is never looked at (`needed`). Names are kept for so many only, with a share of the room for what
strangers say, so that they crowd out nobody else; what finds no room is counted as such. No value is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from twofold.event.model import Event, Tier
from twofold.event.refusal import DropReason, Refusal, describe_key
from twofold.schema.declared import ANY, KNOWN_EVENTS, Declared, Property, type_of

META: Final = "schema_seen"
"""The name under which the store keeps what was counted."""
MOST_NAMES: Final = (
    400  # of a dataset, events and properties together, of senders that are let in by a key or a signature
)
MOST_OF_STRANGERS: Final = 100
DAYS: Final = 28
DAY_MS: Final = 86_400_000


class SeenName(Struct, kw_only=True, omit_defaults=True):
    """One event name, or one property of an event. ``days``: day from the epoch to how often by type (an event's is "")."""

    count: int = 0
    strangers: int = 0  # of them, from browsers whose word nobody vouches for
    first_at: int = 0  # ms
    last_at: int = 0
    undeclared: bool = False
    declared: str = ""  # the type that is declared
    days: dict[int, dict[str, int]] = {}

    def add(self, kind: str, now_ms: int, *, stranger: bool) -> None:
        self.count += 1
        self.strangers += stranger
        self.last_at = max(self.last_at, now_ms)
        day = now_ms // DAY_MS
        types = self.days.get(day)
        if types is None:
            types = self._new_day(day, now_ms)
        types[kind] = types.get(kind, 0) + 1

    def _new_day(self, day: int, now_ms: int) -> dict[str, int]:
        self.first_at = self.first_at or now_ms
        self.days = {d: t for d, t in self.days.items() if d > day - DAYS}
        types: dict[str, int] = {}
        self.days[day] = types
        return types


class SeenDataset(Struct, kw_only=True, omit_defaults=True):
    """``names``: event, or event and property with a line's end between them. ``no_room``: what found no room."""

    names: dict[str, SeenName] = {}
    no_room: int = 0
    declares: bool = False  # anything is declared


class SchemaWatch:
    """One dataset's events as they come."""

    def __init__(self, declared: Declared) -> None:
        self.declared = declared
        self.seen = SeenDataset(declares=bool(declared.events))
        self.changed = False
        self._of_strangers = 0
        self._slots: dict[tuple[str, str], tuple[Property | None, SeenName]] = {}

    def needed(self, event: Event) -> bool:
        """False for what has nothing to be looked at, as most events have."""
        return bool(event.custom_data.other) or event.event_name not in KNOWN_EVENTS

    def judge(self, event: Event) -> Event | Refusal:
        """Counts what the event says, and refuses or leaves out what is not declared where that is wanted."""
        declared, name = self.declared, event.event_name
        known = declared.knows(name)
        if name not in KNOWN_EVENTS:
            self._count(name, "", event, undeclared=not known)
        if not known and declared.refuse:
            return Refusal(
                reason=DropReason.UNDECLARED_EVENT, path="event_name", expected="a documented event or one of [[schema.event]]",
                got=describe_key(name),
            )  # fmt: skip
        left_out: list[str] = []
        at, stranger, slots = event.received_at, event.tier < Tier.T1, self._slots
        for key, value in event.custom_data.other.items():
            kind = type_of(value)
            if not kind:
                continue
            slot = slots.get((name, key))
            if slot is not None:  # as most are: a name that was met before
                rule, one = slot
                one.add(kind, at, stranger=stranger)
                self.changed = True
            else:
                rule = self._meet(name, key, kind, event)
            if declared.refuse and (rule is None or not (rule.type == ANY or rule.type == kind)):
                said = "is not declared" if rule is None else f"is {kind} and declared as {rule.type}"
                left_out.append(f"custom_data.{describe_key(key)} {said}; left out")
                event.custom_data.other = {k: v for k, v in event.custom_data.other.items() if k != key}
        if left_out:
            event.warnings = (*event.warnings, *left_out)
        return event

    def _meet(self, name: str, key: str, kind: str, event: Event) -> Property | None:
        """A property that was not met in this process: looked up once, and counted."""
        rule = self.declared.property_of(name, key)
        wanted = rule.type if rule is not None and rule.type != ANY else ""
        shown = describe_key(key)
        one = self._count(f"{name}\n{shown}", kind, event, undeclared=rule is None, declared=wanted)
        if one is not None and shown == key:  # so there are no more of them than names
            self._slots[name, key] = rule, one
        return rule

    def _count(self, name: str, kind: str, event: Event, *, undeclared: bool, declared: str = "") -> SeenName | None:
        stranger = event.tier < Tier.T1
        one = self.seen.names.get(name)
        if one is None:
            one = self._room_for(name, stranger=stranger)
            if one is None:
                self.seen.no_room += 1
                return None
        one.undeclared, one.declared = undeclared, declared
        one.add(kind, event.received_at, stranger=stranger)
        self.changed = True
        return one

    def _room_for(self, name: str, *, stranger: bool) -> SeenName | None:
        if stranger and self._of_strangers >= MOST_OF_STRANGERS:
            return None
        if not stranger and len(self.seen.names) - self._of_strangers >= MOST_NAMES:
            return None
        self._of_strangers += stranger
        one = self.seen.names[name] = SeenName()
        return one

    def restore(self, kept: SeenDataset | None) -> None:
        """Goes on from what was counted before this process, with what it has counted meanwhile."""
        if kept is None:
            return
        new, self.seen = self.seen, kept
        self._slots = {}
        self._of_strangers = sum(one.count == one.strangers for one in kept.names.values())
        kept.no_room += new.no_room
        kept.declares = new.declares
        for name, one in new.names.items():
            before = kept.names.get(name)
            kept.names[name] = one if before is None else _joined(before, one)


def _joined(before: SeenName, after: SeenName) -> SeenName:
    days = {day: dict(types) for day, types in before.days.items()}
    for day, types in after.days.items():
        for kind, count in types.items():
            days.setdefault(day, {})[kind] = days.get(day, {}).get(kind, 0) + count
    return SeenName(
        count=before.count + after.count, strangers=before.strangers + after.strangers, first_at=before.first_at,
        last_at=max(before.last_at, after.last_at), undeclared=after.undeclared, declared=after.declared, days=days,
    )  # fmt: skip


def encode_seen(watches: Mapping[str, SchemaWatch]) -> str:
    """All datasets, for the store; what comes afterwards is a change again."""
    for watch in watches.values():
        watch.changed = False
    return msgspec.json.encode({dataset: watch.seen for dataset, watch in watches.items()}).decode()


def decode_seen(text: str | None) -> dict[str, SeenDataset]:
    """What was kept; empty for nothing, and for what cannot be read: it is only for looking at."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, SeenDataset])
    except msgspec.DecodeError:
        return {}


def still_undeclared(
    seen: Mapping[str, SeenDataset], declared: Declared, dataset: str | None
) -> tuple[list[dict[str, Any]], int]:
    """The rows that what is declared now leaves, and how often something found no room: the gateway may not have met a name since it
    was declared. ``dataset``: None for all."""
    wanted = {name: one for name, one in seen.items() if dataset in (None, name)}
    rows = [row for row in undeclared_of(wanted) if not _is_declared(declared, row["event_name"], row["property"])]
    return rows, sum(one.no_room for one in wanted.values())


def _is_declared(declared: Declared, event_name: str, name: str) -> bool:
    return declared.property_of(event_name, name) is not None if name else declared.knows(event_name)


def undeclared_of(seen: Mapping[str, SeenDataset]) -> list[dict[str, Any]]:
    """A row for each name that is not declared, the most frequent first."""
    rows = []
    for dataset, one in seen.items():
        for name, told in one.names.items():
            if told.undeclared:
                event_name, _, key = name.partition("\n")
                types: dict[str, int] = {}
                for counts in told.days.values():
                    for kind, count in counts.items():
                        types[kind or ANY] = types.get(kind or ANY, 0) + count
                rows.append({
                    "dataset": dataset, "event_name": event_name, "property": key, "events": told.count,
                    "of_strangers": told.strangers, "types": types if key else {}, "first_at": told.first_at // 1000,
                    "last_at": told.last_at // 1000,
                })  # fmt: skip
    return sorted(rows, key=lambda r: (-r["events"], r["dataset"], r["event_name"], r["property"]))
