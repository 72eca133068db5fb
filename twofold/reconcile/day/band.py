"""How far a residual usually is: the median and spread of the last four weeks, and what is out of them.

Owns the arithmetic. Shares are of the basis. A fixed percent says nothing of a shop; its own days do, once there are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from statistics import median

from msgspec import Struct

DAYS = 28
ENOUGH = 14
SPREADS = 3
SAME_WRITER_DAYS = 7
FOLKLORE = {"meta": (Decimal("-0.20"), Decimal("0.20")), "ga4": (Decimal("-0.30"), Decimal("0"))}
"""What others call usual, for as long as there are too few days of one's own. A hint, never an alarm."""


class Band(Struct, frozen=True, kw_only=True):
    """``low`` and ``high``: shares of the basis between which the residual is usual. ``own``: made of the shop's own days."""

    low: Decimal | None = None
    high: Decimal | None = None
    own: bool = False
    days: int = 0
    alarm: str = ""  # why the day stands out; empty where it does not
    same_writer: bool = False  # the residual was exactly zero on every one of many days


def band_of(witness: str, shares: Sequence[Decimal | None], today: Decimal | None) -> Band:
    """``shares``: of the days before, oldest first; None for a day without a report."""
    known = [s for s in shares if s is not None]
    zero = len(known) + 1 >= SAME_WRITER_DAYS and today == 0 and not any(known)
    if len(known) < ENOUGH:
        low, high = FOLKLORE.get(witness, (None, None))
        return Band(low=low, high=high, days=len(known), same_writer=zero)
    middle = median(known)
    spread = median(abs(s - middle) for s in known)
    low, high = middle - SPREADS * spread, middle + SPREADS * spread
    return Band(low=low, high=high, own=True, days=len(known), alarm=_alarm(known, today, low, high), same_writer=zero)


def _alarm(known: Sequence[Decimal], today: Decimal | None, low: Decimal, high: Decimal) -> str:
    if today is None:
        return ""
    if not low <= today <= high:
        return "outside_band"
    week = [*known[-6:], today]
    step = median(week)
    return "step" if len(known) >= ENOUGH + 7 and not low <= step <= high else ""
