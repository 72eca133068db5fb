"""When the sums are brought up to date: before a page where it is quick, beside the pages where there is much to do.

Owns the thread, the order of work (what came since, then what is older), and how much of a core it may take: what took a second
is done again after twenty. A page whose days are not all in yet is told so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from twofold.clock import now_ms
from twofold.console.queries.period import Period
from twofold.console.sums.stretches import Stretches
from twofold.console.sums.told import ToldOrders
from twofold.errors import StoreError
from twofold.report.period import Journal, journal_of
from twofold.report.told import PolicyOf
from twofold.store.engines import identity_of

log = logging.getLogger("twofold.console")

AT_ONCE_S = 0.3
"""So long a page waits for its days."""
TIMES = 20
MOST_PAUSE_S = 10.0
FOLLOW_S = 2.0
"""Beside the pages what came is followed so often: a page after a quiet night finds little to do."""
ROUND_S = 600.0
"""What a person changed elsewhere (a release, a merge) is looked for so often, on the days that the store has marked."""
DEAR_S, OLD_S = 0.06, 10.0
"""Where following takes longer than the one, pages leave it to the thread beside them, as long as that did it no longer ago than the other."""
REST_S = 0.004
HOUR_S, DAY_S = 3_600, 86_400
_EPOCH = date(1970, 1, 1).toordinal()


class NotYet(Exception):
    """The sums of these days are being made; ``done``: orders that are in."""

    def __init__(self, done: int) -> None:
        super().__init__(done)
        self.done = done


class SumsKeeper:
    """The sums of one data folder. ``told`` and ``stretches`` are read inside `reading` only."""

    def __init__(self, folder: Path | str, policy_of: PolicyOf, zone: str) -> None:
        self._folder, self._policy_of, self._zone = folder, policy_of, zone
        self._turn = threading.RLock()
        self._thread: threading.Thread | None = None
        self._stops = threading.Event()
        self._follow_at = self._round_at = self._followed_at = 0.0
        self._follow_took = 0.0
        self._forget(None)

    def _forget(self, store: tuple[str, ...] | None) -> None:
        self._store = store
        self.told = ToldOrders(self._policy_of, self._zone)
        self.stretches = Stretches(self._zone)
        self._round: deque[tuple[str, int]] = deque()

    def close(self) -> None:
        """The thread ends with its next portion."""
        self._stops.set()

    @contextmanager
    def reading(
        self, now: int, *, orders: Period | None = None, events_since: date | None = None
    ) -> Iterator[SumsKeeper]:
        """The sums as of now: of a period's orders, of the events since a day. Raises `NotYet` where much is to be done
        first, `StoreError` where the store cannot be read."""
        until = time.monotonic() + AT_ONCE_S
        with self._turn:
            if not self._is_followed():
                self._follow(now)
            done = self._reaches(orders, events_since)
            while not done and time.monotonic() < until:
                with journal_of(self._folder) as journal:
                    self._build(journal, now, orders is not None, events_since is not None)
                done = self._reaches(orders, events_since)
            if done:
                yield self
        self._work_beside()
        if not done:
            raise NotYet(self.told.done)

    def _is_followed(self) -> bool:
        """Whether the thread keeps the sums near enough to now, and it would cost a page much to do it itself."""
        beside = self._thread is not None and self._thread.is_alive()
        young = time.monotonic() - self._followed_at < OLD_S
        return beside and young and self._follow_took > DEAR_S and identity_of(self._folder) == self._store

    def _reaches(self, orders: Period | None, events_since: date | None) -> bool:
        return (orders is None or self.told.reaches(orders)) and (
            events_since is None or self.stretches.reaches(events_since)
        )

    def _follow(self, now: int) -> None:
        began = time.monotonic()
        with journal_of(self._folder) as journal:
            store = identity_of(self._folder)
            if store != self._store:  # the folder was replaced: other rows under the same numbers
                self._forget(store)
                self.told.begin(journal)
                self.stretches.begin(journal)
                return
            if began < self._follow_at:
                return
            self.stretches.follow(journal)
            self.told.follow(journal, now)
            if began > self._round_at and not self._round:
                self._round_at = began + ROUND_S
                self._begin_round(journal)
        self._followed_at = time.monotonic()
        self._follow_took = self._followed_at - began
        self._follow_at = self._followed_at + min(TIMES * self._follow_took, MOST_PAUSE_S)

    def _begin_round(self, journal: Journal) -> None:
        days = sorted({day for part, day, *_ in journal.run("select_changed_days") if part in ("orders", "actions")})
        self._round.extend(("stretch", first) for first in self.stretches.of_days(_EPOCH + day for day in days))
        self._round.extend(("hour", at) for day in days for at in range(day * DAY_S, (day + 1) * DAY_S, HOUR_S))

    def _build(self, journal: Journal, now: int, orders: bool, events: bool) -> bool:
        """A portion of what is older; False when there was none."""
        did = False
        if events and not self.stretches.is_whole:
            did = self.stretches.build(journal)
        if orders and not self.told.is_whole:
            did = bool(self.told.build(journal, now)) or did
        return did

    def _go_round(self, journal: Journal, now: int) -> bool:
        if not self._round:
            return False
        kind, number = self._round.popleft()
        if kind == "stretch":
            self.stretches.look_again(journal, number)
        else:
            self.told.look_again(journal, number, number + HOUR_S, now)
        return True

    # -- beside the pages

    def _work_beside(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="sums", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stops.is_set():
            now, busy = now_ms() // 1000, False
            try:
                with self._turn:
                    with journal_of(self._folder) as journal:
                        busy = (
                            self.stretches.make_again(journal) > 0
                            or self._build(journal, now, orders=True, events=True)
                            or self._go_round(journal, now)
                        )
                    if not busy:
                        self._follow(now)
            except StoreError as err:
                log.info("the sums of the pages wait: %s", err)
            self._stops.wait(REST_S if busy else FOLLOW_S)
