"""A token that is about to end: the day of its end, as the platform tells it or as the settings say it.

Owns how many days before the end is soon, and what the gateway keeps of the platform's answer. Who asks is the gateway. A token
that has ended is no finding of this file: the destination's pause names it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from twofold.router.finding import Finding, Kind, When

META = "token_ends"
"""The name under which the store keeps what platforms said of their tokens."""
DAY_S = 86_400
SOON_S, PRESSING_S = 14 * DAY_S, 3 * DAY_S  # ours: time to ask somebody for a new one; no time left to


class TokenInUse(Struct, frozen=True, kw_only=True):
    """One destination's token. ``mark``: tells it from the one before; ``ends``: what the settings say (Unix s), 0 for
    nothing."""

    destination: str
    dataset: str
    mark: str
    ends: int = 0


class TokenSaid(Struct, frozen=True, kw_only=True):
    """What a platform said of a token. ``ends`` 0: never. ``at``: when it was asked. Unix s."""

    mark: str
    ends: int
    at: int


def findings_of_tokens(
    tokens: Sequence[TokenInUse], said: Mapping[str, TokenSaid], now: int, dataset: str | None
) -> Iterator[Finding]:
    """The tokens that end soon. ``said``: by destination; what was said of an earlier token says nothing."""
    for token in tokens:
        known = said.get(token.destination)
        of_this = known is not None and known.mark == token.mark
        ends = token.ends or (known.ends if known is not None and of_this else 0)
        if dataset in (None, token.dataset) and now < ends <= now + SOON_S:
            day = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d")
            yield Finding(
                kind=Kind.TOKEN_ENDS, about=token.destination, when=When.NOW if ends - now <= PRESSING_S else When.WEEK,
                events=0, of=0, since=now, last=now, link="/start",
                evidence=(("ends", day), ("days_left", str((ends - now) // DAY_S)),
                          ("told_by", "settings" if token.ends else "platform")),
            )  # fmt: skip


encode_said = msgspec.json.Encoder().encode


def decode_said(text: str | None) -> dict[str, TokenSaid]:
    """What was kept, by destination; empty for nothing and for what cannot be read."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, TokenSaid])
    except msgspec.DecodeError:
        return {}
