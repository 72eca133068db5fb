"""How often a visit was found for what came without a browser, and what its event gained by it.

Owns the counting over what is kept beside each payload (`frozen`): the keys it left with, and which of them were taken
from where. Why nothing was taken is said in the words of `store.stitching`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from msgspec import Struct

from twofold.report.period import journal_of
from twofold.store.visitors.stitch import REASONS

DAY_MS = 86_400_000
PERIOD_MS = 7 * DAY_MS
_MARK = "unstitched:"
_SERVER_ONLY = 2  # the channels of an action without a browser's copy
UNKNOWN = "no visit with any of its identifiers is known"


class Stitching(Struct, frozen=True, kw_only=True):
    """One event name of one dataset: payloads made of server copies alone."""

    dataset: str
    event_name: str
    events: int
    stitched: int
    rate: float  # percentage
    keys_before: float  # match keys an event, on average: all such events, without and with what was taken over
    keys_after: float
    by: dict[str, int]  # what led to the visit -> events
    taken: dict[str, int]  # match key or click id -> events
    reasons: dict[str, int]  # why nothing was taken -> events


class _Counts(Struct):
    events: int
    stitched: int
    before: int
    after: int
    by: Counter[str]
    taken: Counter[str]
    reasons: Counter[str]


def stitching(
    folder: Path | str, now_ms: int, *, period_ms: int = PERIOD_MS, dataset: str | None = None
) -> list[Stitching]:
    """One row for each event name of the last ``period_ms``; of the destination that got most."""
    with journal_of(folder) as journal:
        rows = journal.run("stitched_groups", journal.positions(now_ms - period_ms, now_ms + 1))
    found: dict[tuple[str, str], dict[int, _Counts]] = defaultdict(dict)
    for of_dataset, event_name, destination, channels, keys, stitched, marks, n in rows:
        if channels == _SERVER_ONLY and dataset in (None, of_dataset):
            by = found[of_dataset, event_name]
            counts = by.setdefault(destination, _Counts(0, 0, 0, 0, Counter(), Counter(), Counter()))
            _add(counts, keys, stitched, marks, n)
    most = {name: max(by.values(), key=lambda c: c.events) for name, by in sorted(found.items())}
    return [_row(name, counts) for name, counts in most.items()]


def as_row(row: Stitching) -> dict[str, Any]:
    """A plain row for ``--json``."""
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _add(counts: _Counts, keys: str, stitched: str, marks: str, n: int) -> None:
    names = {k for k in keys.split(",") if k}
    pairs = dict(part.split("=", 1) for part in stitched.split(",") if "=" in part)
    counts.events += n
    counts.after += n * len(names)
    counts.before += n * len(names - pairs.keys())
    for name in pairs:
        counts.taken[name] += n
    if pairs:
        counts.stitched += n
        counts.by[next(iter(pairs.values())).removeprefix("visit by ")] += n
        return
    refused = [m.removeprefix(_MARK) for m in marks.split(",") if m.startswith(_MARK)]
    counts.reasons[REASONS.get(refused[0], refused[0]) if refused else UNKNOWN] += n


def _row(name: tuple[str, str], counts: _Counts) -> Stitching:
    return Stitching(
        dataset=name[0],
        event_name=name[1],
        events=counts.events,
        stitched=counts.stitched,
        rate=round(100 * counts.stitched / counts.events, 1),
        keys_before=round(counts.before / counts.events, 2),
        keys_after=round(counts.after / counts.events, 2),
        by=dict(counts.by.most_common()),
        taken=dict(counts.taken.most_common()),
        reasons=dict(counts.reasons.most_common()),
    )
