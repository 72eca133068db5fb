"""AfterShip's tracking webhooks.

Owns its signature and the fields of a tracking (aftership.com/docs/tracking, Webhook signature and Delivery
sub-statuses, read November 2026): the header ``aftership-hmac-sha256`` is the base64 of the HMAC-SHA256 of the body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twofold.event.refusal import Refusal
from twofold.ledger.model import ParcelState
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
from twofold.sources.couriers.states import AFTERSHIP as TAGS
from twofold.sources.couriers.states import AFTERSHIP_SUBTAGS as SUBTAGS
from twofold.sources.couriers.states import CASH_TAKEN
from twofold.sources.signatures import fits_base64

SENDER = "aftership"
SIGNATURE_HEADER = "aftership-hmac-sha256"


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    del now_ms  # nothing of the time is signed
    return fits_base64(headers.get(SIGNATURE_HEADER, ""), body, secrets)


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """An event tracking_update: the checkpoints of a parcel, and the order that the merchant named for it."""
    del headers, now_ms
    event = body_of(body)
    if isinstance(event, Refusal):
        return event
    if lenient.text(event, "event") != "tracking_update":
        return Ignored(kind="other event", reason="another event than tracking_update")
    tracking = lenient.part(event, "msg")
    number = number_of(tracking, "tracking_number", "msg.tracking_number")
    if isinstance(number, Refusal):
        return number
    field = options.fields.get("order")
    named = [tracking.get(name) for name in ((field,) if field else ("order_id", "order_number"))]
    scans = [scan for checkpoint in lenient.parts(tracking, "checkpoints") if (scan := _scan(checkpoint)) is not None]
    now = _state(tracking)
    at = seconds_of(tracking.get("updated_at")) or lenient.whole(event, "ts")
    if now is not None and at is not None and not scans:
        scans.append(Scan(now, at))
    cash = lenient.text(tracking, "subtag") == CASH_TAKEN
    return reading_of(
        Tracked(
            sender=SENDER,
            carrier=carrier_of(tracking, "slug", SENDER),
            number=number,
            scans=scans,
            order=next((order for value in named if (order := order_of(value))), ""),
            method="cash" if cash else "",
            notes=("cash was taken at the door; AfterShip does not say how much",) if cash else (),
        )
    )


def _scan(checkpoint: dict[str, Any]) -> Scan | None:
    """A checkpoint's own time is local where it names no zone; then the time at which AfterShip made it stands."""
    state = _state(checkpoint)
    at = seconds_of(checkpoint.get("checkpoint_time")) or seconds_of(checkpoint.get("created_at"))
    return Scan(state, at) if state is not None and at is not None else None


def _state(thing: dict[str, Any]) -> ParcelState | None:
    """An exception has no state of its own but for those whose subtag says it; "Expired" says that nobody looked."""
    return SUBTAGS.get(lenient.text(thing, "subtag") or "") or TAGS.get(lenient.text(thing, "tag") or "")


AFTERSHIP = Source(name=SENDER, in_lists=True, signed=signed, read=read)
