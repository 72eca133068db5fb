"""Which kept signs are touches: a sign begins one after a pause, or at once where it names another source.

Owns that rule (30 minutes; another campaign or click id at once; midnight means nothing) and no window, order or channel. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from twofold.touch.model import Touch, TouchKind

PAUSE_S = 1_800
_OF_PATHS = frozenset({TouchKind.CLICK, TouchKind.VISIT, TouchKind.CHAT})


class Seen(NamedTuple):
    """A kept sign: whose it is, and what tells its source from another's (of two clicks on one ad, which)."""

    who: Hashable
    key: Hashable
    touch: Touch


def begun_by(signs: Iterable[Seen]) -> list[Touch]:
    """The touches that signs make, oldest first, whatever order they come in. Signs of different people never join."""
    own = sorted(
        (sign for sign in set(signs) if sign.touch.kind in _OF_PATHS),
        key=lambda sign: (sign.touch.at, str(sign.who), str(sign.key), repr(sign.touch)),
    )
    found: list[Touch] = []
    open_visits: dict[tuple[Hashable, bool], tuple[int, Hashable]] = {}  # until when, and the source that began it
    for who, key, touch in own:
        visit = (who, touch.kind is TouchKind.CHAT)
        until, begun = open_visits.get(visit, (0, None))
        if touch.at >= until or (_names_source(touch) and key != begun):
            found.append(touch)
            begun = key
        open_visits[visit] = touch.at + PAUSE_S, begun
    return found


def _names_source(touch: Touch) -> bool:
    return bool(touch.click or touch.source or touch.medium or touch.campaign or touch.utm_id or touch.campaign_id)
