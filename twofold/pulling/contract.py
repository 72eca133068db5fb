"""What a platform is to the run that pulls: what it is asked, and what it hands over.

Owns the values between them. A platform hands over portions; each is read and kept whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from twofold.config import AccountSettings
from twofold.ledger.lines import Thing
from twofold.pulling.exchange import Exchange


class Span(Struct, frozen=True):
    """Days as the platform counts them, both included."""

    since: date
    until: date

    def parts(self, days: int) -> Iterator[Span]:
        """The same days in spans of so many at most, the oldest first."""
        first = self.since
        while first <= self.until:
            last = min(first + timedelta(days=days - 1), self.until)
            yield Span(first, last)
            first = last + timedelta(days=1)

    @property
    def days(self) -> list[str]:
        return [(self.since + timedelta(days=n)).isoformat() for n in range((self.until - self.since).days + 1)]

    def __str__(self) -> str:
        return f"{self.since} to {self.until}"


class Who(StrEnum):
    """Who must act on a problem."""

    OPERATOR = "operator"  # a token, a right, a setting
    PLATFORM = "platform"  # it answers what its documents do not say, or not at all: tried again at the next pull
    NOBODY = "nobody"  # it passes by itself


class Problem(Exception):
    """What was asked could not be had. ``text`` holds neither a credential nor anything of a person."""

    def __init__(self, code: str, who: Who, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.who = who
        self.text = text


class Portion(Struct, frozen=True, kw_only=True):
    """Answers as they came, for one reader. ``span``: the days that they are about."""

    span: Span
    kind: str  # of `statements.contract.KINDS`
    format: str
    content: bytes
    suffix: str = ".json"
    account: str = ""  # as the reader is to know it, where the answers do not say it
    currency: str = ""
    columns: Mapping[str, str] = {}


class Platform(Struct, frozen=True, kw_only=True):
    """One platform. ``source``: as its lines are called. ``fetch`` raises `Problem`; what it gave before stays.

    ``nothing``: an answer that tells nothing of a line, of a platform that leaves such rows out: what it told before and
    tells no more has become nothing. It gives None for a line that its answers do not tell.
    """

    name: str
    source: str
    fetch: Callable[[AccountSettings, Span, Exchange], Iterator[Portion]]
    nothing: Callable[[Thing], Any] | None = None
