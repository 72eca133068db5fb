"""What platforms were told of a period: the link before the order, of which nothing follows for the money.

Owns that row, which both views have alike: a Purchase is of the day that its event names, whatever becomes of the order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.rows import SIGNAL, Link
from twofold.reconcile.chain.told import NO_GROUP, Asked, Told, group_of, period_of
from twofold.reconcile.chain.values import ZERO
from twofold.reconcile.exchange import day_number, exact


def signals_of(told: Told, asked: Asked, desk: Desk, group: str) -> Iterator[Link]:
    """Purchase actions of the period, by their event's day."""
    first, last = day_number(asked.since), day_number(asked.until)
    name_of = group_of(asked.by, desk) if asked.by else None
    orders = {o.key: o for o in told.orders} if group else {}
    count = sent = 0
    worth: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for one in told.signals:
        day = desk.days.of(one.at)
        if not first <= day <= last or one.at > asked.as_of:
            continue
        if group and name_of is not None:
            order = orders.get(one.order)
            name = period_of(asked.by, day) or (name_of(order) if order else NO_GROUP)
            if name != group:
                continue
        count += 1
        sent += one.sent
        worth[day, one.currency] += one.value or ZERO
    yield signalled(group, count, sent, worth, desk)


def signalled(group: str, count: int, sent: int, worth: Mapping[tuple[int, str], Decimal], desk: Desk) -> Link:
    """The link of so many actions. ``worth``: by day and currency, of which each sum is converted once."""
    found = [desk.rates.convert(a, currency, desk.rules.currency, day) for (day, currency), a in worth.items()]
    amount = sum((exact(a) for a in found if a is not None), ZERO)
    return Link(group=group, link="signalled", role=SIGNAL, count=count, amount=amount, sent=sent)
