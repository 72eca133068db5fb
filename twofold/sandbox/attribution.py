"""Which touch of an ad a conversion is credited to, under each window.

Owns the rule only, as a pure function of one conversion and its person's touches. Source: the Marketing API's
insights page and the attribution settings of the Help Center, read September 2026: 7-day click and 1-day view by
default; 7d_view and 28d_view left Insights on 12 January 2026, so they are not here. Where the pages are silent the
rule is **ours**: the last touch of a kind gets all the credit, a click goes before an engaged view and that before a
view, and both ends of a window belong to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from twofold.sandbox.ads import DAY_S, AdSet, Kind, Touch

DEFAULT = "default"  # the attribution setting of each ad's own ad set
# Strongest first: what a person did says more than what was shown to them.
PRECEDENCE = (Kind.LINK_CLICK, Kind.ENGAGED_VIEW, Kind.IMPRESSION)
WINDOWS: dict[str, tuple[Kind, int]] = {
    "1d_click": (Kind.LINK_CLICK, 1),
    "7d_click": (Kind.LINK_CLICK, 7),
    "28d_click": (Kind.LINK_CLICK, 28),
    "1d_ev": (Kind.ENGAGED_VIEW, 1),
    "1d_view": (Kind.IMPRESSION, 1),
}
LONGEST_S = 28 * DAY_S


class Conversion(Struct, frozen=True, kw_only=True, gc=False):
    """One counted website event of a matched person."""

    number: int  # of the received copy
    dataset: str
    event_name: str
    person: str
    time: int  # Unix seconds
    value: Decimal | None = None
    currency: str | None = None


class Credit(Struct, frozen=True, kw_only=True, gc=False):
    """One conversion and the touch that gets it under each window that has one."""

    conversion: Conversion
    touches: dict[str, Touch]


def credit(conversion: Conversion, touches: Sequence[Touch], adset_of: Callable[[str], AdSet]) -> Credit | None:
    """``touches`` are the person's, oldest first, already limited to ads that this dataset's conversions count for.

    None when no window has a touch.
    """
    near = [touch for touch in touches if 0 <= conversion.time - touch.time <= LONGEST_S]
    credited: dict[str, Touch] = {}
    chosen = _by_setting(conversion, near, adset_of)
    if chosen is not None:
        credited[DEFAULT] = chosen
    for window, (kind, days) in WINDOWS.items():
        # A view or engaged view counts only where the setting did not already give the conversion to more.
        if chosen is not None and PRECEDENCE.index(chosen.kind) < PRECEDENCE.index(kind):
            continue
        last = _last(near, kind, conversion.time - days * DAY_S)
        if last is not None:
            credited[window] = last
    return Credit(conversion=conversion, touches=credited) if credited else None


def _by_setting(conversion: Conversion, touches: Sequence[Touch], adset_of: Callable[[str], AdSet]) -> Touch | None:
    for kind in PRECEDENCE:
        for touch in reversed(touches):
            age = conversion.time - touch.time
            if touch.kind is kind and (days := adset_of(touch.ad_id).days(kind)) > 0 and age <= days * DAY_S:
                return touch
    return None


def _last(touches: Sequence[Touch], kind: Kind, since: int) -> Touch | None:
    return next((touch for touch in reversed(touches) if touch.kind is kind and touch.time >= since), None)
