"""Files made for the tests of statements, and what a reader says of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from twofold.errors import FileRefused
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import survey_file
from twofold.importing.statements.contract import Dropped, Item, StatementFormat, StatementOptions, Unbalanced
from twofold.ledger.lines import Told


class Read:
    """What one file gave."""

    def __init__(self, form: StatementFormat, items: Sequence[Item], notes: list[str]) -> None:
        self.format = form.name
        self.told = [item for item in items if isinstance(item, Told)]
        self.things = [item.thing for item in self.told]
        self.problems = [item for item in items if isinstance(item, RowProblem)]
        self.dropped = [item for item in items if isinstance(item, Dropped)]
        self.unbalanced = [item for item in items if isinstance(item, Unbalanced)]
        self.notes = notes


def recognised(path: Path, formats: Sequence[StatementFormat]) -> list[str]:
    """Names of the formats with the most signs; empty when none has any."""
    survey = survey_file(path)
    sample = path.read_bytes()[: 64 << 10]
    signs = {form.name: form.recognises(path, survey, sample) for form in formats}
    most = max(signs.values())
    return [name for name, count in signs.items() if most and count == most]


def read(path: Path, formats: Sequence[StatementFormat], name: str = "", **options) -> Read:
    """Reads a file as the format it is recognised as, or as the named one. Raises `FileRefused`."""
    survey = survey_file(path, options.get("encoding", ""))
    if not name:
        found = recognised(path, formats)
        if len(found) != 1:
            raise FileRefused(f"recognised as {found}")
        name = found[0]
    form = next(form for form in formats if form.name == name)
    options = {"zone": UTC, "now": 1_780_000_000, **options}
    file = form.open(path, survey, StatementOptions(**options))
    items = list(file.items())
    return Read(form, items, file.notes)


def written(folder: Path, text: str | bytes, name: str = "file.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path
