"""What became of orders that were sent: an event of its own for each outcome, once an order, and for goods sold on top.

Owns which outcomes there are, when one is due, and the event that tells it. A product that is sold after the Purchase has
left is never a second Purchase: it is an event of its own, once for each piece. Pure but for `due_outcomes`, which reads
what it needs in the transaction of the report that brought the news; the events are appended in that same transaction,
and a bit of the order's row says that it was told.

Meta has no standard event for a delivered or returned order. Outside of messaging these are custom events, which an
operator can count and build custom conversions from; a Purchase that was sent stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from twofold.consent.state import with_consent
from twofold.event.model import Channel, Content, CustomData, Event, Tier, readable_event
from twofold.event.vocabulary import MAX_ID
from twofold.ledger.model import Line, decode_report
from twofold.ledger.money import to_minor
from twofold.ledger.policy import OrderPolicy, OrderStanding, judge_order, milestone_of, value_of
from twofold.ledger.state import Fact, OrderState, decode_state, derive
from twofold.store.engine import Database, id_array
from twofold.store.fold import unite
from twofold.store.ladder import Admitted, admit, consent_told
from twofold.store.orders.ledger import OrderRow

LEDGER = "ledger"
"""The sender of these events: nobody's copy, made from the ledger."""

FRESH_S = 6 * 86_400  # Meta takes seven days; what is older is not told, it would be refused


TurnsOf = Callable[[int, Sequence[Event], str | None], Sequence[Admitted]]
"""See `gates.tellers.Tellers.turns`."""


class OrderOutcome(NamedTuple):
    """One end of an order. ``bit`` is kept in orders.outcomes; ``word`` begins the event id."""

    bit: int
    word: str
    event_name: str  # "" where it is only told of messaging orders
    messaging_name: str  # Meta's own word for orders made in a chat (Business messaging, read September 2026)


OUTCOMES = (
    OrderOutcome(1, "delivered", "Delivered", "OrderDelivered"),
    OrderOutcome(2, "returned", "Returned", "OrderReturned"),
    OrderOutcome(4, "cancelled", "", "OrderCanceled"),
)


ADDED = OrderOutcome(0, "added", "AddedToOrder", "")
"""A product that was sold after the Purchase had left. Told once for each piece, so it has no bit."""


class Due(NamedTuple):
    """An event to append, and which bit of which order's row it sets; 0 for what its own id keeps from repeating."""

    order: int
    bit: int
    event: Event


class Sold(NamedTuple):
    """Pieces of a product that came to an order, and when they were first reported, Unix s."""

    line: Line
    pieces: int
    reached: int  # of the product in the order, with these
    at: int


def due_outcomes(
    engine: Database, orders: Iterable[int], policy_of: Callable[[str], OrderPolicy], turns_of: TurnsOf, now_ms: int
) -> list[Due]:
    """The events due for these orders (row ids). Only orders whose Purchase was sent, and that is not given up. ``turns_of``: which of
    several browsers told a Purchase that had no copy of its shop's."""
    rows = [OrderRow(*r) for r in engine.run("select_orders", (id_array(sorted(set(orders))),))]
    untold = [r for r in rows if r.action is not None]
    if not untold:
        return []
    found = engine.run("select_sent_actions", (id_array(r.action for r in untold if r.action),))
    consents = {action: consent for action, consent, *_ in found}
    sent = {action: sealed_at for action, _, sealed_at, _ in found}
    sent_ids = {action: event_id for action, *_, event_id in found}
    later = _facts_since(engine, {r.id: sent[r.action] for r in untold if r.action in sent})
    untold = [r for r in untold if r.id in later or outcomes_of(r, policy_of(r.dataset))]
    consents = {r.action: consents[r.action] for r in untold if r.action in consents}
    copies: dict[int, list[Event]] = {}
    for action, _position, body, *_proof in engine.run("select_copies", (id_array(consents),)):
        if (event := readable_event(body)) is not None:
            copies.setdefault(action, []).append(event)
    due = []
    for row in untold:
        if row.action is None or row.action not in copies:
            continue
        policy = policy_of(row.dataset)
        told = turns_of(row.action, copies[row.action], sent_ids[row.action])
        counted = told[0] if told else admit(copies[row.action])
        purchase = with_consent(unite(counted.copies), consent_told(counted, consents[row.action]))
        due += [Due(row.id, bit, event) for bit, event in outcome_events(row, policy, purchase, now_ms)]
        if row.id in later:
            due += [Due(row.id, 0, e) for e in added_events(row, policy, purchase, *later[row.id], now_ms)]
    return due


def outcomes_of(row: OrderRow, policy: OrderPolicy) -> list[tuple[OrderOutcome, int]]:
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


def added_events(
    row: OrderRow, policy: OrderPolicy, purchase: Event, before: Sequence[Fact], after: Sequence[Fact], now_ms: int
) -> Iterator[Event]:
    """An event for each product of which pieces came to the order after its Purchase had left.

    ``before`` and ``after``: what was reported until it left, and since. Where nothing was, the Purchase's own goods are
    what it had; where those are not known either, nothing is known to have come later.
    """
    state = decode_state(row.state)
    if purchase.action_source == "business_messaging":
        return  # Meta has no word for it there
    if judge_order(state, policy, now_ms // 1000).standing is not OrderStanding.COUNTS:
        return
    had = _pieces(derive(before).lines) if before else Counter()
    had = had or Counter({c.id: c.quantity or 1 for c in purchase.custom_data.contents})
    valued = value_of(state, policy)
    for sold in _sold(state, had, after) if had else ():
        if sold.at < now_ms // 1000 - FRESH_S:
            continue
        data = CustomData(order_id=row.order_id, content_type="product")
        price = _price(sold.line, state, valued.currency) if valued else None
        if valued and price is not None:
            share = (sold.line.discount or Decimal(0)) * sold.pieces / sold.line.quantity
            own = valued.currency == (state.shop.currency if state.shop else "")
            data.value = to_minor(max(price * sold.pieces - (share if own else 0), Decimal(0)), valued.currency)
            data.currency = valued.currency
        item = sold.line.id or sold.line.sku
        data.contents = (Content(id=item, quantity=sold.pieces, item_price=price),)
        event = _event(purchase, row, ADDED, ADDED.event_name, min(sold.at, now_ms // 1000), data, now_ms)
        yield msgspec.structs.replace(event, event_id=f"added.{row.order_id}.{item}.{sold.reached}"[-MAX_ID:])


def _facts_since(engine: Database, sent: dict[int, int]) -> dict[int, tuple[list[Fact], list[Fact]]]:
    """Of the orders that something was reported of after their Purchase had left: the facts before and after."""
    found: dict[int, tuple[list[Fact], list[Fact]]] = {order: ([], []) for order in sent}
    for order, received_at, source, body in engine.run("list_facts_of", (id_array(sorted(sent)),)):
        found[order][received_at > sent[order]].append(Fact(source, decode_report(body)))
    return {order: facts for order, facts in found.items() if any(f.report.snapshot for f in facts[1])}


def _sold(state: OrderState, had: Counter[str], after: Sequence[Fact]) -> Iterator[Sold]:
    for item, reached in _pieces(state.lines).items():
        if reached > had[item]:
            snapshots = [(f.report.at, s.lines) for f in after if (s := f.report.snapshot)]
            at = min((at for at, lines in snapshots if _pieces(lines)[item] > had[item]), default=None)
            line = next(x for x in state.lines if (x.id or x.sku) == item)
            if at is not None:
                yield Sold(line, reached - had[item], reached, at)


def _pieces(lines: Iterable[Line]) -> Counter[str]:
    """Pieces by product. A gift card is money for later, and what has no id nobody could name."""
    found: Counter[str] = Counter()
    for line in lines:
        if (line.id or line.sku) and line.quantity > 0 and not line.gift_card:
            found[line.id or line.sku] += line.quantity
    return found


def _price(line: Line, state: OrderState, currency: str) -> Decimal | None:
    return line.price if state.shop is not None and state.shop.currency == currency else line.shown_price


def _event(
    purchase: Event, row: OrderRow, outcome: OrderOutcome, name: str, at: int, data: CustomData, now_ms: int
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


def _custom_data(row: OrderRow, state: OrderState, policy: OrderPolicy, outcome: OrderOutcome) -> CustomData:
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
