"""What a merchant's settings let leave for one destination, asked before the platform's own builder.

Owns the three questions that are the same everywhere: is this event wanted there, has it a name there, and is its browser one of
the share that is sent. Each no is a reason. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from msgspec.structs import replace

from twofold.destinations.contract import NOTHING, Builder, Destination, Suppressed, Terms
from twofold.event.click_ids import browser_name
from twofold.event.model import Event

NOT_CHOSEN: Final = "event_not_chosen"
NO_NAME: Final = "event_without_name"
NOT_SAMPLED: Final = "not_in_share"

REASONS: Final[Mapping[str, str]] = {
    NOT_CHOSEN: "The settings `only` and `events` of the destination keep this event from it.",
    NO_NAME: "The platform has no name for this event, and `events` gives it none.",
    NOT_SAMPLED: "The browser is outside of the `share` that is sent there.",
}

_DIGEST_SPAN = 1 << 64
_NONE: Final[frozenset[str]] = frozenset()


class TermSettings(Protocol):
    """The fields of `config.DestinationSettings` that say what leaves."""

    @property
    def events(self) -> Mapping[str, str]: ...
    @property
    def only(self) -> tuple[str, ...]: ...
    @property
    def share(self) -> float: ...
    @property
    def options(self) -> Mapping[str, str]: ...


def terms_of(
    destination: Destination, settings: TermSettings, withheld: Mapping[str, frozenset[str]] = NOTHING
) -> Terms:
    """The merchant's word where there is one, else the platform's own default. ``withheld``: declared as sensitive."""
    only = frozenset(settings.only) or (
        destination.only | frozenset(n for n, there in settings.events.items() if there)
    )
    return Terms(
        events=settings.events,
        only=only if settings.only or destination.only else frozenset(),
        share=settings.share,
        options=settings.options,
        withheld=withheld,
    )


def hash_rules_of(platforms: Iterable[Destination]) -> set[str]:
    """Under which rules these want contact values hashed."""
    return {rule for platform in platforms for rules in platform.identifiers.values() for rule in rules}


def builder_of(destination: Destination, terms: Terms) -> Builder:
    """A function of an action alone, as the outbox wants it."""
    build = destination.build

    def with_terms(event: Event) -> bytes | Suppressed:
        name = name_there(destination, terms, event.event_name)
        if isinstance(name, Suppressed):
            return name
        if terms.share < 1 and not in_share(event, terms.share):
            return Suppressed(NOT_SAMPLED)
        return build(without_withheld(event, terms.withheld) if terms.withheld else event, name, terms)

    return with_terms


def withheld_of(event_name: str, withheld: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The properties of an event that are declared as sensitive."""
    return withheld.get(event_name, _NONE) | withheld.get("*", _NONE)


def without_withheld(event: Event, withheld: Mapping[str, frozenset[str]]) -> Event:
    """The event without them, of itself and of each of its goods."""
    names, data = withheld_of(event.event_name, withheld), event.custom_data
    if names.isdisjoint(data.other) and all(names.isdisjoint(line.other) for line in data.contents):
        return event
    other = {key: value for key, value in data.other.items() if key not in names}
    contents = tuple(replace(x, other={k: v for k, v in x.other.items() if k not in names}) for x in data.contents)
    return replace(event, custom_data=replace(data, other=other, contents=contents))


def name_there(destination: Destination, terms: Terms, event_name: str) -> str | Suppressed:
    """What the platform calls an event, or why it is not sent there."""
    if terms.only and event_name not in terms.only:
        return Suppressed(NOT_CHOSEN)
    given = terms.events.get(event_name)
    if given is not None:
        return given or Suppressed(NOT_CHOSEN)
    if destination.needs_names:
        return Suppressed(NO_NAME)
    if destination.names is None:
        return event_name
    name = destination.names.get(event_name)
    if name is None and destination.custom is not None:
        name = destination.custom(event_name)
    return name or Suppressed(NO_NAME)


def in_share(event: Event, share: float) -> bool:
    """Whether an event's browser is in the share. The same browser is always in or always out; without one its visitor, its
    customer's hash or the action itself decides, so that both copies of one action are told alike."""
    user = event.user_data
    who = browser_name(user.fbp) if user.fbp else event.visitor or _hash_of(event) or event.event_id
    digest = hashlib.blake2b(who.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * _DIGEST_SPAN


def _hash_of(event: Event) -> str:
    user = event.user_data
    return next((hashed.hex for values in (user.external_id, user.em, user.ph) for hashed in values), "")
