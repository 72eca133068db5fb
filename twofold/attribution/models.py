"""Rule models: how one order's credit is shared over the touches of its path, and its money to the minor unit.

Owns the weights of each model and the split by largest remainder. Shares are exact fractions; decay's weights are powers
taken to twelve digits. Pure; which touches make the path, and what of the order is
credited, is decided elsewhere. Direct gives way in every model: it counts only where the path has nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from twofold.ledger.money import digits_of

DAY_S = 86_400
HALF_LIFE_DAYS = 7
_DIGITS = 50
_WHOLE = 10**12
"""Decay's weights are whole parts of this, so that every machine and every engine gives the same."""


class Step(NamedTuple):
    """One touch of a path, oldest first. ``key``: the channel, campaign or ad that is credited."""

    age_s: int  # before the order
    key: Hashable
    direct: bool = False
    paid: bool = False


Shares = list[Fraction]
"""One a step, in path order; they add up to 1, or are all 0 where the model credits nobody."""


def last(steps: Sequence[Step]) -> Shares:
    """All to the last touch that is not direct."""
    return _all_to(len(steps) - 1, len(steps))


def first(steps: Sequence[Step]) -> Shares:
    """All to the first touch that is not direct."""
    return _all_to(0, len(steps))


def last_paid(steps: Sequence[Step]) -> Shares:
    """All to the last paid touch; to nobody where none was paid for."""
    paid = [place for place, step in enumerate(steps) if step.paid]
    return _all_to(paid[-1] if paid else -1, len(steps))


def linear(steps: Sequence[Step]) -> Shares:
    """The same to each touch."""
    return [Fraction(1, len(steps))] * len(steps)


def position(steps: Sequence[Step]) -> Shares:
    """Two fifths to the first and to the last, the rest to those between; halves where there are two."""
    n = len(steps)
    if n < 3:
        return linear(steps)
    ends, between = Fraction(2, 5), Fraction(1, 5) / (n - 2)
    return [ends, *[between] * (n - 2), ends]


def time_decay(steps: Sequence[Step], half_life_days: int = HALF_LIFE_DAYS) -> Shares:
    """Half as much for each half-life that a touch is older than the youngest, by the second."""
    half_life, youngest = half_life_days * DAY_S, min(step.age_s for step in steps)
    with localcontext() as context:
        context.prec = _DIGITS
        weights = [
            int((Decimal(2) ** (Decimal(youngest - step.age_s) / half_life) * _WHOLE).to_integral_value(ROUND_HALF_UP))
            for step in steps
        ]
    return [Fraction(weight, sum(weights)) for weight in weights]


MODELS: dict[str, Callable[[Sequence[Step]], Shares]] = {
    "last": last,
    "last_paid": last_paid,
    "first": first,
    "linear": linear,
    "position": position,
    "time_decay": time_decay,
}
"""Rule models by name: each credits an order by itself."""


def shares_of(model: str, path: Sequence[Step], half_life_days: int = HALF_LIFE_DAYS) -> Shares:
    """Shares of each step of a path (oldest first, may be empty). Raises KeyError for a name that is no rule model."""
    shared = MODELS[model]
    told = [place for place, step in enumerate(path) if not step.direct] or list(range(len(path)))
    if not told:
        return []
    kept = [path[place] for place in told]
    shares = time_decay(kept, half_life_days) if model == "time_decay" else shared(kept)
    whole = [Fraction(0)] * len(path)
    for place, share in zip(told, shares, strict=True):
        whole[place] = share
    return whole


def assists(path: Sequence[Step]) -> set[Hashable]:
    """Whoever had a part in it, each once: not to be added up over keys."""
    return {step.key for step in path if not step.direct} or {step.key for step in path}


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


def _all_to(place: int, n: int) -> Shares:
    return [Fraction(int(at == place)) for at in range(n)]
