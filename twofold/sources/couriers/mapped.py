"""A courier's own webhook, whose fields and words the operator names: parcel, order, status, at, amount.

Owns how the mapping is read. Nothing of the body's form is known beside it: a field is a name, or names with points between
them for what lies inside. The secret stands in the address; a courier that can sign as our own webhook does may do that.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_object, lenient_amount, read_currency
from twofold.sources.contract import Ignored, Reading, Source, SourceOptions
from twofold.sources.couriers.scans import (
    Scan,
    Tracked,
    body_of,
    carrier_of,
    number_of,
    order_of,
    reading_of,
    refuse,
    seconds_of,
)
from twofold.sources.couriers.states import state_of
from twofold.sources.own.webhook import signed

SENDER = "courier"
FIELDS = ("parcel", "order", "status", "at", "amount", "currency", "method")
NEEDED = ("parcel", "status")
_METHODS = frozenset({"cash", "card", "qr"})


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One object about one parcel."""
    del headers
    tree = body_of(body)
    if isinstance(tree, Refusal):
        return tree
    values = {name: _value(tree, options.fields.get(name, name)) for name in FIELDS}
    number = number_of(values, "parcel", options.fields.get("parcel", "parcel"))
    if isinstance(number, Refusal):
        return number
    word = " ".join(str(values["status"] or "").casefold().replace("_", " ").replace("-", " ").split())
    stages = {" ".join(k.casefold().replace("_", " ").replace("-", " ").split()): v for k, v in options.stages.items()}
    state = state_of(word, stages) if word else None
    notes: list[str] = []
    if state is None:
        return Ignored(kind="parcel", reason="a status that `stages` does not map to a state of ours",
                       order_id=order_of(values["order"]) or None)  # fmt: skip
    at = seconds_of(values["at"])
    if at is None:
        if values["at"] not in (None, ""):
            return Refusal(reason=DropReason.INVALID_EVENT_TIME, path=options.fields.get("at", "at"),
                           expected="ISO 8601 text with its offset, or Unix seconds", got=describe(values["at"]))  # fmt: skip
        at = now_ms // 1000
        notes.append("the body has no time: that of its arrival stands for it")
    amount = _amount(values, options, notes)
    if isinstance(amount, Refusal):
        return amount
    method = str(values["method"] or "").casefold()
    return reading_of(
        Tracked(
            sender=SENDER,
            carrier=carrier_of({}, "", options.shop),
            number=number,
            scans=[Scan(state, at)],
            order=order_of(values["order"]),
            amount=amount,
            currency=_currency(values, options) if amount is not None else "",
            method=method if method in _METHODS else "",
            notes=notes,
        )
    )


def _amount(values: Mapping[str, Any], options: SourceOptions, notes: list[str]) -> Decimal | Refusal | None:
    value = values["amount"]
    if value in (None, ""):
        return None
    found = lenient_amount(value)
    if found is None or found < 0:
        return refuse(options.fields.get("amount", "amount"), "an amount, zero or more", value)
    if not _currency(values, options):
        notes.append("the amount was left out: neither the body nor `currency` of the source names its currency")
        return None
    return found


def _currency(values: Mapping[str, Any], options: SourceOptions) -> str:
    return read_currency(values["currency"]) or read_currency(options.currency) or ""


def _value(tree: dict[str, Any], path: str) -> Any:
    """What lies at a path; a name with points in it is found first."""
    if path in tree:
        return tree[path]
    here: Any = tree
    for name in path.split("."):
        inside = as_object(here)
        if inside is None or name not in inside:
            return None
        here = inside[name]
    return here


COURIER = Source(name=SENDER, by_path=True, signed=signed, read=read)
