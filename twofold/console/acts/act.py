"""A change that somebody asks for through a form, and what comes of it: the values that every act takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from twofold.config import Settings
from twofold.console.access.register import Register, Session
from twofold.console.dropped.held import Drops
from twofold.console.sums.keeper import SumsKeeper
from twofold.console.sums.remembered import Remembered


class Act(Struct, frozen=True, kw_only=True):
    """A change that somebody asks for. ``given``: the form's fields; ``link``, ``shared``: make an address that others can open."""

    settings: Settings
    register: Register
    session: Session
    given: Mapping[str, str]
    path: Mapping[str, str]
    address: str
    now: int
    link: Callable[[str], str]
    shared: Callable[[str], str]
    identity: str | None  # as a proxy names who asks
    sums: SumsKeeper
    remembered: Remembered[Any]
    drops: Drops
    config: Path | None = None  # the file that the settings were read from


class Done(Struct, frozen=True, kw_only=True):
    """What came of it: go to a page, or show one again with what is to be said."""

    to: str = ""
    template: str = ""
    figures: Mapping[str, Any] = {}
    status: int = 200
    logs_out: bool = False
    rereads: bool = False  # the settings are read again
