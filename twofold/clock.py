"""Wall-clock time as a value, and how far it is believed.

Owns `TrustedTime`: the time that a gateway runs by, and the time that decisions which cannot be taken back ask. Durations
inside the process use the monotonic clock instead. Everything else is passed a time or a `Clock`.

A wall clock can be wrong: set by hand, by a bad time server, by a machine that was asleep. What follows from it may be
waited for (a hold, a retry) or be for ever (a delivery given up as too old, keys of the fold forgotten, data emptied). So:

- While running, a wall clock that moves by more than `JUMP_MS` against the monotonic one is not followed. Time goes on from
  where it was, until the wall clock has agreed with the monotonic one for `AGREED_MS`, or is back, or a person accepts it.
- At the start there is nothing to compare with but the newest time on disk. A wall clock more than `GAP_MS` after it (or
  before it) is used to stamp what comes in, because most often it is right; but what cannot be taken back is decided as
  if no time had passed since, until the same holds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from msgspec import Struct

log = logging.getLogger("twofold.clock")

Clock = Callable[[], int]
"""Returns milliseconds since the Unix epoch, UTC."""

STEP_MS = 60_000  # what can pass between two calls without a look at the monotonic clock
JUMP_MS = 600_000  # between two looks; smaller steps are corrections
AGREED_MS = 600_000  # so long a clock that jumped must agree with the monotonic one
GAP_MS = 7 * 86_400_000  # after the newest time on disk
OFF_MS = 366 * 86_400_000  # for no longer a machine is taken to have been off


def now_ms() -> int:
    """Milliseconds since the Unix epoch. Passed in as an argument everywhere, so tests own the clock."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Milliseconds of the monotonic clock: no beginning that means anything, and no jumps."""
    return time.monotonic_ns() // 1_000_000


class Doubt(Struct, kw_only=True):
    """Why the wall clock is not believed at the moment."""

    at_start: bool
    offset: int  # the doubted wall clock less the monotonic one, ms
    agreed_since: int  # on the monotonic clock, ms


class Shift(Struct, frozen=True, kw_only=True):
    """The gateway's time moved at once: what was planned by the time before is planned anew."""

    before_ms: int
    after_ms: int


class TrustedTime:
    """The time of one process. Call it for the time now; ``newest_ms`` is the newest time on disk, 0 for none.

    ``on_shift`` is told when this time itself moves: a doubted clock was accepted, or a doubtful start was corrected; and
    when a clock that was doubted at the start is believed after all, with a shift of nothing.
    """

    def __init__(self, wall: Clock = now_ms, steady: Clock = steady_ms, *, newest_ms: int = 0) -> None:
        self._wall = wall
        self._steady = steady
        self.on_shift: Callable[[Shift], None] = lambda _shift: None
        at, now = steady(), wall()
        self._offset = now - at  # of the time we go by
        self._anchored, self._seen = at, now
        self._floor = newest_ms - at  # with the monotonic clock added: the least that it can be now
        self.doubt: Doubt | None = None
        if newest_ms and not -JUMP_MS <= now - newest_ms <= GAP_MS:
            self.doubt = Doubt(at_start=True, offset=self._offset, agreed_since=at)
            log.warning("the clock is %s from the newest time on disk; %s", _words(now - newest_ms), _MEANWHILE)

    def __call__(self) -> int:
        """What things are stamped with and planned by. A wall clock that went on a little since the last look is believed
        without asking the other one: this is called several times a request, `look` each second."""
        wall = self._wall()
        if 0 <= wall - self._seen < STEP_MS and self.doubt is None:
            self._seen = wall
            return wall
        return self.look()

    def look(self) -> int:
        """The same, with both clocks compared."""
        wall, steady = self._wall(), self._steady()
        drift = wall - steady - self._offset
        if self.doubt is None and -JUMP_MS <= drift <= JUMP_MS:
            if steady - self._anchored > 60_000:  # slow corrections are followed
                self._offset, self._anchored = wall - steady, steady
            self._seen = wall
            return wall
        return self._in_doubt(wall, steady)

    def sure(self, now: int | None = None) -> int:
        """The time for what cannot be taken back: never later than the time that is certain to have come."""
        now = self() if now is None else now
        if self.doubt is None or not self.doubt.at_start:
            return now
        return min(now, self._floor + self._steady())

    def bounds(self) -> tuple[int, int] | None:
        """The earliest and the latest that it may be, while nobody knows; None while the clock is believed. How long a machine was off
        whose clock lies before the newest time on disk, nothing says: `OFF_MS` at most."""
        if self.doubt is None:
            return None
        now, steady = self(), self._steady()
        wall = self.doubt.offset + steady if self.doubt is not None else now
        if self.doubt is None or not self.doubt.at_start:
            return now, max(now, wall)
        known = self._floor + steady
        return min(now, known), max(now, wall, known if wall >= known else known + OFF_MS)

    def accept(self) -> bool:
        """A person says that the wall clock is right. False when nobody doubted it."""
        self.look()
        if self.doubt is None:
            return False
        self._believe(self._wall(), self._steady(), "a person says that it is right")
        return True

    def report(self) -> dict[str, object]:
        """For the page of health."""
        now = self.look()
        if self.doubt is None:
            return {"state": "ok"}
        off_ms = self.doubt.offset - self._floor if self.doubt.at_start else self.doubt.offset - self._offset
        left_ms = AGREED_MS - (self._steady() - self.doubt.agreed_since)
        return {
            "state": "doubted",
            "off_by_s": off_ms // 1000,
            "against": "the newest time on disk" if self.doubt.at_start else "the clock before",
            "believed_in_s": max(0, left_ms) // 1000,
            "time": now // 1000,
        }

    def _in_doubt(self, wall: int, steady: int) -> int:
        offset = wall - steady
        if self.doubt is None:
            self.doubt = Doubt(at_start=False, offset=offset, agreed_since=steady)
            log.error("the clock jumped by %s; it is not followed, and %s", _words(offset - self._offset), _MEANWHILE)
            return steady + self._offset
        if not -JUMP_MS <= offset - self.doubt.offset <= JUMP_MS:  # it moved again
            self.doubt.offset, self.doubt.agreed_since = offset, steady
        if self.doubt.at_start:
            if -JUMP_MS <= wall - steady - self._floor <= GAP_MS:
                return self._believe(wall, steady, "it fits the newest time on disk now")
            if not -JUMP_MS <= offset - self._offset <= JUMP_MS:
                self._follow(offset, steady)
        elif -JUMP_MS <= offset - self._offset <= JUMP_MS:
            return self._believe(wall, steady, "it is back")
        if steady - self.doubt.agreed_since >= AGREED_MS:
            return self._believe(wall, steady, "it has agreed with the monotonic clock for ten minutes")
        return wall if self.doubt.at_start else steady + self._offset

    def _believe(self, wall: int, steady: int, why: str) -> int:
        was_doubted_at_start = self.doubt is not None and self.doubt.at_start
        self.doubt = None
        if not self._follow(wall - steady, steady) and was_doubted_at_start:
            self.on_shift(Shift(before_ms=wall, after_ms=wall))  # what earlier runs planned can be looked at now
        log.warning("the clock is believed: %s", why)
        return wall

    def _follow(self, offset: int, steady: int) -> bool:
        """True when that was a jump of this time itself."""
        shift = Shift(before_ms=steady + self._offset, after_ms=steady + offset)
        self._offset, self._anchored = offset, steady
        if abs(shift.after_ms - shift.before_ms) <= JUMP_MS:
            return False
        self.on_shift(shift)
        return True


def bounds_of(clock: Clock) -> tuple[int, int] | None:
    """The bounds of a clock that is doubted; None for any other."""
    return clock.bounds() if type(clock) is TrustedTime else None


_MEANWHILE = (
    "meanwhile nothing is given up as too old, forgotten or emptied by it. It is believed when it has agreed with the "
    "monotonic clock for ten minutes, or at once after `twofold clock accept`"
)


def _words(ms: int) -> str:
    seconds = abs(ms) // 1000
    size = f"{seconds // 86_400} days" if seconds >= 172_800 else f"{seconds // 60} minutes"
    return f"{size} {'ahead' if ms > 0 else 'back'}"
