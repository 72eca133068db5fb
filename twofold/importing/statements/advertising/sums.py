"""Rows of one ad and day become one line; rows that sum others are held against them.

Owns what adding up means: amounts and counts add, what one of the rows hides is unknown for all of them, a row that
cannot be read takes its ad's day with it, since a sum without it would be a wrong figure. A row that stands in the file
twice, cell by cell, is one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.statements.contract import Dropped, Item, Unbalanced
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Claim, Spend, Told

MAX_AD_DAYS = 300_000  # held until the file ends, some 1.5 KiB each


SEVERAL = "several"


class _AdDay(Struct):
    row: int
    spend: Spend
    unknown: frozenset[str]
    setting: str  # of its rows; `SEVERAL` where they differ
    torn: bool = False


class Total(Struct, frozen=True, kw_only=True):
    """A row that sums others. ``whole``: of everything in the file; else of those for which ``kind`` is their own."""

    row: int
    name: str
    amount: Decimal | None
    currency: str = ""
    kind: str = ""


class AdDays:
    """Collects the rows of one file, then gives the lines."""

    def __init__(self, updated_at: int | None = None) -> None:
        self._days: dict[bytes, _AdDay] = {}
        self._seen: set[bytes] = set()
        self._totals: list[Total] = []
        self._sums: dict[tuple[str, str], Decimal] = {}  # (kind, currency)
        self._updated_at = updated_at
        self.days: set[str] = set()

    def add(
        self, row: int, spend: Spend, *, unknown: Iterable[str] = (), cells: Iterable[str] = (), kind: str = ""
    ) -> Dropped | None:
        """``unknown``: fields and claims' windows that this row hides. ``cells``: of a row that can stand there once."""
        if cells:
            mark = blake2b("\0".join(cells).encode(), digest_size=16).digest()
            if mark in self._seen:
                return Dropped(row=row, reason="repeat")
            self._seen.add(mark)
        hidden = frozenset(unknown)
        key = name_of(spend)
        known = self._days.get(key)
        if known is None:
            if len(self._days) >= MAX_AD_DAYS:
                raise FileRefused(
                    f"expected at most {MAX_AD_DAYS:,} ads and days in one file, got more; split it by month"
                )
            self._days[key] = _AdDay(row=row, spend=spend, unknown=hidden, setting=spend.setting)
        else:
            known.spend = _added(known.spend, spend)
            known.unknown |= hidden
            known.setting = _one_setting(known.setting, spend.setting)
        self.days.add(spend.day)
        for name in {"", kind}:
            place = name, spend.currency
            self._sums[place] = self._sums.get(place, Decimal(0)) + spend.amount
        return None

    def tear(self, row: int, spend: Spend) -> None:
        """A row of this ad and day could not be read: no sum of the others is its figure."""
        known = self._days.setdefault(name_of(spend), _AdDay(row=row, spend=spend, unknown=frozenset(), setting=""))
        known.torn = True

    def total(self, total: Total) -> Dropped:
        self._totals.append(total)
        return Dropped(row=total.row, reason="total")

    def items(self) -> Iterator[Item]:
        """The lines in the order of their first rows, then what does not add up."""
        for day in self._days.values():
            if day.torn:
                yield RowProblem(row=day.row, expected="all rows of this ad and day", got="some that could not be read",
                                 reason="incomplete")  # fmt: skip
                continue
            yield Told(row=day.row, thing=_known(day), updated_at=self._updated_at)
        yield from self._unbalanced()

    def _unbalanced(self) -> Iterator[Unbalanced]:
        """Of several totals of the whole file one that agrees is enough: the others are of what it leaves out."""
        whole: list[Unbalanced] = []
        agreed = False
        for total in self._totals:
            if total.amount is None:
                continue
            currency = total.currency or next((code for _, code in self._sums), "")
            rows = self._sums.get((total.kind, currency))
            if total.kind and rows is None:
                continue
            entries = rows or Decimal(0)
            found = Unbalanced(what="total", id=total.name, currency=currency, entries=entries, closing=total.amount,
                               difference=total.amount - entries)  # fmt: skip
            if total.kind:
                if found.difference:
                    yield found
            elif found.difference:
                whole.append(found)
            else:
                agreed = True
        if not agreed:
            yield from whole


def _known(day: _AdDay) -> Spend:
    spend, hidden = day.spend, day.unknown
    return replace(
        spend,
        impressions=None if "impressions" in hidden else spend.impressions,
        clicks=None if "clicks" in hidden else spend.clicks,
        setting=day.setting,
        claims=_without(spend.claims, hidden),
        site_claims=_without(spend.site_claims, hidden),
    )


def _one_setting(one: str, other: str) -> str:
    return SEVERAL if one and other and one != other else one or other


def _without(claims: tuple[Claim, ...], hidden: frozenset[str]) -> tuple[Claim, ...]:
    kept = (
        replace(
            claim,
            count=None if f"{claim.alias} count" in hidden else claim.count,
            value=None if f"{claim.alias} value" in hidden else claim.value,
        )
        for claim in claims
    )
    return tuple(claim for claim in kept if claim.count is not None or claim.value is not None)


def _added(one: Spend, other: Spend) -> Spend:
    return replace(
        one,
        amount=one.amount + other.amount,
        invoiced=_sum(one.invoiced, other.invoiced),
        impressions=_whole(one.impressions, other.impressions),
        clicks=_whole(one.clicks, other.clicks),
        setting=one.setting or other.setting,
        claims=_claims(one.claims, other.claims),
        site_claims=_claims(one.site_claims, other.site_claims),
    )


def _claims(one: tuple[Claim, ...], other: tuple[Claim, ...]) -> tuple[Claim, ...]:
    found = {(claim.window, claim.alias): claim for claim in one}
    for claim in other:
        place = claim.window, claim.alias
        known = found.get(place)
        found[place] = claim if known is None else replace(
            known, count=_sum(known.count, claim.count), value=_sum(known.value, claim.value)
        )  # fmt: skip
    return tuple(found.values())


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one if other is None else one + other


def _whole(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
