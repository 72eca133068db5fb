"""The browser's copy and the server's copy of one purchase, field by field: what is equal, what differs, what one side lacks.

Owns the comparison. Of what names a person only whether it is equal is said, never the value. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.model import Channel, Event, encode

SHOWN = ("event_name", "event_id", "event_time", "action_source", "value", "currency", "order_id", "content_type", "content_ids",
         "contents", "num_items")  # fmt: skip
MATTERS = frozenset({"event_name", "value", "currency", "order_id"})
"""Where the two say different things here, the platform cannot be told one thing."""
SECONDS = 3_600
"""Two clocks and a payment page lie between the two copies' times."""


class Field(Struct, frozen=True, kw_only=True):
    """``verdict``: equal, differs, only_browser, only_server. ``bad``: a difference that has to be mended."""

    name: str
    browser: str
    server: str
    verdict: str
    bad: bool


def sides_of(copies: Sequence[Event]) -> tuple[Event | None, Event | None]:
    """The first copy of each channel."""
    browser = next((c for c in copies if c.channel is Channel.BROWSER), None)
    server = next((c for c in copies if c.channel is Channel.SERVER), None)
    return browser, server


def compare(browser: Event, server: Event) -> list[Field]:
    """Every field that one of them has."""
    one, other = _flat(browser), _flat(server)
    return [
        _field(name, one.get(name), other.get(name))
        for name in (*SHOWN, *_keys(one, other))
        if name in one or name in other
    ]


def _keys(*sides: dict[str, Any]) -> list[str]:
    return sorted({name for side in sides for name in side if name.startswith("user_data.")})


def _flat(event: Event) -> dict[str, Any]:
    whole = msgspec.json.decode(encode(event))
    custom, user = whole.get("custom_data", {}), whole.get("user_data", {})
    found = {name: whole[name] for name in SHOWN if whole.get(name) not in (None, "")}
    found |= {name: custom[name] for name in SHOWN if custom.get(name) not in (None, "", [])}
    if event.custom_data.value is not None:
        found["value"] = event.custom_data.value.normalize()  # 10 and 10.00 are one amount
    found.setdefault("action_source", event.action_source)
    return found | {f"user_data.{key}": _hashes(value) for key, value in user.items()}


def _hashes(value: Any) -> Any:
    """The hashes of a key, whatever the rules by which they were made: two sides may know different rules."""
    if isinstance(value, list):
        return frozenset(str(item[1] if isinstance(item, list) and len(item) == 2 else item) for item in value)
    return value


def _field(name: str, one: Any, other: Any) -> Field:
    is_private = name.startswith("user_data.")
    if one is None or other is None:
        verdict = "only_server" if one is None else "only_browser"
    elif name == "event_time":
        verdict = "equal" if abs(one - other) <= SECONDS else "differs"
    elif isinstance(one, frozenset) and isinstance(other, frozenset):
        verdict = "equal" if one & other else "differs"
    else:
        verdict = "equal" if one == other else "differs"
    return Field(
        name=name, browser=_said(one, is_private=is_private), server=_said(other, is_private=is_private), verdict=verdict,
        bad=verdict == "differs" and name in MATTERS,
    )  # fmt: skip


def _said(value: Any, *, is_private: bool) -> str:
    if value is None:
        return ""
    if is_private:
        return "there"
    if isinstance(value, Decimal):
        return format(value, "f")
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
