"""Deliveries that were given up in a stretch of time: how many of which destination and reason, how old, worth what.

Owns which they are, for a preview and for what is then sent again: the same choice gives the same deliveries, as none is given up
in the past. Value is that of Purchases.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct, field

from twofold.config import Settings
from twofold.destinations import BY_PLATFORM
from twofold.report.period import journal_of


class Choice(Struct, frozen=True, kw_only=True):
    """Which are meant. Times in ms, both ends inside; an empty text or None chooses all."""

    since: int = 0
    until: int
    destination: str = ""
    reason: str = ""
    dataset: str | None = None


class GivenUp(Struct, frozen=True):
    """One delivery. ``at``: when it was given up, ms; 0 where nobody wrote it down."""

    delivery: int
    destination: str
    reason: str
    at: int
    event_name: str
    value: Decimal | None
    currency: str | None
    event_time: int
    action_source: str


class Heap(Struct, kw_only=True):
    """Those of one destination and reason. ``too_old``: the platform takes them no more."""

    destination: str
    platform: str
    reason: str
    count: int = 0
    purchases: int = 0
    too_old: int = 0
    oldest: int = 0
    newest: int = 0
    value: dict[str, Decimal] = field(default_factory=dict)


def given_up(folder: str, choice: Choice) -> list[GivenUp]:
    """The deliveries that are meant, the first made first."""
    asked = (choice.since, choice.until, choice.destination, choice.reason, choice.dataset or "")
    with journal_of(folder) as journal:
        return [
            GivenUp(number, name, reason, at or 0, event, None if value is None else Decimal(value), currency, time, source)
            for number, name, reason, at, event, value, currency, time, source in journal.run("console_given_up", asked)
        ]  # fmt: skip


def heaps(found: Iterable[GivenUp], settings: Settings, now: int) -> list[Heap]:
    """By destination and reason, the largest first."""
    platforms = {one.name: one.platform for one in settings.destination}
    made: dict[tuple[str, str], Heap] = {}
    for one in found:
        platform = platforms.get(one.destination, "")
        heap = made.setdefault(
            (one.destination, one.reason), Heap(destination=one.destination, platform=platform, reason=one.reason)
        )
        heap.count += 1
        heap.oldest = min(heap.oldest or one.at, one.at)
        heap.newest = max(heap.newest, one.at)
        known = BY_PLATFORM.get(platform)
        heap.too_old += known is not None and now - one.event_time > known.limits.max_age_s(one.action_source)
        if one.event_name == "Purchase":
            heap.purchases += 1
            if one.value is not None and one.currency:
                heap.value[one.currency] = heap.value.get(one.currency, Decimal(0)) + one.value
    return sorted(made.values(), key=lambda heap: (-heap.count, heap.destination, heap.reason))
