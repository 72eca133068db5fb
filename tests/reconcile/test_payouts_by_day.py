"""A payout that one file lists by its day and another by its id is one batch, in whatever order the files came."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from tests.reconcile.lines import D, batch, credit, day, line
from twofold.reconcile.matches.groups import groups_of
from twofold.reconcile.matches.values import Days

BY_DAY = batch("day:2026-03-09:GEL", "29.10", day(9))


def paid(number: str = "9001", name: str = "day:2026-03-09:GEL", order: str = "1001"):
    return line("charge", "30.00", day(6), f"number:{order}", f"payout:{name}", fee="0.90", id=order, batch=number)


def test_the_export_of_payouts_declares_what_the_lines_of_that_day_add_up_to():
    (group,) = groups_of([BY_DAY], [paid()])
    assert (group.batch.id, group.lines, group.declared, group.count) == ("9001", D("29.10"), D("29.10"), 1)


def test_a_payout_that_both_files_tell_is_one():
    told = [BY_DAY, batch("9001", "29.10", day(9), bank_reference="TRACE")]
    for order in permutations(told):
        (group,) = groups_of(order, [paid()])
        assert (group.batch.id, group.batch.bank_reference, group.declared) == ("9001", "TRACE", D("29.10"))


def test_two_payouts_of_one_day_are_not_guessed_apart():
    """The day's batch stays beside them: nothing says which of the two it is."""
    groups = groups_of([BY_DAY], [paid(), paid("9002", order="1002")])
    assert [g.batch.id for g in groups] == ["9001", "9002", "day:2026-03-09:GEL"]


def test_an_age_of_the_export_without_ids_is_in_the_days_batch():
    (group,) = groups_of([BY_DAY], [line("charge", "30.00", day(6), "number:1001", fee="0.90", batch=BY_DAY.id)])
    assert (group.batch.id, group.lines) == (BY_DAY.id, D("29.10"))


def utc(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


@pytest.mark.parametrize(
    ("home", "begins"),
    [
        ("UTC", "2026-03-12T00:00"),  # when the later of the two begins it
        ("America/Los_Angeles", "2026-03-12T07:00"),
        ("Asia/Tbilisi", "2026-03-11T20:00"),
        ("Pacific/Auckland", "2026-03-11T20:00"),  # where it has been the 12th since nine hours
    ],
)
def test_a_day_of_a_bank_stands_where_it_is_that_day_at_home_and_there(home: str, begins: str):
    """The bank in Tbilisi booked it on the 12th of March, whose midnight is eight in the evening of the 11th in UTC."""
    days = Days(ZoneInfo(home))
    told = credit("10.00", utc("2026-03-11T20:00"), day_only=True, zone="Asia/Tbilisi").line
    here = days.here(told)
    assert here.at == utc(begins)
    for zone in (home, "Asia/Tbilisi"):
        assert datetime.fromtimestamp(here.at, ZoneInfo(zone)).date().isoformat() == "2026-03-12"


def test_the_day_on_which_money_is_there_is_a_day_also_of_a_line_with_a_time():
    """The charge has its minute, which stays; that it is paid out on the 12th is told without one."""
    told = line(
        "charge", "10.00", utc("2026-03-05T10:31"), zone="Asia/Tbilisi", available_at=utc("2026-03-11T20:00")
    ).line
    here = Days(ZoneInfo("UTC")).here(told)
    assert (here.at, here.available_at) == (utc("2026-03-05T10:31"), utc("2026-03-12T00:00"))
