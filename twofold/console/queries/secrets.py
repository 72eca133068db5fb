"""Which secrets the configuration reads from the environment, by name and place. Never a value."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from twofold.config.private import private_file, read_private
from twofold.errors import ConfigError

Place = tuple[Any, ...]


class Named(Struct, frozen=True, kw_only=True):
    """One name. ``kept``: it stands in the private file."""

    name: str
    places: tuple[Place, ...]
    kept: bool

    @property
    def said(self) -> str:
        """Where it is used, for people."""
        return ", ".join(
            ".".join(str(part + 1) if isinstance(part, int) else part for part in place) for place in self.places
        )


def names_of(config: Path | None) -> list[Named]:
    """In the order of the file; none where it cannot be read."""
    if config is None:
        return []
    try:
        tree = tomllib.loads(config.read_text(encoding="utf-8"))
        private = read_private(private_file(config))
    except (OSError, ValueError, ConfigError):
        return []
    found: dict[str, list[Place]] = {}
    for place, name in _walk(tree, ()):
        found.setdefault(name, []).append(place)
    return [Named(name=name, places=tuple(places), kept=name in private) for name, places in found.items()]


def _walk(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    match value:
        case str() if value.startswith("env:"):
            yield place, value[4:]
        case dict():
            for key, inner in value.items():
                yield from _walk(inner, (*place, key))
        case list():
            for number, inner in enumerate(value):
                yield from _walk(inner, (*place, number))
