"""What delivering counts, for Prometheus. Names and labels only; no personal data, no ids.

The counts are of this process's life. The truth that `twofold verify` compares is in the store.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class DeliverMetrics:
    """One set for all workers; ``registry`` is the gateway's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "twofold_delivery_requests",
            "Requests to a destination, by what the answer meant.",
            ["destination", "outcome"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "twofold_delivery_request_seconds",
            "How long one request took, answered or not.",
            ["destination"],
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 30),
            registry=registry,
        )
        self.settled = Counter(
            "twofold_deliveries_settled",
            "Deliveries by what became of them after a request: delivered, dead, or waiting for another attempt.",
            ["destination", "state"],
            registry=registry,
        )
        self.pauses = Counter(
            "twofold_destination_pauses",
            "How often a destination was left alone, by reason.",
            ["destination", "reason"],
            registry=registry,
        )
        self.in_flight = Gauge(
            "twofold_delivery_requests_in_flight",
            "Requests written and not yet answered.",
            ["destination"],
            registry=registry,
        )
