"""Words of tracking services and couriers for where a parcel is, in the ledger's states.

Owns the vocabularies (AfterShip's delivery sub-statuses, EasyPost's and Shippo's tracking statuses, karrio's; read
November 2026). A word that is not here is reported and never guessed. "Delivered" and "on its way back" may both be true
one after the other; which of them are ends is the ledger's.
"""

from __future__ import annotations

from collections.abc import Mapping

from twofold.ledger.model import ParcelState as State

EASYPOST: Mapping[str, State] = {
    "pre_transit": State.CREATED,
    "in_transit": State.IN_TRANSIT,
    "out_for_delivery": State.OUT,
    "available_for_pickup": State.WAITING,
    "failure": State.FAILED,
    "return_to_sender": State.RETURNING,
    "delivered": State.DELIVERED,
    "cancelled": State.CANCELLED,
}

SHIPPO: Mapping[str, State] = {
    "PRE_TRANSIT": State.CREATED,
    "TRANSIT": State.IN_TRANSIT,
    "DELIVERED": State.DELIVERED,
    "RETURNED": State.RETURNED,
    "FAILURE": State.FAILED,
}

SHIPPO_CODES: Mapping[str, State] = {
    "out_for_delivery": State.OUT,
    "pickup_available": State.WAITING,
    "delivery_attempted": State.FAILED,
    "package_lost": State.LOST,
    "return_to_sender": State.RETURNING,
}
"""Codes of Shippo's substatus, which say more than the status."""

AFTERSHIP: Mapping[str, State] = {
    "Pending": State.CREATED,
    "InfoReceived": State.CREATED,
    "InTransit": State.IN_TRANSIT,
    "OutForDelivery": State.OUT,
    "AvailableForPickup": State.WAITING,
    "AttemptFail": State.FAILED,
    "Delivered": State.DELIVERED,
}

AFTERSHIP_SUBTAGS: Mapping[str, State] = {
    "Exception_003": State.REFUSED,
    "Exception_010": State.RETURNING,
    "Exception_011": State.RETURNED,
}
CASH_TAKEN = "Delivered_004"
"""AfterShip: delivered, and the cash was taken."""

WORDS: Mapping[str, State] = {
    "created": State.CREATED,
    "pending": State.CREATED,
    "registered": State.CREATED,
    "label created": State.CREATED,
    "pre transit": State.CREATED,
    "info received": State.CREATED,
    "in transit": State.IN_TRANSIT,
    "transit": State.IN_TRANSIT,
    "shipped": State.IN_TRANSIT,
    "out for delivery": State.OUT,
    "pickup point": State.WAITING,
    "available for pickup": State.WAITING,
    "ready for pickup": State.WAITING,
    "attempt failed": State.FAILED,
    "attempt fail": State.FAILED,
    "delivery failed": State.FAILED,
    "undelivered": State.FAILED,
    "refused": State.REFUSED,
    "rejected": State.REFUSED,
    "returning": State.RETURNING,
    "return to sender": State.RETURNING,
    "returning to sender": State.RETURNING,
    "returned": State.RETURNED,
    "returned to sender": State.RETURNED,
    "rto": State.RETURNING,
    "rto delivered": State.RETURNED,
    "delivered": State.DELIVERED,
    "partial": State.DELIVERED,
    "partially delivered": State.DELIVERED,
    "lost": State.LOST,
    "cancelled": State.CANCELLED,
    "canceled": State.CANCELLED,
}
"""Words of lists and of couriers' own messages, folded: without case, signs as blanks."""

_OURS = {state.value.replace("_", " "): state for state in State}


def state_of(word: str, mapped: Mapping[str, str] | None = None) -> State | None:
    """The state of a folded word; the operator's own mapping (folded word -> our word) stands above ours."""
    told = (mapped or {}).get(word)
    if told:
        word = told
    return _OURS.get(word.replace("_", " ")) or WORDS.get(word)
