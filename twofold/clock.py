"""Wall-clock time as a value. Durations inside the process use the monotonic clock instead."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns milliseconds since the Unix epoch, UTC."""


def now_ms() -> int:
    """Milliseconds since the Unix epoch. Passed in as an argument everywhere, so tests own the clock."""
    return time.time_ns() // 1_000_000
