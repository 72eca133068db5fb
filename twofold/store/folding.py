"""Copies into actions: which action a copy belongs to, what it is to it, and the rows that follow.

Owns one batch from its keys to its rows: look up, judge, merge, write; one batch costs the same number of engine steps
whatever its size. What a copy changes of an action is in `fold`, whose order it names in `folds.named_orders`, the keys' tables in
`fold_keys`, the journal's numbers and chain in `journal`. Runs inside the transaction of whoever appends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec.structs import astuple

from twofold.consent.state import consent_text, strictest_text
from twofold.event.identity import ORDER_EVENTS, fold_keys, named_order
from twofold.event.model import Consent, Event, Tier
from twofold.store.changed.days import ChangedDays
from twofold.store.engine import Database, FoldKeys, id_array
from twofold.store.evidence import EvidenceOf, Superseded
from twofold.store.fold import Action, FoldVerdict, add_copy, begin_action, differs_in_money, judge
from twofold.store.folds.batch import Batch
from twofold.store.folds.named_orders import NamedOrders, is_another_order
from twofold.store.gates.holds import hold_of
from twofold.store.gates.releases import follow_merged
from twofold.store.journal import Journal
from twofold.store.ladder import admit, heard
from twofold.store.orders.ledger import Orders
from twofold.store.peers.revisions import CONSENT, Revisions
from twofold.store.visitors.browsers import Browsers

_NOWHERE: tuple[tuple[int, ...], dict[str, int]] = ((), {})


class RouteLike(Protocol):
    @property
    def destinations(self) -> tuple[str, ...]: ...
    @property
    def hold_ms(self) -> dict[str, int]: ...
    @property
    def holds(self) -> dict[str, dict[str, int]]: ...


class _Lookup(NamedTuple):
    """What the keys of a copy led to."""

    action: Action | None
    is_conflict: bool = False  # two of them were sent already: nothing can be taken back
    other_order: bool = False  # an action of another order was left out: an id or a number of an order can be another's
    counts: bool = True  # False: a lone claim about what a higher tier reported; it alters nothing
    over: tuple[Action, ...] = ()  # of lower tiers: the copy's action stands for them from now on


_NO_ACTION = _Lookup(None)
SEVERAL = 3
"""From so many destinations on the rows of an action are not listed as due with its accept: one place in a list costs less than three."""
LATEST_RECEIVED = "latest_received"
"""The name of a note: when the latest copy came, where others came after it by a clock that was set back."""

KEYS_SPARED = "keys_spared"
"""The name of a note: when the time moved ahead at once, from which on no key is forgotten for a whole window."""
MOVED_MS = 86_400_000
"""By less than a day the time may move, and each key is remembered for as long as an event is young enough to be sent."""


class Folding:
    """Folds batches. ``destination_ids`` maps configured destination names to their row ids."""

    def __init__(
        self,
        engine: Database,
        journal: Journal,
        routes: Mapping[str, RouteLike],
        destination_ids: Mapping[str, int],
        keys: FoldKeys,
        people: Browsers,
        orders: Orders,
        superseded: Superseded,
        changed: ChangedDays,
        revisions: Revisions | None = None,
    ) -> None:
        self._revisions = revisions or Revisions(engine)
        self._revisions.listen(CONSENT, self._heard)
        self._engine = engine
        self._journal = journal
        self._orders = orders
        self._people = people
        self._routes = {
            dataset: (tuple(destination_ids[d] for d in r.destinations), r.hold_ms) for dataset, r in routes.items()
        }
        self._holds = {
            (dataset, destination_ids[d]): own
            for dataset, r in routes.items()
            for d, own in r.holds.items()
            if own and d in destination_ids
        }
        self.sure: Callable[[int], int] = lambda now_ms: now_ms  # keys are forgotten by the time that is certain
        self._keys = keys
        self._evidence = EvidenceOf(engine)
        self._named = NamedOrders(orders, self._evidence)
        self._superseded = superseded
        self._changed = changed
        self.consent_changes = 0  # of actions sealed already; see `Store.consent_changes`
        self.latest_ms = 0  # when the latest copy came, by any clock: not the last one, where a clock was set back
        self._kept_ms = 0  # the same, as the next process will find it
        # When the time moved ahead at once, and the same, as the next process will find it.
        self._spared_ms = self._spared_kept_ms = 0
        rows = engine.run("select_meta", (KEYS_SPARED,))
        if rows:
            keys.spare(int(rows[0][0]))

    def find(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """Key to the action it leads to, of those that are known."""
        return self._keys.find(keys)

    def hold(self, keys: Iterable[bytes], now_ms: int) -> None:
        """Among several processes: whatever these keys name is this transaction's until its end, fold keys and browsers alike.
        All at once and sorted, so that nobody waits for somebody who waits for him."""
        if not self._revisions.alone:
            self._keys.turn(self.sure(now_ms))
            self._keys.hold(keys)

    def began(self) -> None:
        """A transaction begins, which holds nothing yet."""
        if not self._revisions.alone:
            self._keys.reload()

    def close(self) -> None:
        self._keys.close()

    def _heard(self) -> None:
        """Consent of what may be claimed already was taken back, here or elsewhere."""
        self.consent_changes += 1

    def rolled_back(self) -> None:
        self._kept_ms = self._spared_kept_ms = 0
        self._keys.reload()
        self._superseded.reload()
        self._people.rolled_back()

    def append(
        self, events: Sequence[Event], orders: Sequence[int] = (), besides: Iterable[bytes] = ()
    ) -> tuple[list[FoldVerdict], list[int]]:
        """Verdict and action of each. ``orders``: the ledger's row of each, where a shop reported them. ``besides``: what else
        the transaction is going to hold."""
        self._keys.turn(self.sure(events[-1].received_at))
        self._note_time(events)
        keyed = [fold_keys(e) for e in events]
        news = self._people.news(events)
        if not self._revisions.alone:
            own = self._people.keys_of(news)
            self.hold({*(k for keys in keyed for k in keys), *own, *besides}, events[-1].received_at)
        self._changed.came(self._journal.position + 1, events[-1].received_at)
        batch = Batch(self._engine, self._revisions, len(events))
        batch.by_key = self._keys.find([k for keys in keyed for k in keys])
        if batch.by_key:
            batch.load(set(batch.by_key.values()))
        self._people.hold_those_of(news)
        self._evidence.prepare(events, keyed, batch.by_key, batch.actions)
        rows: Sequence[int | None] = orders or [None] * len(events)
        verdicts = [self._append_one(batch, *one) for one in zip(events, keyed, rows, strict=True)]
        self._write(batch, events[-1].received_at)
        self._people.write(news)
        return verdicts, [row[10] for row in batch.events]

    def _note_time(self, events: Sequence[Event]) -> None:
        """The last copy's time is in its row. Where an earlier one is later, as a clock was set back, that is written down for the
        next process: a withdrawal must not be before anything that is here."""
        self.latest_ms = max(self.latest_ms, events[0].received_at, events[-1].received_at)
        if events[-1].received_at < self.latest_ms != self._kept_ms:
            self._engine.run("put_meta", (LATEST_RECEIVED, str(self.latest_ms)))
            self._kept_ms = self.latest_ms
        if self._spared_ms != self._spared_kept_ms:
            self._engine.run("put_meta", (KEYS_SPARED, str(self._spared_ms)))
            self._spared_kept_ms = self._spared_ms

    def moved(self, before_ms: int, after_ms: int) -> None:
        """The time moved at once. Where it moved ahead, what came a moment ago stands under a day that is long over: a machine that
        was off for weeks can begin with the time at which it was switched off."""
        if after_ms - before_ms > MOVED_MS:
            self._keys.spare(after_ms)
            self._spared_ms = after_ms

    def supersede(self, action: int, successor: int, now_ms: int) -> None:
        """An action that no key led to stands for the same order, by a lower tier's word."""
        if self._orders.tiers_of([action, successor])[action] >= self._orders.tiers_of([successor])[successor]:
            return
        self._superseded.add(action, successor, now_ms)
        self._changed.actions([action])
        self._engine.run("carry_over", (successor, action))

    def _append_one(self, batch: Batch, event: Event, keys: list[bytes], order: int | None) -> FoldVerdict:
        position = self._journal.position + 1
        action, is_conflict, other_order, counts, over = self._action_of(batch, event, keys, order)
        owner = self._named.owner(batch, action) if action is not None and order is not None else None
        if (
            action is not None
            and owner is None
            and is_another_order(action, event, self._named.by_order(batch, event, keys))
        ):
            action, other_order = None, True
        if other_order and event.id_given and self._leads_elsewhere(batch, keys[0], action):
            # Shops copy ids from order to order. Two orders are two purchases, whatever id they were given.
            event = msgspec.structs.replace(event, event_id=f"{event.event_id}.{named_order(event)}")
            keys = fold_keys(event)
        if action is None:
            action = self._begin(batch, event, position, over)
            verdict, late = FoldVerdict.FIRST, 0
        else:
            verdict = (
                FoldVerdict.CONFLICT if is_conflict else judge(action, event, self._named.by_order(batch, event, keys))
            )
            late = int(action.sealed_at is not None)
            add_copy(action, event, counts)
            if counts or action.tier < Tier.T2:  # where nobody but browsers speaks, who tells an order is asked anew
                batch.joined[action.id] = max(event.tier, batch.joined.get(action.id, 0))
                if event.consent is not Consent.DENIED:  # one more no lets nobody tell anything
                    batch.willing.add(action.id)
            batch.copies.append((action.id, position))
            if action.id not in batch.new:
                batch.changed[action.id] = action
            for successor in self._successors(batch, action):
                self._carry(batch, action, successor, event, position)
        if over:
            self._supersede(batch, over, action, event)
        if order is not None:
            batch.owners[action.id] = order
        if counts:
            self._claim_keys(batch, keys, action, takes=not other_order or event.tier >= Tier.T2)
        if other_order and event.tier < Tier.T2:
            self._named.take_own_key(batch, event, action)
        batch.tally[verdict.value] += 1  # a text: the hash of an enum's member is worked out in Python
        batch.appended.append((action.id, position, event))
        batch.events.append(self._journal.row(event, verdict, action.id, late, next(batch.salts)))
        return verdict

    def _begin(self, batch: Batch, event: Event, position: int, over: Sequence[Action]) -> Action:
        """The action that this copy begins, as if nothing had come before it but what is proved to be the buyer's."""
        destinations, hold = self._routes.get(event.dataset, _NOWHERE)
        hold_ms = hold.get(event.event_name, 0)
        if not over:
            action = begin_action(event, position, hold_ms, len(destinations))
            batch.actions[position] = batch.new[position] = action
            return action
        earlier = [copy for gone in over for copy in self._evidence.copies(batch.appended, gone)]
        copies = admit([*earlier, event]).copies
        action = begin_action(copies[0], position, hold_ms, len(destinations))
        for copy in copies[1:]:
            add_copy(action, copy)
        if len(copies) > 1:
            own = begin_action(event, position, hold_ms, len(destinations))
            action.event_id, action.fold_key, action.event_time = own.event_id, own.fold_key, own.event_time
            action.copies = 1  # the others are counted where they came in
        batch.actions[position] = batch.new[position] = action
        return action

    def _claim_keys(self, batch: Batch, keys: Sequence[bytes], action: Action, takes: bool) -> None:
        """Keys lead to the first who claimed them, unless that was a lower tier than the action's and the copy ``takes`` them."""
        for key in keys:
            known = batch.by_key.get(key)
            if known is None:
                batch.by_key[key] = action.id
                batch.keys.append((key, action.id))
            elif takes and known != action.id:
                holder = batch.resolve(known)
                if holder is not None and holder is not action and holder.tier < action.tier:
                    batch.by_key[key] = action.id
                    batch.moved.append((key, action.id))

    def _supersede(self, batch: Batch, over: Sequence[Action], by: Action, event: Event) -> None:
        """An action stands for those of lower tiers: their copies count for it as far as the evidence reaches."""
        own = [*self._evidence.copies(batch.appended, by), event]
        carried = [copy for gone in over for copy in self._evidence.copies(batch.appended, gone)]
        told = {id(c) for c in carried}
        for copy in admit([*carried, *own]).copies:
            if id(copy) in told:
                by.consent = strictest_text(by.consent, consent_text(copy))
        for gone in over:
            batch.superseded.append((gone.id, by.id))
            batch.carried += [(by.id, place) for place in self._evidence.positions(batch.appended, gone)]

    def _carry(self, batch: Batch, gone: Action, successor: int, event: Event, position: int) -> None:
        """A later copy of what another action stands for is looked at for that one too: it may take consent back."""
        if successor not in batch.actions:
            batch.load_more(successor)
        by = batch.resolve(successor)
        if by is None or by is gone:
            return
        copies = [*self._evidence.copies(batch.appended, gone), *self._evidence.copies(batch.appended, by), event]
        proved = any(c is event for c in admit(copies).copies)
        if proved or not self._evidence.is_crowd(gone):
            batch.carried.append((by.id, position))
        if proved:
            by.consent = strictest_text(by.consent, consent_text(event))
            batch.joined[by.id] = max(event.tier, batch.joined.get(by.id, 0))
            if by.id not in batch.new:
                batch.changed[by.id] = by

    def _leads_elsewhere(self, batch: Batch, key: bytes, action: Action | None) -> bool:
        """True when a key is another action's."""
        return key in batch.by_key and batch.resolve(batch.by_key[key]) is not action

    def _action_of(self, batch: Batch, event: Event, keys: list[bytes], order: int | None) -> _Lookup:
        """The action these keys belong to; several that turn out to be one are merged on the way."""
        found: list[Action] = []
        for key in keys:
            known = batch.by_key.get(key)
            action = batch.resolve(known) if known is not None else None
            if action is not None and action not in found:
                found.append(action)
        mine = self._named.of_its_order(batch, event, found)
        if not mine:
            return _Lookup(None, other_order=True) if found else _NO_ACTION
        lookup = (
            self._across_tiers(batch, event, keys, mine, order)
            if any(a.tier != event.tier for a in mine)
            else self._among_equals(batch, event, keys, mine, order)
        )
        return lookup._replace(other_order=lookup.other_order or len(mine) < len(found))

    def _across_tiers(
        self, batch: Batch, event: Event, keys: list[bytes], found: list[Action], order: int | None
    ) -> _Lookup:
        """What a lower tier said can stop, delay or rename nothing: it joins where it is proved, or stands apart."""
        higher = [a for a in found if a.tier > event.tier]
        lower = [a for a in found if a.tier < event.tier]
        equal = [a for a in found if a.tier == event.tier]
        if not higher:
            owners = {a.id: self._named.owner(batch, a) for a in lower}
            lower = [a for a in lower if owners[a.id] in (None, order) or order is None]
            told = next((a for a in lower if self._named.is_told(a, owners[a.id], event)), None)
            if told is not None:
                return _Lookup(told, counts=False)
            over = tuple(a for a in lower if not self._joins(batch, a, event))
            joined = [a for a in lower if a not in over]
            lookup = self._among_equals(batch, event, keys, [*equal, *joined], order)
            return lookup._replace(over=over)
        proved = [a for a in higher if self._proves(batch, a, event)]
        if not proved:
            beside = [*equal, *lower]
            if beside:
                return self._among_equals(batch, event, keys, beside, order)
            return _Lookup(higher[0], counts=False)
        lookup = self._among_equals(batch, event, keys, proved, order)
        beside = [a for a in (*equal, *lower) if a is not lookup.action]
        return lookup._replace(over=tuple(a for a in beside if not self._stands_for(batch, lookup.action, a)))

    def _stands_for(self, batch: Batch, action: Action | None, gone: Action) -> bool:
        return action is not None and action.id in self._successors(batch, gone)

    def _successors(self, batch: Batch, gone: Action) -> set[int]:
        """The actions that stand for one of a lower tier, also when this batch made it so."""
        fresh = {successor for action, successor in batch.superseded if action == gone.id}
        return fresh | self._superseded.successors(gone.id)

    def _joins(self, batch: Batch, action: Action, event: Event) -> bool:
        """True when a higher tier's copy may become one of a lower tier's action: all that shaped it is the buyer's."""
        if action.sealed_at is not None and event.event_name in ORDER_EVENTS and not _says_as_much(action, event):
            return False  # what a lower tier had sent is no reason for not sending the shop's own word
        if self._successors(batch, action):
            return False  # it stands for nothing any more; what was said by its copies is looked at all the same
        if self._evidence.is_crowd(action):
            return False
        copies = self._evidence.copies(batch.appended, action)
        together = admit([*copies, event]).copies
        if len(heard(together)) < len(together):
            return False  # it may have been given up for a no that is not heard beside this copy
        counted = {id(c) for c in together}
        return all(id(c) in counted for c in admit(copies).copies)

    def _proves(self, batch: Batch, action: Action, event: Event) -> bool:
        """True when a lower tier's copy is the buyer's word about a higher tier's action."""
        copies = [*self._evidence.copies(batch.appended, action), event]
        return any(c is event for c in admit(copies).copies)

    def _among_equals(
        self, batch: Batch, event: Event, keys: list[bytes], found: list[Action], order: int | None
    ) -> _Lookup:
        other_order = False
        if order is not None or len(found) > 1:
            of_it = self._named.of_one_order(batch, event, keys, found, order)
            other_order, found = len(of_it) < len(found), of_it
        if len(found) < 2:
            return _Lookup(found[0] if found else None, False, other_order)
        if sum(a.sealed_at is not None for a in found) > 1:
            consent = consent_text(event)
            for action in found:
                consent = strictest_text(consent, action.consent)
            for action in found:  # a denial that names both stops what is still to be tried of either
                action.consent = consent
                batch.changed[action.id] = action
            first = min((a for a in found if a.sealed_at is not None), key=lambda a: a.id)
            return _Lookup(first, True, other_order)
        winner = found[0]
        for action in found[1:]:
            winner = self._merge(batch, winner, action, event.received_at)
        return _Lookup(winner, False, other_order)

    def _merge(self, batch: Batch, a: Action, b: Action, now_ms: int) -> Action:
        """Two actions with one order or id between them, not both sent: the sent one, else the earlier, takes both."""
        winner, loser = sorted((a, b), key=lambda x: (x.sealed_at is None, x.id))
        loser.merged_into = winner.id
        winner.copies += loser.copies
        winner.late_copies += loser.copies if winner.sealed_at is not None else loser.late_copies
        if winner.sealed_at is None and loser.tier > winner.tier and loser.value is not None:
            winner.value, winner.currency, winner.goods = loser.value, loser.currency, loser.goods or winner.goods
        winner.tier = max(winner.tier, loser.tier)
        if winner.channels | loser.channels != winner.channels:
            winner.due_at = min(winner.due_at, now_ms)  # both channels are here: nothing left to wait for
        winner.channels |= loser.channels
        winner.order_id = winner.order_id or loser.order_id
        winner.consent = strictest_text(winner.consent, loser.consent)
        batch.merged.append((winner.id, loser.id))
        batch.joined[winner.id] = max(winner.tier, loser.tier)
        batch.willing.add(winner.id)
        if winner.id in batch.owners and batch.owners[winner.id] is None:
            batch.owners[winner.id] = batch.owners.get(loser.id)
        for action in (winner, loser):
            if action.id not in batch.new:
                batch.changed[action.id] = action
        return winner

    def _write(self, batch: Batch, now_ms: int) -> None:
        engine = self._engine
        self._journal.write(batch.events, batch.tally)
        if batch.new:
            engine.run_rows("insert_actions", [astuple(a) for a in batch.new.values()])
            self._enqueue(batch.new.values())
            self._changed.actions(batch.new)
        if batch.changed:
            engine.run_rows("replace_actions", [astuple(a) for a in batch.changed.values()])
            self._changed.actions(batch.changed)
            sealed = [a for a in batch.changed.values() if a.sealed_at is not None]
            if any(a.consent != batch.consents[a.id] for a in sealed):
                self._heard()
                self._revisions.raise_(CONSENT, beside=True)
            hurried = [a.id for a in batch.changed.values() if a.sealed_at is None and a.due_at <= now_ms]
            if hurried:
                engine.run("release_deliveries", (now_ms, id_array(hurried)))
            # One platform was told: another may have lacked what came now.
            spoken = [id for id in (*hurried, *(a.id for a in sealed)) if id in batch.joined]
            if spoken:
                engine.run("requeue_deliveries", (now_ms, id_array(spoken)))
            browsers = [id for id in spoken if id in batch.willing and batch.changed[id].tier < Tier.T2]
            if browsers:
                engine.run("requeue_denied", (now_ms, id_array(browsers)))
            trusted = [id for id in spoken if batch.joined[id] >= Tier.T2]
            if trusted:
                engine.run("requeue_dropped", (now_ms, id_array(trusted)))
        if batch.copies:
            engine.run_rows("insert_copies", batch.copies)
        for action, successor in batch.superseded:
            self._superseded.add(action, successor, now_ms)
            self._changed.actions([action])
        if batch.carried:
            engine.run_rows("insert_carried_over", batch.carried)
        for winner, loser in batch.merged:
            engine.run("copy_copies", (winner, loser))
            engine.run("suppress_merged", (now_ms, loser))
            follow_merged(engine, winner, loser, now_ms)
            engine.run("follow_merge", (winner, loser))
            self._changed.orders([o for o in (self._orders.owner_of(winner),) if o is not None])
        sure_ms = self.sure(now_ms)
        self._keys.insert(batch.keys, sure_ms)
        self._keys.move(batch.moved, sure_ms)

    def _enqueue(self, actions: Iterable[Action]) -> None:
        """The rows are made inside the engine: to bind each of ten for an event costs a third of what they cost."""
        alike: dict[tuple[int, ...], list[int]] = {}  # destinations -> actions
        rows: list[tuple[Any, ...]] = []
        for action in actions:
            there = self._routes.get(action.dataset, _NOWHERE)[0]
            if self._holds:
                rows += [(action.id * 256 + d, d, "waiting", "", self._due_there(action, d)) for d in there]
            elif there:
                alike.setdefault(there, []).append(action.id)
        self._engine.run_rows("insert_deliveries", rows)
        for there, ids in alike.items():
            if self._revisions.alone and len(there) >= SEVERAL:  # listed as due by whoever claims: see `outbox`
                self._engine.run("enqueue_unlisted", (id_array(ids), id_array(there), min(there)))
            else:
                self._engine.run("enqueue_actions", (id_array(ids), id_array(there)))

    def _due_there(self, action: Action, destination: int) -> int:
        """Not before the destination's own hold is over; its gate holds what is looked at earlier."""
        own = self._holds.get((action.dataset, destination))
        return max(action.due_at, action.created_at + hold_of(own, action.event_name)) if own else action.due_at


def _says_as_much(action: Action, event: Event) -> bool:
    """True for a sale that a server had sent with the very money that the shop reports now: nothing is left to tell."""
    return action.tier >= Tier.T2 and not differs_in_money(action, event.custom_data)
