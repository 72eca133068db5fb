"""Asks a platform what became of requests that it took, minutes after it took them.

Owns the asking and what is kept of it. Never disturbs deliveries; what is waited for, and for how long, is in `later`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from twofold.clock import Clock
from twofold.deliver.access import Access
from twofold.deliver.contract import STORE_RETRY_S, Outbox
from twofold.deliver.later import LATER, Asked, Results, number_in, words
from twofold.deliver.sender import Sender
from twofold.destinations.contract import AnswerVerdict, LaterAnswer
from twofold.errors import StoreBusy, StoreFull

RESULTS_LOOK_S = 5.0  # what a platform tells later is looked for this often, of what is due

log = logging.getLogger(__name__)


class ToldLater:
    """Goes on until it is cancelled, or ``is_stopping`` says so."""

    def __init__(
        self,
        answer: LaterAnswer,
        name: str,
        *,
        outbox: Outbox,
        access: Access,
        sender: Sender,
        clock: Clock,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._answer, self._name = answer, name
        self._outbox, self._access, self._sender, self._clock = outbox, access, sender, clock
        self._is_stopping = is_stopping
        self._results = Results(answer)

    def expect(self, number: str, deliveries: Iterable[int], sent_at: int) -> None:
        """These were taken at that time (ms) under the platform's number of their request."""
        self._results.expect(number, deliveries, sent_at)

    async def run(self) -> None:
        """Asks what became of requests that were taken; a restart goes on with those that nobody answered. Never disturbs
        deliveries: whatever goes wrong here is tried again."""
        after: int | None = 0
        while after is not None and not self._is_stopping():
            after = await self._recall(after)
        while not self._is_stopping():
            for asked in self._results.due(self._clock()):
                try:
                    await self._ask_later(asked)
                except (StoreFull, StoreBusy) as err:
                    log.warning("destination %s: cannot keep what was told later: %s", self._name, err)
            await asyncio.sleep(RESULTS_LOOK_S)

    async def _recall(self, after: int) -> int | None:
        """Remembers one stretch of what nobody answered; after which attempt to go on."""
        later, results = self._answer, self._results
        try:
            since = self._clock() - later.last_s * 1000
            rows, end = await self._outbox.unanswered(self._name, since, after)
        except (StoreFull, StoreBusy):
            await asyncio.sleep(STORE_RETRY_S)
            return after
        for delivery, at, note in rows:
            if number := number_in(note):
                results.expect(number, (delivery,), at)
        return end

    async def _ask_later(self, asked: Asked) -> None:
        later, results = self._answer, self._results
        target = await self._access.granted()
        if isinstance(target, AnswerVerdict):
            results.told(asked, None, self._clock())
            return
        answer = await self._sender.send(later.request(asked.number, target))
        if answer.status == 401:
            self._access.is_stale(target)
        result, now = later.read(answer), self._clock()
        if results.told(asked, result, now) and result is not None:
            said = f"{LATER}{asked.number} {words(result)}".strip()
            await self._outbox.note_told(tuple(dict.fromkeys(asked.deliveries)), result.state, said, now)
            level = logging.INFO if result.state == "success" else logging.WARNING
            log.log(level, "destination %s: told later: %s %s", self._name, result.state, words(result))
