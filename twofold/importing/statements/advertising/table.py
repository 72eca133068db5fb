"""A table of what ads cost, open: its rows one by one, with a problem for each row that cannot be read.

Owns the walk and the ids that are met on it. Which rows are about ads is each table's ``_read``, what they say its ``_add``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from twofold.importing.readers.layout import Misread
from twofold.importing.readers.problems import RowProblem
from twofold.importing.statements.advertising.sums import AdDays
from twofold.importing.statements.cells import Cells, Sheet, refuse_rounded
from twofold.importing.statements.contract import Item
from twofold.ledger.lines import Spend

IDS: Final = ("campaign_id", "adset_id", "ad_id")


class AdTable:
    """What is added up leaves as lines once all rows were read."""

    def __init__(self, sheet: Sheet) -> None:
        self.notes: list[str] = [*sheet.table.notes]
        self._sheet = sheet
        self._days = AdDays()
        self._ids: dict[str, set[str]] = {field: set() for field in IDS}

    @property
    def bytes_read(self) -> int:
        return self._sheet.table.bytes_read

    def items(self) -> Iterator[Item]:
        for row in self._sheet.rows():
            if isinstance(row, RowProblem):
                yield row
                continue
            try:
                found = self._read(row)
            except Misread as wrong:
                found = wrong.problem
            if found is not None:
                yield found
        for field, ids in self._ids.items():
            refuse_rounded(self._sheet.header(field), ids)
        yield from self._days.items()

    def _keep(self, row: Cells, keys: Spend) -> Item | None:
        """A row that is about ads, by its keys: one whose figures cannot be read takes its ad's day with it."""
        for field, ids in self._ids.items():
            if text := getattr(keys, field):
                ids.add(text)
        try:
            return self._add(row, keys)
        except Misread:
            self._days.tear(row.row, keys)
            raise

    def _read(self, row: Cells) -> Item | None:
        """One row; None where it went into a day. Raises `Misread`."""
        raise NotImplementedError

    def _add(self, row: Cells, keys: Spend) -> Item | None:
        """Its figures. Raises `Misread`."""
        raise NotImplementedError
