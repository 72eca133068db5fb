"""Shapley values of a period: each channel's mean part in every set of channels, for both worths that are in use.

Owns the two worths. *sum*: orders of the paths whose channels lie in the set; it is the even split over a path's distinct
channels and says nothing more. *rate*: those orders over all such paths; a value may be below 0, which is a finding. Exact.
The worth that was used belongs to the name of the figure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from fractions import Fraction
from math import factorial
from typing import Literal, NamedTuple

from twofold.attribution.markov import Outcome, Path, Refused

Worth = Literal["sum", "rate"]
MOST_CHANNELS = 12


class Shapley(NamedTuple):
    """``phi``: in orders for the worth *sum*, in orders a path for *rate*; ``shares`` add up to 1 and keep their sign."""

    phi: dict[Hashable, Fraction]
    shares: dict[Hashable, Fraction]


def shapley(paths: Mapping[Path, Outcome], worth: Worth) -> Shapley:
    """Raises Refused without an order, without paths that led nowhere (*rate*), or above twelve channels (*rate*)."""
    told = {path: found for path, found in paths.items() if path and (found.orders or found.none)}
    if not any(found.orders for found in told.values()):
        raise Refused("no path led to an order")
    channels = list(dict.fromkeys(channel for path in told for channel in path))
    phi = _even(told) if worth == "sum" else _rate(told, channels)
    whole = sum(phi.values())
    return Shapley(phi, {channel: phi[channel] / whole for channel in channels})


def _even(paths: Mapping[Path, Outcome]) -> dict[Hashable, Fraction]:
    phi: dict[Hashable, Fraction] = defaultdict(Fraction)
    for path, found in paths.items():
        own = dict.fromkeys(path)
        for channel in own:
            phi[channel] += Fraction(found.orders, len(own))
    return dict(phi)


def _rate(paths: Mapping[Path, Outcome], channels: list[Hashable]) -> dict[Hashable, Fraction]:
    n = len(channels)
    if n > MOST_CHANNELS:
        raise Refused(f"{n} channels; up to {MOST_CHANNELS} can be answered: group the smallest")
    if not any(found.none for found in paths.values()):
        raise Refused("there are no paths without an order, so that every set of channels would have the same rate")
    places = {channel: place for place, channel in enumerate(channels)}
    orders, all_ = [0] * (1 << n), [0] * (1 << n)
    for path, found in paths.items():
        mask = sum({1 << places[channel] for channel in path})
        orders[mask] += found.orders
        all_[mask] += found.orders + found.none
    for counts in (orders, all_):
        _sum_below(counts, n)
    value = [Fraction(won, tried) if tried else Fraction(0) for won, tried in zip(orders, all_, strict=True)]
    weights = [Fraction(factorial(size) * factorial(n - size - 1), factorial(n)) for size in range(n)]
    phi: dict[Hashable, Fraction] = {}
    for channel, place in places.items():
        own = 1 << place
        by_size: dict[int, Fraction] = defaultdict(Fraction)
        for mask in range(1 << n):
            if not mask & own:
                by_size[mask.bit_count()] += value[mask | own] - value[mask]
        phi[channel] = sum((weights[size] * gain for size, gain in by_size.items()), Fraction(0))
    return phi


def _sum_below(counts: list[int], n: int) -> None:
    """Each set's count becomes the sum over all sets within it."""
    for place in range(n):
        own = 1 << place
        for mask in range(1 << n):
            if mask & own:
                counts[mask] += counts[mask ^ own]
