"""What connecting a platform says, line by line, and how its API's refusals are told.

Owns the two values and the one exception. No message holds a secret: what a platform answers is shown cut, and without them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from twofold.pulling.exchange import Answer

SHOWN = 200  # characters of a platform's own words


class HookState(StrEnum):
    """What became of one webhook."""

    MADE = "made"
    KEPT = "kept"  # was there and is right
    MENDED = "mended"  # was there, and its secret, state or topics were not ours
    LEFT = "left"  # somebody else's: left alone
    REMOVED = "removed"
    REFUSED = "refused"


class Hook(Struct, frozen=True, kw_only=True):
    """``needed``: without it orders are wrong, so a refusal of it is one of the whole."""

    topic: str
    address: str
    state: HookState
    text: str = ""
    needed: bool = False


class NotConnected(Exception):
    """The platform does not let us in, or cannot be asked. ``mend``: a command or clicks."""

    def __init__(self, said: str, mend: str = "") -> None:
        super().__init__(said)
        self.said, self.mend = said, mend


def words_of(answer: Answer, *path: str | int) -> str:
    """A platform's own sentence at a place of its answer, cut; else its status."""
    value: Any = answer.value()
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
    return str(value)[:SHOWN] if isinstance(value, str) and value else f"status {answer.status}"
