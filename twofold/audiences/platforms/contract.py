"""What a platform's lists are to whoever keeps them: one frozen value of pure functions and limits.

Owns the shape. A platform makes the request that adds or removes rows and reads the answer; when, how often and what then is `sync`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from twofold.audiences.members import Row
from twofold.config import AccountSettings
from twofold.destinations.contract import AnswerVerdict, Grant, LaterAnswer, PlatformAnswer, Request

ADD, REMOVE = "add", "remove"


class AccountTarget(Struct, frozen=True, kw_only=True):
    """Where and as whom: an [[account]] as the destinations' functions want a target."""

    endpoint: str
    version: str
    remote_dataset: str  # the ad account
    token: str
    app_secret: str = ""
    options: Mapping[str, str] = {}


class Change(NamedTuple):
    """One request to come: rows with their values, for one list. ``session`` stays the same when it is sent again."""

    kind: str
    remote: str
    rows: Sequence[tuple[Row, str]]
    session: int
    valued: bool


class Keeper(Struct, frozen=True, kw_only=True):
    """One platform. ``smallest``: people that a list must have, and ``why`` as far as it is known."""

    platform: str
    title: str
    endpoint: str
    version: str
    batch: int
    smallest: int
    why: str
    request: Callable[[Change, AccountTarget], Request]
    classify: Callable[[PlatformAnswer, int], AnswerVerdict]
    target: Callable[[AccountSettings], Mapping[str, str]] = lambda _: {}  # its options
    grant: Grant | None = None
    later: LaterAnswer | None = None

    def target_of(self, account: AccountSettings) -> AccountTarget:
        """The account, as this platform is asked."""
        own = account.endpoint or self.endpoint
        return AccountTarget(
            endpoint=own,
            version=self.version,
            remote_dataset=account.id,
            token=account.token,
            options=self.target(account),
        )
