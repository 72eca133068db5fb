"""An event that comes no more is a finding where it was due so often that chance would not leave it out."""

from __future__ import annotations

import pytest

from twofold.report.senders import Cell
from twofold.router.finding import Kind
from twofold.router.rules.came import findings_of_senders

NOW, HOUR = 1_795_000_000, 3_600


def cell(name: str, copies: int, hours_ago: float) -> Cell:
    verdicts = {"first": copies, "repeat": 0, "twin": 0, "conflict": 0}
    first, last = (NOW - 7 * 24 * HOUR) * 1000, int((NOW - hours_ago * HOUR) * 1000)
    return Cell(dataset="1", event_name=name, sender="tag", channel="browser", copies=copies, first_at=first, last_at=last,
                verdicts=verdicts)  # fmt: skip


def stopped(*cells: Cell) -> list[str]:
    return [f.about for f in findings_of_senders(cells, NOW) if f.kind is Kind.STOPPED]


@pytest.mark.parametrize(
    ("copies", "hours_ago", "is_found"),
    [
        (12, 26, False),  # two a day: a day without any is chance
        (12, 90, True),  # and almost four days without any are none
        (70, 26, True),  # ten a day
        (70, 23, False),  # not a day yet
        (9, 150, False),  # too few to say anything
    ],
)
def test_as_often_as_it_came(copies, hours_ago, is_found):
    assert stopped(cell("AddToCart", copies, hours_ago), cell("PageView", 500, 0.1)) == ["AddToCart"] * is_found


def test_where_nothing_comes_at_all_no_single_event_stopped():
    assert stopped(cell("AddToCart", 70, 30), cell("PageView", 500, 30)) == []
