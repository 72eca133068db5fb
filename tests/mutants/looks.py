"""Which tests come by which line of the program, kept from one run to the next: to see it costs more than to try a hundred changes.

Owns the form of what is kept and when it is no longer true: once a file of the program, the test's own or a fixture's is another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Seen(NamedTuple):
    """What a test did while nothing was changed. ``lines``: files of the program, and lines there, that it came by."""

    seconds: float
    passed: bool
    lines: frozenset[tuple[str, int]]


class Looks:
    """By a test's name, in one file of this folder."""

    def __init__(self, folder: Path, modules: Iterable[str]) -> None:
        """``modules``: those whose lines are looked at."""
        self._file = folder / "mutants-looks.json"
        self._modules = sorted(modules)
        self._kept = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}

    def of(self, test: str, file: Path) -> Seen | None:
        """None where it has to be looked at (again)."""
        state, *seen = self._kept.get(test, [""])
        if state != self._state(file):
            return None
        seconds, passed, lines = seen
        return Seen(seconds, passed, frozenset((f, n) for f, n in lines))

    def keep(self, test: str, file: Path, seen: Seen) -> None:
        self._kept[test] = [self._state(file), seen.seconds, seen.passed, sorted(seen.lines)]

    def write(self) -> None:
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text(json.dumps(self._kept), encoding="utf-8")

    def _state(self, file: Path) -> str:
        fixtures = [
            f for folder in file.parents if ROOT in folder.parents for f in [folder / "conftest.py"] if f.exists()
        ]
        return f"{_program()} {' '.join(self._modules)} {' '.join(map(_digest, [file, *fixtures]))}"


@cache
def _program() -> str:
    return hashlib.sha256("".join(map(_digest, sorted((ROOT / "twofold").rglob("*.py")))).encode()).hexdigest()[:16]


@cache
def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
