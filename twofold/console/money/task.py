"""What a money page asks, and how: a task for a child process, its answer as plain values, a deadline.

Owns the way in and out. A child that takes too long or ends in the middle is a `StoreError` with a sentence for the reader;
the console goes on. Amounts are decimals as texts, which `decimal` reads without loss.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from twofold.console.money.spare import Spare
from twofold.errors import StoreError
from twofold.facts.child import Child
from twofold.facts.engine import Answer, Where, ask_all
from twofold.facts.engine import Asked as TableQuestion
from twofold.reconcile.reading.keeping import KeepDays

MODULE = "twofold.console.money"
WITHIN_S = 240.0
"""So long a child may take: who asked has a page that asks again meanwhile."""
AT_ONCE = 2
"""More questions than these wait for one another: the machine is the gateway's."""

_asker: Child | None = None
"""In the child: who asks the tables for it."""


def warm() -> None:
    """Of the child: whoever asks the tables for it is started before its task comes."""
    global _asker
    _asker = Child(series=True)
    _asker.start()


def _waiting_asker() -> Child | None:
    """A new one where a limit ended the last."""
    if _asker is not None and not _asker.waits:
        warm()
    return _asker


_room = threading.BoundedSemaphore(AT_ONCE)
_spare = Spare(MODULE)


class Task(Struct, frozen=True, kw_only=True):
    """``base``: what a command knows from the settings; ``what``: chain, term, cash, day, life, campaigns, credited, customers, waiting or matching. Days are ``YYYY-MM-DD``."""

    what: str
    base: KeepDays
    since: str = ""
    until: str = ""
    as_of: int
    view: str = "cohort"
    by: str = ""
    group: str = ""
    term: str = ""
    after: int = 0  # of a term's orders so many are left out,
    most: int = 50  # and so many shown
    window: int = 7
    dataset: str | None = None
    answers: tuple[tuple[str, str], ...] = ()  # what buyers answer, and the channel that it means
    orders: list[str] = []
    lines: tuple[str, ...] = ()  # names of lines, keys of batches
    tables: Where | None = None

    def asking(self, seen: list[int]) -> Callable[[Sequence[TableQuestion]], list[Answer]]:
        """The derived tables; ``seen`` gets the times of which they are."""

        def ask(asked: Sequence[TableQuestion]) -> list[Answer]:
            answers = self.ask(asked)
            seen.extend(answer.as_of for answer in answers)
            return answers

        return ask

    def ask(self, asked: Sequence[TableQuestion]) -> list[Answer]:
        """Of the derived tables."""
        assert self.tables is not None
        return ask_all(self.tables.analytics, asked, _waiting_asker())


def ask(task: Task, within_s: float = WITHIN_S) -> dict[str, Any]:
    """The child's answer. Raises `StoreError` where there is none."""
    if not _room.acquire(timeout=within_s):
        raise StoreError("too many questions are being asked at once; try again in a minute")
    try:
        told = _spare.ask(task, within_s, "ask for fewer days, or use the command")
    finally:
        _room.release()
    return msgspec.json.decode(told, type=dict[str, Any])
