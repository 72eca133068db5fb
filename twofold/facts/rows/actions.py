"""The tables of actions for one day: signals, purchases, purchase_deliveries.

Owns what their columns are read from. Nothing of a body but which software sent it, over which channel, which money it tells,
which kinds of click ids it carries, when the click was, and keyed digests of its browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from operator import add
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.model import Event, readable_event
from twofold.facts.parquet import Row, Values
from twofold.facts.rows.snapshot import Snapshot
from twofold.matching.subject import Keyring
from twofold.store.orders.ledger import name_of_order
from twofold.store.touches.whose import who_of

_CHANNELS = {1: "browser", 2: "server", 3: "both"}
_STATES = ("delivered", "suppressed", "dead", "waiting")
_NOWHERE = (0, 0, 0, 0)
_ONCE = {state: tuple(int(state == one) for one in _STATES) for state in _STATES}


def signal_rows(snapshot: Snapshot, day: int) -> Iterator[Values]:
    """One row an action that came on the day: the table with the most rows of all."""
    channels_of, money = _CHANNELS.get, _money
    for first, end in snapshot.stretches_of(day):
        states = _States(snapshot.stream("facts_deliveries", (first, end)))
        for row in snapshot.stream("facts_actions", (first, end)):
            action, dataset, name, event_time, channels, tier, copies, late, merged, value, currency = row
            counts = states.of(action)
            yield (
                action, dataset, name, event_time, channels_of(channels, ""), tier, copies, late, merged,
                None if value is None else money(value), currency, *counts,
            )  # fmt: skip


def purchase_rows(snapshot: Snapshot, day: int) -> Iterator[Row]:
    """One row a Purchase that came on the day."""
    for first, end in snapshot.stretches_of(day):
        copies = _Beside(snapshot.stream("facts_copies", (first, end)))
        names = _NamesOfBrowsers(snapshot.ring)
        for row in snapshot.stream("facts_purchases", (first, end)):
            (action, dataset, event_id, event_time, sealed_at, count, late, tier, channels, consent, value, currency,
             order, merged, order_row, superseded) = row  # fmt: skip
            all_told = [_Copy(*told) for told in copies.of(action)]
            own = [copy for copy in all_told if not copy.carried]
            came_by = {copy.channel for copy in own}
            told_value, told_currency = _told(all_told)
            yield {
                "action": action,
                "dataset": dataset,
                "event_id": event_id,
                "event_time": event_time,
                "came_at": own[0].received_at // 1000 if own else None,
                "value": _money(value),
                "currency": currency,
                "order_row": order_row,
                "order_id": order or "",
                "called": called_of(dataset, order),
                "told_value": told_value,
                "told_currency": told_currency,
                "browser_told": any(copy.channel == "browser" for copy in all_told),
                "clicked_at": max(
                    (at for copy in all_told if (at := _clicked_at(copy.event)) is not None), default=None
                ),
                "browsers": names.of(dataset, all_told),
                "channels": _CHANNELS.get(channels, ""),
                "tier": tier,
                "copies": count,
                "late_copies": late,
                "merged_into": merged,
                "superseded": bool(superseded),
                "browser_copy": "browser" in came_by,
                "server_copy": "server" in came_by,
                "senders": ",".join(sorted({copy.sender for copy in own})),
                "click_kinds": ",".join(sorted(set().union(*(_click_kinds(copy.event) for copy in own)))),
                "consent": consent,
                "sealed_at": None if sealed_at is None else sealed_at // 1000,
            }


def purchase_delivery_rows(snapshot: Snapshot, day: int) -> Iterator[Row]:
    """One row a Purchase and destination."""
    for first, end in snapshot.stretches_of(day):
        money = {row[0]: (row[10], row[11]) for row in snapshot.stream("facts_purchases", (first, end))}
        for row in snapshot.stream("facts_purchase_deliveries", (first, end)):
            (action, destination, state, reason, first_at, settled_at, attempts, event_id, event_time, payload, consent,
             code, told_as, *told) = row  # fmt: skip
            own = tuple(told) if told_as is not None else money[action]
            value, currency = _sent(payload, own) if event_id is not None else (None, None)
            yield {
                "action": action,
                "destination": destination,
                "state": state,
                "reason": reason,
                "sent_value": value,
                "sent_currency": currency,
                "told_as": told_as or "",
                "sent_event_id": event_id,
                "sent_event_time": event_time,
                "first_attempt_at": None if first_at is None else first_at // 1000,
                "settled_at": None if settled_at is None else settled_at // 1000,
                "attempts": attempts,
                "code": code or "",
                "consent": consent or "",
            }


def purchase_people_rows(snapshot: Snapshot, day: int) -> Iterator[Row]:
    """One row a Purchase and browser or chat that it is known to be of."""
    for first, end in snapshot.stretches_of(day):
        for action, who, kind in snapshot.stream("facts_touch_links", (first, end)):
            yield {"action": action, "who": who.hex(), "kind": kind}


class _Beside:
    """Rows that belong to an action, read along with the actions: both are in the actions' order."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, action: int) -> list[tuple[Any, ...]]:
        found, rows, row = [], self._rows, self._next
        while row is not None and row[0] <= action:
            if row[0] == action:
                found.append(row)
            row = next(rows, None)
        self._next = row
        return found


class _States:
    """How many of an action's deliveries are in each of the states, read along with the actions as `_Beside` is."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, action: int) -> tuple[int, ...]:
        told = self._next
        while told is not None and told[0] < action:
            told = next(self._rows, None)
        if told is None or told[0] != action:
            self._next = told
            return _NOWHERE
        counts = _ONCE[told[1]]
        self._next = told = next(self._rows, None)
        while told is not None and told[0] == action:
            counts = tuple(map(add, counts, _ONCE[told[1]]))
            self._next = told = next(self._rows, None)
        return counts


def _money(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None


class _Copy:
    """One copy, its body read once."""

    __slots__ = ("carried", "channel", "event", "received_at", "sender", "tier")

    def __init__(
        self, _action: int, received_at: int, channel: str, sender: str, tier: int, carried: int, body: bytes
    ) -> None:
        self.received_at, self.channel, self.sender, self.tier = received_at, channel, sender, tier
        self.carried = bool(carried)
        self.event: Event | None = readable_event(body)


def _told(copies: Iterable[_Copy]) -> tuple[Decimal | None, str | None]:
    """Value and currency as the copy of the highest tier has them that has both; of equals the first."""
    tier, value, currency = -1, None, None
    for copy in copies:
        custom = copy.event.custom_data if copy.event is not None else None
        if custom is not None and custom.value is not None and custom.currency and copy.tier > tier:
            tier, value, currency = copy.tier, custom.value, custom.currency
    return value, currency


def _clicked_at(event: Event | None) -> int | None:
    """When the click of Meta's that an event carries came to the site: ``fb.1.<ms>.<fbclid>``; a chat's with the event."""
    if event is None:
        return None
    if event.user_data.other.get("ctwa_clid"):
        return event.event_time
    parts = (event.user_data.fbc or "").split(".", 3)
    if len(parts) == 4 and parts[2].isdigit() and len(parts[2]) in (10, 13):
        return int(parts[2]) // (1000 if len(parts[2]) == 13 else 1)
    return None


class _NamesOfBrowsers:
    """The keyed digests of browsers. Without the folder's secret nothing was kept of any, and none is named."""

    def __init__(self, ring: Keyring | None) -> None:
        self._ring = ring

    def of(self, dataset: str, copies: Iterable[_Copy]) -> str:
        if self._ring is None:
            return ""
        found = set()
        for event in (copy.event for copy in copies):
            for kind, value in (("fbp", event.user_data.fbp), ("visitor", event.visitor)) if event is not None else ():
                who = who_of(self._ring, dataset, kind, value) if value else None
                found |= {who.hex()} if who is not None else set()
        return ",".join(sorted(found))


def called_of(dataset: str, order_id: str | None) -> str:
    """The name by which an event's order id finds an order."""
    return name_of_order(dataset, order_id).hex() if order_id else ""


def _click_kinds(event: Event | None) -> set[str]:
    if event is None:
        return set()
    found = set(event.click_ids)
    if event.user_data.fbc:
        found.add("fbclid")
    if event.user_data.other.get("ctwa_clid"):
        found.add("ctwa_clid")
    return found


class _Custom(Struct, frozen=True):
    value: Decimal | None = None
    currency: str | None = None


class _Payload(Struct, frozen=True):
    custom_data: _Custom = _Custom()


_decode_payload = msgspec.json.Decoder(_Payload).decode


def _sent(payload: bytes | None, own: tuple[str | None, str | None]) -> tuple[Decimal | None, str | None]:
    """The money in the bytes that were fixed; where they are emptied by now, or of another form, what was to be told."""
    if payload:
        try:
            custom = _decode_payload(payload).custom_data
            if custom.value is not None:
                return custom.value, custom.currency
        except msgspec.DecodeError:
            pass
    return _money(own[0]), own[1]
