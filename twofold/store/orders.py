"""Orders: facts into the ledger, their state, and the gate that makes one Purchase of one order.

Owns the tables orders, order_name and order_fact. A report is kept as it came; the state is derived from all of them
(`ledger.state`) and judged (`ledger.policy`) each time the Purchase could be sent, inside the transaction of the
claim, so the order of arrival does not matter. Runs on the writer's thread. Holds no contact data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec import Struct

from twofold.event.identity import is_order_name
from twofold.event.model import Content, Event, Tier
from twofold.ledger.model import OrderReport, decode_report, encode_report
from twofold.ledger.policy import OrderPolicy, Standing, judge_order, value_of
from twofold.ledger.state import Fact, OrderState, decode_state, derive, encode_state
from twofold.store.engine import Engine, id_array, key_array
from twofold.store.gates import Candidate, Held, Suppressed

ORDER_GATED = frozenset({"Purchase", "Subscribe"})
WAITING_SOURCES = frozenset({"website", "app"})  # what a shop's own system knows of; a till or a telephone it may not
LOOK_AGAIN_MS = 6 * 3_600_000
FRESH_S = 6 * 86_400  # an event_time older than this may be too old for the platform before it is through


class OrderEntry(Struct, frozen=True, kw_only=True):
    """One report on its way into the ledger. ``copy``: the Purchase it stands for, hashed, through all steps."""

    dataset: str
    source: str  # type and name, as "shopify:demo.myshopify.com"
    report: OrderReport
    copy: Event | None
    received_at: int  # ms


class OrderRow(NamedTuple):
    """One row of the orders table."""

    id: int
    dataset: str
    order_id: str
    placed_at: int
    action: int | None
    person: bytes | None
    outcomes: int
    state: bytes


class Applied(Struct):
    """What became of one entry."""

    row: OrderRow
    state: OrderState
    new: bool  # it told something that was not known


class Orders:
    """``policies``: dataset to its rules; ``with_source``: datasets whose orders a shop reports."""

    def __init__(self, engine: Engine, policies: Mapping[str, OrderPolicy], with_source: frozenset[str]) -> None:
        self._engine = engine
        self._policies = policies
        self._with_source = with_source
        self._any = bool(engine.script("select 1 from orders limit 1"))

    def policy_of(self, dataset: str) -> OrderPolicy:
        return self._policies.get(dataset) or OrderPolicy()

    # -- what is reported

    def apply(self, entry: OrderEntry) -> Applied:
        """Keeps a report, if it says something new, and derives the order's state again."""
        self._any = True
        report = entry.report
        names = _names(entry.dataset, report)
        row = self._find(names)
        body = encode_report(report)
        if row is None:
            state = derive([Fact(entry.source, report)])
            row = self._begin(entry, state)
            self._keep(row.id, entry, body)
            self._engine.run_rows("insert_order_names", [(name, row.id) for name in names])
            return Applied(row, state, True)
        self._engine.run_rows("insert_order_names", [(name, row.id) for name in names])
        if not self._keep(row.id, entry, body):
            return Applied(row, decode_state(row.state), False)
        return Applied(*self._derive_again(row, entry.received_at), True)

    def own(self, row: OrderRow, action: int, copy: Event | None) -> None:
        """The order stands for this action from now on."""
        self._engine.run("own_action", (row.id, action, _person(copy) if copy else None))

    def news(self, applied: Applied, action: int | None, now_ms: int) -> None:
        """After a report: the waiting Purchase is looked at again, a given up one waits again if it counts now."""
        if action is None or not applied.new:
            return
        judged = judge_order(applied.state, self.policy_of(applied.row.dataset), now_ms // 1000)
        if judged.standing is not Standing.NEVER:
            self._engine.run("reopen_order", (now_ms, action))
        self._engine.run("hurry_order", (now_ms, action))

    def _find(self, names: Sequence[bytes]) -> OrderRow | None:
        found = sorted({order for _, order in self._engine.run("select_order_names", (key_array(names),))})
        if not found:
            return None
        rows = [OrderRow(*r) for r in self._engine.run("select_orders", (id_array(found),))]
        rows.sort(key=lambda r: (r.action is None, r.id))
        for other in rows[1:]:
            self._unite(rows[0], other)
        return rows[0] if len(rows) == 1 else self._derive_again(rows[0], 0)[0]

    def _unite(self, kept: OrderRow, other: OrderRow) -> None:
        """Two orders turned out to be one: it takes the other's names and facts."""
        engine = self._engine
        engine.run("move_order_names", (kept.id, other.id))
        engine.run("move_order_facts", (kept.id, other.id))
        engine.run("drop_order_facts", (other.id,))
        engine.run("drop_order", (other.id,))

    def _begin(self, entry: OrderEntry, state: OrderState) -> OrderRow:
        body = encode_state(state)
        values = (entry.dataset, state.order_id, state.placed_at, entry.received_at, body)
        number = self._engine.run("insert_order", values)[0][0]
        return OrderRow(number, entry.dataset, state.order_id, state.placed_at, None, None, 0, body)

    def _keep(self, order: int, entry: OrderEntry, body: bytes) -> bool:
        report = entry.report
        values = (
            order, entry.received_at, report.at, report.kind, entry.source, report.reference,
            _digest_of(entry.source, report), body,
        )  # fmt: skip
        self._engine.run("insert_order_fact", values)
        return self._engine.changes() > 0

    def _derive_again(self, row: OrderRow, now_ms: int) -> tuple[OrderRow, OrderState]:
        facts = [
            Fact(source, decode_report(body)) for source, body in self._engine.run("select_order_facts", (row.id,))
        ]
        state = derive(facts)
        body = encode_state(state)
        self._engine.run("update_order", (row.id, state.order_id, state.placed_at, now_ms, body))
        return row._replace(order_id=state.order_id, placed_at=state.placed_at, state=body), state

    # -- what may be sent

    def gate(self, candidate: Candidate, now_ms: int) -> Suppressed | Held | None:
        """One order, one Purchase, when the policy says so, with the order's own money."""
        if candidate.event.event_name not in ORDER_GATED:
            return None
        row = self._order_of(candidate) if self._any else None
        policy = self.policy_of(candidate.dataset)
        state = decode_state(row.state) if row else None
        if row is None or state is None or not (state.known or state.test):
            return self._alone(candidate, policy, now_ms)
        if row.action is not None and row.action != candidate.action:
            return Suppressed("order_counted")
        if row.action is None:
            self.own(row, candidate.action, candidate.event)
        judged = judge_order(state, policy, now_ms // 1000)
        if judged.standing is Standing.NEVER:
            return Suppressed(judged.reason)
        if judged.standing is Standing.NOT_YET:
            expires = (state.placed_at + policy.expire_s + 1) * 1000
            return Held(min(now_ms + LOOK_AGAIN_MS, max(expires, now_ms + 1)), judged.reason)
        if self._placed_again(row, state, candidate.event, policy):
            return Suppressed("order_placed_again")
        candidate.event = _with_money(candidate.event, row, state, policy)
        candidate.event = _in_time(candidate.event, judged.since, now_ms)
        return None

    def recheck(self, candidate: Candidate, now_ms: int) -> Suppressed | None:
        """Before a further attempt: an order that was cancelled meanwhile is not sent, if it surely never arrived."""
        if candidate.unsure or candidate.event.event_name not in ORDER_GATED:
            return None
        rows = self._engine.run("select_order_of_action", (candidate.action,))
        if not rows:
            return None
        row = OrderRow(*rows[0])
        judged = judge_order(decode_state(row.state), self.policy_of(row.dataset), now_ms // 1000)
        return Suppressed(judged.reason) if judged.standing is Standing.NEVER else None

    def needed(self) -> bool:
        """False while no order is known."""
        return self._any

    def _order_of(self, candidate: Candidate) -> OrderRow | None:
        rows = self._engine.run("select_order_of_action", (candidate.action,))
        if rows:
            return OrderRow(*rows[0])
        names = _names_of_event(candidate.event)
        if not names:
            return None
        found = {order for _, order in self._engine.run("select_order_names", (key_array(names),))}
        if len(found) != 1:
            return None
        return OrderRow(*self._engine.run("select_orders", (id_array(found),))[0])

    def _alone(self, candidate: Candidate, policy: OrderPolicy, now_ms: int) -> Suppressed | Held | None:
        """A Purchase whose order nobody has reported: it waits where a shop reports orders, then it goes alone."""
        told_by_shop = any(c.tier >= Tier.T3 for c in candidate.copies)
        if candidate.dataset not in self._with_source or told_by_shop:
            return None
        if candidate.event.event_name != "Purchase" or candidate.event.action_source not in WAITING_SOURCES:
            return None
        until = candidate.created_at + policy.wait_ms
        if now_ms < until:
            return Held(until, "waits_for_order")
        if not policy.send_alone:
            return Suppressed("no_order")
        candidate.marks.append("alone")
        return None

    def _placed_again(self, row: OrderRow, state: OrderState, event: Event, policy: OrderPolicy) -> bool:
        """True when the same person's same goods were sent as an order that was cancelled and placed anew."""
        person = row.person or _person(event)
        if person is None or not policy.recreated_s:
            return False
        for values in self._engine.run("select_orders_of_person", (person, row.dataset, row.id)):
            other = decode_state(OrderRow(*values).state)
            near = abs(other.placed_at - state.placed_at) <= policy.recreated_s
            if other.cancelled_at is not None and near and other.placed_at <= state.placed_at and _alike(other, state):
                return True
        return False


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
            Content(
                id=line.id or line.sku, quantity=line.quantity, item_price=_price(line.price, valued.currency, state)
            )
            for line in state.lines
            if (line.id or line.sku) and line.quantity > 0
        )
        if contents:
            data.contents = contents
    return msgspec.structs.replace(event, custom_data=data)


def _price(price: Decimal | None, currency: str, state: OrderState) -> Decimal | None:
    """A line's price, where it is in the event's currency."""
    return price if state.shop is not None and state.shop.currency == currency else None


def _in_time(event: Event, since: int | None, now_ms: int) -> Event:
    """The order's own time; the moment it became a Purchase where the platform would not take that any more."""
    oldest = now_ms // 1000 - FRESH_S
    if event.event_time >= oldest or since is None or since < oldest or event.action_source == "physical_store":
        return event
    return msgspec.structs.replace(event, event_time=since)


def _names(dataset: str, report: OrderReport) -> list[bytes]:
    own = [f"order:{report.order_id}", *(a for a in report.aliases if is_order_name(a, report.order_id))]
    return [_name(dataset, name) for name in dict.fromkeys(map(_as_order, own))]


def _names_of_event(event: Event) -> list[bytes]:
    order = event.custom_data.order_id
    own = [
        *([f"order:{order.lstrip('#')}"] if order else []),
        *(n for n in event.links if is_order_name(n, order or "")),
    ]
    return [_name(event.dataset, name) for name in dict.fromkeys(map(_as_order, own))]


def _as_order(name: str) -> str:
    """A number that can be taken for no other order's id is as good as the id: browsers send either."""
    kind, _, value = name.partition(":")
    return f"order:{value.lstrip('#')}" if kind in ("number", "name") else name


def _name(dataset: str, name: str) -> bytes:
    return blake2b(f"{dataset}\0{name}".encode(), digest_size=16).digest()


def _digest_of(source: str, report: OrderReport) -> bytes:
    """What a report says, without how it came: topic and delivery id are in headers that nobody signed."""
    said = encode_report(msgspec.structs.replace(report, reference="", kind=""))
    return blake2b(source.encode() + b"\0" + said, digest_size=16).digest()


def _person(event: Event) -> bytes | None:
    """Digest of the strongest match key of the buyer."""
    user = event.user_data
    key = next((h.hex for f in ("em", "ph", "external_id") for h in getattr(user, f)), None)
    return blake2b(f"{event.dataset}\0{key}".encode(), digest_size=16).digest() if key else None
