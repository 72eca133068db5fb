"""Meta's browser pixel: ``fbevents.js`` 2.9.178, manual advanced matching (``fbq('init', id, userData)``).

Certain: the outcomes recorded from running it, and its table of types, which later public copies still carry. Its trait:
whatever its rule cannot read is hashed as it was typed, without trimming or lower case; only an e-mail address must be
one. Later versions (seen: 2.9.243) read states, countries, phones and birth dates as `meta_builder` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from twofold.matching.profiles import javascript
from twofold.matching.profiles.contract import Form, Given, Profile
from twofold.matching.profiles.meta_builder import EMAIL, NOT_LATIN, SPACE_AND_PUNCTUATION

_NOT_IN_PHONES = re.compile(r"[\-@#<>'\",; ()+a-zA-Z]")
_STARTS_LATIN = re.compile(r"[a-z]")


def _common(rule: Callable[[str], str | None]) -> Callable[[str, Given], Form]:
    def normalise(text: str, _: Given) -> Form:
        if not text:
            return Form.dropped("empty")
        if javascript.is_digest(text):
            return Form.kept(text.lower())
        return Form.hashed(rule(text) or text)

    return normalise


def _email(text: str, _: Given) -> Form:
    if javascript.is_digest(text):
        return Form.kept(text.lower())
    address = javascript.trim(text.lower())
    return (
        Form.hashed(address) if EMAIL.fullmatch(address) else Form.dropped("no valid e-mail address of ASCII letters")
    )


def _phone(text: str) -> str:
    return _NOT_IN_PHONES.sub("", text).lstrip("0")


def _name(text: str) -> str:
    return SPACE_AND_PUNCTUATION.sub("", text).lower()


def _city(text: str) -> str | None:
    letters = NOT_LATIN.sub("", text).lower()
    return letters if _STARTS_LATIN.match(letters) else None


def _state(text: str) -> str | None:
    letters = NOT_LATIN.sub("", text).lower()[:2]
    return letters if _STARTS_LATIN.match(letters) else None


def _zip(text: str) -> str | None:
    code = javascript.trim(text.lower().split("-")[0])
    return code if javascript.length(code) >= 2 else None


def _gender(text: str) -> str | None:
    letter = javascript.trim(text).lower()
    return letter if letter in ("f", "m") else None


def _joined(text: str) -> str:
    return javascript.without_space(text).lower()


PROFILE: Profile = {
    "em": _email,
    "ph": _common(_phone),
    "fn": _common(_name),
    "ln": _common(_name),
    "db": _common(_joined),
    "ge": _common(_gender),
    "ct": _common(_city),
    "st": _common(_state),
    "zp": _common(_zip),
    "country": _common(_joined),
    "external_id": _common(_joined),
}
