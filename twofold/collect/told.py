"""What the log says of requests: one line a class and minute, with the id of the answer that it is about.

Owns which class a request is of, and when its next line is due. A class is a door and what came of it, both from closed sets;
nothing that a sender wrote is in a line. That the answer can be found again is the router's to keep.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Struct

log = logging.getLogger("twofold.requests")

EVERY_S = 60.0
ACCEPTED = "accepted"


class Line(Struct, frozen=True, kw_only=True):
    """One line: an answer of this class, and how many there were since the line before."""

    entry: str
    outcome: str
    status: int
    requests: int
    events: int
    seconds: float  # since the line before; 0 for the first
    dataset: str
    trace: str


class _Class:
    __slots__ = ("due", "last", "requests")

    def __init__(self) -> None:
        self.due = 0.0
        self.last: float | None = None
        self.requests = 0


class RequestLines:
    """On the loop's thread. ``datasets`` are those that are configured: any other is somebody's text."""

    def __init__(self, datasets: Collection[str] | Mapping[str, Any]) -> None:
        self._datasets = datasets
        self._classes: dict[tuple[str, str], _Class] = {}

    def is_due(self, entry: str, outcome: str, now_s: float) -> bool:
        """Counts a request of this class; True when it is the one that its next line is about."""
        kind = self._classes.get((entry, outcome))
        if kind is None:
            kind = self._classes[entry, outcome] = _Class()
        kind.requests += 1
        return now_s >= kind.due

    def line(
        self, entry: str, outcome: str, now_s: float, *, status: int, events: int, dataset: str, trace: str
    ) -> Line:
        """Writes the line that is due, and answers it."""
        kind = self._classes[entry, outcome]
        seconds = 0.0 if kind.last is None else round(now_s - kind.last, 1)
        said = Line(
            entry=entry, outcome=outcome, status=status, requests=kind.requests, events=events, seconds=seconds,
            dataset=dataset if dataset in self._datasets else "", trace=trace,
        )  # fmt: skip
        kind.due, kind.last, kind.requests = now_s + EVERY_S, now_s, 0
        fields = msgspec.to_builtins(said)
        log.log(
            logging.WARNING if status >= 500 else logging.INFO, "request %s", msgspec.json.encode(said).decode(),
            extra={"fields": fields},
        )  # fmt: skip
        return said
