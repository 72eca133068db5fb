"""What one platform would get of an event and what not, and why: for people, from the same functions that send.

Owns no platform's words. A part of an event *leaves* when the bytes are others without it: each is taken away once and the event
built again, so nothing is said here that the builder does not do. Why a part stays is the platform's to say (`left_out`). Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from twofold.destinations.contract import Builder, Destination, Suppressed, Terms
from twofold.destinations.terms import REASONS, builder_of, name_there, withheld_of
from twofold.event.model import Consent, Event
from twofold.event.vocabulary import HASHED_FIELDS
from twofold.matching.other_forms import field_of_rule

NO_PLACE: Final = "the platform has no place for it"
OTHER_RULE: Final = "came hashed, under a rule that the platform does not take"
DECLARED_SENSITIVE: Final = "declared as sensitive: it leaves for no platform"
BESIDE: Final = "another click id is sent in its place"

MEANING: Final[Mapping[str, str]] = {
    **REASONS,
    "no_client_id": "the browser's own id of the platform is not known",
    "no_identifier": "nothing in it points to a person or a click that the platform could find",
    "no_click_id": "the click that the platform needs is not known",
    "no_conversion_action": "the setting `events` gives it no conversion action",
    "missing_order_id": "it has no order's number, by which the platform counts it once",
    "missing_value": "it has no value",
    "missing_currency": "it has no currency",
    "missing_source_url": "it has no address of a page, which the platform wants",
    "other_event_source": "what `remote_dataset` is there is not told what happened in this place",
    "unknown_device": "it is of an app, and nobody says on which system",
    "limited_use": "the shopper limited the use, and the platform has no word for it",
    "too_broad": "what it says of the person fits too many",
    "not_addressed": "its sender names who may be told, and this destination is not meant",
    "consent_denied": "the shopper said no",
    "consent_unstated": "the shopper said nothing, and silence is not enough",
}


class Part(Struct, frozen=True):
    """One part of an event at one platform. ``why`` is empty for what leaves."""

    name: str
    leaves: bool
    why: str = ""


class Explained(Struct, frozen=True, kw_only=True):
    """``reason``: why nothing leaves, else empty. ``parts``: all that the event holds, in one order for every platform."""

    name: str
    reason: str = ""
    meaning: str = ""
    payload: bytes = b""
    parts: tuple[Part, ...] = ()


def explain(destination: Destination, terms: Terms, event: Event, refused: str | None = None) -> Explained:
    """``refused``: what consent says against it, in the words of `consent.state`."""
    called = name_there(destination, terms, event.event_name)
    name = "" if isinstance(called, Suppressed) else called
    build = builder_of(destination, terms)
    made: bytes | Suppressed = Suppressed(refused) if refused else build(event)
    held = list(parts_of(event))
    if isinstance(made, Suppressed):
        stay = tuple(Part(part, False, "nothing leaves") for part in held)
        return Explained(
            name=name, reason=made.reason, meaning=MEANING.get(made.reason.partition(":")[0], ""), parts=stay
        )
    withheld = {f"custom_data.{name}" for name in withheld_of(event.event_name, terms.withheld)}
    parts = tuple(
        Part(part, False, DECLARED_SENSITIVE) if part in withheld else _part(destination, build, event, part, made)
        for part in held
    )
    return Explained(name=name, payload=made, parts=parts)


def parts_of(event: Event) -> list[str]:
    """The names of what an event holds."""
    return [name for name, without in PARTS.items() if without(event) != event] + [
        f"click_ids.{name}" for name in event.click_ids
    ] + [f"custom_data.{name}" for name in event.custom_data.other]  # fmt: skip


def without(event: Event, part: str) -> Event:
    """The event without one part."""
    table, _, name = part.partition(".")
    if table == "click_ids":
        return replace(event, click_ids={k: v for k, v in event.click_ids.items() if k != name})
    if table == "custom_data":
        data = event.custom_data
        return replace(event, custom_data=replace(data, other={k: v for k, v in data.other.items() if k != name}))
    return PARTS[part](event)


def _part(destination: Destination, build: Builder, event: Event, part: str, made: bytes) -> Part:
    if build(without(event, part)) != made:
        return Part(part, True)
    said = destination.left_out.get(part) or destination.left_out.get(part.partition(".")[0])
    if said:
        return Part(part, False, said)
    if part in destination.identifiers:
        return Part(part, False, OTHER_RULE)
    beside = part.startswith("click_ids.") and _leaves_alone(build, event, part)
    return Part(part, False, BESIDE if beside else NO_PLACE)


def _leaves_alone(build: Builder, event: Event, part: str) -> bool:
    """Whether a click id would leave if there were no other."""
    name = part.partition(".")[2]
    alone = replace(event, click_ids={name: event.click_ids[name]})
    return build(alone) != build(replace(event, click_ids={}))


def _without_key(field: str, empty: Any) -> Callable[[Event], Event]:
    def taken(event: Event) -> Event:
        forms = tuple(h for h in event.forms if field_of_rule(h.rule) != field)
        return replace(event, forms=forms, user_data=replace(event.user_data, **{field: empty}))

    return taken


def _without_data(**empty: Any) -> Callable[[Event], Event]:
    return lambda event: replace(event, custom_data=replace(event.custom_data, **empty))


PARTS: Final[Mapping[str, Callable[[Event], Event]]] = {
    "event_id": lambda event: replace(event, event_id=f"{event.event_id}'"),
    "action_source": lambda event: replace(event, action_source="app" if event.action_source != "app" else "website"),
    "event_source_url": lambda event: replace(event, event_source_url=None),
    "referrer_url": lambda event: replace(event, referrer_url=None),
    "consent": lambda event: replace(event, consent=Consent.UNSTATED, granted=(), denied=()),
    "limited_use": lambda event: replace(
        event, data_processing_options=None, data_processing_options_country=None, data_processing_options_state=None
    ),
    **{field: _without_key(field, ()) for field in HASHED_FIELDS},
    **{field: _without_key(field, None) for field in ("client_ip_address", "client_user_agent", "fbc", "fbp")},
    "value": _without_data(value=None),
    "currency": _without_data(currency=None),
    "order_id": _without_data(order_id=None),
    "contents": _without_data(contents=()),
    "content_ids": _without_data(content_ids=()),
    "content_type": _without_data(content_type=None),
    "num_items": _without_data(num_items=None),
}
"""Part of an event to the event without it."""
