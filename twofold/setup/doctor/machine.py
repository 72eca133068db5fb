"""The machine: does a gateway run here, how full is the disk, is the clock right, who can read what.

Owns what is read from this machine alone. The clock is also held against the platform's, where it was asked.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twofold.backup.state import last_backup
from twofold.config import Settings
from twofold.config.private import private_file
from twofold.control.owner import read_clock
from twofold.control.socket import Conversation
from twofold.errors import StoreError, TwofoldError
from twofold.report.period import journal_of
from twofold.setup.finding import SECRET_FIELDS, Finding, do, look, ok
from twofold.store.engines import is_embedded, require_data, vitals_of

FULL_BYTES, LOW_BYTES = 512 << 20, 4 << 30
SHORT_DAYS = 14
BACKUP_DAYS = 3
CLOCK_S = 60.0  # Stripe's signatures end after 300
DAY_S = 86_400


def look_at_machine(settings: Settings, config: Path | None, now: float) -> Iterator[Finding]:
    folder = Path(settings.server.data)
    yield running(folder, config)
    if folder.is_dir():
        yield disk(folder, now)
    if _has_data(folder):
        yield clock(folder)
    if (folder / "twofold.db").exists():
        yield from backup(folder, now)
    if not is_embedded(folder):
        yield from database(folder)
    if config is not None:
        yield from files(config)


def _has_data(folder: Path) -> bool:
    """A file that is not ours is named by another look."""
    if is_embedded(folder):
        return (folder / "twofold.db").exists()
    try:
        require_data(folder)
    except StoreError:
        return False
    return True


def running(folder: Path, config: Path | None) -> Finding:
    """By the socket in its folder, not by its port: another program may have that."""
    conversation = Conversation.open(folder) if folder.is_dir() else None
    if conversation is None:
        return do(
            "gateway", "does not run on this data folder", f"twofold serve{f' --config {config}' if config else ''}"
        )
    conversation.close()
    return ok("gateway", "runs on this data folder")


def disk(folder: Path, now: float) -> Finding:
    """What is left, and for how many days at the rate of what is there."""
    usage = shutil.disk_usage(folder)
    name, left = "disk", f"{usage.free / (1 << 30):,.1f} GB free of {usage.total / (1 << 30):,.1f}"
    days = _days_left(folder, usage.free, now)
    if days is not None:
        left += f", some {days:,} days at the rate so far"
    mend = "free some space, or move the data folder to a larger disk (docs/recovery.md)"
    if usage.free < FULL_BYTES:
        return do(name, f"{left}: soon events are answered 503", mend)
    if usage.free < LOW_BYTES or (days is not None and days < SHORT_DAYS):
        return look(name, left, mend)
    return ok(name, left)


def _days_left(folder: Path, free: int, now: float) -> int | None:
    """None until there is a day's worth to reckon with."""
    try:
        with journal_of(folder) as journal:
            first = journal.run("first_received", (1,))
    except TwofoldError:
        return None
    seconds = now - first[0][1] / 1000 if first else 0
    if seconds < DAY_S:
        return None
    size = sum(f.stat().st_size for f in folder.glob("twofold.db*"))
    return int(free / (size / (seconds / DAY_S))) if size else None


def backup(folder: Path, now: float) -> Iterator[Finding]:
    """When the folder was last kept elsewhere, and whether who was erased since would stay so after a restore."""
    last = last_backup(folder)
    if not last.at:
        yield look(
            "backup",
            "this folder was never kept elsewhere",
            "twofold backup TARGET --erasures OTHER_TARGET (docs/backup.md)",
        )
        return
    days = (now - last.at) / DAY_S
    text = f"the last one is {days:,.1f} days old"
    if days > BACKUP_DAYS:
        yield do("backup", text, "see why it no longer runs: twofold backup TARGET --erasures OTHER_TARGET")
    else:
        yield ok("backup", text)
    if last.erasures_behind(folder):
        text = "somebody was erased or withdrew since the file of erasures was kept, or it never was"
        yield look("backup of erasures", text, "twofold backup TARGET --erasures OTHER_TARGET")


def database(folder: Path) -> Iterator[Finding]:
    """What somebody has to do about the server that has the store; whoever may not see all of it is told so."""
    name = "database server"
    try:
        found = vitals_of(folder)
    except StoreError as err:
        yield do(name, str(err), "start the server, or mend the address at `store` under [server] (docs/postgres.md)")
        return
    if found is None:
        return
    for problem in found["problems"]:
        text, _, mend = problem.partition(": ")
        yield do(name, text, mend)
    if found["sessions_hidden"]:
        text = f"{found['sessions_hidden']} sessions of other roles are hidden from this one"
        yield look(name, text, "grant pg_read_all_stats to the store's role, on the server")
    if not found["problems"]:
        standbys = found["commits_wait_for"]["standbys"]
        yield ok(name, f"commits wait for {standbys}" if standbys else "commits wait for no standby")


def clock(folder: Path) -> Finding:
    """How far the gateway believes it."""
    report = read_clock(folder)
    if report.get("state") == "doubted":
        text = f"is doubted: off by {report.get('off_by_s')} s against {report.get('against')}"
        return do("clock", text, "set the machine's time (NTP); if it is right: twofold clock accept")
    return ok("clock", "is believed")


def clock_against(name: str, ahead_s: float | None) -> Finding | None:
    """Held against another's, as it came with an answer."""
    if ahead_s is None or abs(ahead_s) <= CLOCK_S:
        return None
    said = "ahead of" if ahead_s > 0 else "behind"
    return do("clock", f"is {abs(ahead_s):,.0f} s {said} {name}'s", "set the machine's time, and keep it by NTP")


def files(config: Path) -> Iterator[Finding]:
    """Secrets in the file that is meant to be shown to others."""
    private = private_file(config)
    if private.exists():
        mode = private.stat().st_mode & 0o777
        yield ok(f"private file {private}", f"mode {mode:04o}")
    try:
        tree = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # is a finding of the configuration already
    plain = sorted(set(_plain_secrets(tree)))
    if plain and config.stat().st_mode & 0o044:
        yield look(
            f"configuration {config}", f"others can read it, and secrets stand in it: {', '.join(plain)}",
            f"move them to {private} as NAME=value and write env:NAME, or chmod 600 {config}",
        )  # fmt: skip


def _plain_secrets(tree: Any, field: str = "") -> Iterator[str]:
    match tree:
        case dict():
            for name, value in tree.items():
                yield from _plain_secrets(value, name)
        case list():
            for value in tree:
                yield from _plain_secrets(value, field)
        case str() if field in SECRET_FIELDS and tree and not re.match(r"env:", tree):
            yield field
