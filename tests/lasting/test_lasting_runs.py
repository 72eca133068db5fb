"""The long runs run: a few kills of a real process, a slope that is right, figures that go on where they were."""

from __future__ import annotations

import datetime
import time

import pytest

from tests.lasting.folder_books import Broken, FolderBooks
from tests.lasting.hours import said_of
from tests.lasting.kills import kill_often
from tests.lasting.results import Progress, put_result, put_table
from tests.lasting.soak import Held, _growth, slope_of
from tests.world.one_world import _new_folder


@pytest.mark.process
def test_a_killed_gateway_loses_nothing(tmp_path):
    progress = Progress("kills", folder=tmp_path)
    kill_often(progress, 3, time.monotonic() + 120, lambda: None, rate=4)
    assert progress["kills"] == 3
    assert progress["events"] > 0
    kill_often(Progress("kills", folder=tmp_path), 3, time.monotonic() + 120, lambda: None)  # nothing is left to do


def test_what_is_missing_is_told(tmp_path):
    """Of a folder that holds nothing, though a sender was told of one event."""
    for name, content in _new_folder().items():
        (tmp_path / name).write_bytes(content)
    FolderBooks(tmp_path).look(frozenset())
    with pytest.raises(Broken, match="1 of 1 acknowledged events are gone"):
        FolderBooks(tmp_path).look(frozenset({7}))


def test_a_slope_and_its_error_are_those_of_the_line():
    """Points on a line, and four points worked out by hand: slope 0.6, residuals -0.1, 0.3, -0.3 and 0.1."""
    assert slope_of([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx((2, 0))
    slope, error = slope_of([0, 1, 2, 3], [0, 1, 1, 2])
    assert slope == pytest.approx(0.6)
    assert error == pytest.approx((0.2 / 2 / 5) ** 0.5)


STEADY = [Held(60.0 * n, 24_000 * n, 100.0, 20, 8) for n in range(121)]
"""Two hours, looked at each minute, at 400 events a second: 525,000 are taken after 22."""


@pytest.mark.parametrize(("name", "grows"), [("memory_mb", 3.0), ("files", 0.1), ("threads", 0.1)])
def test_growth_is_told(name, grows):
    """Three megabytes an hour, or six files more, are too much."""
    assert _growth(STEADY)["slope_mb_h"] == 0
    more = {"memory_mb": grows / 60}.get(name, grows)
    with pytest.raises(Broken, match="grow"):
        _growth([h._replace(**{name: getattr(h, name) + int(n * more * 1000) / 1000}) for n, h in enumerate(STEADY)])


@pytest.mark.parametrize(("of", "minutes"), [(5, 120), (1, 45)])
def test_growth_before_all_is_full_is_no_verdict(of, minutes):
    """A busy machine takes a fifth, and is full for the last 10 of 120 minutes; or all is over 23 minutes after that."""
    held = [h._replace(events=h.events // of, memory_mb=h.memory_mb + h.at / 60) for h in STEADY[: minutes + 1]]
    told = _growth(held)
    assert (told["watched_min"], told["taken"]) == (0, held[-1].events)
    said = said_of("soak", _figures(minutes=minutes, events=held[-1].events, **told))
    assert "no verdict on growth" in said
    assert f"took {held[-1].events:,} events" in said


def test_what_fills_is_no_growth():
    """Ten megabytes in the first 500,000 events and none after them."""
    told = _growth([h._replace(memory_mb=100 + min(h.events, 500_000) / 50_000) for h in STEADY])
    assert (told["slope_mb_h"], told["memory_mb"]) == (0, 110)
    assert "watched for 98 min, held 110 MB" in said_of("soak", _figures(minutes=120, events=2_880_000, **told))


def test_figures_go_on_and_a_result_takes_the_place_of_the_last(tmp_path):
    Progress("cuts", folder=tmp_path).add(cuts=2)
    Progress("cuts", folder=tmp_path).add(cuts=3)
    assert Progress("cuts", folder=tmp_path)["cuts"] == 5
    assert Progress("cuts", folder=tmp_path, anew=True)["cuts"] == 0
    page = tmp_path / "design.md"
    page.write_text("| `make kills` | never | not run |\n| `make soak` | never | not run |\n", encoding="utf-8")
    put_result("kills", "12 kills", page, datetime.date(2026, 11, 29))
    assert (
        page.read_text("utf-8") == "| `make kills` | 29 November 2026 | 12 kills |\n| `make soak` | never | not run |\n"
    )
    with pytest.raises(ValueError, match="power-cuts"):
        put_result("power-cuts", "3 cuts", page)


def test_a_table_takes_the_place_of_what_it_was(tmp_path):
    page = tmp_path / "design.md"
    page.write_text("Before.\n\n| a | b |\n|---|---|\n| old | 1 |\n| older | 2 |\n\nBehind.\n", encoding="utf-8")
    put_table("| a | b |", [("new", "3")], page)
    assert page.read_text("utf-8") == "Before.\n\n| a | b |\n|---|---|\n| new | 3 |\n\nBehind.\n"
    with pytest.raises(ValueError, match=r"\| a \| c \|"):
        put_table("| a | c |", [], page)


def _figures(**figures):
    progress = Progress("never written", anew=True)
    progress.figures = figures
    return progress
