"""The gate of values: what a destination is told that an order is worth, where that is not its revenue.

Owns that the margin is the order's own, worked out once and kept: what is built again says the same. The order's lines and costs
come from the shop's signed reports and the cost table alone, so no copy of an event changes them. What an order leaves is
`Margins`' to say; the action keeps its revenue, which reports rest on.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from twofold.event.model import Event
from twofold.ledger.money import to_minor
from twofold.ledger.state import OrderState, decode_state
from twofold.store.digests import row_digest
from twofold.store.engine import Database
from twofold.store.gates.contract import Candidate, Held, Suppressed, ToldValue
from twofold.store.gates.orders import ORDER_GATED
from twofold.store.orders.ledger import Orders

MARGIN, REVENUE = "margin", "revenue"
UNKNOWN, NOT_READ = "margin_unknown", "costs_not_read"
WAIT_MS = 2 * 86_400_000  # for costs: the shortest age that a platform takes is three days
LOOK_MS = 900_000
SOON_MS = 5_000
ZERO = Decimal(0)


class ValueRule(Struct, frozen=True, kw_only=True):
    """A destination that is told margins. ``unknown``: what becomes of an order without one: `revenue`, `wait`, `refuse`."""

    unknown: str = REVENUE
    below_zero: bool = False  # the platform takes a negative value


class Margins(Protocol):
    """What orders are expected to leave, by the costs as they were read last."""

    @property
    def ready(self) -> bool: ...
    def __call__(self, dataset: str, state: OrderState, /) -> Decimal | None:
        """In the shop's currency; None where a cost is unknown."""
        ...


class NoMargins:
    """Where no destination is told any."""

    ready = True

    def __call__(self, _dataset: str, _state: OrderState, /) -> Decimal | None:
        return None


class ValueGate:
    """``rules``: dataset to destination to its rule."""

    def __init__(
        self, engine: Database, orders: Orders, margins: Margins, rules: Mapping[str, Mapping[str, ValueRule]]
    ) -> None:
        self._engine, self._orders, self._margins = engine, orders, margins
        self._rules = {(dataset, d): rule for dataset, there in rules.items() for d, rule in there.items()}

    def asked(self) -> bool:
        """False where every destination is told revenue."""
        return bool(self._rules)

    def judge(self, candidate: Candidate, now_ms: int) -> Suppressed | Held | None:
        """Puts beside the candidate what the destination is told; the event itself keeps its money."""
        rule = self._rules.get((candidate.dataset, candidate.destination))
        data = candidate.event.custom_data
        if rule is None or candidate.event.event_name not in ORDER_GATED or data.value is None or data.currency is None:
            return None
        for worth, value, currency in self._engine.run("select_told_value", (candidate.delivery,)):
            candidate.told = ToldValue(worth, Decimal(value), currency)
            candidate.marks.append(f"told:{worth}")
            return None
        row = self._orders.order_of(candidate.action, candidate.event)
        if row is not None and row.action != candidate.action:
            return None  # beside the Purchase that stands for the order: an event of its own
        if not self._margins.ready:
            return Held(now_ms + SOON_MS, NOT_READ)
        state = decode_state(row.state) if row is not None else None
        left = self._margins(candidate.dataset, state) if state is not None else None
        margin = None if left is None or state is None else in_currency(left, state, data.currency)
        if margin is None:
            return self._unknown(candidate, rule, now_ms)
        value = told_margin(margin, data.value, below_zero=rule.below_zero)
        candidate.marks += ["told:margin"] if value <= margin else ["told:margin", "margin_below_zero"]
        candidate.told = ToldValue(MARGIN, to_minor(value, data.currency), data.currency)
        return None

    def _unknown(self, candidate: Candidate, rule: ValueRule, now_ms: int) -> Suppressed | Held | None:
        until = candidate.created_at + WAIT_MS
        if rule.unknown == "wait" and now_ms < until:
            return Held(min(now_ms + LOOK_MS, until), UNKNOWN)
        if rule.unknown != REVENUE:
            return Suppressed(UNKNOWN)
        data = candidate.event.custom_data
        assert data.value is not None
        assert data.currency is not None
        candidate.told = ToldValue(REVENUE, data.value, data.currency)
        candidate.marks += ["told:revenue", UNKNOWN]
        return None


def in_currency(amount: Decimal, state: OrderState, currency: str) -> Decimal | None:
    """An amount of the shop's currency in the one that the event is told in, by the order's own rate."""
    shop, shown = state.shop, state.presentment
    if shop is None:
        return None
    if shop.currency == currency:
        return to_minor(amount, currency)
    if shown is None or shown.currency != currency:
        return None
    return to_minor(amount * shown.total / shop.total if shop.total else ZERO, currency)


def told_margin(margin: Decimal, revenue: Decimal, *, below_zero: bool) -> Decimal:
    """Never above the revenue; a loss is nothing where the platform takes no value below zero."""
    value = min(margin, revenue)
    return value if below_zero else max(value, ZERO)


def with_told(event: Event, told: ToldValue | None) -> Event:
    """The event as its destination is told it."""
    if told is None:
        return event
    return replace(event, custom_data=replace(event.custom_data, value=told.value, currency=told.currency))


def told_row(delivery: int, told: ToldValue) -> tuple[int, str, str, str, bytes]:
    """As it is kept."""
    row = delivery, told.worth, str(told.value), told.currency
    return (*row, told_digest(*row))


def told_digest(delivery: int, worth: str, value: str, currency: str) -> bytes:
    """Over one row, so that no altered byte tells another value."""
    return row_digest("told_value", delivery, worth, value, currency)
