"""Which days a file holds whole, and which only in part.

Owns the sentence about it. A line without an id is known by what it says and by its place among its equals on that day: of
a day that two files hold in part the larger count of equals is taken, never the sum, so it has to be said. A day is partly
covered when the file says so, or when others know more such lines of its first or last day than the file holds.
"""

from __future__ import annotations

from twofold.ledger.filing import day_number, local_day
from twofold.ledger.lines import MoneyLine, Statement, Thing
from twofold.store.lines.reading import LineReader

Account = tuple[str, str]
"""Source and account."""


class Coverage:
    """Collects from the lines of one file what is to be said of its days."""

    def __init__(self) -> None:
        self._partly: set[str] = set()
        self._counts: dict[Account, dict[str, int]] = {}  # of lines without an id, by day

    def add(self, thing: Thing) -> None:
        if isinstance(thing, Statement):
            self._partly |= {thing.since} if not thing.covers_first else set()
            self._partly |= {thing.until} if not thing.covers_last else set()
        elif isinstance(thing, MoneyLine) and not thing.id:
            days = self._counts.setdefault((thing.source, thing.account), {})
            day = local_day(thing)
            days[day] = days.get(day, 0) + 1

    @property
    def needs_a_look(self) -> bool:
        """Whether what others know of the same days matters at all."""
        return bool(self._counts)

    def compare(self, reader: LineReader) -> None:
        """Looks at what stands now on the first and last day of the file's lines without an id."""
        for account, days in self._counts.items():
            for day in {min(days), max(days)}:
                if _standing(reader, account, day) > days[day]:
                    self._partly.add(day)

    def notes(self) -> list[str]:
        return [
            f"day {day} partly covered: of equal lines without an id the larger count of two files stands, never the sum; "
            "import the whole day to be sure"
            for day in sorted(self._partly)
        ]


def _standing(reader: LineReader, account: Account, day: str) -> int:
    """How many lines without an id stand on a day of the account, by the day of their own zone."""
    number = day_number(day)
    lines = (one.thing for one in reader.lines("money", number - 1, number + 1))
    return sum(
        isinstance(line, MoneyLine)
        and not line.id
        and (line.source, line.account) == account
        and local_day(line) == day
        for line in lines
    )
