"""Meta's Node SDK: ``facebook-nodejs-business-sdk`` 24.0.1, ``ServerSideUtils.normalizeAndHash``.

Value for value, held against the package in the tests. Its e-mail rule is that of the package email-validator, its
countries those of iso-3166-1. Lengths are in UTF-16 units.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from twofold.matching.normalise import country_codes
from twofold.matching.profiles import javascript
from twofold.matching.profiles.contract import Form, Given, Profile

_DIGEST = re.compile(r"[a-f0-9]{64}|[a-f0-9]{32}")
_LOCAL = r"[-!#$%&'*+/0-9=?A-Z^_a-z{|}~](?:\.?[-!#$%&'*+/0-9=?A-Z^_a-z`{|}~])*"
_EMAIL = re.compile(_LOCAL + r"@[a-zA-Z0-9](?:-*\.?[a-zA-Z0-9])*\.[a-zA-Z](?:-?[a-zA-Z0-9])+")
_NOT_IN_PLACES = re.compile(rf"[0-9{javascript.WHITE}().\-]")
_NOT_IN_PHONES = re.compile(r"[\-@#<>'\",; ()+a-z]")
_PREFIX = re.compile(r"\+?0{0,2}")
_US_PHONE = re.compile(r"1\(?[0-9]{3}\)?[0-9]{7}")
_PHONE = re.compile(r"[0-9]{1,4}\(?[0-9]{2,3}\)?[0-9]{4,}")
_NOT_LETTER = re.compile(r"[^a-z]")
_GENDERS = {"female": "f", "f": "f", "male": "m", "m": "m"}


def _common(rule: Callable[[str], Form]) -> Callable[[str, Given], Form]:
    def normalise(text: str, _: Given) -> Form:
        lowered = javascript.trim(text).lower()
        if not lowered:
            return Form.dropped("empty")
        return Form.kept(lowered) if _DIGEST.fullmatch(lowered) else rule(lowered)

    return normalise


def _email(text: str) -> Form:
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        return Form.refused("no valid e-mail address")
    local, _, domain = text.partition("@")
    if len(local) > 64 or any(len(part) > 63 for part in domain.split(".")):
        return Form.refused("a part of the e-mail address is too long")
    return Form.hashed(text)


def _phone(text: str) -> Form:
    number = _NOT_IN_PHONES.sub("", text)
    bare = _PREFIX.sub("", number, count=1)
    if not bare.startswith("0") and (_US_PHONE if bare.startswith("1") else _PHONE).fullmatch(bare):
        number = bare
    if not 7 <= javascript.length(number) <= 16:
        return Form.refused("shorter than 7 or longer than 16 characters")
    return Form.hashed(number)


def _gender(text: str) -> Form:
    letter = _GENDERS.get(_NOT_LETTER.sub("", text))
    return Form.hashed(letter) if letter else Form.dropped("neither female nor male")


def _place(text: str) -> Form:
    return Form.hashed(_NOT_IN_PLACES.sub("", text))


def _zip(text: str) -> Form:
    code = javascript.without_space(text).split("-")[0]
    return Form.hashed(code) if javascript.length(code) >= 2 else Form.dropped("shorter than 2 characters")


def _country(text: str) -> Form:
    # It compares capitals and sends what it was given, so ß passes as South Sudan and leaves as ß.
    if text.upper().lower() in country_codes():
        return Form.hashed(text)
    return Form.refused("no ISO 3166-1 alpha-2 code")


def _external_id(text: str, _: Given) -> Form:
    return Form.plain(text)


_as_is = _common(Form.hashed)

PROFILE: Profile = {
    "em": _common(_email),
    "ph": _common(_phone),
    "fn": _as_is,
    "ln": _as_is,
    "db": _as_is,
    "ge": _common(_gender),
    "ct": _common(_place),
    "st": _common(_place),
    "zp": _common(_zip),
    "country": _common(_country),
    "external_id": _external_id,
}
