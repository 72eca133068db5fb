"""Excel workbooks to rows of text, bounded before they are unpacked.

Owns what Excel does to numbers: a cell is a double, shown with at most 15 digits, so amounts are taken with those
15 digits, exactly as Excel shows them, and longer ids are gone. Formats and formulas are not read, results are.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from twofold.errors import FileRefused

MAX_UNPACKED = 768 << 20  # bytes of all parts
MAX_PARTS = 10_000
MAX_CELLS = 40_000_000  # a sheet is held as its full rectangle, so two cells in far corners would fill the memory
_PLACE = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_EXACT = 15  # digits that a double of Excel's keeps


def read_workbook(path: Path, sheet: str, notes: list[str]) -> Iterator[tuple[int, list[str]]]:
    """(row counted from 1, cells) of the named sheet, or of the first that is not empty. Raises `FileRefused`."""
    from python_calamine import CalamineError, CalamineWorkbook

    if path.suffix.lower() != ".xls":
        _check_size(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        if sheet and sheet not in names:
            raise FileRefused(f"{path}: expected a sheet of the workbook, got --sheet {sheet!r}")
        chosen = None
        for name in [sheet] if sheet else names:
            chosen = book.get_sheet_by_name(name)
            if chosen.total_height:
                break
    except (CalamineError, OSError, ValueError) as err:
        raise FileRefused(f"{path}: expected an Excel workbook, got one that cannot be read ({type(err).__name__}); "
                          "is it protected by a password?") from None  # fmt: skip
    if chosen is None:
        raise FileRefused(f"{path}: expected a workbook with a sheet, got none")
    if len(names) > 1:
        notes.append(f"the workbook has {len(names)} sheets; only one was read, name another with --sheet")
    notes.append("Excel keeps numbers as doubles: amounts were taken with the 15 digits that Excel shows")
    return _rows(chosen)


def sheet_heads(path: Path, rows: int) -> dict[str, list[list[str]]]:
    """The first rows of every sheet, by its name: enough to see whose workbook it is. Raises `FileRefused`."""
    from python_calamine import CalamineError, CalamineWorkbook

    if path.suffix.lower() != ".xls":
        _check_size(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
    except (CalamineError, OSError, ValueError) as err:
        raise FileRefused(f"{path}: expected an Excel workbook, got one that cannot be read ({type(err).__name__}); "
                          "is it protected by a password?") from None  # fmt: skip
    return {name: [cells for _, cells in islice(_rows(sheet), rows)] for name, sheet in sheets.items()}


def cell_text(value: Any) -> str:
    """A cell as text: whole numbers without ".0", others with the digits that Excel shows, times in ISO form."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
        case int():
            return str(value)
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case _:
            return ""


def _rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    for number, cells in enumerate(sheet.iter_rows(), 1):  # from the sheet's first row, also when it is empty
        yield number, [cell_text(cell).strip() for cell in cells]


def _number(value: float) -> str:
    if value.is_integer():
        # Above 15 digits Excel has replaced the last ones by zeros: said in scientific form, which no id accepts.
        return str(int(value)) if abs(value) < 10**_EXACT else f"{value:.14e}"
    shown = f"{value:.{_EXACT}g}"
    if "e" not in shown:
        return shown
    return format(Decimal(shown), "f")


def _check_size(path: Path) -> None:
    """Unpacks once without keeping anything: how large it becomes, and how far its cells reach."""
    unpacked = 0
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise _too_large(path)
            for part in parts:
                columns = rows = 0
                is_sheet = part.filename.startswith("xl/worksheets/")
                with archive.open(part) as stream:
                    tail = b""
                    while chunk := stream.read(1 << 20):
                        unpacked += len(chunk)
                        if unpacked > MAX_UNPACKED:
                            raise _too_large(path)
                        if is_sheet:
                            for column, row in _PLACE.findall(tail + chunk):
                                columns = max(columns, _column_number(column))
                                rows = max(rows, int(row))
                            tail = chunk[-24:]
                if columns * rows > MAX_CELLS:
                    raise _too_large(path)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as err:
        raise FileRefused(f"{path}: expected an Excel workbook, got a damaged archive ({type(err).__name__})") from None


def _too_large(path: Path) -> FileRefused:
    return FileRefused(f"{path}: expected a workbook of at most {MAX_UNPACKED >> 20} MiB unpacked and "
                       f"{MAX_CELLS:,} cells, got a larger one; save it as CSV")  # fmt: skip


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
