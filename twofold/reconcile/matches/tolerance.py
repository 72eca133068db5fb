"""How far an amount may be off and still be the same: values an operator may set, never a share of a float.

Owns the tolerances and delays. What lies inside is booked as rounding on the order and shown by count and sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from msgspec import Struct

from twofold.reconcile.matches.values import DAY_S, ZERO

_CASH_STEP = MappingProxyType({"GEL": Decimal("0.10")})
_DELAYS = MappingProxyType({"bank_transfer": 14, "cod": 45, "manual": 30, "other": 14})


class Tolerance(Struct, frozen=True, kw_only=True):
    """``cash_step``: by how much a courier may round in a currency. ``delays``: days from the order to its money."""

    short: Decimal = ZERO  # a buyer's transfer
    over: Decimal = Decimal("1.00")
    short_in: Mapping[str, Decimal] = MappingProxyType({})  # the same by currency
    over_in: Mapping[str, Decimal] = MappingProxyType({})
    cash_step: Mapping[str, Decimal] = _CASH_STEP
    converted: Decimal = Decimal("0.005")  # of the amount, when a rate was used
    converted_most: Decimal = Decimal("1.00")
    near: Decimal = Decimal("1.00")  # a proposal by the amount alone has no other due so near
    bank_fee: Mapping[str, Decimal] = MappingProxyType({})  # source of a batch to what the bank takes of its credit
    delays: Mapping[str, int] = _DELAYS
    most_days: int = 14  # of a method without an own delay
    bank_days_before: int = 1
    bank_days_after: int = 5
    returned_within: int = 10  # bank days within which a bank sends money back
    courier_days: int = 60  # a parcel older than this is not looked for in a lump sum

    def fits_transfer(self, paid: Decimal, due: Decimal, currency: str = "", *, converted: bool = False) -> bool:
        """Whether a buyer's transfer pays what is due. Both positive, in one currency."""
        difference = paid - due
        short, over = self.short_in.get(currency, self.short), self.over_in.get(currency, self.over)
        if -short <= difference <= over:
            return True
        return converted and abs(difference) <= min(due * self.converted, self.converted_most)

    def bank_takes(self, source: str, net: Decimal) -> Decimal:
        """What the bank takes of a batch's credit. Of what a provider collects from the bank it takes nothing."""
        return self.bank_fee.get(source, ZERO) if net > 0 else ZERO

    def delay_s(self, method: str) -> int:
        return self.delays.get(method, self.most_days) * DAY_S


def bank_days_after(day: int, count: int) -> int:
    """The day number so many bank days later (or earlier). Saturday and Sunday are none; holidays are not known.

    Day numbers count from the epoch, whose day 0 was a Thursday.
    """
    step = 1 if count > 0 else -1
    left = abs(count)
    while left:
        day += step
        left -= is_bank_day(day)
    return day


def is_bank_day(day: int) -> bool:
    return (day + 3) % 7 < 5
