"""The one place where a write to lines says which days it has changed, in the transaction that shows the change.

Owns nothing but the call: what is made of the marks is the derived tables' affair.
"""

from __future__ import annotations

from collections.abc import Iterable

from twofold.store.changed.days import LINES, mark_days
from twofold.store.engine import Database


def mark_line_days(engine: Database, days: Iterable[tuple[str, int]], *, erased: bool = False) -> None:
    """(kind of line, day since 1970-01-01) of every line that is seen anew, is replaced, or was emptied.

    ``erased``: what was there before must be gone from every file.
    """
    mark_days(engine, LINES, {day for _, day in days}, erased=erased)
