"""A file of JSON answers as platforms give them: one document, a list of them, or one a line, page after page.

Owns how they are opened and what a cut one costs. Numbers stay exact. What an answer means is each format's own file.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import Survey
from twofold.importing.statements.contract import StatementOptions

MAX_DOCUMENT = 128 << 20  # bytes that are read as one value
MAX_LINE = 64 << 20

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class AnswersFile:
    """An open file of a platform's answers: where it is, what the operator set, and the row that is read now. What it holds is
    each format's ``items``."""

    def __init__(self, path: Path, survey: Survey, options: StatementOptions) -> None:
        self.notes: list[str] = []
        self.bytes_read = 0
        self._path = path
        self._survey = survey
        self._options = options
        self._row = 0  # so many rows were read

    def _answers(self) -> Iterator[dict[str, Any]]:
        return documents(self._path, self._survey)

    def _problem(self, column: str, expected: str, got: str, reason: str) -> RowProblem:
        """Of the row that is read now."""
        return RowProblem(row=self._row, column=column, expected=expected, got=got, reason=reason)


def documents(path: Path, survey: Survey) -> Iterator[dict[str, Any]]:
    """The objects of a file, those of a list one by one. Raises `FileRefused` where the text is no JSON or is cut."""
    if survey.kind != "json":
        raise FileRefused(f"{path}: expected JSON, got another kind of file")
    with path.open("r", encoding=survey.encoding, errors="replace", newline="\n") as file:
        if survey.size <= MAX_DOCUMENT:
            text = file.read().lstrip("\ufeff").strip()
            whole = _whole(text)
            if whole is not None:
                yield from _objects(path, whole, 1)
                return
            lines: Iterator[str] = iter(text.split("\n"))
        else:
            lines = iter(lambda: file.readline(MAX_LINE), "")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield from _objects(path, _decode(line), number)
            except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
                raise FileRefused(
                    f"{path}: line {number}: expected JSON answers, one a line or one in all, got text that is no JSON "
                    "or was cut"
                ) from None


def signs_in(sample: bytes, survey: Survey, needed: tuple[str, ...], further: tuple[str, ...] = ()) -> int:
    """How many of a format's keys the beginning of a JSON file shows; 0 when a needed one is missing."""
    if survey.kind != "json":
        return 0
    text = sample.decode(survey.encoding, "replace")
    if not all(f'"{key}"' in text for key in needed):
        return 0
    return sum(f'"{key}"' in text for key in (*needed, *further))


def exact(value: Any) -> Decimal | None:
    """A number of an answer, text or not; None for a dash or nothing. Raises `ValueError` for what is no number."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    if text in ("", "-", "--"):
        return None
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise ValueError(text) from None
    if not number.is_finite() or abs(number.adjusted()) > 18:
        raise ValueError(text)
    return number


def whole(value: Any) -> int | None:
    number = exact(value)
    if number is None:
        return None
    if number != number.to_integral_value() or number < 0:
        raise ValueError(str(value))
    return int(number)


def text_of(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list | bool) else str(value).strip()


def _whole(text: str) -> Any:
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
        return None


def _objects(path: Path, value: Any, number: int) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            raise FileRefused(f"{path}: line {number}: expected JSON objects, got another value")
        yield item
