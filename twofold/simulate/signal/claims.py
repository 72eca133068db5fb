"""What the advertising platform says about its days, as somebody exports it every second morning.

Owns the figures and the export's form. A healthy platform adds late conversions for two days, and takes a hundredth back of what
is older; one that restates takes back much more from a day on, of days that were over long before. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct

from twofold.simulate.signal.scenario import Fault, FaultKind, SignalScenario
from twofold.simulate.signal.session import DAY_MS

HEAD = "Campaign name,Campaign ID,Day,Amount spent (EUR),Impressions,Purchases,Purchases conversion value\n"
EVERY_DAYS, AT_MS = 2, 5 * 3_600_000
LATE = (Decimal("0.8"), Decimal("0.95"))  # of a day's conversions, as many days after it
TAKEN_BACK, USUAL = Decimal("0.5"), Decimal("0.01")
OVER_DAYS = 4
CENT = Decimal("0.01")


class Export(Struct, frozen=True, kw_only=True):
    """One file. ``at``: when it was made, Unix ms."""

    at: int
    text: str


def exports_of(told: SignalScenario, first_ms: int) -> Iterator[Export]:
    """The oldest first, each with all days until then."""
    draw = random.Random(f"twofold/claims/{told.seed}")
    whole = [Decimal(max(1, round(told.orders_per_day * draw.uniform(0.25, 0.45)))) for _ in range(told.days)]
    values = [(count * Decimal(draw.randrange(4_000, 7_000)) / 100).quantize(CENT) for count in whole]
    fault = next((f for f in told.faults if f.kind is FaultKind.RESTATES), None)
    for done in range(1, told.days, EVERY_DAYS):
        lines = [
            _line(_day(first_ms + day * DAY_MS), whole[day], values[day] * _share(done - 1 - day, done, fault))
            for day in range(done)
        ]
        yield Export(at=first_ms + done * DAY_MS + AT_MS, text=HEAD + "".join(lines))


def _share(age: int, done: int, fault: Fault | None) -> Decimal:
    """How much of a day it counts. ``age``: days after it; ``done``: days of the world that are over."""
    if age < len(LATE):
        return LATE[age]
    if fault is not None and done >= fault.day and age > OVER_DAYS:
        return 1 - TAKEN_BACK * Decimal(str(fault.share))
    return 1 - USUAL if age > OVER_DAYS else Decimal(1)


def _line(day: str, count: Decimal, value: Decimal) -> str:
    return f"Spring,120210000000000444,{day},{count * 12:.2f},{count * 900},{count},{value:.2f}\n"


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
