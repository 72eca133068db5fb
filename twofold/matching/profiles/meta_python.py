"""Meta's Python SDK: ``facebook_business`` 26.0.3, ``Normalize.normalize`` and ``UserData.normalize``.

Value for value, held against the installed package in the tests. Its traits: one function lower-cases and strips
everything; 32 or 64 hexadecimal digits pass as a hash; what is left empty by a rule is hashed as the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from twofold.matching.normalise import country_codes
from twofold.matching.profiles.contract import Form, Given, Profile

_DIGEST = re.compile(r"[a-f0-9]{64}|[a-f0-9]{32}")
_NOT_IN_PLACES = re.compile(r"[0-9.\s\-()]")
_NOT_IN_PHONES = re.compile(r"[\s\-()]")
_PREFIX = re.compile(r"\+?0{0,2}")
_PHONE = re.compile(r"\d{1,4}\d{2,3}\d{4,}")
_NOT_LETTER = re.compile(r"[^a-z]")
_SPACE = re.compile(r"\s")


def _common(rule: Callable[[str], Form]) -> Callable[[str, Given], Form]:
    def normalise(text: str, _: Given) -> Form:
        if not text:
            return Form.dropped("empty")
        lowered = text.lower().strip()
        return Form.kept(lowered) if _DIGEST.fullmatch(lowered) else rule(lowered)

    return normalise


def _email(text: str) -> Form:
    # The original's .+@.+\..+ from the start, where a dot is anything but a line break, without its backtracking.
    line = text.partition("\n")[0]
    at = line.find("@", 1)
    if at < 0 or line.find(".", at + 2, len(line) - 1) < 0:
        return Form.refused("no @ with a dot after it")
    return Form.hashed(text)


def _phone(text: str) -> Form:
    digits = _PREFIX.sub("", _NOT_IN_PHONES.sub("", text), count=1)
    digits = _PREFIX.sub("", digits, count=1)
    if digits.startswith("0") or not _PHONE.fullmatch(digits):
        return Form.refused("does not look international")
    return Form.hashed(digits)


def _place(text: str) -> Form:
    return Form.hashed(_NOT_IN_PLACES.sub("", text))


def _zip(text: str) -> Form:
    return Form.hashed(_SPACE.sub("", text).split("-")[0])


def _country(text: str) -> Form:
    code = _NOT_LETTER.sub("", text)
    return Form.hashed(code) if code in country_codes() else Form.refused("no ISO 3166-1 alpha-2 code")


def _external_id(text: str, _: Given) -> Form:
    return Form.plain(text)


_as_is = _common(Form.hashed)

PROFILE: Profile = {
    "em": _common(_email),
    "ph": _common(_phone),
    "fn": _as_is,
    "ln": _as_is,
    "db": _as_is,
    "ge": _as_is,  # its typed setter lets only f and m in; a free text comes so far
    "ct": _common(_place),
    "st": _common(_place),
    "zp": _common(_zip),
    "country": _common(_country),
    "external_id": _external_id,
}
