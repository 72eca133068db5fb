"""A platform that says something else of days that were long over: its own figures, as it told them then and tells them now.

Owns when what was told counts as settled, and how much of a change is a finding. Read are every kept word about a day of spend
and claims, so only what was imported or pulled twice can be seen. The first days are left out: a platform counts late
conversions to them, and that is no restating.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from twofold.ledger.lines import Spend
from twofold.ledger.spend import claimed
from twofold.router.finding import Finding, Kind, When, sums_of
from twofold.store.lines.reading import KeptLine, LineReader

DAY_S = 86_400
DAYS = 35
SETTLED_DAYS = 3  # ours: what was told so long after the day is what people decide on
LEAST_SHARE = Decimal("0.1")
LEAST_DAYS = 3
LEAST = {
    "claimed_count": Decimal(3),
    "claimed_value": Decimal(1),
    "spend": Decimal(1),
}  # ours: what one order does is no restating
MEASURES = tuple(LEAST)


class Word(NamedTuple):
    """What was said of one line of a day, when it was settled and now. ``at``: when the newest word came, Unix s."""

    day: str
    then: Spend
    now: Spend
    at: int


def read_words(lines: LineReader, now: int) -> list[Word]:
    """The lines of the last `DAYS` days, each as it was settled and as it stands."""
    today = now // DAY_S
    kept: dict[bytes, list[KeptLine]] = defaultdict(list)
    for line in lines.versions("spend", today - DAYS, today):
        kept[line.name].append(line)
    return [word for versions in kept.values() for word in _word(versions)]


def _word(versions: list[KeptLine]) -> Iterator[Word]:
    """Nothing where nobody said anything before it was too late to be a change. ``versions``: the oldest first."""
    standing = next((v for v in versions if v.stands), None)
    if standing is None or not isinstance(standing.thing, Spend):
        return
    settled = _day_s(standing.thing.day) + (1 + SETTLED_DAYS) * DAY_S
    before = [v for v in versions if _said_at(v) <= _said_at(standing)]
    in_time = [v for v in before if _said_at(v) <= settled]
    then = (in_time[-1] if in_time else before[0]).thing
    if isinstance(then, Spend):
        yield Word(day=standing.thing.day, then=then, now=standing.thing, at=_said_at(standing))


def findings_of_restated(words: Iterable[Word]) -> Iterator[Finding]:
    """A finding an account, by the first of its figures that changed so much."""
    by_account: dict[tuple[str, str, str], list[Word]] = defaultdict(list)
    for word in words:
        by_account[word.now.source, word.now.account, word.now.currency].append(word)
    for (source, account, currency), some in sorted(by_account.items()):
        found = (_of_measure(f"{source} {account}".strip(), currency, some, name) for name in MEASURES)
        yield from [f for f in found if f is not None][:1]


def _of_measure(about: str, currency: str, some: Sequence[Word], name: str) -> Finding | None:
    """Of the days on which the figure changed: their sum then against their sum now, and all changes against the sum."""
    days = sorted({w.day for w in some if measure(w.then, name) != measure(w.now, name)})
    of_days = [w for w in some if w.day in days]
    then = sum((measure(w.then, name) for w in of_days), Decimal(0))
    now = sum((measure(w.now, name) for w in of_days), Decimal(0))
    off = sum((abs(measure(w.now, name) - measure(w.then, name)) for w in of_days), Decimal(0))
    if len(days) < LEAST_DAYS or off < max(LEAST_SHARE * then, LEAST[name]):
        return None
    moved = [w for w in of_days if measure(w.then, name) != measure(w.now, name)]
    return Finding(
        kind=Kind.RESTATED, about=about, when=When.WEEK, events=0, of=0,
        money=() if name == "claimed_count" else sums_of({currency: off}), marks=(name,),
        since=_day_s(days[0]), last=max(w.at for w in moved), link="/campaigns",
        evidence=(("said_then", f"{then:f}"), ("says_now", f"{now:f}"), ("days", f"{len(days)}, {days[0]} to {days[-1]}"),
                  ("latest_after", str(max((w.at - _day_s(w.day)) // DAY_S - 1 for w in moved)))),
    )  # fmt: skip


def measure(spend: Spend, name: str) -> Decimal:
    """One figure of a line; what was not told is nothing."""
    if name == "spend":
        return spend.amount
    claim = claimed(spend)
    told = None if claim is None else claim.count if name == "claimed_count" else claim.value
    return told if told is not None else Decimal(0)


def _said_at(line: KeptLine) -> int:
    return line.told_at if line.told_at is not None else line.received_at // 1000


def _day_s(day: str) -> int:
    midnight = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    return int(midnight.timestamp())
