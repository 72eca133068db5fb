"""The zone of a file's days and times that name none: what the operator says of the file, else the shop's own.

Owns that choice and the sentence that says it. A shop's people read their days where the shop is: a table that says "10 March,
00:30" and no zone means their night, not Greenwich's. What a file or its format says of its zone stands before this.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from twofold.config import Settings
from twofold.errors import ConfigError


def zone_of_file(told: str, settings: Settings) -> ZoneInfo:
    """``told``: of `--timezone` or the mapping; empty where nobody said one. Raises `ConfigError` for a name that is none."""
    try:
        return ZoneInfo(told or settings.chain.timezone)
    except (KeyError, ValueError, OSError):
        raise ConfigError(f"--timezone: expected a name such as Europe/Berlin, got {told!r}") from None


def taken_in(zone: str, why: str = "[chain] timezone") -> str:
    """What is said of times without a zone when nobody named one. ``zone``: its name."""
    return f"its times say no zone and were taken as those of {zone} ({why}); name another with --timezone"
