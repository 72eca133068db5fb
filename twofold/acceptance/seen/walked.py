"""What a browser that walked the test order saw: each call, by the script that made it, and what the site did besides.

Owns the form in which a run keeps it and what follows from calls that go past the gateway: one that is told again, one that leaves
although consent was refused. What came to the gateway itself is `evidence`'s to tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from twofold.acceptance.plan import Again, PlannedEvent
from twofold.senders.call import OURS, Call, Step

ORDERING, LOADED_AGAIN, REFUSING = "order", "loaded again", "refused"
"""Parts of the walk, with which the names of its steps begin; before the answer to the banner a step is of none of them."""
META = "meta"
MAY_ANSWER_WITHOUT = frozenset({"ga4", "google_ads"})
"""Their scripts may call without consent too, and say so in the call: that is told, and not judged."""
MOST_CALLS = 300


class Walked(Struct, frozen=True, kw_only=True):
    """One walk. ``ended``: "walked", or why it ended before; ``more``: calls beyond those that are kept."""

    dataset: str
    ended: str
    took_s: float
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    libraries: tuple[Call, ...] = ()  # loads of the platforms' own scripts, by who asked for them
    more: int = 0

    def of(self, part: str) -> Iterator[Call]:
        """Calls of one part."""
        return (c for c in self.calls if c.step.startswith(f"{part}: "))


def told_again(walked: Walked, event: PlannedEvent) -> list[str]:
    """Calls of a second load that told the platform of this event past the gateway, and may not."""
    before = {c.event_id for c in walked.of(ORDERING) if _is_direct(c, event.name, walked.dataset)}
    return [
        f"{c.script} told {c.platform} of it again, under {'the same id' if c.event_id in before else 'a new id'}"
        for c in walked.of(LOADED_AGAIN)
        if _is_direct(c, event.name, walked.dataset) and (event.again is Again.NOTHING or c.event_id not in before)
    ]


def left_refused(walked: Walked) -> list[str]:
    """Calls past the gateway that were made although consent was refused."""
    return list(
        dict.fromkeys(
            f"{c.event or 'a call'} to {c.platform} by {c.script}"
            for c in walked.of(REFUSING)
            if c.platform != OURS and c.platform not in MAY_ANSWER_WITHOUT
        )
    )


def _is_direct(call: Call, event: str, dataset: str) -> bool:
    return (call.platform, call.event, call.account) == (META, event, dataset)
