"""What the data folder knows of a run: copies, actions, payloads that left, answers, the order's money, what came again.

Owns gathering it, and what of it is shown: of what names a person only which keys were there, of an address only its path.
Nothing is judged here. The values are kept as they are in a packet, each with the digest of the bytes it was read from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from twofold.acceptance.plan import Plan
from twofold.acceptance.seen.trail import Seen, trail_of
from twofold.event.delivery import TRACE, DeliveryState
from twofold.event.model import Channel, CustomData, Event, readable_event
from twofold.matching.user_data import present_keys
from twofold.report.orders import PolicyOf, show_order
from twofold.report.period import Journal, journal_of
from twofold.store.lists import Reader

_TRACED = re.compile(re.escape(TRACE) + r"(\S+)")
_PRIVATE = ("user_data", "app_data")
_decode = msgspec.json.Decoder(float_hook=str).decode  # no amount passes through a float
MOST_ACTIONS = 20
"""Of one event name; further ones are counted."""


class CopySeen(Struct, frozen=True, kw_only=True):
    """One copy. ``received_at`` in ms; ``keys``: names of the match keys that it has; ``digest``: of its bytes in the journal."""

    position: int
    received_at: int
    event_time: int
    channel: str
    sender: str
    event_id: str
    id_given: bool
    page: str
    consent: str
    keys: tuple[str, ...]
    value: str | None
    currency: str | None
    num_items: int | None
    content_ids: tuple[str, ...]
    content_type: str | None
    order_id: str | None
    other: tuple[str, ...]
    digest: str

    def has(self, field: str) -> bool:
        """Whether it carries what a plan asks for."""
        if field.startswith("other."):
            return field.removeprefix("other.") in self.other
        return getattr(self, field) not in (None, "", ())


class TrySeen(Struct, frozen=True, kw_only=True):
    """One request and its answer. Times in ms; ``trace``: the platform's number of it."""

    at: int
    outcome: str
    status: int | None
    code: str
    trace: str


class DeliverySeen(Struct, frozen=True, kw_only=True):
    """One action at one destination. ``payload``: what left, without values that name a person; ``digest``: of its bytes."""

    destination: str
    state: str
    reason: str
    tries: tuple[TrySeen, ...]
    payload: dict[str, Any] | None
    digest: str

    @property
    def has_left(self) -> bool:
        return self.state == DeliveryState.DELIVERED or bool(self.tries)


class ActionSeen(Struct, frozen=True, kw_only=True):
    """What the shopper did once, as it was folded."""

    action: int
    name: str
    event_id: str
    value: str | None
    currency: str | None
    order_id: str | None
    copies: tuple[CopySeen, ...]
    deliveries: tuple[DeliverySeen, ...]

    def of(self, channel: str) -> tuple[CopySeen, ...]:
        return tuple(c for c in self.copies if c.channel == channel)

    @property
    def is_superseded(self) -> bool:
        """A browser's word that another action stands for."""
        return bool(self.deliveries) and all(d.reason == "superseded" for d in self.deliveries)


class OrderSeen(Struct, frozen=True, kw_only=True):
    """The order by the policy of today. ``lines``: from its total to what a Purchase is worth, part by part.

    ``carts``: what its cart may have been told as, by name: shops tell it with or without taxes and discounts.
    """

    order_id: str
    number: str
    placed_at: int
    state: str
    method: str
    paid: str
    test: bool
    value: str | None
    currency: str | None
    lines: tuple[tuple[str, str], ...]
    contained: tuple[tuple[str, str], ...]
    goods: int
    goods_value: str | None
    carts: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    action: int | None


class AgainSeen(Struct, frozen=True, kw_only=True):
    """What came after somebody said that the pages are loaded again. ``pages``: copies that show that they were, ``loaded``: of
    which pages."""

    pages: int
    copies: tuple[tuple[str, str, int], ...]  # name, event id, position
    earlier: tuple[str, ...]  # event ids of before
    loaded: tuple[str, ...] = ()


class RefusalSeen(Struct, frozen=True, kw_only=True):
    """What came of a visit that refused: its copies' consent, and where its actions stand."""

    seen: int
    consents: tuple[str, ...]
    orders: tuple[str, ...]
    actions: tuple[ActionSeen, ...]


class Gathered(Struct, frozen=True, kw_only=True):
    """Everything that is judged of the events and the order. ``again`` None: nobody loaded a page again. ``begun``: up to where the
    journal went when the run began; what stands before proves nothing of it."""

    events: dict[str, tuple[ActionSeen, ...]]
    path: tuple[tuple[str, int, int], ...]  # name, event time, position of the first browser copies, in order
    opened: bool
    order: OrderSeen | None
    again: AgainSeen | None
    refusal: RefusalSeen | None
    behind: bool  # the shop is busy: not all copies are read yet
    begun: int = 0


class Wanted(Struct, frozen=True, kw_only=True):
    """Which run, as its entries say. ``started_ms``, positions of the journal, what a person named."""

    dataset: str
    code: str
    position: int
    started_ms: int
    refusal_code: str
    order: str = ""
    named: dict[str, str] = {}  # event name -> event id that somebody typed in
    reload_position: int | None = None
    refused: bool = False
    refused_order: str = ""


def gather(folder: Path, plan: Plan, wanted: Wanted, policy_of: PolicyOf, now: int) -> Gathered:
    """What is there now. ``now``: Unix s."""
    trail = trail_of(folder, wanted.dataset, wanted.code, wanted.position, wanted.started_ms)
    with journal_of(folder) as journal, Reader(folder) as reader:
        orders = _orders(folder, policy_of, now, wanted.dataset, wanted.order) if wanted.order else []
        events = {
            e.name: _actions(journal, reader, plan, wanted, trail.seen, orders, e.name) for e in plan.event
        }  # fmt: skip
        deciding = events[plan.decides]
        order = orders[0] if orders else _order_of(folder, policy_of, now, wanted.dataset, deciding)
        if order is not None and order.action is not None:
            own = action_seen(journal, reader, order.action)
            if own is not None and own.name == plan.decides and own.action not in {a.action for a in deciding}:
                events[plan.decides] = (*deciding, own)
        refusal = _refusal(folder, journal, reader, wanted, policy_of, now)
    return Gathered(
        events=events, path=_path(trail.seen, plan), opened=bool(trail.marks), order=order,
        again=_again(trail.seen, plan, wanted), refusal=refusal, behind=trail.behind, begun=wanted.position,
    )  # fmt: skip


# -- actions


def _actions(
    journal: Journal, reader: Reader, plan: Plan, wanted: Wanted, seen: Sequence[Seen], orders: Sequence[OrderSeen], name: str,
) -> tuple[ActionSeen, ...]:  # fmt: skip
    numbers = [s.action for s in seen if s.name == name]
    if name in wanted.named:
        rows = reader.rows(
            "actions", {"dataset": wanted.dataset, "name": name, "id": wanted.named[name]}, limit=MOST_ACTIONS
        )
        numbers += [row["id"] for row in rows]
    if name == plan.decides:
        numbers += [o.action for o in orders if o.action is not None]
    found: dict[int, ActionSeen] = {}
    for number in dict.fromkeys(numbers):
        one = action_seen(journal, reader, number)
        if one is not None and len(found) < MOST_ACTIONS:
            found.setdefault(one.action, one)
    if name == "Purchase":
        for one in list(found.values()):
            same = journal.run("console_same_purchase", (wanted.position, wanted.dataset, one.event_id, one.order_id))
            for (number,) in same:
                other = action_seen(journal, reader, number)
                if other is not None:
                    found.setdefault(other.action, other)
    return tuple(found.values())


def action_seen(journal: Journal, reader: Reader, number: int) -> ActionSeen | None:
    """One action, as what it was merged into."""
    rows = journal.run("console_action", (number,))
    if rows and rows[0][6] is not None:
        number = rows[0][6]
        rows = journal.run("console_action", (number,))
    if not rows:
        return None
    name, event_id, _, value, currency, order_id, _ = rows[0]
    copies = [_copy(row[0], row[1], row[9]) for row in journal.run("console_action_copies", (number,))]
    return ActionSeen(
        action=number, name=name, event_id=event_id, value=_text(value), currency=currency, order_id=order_id,
        copies=tuple(c for c in copies if c is not None),
        deliveries=tuple(_delivery(reader, row) for row in journal.run("console_action_deliveries", (number,))),
    )  # fmt: skip


def _copy(position: int, received_at: int, body: bytes) -> CopySeen | None:
    event = readable_event(body)
    if event is None:
        return None
    custom = event.custom_data
    return CopySeen(
        position=position, received_at=received_at, event_time=event.event_time, channel=event.channel.value,
        sender=event.sender, event_id=event.event_id, id_given=event.id_given, page=_page(event), consent=event.consent.value,
        keys=tuple(sorted(present_keys(event.user_data))), value=_text(custom.value), currency=custom.currency,
        num_items=_pieces(custom), content_ids=custom.content_ids or tuple(c.id for c in custom.contents),
        content_type=custom.content_type, order_id=custom.order_id, other=tuple(sorted(custom.other)),
        digest=sha256(body).hexdigest(),
    )  # fmt: skip


def _page(event: Event) -> str:
    return (event.event_source_url or "").partition("?")[0].partition("#")[0]


def _pieces(custom: CustomData) -> int | None:
    if custom.num_items is not None:
        return custom.num_items
    counts = [c.quantity for c in custom.contents if c.quantity is not None]
    return sum(counts) if counts and len(counts) == len(custom.contents) else None


def _delivery(reader: Reader, row: Sequence[Any]) -> DeliverySeen:
    number, destination, state, reason, _ = row
    payload = reader.frozen_payload(number)
    return DeliverySeen(
        destination=destination, state=state, reason=reason or "", payload=_shown(payload) if payload else None,
        digest=sha256(payload).hexdigest() if payload else "", tries=tuple(_try(a) for a in reader.attempts(number)),
    )  # fmt: skip


def _try(row: dict[str, Any]) -> TrySeen:
    trace = _TRACED.match(row["note"] or "")
    return TrySeen(
        at=row["started_at"], outcome=row["outcome"], status=row["status"], code=row["code"] or "",
        trace=trace[1] if trace else "",
    )  # fmt: skip


def _shown(payload: bytes) -> dict[str, Any]:
    """What left, with the names of what names a person, and addresses without what stands behind their path."""
    try:
        tree = _decode(payload)
    except msgspec.DecodeError:
        return {}
    if not isinstance(tree, dict):
        return {}
    shown = {k: sorted(v) if k in _PRIVATE and isinstance(v, dict) else v for k, v in tree.items()}
    for name in ("event_source_url", "referrer_url"):
        address = shown.get(name)
        if isinstance(address, str):
            shown[name] = address.partition("?")[0].partition("#")[0]
    return shown


# -- the order


def _order_of(
    folder: Path, policy_of: PolicyOf, now: int, dataset: str, deciding: Iterable[ActionSeen]
) -> OrderSeen | None:
    for one in deciding:
        names = [one.order_id, *(c.order_id for c in one.copies)]
        for name in dict.fromkeys(n for n in names if n):
            found = _orders(folder, policy_of, now, dataset, name)
            if found:
                return found[0]
    return None


def _orders(folder: Path, policy_of: PolicyOf, now: int, dataset: str, order: str) -> list[OrderSeen]:
    return [_order(row) for row in show_order(folder, policy_of, now, order, dataset=dataset)]


def _order(row: dict[str, Any]) -> OrderSeen:
    known, valued = row["known"], row["value"] or {}
    lines = [("total", _text(valued["total"]) or "")] if valued else []
    lines += [(part, f"-{amount:f}") for part, amount in (valued.get("left_out") or {}).items()]
    contained = [(part, _text(amount) or "") for part, amount in (valued.get("contained") or {}).items()]
    goods = known.get("lines") or []
    aliases = [a for fact in row["facts"] for a in fact["aliases"]]
    return OrderSeen(
        order_id=row["order_id"], number=next((a.partition(":")[2] for a in aliases if a.startswith("number:")), ""),
        placed_at=row["placed_at"], state=row["state"], method=str(row["method"]), paid=str(known.get("paid") or ""),
        test=bool(known.get("test")), value=_text(valued.get("value")), currency=valued.get("currency"), lines=tuple(lines),
        contained=tuple(contained), goods=sum(g.get("quantity", 1) for g in goods), goods_value=_goods_value(goods),
        carts=tuple(_carts(goods, valued)),
        sources=tuple(known.get("sources") or ()), action=row["action"],
    )  # fmt: skip


def _goods_value(goods: Sequence[dict[str, Any]]) -> str | None:
    """What the cart's goods cost, before discounts of the order; None where a line has no price."""
    prices = [g.get("shown_price", g.get("price")) for g in goods]
    costs = [Decimal(p) * g.get("quantity", 1) for p, g in zip(prices, goods, strict=True) if p is not None]
    return _text(sum(costs, Decimal(0))) if goods and len(costs) == len(goods) else None


def _carts(goods: Sequence[dict[str, Any]], valued: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Goods before and after their discounts, and the total without shipping, with and without taxes."""
    before = _goods_value(goods)
    if before is not None:
        yield "goods", before
        off = sum((Decimal(g.get("discount") or 0) for g in goods), Decimal(0))
        if off:
            yield "goods after discounts", f"{Decimal(before) - off:f}"
    if not valued:
        return
    contained = {k: Decimal(v) for k, v in (valued.get("contained") or {}).items()}
    shipping, its_tax = contained.get("shipping", Decimal(0)), contained.get("shipping_tax", Decimal(0))
    total, tax = Decimal(valued["total"]), contained.get("tax", Decimal(0))
    yield "total without shipping", f"{total - shipping - its_tax:f}"
    if tax:
        yield "total without shipping and taxes", f"{total - shipping - tax:f}"
    yield "total", f"{total:f}"


# -- the second load, and the refusal


def _path(seen: Sequence[Seen], plan: Plan) -> tuple[tuple[str, int, int], ...]:
    first: dict[str, Seen] = {}
    for one in sorted(seen, key=lambda s: (s.event_time, s.position)):
        first.setdefault(one.name, one)
    wanted = [first[e.name] for e in plan.event if e.name in first]
    return tuple((s.name, s.event_time, s.position) for s in wanted)


def _again(seen: Sequence[Seen], plan: Plan, wanted: Wanted) -> AgainSeen | None:
    if wanted.reload_position is None:
        return None
    later = [s for s in seen if s.position > wanted.reload_position]
    planned = {e.name for e in plan.event}
    return AgainSeen(
        pages=len(later), copies=tuple((s.name, s.event_id, s.position) for s in later if s.name in planned),
        earlier=tuple(sorted({s.event_id for s in seen if s.position <= wanted.reload_position and s.name in planned})),
        loaded=tuple(sorted({s.page for s in later if s.page})),
    )  # fmt: skip


def _refusal(
    folder: Path, journal: Journal, reader: Reader, wanted: Wanted, policy_of: PolicyOf, now: int
) -> RefusalSeen | None:
    if not wanted.refused:
        return None
    trail = trail_of(folder, wanted.dataset, wanted.refusal_code, wanted.position, wanted.started_ms)
    orders = (
        _orders(folder, policy_of, now, wanted.dataset, wanted.refused_order) if wanted.refused_order else []
    )  # fmt: skip
    numbers = [s.action for s in trail.seen] + [o.action for o in orders if o.action is not None]
    found = {a.action: a for n in dict.fromkeys(numbers) if (a := action_seen(journal, reader, n)) is not None}
    consents = {c.consent for a in found.values() for c in a.copies}
    return RefusalSeen(
        seen=len(trail.seen), consents=tuple(sorted(consents)), orders=tuple(o.number or o.order_id for o in orders),
        actions=tuple(found.values()),
    )  # fmt: skip


def position_now(folder: Path) -> int:
    """Up to where the journal goes."""
    with journal_of(folder) as journal:
        return journal.last_of(journal.only_strand("acceptance runs"))


BROWSER, SERVER = Channel.BROWSER.value, Channel.SERVER.value


def _text(value: Any) -> str | None:
    """An amount as decimal text."""
    if value is None:
        return None
    return format(value if isinstance(value, Decimal) else Decimal(str(value)), "f")
