"""Small changes of a configuration file that a person wrote: a table more, a table less, one value; every other line stays.

Owns the text. What comes out is read by the program's own reader before it takes the place of what is there, so that a change
which does not fit is refused and nothing is changed.
"""

from __future__ import annotations

import copy
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from twofold.config import Settings, settings_from
from twofold.config.faults import Place, lines_of
from twofold.config.private import private_file, read_private, replace_file
from twofold.errors import ConfigError

BEGIN, END = "# twofold connect {name}: begin", "# twofold connect {name}: end"


class Edited:
    """A file under change. `save` puts it in place, whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
            self.tree: dict[str, Any] = tomllib.loads(self.text)
        except FileNotFoundError:
            raise ConfigError(
                f"configuration file {path.absolute()} does not exist; `twofold init` writes one"
            ) from None
        except (OSError, ValueError) as err:
            raise ConfigError(f"configuration file {path} cannot be read: {err}") from None

    def append(self, name: str, table: str) -> None:
        """A table at the end, between two comments by which it is found again."""
        begin, end = BEGIN.format(name=name), END.format(name=name)
        self._take(f"{self.text.rstrip()}\n\n{begin}\n{table.rstrip()}\n{end}\n")

    def remove(self, name: str) -> bool:
        """Takes out what `append` put there; False where it is not, or somebody moved the comments."""
        between = re.escape(BEGIN.format(name=name)) + r"\n.*?\n" + re.escape(END.format(name=name)) + r"\n?"
        found = re.search(rf"\n*^{between}", self.text, re.M | re.S)
        if found is None:
            return False
        self._take(self.text[: found.start()] + "\n" + self.text[found.end() :])
        return True

    def set_value(self, place: Place, value: str) -> None:
        """One text that stands in a line of its own. Raises `ConfigError` where it does not."""
        (number,) = lines_of(self.text, [place])
        lines = self.text.splitlines(keepends=True)
        word = re.escape(str(place[-1]))
        written = re.compile(rf"(\s*{word}\s*=\s*)(\"[^\"\n]*\"|'[^'\n]*')(.*)", re.S)
        found = written.fullmatch(lines[number - 1]) if number else None
        if found is not None:
            lines[number - 1] = f"{found[1]}{msgspec.json.encode(value).decode()}{found[3]}"
        text = "".join(lines)
        if found is None or not _says(text, self.tree, place, value):
            shown = ".".join(map(str, place))
            raise ConfigError(f"{self.path}: {shown} does not stand in a line of its own; set it to {value!r} yourself")
        self._take(text)

    def settings(self, more: Mapping[str, str] | None = None, *, less: Mapping[str, str] | None = None) -> Settings:
        """As the program will read it; ``more``: names that are about to be written into the private file, ``less``: what stands
        for those that are nowhere yet."""
        given = {name: value for name, value in os.environ.items() if value}
        private = read_private(private_file(self.path))
        return settings_from(self.tree, environ={**(less or {}), **private, **(more or {}), **given})

    def save(self, more: Mapping[str, str] | None = None) -> None:
        """Puts it in place, once the program can read it."""
        self.settings(more)
        replace_file(self.path, self.text)

    def _take(self, text: str) -> None:
        try:
            self.tree = tomllib.loads(text)
        except tomllib.TOMLDecodeError as err:
            raise ConfigError(f"{self.path} cannot be changed by itself ({err}); nothing was changed") from None
        self.text = text


def _says(text: str, before: dict[str, Any], place: Place, value: str) -> bool:
    """Whether a text says the same as before but for this one value."""
    wanted: Any = copy.deepcopy(before)
    inner = wanted
    try:
        for part in place[:-1]:
            inner = inner[part]
        inner[place[-1]] = value
        return bool(tomllib.loads(text) == wanted)
    except (tomllib.TOMLDecodeError, KeyError, IndexError, TypeError):
        return False


def secret_name(tree: Mapping[str, Any], place: Place) -> str:
    """The name behind ``env:`` at a place, of a list the first; empty where a secret itself stands there, or nothing."""
    value: Any = tree
    for part in place:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return ""
    first = value[0] if isinstance(value, list) and value else value
    return first[4:] if isinstance(first, str) and first.startswith("env:") else ""
