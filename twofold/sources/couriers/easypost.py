"""EasyPost's tracker webhooks.

Owns its signature and the fields of a tracker (docs.easypost.com, Webhooks guide and Trackers, read November 2026): the
header ``X-Hmac-Signature`` is ``hmac-sha256-hex=`` and the HMAC-SHA256 of the body under the webhook's secret in
Unicode's form NFKD.
"""

from __future__ import annotations

import unicodedata
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
from twofold.sources.couriers.states import EASYPOST as STATES
from twofold.sources.signatures import fits_hex

SENDER = "easypost"
SIGNATURE_HEADER = "x-hmac-signature"
_SCHEME = "hmac-sha256-hex="
# A parcel that goes back: where it arrives is the merchant, and nobody but the merchant can take it.
_GOING_BACK = {ParcelState.DELIVERED: ParcelState.RETURNED}


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    del now_ms  # nothing of the time is signed
    given = headers.get(SIGNATURE_HEADER, "")
    if not given.startswith(_SCHEME):
        return False
    return fits_hex(given[len(_SCHEME) :], body, [unicodedata.normalize("NFKD", secret) for secret in secrets])


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """An event about a tracker: its history and where it is now."""
    del headers, now_ms
    event = body_of(body)
    if isinstance(event, Refusal):
        return event
    tracker = lenient.part(event, "result")
    if lenient.text(tracker, "object") != "Tracker":
        return Ignored(kind="other event", reason="an event about another thing than a tracker")
    if lenient.text(event, "mode") == "test" or lenient.text(tracker, "mode") == "test":
        return Ignored(kind="test", reason="a tracker of test mode is no parcel")
    number = number_of(tracker, "tracking_code", "result.tracking_code")
    if isinstance(number, Refusal):
        return number
    field = options.fields.get("order")
    return reading_of(
        Tracked(
            sender=SENDER,
            carrier=carrier_of(tracker, "carrier", SENDER),
            number=number,
            scans=_scans(tracker),
            order=order_of(tracker.get(field)) if field else "",
        )
    )


def _scans(tracker: dict[str, Any]) -> list[Scan]:
    back = tracker.get("is_return") is True
    told = [(lenient.text(d, "status"), d.get("datetime")) for d in lenient.parts(tracker, "tracking_details")]
    # The tracker's own word is its last detail's, whose time is that of the scan; without details its own time.
    if not told:
        told = [(lenient.text(tracker, "status"), tracker.get("updated_at"))]
    found = []
    for word, time in told:
        state, at = STATES.get(word or ""), seconds_of(time)
        if state is None or at is None:
            continue
        if back:
            state = _GOING_BACK.get(state, ParcelState.RETURNING)
        found.append(Scan(state, at))
    return found


EASYPOST = Source(name=SENDER, in_lists=True, signed=signed, read=read)
