"""Who is new: the first order of a buyer that this ledger knows, as far back as it goes.

Owns the rule. A cancelled or unconfirmed order is new by itself and is no earlier order for the next one; an order of
nobody is never new. Before the ledger has a history of its own, and after keys of old orders are forgotten, new is not sure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

DAY_S = 86_400


class Customer(StrEnum):
    """What an order's buyer is."""

    NEW = "new"
    NEW_UNSURE = "new_unsure"  # so soon after the ledger's first day, or so late, that earlier orders may be unknown
    RETURNING = "returning"
    UNKNOWN = "unknown"


class Bought(Struct, frozen=True, gc=False):
    """An order for this question. ``counts``: it was neither cancelled nor a test, and was confirmed. ``delivered``: it
    arrived and was kept. ``unsure``: it was first told when keys of earlier orders had been forgotten: its buyer may be an old one."""

    key: str
    buyer: str
    placed_at: int
    counts: bool
    delivered: bool = False
    unsure: bool = False


def customers(orders: Iterable[Bought], history_days: int) -> Mapping[str, Customer]:
    """Order to what its buyer is. The orders must be all that the ledger knows, in any order."""
    first: dict[str, tuple[int, str]] = {}
    told = list(orders)
    for one in told:
        if one.buyer and one.counts:
            first[one.buyer] = min(first.get(one.buyer, (one.placed_at, one.key)), (one.placed_at, one.key))
    wall = min((one.placed_at for one in told), default=0) + history_days * DAY_S
    found = {}
    for one in told:
        if not one.buyer:
            found[one.key] = Customer.UNKNOWN
        elif one.buyer in first and first[one.buyer] < (one.placed_at, one.key):
            found[one.key] = Customer.RETURNING
        else:
            found[one.key] = Customer.NEW_UNSURE if one.placed_at < wall or one.unsure else Customer.NEW
    return found


def first_delivered(orders: Iterable[Bought]) -> frozenset[str]:
    """The orders that are their buyer's first delivered one: on these, a customer is acquired by delivery."""
    first: dict[str, tuple[int, str]] = {}
    for one in orders:
        if one.buyer and one.delivered:
            first[one.buyer] = min(first.get(one.buyer, (one.placed_at, one.key)), (one.placed_at, one.key))
    return frozenset(key for _, key in first.values())
