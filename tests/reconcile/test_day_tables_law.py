"""A day as the tables tell it is the day as the store tells it, read order by order: bridges, reasons, orders behind them, residuals.

The world of `tests.facts` lives at random: the same order told twice, events that are late, clicks, merged actions, refunds, hostile
amounts; eight days of it are asked, in two zones and by both days of a click. A store and a gateway's worth of tables are made once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.facts.world import POLICY, World, world
from tests.reconcile.day_of_store import day_of_store
from twofold.facts.engine import Analytics, ask_all
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.day.report import Day
from twofold.reconcile.exchange import day_text
from twofold.reconcile.reading.day import Platform
from twofold.reconcile.reading.witnesses import DayReader, Question, desk_of

DAYS = 8


@pytest.fixture(scope="module", params=[4, 11])
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("days") / "data", request.param) as w:
        w.live(120)
        for n in range(2):
            w.buy(n)
        w.settle()
        w.rebuild(lives=True)
        yield w


@pytest.mark.parametrize(("zone", "by_click_day"), [("Asia/Tbilisi", False), ("America/Los_Angeles", True)])
def test_the_tables_tell_the_day_that_the_store_tells(lived: World, zone: str, by_click_day: bool) -> None:
    last = lived.now // 86_400_000
    days = [day_text(n) for n in range(last - DAYS + 1, last + 1)]
    of_tables = dict(zip(days, told_by_tables(lived, days, zone, by_click_day), strict=True))
    seen: set[str] = set()
    for day in days:
        asked = question(day, zone, by_click_day, lived.now // 1000)
        desk = desk_of(lived.folder, asked)
        expected = day_of_store(lived.folder, lambda _dataset: POLICY, asked, desk)
        assert of_tables[day] == expected
        seen |= {term.reason for bridge in expected.bridges for term in bridge.terms}
    assert len(seen) > 4, seen  # else it says little


def question(day: str, zone: str, by_click_day: bool, as_of: int) -> Question:
    return Question(
        day=day, as_of=as_of, rules=Rules(currency="EUR"), zone=ZoneInfo(zone), zone_name=zone,
        platform=Platform(destinations=frozenset({"meta-1", "meta-2"}), by_click_day=by_click_day),
        zones={"42": "America/New_York"}, keep=False,
    )  # fmt: skip


def told_by_tables(lived: World, days: Sequence[str], zone: str, by_click_day: bool) -> list[Day]:
    analytics = Analytics(data=lived.folder, files=lived.files)

    def ask(asked: Sequence[Any]) -> list[Any]:
        return ask_all(analytics, asked)

    asked = question(days[0], zone, by_click_day, lived.now // 1000)
    reader = DayReader(ask, asked, desk_of(lived.folder, asked))
    reader.hear(ask(reader.counted(days[0], days[-1])))
    return [reader.report(told) for _, told in reader.days(days)]
