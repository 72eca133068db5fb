"""Addressees: which destinations one message may be told to, where its sender says so (Segment's ``integrations``).

Owns how a name is compared and what stands in names of every platform, and the question whether a destination is meant. What senders
call a platform is that platform's own (`Names` in its file). A wish is of one message and no consent: it binds no browser and no later
message, but that a no to a platform's lists of people is said of the person. A word is ``-*`` (nobody but who is named), ``+meta`` or
``-meta``, of a platform or of one destination by its own name, and ``-lists:meta`` of a platform's lists. A name that stands for
nothing here is forgotten, so that no sender's text is kept. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from twofold.event.scalars import read_boolean

EVERYBODY: Final = "*"
LISTS: Final = "lists:"
"""Before a platform's name in a word about its lists of people."""
MOST_NAMES = 200
"""Of more names in one message the first are read, and what is said of all."""

_LISTS: Final = ("audience", "remarketinglist", "customermatch")
"""In the name of a platform's lists of people: a no to them keeps nobody's events back."""
_OTHERS: Final = ("appevents", "sheets", "leadads", "campaignmanager")
"""In the name of what is neither a destination of events nor a list at that platform: apps, tables."""
_OF_SERVERS: Final = ("conversion", "capi", "cloud", "server")
"""In the name of a platform's way for servers, which is ours: beside it what is said of the platform's script in a page says nothing."""
_BETWEEN = re.compile(r"[\W_]+")
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class Names(Struct, frozen=True, kw_only=True):
    """What senders call one platform, each in `letters_of` it. ``parts``: what stands in the names that Segment and RudderStack have
    for it; ``begins``: the same where it is so short that it must come first; ``whole``: a name by itself. ``refused_by``: names of a
    company or of a place of its, by which a shopper refuses all that goes there; no destination is meant by one."""

    parts: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    refused_by: tuple[str, ...] = ()


class Addressees:
    """Whom names stand for. ``platforms``: each platform's `Names`; the first that fits counts. ``own``: `letters_of` a name to the
    destination or platform that it stands for in this dataset; it comes before what is known of names."""

    def __init__(self, platforms: Mapping[str, Names] = _NONE, own: Mapping[str, str] = _NONE) -> None:
        self.own = own
        self._parts = tuple((platform, names.parts, names.begins) for platform, names in platforms.items())
        self._whole = {letters: platform for platform, names in platforms.items() for letters in names.whole}
        self._refused: dict[str, tuple[str, ...]] = {}
        for platform, names in platforms.items():
            for letters in names.refused_by:
                self._refused[letters] = (*self._refused.get(letters, ()), platform)

    def read(self, told: Mapping[str, Any]) -> tuple[str, ...]:
        """Words of what a message says, sorted. A no is false; what says nothing (null, an empty text) is passed over; all else is a
        yes. A yes to lists is kept also where nothing is refused: it takes back an older no."""
        said: dict[str, tuple[bool, bool]] = {}  # of whom -> (is of servers, yes)
        for name, value in _read(told):
            letters = letters_of(str(name))
            if not letters or value is None or value == "":
                continue
            who = EVERYBODY if letters == "all" else self.own.get(letters) or self._meant(letters)
            if who is None:
                continue
            answer = (letters in self.own or any(p in letters for p in _OF_SERVERS), read_boolean(value) is not False)
            said[who] = _nearer(said[who], answer) if who in said else answer
        words = [f"{'+' if yes else '-'}{who}" for who, (_, yes) in said.items() if who != EVERYBODY or not yes]
        # A yes beside no "nobody but" allows what is allowed already.
        refuses = any(word[0] == "-" for word in words)
        return tuple(sorted(words if refuses else [word for word in words if word[1:].startswith(LISTS)]))

    def refused_by(self, name: str) -> tuple[str, ...]:
        """Whom a shopper means by a name who refuses somebody: every platform of a company, and its lists of people as well. Empty for
        a name that stands for nothing here."""
        letters = letters_of(name)
        if letters in self._refused:
            return self._refused[letters]
        platform = self._platform_of(letters)
        return (platform,) if platform else ()

    def _meant(self, letters: str) -> str | None:
        if letters not in self._whole and any(part in letters for part in _OTHERS):
            return None
        platform = self._platform_of(letters)
        return platform and (LISTS + platform if any(part in letters for part in _LISTS) else platform)

    def _platform_of(self, letters: str) -> str | None:
        if letters in self._whole:
            return self._whole[letters]
        for platform, parts, begins in self._parts:
            if any(part in letters for part in parts) or letters.startswith(begins):
                return platform
        return None


NO_NAMES: Final = Addressees()
"""Where nobody is known by a name."""


def letters_of(name: str) -> str:
    """A name as it is compared: `Google Ads`, `google-ads` and `GOOGLE_ADS` are one. Letters of every script count; empty for a
    name without any, which is nobody's."""
    name = name if name.isascii() else unicodedata.normalize("NFC", name)
    return _BETWEEN.sub("", name.casefold())


def is_addressed(words: Iterable[str], destination: str, platform: str) -> bool:
    """Whether a message with these words may be told to a destination: its own name decides, else its platform's, else all."""
    said = {word[1:]: word[0] == "+" for word in words}
    return next((said[name] for name in (destination, platform, EVERYBODY) if name in said), True)


def is_for_lists(words: Iterable[str], platform: str) -> bool:
    """Whether what a message with these words tells may put somebody on a platform's lists."""
    return is_addressed(words, LISTS + platform, platform)


def said_of_lists(words: Iterable[str]) -> tuple[str, ...]:
    """What these words say of lists by name: ``-meta`` or ``+meta``."""
    return tuple(word[0] + word[1:].removeprefix(LISTS) for word in words if word[1:].startswith(LISTS))


def _read(told: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Of many names the first; and what is said of all wherever it stands, else many names would let out what nobody may get."""
    rows = iter(told.items())
    yield from islice(rows, MOST_NAMES)
    yield from ((name, value) for name, value in rows if str(name).strip().lower() == "all")


def _nearer(a: tuple[bool, bool], b: tuple[bool, bool]) -> tuple[bool, bool]:
    """Of two names of one platform: that of its way for servers, else the no."""
    if a[0] != b[0]:
        return a if a[0] else b
    return (a[0], a[1] and b[1])
