"""A week's review: how good the signal was, beside the week before, and what stands.

Owns which figures are looked at and when one is better or worse. The figures are `report`'s and the rules' own reading. Role:
for the algorithm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from msgspec import Struct

from twofold.ledger.policy import OrderPolicy
from twofold.report.period import journal_of
from twofold.report.quality import quality
from twofold.report.told import Fate, ToldOrder, told_orders
from twofold.report.value_check import WRONG, check_values
from twofold.router.rules.change import ratio_of
from twofold.router.rules.reading import Signals, read_signals

WEEK_S = 7 * 86_400
CHANCE = 4.0  # natural logarithm: chance does as much in about one of two hundred weeks
NOTABLE = 0.05  # of a share; of a score of 10, ten times so much
WORDS = {
    "orders_told": "Of the orders that are due, those that a platform has",
    "purchases_merged": "Purchases that browser and server told",
    "browser_purchases_also_by_server": "Browsers' Purchases that the server told, too",
    "copies_late": "Servers' copies that came more than an hour late",
    "senders": "Senders",
    "match_quality": "Match quality (our estimate)",
    "values_wrong": "Orders told with a value that nothing explains",
    "orders_refused": "Orders that the platform refused",
    "orders_kept_back": "Orders that were kept back",
}
"""What each figure says; behind a blank its name has the event."""
PolicyOf = Callable[[str], OrderPolicy]


class Figure(Struct, frozen=True, kw_only=True):
    """``now``, ``before``: of the last seven days and the seven before; None where nothing was to be counted. ``unit``:
    share, count or score. ``state``: better, worse, same, new or none."""

    name: str
    now: float | None
    before: float | None
    unit: str
    more_is_better: bool = True
    of: tuple[int, int] | None = None  # of how many each share is

    @property
    def state(self) -> str:
        if self.now is None:
            return "none"
        if self.before is None:
            return "new"
        by = self.now - self.before if self.more_is_better else self.before - self.now
        if self.of is not None and not self._is_more_than_chance(*self.of):
            return "same"
        limit = {"share": NOTABLE, "score": 10 * NOTABLE, "count": 1}[self.unit]
        return "better" if by >= limit else "worse" if by <= -limit else "same"

    def _is_more_than_chance(self, of: int, of_before: int) -> bool:
        assert self.now is not None
        assert self.before is not None
        return ratio_of((round(self.now * of), of), (round(self.before * of_before), of_before)) >= CHANCE


def said_of(figure: Figure) -> str:
    """A figure's name, for people."""
    name, _, event = figure.name.partition(" ")
    return f"{WORDS[name]}, {event}" if event else WORDS[name]


def shown(value: float | None, unit: str) -> str:
    """One of its two values, for people."""
    if value is None:
        return "-"
    return f"{value:.1%}" if unit == "share" else f"{value:.1f}" if unit == "score" else f"{value:.0f}"


def review(folder: Path | str, policy_of: PolicyOf, now: int, dataset: str | None = None) -> list[Figure]:
    """The figures, in the order in which they are read."""
    with journal_of(folder) as journal:
        signals = read_signals(journal, now, dataset)
    weeks = [(now - WEEK_S, now + 1), (now - 2 * WEEK_S, now - WEEK_S)]
    orders = [list(told_orders(folder, policy_of, since, until, now, dataset)) for since, until in weeks]
    checked = check_values(folder, policy_of, now, dataset=dataset, since_s=weeks[1][0])
    off = {(row.dataset, row.order_id) for row in checked if row.verdict == WRONG}
    wrong = [float(sum((o.dataset, o.order_id) in off for o in some)) if some else None for some in orders]
    return [
        _share_of("orders_told", _told(orders[0]), _told(orders[1])),
        *_of_signals(signals),
        *_matched(folder, now, dataset),
        Figure(name="values_wrong", now=wrong[0], before=wrong[1], unit="count", more_is_better=False),
        Figure(
            name="orders_refused", now=_count(orders[0], {Fate.REFUSED}), before=_count(orders[1], {Fate.REFUSED}), unit="count",
            more_is_better=False,
        ),
        Figure(
            name="orders_kept_back", now=_count(orders[0], {Fate.KEPT_BACK}), before=_count(orders[1], {Fate.KEPT_BACK}),
            unit="count", more_is_better=False,
        ),
    ]  # fmt: skip


Part = tuple[int, int]
"""So many of so many."""


def _of_signals(signals: Signals) -> Iterator[Figure]:
    weeks = (range(7), range(7, 14))
    yield _share_of("purchases_merged", *(_merged(signals, days) for days in weeks))
    yield _share_of("browser_purchases_also_by_server", *(_covered(signals, days) for days in weeks))
    yield _share_of("copies_late", *(_late(signals, days) for days in weeks), more_is_better=False)
    now, before = (_senders(signals, days) for days in weeks)
    yield Figure(name="senders", now=now, before=before, unit="count", more_is_better=False)


def _share_of(name: str, now: Part, before: Part, *, more_is_better: bool = True) -> Figure:
    return Figure(
        name=name, now=_ratio(*now), before=_ratio(*before), unit="share", more_is_better=more_is_better,
        of=(now[1], before[1]),
    )  # fmt: skip


def _merged(signals: Signals, days: range) -> Part:
    some = [p.channels for p in signals.purchases if signals.day_of(p.created_at) in days]
    return some.count(3), len(some)


def _covered(signals: Signals, days: range) -> Part:
    some = [p.channels for p in signals.purchases if signals.day_of(p.created_at) in days and p.channels & 1]
    return some.count(3), len(some)


def _late(signals: Signals, days: range) -> Part:
    some = [c for c in signals.copies if c.day in days and c.channel == "server"]
    return sum(c.late for c in some), sum(c.copies for c in some)


def _senders(signals: Signals, days: range) -> float | None:
    return float(len({(c.dataset, c.sender) for c in signals.copies if c.day in days})) or None


def _matched(folder: Path | str, now: int, dataset: str | None) -> Iterator[Figure]:
    for row in quality(folder, now * 1000, period_ms=WEEK_S * 1000, dataset=dataset, sample=0):
        if row.score is not None:
            yield Figure(name=f"match_quality {row.event_name}", now=row.score, before=row.score_before, unit="score")


def _told(orders: Collection[ToldOrder]) -> Part:
    """Of the orders that are to be told: those that a platform has."""
    due = [
        o.fate
        for o in orders
        if o.fate not in (Fate.TEST, Fate.CANCELLED, Fate.NOT_PAID_YET, Fate.TOO_LATE, Fate.OTHER_EVENT)
    ]
    return due.count(Fate.ACCEPTED), len(due)


def _count(orders: Collection[ToldOrder], fates: Collection[Fate]) -> float | None:
    return float(sum(o.fate in fates for o in orders)) if orders else None


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
