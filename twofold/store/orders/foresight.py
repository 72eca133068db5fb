"""What reports of orders would come to, were they kept: new orders, new facts of known ones, nothing new.

Reads only. Owns the counting; which order a report is of is found by its names as `ledger` finds it, but for orders that a
parcel joins, which a trial takes for new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twofold.ledger.model import decode_report
from twofold.store.engine import key_array
from twofold.store.lines.keeping import Asks
from twofold.store.orders.ledger import OrderEntry, digest_of_report, names_of_report


class OrderForesight:
    """``shop_of``: the shop whose number an order has, as `Orders.shop_of` says it."""

    def __init__(self, asks: Asks, shop_of: Callable[[str, str], str]) -> None:
        self.new = self.updated = self.known = 0
        self._asks, self._shop_of = asks, shop_of
        self._told: dict[bytes, set[bytes]] = {}  # of the same file: an order's first name to what was told of it

    def put(self, entries: Sequence[OrderEntry]) -> None:
        for entry in entries:
            names = names_of_report(entry.dataset, entry.report, self._shop_of(entry.dataset, entry.source))
            said = digest_of_report(entry.source, entry.report)
            told = self._told.get(names[0])
            if told is None:
                rows = {row for _, row in self._asks.run("select_order_names", (key_array(names),))}
                facts = [fact for row in rows for fact in self._asks.run("select_order_facts", (row,))]
                told = {digest_of_report(source, decode_report(body)) for source, body in facts}
                self._told[names[0]] = told
                if not rows:
                    self.new += 1
                    told.add(said)
                    continue
            if said in told:
                self.known += 1
            else:
                self.updated += 1
                told.add(said)
