"""Who tells an order that its shop reports without anything of its buyer: of several browsers that name it one, by turns.

Such an order has no copy of its own, so nothing in it leads to a browser but what is said of the purchase itself: the report is the
highest tier's word, and a browser that says a secret of the purchase with it, or bears a token that names the order, is the buyer's.
Where one is, nobody else has a turn, and its no is the order's. Where none is, each no stays with the browser that said it: the first
that may be told of tells the order, with its own data alone. Reads the ledger and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from twofold.event.model import Event, Tier
from twofold.ledger.state import decode_state
from twofold.store.gates.orders import ORDER_GATED
from twofold.store.ladder import Admitted, browsers_of, of_known, outer
from twofold.store.orders.ledger import OrderRow, Orders

_T2 = Tier.T2  # a member looked up on its enum costs as much as the rest of a short function


class Tellers:
    """Asked for each action that several copies name."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def turns(
        self, action: int, copies: Sequence[Event], sent_id: str | None, *, with_others: bool = False
    ) -> list[Admitted]:
        """What would tell the order, the first to be asked first: who told it to another destination already, under ``sent_id``, then
        by tier and by who came first. Empty where the ladder alone says which copies count: a server or the shop has a copy, one browser
        speaks, or nothing was reported. Of a crowd the outer copies are asked. ``with_others``: behind a buyer who is proved also those
        that have no turn since, of which one may have been told before."""
        if copies[0].event_name not in ORDER_GATED or not self._orders.needed():
            return []
        for copy in copies:  # a loop, as it runs for every order
            if copy.tier >= _T2:
                return []
        looked_at = outer(copies)
        browsers = browsers_of(looked_at)
        if len(browsers) < 2:
            return []
        row = self._reported(action, looked_at)
        if row is None:
            return []
        named = self._orders.naming(row, looked_at)
        proved = self._orders.proved(row, named)
        if proved:
            vouched = [c for c in proved if c.order_vouched]  # the first rung, before the second
            proved = vouched or proved
        if proved:
            found = [of_known(one, named) for one in browsers_of(proved)]
        else:
            found = browsers if len(named) == len(looked_at) else browsers_of(named)
        found.sort(
            key=lambda one: -_T2 if any(c.event_id == sent_id for c in one) else -max(c.tier for c in one)
        )  # stable
        if proved and with_others:
            taken = {id(c) for one in found for c in one}
            found += browsers_of([c for c in named if id(c) not in taken])
        turns = []
        for one in found:
            own = {id(c) for c in one}
            told = [c for c in looked_at if id(c) in own]
            turns.append(Admitted(told, [c for c in copies if id(c) not in own]))
        return turns

    def _reported(self, action: int, copies: Sequence[Event]) -> OrderRow | None:
        """The order that a shop has reported, by what the action stands for or any of its copies names."""
        for copy in {(c.custom_data.order_id, c.links): c for c in reversed(copies)}.values():
            row = self._orders.order_of(action, copy)
            state = decode_state(row.state) if row is not None else None
            if state is not None and (state.known or state.test):
                return row
        return None
