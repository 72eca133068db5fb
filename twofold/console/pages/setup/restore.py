"""Restore: which sets of the folder's backup there are, what each would lack, and what has to be run.

Owns the page. A restore wants the gateway stopped and takes the folder that this console reads: it is run where the program runs,
and the page says every line of it. Role: for the algorithm.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from twofold.backup.repository import Kept, Repository
from twofold.console.access.roles import Right
from twofold.console.pages.page import Asked, Page, Shown
from twofold.console.queries.running import backup_of
from twofold.errors import StoreError
from twofold.report.period import journal_of
from twofold.store.beside.folder import is_open
from twofold.store.engines import is_embedded

COLUMNS = ("set", "taken_at", "position", "missing", "bytes", "schema", "program", "place", "role", "link")
MOST = 50


def read_restore(asked: Asked) -> Shown:
    """The sets, the newest first."""
    is_servers = not is_embedded(Path(asked.folder))  # no set was ever kept of it: its copies are its server's
    last, behind = backup_of(asked.folder)
    sets, why = _sets(last.place)
    with journal_of(asked.folder) as journal:
        position = sum(journal.last_of(place) - place.before for place in journal.strands())
    rows: list[dict[str, Any]] = [
        {"set": one.name, "taken_at": one.taken_at, "position": one.position, "missing": max(0, position - one.position),
         "bytes": one.size, "schema": one.schema, "program": one.program, "place": last.place, "role": "signal", "link": "signalled"}
        for one in sets[::-1][:MOST]
    ]  # fmt: skip
    return Shown(
        columns=COLUMNS,
        rows=rows,
        about={"place": last.place, "erasures": last.erasures_place, "erasures_behind": behind, "position": position},
        figures={
            "last": last,
            "behind": behind,
            "why": why,
            "runs": is_open(Path(asked.folder)),
            "position": position,
            "lines": [],
            "is_servers": is_servers,
        },
    )


def lines_of(asked_set: str, place: str, erasures: str, reason: str, config: Path | None) -> list[str]:
    """What is run, in this order, on the machine of the gateway."""
    own = f" --config {shlex.quote(str(config))}" if config else ""
    copy = f" --erasures {shlex.quote(erasures)}" if erasures else ""
    return [
        "systemctl stop twofold",
        f"twofold restore {shlex.quote(place)} --set {shlex.quote(asked_set)}{copy} --reason {shlex.quote(reason)}{own}",
        "systemctl start twofold",
        f"twofold verify{own}",
    ]


def _sets(place: str) -> tuple[list[Kept], str]:
    if not place:
        return [], ""
    try:
        return Repository(Path(place)).sets()[0], ""
    except (OSError, StoreError) as err:
        return [], str(err)


RESTORE = Page(
    path="/engine-room/restore",
    name="",
    room="set-up",
    right=Right.SETUP,
    template="setup/restore.html",
    read=read_restore,
)
