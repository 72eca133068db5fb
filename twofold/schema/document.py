"""The form of an event as JSON Schema 2020-12, made from the types that read it and from what the shop declares.

Owns that document. It says the documented form of an event as it is sent to `/{dataset}/events`; what the gateway understands beyond
it (numbers as text, other spellings) is in docs/wire.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from twofold.event.model import CustomData, RawEvent
from twofold.event.vocabulary import (
    ACTION_SOURCES,
    CONTACT_FIELDS,
    HASHED_FIELDS,
    MAX_CUSTOM_NAME,
    MAX_ID,
    MESSAGING_CHANNELS,
    PLAIN_FIELDS,
    STANDARD_PARAMETERS,
)
from twofold.schema.declared import ANY, EVERY, KNOWN_EVENTS, Declared, DeclaredEvent, Property

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_AMOUNT: Final = {"description": "A decimal number, also as text.", "anyOf": [
    {"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\d{1,15}(\.\d{1,12})?$"}]}  # fmt: skip
_ID: Final = {"type": ["string", "integer"], "maxLength": MAX_ID}
_PLAIN: Final = {"type": ["string", "integer"]}
_OBJECT: Final = {"type": "object"}
_TEXT: Final = {"type": "string"}
_VALUES: Final = {"anyOf": [_TEXT, {"type": "integer"}, {"type": "array", "items": {"type": ["string", "integer"]}}]}
_JSON_TYPES: Final = {"text": "string", "number": "number", "boolean": "boolean", "list": "array", "object": "object"}

FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "event_name": {"type": "string", "minLength": 1, "maxLength": MAX_CUSTOM_NAME,
                   "description": "A documented event, or one that the shop declares."},
    "event_time": {"type": "integer", "description": "Unix seconds, UTC: when it happened."},
    "age": {"type": "number", "minimum": 0, "description": "Of a browser: seconds since it happened, in place of its clock's time."},
    "event_id": {**_ID, "description": "The same in the browser's and the server's copy."},
    "action_source": {"enum": sorted(ACTION_SOURCES)},
    "event_source_url": {"type": "string", "description": "The page."},
    "referrer_url": _TEXT,
    "opt_out": {"type": "boolean"},
    "user_data": {"type": "object", "description": "Plain values are hashed when they come in, and forgotten.",
                  "properties": {**dict.fromkeys(HASHED_FIELDS, _VALUES), **dict.fromkeys(PLAIN_FIELDS, _PLAIN)}},
    "custom_data": _OBJECT,
    "data_processing_options": {"type": "array", "items": _TEXT},
    "data_processing_options_country": {"type": "integer"},
    "data_processing_options_state": {"type": "integer"},
    "messaging_channel": {"enum": sorted(MESSAGING_CHANNELS)},
    "customer_segmentation": _TEXT,
    "app_data": _OBJECT,
    "original_event_data": _OBJECT,
    "attribution_data": _OBJECT,
    "advanced_measurement_table": _TEXT,
    "consent": {"anyOf": [{"enum": ["granted", "denied"]}, _OBJECT], "description": "docs/consent.md"},
    "links": {"type": "array", "items": {"type": "string", "pattern": "^[a-z_]+:."}, "description": "What it is bound to, as kind:value."},
    "click_ids": {"type": "object", "additionalProperties": _TEXT},
    "visitor": _TEXT,
    "token": {"type": "string", "description": "Signed by the shop's server: docs/trust.md."},
    "region": {"type": "string", "pattern": "^[A-Za-z]{2}([-_][A-Za-z0-9]{1,3})?$"},
    "locale": {"type": "string", "pattern": "^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$"},
    "destinations": {"type": "object", "description": "Who may be told of it, by name, as {\"All\": false, \"Google Ads\": true}: docs/ways-in.md."},
}  # fmt: skip
"""Every field of `RawEvent` as it is documented; tests hold the two against each other."""


def describe_event(declared: Declared) -> dict[str, Any]:
    """The whole document."""
    missing = FIELDS.keys() ^ set(RawEvent.__struct_fields__)
    assert not missing, missing
    fields = {name: dict(field) for name, field in FIELDS.items()}
    own = sorted(name for name in declared.events if name != EVERY)
    if declared.refuse:
        fields["event_name"]["enum"] = sorted(KNOWN_EVENTS | set(own))
    fields["custom_data"] = _custom_data(declared)
    return {
        "$schema": DIALECT,
        "title": "Event",
        "description": "One event of `data` as it is sent to the gateway. Contact fields: " + ", ".join(CONTACT_FIELDS) + ".",
        "type": "object",
        "properties": fields,
        "required": ["event_name", "action_source"],
        "anyOf": [{"required": ["event_time"]}, {"required": ["age"]}],
        "allOf": [_purchase(), *(_of_event(declared.events[name]) for name in own)],
        "x-events": sorted(KNOWN_EVENTS),
    }  # fmt: skip


def _custom_data(declared: Declared) -> dict[str, Any]:
    """From the type that reads it: amounts as they travel, and every other property."""
    (_, components) = msgspec.json.schema_components([CustomData], ref_template="{name}")
    known = {n: dict(f) for n, f in components["CustomData"]["properties"].items() if n != "+"}
    line = {n: dict(f) for n, f in components["Content"]["properties"].items() if n != "+"}
    line |= {"item_price": _AMOUNT, "id": _ID}
    known |= {
        "value": _AMOUNT,
        "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
        "order_id": _ID,
        "contents": {"type": "array", "items": {"type": "object", "properties": line, "required": ["id"]}},
        "content_ids": {"type": "array", "items": {"type": ["string", "integer"]}},
        **{name: {} for name in sorted(STANDARD_PARAMETERS)},
    }
    every = declared.events.get(EVERY)
    known |= {name: _property(rule) for name, rule in every.properties.items()} if every else {}
    return {"type": "object", "properties": {name: _plain(field) for name, field in known.items()}}


def _plain(field: Mapping[str, Any]) -> dict[str, Any]:
    """Without the type's own defaults: what is left out says nothing."""
    return {name: said for name, said in field.items() if name != "default"}


def _purchase() -> dict[str, Any]:
    return {
        "if": {"properties": {"event_name": {"const": "Purchase"}}},
        "then": {"required": ["custom_data"], "properties": {"custom_data": {"required": ["value", "currency"]}}},
    }


def _of_event(declared: DeclaredEvent) -> dict[str, Any]:
    data = {"properties": {name: _property(rule) for name, rule in declared.properties.items()}}
    return {
        "if": {"properties": {"event_name": {"const": declared.name}}},
        "then": {"properties": {"custom_data": data}},
        "x-event": declared.name,
        "x-owner": declared.owner,
        "x-purpose": declared.purpose,
    }


def _property(rule: Property) -> dict[str, Any]:
    said: dict[str, Any] = {} if rule.type == ANY else {"type": _JSON_TYPES[rule.type]}
    return said | {"x-owner": rule.owner, "x-purpose": rule.purpose, "x-sensitivity": rule.sensitivity}
