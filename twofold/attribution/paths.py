"""The path of an order: kept signs become touches, and of those the ones that may be credited.

Owns which touches lie in the window; which signs begin one is `touch.visits`'s. Both ends of a window belong to it; what came
after the order is not the order's. A chat obeys the smaller of both windows. What the shop and the buyer say of the source
is never in it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from twofold.touch.channels import Sourced, channel_of
from twofold.touch.model import Touch, TouchKind
from twofold.touch.visits import Seen, begun_by

DAY_S = 86_400
CLICK_DAYS = 7
CHAT_DAYS = 7
Repeats = Literal["all", "collapse", "unique"]
"""Which touches stay: all, without equal neighbours, or each once; of equals the first. The statements decide it."""


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


def _days(touch: Touch, click_days: int, chat_days: int) -> int:
    return min(click_days, chat_days) if touch.kind is TouchKind.CHAT else click_days
