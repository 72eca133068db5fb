"""Where a shopper is, as far as consent depends on it: countries that ask first, and Meta's numbers for LDU.

Owns the lists. The European Economic Area is its 30 members; the United Kingdom and Switzerland are counted with it
because their law asks for the same. State numbers: Meta for Developers, "Data Processing Options", read September 2026;
a state without a number there is left to Meta to locate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

EEA = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
EEA_AND_LIKE = EEA | {"GB", "CH"}

META_STATES = {
    "CA": 1000, "CO": 1001, "CT": 1002, "FL": 1003, "OR": 1004, "TX": 1005, "MT": 1006, "DE": 1007, "NE": 1008,
    "NH": 1009, "NJ": 1010, "MN": 1011, "MD": 1012, "RI": 1013,
}  # fmt: skip
META_USA = 1
META_LOCATES = 0

_REGION = re.compile(r"([A-Z]{2})(?:[-_ ]([A-Z0-9]{1,3}))?")
_OTHER_CODES = {"UK": "GB", "EL": "GR"}  # widely written, not in the standard


def read_region(value: Any) -> str | None:
    """ISO 3166-1 or -2 in upper case, as ``DE`` or ``US-CA``; None for anything else."""
    if not isinstance(value, str):
        return None
    match = _REGION.fullmatch(value.strip().upper())
    if match is None:
        return None
    country = _OTHER_CODES.get(match[1], match[1])
    return f"{country}-{match[2]}" if match[2] else country


def country_of(region: str) -> str:
    """``US`` of ``US-CA``."""
    return region[:2]


def spread_regions(names: Iterable[str]) -> frozenset[str]:
    """Countries of a setting: ``EEA`` becomes its members with the United Kingdom and Switzerland."""
    found: set[str] = set()
    for name in names:
        upper = name.upper()
        found |= EEA_AND_LIKE if upper == "EEA" else {_OTHER_CODES.get(upper, upper)}
    return frozenset(found)


def limits_of(region: str | None, limited_in: frozenset[str]) -> tuple[int, int] | None:
    """Meta's country and state of Limited Data Use for a shopper there; None when nothing limits them.

    ``limited_in`` holds ``US`` or states as ``US-CA``. A shopper of whom only the country, or nothing, is known may be in
    one of the states: Meta is then asked to locate, which limits nobody elsewhere.
    """
    if not limited_in:
        return None
    if region is None:
        return META_LOCATES, META_LOCATES
    if country_of(region) != "US":
        return None
    state = region[3:]
    if not state:
        return META_USA, META_LOCATES
    return us_limits(region) if "US" in limited_in or region in limited_in else None


def us_limits(region: str | None) -> tuple[int, int]:
    """Meta's country and state numbers for a region that is to be limited, whatever it is."""
    if region is None or country_of(region) != "US":
        return META_LOCATES, META_LOCATES
    return META_USA, META_STATES.get(region[3:], META_LOCATES)
