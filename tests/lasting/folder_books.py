"""What a folder holds, held against what senders were told and what the platform got.

Owns the comparison. Reads with a connection of its own, beside a running gateway.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from tests.lasting.counting_platform import Platform
from tests.lasting.steady_senders import number_of
from twofold.report.verify import verify
from twofold.store.sqlite.database import open_reader

IN_FLIGHT = 4  # requests of one destination at once
SETTLE_S = 300


class Broken(Exception):
    """A promise."""


class FolderBooks:
    """One folder's life over many processes. ``seen``: numbers of which it holds an action."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: set[int] = set()
        self._upto = 0

    def look(self, told: frozenset[int]) -> None:
        """Reads what came since the last look. Raises `Broken` when something is missing that senders were told of."""
        db = open_reader(self.folder)
        try:
            db.execute("begin")  # both as of one moment
            ((count, last),) = db.execute("select count(*), coalesce(max(id), 0) from action").fetchall()
            rows = db.execute("select id, event_id from action where id > ?", (self._upto,)).fetchall()
        finally:
            db.close()
        self.seen |= {number_of(event_id) for _, event_id in rows}
        self._upto = last
        missing = told - self.seen
        if missing:
            kept = shutil.copytree(
                self.folder,
                tempfile.mkdtemp(prefix="twofold-broken-"),
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("*.sock"),
            )
            raise Broken(
                f"{len(missing)} of {len(told)} acknowledged events are gone, {min(missing)} is the first; the folder is kept in {kept}"
            )
        if count != len(self.seen):
            raise Broken(f"{count} actions for {len(self.seen)} events")

    def waiting(self) -> int:
        db = open_reader(self.folder)
        try:
            ((count,),) = db.execute("select count(*) from delivery where state = 'waiting'").fetchall()
        finally:
            db.close()
        return int(count)

    def await_delivery(self) -> None:
        deadline = time.monotonic() + SETTLE_S
        while left := self.waiting():
            if time.monotonic() > deadline:
                raise Broken(f"{left} deliveries still wait after {SETTLE_S} s")
            time.sleep(0.2)

    def close(self, told: frozenset[int], platform: Platform, batch: int, doubts: int) -> int:
        """When all was delivered and the process has ended in order. ``doubts``: how often a batch can have left in vain
        or unrecorded. Answers how many events the platform got more than once."""
        wrong = [check.line for check in verify(self.folder) if not check.holds]
        if wrong:
            raise Broken(f"verify: {wrong}")
        lost = told - platform.times.keys()
        if lost:
            raise Broken(f"{len(lost)} acknowledged events never came to the platform, {min(lost)} is the first")
        if platform.altered:
            raise Broken(
                f"{len(platform.altered)} events came again with other bytes, {min(platform.altered)} is the first"
            )
        repeats = sum(platform.times.values()) - len(platform.times)
        if repeats > doubts * batch * IN_FLIGHT:
            raise Broken(f"{repeats} repeats after {doubts} ends, where {batch * IN_FLIGHT} each are the most")
        return repeats
