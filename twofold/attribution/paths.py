"""The path of an order: kept signs become touches, and of those the ones that may be credited.

Owns when a sign begins a touch (a pause of 30 minutes, or at once with another campaign or click id; midnight means nothing)
and which touches lie in the window. Both ends of a window belong to it; what came after the order is not the order's. A
chat obeys the smaller of both windows. What the shop and the buyer say of the source is never in it. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from twofold.attribution.channels import DIRECT, Sourced, channel_of, is_paid
from twofold.attribution.models import DAY_S, Step
from twofold.touch.model import Touch, TouchKind

PAUSE_S = 1_800
CLICK_DAYS = 7
CHAT_DAYS = 7
Repeats = Literal["all", "collapse", "unique"]
_OF_PATHS = frozenset({TouchKind.CLICK, TouchKind.VISIT, TouchKind.CHAT})


class Seen(NamedTuple):
    """A kept sign: whose it is, and what tells its source from another's (of two clicks on one ad, which)."""

    who: Hashable
    key: Hashable
    touch: Touch


class PathTouch(Struct, frozen=True, gc=False):
    """One touch of a path with its channel."""

    touch: Touch
    sourced: Sourced

    @property
    def at(self) -> int:
        """Unix s."""
        return self.touch.at


def touches_from(signs: Iterable[Seen]) -> list[PathTouch]:
    """The touches that signs make, oldest first, whatever order they come in. Signs of different people never join."""
    own = sorted(
        (sign for sign in set(signs) if sign.touch.kind in _OF_PATHS),
        key=lambda sign: (sign.touch.at, str(sign.who), str(sign.key), repr(sign.touch)),
    )
    found: list[Touch] = []
    open_visits: dict[tuple[Hashable, bool], tuple[int, Hashable]] = {}  # until when, and the source that began it
    for who, key, touch in own:
        visit = (who, touch.kind is TouchKind.CHAT)
        until, begun_by = open_visits.get(visit, (0, None))
        if touch.at >= until or (_names_source(touch) and key != begun_by):
            found.append(touch)
            begun_by = key
        open_visits[visit] = touch.at + PAUSE_S, begun_by
    return [PathTouch(touch, channel_of(touch)) for touch in found]


def path_of(
    touches: Sequence[PathTouch], placed_at: int, click_days: int = CLICK_DAYS, chat_days: int = CHAT_DAYS
) -> list[PathTouch]:
    """Those of an order that was placed then."""
    return [t for t in touches if 0 <= placed_at - t.at <= DAY_S * _days(t.touch, click_days, chat_days)]


def steps_of(
    path: Sequence[PathTouch], keys: Sequence[Hashable], placed_at: int, repeats: Repeats = "all"
) -> list[Step]:
    """What the models are given: each touch under its key."""
    told = [(path[place], keys[place]) for place in places_of(keys, repeats)]
    return [Step(placed_at - t.at, key, t.sourced.channel == DIRECT, is_paid(t.sourced)) for t, key in told]


def places_of(keys: Sequence[Hashable], repeats: Repeats) -> list[int]:
    """Which touches stay. ``collapse`` leaves equal neighbours out, ``unique`` every repeat; the first of equals stays."""
    if repeats == "unique":
        return [place for place, key in enumerate(keys) if key not in keys[:place]]
    return [place for place, key in enumerate(keys) if repeats == "all" or not place or keys[place - 1] != key]


def _names_source(touch: Touch) -> bool:
    return bool(touch.click or touch.source or touch.medium or touch.campaign or touch.utm_id or touch.campaign_id)


def _days(touch: Touch, click_days: int, chat_days: int) -> int:
    return min(click_days, chat_days) if touch.kind is TouchKind.CHAT else click_days
