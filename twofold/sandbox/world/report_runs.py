"""Report runs of asynchronous insights: asked for, looked at until ready, then read.

A run is ready at its third look, so that a client has to wait as it must with Meta. Runs live in memory only: a
restart or a reset loses them (Meta's expire after 30 days).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from twofold.sandbox.world.ads import Node

LOOKS_UNTIL_READY = 3
KEEP_RUNS = 1_000  # the oldest go first
FIRST_RUN = 6_000_000_000_000_000


class Run(Struct, kw_only=True):
    """One report run: its rows are those of the moment it was asked for."""

    id: str
    account_id: str
    node: Node
    rows: list[dict[str, Any]]
    left_out: tuple[str, ...]
    since: str
    until: str
    started_at: int  # ms
    looks: int = 0

    @property
    def ready(self) -> bool:
        return self.looks >= LOOKS_UNTIL_READY


class Runs:
    """The report runs of one sandbox."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._made = 0

    def add(self, **fields: Any) -> Run:
        self._made += 1
        run = Run(id=str(FIRST_RUN + self._made), **fields)
        self._runs[run.id] = run
        if len(self._runs) > KEEP_RUNS:
            del self._runs[next(iter(self._runs))]
        return run

    def forget(self) -> None:
        self._runs.clear()

    def find(self, id_: str) -> Run | None:
        return self._runs.get(id_)
