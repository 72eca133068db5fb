"""CloudEvents 1.0: an envelope of any event, its data an event as the Conversions API takes it.

Owns the envelope's attributes and its three modes over HTTP (structured, batch, binary). What the data means is the steps'. Facts with
their source: docs/ways-in.md.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from twofold.event.json import read_json
from twofold.event.mending import Mender, stand_in
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import read_time_ms
from twofold.event.vocabulary import STANDARD_EVENTS

BATCH = "application/cloudevents-batch+json"
_VERSION = "1.0"
_NEEDED = ("id", "source", "type")


def binary_attributes(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes of the binary mode: header fields that begin with ``ce-``, their values percent-encoded."""
    found = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    if found and "content-type" in headers:
        found["datacontenttype"] = headers["content-type"]
    return found


def read_envelope_event(tree: Mapping[str, Any], data: Any = None) -> dict[str, Any] | Refusal:
    """The event in one envelope, by the names of the Conversions API. ``data``: where it does not stand in the envelope itself.

    What the data does not say, the envelope does: ``type`` is the name, ``time`` the time, and ``source`` with ``id`` the id,
    which are unique only together.
    """
    if tree.get("specversion") != _VERSION:
        return _refuse("specversion", f'"{_VERSION}"', tree.get("specversion"))
    for name in _NEEDED:
        if not isinstance(tree.get(name), str) or not tree[name]:
            return _refuse(name, "text", tree.get(name))
    kind = str(tree.get("datacontenttype") or "application/json").partition(";")[0].strip().lower()
    if not kind.endswith(("/json", "+json")):
        return _refuse("datacontenttype", "JSON", tree.get("datacontenttype"))
    if data is None:
        data = _data(tree)
    if isinstance(data, Refusal):
        return data
    if not isinstance(data, dict):
        return _refuse("data", "an event object", data)
    event = dict(data)
    event.setdefault("event_name", _name(tree["type"]))
    if event.get("event_id") is None:
        event["event_id"] = stand_in(f"{tree['source']}\n{tree['id']}")
    if event.get("event_time") is None and tree.get("time") not in (None, ""):
        time_ms = read_time_ms(tree["time"]) if isinstance(tree["time"], str) else None
        if time_ms is None:
            return Refusal(
                reason=DropReason.INVALID_EVENT_TIME, path="time", expected="RFC 3339 text", got=describe(tree["time"])
            )
        event["event_time"] = time_ms // 1000
    return event


def _name(kind: str) -> str:
    """``Purchase`` of ``com.shop.example.Purchase``; any other type is a custom event's name as it stands."""
    last = kind.rpartition(".")[2]
    return last if last in STANDARD_EVENTS else kind


def _data(tree: Mapping[str, Any]) -> Any:
    coded = tree.get("data_base64")
    if coded is None:
        return tree.get("data")
    try:
        return read_json(base64.b64decode(coded, validate=True), mender=Mender())
    except (binascii.Error, ValueError, TypeError):
        return _refuse("data_base64", "base64", coded)


def _refuse(path: str, expected: str, got: Any) -> Refusal:
    return Refusal(reason=DropReason.WRONG_TYPE, path=path, expected=expected, got=describe(got))
