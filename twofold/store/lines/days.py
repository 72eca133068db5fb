"""The one place where a write to lines says which days it has changed, in the transaction that shows the change.

Owns nothing yet but the call: what is made of the marks is the derived tables' affair.
"""

from __future__ import annotations

from collections.abc import Iterable

from twofold.store.sqlite.database import Engine


def mark_line_days(engine: Engine, days: Iterable[tuple[str, int]]) -> None:
    """(kind of line, day since 1970-01-01) of every line that is seen anew, is replaced, or was emptied."""
