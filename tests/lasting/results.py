"""How far the long runs have come, on disk, and their last result in docs/design.md.

Owns both files' form. A run that is stopped goes on where it was: its figures are added up until its target is reached.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRESS = ROOT / ".lasting"
DESIGN = ROOT / "docs" / "design.md"


class Progress:
    """The figures of one run by name; `add` writes them down at once."""

    def __init__(self, name: str, *, anew: bool = False, folder: Path = PROGRESS) -> None:
        self._file = folder / f"{name}.json"
        self.figures: dict[str, Any] = {}
        if not anew and self._file.exists():
            self.figures = json.loads(self._file.read_text(encoding="utf-8"))

    def __getitem__(self, name: str) -> Any:
        return self.figures.get(name, 0)

    def add(self, **more: float) -> None:
        for name, figure in more.items():
            self.figures[name] = self[name] + figure
        self._write()

    def most(self, **more: float) -> None:
        for name, figure in more.items():
            self.figures[name] = max(self[name], figure)
        self._write()

    def put(self, **facts: Any) -> None:
        self.figures |= facts
        self._write()

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self.figures), encoding="utf-8")


def put_result(name: str, said: str, design: Path = DESIGN, today: datetime.date | None = None) -> None:
    """Writes a run's row of the table of long runs: what it says in the place of what it said before."""
    day = today or datetime.datetime.now(datetime.UTC).date()
    row = f"| `make {name}` | {day.day} {day:%B %Y} | {said} |"
    text = design.read_text(encoding="utf-8")
    new, found = re.subn(rf"^\| `make {re.escape(name)}` \|.*$", lambda _: row, text, flags=re.MULTILINE)
    if found != 1:
        raise ValueError(f"{design}: expected one row for `make {name}`, got {found}")
    design.write_text(new, encoding="utf-8")


def put_table(head: str, rows: Sequence[tuple[str, ...]], design: Path = DESIGN) -> None:
    """Writes the rows of the one table that has this first line, in the place of those that it had."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    text = design.read_text(encoding="utf-8")
    table = rf"^({re.escape(head)}\n\|[-|]+\|\n)(?:\|.*\n)*"
    new, found = re.subn(table, lambda m: m[1] + "".join(f"{line}\n" for line in lines), text, flags=re.MULTILINE)
    if found != 1:
        raise ValueError(f"{design}: expected one table that begins with {head!r}, got {found}")
    design.write_text(new, encoding="utf-8")
