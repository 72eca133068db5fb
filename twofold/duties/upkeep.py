"""What keeps a gateway in order: its time, its index, what it forgets, and the figures that it reads again.

Owns when each is done. Nothing here is said to people.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from twofold.clock import TrustedTime
from twofold.collect.limits.hourly_counts import HISTORY, HOUR, SLOT_MS
from twofold.collect.limits.past_counts import past_shares
from twofold.collect.limits.quarantine import WATCHED, Quarantine
from twofold.errors import StoreError
from twofold.matching.user_data import forget_known
from twofold.report.quality import QualityMetrics
from twofold.store.store import Store
from twofold.touch.source import forget_sources

if TYPE_CHECKING:  # loads the engine of columns
    from twofold.reconcile.expected import ExpectedMargins

log = logging.getLogger("twofold")

QUALITY_EVERY_S = 300.0
DAY_S = 86_400.0
FORGET_EVERY_S = 3_600.0
INDEX_EVERY_S = 0.5
INDEX_STEPS = 40  # of some three milliseconds, with room for accepts between them
BUSY_EVENTS = 1_000  # accepted a second: with so many the index waits,
BEHIND_AT_MOST = 200_000  # until it is so many rows behind, which a search reads in some seconds
WITHDRAWALS_KEPT_MS = 64 * 86_400_000  # the longest window of the fold and a day: older events are sent no more
KEEP_TIME_MS = 30_000
COSTS_EVERY_S = 5.0


class Upkeep:
    """Of one gateway that began at ``started_at`` (Unix ms). ``margins``: none where nobody is told margins."""

    def __init__(
        self,
        store: Store,
        clock: TrustedTime,
        quality: QualityMetrics,
        shares: Quarantine,
        margins: ExpectedMargins | None,
        started_at: int,
    ) -> None:
        self._store, self._clock, self._quality, self._shares, self._margins = store, clock, quality, shares, margins
        self._started_at = started_at

    async def keep_time(self) -> None:
        """Looks at the clock each second, so that no jump goes unseen, and keeps the time that is certain on disk."""
        kept = self._store.newest_ms
        while True:
            self._clock.look()
            sure = self._clock.sure()
            # A doubted clock that is behind is no reason to forget how late it was already.
            if sure - kept >= KEEP_TIME_MS or (self._clock.doubt is None and kept - sure >= KEEP_TIME_MS):
                try:
                    await self._store.keep_time(sure)
                    kept = sure
                except StoreError as err:
                    log.error("the time could not be kept, and is tried again: %s", err)
            await asyncio.sleep(1)

    async def keep_costs(self) -> None:
        """Reads costs some seconds after they were imported, beside the loop; nothing where nobody is told margins."""
        while self._margins is not None:
            try:
                await asyncio.get_running_loop().run_in_executor(None, self._margins.refresh)
            except Exception as err:  # also of the engine: the gateway goes on by the costs that it has
                log.error("costs could not be read, and are read again: %s", type(err).__name__)
            await asyncio.sleep(COSTS_EVERY_S)

    async def estimate_quality(self) -> None:
        """Keeps the gauges of match quality fresh. Counting two days takes a while, so it is never done at a scrape."""
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(None, self._quality.refresh, self._clock())
            except Exception:  # the database's own errors: the estimate is a figure to look at, nothing rests on it
                log.exception("the estimate of match quality could not be read, and is tried again later")
            await asyncio.sleep(QUALITY_EVERY_S)

    async def purge_withdrawals(self) -> None:
        while True:
            try:
                await self._store.purge_withdrawals(self._clock.sure() - WITHDRAWALS_KEPT_MS)
            except StoreError as err:
                log.error("withdrawals that were taken back could not be forgotten, and are tried again later: %s", err)
            await asyncio.sleep(DAY_S)

    async def index_words(self) -> None:
        """The index by which a person is found, behind the accepts: a busy gateway first takes what comes."""
        while True:
            before = self._store.accepted
            await asyncio.sleep(INDEX_EVERY_S)
            try:
                busy = self._store.accepted - before > INDEX_EVERY_S * BUSY_EVENTS
                if not busy or await self._store.words_behind() > BEHIND_AT_MOST:
                    for _ in range(INDEX_STEPS):
                        if not await self._store.index_words():
                            break
            except StoreError as err:
                log.error("the index of words could not go on, and tries again later: %s", err)

    async def forget_known(self) -> None:
        """Plain names, places and dates of birth stay in memory for at most an hour."""
        while True:
            await asyncio.sleep(FORGET_EVERY_S)
            forget_known()
            forget_sources()

    async def restore_shares(self) -> None:
        """What came before the start, read beside the first requests: the share watch judges nothing without it."""
        until, loop = self._started_at, asyncio.get_running_loop()
        since = until - (HOUR + HISTORY) * SLOT_MS
        try:
            past = await loop.run_in_executor(None, past_shares, self._store.folder, WATCHED, since, until, SLOT_MS)
        except Exception:  # the database's own errors: the watch then needs a day to know what is usual
            log.exception("the last days' shares could not be read")
            return
        self._shares.restore(past, self._clock())
