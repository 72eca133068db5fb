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
from twofold.store.peers.places import Place

SIZE = 20_000
"""Positions: some 20 ms to count."""
AT_ONCE_S = 0.06
"""So long stretches are made again before a page gets its turn."""
MOST_AT_ONCE = 200_000
"""Copies that are followed at once; the next ones the next time."""
TRIES_S = 300
"""Attempts are counted by so many seconds."""
TRIES_KEPT = 400_000
UNDER_WAY = ("waiting", "paused")
UNDER_WAY_AT_ONCE = 4
"""Stretches with such deliveries are made again in turn: millions may wait for a platform that is down."""


class Stretch(Struct):
    """Positions from ``first`` to before ``until``. ``names``: (dataset, event name) to actions, browser, server, both;
    ``lasts``: the same to the position of the last action's first copy."""

    first: int
    until: int
    day: int
    names: dict[tuple[str, str], tuple[int, int, int, int]] = {}
    lasts: dict[tuple[str, str], int] = {}
    states: dict[tuple[str, str], int] = {}  # (destination, state) to deliveries


class Stretches:
    """All of it for one data folder. Not for several threads at once."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._strands: dict[int, StrandStretches] = {}  # by the number of the strand's place
        self._has_begun = False
        self._attempts = 0
        self._tries: dict[tuple[int, str], int] = {}
        self.received_at: int | None = None  # ms, of the last copy
        self.delivered_at: int | None = None  # ms, of the last delivery that was accepted

    # -- following the store

    def begin(self, journal: Journal) -> None:
        """Where the journal stands now; what comes later is followed."""
        for place in journal.strands():
            self._strands[place.number] = StrandStretches(self._zone, place, journal.last_of(place))
        self._attempts, self.received_at, self._has_begun = _attempts(journal), _received_at(journal), True
        self._count_tries(journal, max(self._attempts - TRIES_KEPT, 0), self._attempts)

    @property
    def is_whole(self) -> bool:
        return self._has_begun and all(strand.is_whole for strand in self._strands.values())

    def build(self, journal: Journal) -> bool:
        """The stretch before those that there are, of each gateway's strand; False when there is none."""
        built = [strand.build(journal) for strand in self._strands.values()]
        return any(built)

    def follow(self, journal: Journal) -> int:
        """What came and was tried since, and what is under way; how many stretches are to be made again yet."""
        attempts, self.received_at = _attempts(journal), _received_at(journal)
        for place in journal.strands():  # of a gateway that took its first event in: all that it has is news
            self._strands.setdefault(place.number, StrandStretches(self._zone, place, place.before))
        came = {a for strand in self._strands.values() for a in strand.grow(journal)}
        if attempts > self._attempts:
            came.update(a for (a,) in journal.run("actions_of_attempts", (self._attempts + 1, attempts)))
            self._count_tries(journal, self._attempts, attempts)
            self._attempts = attempts
        for strand in self._strands.values():
            strand.look_at(came)
        return self.make_again(journal)

    def make_again(self, journal: Journal) -> int:
        """Those that changed, the newest first; how many are left for the next time."""
        return sum([strand.make_again(journal) for strand in self._strands.values()])

    def of_days(self, days: Iterable[int]) -> list[int]:
        """The stretches of these days (ordinals), for `look_again`."""
        wanted = set(days)
        return [one.first for one in self._all() if one.day in wanted]

    def look_again(self, journal: Journal, first: int) -> None:
        """One stretch, whatever was seen of it."""
        for strand in self._strands.values():
            strand.look_again(journal, first)

    def _all(self) -> Iterator[Stretch]:
        for strand in self._strands.values():
            yield from strand.kept.values()

    def _count_tries(self, journal: Journal, after: int, last: int) -> None:
        for slot, outcome, count, delivered_at in journal.run("console_tries", (after, last)):
            key = slot * TRIES_S, outcome
            self._tries[key] = self._tries.get(key, 0) + count
            if delivered_at is not None:
                self.delivered_at = max(self.delivered_at or 0, delivered_at)
        if self._tries:
            oldest = max(at for at, _ in self._tries) - 2 * 86_400
            self._tries = {key: count for key, count in self._tries.items() if key[0] >= oldest}

    # -- asking

    def reaches(self, day: date) -> bool:
        """Whether all of this day, and of the days after it, is counted."""
        return self._has_begun and all(strand.reaches(day.toordinal()) for strand in self._strands.values())

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
        return sum(n for one in self._all() for (_, state), n in one.states.items() if state in UNDER_WAY)

    def tries(self, since: int) -> dict[tuple[int, str], int]:
        """Attempts that began since a time (Unix s), by the begin of their five minutes and outcome."""
        return {key: count for key, count in self._tries.items() if key[0] >= since}

    def last_positions(self) -> list[tuple[tuple[str, str], int]]:
        """Where the last action of each dataset and event name began, of all that is counted so far: one for each gateway that has any."""
        found: list[tuple[tuple[str, str], int]] = []
        for strand in self._strands.values():
            last: dict[tuple[str, str], int] = {}
            for one in strand.kept.values():
                last.update({name: max(last.get(name, 0), position) for name, position in one.lasts.items()})
            found += last.items()
        return found

    def all_names(self) -> set[tuple[str, str]]:
        """Datasets and event names of all that is counted so far."""
        return {name for one in self._all() for name in one.names}

    def event_names(self) -> list[str]:
        return sorted({name for one in self._all() for _, name in one.names})

    @property
    def lowest(self) -> int:
        """Positions before this are not counted yet, of a strand that is not whole; 0 where all are."""
        return max((strand.lowest for strand in self._strands.values() if not strand.is_whole), default=0)

    def windows(self, before: int, dataset: str | None, state: str, name: str) -> Iterator[tuple[int, int]]:
        """Where such deliveries can be, by falling numbers: actions from and to before. ``before``: an action; 0 for all."""
        for _, strand in sorted(self._strands.items(), reverse=True):
            yield from strand.windows(before, dataset, state, name)

    def _of(self, first: date, last: date) -> Iterable[Stretch]:
        low, high = first.toordinal(), last.toordinal()
        return [one for one in list(self._all()) if low <= one.day <= high]


class StrandStretches:
    """The same of one gateway's strand of the journal. ``kept`` is by first position."""

    def __init__(self, zone: ZoneInfo, place: Place, last: int) -> None:
        """``last``: where the strand stands now."""
        self._zone, self._place = zone, place
        self.kept: dict[int, Stretch] = {}
        self._firsts: list[int] = []
        self.lowest = last + 1  # what is before was not counted yet
        self._seen = last
        self._again: set[int] = set()
        self._last_under_way = 0

    @property
    def is_whole(self) -> bool:
        return self.lowest == self._place.before + 1

    def reaches(self, day: int) -> bool:
        """Whether all of this day (ordinal), and of the days after it, is counted."""
        return self.is_whole or (bool(self._firsts) and self.kept[self._firsts[0]].day < day)

    def build(self, journal: Journal) -> bool:
        """The stretch before those that there are; False when there is none."""
        if self.is_whole:
            return False
        until = self.lowest
        day = self._day_at(journal, until - 1)
        first = max(self._start(journal, day, until), (until - 1) // SIZE * SIZE, self._place.before + 1)
        self._keep(Stretch(first=first, until=until, day=day))
        self._make(journal, first)
        self.lowest = first
        return True

    def grow(self, journal: Journal) -> list[int]:
        """What came since is in stretches; the actions that it belongs to."""
        before, last = self._seen, min(journal.last_of(self._place), self._seen + MOST_AT_ONCE)
        if last <= before:
            return []
        self._grow(journal, last)
        return [a for (a,) in journal.run("console_actions_of_copies", (before, last))]

    def look_at(self, actions: Iterable[int]) -> None:
        """Stretches of these actions are to be made again, and some of those where deliveries are under way."""
        self._touched(a for a in actions if self._place.before < a < self._place.end)
        under_way = [first for first, one in self.kept.items() if any(s in UNDER_WAY for _, s in one.states)]
        later = [first for first in under_way if first > self._last_under_way] or under_way
        self._again.update(later[:UNDER_WAY_AT_ONCE])
        self._last_under_way = later[:UNDER_WAY_AT_ONCE][-1] if later else 0

    def make_again(self, journal: Journal) -> int:
        """Those that changed, the newest first, for `AT_ONCE_S`; how many are left for the next time."""
        until = time.monotonic() + AT_ONCE_S
        for first in sorted(self._again, reverse=True):
            self._make(journal, first)
            self._again.discard(first)
            if time.monotonic() > until:
                break
        return len(self._again)

    def look_again(self, journal: Journal, first: int) -> None:
        """One stretch, whatever was seen of it."""
        if first in self.kept:
            self._make(journal, first)

    def windows(self, before: int, dataset: str | None, state: str, name: str) -> Iterator[tuple[int, int]]:
        """See `Stretches.windows`."""
        if not before:
            yield self._seen + 1, self._place.end
        for first in reversed(self._firsts):
            one = self.kept[first]
            if before and first >= before:
                continue
            if state and not any(s == state for _, s in one.states):
                continue
            if any((dataset in (None, d)) and (not name or n == name) for d, n in one.names):
                yield one.first, one.until

    def _grow(self, journal: Journal, last: int) -> None:
        """Copies up to ``last`` are in stretches: the last one grows, then there are further ones."""
        at = self._seen + 1
        while at <= last:
            day = self._day_at(journal, at)
            end = min((at // SIZE + 1) * SIZE, journal.first_of(self._place, self._midnight(day + 1)), last + 1)
            end = max(end, at + 1)
            newest = self.kept.get(self._firsts[-1]) if self._firsts else None
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
        self.kept[one.first] = one
        self._firsts.insert(bisect_left(self._firsts, one.first), one.first)

    def _make(self, journal: Journal, first: int) -> None:
        one = self.kept[first]
        span = one.first, one.until
        counted = journal.run("quality_copies", span)
        one.names = {(row[0], row[1]): row[2:6] for row in counted}
        one.lasts = {(row[0], row[1]): row[7] for row in counted}
        one.states = {(row[0], row[1]): row[2] for row in journal.run("console_delivery_states", span)}

    def _day_at(self, journal: Journal, position: int) -> int:
        rows = journal.run("first_received", (position,))
        at = rows[0][1] / 1000 if rows else 0
        return datetime.fromtimestamp(at, self._zone).date().toordinal()

    def _start(self, journal: Journal, day: int, until: int) -> int:
        return min(journal.first_of(self._place, self._midnight(day)), until - 1)

    def _midnight(self, day: int) -> int:
        return start_of(date.fromordinal(day), self._zone) * 1000


def _attempts(journal: Journal) -> int:
    return int(journal.run("console_ends")[0][2])


def _received_at(journal: Journal) -> int | None:
    ends = [row[1] for place in journal.strands() for row in journal.run("first_received", (journal.last_of(place),))]
    return max(ends, default=None)
