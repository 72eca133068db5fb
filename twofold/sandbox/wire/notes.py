"""What people and tests have said to the sandbox, as against what it received: resolved diagnostics, asset links.

Owns one small file in the data folder, written whole and swapped in at each change.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from twofold.sandbox.wire.rules import Links

FILE_NAME = "notes.json"


class Resolved(Struct, frozen=True):
    """One diagnostic of one dataset and event name that somebody called resolved at ``at`` (ms)."""

    dataset: str
    event_name: str
    diagnostic: str
    at: int


class _Content(Struct):
    resolved: list[Resolved] = []
    links: Links = msgspec.field(default_factory=Links)


class Notes:
    """The notes in memory, and in ``folder`` when there is one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = folder / FILE_NAME if folder else None
        self._resolved: dict[tuple[str, str, str], int] = {}
        self.links = Links()
        if self._path is not None and self._path.exists():
            content = msgspec.json.decode(self._path.read_bytes(), type=_Content)
            self._resolved = {(r.dataset, r.event_name, r.diagnostic): r.at for r in content.resolved}
            self.links = content.links

    def resolved_at(self, dataset: str, event_name: str, diagnostic: str) -> int | None:
        """When it was called resolved (ms); None when never."""
        return self._resolved.get((dataset, event_name, diagnostic))

    def resolve(self, dataset: str, event_name: str, diagnostic: str, at: int) -> None:
        self._resolved[(dataset, event_name, diagnostic)] = at
        self.save()

    def reset(self) -> None:
        self._resolved.clear()
        self.links = Links()
        self.save()

    def save(self) -> None:
        """Writes the file; call it after a change of ``links``."""
        if self._path is None:
            return
        resolved = [Resolved(*key, at) for key, at in self._resolved.items()]
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(_Content(resolved, self.links)))
        fresh.replace(self._path)
