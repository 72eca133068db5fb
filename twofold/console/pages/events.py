"""Events: which step of the shop loses events?

Owns the funnel. Coverage here is *browser events that the server also sent*, as everywhere. Role: for the algorithm.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from twofold.console.access.roles import Right
from twofold.console.charts.definitions import events_by_day
from twofold.console.pages.page import Asked, Page, Shown
from twofold.console.pages.today import two_days
from twofold.console.queries.signal import EventCount, event_counts, last_seen

COLUMNS = (
    "dataset", "event_name", "actions", "browser_only", "both", "server_only", "coverage", "before", "quality", "delay_s",
    "last_seen", "of_step_before", "of_step_earlier", "role", "link",
)  # fmt: skip


def read_events(asked: Asked) -> Shown:
    """One row an event name, in the order of a shopper's way."""
    period, dataset = asked.period(), asked.dataset()
    earlier = period.first - timedelta(days=period.days)
    with asked.sums.reading(asked.now, events_since=earlier) as sums:
        now = sums.stretches.names(period.first, period.last)
        before = sums.stretches.names(earlier, period.first - timedelta(days=1))
        lasts = sums.stretches.last_positions()
        week = sums.stretches.by_day(max(earlier, period.last - timedelta(days=6)), period.last, dataset)
    counts = event_counts(now, before, dataset)
    shown = {(count.dataset, count.event_name) for count in counts}
    seen = last_seen(asked.folder, [(name, position) for name, position in lasts if name in shown])
    scores = {(q.dataset, q.event_name): q for q in two_days(asked)}
    rows = [
        {**_row(count, scores.get((count.dataset, count.event_name)), _step_before(count, counts)),
         "last_seen": seen.get((count.dataset, count.event_name))}
        for count in counts
    ]  # fmt: skip
    most = max((row["actions"] for row in rows), default=0)
    return Shown(
        columns=COLUMNS,
        rows=rows,
        about={"period": period.choice, "timezone": period.zone},
        figures={"most": most, "period": period, "chart": _week(asked, counts, week)},
    )


def _week(asked: Asked, counts: list[EventCount], week: dict[tuple[int, str], int]) -> dict[str, Any] | None:
    """A line each for the steps of the shopper's way that there are, over the last seven days of the period."""
    names = list(dict.fromkeys(c.event_name for c in counts if c.event_name in _STEPS))
    days = sorted({day for day, _ in week})
    if len(days) < 2 or not names:
        return None
    rows = [
        {"label": asked.words.day(date.fromordinal(day)), "name": name, "count": week.get((day, name), 0)}
        for day in range(days[0], days[-1] + 1)
        for name in names
    ]
    return events_by_day(asked.words.say, rows, names)


def _row(count: EventCount, score: Any, before: EventCount | None) -> dict[str, Any]:
    return {
        "dataset": count.dataset,
        "event_name": count.event_name,
        "actions": count.actions,
        "browser_only": count.browser_only,
        "both": count.both,
        "server_only": count.server_only,
        "coverage": None if count.coverage is None else round(count.coverage, 4),
        "before": count.before,
        "quality": score.score if score else None,
        "delay_s": score.delay_s if score else None,
        "of_step_before": round(count.actions / before.actions, 4) if before else None,
        "of_step_earlier": round(count.before / before.before, 4) if before and before.before else None,
        "role": "signal",
        "link": "signalled",
    }


def _step_before(count: EventCount, counts: list[EventCount]) -> EventCount | None:
    """The nearest earlier step of the same dataset's funnel that has events."""
    mine = [c for c in counts if c.dataset == count.dataset and c.event_name in _STEPS]
    place = next((n for n, c in enumerate(mine) if c is count), 0)
    return mine[place - 1] if place else None


_STEPS = frozenset({"PageView", "ViewContent", "AddToCart", "InitiateCheckout", "Purchase"})

EVENTS = Page(
    path="/events", name="Events", room="signal", right=Right.SIGNAL, template="events.html", read=read_events
)
