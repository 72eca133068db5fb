"""Who owns each event: the senders of the inventory, and the one that a person named.

Owns joining the two for a packet. An event with a single sender is that sender's even if nobody said so. Who sends what, and whose
copies meet, is `senders`'s: the command, the console and a packet say the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from twofold.report.senders import rivals, senders
from twofold.senders.expectation import named_owners, primary_of
from twofold.senders.findings import apart
from twofold.senders.inventory import Entry, of_one_event
from twofold.senders.observed import PAGES
from twofold.senders.standing import stand

DAYS = 28
DAY_S = 86_400


class Owned(Struct, frozen=True, kw_only=True):
    """One event. ``senders``: most copies first; ``primary``: who is meant to send it; ``rivals``: who sends it and does not merge;
    ``unproven``: whose code in a page names it, and whose ids nobody has seen."""

    event: str
    senders: tuple[str, ...]
    primary: str = ""
    person: str = ""
    named: bool = False
    rivals: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


def owners(folder: Path, dataset: str, events: Iterable[str], begun: int, now: int) -> list[Owned]:
    """An entry for each event, of the four weeks up to now. What does not merge is told of what is frequent in them, and of
    every copy since the run began (``begun``, Unix s)."""
    rows = _rows(folder, dataset, now)
    named = named_owners(folder)
    strangers: dict[str, set[str]] = defaultdict(set)
    own = senders(folder, begun * 1000, (now + 1) * 1000, begun * 1000, dataset=dataset, sample=0)
    for one, other, _ in rivals(own, least=1):
        strangers[one.event_name] |= {one.sender, other.sender}
    found = []
    for name in events:
        some = rows.get((dataset, name), [])
        for row, another in apart(some):
            strangers[name] |= {row.sender, another.sender}
        names = tuple(dict.fromkeys(r.sender for r in sorted(some, key=lambda r: (-r.events, r.sender))))
        word = named.get((dataset, name))
        found.append(
            Owned(
                event=name, senders=names, primary=primary_of(names, word), person=word.person if word else "",
                named=word is not None, rivals=tuple(sorted(strangers[name])),
                unproven=tuple(sorted(r.sender for r in some if r.sides == (PAGES,) and not r.meets)),
            )
        )  # fmt: skip
    return found


def sender_names(folder: Path, dataset: str, events: Iterable[str], now: int) -> set[tuple[str, str]]:
    """(event, sender) of the four weeks up to now."""
    rows = _rows(folder, dataset, now)
    return {(name, row.sender) for name in events for row in rows.get((dataset, name), ())}


def _rows(folder: Path, dataset: str, now: int) -> dict[tuple[str, str], list[Entry]]:
    found = stand(folder, [], [dataset], now, DAYS * DAY_S, dataset, sample=0)
    return of_one_event(r for r in found.rows if r.certain or r.events)
