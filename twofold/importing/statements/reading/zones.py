"""The zone that a row names for its own times: an IANA name, an offset, or one of the abbreviations that mean one thing.

Owns which abbreviations do. `CST`, `IST` and their like are several zones' and are not read.
"""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_HOURS = {
    "utc": 0, "gmt": 0, "z": 0, "wet": 0, "bst": 1, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "get": 4,
    "est": -5, "edt": -4, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "mez": 1, "mesz": 2,
    "aest": 10, "aedt": 11, "jst": 9,
}  # fmt: skip
_BEHIND = re.compile(r"\d:\d\d(?::\d\d)?(?:[.,]\d+)?\s*([+-]\d\d:?\d\d|Z|UTC|GMT)\s*$")
_OFFSET = re.compile(r"(?:GMT|UTC)?\s*([+-])(\d{1,2}):?(\d{2})?", re.I)


@lru_cache(maxsize=256)
def zone_of(text: str) -> tzinfo | None:
    """The zone of a cell; None for a word that is none or several."""
    text = text.strip()
    if text.lower() in _HOURS:
        return timezone(timedelta(hours=_HOURS[text.lower()])) if _HOURS[text.lower()] else UTC
    offset = _OFFSET.fullmatch(text)
    if offset:
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(-shift if offset[1] == "-" else shift) if shift < timedelta(hours=24) else None
    if not re.fullmatch(r"[A-Za-z]+/[A-Za-z_/+-]+[0-9]*", text):
        return None
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        return None


def offset_behind(text: str) -> str:
    """The offset behind a time of the day: "2026-05-14 00:30:00 +0400"; empty where there is none."""
    found = _BEHIND.search(text)
    return found[1] if found else ""


def zone_behind(text: str) -> str:
    """The same, of a text that holds a time, as a line keeps it; UTC where nothing stands there."""
    zone = zone_of(offset_behind(text))
    return zone_name(zone) if zone else "UTC"


def zone_name(zone: tzinfo) -> str:
    """As a line keeps its zone: an IANA name, ``UTC``, or an offset as ``+01:00``."""
    if isinstance(zone, ZoneInfo):
        return zone.key
    offset = zone.utcoffset(None)
    if not offset:
        return "UTC"
    sign, minutes = "-" if offset < timedelta(0) else "+", abs(offset) // timedelta(minutes=1)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"
