"""When a running gateway asks, and the process beside it that does: never its loop, never its threads.

Owns the time of the day of each account, and what becomes of a child: its problems go to the log, it is ended with the
gateway, and one that hangs is ended after a while. What it does is the command `twofold pull`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import apsw

from twofold.config import AccountSettings
from twofold.control.beside import Printed, run_command
from twofold.errors import TwofoldError
from twofold.pulling.questions import THROTTLED, UNREACHABLE
from twofold.store.lines.reading import OpenLines

log = logging.getLogger("twofold.pulling")

LOOK_EVERY_S = 20.0
LONGEST_S = 2 * 3_600.0
AGAIN_AFTER_S = 3_600.0
TRIES = 4  # a day, the first one with it
PASSING = frozenset({THROTTLED, UNREACHABLE, "moving_report"})
FORMATS = {
    "nbg": "nbg", "ecb": "ecb", "meta": "meta-insights", "google_ads": "google-ads-api", "tiktok": "tiktok-report",
    "ga4": "ga4-api", "stripe": "stripe-json", "shopify": "shopify-json", "bog": "bog-json", "tbc": "tbc-json",
}  # fmt: skip
"""As what the answers of a platform are imported: by this it is seen when it was last asked."""


def last_time(account: AccountSettings, now_s: float) -> float:
    """The last moment, at or before now, at which an account was to be asked. ``pull`` must be set."""
    zone = ZoneInfo(account.timezone)
    hour, minute = map(int, account.pull.split(":"))
    today = datetime.fromtimestamp(now_s, zone).date()
    for day in (today, today - timedelta(days=1)):
        # An hour that a summer time leaves out is the one after it, one that comes twice its first.
        moment = datetime.combine(day, time(hour, minute), zone).timestamp()
        if moment <= now_s:
            return moment
    raise AssertionError("yesterday's time is over")


class Schedule:
    """Which accounts are due. ``asked``: by platform when it was last asked, Unix s; a time that passed while no gateway
    ran is made up for."""

    def __init__(self, accounts: Sequence[AccountSettings], asked: dict[str, float]) -> None:
        self._accounts = [account for account in accounts if account.pull]
        self._asked = {account.name: asked.get(account.platform, 0.0) for account in self._accounts}
        self._again: dict[str, float] = {}  # what passes by itself is tried again before the next day
        self._tries: Counter[str] = Counter()

    def due(self, now_s: float) -> list[AccountSettings]:
        """Those whose time has come; each is given once."""
        found = []
        for account in self._accounts:
            is_time = self._asked[account.name] < last_time(account, now_s)
            if is_time:
                self._tries.pop(account.name, None)
            if is_time or self._again.get(account.name, now_s + 1) <= now_s:
                self._asked[account.name] = now_s
                self._again.pop(account.name, None)
                found.append(account)
        return found

    def try_again(self, account: AccountSettings, now_s: float) -> None:
        """An account whose platform was down or asked for patience: in an hour, a few times a day."""
        self._tries[account.name] += 1
        if self._tries[account.name] < TRIES:
            self._again[account.name] = now_s + AGAIN_AFTER_S


def last_asked(folder: Path) -> dict[str, float]:
    """By platform when its answers were last imported."""
    found: dict[str, float] = {}
    by_format = {format_name: platform for platform, format_name in FORMATS.items()}
    try:
        lines = OpenLines(folder)
    except (TwofoldError, apsw.Error, OSError):
        return found
    with lines:
        for file in lines.files():
            platform = by_format.get(file["format"])
            if platform is not None:
                found[platform] = max(found.get(platform, 0.0), file["imported_at"] / 1000)
    return found


class ScheduledPulls:
    """Asks the accounts that are due, one after the other. ``itself``: the arguments by which the same program finds the
    same configuration and folder. ``clock`` in ms."""

    def __init__(
        self, accounts: Sequence[AccountSettings], folder: Path, itself: Sequence[str], clock: Callable[[], int],
        *, look_every_s: float = LOOK_EVERY_S, longest_s: float = LONGEST_S,
    ) -> None:  # fmt: skip
        self._accounts = [account for account in accounts if account.pull]
        self._folder = folder
        self._itself = list(itself)
        self._clock = clock
        self._look_every_s = look_every_s
        self._longest_s = longest_s

    async def run(self) -> None:
        """Until it is cancelled."""
        if not self._accounts:
            return
        asked = await asyncio.get_running_loop().run_in_executor(None, last_asked, self._folder)
        schedule = Schedule(self._accounts, asked)
        while True:
            for account in schedule.due(self._clock() / 1000):
                if await self._pull(account):
                    schedule.try_again(account, self._clock() / 1000)
            await asyncio.sleep(self._look_every_s)

    async def _pull(self, account: AccountSettings) -> bool:
        """True when it failed in a way that may pass by itself."""
        command = ("pull", account.platform, "--account", account.name, "--json", *self._itself)
        try:
            printed = await run_command(command, self._longest_s)
        except TimeoutError:
            log.error("%s could not be pulled: it took longer than %.0f s and was ended", account.name, self._longest_s)
            return True
        except OSError as err:
            log.error("%s could not be pulled: no process could be started (%s)", account.name, err.strerror)
            return True
        return _tell(account, printed)


def _tell(account: AccountSettings, printed: Printed) -> bool:
    """Logs each problem that the child names, and how much it brought. True when one of them may pass by itself."""
    days = new = restated = problems = 0
    passes = False
    for row in printed.rows:
        if row.get("row") == "problem":
            problems += 1
            passes = passes or row["code"] in PASSING
            log.warning(
                "pull %s, %s to %s: %s (%s must act)", account.name, row["since"], row["until"], row["text"], row["who"]
            )
        elif row.get("row") == "day":
            days, new, restated = days + 1, new + (row["new"] or 0), restated + (row["restated"] or 0)
    log.info("pulled %s: %d days, %d new lines, %d restated", account.name, days, new, restated)
    if printed.code and not problems:  # it ended before it could say anything in rows; its last sentence is ours
        log.error("pull %s ended with status %d: %s", account.name, printed.code, printed.last)
    return passes
