"""What the tables of lives said before: of batches, and of whose orders were one customer's.

Owns these look-ups; what follows from them is `reach`'s and `making`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from twofold.facts.manifest import Manifest
from twofold.facts.parquet import Row

_SETTLED = [
    "day", "batch", "source", "number", "happened_at", "closes", "failed", "expected", "late_after", "banked_at",
]  # fmt: skip


class Settlements:
    """Rows of the table of batches, by their source and number."""

    def __init__(self, files: Path, manifest: Manifest) -> None:
        self._paths = [str(files / path) for path in manifest.paths("settlements")]

    def of(self, source: str, number: str) -> list[Row]:
        """Under whatever key and day it stood."""
        return self._rows.get((source, number), [])

    @cached_property
    def _rows(self) -> dict[tuple[str, str], list[Row]]:
        found: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for path in self._paths:
            for row in pq.read_table(path, partitioning=None, columns=_SETTLED).to_pylist():
                found[row["source"], row["number"]].append(row)
        return found


def days_of_customers(files: Path, manifest: Manifest, days: Iterable[str]) -> set[str]:
    """Days of which the tables have an order of somebody who, by the tables, bought on one of these days."""
    told = manifest.files.get("buyers", {})
    customers: set[int] = set()
    for day in days:
        if day in told:
            customers |= set(_customers(files / told[day].path))
    if not customers:
        return set()
    return {day for day, file in told.items() if not customers.isdisjoint(_customers(files / file.path))}


def orders_of_customers(
    files: Path, manifest: Manifest, days: Iterable[str], orders: Collection[int]
) -> dict[str, list[int]]:
    """Day to the orders that, by the tables, are of somebody who bought one of these orders, which are of these days."""
    told = manifest.files.get("buyers", {})
    mine = [_buyers(files / told[day].path) for day in days if day in told]
    customers = {who for rows in mine for row, who in rows if row in orders and who is not None}
    found: dict[str, list[int]] = {}
    for day, file in told.items() if customers else ():
        rows = [row for row, who in _buyers(files / file.path) if who in customers]
        if rows:
            found[day] = rows
    return found


def _buyers(path: Path) -> list[tuple[int, int | None]]:
    read: Any = pq.read_table(path, columns=["order_row", "customer"], partitioning=None)
    return list(zip(read.column("order_row").to_pylist(), read.column("customer").to_pylist(), strict=True))


def _customers(path: Path) -> list[int]:
    column = pq.read_table(path, columns=["customer"], partitioning=None).column("customer")
    return list(pc.unique(column.drop_null()).to_pylist())
