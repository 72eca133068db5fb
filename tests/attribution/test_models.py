"""Rule models, Markov and Shapley against published answers and exact computations of their own."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attribution.rule_models import MODELS, Step, shares_of
from tests.strategies import law, slow_law
from twofold.attribution.markov import Outcome, Refused, collapsed, markov
from twofold.attribution.paths import DAY_S
from twofold.attribution.shapley import shapley
from twofold.attribution.shares import split

PATH = [Step(days * DAY_S, key) for days, key in ((12, "meta"), (9, "google"), (4, "email"), (1, "meta"))]


def credits(model: str, amount: str = "240.00", path: list[Step] = PATH) -> list[str]:
    return [str(part) for part in split(Decimal(amount), "GEL", shares_of(model, path))]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first", ["240.00", "0.00", "0.00", "0.00"]),
        ("last", ["0.00", "0.00", "0.00", "240.00"]),
        ("linear", ["60.00"] * 4),
        ("position", ["96.00", "24.00", "24.00", "96.00"]),
        ("time_decay", ["31.89", "42.92", "70.42", "94.77"]),
    ],
)
def test_one_order(model: str, expected: list[str]) -> None:
    assert credits(model) == expected


def test_to_the_minor_unit() -> None:
    assert credits("linear", "100.00", PATH[:3]) == ["33.34", "33.33", "33.33"]
    assert credits("position", "200.00") == ["80.00", "20.00", "20.00", "80.00"]  # after a refund of 40.00
    assert split(Decimal("100"), "JPY", [Fraction(1, 3)] * 3) == [Decimal(34), Decimal(33), Decimal(33)]
    assert split(Decimal("-100.00"), "GEL", [Fraction(1, 3)] * 3) == [
        Decimal("-33.34"),
        Decimal("-33.33"),
        Decimal("-33.33"),
    ]


def test_decay_of_a_long_path() -> None:
    """Touches 38, 33, 26, 8 and 0 days before a deal of 12,000: 175.20, 287.44, 574.88, 3417.05, 7545.45, each rounded by
    itself; ours add up."""
    path = [Step(days * DAY_S, days) for days in (38, 33, 26, 8, 0)]
    found = split(Decimal("12000.00"), "USD", shares_of("time_decay", path))
    published = [Decimal(text) for text in ("175.20", "287.44", "574.88", "3417.05", "7545.45")]
    assert sum(found) == 12000
    assert max(abs(a - b) for a, b in zip(found, published, strict=True)) <= Decimal("0.01")


def test_direct_gives_way_and_paid_is_paid() -> None:
    path = [Step(3, "meta", paid=True), Step(2, "blog"), Step(1, "direct", direct=True)]
    assert shares_of("last", path) == [0, 1, 0]
    assert shares_of("last_paid", path) == [1, 0, 0]
    assert shares_of("last_paid", path[1:]) == [0, 0]
    assert shares_of("linear", path[2:]) == [1]
    assert shares_of("position", path) == [Fraction(1, 2), Fraction(1, 2), 0]
    assert shares_of("linear", []) == []


@law
@given(
    st.lists(st.tuples(st.integers(0, 90 * DAY_S), st.booleans(), st.booleans()), min_size=1, max_size=9),
    st.decimals(-9999, 9999, places=2),
    st.sampled_from(sorted(MODELS)),
)
def test_credits_add_up(told: list[tuple[int, bool, bool]], amount: Decimal, model: str) -> None:
    """To the order, to the minor unit; a refund of a part changes no share; the sign of a part is the order's."""
    path = [Step(age, n, direct=direct, paid=paid) for n, (age, direct, paid) in enumerate(sorted(told, reverse=True))]
    shares = shares_of(model, path)
    parts = split(amount, "GEL", shares)
    if any(shares):
        assert sum(shares) == 1
        assert sum(parts) == amount
    else:
        assert model == "last_paid"
        assert not any(parts)
    assert all(part * amount >= 0 for part in parts)
    assert all(
        abs(part - share * Fraction(amount)) < Fraction(1, 100)
        for part, share in zip(map(Fraction, parts), shares, strict=True)
    )


# Paths of a period: 105 orders of 460.
PERIOD = {
    ("meta",): Outcome(20, 180),
    ("google",): Outcome(30, 70),
    ("meta", "google"): Outcome(40, 60),
    ("email",): Outcome(10, 40),
    ("meta", "email", "google"): Outcome(5, 5),
}


def test_markov_of_a_period() -> None:
    found = markov(PERIOD)
    assert found.base == pytest.approx(21 / 92)
    assert found.removal == pytest.approx({"meta": 487 / 882, "google": 5 / 7, "email": 19 / 147})
    assert {k: 105 * share for k, share in found.shares.items()} == pytest.approx(
        {"meta": 51135 / 1231, "google": 66150 / 1231, "email": 11970 / 1231}
    )


@pytest.mark.parametrize(
    ("paths", "base", "removal"),
    [
        ({"aba": (2, 1), "b": (1, 2), "a": (0, 3)}, 1 / 3, {"a": 5 / 6, "b": 5 / 9}),
        ({"ab": (3, 1), "ac": (1, 1)}, 2 / 3, {"a": 1, "b": 0.75, "c": 0.25}),
        ({"abc": (1, 0), "a": (0, 1), "bc": (0, 1)}, 1 / 3, {"a": 0.5, "b": 1, "c": 1}),
        ({"aab": (3, 1), "ac": (1, 1)}, 2 / 3, {"a": 1, "b": 0.75, "c": 0.25}),  # repeats of a neighbour change nothing
    ],
)
def test_markov_of_small_cases(paths: dict[str, tuple[int, int]], base: float, removal: dict[str, float]) -> None:
    found = markov({tuple(path): Outcome(*counts) for path, counts in paths.items()})
    assert found.base == pytest.approx(base)
    assert found.removal == pytest.approx(removal)
    assert sum(found.shares.values()) == pytest.approx(1)


def by_walking(paths: dict[tuple[str, ...], Outcome], order: int, without: str, most: int = 400) -> float:
    """The chance of an order when a channel leads nowhere, by following the chain step by step: no matrix."""
    outs: dict[tuple[str, ...], dict[tuple[str, ...] | bool, float]] = {}
    for path, found in paths.items():
        states = [(), *(path[max(0, end - order) : end] for end in range(1, len(path) + 1))]
        for here, there in zip(states, [*states[1:], None], strict=True):
            out = outs.setdefault(here, {})
            if there is not None:
                out[there] = out.get(there, 0) + found.orders + found.none
            else:
                out[True] = out.get(True, 0) + found.orders
                out[False] = out.get(False, 0) + found.none
    at: dict[tuple[str, ...], float] = {(): 1.0}
    won = 0.0
    for _ in range(most):
        after: dict[tuple[str, ...], float] = {}
        for state, chance in at.items():
            whole = sum(outs[state].values())
            for there, weight in outs[state].items():
                if there is True:
                    won += chance * weight / whole
                elif there is not False and there[-1] != without:
                    after[there] = after.get(there, 0) + chance * weight / whole
        at = after
    return won


@slow_law
@given(
    st.dictionaries(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple),
        st.tuples(st.integers(0, 5), st.integers(1, 5)).map(lambda pair: Outcome(*pair)),
        min_size=1, max_size=6,
    ),
    st.integers(1, 3),
)  # fmt: skip
def test_markov_against_a_walk(paths: dict[tuple[str, ...], Outcome], order: int) -> None:
    if not any(found.orders for found in paths.values()):
        with pytest.raises(Refused):
            markov(paths, order)
        return
    found = markov(paths, order)
    whole = by_walking(paths, order, "")
    for channel, removal in found.removal.items():
        assert removal == pytest.approx(1 - by_walking(paths, order, str(channel)) / whole, abs=1e-6)


def test_shapley_of_a_period() -> None:
    rate = shapley(PERIOD, "rate")
    assert rate.phi == {"meta": Fraction(-439, 82800), "google": Fraction(13913, 82800), "email": Fraction(2713, 41400)}
    scaled = {channel: float(105 * share) for channel, share in rate.shares.items()}
    assert scaled == pytest.approx({"meta": -2.4389, "google": 77.2944, "email": 30.1444}, abs=5e-5)
    assert shapley(PERIOD, "sum").phi == {
        "meta": Fraction(125, 3),
        "google": Fraction(155, 3),
        "email": Fraction(35, 3),
    }


@pytest.mark.parametrize(
    ("paths", "phi"),
    [({"a": 4, "ab": 6}, {"a": 7, "b": 3}), ({"abcd": 10}, dict.fromkeys("abcd", Fraction(5, 2)))],
)
def test_shapley_of_small_cases(paths: dict[str, int], phi: dict[str, int]) -> None:
    assert shapley({tuple(path): Outcome(n, 0) for path, n in paths.items()}, "sum").phi == phi


@slow_law
@given(
    st.dictionaries(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map(tuple),
        st.tuples(st.integers(1, 5), st.integers(1, 5)).map(lambda pair: Outcome(*pair)),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_shapley_is_the_mean_over_all_orders_of_joining(paths: dict[tuple[str, ...], Outcome]) -> None:
    channels = sorted({channel for path in paths for channel in path})

    def rate(among: tuple[str, ...]) -> Fraction:
        told = [found for path, found in paths.items() if set(path) <= set(among)]
        tried = sum(found.orders + found.none for found in told)
        return Fraction(sum(found.orders for found in told), tried) if tried else Fraction(0)

    joins = list(permutations(channels))
    for channel in channels:
        gains = [rate(join[: join.index(channel) + 1]) - rate(join[: join.index(channel)]) for join in joins]
        assert shapley(paths, "rate").phi[channel] == sum(gains, Fraction(0)) / len(joins)


def test_what_is_refused() -> None:
    with pytest.raises(Refused, match="without an order"):
        markov({("a",): Outcome(3, 0)})
    with pytest.raises(Refused, match="no path led to an order"):
        markov({("a",): Outcome(0, 3)})
    with pytest.raises(Refused, match="13 channels"):
        shapley({(n,): Outcome(1, 1) for n in range(13)}, "rate")
    with pytest.raises(Refused, match="the order is 0"):
        markov(PERIOD, 0)


def test_collapsed() -> None:
    assert collapsed("aabba") == ("a", "b", "a")
