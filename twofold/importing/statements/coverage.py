"""Which days a file holds whole, and which only in part.

Owns the sentence about it. A line without an id is known by what it says and by its place among its equals on that day: of
a day that two files hold in part the larger count of equals is taken, never the sum, so it has to be said.
"""

from __future__ import annotations

from twofold.ledger.filing import local_day
from twofold.ledger.lines import MoneyLine, Statement, Thing


class Coverage:
    """Collects from the lines of one file what is to be said of its days."""

    def __init__(self) -> None:
        self._partly: set[str] = set()
        self._equal_days: set[str] = set()
        self._days: tuple[str, str] = ("", "")

    def add(self, thing: Thing, ordinal: int) -> None:
        if isinstance(thing, Statement):
            self._partly |= {thing.since} if not thing.covers_first else set()
            self._partly |= {thing.until} if not thing.covers_last else set()
        elif isinstance(thing, MoneyLine) and ordinal:
            day = local_day(thing)
            first, last = self._days
            self._days = (min(first or day, day), max(last, day))
            if ordinal > 1:
                self._equal_days.add(day)

    def notes(self) -> list[str]:
        found = [
            f"day {day} partly covered: of lines without an id the larger count of equals stands, import the whole day to be sure"
            for day in sorted(self._partly)
        ]
        ends = sorted((self._equal_days & set(self._days)) - self._partly)
        found += [
            f"{day} is the first or last day of the file and has equal lines without an id; if it is cut there, import the "
            "whole day"
            for day in ends
        ]
        return found
