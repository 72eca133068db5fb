"""What a system is to the worker that asks it: one thing by its id, and where it has one a list of what changed.

Owns the values between them. Functions of a system run in a thread of their own, one at a time, and raise `Problem` for what could not
be had; nothing is kept by them but a token in `Access.memory`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from twofold.config import SourceSettings
from twofold.pulling.contract import Problem, Who
from twofold.pulling.exchange import Exchange
from twofold.store.fetches.book import Listed


class Access(Struct, kw_only=True):
    """By what a system is asked. ``base``: the only address, from the configuration. ``memory``: tokens, with the time at which they end."""

    source: SourceSettings
    base: str
    memory: dict[str, tuple[str, float]] = {}
    kept: dict[str, tuple[dict[str, Any], float]] = {}  # what many orders share, and until when it is believed
    told_at: int | None = None  # s: what the system's own clock said with its last answer

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.source.timezone)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        kept = (value for value, _ in self.memory.values())
        return (self.source.token, self.source.client_secret, self.source.client_id, *kept)


class Wait(Problem):
    """A system that asks for patience. ``wait_s``: how long; None where it does not say."""

    def __init__(self, text: str, wait_s: float | None) -> None:
        super().__init__("throttled", Who.NOBODY, text)
        self.wait_s = wait_s


class Page(Struct, frozen=True):
    """A part of a list. ``more``: it goes on behind it."""

    things: Sequence[Listed]
    more: bool


class System(Struct, frozen=True, kw_only=True):
    """One shop system or provider.

    ``fetch(access, thing, exchange)``: the thing as its source's ``read`` takes it; None for one that is not known there.
    ``changed(access, since, page, exchange)``: what changed at ``since`` (s, of the system's clock) or later, page 1 first.
    ``in_order``: the list's pages follow each other by the time of change; else its place moves only when it is read to its end.
    ``again(body, now_s)``: in how many s a thing is to be asked for once more, of a system that does not tell every change.
    ``overlap_s``: so much before the end of what was read is read again, as a change may be seen later than its own time.
    """

    name: str
    fetch: Callable[[Access, str, Exchange], bytes | None]
    endpoint: str = ""
    changed: Callable[[Access, int, int, Exchange], Page] | None = None
    every_minutes: int = 0
    overlap_s: int = 900
    in_order: bool = True
    again: Callable[[bytes, float], float | None] = lambda _body, _now_s: None


def id_of(thing: str) -> str:
    """The system's own id of what a notice or a list named, as ``order:123``."""
    return thing.partition(":")[2]


def version_by(order: Mapping[str, object], names: Iterable[str]) -> bytes:
    """The version of a list's row by these of its fields."""
    return version_of({name: str(order.get(name)) for name in names})


def version_of(shown: object) -> bytes:
    """A digest of what a list shows of a thing: another one whenever it shows anything else."""
    return blake2b(msgspec.json.encode(shown, order="deterministic"), digest_size=16).digest()
