"""What was said of a day some days after: made by a child process when it is due.

Owns when the child is asked. Which versions a day has is `reconcile`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from twofold.clock import TrustedTime
from twofold.config import Settings
from twofold.duties.children import last_line
from twofold.facts.child import Child
from twofold.policies import day_task
from twofold.reconcile.reading.keeping import Kept, encode_task

if TYPE_CHECKING:  # loads the engine of columns
    from twofold.facts.keeper import Keeper

log = logging.getLogger("twofold")

MODULE = "twofold.reconcile"
FIRST_S, EVERY_S, WITHIN_S = 30.0, 3_600.0, 1_800.0


class Days:
    """Of one gateway."""

    def __init__(self, settings: Callable[[], Settings], clock: TrustedTime, tables: Keeper) -> None:
        self._settings, self._clock, self._tables = settings, clock, tables
        self._child = Child(MODULE)

    def end(self) -> None:
        """Ends a child that is at work."""
        self._child.end()

    async def run(self) -> None:
        """What was said of a day 1, 3, 7 and 28 days after: made by a child process, soon after the start and each hour."""
        pause = FIRST_S
        while True:
            await asyncio.sleep(pause)
            pause = EVERY_S
            try:
                done = await self._ask(with_tables=False)
                if done is not None and done.due and await self._tables.wait(self._tables.want(), WITHIN_S):
                    done = await self._ask(with_tables=True)
                if done is None:
                    log.error("the versions of days could not be made; they are tried again")
            except TimeoutError:
                log.error("the versions of days took longer than %d s; they are tried again", WITHIN_S)

    async def _ask(self, *, with_tables: bool) -> Kept | None:
        """What the child says: which versions are due, or with the tables how many it made. None where it failed."""
        task = day_task(self._settings(), self._clock.sure() // 1000, with_tables=with_tables)
        self._child = Child(MODULE)
        told = await last_line(self._child, encode_task(task), WITHIN_S)
        return None if told is None else msgspec.json.decode(told, type=Kept)
