"""Lift by experiment: where ads are off for a while, and what that shows with an interval. No model of credit is causal.

Owns the draw (regions of like size in pairs, or the same weekday of two weeks in pairs; in each pair a seed says which is
off), what a plan may promise, and the reading: differences in differences of logarithms, pair by pair, with the interval
that changing the labels within pairs gives. Pure: outcomes by unit and day come in. One pair counts by what its size is
worth; both halves of a pair count alike, so that the interval is exact where ads change sales by a factor.

An interval at 95 % needs six pairs. The plan tries itself on the past, where nothing was switched: what it promises is
the widest interval of those trials and a tenth more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

from msgspec import Struct

Over = Literal["regions", "days"]
Outcomes = Mapping[str, Mapping[date, float]]
"""Orders (or money) by region and day. For a plan over days: one region called ``all``."""

LEVEL = 0.95
LEAST_PAIRS = 6
LEAST_ORDERS = 20
"""A region with fewer in the time before stays out: it tells nothing."""
ALL = "all"
WEEK = 7
_SUBSETS = 4_095
_TRIALS = 60
_MARGIN = 1.1
_WIDEST = 0.75
_EFFECTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)


class Refused(ValueError):
    """No such experiment can be planned or read; the text says why and what would do."""


class Pair(Struct, frozen=True):
    """Two regions, or two days as ISO text: ads stay on in the first and are off in the second."""

    on: str
    off: str


class Plan(Struct, frozen=True, kw_only=True):
    """What is registered before the start, and nothing of it changes afterwards.

    ``before``: first day of the time that is compared with; it ends the day before ``compared_until``, the day on which the
    plan was made (or ``since``). ``sees``: the smallest lift
    that it promises to see, as a part of sales without ads (0.2: a fifth).
    """

    name: str
    over: Over
    measure: str
    since: date
    until: date
    before: date
    compared_until: date
    seed: str
    pairs: list[Pair]
    left_out: list[str]
    sees: float
    power: dict[str, float]  # lift as decimal text -> chance that the interval leaves nought out

    @property
    def off(self) -> list[str]:
        """Where, or on which days, ads are off."""
        return sorted(pair.off for pair in self.pairs)


class Reading(NamedTuple):
    """``lift``: sales with ads over sales without, less 1, with its interval at 95 %. ``incremental``: what ads brought where
    they were on, in the measure's unit, with its interval."""

    lift: float
    low: float
    high: float
    on: float
    off: float
    incremental: float
    incremental_low: float
    incremental_high: float


class _Difference(NamedTuple):
    value: float
    weight: float


def plan(
    name: str,
    over: Over,
    measure: str,
    since: date,
    days: int,
    seed: str,
    history: Outcomes,
    before: date,
    known_until: date | None = None,
) -> Plan:
    """Draws the pairs and tries them on the past. ``history``: from ``before`` to the day before ``known_until`` (``since``,
    where that day has come), whole days.

    Raises Refused for too few regions, days or orders.
    """
    until = since + timedelta(days=days - 1)
    end = known_until or since
    _check_days(over, days, before, end)
    drawn, left_out = _pairs_of_regions(history, seed) if over == "regions" else (_pairs_of_days(since, days, seed), [])
    if len(drawn) < LEAST_PAIRS:
        raise Refused(
            f"{len(drawn)} pairs; an interval at 95 % needs {LEAST_PAIRS}: at least {2 * LEAST_PAIRS} regions with "
            f"{LEAST_ORDERS} orders each in the time before, or an experiment over days"
        )
    trials = _trials(over, days, history, before, end, drawn)
    widths = [math.exp(high) - math.exp(low) for _, low, high in trials]
    power = {
        f"{effect:g}": sum(low + math.log1p(effect) > 0 for _, low, _ in trials) / len(trials) for effect in _EFFECTS
    }
    return Plan(
        name=name, over=over, measure=measure, since=since, until=until, before=before, seed=seed, pairs=drawn,
        left_out=left_out, compared_until=end, sees=_promise(max(widths)), power=power,
    )  # fmt: skip


def read(plan: Plan, outcomes: Outcomes) -> Reading:
    """What it shows, once all its days are over. ``outcomes``: from ``plan.before`` to ``plan.until``."""
    middle, low, high = _interval(_differences(plan, outcomes))
    on = sum(_during(plan, outcomes, pair.on) for pair in plan.pairs)
    off = sum(_during(plan, outcomes, pair.off) for pair in plan.pairs)
    gained = [on * -math.expm1(-theta) for theta in (middle, low, high)]
    return Reading(math.expm1(middle), math.expm1(low), math.expm1(high), on, off, *gained)


# -- the draw


def _check_days(over: Over, days: int, before: date, end: date) -> None:
    if over == "days" and (days < 2 * WEEK or days % (2 * WEEK)):
        raise Refused(
            f"{days} days; an experiment over days takes 14, 28, 42, …: each weekday is on in one week and off in another"
        )
    if days < WEEK:
        raise Refused(f"{days} days; at least {WEEK}")
    known = (end - before).days
    if known < 2 * days:
        raise Refused(f"{known} days are known before it; at least {2 * days} are needed to try it on the past")


def _pairs_of_regions(history: Outcomes, seed: str) -> tuple[list[Pair], list[str]]:
    """Neighbours by size; of an odd number the smallest stays out."""
    sizes = {region: sum(found.values()) for region, found in history.items()}
    known = sorted((r for r, size in sizes.items() if size >= LEAST_ORDERS), key=lambda r: (-sizes[r], r))
    used = known[: len(known) // 2 * 2]
    pairs = [_drawn(first, second, seed) for first, second in zip(used[::2], used[1::2], strict=True)]
    return pairs, sorted(set(sizes) - set(used))


def _pairs_of_days(since: date, days: int, seed: str) -> list[Pair]:
    """A weekday with the same one a week later."""
    pairs = []
    for fortnight in range(0, days, 2 * WEEK):
        for weekday in range(WEEK):
            first = since + timedelta(days=fortnight + weekday)
            pairs.append(_drawn(first.isoformat(), (first + timedelta(days=WEEK)).isoformat(), seed))
    return pairs


def _drawn(first: str, second: str, seed: str) -> Pair:
    """Which of two is off: one bit of a digest, the same on every machine."""
    bit = blake2b(f"{seed}\0{first}\0{second}".encode(), digest_size=1).digest()[0] & 1
    return Pair(on=second, off=first) if bit else Pair(on=first, off=second)


def _promise(width: float) -> float:
    """The smallest lift that is wider than its own interval will be: an interval grows with what it is about."""
    wide = width * _MARGIN
    if wide >= _WIDEST:
        raise Refused("chance alone moves these sales too much: more days, or more regions of like size, are needed")
    return math.ceil(wide / (1 - wide) * 1000) / 1000


# -- the reading


def _differences(plan: Plan, outcomes: Outcomes) -> list[_Difference]:
    return [
        _difference(
            _during(plan, outcomes, pair.on), _before(plan, outcomes, pair.on),
            _during(plan, outcomes, pair.off), _before(plan, outcomes, pair.off),
        )
        for pair in plan.pairs
    ]  # fmt: skip


def _difference(on: float, on_before: float, off: float, off_before: float) -> _Difference:
    """By how much the pair's halves grew apart, and what that is worth: as the inverse of what chance alone would do."""
    grown = math.log((on + 0.5) * (off_before + 0.5)) - math.log((off + 0.5) * (on_before + 0.5))
    return _Difference(grown, 1 / (1 / (on_before + 1) + 1 / (off_before + 1)))


def _before(plan: Plan, outcomes: Outcomes, unit: str) -> float:
    """Of a region, its time before; of a day nothing but its weekday, which both halves of its pair have."""
    if plan.over == "days":
        weekday = date.fromisoformat(unit).weekday()
        return _sum(outcomes.get(ALL, {}), plan.before, plan.compared_until, weekday)
    return _sum(outcomes.get(unit, {}), plan.before, plan.compared_until)


def _during(plan: Plan, outcomes: Outcomes, unit: str) -> float:
    if plan.over == "days":
        return float(outcomes.get(ALL, {}).get(date.fromisoformat(unit), 0.0))
    return _sum(outcomes.get(unit, {}), plan.since, plan.until + timedelta(days=1))


def _sum(by_day: Mapping[date, float], first: date, end: date, weekday: int | None = None) -> float:
    return float(sum(v for d, v in by_day.items() if first <= d < end and (weekday is None or d.weekday() == weekday)))


def _interval(pairs: Sequence[_Difference]) -> tuple[float, float, float]:
    """(middle, low, high) of the logarithm of the factor.

    A factor is not refused where turning some pairs round gives a sum at least as far off. Which factors those are, the
    weighted means of all sets of pairs say: their quantiles are the interval.
    """
    middle = _mean(pairs)
    means = sorted(_mean([pairs[place] for place in chosen]) for chosen in _subsets(len(pairs)))
    out = int((len(means) + 1) * (1 - LEVEL) / 2)
    if not out:
        raise Refused(f"{len(pairs)} pairs; an interval at 95 % needs {LEAST_PAIRS}")
    return middle, means[out - 1], means[-out]


def _mean(pairs: Sequence[_Difference]) -> float:
    return sum(p.value * p.weight for p in pairs) / sum(p.weight for p in pairs)


@lru_cache(maxsize=4)
def _subsets(n: int) -> list[list[int]]:
    """All sets of pairs but the empty one; of many pairs so many drawn ones, always the same."""
    if 2**n - 1 <= _SUBSETS:
        return [[place for place in range(n) if mask >> place & 1] for mask in range(1, 2**n)]
    found = []
    for number in range(_SUBSETS):
        bits = int.from_bytes(blake2b(f"{n} {number}".encode(), digest_size=(n + 7) // 8).digest(), "big")
        found.append([place for place in range(n) if bits >> place & 1] or [number % n])
    return found


# -- the trial on the past


def _trials(
    over: Over, days: int, history: Outcomes, before: date, end: date, drawn: Sequence[Pair]
) -> list[tuple[float, float, float]]:
    """Intervals of experiments on the past, where nothing was switched: other draws, and as many days earlier as there are."""
    room = (end - before).days - 2 * days
    step = WEEK if over == "days" else 1
    starts = [end - timedelta(days=days + shift) for shift in range(0, room + 1, step)]
    found = []
    for number in range(_TRIALS):
        start = starts[number % len(starts)]
        pairs = (
            _pairs_of_days(start, days, f"trial {number}")
            if over == "days"
            else [_turned(pair, number) for pair in drawn]
        )
        trial = Plan(
            name="", over=over, measure="", since=start, until=start + timedelta(days=days - 1), before=before, compared_until=start, seed="",
            pairs=pairs, left_out=[], sees=0.0, power={},
        )  # fmt: skip
        found.append(_interval(_differences(trial, history)))
    return found


def _turned(pair: Pair, number: int) -> Pair:
    first, second = sorted((pair.on, pair.off))
    return _drawn(first, second, f"trial {number}")
