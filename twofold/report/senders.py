"""Who sends what: each sender's copies of each event name, which senders' copies meet, how their ids are made, which
match keys they carry.

Owns these counts over the journal. Figures over all copies of the period come from the database; how ids are made and
which keys are there is read from a sample of bodies. A sender that is new has no copy in the same length of time before.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

from msgspec import Struct

from twofold.event.model import Event, readable_event
from twofold.matching.user_data import present_keys
from twofold.report.period import Journal, journal_of, sample_of
from twofold.report.quality import KEYS
from twofold.store.engine import id_array

SAMPLE = 5_000  # bodies read for a report: about 0.1 s
MIN_COPIES = 10  # ours: fewer say nothing about who owns an event
MEETING = 0.5  # ours: two senders of one event meet when so many of the rarer one's actions are the other's, too

_FORMS = (
    ("secret of the purchase", re.compile(r"purchase\.[0-9a-f]{32}")),
    ("UUID", re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("number", re.compile(r"#?\d{1,20}")),
    ("hexadecimal", re.compile(r"[0-9a-fA-F]{16,64}")),
)
GIVEN_NONE, OTHER = "none given", "other text"
SCHEMES = (*(name for name, _ in _FORMS), OTHER, GIVEN_NONE)
"""How an event id is made, by its looks."""


class Cell(Struct, kw_only=True):
    """One sender's copies of one event name. Times in ms."""

    dataset: str
    event_name: str
    sender: str
    channel: str
    copies: int
    first_at: int
    last_at: int
    verdicts: dict[str, int]  # first, repeat, twin, conflict
    new: bool = False
    scheme: str = ""  # the usual one of the sampled copies; empty without any
    sampled: int = 0
    keys: dict[str, int] = {}  # match key -> sampled copies that carry it
    meets: dict[str, int] = {}  # other sender -> actions that both have copies of

    def key_share(self, key: str) -> float | None:
        return self.keys.get(key, 0) / self.sampled if self.sampled else None


def senders(
    folder: Path | str,
    since_ms: int,
    until_ms: int,
    before_ms: int,
    *,
    dataset: str | None = None,
    sample: int = SAMPLE,
) -> list[Cell]:
    """A cell for each sender of each event name in [since, until), by dataset, name and copies."""
    with journal_of(folder) as journal:
        span = journal.positions(since_ms, until_ms)
        earlier = journal.positions(before_ms, since_ms)
        cells = {cell_key(c): c for c in _cells(journal, span) if dataset in (None, c.dataset)}
        known = {(row[0], row[2]) for row in journal.run("sender_cells", earlier)}
        _meet(journal, span, cells)
        _look(journal, span, cells, sample)
    old = {name for name, _ in known}
    for cell in cells.values():
        cell.new = cell.dataset in old and (cell.dataset, cell.sender) not in known
    return sorted(cells.values(), key=lambda c: (c.dataset, c.event_name, -c.copies, c.sender, c.channel))


def cell_key(cell: Cell) -> tuple[str, str, str, str]:
    return cell.dataset, cell.event_name, cell.sender, cell.channel


def rivals(cells: list[Cell], least: int = MIN_COPIES) -> list[tuple[Cell, Cell, float]]:
    """Pairs of senders of one event whose copies do not meet, at the same time, each often: with the share that does.

    ``least``: how many copies are often."""
    by_name: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.copies >= least:
            by_name[cell.dataset, cell.event_name].append(cell)
    found = []
    for some in by_name.values():
        for n, one in enumerate(some):
            for other in some[n + 1 :]:
                meeting = one.meets.get(other.sender, 0) / max(1, min(_actions(one), _actions(other)))
                together = least == 1 or (one.first_at < other.last_at and other.first_at < one.last_at)
                if one.sender != other.sender and together and meeting < MEETING:
                    found.append((one, other, meeting))
    return found


def _actions(cell: Cell) -> int:
    """At most so many actions have a copy of this sender's."""
    return cell.copies - cell.verdicts["repeat"]


def _cells(journal: Journal, span: tuple[int, int]) -> list[Cell]:
    names = ("first", "repeat", "twin", "conflict")
    return [
        Cell(
            dataset=dataset, event_name=name, sender=sender, channel=channel, copies=copies, first_at=first, last_at=last,
            verdicts=dict(zip(names, verdicts, strict=True)), keys={}, meets={},
        )
        for dataset, name, sender, channel, copies, first, last, *verdicts in journal.run("sender_cells", span)
    ]  # fmt: skip


def _meet(journal: Journal, span: tuple[int, int], cells: dict[tuple[str, str, str, str], Cell]) -> None:
    for dataset, name, one, other, actions in journal.run("sender_meetings", span):
        for mine, theirs in ((one, other), (other, one)):
            for cell in cells.values():
                if (cell.dataset, cell.event_name, cell.sender) == (dataset, name, mine):
                    cell.meets[theirs] = cell.meets.get(theirs, 0) + actions


def _look(journal: Journal, span: tuple[int, int], cells: dict[tuple[str, str, str, str], Cell], sample: int) -> None:
    chosen = sample_of(span, sample)
    if not chosen:
        return
    schemes: dict[tuple[str, str, str, str], Counter[str]] = defaultdict(Counter)
    for (body,) in journal.run("sampled_bodies", (id_array(chosen),)):
        event = readable_event(body)
        if event is None:
            continue
        place = (event.dataset, event.event_name, event.sender, event.channel.value)
        if place not in cells:
            continue
        cell = cells[place]
        cell.sampled += 1
        for key in present_keys(event.user_data) & KEYS.keys():
            cell.keys[key] = cell.keys.get(key, 0) + 1
        schemes[place][scheme_of(event)] += 1
    for place, counts in schemes.items():
        cells[place].scheme = max(counts, key=lambda s: (counts[s], s))


def scheme_of(event: Event) -> str:
    """How the id of a copy is made, by its looks."""
    if not event.id_given:
        return GIVEN_NONE
    return next((name for name, form in _FORMS if form.fullmatch(event.event_id)), OTHER)
