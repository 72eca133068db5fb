"""A bank's table: owner, account and period above the header, balances below the rows, two headers one under another.

Owns the raw rows of a text table or of a workbook's sheets, of any width, and where among the first of them a header of
known names stands. What the names mean is each format's own.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import MAX_CELL, SEPARATORS, Row, Survey
from twofold.importing.readers.workbooks import read_workbook, sheet_heads

HEAD = 40  # rows in which a header is looked for
NAMES_OF_HEADER = 3  # known names that make a row one
_CURRENCY_OF_COLUMN = re.compile(r"[\s(\[]+([A-Z]{3})[)\]]?\s*$")


class Head(NamedTuple):
    """The first rows of one sheet, or of a text table cut by one separator."""

    sheet: str
    separator: str
    rows: list[list[str]]


class Found(NamedTuple):
    """A header: on which sheet, cut by what, in which row (from 0), and how many names of it are known."""

    sheet: str
    separator: str
    row: int
    names: int


def fold(name: str) -> str:
    """A header without case, spaces and signs; a trailing bracket with a currency is taken off."""
    return re.sub(r"[\W_]+", "", _CURRENCY_OF_COLUMN.sub("", name.strip().strip("\ufeff")).casefold())


def currency_in(name: str) -> str:
    """The currency that a header ends with, as in "Amount (GEL)"; "" when none."""
    found = _CURRENCY_OF_COLUMN.search(name.strip())
    return found[1] if found else ""


def heads(path: Path, survey: Survey, sample: bytes = b"") -> list[Head]:
    """The first rows of the file, in every way in which they can be cut. ``sample``: its first bytes, if at hand."""
    if survey.kind == "excel":
        return [Head(name, "", rows) for name, rows in _workbook_heads(path, survey.digest).items()]
    if survey.kind != "csv":
        return []
    if not sample:
        with path.open("rb") as file:
            sample = file.read(65_536)
    lines = sample.decode(survey.encoding, "replace").lstrip("\ufeff").splitlines()[:HEAD]
    found = []
    for separator in SEPARATORS:
        if any(separator in line for line in lines):
            found.append(Head("", separator, [_cut(line, separator) for line in lines]))
    return found


def find_header(found: list[Head], names: Collection[str], least: int = NAMES_OF_HEADER) -> Found | None:
    """Where the header stands that holds most of the names (folded); of two equal ones the first."""
    best: Found | None = None
    for head in found:
        for number, cells in enumerate(head.rows):
            known = len({fold(cell) for cell in cells if cell} & set(names))
            if known >= least and (best is None or known > best.names):
                best = Found(head.sheet, head.separator, number, known)
    return best


class Grid:
    """An open table. ``rows`` gives rows of any width and, in their places, the problems of those that are none."""

    def __init__(self, path: Path, survey: Survey, separator: str, sheet: str) -> None:
        self.notes: list[str] = list(survey.notes)
        self.bytes_read = 0
        self.whole_last_line = True  # False: the text does not end with an end of line
        if survey.kind == "excel":
            self.rows = self._sheet(path, sheet)
        else:
            self.rows = self._text(path, survey, separator)

    def _sheet(self, path: Path, sheet: str) -> Iterator[Row | RowProblem]:
        notes: list[str] = []
        for number, cells in read_workbook(path, sheet, notes):
            if any(cells):
                yield Row(number, cells)
        self.notes += [note for note in notes if "sheets" not in note]

    def _text(self, path: Path, survey: Survey, separator: str) -> Iterator[Row | RowProblem]:
        csv.field_size_limit(MAX_CELL)
        with path.open("r", encoding=survey.encoding, errors="replace", newline="") as file:
            lines = _Counted(file)
            buffer: Any = file.buffer
            reader = csv.reader(lines, delimiter=separator, strict=True)
            while True:
                begin = lines.number + 1
                lines.taken.clear()
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except csv.Error:
                    yield RowProblem(row=begin, expected=f"quotes that close, cells of at most {MAX_CELL} characters",
                                     got="a quote left open, or text after a closing one", reason="broken_row")  # fmt: skip
                    lines.give_back_all_but_first()  # what an open quote swallowed is read again
                    reader = csv.reader(lines, delimiter=separator, strict=True)
                    continue
                if not begin & 1023:
                    self.bytes_read = buffer.tell()
                if any(cell.strip() for cell in cells):
                    yield Row(begin, [cell.strip().strip("\ufeff") for cell in cells])
            self.whole_last_line = lines.last.endswith(("\n", "\r"))


class _Counted:
    """Physical lines, counted, of which some can be given back. None is longer than a cell may be."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.number = 0
        self.last = ""
        self.taken: list[str] = []  # since the record began

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._file.readline(MAX_CELL * 4)
        if not line:
            raise StopIteration
        self.last = line
        self.number += 1
        self.taken.append(line)
        return line

    def give_back_all_but_first(self) -> None:
        rest = self.taken[1:]
        self.number -= len(rest)
        self._again.extendleft(reversed(rest))


def _cut(line: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


@lru_cache(maxsize=1)  # each format asks for the same workbook in turn
def _workbook_heads(path: Path, digest: str) -> dict[str, list[list[str]]]:
    del digest
    return sheet_heads(path, HEAD)


def sheet_rows(path: Path, survey: Survey, sheet: str, least: int = 0) -> list[list[str]]:
    """All rows of a small sheet, such as one of balances; none when the workbook has no such sheet."""
    if survey.kind != "excel" or sheet not in _workbook_heads(path, survey.digest):
        return []
    rows = [cells for _, cells in islice(read_workbook(path, sheet, []), 10_000)]
    if len(rows) < least:
        raise FileRefused(f"{path.name}: expected {least} rows in the sheet {sheet}, got {len(rows)}")
    return rows
