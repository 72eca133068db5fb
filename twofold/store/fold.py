"""The fold: which verdict a copy gets, what an action keeps of its copies, what is sent for all of them.

Pure: knows actions as values, no SQL and no clock. The writer looks the keys up and stores what comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from twofold.consent.state import consent_text, strictest, strictest_text
from twofold.event.model import Channel, CustomData, Event, UserData

_BROWSER = Channel.BROWSER  # a member looked up on its enum costs as much as the rest of the function


def channel_bit(channel: Channel) -> int:
    """A channel's bit in `Action.channels`. Not a table: the hash of an enum's member is worked out in Python."""
    return 1 if channel is _BROWSER else 2


class FoldVerdict(StrEnum):
    """What a copy is to its action."""

    FIRST = "first"
    REPEAT = "repeat"  # same channel, same content
    TWIN = "twin"  # the other channel
    CONFLICT = "conflict"  # same key, but other money or other goods


OWN_ID = "id:"
"""The fold key of an action that was folded by an event id, which stands in the row of its first copy, at the action's
number. Version 0.2.0 wrote it here once more."""


class Action(Struct, kw_only=True):
    """One row of the action table, in its column order. Changed in place while a batch is folded."""

    id: int
    dataset: str
    event_name: str
    event_id: str
    fold_key: str
    event_time: int
    created_at: int
    due_at: int
    sealed_at: int | None
    copies: int
    late_copies: int
    tier: int
    channels: int
    consent: str
    value: str | None
    currency: str | None
    order_id: str | None
    goods: str | None
    destinations_at_accept: int
    merged_into: int | None


def begin_action(event: Event, position: int, hold_ms: int, destinations: int) -> Action:
    """The action that its first copy begins."""
    data = event.custom_data
    order = data.order_id if event.event_name == "Purchase" else None
    return Action(
        id=position,
        dataset=event.dataset,
        event_name=event.event_name,
        event_id=event.event_id,
        fold_key=OWN_ID if event.id_given else f"order:{order}" if order else f"position:{position}",
        event_time=event.event_time,
        created_at=event.received_at,
        due_at=event.received_at + hold_ms,
        sealed_at=None,
        copies=1,
        late_copies=0,
        tier=event.tier,
        channels=channel_bit(event.channel),
        consent=consent_text(event),
        value=None if data.value is None else str(data.value),
        currency=data.currency,
        order_id=data.order_id,
        goods=goods_digest(data),
        destinations_at_accept=destinations,
        merged_into=None,
    )


def judge(action: Action, event: Event, same_order: bool = False) -> FoldVerdict:
    """The verdict on a later copy. Absent money or goods contradict nothing, nor another name of the same order."""
    data = event.custom_data
    if differs_in_money(action, data) or (not same_order and _differ(action.order_id, data.order_id)):
        return FoldVerdict.CONFLICT
    if _differ(action.goods, goods_digest(data)):
        return FoldVerdict.CONFLICT
    return FoldVerdict.REPEAT if action.channels & channel_bit(event.channel) else FoldVerdict.TWIN


def add_copy(action: Action, event: Event, counts: bool = True) -> None:
    """Counts a later copy in; before the seal the higher tier's money is kept, and the other channel's or a higher tier's copy ends
    the hold.

    ``counts``: False for a lone claim about what a higher tier reported (`ladder`). It is a copy and nothing more.
    """
    action.copies += 1
    if not counts:
        action.late_copies += action.sealed_at is not None
        return
    action.consent = strictest_text(action.consent, consent_text(event))
    if action.sealed_at is not None:
        action.late_copies += 1
        return
    higher = event.tier > action.tier
    richer = higher or not action.channels & channel_bit(event.channel)
    data = event.custom_data
    if data.value is not None and (higher or action.value is None):
        action.value, action.currency = str(data.value), data.currency
    if higher or action.goods is None:
        action.goods = goods_digest(data) or action.goods
    action.order_id = action.order_id or data.order_id
    action.tier = max(action.tier, event.tier)
    action.channels |= channel_bit(event.channel)
    if richer:
        action.due_at = min(action.due_at, event.received_at)


def unite(copies: Sequence[Event]) -> Event:
    """All copies of an action as one event to send: the higher tier's word first, match keys united.

    ``event_id`` is the browser's when it gave one, because that is the id the platform's own pixel used;
    ``event_time`` and money come from the highest tier. ``consent`` is the strictest.
    """
    if len(copies) == 1:
        return copies[0]
    ranked = sorted(copies, key=_trust, reverse=True)  # stable: earlier first within a tier
    best = ranked[0]
    # Only what another copy says otherwise than the best one: a generator for each name took half of a claim's time.
    merged: dict[str, Any] = {}
    said = [astuple(event) for event in ranked]
    known = _first_known(said[0])
    for event, values in zip(ranked[1:], said[1:], strict=True):
        for name, own, value in zip(_FIRST_KNOWN, known, _first_known(values), strict=True):
            if value is not None and own is None:
                merged.setdefault(name, value)
        if event.action_source == "website":
            merged["action_source"] = "website"
        if event.consent_required:
            merged["consent_required"] = True
        if event.consent != best.consent:
            merged["consent"] = strictest(e.consent for e in ranked)
    if any(map(any, map(_seldom, said))):
        merged |= _limits(ranked)
        merged["granted"], merged["denied"] = _granted(ranked), tuple(sorted({p for e in ranked for p in e.denied}))
        merged["links"] = tuple(dict.fromkeys([link for e in ranked for link in e.links]))
        merged["click_ids"] = {name: value for e in reversed(ranked) for name, value in e.click_ids.items()}
        merged["forms"] = tuple(dict.fromkeys([form for e in ranked for form in e.forms]))
    merged["event_id"] = sending_id(copies)
    merged["user_data"], merged["custom_data"] = _unite_user(ranked), _unite_custom(ranked)
    return msgspec.structs.replace(best, **merged)


def sending_id(copies: Sequence[Event]) -> str:
    """The event id to send: the first browser copy's own id, else the first given one, else the one we made."""
    given = [e for e in copies if e.id_given]
    browser = next((e for e in given if e.channel is Channel.BROWSER), None)
    return (browser or (given[0] if given else copies[0])).event_id


def goods_digest(data: CustomData) -> str | None:
    """A short digest of which goods a copy names, however it lists them; None when it names none."""
    contents, ids = data.contents, data.content_ids
    if len(contents) + len(ids) == 1:  # nearly every product page; and nothing to sort
        text = contents[0].id if contents else ids[0]
    else:
        named = {c.id for c in contents} or set(ids)
        if not named:
            return None
        text = "\0".join(sorted(named))
    digest = _empty()
    digest.update(text.encode())
    return digest.hexdigest()


_empty = blake2b(digest_size=6).copy  # costs two thirds of beginning anew


_FIRST_KNOWN = (
    "event_source_url", "referrer_url", "opt_out", "data_processing_options", "data_processing_options_country",
    "data_processing_options_state", "messaging_channel", "customer_segmentation", "app_data", "original_event_data",
    "attribution_data", "advanced_measurement_table", "visitor", "region", "locale", "bot", "held_back",
)  # fmt: skip
_trust, _opted_out = attrgetter("tier"), attrgetter("opt_out")


def _values_of(*names: str) -> itemgetter[tuple[Any, ...]]:
    """Reads these fields from an event as a tuple: by name each would cost ten times as much."""
    return itemgetter(*map(Event.__struct_fields__.index, names))


_seldom = _values_of("granted", "denied", "links", "click_ids", "opt_out", "data_processing_options", "forms")
_first_known = _values_of(*_FIRST_KNOWN)
_HASHED = ("em", "ph", "fn", "ln", "db", "ge", "ct", "st", "zp", "country", "external_id")
_USER = UserData.__struct_fields__
_APART = ("client_ip_address", "other")  # united by rules of their own


def _limits(ranked: Sequence[Event]) -> dict[str, Any]:
    """What one copy limits is limited: Limited Data Use with that copy's country and state, and ``opt_out``."""
    found: dict[str, Any] = {"opt_out": True} if any(map(_opted_out, ranked)) else {}
    said = [e for e in ranked if e.data_processing_options]
    limited = next((e for e in said if "LDU" in (e.data_processing_options or ())), None) if said else None
    if limited is not None:
        names = (
            "data_processing_options",
            "data_processing_options_country",
            "data_processing_options_state",
        )
        found |= {name: getattr(limited, name) for name in names}
    return found


def _granted(copies: Sequence[Event]) -> tuple[str, ...]:
    denied = {p for e in copies for p in e.denied}
    return tuple(sorted({p for e in copies for p in e.granted} - denied))


def _differ(a: Any, b: Any) -> bool:
    return a is not None and b is not None and a != b


def differs_in_money(action: Action, data: CustomData) -> bool:
    if action.value is None or data.value is None:
        return False
    return Decimal(action.value) != data.value or _differ(action.currency, data.currency)


def _unite_user(ranked: Sequence[Event]) -> UserData:
    best = ranked[0].user_data
    more: dict[str, Any] = {}  # beyond what the best one says
    said = astuple(best)
    for event in ranked[1:]:
        user = astuple(event.user_data)
        if user == said:
            continue
        for field, own, values in zip(_USER, said, user, strict=True):
            if not values or values == own or field in _APART:
                continue
            known = more.get(field, own)
            if field in _HASHED:
                more[field] = _once(known, values)
            elif not known:
                more[field] = values
    addresses = [a for e in ranked if (a := e.user_data.client_ip_address)]
    if addresses:  # Meta prefers IPv6 where the visitor has one.
        more["client_ip_address"] = next((a for a in addresses if ":" in a), addresses[0])
    if any(e.user_data.other for e in ranked):
        more["other"] = {name: value for e in reversed(ranked) for name, value in e.user_data.other.items()}
    return msgspec.structs.replace(best, **more)


def _once(known: Iterable[Any], more: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys((*known, *more)))


def _unite_custom(ranked: Sequence[Event]) -> CustomData:
    parts = [e.custom_data for e in ranked]
    best = parts[0]
    if "" not in (best.currency, best.order_id, best.content_type) and parts.count(best) == len(parts):
        return best  # as a browser and its shop's server say it
    money = next((p for p in parts if p.value is not None), None) or parts[0]
    other: dict[str, Any] = {}
    for part in reversed(parts):
        other |= part.other
    return CustomData(
        value=money.value,
        currency=money.currency or next((p.currency for p in parts if p.currency), None),
        order_id=next((p.order_id for p in parts if p.order_id), None),
        content_type=next((p.content_type for p in parts if p.content_type), None),
        content_ids=next((p.content_ids for p in parts if p.content_ids), ()),
        contents=next((p.contents for p in parts if p.contents), ()),
        num_items=next((p.num_items for p in parts if p.num_items is not None), None),
        other=other,
    )
