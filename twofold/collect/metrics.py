"""What the collector counts, exposed through the Prometheus client. Labels come from closed sets only.

The hot path adds to plain integers; the client library reads them when it is asked (its own counters take a
lock for each addition, which cost 3 % of the accept rate here).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from twofold.event.model import Event

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class CollectMetrics(Collector):
    """Written on the event loop's thread only. Keys: (door, verdict) and (door, drop reason)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.bots: Counter[str] = Counter()  # by reason of `collect.bots`
        self.held_back: Counter[str] = Counter()  # by reason of `collect.tokens` and `collect.shares`
        self.left_out: Counter[tuple[str, str]] = Counter()  # (door, kind of message)
        self.overload = 0
        self.limited: Counter[tuple[str, str]] = Counter()  # (door, which limit)
        self._commits = [0] * (len(BUCKETS_S) + 1)
        self._commit_seconds = 0.0
        registry.register(self)

    def marked(self, events: Sequence[Event]) -> None:
        """These events are on disk: what the steps marked about them is counted."""
        for event in events:
            if event.bot is not None:
                self.bots[event.bot] += 1
            if event.held_back is not None:
                self.held_back[event.held_back] += 1

    def committed(self, seconds: float) -> None:
        """One request's events are on disk, this long after they were decoded."""
        self._commits[bisect_left(BUCKETS_S, seconds)] += 1
        self._commit_seconds += seconds

    def collect(self) -> Iterator[Metric]:
        yield _family("twofold_accepted", "Copies on disk, by door and verdict.", "verdict", self.accepted)
        yield _family("twofold_refused", "Copies and bodies refused, by door and reason.", "reason", self.refused)
        yield _family(
            "twofold_left_out",
            "Messages of other systems' clients that are answered and say nothing to keep, by door and kind.",
            "kind",
            self.left_out,
        )
        yield _reasons("twofold_bots", "Copies on disk that no shopper's browser made, by reason.", self.bots)
        yield _reasons(
            "twofold_held_back",
            "Copies on disk that go nowhere on an untrusted browser's word, by reason.",
            self.held_back,
        )
        yield CounterMetricFamily(
            "twofold_overload", "Requests answered 503: the store could not take them.", value=self.overload
        )
        yield _family("twofold_rate_limited", "Requests over a rate limit, by door and limit.", "limit", self.limited)
        total, buckets = 0, []
        for bound, n in zip((*map(str, BUCKETS_S), "+Inf"), self._commits, strict=True):
            total += n
            buckets.append((bound, total))
        yield HistogramMetricFamily(
            "twofold_commit_seconds",
            "Time from a decoded request to its events being on disk.",
            buckets=buckets,
            sum_value=self._commit_seconds,
        )


def _family(name: str, text: str, label: str, counts: Counter[tuple[str, str]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=["entry", label])
    for key, n in sorted(counts.items()):
        family.add_metric(key, n)
    return family


def _reasons(name: str, text: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(name, text, labels=["reason"])
    for reason, n in sorted(counts.items()):
        family.add_metric((reason,), n)
    return family
