"""Who owns each event: the senders that the journal shows, and the one that a person named.

Owns joining the two for a packet. An event with a single sender is that sender's even if nobody said so. What counts the
senders is `report.senders`; a wider inventory takes this function's place and keeps its answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from twofold.report.kept import EVENT_OWNER, kept
from twofold.report.senders import Cell, rivals, senders

DAYS = 28
DAY_MS = 86_400_000


class Owned(Struct, frozen=True, kw_only=True):
    """One event. ``senders``: most copies first; ``primary``: who is meant to send it; ``rivals``: who sends it and does not merge."""

    event: str
    senders: tuple[str, ...]
    primary: str = ""
    person: str = ""
    named: bool = False
    rivals: tuple[str, ...] = ()


def owners(folder: Path, dataset: str, events: Iterable[str], begun: int, now: int) -> list[Owned]:
    """An entry for each event, of the four weeks up to now. What does not merge is told of what is frequent in them, and of
    every copy since the run began (``begun``, Unix s)."""
    until = (now + 1) * 1000
    since = until - DAYS * DAY_MS
    cells = senders(folder, since, until, since, dataset=dataset, sample=0)
    named = {str(k.facts.get("event")): k.facts for k in kept(folder, EVENT_OWNER) if k.facts.get("dataset") == dataset}
    copies: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for cell in cells:
        copies[cell.event_name][cell.sender] += cell.copies
    apart: dict[str, set[str]] = defaultdict(set)
    own = senders(folder, begun * 1000, until, begun * 1000, dataset=dataset, sample=0)
    for one, other, _ in [*rivals(cells), *rivals(own, least=1)]:
        apart[one.event_name] |= {one.sender, other.sender}
    return [_owned(name, copies[name], named.get(name), apart[name]) for name in events]


def _owned(name: str, copies: dict[str, int], named: dict[str, str] | None, apart: set[str]) -> Owned:
    found = sorted(copies, key=lambda s: (-copies[s], s))
    primary = str(named["sender"]) if named else found[0] if len(found) == 1 else ""
    return Owned(
        event=name, senders=tuple(found), primary=primary, person=str(named.get("person", "")) if named else "",
        named=named is not None, rivals=tuple(sorted(apart)),
    )  # fmt: skip


def sender_cells(folder: Path, dataset: str, events: Iterable[str], since_ms: int, until_ms: int) -> list[Cell]:
    """Who sent these events in a stretch of time."""
    wanted = set(events)
    found = senders(folder, since_ms, until_ms, since_ms, dataset=dataset, sample=0)
    return [cell for cell in found if cell.event_name in wanted]
