"""Which touch of an ad a conversion is credited to, under each window.

Owns the rule only, as a pure function of one conversion and its person's touches. Source: the Marketing API's
insights page and the attribution settings of the Help Center, read September 2026: 7-day click and 1-day view by
default; 7d_view and 28d_view left Insights on 12 January 2026, so they are not here. Where the pages are silent the
rule is **ours**: the last touch of a kind gets all the credit, a click goes before an engaged view and that before a
view, and both ends of a window belong to it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import attrgetter

from msgspec import Struct

from twofold.sandbox.world.ads import DAY_S, AdSet, Touch, TouchKind

DEFAULT = "default"  # the attribution setting of each ad's own ad set
# Strongest first: what a person did says more than what was shown to them.
PRECEDENCE = (TouchKind.LINK_CLICK, TouchKind.ENGAGED_VIEW, TouchKind.IMPRESSION)
WINDOWS: dict[str, tuple[TouchKind, int]] = {
    "1d_click": (TouchKind.LINK_CLICK, 1),
    "7d_click": (TouchKind.LINK_CLICK, 7),
    "28d_click": (TouchKind.LINK_CLICK, 28),
    "1d_ev": (TouchKind.ENGAGED_VIEW, 1),
    "1d_view": (TouchKind.IMPRESSION, 1),
}
LONGEST_S = 28 * DAY_S
COLUMNS = (DEFAULT, *WINDOWS)
_PLACES = {window: place for place, window in enumerate(COLUMNS)}


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
    """One conversion and, in the order of `COLUMNS`, the touch that gets it; a dict for each would weigh 20 MB."""

    conversion: Conversion
    by_column: tuple[Touch | None, ...]

    def under(self, window: str) -> Touch | None:
        """The touch that gets the conversion under one of `COLUMNS`."""
        return self.by_column[_PLACES[window]]

    @property
    def touches(self) -> dict[str, Touch]:
        """Window to touch, where there is one."""
        return {window: touch for window, touch in zip(COLUMNS, self.by_column, strict=True) if touch is not None}


def credit(conversion: Conversion, touches: Sequence[Touch], adset_of: Callable[[str], AdSet]) -> Credit | None:
    """``touches`` are the person's, oldest first, already limited to ads that this dataset's conversions count for.

    None when no window has a touch.
    """
    first = bisect_left(touches, conversion.time - LONGEST_S, key=_time)
    near = touches[first : bisect_right(touches, conversion.time, key=_time)]
    if not near:
        return None
    credited: dict[str, Touch] = {}
    chosen = _by_setting(conversion, near, adset_of)
    if chosen is not None:
        credited[DEFAULT] = chosen
    for window, (kind, days) in WINDOWS.items():
        # A view or engaged view counts only where the setting did not already give the conversion to more.
        if chosen is not None and PRECEDENCE.index(chosen.kind) < PRECEDENCE.index(kind):
            continue
        last = _last(near, kind)
        if last is not None and conversion.time - last.time <= days * DAY_S:
            credited[window] = last
    if not credited:
        return None
    return Credit(conversion=conversion, by_column=tuple(credited.get(window) for window in COLUMNS))


def _by_setting(conversion: Conversion, touches: Sequence[Touch], adset_of: Callable[[str], AdSet]) -> Touch | None:
    for kind in PRECEDENCE:
        for touch in reversed(touches):
            age = conversion.time - touch.time
            if touch.kind is kind and (days := adset_of(touch.ad_id).days(kind)) > 0 and age <= days * DAY_S:
                return touch
    return None


def _last(touches: Sequence[Touch], kind: TouchKind) -> Touch | None:
    return next((touch for touch in reversed(touches) if touch.kind is kind), None)


_time = attrgetter("time")
