"""Addressees: which destinations one message may be told to, where its sender says so (Segment's ``integrations``).

Owns the names that senders write, what each stands for here, and the question whether a destination is meant. It is the wish of one
message and no consent: it binds no browser and no later message. A word is ``-*`` (nobody but who is named), ``+meta`` or ``-meta``,
of a platform or of one destination by its own name. A name that stands for nothing here is forgotten, so that no sender's text is
kept. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from twofold.event.scalars import read_boolean

EVERYBODY: Final = "*"
MOST_NAMES = 200
"""Of more names in one message the first are read, and what is said of all."""

_PARTS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("meta", ("facebook", "fbpixel", "metapixel", "metaconversions", "metaads")),
    ("ga4", ("googleanalytics", "ga4")),
    ("google_ads", ("googleads", "adwords", "googledatamanager", "googleenhancedconversions")),
    ("tiktok", ("tiktok",)),
    ("pinterest", ("pinterest",)),
    ("snap", ("snapchat", "snappixel", "snapconversion", "snapads")),
    ("reddit", ("reddit",)),
    ("linkedin", ("linkedin",)),
    ("microsoft", ("bingads", "bingcapi", "microsoftads", "microsoftbing", "microsoftadvertising", "microsoftuet")),
    ("x", ("twitterads", "twitterpixel", "twitterconversion", "xads", "xpixel", "xconversion")),
    ("webhook", ("webhook",)),
)  # fmt: skip
"""A platform and what stands in the names that Segment and RudderStack have for it, without what is between words. A short one must
begin the name (`_BEGINS`)."""
_WHOLE: Final[Mapping[str, str]] = {
    "ga": "ga4", "fb": "meta", "meta": "meta", "snap": "snap", "microsoft": "microsoft", "bing": "microsoft", "twitter": "x", "x": "x",
}  # fmt: skip
_SEVERAL: Final[Mapping[str, tuple[str, ...]]] = {
    "google": ("ga4", "google_ads"), "instagram": ("meta",), "youtube": ("google_ads",),
}  # fmt: skip
"""Names of a company or of a place of its, by which a shopper refuses all that goes there; no destination is meant by one."""
_BEGINS: Final = frozenset(("ga4", "xads", "xpixel", "xconversion"))
_OTHERS: Final = ("audience", "appevents", "sheets", "leadads", "campaignmanager")
"""In the name of what is no destination of events at that platform: lists of people, apps, tables."""
_OF_SERVERS: Final = ("conversion", "capi", "cloud", "server")
"""In the name of a platform's way for servers, which is ours: beside it what is said of the platform's script in a page says nothing."""
_BETWEEN = re.compile(r"[\W_]+")
_NO: Final = frozenset(("no", "n", "off", "disabled", "0.0"))
"""Texts of a no beside those of `read_boolean`: who writes one does not mean that the platform is to be told."""


def letters_of(name: str) -> str:
    """A name as it is compared: `Google Ads`, `google-ads` and `GOOGLE_ADS` are one. Letters of every script count; empty for a
    name without any, which is nobody's."""
    name = name if name.isascii() else unicodedata.normalize("NFKC", name)
    return _BETWEEN.sub("", name.casefold())


def read_addressees(told: Mapping[str, Any], own: Mapping[str, str]) -> tuple[str, ...]:
    """Words of what a message says, sorted. ``own``: `letters_of` a name to the destination or platform that it stands for here; it
    comes before what is known of names. A no is false; what says nothing (null, an empty text) is passed over; all else is a yes."""
    said: dict[str, tuple[bool, bool]] = {}  # of whom -> (is of servers, yes)
    for name, value in _read(told):
        letters = letters_of(str(name))
        if not letters or value is None or value == "":
            continue
        who = EVERYBODY if letters == "all" else own.get(letters) or _platform_of(letters)
        if who is None:
            continue
        answer = (letters in own or any(part in letters for part in _OF_SERVERS), not _is_no(value))
        said[who] = _nearer(said[who], answer) if who in said else answer
    words = [f"{'+' if yes else '-'}{who}" for who, (_, yes) in said.items() if who != EVERYBODY or not yes]
    # A yes beside no "nobody but" allows what is allowed already.
    refuses = any(word[0] == "-" for word in words)
    return tuple(sorted(words)) if refuses else ()


def is_addressed(words: Iterable[str], destination: str, platform: str) -> bool:
    """Whether a message with these words may be told to a destination: its own name decides, else its platform's, else all."""
    said = {word[1:]: word[0] == "+" for word in words}
    return next((said[name] for name in (destination, platform, EVERYBODY) if name in said), True)


def platforms_of(name: str) -> tuple[str, ...]:
    """Whom a shopper means by a name who refuses somebody: every platform of a company, and its lists of people as well. Empty for a
    name that stands for nothing here."""
    letters = letters_of(name)
    if letters in _SEVERAL:
        return _SEVERAL[letters]
    platform = _WHOLE.get(letters) or _by_its_parts(letters)
    return (platform,) if platform else ()


def _read(told: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Of many names the first; and what is said of all wherever it stands, else many names would let out what nobody may get."""
    rows = iter(told.items())
    yield from islice(rows, MOST_NAMES)
    yield from ((name, value) for name, value in rows if str(name).strip().lower() == "all")


def _is_no(value: Any) -> bool:
    return read_boolean(value) is False or (not isinstance(value, (dict, list)) and str(value).strip().lower() in _NO)


def _nearer(a: tuple[bool, bool], b: tuple[bool, bool]) -> tuple[bool, bool]:
    """Of two names of one platform: that of its way for servers, else the no."""
    if a[0] != b[0]:
        return a if a[0] else b
    return (a[0], a[1] and b[1])


def _platform_of(letters: str) -> str | None:
    if letters in _WHOLE:
        return _WHOLE[letters]
    if any(part in letters for part in _OTHERS):
        return None
    return _by_its_parts(letters)


def _by_its_parts(letters: str) -> str | None:
    for platform, parts in _PARTS:
        if any(letters.startswith(p) if p in _BEGINS else p in letters for p in parts):
            return platform
    return None
