"""What a shop declares of its own events and properties, and what follows for one that is not declared.

Owns which names are known, of which type a property is, and which must leave for no platform. The documented events and parameters
are known by themselves (`event.vocabulary`). A name is looked up; nothing here counts (`watch`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from twofold.event.vocabulary import MESSAGING_EVENTS, STANDARD_EVENTS, STANDARD_PARAMETERS

LEDGERS_OWN: Final = frozenset({"Delivered", "Returned", "AddedToOrder"})
"""Events that are made of what became of an order."""
KNOWN_EVENTS: Final = STANDARD_EVENTS | MESSAGING_EVENTS | LEDGERS_OWN
EVERY: Final = "*"
"""Stands for all events, where properties are declared that any of them may have."""
ANY: Final = "any"
TYPES: Final = ("text", "number", "boolean", "list", "object")
SENSITIVE: Final = "sensitive"


class Property(Struct, frozen=True, kw_only=True):
    """``type``: one of `TYPES`, or `ANY`."""

    type: str = ANY
    owner: str = ""
    purpose: str = ""
    sensitivity: str = "open"


class DeclaredEvent(Struct, frozen=True, kw_only=True):
    """An event of the shop's own, or properties of a documented one."""

    name: str
    owner: str = ""
    purpose: str = ""
    properties: Mapping[str, Property] = MappingProxyType({})


class Declared(Struct, frozen=True, kw_only=True):
    """All that is declared. ``refuse``: what is not is refused."""

    events: Mapping[str, DeclaredEvent] = MappingProxyType({})
    refuse: bool = False

    def knows(self, event_name: str) -> bool:
        """Whether the event is a documented one, or declared."""
        return event_name in KNOWN_EVENTS or (event_name in self.events and event_name != EVERY)

    def property_of(self, event_name: str, name: str) -> Property | None:
        """What is declared of a property, for its event or for all; None where nothing is."""
        for declared in (self.events.get(event_name), self.events.get(EVERY)):
            if declared is not None and name in declared.properties:
                return declared.properties[name]
        return _DOCUMENTED if name in STANDARD_PARAMETERS else None

    def withheld(self) -> dict[str, frozenset[str]]:
        """Event name, or `EVERY`, to the properties of it that leave for no platform."""
        found = {
            name: frozenset(p for p, rule in declared.properties.items() if rule.sensitivity == SENSITIVE)
            for name, declared in self.events.items()
        }
        return {name: properties for name, properties in found.items() if properties}


_DOCUMENTED = Property()


_TYPE_OF: Final[Mapping[type, str]] = {
    str: "text", bool: "boolean", int: "number", float: "number", Decimal: "number", list: "list", tuple: "list", dict: "object",
}  # fmt: skip


def type_of(value: Any) -> str:
    """One of `TYPES`; empty for nothing at all."""
    return _TYPE_OF.get(type(value), "")


def declared_of(events: Sequence[DeclaredEvent], *, refuse: bool) -> Declared:
    """By name."""
    return Declared(events={e.name: e for e in events}, refuse=refuse)
