"""How the whole is doing: the page for monitors, and the gauges that belong to no single room.

Owns the status of a gateway and what it rests on. Not: the counters of collecting and delivering, which their rooms
keep themselves.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from twofold import __version__
from twofold.clock import Clock
from twofold.collect.limits.quarantine import ShareWatch
from twofold.collect.messages import Answer, Request
from twofold.privacy.retention import Retention
from twofold.store.lists import Reader
from twofold.store.store import Store

STUCK_AFTER_S = 900.0  # a due delivery that nobody has tried for so long means that delivering has stopped
RETENTION_ALARM_S = 86_400.0  # data that should have been emptied a day ago: somebody has to look


class HealthPage:
    """The page `/health` of one running gateway."""

    def __init__(self, store: Store, retention: Retention, shares: ShareWatch, clock: Clock) -> None:
        self.store = store
        self.retention = retention
        self.shares = shares
        self.clock = clock
        self.started_at = clock()
        self._last: tuple[int, dict[str, Any]] | None = None

    async def answer(self, _request: Request) -> Answer:
        now = self.clock()
        if self._last is None or now - self._last[0] >= 500:  # counting is not free: at most twice a second
            report = await asyncio.get_running_loop().run_in_executor(None, self._read, now)
            self._last = (now, report)
        report = self._last[1] | {"quarantine": self.shares.page(now)}
        return Answer(200 if report["status"] in ("ok", "idle") else 503, msgspec.json.encode(report))

    def _read(self, now: int) -> dict[str, Any]:
        with Reader(self.store.folder) as reader:
            tally, outbox = reader.tally(), reader.outbox()
            oldest_due_ms = reader.oldest_due()
        overdue_s = max(0.0, (now - oldest_due_ms) / 1000) if oldest_due_ms is not None else 0.0
        waiting = sum(states.get("waiting", 0) for states in outbox.values())
        late_s = max(self.retention.late_s.copy().values(), default=0.0)
        status = "failed" if self.store.failed else "stuck" if overdue_s > STUCK_AFTER_S else "ok"
        return {
            "status": status if tally.get("accepted") or status != "ok" else "idle",
            "version": __version__,
            "uptime_s": (now - self.started_at) // 1000,
            "journal": {
                "accepted": tally.get("accepted", 0),
                "refused": tally.get("refused", 0),
                "waiting_for_disk": self.store.queued,
                "last_commit_s_ago": (now - self.store.last_commit_ms) / 1000,
                "watermark": self.store.watermark.lag(),
            },
            # Not part of the status: who is told "down" sends traffic elsewhere, and that would help nobody's privacy.
            "retention": {"state": "alarm" if late_s > RETENTION_ALARM_S else "ok", "late_s": late_s},
            "outbox": {
                "waiting": waiting,
                "overdue_s": overdue_s,
                "destinations": {
                    name: {**states, "paused_for": (self.store.pause_of(name) or ("", 0))[0]}
                    for name, states in outbox.items()
                },
            },
        }


class MetricsPage:
    """The page `/metrics`: everything in one registry, as Prometheus reads it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def answer(self, _request: Request) -> Answer:
        """The registry's figures as text."""
        text = generate_latest(self._registry)
        return Answer(200, text, ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),))


class StoreMetrics:
    """Read at scrape time from the store's own counters, so they cannot drift from them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Any:
        yield GaugeMetricFamily(
            "twofold_waiting_for_disk", "Events handed to the writer and not committed.", value=self._store.queued
        )
        yield GaugeMetricFamily(
            "twofold_last_commit_timestamp_seconds",
            "When the last commit returned.",
            value=self._store.last_commit_ms / 1000,
        )


class RetentionMetrics:
    """How far retention is behind, as of its last step."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def collect(self) -> Any:
        family = GaugeMetricFamily(
            "twofold_retention_late_seconds", "How long the oldest data to be emptied is overdue.", labels=["kind"]
        )
        for kind, seconds in self._retention.late_s.copy().items():  # whoever scrapes may be on another thread
            family.add_metric((kind,), seconds)
        yield family
