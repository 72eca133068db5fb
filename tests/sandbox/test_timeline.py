"""The bars over time: nothing is lost in them, whatever the time between events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.sandbox.pages.timeline import HEIGHT, MOST_BARS, WIDTH, timeline

START = 1_790_000_000_000
SPANS = [
    (0, "second"),
    (59_000, "second"),
    (10 * 60_000, "15 seconds"),
    (3_600_000, "5 minutes"),
    (40 * 86_400_000, "day"),
]


@pytest.mark.parametrize(("span", "step"), SPANS)
def test_the_bars_fit_the_time(span: int, step: str) -> None:
    """A second each while it is short, days when it is long; never more than can be told apart."""
    found = timeline([(START, False), (START + span, True)])
    assert found is not None
    assert found.step_words == step
    assert len(found.bars) <= MOST_BARS + 1
    assert found.since <= START <= START + span < found.until


def test_nothing_came() -> None:
    """No picture then."""
    assert timeline([]) is None


@law
@given(st.lists(st.tuples(st.integers(START, START + 10**10), st.booleans()), min_size=1, max_size=60))
def test_every_event_is_in_one_bar(rows: list[tuple[int, bool]]) -> None:
    """The sums of both sides are those of the rows, and no bar leaves the picture."""
    found = timeline(rows)
    assert found is not None
    assert sum(bar.server for bar in found.bars) == sum(server for _, server in rows)
    assert sum(bar.browser for bar in found.bars) == sum(not server for _, server in rows)
    for bar in found.bars:
        assert bar.x + bar.width <= WIDTH + 0.1
        assert -0.1 <= bar.server_y <= bar.browser_y <= HEIGHT + 0.1
