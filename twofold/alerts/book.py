"""What was told to whom: which findings began and which ended since, once each, outside of quiet hours.

Owns that memory and its rules. A finding that is seen is told once; that it ended is told when it was not seen for `ENDED_S`,
so that one that comes and goes is no flood; one that comes back within `AGAIN_S` after it was called ended is told anew only
then. In quiet hours nothing is told and nothing is lost: what still stands afterwards is told then. Pure; times in Unix s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from twofold.router.task import Standing

META = "alerts_told"
"""The name under which the store keeps it."""
ENDED_S = 3_600
AGAIN_S = 6 * 3_600


class Told(Struct, kw_only=True):
    """One finding at one address. ``told_at`` 0: not yet. ``ended_at`` 0: it stands."""

    since: int
    seen_at: int
    told_at: int = 0
    ended_at: int = 0
    words: str = ""


Book = dict[str, dict[str, Told]]
"""Alert name to finding to what was told."""


class News(Struct, frozen=True, kw_only=True):
    """What an alert says now."""

    began: tuple[Standing, ...] = ()
    ended: tuple[Standing, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.began or self.ended)


def news_of(told: dict[str, Told], found: Sequence[Standing], now: int, *, quiet: bool) -> News:
    """What is to be told, with the memory brought up to what is seen now. It is told once `was_told` says so."""
    for one in found:
        known = told.get(one.name)
        if known is None or (known.ended_at and now - known.ended_at > AGAIN_S):
            told[one.name] = Told(since=one.since, seen_at=now, words=one.do_not_yet)
        else:
            known.seen_at = now
    if quiet:
        return News()
    began = [
        Standing(name=n, since=t.since, do_not_yet=t.words)
        for n, t in told.items()
        if not t.told_at and t.seen_at == now
    ]
    ended = [
        Standing(name=n, since=t.since, do_not_yet=t.words)
        for n, t in told.items()
        if t.told_at and not t.ended_at and now - t.seen_at >= ENDED_S
    ]
    return News(began=tuple(began), ended=tuple(ended))


def was_told(told: dict[str, Told], news: News, now: int) -> None:
    """Somebody has it. What ended long ago, or was never told, is forgotten."""
    for one in news.began:
        told[one.name].told_at = now
    for one in news.ended:
        told[one.name].ended_at = now
    for name, known in list(told.items()):
        over = known.ended_at and now - known.ended_at > AGAIN_S
        if over or (not known.told_at and now - known.seen_at > AGAIN_S):
            del told[name]


def is_quiet(quiet: str, zone: str, now: int) -> bool:
    """Within the hours ``22:00-07:00`` of the zone; never where there are none."""
    if not quiet:
        return False
    first, last = (time.fromisoformat(word) for word in quiet.split("-"))
    at = datetime.fromtimestamp(now, ZoneInfo(zone)).time()
    return first <= at < last if first <= last else at >= first or at < last


encode_book = msgspec.json.Encoder().encode


def decode_book(text: str | None) -> Book:
    """What was kept; empty for nothing and for what cannot be read: then everything that stands is told again."""
    try:
        return msgspec.json.decode(text or "{}", type=Book)
    except msgspec.DecodeError:
        return {}
