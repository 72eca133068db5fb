"""Shippo's tracking webhooks.

Owns its signature and the fields of a track (docs.goshippo.com, Webhook security and Tracking, read November 2026):
``Shippo-Auth-Signature: t=<unix>,v1=<hex>`` over the time, a point and the body, where Shippo has switched it on for the
account; else the secret stands in the webhook's address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from twofold.event.refusal import Refusal
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Reading, Source, SourceOptions
from twofold.sources.couriers.scans import (
    Scan,
    Tracked,
    body_of,
    carrier_of,
    number_of,
    order_of,
    reading_of,
    seconds_of,
)
from twofold.sources.couriers.states import SHIPPO as STATES
from twofold.sources.couriers.states import SHIPPO_CODES as CODES
from twofold.sources.signatures import fits_hex

SENDER = "shippo"
SIGNATURE_HEADER = "shippo-auth-signature"
TOLERANCE_S = 300
_SIGNATURE = re.compile(r"t=([0-9]{1,11}),v1=([0-9a-f]{64})")


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    given = _SIGNATURE.fullmatch(headers.get(SIGNATURE_HEADER, ""))
    if given is None or abs(now_ms // 1000 - int(given[1])) > TOLERANCE_S:
        return False
    return fits_hex(given[2], given[1].encode() + b"." + body, secrets)


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """An event track_updated: the history of a parcel."""
    del headers, now_ms
    event = body_of(body)
    if isinstance(event, Refusal):
        return event
    if lenient.text(event, "event") != "track_updated":
        return Ignored(kind="other event", reason="another event than track_updated")
    track = lenient.part(event, "data")
    if event.get("test") is True or track.get("test") is True:
        return Ignored(kind="test", reason="a track of test mode is no parcel")
    number = number_of(track, "tracking_number", "data.tracking_number")
    if isinstance(number, Refusal):
        return number
    statuses = [*lenient.parts(track, "tracking_history"), lenient.part(track, "tracking_status")]
    field = options.fields.get("order")
    return reading_of(
        Tracked(
            sender=SENDER,
            carrier=carrier_of(track, "carrier", SENDER),
            number=number,
            scans=[scan for status in statuses if (scan := _scan(status)) is not None],
            order=order_of(_reference(track, field)) if field else "",
        )
    )


def _reference(track: dict[str, Any], field: str) -> Any:
    """A field, or one name out of its text: ``metadata.order_ID`` of "customer_ID:12, order_ID:558a", as Shippo's page has it."""
    name, _, inside = field.partition(".")
    text = track.get(name)
    if not inside or not isinstance(text, str):
        return track.get(field)
    pairs = (part.partition(":") for part in text.split(","))
    found = [value.strip() for key, _, value in pairs if key.strip() == inside]
    return found[0] if len(found) == 1 else None


def _scan(status: dict[str, Any]) -> Scan | None:
    """The substatus says more than the status, where it is there."""
    code = lenient.text(lenient.part(status, "substatus"), "code") or ""
    state = CODES.get(code) or STATES.get(lenient.text(status, "status") or "")
    at = seconds_of(status.get("status_date"))
    return Scan(state, at) if state is not None and at is not None else None


SHIPPO = Source(name=SENDER, in_lists=True, by_path=True, signed=signed, read=read)
