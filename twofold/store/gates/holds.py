"""The gate of holds: a destination that waits longer than the others before it is told.

Owns how long, and that nothing but time ends it: news of an order or a second copy may bring a claim forward, not the leaving.
"""

from __future__ import annotations

from collections.abc import Mapping

from twofold.store.gates.contract import Candidate, Held

OTHERS = "*"
"""Stands for all event names that have no hold of their own."""

WAITS = "held_for_destination"


class HoldGate:
    """``holds``: dataset to destination to event name (or `OTHERS`) to ms from the action's first copy."""

    def __init__(self, holds: Mapping[str, Mapping[str, Mapping[str, int]]]) -> None:
        self._holds = {(dataset, d): own for dataset, there in holds.items() for d, own in there.items() if own}

    def asked(self) -> bool:
        """False where no destination holds anything."""
        return bool(self._holds)

    def judge(self, candidate: Candidate, now_ms: int) -> Held | None:
        """Before the hold is over, nothing leaves."""
        own = self._holds.get((candidate.dataset, candidate.destination))
        if own is None:
            return None
        until = candidate.created_at + hold_of(own, candidate.event.event_name)
        return Held(until, WAITS) if now_ms < until else None


def hold_of(holds: Mapping[str, int], event_name: str) -> int:
    """How long an event waits by a destination's own table, ms."""
    held = holds.get(event_name)
    return holds.get(OTHERS, 0) if held is None else held
