"""What of a file was not understood, row by row, and the report that lists it.

Owns the value and its two written forms. The report is shown and passed on, so it holds no contact data: of a cell
only its shape is told, unless its column holds words of the shop system.
"""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec
from msgspec import Struct

from twofold.spreadsheet import safe_cell

COLUMNS = ("kind", "file", "row", "column", "expected", "got", "reason")


class RowProblem(Struct, frozen=True, kw_only=True):
    """One row, or part of it. ``kind`` "refused": nothing of the row was kept; "warning": it was, without this."""

    kind: str = "refused"
    file: str = ""
    row: int  # line of a text file, row of a sheet, counted from 1
    column: str = ""  # as its header says
    expected: str
    got: str = ""
    reason: str  # one word for the summary


class ProblemReport:
    """Writes problems to a file as they come: CSV by its name, else one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file) if path.suffix.lower() == ".csv" else None
        if self._rows is not None:
            self._rows.writerow(COLUMNS)

    def write(self, problems: list[RowProblem]) -> None:
        if self._rows is not None:
            self._rows.writerows([safe_cell(str(getattr(p, c))) for c in COLUMNS] for p in problems)
        else:
            self._file.writelines(msgspec.json.encode(p).decode() + "\n" for p in problems)

    def __enter__(self) -> ProblemReport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
