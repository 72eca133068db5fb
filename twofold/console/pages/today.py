"""Today: is the tracking all right, and what of the orders was the platform told?

Owns the sentence with its colour, the bridge from orders to what was accepted, and the tiles. Role: for the algorithm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from twofold.console.access.roles import Right
from twofold.console.pages.page import Asked, Page, Shown
from twofold.console.queries.period import Period, day_at
from twofold.console.queries.policies import policy_of
from twofold.console.queries.signal import newest
from twofold.console.queries.told import Bridge, Fate, ToldOrder, bridge_of, told_orders
from twofold.report.quality import quality

LATE_S = 300
QUIET_S = 6 * 3_600
_EXPLAINED = frozenset(Fate) - {Fate.ACCEPTED, Fate.REFUSED, Fate.NOT_CONNECTED}


def read_today(asked: Asked) -> Shown:
    """The bridge of the period and the state of the tracking."""
    period, dataset = asked.period(), asked.dataset()
    orders = list(orders_of(asked, period, dataset))
    bridge = bridge_of(orders)
    last = newest(asked.folder)
    rows = [
        {"fate": step.fate.value, "orders": step.count, "money": {c: str(a) for c, a in step.money}, "role": "signal",
         "link": "placed" if step.fate is not Fate.ACCEPTED else "signalled"}
        for step in bridge.steps
    ]  # fmt: skip
    days = by_day(orders, period)
    return Shown(
        columns=("fate", "orders", "money", "role", "link"),
        rows=rows,
        about={"orders": bridge.orders, "period": period.choice, "timezone": period.zone},
        figures={
            "bridge": bridge, "verdict": verdict(bridge, last.received_at, asked.now), "last": last, "days": days,
            "score": _score(asked, dataset), "most": max((d["orders"] for d in days), default=0), "period": period,
        },
    )  # fmt: skip


def orders_of(asked: Asked, period: Period, dataset: str | None) -> Sequence[ToldOrder]:
    """The orders of a period with the policies of today's settings."""
    return list(told_orders(asked.folder, policy_of(asked.settings), period.since, period.until, asked.now, dataset))


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


def by_day(orders: Sequence[ToldOrder], period: Period) -> list[dict[str, Any]]:
    """Orders and those accepted, a day each, none left out."""
    zone = ZoneInfo(period.zone)
    placed = Counter(day_at(o.placed_at, zone) for o in orders)
    accepted = Counter(day_at(o.placed_at, zone) for o in orders if o.fate is Fate.ACCEPTED)
    days: list[date] = [period.first + timedelta(days=n) for n in range(period.days)]
    return [{"day": day, "orders": placed[day], "accepted": accepted[day]} for day in days]


def _score(asked: Asked, dataset: str | None) -> dict[str, Any] | None:
    """Our estimate for Purchases of the last two days, with what it was before."""
    rows = [q for q in quality(asked.folder, asked.now * 1000, dataset=dataset, sample=0) if q.event_name == "Purchase"]
    scored = [q for q in rows if q.score is not None]
    if not scored:
        return None
    best = max(scored, key=lambda q: q.events)
    return {"score": best.score, "before": best.score_before}


TODAY = Page(path="/today", name="Today", room="signal", right=Right.SIGNAL, template="today.html", read=read_today)
