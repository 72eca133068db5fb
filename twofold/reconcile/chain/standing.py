"""Where an order stands on its way to the buyer: one station, or parts of it at several when its parcels went apart.

Owns the physical branch of the chain, L1 to L4. What a courier says is stronger than what a shop says; what happened to a
parcel is stronger than a word in the shop. An order that went apart is counted where the larger part of it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from twofold.ledger.model import ParcelState
from twofold.ledger.money import to_minor
from twofold.reconcile.chain.values import ZERO, Order, ParcelWord, Rules


class Station(StrEnum):
    """Ends, and what is open on the way to one. Each money of an order is at exactly one of them."""

    DELIVERED = "delivered"
    RETURNED = "returned"  # after it was delivered, or with no word of a refusal
    REFUSED = "refused"
    LOST = "lost"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"  # nobody confirmed it in time
    AWAITS_CONFIRMATION = "awaits_confirmation"
    NOT_SHIPPED = "not_shipped"
    IN_TRANSIT = "in_transit"


OPEN = (Station.AWAITS_CONFIRMATION, Station.NOT_SHIPPED, Station.IN_TRANSIT)
BACK = (Station.REFUSED, Station.RETURNED)
FINAL = (Station.DELIVERED, Station.RETURNED, Station.REFUSED, Station.LOST)
DAY_S = 86_400

_BACK_STATES = (ParcelState.REFUSED, ParcelState.RETURNING, ParcelState.RETURNED)
_LEFT = (*_BACK_STATES, ParcelState.IN_TRANSIT, ParcelState.OUT, ParcelState.WAITING, ParcelState.FAILED,
         ParcelState.DELIVERED, ParcelState.LOST)  # fmt: skip
_RANK = {state: place for place, state in enumerate(ParcelState)}


class Standing(Struct, frozen=True, kw_only=True, gc=False):
    """``parts``: station to how much of the total is there; they add up to it. ``since``: when it came to its station."""

    station: Station
    parts: dict[Station, Decimal]
    confirmed: bool
    shipped: bool
    since: int
    confirmed_at: int | None = None
    shipped_at: int | None = None
    delivered_at: int | None = None
    returned_at: int | None = None

    def amount(self, *stations: Station) -> Decimal:
        return sum((self.parts.get(s, ZERO) for s in stations), ZERO)


class _Parcel(Struct, frozen=True):
    station: Station | None  # None: it was cancelled
    weight: Decimal | None
    since: int
    delivered_at: int | None


def stand(order: Order, rules: Rules, as_of: int, collected_at: int | None = None) -> Standing:
    """Where the order stands at a time. ``collected_at``: when a courier says that it took the cash, so that somebody
    got the parcel."""
    parcels = _parcels(order, as_of, collected_at)
    here = [p for p in parcels if p.station is not None]
    left = [p for p in here if p.station is not Station.NOT_SHIPPED]
    delivered = [p.delivered_at for p in here if p.delivered_at is not None]
    confirmed_at = _earliest(
        _past(order.confirmed_at, as_of), _past(order.shipped_at, as_of), _past(order.paid_at, as_of),
        *(p.since for p in left), *delivered,
    )  # fmt: skip
    shipped_at = _earliest(_past(order.shipped_at, as_of), *(p.since for p in left), *delivered)
    cancelled_at = _past(order.cancelled_at, as_of)
    if here and any(p.station in FINAL for p in here):
        parts, station = _split(order, here)
        since = max(p.since for p in here if p.station is station)
    else:
        station, since = _without_end(order, rules, as_of, cancelled_at, confirmed_at, shipped_at)
        parts = {station: order.total}
    back = [p.since for p in here if p.station in BACK]
    return Standing(
        station=station,
        parts=parts,
        confirmed=confirmed_at is not None,
        shipped=shipped_at is not None,
        since=since,
        confirmed_at=confirmed_at,
        shipped_at=shipped_at,
        delivered_at=max(delivered, default=None),
        returned_at=max(back, default=None),
    )


def _without_end(
    order: Order, rules: Rules, as_of: int, cancelled_at: int | None, confirmed_at: int | None, shipped_at: int | None
) -> tuple[Station, int]:
    if cancelled_at is not None or order.voided:
        return Station.CANCELLED, cancelled_at or order.placed_at
    if shipped_at is not None:
        return Station.IN_TRANSIT, shipped_at
    if confirmed_at is not None:
        return Station.NOT_SHIPPED, confirmed_at
    late = as_of > order.placed_at + rules.confirm_days * DAY_S
    return Station.UNCONFIRMED if late else Station.AWAITS_CONFIRMATION, order.placed_at


def _parcels(order: Order, as_of: int, collected_at: int | None) -> list[_Parcel]:
    """The order's parcels: the courier's, then those that only the shop knows."""
    words: dict[str, list[ParcelWord]] = defaultdict(list)
    for word in order.words:
        if word.at <= as_of:
            words[word.parcel].append(word)
    told = [_by_courier(words[number]) for number in sorted(words)]
    shop = _by_shop(order, as_of)
    count = max(order.parcels, len(shop))
    if not told:
        parcels = shop
    else:
        known = sum(p.station is not None for p in told)
        parcels = told + shop[known:count] if count > known else told
    if collected_at is not None and not any(p.station in FINAL for p in parcels):
        return [_Parcel(Station.DELIVERED, None, collected_at, collected_at)]
    return parcels


def _by_courier(words: list[ParcelWord]) -> _Parcel:
    words.sort(key=lambda w: (w.at, _RANK[w.state], w.evidence))
    last = words[-1]
    delivered = next((w.at for w in words if w.state is ParcelState.DELIVERED), None)
    due = next((w.due for w in reversed(words) if w.due is not None), None)
    refused = any(w.state is ParcelState.REFUSED for w in words)
    since = next(w.at for w in words if w.state is last.state)
    match last.state:
        case ParcelState.DELIVERED:
            return _Parcel(Station.DELIVERED, due, since, delivered)
        case ParcelState.REFUSED | ParcelState.RETURNING | ParcelState.RETURNED:
            back = next(w.at for w in words if w.state in _BACK_STATES)
            station = Station.REFUSED if refused and delivered is None else Station.RETURNED
            return _Parcel(station, due, back, delivered)
        case ParcelState.LOST:
            return _Parcel(Station.LOST, due, since, delivered)
        case ParcelState.CANCELLED:
            return _Parcel(None, due, since, None)
        case _:
            left = next((w.at for w in words if w.state in _LEFT), None)
            return _Parcel(Station.NOT_SHIPPED if left is None else Station.IN_TRANSIT, due, left or since, None)


def _by_shop(order: Order, as_of: int) -> list[_Parcel]:
    """What the shop says of all parcels together; of a part of them, how many arrived."""
    delivered_at, returned_at = _past(order.delivered_at, as_of), _past(order.returned_at, as_of)
    refused_at, lost_at = _past(order.refused_at, as_of), _past(order.lost_at, as_of)
    shipped_at = _past(order.shipped_at, as_of)
    count = max(order.parcels, 1)
    if returned_at is not None or (refused_at is not None and count == 1):
        at = returned_at if returned_at is not None else refused_at
        assert at is not None
        never_arrived = refused_at is not None and delivered_at is None
        station = Station.REFUSED if never_arrived else Station.RETURNED
        return [_Parcel(station, None, min(at, refused_at or at) if never_arrived else at, delivered_at)] * count
    if lost_at is not None:
        rest = max(count - order.parcels_delivered, 1)
        there = [_Parcel(Station.DELIVERED, None, lost_at, lost_at)] * (count - rest)
        return there + [_Parcel(Station.LOST, None, lost_at, None)] * rest
    if delivered_at is not None:
        return [_Parcel(Station.DELIVERED, None, delivered_at, delivered_at)] * count
    if order.sale == "store" and not order.parcels and _past(order.cancelled_at, as_of) is None:
        return [_Parcel(Station.DELIVERED, None, order.placed_at, order.placed_at)]  # carried away from the till
    if shipped_at is None:
        return [_Parcel(Station.NOT_SHIPPED, None, order.placed_at, None)] * order.parcels
    arrived = min(order.parcels_delivered, count)
    there = [_Parcel(Station.DELIVERED, None, shipped_at, shipped_at)] * arrived
    return there + [_Parcel(Station.IN_TRANSIT, None, shipped_at, None)] * (count - arrived)


def _split(order: Order, parcels: Sequence[_Parcel]) -> tuple[dict[Station, Decimal], Station]:
    """The total by what is due on each parcel, or evenly; and the station of the larger part."""
    weighted = all(p.weight is not None for p in parcels) and any(p.weight for p in parcels)
    weights: dict[Station, Decimal] = defaultdict(Decimal)
    for parcel in parcels:
        assert parcel.station is not None
        weights[parcel.station] += (parcel.weight or ZERO) if weighted else Decimal(1)
    whole = sum(weights.values(), ZERO)
    stations = sorted(weights, key=lambda s: (-weights[s], list(Station).index(s)))
    parts = {s: to_minor(order.total * weights[s] / whole, order.currency) for s in stations[1:]}
    parts = {stations[0]: order.total - sum(parts.values(), ZERO)} | parts
    return {s: a for s, a in parts.items() if a or s is stations[0]}, stations[0]


def _past(at: int | None, as_of: int) -> int | None:
    return at if at is not None and at <= as_of else None


def _earliest(*times: int | None) -> int | None:
    return min((t for t in times if t is not None), default=None)
