"""Days that have to be made again: every write to a fact marks its day in its own transaction.

Owns the tables changed_day and journal_day. A mark says which part (orders, actions, lines, touches) and which day. While a
day is marked already nothing is written for it: what was marked is known in memory (`ChangedDays`), so that the way of an
event pays for a comparison.

Making the tables again takes a while, and facts are written meanwhile. So each mark carries the *generation* in which it was
written: `begin_build` starts a new one, and what the builder then reads holds everything marked before. `end_build` takes
away the marks of the days that were built unless they were written again since. A builder that dies leaves all marks.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from twofold.store.engine import Database, id_array
from twofold.store.peers.revisions import DAYS, Revisions

ORDERS, ACTIONS, LINES, TOUCHES = "orders", "actions", "lines", "touches"
DAY_MS, DAY_S = 86_400_000, 86_400
GENERATION = "facts_generation"
"""The row of `meta` with the generation that a folder is in."""
HOME = "facts_home"
"""The row of `meta` with the word by which the tables are known that the marks are about. Several processes of one database have
a folder each, and a mark that one of them took away is news to the tables of another: those are made as if there were none."""


class ChangedDays:
    """The marks as the writer makes them, one object a store. All methods inside its transactions."""

    def __init__(self, engine: Database, revisions: Revisions | None = None) -> None:
        self._engine = engine
        self._revisions = revisions or Revisions(engine)
        self._place = self._revisions.place
        self._revisions.listen(DAYS, self._load)
        self._known: set[tuple[str, int]] = set()  # marked in this generation
        self._starts: list[int] = []
        self._days: list[int] = []
        self._generation = 0
        self._today = -1  # the journal's last day,
        self._first = 0  # its first position,
        self._until_ms = 0  # and when it ends
        self._today_known = False
        self._later: dict[tuple[str, int], tuple[int, int]] | None = (
            None  # marks of this transaction: generation, erased
        )
        self._load()

    def began(self) -> None:
        """A transaction begins beside others: its marks are written at its end, where nothing else is waited for any more. Every process
        marks the same few rows."""
        if not self._place.alone:
            self._later = {}

    def written(self) -> None:
        """Nothing else is written by this transaction. Sorted, so that nobody waits for somebody who waits for him."""
        later, self._later = self._later, None
        if later:
            self._engine.run_rows("mark_days", [(*mark, *later[mark]) for mark in sorted(later)])

    def came(self, first_position: int, received_ms: int) -> None:
        """A batch begins at this position of the journal; when its last event came."""
        if not self._until_ms - DAY_MS <= received_ms < self._until_ms:
            self._begin_day(first_position, received_ms // DAY_MS)

    def actions(self, ids: Iterable[int]) -> None:
        """These actions, or deliveries of them, are written."""
        if (
            self._today_known
            and min(ids, default=self._first) >= self._first
            and (self._place.alone or max(ids, default=0) < self._place.end)
        ):
            return
        for action in ids:
            self._mark(ACTIONS, self.day_of(action))
        self._today_known = (ACTIONS, self._today) in self._known

    def order(self, placed_at: int) -> None:
        """An order that was placed then is written."""
        self._mark(ORDERS, placed_at // DAY_S)

    def day(self, part: str, day: int) -> None:
        """Something of this day is written."""
        self._mark(part, day)

    def orders(self, numbers: Iterable[int]) -> None:
        """The same of orders by their row, and of the actions that they stand for."""
        for day, action in self._engine.run("days_of_orders", (id_array(numbers),)):
            self._mark(ORDERS, day)
            if action is not None:
                self._mark(ACTIONS, self.day_of(action))

    def touches_go(self, numbers: Iterable[int]) -> None:
        """Somebody's signs are about to be taken away: no file that has them may stay."""
        for (day,) in self._engine.run("days_of_touches", (id_array(numbers),)):
            self._put(TOUCHES, day, erased=1)

    def day_of(self, action: int) -> int:
        """The day an action came; see `tables` for what that is for."""
        at = bisect_right(self._starts, action) - 1
        return self._days[max(at, 0)] if self._days else 0

    def rolled_back(self) -> None:
        """Nothing of the transaction is kept."""
        self._later = None
        self._load()

    def begin_build(self, home: str | None) -> int:
        """From here on every write marks its day anew; answers the new generation, for `end_build`. ``home``: the word that the
        tables have which are there (`HOME`), empty for those of before there were such words; None where there are none."""
        known = _note_in(self._engine, HOME) or ""
        if home != known or not (known or self._place.alone):
            self._engine.run("put_meta", (HOME, secrets.token_hex(8)))
        self._generation += 1
        self._engine.run("put_meta", (GENERATION, str(self._generation)))
        self._revisions.raise_(DAYS)
        self._forget()
        return self._generation

    def end_build(self, generation: int, built: Sequence[tuple[str, int]]) -> None:
        """These days were made from what was there when that generation began, or later."""
        for part, day in built:
            self._engine.run("drop_changed_days", (part, day, generation))
        if generation > self._generation:  # of a folder that was restored meanwhile
            return
        self._forget()

    def _mark(self, part: str, day: int) -> None:
        if (part, day) not in self._known:
            self._put(part, day)
            self._known.add((part, day))

    def _put(self, part: str, day: int, erased: int = 0) -> None:
        if self._later is None:
            self._engine.run_rows("mark_days", [(part, day, self._generation, erased)])
            return
        _, before = self._later.get((part, day), (0, 0))
        self._later[part, day] = (self._generation, max(erased, before))

    def _begin_day(self, first_position: int, day: int) -> None:
        self._engine.run_rows("insert_journal_days", [(first_position, day)])
        self._revisions.raise_(DAYS)
        at = bisect_right(self._starts, first_position)
        self._starts.insert(at, first_position)
        self._days.insert(at, day)
        self._enter()

    def _enter(self) -> None:
        """The last day of this process's strand."""
        at = bisect_right(self._starts, self._place.end) - 1
        mine = at >= 0 and self._starts[at] > self._place.before
        self._today, self._first = (self._days[at], self._starts[at]) if mine else (-1, self._place.before)
        self._until_ms = (self._today + 1) * DAY_MS
        self._today_known = False

    def _load(self) -> None:
        rows = self._engine.run("select_journal_days")
        self._starts, self._days = [r[0] for r in rows], [r[1] for r in rows]
        marked = self._engine.run("select_changed_days")
        self._generation = max(generation_of(self._engine), *(generation for *_, generation, _ in marked), 0)
        self._forget()
        self._enter()

    def _forget(self) -> None:
        self._known.clear()
        self._today_known = False


def generation_of(engine: Database) -> int:
    """The generation that a folder is in."""
    return int(_note_in(engine, GENERATION) or 0)


def _note_in(engine: Database, name: str) -> str | None:
    rows = engine.run("select_meta", (name,))
    return str(rows[0][0]) if rows else None


def mark_actions(engine: Database, actions: Iterable[int], *, erased: bool = False) -> None:
    """The same for what is written seldom: retention, erasures, a person's word. One statement."""
    ids = id_array(actions)
    engine.run("mark_days_of_actions", (ids, generation_of(engine), int(erased)))


def mark_orders(engine: Database, orders: Iterable[int], *, erased: bool = False) -> None:
    """Orders by their row, and the actions they stand for."""
    ids = id_array(orders)
    generation = generation_of(engine)
    engine.run("mark_days_of_orders", (ids, generation, int(erased)))
    engine.run("mark_days_of_order_actions", (ids, generation, int(erased)))


def mark_days(engine: Database, part: str, days: Iterable[int], *, erased: bool = False) -> None:
    """Days of lines or touches."""
    generation = generation_of(engine)
    engine.run_rows("mark_days", [(part, day, generation, int(erased)) for day in sorted(days)])


def mark_touches(engine: Database, numbers: Iterable[int], *, erased: bool = True) -> None:
    """The days of these signs, before they go. What led to them stays, and leads nowhere."""
    engine.run("mark_days_of_touches", (id_array(numbers), generation_of(engine), int(erased)))


def mark_old_buyers(engine: Database, before: int, limit: int) -> None:
    """The days of the orders whose buyers are forgotten next, before they are."""
    engine.run("mark_days_of_old_buyers", (before, limit, generation_of(engine)))


def erased_days(engine: Database) -> list[tuple[str, int]]:
    """Days of which an erasure has changed something, and whose files of before may still be there."""
    return [(part, day) for part, day, _, erased in engine.run("select_changed_days") if erased]


def settle_erased(engine: Database, days: Iterable[tuple[str, int]]) -> None:
    """No file of these days from before an erasure is left."""
    for part, day in days:
        engine.run("settle_erased_days", (part, day))


def fill_journal_days(engine: Database) -> None:
    """Once for a folder whose journal is older than this: the days it came on, each found by halving."""
    last = engine.run("last_position_or_zero")[0][0]
    if not last or engine.run("select_journal_days"):
        return
    rows: list[tuple[int, int]] = []
    at = 1
    while at <= last:
        day = _received(engine, at) // DAY_MS
        rows.append((at, day))
        at = _first_after(engine, at, last, (day + 1) * DAY_MS)
    engine.run_rows("insert_journal_days", rows)


def _first_after(engine: Database, low: int, last: int, until_ms: int) -> int:
    high = last + 1
    low += 1
    while low < high:
        middle = (low + high) // 2
        if _received(engine, middle) < until_ms:
            low = middle + 1
        else:
            high = middle
    return low


def _received(engine: Database, position: int) -> int:
    rows = engine.run("first_received", (position,))
    return int(rows[0][1]) if rows else 0
