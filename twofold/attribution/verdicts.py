"""How sure a campaign's return is, and the plain word that follows: earns, loses, or cannot be said yet.

Owns the interval (a seeded bootstrap over orders, of how many there are and of what each brought) and the verdict. Both are
about what the model credits; whether the orders would have come anyway only an experiment tells. Pure: credited amounts come
in. Amounts are exact, intervals are floating point and are shown as such.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct

LEVEL = 0.95
DRAWS = 2_000
MOST = 2_000
"""So many amounts stand for those of a whole shop: one of each two-thousandth of them, by size."""
MANY = 400
"""From so many orders on, the sum is as good as normal, and nothing is drawn."""
NORMAL = 1.959963984540054
_UNSEEN = 0.5
"""What is not seen yet counts as half an order like those of the whole shop: a campaign without one may still bring one."""
_MOST_TIMES = 100


class Says(StrEnum):
    """The verdict."""

    EARNS = "earns"
    LOSES = "loses"
    UNSURE = "unsure"
    NO_COSTS = "no_costs"
    NO_SPEND = "no_spend"
    NO_TOUCHES = "no_touches"  # no visit names it: nothing can be said of what it brought


class Sample(NamedTuple):
    """Amounts of many orders: how many, their sum and the sum of their squares; each of them only where there are few."""

    n: int
    whole: Decimal
    squares: float
    values: tuple[Decimal, ...] = ()

    @classmethod
    def of(cls, values: Iterable[Decimal]) -> Sample:
        """Of amounts one by one."""
        told = tuple(values)
        return cls(len(told), sum(told, Decimal(0)), math.fsum(float(v) ** 2 for v in told), told)


NONE = Sample(0, Decimal(0), 0.0)


class Interval(Struct, frozen=True):
    """Of a sum, at 95 %."""

    low: float
    high: float


class Verdict(Struct, frozen=True, kw_only=True):
    """``contribution``: before ads, with what is still open at its worst and at its best in the interval. ``more_orders``:
    how many more like these would decide, None where they would not within a hundred times as many, or where it is not their number that
    holds the word back."""

    says: Says
    contribution: Decimal
    interval: Interval | None
    more_orders: int | None = None


def interval_of(amounts: Sample, pool: Sequence[Decimal], seed: str) -> Interval:
    """Where the sum would lie if the same time came again. ``pool``: amounts of the shop's orders, for what was not seen; of many
    those that stand for all.

    The same amounts in any order give the same interval.
    """
    if amounts.n >= MANY:
        middle, spread = float(amounts.whole), math.sqrt(amounts.squares)
        return Interval(middle - NORMAL * spread, middle + NORMAL * spread)
    values = sorted(map(float, amounts.values))
    draw = random.Random(blake2b(seed.encode(), digest_size=16).digest())
    others = sorted(map(float, pool)) or values or [0.0]
    sums = sorted(
        math.fsum(v * draw.expovariate(1.0) for v in values)
        + draw.gammavariate(_UNSEEN, 1.0) * others[int(draw.random() * len(others))]
        for _ in range(DRAWS)
    )
    out = int(DRAWS * (1 - LEVEL) / 2)
    return Interval(sums[out], sums[-out - 1])


def verdict_of(
    contributions: Sample,
    spend: Decimal,
    pool: Sequence[Decimal],
    seed: str,
    *,
    open_worst: Decimal = Decimal(0),
    open_best: Decimal = Decimal(0),
    unseen: float = 0.0,
    costed: bool = True,
) -> Verdict:
    """Of one campaign. ``contributions``: credited contribution before ads of its final orders, one each; ``open_worst`` and
    ``open_best``: what its open orders would add if all were refused, and if all were delivered and paid. ``unseen``: the part of
    the shop's orders of which no touch is known: as many of this campaign's may be among them."""
    whole = contributions.whole
    if not costed or spend <= 0:
        return Verdict(says=Says.NO_SPEND if costed else Says.NO_COSTS, contribution=whole, interval=None)
    found = interval_of(contributions, pool, seed)
    wide = Interval(
        found.low + min(0.0, float(open_worst)), (found.high + max(0.0, float(open_best))) / (1 - min(unseen, 0.99))
    )
    if wide.low > spend:
        return Verdict(says=Says.EARNS, contribution=whole, interval=wide)
    if wide.high < spend:
        return Verdict(says=Says.LOSES, contribution=whole, interval=wide)
    return Verdict(says=Says.UNSURE, contribution=whole, interval=wide, more_orders=_more(contributions, spend, unseen))


def _more(contributions: Sample, spend: Decimal, unseen: float) -> int | None:
    """Until the interval of as many orders at the same mean and spend leaves nought out: its width grows with the root. With as many
    orders as these it may be out already: then it is what is open that speaks against a word, and no more of them would decide. Nor would
    they where the orders that nobody saw might make up for the loss."""
    n = contributions.n
    gain = float(contributions.whole - spend)
    if gain < 0:
        gain = min(0.0, float(contributions.whole) - float(spend) * (1 - min(unseen, 0.99)))
    if not n or not gain:
        return None
    needed = n * (NORMAL**2) * contributions.squares / gain**2
    return math.ceil(needed) - n if n < needed <= _MOST_TIMES * n else None
