"""Today: is the tracking all right, what was earned, and what of the orders was the platform told?

Owns the sentence with its colour, the bridge from orders to what was accepted and to what the platform shows, at most three
lines of what to do, and the tiles; what was earned is `earned`'s. What takes a while is worked out beside, and stands on the page as soon as it is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from twofold.console.access.roles import Right, may
from twofold.console.charts.definitions import orders_by_day
from twofold.console.pages.earned import Earned, read_earned
from twofold.console.pages.money import of_tables
from twofold.console.pages.page import Asked, Page, Shown
from twofold.console.pages.signal.to_do import find
from twofold.console.queries.claims import Shows, claims_of
from twofold.console.queries.period import Period, at_least
from twofold.console.queries.signal import Newest
from twofold.console.signal.task import Quality, estimates
from twofold.console.sums.keeper import NotYet
from twofold.errors import StoreError
from twofold.report.period import journal_of
from twofold.report.quality import PERIOD_MS, EventQuality
from twofold.report.told import Bridge, Fate
from twofold.router.finding import Finding, When
from twofold.router.words import WORDS
from twofold.store.lines.reading import OpenLines

LATE_S = 300
QUIET_S = 6 * 3_600
SHOWN_DAYS = 28
"""In the chart, however short the period."""
DO_LINES = 3
AGAIN_S = 5
"""The page asks again by itself, after so long, while what there is to do is being looked at for the first time."""
SOON_S = 0.1
"""So long the page waits, after its own sums, for all that is worked out beside it: what is not there then stands on it the next time."""
WAITS = "waits"
OF_MONEY = frozenset({"payouts", "remittances", "parcels"})
"""Kinds of files without which nobody owes anything."""
_EXPLAINED = frozenset(Fate) - {Fate.ACCEPTED, Fate.REFUSED, Fate.NOT_CONNECTED}


_OF_A_SHOP = frozenset({Fate.ACCEPTED, Fate.REFUSED, Fate.NOT_CONNECTED, Fate.WAITING, Fate.KEPT_BACK, Fate.NO_CONSENT})
"""What becomes of orders that a shop itself reports."""


def read_today(asked: Asked) -> Shown:
    """The bridge of the period and the state of the tracking."""
    period, dataset = asked.period(), asked.dataset()
    wide = at_least(period, SHOWN_DAYS)
    _beside(asked, period, dataset, 0.0)  # all of it is under way while the page adds up its own
    with asked.sums.reading(asked.now, orders=wide) as sums:
        bridge, days = sums.told.bridge(period, dataset), by_day(sums.told.by_day(wide, dataset), wide)
        seen = sums.stretches
        last = Newest(received_at=seen.received_at, delivered_at=seen.delivered_at, waiting=seen.waiting)
    beside = _beside(asked, period, dataset, time.monotonic() + SOON_S)
    rows = [
        {"fate": step.fate.value, "orders": step.count, "money": {c: str(a) for c, a in step.money}, "role": "signal",
         "link": "placed" if step.fate is not Fate.ACCEPTED else "signalled"}
        for step in bridge.steps
    ]  # fmt: skip
    return Shown(
        columns=("fate", "orders", "money", "role", "link"),
        rows=rows,
        again_s=AGAIN_S if beside["do"] is None or _waits(beside["earned"]) else 0,
        about={
            "orders": bridge.orders, "money": {c: str(a) for c, a in bridge.money}, "told": bridge.count(Fate.ACCEPTED),
            "shows": _told_of(beside["shows"]), "earned": _for_machines(beside["earned"]), "period": period.choice, "timezone": period.zone,
        },
        figures={
            "bridge": bridge, "verdict": verdict(bridge, last.received_at, asked.now), "last": last,
            "chart": orders_by_day(asked.words.say, [{**d, "label": asked.words.day(d["day"])} for d in days]),
            **beside, "shows": beside["shows"] or {}, "said": WORDS, "chart_days": [period.last - timedelta(days=n) for n in range(1, min(period.days, 8))] or [period.last],
 "most": max((d["orders"] for d in days), default=0), "period": period,
        },
    )  # fmt: skip


def _beside(asked: Asked, period: Period, dataset: str | None, until: float) -> dict[str, Any]:
    """What is worked out beside the page, each as far as it is there by then (monotonic clock); in the past: nothing is waited for."""
    parts: dict[str, Callable[[float], Any]] = {
        "do": lambda wait_s: _do(asked, wait_s),
        "shows": lambda wait_s: _shows(asked, period, wait_s),
        "late": lambda wait_s: _late(asked, wait_s),
        "cash": lambda wait_s: _cash(asked, dataset, wait_s),
        "score": lambda wait_s: _score(asked, dataset, wait_s),
        "earned": lambda wait_s: _earned(asked, wait_s),
    }
    return {name: part(max(0.0, until - time.monotonic())) for name, part in parts.items()}


def _do(asked: Asked, wait_s: float) -> list[Finding] | None:
    """The most pressing that nobody accepted; None while they are looked for."""
    with suppress(StoreError):
        try:
            found = find(asked, wait_s)
        except NotYet:
            return None
        return [one for one in found if one.when is not When.ACCEPTED and one.state != "mended"][:DO_LINES]
    return []


def _shows(asked: Asked, period: Period, wait_s: float) -> Mapping[str, Shows] | None:
    """What platforms show of the period, for who may see the day's witnesses; None while it is added up."""
    if not may(asked.session.person.role, Right.DAY):
        return {}
    with suppress(StoreError, NotYet):
        folder, first, last = asked.folder, period.first, period.last
        return asked.worked_out(("claims", first, last), lambda: claims_of(folder, first, last), wait_s)
    return None


def _told_of(shows: Mapping[str, Shows] | None) -> list[dict[str, Any]] | None:
    """The same for machines."""
    if shows is None:
        return None
    return [
        {"platform": name, "count": str(one.count), "window": one.window, "until": one.until, "role": "signal"}
        for name, one in shows.items()
    ]


def _earned(asked: Asked, wait_s: float) -> Earned | str | None:
    """What was earned; None for who may not see it, `WAITS` while it is added up."""
    try:
        return read_earned(asked, wait_s)
    except NotYet:
        return WAITS


def _waits(earned: Earned | str | None) -> bool:
    return earned == WAITS or (isinstance(earned, Earned) and earned.more_comes)


def _for_machines(earned: Earned | str | None) -> list[dict[str, Any]] | None:
    return earned.for_machines() if isinstance(earned, Earned) else None


def _late(asked: Asked, wait_s: float) -> dict[str, Any] | None:
    """Deliveries that should have left, and since when the oldest waits (Unix s); None while they are counted: millions may wait."""
    folder, now = asked.folder, asked.now
    with suppress(StoreError):
        try:
            return asked.worked_out(("late",), lambda: _waiting_long(folder, now), wait_s)
        except NotYet:
            return None
    return {"count": 0, "since": None}


def _waiting_long(folder: str, now: int) -> dict[str, Any]:
    with journal_of(folder) as journal:
        due = [(count, at // 1000) for _, _, count, at in journal.run("console_waiting") if now - at // 1000 > LATE_S]
    return {"count": sum(count for count, _ in due), "since": min((at for _, at in due), default=None)}


def _cash(asked: Asked, dataset: str | None, wait_s: float) -> dict[str, Any] | None:
    """What is late of the shop's money; None for who may not see it, where nobody owes anything, and while it is added up."""
    if not may(asked.session.person.role, Right.MONEY):
        return None
    with suppress(StoreError, NotYet):
        with OpenLines(asked.folder) as reader:
            if not any(file["kind"] in OF_MONEY for file in reader.files()):
                return None
        answer = of_tables(asked, "cash", wait_s, dataset=dataset)
        late = [row for row in answer["owed"] if row["late"]]
        amount = sum((Decimal(row["late_amount"]) for row in late), Decimal(0))
        return {"late": late, "amount": amount, "currency": answer["currency"]}
    return None


def verdict(bridge: Bridge, received_at: int | None, now: int) -> dict[str, Any]:
    """One sentence with one colour: what is wrong first."""
    told = bridge.count(Fate.ACCEPTED)
    unexplained = sum(
        step.count for step in bridge.steps if step.fate not in _EXPLAINED and step.fate is not Fate.ACCEPTED
    )
    files = bridge.count(Fate.ONLY_FILE)
    if received_at is None and files and not any(step.fate in _OF_A_SHOP for step in bridge.steps):
        return {"colour": "grey", "word": "only_files", "told": told, "not_told": bridge.orders, "unexplained": 0}
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


def two_days(asked: Asked, wait_s: float = SOON_S) -> list[EventQuality]:
    """Our estimate over the last two days, which is what Meta looks at; none while it is worked out for the first time."""
    question = Quality(folder=asked.folder, until_ms=asked.now * 1000, period_ms=PERIOD_MS, dataset=None)
    with suppress(NotYet, StoreError):
        return asked.worked_out(("quality",), lambda: estimates(question), wait_s)
    return []


def _score(asked: Asked, dataset: str | None, wait_s: float) -> dict[str, Any] | None:
    """Our estimate for Purchases of the last two days, with what it was before."""
    rows = [q for q in two_days(asked, wait_s) if q.event_name == "Purchase" and dataset in (None, q.dataset)]
    scored = [q for q in rows if q.score is not None]
    if not scored:
        return None
    best = max(scored, key=lambda q: q.events)
    return {"score": best.score, "before": best.score_before}


TODAY = Page(path="/today", name="Today", room="signal", right=Right.SIGNAL, template="today.html", read=read_today)
