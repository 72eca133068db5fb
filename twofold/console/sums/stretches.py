"""Actions and deliveries in sums by stretch of the journal: what changed makes its stretch again, and no other.

Owns the stretches (at most `SIZE` positions, of one day in the shop's zone), what is counted of each, and which have to be
made again: those that got a copy, whose deliveries were tried, or some of whose deliveries wait. Made from the newest backwards.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from twofold.console.queries.period import start_of
from twofold.report.period import Journal

SIZE = 20_000
"""Positions: some 20 ms to count."""
AT_ONCE_S = 0.06
"""So long stretches are made again before a page gets its turn."""
MOST_AT_ONCE = 200_000
"""Copies that are followed at once; the next ones the next time."""
TRIES_S = 300
"""Attempts are counted by so many seconds."""
TRIES_KEPT = 400_000
NOWHERE = 2**54
UNDER_WAY = ("waiting", "paused")
UNDER_WAY_AT_ONCE = 4
"""Stretches with such deliveries are made again in turn: millions may wait for a platform that is down."""


class Stretch(Struct):
    """Positions from ``first`` to before ``until``. ``names``: (dataset, event name) to actions, browser, server, both."""

    first: int
    until: int
    day: int
    names: dict[tuple[str, str], tuple[int, int, int, int]] = {}
    states: dict[tuple[str, str], int] = {}  # (destination, state) to deliveries


class Stretches:
    """All of it for one data folder. Not for several threads at once."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._kept: dict[int, Stretch] = {}  # by first position
        self._firsts: list[int] = []
        self._lowest = 0  # what is before was not counted yet; 0: nothing was
        self._seen = self._attempts = 0
        self._tries: dict[tuple[int, str], int] = {}
        self._again: set[int] = set()
        self._last_under_way = 0
        self.received_at: int | None = None  # ms, of the last copy
        self.delivered_at: int | None = None  # ms, of the last delivery that was accepted

    # -- following the store

    def begin(self, journal: Journal) -> None:
        """Where the journal stands now; what comes later is followed."""
        self._seen, self._attempts, self.received_at = journal.run("console_journal_ends")[0]
        self._lowest = self._seen + 1
        self._count_tries(journal, max(self._attempts - TRIES_KEPT, 0), self._attempts)

    @property
    def has_begun(self) -> bool:
        return self._lowest > 0

    @property
    def is_whole(self) -> bool:
        return self._lowest == 1

    def build(self, journal: Journal) -> bool:
        """The stretch before those that there are; False when there is none."""
        if self._lowest <= 1:
            return False
        until = self._lowest
        day = self._day_at(journal, until - 1)
        first = max(self._start(journal, day, until), (until - 1) // SIZE * SIZE, 1)
        self._keep(Stretch(first=first, until=until, day=day))
        self._make(journal, first)
        self._lowest = first
        return True

    def follow(self, journal: Journal) -> int:
        """What came and was tried since, and what is under way; how many stretches are to be made again yet."""
        last, attempts, self.received_at = journal.run("console_journal_ends")[0]
        before, last = self._seen, min(last, self._seen + MOST_AT_ONCE)
        self._grow(journal, last)
        if last > before:
            self._touched(a for (a,) in journal.run("console_actions_of_copies", (before, last)))
        if attempts > self._attempts:
            self._touched(a for (a,) in journal.run("actions_of_attempts", (self._attempts + 1, attempts)))
            self._count_tries(journal, self._attempts, attempts)
            self._attempts = attempts
        under_way = [first for first, one in self._kept.items() if any(s in UNDER_WAY for _, s in one.states)]
        later = [first for first in under_way if first > self._last_under_way] or under_way
        self._again.update(later[:UNDER_WAY_AT_ONCE])
        self._last_under_way = later[:UNDER_WAY_AT_ONCE][-1] if later else 0
        return self.make_again(journal)

    def make_again(self, journal: Journal) -> int:
        """Those that changed, the newest first, for `AT_ONCE_S`; how many are left for the next time."""
        until = time.monotonic() + AT_ONCE_S
        for first in sorted(self._again, reverse=True):
            self._make(journal, first)
            self._again.discard(first)
            if time.monotonic() > until:
                break
        return len(self._again)

    def of_days(self, days: Iterable[int]) -> list[int]:
        """The stretches of these days (ordinals), for `look_again`."""
        wanted = set(days)
        return [one.first for one in self._kept.values() if one.day in wanted]

    def look_again(self, journal: Journal, first: int) -> None:
        """One stretch, whatever was seen of it."""
        if first in self._kept:
            self._make(journal, first)

    def _grow(self, journal: Journal, last: int) -> None:
        """Copies up to ``last`` are in stretches: the last one grows, then there are further ones."""
        at = self._seen + 1
        while at <= last:
            day = self._day_at(journal, at)
            end = min((at // SIZE + 1) * SIZE, journal.positions(self._midnight(day + 1), 0)[0], last + 1)
            end = max(end, at + 1)
            newest = self._kept.get(self._firsts[-1]) if self._firsts else None
            if newest is not None and newest.until == at and newest.day == day and newest.first // SIZE == at // SIZE:
                newest.until = end
                self._again.add(newest.first)
            else:
                self._keep(Stretch(first=at, until=end, day=day))
                self._again.add(at)
            at = end
        self._seen = last

    def _touched(self, actions: Iterable[int]) -> None:
        for action in actions:
            at = bisect_right(self._firsts, action) - 1
            if at >= 0:
                self._again.add(self._firsts[at])

    def _keep(self, one: Stretch) -> None:
        self._kept[one.first] = one
        self._firsts.insert(bisect_left(self._firsts, one.first), one.first)

    def _make(self, journal: Journal, first: int) -> None:
        one = self._kept[first]
        span = one.first, one.until
        one.names = {(row[0], row[1]): row[2:6] for row in journal.run("quality_copies", span)}
        one.states = {(row[0], row[1]): row[2] for row in journal.run("console_delivery_states", span)}

    def _count_tries(self, journal: Journal, after: int, last: int) -> None:
        for slot, outcome, count, delivered_at in journal.run("console_tries", (after, last)):
            key = slot * TRIES_S, outcome
            self._tries[key] = self._tries.get(key, 0) + count
            if delivered_at is not None:
                self.delivered_at = max(self.delivered_at or 0, delivered_at)
        if self._tries:
            oldest = max(at for at, _ in self._tries) - 2 * 86_400
            self._tries = {key: count for key, count in self._tries.items() if key[0] >= oldest}

    def _day_at(self, journal: Journal, position: int) -> int:
        rows = journal.run("first_received", (position,))
        at = rows[0][1] / 1000 if rows else 0
        return datetime.fromtimestamp(at, self._zone).date().toordinal()

    def _start(self, journal: Journal, day: int, until: int) -> int:
        return min(journal.positions(self._midnight(day), 0)[0], until - 1)

    def _midnight(self, day: int) -> int:
        return start_of(date.fromordinal(day), self._zone) * 1000

    # -- asking

    def reaches(self, day: date) -> bool:
        """Whether all of this day, and of the days after it, is counted."""
        if self._lowest == 1 or not self.has_begun:
            return self._lowest == 1
        return bool(self._firsts) and self._kept[self._firsts[0]].day < day.toordinal()

    def names(self, first: date, last: date) -> dict[tuple[str, str], tuple[int, int, int, int]]:
        """Actions of these days by dataset and event name."""
        found: dict[tuple[str, str], tuple[int, int, int, int]] = {}
        for one in self._of(first, last):
            for name, counts in one.names.items():
                a, b, c, d = found.get(name, (0, 0, 0, 0))
                found[name] = a + counts[0], b + counts[1], c + counts[2], d + counts[3]
        return found

    def by_day(self, first: date, last: date, dataset: str | None) -> dict[tuple[int, str], int]:
        """Actions by day (ordinal) and event name."""
        found: dict[tuple[int, str], int] = {}
        for one in self._of(first, last):
            for (of, name), counts in one.names.items():
                if dataset in (None, of):
                    found[one.day, name] = found.get((one.day, name), 0) + counts[0]
        return found

    def states(self, first: date, last: date) -> dict[tuple[str, str], int]:
        """Deliveries of these days' actions by destination and state."""
        found: dict[tuple[str, str], int] = {}
        for one in self._of(first, last):
            for key, count in one.states.items():
                found[key] = found.get(key, 0) + count
        return found

    @property
    def waiting(self) -> int:
        return sum(n for one in self._kept.values() for (_, state), n in one.states.items() if state in UNDER_WAY)

    def tries(self, since: int) -> dict[tuple[int, str], int]:
        """Attempts that began since a time (Unix s), by the begin of their five minutes and outcome."""
        return {key: count for key, count in self._tries.items() if key[0] >= since}

    def all_names(self) -> set[tuple[str, str]]:
        """Datasets and event names of all that is counted so far."""
        return {name for one in self._kept.values() for name in one.names}

    def event_names(self) -> list[str]:
        return sorted({name for one in self._kept.values() for _, name in one.names})

    @property
    def lowest(self) -> int:
        """Positions before this are not counted yet."""
        return self._lowest

    def windows(self, before: int, dataset: str | None, state: str, name: str) -> Iterator[tuple[int, int]]:
        """Where such deliveries can be, newest first: actions from and to before. ``before``: an action; 0 for all."""
        if not before:
            yield self._seen + 1, NOWHERE
        for first in reversed(self._firsts):
            one = self._kept[first]
            if before and first >= before:
                continue
            if state and not any(s == state for _, s in one.states):
                continue
            if any((dataset in (None, d)) and (not name or n == name) for d, n in one.names):
                yield one.first, one.until

    def _of(self, first: date, last: date) -> Iterable[Stretch]:
        low, high = first.toordinal(), last.toordinal()
        return [one for one in list(self._kept.values()) if low <= one.day <= high]
