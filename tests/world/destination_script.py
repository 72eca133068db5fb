"""A platform in Meta's words that does what a script says next, in place of the sockets to it.

Owns answers and the list of what arrived. It stands where `deliver.sender.Sender` stands, below the real worker and above
no network: `send` never raises, and says whether anything may have arrived.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from tests.world.steps import ANSWERS
from twofold.destinations.contract import Failure, PlatformAnswer, Request

TIMEOUT_S = 10.0
LATE_S = 3.0


class Witness(Protocol):
    """Who is told what the gateway does to a platform, at the moment it does it."""

    def is_gone(self) -> bool:
        """True once the process was killed: what it still does, nobody sees."""
        ...

    def line(self, name: str) -> None: ...
    def unreached(self, platform: str, bodies: list[bytes]) -> None: ...
    def leaves(self, platform: str, bodies: list[bytes]) -> None: ...
    def arrives(self, platform: str, bodies: list[bytes]) -> None: ...
    def answered(self, platform: str, bodies: list[bytes], *, word: str) -> None: ...


UNKNOWN_FATE = frozenset({"cut", "slow", "void", "liar", "short", "page", "empty"})
"""Answers after which nobody knows whether the events arrived."""
TAKEN = frozenset({"ok", "late"})
REFUSED = frozenset({"large", "picky", "odd"})
"""Answers of which a request with several events is asked about again, by halves."""


class Script:
    """One platform. ``next`` are the answers to come; an empty script takes everything. ``refuses`` is asked of each event."""

    def __init__(self, name: str, witness: Witness, refuses: Callable[[dict[str, Any]], bool]) -> None:
        self.name = name
        self.witness = witness
        self.refuses = refuses
        self.next: deque[str] = deque()
        self.open: list[bytes] = []

    def add(self, numbers: tuple[int, ...]) -> None:
        self.next += [ANSWERS[n % len(ANSWERS)] for n in numbers]


class ScriptedSender:
    """The sender of one worker in one process."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._hurried = asyncio.Event()

    async def __aenter__(self) -> ScriptedSender:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing was opened."""

    def hurry(self) -> None:
        self._hurried.set()

    async def send(self, request: Request) -> PlatformAnswer:
        script, witness = self._script, self._script.witness
        if witness.is_gone() or self._hurried.is_set():
            return PlatformAnswer(failure=Failure.REFUSED, written=False)
        witness.line("before sending")
        bodies = [json.dumps(event).encode() for event in json.loads(request.body)["data"]]
        word = script.next.popleft() if script.next else "ok"
        if word == "away":
            witness.unreached(script.name, bodies)
            return PlatformAnswer(failure=Failure.REFUSED, written=False)
        if witness.is_gone():
            return PlatformAnswer(failure=Failure.REFUSED, written=False)
        witness.leaves(script.name, bodies)
        word, answer, arrived = self._answer(word, bodies)
        if arrived:
            witness.arrives(script.name, bodies)
        if await self._hurried_within({"slow": TIMEOUT_S, "void": TIMEOUT_S, "late": LATE_S}.get(word, 0.05)):
            word, answer = "slow", PlatformAnswer(failure=Failure.SLOW)  # whoever stops waiting hears nothing
        witness.line("answered")
        witness.answered(script.name, bodies, word=word)
        return answer

    async def _hurried_within(self, seconds: float) -> bool:
        """Waits; True when it was told to stop."""
        if seconds < 1:
            await asyncio.sleep(seconds)
            return False
        try:
            async with asyncio.timeout(seconds):
                await self._hurried.wait()
        except TimeoutError:
            return False
        return True

    def _answer(self, word: str, bodies: list[bytes]) -> tuple[str, PlatformAnswer, bool]:
        """The word that became of it, what is said, and whether the events are there now."""
        count = len(bodies)
        if word in ("large", "picky") and count == 1:
            word = "ok"
        if word in ("ok", "late") and any(self._script.refuses(json.loads(body)) for body in bodies):
            word = "picky"
        return word, *self._spoken(word, count)

    @staticmethod
    def _spoken(word: str, count: int) -> tuple[PlatformAnswer, bool]:
        match word:
            case "large":
                return PlatformAnswer(status=413), False
            case "picky":
                error = {"code": 100, "error_subcode": 2804003, "message": "Invalid parameter"}
                return _said(400, {"error": error}), False
            case "cut":
                return PlatformAnswer(failure=Failure.BROKEN), True
            case "slow":
                return PlatformAnswer(failure=Failure.SLOW), True
            case "void":
                return PlatformAnswer(failure=Failure.SLOW), False
            case "down":
                return _said(503, {"error": {"code": 2, "message": "down"}}), False
            case "liar":
                return _said(500, {}), True
            case "throttled":
                return _said(400, {"error": {"code": 4, "message": "too many"}}), False
            case "absurd":
                return PlatformAnswer(status=429, headers={"retry-after": "315360000"}), False
            case "token":
                return _said(400, {"error": {"code": 190, "message": "expired"}}), False
            case "short":
                return _said(200, {"events_received": max(0, count - 1)}), True
            case "page":
                return PlatformAnswer(status=200, body=b"<html>fine</html>"), True
            case "empty":
                return PlatformAnswer(status=200), True
            case "odd":
                return _said(400, {"error": {"code": 21009, "message": "not ready"}}), False
            case "redirect":
                return PlatformAnswer(status=302, headers={"location": "https://elsewhere.example/"}), False
        return _said(200, {"events_received": count, "fbtrace_id": "AbcDEF123"}), True


def _said(status: int, tree: dict[str, Any]) -> PlatformAnswer:
    return PlatformAnswer(status=status, body=json.dumps(tree).encode())
