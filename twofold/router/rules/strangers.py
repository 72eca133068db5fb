"""Senders whom nobody expects: new ones where nobody said anything, and any other where somebody said who is expected.

Owns that difference. Where people said who is expected (`senders expect`), a stranger counts at once and stands against
decisions, also one that only pages or a browser showed; where nobody did, a sender counts that the week before did not have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from twofold.report.senders import Cell
from twofold.router.finding import Finding, Kind, When, parts_of
from twofold.senders.expectation import Expectation
from twofold.senders.findings import NOT_OWNED
from twofold.senders.observed import Observed

LINK = "/senders"


def findings_of_strangers(
    cells: Sequence[Cell], looks: Sequence[Observed], expected: Mapping[str, Expectation]
) -> Iterator[Finding]:
    """One a sender. ``looks``: what pages and a browser showed in the same time."""
    known: set[str] = set()
    for (dataset, sender), mine in _by_sender(cells).items():
        hope = expected.get(dataset)
        strange = (
            [c for c in mine if _is_strange(c.event_name, sender, hope)]
            if hope
            else mine
            if any(c.new for c in mine)
            else []
        )
        if strange:
            known.add(sender)
            yield _finding(sender, Counter({c.event_name: c.copies for c in strange}), When.NOW if hope else When.WEEK,
                           min(c.first_at for c in strange) // 1000, max(c.last_at for c in strange) // 1000)  # fmt: skip
    shown: dict[str, list[Observed]] = defaultdict(list)
    for look in looks:
        if look.certain and look.sender not in known and _is_unasked(look, expected):
            shown[look.sender].append(look)
    for sender, some in sorted(shown.items()):
        events = Counter({o.event: max(1, o.count) for o in some if o.event})
        yield _finding(sender, events, When.NOW, min(o.first_seen for o in some), max(o.last_seen for o in some),
                       ("seen_in", ", ".join(sorted({o.side for o in some}))))  # fmt: skip


def _by_sender(cells: Sequence[Cell]) -> dict[tuple[str, str], list[Cell]]:
    found: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        found[cell.dataset, cell.sender].append(cell)
    return dict(sorted(found.items()))


def _is_strange(event: str, sender: str, hope: Expectation) -> bool:
    return event not in NOT_OWNED and not hope.allows(event, sender)


def _is_unasked(look: Observed, expected: Mapping[str, Expectation]) -> bool:
    """Of a dataset of which somebody said who is expected; what does not say whom it tells is asked of each of them. What our
    journal knows by another name is judged there."""
    if look.heard_as or look.event in NOT_OWNED:
        return False
    hopes = [expected[look.account]] if look.account in expected else [] if look.account else list(expected.values())
    return bool(hopes) and not any(h.allows(look.event, look.sender) for h in hopes)


def _finding(sender: str, events: Counter[str], when: When, since: int, last: int, *seen: tuple[str, str]) -> Finding:
    copies = sum(events.values())
    return Finding(
        kind=Kind.NEW_SENDER, about=sender, when=when, events=copies, of=copies, orders=copies if set(events) == {"Purchase"} else 0,
        parts=parts_of(events), since=since, last=last, link=LINK, evidence=seen,
    )  # fmt: skip
