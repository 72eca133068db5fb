"""Findings seen in what came: refusals at the door, senders that do not meet, events that stopped, keys that were lost.

Owns which of these counts is a finding and from which share on it is one. The counts are `report.senders`'s, `report.quality`'s
and the statements'.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from twofold.event.refusal import DropReason
from twofold.report.period import Journal
from twofold.report.quality import EventQuality
from twofold.report.senders import MIN_COPIES, Cell, rivals
from twofold.router.finding import Finding, Kind, When, parts_of
from twofold.senders.findings import NOT_OWNED

DAY_S = 86_400
SEVERAL = 2  # events of one sender that another tells again: no chance
MISSED = 9.0  # ours: none of so many that were due is chance once in eight thousand
CONFLICTS = 0.02  # ours: share of an event's copies that say something else

AT_THE_DOOR: dict[str, Kind] = {
    DropReason.BAD_SIGNATURE: Kind.WEBHOOK_SECRET,
    DropReason.BAD_KEY: Kind.NOT_LET_IN,
    DropReason.UNKNOWN_DATASET: Kind.NOT_LET_IN,
    DropReason.BAD_ORIGIN: Kind.FOREIGN_SITE,
}
NO_CAUSE = frozenset({DropReason.NOT_AN_ORDER, DropReason.WHOLE_BATCH, DropReason.RATE_LIMITED})
_DROP = re.compile(r"(\w+) (\d+) % to (\d+) %")


def findings_of_door(journal: Journal, since_ms: int, dataset: str | None) -> Iterator[Finding]:
    """What was not let in, a finding a reason."""
    groups: dict[tuple[Kind, str], list[tuple[str, int, int, int]]] = defaultdict(list)
    for reason, of_dataset, name, count, first, last in journal.run("refused_since", (since_ms,)):
        if reason not in NO_CAUSE and dataset in (None, of_dataset, ""):
            kind = AT_THE_DOOR.get(reason, Kind.MALFORMED)
            groups[kind, reason].append((name, count, first, last))
    whole = sum(count for rows in groups.values() for _, count, *_ in rows)
    for (kind, reason), rows in groups.items():
        counts: Counter[str] = Counter()
        for name, count, *_ in rows:
            counts[name] += count
        yield Finding(
            kind=kind, about=reason, when=When.NOW, events=sum(counts.values()), of=whole,
            parts=parts_of({name: n for name, n in counts.items() if name}), marks=(reason,),
            since=min(first for _, _, first, _ in rows) // 1000, last=max(last for *_, last in rows) // 1000,
            link=f"/refused?reason={reason}",
        )  # fmt: skip


def findings_of_senders(cells: Sequence[Cell], now: int) -> Iterator[Finding]:
    """Two owners, copies that do not meet, a side that is missing, events that stopped."""
    found = [row for row in rivals(list(cells)) if row[0].event_name not in NOT_OWNED]
    for sender, again in _anew(found):
        copies = sum(c.copies for c in again)
        yield _of_cells(Kind.IDS_ANEW, sender, again, events=copies, of=copies, when=When.NOW)
    for one, other, meeting in found:
        kind = Kind.TWO_OWNERS if one.channel == other.channel else Kind.NOT_MEETING
        fewer = min(one.copies, other.copies)
        yield _of_cells(
            kind, f"{one.event_name}: {one.sender}, {other.sender}", [one, other],
            events=round(fewer * (1 - meeting)), of=one.copies + other.copies,
            when=When.NOW if one.event_name == "Purchase" else When.WEEK,
        )  # fmt: skip
    by_name: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        by_name[cell.dataset, cell.event_name].append(cell)
    alive = {dataset for (dataset, _), some in by_name.items() if any(now - c.last_at // 1000 <= DAY_S for c in some)}
    for (dataset, name), some in by_name.items():
        copies, conflicts = sum(c.copies for c in some), sum(c.verdicts["conflict"] for c in some)
        if conflicts >= 3 and conflicts / copies >= CONFLICTS:
            yield _of_cells(Kind.OTHER_CONTENT, name, some, events=conflicts, of=copies, when=When.WEEK)
        last = max(c.last_at for c in some) // 1000
        if copies >= MIN_COPIES and dataset in alive and now - last > DAY_S and _missed(copies, last, now) >= MISSED:
            yield _of_cells(Kind.STOPPED, name, some, events=copies, of=copies, when=When.NOW)


def _missed(copies: int, last: int, now: int) -> float:
    """How many there would have been since the last one, as often as they came in the week until then."""
    return copies * (now - last) / max(DAY_S, 7 * DAY_S - (now - last))


def findings_of_keys(rows: Sequence[EventQuality], since: int, now: int) -> Iterator[Finding]:
    """Keys of which much less comes: a finding a key, whichever events it is of; else a score that fell by itself."""
    lost: dict[str, list[tuple[EventQuality, int]]] = defaultdict(list)
    fell: list[EventQuality] = []
    for row in rows:
        found = [m for drop in row.drops if (m := _DROP.fullmatch(drop))]
        for match in found:
            lost[match[1]].append((row, round(row.events * (int(match[2]) - int(match[3])) / 100)))
        if row.drops and not found and row.events:
            fell.append(row)
    for key, some in lost.items():
        counts = {row.event_name: n for row, n in some}
        yield Finding(
            kind=Kind.KEY_LOST, about=key, when=When.WEEK, events=sum(counts.values()), of=sum(row.events for row, _ in some),
            orders=counts.get("Purchase", 0), parts=parts_of(counts), marks=tuple(d for row, _ in some for d in row.drops),
            since=since, last=now, link="/match-quality",
        )  # fmt: skip
    if fell:
        counts = {row.event_name: row.events for row in fell}
        yield Finding(
            kind=Kind.SCORE_FELL, when=When.WEEK, events=sum(counts.values()), of=sum(counts.values()),
            orders=counts.get("Purchase", 0), parts=parts_of(counts), marks=tuple(d for row in fell for d in row.drops),
            since=since, last=now, link="/match-quality",
        )  # fmt: skip


def _anew(found: Sequence[tuple[Cell, Cell, float]]) -> Iterator[tuple[str, list[Cell]]]:
    """Server's senders that tell several events of a browser's sender again, none of which meets its own."""
    pairs: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for one, other, _ in found:
        for browser, server in ((one, other), (other, one)):
            if browser.channel == "browser" and server.channel == "server":
                pairs[server.dataset, server.sender, browser.sender].append(server)
    for (_, sender, _), again in pairs.items():
        if len(again) >= SEVERAL:
            yield sender, again


def _of_cells(kind: Kind, about: str, cells: Sequence[Cell], *, events: int, of: int, when: When) -> Finding:
    counts: Counter[str] = Counter()
    for cell in cells:
        counts[cell.event_name] += cell.copies
    return Finding(
        kind=kind, about=about, when=when, events=events, of=of,
        orders=events if set(counts) == {"Purchase"} else 0, parts=parts_of(counts),
        since=min(c.first_at for c in cells) // 1000, last=max(c.last_at for c in cells) // 1000, link="/senders",
    )  # fmt: skip
