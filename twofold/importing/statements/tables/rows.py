"""The walk over a table of which each row is one thing by itself: rates, costs, answers of a survey.

Owns that a row which cannot be read costs itself alone, and that two rows of one file which are the same thing are one
where they agree, and a problem where they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twofold.importing.readers.layout import Misread
from twofold.importing.readers.problems import RowProblem
from twofold.importing.statements.cells import Cells, Sheet
from twofold.importing.statements.contract import Dropped, Item
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Told


class RowFile:
    """An open table. ``read`` gives a row's line; it raises `Misread`."""

    def __init__(self, format_name: str, title: str, sheet: Sheet, read: Callable[[Cells], Told]) -> None:
        self.format = format_name
        self.title = title
        self.notes: list[str] = [*sheet.table.notes]
        self._sheet = sheet
        self._read = read
        self._told: dict[bytes, int] = {}  # name -> hash of what it says

    @property
    def bytes_read(self) -> int:
        return self._sheet.table.bytes_read

    def items(self) -> Iterator[Item]:
        for row in self._sheet.rows():
            yield row if isinstance(row, RowProblem) else self._item(row)

    def _item(self, row: Cells) -> Item:
        try:
            found = self._read(row)
        except Misread as wrong:
            return wrong.problem
        name, says = name_of(found.thing), hash((found.thing, found.text))
        if name not in self._told:
            self._told[name] = says
            return found
        if self._told[name] == says:
            return Dropped(row=row.row, reason="repeat")
        return RowProblem(
            row=row.row, expected="each once", got="another one of the same in a row above", reason="twice"
        )
