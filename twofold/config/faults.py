"""Faults of a configuration: collected, not raised one by one, each with the line where it stands in the file.

Owns their shape and the search for lines. TOML readers tell no lines, so the file is looked through again, only when there
is a fault to show.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from twofold.errors import ConfigError

Place = tuple[str | int, ...]
"""Where a setting stands in the tree, as ("dataset", 0, "hold_s", "Lead")."""


class Fault(NamedTuple):
    """``line`` counts from 1; 0 where the file does not hold it (a missing setting, or no file at all)."""

    text: str
    line: int = 0


class Faults:
    """Everything that is wrong with one configuration. ``text`` is the file, empty where there is none."""

    def __init__(self, text: str = "", file: str = "") -> None:
        self._text = text
        self._file = file
        self._found: list[tuple[Place, str]] = []
        self.written: dict[Place, str] = {}  # where a setting has its old name, that name

    def add(self, place: Place, text: str) -> None:
        """One more. Where the setting was written by its old name, so is the fault."""
        for at, old in self.written.items():
            if place[: len(at)] == at:
                text = re.sub(rf"\b{re.escape(str(at[-1]))}\b", old, text)
        if text not in [t for _, t in self._found]:
            self._found.append((place, text))

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def error(self) -> ConfigError:
        """All of them as one error, in the order of the file."""
        lines = lines_of(self._text, [self._as_written(place) for place, _ in self._found])
        faults = sorted(
            (Fault(text, line) for (_, text), line in zip(self._found, lines, strict=True)), key=lambda f: f.line
        )
        said = [f"line {f.line}: {f.text}" if f.line else f.text for f in faults]
        where = f" {self._file}" if self._file else ""
        if len(said) == 1:
            return ConfigError(
                f"configuration{where}: {said[0]}. See docs/settings.md for every name and unit.", faults
            )
        listed = "\n  ".join(said)
        return ConfigError(
            f"configuration{where}: {len(said)} faults. See docs/settings.md for every name and unit.\n  {listed}",
            faults,
        )

    def line_of(self, place: Place) -> int:
        """The line of a setting, 0 where it is not in the file."""
        return lines_of(self._text, [self._as_written(place)])[0]

    def _as_written(self, place: Place) -> Place:
        for at, old in self.written.items():
            if place[: len(at)] == at:
                return (*at[:-1], old, *place[len(at) :])
        return place


def lines_of(text: str, places: Sequence[Place]) -> list[int]:
    """The line of each place, or of the nearest table around it that the file holds."""
    known = _lines_by_place(text) if text else {}
    found = []
    for place in places:
        while place and place not in known:
            place = place[:-1]
        found.append(known.get(place, 0))
    return found


_TABLE = re.compile(r"\s*(\[\[|\[)\s*(.+?)\s*\]\]?\s*(#.*)?")
_NAME = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-]+))*)\s*=""")
_INSIDE = re.compile(r"""[{,]\s*("[^"]*"|'[^']*'|[A-Za-z0-9_\-]+)\s*=""")


def _lines_by_place(text: str) -> dict[Place, int]:
    """Every key that begins a line, and those of tables within a line. Read as people write such files; a line that is
    not understood only makes a fault point to the table around it."""
    found: dict[Place, int] = {}
    lists: Counter[Place] = Counter()
    table: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _TABLE.fullmatch(line)
        if header is not None and "=" not in header[2]:
            table = _place_of(_words(header[2]), lists, header[1] == "[[")
            found.setdefault(table, number)
            continue
        name = _NAME.match(line)
        if name is not None:
            place = _place_of((*table, *_words(name[1])), Counter(), False)
            for size in range(len(table) + 1, len(place) + 1):
                found.setdefault(place[:size], number)
            for inner in _INSIDE.findall(line[name.end() :]):
                found.setdefault((*place, *_words(inner)), number)
    return found


def _place_of(words: Place, lists: Counter[Place], begins: bool) -> Place:
    """The place that the words of a header stand for: a table of a list is the list's last one so far."""
    place: Place = ()
    for at, word in enumerate(words):
        place = (*place, word)
        if begins and at == len(words) - 1:
            lists[place] += 1
        if lists[place]:
            place = (*place, lists[place] - 1)
    return place


def _words(name: str) -> tuple[str, ...]:
    return tuple(w.strip("\"'") for w in re.findall(r"\"[^\"]*\"|'[^']*'|[^.\s]+", name))
