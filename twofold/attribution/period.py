"""Models of a period: Markov and Shapley share out what all orders with a path came to, by the weight of each channel.

Owns the way from paths to rows of a table. No order by itself has a credit under these models; each row says how many paths
it stands on. Groups on fewer than thirty paths are folded into one. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import erfc, sqrt

from twofold.attribution.markov import Outcome, Path, Refused, collapsed, markov
from twofold.attribution.models import split
from twofold.attribution.shapley import MOST_CHANNELS, shapley
from twofold.attribution.table import LINKS, SMALL, ZERO, Asked, Cost, Credited, Group, Line, added, nobody

PERIOD_MODELS = ("markov", "shapley_sum", "shapley_rate")
LEAST_PATHS = 30


def share_period(
    paths: Mapping[Path, Outcome],
    with_path: list[Credited],
    without: list[Credited],
    asked: Asked,
    costs: Mapping[str, Cost],
    names: Mapping[str, Group],
    order: int = 1,
) -> list[Line]:
    """Rows by their share, the largest first. Raises `Refused` where the model cannot answer.

    ``with_path``: the period's orders that have one, ``without``: those that have none, which stay rows with their reason.
    """
    small = _small(paths, asked.model)
    folded = _folded(paths, small)
    shares = _shares(folded, asked.model, order)
    groups = sorted(shares, key=str)
    lines = {g: Line(group=names.get(g, Group(g, g))) for g in map(str, groups)}
    fractions = [Fraction(shares[group]) for group in groups]
    fractions[-1] += 1 - sum(fractions)  # what floating point left
    for link in LINKS:
        whole = sum((o.amounts.get(link, ZERO) for o in with_path), ZERO)
        for group, part in zip(groups, split(whole, asked.currency, fractions), strict=True):
            lines[str(group)].amounts[link] = part
    for group, share in zip(groups, fractions, strict=True):
        lines[str(group)].orders = share * len(with_path)
    whole = sum((o.open for o in with_path), ZERO)
    for group, part in zip(groups, split(whole, asked.currency, fractions), strict=True):
        lines[str(group)].open = part
    for one in without:
        group = nobody(one)
        line = lines.setdefault(group.key, Line(group=group))
        line.orders += 1
        line.open += one.open
        for link, amount in one.amounts.items():
            line.amounts[link] += amount
    for key, cost in costs.items():
        named = SMALL if key in small else key
        line = lines.setdefault(named, Line(group=names.get(named, Group(named, named))))
        line.cost = added(line.cost, cost)
    return sorted(lines.values(), key=lambda one: (-one.amounts["placed"], -one.cost.spend, one.group))


def tells_apart(paths: Mapping[Path, Outcome], least: Decimal = Decimal("0.05")) -> bool:
    """Whether having some channel on the path goes with ordering or not, beyond chance (chi-square of one degree)."""
    whole = sum(f.orders + f.none for f in paths.values())
    won = sum(f.orders for f in paths.values())
    for channel in {channel for path in paths for channel in path}:
        having = [f for path, f in paths.items() if channel in path]
        own, own_won = sum(f.orders + f.none for f in having), sum(f.orders for f in having)
        expected = own * (whole - own) * won * (whole - won)
        if expected:
            chi = whole * (own_won * (whole - own) - (won - own_won) * own) ** 2 / expected
            if erfc(sqrt(chi / 2)) <= least:
                return True
    return False


def _shares(paths: Mapping[Path, Outcome], model: str, order: int) -> Mapping[object, Fraction | float]:
    if model == "markov":
        return dict(markov(paths, order).shares)
    return dict(shapley(paths, "sum" if model == "shapley_sum" else "rate").shares)


def _small(paths: Mapping[Path, Outcome], model: str) -> set[object]:
    """Groups with too few paths, which become one; with Shapley's rate worth so many of the smallest that twelve are left."""
    many: dict[object, int] = defaultdict(int)
    for path, found in paths.items():
        for group in set(path):
            many[group] += found.orders + found.none
    by_size = sorted(many, key=lambda g: (many[g], str(g)))
    small = {group for group in by_size if many[group] < LEAST_PATHS}
    if model == "shapley_rate" and len(by_size) > MOST_CHANNELS:
        small |= set(by_size[: len(by_size) - MOST_CHANNELS + 1])
    return small if len(small) > 1 else set()


def _folded(paths: Mapping[Path, Outcome], small: set[object]) -> dict[Path, Outcome]:
    folded: dict[Path, Outcome] = {}
    for path, found in paths.items():
        named = collapsed([SMALL if group in small else group for group in path])
        before = folded.get(named, Outcome(0, 0))
        folded[named] = Outcome(before.orders + found.orders, before.none + found.none)
    return folded


__all__ = ["PERIOD_MODELS", "Refused", "share_period", "tells_apart"]
