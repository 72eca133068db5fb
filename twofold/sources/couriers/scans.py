"""What a tracking service's body comes to: the parcel's states as a report for the ledger, and as lines.

Owns the two forms. The report finds its order by the parcel's number, or by the order where the body names it; a parcel that
no order has is kept under its own name until one does. Each state is one line, known by carrier, number, state and time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.event.json import read_json
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_object, read_time_ms
from twofold.ledger.lines import ParcelLine
from twofold.ledger.model import OrderReport, Parcel, ParcelState
from twofold.ledger.references import before_order
from twofold.sources import lenient
from twofold.sources.contract import Ignored, Reading
from twofold.sources.schema import read_id

MOST = 200  # states of one parcel that are read of one body
_KEYS_OF_EVENTS = 100  # a body holds the parcel's whole history
_CARRIER = re.compile(r"[\w .&-]{1,40}")


class Scan(Struct, frozen=True):
    """A state of a parcel since a time, Unix s."""

    state: ParcelState
    at: int


class Tracked(Struct, frozen=True, kw_only=True):
    """One parcel as a body tells it."""

    sender: str
    carrier: str
    number: str
    scans: Sequence[Scan]
    order: str = ""
    amount: Decimal | None = None  # cash, at the last of the scans: taken where it was delivered, else still due
    currency: str = ""
    method: str = ""
    notes: Sequence[str] = ()


def reading_of(tracked: Tracked) -> Reading | Ignored:
    """Ignored is a body whose words stand for no state of ours."""
    scans = sorted(set(tracked.scans), key=lambda s: (s.at, list(ParcelState).index(s.state)))[-MOST:]
    if not scans:
        return Ignored(kind="parcel", reason="says nothing of where a parcel is", order_id=tracked.order or None)
    last = scans[-1]
    report = OrderReport(
        order_id=tracked.order or before_order(tracked.number),
        kind="parcel",
        at=last.at,
        reference=f"{tracked.sender} {tracked.number}",
        parcels=tuple(Parcel(id=tracked.number, state=scan.state, at=scan.at) for scan in scans),
    )
    lines = tuple(
        ParcelLine(
            courier=tracked.carrier,
            parcel=tracked.number,
            order=tracked.order,
            state=scan.state.value,
            at=scan.at,
            due=tracked.amount if scan is last and scan.state is not ParcelState.DELIVERED else None,
            taken=tracked.amount if scan is last and scan.state is ParcelState.DELIVERED else None,
            currency=tracked.currency if scan is last and tracked.amount is not None else "",
            method=tracked.method if scan is last else "",
        )
        for scan in scans
    )
    return Reading(kind="parcel", sender=tracked.sender, order=report, lines=lines, notes=tuple(tracked.notes))


def body_of(body: bytes) -> dict[str, Any] | Refusal:
    """The body's object."""
    tree = read_json(body, events=_KEYS_OF_EVENTS)
    if isinstance(tree, Refusal):
        return tree
    found = as_object(tree)
    return found if found is not None else refuse("", "an object", tree)


def number_of(tree: dict[str, Any], name: str, path: str) -> str | Refusal:
    """The parcel's number; without it a body is about nothing."""
    value = lenient.text(tree, name)
    found = read_id(" ".join(value.split())) if value else None
    return found or refuse(path, "the parcel's number", tree.get(name))


def carrier_of(tree: dict[str, Any], name: str, fallback: str) -> str:
    """The carrier as the body calls it, in one case."""
    text = lenient.text(tree, name) or ""
    return " ".join((text if _CARRIER.fullmatch(text) else fallback).casefold().split())


def order_of(value: Any) -> str:
    """A reference to the order; empty for what is none."""
    return read_id(str(value).strip()) or "" if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def seconds_of(value: Any) -> int | None:
    """A time with its zone as Unix seconds."""
    found = read_time_ms(value)
    return None if found is None else found // 1000


def refuse(path: str, expected: str, got: Any) -> Refusal:
    return Refusal(reason=DropReason.WRONG_TYPE, path=path, expected=expected, got=describe(got))
