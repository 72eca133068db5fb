"""A courier's own webhook, whose fields and words the operator names: parcel, order, status, at, amount.

Owns how the mapping is read. Nothing of the body's form is known beside it: a field is a name, or names with points between
them for what lies inside; ``parcels[]`` and ``states[]`` are the places of lists. Of several parcels in one
body each has its own number and cash; what it does not say else (the order, a time) is taken from the object around the list. The secret stands in the address; a courier that can sign as our own webhook does may do that.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import structs
from msgspec.json import encode

from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_list, as_object, lenient_amount, read_currency
from twofold.sources.contract import (
    MOST_PARTS,
    Ignored,
    Part,
    Reading,
    Several,
    Source,
    SourceOptions,
    at_place,
    too_many,
)
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
LISTS = ("parcels[]", "states[]")
NEEDED = ("parcel", "status")
_OWN = frozenset({"parcel", "amount"})  # never of what stands around a parcel: a sum of several is nobody's cash
_METHODS = frozenset({"cash", "card", "qr"})


Levels = tuple[dict[str, Any], ...]
"""Objects of a body, the innermost first."""


def read(
    body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int
) -> Reading | Refusal | Ignored | Several:
    """One object about one parcel, or about several where the mapping names their list."""
    del headers
    tree = body_of(body)
    if isinstance(tree, Refusal):
        return tree
    place = options.fields.get("parcels[]", "")
    parcels = as_list(_value((tree,), place)) if place else None
    if parcels is None:
        alone = _parcel((tree,), options, now_ms)
        if place and isinstance(alone, Refusal) and alone.path == options.fields.get("parcel", "parcel"):
            return refuse(place, "a list of parcels, or a body that is one parcel itself", _value((tree,), place))
        return alone
    if not parcels:
        return Ignored(kind="parcel", reason="a list of no parcels")
    if len(parcels) > MOST_PARTS:
        return too_many(len(parcels))
    found = (_inside(parcel, tree, options, now_ms) for parcel in parcels)
    return Several(tuple(Part(at_place(one, f"{place}[{n}]"), encode(parcels[n])) for n, one in enumerate(found)))


def _inside(parcel: Any, tree: dict[str, Any], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    inside = as_object(parcel)
    return _parcel((inside, tree), options, now_ms) if inside is not None else refuse("", "an object", parcel)


def _parcel(levels: Levels, options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    own = levels[:1]
    values = {n: _value(own if n in _OWN else levels, options.fields.get(n, n)) for n in FIELDS}
    number = number_of(values, "parcel", options.fields.get("parcel", "parcel"))
    if isinstance(number, Refusal):
        return number
    notes: list[str] = []
    scans = _scans(levels, options, now_ms, notes)
    if isinstance(scans, Refusal):
        return scans
    if not scans:
        return Ignored(kind="parcel", reason="a status that `stages` does not map to a state of ours",
                       order_id=order_of(values["order"]) or None)  # fmt: skip
    amount = _amount(values, options, notes)
    if isinstance(amount, Refusal):
        return amount
    method = str(values["method"] or "").casefold()
    return reading_of(
        Tracked(
            sender=SENDER,
            carrier=carrier_of({}, "", options.shop),
            number=number,
            scans=scans,
            order=order_of(values["order"]),
            amount=amount,
            currency=_currency(values, options) if amount is not None else "",
            method=method if method in _METHODS else "",
            notes=notes,
        )
    )


def _scans(levels: Levels, options: SourceOptions, now_ms: int, notes: list[str]) -> list[Scan] | Refusal:
    """The states that a parcel tells: one, or those of its list, of which one that cannot be read leaves the others."""
    place = options.fields.get("states[]", "")
    told = as_list(_value(levels[:1], place)) if place else None
    if told is None:
        scan = _scan(levels, options, now_ms, notes)
        return scan if isinstance(scan, Refusal) else [scan] if scan is not None else []
    found, refused = [], None
    for n, one in enumerate(told):
        inside = as_object(one)
        # A state of a history without a time of its own has none: what stands around it is another's.
        scan = _scan((inside,), options, 0, notes) if inside is not None else refuse("", "an object", one)
        if isinstance(scan, Refusal):
            refused = structs.replace(scan, path=f"{place}[{n}].{scan.path}".rstrip("."))
            notes.append(f"left out: {refused.sentence()}")
        elif scan is not None:
            found.append(scan)
    return found if found or refused is None else refused


def _scan(levels: Levels, options: SourceOptions, now_ms: int, notes: list[str]) -> Scan | Refusal | None:
    """None for a word that stands for no state of ours."""
    word = _folded(str(_value(levels, options.fields.get("status", "status")) or ""))
    state = state_of(word, {_folded(k): v for k, v in options.stages.items()}) if word else None
    if state is None:
        return None
    path = options.fields.get("at", "at")
    value = _value(levels, path)
    at = seconds_of(value)
    if at is None and (value not in (None, "") or not now_ms):
        return Refusal(reason=DropReason.INVALID_EVENT_TIME, path=path,
                       expected="ISO 8601 text with its offset, or Unix seconds", got=describe(value))  # fmt: skip
    if at is None:
        at = now_ms // 1000
        notes.append("the body has no time: that of its arrival stands for it")
    return Scan(state, at)


def _folded(word: str) -> str:
    return " ".join(word.casefold().replace("_", " ").replace("-", " ").split())


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


def _value(levels: Levels, path: str) -> Any:
    """What lies at a path, in the innermost object that has it; a name with points in it is found first."""
    return next((found for level in levels if (found := _at(level, path)) is not None), None)


def _at(tree: dict[str, Any], path: str) -> Any:
    if path in tree:
        return tree[path]
    here: Any = tree
    for name in path.split("."):
        inside = as_object(here)
        if inside is None or name not in inside:
            return None
        here = inside[name]
    return here


COURIER = Source(name=SENDER, in_lists=True, by_path=True, signed=signed, read=read)
