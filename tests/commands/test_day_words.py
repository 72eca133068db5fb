"""A day is told in people's words, whatever its reasons are called in `--json`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from twofold.commands.reconcile.chain import start_of
from twofold.commands.reconcile.day import MAY_BE, REASONS, WINDOWS
from twofold.commands.reconcile.words import words
from twofold.config import settings_from
from twofold.policies import day_question
from twofold.reconcile.day import values


@pytest.mark.parametrize("name", sorted({*values.REASONS, *(one for some in values.POSSIBLE.values() for one in some)}))
def test_every_reason_has_words(name: str) -> None:
    assert name in REASONS | MAY_BE
    assert "_" not in words(REASONS | MAY_BE, name)


def test_ways_of_counting_have_words() -> None:
    assert all("_" not in said for said in WINDOWS.values())
    assert WINDOWS["by_return_day"] == "less what came back that day"


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_ends_when_the_next_begins_there(day: str, hours: int) -> None:
    """In Berlin, where clocks go forward in March and back in October."""
    berlin = ZoneInfo("Europe/Berlin")
    assert start_of(day, berlin, days=1) - start_of(day, berlin) == hours * 3_600


def test_what_meta_was_told_is_asked_of_its_own_destinations_and_accounts() -> None:
    settings = settings_from(
        {
            "dataset": [{"id": "1", "consent": {"require": True}}, {"id": "2"}],
            "destination": [
                {"platform": "meta", "dataset": "1", "name": "ours", "token": "t"},
                {"platform": "tiktok", "dataset": "1", "name": "theirs", "token": "t"},
            ],
            "account": [
                {"platform": "meta", "id": "act_42", "token": "t", "timezone": "America/Los_Angeles"},
                {"platform": "tiktok", "id": "42", "token": "t", "timezone": "Asia/Tbilisi"},
            ],
        },
        environ={},
    )
    asked = day_question(settings, "2026-03-10", 0, None, keep=False)
    assert asked.platform.destinations == {"ours"}
    assert asked.platform.banners == {"1"}  # whose visitors are asked first
    assert asked.zones == {"42": "America/Los_Angeles"}
