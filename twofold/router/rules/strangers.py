"""Senders whom nobody expects: new ones where nobody said anything, and any other where somebody said who is expected.

Owns that difference. Where people said who is expected (`senders expect`), a stranger counts at once and stands against
decisions, also one that only pages or a browser showed; where nobody did, a sender counts that the week before did not have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from twofold.report.senders import Cell
from twofold.router.finding import Finding, Kind, When, parts_of
from twofold.senders.expectation import Expectations
from twofold.senders.findings import NOT_OWNED
from twofold.senders.inventory import Entry, inventory
from twofold.senders.journal import told_of
from twofold.senders.observed import JOURNAL, Observed

LINK = "/senders"


def findings_of_strangers(
    cells: Sequence[Cell], looks: Sequence[Observed], expected: Expectations
) -> Iterator[Finding]:
    """One a sender. ``looks``: what pages and a browser showed in the same time."""
    strange: dict[str, list[Entry]] = defaultdict(list)
    if expected:
        for row in inventory(told_of(cells), looks, (), {}, expected):
            if row.expected is False and row.event not in NOT_OWNED and (row.certain or JOURNAL in row.sides):
                strange[row.sender].append(row)
    for sender, rows in sorted(strange.items()):
        events = Counter[str]()
        for row in rows:
            events[row.event] += max(1, row.events)
        yield _finding(sender, events, When.NOW, min(r.first_seen for r in rows), max(r.last_seen for r in rows),
                       ("seen_in", ", ".join(sorted({side for r in rows for side in r.sides}))))  # fmt: skip
    new: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.new and cell.dataset not in expected and cell.sender not in strange:
            new[cell.sender].append(cell)
    for sender, mine in sorted(new.items()):
        counts = Counter[str]()
        for cell in mine:
            counts[cell.event_name] += cell.copies
        yield _finding(
            sender, counts, When.WEEK, min(c.first_at for c in mine) // 1000, max(c.last_at for c in mine) // 1000
        )


def _finding(sender: str, events: Counter[str], when: When, since: int, last: int, *seen: tuple[str, str]) -> Finding:
    copies = sum(events.values())
    return Finding(
        kind=Kind.NEW_SENDER, about=sender, when=when, events=copies, of=copies, orders=copies if set(events) == {"Purchase"} else 0,
        parts=parts_of({event: n for event, n in events.items() if event}), since=since, last=last, link=LINK, evidence=seen,
    )  # fmt: skip
