"""One Stripe event, opened: what every reader needs of it.

Owns the event's own fields and the order of snapshots. Only the object of a type that is read is looked at.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.json import read_json
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.sources import lenient
from twofold.sources.contract import SourceOptions

_KEYS_OF_EVENTS = 20  # an invoice has some 60 keys a line and at most ten lines in an event
_DAY_S = 86_400
_HEAD: tuple[str, ...] = ("id", "object", "type", "created", "livemode")

_open = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Envelope(Struct, frozen=True, kw_only=True):
    """An event without its object."""

    id: str
    type: str
    created: int  # Unix s
    live: bool
    data: msgspec.Raw


class Delivery(Struct, frozen=True, kw_only=True):
    """An event with its object. ``rank`` orders events of one second, see `version`."""

    envelope: Envelope
    object: dict[str, Any]
    before: dict[str, Any]  # the earlier values of what changed
    rank: int
    options: SourceOptions
    notes: list[str]

    @property
    def at(self) -> int:
        return self.envelope.created

    @property
    def version(self) -> int:
        """Stripe's events are ordered by ``created``, in seconds, and several of one order share a second (the
        session, its intent, its charge). Within it the rank of the event's type decides, 0 to 999: what is further in
        a payment's life is the later state, so that a declined try never undoes the success beside it."""
        return self.envelope.created * 1000 + self.rank

    @property
    def placed_at(self) -> int:
        """When the buyer ordered: the event's moment, which for a payment is closest. An event more than a day after
        its object was made is about money that came later, and the object's beginning is the better word."""
        made = lenient.whole(self.object, "created") or self.at
        return self.at if 0 <= self.at - made <= _DAY_S else made

    @property
    def reference(self) -> str:
        return f"stripe {self.envelope.type} {self.envelope.id}"


def open_envelope(body: bytes) -> Envelope | Refusal:
    """Refused are a body that is no event object, and one without type or time."""
    try:
        raw = _open(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tree = read_json(body)  # says what is wrong
        return tree if isinstance(tree, Refusal) else _refuse(DropReason.WRONG_TYPE, "", "a JSON object", tree)
    head: dict[str, Any] = {name: _value(raw[name]) for name in _HEAD if name in raw}
    name, created = lenient.token(head, "type"), lenient.whole(head, "created")
    if name is None:
        return _refuse(DropReason.WRONG_TYPE, "type", "an event's type", head.get("type"))
    # Events of the second API version ("v2.core.event") have their time as text, and no object in them.
    if created is None and head.get("object") == "event":
        return _refuse(DropReason.INVALID_EVENT_TIME, "created", "Unix seconds", head.get("created"))
    return Envelope(
        id=lenient.token(head, "id") or "",
        type=name,
        created=created or 0,
        live=head.get("livemode") is True,
        data=raw.get("data", msgspec.Raw(b"{}")),
    )


def open_object(envelope: Envelope, rank: int, options: SourceOptions) -> Delivery | Refusal:
    tree = read_json(bytes(envelope.data), events=_KEYS_OF_EVENTS)
    if isinstance(tree, Refusal):
        return tree
    thing = tree.get("object") if isinstance(tree, dict) else None
    if not isinstance(thing, dict):
        return _refuse(DropReason.WRONG_TYPE, "data.object", "an object", thing)
    if envelope.created <= 0:
        return _refuse(DropReason.INVALID_EVENT_TIME, "created", "Unix seconds", envelope.created)
    return Delivery(
        envelope=envelope,
        object=thing,
        before=lenient.part(tree, "previous_attributes"),
        rank=rank,
        options=options,
        notes=[],
    )


def _value(raw: msgspec.Raw) -> Any:
    value = read_json(bytes(raw))
    return None if isinstance(value, Refusal) else value


def _refuse(reason: DropReason, path: str, expected: str, got: object) -> Refusal:
    return Refusal(reason=reason, path=path, expected=expected, got=describe(got))
