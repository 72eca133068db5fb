"""Versions of days that are due, made without anybody asking: what was said 1, 3, 7 and 28 days after.

Owns which days those are: days of which Meta or GA4 was imported, so that there is something to be compared. A day whose
time went by while nothing ran gets its version as soon as something does, with the time that it really has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from twofold.facts.engine import Answer, Asked, Where, ask_all
from twofold.ledger.lines import SiteDay, Spend
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.day.versions import AGES, due_ages, keep_versions
from twofold.reconcile.exchange import day_number, day_text
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.day import Platform
from twofold.reconcile.reading.folder import Folder
from twofold.reconcile.reading.witnesses import DayReader, Question, desk_of

LATEST_DAYS = AGES[-1] + 32
"""Older days are made by who asks for them."""


class KeepDays(Struct, frozen=True, kw_only=True):
    """What the child is told: the same as a command knows, in plain values. ``now``: Unix s. ``tables``: where it may ask; without
    them it only says what is due."""

    data: str
    policies: dict[str, OrderPolicy]
    rules: Rules
    zone: str
    destinations: list[str]
    banners: list[str]
    zones: dict[str, str]
    now: int
    by_click_day: bool = False
    tables: Where | None = None


encode_task = msgspec.json.Encoder(decimal_format="string").encode
"""A task as the child reads it."""


class Kept(Struct, frozen=True, kw_only=True):
    """What the child says at its end. ``due``: of how many days versions are due that it could not make, as nobody told it where to
    ask."""

    versions: int
    due: int = 0


def keep_due(task: KeepDays, progress: Callable[[str], None] = lambda _day: None) -> Kept:
    """Makes the versions that are due, of the tables as they are."""
    folder, zone = Path(task.data), ZoneInfo(task.zone)
    due = _due(folder, task, Days(zone))
    if task.tables is None or not due:
        return Kept(versions=0, due=len(due))
    tables = task.tables.analytics

    def ask(asked: Sequence[Asked]) -> list[Answer]:
        return ask_all(tables, asked)

    asked = Question(
        day="", as_of=task.now, rules=task.rules, zone=zone, zone_name=task.zone, zones=task.zones,
        platform=Platform(destinations=frozenset(task.destinations), banners=frozenset(task.banners),
                          by_click_day=task.by_click_day),
    )  # fmt: skip
    reader = DayReader(ask, asked, desk_of(folder, asked))
    reader.hear(ask(reader.counted(min(due), max(due))))
    made = 0
    for day, told in reader.days(list(due)):
        progress(day)
        made += len(keep_versions(folder, reader.report(told), None, due[day], task.now))
    return Kept(versions=made)


def _due(folder: Path, task: KeepDays, days: Days) -> dict[str, list[int]]:
    """Days with the ages of which a version is due, the first day first."""
    with Folder(folder) as store:
        told = {r.day for r, _ in store.told("spend", Spend)} | {r.day for r, _ in store.told("site_day", SiteDay)}
    today = days.of(task.now)
    near = {day_text(n) for n in range(today - LATEST_DAYS, today + 1)}
    found = {day: due_ages(folder, day, None, days.start(day_number(day) + 1), task.now) for day in sorted(told & near)}
    return {day: ages for day, ages in found.items() if ages}
