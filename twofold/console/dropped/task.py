"""What the child is told of a file, and what it tells: how far it is, what the file came to, or why it cannot be taken.

Owns these values and the child's limits. The file comes as an open descriptor, and its name beside it: readers know a format
by a name's end, too.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from twofold.config import Settings

MODULE = "twofold.console.dropped"
WITHIN_S = 1_800.0
MEMORY_BYTES = 3 << 30
"""Of the child's addresses: a small file that unpacks into a large one ends the child, and nothing else."""
CHOICES = (
    "kind",
    "dataset",
    "format",
    "source",
    "channel",
    "account",
    "currency",
    "timezone",
    "decimal",
    "dates",
    "sheet",
    "send",
)
"""What a person may say about a file; empty: found from the file. ``send``: orders of the last days become Purchases."""


class Task(Struct, frozen=True, kw_only=True):
    """``keep``: it is imported; else it is only looked at."""

    settings: Settings
    descriptor: int
    name: str
    digest: str
    chosen: dict[str, str]
    keep: bool
    now_ms: int


class Far(Struct, frozen=True, kw_only=True, tag=True):
    """So much of the file is read: bytes, 0 where it cannot be told, and rows or lines."""

    read: int
    rows: int


class Came(Struct, frozen=True, kw_only=True, tag=True):
    """What the file is, and what it came to, or would."""

    answer: dict[str, Any]


class Unread(Struct, frozen=True, kw_only=True, tag=True):
    """Why it cannot be taken, and which kinds it may be of."""

    why: str
    guesses: list[dict[str, Any]] = []


Said = Far | Came | Unread
