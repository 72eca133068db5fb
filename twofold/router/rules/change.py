"""A share that changed: on which day it did, and whether chance would have done the same.

Owns the search for the day. The likelihood of one share over all days is held against one share before and another from a day
on, for each day; the best day counts when the ratio is large. The limits are ours: in a steady shop the ratio below is passed
by chance about once in ten thousand series. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from msgspec import Struct

RATIO = 10.0  # natural logarithm of the ratio of likelihoods
LEAST_CHANGE = 0.12  # smaller ones are of no use to anybody
LEAST_BEFORE, LEAST_AFTER = 20, 8


class Change(Struct, frozen=True, kw_only=True):
    """``days``: how many of the newest days it holds for. Shares are of 1."""

    days: int
    before: float
    after: float
    hits: int  # since then
    of: int

    @property
    def more(self) -> int:
        """How many there are beyond what there used to be."""
        return max(0, round(self.hits - self.before * self.of))


def change_of(series: Sequence[tuple[int, int]], *, least: float = LEAST_CHANGE, newest: int = 7) -> Change | None:
    """The day from which on the share is higher. ``series``: hits and of how many, the newest day first. Of the last
    ``newest`` days only. A share of 0 of 0 says nothing."""
    best: tuple[float, Change] | None = None
    for days in range(1, min(newest, len(series) - 1) + 1):
        (hits, of), (hits_before, of_before) = _sum(series[:days]), _sum(series[days:])
        if of < LEAST_AFTER or of_before < LEAST_BEFORE:
            continue
        after, before = hits / of, hits_before / of_before
        if after - before < least:
            continue
        ratio = ratio_of((hits, of), (hits_before, of_before))
        if ratio >= RATIO and (best is None or ratio > best[0]):
            best = ratio, Change(days=days, before=before, after=after, hits=hits, of=of)
    return best[1] if best else None


def ratio_of(one: tuple[int, int], other: tuple[int, int]) -> float:
    """How much likelier two shares are than one, as a natural logarithm. Hits and of how many of each."""
    whole = (one[0] + other[0], one[1] + other[1])
    return _likelihood(*one) + _likelihood(*other) - _likelihood(*whole)


def _sum(series: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(hits for hits, _ in series), sum(of for _, of in series)


def _likelihood(hits: int, of: int) -> float:
    """Of so many of so many, under their own share."""
    if hits in (0, of):
        return 0.0
    share = hits / of
    return hits * log(share) + (of - hits) * log(1 - share)
