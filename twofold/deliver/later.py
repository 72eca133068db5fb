"""What a platform tells minutes after it took a request.

Owns when it is asked, and for how long. The number of a request stands in the note of its attempts, so that a restart forgets none;
what is told becomes one more row beside them, under the outcome `TOLD`. It changes no delivery: the platform counts by reason and
names no event, so nothing can be sent again for it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from twofold.destinations.contract import LaterAnswer, LaterResult

LATER: Final = "later "
"""Before the number of a request in an attempt's note."""

TOLD: Final = "told"
"""The outcome of a row that holds what was told later."""

GROWTH: Final = 2
LONGEST_MS: Final = 6 * 3_600_000


class Asked(Struct, kw_only=True):
    """One request whose result is not known yet."""

    number: str
    deliveries: array[int]  # eight bytes each: a platform that tells nothing for days has a million of them waiting
    sent_at: int  # ms
    ask_at: int  # ms
    asked: int = 0


class Results:
    """Those that are waited for, by number. Reads no clock."""

    def __init__(self, answer: LaterAnswer) -> None:
        self._answer = answer
        self._asked: dict[str, Asked] = {}

    def expect(self, number: str, deliveries: Iterable[int], sent_at: int) -> None:
        """More deliveries of a number that is known join those that wait for it."""
        known = self._asked.get(number)
        if known is None:
            ask_at = sent_at + self._answer.first_s * 1000
            known = Asked(number=number, deliveries=array("q"), sent_at=sent_at, ask_at=ask_at)
            self._asked[number] = known
        known.deliveries.extend(deliveries)

    def due(self, now_ms: int) -> list[Asked]:
        """What is asked now. What nobody would tell any more is let go."""
        old = [number for number, a in self._asked.items() if now_ms - a.sent_at > self._answer.last_s * 1000]
        for number in old:
            del self._asked[number]
        return [a for a in self._asked.values() if a.ask_at <= now_ms or a.sent_at > now_ms]

    def told(self, asked: Asked, result: LaterResult | None, now_ms: int) -> bool:
        """True when the result is final; else it is asked again, ever more seldom."""
        if result is not None and result.state != "processing":
            self._asked.pop(asked.number, None)
            return True
        asked.asked += 1
        wait = min(self._answer.first_s * 1000 * GROWTH ** min(asked.asked, 20), LONGEST_MS)
        asked.ask_at = now_ms + wait
        return False

    @property
    def waiting(self) -> int:
        return len(self._asked)


def number_in(note: str) -> str:
    """The number of a request that an attempt's note begins with; empty for none."""
    return note[len(LATER) :].partition(" ")[0] if note.startswith(LATER) else ""


def words(result: LaterResult) -> str:
    """For the note: how many events met which reason, the most first."""
    ranked = sorted(result.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{reason} {count}" for reason, count in ranked)
