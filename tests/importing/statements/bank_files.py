"""Statements composed by hand in banks' formats, and what a reader made of them as plain values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import survey_file
from twofold.importing.statements.contract import Dropped, StatementFile, StatementOptions, Unbalanced
from twofold.importing.statements.formats import formats_of
from twofold.ledger.lines import MoneyLine, Statement, Told

OWN = "DE89370400440532013000"  # the registry's own example
GEORGIAN = "GE29NB0000000101904917"  # likewise


class Reading(Struct):
    """All that a file gave."""

    format: str
    told: list[Told]
    lines: list[MoneyLine]
    statements: list[Statement]
    unbalanced: list[Unbalanced]
    problems: list[RowProblem]
    dropped: list[Dropped]
    notes: list[str]

    @property
    def amounts(self) -> list[Decimal]:
        return [line.gross for line in self.lines]

    @property
    def refused(self) -> list[RowProblem]:
        return [problem for problem in self.problems if problem.kind == "refused"]

    @property
    def reasons(self) -> list[str]:
        return [problem.reason for problem in self.problems]


def recognised(path: Path) -> str:
    """The format's name with the most signs, as the importer takes it; "" when none knows the file."""
    survey = survey_file(path)
    sample = path.read_bytes()[: 64 << 10]
    found = sorted(((form.recognises(path, survey, sample), form.name) for form in formats_of("bank")), reverse=True)
    assert found[0][0] == 0 or found[0][0] > found[1][0], found
    return found[0][1] if found[0][0] else ""


def open_statement(path: Path, form: str = "", **given: Any) -> StatementFile:
    """The file as the format that is recognised, or as the named one."""
    survey = survey_file(path, given.get("encoding", ""))
    name = form or recognised(path)
    assert name, "no format knows the file"
    chosen = next(f for f in formats_of("bank") if f.name == name)
    return chosen.open(path, survey, StatementOptions(zone=ZoneInfo("UTC"), **given))


def read_statement(path: Path, form: str = "", **given: Any) -> Reading:
    file = open_statement(path, form, **given)
    items = list(file.items())
    told = [item for item in items if isinstance(item, Told)]
    return Reading(
        format=file.format,
        told=told,
        lines=[t.thing for t in told if isinstance(t.thing, MoneyLine)],
        statements=[t.thing for t in told if isinstance(t.thing, Statement)],
        unbalanced=[item for item in items if isinstance(item, Unbalanced)],
        problems=[item for item in items if isinstance(item, RowProblem)],
        dropped=[item for item in items if isinstance(item, Dropped)],
        notes=file.notes,
    )


def put(folder: Path, name: str, text: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def money(*values: str) -> list[Decimal]:
    return [Decimal(value) for value in values]
