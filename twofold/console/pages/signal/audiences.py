"""Audiences: which lists of people are kept at platforms, how large each is, and what was told last.

Owns the page. It reads the settings and the book (`audiences.showing`) and works nothing out; nobody on it can be told from it. Role: for
the algorithm.
"""

from __future__ import annotations

from typing import Any

from twofold.audiences.book import TOO_SMALL
from twofold.audiences.platforms import BY_PLATFORM
from twofold.audiences.showing import lists_shown, trail_shown
from twofold.console.access.roles import Right
from twofold.console.pages.page import SHOWN, Asked, Page, Shown

COLUMNS = ("name", "rule", "dataset", "days", "account", "platform", "list", "smallest", "fitting", "people", "left_out", "told",
           "taking_back", "listed_at", "synced_at", "code", "problem", "role", "link")  # fmt: skip
FINE = ("", TOO_SMALL)


def read_audiences(asked: Asked) -> Shown:
    """A row for each list; the last requests beside them."""
    dataset = asked.dataset()
    rows = [_row(one) for one in lists_shown(asked.settings) if dataset is None or one["dataset"] in (dataset, "")]
    return Shown(
        columns=COLUMNS,
        rows=rows,
        figures={
            "wrong": [r for r in rows if r["code"] not in FINE],
            "trail": [{**t, "meant_at": t["meant_at"] // 1000} for t in trail_shown(asked.settings, most=SHOWN)],
            "titles": {keeper.platform: keeper.title for keeper in BY_PLATFORM.values()},
        },
    )


def _row(one: dict[str, Any]) -> dict[str, Any]:
    """Times in seconds, as everywhere on pages."""
    times = {name: one[name] // 1000 if one[name] is not None else None for name in ("listed_at", "synced_at")}
    return {**one, **times, "role": "signal", "link": "signalled"}


AUDIENCES = Page(
    path="/audiences",
    name="Audiences",
    room="signal",
    right=Right.SIGNAL,
    template="signal/audiences.html",
    read=read_audiences,
)
