"""Live: copies as they arrive, with the fold happening.

Owns the list of the last copies; the page goes on by itself (`console.stream`), and reads without scripts by reloading.
"""

from __future__ import annotations

from typing import Any

from twofold.console.access.roles import Right
from twofold.console.pages.page import SHOWN, Asked, Page, Shown
from twofold.console.queries.signal import copies_after

COLUMNS = ("position", "received_at", "dataset", "event_name", "event_id", "channel", "sender", "verdict", "action")


def read_live(asked: Asked) -> Shown:
    """The last copies, newest first."""
    rows: list[dict[str, Any]] = copies_after(asked.folder, -1, SHOWN)[::-1]
    return Shown(
        columns=COLUMNS,
        rows=rows,
        figures={"copies": rows, "position": rows[0]["position"] if rows else 0},
    )


LIVE = Page(path="/live", name="Live", room="signal", right=Right.SIGNAL, template="live.html", read=read_live)
