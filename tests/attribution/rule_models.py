"""Rule models one order at a time: how its credit is shared over the touches of its path, in exact fractions.

The independent computation that the named statements are held against, itself held against published answers. Decay's weights are
powers taken to twelve digits, as the statements have them. Direct gives way in every model: it counts only where the path has
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from twofold.attribution.paths import DAY_S, PathTouch, Repeats
from twofold.attribution.table import HALF_LIFE_DAYS
from twofold.touch.channels import DIRECT, is_paid

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


def _all_to(place: int, n: int) -> Shares:
    return [Fraction(int(at == place)) for at in range(n)]


def steps_of(
    path: Sequence[PathTouch], keys: Sequence[Hashable], placed_at: int, repeats: Repeats = "all"
) -> list[Step]:
    """What the models are given: each touch under its key."""
    told = [(path[place], keys[place]) for place in places_of(keys, repeats)]
    return [Step(placed_at - t.at, key, t.sourced.channel == DIRECT, is_paid(t.sourced)) for t, key in told]


def places_of(keys: Sequence[Hashable], repeats: Repeats) -> list[int]:
    """Which touches stay. ``collapse`` leaves equal neighbours out, ``unique`` every repeat; the first of equals stays."""
    if repeats == "unique":
        return [place for place, key in enumerate(keys) if key not in keys[:place]]
    return [place for place, key in enumerate(keys) if repeats == "all" or not place or keys[place - 1] != key]
