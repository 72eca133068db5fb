"""The Markov model of a period: what would be lost without a channel, by the paths that led to orders and those that did not.

Owns transition counts, the chance of an order by solving the chain (never by simulation), removal effects, and their share
of the period. Of any order: a state is the last channels of a path. It credits a period, no order by itself. Without paths
that led nowhere every channel seems needed, so it refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

Path = tuple[Hashable, ...]
MOST_STATES = 2_000


class Outcome(NamedTuple):
    """How often a path of channels led to an order, and how often not."""

    orders: int
    none: int


class Markov(NamedTuple):
    """``base``: orders of all paths; ``removal``: part of them that is lost without a channel, 0 to 1; ``shares`` add up to
    1. All are floating point: a share of a period is no amount."""

    base: float
    removal: dict[Hashable, float]
    shares: dict[Hashable, float]


class Refused(ValueError):
    """These paths cannot be answered by this model; the text says why."""


def markov(paths: Mapping[Path, Outcome], order: int = 1) -> Markov:
    """Removal effects of each channel. Equal neighbours of a path change nothing at order 1.

    Raises Refused where no path led nowhere, none led to an order, or the order makes too many states.
    """
    if order < 1:
        raise Refused(f"the order is {order}; it is 1 or more")
    told = {path: found for path, found in paths.items() if path and (found.orders or found.none)}
    orders, none = sum(f.orders for f in told.values()), sum(f.none for f in told.values())
    if not orders:
        raise Refused("no path led to an order")
    if not none:
        raise Refused("there are no paths without an order, so that every channel would seem needed")
    chain = _Chain(told, order)
    base = chain.reach[0]
    removal = {channel: chain.removal_of(channel) for channel in chain.channels}
    whole = sum(removal.values())
    return Markov(
        orders / (orders + none), removal, {c: effect / whole for c, effect in removal.items()} if base else {}
    )


class _Chain:
    """The chain of states: 0 is the start; with the inverse of what remains in it, from which every removal follows."""

    def __init__(self, paths: Mapping[Path, Outcome], order: int) -> None:
        self.states: dict[Path, int] = {(): 0}
        counts: dict[int, Counter[int]] = {0: Counter()}
        won: Counter[int] = Counter()
        for path, found in paths.items():
            weight, here = found.orders + found.none, 0
            for end in range(1, len(path) + 1):
                there = self._state(path[max(0, end - order) : end], counts)
                counts[here][there] += weight
                here = there
            won[here] += found.orders
            counts[here][-1] += weight  # what ends here
        self.channels = list(dict.fromkeys(channel for path in paths for channel in path))
        self._of: dict[Hashable, list[int]] = {}
        for state, place in self.states.items():
            if state:
                self._of.setdefault(state[-1], []).append(place)
        n = len(self.states)
        remain = [[float(row == column) for column in range(n)] for row in range(n)]
        ends = [0.0] * n
        for here, outs in counts.items():
            whole = sum(outs.values())
            for there, weight in outs.items():
                if there >= 0:
                    remain[here][there] -= weight / whole
            ends[here] = won[here] / whole if whole else 0.0
        self.visits = _inverse(remain)
        self.reach = [sum(v * e for v, e in zip(row, ends, strict=True)) for row in self.visits]

    def _state(self, state: Path, counts: dict[int, Counter[int]]) -> int:
        place = self.states.get(state)
        if place is None:
            place = self.states[state] = len(self.states)
            if place > MOST_STATES:
                raise Refused(f"more than {MOST_STATES:,} states: a lower order, or fewer channels, can be answered")
            counts[place] = Counter()
        return place

    def removal_of(self, channel: Hashable) -> float:
        """Part of the orders that is lost when what flows into the channel is lost: what starts, comes to one of its states
        first, and would have ended in an order from there."""
        own = self._of[channel]
        among = [[self.visits[row][column] for column in own] for row in own]
        first_at = _solved(
            [[among[c][r] for c in range(len(own))] for r in range(len(own))], [self.visits[0][s] for s in own]
        )
        lost = sum(part * self.reach[state] for part, state in zip(first_at, own, strict=True))
        return min(1.0, max(0.0, lost / self.reach[0]))


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """By elimination with the largest pivot; the chain ends from every state, so that there is one."""
    n = len(matrix)
    rows = [[*row, *(float(place == at) for at in range(n))] for place, row in enumerate(matrix)]
    for at in range(n):
        pivot = max(range(at, n), key=lambda row: abs(rows[row][at]))
        rows[at], rows[pivot] = rows[pivot], rows[at]
        scale = rows[at][at]
        top = rows[at] = [value / scale for value in rows[at]]
        for row in range(n):
            factor = rows[row][at]
            if row != at and factor:
                rows[row] = [value - factor * over for value, over in zip(rows[row], top, strict=True)]
    return [row[n:] for row in rows]


def _solved(matrix: list[list[float]], right: Sequence[float]) -> list[float]:
    if len(matrix) == 1:
        return [right[0] / matrix[0][0]]
    return [sum(a * b for a, b in zip(row, right, strict=True)) for row in _inverse(matrix)]


def collapsed(path: Sequence[Any]) -> Path:
    """The path without repeats of a neighbour."""
    return tuple(step for step, _ in groupby(path))
