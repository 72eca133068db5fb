"""A week's review as it is sent by itself: what it holds, and when it is due.

Owns both. The figures are the router's, whether a go still holds is the acceptance's. Pure; times in Unix s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from twofold.router.review import Figure
from twofold.router.task import Standing

META = "reviews_told"
"""The name under which the store keeps when each address had its last one."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ENDING, OVER = "ending", "over"
_FINDING = {ENDING: "go_ending", OVER: "go_over"}


class Go(Struct, frozen=True, kw_only=True):
    """The newest signed go for a purpose. ``state``: stands, ending or over; ``why``: what ended it. Times in Unix s."""

    dataset: str
    purpose: str
    run: str
    at: int
    expires: int
    state: str
    why: tuple[str, ...] = ()


class Weekly(Struct, frozen=True, kw_only=True):
    """What a review says. ``as_of``: when it was made."""

    as_of: int
    figures: tuple[Figure, ...]
    findings: tuple[Standing, ...]
    goes: tuple[Go, ...]


def notices_of(goes: Sequence[Go], zone: str) -> list[Standing]:
    """Goes that end soon or hold no more, as an alert tells them."""
    return [
        Standing(
            name=f"{_FINDING[go.state]}:{go.dataset}, {go.purpose}, run {go.run}",
            since=go.at,
            do_not_yet=f"Do not {_DOES.get(go.purpose, go.purpose)} on it: {_until(go, zone)}. Sign a new packet first.",
        )
        for go in goes
        if go.state in _FINDING
    ]


_DOES = {"launch": "launch", "scale": "scale", "structure": "change structure"}


def _until(go: Go, zone: str) -> str:
    if go.state == OVER:
        return "; ".join(go.why)
    return f"it ends on {datetime.fromtimestamp(go.expires, ZoneInfo(zone)):%Y-%m-%d}"


def last_due(review: str, zone: str, now: int) -> int:
    """The last moment at which a review such as ``monday 08:00`` was due."""
    word, _, clock = review.partition(" ")
    here = datetime.fromtimestamp(now, ZoneInfo(zone))
    day = here.date() - timedelta(days=(here.weekday() - DAYS.index(word)) % 7)
    due = datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone))
    if due.timestamp() > now:
        due = datetime.combine(day - timedelta(days=7), time.fromisoformat(clock), ZoneInfo(zone))
    return int(due.timestamp())


def due_for(reviews: Mapping[str, str], told: Mapping[str, int], zone: str, now: int) -> list[str]:
    """The addresses whose review is due. ``reviews``: by name, when; ``told``: when each had one, or was first known.
    One that is not known yet waits for its day."""
    return [name for name, review in reviews.items() if review and told.get(name, now) < last_due(review, zone, now)]


encode_weekly = msgspec.json.Encoder().encode
decode_weekly = msgspec.json.Decoder(Weekly).decode
decode_goes = msgspec.json.Decoder(list[Go]).decode
encode_times = msgspec.json.Encoder().encode


def decode_times(text: str | None) -> dict[str, int]:
    """What was kept; empty for nothing and for what cannot be read: then each waits for its next day."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, int])
    except msgspec.DecodeError:
        return {}
