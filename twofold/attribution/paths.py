"""The path of an order: kept signs become touches, and of those the ones that may be credited.

Owns which touches lie in the window; which signs begin one is `touch.visits`'s. Both ends of a window belong to it; what came
after the order is not the order's. A chat obeys the smaller of both windows. What the shop and the buyer say of the source
is never in it. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from twofold.attribution.models import DAY_S, Step
from twofold.touch.channels import DIRECT, Sourced, channel_of, is_paid
from twofold.touch.model import Touch, TouchKind
from twofold.touch.visits import Seen, begun_by

CLICK_DAYS = 7
CHAT_DAYS = 7
Repeats = Literal["all", "collapse", "unique"]


class PathTouch(Struct, frozen=True, gc=False):
    """One touch of a path with its channel."""

    touch: Touch
    sourced: Sourced

    @property
    def at(self) -> int:
        """Unix s."""
        return self.touch.at


def touches_from(signs: Iterable[Seen]) -> list[PathTouch]:
    """The touches that signs make, each with its channel."""
    return [PathTouch(touch, channel_of(touch)) for touch in begun_by(signs)]


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


def _days(touch: Touch, click_days: int, chat_days: int) -> int:
    return min(click_days, chat_days) if touch.kind is TouchKind.CHAT else click_days
