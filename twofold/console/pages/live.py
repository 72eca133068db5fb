"""Live: copies as they arrive, with the fold happening; of one event or of one test only, where that is asked for.

Owns the list of the last copies; the page goes on by itself (`console.stream`), and reads without scripts by reloading.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from twofold.acceptance.seen.trail import trail_of
from twofold.console.access.roles import Right
from twofold.console.pages.page import SHOWN, Asked, Page, Shown, UnknownChoice
from twofold.console.queries.signal import goes_on, last_copies
from twofold.report.kept import TEST_PURCHASE, kept

COLUMNS = (
    "position",
    "received_at",
    "dataset",
    "event_name",
    "event_id",
    "channel",
    "sender",
    "verdict",
    "action",
    "role",
    "link",
)

OLDER_DAYS = 28


def read_live(asked: Asked) -> Shown:
    """The last copies, newest first."""
    event, names = asked.choices.get("event", ""), set[str]()
    tests = {str(one.facts.get("code")): one for one in kept(asked.folder, TEST_PURCHASE)}
    code = asked.one_of("test", sorted(tests))
    of_test = _of_test(asked, code) if code else None

    def fits(row: dict[str, Any]) -> bool:
        names.add(row["event_name"])
        return (not event or row["event_name"] == event) and (of_test is None or row["action"] in of_test)

    rows = last_copies(asked.folder, fits, SHOWN)
    if event and event not in names:
        _must_exist(asked, event)
    return Shown(
        columns=COLUMNS,
        in_ms=("received_at",),
        rows=[{**row, "role": "signal", "link": "signalled"} for row in rows],
        about={"event": event, "test": code, "timezone": asked.words.zone},
        again_s=5 if code else 0,
        figures={
            "copies": rows, "position": rows[0]["position"] if rows else 0, "event": event, "event_names": sorted(names | ({event} if event else set())), "test": code,
            "tests": sorted(tests), "is_still": bool(code) or not goes_on(asked.folder),
        },
    )  # fmt: skip


def _must_exist(asked: Asked, event: str) -> None:
    """None of the last copies has this name: an older one may."""
    day = datetime.fromtimestamp(asked.now, UTC).date() - timedelta(days=OLDER_DAYS)
    with asked.sums.reading(asked.now, events_since=day) as sums:
        known = sums.stretches.event_names()
    if event not in known:
        raise UnknownChoice("event", known, event)


def _of_test(asked: Asked, code: str) -> frozenset[int]:
    """The actions of the browser that opened a page with this code."""
    one = next(k for k in kept(asked.folder, TEST_PURCHASE) if k.facts.get("code") == code)
    trail = trail_of(
        asked.folder, str(one.facts.get("dataset")), code, int(one.facts.get("position", 0)), one.at * 1000
    )
    return frozenset({*(seen.action for seen in trail.seen), *trail.purchases})


LIVE = Page(path="/live", name="Live", room="signal", right=Right.SIGNAL, template="live.html", read=read_live)
