"""Whose turn it is to claim while events wait for the disk.

Owns the order of claims among each other and beside accepts. What a claim does is the outbox's.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

EVENTS_A_CLAIM = 4
SHORT = 100
"""Deliveries that are claimed in one turn while events wait: some 3 ms of the loop."""
LOOK_S = 0.005


class Accepting(Protocol):
    @property
    def queued(self) -> int:
        """Events handed in and not yet committed."""

    @property
    def accepted(self) -> int:
        """Events committed since the start."""


class Turns:
    """Events that wait for the disk come first, and claims of all destinations take turns.

    What waits to be delivered is on disk already and what is about to be accepted is not, and one event brings as many claims as
    there are destinations. So for each four events that are accepted one delivery is claimed, however many destinations there
    are; as soon as no event waits, nothing is limited.
    """

    def __init__(self, accepting: Accepting) -> None:
        self._accepting = accepting
        self._line = asyncio.Lock()  # first come, first served: none is passed over
        self._next = 0  # so many events must have been accepted before somebody claims again

    @property
    def pressed(self) -> bool:
        return self._accepting.queued > 0

    async def __aenter__(self) -> None:
        await self._line.acquire()
        try:
            while self.pressed and self._accepting.accepted < self._next:
                await asyncio.sleep(LOOK_S)
        except BaseException:
            self._line.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._line.release()

    def took(self, rows: int) -> None:
        """So many deliveries were looked at in this turn."""
        self._next = self._accepting.accepted + EVENTS_A_CLAIM * rows
