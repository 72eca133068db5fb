"""What a destination's settings may be: those of its platform, and no wait that makes an event too old for it.

Each fault goes to `Faults`. What a platform takes is the room `destinations`'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from twofold.config.checks.words import MILESTONES, expect_all_of, expect_events, expect_one_of
from twofold.config.datasets import PURPOSES
from twofold.config.faults import Faults, Place
from twofold.config.settings import DestinationSettings
from twofold.destinations import BY_PLATFORM
from twofold.destinations.contract import Option

DAY_S = 86_400


def check_destination(place: Place, d: DestinationSettings, ids: list[str], faults: Faults) -> None:
    where = f"destination {d.name}"
    expect_one_of((*place, "platform"), "destination.platform", d.platform, BY_PLATFORM, faults)
    expect_one_of((*place, "dataset"), f"{where}: dataset", d.dataset, ids, faults)
    expect_all_of((*place, "purposes"), f"{where}: purposes", d.purposes or (), PURPOSES, faults)
    expect_events((*place, "only"), f"{where}: only", dict.fromkeys(d.only), faults)
    expect_events((*place, "events"), f"{where}: events", d.events, faults)
    platform = BY_PLATFORM.get(d.platform)
    if platform is None:
        return
    _check_options(place, where, d, platform.options, faults)
    if not re.fullmatch(platform.version_form, d.version):
        form = platform.version_form or f"none, as the API of {platform.title} has no version to choose"
        faults.add((*place, "version"), f"{where}: version: expected {form}, got {d.version!r}")
    if platform.names is None and not platform.needs_names and any(d.events.values()):
        text = f"{where}: events: {platform.title} has our own names: expected an empty text to keep an event back"
        faults.add((*place, "events"), text)
    if platform.needs_names and not d.events:
        text = f"{where}: events: expected an id of {platform.title} for each event that is sent, got none"
        faults.add((*place, "events"), text)
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", d.endpoint, re.I):
        text = f"{where}: endpoint: expected an http(s) address, got {d.endpoint!r}"
        faults.add((*place, "endpoint"), text)
    _check_holds(place, where, d, platform.limits.age_s, faults)
    if d.token_ends and not _is_day(d.token_ends):
        faults.add(
            (*place, "token_ends"), f"{where}: token_ends: expected a day such as 2027-03-31, got {d.token_ends!r}"
        )


def _check_holds(place: Place, where: str, d: DestinationSettings, age_s: int, faults: Faults) -> None:
    """What waits must still be young enough for the platform, with a day for its retries."""
    expect_events((*place, "hold_s"), f"{where}: hold_s", d.hold_s, faults)
    longest = age_s - DAY_S
    for name, seconds in d.hold_s.items():
        if not 0 <= seconds <= longest:
            text = f"{where}: hold_s.{name}: expected 0 to {longest} seconds, a day less than the platform takes, got {seconds}"
            faults.add((*place, "hold_s", name), text)
    expect_one_of((*place, "counts_when"), f"{where}: counts_when", d.counts_when, ("", *MILESTONES), faults)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _check_options(
    place: Place, where: str, d: DestinationSettings, known: Mapping[str, Option], faults: Faults
) -> None:
    for name, value in d.options.items():
        option = known.get(name)
        if option is None:
            expect_one_of((*place, "options", name), f"{where}: options", name, known, faults)
        elif option.pattern and not re.fullmatch(option.pattern, value):
            got = "another text" if option.secret else repr(value)
            text = f"{where}: options.{name}: expected {option.pattern.replace('|', ' or ')}, got {got}"
            faults.add((*place, "options", name), text)
    for name, option in known.items():
        if option.required and not d.options.get(name):
            faults.add((*place, "options"), f"{where}: options.{name}: expected a value for {d.platform}, got none")
