"""What several tables are held against: known words, lists of the standards, names of events, zones.

Owns the sentence of a word that is not among those that there are. Knows no table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from twofold.config.faults import Faults, Place
from twofold.event.vocabulary import STANDARD_EVENTS

MIN_SECRET = 16  # characters; a shorter webhook secret can be guessed offline from one captured body
MILESTONES = ("placed", "confirmed", "paid", "delivered")
_EVENTS = {name.casefold(): name for name in STANDARD_EVENTS}


def check_zone(section: str, name: str, faults: Faults) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        faults.add((section, "timezone"), f"{section}.timezone: expected a name as Asia/Tbilisi, got {name!r}")


def expect_events(place: Place, where: str, names: Mapping[str, Any], faults: Faults) -> None:
    """Names differ by case: `purchase` is another event than `Purchase`, and here never what was meant."""
    for name in names:
        meant = _EVENTS.get(name.strip().casefold())
        if meant is not None and meant != name:
            faults.add((*place, name), f"{where}.{name}: is no event that anybody sends, did you mean {meant}?")


def is_country(code: str) -> bool:
    return len(code) == 2 and _listed("countries", alpha_2=code)


def is_state(region: str) -> bool:
    return region.startswith("US-") and _listed("subdivisions", code=region)


def is_currency(code: str) -> bool:
    return len(code) == 3 and _listed("currencies", alpha_3=code)


def _listed(name: str, **code: str) -> bool:
    import pycountry  # type: ignore[import-untyped, unused-ignore]  # reads its lists when it is asked first

    return getattr(pycountry, name).get(**code) is not None


def expect_each_once(place: Place, name: str, values: list[str], faults: Faults) -> None:
    for value in dict.fromkeys(values):
        again = [n for n, v in enumerate(values) if v == value][1:]
        if again:
            faults.add((*place, again[0], name), f"{place[0]}.{name}: expected each once, got {value} more than once")


def expect_one_of(place: Place, where: str, value: str, known: Any, faults: Faults) -> None:
    if value not in known:
        listed = ", ".join(w for w in known if w) or "(none configured)"
        faults.add(place, f"{where}: expected one of {listed}, got {value!r}")


def expect_all_of(place: Place, where: str, values: Iterable[str], known: Any, faults: Faults) -> None:
    for value in values:
        expect_one_of(place, where, value, known, faults)
