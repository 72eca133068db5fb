"""Journal and fold in one go: a batch of copies becomes rows, verdicts, actions, keys and deliveries.

Owns the counters that number the rows and the digest chain over them. Runs on the writer's thread inside its
transaction; a rolled back transaction gives the counters back. One batch costs the same number of engine
steps whatever its size.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from twofold.event.consent import consent_text, strictest_text
from twofold.event.identity import ORDER_EVENTS, fold_keys
from twofold.event.model import Event, Tier, encode
from twofold.store.engine import Engine, id_array
from twofold.store.fold import Action, Verdict, add_copy, begin_action, judge
from twofold.store.keys import FoldKeys
from twofold.store.orders import Applied, OrderEntry, Orders
from twofold.store.people import People

GENESIS = b"\0" * 8
SALT = 8
"""Random bytes behind each chain value, part of the body's digest. They go when the body is redacted, so that nobody can
test by the digest that is kept whether a guessed value stood there."""


class RefusedRow(NamedTuple):
    """One row of the refused table, in its column order; the body is masked already."""

    received_at: int
    entry: str
    dataset: str
    event_name: str
    event_id: str
    reason: str
    place: int | None
    path: str
    expected: str
    got: str
    size: int
    body: str


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

    __slots__ = ("actions", "by_key", "changed", "consents", "copies", "events", "keys", "merged", "new", "tally")

    def __init__(self) -> None:
        self.by_key: dict[bytes, int] = {}
        self.actions: dict[int, Action] = {}
        self.consents: dict[int, str] = {}  # of the actions as they were read
        self.new: dict[int, Action] = {}
        self.changed: dict[int, Action] = {}
        self.merged: list[tuple[int, int]] = []  # (winner, loser)
        self.events: list[tuple[Any, ...]] = []
        self.keys: list[tuple[bytes, int]] = []
        self.copies: list[tuple[int, int]] = []
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
        fresh: dict[int, tuple[Applied, Event]] = {}
        for one, entry in applied:
            if entry.copy is not None and one.row.action is None and one.row.id not in fresh and not one.state.test:
                fresh[one.row.id] = (one, entry.copy)
        owned: dict[int, int] = {}
        if fresh:
            copies = [copy for _, copy in fresh.values()]
            _, actions = self._append_events(copies)
            for (one, copy), action in zip(fresh.values(), actions, strict=True):
                owned[one.row.id] = action
                self._orders.own(one.row, action, copy)
        for one, entry in applied:
            self._orders.news(one, owned.get(one.row.id, one.row.action), entry.received_at)
        return [one.new for one, _ in applied]

    def _append_events(self, events: Sequence[Event]) -> tuple[list[Verdict], list[int]]:
        """Verdict and action of each."""
        self._keys.turn(events[-1].received_at)
        keyed = [fold_keys(e) for e in events]
        batch = _Batch()
        batch.by_key = self._keys.find([k for keys in keyed for k in keys])
        self._load_actions(batch)
        verdicts = [self._append_one(batch, e, keys) for e, keys in zip(events, keyed, strict=True)]
        self._write(batch, events[-1].received_at)
        self._people.note(events)
        return verdicts, [row[10] for row in batch.events]

    def _append_one(self, batch: _Batch, event: Event, keys: list[bytes]) -> Verdict:
        position = self._now.position + 1
        action, torn = self._action_of(batch, event, keys)
        if action is not None and _of_another_order(action, event, self._by_order(batch, event, keys)):
            # Shops copy ids from order to order. Two orders are two purchases, whatever id they were given.
            event = msgspec.structs.replace(event, event_id=f"{event.event_id}.{event.custom_data.order_id}")
            keys = fold_keys(event)
            action = None
        if action is None:
            destinations, hold = self._routes.get(event.dataset, ((), {}))
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
        for key in keys:
            if key not in batch.by_key:
                batch.by_key[key] = action.id
                batch.keys.append((key, action.id))
        self._journal_row(batch, event, position, verdict, action.id, late)
        return verdict

    def _by_order(self, batch: _Batch, event: Event, keys: list[bytes]) -> bool:
        """True when a name of its order, not only the event id, led to the action."""
        return any(key in batch.by_key for key in keys[1 if event.id_given else 0 :])

    def _journal_row(
        self, batch: _Batch, event: Event, position: int, verdict: Verdict, action: int, late: int
    ) -> None:
        body = encode(event)
        salt = os.urandom(SALT)
        chain = link(self._now.chain, position, verdict, action, body_digest(body, salt))
        self._now = _Counters(position, chain)
        batch.tally[verdict] += 1
        batch.events.append((
            position, event.received_at, event.dataset, event.event_name, event.event_id, event.event_time,
            event.channel, event.sender, int(event.tier), verdict, action, late, body, chain + salt,
        ))  # fmt: skip

    def _action_of(self, batch: _Batch, event: Event, keys: list[bytes]) -> tuple[Action | None, bool]:
        """The action these keys belong to; two that turn out to be one are merged on the way.

        True with it when the two were both sent already: nothing can be taken back, the copy is a conflict.
        """
        found: list[Action] = []
        for key in keys:
            known = batch.by_key.get(key)
            action = self._resolve(batch, known) if known is not None else None
            if action is not None and action not in found:
                found.append(action)
        if len(found) < 2:
            return (found[0] if found else None), False
        if all(a.sealed_at is not None for a in found):
            consent = consent_text(event)
            for action in found:
                consent = strictest_text(consent, action.consent)
            for action in found:  # a denial that names both stops what is still to be tried of either
                action.consent = consent
                batch.changed[action.id] = action
            return min(found, key=lambda a: a.id), True
        return self._merge(batch, found[0], found[1], event.received_at), False

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
            engine.run_rows("insert_deliveries", [row for a in batch.new.values() for row in self._deliveries(a)])
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

    def _deliveries(self, action: Action) -> list[tuple[Any, ...]]:
        return [
            (action.id * 256 + d, d, "waiting", "", action.due_at) for d in self._routes.get(action.dataset, ((), {}))[0]
        ]  # fmt: skip

    def _append_refused(self, rows: Sequence[RefusedRow]) -> None:
        if not rows:
            return
        self._engine.run_rows("insert_refused", rows)
        self._engine.run("trim_refused", (self._refused_keep,))
        counts = Counter(f"refused.{row.reason}" for row in rows)
        self._engine.run_rows("raise_tally", [*counts.items(), ("refused", len(rows))])


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
