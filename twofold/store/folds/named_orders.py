"""Whose order a copy names, where what it names has led to actions: the ledger's word, then a browser's word about itself.

Owns which of the actions found can be one with the copy's order, and which order stands for an action. Which copies prove to be the
buyer's is `ladder`'s, what the ledger holds is `orders.ledger`'s. Runs inside the transaction of whoever appends.
"""

from __future__ import annotations

from twofold.event.identity import ORDER_EVENTS, bare_order, named_order, order_keys
from twofold.event.model import Event, Tier
from twofold.store.evidence import EvidenceOf
from twofold.store.fold import Action
from twofold.store.folds.batch import Batch
from twofold.store.ladder import browsers_of
from twofold.store.orders.ledger import Orders


class NamedOrders:
    """What a batch asks of the orders that its copies name."""

    def __init__(self, orders: Orders, evidence: EvidenceOf) -> None:
        self._orders = orders
        self._evidence = evidence

    def of_its_order(self, batch: Batch, event: Event, found: list[Action]) -> list[Action]:
        """Without the actions of browsers that name another order than a browser's copy does, where a shop reports orders: who names two
        orders beside joins them for nobody else. Two names are one order's by the ledger, or by one browser's word about itself."""
        others = [a for a in found if self._names_another(a, event)]
        if not others:
            return found
        copies = [copy for action in found for copy in self._evidence.copies(batch.appended, action)]
        return found if len(browsers_of([*copies, event])) < 2 else [a for a in found if a not in others]

    def _names_another(self, action: Action, event: Event) -> bool:
        said = named_order(event)
        if event.tier >= Tier.T2 or action.tier >= Tier.T2 or not (action.order_id and said):
            return False
        if bare_order(said) == bare_order(action.order_id) or event.dataset not in self._orders.with_source:
            return False
        return not self._orders.are_one(event, said, action.order_id)

    def is_told(self, action: Action, owner: int | None, event: Event) -> bool:
        """True for an order that its shop reported and a browser has told, where another browser names it now that proves nothing: a
        token that names no order is no reason for telling it once more."""
        if event.tier >= Tier.T2 or owner is None or action.sealed_at is None:
            return False
        return not self._orders.proves(owner, event)

    def of_one_order(
        self, batch: Batch, event: Event, keys: list[bytes], found: list[Action], order: int | None
    ) -> list[Action]:
        """Those that can be one: not the actions of two orders. A copy without an order of its own goes by its names."""
        owners = {a.id: self.owner(batch, a) for a in found}
        if order is None:
            known = {owner for owner in owners.values() if owner is not None}
            if len(known) < 2:
                return found
            by_name = (batch.by_key[key] for key in keys[1 if event.id_given else 0 :] if key in batch.by_key)
            named = (batch.resolve(action) for action in by_name)
            order = next((owners[a.id] for a in named if a is not None and owners[a.id] is not None), min(known))
        return [a for a in found if owners[a.id] in (None, order)]

    def owner(self, batch: Batch, action: Action) -> int | None:
        """The order that stands for an action, also when this batch made it so."""
        if action.id not in batch.owners:
            batch.owners[action.id] = self._orders.owner_of(action.id) if action.id not in batch.new else None
        return batch.owners[action.id]

    def take_own_key(self, batch: Batch, event: Event, action: Action) -> None:
        """What an order is called leads to the action that names it so, and no more to one of another order that a copy named beside."""
        said = named_order(event)
        for key in order_keys(event.dataset, event.event_name, said, (), event.shop) if said else ():
            holder = batch.resolve(batch.by_key[key]) if key in batch.by_key else None
            if holder is not None and holder is not action and holder.tier < Tier.T2:
                batch.by_key[key] = action.id
                batch.moved.append((key, action.id))

    @staticmethod
    def by_order(batch: Batch, event: Event, keys: list[bytes]) -> bool:
        """True when a name of its order, not only the event id, led to the action."""
        return any(key in batch.by_key for key in keys[1 if event.id_given else 0 :])


def is_another_order(action: Action, event: Event, by_order: bool) -> bool:
    """A shop's word for one order under the event id of another order that a shop reported."""
    mine, theirs = event.custom_data.order_id, action.order_id
    both = event.tier >= Tier.T3 and action.tier >= Tier.T3 and event.event_name in ORDER_EVENTS
    return both and not by_order and mine is not None and theirs is not None and mine != theirs
