"""Orders: facts into the ledger, their state, and which action each stands for.

Owns the tables orders, order_name and order_fact. A report is kept as it came; the state is derived from all of them
(`ledger.state`). What may be sent of an order is decided in `gates.orders`. Runs inside the store's transactions. Holds
no contact data.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

import msgspec
from msgspec import Struct

from twofold.event.identity import bare_order, is_order_name, is_secret_link, of_shop
from twofold.event.model import Event
from twofold.event.scalars import names_nobody
from twofold.ledger.model import OrderReport, decode_report, encode_report
from twofold.ledger.policy import OrderPolicy, OrderStanding, judge_order
from twofold.ledger.references import before_order
from twofold.ledger.state import (
    COURIERS,
    PAYMENT_SYSTEMS,
    Fact,
    OrderState,
    decode_state,
    derive,
    encode_state,
    is_courier,
    parcel_number,
)
from twofold.store.changed.days import ChangedDays
from twofold.store.digests import digest_16, row_digest
from twofold.store.engine import Database, id_array, key_array
from twofold.store.orders.buyers import move_buyers, put_buyers
from twofold.store.orders.customers import forget_contacts, has_forgotten
from twofold.store.orders.keys import move_order_keys, put_order_keys
from twofold.store.peers.revisions import ORDERS, Revisions
from twofold.touch.model import Sign

NEAR_S = 86_400  # a thank-you page is opened on the day of its order


class OrderEntry(Struct, frozen=True, kw_only=True):
    """One report on its way into the ledger. ``copy``: the Purchase it stands for, hashed, through all steps."""

    dataset: str
    source: str  # type and name, as "shopify:demo.myshopify.com"
    report: OrderReport
    copy: Event | None
    received_at: int  # ms
    signs: tuple[Sign, ...] = ()  # what the shop says of the order's source
    buyer: tuple[str, ...] = ()  # keyed digests, as `matching.counterparts` makes them


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
    joined: bool = False  # it told further names of an order that was known
    took: tuple[int, ...] = ()  # orders that turned out to be this one
    begun: bool = False  # nothing had been told of the order before


def _nobody_listens(_kept: int, _other: int) -> None:
    pass


class Orders:
    """``policies``: dataset to its rules; ``with_source``: datasets whose orders a shop reports; ``shops``: of datasets
    to which several shops of one system report, their names, as two of their orders may have one number. ``there``: dataset
    and destination to rules that hold for it alone."""

    def __init__(
        self,
        engine: Database,
        policies: Mapping[str, OrderPolicy],
        with_source: frozenset[str],
        shops: Mapping[str, frozenset[str]] | None = None,
        *,
        changed: ChangedDays,
        there: Mapping[tuple[str, str], OrderPolicy] | None = None,
        revisions: Revisions | None = None,
    ) -> None:
        self._engine = engine
        self._policies = policies
        self._there = there or {}
        self.with_source = with_source
        self._shops = shops or {}
        self._changed = changed
        self._revisions = revisions or Revisions(engine)
        self._revisions.listen(ORDERS, self._look)
        self._any = self._forgotten = False
        self._look()
        self.on_united: Callable[[int, int], None] = _nobody_listens

    def policy_of(self, dataset: str, destination: str = "") -> OrderPolicy:
        own = self._there.get((dataset, destination)) if self._there else None
        return own or self._policies.get(dataset) or OrderPolicy()

    def shop_of(self, dataset: str, sources: Iterable[str]) -> str:
        """Whose number an order has that these sources report, where a dataset's shops number alike; else empty."""
        return shop_among(self._shops.get(dataset), sources)

    def forget_contacts(self, before: int, limit: int) -> bool:
        """`customers.forget_contacts`: who buys from now on may be an old customer."""
        more = forget_contacts(self._engine, before, limit)
        known, self._forgotten = self._forgotten, has_forgotten(self._engine.run)
        if known != self._forgotten:
            self._revisions.raise_(ORDERS)
        return more

    def _look(self) -> None:
        """Whether there is any order, and whether any buyer was forgotten; once true, both stay so."""
        self._any = self._any or bool(self._engine.run("any_order"))
        self._forgotten = has_forgotten(self._engine.run)

    # -- what is reported

    def apply(self, entry: OrderEntry) -> Applied:
        """Keeps a report, if it says something new, and derives the order's state again."""
        applied = self._apply(entry)
        if entry.buyer:
            self._changed.order(applied.state.placed_at)
            put_buyers(
                self._engine, applied.row.id, entry.buyer, applied.state.placed_at, entry.received_at // 1000,
                begun=applied.begun, late=self._forgotten,
            )  # fmt: skip
        return applied

    def _apply(self, entry: OrderEntry) -> Applied:
        if not self._any:
            self._any = True
            self._revisions.raise_(ORDERS)
        entry, names = self._named(entry)
        body = encode_report(entry.report)
        row, took, known = self._find(names, entry)
        joined = bool(took) or not known
        if row is None:
            state = derive([Fact(entry.source, entry.report)])
            row = self._begin(entry, state)
            self._keep(row.id, entry, body)
            self._take_names((*names.all, *names.short), row.id)
            self._engine.run_rows("insert_order_names", _rows(names.parcels, row.id))
            return Applied(row, state, True, begun=True)
        self._engine.run_rows("insert_order_names", _rows((*names.all, *names.parcels), row.id))
        if not self._keep(row.id, entry, body) and not took:
            return Applied(row, decode_state(row.state), False, joined)
        return Applied(*self._derive_again(row, entry.received_at), True, joined, took)

    def _named(self, entry: OrderEntry) -> tuple[OrderEntry, _Names]:
        """A report with the names of its order. A courier names an order and not its shop: where a dataset's shops number alike
        the parcel's number says whose it is, else the order's, if one of them alone has it. Until then it goes by its parcel."""
        shops = self._shops.get(entry.dataset)
        if not shops or not entry.report.parcels or not is_courier(entry.source):
            return entry, _names(entry.dataset, entry.report, self.shop_of(entry.dataset, [entry.source]))
        waiting = msgspec.structs.replace(entry.report, order_id=before_order(entry.report.parcels[0].id))
        names = _names(entry.dataset, waiting, "")
        if self._placed(names.parcels):
            return entry, names
        numbered, known = self._numbered(entry, shops)
        names = names._replace(all=[*names.all, *numbered])
        return entry if known else msgspec.structs.replace(entry, report=waiting), names

    def _numbered(self, entry: OrderEntry, shops: Iterable[str]) -> tuple[list[bytes], bool]:
        """Names by which the order's number leads to one order, and whether it does. Where it leads to none yet, that of an order of no
        shop, for the first parcel that has the number: whoever writes orders down beside the shops may have it."""
        told = [_names(entry.dataset, entry.report, shop).all for shop in ("", *sorted(shops))]
        every = [name for names in told for name in names]
        placed = self._placed(every)
        if len(set(placed.values())) == 1:
            return list(placed), True
        taken = placed or self._engine.run("select_order_names", (key_array(every),))
        return ([] if taken else told[0]), False

    def _placed(self, names: Sequence[bytes]) -> dict[bytes, int]:
        """Of these names those of orders that somebody but couriers told of, each with its row."""
        found = dict(self._engine.run("select_order_names", (key_array(names),)))
        rows = [OrderRow(*r) for r in self._engine.run("select_orders", (id_array(sorted(set(found.values()))),))]
        placed = {r.id for r in rows if not all(map(is_courier, decode_state(r.state).sources))}
        return {name: row for name, row in found.items() if row in placed}

    def _take_names(self, names: Sequence[bytes], order: int) -> None:
        """A number may be another shop's too: it stands for the order that had it last, and the one before has a name less."""
        had = {row for _, row in self._engine.run("select_order_names", (key_array(names),))}
        for one in self._engine.run("select_orders", (id_array(sorted(had)),)) if had else ():
            self._changed.order(OrderRow(*one).placed_at)
        self._engine.run_rows("take_order_names", _rows(names, order))

    def own(self, row: OrderRow, action: int, copy: Event | None) -> None:
        """The order stands for this action from now on."""
        self._engine.run("own_action", (row.id, action, buyer_of(copy) if copy else None))
        self._changed.order(row.placed_at)
        self._changed.actions([action] if row.action is None else [action, row.action])

    def news(self, applied: Applied, action: int | None, now_ms: int) -> None:
        """After a report: the waiting Purchase is looked at again, a given up one waits again if it counts now."""
        if action is None or not applied.new:
            return
        judged = judge_order(applied.state, self.policy_of(applied.row.dataset), now_ms // 1000)
        if judged.standing is not OrderStanding.NEVER:
            self._engine.run("requeue_order", (now_ms, action))
        self._engine.run("release_order", (now_ms, action))
        self._changed.actions([action])

    def settle_owner(self, row: OrderRow, action: int, copy: Event | None) -> int:
        """The one of two actions of an order that it stands for: the higher tier's; of equals, what went further."""
        if row.action is not None and row.action != action:
            tiers = self.tiers_of([row.action, action])
            theirs, ours = tiers.get(row.action, 0), tiers.get(action, 0)
            if theirs > ours or (theirs == ours and self.how_far(row.action) >= self.how_far(action)):
                return row.action
        self.own(row, action, copy)
        return action

    def tiers_of(self, actions: Sequence[int]) -> dict[int, int]:
        """The highest tier that spoke for each of these actions."""
        return dict(self._engine.run("select_tiers", (id_array(actions),)))

    def owner_of(self, action: int) -> int | None:
        """Which order stands for an action."""
        rows = self._engine.run("select_order_of_action", (action,))
        return OrderRow(*rows[0]).id if rows else None

    def how_far(self, action: int, destination: int | None = None) -> int:
        """3 delivered, 2 sent and nobody knows whether it arrived, 1 under way, 0 not sent; to one or any."""
        first, last = (0, 255) if destination is None else (destination, destination)
        return self._engine.run("how_far_sent", (action * 256 + first, action * 256 + last))[0][0] or 0

    def is_under_way(self, action: int) -> bool:
        """True while anything of an action waits or has arrived."""
        return bool(self._engine.run("is_under_way", (action * 256, action * 256 + 255)))

    def _find(self, names: _Names, entry: OrderEntry) -> tuple[OrderRow | None, tuple[int, ...], bool]:
        """The order of these names, which others turned out to be it, and whether all names were its own already."""
        found = dict(self._engine.run("select_order_names", (key_array(names.all),)))
        found |= self._by_parcel(names, entry, bool(found))
        if not found:
            return None, (), False
        sure = {found[name] for name in names.sure if name in found}
        rows = [OrderRow(*r) for r in self._engine.run("select_orders", (id_array(sorted(set(found.values()))),))]
        rows = [r for r in rows if r.id in sure or not self._is_another(r, entry)]
        if not rows:
            return None, (), False
        if len(rows) > 1:
            rows.sort(key=lambda r: (r.action is None, -self.how_far(r.action) if r.action else 0, r.id))
            for other in rows[1:]:
                self._unite(rows[0], other)
        return rows[0], tuple(r.id for r in rows[1:]), all(n in found for n in names.all)

    def _by_parcel(self, names: _Names, entry: OrderEntry, named: bool) -> dict[bytes, int]:
        """Orders that a report's parcels lead to. One parcel may hold several orders and a shop knows its own, so a shop's
        report finds by its parcels only what a courier told before there was an order."""
        if not names.parcels:
            return {}
        found = dict(self._engine.run("select_order_names", (key_array(names.parcels),)))
        if found and (named or not is_courier(entry.source)):
            rows = [OrderRow(*r) for r in self._engine.run("select_orders", (id_array(sorted(set(found.values()))),))]
            waiting = {r.id for r in rows if all(map(is_courier, decode_state(r.state).sources))}
            found = {name: row for name, row in found.items() if row in waiting}
        return found

    def _is_another(self, row: OrderRow, entry: OrderEntry) -> bool:
        """True when the same kind of shop reported this row under another order id: two shops number alike."""
        kind = _kind_of(entry.source)
        state = decode_state(row.state)
        if state.order_id == entry.report.order_id or kind in PAYMENT_SYSTEMS or kind in COURIERS:
            return False
        if kind not in map(_kind_of, state.sources):
            return False
        facts = self._engine.run("select_order_facts", (row.id,))
        own = {decode_report(body).order_id for source, body in facts if _kind_of(source) == kind}
        return entry.report.order_id not in own

    def _unite(self, kept: OrderRow, other: OrderRow) -> None:
        """Two orders turned out to be one: it takes the other's names and facts."""
        engine = self._engine
        engine.run("mark_outcome_sent", (kept.id, other.outcomes))
        engine.run_rows(
            "take_order_names", _rows([name for (name,) in engine.run("names_of_order", (other.id,))], kept.id)
        )
        move_order_keys(engine, kept.id, other.id)
        engine.run("move_order_facts", (kept.id, other.id))
        move_buyers(engine, kept.id, other.id)
        self.on_united(kept.id, other.id)
        engine.run("drop_order_facts", (other.id,))
        engine.run("drop_order", (other.id,))
        self._changed.order(other.placed_at)
        self._changed.actions([a for a in (kept.action, other.action) if a is not None])

    def _begin(self, entry: OrderEntry, state: OrderState) -> OrderRow:
        body = encode_state(state)
        digest = row_digest(state.order_id, state.placed_at, body)
        self._changed.order(state.placed_at)
        values = (entry.dataset, state.order_id, state.placed_at, entry.received_at, body, digest)
        number = self._engine.run("insert_order", values)[0][0]
        return OrderRow(number, entry.dataset, state.order_id, state.placed_at, None, None, 0, body)

    def _keep(self, order: int, entry: OrderEntry, body: bytes) -> bool:
        report = entry.report
        if report.snapshot and report.snapshot.replaces:
            # No name of its own: by it the order that was replaced finds this one.
            shop = self.shop_of(entry.dataset, [entry.source])
            replaced = name_of(
                entry.dataset, of_shop(shop, "order:", f"replaces:{report.snapshot.replaces.lstrip('#')}")
            )
            self._engine.run_rows("insert_order_names", _rows([replaced], order))
        values = (
            order, entry.received_at, report.at, report.kind, entry.source, report.reference,
            digest_of_report(entry.source, report), body,
            row_digest(entry.received_at, report.at, report.kind, entry.source, report.reference, body),
        )  # fmt: skip
        self._engine.run("insert_order_fact", values)
        if not self._engine.changes():
            return False
        put_order_keys(self._engine, order, [report])
        return True

    def _derive_again(self, row: OrderRow, now_ms: int) -> tuple[OrderRow, OrderState]:
        facts = [
            Fact(source, decode_report(body)) for source, body in self._engine.run("select_order_facts", (row.id,))
        ]
        state = derive(facts)
        body = encode_state(state)
        digest = row_digest(state.order_id, state.placed_at, body)
        self._changed.order(row.placed_at)
        self._changed.order(state.placed_at)
        self._engine.run("update_order", (row.id, state.order_id, state.placed_at, now_ms, body, digest))
        return row._replace(order_id=state.order_id, placed_at=state.placed_at, state=body), state

    # -- what the gate asks

    def needed(self) -> bool:
        """False while no order is known."""
        return self._any

    def order_of(self, action: int, event: Event) -> OrderRow | None:
        """The order that an action stands for, or would by the names in its event."""
        if not self._any:
            return None
        rows = self._engine.run("select_order_of_action", (action,))
        if rows:
            return OrderRow(*rows[0])
        names = _names_of_event(event, event.shop)
        if not names:
            return None
        if event.dataset in self._shops and not event.shop:
            return self._of_some_shop(event)
        found = dict(self._engine.run("select_order_names", (key_array(names),)))
        # Its own order id first: what else it is bound to can be wrong.
        order = next((found[name] for name in names if name in found), None)
        if order is None:
            return self._of_number(event)
        return OrderRow(*self._engine.run("select_orders", (id_array([order]),))[0])

    def are_one(self, event: Event, *names: str) -> bool:
        """True when the ledger knows an order by all of these names, ids or numbers. ``event``: of which dataset and shop."""
        shop, found = event.shop, []
        for said in names:
            number = f"number:{said}"
            keys = [
                name_of_order(event.dataset, said, shop),
                name_of(event.dataset, of_shop(shop, number, _short(number))),
            ]
            found.append({order for _, order in self._engine.run("select_order_names", (key_array(keys),))})
        return bool(set.intersection(*found))

    def proves(self, order: int, copy: Event) -> bool:
        """True when a browser's copy is the buyer's of an order, as `proved` has it. ``order``: its row's id."""
        return bool(self.proved(OrderRow(*self._engine.run("select_orders", (id_array([order]),))[0]), [copy]))

    def naming(self, row: OrderRow, copies: Iterable[Event]) -> list[Event]:
        """Of copies that came together those that name this order, or none at all."""
        shop = self.shop_of(row.dataset, decode_state(row.state).sources) if row.dataset in self._shops else ""
        names = {name for (name,) in self._engine.run("names_of_order", (row.id,))}

        def leads_here(copy: Event) -> bool:
            said = copy.custom_data.order_id
            if not said:
                return True
            number = f"number:{said}"
            short = name_of(copy.dataset, of_shop(shop, number, _short(number)))
            return short in names or not names.isdisjoint(_names_of_event(copy, shop))

        return [copy for copy in copies if leads_here(copy)]

    def proved(self, row: OrderRow, copies: Iterable[Event]) -> list[Event]:
        """Of these copies those that say what nobody knows of the order but its shop and its buyer, or that bear a token which names it."""
        shop = self.shop_of(row.dataset, decode_state(row.state).sources) if row.dataset in self._shops else ""
        names = {name for (name,) in self._engine.run("names_of_order", (row.id,))}

        def is_of_it(name: str) -> bool:
            return name_of(row.dataset, of_shop(shop, name, name)) in names

        return [
            c
            for c in copies
            if (c.order_vouched and is_of_it(f"order:{bare_order(c.custom_data.order_id or '')}"))
            or any(is_secret_link(link) and is_of_it(link) for link in c.links)
        ]

    def _of_some_shop(self, event: Event) -> OrderRow | None:
        """The order of a copy that does not say which of the dataset's shops it is of: the only one near its time."""
        names = [name for shop in ("", *sorted(self._shops[event.dataset])) for name in _names_of_event(event, shop)]
        found = dict(self._engine.run("select_order_names", (key_array(names),)))
        rows = [OrderRow(*r) for r in self._engine.run("select_orders", (id_array(sorted(set(found.values()))),))]
        near = [row for row in rows if abs(event.event_time - row.placed_at) <= NEAR_S]
        return near[0] if len(near) == 1 else None

    def _of_number(self, event: Event) -> OrderRow | None:
        """The order whose short number a page told for its id. Another order's id may be written alike, so only near
        the order's own time."""
        if not event.custom_data.order_id:
            return None
        number = f"number:{event.custom_data.order_id}"
        name = name_of(event.dataset, of_shop(event.shop, number, _short(number)))
        found = dict(self._engine.run("select_order_names", (key_array([name]),)))
        rows = [OrderRow(*r) for r in self._engine.run("select_orders", (id_array(sorted(set(found.values()))),))]
        return next((r for r in rows if abs(event.event_time - r.placed_at) <= NEAR_S), None)

    def others_by_name(self, row: OrderRow, name: str) -> list[OrderRow]:
        """The other order of this name, of the same shop where shops number alike."""
        shop = self.shop_of(row.dataset, decode_state(row.state).sources) if row.dataset in self._shops else ""
        key = name_of(row.dataset, of_shop(shop, "order:", name))
        found = {order for _, order in self._engine.run("select_order_names", (key_array([key]),))}
        return [OrderRow(*r) for r in self._engine.run("select_orders", (id_array(found - {row.id}),))]

    def of_buyer(self, person: bytes, row: OrderRow, since: int, until: int) -> list[OrderRow]:
        """The buyer's other orders placed between two times, Unix s, newest first."""
        rows = self._engine.run("select_orders_of_person", (person, row.dataset, row.id, since, until))
        return [OrderRow(*values) for values in rows]


def shop_among(shops: Container[str] | None, sources: Iterable[str]) -> str:
    """The shop of these sources, where ``shops`` number alike; else empty."""
    names = (source.partition(":")[2] for source in sources)
    return next((name for name in names if shops and name in shops), "")


def name_of_order(dataset: str, order: str, shop: str = "") -> bytes:
    """The name under which an order's id, or a number that stands for it, is found."""
    return name_of(dataset, of_shop(shop, "order:", f"order:{bare_order(order)}"))


class _Names(NamedTuple):
    """Digests of an order's names. ``sure``: those that no other order can have, as they are a payment system's.
    ``short``: its numbers, where another order's id may be written alike; they lead to it near its own time only.
    ``parcels``: its parcels, by the numbers that couriers know."""

    all: list[bytes]
    sure: list[bytes]
    short: list[bytes]
    parcels: list[bytes]


def _names(dataset: str, report: OrderReport, shop: str) -> _Names:
    own = [f"order:{report.order_id}", *(a for a in report.aliases if is_order_name(a, report.order_id))]
    plain = list(dict.fromkeys(map(_as_order, own)))
    sure = [name_of(dataset, name) for name in plain if not name.startswith("order:")]
    short = [
        name_of(dataset, of_shop(shop, a, _short(a)))
        for a in report.aliases
        if a not in own and a.startswith(("number:", "name:")) and not names_nobody(a.partition(":")[2])
    ]
    numbers = {parcel_number(n) for p in report.parcels for n in (p.numbers or (p.id,)) if not names_nobody(n)}
    parcels = [name_of(dataset, f"parcel:{number}") for number in sorted(numbers)]
    return _Names([name_of(dataset, of_shop(shop, name, name)) for name in plain], sure, short, parcels)


def names_of_report(dataset: str, report: OrderReport, shop: str) -> list[bytes]:
    """Under which names the order of a report is looked for, its own id first."""
    return _names(dataset, report, shop).all


def _rows(names: Iterable[bytes], order: int) -> list[tuple[bytes, int, int]]:
    """Names as they are kept."""
    return [(name, order, name_crc(name, order)) for name in names]


def _names_of_event(event: Event, shop: str) -> list[bytes]:
    order = event.custom_data.order_id
    own = [
        *([f"order:{bare_order(order)}"] if order else []),
        *(n for n in event.links if is_order_name(n, order or "")),
    ]
    return [name_of(event.dataset, of_shop(shop, name, name)) for name in dict.fromkeys(map(_as_order, own))]


def _as_order(name: str) -> str:
    """A number that can be taken for no other order's id is as good as the id: browsers send either."""
    kind, _, value = name.partition(":")
    return f"order:{bare_order(value)}" if kind in ("order", "number", "name") else name


def _short(name: str) -> str:
    return f"number:{bare_order(name.partition(':')[2])}"


def _kind_of(source: str) -> str:
    return source.partition(":")[0]


def name_crc(name: bytes, order: int) -> int:
    """Over a name and the order it leads to: no single flipped bit leaves it as it was."""
    return crc32(order.to_bytes(8, "little", signed=True), crc32(name))


def name_of(dataset: str, name: str) -> bytes:
    """A name of an order ("kind:value") as it is kept."""
    return digest_16(f"{dataset}\0{name}".encode())


def digest_of_report(source: str, report: OrderReport) -> bytes:
    """What a report says, without how it came: topic and delivery id are in headers that nobody signed."""
    said = encode_report(msgspec.structs.replace(report, reference="", kind=""))
    return digest_16(source.encode() + b"\0" + said)


def buyer_of(event: Event) -> bytes | None:
    """Digest of the strongest match key of the buyer."""
    user = event.user_data
    key = next((h.hex for f in ("em", "ph", "external_id") for h in getattr(user, f)), None)
    return digest_16(f"{event.dataset}\0{key}".encode()) if key else None
