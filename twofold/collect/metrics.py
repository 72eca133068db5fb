"""What the collector counts, in Prometheus terms. Labels come from closed sets, never from a request."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from twofold.event.refusal import DropReason
from twofold.store.fold import Verdict

ENTRIES = ("events", "tag", "tr", "webhook")


class CollectMetrics:
    """Counters bound once, so that the hot path only adds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        accepted = Counter(
            "twofold_accepted", "Copies on disk, by door and verdict.", ["entry", "verdict"], registry=registry
        )
        refused = Counter(
            "twofold_refused", "Copies and bodies refused, by door and reason.", ["entry", "reason"], registry=registry
        )
        overload = Counter(
            "twofold_overload", "Requests answered 503 because the store could not take them.", registry=registry
        )
        self.accepted = {(e, v): accepted.labels(e, v) for e in ENTRIES for v in Verdict}
        self.refused = {(e, r): refused.labels(e, r) for e in ENTRIES for r in DropReason}
        self.overload = overload
        self.commit_seconds = Histogram(
            "twofold_commit_seconds",
            "Time from a decoded request to its events being on disk.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=registry,
        )
