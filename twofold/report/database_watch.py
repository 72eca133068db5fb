"""How the server is doing that has the store, for the pages of monitors: asked at most each five seconds, and only when they are.

Owns when it is asked, what is remembered between two answers, and its gauges. What is asked and what is wrong is the engine's.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from prometheus_client.core import GaugeMetricFamily

from twofold.store.engines import vitals_of

EVERY_S = 5.0
NO_LONGER = (
    "commits waited for a standby when this gateway began, and no longer do: a failover can lose what is acknowledged now; "
    "whoever runs the server has to set synchronous_standby_names again once a standby follows"
)


class DatabaseWatch:
    """Of one gateway. On the thread that makes the report, never on the loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: dict[str, Any] | None = None
        self._again_at = 0.0
        self._waited = False  # commits have waited for a standby since this process began

    def look(self) -> dict[str, Any] | None:
        """None where the store is a file. Raises `StoreAway` where the server cannot be asked."""
        if time.monotonic() >= self._again_at:
            found = vitals_of(self._folder)
            if found is not None:
                waits = bool(found["commits_wait_for"]["needed"])
                self._waited = self._waited or waits
                if self._waited and not waits:
                    found["problems"].append(NO_LONGER)
            self._last, self._again_at = found, time.monotonic() + EVERY_S
        return self._last

    def collect(self) -> Any:
        """For the registry: as it was looked at last."""
        found = self._last
        if found is None:
            return
        for name, said, value in (
            ("oldest_transaction_seconds", "How long the oldest open transaction of the database has stood.", found["oldest_transaction"]["age_s"]),
            ("dead_rows", "Deleted rows that the server has not taken away, in all tables of the store.", found["dead_rows"]["count"]),
            ("commits_waiting", "Commits that wait for a standby.", found["commits_waiting"]["count"]),
            ("standbys", "Standbys that follow the server.", len(found["standbys"])),
            ("standbys_needed", "Standbys that a commit waits for.", found["commits_wait_for"]["needed"]),
            ("standby_behind_bytes", "How far the last standby is behind.", max((s["behind_bytes"] for s in found["standbys"]), default=0)),
            ("problems", "What somebody has to act on; the words are at /health.", len(found["problems"])),
        ):  # fmt: skip
            yield GaugeMetricFamily(f"twofold_database_{name}", said, value=value)
