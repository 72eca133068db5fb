"""A platform that says something else of days that were over: by a tenth, on three days, after they were settled."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from twofold.config import settings_from
from twofold.importing.statements.plan import StatementPlan
from twofold.importing.statements.run import import_statement
from twofold.router.finding import Finding, When
from twofold.router.rules.restated import findings_of_restated, read_words
from twofold.store.lines.reading import OpenLines

HEAD = "Campaign name,Campaign ID,Day,Amount spent (EUR),Impressions,Purchases,Purchases conversion value\n"


def at(day: int, hour: int = 5) -> int:
    return int(datetime(2026, 3, day, hour, tzinfo=UTC).timestamp())


def export(days: range, *, spend: int = 100, count: int = 10, value: int = 400) -> str:
    return HEAD + "".join(
        f"Spring,120210000000000444,2026-03-{day:02},{spend}.00,900,{count},{value}.00\n" for day in days
    )


class Shop:
    """Exports that were taken in, each on its day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = settings_from({"server": {"data": str(folder / "data")}, "dataset": [{"id": "1"}]}, environ={})

    def take(self, day: int, text: str) -> None:
        path = self.folder / f"{day}.csv"
        path.write_text(text, encoding="utf-8")
        import_statement(self.settings, StatementPlan(kind="spend", path=path), at(day) * 1000)

    def found(self, day: int = 20) -> list[Finding]:
        with OpenLines(self.settings.server.data) as lines:
            return list(findings_of_restated(read_words(lines, at(day))))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_what_is_taken_back_days_later_is_named_with_both_figures(shop):
    shop.take(9, export(range(1, 6)))
    shop.take(14, export(range(1, 6), count=7, value=280))
    (one,) = shop.found()
    assert dict(one.evidence) == {
        "said_then": "50", "says_now": "35", "days": "5, 2026-03-01 to 2026-03-05", "latest_after": "12",
    }  # fmt: skip
    assert (one.marks, one.about, one.when, one.money) == (("claimed_count",), "meta", When.WEEK, ())


def test_what_is_counted_late_to_a_young_day_is_no_restating(shop):
    shop.take(6, export(range(4, 7), count=5, value=200))
    shop.take(8, export(range(4, 7)))
    assert shop.found() == []


@pytest.mark.parametrize(("days", "value"), [(range(1, 6), 361), (range(1, 3), 200)])
def test_less_than_a_tenth_or_fewer_than_three_days_are_none(shop, days, value):
    shop.take(9, export(range(1, 6)))
    shop.take(14, export(days, value=value))
    assert shop.found() == []


def test_money_alone_is_named_by_its_sum(shop):
    shop.take(9, export(range(1, 6)))
    shop.take(14, export(range(1, 6), value=360))
    (one,) = shop.found()
    assert (one.marks, [(c, str(a)) for c, a in one.money]) == (("claimed_value",), [("EUR", "200.00")])


def test_spend_that_changed_is_named_too(shop):
    shop.take(9, export(range(1, 6)))
    shop.take(14, export(range(1, 6), spend=80))
    (one,) = shop.found()
    assert (one.marks, dict(one.evidence)["says_now"]) == (("spend",), "400.00")


def test_what_was_imported_once_is_none_however_late(shop):
    shop.take(19, export(range(1, 6)))
    assert shop.found() == []


def test_days_long_ago_are_not_looked_at(shop):
    shop.take(9, export(range(1, 6)))
    shop.take(14, export(range(1, 6), count=5, value=200))
    with OpenLines(shop.settings.server.data) as lines:
        assert read_words(lines, at(6) + 36 * 86_400) == []
