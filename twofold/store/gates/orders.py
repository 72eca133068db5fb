"""The gate of orders: one order, one Purchase, when the policy says so, with the order's own money.

Owns what a candidate is told of its order; the orders themselves are `orders.ledger`'s. An order's state is judged each
time its Purchase could be sent, inside the transaction of the claim, so the order of arrival does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from twofold.event.model import Content, Event, Tier
from twofold.ledger.model import Line
from twofold.ledger.policy import OrderPolicy, OrderStanding, is_renewal, judge_order, value_of
from twofold.ledger.state import OrderState, decode_state
from twofold.store.evidence import Superseded
from twofold.store.gates.contract import Candidate, Held, Suppressed
from twofold.store.gates.trust import UNMATCHED
from twofold.store.orders.ledger import OrderRow, Orders, buyer_of

ORDER_GATED = frozenset({"Purchase", "Subscribe"})
WAITING_SOURCES = frozenset({"website", "app"})
"""What a shop's own system knows of; a till or a telephone it may not, by the word of a server: no browser is one."""
LOOK_AGAIN_MS = 6 * 3_600_000
SOON_MS = 60_000  # until it is known what became of another order's request
FRESH_S = 6 * 86_400  # an event_time older than this may be too old for the platform before it is through


class OrderGate:
    """Reads the ledger, and lets an order stand for the first action that comes by here."""

    def __init__(self, orders: Orders, superseded: Superseded) -> None:
        self._orders = orders
        self._superseded = superseded

    def judge(self, candidate: Candidate, now_ms: int) -> Suppressed | Held | None:
        """One order, one Purchase, when the policy says so, with the order's own money."""
        if candidate.event.event_name not in ORDER_GATED:
            return None
        row = self._orders.order_of(candidate.action, candidate.event)
        policy = self._orders.policy_of(candidate.dataset, candidate.destination)
        state = decode_state(row.state) if row else None
        if row is None or state is None or not (state.known or state.test):
            return self._alone(candidate, policy, now_ms)
        renews = is_renewal(state.sale) and policy.renewals == "subscribe"
        if candidate.event.event_name != "Purchase" and row.action != candidate.action and not renews:
            return None  # a Subscribe beside the Purchase of a first order is an event of its own
        if row.action is not None and row.action != candidate.action and not self._outranks(candidate, row, row.action):
            return Suppressed("order_counted")
        if row.action != candidate.action:
            self._orders.own(row, candidate.action, candidate.event)
        judged = judge_order(state, policy, now_ms // 1000)
        if judged.standing is OrderStanding.NEVER:
            return Suppressed(judged.reason)
        if judged.standing is OrderStanding.NOT_YET:
            expires = (state.placed_at + policy.expire_s + 1) * 1000
            return Held(min(now_ms + LOOK_AGAIN_MS, max(expires, now_ms + 1)), judged.reason)
        again = self._placed_again(row, state, candidate, policy, now_ms)
        if again is not None:
            return again
        if renews and candidate.event.event_name == "Purchase":
            # It was begun before anybody said that the order is a renewal.
            candidate.event = msgspec.structs.replace(candidate.event, event_name="Subscribe")
        candidate.reported = value_of(state, policy) is not None
        candidate.event = _with_money(candidate.event, row, state, policy)
        if max(c.tier for c in candidate.copies) < Tier.T2:
            candidate.event = _as_its_shop_says(candidate.event, state, now_ms)
        candidate.event = _in_time(candidate.event, judged.since, now_ms)
        return None

    def proved(self, candidate: Candidate) -> list[Event] | None:
        """Of browsers' copies those that are the buyer's by a token or a secret of the purchase, where a shop has reported the order that
        is told by them; None where none has."""
        if candidate.event.event_name not in ORDER_GATED:
            return None
        row = self._orders.order_of(candidate.action, candidate.event)
        state = decode_state(row.state) if row else None
        if row is None or state is None or not (state.known or state.test):
            return None
        if candidate.event.event_name != "Purchase" and row.action != candidate.action and not is_renewal(state.sale):
            return None  # an event of its own
        return self._orders.proved(row, candidate.copies)

    def recheck(self, candidate: Candidate, now_ms: int) -> Suppressed | None:
        """Before a further attempt: an order that was cancelled meanwhile is not sent, if it surely never arrived."""
        if candidate.unsure or candidate.event.event_name not in ORDER_GATED:
            return None
        row = self._orders.order_of(candidate.action, candidate.event)
        if row is None:
            return None
        if row.action != candidate.action:
            if candidate.event.event_name != "Purchase" or row.action is None:
                return None
            if self._orders.settle_owner(row, candidate.action, candidate.event) != candidate.action:
                return Suppressed("order_counted")
        policy = self._orders.policy_of(row.dataset, candidate.destination)
        judged = judge_order(decode_state(row.state), policy, now_ms // 1000)
        return Suppressed(judged.reason) if judged.standing is OrderStanding.NEVER else None

    def _outranks(self, candidate: Candidate, row: OrderRow, owner: int) -> bool:
        """True when the order stood for a lower tier's Purchase until now, or for a browser's that was given up; that one does not
        leave any more. A browser whose token names no order tells nothing once more that another told."""
        top, its = max(c.tier for c in candidate.copies), self._orders.tiers_of([owner]).get(owner, 0)
        outranks = its < top
        if top < Tier.T2:
            untold = not self._orders.how_far(owner)
            outranks = outranks and (untold or bool(self._orders.proved(row, candidate.copies)))
            # What a shop or its server told is theirs though it was given up: a browser that names it tells of it no more.
            outranks = outranks or (its < Tier.T2 and untold and not self._orders.is_under_way(owner))
        if outranks and candidate.event.event_name == "Purchase":
            self._superseded.add(owner, candidate.action, candidate.created_at)
        return outranks

    def _alone(self, candidate: Candidate, policy: OrderPolicy, now_ms: int) -> Suppressed | Held | None:
        """A Purchase whose order nobody has reported: it waits where a shop reports orders, then it goes alone."""
        told_by_shop = any(c.tier >= Tier.T3 for c in candidate.copies)
        if candidate.dataset not in self._orders.with_source or told_by_shop:
            return None
        elsewhere = candidate.event.action_source not in WAITING_SOURCES
        if candidate.event.event_name != "Purchase" or (elsewhere and any(c.tier >= Tier.T2 for c in candidate.copies)):
            return None
        until = candidate.created_at + policy.wait_ms
        if now_ms < until:
            return Held(until, "waits_for_order")
        vouched = any(c.tier >= Tier.T2 or c.order_vouched for c in candidate.copies)
        if policy.unmatched == "drop" or (policy.unmatched == "vouched" and not vouched):
            return Suppressed(UNMATCHED)
        candidate.marks.append("alone")
        return None

    def _placed_again(
        self, row: OrderRow, state: OrderState, candidate: Candidate, policy: OrderPolicy, now_ms: int
    ) -> Suppressed | Held | None:
        """An answer when the same purchase was sent as an order that was cancelled and placed anew."""
        if self._orders.others_by_name(row, f"replaces:{row.order_id.lstrip('#')}"):
            return Suppressed("order_replaced")
        made_from = self._orders.others_by_name(row, f"order:{state.replaces.lstrip('#')}") if state.replaces else []
        others = [*made_from, *self._cancelled_alike(row, state, candidate.event, policy)]
        sent = [
            self._orders.how_far(o.action, candidate.delivery % 256)
            for o in others
            if o.action not in (None, row.action)
        ]
        if any(far >= 2 for far in sent):
            return Suppressed("order_placed_again")
        return Held(now_ms + SOON_MS, "order_placed_again") if any(sent) else None

    def _cancelled_alike(
        self, row: OrderRow, state: OrderState, event: Event, policy: OrderPolicy
    ) -> Iterator[OrderRow]:
        """The same person's cancelled orders of the same goods and money shortly before."""
        person = row.person or buyer_of(event)
        if person is None or not policy.recreated_s:
            return
        bounds = (state.placed_at - policy.recreated_s, state.placed_at)
        for other in self._orders.of_buyer(person, row, *bounds):
            its = decode_state(other.state)
            if its.cancelled_at is not None and _alike(its, state):
                yield other


def _alike(a: OrderState, b: OrderState) -> bool:
    """Same goods and same money."""
    if a.shop is None or b.shop is None or not a.lines:
        return False
    goods_a, goods_b = (sorted((x.id or x.sku, x.quantity) for x in s.lines) for s in (a, b))
    # A cancelled order's live total is nothing any more; its lines still say what it was.
    same_money = a.shop.currency == b.shop.currency and (a.shop.total in (b.shop.total, Decimal(0)))
    return goods_a == goods_b and same_money


def _with_money(event: Event, row: OrderRow, state: OrderState, policy: OrderPolicy) -> Event:
    """The event with the order's value by the policy, its id and its goods as they are now."""
    valued = value_of(state, policy)
    data = msgspec.structs.replace(event.custom_data, order_id=row.order_id)
    if valued is not None:
        data.value, data.currency = valued.value, valued.currency
        contents = tuple(
            Content(id=line.id or line.sku, quantity=line.quantity, item_price=_price(line, valued.currency, state))
            for line in state.lines
            if (line.id or line.sku) and line.quantity > 0
        )
        if contents:
            data.contents = contents
            # What a copy said of the goods in other words was true when it was made.
            data.content_ids = tuple(dict.fromkeys(c.id for c in contents)) if data.content_ids else ()
            data.num_items = sum(line.quantity for line in state.lines) if data.num_items is not None else None
    return msgspec.structs.replace(event, custom_data=data)


def _price(line: Line, currency: str, state: OrderState) -> Decimal | None:
    """A line's price in the event's currency, where the source states it in that."""
    if state.shop is not None and state.shop.currency == currency:
        return line.price
    return line.shown_price if state.presentment is not None and state.presentment.currency == currency else None


def _as_its_shop_says(event: Event, state: OrderState, now_ms: int) -> Event:
    """What no browser has to say about an order of which nobody but its shop's report and browsers speak: when it was placed, and
    whether it goes to a platform's test page."""
    placed = state.placed_at if state.placed_at <= now_ms // 1000 else event.event_time
    return msgspec.structs.replace(event, event_time=placed, test_event_code=None)


def _in_time(event: Event, since: int | None, now_ms: int) -> Event:
    """The order's own time; the moment it became a Purchase where the platform would not take that any more."""
    oldest = now_ms // 1000 - FRESH_S
    if event.event_time >= oldest or since is None or since < oldest or event.action_source == "physical_store":
        return event
    return msgspec.structs.replace(event, event_time=since)
