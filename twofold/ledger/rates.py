"""From one currency to another: the rate of the fact's own day, by one source, exact.

Owns the rule. A day without a rate takes the last earlier one, at most seven days old, and says so; older there is
none, and the amount stays out of the sum in its own currency. A cross rate goes by the base of one source, both halves
of the same day, never of two sources. What is made of amounts by it is `reconcile.exchange`'s. Pure: rates come in as values.

Source: the rules of conversion in chain.md 3.7, 4.5 and 11 (9), with the example of 9.7.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction

from msgspec import Struct

from twofold.ledger.lines import Rate

CARRY_DAYS = 7
SOURCES = ("own", "nbg", "ecb")
"""Whose rate is taken, first that has one: what the operator wrote down stands before a bank's table."""


class Factor(Struct, frozen=True, kw_only=True):
    """How many units of one currency stand for one of another, and where that comes from."""

    value: Fraction
    source: str = ""  # empty: the same currency
    day: str = ""  # of the rate
    age: int = 0  # days before the fact's own day; more than 0 is `carried`

    @property
    def carried(self) -> bool:
        return self.age > 0


class Rates:
    """The rates that are known, found by day. ``sources``: whose, in the order in which they are asked."""

    def __init__(self, rates: Iterable[Rate], sources: Sequence[str] = SOURCES) -> None:
        self._sources = tuple(sources)
        found: dict[tuple[str, str, str], dict[int, Fraction]] = defaultdict(dict)
        for rate in rates:
            # One source tells one rate of a day: the store holds the one that stands.
            found[rate.source, rate.base, rate.currency][_ordinal(rate.day)] = Fraction(rate.rate) / Fraction(rate.per)
        self._values = found
        self._days = {key: sorted(values) for key, values in found.items()}
        self._bases = {source: sorted({base for s, base, _ in found if s == source}) for source in self._sources}

    def factor(self, currency: str, to: str, day: str) -> Factor | None:
        """None when no source has a rate of that day or of the seven before it."""
        if currency == to:
            return Factor(value=Fraction(1))
        for source in self._sources:
            for base in self._bases[source]:
                found = self._through(source, base, currency, to, _ordinal(day))
                if found is not None:
                    return found
        return None

    def _through(self, source: str, base: str, currency: str, to: str, day: int) -> Factor | None:
        """Both halves by the latest day on which the source tells them both."""
        legs = [(source, base, code) for code in (currency, to) if code != base]
        if not all(leg in self._days for leg in legs):
            return None
        for told in self._latest(legs[0], day):
            if all(told in self._values[leg] for leg in legs):
                one = Fraction(1) if currency == base else self._values[source, base, currency][told]
                other = Fraction(1) if to == base else self._values[source, base, to][told]
                return Factor(value=one / other, source=source, day=date.fromordinal(told).isoformat(), age=day - told)
        return None

    def _latest(self, leg: tuple[str, str, str], day: int) -> list[int]:
        days = self._days[leg]
        last = bisect_right(days, day)
        first = bisect_right(days, day - CARRY_DAYS - 1)
        return days[first:last][::-1]


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()
