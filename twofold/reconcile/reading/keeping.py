"""Versions of days that are due, made without anybody asking: what was said 1, 3, 7 and 28 days after.

Owns which days those are: days of which Meta or GA4 was imported, so that there is something to be compared. A day whose
time went by while nothing ran gets its version as soon as something does, with the time that it really has.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from twofold.ledger.lines import SiteDay, Spend
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.day.versions import AGES, due_ages, keep_versions
from twofold.reconcile.exchange import Exchange, day_number, day_text
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.day import Platform
from twofold.reconcile.reading.folder import Folder
from twofold.reconcile.reading.whole import most_used_currency
from twofold.reconcile.reading.witnesses import DayReader, Question

LATEST_DAYS = AGES[-1] + 32
"""Older days are made by who asks for them."""


class KeepDays(Struct, frozen=True, kw_only=True):
    """What the child is told: the same as a command knows, in plain values. ``now``: Unix s."""

    data: str
    policies: dict[str, OrderPolicy]
    rules: Rules
    zone: str
    destinations: list[str]
    banners: list[str]
    zones: dict[str, str]
    now: int
    by_click_day: bool = False


encode_task = msgspec.json.Encoder(decimal_format="string").encode
"""A task as the child reads it."""


class Kept(Struct, frozen=True, kw_only=True):
    """What the child says at its end."""

    versions: int


def keep_due(task: KeepDays, progress: Callable[[str], None] = lambda _day: None) -> Kept:
    """Makes the versions that are due."""
    folder, zone = Path(task.data), ZoneInfo(task.zone)
    days = Days(zone)
    default = OrderPolicy()
    made = 0
    with Folder(folder) as store:
        told = {r.day for r, _ in store.told("spend", Spend)} | {r.day for r, _ in store.told("site_day", SiteDay)}
        today = days.of(task.now)
        near = {day_text(n) for n in range(today - LATEST_DAYS, today + 1)}
        due = {}
        for day in sorted(told & near):
            ages = due_ages(folder, day, None, days.start(day_number(day) + 1), task.now)
            if ages:
                due[day] = ages
        if not due:
            return Kept(versions=0)
        exchange = Exchange.of(store.rates())
        rules = task.rules if task.rules.currency else most_used_currency(store, task.rules)
        desk = Desk(rules=rules, rates=exchange, costs=Costs((), exchange), days=days)
        asked = Question(
            day="", as_of=task.now, rules=rules, zone=zone, zone_name=task.zone, zones=task.zones,
            platform=Platform(destinations=frozenset(task.destinations), banners=frozenset(task.banners),
                              by_click_day=task.by_click_day),
        )  # fmt: skip
        reader = DayReader(store, folder, lambda name: task.policies.get(name, default), asked, desk)
        for day, ages in due.items():
            progress(day)
            made += len(keep_versions(folder, reader.day(day), None, ages, task.now))
    return Kept(versions=made)
