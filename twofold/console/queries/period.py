"""The stretch of time that a page is about, in the zone of the shop: which days it is, and where it begins and ends.

Owns the words of the address (``today``, ``7``, ``2026-03-01..2026-03-07``) and the two days of a form. Pure. Times are Unix s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

CHOICES = ("today", "yesterday", "7", "28", "90")
MOST_DAYS = 400
_SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")


class Period(Struct, frozen=True, kw_only=True):
    """``since`` <= time < ``until``. ``before``: the same length of time before it."""

    choice: str
    first: date
    last: date
    since: int
    until: int
    before: int
    zone: str

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def period_of(choice: str, zone: str, now: int) -> Period | None:
    """The period of an address; None for a word that is none."""
    place = ZoneInfo(zone)
    today = datetime.fromtimestamp(now, place).date()
    found = _SPAN.fullmatch(choice)
    if found:
        try:
            first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2])
        except ValueError:
            return None
        if first > last or (last - first).days >= MOST_DAYS:
            return None
    elif choice == "today":
        first = last = today
    elif choice == "yesterday":
        first = last = today - timedelta(days=1)
    elif choice in CHOICES:
        first, last = today - timedelta(days=int(choice) - 1), today
    else:
        return None
    since, until = start_of(first, place), start_of(last + timedelta(days=1), place)
    before = start_of(first - timedelta(days=(last - first).days + 1), place)
    return Period(choice=choice, first=first, last=last, since=since, until=until, before=before, zone=zone)


def said_once(choices: Mapping[str, str]) -> dict[str, str] | None:
    """A form's choices as an address that says its period once; None where they are one already.

    The form has a list of periods (``period``), two days (``from``, ``to``) and what these were when it was shown (``was``): whoever
    changed the days means them, whoever left them as they were means the list. What the days are worth is for `period_of` to say.
    """
    if "was" not in choices:
        return None
    kept = {name: value for name, value in choices.items() if value and name not in ("from", "to", "was")}
    days = f"{choices.get('from', '')}..{choices.get('to', '')}"
    if days not in ("..", choices["was"]):
        kept["period"] = days
    return kept


def at_least(period: Period, days: int) -> Period:
    """The same period, or one of so many days up to its last."""
    if period.days >= days:
        return period
    first = period.last - timedelta(days=days - 1)
    return replace(period, first=first, since=start_of(first, ZoneInfo(period.zone)))


def start_of(day: date, zone: tzinfo) -> int:
    """When a day begins there, Unix s."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def day_at(at: int, zone: tzinfo) -> date:
    """Which day a time is of."""
    return datetime.fromtimestamp(at, zone).date()
