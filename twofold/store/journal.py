"""Journal and fold in one go: a batch of copies becomes rows, verdicts, actions, keys and deliveries.

Owns the counters that number the rows and the digest chain over them. Runs on the writer's thread inside its
transaction; a rolled back transaction gives the counters back. One batch costs the same number of engine
steps whatever its size.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from twofold.consent.state import consent_text, strictest_text
from twofold.event.identity import ORDER_EVENTS, fold_keys, order_keys
from twofold.event.model import Event, Tier, encode
from twofold.store.engine import RefusedRow
from twofold.store.fold import Action, Verdict, add_copy, begin_action, judge
from twofold.store.fold_keys import FoldKeys
from twofold.store.orders.ledger import Applied, OrderEntry, OrderRow, Orders
from twofold.store.orders.outcomes import due_outcomes, worth_looking
from twofold.store.sqlite.database import Engine, id_array
from twofold.store.visitors.browsers import People

GENESIS = b"\0" * 8
SALT = 8
"""Random bytes behind each chain value, part of the body's digest. They go when the body is redacted, so that nobody can
test by the digest that is kept whether a guessed value stood there."""


_NOWHERE: tuple[tuple[int, ...], dict[str, int]] = ((), {})


class RouteLike(Protocol):
    @property
    def destinations(self) -> tuple[str, ...]: ...
    @property
    def hold_ms(self) -> dict[str, int]: ...


class AppendLike(Protocol):
    @property
    def events(self) -> Sequence[Event]: ...
    @property
    def refused(self) -> Sequence[RefusedRow]: ...
    @property
    def orders(self) -> Sequence[OrderEntry]: ...


class _Counters(Struct, frozen=True):
    position: int
    chain: bytes


class _Batch:
    """What one transaction is about to write."""

    __slots__ = (
        "actions", "by_key", "changed", "consents", "copies", "events", "keys", "merged", "new", "owners", "salts",
        "tally",
    )  # fmt: skip

    def __init__(self, size: int) -> None:
        self.salts = os.urandom(SALT * size)  # one call: it costs a third of a microsecond
        self.by_key: dict[bytes, int] = {}
        self.actions: dict[int, Action] = {}
        self.consents: dict[int, str] = {}  # of the actions as they were read
        self.new: dict[int, Action] = {}
        self.changed: dict[int, Action] = {}
        self.merged: list[tuple[int, int]] = []  # (winner, loser)
        self.events: list[tuple[Any, ...]] = []
        self.keys: list[tuple[bytes, int]] = []
        self.copies: list[tuple[int, int]] = []
        self.owners: dict[int, int | None] = {}  # action -> the order that stands for it
        self.tally: Counter[str] = Counter()


class Journal:
    """Appends batches. ``destination_ids`` maps configured destination names to their row ids."""

    def __init__(
        self,
        engine: Engine,
        routes: Mapping[str, RouteLike],
        destination_ids: Mapping[str, int],
        window_days: int,
        refused_keep: int,
        people: People,
        orders: Orders,
    ) -> None:
        self._engine = engine
        self.told: list[bool] = []  # of the orders of the last append: did they tell something new
        self._orders = orders
        self._people = people
        self._routes = {
            dataset: (tuple(destination_ids[d] for d in r.destinations), r.hold_ms) for dataset, r in routes.items()
        }
        self._keys = FoldKeys(engine, window_days)
        self._refused_keep = refused_keep
        self.consent_changes = 0  # of actions sealed already; see `Store.consent_changes`
        last = engine.script("select position, substr(chain, 1, 8) from event order by position desc limit 1")
        self._stable = self._now = _Counters(*(last[0] if last else (0, GENESIS)))

    def append(self, jobs: Sequence[AppendLike]) -> list[list[Verdict]]:
        """Writes all jobs' events, orders and refusals; answers one list of verdicts a job, of its events only."""
        verdicts: list[list[Verdict]] = []
        events = [e for j in jobs for e in j.events]
        if events:
            folded = iter(self._append_events(events)[0])
            verdicts = [[next(folded) for _ in j.events] for j in jobs]
        else:
            verdicts = [[] for _ in jobs]
        entries = [o for j in jobs for o in j.orders]
        self.told = self._append_orders(entries) if entries else []
        self._append_refused([r for j in jobs for r in j.refused])
        return verdicts

    def close(self) -> None:
        self._keys.close()

    def committed(self) -> None:
        self._stable = self._now

    def rolled_back(self) -> None:
        self._now = self._stable
        self._keys.reload()
        self._people.rolled_back()

    def _append_orders(self, entries: Sequence[OrderEntry]) -> list[bool]:
        """Reports into the ledger, True for each that told something new; the first copy of an order's Purchase is folded, and the order owns its action."""
        applied = [(self._orders.apply(entry), entry) for entry in entries]
        latest = _latest([one for one, _ in applied])
        fresh: dict[int, tuple[Applied, Event]] = {}
        for one, entry in applied:
            order = latest[one.row.id]
            if entry.copy is None or order.row.id in fresh or order.state.test:
                continue
            # Of an order that has its action a copy is folded for its names: they may lead to a further action, or
            # a browser may come by them. Not when all are forgotten: it would begin another.
            if order.row.action is None or (one.joined and self._keys.find(fold_keys(entry.copy))):
                fresh[order.row.id] = (order, entry.copy)
        owned: dict[int, int] = {}
        if fresh:
            copies = [copy for _, copy in fresh.values()]
            _, actions = self._append_events(copies, list(fresh))
            for (order, copy), action in zip(fresh.values(), actions, strict=True):
                owned[order.row.id] = self._orders.settle_owner(order.row, action, copy)
        told = {latest[one.row.id].row.id for one, _ in applied if one.new}
        owned |= self._waiting_for(
            (one, entry)
            for one, entry in applied
            if one.row.id in told and one.row.action is None and one.row.id not in owned
        )
        for one, entry in applied:
            if one is latest[one.row.id] and one.row.id in told:
                one = msgspec.structs.replace(one, new=True)
                self._orders.news(one, owned.get(one.row.id, one.row.action), entry.received_at)
        self._append_outcomes([one.row for one in latest.values()], entries[-1].received_at)
        return [one.new for one, _ in applied]

    def _waiting_for(self, reports: Iterable[tuple[Applied, OrderEntry]]) -> dict[int, int]:
        """Order to the Purchase that came without it, for reports without a copy of their own: news for it, too."""
        keys = {
            key: one.row.id
            for one, entry in reports
            for key in order_keys(entry.dataset, "Purchase", entry.report.order_id, entry.report.aliases)
        }
        return {keys[key]: action for key, action in self._keys.find(list(keys)).items()}

    def _append_outcomes(self, rows: Sequence[OrderRow], now_ms: int) -> None:
        """Events for the ends of orders that were sent, once each: the order's row keeps which were told."""
        orders = worth_looking(rows, self._orders.policy_of)
        due = due_outcomes(self._engine, orders, self._orders.policy_of, now_ms) if orders else []
        if due:
            self._append_events([one.event for one in due])
            for one in due:
                self._engine.run("told_outcome", (one.order, one.bit))

    def _append_events(self, events: Sequence[Event], orders: Sequence[int] = ()) -> tuple[list[Verdict], list[int]]:
        """Verdict and action of each. ``orders``: the ledger's row of each, where a shop reported them."""
        self._keys.turn(events[-1].received_at)
        keyed = [fold_keys(e) for e in events]
        batch = _Batch(len(events))
        batch.by_key = self._keys.find([k for keys in keyed for k in keys])
        self._load_actions(batch)
        rows: Sequence[int | None] = orders or [None] * len(events)
        verdicts = [self._append_one(batch, *one) for one in zip(events, keyed, rows, strict=True)]
        self._write(batch, events[-1].received_at)
        self._people.note(events)
        return verdicts, [row[10] for row in batch.events]

    def _append_one(self, batch: _Batch, event: Event, keys: list[bytes], order: int | None) -> Verdict:
        position = self._now.position + 1
        action, torn, strange = self._action_of(batch, event, keys, order)
        owner = self._owner(batch, action) if action is not None and order is not None else None
        if (
            action is not None
            and owner is None
            and _of_another_order(action, event, self._by_order(batch, event, keys))
        ):
            action, strange = None, True
        if strange and event.id_given and self._leads_elsewhere(batch, keys[0], action):
            # Shops copy ids from order to order. Two orders are two purchases, whatever id they were given.
            event = msgspec.structs.replace(event, event_id=f"{event.event_id}.{event.custom_data.order_id}")
            keys = fold_keys(event)
        if action is None:
            destinations, hold = self._routes.get(event.dataset, _NOWHERE)
            action = begin_action(event, position, hold.get(event.event_name, 0), len(destinations))
            batch.actions[position] = batch.new[position] = action
            verdict, late = Verdict.FIRST, 0
        else:
            verdict = Verdict.CONFLICT if torn else judge(action, event, self._by_order(batch, event, keys))
            late = int(action.sealed_at is not None)
            add_copy(action, event)
            batch.copies.append((action.id, position))
            if action.id not in batch.new:
                batch.changed[action.id] = action
        if order is not None:
            batch.owners[action.id] = order
        for key in keys:
            if key not in batch.by_key:
                batch.by_key[key] = action.id
                batch.keys.append((key, action.id))
        self._journal_row(batch, event, position, verdict, action.id, late)
        return verdict

    def _leads_elsewhere(self, batch: _Batch, key: bytes, action: Action | None) -> bool:
        """True when a key is another action's."""
        return key in batch.by_key and self._resolve(batch, batch.by_key[key]) is not action

    def _by_order(self, batch: _Batch, event: Event, keys: list[bytes]) -> bool:
        """True when a name of its order, not only the event id, led to the action."""
        return any(key in batch.by_key for key in keys[1 if event.id_given else 0 :])

    def _journal_row(
        self, batch: _Batch, event: Event, position: int, verdict: Verdict, action: int, late: int
    ) -> None:
        body = encode(event)
        at = SALT * len(batch.events)
        salt = batch.salts[at : at + SALT]
        chain = link(self._now.chain, position, verdict, action, body_digest(body, salt))
        self._now = _Counters(position, chain)
        batch.tally[verdict] += 1
        batch.events.append((
            position, event.received_at, event.dataset, event.event_name, event.event_id, event.event_time,
            event.channel, event.sender, int(event.tier), verdict, action, late, body, chain + salt,
        ))  # fmt: skip

    def _action_of(
        self, batch: _Batch, event: Event, keys: list[bytes], order: int | None
    ) -> tuple[Action | None, bool, bool]:
        """The action these keys belong to; several that turn out to be one are merged on the way.

        The second is True when two of them were sent already: nothing can be taken back, the copy is a conflict. The
        third when an action of another order was left out: an id or a number of an order can be another's too.
        """
        found: list[Action] = []
        for key in keys:
            known = batch.by_key.get(key)
            action = self._resolve(batch, known) if known is not None else None
            if action is not None and action not in found:
                found.append(action)
        strange = False
        if order is not None or len(found) > 1:
            of_it = self._of_one_order(batch, event, keys, found, order)
            strange, found = len(of_it) < len(found), of_it
        if len(found) < 2:
            return (found[0] if found else None), False, strange
        if sum(a.sealed_at is not None for a in found) > 1:
            consent = consent_text(event)
            for action in found:
                consent = strictest_text(consent, action.consent)
            for action in found:  # a denial that names both stops what is still to be tried of either
                action.consent = consent
                batch.changed[action.id] = action
            return min((a for a in found if a.sealed_at is not None), key=lambda a: a.id), True, strange
        winner = found[0]
        for action in found[1:]:
            winner = self._merge(batch, winner, action, event.received_at)
        return winner, False, strange

    def _of_one_order(
        self, batch: _Batch, event: Event, keys: list[bytes], found: list[Action], order: int | None
    ) -> list[Action]:
        """Those that can be one: not the actions of two orders. A copy without an order of its own goes by its names."""
        owners = {a.id: self._owner(batch, a) for a in found}
        if order is None:
            known = {owner for owner in owners.values() if owner is not None}
            if len(known) < 2:
                return found
            by_name = (batch.by_key[key] for key in keys[1 if event.id_given else 0 :] if key in batch.by_key)
            named = (self._resolve(batch, action) for action in by_name)
            order = next((owners[a.id] for a in named if a is not None and owners[a.id] is not None), min(known))
        return [a for a in found if owners[a.id] in (None, order)]

    def _owner(self, batch: _Batch, action: Action) -> int | None:
        """The order that stands for an action, also when this batch made it so."""
        if action.id not in batch.owners:
            batch.owners[action.id] = self._orders.owner_of(action.id) if action.id not in batch.new else None
        return batch.owners[action.id]

    def _merge(self, batch: _Batch, a: Action, b: Action, now_ms: int) -> Action:
        """Two actions with one order or id between them, not both sent: the sent one, else the earlier, takes both."""
        winner, loser = sorted((a, b), key=lambda x: (x.sealed_at is None, x.id))
        loser.merged_into = winner.id
        winner.copies += loser.copies
        winner.late += loser.copies if winner.sealed_at is not None else loser.late
        if winner.sealed_at is None and loser.tier > winner.tier and loser.value is not None:
            winner.value, winner.currency, winner.goods = loser.value, loser.currency, loser.goods or winner.goods
        winner.tier = max(winner.tier, loser.tier)
        if winner.channels | loser.channels != winner.channels:
            winner.due_at = min(winner.due_at, now_ms)  # both channels are here: nothing left to wait for
        winner.channels |= loser.channels
        winner.order_id = winner.order_id or loser.order_id
        winner.consent = strictest_text(winner.consent, loser.consent)
        batch.merged.append((winner.id, loser.id))
        if winner.id in batch.owners and batch.owners[winner.id] is None:
            batch.owners[winner.id] = batch.owners.get(loser.id)
        for action in (winner, loser):
            if action.id not in batch.new:
                batch.changed[action.id] = action
        return winner

    def _resolve(self, batch: _Batch, action_id: int) -> Action | None:
        action = batch.actions.get(action_id)
        while action is not None and action.merged_into is not None:
            if action.merged_into not in batch.actions:
                self._load(batch, [action.merged_into])
            action = batch.actions.get(action.merged_into)
        return action

    def _load_actions(self, batch: _Batch) -> None:
        if batch.by_key:
            self._load(batch, set(batch.by_key.values()))

    def _load(self, batch: _Batch, ids: Any) -> None:
        for row in self._engine.run("select_actions", (id_array(ids),)):
            action = Action(**dict(zip(Action.__struct_fields__, row, strict=True)))
            batch.actions[action.id], batch.consents[action.id] = action, action.consent

    def _write(self, batch: _Batch, now_ms: int) -> None:
        engine = self._engine
        engine.run_rows("insert_events", batch.events)
        if batch.new:
            engine.run_rows("insert_actions", [astuple(a) for a in batch.new.values()])
            engine.run_rows("insert_deliveries", self._deliveries(batch.new.values()))
        if batch.changed:
            engine.run_rows("replace_actions", [astuple(a) for a in batch.changed.values()])
            sealed = [a for a in batch.changed.values() if a.sealed_at is not None]
            self.consent_changes += any(a.consent != batch.consents[a.id] for a in sealed)
            hurried = [a.id for a in batch.changed.values() if a.sealed_at is None and a.due_at <= now_ms]
            if hurried:
                engine.run("hurry_deliveries", (now_ms, id_array(hurried)))
                engine.run("reopen_deliveries", (now_ms, id_array(hurried)))
        if batch.copies:
            engine.run_rows("insert_copies", batch.copies)
        for winner, loser in batch.merged:
            engine.run("copy_copies", (winner, loser))
            engine.run("suppress_merged", (now_ms, loser))
            engine.run("follow_merge", (winner, loser))
        self._keys.insert(batch.keys, now_ms)
        batch.tally["accepted"] += len(batch.events)
        engine.run_rows("raise_tally", list(batch.tally.items()))

    def _deliveries(self, actions: Iterable[Action]) -> list[tuple[Any, ...]]:
        return [
            (action.id * 256 + d, d, "waiting", "", action.due_at)
            for action in actions
            for d in self._routes.get(action.dataset, _NOWHERE)[0]
        ]

    def _append_refused(self, rows: Sequence[RefusedRow]) -> None:
        if not rows:
            return
        self._engine.run_rows("insert_refused", rows)
        self._engine.run("trim_refused", (self._refused_keep,))
        counts = Counter(f"refused.{row.reason}" for row in rows)
        self._engine.run_rows("raise_tally", [*counts.items(), ("refused", len(rows))])


def _latest(applied: Sequence[Applied]) -> dict[int, Applied]:
    """Each order's row of a batch to what was applied to it last, also for rows that became part of another."""
    found: dict[int, Applied] = {}
    for one in applied:
        for gone in one.took:
            found[gone] = one
        found[one.row.id] = one
    for order, one in found.items():
        while found[one.row.id] is not one:
            one = found[one.row.id]
        found[order] = one
    return found


def _of_another_order(action: Action, event: Event, by_order: bool) -> bool:
    """A shop's word for one order under the event id of another order that a shop reported."""
    mine, theirs = event.custom_data.order_id, action.order_id
    both = event.tier >= Tier.T3 and action.tier >= Tier.T3 and event.event_name in ORDER_EVENTS
    return both and not by_order and mine is not None and theirs is not None and mine != theirs


def body_digest(body: bytes, salt: bytes) -> bytes:
    """16 bytes over a body; ``salt`` is what follows the first 8 bytes of the row's chain value."""
    return blake2b(body, digest_size=16, salt=salt).digest()


def link(before: bytes, position: int, verdict: str, action: int, body_digest: bytes) -> bytes:
    """The chain value of one journal row: 8 bytes over the row before, this row's facts and its body's digest."""
    facts = f"{position} {verdict} {action} ".encode()
    return blake2b(before + facts + body_digest, digest_size=8).digest()
