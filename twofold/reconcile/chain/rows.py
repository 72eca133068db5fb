"""What a report of the chain says: links, leaks, what is open, the matrix, bridges with their residual, metrics.

Owns these shapes and how amounts are closed: exact until here, then half to even in whole minor units. Every row says its
role and its link. ``group`` is empty for the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from twofold.ledger.money import to_minor

TRUTH, SIGNAL = "truth", "signal"
LINKS = ("signalled", "placed", "confirmed", "shipped", "delivered", "collected", "banked", "margin")


class Link(Struct, frozen=True, kw_only=True):
    """One station. ``amount`` is what stands now, ``before`` the same before refunds; ``sent``: of the signalled."""

    group: str = ""
    link: str
    role: str = TRUTH
    count: int
    amount: Decimal
    before: Decimal | None = None
    sent: int | None = None


class Leak(Struct, frozen=True, kw_only=True):
    """What is lost after a link, with its one reason. ``count``: orders (or lines, where no order is) that it concerns."""

    group: str = ""
    after: str
    reason: str
    count: int
    amount: Decimal
    role: str = TRUTH


class Open(Struct, frozen=True, kw_only=True):
    """What has not come yet. ``expected``: the day by which all of it should have, where that is known."""

    group: str = ""
    link: str
    reason: str
    count: int
    amount: Decimal
    oldest_days: int
    expected: str | None = None
    role: str = TRUTH


class Cell(Struct, frozen=True, kw_only=True):
    """Delivered or not, collected or not."""

    group: str = ""
    delivered: bool
    collected: bool
    count: int
    amount: Decimal
    role: str = TRUTH


class Step(Struct, frozen=True, kw_only=True):
    """One term of a bridge, signed as it changes the sum. The first and the last row of a bridge are its two links."""

    group: str = ""
    start: str
    end: str
    reason: str
    count: int
    amount: Decimal
    role: str = TRUTH


class Residual(Struct, frozen=True, kw_only=True):
    """What no term explains: shown, never allotted."""

    group: str = ""
    start: str
    end: str
    count: int
    amount: Decimal
    role: str = TRUTH


class Metric(Struct, frozen=True, kw_only=True):
    """A figure of many. ``value`` is None where it would be divided by nothing. ``of``: the part it is about."""

    group: str = ""
    name: str
    of: str = "all"
    value: Decimal | None
    unit: str
    role: str = TRUTH
    link: str


Row = Link | Leak | Open | Cell | Step | Residual | Metric


class Report(Struct, frozen=True, kw_only=True):
    """The rows, and what is said once: shares of what is missing, by what; counts of what stands in no sum."""

    rows: tuple[Row, ...]
    missing: Mapping[str, Decimal]
    notes: tuple[str, ...] = ()
    balanced: bool = True  # every batch closes


def closed(amount: Decimal, currency: str) -> Decimal:
    """An amount as it is shown."""
    return to_minor(amount, currency) + 0


def ratio(part: Decimal | int, whole: Decimal | int, digits: int = 4) -> Decimal | None:
    """A quotient of two sums, or None where there is nothing to divide by."""
    if not whole:
        return None
    return (Decimal(part) / Decimal(whole)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN) + 0
