"""What became of orders that were sent: an event of its own for each outcome, once an order.

Owns which outcomes there are, when one is due, and the event that tells it. Pure but for `due_outcomes`, which reads
what it needs in the transaction of the report that brought the news; the events are appended in that same transaction,
and a bit of the order's row says that it was told.

Meta has no standard event for a delivered or returned order. Outside of messaging these are custom events, which an
operator can count and build custom conversions from; a Purchase that was sent stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from twofold.consent.state import with_consent
from twofold.event.model import Channel, CustomData, Event, Tier, decode_event
from twofold.ledger.policy import OrderPolicy, milestone_of, value_of
from twofold.ledger.state import OrderState, decode_state
from twofold.store.fold import unite
from twofold.store.orders.ledger import OrderRow
from twofold.store.sqlite.database import Engine, id_array

LEDGER = "ledger"
"""The sender of these events: nobody's copy, made from the ledger."""

FRESH_S = 6 * 86_400  # Meta takes seven days; what is older is not told, it would be refused


class Outcome(NamedTuple):
    """One end of an order. ``bit`` is kept in orders.outcomes; ``word`` begins the event id."""

    bit: int
    word: str
    event_name: str  # "" where it is only told of messaging orders
    messaging_name: str  # Meta's own word for orders made in a chat (Business messaging, read September 2026)


OUTCOMES = (
    Outcome(1, "delivered", "Delivered", "OrderDelivered"),
    Outcome(2, "returned", "Returned", "OrderReturned"),
    Outcome(4, "cancelled", "", "OrderCanceled"),
)


class Due(NamedTuple):
    """An event to append, and which bit of which order's row it sets."""

    order: int
    bit: int
    event: Event


def due_outcomes(
    engine: Engine, orders: Iterable[int], policy_of: Callable[[str], OrderPolicy], now_ms: int
) -> list[Due]:
    """The events due for these orders (row ids). Only orders whose Purchase was sent, and that is not given up."""
    rows = [OrderRow(*r) for r in engine.run("select_orders", (id_array(sorted(set(orders))),))]
    untold = [r for r in rows if r.action is not None and outcomes_of(r, policy_of(r.dataset))]
    if not untold:
        return []
    consents = dict(engine.run("select_sent_actions", (id_array(r.action for r in untold if r.action),)))
    copies: dict[int, list[Event]] = {}
    for action, _position, body in engine.run("select_copies", (id_array(consents),)):
        copies.setdefault(action, []).append(decode_event(body))
    return [
        Due(row.id, bit, event)
        for row in untold
        if row.action is not None and row.action in copies
        for bit, event in outcome_events(
            row, policy_of(row.dataset), with_consent(unite(copies[row.action]), consents[row.action]), now_ms
        )
    ]


def outcomes_of(row: OrderRow, policy: OrderPolicy) -> list[tuple[Outcome, int]]:
    """The order's outcomes that were not told yet, each with when it came, Unix s."""
    state = decode_state(row.state)
    if state.test or state.deleted:
        return []
    ends = {"delivered": state.delivered_at, "returned": state.returned_at, "cancelled": state.cancelled_at}
    if milestone_of(state, policy) == "delivered":
        ends["delivered"] = None  # the Purchase itself says it
    return [(o, at) for o in OUTCOMES if not row.outcomes & o.bit and (at := ends[o.word]) is not None]


def outcome_events(row: OrderRow, policy: OrderPolicy, purchase: Event, now_ms: int) -> list[tuple[int, Event]]:
    """(bit, event) for each outcome that can be told. ``purchase``: all its copies united, with their consent.

    Match keys, limits and consent are the Purchase's; name, time, money and source are its own.
    """
    state = decode_state(row.state)
    messaging = purchase.action_source == "business_messaging"
    found = []
    for outcome, at in outcomes_of(row, policy):
        name = outcome.messaging_name if messaging else outcome.event_name
        if name and at >= now_ms // 1000 - FRESH_S:
            data = _custom_data(row, state, policy, outcome)
            found.append((outcome.bit, _event(purchase, row, outcome, name, min(at, now_ms // 1000), data, now_ms)))
    return found


def _event(
    purchase: Event, row: OrderRow, outcome: Outcome, name: str, at: int, data: CustomData, now_ms: int
) -> Event:
    messaging = purchase.action_source == "business_messaging"
    return msgspec.structs.replace(
        purchase,
        event_name=name,
        event_id=f"{outcome.word}.{row.order_id}",
        id_given=True,
        event_time=at,
        received_at=now_ms,
        channel=Channel.SERVER,
        sender=LEDGER,
        tier=max(purchase.tier, Tier.T2),  # a shop reported it, whoever reported the Purchase
        action_source=purchase.action_source if messaging else "system_generated",
        # Nobody was on a page when the parcel came.
        event_source_url=None,
        referrer_url=None,
        # The Purchase left, so what was held against single copies of it was overruled.
        bot=None,
        held_back=None,
        custom_data=data,
        app_data=None,
        original_event_data=None,
        attribution_data=None,
        customer_segmentation=None,
        warnings=(),
    )


def _custom_data(row: OrderRow, state: OrderState, policy: OrderPolicy, outcome: Outcome) -> CustomData:
    """The order's value by the policy. What came back is worth what was bought, whether it is refunded yet or not."""
    if outcome.word != "delivered":
        policy = msgspec.structs.replace(policy, deduct_refunds=False)
    valued = value_of(state, policy)
    if valued is None:
        return CustomData(order_id=row.order_id)
    return CustomData(value=valued.value, currency=valued.currency, order_id=row.order_id)


def worth_looking(rows: Sequence[OrderRow], policy_of: Callable[[str], OrderPolicy]) -> list[int]:
    """Row ids of the orders that have a Purchase and a dataset that wants outcomes told."""
    return [r.id for r in rows if r.action is not None and policy_of(r.dataset).outcomes]
