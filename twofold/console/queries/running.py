"""Whether it runs: destinations with their last success, the queue, the disk, the copies kept elsewhere.

Owns these looks at the data folder; each is small. Times in Unix s.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from msgspec import Struct

from twofold.backup.state import LastBackup, last_backup
from twofold.report.period import Journal, journal_of

BEHIND = 200_000
"""Rows behind the newest in which the last of a kind is looked for: older ones are as good as none."""


class Answer(Struct, frozen=True, kw_only=True):
    """A destination's last attempt, and its last success. ``status`` and ``code`` are of the last attempt."""

    destination: str
    tried_at: int
    accepted_at: int | None
    status: int | None
    code: str
    outcome: str
    note: str


class Disk(Struct, frozen=True, kw_only=True):
    """Bytes. ``days_left``: at the growth since the first event; None where that says nothing yet."""

    free: int
    total: int
    used_here: int
    days_left: int | None


def answers_of(journal: Journal) -> list[Answer]:
    """Each destination that was tried lately."""
    last = journal.run("console_ends")[0][2]
    found = []
    for name, tried_at, number, accepted_at in journal.run("console_last_answers", (last - BEHIND,)):
        status, code, outcome, note = journal.run("console_attempt", (number,))[0]
        found.append(
            Answer(
                destination=name, tried_at=tried_at // 1000, accepted_at=accepted_at // 1000 if accepted_at else None,
                status=status, code=code, outcome=outcome, note=note,
            )
        )  # fmt: skip
    return found


def disk_of(folder: Path | str, now: int) -> Disk:
    """The disk that the data folder is on, and how long it will do."""
    usage = shutil.disk_usage(folder)
    used = sum(e.stat().st_size for e in os.scandir(folder) if e.is_file(follow_symlinks=False))
    with journal_of(folder) as journal:
        first = journal.run("console_first_event")
    age_s = now - first[0][0] // 1000 if first else 0
    days_left = int(usage.free / (used / age_s) / 86_400) if age_s > 3_600 and used else None
    return Disk(free=usage.free, total=usage.total, used_here=used, days_left=days_left)


def backup_of(folder: Path | str) -> tuple[LastBackup, bool]:
    """When the folder was kept elsewhere last, and whether the file of erasures is behind."""
    last = last_backup(Path(folder))
    return last, last.erasures_behind(Path(folder))
