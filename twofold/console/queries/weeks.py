"""How complete what the platform was told is: of the orders of each week, how many it accepted as a Purchase.

Owns the weeks and what is counted in them. Tests are no orders, and orders that only imported files told were never to be
told: neither counts. Past weeks are remembered for some minutes, as they hardly change. Times in Unix s.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from msgspec import Struct

from twofold.console.queries.period import start_of
from twofold.report.told import Fate, PolicyOf, told_orders

WEEKS = 8
KEPT_S = 600
REMEMBERED = 200


class Week(Struct, frozen=True, kw_only=True):
    """``first``: its Monday, in the shop's zone. ``told`` of ``orders``; why the rest was not, by fate."""

    first: date
    since: int
    until: int
    orders: int
    told: int
    rest: dict[str, int]

    @property
    def last(self) -> date:
        """Its Sunday."""
        return self.first + timedelta(days=6)

    @property
    def per_100(self) -> float | None:
        return round(100 * self.told / self.orders, 1) if self.orders else None


_weeks: OrderedDict[tuple[str, str | None, int, int], Week] = OrderedDict()
_lock = threading.Lock()


def weeks_of(folder: str, policy_of: PolicyOf, now: int, zone: str, dataset: str | None) -> list[Week]:
    """The last `WEEKS` weeks, the oldest first; the last one is under way."""
    place = ZoneInfo(zone)
    mondays = mondays_of(now, place)
    return [_week(folder, policy_of, now, first, place, dataset, over=first != mondays[-1]) for first in mondays]


def mondays_of(now: int, place: tzinfo) -> list[date]:
    """On which the last `WEEKS` weeks of a zone began, of every page that counts by week; the oldest first."""
    today = datetime.fromtimestamp(now, place).date()
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=n) for n in reversed(range(WEEKS))]


def _week(
    folder: str, policy_of: PolicyOf, now: int, first: date, place: ZoneInfo, dataset: str | None, *, over: bool
) -> Week:
    key = (folder, dataset, start_of(first, place), now // KEPT_S)
    with _lock:
        if over and key in _weeks:
            return _weeks[key]
    since, until = start_of(first, place), start_of(first + timedelta(days=7), place)
    found = list(told_orders(folder, policy_of, since, until, now, dataset))
    counted = [o for o in found if o.fate not in (Fate.TEST, Fate.ONLY_FILE)]
    rest: dict[str, int] = {}
    for order in counted:
        if order.fate is not Fate.ACCEPTED:
            rest[order.fate.value] = rest.get(order.fate.value, 0) + 1
    week = Week(
        first=first, since=since, until=until, orders=len(counted), told=len(counted) - sum(rest.values()),
        rest=dict(sorted(rest.items(), key=lambda pair: -pair[1])),
    )  # fmt: skip
    with _lock:
        _weeks[key] = week
        while len(_weeks) > REMEMBERED:
            _weeks.popitem(last=False)
    return week
