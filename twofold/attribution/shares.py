"""An amount over shares, to the minor unit: by largest remainder, so that the parts add up to it.

Owns the split only; what the shares are is the statement's, or the model's of a period. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from twofold.ledger.money import digits_of


def split(amount: Decimal, currency: str, shares: Sequence[Fraction]) -> list[Decimal]:
    """The amount in minor units over shares that add up to 1, by largest remainder; of equals the earlier gets more.

    Shares that are all 0 give nothing to anybody. What of an amount is finer than a minor unit goes with the largest share.
    """
    if not any(shares):
        return [Decimal(0)] * len(shares)
    digits = digits_of(currency)
    units = int(abs(amount).scaleb(digits))
    exact = [share * units for share in shares]
    floors = [int(part // 1) for part in exact]
    by_rest = sorted(range(len(exact)), key=lambda place: (floors[place] - exact[place], place))
    for place in by_rest[: units - sum(floors)]:
        floors[place] += 1
    parts = [Decimal(floor if amount >= 0 else -floor).scaleb(-digits) for floor in floors]
    parts[largest_of(shares)] += amount - sum(parts)
    return parts


def largest_of(shares: Sequence[Fraction]) -> int:
    """The place of the largest share, of equals the earliest."""
    return max(range(len(shares)), key=lambda place: (shares[place], -place))
