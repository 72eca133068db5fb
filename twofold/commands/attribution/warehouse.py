"""The questions and tables of reports as a project of dbt, for a data team's own warehouse. Reads no data folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from twofold.commands.options import JsonOption, known_value
from twofold.commands.output.printing import print_rows, say

ROOMS = ("twofold.facts", "twofold.reconcile", "twofold.attribution", "twofold.audiences")


def warehouse(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the project is written; a folder that is not there, or empty.")
    ],
    dialect: Annotated[str, typer.Option("--dialect", help="Of the warehouse: duckdb, postgres or spark.")] = "duckdb",
    json: JsonOption = False,
) -> None:
    """Write the questions of all reports as a project of dbt: a model each, with the tables as sources.

    Columns, words and tests come from the same definitions that reports use. See docs/analytics.md.
    """
    from twofold import __version__
    from twofold.facts.engines.dbt import DIALECTS, project_of
    from twofold.facts.questions import questions_of
    from twofold.facts.tables import TABLES

    known_value("--dialect", dialect, DIALECTS)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise typer.BadParameter(f"expected a folder that is not there, or empty, got {folder}", param_hint="DIR")
    questions = [question for room in ROOMS for question in questions_of(room).values()]
    files = project_of(TABLES, questions, __version__, dialect)
    _write(folder, files)
    if json:
        from twofold.commands.output.rows.setup import Written

        print_rows(Written, ({"file": str(folder / path), "what": _what(path)} for path in files))
        return
    say(f"{len(questions)} models over {len(TABLES)} tables for {dialect}: {folder}")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """All of it or nothing: whoever runs half a project would miss models without a word."""
    from twofold.errors import ConfigError

    there = folder.exists()
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as err:
        shutil.rmtree(folder, ignore_errors=True)
        if there:
            folder.mkdir(exist_ok=True)
        raise ConfigError(f"{folder} cannot be written: {err.strerror}") from None


def _what(path: str) -> str:
    """What a file of the project is, for machines that take the list of them."""
    if path.endswith(".sql"):
        return "a test that a table's key names one row" if path.startswith("tests/") else "a model: one question"
    return {"models/sources.yml": "the tables' words and tests", "models/schema.yml": "the models' words"}.get(
        path, "the project, with each variable's models"
    )
