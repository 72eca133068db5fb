"""When plain browsers suddenly report far more than the trusted side does: the share watch and its quarantine.

A forger adds to the browsers' side only. A sale day adds to both, a new tag makes browsers as many as orders, a dead
webhook takes from the trusted side without adding to the browsers'. So for each dataset and event name the plain
browsers' copies of the last hour (T0) are held against what is to be expected of them:

    expected = max(T0, trusted copies), an hour's mean over the three days before
               x growth of the trusted side in this hour, at least 1

Above ``shift_factor`` times that, and above `MIN_COUNT`, the name is in quarantine: its T0 copies are kept, marked
``quarantine`` and not sent until a trusted copy of the same action comes (`store.trusting`). It ends below
``(1 + factor) / 2`` times the expected. The same is asked of the money, for each currency that the trusted side uses.

Not judged: a name without a day of history or without trusted copies in it, because then there is nothing to hold
it against. Not counted: what robots sent or what is over a limit, because it goes nowhere anyhow. In place of what
came in a quarantine, the history takes what was usual, so a long flood never becomes the normal state.

Owns the counting and the judgement, in memory, with the time as an argument. The days before a start come from the
journal (`store.past_shares`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from twofold.collect.limits.hourly_counts import HISTORY, HOUR, SLOT_MS, RollingCounts
from twofold.collect.limits.past_counts import PastShare
from twofold.collect.policy import DatasetPolicy
from twofold.event.model import Event, Tier
from twofold.store.orders.ledger import OrderEntry

log = logging.getLogger("twofold.collect")

QUARANTINE = "quarantine"
WATCHED = ("CompleteRegistration", "Lead", "Purchase", "StartTrial", "Subscribe")
MIN_COUNT = 50  # T0 copies in an hour; below, chance makes any share
_MOST_OF_ONE = 10  # means: a single copy's money counts no more than this, or one rich order were a shift


class _Watched:
    """One event name of one dataset."""

    def __init__(self) -> None:
        self.count = RollingCounts()
        self.money: dict[str, tuple[RollingCounts, RollingCounts]] = {}  # currency -> (sums, copies with money)
        self.since: int | None = None  # ms; a quarantine is on


class Shift(Struct, frozen=True, kw_only=True):
    """A quarantine that is on."""

    dataset: str
    event_name: str
    since: int  # ms


class Quarantine(Collector):
    """All watched names of all datasets. Used on the event loop's thread only."""

    def __init__(self, policies: Mapping[str, DatasetPolicy], registry: CollectorRegistry | None = None) -> None:
        self._factors = {id_: p.trust.shift_factor for id_, p in policies.items() if p.trust.shift_factor}
        self._no_bots = {id_ for id_, p in policies.items() if p.suppress_bots}
        self._watched = {(id_, name): _Watched() for id_ in self._factors for name in WATCHED}
        if registry is not None:
            registry.register(self)

    def weigh(self, events: list[Event], orders: Sequence[OrderEntry], now_ms: int) -> list[Event]:
        """Counts what is about to be stored; the same events, T0 ones marked where their name is in quarantine."""
        for entry in orders:
            if entry.copy is not None:
                self._count(entry.copy, now_ms)
        marked = None
        for index, event in enumerate(events):
            if event.event_name in _NAMES and self._count(event, now_ms):
                marked = marked or list(events)
                marked[index] = replace(event, held_back=QUARANTINE)
        return marked or events

    def restore(self, past: Iterable[PastShare], now_ms: int) -> None:
        """Counts in what the journal knows of the days before the start."""
        for row in past:
            watched = self._watched.get((row.dataset, row.event_name))
            slot = row.slot_ms // SLOT_MS
            if watched is None or not now_ms // SLOT_MS - HOUR - HISTORY < slot <= now_ms // SLOT_MS:
                continue
            watched.count.add(slot, row.untrusted, row.trusted)
            if row.currency is not None and (row.trusted or row.currency in watched.money):
                money, copies = watched.money.setdefault(row.currency, (RollingCounts(), RollingCounts()))
                money.add(slot, row.untrusted_value, row.trusted_value)
                copies.add(slot, row.untrusted, row.trusted)

    def shifts(self, now_ms: int) -> list[Shift]:
        """The quarantines that are on now."""
        found = []
        for (dataset, name), watched in self._watched.items():
            self._judge((dataset, name), watched, now_ms)
            if watched.since is not None:
                found.append(Shift(dataset=dataset, event_name=name, since=watched.since))
        return found

    def page(self, now_ms: int) -> list[dict[str, object]]:
        """The quarantines that are on, for the health page."""
        return [
            {"dataset": s.dataset, "event_name": s.event_name, "since_s": (now_ms - s.since) // 1000}
            for s in self.shifts(now_ms)
        ]

    def collect(self) -> Iterator[Metric]:
        on = GaugeMetricFamily(
            "twofold_quarantine",
            "1 while untrusted copies of a name are kept back because their share has shifted.",
            labels=["dataset", "event_name"],
        )
        for key, watched in self._watched.items():
            on.add_metric(key, int(watched.since is not None))
        yield on

    def _count(self, event: Event, now_ms: int) -> bool:
        """True when the event is an untrusted one of a name in quarantine."""
        key = (event.dataset, event.event_name)
        watched = self._watched.get(key)
        plain = event.tier is Tier.T0
        if watched is None or (plain and self._goes_nowhere(event)):
            return False
        slot = now_ms // SLOT_MS
        watched.count.add(slot, plain, not plain)
        data = event.custom_data
        if data.value is not None and data.currency is not None:
            _count_money(watched, data.value, data.currency, plain, slot)
        self._judge(key, watched, now_ms)
        return plain and watched.since is not None

    def _goes_nowhere(self, event: Event) -> bool:
        return event.held_back is not None or (event.bot is not None and event.dataset in self._no_bots)

    def _judge(self, key: tuple[str, str], watched: _Watched, now_ms: int) -> None:
        slot = now_ms // SLOT_MS
        watched.count.turn(slot)
        on = watched.since is not None
        shifted = watched.count.has_history(slot) and self._shifted(watched, slot, self._factors[key[0]], on)
        if shifted == on:
            if on:
                _mark_flood(watched, slot, begins=False)
            return
        watched.since = now_ms if shifted else None
        if shifted:
            _mark_flood(watched, slot, begins=True)
            log.warning(
                "quarantine begins: untrusted %s of dataset %s were %d in an hour, %.0f were to be expected; they are "
                "kept and not sent until a trusted copy comes",
                key[1], key[0], watched.count.hour[0], watched.count.expected(),
            )  # fmt: skip
        else:
            log.warning("quarantine ends: untrusted %s of dataset %s are as many as before", key[1], key[0])

    def _shifted(self, watched: _Watched, slot: int, factor: float, on: bool) -> bool:
        if watched.count.hour[0] < (MIN_COUNT / 2 if on else MIN_COUNT):
            return False
        factor = (1 + factor) / 2 if on else factor
        if watched.count.hour[0] > factor * watched.count.expected():
            return True
        return any(_money_shifted(money, copies, slot, factor) for money, copies in watched.money.values())


_NAMES = frozenset(WATCHED)


def _count_money(watched: _Watched, value: Decimal, currency: str, plain: bool, slot: int) -> None:
    """Money counts in currencies that the trusted side has used; others are a stranger's choice."""
    found = watched.money.get(currency)
    if found is None:
        if plain:
            return
        found = watched.money[currency] = (RollingCounts(), RollingCounts())
    money, copies = found
    money.turn(slot)
    copies.turn(slot)
    mean = money.mean_of(copies)
    amount = min(float(value), _MOST_OF_ONE * mean) if mean else float(value)
    money.add(slot, amount * plain, amount * (not plain))
    copies.add(slot, plain, not plain)


def _money_shifted(money: RollingCounts, copies: RollingCounts, slot: int, factor: float) -> bool:
    money.turn(slot)
    copies.turn(slot)
    return copies.has_history(slot) and money.hour[0] > factor * money.expected()


def _mark_flood(watched: _Watched, slot: int, *, begins: bool) -> None:
    for series in (watched.count, *(s for pair in watched.money.values() for s in pair)):
        series.flood(slot, begins=begins)
