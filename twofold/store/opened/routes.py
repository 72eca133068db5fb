"""Where a dataset's actions go, and how long they wait.

Owns what the configuration says of one dataset in the words of the store; which of it holds a delivery back is the gates'.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from twofold.ledger.policy import OrderPolicy
from twofold.store.gates.values import ValueRule


class Route(Struct, frozen=True, kw_only=True):
    """Where a dataset's actions go and how long they wait for their other copy."""

    destinations: tuple[str, ...] = ()
    hold_ms: dict[str, int] = {}
    require_consent: bool = False
    purposes: dict[str, tuple[str, ...]] = {}  # destination -> what must not be denied for it
    platforms: dict[str, str] = {}  # destination -> whose it is
    orders: OrderPolicy = OrderPolicy()
    has_orders: bool = False  # a shop reports this dataset's orders
    shops: frozenset[str] = frozenset()  # several of one system, whose orders may be numbered alike
    holds: dict[str, dict[str, int]] = {}  # destination -> event name, or *, -> ms from the first copy
    values: dict[str, ValueRule] = {}  # destination -> what it is told in place of revenue
    orders_there: dict[str, OrderPolicy] = {}  # destination -> rules of orders, where it has its own


def longest_hold_ms(routes: Mapping[str, Route]) -> int:
    """The longest time for which anything waits that nobody has looked at yet."""
    held = [ms for r in routes.values() for own in (r.hold_ms, *r.holds.values()) for ms in own.values()]
    return max(held, default=0)
