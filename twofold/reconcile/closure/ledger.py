"""A ledger read part by part: the lives of some orders or days without reading the rest.

Owns the opening of a snapshot for this and the way from a part's matches to what a report is told. The answer is that of the whole
ledger (`reading.whole`), which is the other side of the law that holds this (tests/reconcile/test_closure_law.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import NamedTuple

from msgspec.structs import replace

from twofold.ledger.lines import Decision
from twofold.ledger.rates import Rates
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.closure.batches import Batches
from twofold.reconcile.closure.growth import Growth
from twofold.reconcile.closure.part import Part, Terms
from twofold.reconcile.closure.shelves import Shelves
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.whole import tolerance_of
from twofold.reconcile.reading.world import Matched
from twofold.store.lines.filling import is_filled


class Closed(NamedTuple):
    """A part and its matches, which are the whole ledger's for what was asked."""

    part: Part
    matched: Matched


class Ledger:
    """One snapshot of a folder. ``store`` stays the caller's."""

    def __init__(
        self, store: Folder, policy_of: PolicyOf, rules: Rules, zone: tzinfo, tolerance: Tolerance | None = None
    ) -> None:
        days = Days(zone)
        exchange = Exchange(Rates(store.rates()))
        if not rules.currency:
            rules = replace(rules, currency=store.most_used_currency())
        self.store = store
        self.desk = Desk(rules=rules, rates=exchange, costs=Costs(store.costs(), exchange), days=days)
        self._terms = Terms(
            policy_of,
            tolerance or tolerance_of(rules),
            lambda amount, currency, to, at: exchange.convert(amount, currency, to, days.of(at)),
            days,
        )
        self.shelves = Shelves(store)
        self.batches = Batches(self.shelves)

    def part(self, decisions: Sequence[Decision] | None = None) -> Part:
        """A part with nothing in it yet. ``decisions``: what people said, where it is not what they say now."""
        shelves = self.shelves if decisions is None else Shelves(self.store, decisions)
        return Part(shelves, self.batches, self._terms)

    def around(self, orders: Iterable[int]) -> Closed:
        """These orders (rows of the store) with all that bears on their money."""
        part = self.part()
        part.add_orders(orders, wanted=True)
        return Closed(part, Growth(part).grow())


def is_open_to(store: Folder) -> bool:
    """False while an older folder's orders and lines are being taken in: then only the whole is complete."""
    return is_filled(store.run)


def rows_of(store: Folder, keys: Iterable[str]) -> dict[str, int]:
    """Keys of orders (dataset and id, and the shop where two number alike) to their rows."""
    found: dict[str, int] = {}
    for key in keys:
        own = key.partition("/")[2]
        for order_id in dict.fromkeys((own, own.rpartition("@")[0] or own)):
            rows = [n for (n,) in store.run("orders_with_id", (order_id,))]
            found |= {known.key: known.row for known in store.orders(ids=rows) if known.key == key}
    return found
