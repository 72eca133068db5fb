"""When senders' copies come against when they say that it happened: hours late, ahead, or off by whole hours.

Owns which lateness is a fault. A sender's clock is compared with ours at receipt; a webhook says when the order was made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from twofold.router.finding import Finding, Kind, When, parts_of
from twofold.router.rules.change import change_of
from twofold.router.rules.reading import Copies, Signals

LEAST = 5
STANDING = 0.2  # of a sender's copies of a week
ALWAYS_WHOLE = 0.8
"""Of the copies that are off: so many by whole hours are a zone, fewer a queue."""
WEEK = 7


def findings_of_times(signals: Signals) -> Iterator[Finding]:
    """A sender at a time."""
    by_sender: dict[tuple[str, str, str], list[Copies]] = defaultdict(list)
    for c in signals.copies:
        by_sender[c.dataset, c.sender, c.channel].append(c)
    for (_, sender, _), cells in sorted(by_sender.items()):
        yield from _of_sender(signals, sender, cells)


def _of_sender(signals: Signals, sender: str, cells: Sequence[Copies]) -> Iterator[Finding]:
    change = change_of(signals.series((c.day, c.late + c.early, c.copies) for c in cells))
    days = change.days if change else WEEK
    recent = [c for c in cells if c.day < days]
    late, early, whole = (sum(c.late for c in recent), sum(c.early for c in recent), sum(c.whole_hours for c in recent))
    count, off = sum(c.copies for c in recent), late + early
    if off < LEAST or (change is None and off / count < STANDING):
        return
    touched = {
        name: sum(c.late + c.early for c in recent if c.event_name == name) for name in {c.event_name for c in recent}
    }
    is_zone = whole / off >= ALWAYS_WHOLE
    kind = Kind.ZONE if is_zone else Kind.CLOCK if early > late else Kind.LATE_SENDER
    yield Finding(
        kind=kind, about=sender, when=When.WEEK if kind is Kind.CLOCK else When.NOW, events=off, of=count,
        orders=touched.get("Purchase", 0), parts=parts_of({name: n for name, n in touched.items() if n}),
        since=signals.since(days), last=signals.now, link="/senders",
        evidence=(("late_copies", str(late)), ("early_copies", str(early)), ("by_whole_hours", str(whole))),
    )  # fmt: skip
