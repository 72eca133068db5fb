"""Rows of a counter of the site become one line a day, purchase and source; what is not told of one is not told of all.

Owns what adding up means for them, for whatever form GA4 gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.statements.contract import Item
from twofold.ledger.identity import name_of
from twofold.ledger.lines import NOT_SET, SiteDay, Told

SEVERAL = "(several)"
"""Stands for a source where one purchase was told with two."""
_SOURCES = ("medium_source", "medium", "campaign", "channel")
MAX_ROWS = 1_000_000  # of different keys, held until the file ends


class _Held(Struct):
    row: int
    day: SiteDay
    hidden: frozenset[str]
    torn: bool = False


class SiteDays:
    def __init__(self) -> None:
        self._held: dict[bytes, _Held] = {}

    def add(self, row: int, day: SiteDay, hidden: Iterable[str] = ()) -> None:
        """``hidden``: fields that this row masks."""
        key = name_of(day)
        known = self._held.get(key)
        if known is None:
            if len(self._held) >= MAX_ROWS:
                raise FileRefused(
                    f"expected at most {MAX_ROWS:,} different rows in one file, got more; split it by month"
                )
            self._held[key] = _Held(row=row, day=day, hidden=frozenset(hidden))
            return
        known.day = _added(known.day, day)
        known.hidden |= frozenset(hidden)

    def tear(self, row: int, day: SiteDay) -> None:
        held = self._held.setdefault(name_of(day), _Held(row=row, day=day, hidden=frozenset()))
        held.torn = True

    def items(self) -> Iterator[Item]:
        for held in self._held.values():
            if held.torn:
                yield RowProblem(row=held.row, expected="all rows of this day and key", got="some that could not be read",
                                 reason="incomplete")  # fmt: skip
                continue
            yield Told(row=held.row, thing=replace(held.day, **dict.fromkeys(held.hidden)) if held.hidden else held.day)


def transaction_id(text: str) -> str:
    """A purchase's id where a source tells ids; blank ones are one group of their own."""
    return text.strip() or NOT_SET


def _added(one: SiteDay, other: SiteDay) -> SiteDay:
    told = {name: getattr(one, name) if getattr(one, name) == getattr(other, name) else SEVERAL for name in _SOURCES}
    return replace(
        one,
        **told,
        purchases=_sum(one.purchases, other.purchases),
        revenue=_sum(one.revenue, other.revenue),
        gross_revenue=_sum(one.gross_revenue, other.gross_revenue),
        refunds=_sum(one.refunds, other.refunds),
        sessions=None
        if one.sessions is None and other.sessions is None
        else (one.sessions or 0) + (other.sessions or 0),
        flags=tuple(sorted({*one.flags, *other.flags})),
    )


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one if other is None else one + other
