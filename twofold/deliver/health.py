"""How well a destination is: when it is left alone, how many it is offered, and when it is tried again.

Owns the pauses and the two breakers, for refusals and for codes that nobody knows. What one answer means for a pause is in
`retry`; what becomes of its deliveries is the worker's.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from twofold.clock import Clock
from twofold.deliver.batches import Attempt
from twofold.deliver.contract import Outbox
from twofold.deliver.metrics import DeliverMetrics
from twofold.deliver.retry import (
    REFUSING,
    UNKNOWN,
    Pause,
    Policy,
    Refusals,
    UnknownCodes,
    pause_for,
    refusing,
    unknown_pause,
)
from twofold.destinations.contract import AnswerOutcome, AnswerVerdict

FEW = 50  # an unwell destination is offered no fewer, until it is tried with single events

log = logging.getLogger(__name__)


class Health:
    """``batch``: how many one request takes; ``offered``: how many are claimed at once at most, fewer after each failure: bytes for
    nobody cost accepts. ``episode``: pauses so far; an answer to a request from before the last one is old news. ``insist``
    writes until it is on disk."""

    def __init__(
        self,
        name: str,
        *,
        outbox: Outbox,
        clock: Clock,
        metrics: DeliverMetrics,
        policy: Policy,
        chance: Callable[[], float],
        batch: int,
        insist: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._name, self._outbox, self._clock, self._metrics = name, outbox, clock, metrics
        self._policy, self._chance = policy, chance
        self.batch = batch
        self._insist, self._is_stopping = insist, is_stopping
        self.offered = batch
        self.episode = 0
        self._failures = 0  # how unwell the destination has been; see `pause_for`
        self._pausing_until = 0  # ms; a pause on its way to the disk
        self._refusals = Refusals(policy)
        self._unknown_codes = UnknownCodes(policy)

    def is_well(self) -> bool:
        """No pause stands or is on its way to the disk, not even one that is over."""
        return self._outbox.pause_of(self._name) is None and not self._pausing_until

    def is_paused(self) -> bool:
        pause = self._outbox.pause_of(self._name)
        return max(pause[1] if pause else 0, self._pausing_until) > self._clock()

    def had_a_hiccup(self) -> bool:
        """It failed, but not so often that a single event is tried first."""
        return 0 < self._failures < self._policy.patience

    async def heed(self, attempt: Attempt) -> None:
        """What the answer says about the destination: leave it alone, or go on."""
        if attempt.episode != self.episode or self._is_stopping():
            return
        now = self._clock()
        pause = pause_for(attempt.verdict, self._failures, now, self._chance(), self._policy)
        current = self._outbox.pause_of(self._name)
        if pause is not None:
            self._failures = min(self._failures + pause.failures, self._policy.worst)
            self.offered = max(FEW, self.offered // 4) if pause.failures else self.offered
            await self._pause(pause, attempt.episode, now)
        elif current is not None and _still_refused(current[0], attempt.verdict):
            again = Pause(reason=current[0], until_ms=now + self._policy.probe_ms)
            await self._pause(again, attempt.episode, now)
        else:
            self._failures = max(self._failures - 1, 0)
            self.offered = min(self.offered * 4, max(FEW, self.batch))
            if current is not None:
                log.info("destination %s: goes on after %s", self._name, current[0])
                await self._insist(lambda: self._outbox.resume(self._name, self._clock()))

    def is_one_too_many(self, attempt: Attempt) -> bool:
        """Counts the first answer of a batch; True when the breaker for refusals opens on it."""
        refused = attempt.verdict.outcome is AnswerOutcome.INVALID
        if not refused and attempt.verdict.outcome is not AnswerOutcome.ACCEPTED:
            return False
        self._refusals.note(self._clock(), refused)
        if not refused or not self._refusals.too_many():
            return False
        self._refusals.forget()
        return True

    def is_probe_of_unknown(self, attempt: Attempt) -> bool:
        """True for a request that was sent while the breaker for unknown codes was open, and met one again."""
        current = self._outbox.pause_of(self._name)
        opened = current is not None and current[0].startswith(f"{UNKNOWN}:")
        return opened and attempt.verdict.outcome is AnswerOutcome.UNKNOWN

    async def knows_not(self, attempt: Attempt) -> bool:
        """Counts an answer with a code that nobody knows; True when the breaker opens on it."""
        code = attempt.verdict.code
        if attempt.verdict.outcome is not AnswerOutcome.UNKNOWN or not self._unknown_codes.note(self._clock(), code):
            return False
        now = self._clock()
        await self._pause(unknown_pause(code, now, self._policy), attempt.episode, now)
        return True

    async def pause_refusing(self, episode: int) -> None:
        now = self._clock()
        await self._pause(refusing(now, self._policy), episode, now)

    async def _pause(self, pause: Pause, episode: int, now: int) -> None:
        """Leaves the destination alone; of several answers to the same trouble only the first is heard."""
        if episode != self.episode or self._is_stopping():
            return
        self.episode += 1
        current = self._outbox.pause_of(self._name)
        if current is None or current[0] != pause.reason:
            log.warning("destination %s: paused, %s", self._name, pause.reason)
            self._metrics.pauses.labels(self._name, pause.reason.partition(":")[0]).inc()
        self._pausing_until = pause.until_ms
        try:
            await self._insist(lambda: self._outbox.pause(self._name, pause.reason, pause.until_ms, now))
        finally:
            self._pausing_until = 0


def _still_refused(paused_for: str, verdict: AnswerVerdict) -> bool:
    """True when the one request that was let through met what its breaker opened on."""
    if paused_for == REFUSING:
        return verdict.outcome in (AnswerOutcome.INVALID, AnswerOutcome.UNKNOWN)
    return paused_for.startswith(f"{UNKNOWN}:") and verdict.outcome is AnswerOutcome.UNKNOWN
