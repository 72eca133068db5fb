"""All gates in their one order, for what was never sent and for further attempts.

Owns the order, and why it is this one:

1. what a visit gives comes first, because what is stitched is judged like the rest;
2. who withdrew consent is not sent, whatever else holds: no later gate may hold it and so keep it longer;
3. a destination's own hold: before anything is decided that may be another thing when it is over;
4. whom the message is meant for: it needs no order's state, only that there is one;
5. the order, with its own money: by it later gates see what would really leave;
6. robots, money over the limits, names that wait for confirmation: what only browsers speak for. Behind the order, because
   an order that a shop reports needs no browser's word;
7. what the destination is told that the order is worth: nothing later looks at it;
8. the erased last: by then the event has the ids under which it would leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from twofold.store.evidence import Superseded
from twofold.store.gates.addressees import AddresseeGate
from twofold.store.gates.contract import Candidate, Gate, Recheck
from twofold.store.gates.erased import ErasedGate
from twofold.store.gates.holds import HoldGate
from twofold.store.gates.orders import OrderGate
from twofold.store.gates.stitch import RouteLike, StitchGate
from twofold.store.gates.tellers import Tellers
from twofold.store.gates.trust import PolicyLike, TrustGates
from twofold.store.gates.values import ValueGate
from twofold.store.gates.withdrawals import Withdrawals
from twofold.store.orders.ledger import Orders
from twofold.store.visitors.browsers import Browsers


class HoldingRoute(RouteLike, Protocol):
    @property
    def holds(self) -> Mapping[str, Mapping[str, int]]: ...
    @property
    def platforms(self) -> Mapping[str, str]: ...


class Gates:
    """``policies``: what each dataset wants of browsers' copies; one without is let through."""

    def __init__(
        self,
        people: Browsers,
        withdrawals: Withdrawals,
        orders: Orders,
        routes: Mapping[str, HoldingRoute],
        policies: Mapping[str, PolicyLike],
        superseded: Superseded,
        values: ValueGate,
    ) -> None:
        stitch, order, trust = StitchGate(people, routes), OrderGate(orders, superseded), TrustGates(policies)
        holds = HoldGate({dataset: route.holds for dataset, route in routes.items()})
        addressees = AddresseeGate({dataset: route.platforms for dataset, route in routes.items()}, order.proved)
        self.tellers = Tellers(orders)
        self._stitch = stitch
        self.erased = ErasedGate()
        self.first: tuple[Gate, ...] = (
            stitch.stitch,
            withdrawals.stops,
            holds.judge,
            addressees.judge,
            order.judge,
            trust.gate_bots,
            trust.gate_limits,
            trust.gate_unconfirmed,
            values.judge,
            self.erased.judge,
        )
        self._asked = (
            stitch.asked,
            withdrawals.needed,
            holds.asked,
            _always,
            _always,
            trust.bots_asked,
            _always,
            trust.confirmation_asked,
            values.asked,
            self.erased.asked,
        )
        self.again: tuple[Recheck, ...] = (withdrawals.stops, superseded.stops, stitch.recheck, order.recheck)
        self._changes_minds = (withdrawals.needed, lambda: superseded.any, lambda: people.any_denial, orders.needed)

    def prepare(self, candidates: Sequence[Candidate]) -> Sequence[Gate]:
        """Those of `first` that can have a word about these, in order; what they will read is read at once. `done` ends it."""
        self._stitch.prepare(candidates)
        return [gate for gate, asked in zip(self.first, self._asked, strict=True) if asked()]

    def done(self) -> None:
        self._stitch.done()

    def again_needed(self) -> bool:
        """False while nothing is known that could stop a further attempt."""
        return any(needed() for needed in self._changes_minds)


def _always() -> bool:
    return True
