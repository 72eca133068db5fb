"""The European Central Bank's reference rates: the history, its last 90 days, the daily file; also inside their zip.

Owns their form: units of each currency for one euro, newest first, an empty column at the end, ``N/A`` where there is
none, only days of its payment system, a day as ``13 April 2026`` in the daily file. There is no lari. Facts: chain.md
3.7, from a stored file.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.readers.values import shape
from twofold.importing.statements.cells import is_masked, read_day
from twofold.importing.statements.contract import Item, StatementFile, StatementOptions
from twofold.ledger.lines import Rate, Told

BASE = "EUR"
MAX_UNPACKED = 64 << 20
_CODE = re.compile("[A-Z]{3}")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")


class Ecb:
    name = "ecb"
    kind = "rates"
    title = "reference rates of the European Central Bank"

    def recognises(self, path: Path, survey: Survey, sample: bytes) -> int:
        del path  # known by its beginning alone
        if survey.kind == "archive":
            return 5 if b"eurofxref" in sample else 0
        if survey.kind != "csv":
            return 0
        return len(_codes(sample.decode(survey.encoding, "replace").split("\n", 1)[0]) or ())

    def open(self, path: Path, survey: Survey, options: StatementOptions) -> StatementFile:
        del options
        return _Ecb(path, survey)


class _Ecb:
    format = Ecb.name
    title = Ecb.title

    def __init__(self, path: Path, survey: Survey) -> None:
        self.notes: list[str] = []
        self.bytes_read = 0
        self._path = path
        self._survey = survey

    def items(self) -> Iterator[Item]:
        with _text(self._path, self._survey) as file:
            codes = _codes(file.readline(MAX_UNPACKED))
            if codes is None:
                raise FileRefused(f"{self._path}: expected a header of Date and currencies, got another line")
            try:
                for number, line in enumerate(iter(file.readline, ""), 2):
                    if line.strip():
                        yield from _row(number, line, codes)
            except (zipfile.BadZipFile, EOFError, OSError, ValueError) as err:
                raise FileRefused(
                    f"{self._path}: expected a whole archive, got a damaged one ({type(err).__name__})"
                ) from None


def _codes(line: str) -> list[str] | None:
    """The currencies of a header; the last cell is empty."""
    cells = [cell.strip() for cell in line.lstrip("\ufeff").split(",")]
    if cells[0] != "Date" or len(cells) < 2:
        return None
    codes = cells[1:]
    if not any(codes) or not all(_CODE.fullmatch(code) for code in codes if code):
        return None
    return codes


def _row(number: int, line: str, codes: list[str]) -> Iterator[Item]:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(codes) + 1:
        yield RowProblem(row=number, expected=f"{len(codes) + 1} cells", got=f"{len(cells)}", reason="ragged_row")
        return
    day = read_day(cells[0])
    if day is None:
        yield RowProblem(row=number, column="Date", expected="a day", got=shape(cells[0]), reason="bad_date")
        return
    for code, cell in zip(codes, cells[1:], strict=True):
        if not code or not cell or is_masked(cell):
            continue
        if not _NUMBER.fullmatch(cell) or not Decimal(cell):
            yield RowProblem(row=number, column=code, expected="units for one euro", got=shape(cell), reason="bad_rate")
            continue
        yield Told(
            row=number, thing=Rate(source="ecb", day=day, currency=code, per=Decimal(cell), rate=Decimal(1), base=BASE)
        )


@contextmanager
def _text(path: Path, survey: Survey) -> Iterator[IO[str]]:
    if survey.kind != "archive":
        with path.open("r", encoding=survey.encoding, errors="replace") as plain:
            yield plain
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = [part for part in archive.infolist() if part.filename.lower().endswith(".csv")]
            if len(members) != 1:
                raise FileRefused(f"{path}: expected an archive with one CSV file, got {len(members)}")
            if members[0].file_size > MAX_UNPACKED:
                raise FileRefused(f"{path}: expected at most {MAX_UNPACKED >> 20} MiB unpacked, got more")
            with archive.open(members[0]) as raw:
                yield io.TextIOWrapper(raw, encoding="utf-8", errors="replace")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as err:
        raise FileRefused(f"{path}: expected a zip archive, got a damaged one ({type(err).__name__})") from None
