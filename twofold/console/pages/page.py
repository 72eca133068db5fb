"""What a page is: an address, a right, a question, and rows that are the same in HTML, JSON and CSV.

Owns the shape of pages, what a reader asked for, and how an unknown choice is refused: with the known ones, as an empty
answer must mean that there is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from twofold.config import Settings
from twofold.console.access.register import Session
from twofold.console.access.roles import Right
from twofold.console.dropped.held import Drops
from twofold.console.queries.period import CHOICES, Period, period_of
from twofold.console.sums.keeper import NotYet, SumsKeeper
from twofold.console.sums.remembered import Remembered
from twofold.console.words import Words

EARLIEST = date(2000, 1, 1)
SHOWN = 50
"""Rows on a page at most; further ones are a link away."""
READER_S, MACHINE_S = 10.0, 60.0
"""Who looks at a page is told after so long that its figures are being worked out; who reads it as JSON or CSV has no page that asks again, and waits
longer."""
LONG_S = 600.0
"""A page that is worked out beside others waits so long for its parts."""
T = TypeVar("T")


class Asked(Struct, frozen=True, kw_only=True):
    """A reader's question. ``choices``: the address's query, each once."""

    settings: Settings
    folder: str
    session: Session
    words: Words
    now: int  # Unix s
    choices: Mapping[str, str]
    path: Mapping[str, str]
    sums: SumsKeeper
    remembered: Remembered[Any]
    drops: Drops
    config: Path | None = None  # the file that the settings were read from
    patience_s: float = MACHINE_S

    def one_of(self, name: str, known: Sequence[str]) -> str:
        """A choice, empty where none was made. Raises `UnknownChoice`."""
        given = self.choices.get(name, "")
        if given and given not in known:
            raise UnknownChoice(name, known, given)
        return given

    def number(self, name: str, usual: int = 0) -> int:
        given = self.choices.get(name, "")
        if given and not (given.isascii() and given.isdigit() and len(given) < 19):
            raise UnknownChoice(name, ["a whole number"], given)
        return int(given) if given else usual

    def period(self, usual: str = "7", zone: str = "") -> Period:
        given = self.choices.get("period", usual)
        found = period_of(given, zone or self.words.zone, self.now)
        if found is None:
            raise UnknownChoice("period", [*CHOICES, "YYYY-MM-DD..YYYY-MM-DD"], given)
        return found

    def day(self, name: str, usual: date, latest: date) -> date:
        """A day that is over or under way. Raises `UnknownChoice`."""
        given = self.choices.get(name, "")
        if not given:
            return usual
        try:
            found = date.fromisoformat(given)
        except ValueError:
            found = date.max
        if not EARLIEST <= found <= latest:
            raise UnknownChoice(name, [f"a day from {EARLIEST} to {latest}, as YYYY-MM-DD"], given)
        return found

    def dataset(self) -> str | None:
        """The dataset that was chosen; None for all."""
        return self.one_of("dataset", [d.id for d in self.settings.dataset]) or None

    def worked_out(self, question: Hashable, work_out: Callable[[], T], wait_s: float = LONG_S) -> T:
        """An answer that takes a while and may be some seconds old: worked out once for all pages and readers that need it. Raises `NotYet` for
        who waits no longer, and what ``work_out`` raises."""
        found: T | None = self.remembered.ask(question, work_out, wait_s)
        if found is None:
            raise NotYet(0)
        return found


class Shown(Struct, frozen=True, kw_only=True):
    """A page's answer. ``rows`` with ``columns``: what JSON and CSV give; ``figures``: what the template needs besides. ``in_ms``:
    columns whose times are as the store keeps them, in ms; JSON and CSV tell all times in Unix s."""

    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    figures: Mapping[str, Any] = {}
    about: Mapping[str, Any] = {}  # first object of the JSON
    in_ms: tuple[str, ...] = ()
    status: int = 200
    again_s: int = 0  # the page asks again by itself after so long; 0: it does not


class Page(Struct, frozen=True, kw_only=True):
    """One page. ``name``: in the navigation; empty for one that is only linked to."""

    path: str  # under /console
    name: str
    room: str  # "signal", "set-up"
    right: Right
    template: str
    read: Callable[[Asked], Shown]
    heavy: bool = False  # asks a child process, and may take a minute
    slow: bool = False  # counts more than it shows: the answer is kept for a while, and says of when it is


class UnknownChoice(Exception):
    """A choice that is none: which, what there is, what was given."""

    def __init__(self, name: str, known: Sequence[str], given: str) -> None:
        super().__init__(name)
        self.name, self.known, self.given = name, list(known), given


class NotHere(Exception):
    """There is no such thing."""
