"""When a running gateway brings lists up to date, and the process beside it that does: never its loop, never its threads.

Owns each audience's turn, and that nobody who took consent back or was erased waits for it: then all are brought up to date at once. What a
child says goes to the log; it is ended with the gateway, and one that hangs after a while. What it does is the command `twofold audiences
sync`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path

import apsw

from twofold.audiences.book import TOO_SMALL, has_told
from twofold.audiences.reading import Standing, standing_of
from twofold.config import AudienceSettings
from twofold.control.beside import Printed, run_command
from twofold.errors import TwofoldError

log = logging.getLogger("twofold.audiences")

LOOK_EVERY_S = 20.0
FIRST_S = 30.0
LONGEST_S = 3_600.0
AGAIN_S = 300.0
MINUTE_S = 60


class Turns:
    """Which audiences are due. Reads no clock; times in s."""

    def __init__(self, audiences: Sequence[AudienceSettings]) -> None:
        self._every = {a.name: a.every_minutes * MINUTE_S for a in audiences if a.lists}
        self._done: dict[str, float] = {}

    def due(self, now_s: float, *, all_of_them: bool = False) -> list[str]:
        """Those whose turn has come, or all; each turn is given once."""
        found = [
            name
            for name, every in self._every.items()
            if all_of_them or now_s - self._done.get(name, now_s - every) >= every
        ]
        self._done |= dict.fromkeys(found, now_s)
        return found

    def knows(self, name: str) -> bool:
        """False for an audience that is in no setting any more."""
        return name in self._every

    def try_again(self, names: Sequence[str], now_s: float) -> None:
        """A round that failed: their turn comes in some minutes."""
        for name in (name for name in names if name in self._every):
            self._done[name] = min(now_s, now_s + AGAIN_S - self._every[name])


class ScheduledAudiences:
    """Keeps lists while the gateway runs. ``itself``: the arguments by which the same program finds the same configuration and folder.
    ``clock`` in ms."""

    def __init__(
        self, audiences: Sequence[AudienceSettings], folder: Path, itself: Sequence[str], clock: Callable[[], int],
        *, look_every_s: float = LOOK_EVERY_S, first_s: float = FIRST_S, longest_s: float = LONGEST_S,
    ) -> None:  # fmt: skip
        self._audiences, self._folder, self._itself, self._clock = audiences, folder, list(itself), clock
        self._look_every_s, self._first_s, self._longest_s = look_every_s, first_s, longest_s
        self._turns = Turns(audiences)
        self._seen: Standing | None = None
        self._left_over_at = (
            0.0  # when lists that no setting names any more are emptied: with every round, and once without
        )

    async def run(self) -> None:
        """Until it is cancelled. Nothing where no list is kept and none ever was."""
        if not any(audience.lists for audience in self._audiences) and not await self._has_told():
            return
        await asyncio.sleep(self._first_s)
        while True:
            taken_back = await self._somebody_took_back()
            now_s = self._clock() / 1000
            names = self._turns.due(now_s, all_of_them=taken_back)
            if names or taken_back or now_s >= self._left_over_at:
                failed = await self._sync(names)
                self._turns.try_again(failed, now_s)
                left_over = [name for name in failed if not self._turns.knows(name)]
                self._left_over_at = now_s + AGAIN_S if left_over else inf
            await asyncio.sleep(self._look_every_s)

    async def _has_told(self) -> bool:
        try:
            return await asyncio.get_running_loop().run_in_executor(None, has_told, self._folder)
        except TwofoldError:  # of a server that does not answer now: a round finds out
            return True

    async def _somebody_took_back(self) -> bool:
        """True where consent was taken back or an erasure done since the last look; the first look is none, as all are due then."""
        try:
            now = await asyncio.get_running_loop().run_in_executor(None, standing_of, self._folder)
        except (TwofoldError, apsw.Error) as err:
            log.error("whether somebody took consent back could not be read, and is looked at again: %s", err)
            return False
        if now.erasing:
            return False  # it is looked at again when the erasure is done
        before, self._seen = self._seen, now
        return before is not None and before != now

    async def _sync(self, names: Sequence[str]) -> list[str]:
        """Audiences of which a list could not be brought up to date."""
        chosen = [part for name in names for part in ("--name", name)]
        command = ("audiences", "sync", "--json", *chosen, *self._itself)
        try:
            printed = await run_command(command, self._longest_s)
        except TimeoutError:
            log.error(
                "audiences could not be brought up to date: it took longer than %.0f s and was ended", self._longest_s
            )
            return list(names)
        except OSError as err:
            log.error("audiences could not be brought up to date: no process could be started (%s)", err.strerror)
            return list(names)
        return _tell(names, printed)


def _tell(names: Sequence[str], printed: Printed) -> list[str]:
    """Logs what became of each list; the audiences that are to be tried again soon."""
    failed = []
    for row in (row for row in printed.rows if row.get("row") == "synced"):
        if row["problem"]:
            log.warning("audience %s, %s: %s", row["audience"], row["account"], row["problem"])
            if row["code"] != TOO_SMALL:
                failed.append(row["audience"])
        elif row["added"] or row["removed"]:
            log.info(
                "audience %s, %s: %d rows added, %d taken off",
                row["audience"],
                row["account"],
                row["added"],
                row["removed"],
            )
    if printed.code and not printed.rows:  # it ended before it could say anything in rows; its last sentence is ours
        log.error("audiences could not be brought up to date (status %d): %s", printed.code, printed.last)
        return list(names)
    return failed
