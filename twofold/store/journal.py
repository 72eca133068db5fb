"""Journal and fold in one go: a batch of copies becomes rows, verdicts, actions, keys and deliveries.

Owns the counters that number the rows and the digest chain over them. Runs on the writer's thread inside its
transaction; a rolled back transaction gives the counters back. One batch costs the same number of engine
steps whatever its size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import astuple

from twofold.event.consent import strictest
from twofold.event.identity import fold_keys
from twofold.event.model import Consent, Event, encode
from twofold.store.engine import Engine, id_array
from twofold.store.fold import Action, Verdict, add_copy, begin_action, judge
from twofold.store.keys import FoldKeys

GENESIS = b"\0" * 8


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


class _Counters(Struct, frozen=True):
    position: int
    chain: bytes


class _Batch:
    """What one transaction is about to write."""

    __slots__ = ("actions", "by_key", "changed", "copies", "events", "keys", "merged", "new", "tally")

    def __init__(self) -> None:
        self.by_key: dict[bytes, int] = {}
        self.actions: dict[int, Action] = {}
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
    ) -> None:
        self._engine = engine
        self._routes = {
            dataset: (tuple(destination_ids[d] for d in r.destinations), r.hold_ms) for dataset, r in routes.items()
        }
        self._keys = FoldKeys(engine, window_days)
        self._refused_keep = refused_keep
        last = engine.script("select position, chain from event order by position desc limit 1")
        self._stable = self._now = _Counters(*(last[0] if last else (0, GENESIS)))

    def append(self, jobs: Sequence[AppendLike]) -> list[list[Verdict]]:
        """Writes all jobs' events and refusals; answers one list of verdicts a job."""
        verdicts: list[list[Verdict]] = []
        events = [e for j in jobs for e in j.events]
        if events:
            folded = iter(self._append_events(events))
            verdicts = [[next(folded) for _ in j.events] for j in jobs]
        else:
            verdicts = [[] for _ in jobs]
        self._append_refused([r for j in jobs for r in j.refused])
        return verdicts

    def close(self) -> None:
        self._keys.close()

    def committed(self) -> None:
        self._stable = self._now

    def rolled_back(self) -> None:
        self._now = self._stable
        self._keys.reload()

    def _append_events(self, events: Sequence[Event]) -> list[Verdict]:
        self._keys.turn(events[-1].received_at)
        keyed = [fold_keys(e) for e in events]
        batch = _Batch()
        batch.by_key = self._keys.find([k for keys in keyed for k in keys])
        self._load_actions(batch)
        verdicts = [self._append_one(batch, e, keys) for e, keys in zip(events, keyed, strict=True)]
        self._write(batch, events[-1].received_at)
        return verdicts

    def _append_one(self, batch: _Batch, event: Event, keys: list[bytes]) -> Verdict:
        position = self._now.position + 1
        action, torn = self._action_of(batch, event, keys)
        if action is None:
            destinations, hold = self._routes.get(event.dataset, ((), {}))
            action = begin_action(event, position, hold.get(event.event_name, 0), len(destinations))
            batch.actions[position] = batch.new[position] = action
            verdict, late = Verdict.FIRST, 0
        else:
            verdict = Verdict.CONFLICT if torn else judge(action, event)
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

    def _journal_row(
        self, batch: _Batch, event: Event, position: int, verdict: Verdict, action: int, late: int
    ) -> None:
        body = encode(event)
        chain = link(self._now.chain, position, verdict, action, blake2b(body, digest_size=16).digest())
        self._now = _Counters(position, chain)
        batch.tally[verdict] += 1
        batch.events.append((
            position, event.received_at, event.dataset, event.event_name, event.event_id, event.event_time,
            event.channel, event.sender, int(event.tier), verdict, action, late, body, chain,
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
            consent = strictest([event.consent, *(Consent(a.consent) for a in found)])
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
        winner.consent = strictest((Consent(winner.consent), Consent(loser.consent)))
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
            batch.actions[row[0]] = Action(**dict(zip(Action.__struct_fields__, row, strict=True)))

    def _write(self, batch: _Batch, now_ms: int) -> None:
        engine = self._engine
        engine.run_rows("insert_events", batch.events)
        if batch.new:
            engine.run_rows("insert_actions", [astuple(a) for a in batch.new.values()])
            engine.run_rows("insert_deliveries", [row for a in batch.new.values() for row in self._deliveries(a)])
        if batch.changed:
            engine.run_rows("replace_actions", [astuple(a) for a in batch.changed.values()])
            hurried = [a.id for a in batch.changed.values() if a.sealed_at is None and a.due_at <= now_ms]
            if hurried:
                engine.run("hurry_deliveries", (now_ms, id_array(hurried)))
        if batch.copies:
            engine.run_rows("insert_copies", batch.copies)
        for winner, loser in batch.merged:
            engine.run("copy_copies", (winner, loser))
            engine.run("suppress_merged", (now_ms, loser))
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


def link(before: bytes, position: int, verdict: str, action: int, body_digest: bytes) -> bytes:
    """The chain value of one journal row: 8 bytes over the row before, this row's facts and its body's digest."""
    facts = f"{position} {verdict} {action} ".encode()
    return blake2b(before + facts + body_digest, digest_size=8).digest()
