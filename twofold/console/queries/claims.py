"""How many conversions a platform shows for some days, as its imported or pulled reports claim them. Role: signal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from twofold.ledger.filing import day_number
from twofold.ledger.lines import Spend
from twofold.ledger.spend import claimed, counted
from twofold.store.lines.reading import OpenLines


class Shows(Struct, frozen=True, kw_only=True):
    """``until``: the last day that its reports tell of."""

    count: Decimal
    window: str
    until: str


def claims_of(folder: Path | str, first: date, last: date) -> Mapping[str, Shows]:
    """By platform, over the account's own days; a platform that claims nothing is not in it."""
    span = first.isoformat(), last.isoformat()
    with OpenLines(folder) as reader:
        rows = [one.thing for one in reader.lines("spend", day_number(span[0]), day_number(span[1]))]
    counts: dict[str, Decimal] = defaultdict(Decimal)
    windows: dict[str, str] = {}
    days: dict[str, str] = {}
    for row in counted(row for row in rows if isinstance(row, Spend)):
        claim = claimed(row)
        if claim is not None and claim.count is not None:
            counts[row.source] += claim.count
            windows[row.source] = claim.window
            days[row.source] = max(days.get(row.source, ""), row.day)
    return {name: Shows(count=count, window=windows[name], until=days[name]) for name, count in sorted(counts.items())}
