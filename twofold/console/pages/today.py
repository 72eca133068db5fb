"""Today: is the tracking all right, and what of the orders was the platform told?

Owns the sentence with its colour, the bridge from orders to what was accepted, and the tiles. Role: for the algorithm.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from twofold.console.access.roles import Right
from twofold.console.charts.definitions import orders_by_day
from twofold.console.pages.page import Asked, Page, Shown
from twofold.console.queries.period import Period, at_least
from twofold.console.queries.signal import Newest
from twofold.report.quality import EventQuality, quality
from twofold.report.told import Bridge, Fate

LATE_S = 300
QUIET_S = 6 * 3_600
SHOWN_DAYS = 28
"""In the chart, however short the period."""
_EXPLAINED = frozenset(Fate) - {Fate.ACCEPTED, Fate.REFUSED, Fate.NOT_CONNECTED}


def read_today(asked: Asked) -> Shown:
    """The bridge of the period and the state of the tracking."""
    period, dataset = asked.period(), asked.dataset()
    wide = at_least(period, SHOWN_DAYS)
    with asked.sums.reading(asked.now, orders=wide) as sums:
        bridge, days = sums.told.bridge(period, dataset), by_day(sums.told.by_day(wide, dataset), wide)
        seen = sums.stretches
        last = Newest(received_at=seen.received_at, delivered_at=seen.delivered_at, waiting=seen.waiting)
    rows = [
        {"fate": step.fate.value, "orders": step.count, "money": {c: str(a) for c, a in step.money}, "role": "signal",
         "link": "placed" if step.fate is not Fate.ACCEPTED else "signalled"}
        for step in bridge.steps
    ]  # fmt: skip
    return Shown(
        columns=("fate", "orders", "money", "role", "link"),
        rows=rows,
        about={"orders": bridge.orders, "period": period.choice, "timezone": period.zone},
        figures={
            "bridge": bridge, "verdict": verdict(bridge, last.received_at, asked.now), "last": last,
            "chart": orders_by_day(asked.words.say, [{**d, "label": asked.words.day(d["day"])} for d in days]),
            "score": _score(asked, dataset), "most": max((d["orders"] for d in days), default=0), "period": period,
        },
    )  # fmt: skip


def verdict(bridge: Bridge, received_at: int | None, now: int) -> dict[str, Any]:
    """One sentence with one colour: what is wrong first."""
    told = bridge.count(Fate.ACCEPTED)
    unexplained = sum(
        step.count for step in bridge.steps if step.fate not in _EXPLAINED and step.fate is not Fate.ACCEPTED
    )
    if received_at is None:
        return {"colour": "grey", "word": "nothing_yet", "told": told, "not_told": 0, "unexplained": 0}
    if now - received_at // 1000 > QUIET_S:
        word, colour = "quiet", "red"
    elif bridge.count(Fate.REFUSED):
        word, colour = "refused", "red"
    elif bridge.count(Fate.NOT_CONNECTED):
        word, colour = "not_connected", "amber"
    else:
        word, colour = "all_right", "green"
    return {"colour": colour, "word": word, "told": told, "not_told": bridge.orders - told, "unexplained": unexplained}


def by_day(told: Mapping[date, Mapping[Fate, int]], period: Period) -> list[dict[str, Any]]:
    """Orders and those accepted, a day each, none left out."""
    days: list[date] = [period.first + timedelta(days=n) for n in range(period.days)]
    return [
        {"day": day, "orders": sum(told.get(day, {}).values()), "accepted": told.get(day, {}).get(Fate.ACCEPTED, 0)}
        for day in days
    ]


def two_days(asked: Asked) -> list[EventQuality]:
    """Our estimate over the last two days, which is what Meta looks at; none while it is worked out for the first time."""
    folder, now_ms = asked.folder, asked.now * 1000
    return asked.remembered.ask("quality", lambda: quality(folder, now_ms)) or []


def _score(asked: Asked, dataset: str | None) -> dict[str, Any] | None:
    """Our estimate for Purchases of the last two days, with what it was before."""
    rows = [q for q in two_days(asked) if q.event_name == "Purchase" and dataset in (None, q.dataset)]
    scored = [q for q in rows if q.score is not None]
    if not scored:
        return None
    best = max(scored, key=lambda q: q.events)
    return {"score": best.score, "before": best.score_before}


TODAY = Page(path="/today", name="Today", room="signal", right=Right.SIGNAL, template="today.html", read=read_today)
