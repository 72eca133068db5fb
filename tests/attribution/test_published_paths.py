"""The published table of 10,000 paths and 12 channels: first, last, linear, position and Markov, to the digits given.

The paths are the example of ChannelAttribution, out of the package mta 0.0.9 (MIT; see `pathdata`). The answers are those of
the reference library, Markov's those of an exact solution of its chain; none is from our code.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest

from tests.attribution.rule_models import Step, places_of, shares_of
from twofold.attribution.markov import Outcome, collapsed, markov
from twofold.attribution.shapley import shapley

DATA = Path(__file__).parent / "pathdata" / "data.csv.gz"
Told = dict[tuple[str, ...], Outcome]
# channel: first, last, linear by touch, linear over distinct channels, 40/20/40, removal effect, Markov's credit
PUBLISHED = """
alpha 6308 8447 7574.718594 7627.944048 7444.823759 0.558399 5344.9477
beta 2831 989 2083.500145 1982.739286 1969.766179 0.264039 2527.3522
delta 1 5 1.725000 2.292857 2.586667 0.000482 4.6136
epsilon 99 531 272.170438 374.677381 301.050233 0.062639 599.5707
eta 3164 4167 3539.951157 3613.655952 3618.796149 0.349026 3340.8474
gamma 165 92 121.041639 138.185714 125.240911 0.017880 171.1454
iota 4606 3355 3857.096221 3505.044048 3944.948166 0.405835 3884.6147
kappa 74 230 137.964078 159.057143 147.459557 0.028663 274.3633
lambda 902 1207 1035.257572 987.782143 1046.903901 0.134022 1282.8472
mi 2 2 2.222222 2.666667 2.057143 0.000180 1.7224
theta 1606 653 1022.801394 1190.963095 1092.744472 0.206010 1971.9129
zeta 27 107 136.551540 199.991667 88.622864 0.039811 381.0626
"""
ROWS = {name: told for name, *told in (line.split() for line in PUBLISHED.strip().splitlines())}


@pytest.fixture(scope="module")
def paths() -> Told:
    with gzip.open(DATA, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10_000
    found: dict[tuple[str, ...], Outcome] = defaultdict(lambda: Outcome(0, 0))
    for row in rows:
        key = tuple(row["path"].split(" > "))
        before = found[key]
        found[key] = Outcome(before.orders + int(row["total_conversions"]), before.none + int(row["total_null"]))
    return found


def column(place: int) -> dict[str, str]:
    return {name: told[place] for name, told in ROWS.items()}


def credited(paths: Told, model: str, repeats: str = "all") -> dict[str, Fraction]:
    found: dict[str, Fraction] = defaultdict(Fraction)
    for path, outcome in paths.items():
        if outcome.orders:
            steps = [Step(0, path[place]) for place in places_of(path, repeats)]  # type: ignore[arg-type]
            for step, share in zip(steps, shares_of(model, steps), strict=True):
                found[str(step.key)] += share * outcome.orders
    return found


@pytest.mark.parametrize(
    ("model", "repeats", "place"),
    [("first", "all", 0), ("last", "all", 1), ("linear", "all", 2), ("linear", "unique", 3), ("position", "all", 4)],
)
def test_rule_models(paths: Told, model: str, repeats: str, place: int) -> None:
    found = credited(paths, model, repeats)
    assert {name: f"{float(share):.{6 if place > 1 else 0}f}" for name, share in found.items()} == column(place)
    assert sum(found.values()) == 19_785


def test_markov(paths: Told) -> None:
    """Also with equal neighbours as one, which changes nothing."""
    for told in (paths, _collapsed(paths)):
        found = markov(told)
        assert f"{found.base:.8f}" == "0.22384514"
        assert {str(name): f"{effect:.6f}" for name, effect in found.removal.items()} == column(5)
        assert {str(name): f"{share * 19_785:.4f}" for name, share in found.shares.items()} == column(6)


def test_shapley_with_the_sum_worth_is_linear_over_distinct_channels(paths: Told) -> None:
    found = shapley(paths, "sum")
    assert {str(name): f"{float(share) * 19_785:.6f}" for name, share in found.shares.items()} == column(3)


def _collapsed(paths: Told) -> Told:
    found: Told = defaultdict(lambda: Outcome(0, 0))
    for path, outcome in paths.items():
        key = collapsed(path)
        found[key] = Outcome(found[key].orders + outcome.orders, found[key].none + outcome.none)
    return found
