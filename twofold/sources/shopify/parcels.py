"""Fulfilments and their tracking events as parcels.

Owns Shopify's shipment states (GraphQL FulfillmentEventStatus, read November 2026; the same words in lower case stand
in webhook bodies as ``shipment_status`` and as an event's ``status``).
"""

from __future__ import annotations

import re

from twofold.ledger.model import Parcel, ParcelState
from twofold.sources.shopify.bodies import Part
from twofold.sources.shopify.money import exact

STATES = {
    "label_purchased": ParcelState.CREATED,
    "label_printed": ParcelState.CREATED,
    "confirmed": ParcelState.CREATED,  # Shopify's default when nothing is known
    "carrier_picked_up": ParcelState.IN_TRANSIT,
    "in_transit": ParcelState.IN_TRANSIT,
    "delayed": ParcelState.IN_TRANSIT,
    "out_for_delivery": ParcelState.OUT,
    "ready_for_pickup": ParcelState.WAITING,
    "ready_for_recipient_pickup": ParcelState.WAITING,
    "attempted_delivery": ParcelState.FAILED,
    "buyer_action_required": ParcelState.FAILED,
    "failure": ParcelState.FAILED,
    "returning_to_sender": ParcelState.RETURNING,
    "delivered": ParcelState.DELIVERED,
    "picked_up": ParcelState.DELIVERED,  # by the buyer; the carrier has a word of its own
}
# Of the fulfilment itself. An error or failure is the warehouse's refusal of the request: there is no parcel.
_CANCELLED = ("cancelled", "canceled")
_NO_PARCEL = ("error", "failure")
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{3,63}")
_MOST_NUMBERS = 20


def read_fulfillment(part: Part) -> Parcel | None:
    """A fulfilment as it stands; None when it came to no parcel."""
    number = exact(part)
    status = (part.text("status") or "").lower()
    at = part.moment_s("updated_at") or part.moment_s("created_at")
    if number is None or status in _NO_PARCEL or at is None:
        return None
    numbers = _numbers(part)
    if status in _CANCELLED:
        return Parcel(id=number, state=ParcelState.CANCELLED, at=at, numbers=numbers)
    return Parcel(id=number, state=_state(part, "shipment_status") or ParcelState.CREATED, at=at, numbers=numbers)


def read_fulfillment_event(part: Part) -> Parcel | None:
    """One scan of a parcel."""
    number = part.id("fulfillment_id")
    at = part.moment_s("happened_at") or part.moment_s("created_at")
    state = _state(part, "status")
    return Parcel(id=number, state=state, at=at) if number and state and at is not None else None


def _numbers(part: Part) -> tuple[str, ...]:
    """The carrier's tracking numbers: a list, and the first of them alone beside it."""
    several = part.values.get("tracking_numbers")
    found = [*(several if isinstance(several, list) else ()), part.values.get("tracking_number")]
    texts = (" ".join(str(n).split()) for n in found if isinstance(n, (str, int)) and not isinstance(n, bool))
    return tuple(dict.fromkeys(t for t in texts if _NUMBER.fullmatch(t)))[:_MOST_NUMBERS]


def _state(part: Part, name: str) -> ParcelState | None:
    word = (part.text(name) or "").lower()
    if word and word not in STATES:
        part.findings.note(f"{part.where(name)} is a word that is not documented; left out")
    return STATES.get(word)
