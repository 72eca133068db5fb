"""What is told when: once a fault, outside of quiet hours, and nothing is lost over them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from twofold.alerts.book import AGAIN_S, ENDED_S, Told, decode_book, encode_book, is_quiet, news_of, was_told
from twofold.router.task import Standing

FAULT = Standing(name="token:meta-1", since=100, do_not_yet="Not yet.")
OTHER = Standing(name="two_owners:x", since=200, do_not_yet="No.")


class Mind:
    """One address over a time: what it was told, a line a message."""

    def __init__(self) -> None:
        self.told: dict[str, Told] = {}
        self.heard: list[str] = []

    def look(self, now: int, *found: Standing, quiet: bool = False, taken: bool = True) -> None:
        news = news_of(self.told, found, now, quiet=quiet)
        if news and taken:
            was_told(self.told, news, now)
            self.heard += [f"+{one.name}" for one in news.began] + [f"-{one.name}" for one in news.ended]
        self.told = decode_book(encode_book({"a": self.told}).decode())["a"]  # as after a restart


def test_each_fault_is_told_once_and_its_end_once():
    mind = Mind()
    for now in range(1_000, 10_000, 900):
        mind.look(now, FAULT, *((OTHER,) if now > 4_000 else ()))
    for now in range(10_000, 20_000, 900):
        mind.look(now, OTHER)
    assert mind.heard == ["+token:meta-1", "+two_owners:x", "-token:meta-1"]


def test_one_that_comes_and_goes_is_no_flood():
    mind = Mind()
    for n, now in enumerate(range(1_000, 1_000 + 20 * 900, 900)):
        mind.look(now, *((FAULT,) if n % 3 else ()))
    assert mind.heard == ["+token:meta-1"]


def test_one_that_is_back_soon_after_its_end_is_told_when_it_stays():
    mind = Mind()
    mind.look(1_000, FAULT)
    ended = 1_000 + ENDED_S
    mind.look(ended)
    assert mind.heard == ["+token:meta-1", "-token:meta-1"]
    mind.look(ended + 900, FAULT)
    assert len(mind.heard) == 2
    mind.look(ended + AGAIN_S + 900, FAULT)
    assert mind.heard[2:] == ["+token:meta-1"]


def test_quiet_hours_lose_nothing():
    mind = Mind()
    mind.look(1_000, FAULT, OTHER, quiet=True)
    mind.look(1_900, FAULT, quiet=True)
    assert mind.heard == []
    mind.look(2_800, FAULT)
    assert mind.heard == ["+token:meta-1"]  # the other ended in the meantime: nobody is woken for it


def test_what_nobody_took_is_told_again():
    mind = Mind()
    mind.look(1_000, FAULT, taken=False)
    mind.look(1_900, FAULT)
    assert mind.heard == ["+token:meta-1"]


def test_what_was_never_told_and_is_long_gone_is_another_when_it_is_back():
    """Seen in the night only; days later it begins anew, with the time and words of then."""
    mind = Mind()
    mind.look(1_000, FAULT, quiet=True)
    later = 1_000 + AGAIN_S + 1
    mind.look(later, OTHER)
    assert mind.told.keys() == {OTHER.name}
    again = Standing(name=FAULT.name, since=later, do_not_yet="Not yet, again.")
    assert news_of(mind.told, [again], later + 900, quiet=False).began == (again,)


@pytest.mark.parametrize(
    ("quiet", "zone", "hour", "expected"),
    [
        ("22:00-07:00", "UTC", 23, True), ("22:00-07:00", "UTC", 6, True), ("22:00-07:00", "UTC", 7, False),
        ("12:00-13:00", "UTC", 12, True), ("12:00-13:00", "UTC", 13, False), ("", "UTC", 3, False),
        ("22:00-07:00", "Asia/Tbilisi", 19, True), ("22:00-07:00", "Asia/Tbilisi", 4, False),
    ],
)  # fmt: skip
def test_quiet_hours_are_the_shops(quiet, zone, hour, expected):
    assert is_quiet(quiet, zone, int(datetime(2026, 3, 10, hour, tzinfo=UTC).timestamp())) is expected


def test_a_damaged_memory_is_none():
    assert decode_book("{") == {} == decode_book(None)
