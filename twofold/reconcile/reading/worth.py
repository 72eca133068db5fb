"""What single orders came to, for nameless rows: their amounts at every link and whose they were, without the rest of the ledger.

Owns the way from an order's account to `Worth`. Accounts, matches and who is new are asked of the chain; an order without a rate has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from twofold.matching.persons import customers_of
from twofold.reconcile.chain.account import Account, account_of
from twofold.reconcile.chain.customers import Bought, Customer, customers, first_delivered
from twofold.reconcile.chain.standing import BACK, FINAL, OPEN
from twofold.reconcile.chain.told import one_of_each_exchange
from twofold.reconcile.chain.values import ZERO, Rules
from twofold.reconcile.closure.ledger import Ledger
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.owed import no_collector
from twofold.reconcile.reading.whole import bought_of
from twofold.store.orders.customers import orders_around
from twofold.store.touches.nameless import Worth


class Worths:
    """Asked on a thread of its own: it reads the folder."""

    def __init__(self, folder: Path | str, policy_of: PolicyOf, rules: Rules, zone: tzinfo) -> None:
        self.zone = zone
        self._folder, self._policy_of, self._rules = folder, policy_of, rules

    def __call__(self, orders: Sequence[int], as_of: int) -> Mapping[int, Worth]:
        """By row; as things stand at that time (Unix s)."""
        with Folder(self._folder, self.zone) as store, no_collector():
            ledger = Ledger(store, self._policy_of, self._rules, self.zone)
            around = orders_around(store.run, orders)
            people = customers_of({str(row): told for row, told in around.items()})
            wanted = {people[str(row)] for row in orders if str(row) in people}
            rows = {*orders, *(int(row) for row, who in people.items() if who in wanted)}
            part, matched = ledger.around(rows)
            first_at = next((at for (at,) in store.run("first_order_at") if at is not None), 0)
            known = [bought_of(part.orders[part.known[row].key]) for row in rows if row in part.known]
            wall = Bought(key="", buyer="", placed_at=first_at, counts=False)
            kinds = customers([*known, wall], self._rules.history_days)
            first = first_delivered(known)
            moves = {
                order.key: gathered for order, gathered in one_of_each_exchange(part.orders.values(), matched.moves)
            }
            found: dict[int, Worth] = {}
            for row in orders:
                order = part.orders[part.known[row].key] if row in part.known else None
                if order is None or not order.currency:
                    continue
                account = account_of(order, moves.get(order.key, matched.moves.get(order.key, ())), ledger.desk, as_of)
                if account is not None:
                    found[row] = _worth(account, kinds.get(order.key, Customer.UNKNOWN), order.key in first)
            return found


def _worth(account: Account, kind: Customer, is_first: bool) -> Worth:
    station = account.standing.station
    amounts = {
        "placed": account.total,
        "confirmed": account.total if account.standing.confirmed else ZERO,
        "delivered": account.due,
        "true": max(min(account.due, account.collected), ZERO),
        "banked": account.banked,
    }
    if account.cm3 is not None:
        amounts["margin"] = account.cm3
    return Worth(
        day=account.day, amounts={link: f"{amount:f}" for link, amount in amounts.items()},
        open=f"{account.total if station in OPEN else ZERO:f}", method=account.order.method, final=station in FINAL,
        back=station in BACK, kind=str(kind), first_delivered=is_first and account.is_delivered,
    )  # fmt: skip
