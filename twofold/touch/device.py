"""Which class of device a user agent names. The agent itself is forgotten.

Owns the signs. An iPad asks for desktop pages by default and then calls itself a Mac: it is counted as a computer, since the
agent says no more.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk/|Kindle|\bSM-T\d|Nexus (?:7|9|10)\b")
_PHONE = re.compile(r"iPhone|iPod|Mobile|Windows Phone|BlackBerry|BB10|Opera Mini|IEMobile|webOS")
_COMPUTER = re.compile(r"Windows NT|Macintosh|X11|CrOS|Linux x86_64|Linux i686")


@lru_cache(maxsize=4_096)
def device_of(agent: str | None) -> str:
    """``phone``, ``tablet``, ``computer`` or ``unknown``."""
    if not agent:
        return "unknown"
    if _TABLET.search(agent) or ("Android" in agent and "Mobile" not in agent):
        return "tablet"
    if _PHONE.search(agent) or "Android" in agent:
        return "phone"
    return "computer" if _COMPUTER.search(agent) else "unknown"
