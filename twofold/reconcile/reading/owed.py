"""All orders of a folder at once: as the chain sees them, and as matching does.

Owns the way from what is kept of an order to these two views, in one pass: what was reported of an order is let go as soon as
it was read, because it is most of the memory.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from twofold.matching.persons import customers_of
from twofold.reconcile.chain.values import Order
from twofold.reconcile.matches.values import Due
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.orders import KnownOrder, due_of, order_of, told_by_couriers
from twofold.reconcile.reading.world import with_words, words_by_order


class Owed(Struct, frozen=True, kw_only=True):
    """``orders``: by key, with customers and what couriers say. ``dues``: the same for matching. ``rows``: row of the store to
    key. ``kept``: orders with their reports, those that were asked for."""

    orders: dict[str, Order]
    dues: list[Due]
    rows: dict[int, str]
    kept: dict[str, KnownOrder]


def read_orders(store: Folder, policy_of: PolicyOf, keep: frozenset[str] = frozenset()) -> Owed:
    """Every order, read once. ``keep``: keys of those whose reports are wanted."""
    orders: dict[str, Order] = {}
    dues: dict[str, Due] = {}
    rows: dict[int, str] = {}
    kept: dict[str, KnownOrder] = {}
    parties: dict[str, tuple[str, tuple[str, ...]]] = {}
    for known in store.orders():
        key = known.key
        order = orders[key] = order_of(known, policy_of(known.dataset))
        dues[key] = due_of(known, order)
        rows[known.row] = key
        if known.digests:
            parties[key] = known.dataset, known.digests
        if key in keep:
            kept[key] = known
    for key, buyer in customers_of(parties).items():
        orders[key] = replace(orders[key], buyer=buyer)
        dues[key] = replace(dues[key], person=buyer)
        if key in kept:
            kept[key] = replace(kept[key], buyer=buyer)
    for key, told in words_by_order(list(dues.values()), store.parcels(), store.days).items():
        orders[key] = with_words(orders[key], told)
        dues[key] = told_by_couriers(dues[key], orders[key])
    return Owed(orders=orders, dues=list(dues.values()), rows=rows, kept=kept)


@contextmanager
def no_collector() -> Iterator[None]:
    """Without looking for cycles: there are none in millions of orders and lines, and looking costs a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
