"""Amounts of one currency in another at the rate of a day, for sums of many: `ledger.rates` asked once a day and pair.

Owns the cache and the digits: a rate has sixty of them, so that a product keeps all that money needs; and what is added up is
an amount of at most `PLACES` decimals (`exact`), so that a sum is the same in whatever order, and whoever makes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal

from twofold.ledger.lines import Rate
from twofold.ledger.rates import Rates

_DIGITS = Context(prec=60)
_EPOCH = date(1970, 1, 1).toordinal()
_ONE = Decimal(1)
PLACES = 12
_STEP = Decimal(1).scaleb(-PLACES)
_WIDE = Context(prec=60)


def exact(amount: Decimal) -> Decimal:
    """An amount as it is added up: what a rate or a division left behind the twelfth decimal is rounded half to even."""
    if amount.as_tuple().exponent >= -PLACES:  # type: ignore[operator]
        return amount
    return amount.quantize(_STEP, rounding=ROUND_HALF_EVEN, context=_WIDE)


class Exchange:
    """Rates by day number from the epoch. ``carried``: the pairs and days for which an earlier day's rate was taken."""

    def __init__(self, rates: Rates | None = None) -> None:
        self._rates = rates or Rates(())
        self._known: dict[tuple[str, str, int], Decimal | None] = {}
        self.carried: set[tuple[str, str, int]] = set()

    @classmethod
    def of(cls, rates: Iterable[Rate]) -> Exchange:
        return cls(Rates(rates))

    def rate(self, currency: str, to: str, day: int) -> Decimal | None:
        """Units of ``to`` for one of ``currency``; None where no source has a rate young enough."""
        if currency == to:
            return _ONE
        key = currency, to, day
        if key not in self._known:
            factor = self._rates.factor(currency, to, day_text(day))
            self._known[key] = None
            if factor is not None:
                value = factor.value
                self._known[key] = _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
                if factor.carried:
                    self.carried.add(key)
        return self._known[key]

    def convert(self, amount: Decimal, currency: str, to: str, day: int) -> Decimal | None:
        """The amount at the day's rate, unrounded; None where there is no rate."""
        rate = self.rate(currency, to, day)
        return None if rate is None else amount * rate if rate != 1 else amount


def day_number(day: str) -> int:
    """YYYY-MM-DD as days from the epoch."""
    return date.fromisoformat(day).toordinal() - _EPOCH


def day_text(number: int) -> str:
    return date.fromordinal(number + _EPOCH).isoformat()
