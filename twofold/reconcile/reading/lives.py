"""The lives of single orders, out of the folder.

Owns nothing but the reading: matches are worked out over the whole ledger, so that an order's page and the report agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from twofold.reconcile.chain.account import account_of
from twofold.reconcile.chain.told import Asked, one_of_each_exchange
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.life import Life, life_of
from twofold.reconcile.reading.folder import PolicyOf
from twofold.reconcile.reading.whole import read_whole


def lives_of(
    folder: Path | str, policy_of: PolicyOf, keys: Iterable[str], rules: Rules, zone: tzinfo, as_of: int
) -> dict[str, Life]:
    """Order key (dataset and order id) to its life; one whose money has no rate is not in it."""
    today = datetime.fromtimestamp(as_of, UTC).date().isoformat()
    keys = list(keys)
    whole = read_whole(folder, policy_of, Asked(since=today, until=today, as_of=as_of), rules, zone, lives=keys)
    moves = {
        order.key: gathered for order, gathered in one_of_each_exchange(whole.orders.values(), whole.matched.moves)
    }
    found = {}
    for key in keys:
        order = whole.orders.get(key)
        if order is None or not order.currency:
            continue
        account = account_of(order, moves.get(key, whole.matched.moves.get(key, ())), whole.desk, as_of)
        if account is not None:
            found[key] = life_of(whole.known[key], account, whole.matched, whole.entries, whole.desk)
    return found
