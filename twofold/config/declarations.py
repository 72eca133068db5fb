"""The settings that declare a shop's own events and their properties.

Owns `[schema]` and what stands in it. What a declaration does to an event is the room `schema`'s.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct


class PropertyDeclaration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: Annotated[
        str,
        Meta(description="What its value is: `text`, `number`, `boolean`, `list`, `object` or `any`.",
             pattern="^(text|number|boolean|list|object|any)$"),
    ]  # fmt: skip
    owner: Annotated[str, Meta(description="Who answers for it. Default: who answers for the event.")] = ""
    purpose: Annotated[str, Meta(description="What it is sent for. Default: what the event is.")] = ""
    sensitivity: Annotated[
        str,
        Meta(description="`open`, or `sensitive`: it leaves for no platform.", pattern="^(open|sensitive)$"),
    ] = "open"


class EventDeclaration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[
        str,
        Meta(description="An event of your own, a documented one that has properties of your own, or `*` for properties of all.",
             min_length=1, max_length=50),
    ]  # fmt: skip
    owner: Annotated[str, Meta(description="Who answers for it: a person or a team.", min_length=1)]
    purpose: Annotated[str, Meta(description="What it is sent for.", min_length=1)]
    properties: Annotated[
        dict[str, PropertyDeclaration],
        Meta(description="Its custom properties by name, each a table: `[schema.event.properties.NAME]` below its event."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip


class SchemaSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    undeclared: Annotated[
        str,
        Meta(description="Events and properties that are neither documented nor declared: `count` them (`twofold schema --undeclared`), or "
             "`refuse` such an event and leave such a property out.", pattern="^(count|refuse)$"),
    ] = "count"  # fmt: skip
    event: Annotated[
        tuple[EventDeclaration, ...], Meta(description="What is declared, each a table `[[schema.event]]`.")
    ] = ()
