"""A list of steps that breaks a promise, made as short as dropping steps can make it. Pure: playing is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.world.steps import Step


def shrink(steps: Sequence[Step], breaks: Callable[[Sequence[Step]], bool]) -> list[int]:
    """The places of a part of ``steps`` that still breaks, of which no step can be left out any more."""
    kept = list(range(len(steps)))
    size = max(1, len(kept) // 2)
    while True:
        at, dropped = 0, False
        while at < len(kept):
            fewer = kept[:at] + kept[at + size :]
            if breaks([steps[n] for n in fewer]):
                kept, dropped = fewer, True
            else:
                at += size
        if size == 1 and not dropped:
            return kept
        size = max(1, size // 2)
