"""Findings seen in orders: those of which nothing was told, and those that were told with another value.

Owns which of these are a finding. What became of an order is `report.told`'s, what its value should be `report.value_check`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from twofold.report.told import Fate, ToldOrder
from twofold.report.value_check import WRONG, Checked
from twofold.router.finding import Finding, Kind, When, sums_of


def findings_of_orders(orders: Sequence[ToldOrder]) -> Iterator[Finding]:
    """Orders of which no Purchase was made. Of those that were only imported none ever is."""
    found = [o for o in orders if o.fate is Fate.NOT_CONNECTED]
    if found:
        yield _of(Kind.NO_PURCHASE, found, len(orders), "/orders?fate=not_connected")


def findings_of_values(rows: Sequence[Checked], orders: Sequence[ToldOrder]) -> Iterator[Finding]:
    """Purchases that arrived with money that nothing explains, a finding a reason. The money is how much it is off."""
    placed = {(o.dataset, o.order_id): o for o in orders}
    groups: dict[str, list[Checked]] = defaultdict(list)
    for row in rows:
        if row.verdict == WRONG:
            groups[row.reason].append(row)
    for reason, some in groups.items():
        off: dict[str, Decimal] = {}
        times = [placed[row.dataset, row.order_id].placed_at for row in some if (row.dataset, row.order_id) in placed]
        for row in some:
            if row.due is not None and row.sent is not None and row.currency and row.currency == row.sent_currency:
                off[row.currency] = off.get(row.currency, Decimal(0)) + abs(row.due - row.sent)
        yield Finding(
            kind=Kind.WRONG_VALUE, about=reason, when=When.NOW, events=len(some), of=len(rows), orders=len(some),
            money=sums_of(off), parts=(("Purchase", len(some)),), marks=(reason,), since=min(times, default=0),
            last=max(times, default=0), link="/orders?fate=accepted",
        )  # fmt: skip


def _of(kind: Kind, some: Sequence[ToldOrder], of: int, link: str) -> Finding:
    money: dict[str, Decimal] = {}
    for order in some:
        if order.value is not None:
            money[order.currency] = money.get(order.currency, Decimal(0)) + order.value
    return Finding(
        kind=kind, when=When.NOW, events=len(some), of=of, orders=len(some), money=sums_of(money),
        since=min(o.placed_at for o in some), last=max(o.placed_at for o in some), link=link,
    )  # fmt: skip
