"""What came to our own doors: which sender tells which event since when, how much, and whom its copies meet.

Owns the class of a sender by the name that the collector gave it, and the answer whether an id that was seen elsewhere came to us.
Counts are `report.senders`'s.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from twofold.report.period import journal_of
from twofold.report.senders import GIVEN_NONE, MEETING, SAMPLE, Cell, rivals, senders
from twofold.senders.call import Call
from twofold.senders.kinds import SenderClass
from twofold.sources import SOURCES

WEEK_MS = 7 * 86_400_000
AROUND_S = 900
"""A copy may come so long after a browser sent it."""
_NAMES: tuple[tuple[re.Pattern[str], SenderClass], ...] = (
    (re.compile(r"tag"), SenderClass.TAG),
    (re.compile(r"image"), SenderClass.IMAGE),
    (re.compile(r"fbevents:tm.*"), SenderClass.TAG_MANAGER),  # the agents of tag managers begin so: tmgoogletagmanager
    (re.compile(r"fbevents:plshopify.*"), SenderClass.THEME),  # Shopify's old setting in the preferences
    (re.compile(r"fbevents:woocommerce-.*"), SenderClass.PARTNER_APP),
    (re.compile(r"fbevents"), SenderClass.THEME),
    (re.compile(r".*(?:gtmss|stape|server-?container|sgtm).*"), SenderClass.SERVER_CONTAINER),
    (re.compile(r"sdk-.*|api|file"), SenderClass.SDK),
)
_CERTAIN = frozenset(
    {SenderClass.TAG, SenderClass.IMAGE, SenderClass.WEBHOOK, SenderClass.TAG_MANAGER, SenderClass.SERVER_CONTAINER}
)


class Told(Struct, frozen=True, kw_only=True):
    """One sender of one event, both channels together. ``meets``: senders of which it shares at least half of what the rarer
    one told; ``apart``: senders who tell the same event and do not. Times in Unix s."""

    dataset: str
    event: str
    sender: str
    sender_class: SenderClass
    certain: bool
    channel: str
    copies: int
    first_seen: int
    last_seen: int
    id_given: bool | None
    scheme: str
    meets: tuple[str, ...]
    apart: tuple[str, ...]
    new: bool


def class_of(sender: str, channel: str) -> tuple[SenderClass, bool]:
    """The class of a sender by its name, and whether the name alone is proof. A name of its own on a server is some program's."""
    if channel != "browser" and sender in SOURCES:
        return SenderClass.WEBHOOK, True
    for pattern, kind in _NAMES:
        if pattern.fullmatch(sender):
            return kind, kind in _CERTAIN
    return (SenderClass.SDK, False) if channel == "server" else (SenderClass.UNKNOWN, False)


def told(
    folder: Path | str, since_ms: int, until_ms: int, *, dataset: str | None = None, sample: int = SAMPLE
) -> list[Told]:
    """By dataset, event and copies. New is who began in the last week, in a dataset that was told before."""
    cells = senders(folder, since_ms, until_ms, since_ms, dataset=dataset, sample=sample)
    week = until_ms - WEEK_MS
    old = {c.dataset for c in cells if c.first_at < week}
    begun = {(c.dataset, c.sender) for c in cells} - {(c.dataset, c.sender) for c in cells if c.first_at < week}
    for cell in cells:
        cell.new = cell.dataset in old and (cell.dataset, cell.sender) in begun
    return told_of(cells)


def told_of(cells: Sequence[Cell]) -> list[Told]:
    """The same of cells that were counted already."""
    apart: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one, other, _ in rivals(list(cells)):
        apart[one.dataset, one.event_name, one.sender].add(other.sender)
        apart[one.dataset, one.event_name, other.sender].add(one.sender)
    groups: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[cell.dataset, cell.event_name, cell.sender].append(cell)
    found = [_told(place, some, groups, apart[place]) for place, some in groups.items()]
    return sorted(found, key=lambda t: (t.dataset, t.event, -t.copies, t.sender))


def _told(
    place: tuple[str, str, str],
    some: Sequence[Cell],
    groups: dict[tuple[str, str, str], list[Cell]],
    apart: Iterable[str],
) -> Told:
    dataset, event, sender = place
    channels = {c.channel for c in some}
    channel = channels.pop() if len(channels) == 1 else "both"
    kind, certain = class_of(sender, channel)
    sampled = [c for c in some if c.sampled]
    mine = sum(c.copies - c.verdicts["repeat"] for c in some)
    meets: dict[str, int] = {}
    for cell in some:  # each cell of a sender carries what all of its cells meet
        meets |= cell.meets
    met = sorted(
        other for other, n in meets.items()
        if n >= MEETING * max(1, min(mine, sum(c.copies - c.verdicts["repeat"] for c in groups.get((dataset, event, other), ()))))
    )  # fmt: skip
    return Told(
        dataset=dataset, event=event, sender=sender, sender_class=kind, certain=certain, channel=channel,
        copies=sum(c.copies for c in some), first_seen=min(c.first_at for c in some) // 1000,
        last_seen=max(c.last_at for c in some) // 1000,
        id_given=any(c.scheme != GIVEN_NONE for c in sampled) if sampled else None,
        scheme=max(sampled, key=lambda c: c.sampled).scheme if sampled else "", meets=tuple(met), apart=tuple(sorted(apart)),
        new=any(c.new for c in some),
    )  # fmt: skip


def heard(folder: Path | str, calls: Sequence[Call]) -> dict[tuple[str, str, str], set[str]]:
    """Which of our senders told the ids of these calls, around the time at which they were made."""
    wanted = {(c.account, c.event, c.event_id) for c in calls if c.event_id}
    if not wanted:
        return {}
    first, last = min(c.first_seen for c in calls), max(c.last_seen for c in calls)
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    with journal_of(folder) as journal:
        span = journal.positions((first - AROUND_S) * 1000, (last + AROUND_S) * 1000)
        for dataset, event, event_id, sender in journal.run("ids_told", span):
            if (dataset, event, event_id) in wanted:
                found[dataset, event, event_id].add(sender)
    return dict(found)
