"""A share that changed is found on its day, and chance is not taken for a change."""

from __future__ import annotations

import random

import pytest

from twofold.router.rules.change import change_of

DAYS = 14


def series(days: int, before: int, after: int, of: int = 100) -> list[tuple[int, int]]:
    """Hits of so many a day, the newest first: ``after`` for so many days, ``before`` on those before."""
    return [(after, of)] * days + [(before, of)] * (DAYS - days)


@pytest.mark.parametrize("days", range(1, 8))
def test_the_day_is_found(days):
    change = change_of(series(days, 20, 60))
    assert change is not None
    assert (change.days, change.before, change.after, change.more) == (days, 0.2, 0.6, 40 * days)


@pytest.mark.parametrize(
    "shares",
    [
        series(5, 60, 20),  # fewer
        series(5, 20, 25),  # less than anybody can use
        [(600, 2_000)] * 5 + [(400, 2_000)] * 9,  # nor is it more where many say so
        series(14, 60, 60),
        [(0, 0)] * DAYS,
        [(3, 3)] + [(0, 100)] * 13,  # too few since
        [(50, 50)] + [(0, 0)] * 13,  # nothing before
    ],
)
def test_what_is_no_change(shares):
    assert change_of(shares) is None


def test_what_began_earlier_is_told_of_the_last_week():
    """Of it all days; the day on which it began is not looked for so far back."""
    change = change_of(series(9, 20, 60))
    assert change is not None
    assert (change.days, change.after) == (7, 0.6)


def test_few_orders_need_longer():
    """The same change of share, with a tenth of the orders: chance would do it too often."""
    assert change_of(series(4, 3, 6, of=10)) is None
    assert change_of(series(4, 30, 60)) is not None


def test_chance_is_no_change():
    """Five thousand steady shops of five sizes and shares."""
    draw = random.Random(20261129)
    alarms = 0
    for share, of in ((0.3, 25), (0.15, 25), (0.5, 25), (0.3, 8), (0.3, 60)):
        for _ in range(1_000):
            days = [(sum(draw.random() < share for _ in range(of)), of) for _ in range(DAYS)]
            alarms += change_of(days) is not None
    assert alarms <= 2
