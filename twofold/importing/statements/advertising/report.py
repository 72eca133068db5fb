"""What the table reports of all platforms share: from rows to ad-days, with a problem for each row that is none.

Owns the order in which a row is judged: a total, a row of a period, its keys, its amount. Which columns and words a
platform has is each format's own file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from msgspec.structs import replace

from twofold.importing.statements.advertising.sums import Total
from twofold.importing.statements.advertising.table import AdTable
from twofold.importing.statements.cells import Cells, Sheet
from twofold.importing.statements.contract import Dropped, Item
from twofold.ledger.lines import Claim, Spend

Judge = Callable[[Cells], "Total | Dropped | Spend"]
"""A row's keys as a `Spend` without figures, or what else it is. Raises `Misread`."""


class ReportFile(AdTable):
    """An open report of one platform."""

    def __init__(
        self,
        format_name: str,
        title: str,
        sheet: Sheet,
        judge: Judge,
        *,
        claims: Callable[[Cells], tuple[tuple[Claim, ...], tuple[Claim, ...], list[str]]],
        clicks: str = "clicks",
        kind: Callable[[Cells], str] | None = None,
        zero: bool = True,
    ) -> None:
        self.format = format_name
        self.title = title
        super().__init__(sheet)
        self._judge = judge
        self._claims = claims
        self._clicks = clicks
        self._kind = kind
        self._zero = zero  # an empty cost beside other figures is none

    def items(self) -> Iterator[Item]:
        yield from super().items()
        if not any(self._ids.values()) and self._days.days:
            self.notes.append(
                "the file has no ids: it is joined by names, which can be edited; export the id columns too"
            )

    def _read(self, row: Cells) -> Item | None:
        keys = self._judge(row)
        if isinstance(keys, Total):
            return self._days.total(keys)
        if isinstance(keys, Dropped):
            return keys
        return self._keep(row, keys)

    def _add(self, row: Cells, keys: Spend) -> Item | None:
        amount = row.money("amount")
        impressions, clicks = row.count("impressions"), row.count(self._clicks)
        claims, site, hidden = self._claims(row)
        hidden += [
            ours for ours, field in (("impressions", "impressions"), ("clicks", self._clicks)) if row.masked(field)
        ]
        if amount is None:
            if row.masked("amount"):
                if not hidden and not claims and not impressions and not clicks:
                    return Dropped(row=row.row, reason="no_delivery")
                raise row.misread("amount", "what it cost", "a cell that hides it", "masked")
            if not (impressions or clicks or claims or site):
                return Dropped(row=row.row, reason="no_delivery")
            if not self._zero:
                raise row.misread("amount", "what it cost", "nothing", "no_amount")
            amount = Decimal(0)
        spend = replace(keys, amount=amount, impressions=impressions, clicks=clicks, claims=claims, site_claims=site)
        once = row.cells if finest_id(keys) else ()
        return self._days.add(row.row, spend, unknown=hidden, cells=once, kind=self._kind(row) if self._kind else "")


def finest_id(keys: Spend) -> str:
    """The id of the level that a row is about; empty when it is known by name only."""
    return {"ad": keys.ad_id, "adset": keys.adset_id, "campaign": keys.campaign_id}.get(keys.level, "")


def level_of(sheet: Sheet) -> str:
    """The finest level for which a report has a column."""
    for level in ("ad", "adset", "campaign"):
        if sheet.has(level) or sheet.has(f"{level}_id"):
            return level
    return "account"
