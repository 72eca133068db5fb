"""When a gateway asks by itself: once a day at the account's own time, and what passed while none ran."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from twofold.config import AccountSettings
from twofold.pulling.platforms import BY_NAME
from twofold.pulling.schedule import FORMATS, Schedule, last_time


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def account(name: str = "a", pull: str = "05:30", zone: str = "Asia/Tbilisi", platform: str = "nbg") -> AccountSettings:
    return AccountSettings(platform=platform, name=name, pull=pull, timezone=zone)


@pytest.mark.parametrize(
    ("zone", "now", "last"),
    [
        ("Asia/Tbilisi", "2026-03-10 05:30", "2026-03-10 05:30"),
        ("Asia/Tbilisi", "2026-03-10 05:29:59", "2026-03-09 05:30"),
        ("Asia/Tbilisi", "2026-03-10 23:59", "2026-03-10 05:30"),
        ("Europe/Berlin", "2026-03-29 12:00", "2026-03-29 05:30"),  # the day on which an hour is left out
        ("Europe/Berlin", "2026-10-25 12:00", "2026-10-25 05:30"),
    ],
)
def test_the_accounts_own_time_of_the_day(zone, now, last):
    assert last_time(account(zone=zone), at(now, zone)) == at(last, zone)


def test_an_hour_that_does_not_exist_still_comes():
    """02:30 of the 29th is left out in Berlin: that day is asked all the same, once."""
    schedule = Schedule([account(pull="02:30", zone="Europe/Berlin")], {"nbg": at("2026-03-28 02:31", "Europe/Berlin")})
    minutes = range(int(at("2026-03-28 23:00")), int(at("2026-03-29 23:00")), 60)

    assert sum(len(schedule.due(moment)) for moment in minutes) == 1


def test_once_a_day():
    schedule = Schedule([account(), account("b", "18:00"), account("never", "")], {"nbg": at("2026-03-10 00:00")})
    minutes = range(int(at("2026-03-10 00:00")), int(at("2026-03-13 00:00")), 60)
    asked = [(found.name, moment) for moment in minutes for found in schedule.due(moment)]

    assert [name for name, _ in asked] == ["a", "b"] * 3
    assert asked[0][1] == at("2026-03-10 05:30", "Asia/Tbilisi")


def test_a_time_that_passed_while_no_gateway_ran_is_made_up_for():
    now = at("2026-03-10 12:00", "Asia/Tbilisi")

    assert [a.name for a in Schedule([account()], {}).due(now)] == ["a"]
    assert Schedule([account()], {"nbg": at("2026-03-10 05:31", "Asia/Tbilisi")}).due(now) == []
    assert [a.name for a in Schedule([account()], {"nbg": at("2026-03-10 05:29", "Asia/Tbilisi")}).due(now)] == ["a"]


def test_what_passes_by_itself_is_tried_again_a_few_times_a_day():
    """Each hour, four times in all; the next day begins anew."""
    schedule = Schedule([account(zone="UTC")], {"nbg": at("2026-03-10 00:00")})
    tried = []
    for moment in range(int(at("2026-03-10 00:00")), int(at("2026-03-12 00:00")), 60):
        for found in schedule.due(moment):
            tried.append(datetime.fromtimestamp(moment, UTC).strftime("%d %H:%M"))
            schedule.try_again(found, moment)

    assert tried == [f"{day} {hour}:30" for day in (10, 11) for hour in ("05", "06", "07", "08")]


def test_every_platform_is_known_by_its_answers():
    assert set(FORMATS) == set(BY_NAME)
