"""Small published sets with their published answers: what three other libraries say of the same paths, to the digits they give.

Sources: the tests of eeghor/mta (MIT), of DP6/Marketing-Attribution-Models (Apache-2.0), of jerednel/markov-chain-attribution (MIT) and of
snowplow/dbt-snowplow-attribution; figures only. Where a convention differs from ours it is said at the set.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.attribution.rule_models import Step, shares_of
from twofold.attribution.markov import Outcome, Refused, markov
from twofold.attribution.paths import DAY_S
from twofold.attribution.shapley import shapley
from twofold.attribution.shares import split

MTA = {"direct": 2, "search > email": 3, "search > social > email": 5}
DP6 = {"A > B > C": 1, "A > C": 1}
NINE = dict.fromkeys(("A", "A > B", "A > B > C", "B", "B > A", "B > C > A", "C", "C > A", "C > B > A"), 3)


def credited(paths: dict[str, int], model: str) -> dict[str, float]:
    found: dict[str, Fraction] = defaultdict(Fraction)
    for path, orders in paths.items():
        names = path.split(" > ")
        steps = [Step((len(names) - n) * DAY_S, name, paid=True) for n, name in enumerate(names)]
        for name, share in zip(names, shares_of(model, steps), strict=True):
            found[name] += share * orders
    return {name: float(share) for name, share in found.items() if share}


@pytest.mark.parametrize(
    ("paths", "model", "expected"),
    [
        (MTA, "first", {"direct": 2, "search": 8}),
        (MTA, "last", {"direct": 2, "email": 8}),
        (MTA, "linear", {"direct": 2, "search": 19 / 6, "email": 19 / 6, "social": 5 / 3}),
        (MTA, "position", {"direct": 2, "search": 3.5, "email": 3.5, "social": 1}),
        ({"a > a > b": 6}, "linear", {"a": 4, "b": 2}),
        ({"x > y": 10}, "position", {"x": 5, "y": 5}),
        ({"first_a": 4, "last_b > z": 6}, "first", {"first_a": 4, "last_b": 6}),
        ({"first_a": 4, "last_b > z": 6}, "last", {"first_a": 4, "z": 6}),
        (DP6, "first", {"A": 2}),
        (DP6, "last", {"C": 2}),
        (DP6, "linear", {"A": 1 / 3 + 1 / 2, "B": 1 / 3, "C": 1 / 3 + 1 / 2}),
        (DP6, "position", {"A": 0.9, "B": 0.2, "C": 0.9}),
        # nine paths of 3 each: whoever begins or ends has 3 of each, ends of three have 1.2, of two 1.5
        (NINE, "first", {"A": 9, "B": 9, "C": 9}),
        (NINE, "last", {"A": 15, "B": 6, "C": 6}),
        (NINE, "linear", {"A": 3 + 3 * 1.5 + 3 * 1, "B": 3 + 2 * 1.5 + 3 * 1, "C": 3 + 1 * 1.5 + 3 * 1}),
        (NINE, "position", {"A": 3 + 3 * 1.5 + 3 * 1.2, "B": 3 + 2 * 1.5 + 1.2 + 2 * 0.6, "C": 3 + 1.5 + 2 * 1.2 + 0.6}),
    ],
)  # fmt: skip
def test_rule_models(paths: dict[str, int], model: str, expected: dict[str, float]) -> None:
    assert credited(paths, model) == pytest.approx(expected)


def test_decay_by_half_lives() -> None:
    """DP6: one, two and three hours, half-life one hour; ours counts in days, which is the same in half-lives."""
    steps = [Step(n * DAY_S, n) for n in (2, 1, 0)]
    found = [float(share) for share in shares_of("time_decay", steps, 1)]
    assert found == pytest.approx([0.25 / 1.75, 0.5 / 1.75, 1 / 1.75], abs=1e-11)


@pytest.mark.parametrize(
    ("path", "amount", "model", "published"),
    [
        ("Organic_Search > Display_Other > Organic_Search", "66.50", "first", ["66.50", "0.00", "0.00"]),
        ("Organic_Search > Display_Other > Organic_Search", "66.50", "last", ["0.00", "0.00", "66.50"]),
        ("Organic_Search > Display_Other > Organic_Search", "66.50", "linear", ["22", "22", "22"]),
        ("Direct > Organic_Search > Direct", "140.00", "linear", ["47", "47", "47"]),
        ("Video", "200.00", "position", ["200"]),
    ],
)
def test_amounts_of_a_warehouse(path: str, amount: str, model: str, published: list[str]) -> None:
    """Snowplow rounds each part of a linear split to whole units; ours add up to the amount. It keeps direct where ours gives way, so the steps
    are put without that mark. Its position model is not compared: three parts of 66.50 are published as 27, 2 and 27, which is not 66.50."""
    names = path.split(" > ")
    parts = split(Decimal(amount), "EUR", shares_of(model, [Step(n, name) for n, name in enumerate(names)]))
    assert sum(parts) == Decimal(amount)
    for part, text in zip(parts, published, strict=True):
        assert round(part, len(text.partition(".")[2])) == Decimal(text)


def paths_of(told: list[str]) -> dict[tuple[str, ...], Outcome]:
    """Paths as the Markov packages write them: start > … > conv, or > null."""
    found: dict[tuple[str, ...], Outcome] = {}
    for text in told:
        _, *path, end = text.split(" > ")
        before = found.get(tuple(path), Outcome(0, 0))
        found[tuple(path)] = Outcome(before.orders + (end == "conv"), before.none + (end == "null"))
    return found


def test_markov_of_the_readme() -> None:
    found = markov(
        paths_of(["start > cone > ctwo > cthree > conv", "start > cone > null", "start > ctwo > cthree > null"])
    )
    assert found.base == pytest.approx(1 / 3)
    assert found.removal == pytest.approx({"cone": 0.5, "ctwo": 1, "cthree": 1})
    assert found.shares == pytest.approx({"cone": 0.2, "ctwo": 0.4, "cthree": 0.4})


def test_markov_of_a_channel_on_every_path_that_led_to_an_order() -> None:
    found = markov(paths_of(["start > a > b > conv", "start > a > null", "start > b > null"]))
    assert found.removal["b"] == pytest.approx(1)
    more = [
        "start > a > b > conv",
        "start > b > conv",
        "start > a > null",
        "start > b > a > conv",
        "start > a > b > null",
    ]
    assert sum(markov(paths_of(more)).shares.values()) * 3 == pytest.approx(3)


def test_paths_that_all_led_to_an_order_are_refused() -> None:
    """jerednel's answers a base of 1 and even shares; ours says that nothing can be learned from them."""
    with pytest.raises(Refused):
        markov(paths_of(["start > a > conv", "start > b > conv"]))


@pytest.mark.parametrize(
    ("paths", "phi"),
    [
        ({"a": 5}, {"a": 5}),
        ({"a > b > c > d": 10}, dict.fromkeys("abcd", 2.5)),
        ({"a": 4, "a > b": 6}, {"a": 7, "b": 3}),
    ],
)
def test_shapley(paths: dict[str, int], phi: dict[str, float]) -> None:
    told = {tuple(path.split(" > ")): Outcome(orders, 0) for path, orders in paths.items()}
    assert {name: float(one) for name, one in shapley(told, "sum").phi.items()} == pytest.approx(phi)
