"""The access token of a destination whose platform gives out short-lived ones.

Owns one token in memory, its end, and that only one request at a time asks for a new one. It is renewed before it ends: while that
goes on, or fails, the others use the old one to its end, and after a failure nobody asks for a while. It is never written
anywhere; those before it are remembered for as long as an answer may still repeat them. What the platform says is the
destination's to read (`Grant`).
"""

from __future__ import annotations

import asyncio
from collections import deque

from twofold.clock import Clock
from twofold.deliver.sender import Sender
from twofold.destinations.contract import AnswerOutcome, AnswerVerdict, Grant, Target

AHEAD_MS = 300_000  # renewed so long before its end, or at half of a shorter life
SURE_MS = 30_000  # and no longer used when it ends within this
AGAIN_MS = 15_000  # after a renewal that failed while the old one is good
REMEMBERED = 4  # tokens that an answer may still repeat

# What asking for a token may mean for the deliveries that wait for it. Anything else: nothing of them left this machine.
_ABOUT_ACCESS = (AnswerOutcome.CREDENTIALS, AnswerOutcome.THROTTLED)


class AccessToken:
    """``current`` is the token of the hour, empty before the first."""

    def __init__(self, grant: Grant, sender: Sender, clock: Clock) -> None:
        self._grant, self._sender, self._clock = grant, sender, clock
        self._asking = asyncio.Lock()
        self._ends_at = self._ahead = self._ask_at = 0  # ms
        self.current = ""
        self.given: deque[str] = deque(maxlen=REMEMBERED)

    async def get(self, target: Target) -> str | AnswerVerdict | None:
        """A token that is good for now, why there is none, or None where the settings' own is to be used."""
        if self._does() or (self._asking.locked() and self._left_ms() > SURE_MS):
            return self.current
        async with self._asking:  # whoever waited here finds what the first one was given
            if self._does():
                return self.current
            request = self._grant.request(target)
            if request is None:
                return None
            told = self._grant.read(await self._sender.send(request))
            if told.verdict is None:
                self._keep(told.token, told.seconds * 1000)
            elif self._left_ms() <= SURE_MS:
                return _about_access(told.verdict)
            else:
                self._ask_at = self._clock() + AGAIN_MS
            return self.current

    def forget(self, token: str) -> bool:
        """The platform does not take this one any more. False when it was exchanged meanwhile, or is none of ours."""
        if not token or token != self.current:
            return False
        self.current, self._ends_at, self._ask_at = "", 0, 0
        return True

    def _keep(self, token: str, life_ms: int) -> None:
        self.current, self._ends_at = token, self._clock() + life_ms
        self._ahead, self._ask_at = min(AHEAD_MS, life_ms // 2), 0
        self.given.append(token)

    def _does(self) -> bool:
        """True for a token that is used as it is: far from its end, or asked for just now in vain."""
        left = self._left_ms()
        return left > self._ahead or (left > SURE_MS and self._clock() < self._ask_at)

    def _left_ms(self) -> int:
        return self._ends_at - self._clock() if self.current else 0


def _about_access(verdict: AnswerVerdict) -> AnswerVerdict:
    if verdict.outcome in _ABOUT_ACCESS:
        return verdict
    code = verdict.code if verdict.code.startswith("token-") else f"token-{verdict.code}"
    return AnswerVerdict(outcome=AnswerOutcome.NOT_SENT, code=code, wait_ms=verdict.wait_ms, note=verdict.note)
