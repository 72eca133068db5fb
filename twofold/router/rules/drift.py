"""What events say drifts: a property comes as another type, a property comes no more, an event comes that nobody declared.

Owns from when on each is a finding. Read are the counts that the gateway keeps as events come in (`schema.watch`), by whole days in
UTC, and for a property that is lost how many events of its name came at all. A change is one that chance would not make
(`change`); what comes a few times a week says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from twofold.report.period import Journal
from twofold.router.finding import Finding, Kind, When, parts_of
from twofold.router.rules.change import Change, change_of
from twofold.schema.watch import SeenDataset, SeenName

DAY_S = 86_400
DAYS = 14
LEAST_TYPES = 0.12
USED_TO_BE = 0.5  # ours: a property that was there less often is nobody's to miss
LOST = 0.95
LEAST_LOST = 0.4
LEAST_UNFIT, UNFIT = 8, 0.05  # of a declared type
LEAST_UNDECLARED, LEAST_OF_STRANGERS = 3, 50
MOST_UNDECLARED = 5  # findings; whoever makes names up fills no page

Totals = Callable[[], Mapping[tuple[str, str, int], int]]
"""Dataset, event name and day from the epoch to how many copies came; asked once something seems lost."""


def findings_of_drift(
    seen: Mapping[str, SeenDataset], totals: Totals, now: int, dataset: str | None
) -> Iterator[Finding]:
    """``now``: Unix s."""
    today = now // DAY_S
    come: list[Mapping[tuple[str, str, int], int]] = []
    for name, one in seen.items():
        if dataset not in (None, name):
            continue
        for key, told in one.names.items():
            event_name, _, said = key.partition("\n")
            if not said:
                continue
            found = _of_types(event_name, said, told, today, now)
            if found is not None:
                yield found
            elif _seems_lost(told, today):
                come = come or [totals()]
                lost = _of_loss(name, event_name, said, told, come[0], today, now)
                if lost is not None:
                    yield lost
        yield from _of_undeclared(one, now)


def events_by_day(journal: Journal, now: int) -> dict[tuple[str, str, int], int]:
    """How many copies of each event came on each whole day in UTC."""
    since = (now // DAY_S - DAYS) * DAY_S * 1000
    first, last = journal.positions(since, now * 1000 + 1000)
    rows = journal.run("router_events_by_day", (first, last))
    return {(dataset, name, day): count for dataset, name, day, count in rows}


def _of_types(event_name: str, said: str, told: SeenName, today: int, now: int) -> Finding | None:
    """Another type than before, or than declared. The type before is that of the days until yesterday's eve."""
    older, week = Counter[str](), Counter[str]()
    for day, types in told.days.items():
        if day < today - 1:
            older.update(types)
        if day > today - 7:
            week.update(types)
    if told.declared:
        unfit = week.total() - week[told.declared]
        if unfit >= LEAST_UNFIT and unfit >= UNFIT * week.total():
            kind = max((t for t in week if t != told.declared), key=lambda t: (week[t], t))
            declared = (("declared_as", told.declared), ("comes_as", f"{kind}, {unfit}"))
            return _finding(Kind.PROPERTY_TYPE, event_name, said, unfit, week.total(), now - 7 * DAY_S, now, declared)
        return None
    if not older:
        return None
    main = max(older, key=lambda t: (older[t], t))
    days = [told.days.get(today - n, {}) for n in range(DAYS)]
    change = change_of([(sum(t.values()) - t.get(main, 0), sum(t.values())) for t in days], least=LEAST_TYPES)
    if change is None:
        return None
    others = Counter[str]()
    for types in days[: change.days]:
        others.update({kind: count for kind, count in types.items() if kind != main})
    kind = max(others, key=lambda t: (others[t], t))
    evidence = (("was_of_type", main), ("comes_as", f"{kind}, {others[kind]}"), *_shares(change))
    return _finding(
        Kind.PROPERTY_TYPE, event_name, said, change.hits, change.of, _since(today, change.days - 1), now, evidence
    )


def _seems_lost(told: SeenName, today: int) -> bool:
    """A quick look: it came, and yesterday it did not as it used to."""
    days = [sum(told.days.get(today - n, {}).values()) for n in range(1, DAYS)]
    return sum(days) > 0 and days[0] * 4 < max(days)


def _of_loss(
    dataset: str,
    event_name: str,
    said: str,
    told: SeenName,
    come: Mapping[tuple[str, str, int], int],
    today: int,
    now: int,
) -> Finding | None:
    """Whole days only: of today nobody knows yet what will have come."""
    series = []
    for n in range(1, DAYS):
        whole = come.get((dataset, event_name, today - n), 0)
        series.append((max(0, whole - sum(told.days.get(today - n, {}).values())), whole))
    change = change_of(series, least=LEAST_LOST)
    if change is None or change.before > 1 - USED_TO_BE or change.after < LOST:
        return None
    evidence = (("before", f"{1 - change.before:.0%}"), ("since_then", f"{1 - change.after:.0%}"))
    return _finding(
        Kind.PROPERTY_LOST, event_name, said, change.hits, change.of, _since(today, change.days), now, evidence
    )


def _of_undeclared(one: SeenDataset, now: int) -> Iterator[Finding]:
    """Events of the last week that nobody declared, where a shop declares anything."""
    if not one.declares:
        return
    fresh = [
        (name, told) for name, told in one.names.items()
        if "\n" not in name and told.undeclared and told.first_at // 1000 > now - 7 * DAY_S
        and (told.count - told.strangers >= LEAST_UNDECLARED or told.strangers >= LEAST_OF_STRANGERS)
    ]  # fmt: skip
    for name, told in sorted(fresh, key=lambda pair: (-pair[1].count, pair[0]))[:MOST_UNDECLARED]:
        yield Finding(
            kind=Kind.UNDECLARED, about=name, when=When.WEEK, events=told.count, of=told.count, parts=((name, told.count),),
            since=told.first_at // 1000, last=told.last_at // 1000, link="/senders",
        )  # fmt: skip


def _finding(
    kind: Kind,
    event_name: str,
    said: str,
    events: int,
    of: int,
    since: int,
    now: int,
    evidence: Sequence[tuple[str, str]],
) -> Finding:
    return Finding(
        kind=kind, about=f"{event_name}: {said}", when=When.WEEK, events=events, of=of, parts=parts_of({event_name: events}),
        marks=(said,), since=since, last=now, link="/senders", evidence=tuple(evidence),
    )  # fmt: skip


def _since(today: int, days: int) -> int:
    return (today - days) * DAY_S


def _shares(change: Change) -> tuple[tuple[str, str], ...]:
    return (("before", f"{change.before:.0%}"), ("since_then", f"{change.after:.0%}"))
