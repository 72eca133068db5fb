"""Who is in an audience: one definition a rule, over what a person did and ordered.

Owns the definitions, in words and as functions. Pure; times are Unix s. Everything is looked at as far back as the audience's
``days``, and never before consent was given again to somebody who had taken it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from twofold.audiences.reading import BOUGHT, CART, DAY_S, VIEW, Order, Sign

HOUR_S = 3_600
NONE: Final = Decimal(0)


class Earned(Struct, frozen=True):
    """What an order came to in the reporting currency. ``margin``: before advertising; None while it is open or a cost unknown."""

    delivered: Decimal
    margin: Decimal | None


class Terms(Struct, frozen=True, kw_only=True):
    """An audience's parameters. ``now`` in Unix s."""

    now: int
    days: int = 30
    wait_hours: int = 1
    least: Decimal | None = None

    @property
    def since(self) -> int:
        return self.now - self.days * DAY_S


class History(Struct, frozen=True, kw_only=True):
    """What one person did in the days of an audience. ``near``: orders that may be theirs; enough to say that somebody bought."""

    signs: Sequence[Sign]
    orders: Sequence[Order]
    near: Sequence[Order]
    earned: Mapping[int, Earned]  # order row to what it came to

    def last(self, kind: str) -> int | None:
        return max((s.at for s in self.signs if s.kind == kind), default=None)

    @property
    def bought_at(self) -> int | None:
        """When anything was last bought, whatever became of it."""
        times = [s.at for s in self.signs if s.kind == BOUGHT]
        times += [o.placed_at for o in (*self.orders, *self.near)]
        return max(times, default=None)

    @property
    def purchases(self) -> int:
        """Orders that stand, and Purchases of which no shop told an order."""
        told = {o.action for o in self.orders}
        alone = {s.action for s in self.signs if s.kind == BOUGHT} - told
        return sum(o.counts for o in self.orders) + len(alone)

    @property
    def margin(self) -> Decimal | None:
        """What is known of the margins of the orders, together; None where nothing is."""
        known = [e.margin for o in self.orders if (e := self.earned.get(o.row)) is not None and e.margin is not None]
        return sum(known, NONE) if known else None

    @property
    def delivered(self) -> Decimal:
        return sum((e.delivered for o in self.orders if (e := self.earned.get(o.row)) is not None), NONE)


class Rule(Struct, frozen=True, kw_only=True):
    """One rule. ``words``: its definition for people. ``earned``: it asks what orders came to."""

    name: str
    words: str
    holds: Callable[[History, Terms], bool]
    earned: bool = False


def history_of(
    terms: Terms, signs: Sequence[Sign], orders: Sequence[Order], near: Sequence[Order], earned: Mapping[int, Earned], cut: int
) -> History:  # fmt: skip
    """What counts for these terms. ``cut``: nothing before it does."""
    since = max(terms.since, cut)
    return History(
        signs=[s for s in signs if since <= s.at <= terms.now],
        orders=[o for o in orders if since <= o.placed_at <= terms.now],
        near=[o for o in near if since <= o.placed_at <= terms.now],
        earned=earned,
    )


def _viewed_not_bought(h: History, _: Terms) -> bool:
    return h.last(VIEW) is not None and h.bought_at is None


def _cart_left(h: History, terms: Terms) -> bool:
    left, bought = h.last(CART), h.bought_at
    if left is None or left > terms.now - terms.wait_hours * HOUR_S:
        return False
    return bought is None or bought < left


def _bought_once(h: History, _: Terms) -> bool:
    return h.purchases == 1


def _delivered(h: History, _: Terms) -> bool:
    return any(o.delivered_at is not None and o.returned_at is None and o.counts for o in h.orders)


def _refused(h: History, _: Terms) -> bool:
    return any(o.refused_at is not None and o.delivered_at is None for o in h.orders)


def _high_margin(h: History, terms: Terms) -> bool:
    margin = h.margin
    return margin is not None and terms.least is not None and margin >= terms.least


RULES: Final = (
    Rule(
        name="viewed_not_bought",
        words="Looked at goods (ViewContent) in these days, and placed no order and made no Purchase in them.",
        holds=_viewed_not_bought,
    ),
    Rule(
        name="cart_left",
        words="Put goods into a cart or began to pay (AddToCart, InitiateCheckout, AddPaymentInfo) in these days, the last time at least "
        "`wait_hours` ago, and bought nothing since.",
        holds=_cart_left,
    ),
    Rule(
        name="bought_once",
        words="Has exactly one order of these days that stands: not cancelled, refused or given back, no test. A Purchase without an order that a "
        "shop told counts as one.",
        holds=_bought_once,
    ),
    Rule(
        name="delivered",
        words="Has an order of these days that was delivered, and neither returned nor cancelled.",
        holds=_delivered,
    ),
    Rule(
        name="refused",
        words="Refused a parcel of an order of these days of which nothing was delivered: a list to leave out.",
        holds=_refused,
    ),
    Rule(
        name="high_margin",
        words="Orders of these days left `least` or more together, before advertising, as far as their margin is known.",
        holds=_high_margin,
        earned=True,
    ),
)
BY_NAME: Final = {rule.name: rule for rule in RULES}
