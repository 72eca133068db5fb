"""Meta's parameter builder for Node: ``capi-param-builder-nodejs`` 1.3.2, ``getNormalizedAndHashedPII``.

Value for value, held against the package in the tests; the builder for browsers has the same rules. Everything it
sends carries an appendix that names library and version. It never raises: what it cannot read becomes null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from twofold.event.click_ids import is_appendix
from twofold.matching.profiles import javascript
from twofold.matching.profiles.builder_names import COUNTRIES, STATES
from twofold.matching.profiles.contract import Form, Given, Profile

NEW = "AQQCAQMC"  # appendix of a value it hashed: format 1, language 4, net-new, version 1.3.2
UNCHANGED = "AQQAAQMC"  # of a hash it was given

_WORD = r"[a-zA-Z0-9_!#$%&'*+/=?^`{|}~\-]"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?"
# The colon is the original's: it wrote (:? for (?:, so a colon may stand before a dot.
EMAIL = re.compile(rf"{_WORD}+(?::?\.{_WORD}+)*@(?:{_LABEL}\.)+{_LABEL}")
SPACE_AND_PUNCTUATION = re.compile(rf"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{{|}}~{javascript.WHITE}]+")
NOT_LATIN = re.compile(r"[^a-zA-Z0-9]+")
_NOT_DIGIT = re.compile(r"[^0-9]")
_NOT_LETTER = re.compile(r"[^a-z]")
_STARTS_LATIN = re.compile(r"[a-z]")

_MALE = frozenset(
    [
        "man",
        "male",
        "boy",
        "gentleman",
        "guy",
        "sir",
        "mister",
        "mr",
        "son",
        "father",
        "dad",
        "daddy",
        "papa",
        "uncle",
        "nephew",
        "brother",
        "husband",
        "boyfriend",
        "groom",
        "widower",
        "king",
        "prince",
        "duke",
        "count",
        "emperor",
        "god",
        "lord",
        "lad",
        "fellow",
        "chap",
        "bloke",
        "dude",
        "he",
        "him",
        "his",
        "himself",
        "m",
    ]
)
_FEMALE = frozenset(
    [
        "woman",
        "female",
        "girl",
        "lady",
        "miss",
        "ms",
        "mrs",
        "madam",
        "ma'am",
        "daughter",
        "mother",
        "mom",
        "mama",
        "mommy",
        "aunt",
        "niece",
        "sister",
        "wife",
        "girlfriend",
        "bride",
        "widow",
        "queen",
        "princess",
        "duchess",
        "countess",
        "empress",
        "goddess",
        "maiden",
        "lass",
        "gal",
        "chick",
        "dame",
        "belle",
        "she",
        "her",
        "hers",
        "herself",
        "f",
    ]
)


def _common(rule: Callable[[str, Given], str | None], why: str) -> Callable[[str, Given], Form]:
    def normalise(text: str, given: Given) -> Form:
        trimmed = javascript.trim(text)
        if javascript.is_digest(trimmed):
            return Form.kept(trimmed.lower(), UNCHANGED)
        if _is_own_output(trimmed):
            return Form.kept(trimmed)
        form = rule(text, given)
        return Form.hashed(form, NEW) if form else Form.dropped(why if text else "empty")

    return normalise


def _is_own_output(text: str) -> bool:
    digest, dot, token = text.rpartition(".")
    if not dot or not javascript.is_digest(digest):
        return False
    # Any eight characters do; of two, only the six tokens of the first version.
    return javascript.length(token) == 8 or is_appendix(token)


def _email(text: str, _: Given) -> str | None:
    address = javascript.trim(text.lower())
    return address if EMAIL.fullmatch(address) else None


def _phone(text: str, _: Given) -> str:
    return _NOT_DIGIT.sub("", text).lstrip("0")


def _name(text: str, _: Given) -> str:
    return SPACE_AND_PUNCTUATION.sub("", text).lower()


def _city(text: str, _: Given) -> str | None:
    letters = NOT_LATIN.sub("", text).lower()
    return letters if _STARTS_LATIN.match(letters) else None


def _two_letters(names: Mapping[str, str]) -> Callable[[str, Given], str | None]:
    def normalise(text: str, _: Given) -> str | None:
        letters = _NOT_LETTER.sub("", text.lower())
        if len(letters) == 2:
            return letters
        found = names.get(letters) or next((code for name, code in names.items() if name in letters), letters)
        return found[:2] or None

    return normalise


def _zip(text: str, _: Given) -> str | None:
    code = javascript.trim(text.lower().split("-")[0])
    return code if javascript.length(code) >= 2 else None


def _gender(text: str, _: Given) -> str | None:
    word = javascript.trim(text.lower())
    return "m" if word in _MALE else "f" if word in _FEMALE else None


def _birth_date(text: str, given: Given) -> str | None:
    groups = [g for g in _NOT_DIGIT.sub(" ", text).split(" ") if g]
    if len(groups) >= 3:
        date = _ordered(*(int(g[:9]) if len(g) < 10 else 10**9 for g in groups[:3]), last_year=given.year + 1)
        if date is not None:
            return date
    return groups[0] if len(groups) == 1 and len(groups[0]) == 8 else None


def _ordered(a: int, b: int, c: int, *, last_year: int) -> str | None:
    """The number above 31 is the year; of the other two the month is the earlier one that can be one."""
    if a > 31:
        year, month, day = a, b, c
    elif b > 31:
        year, month, day = b, c, a
    else:
        year, month, day = c, a, b
    if month > 12:
        month, day = day, month
    if 1800 <= year <= last_year and 1 <= month <= 12 and 1 <= day <= 31:
        return f"{year:04}{month:02}{day:02}"
    return None


def _external_id(text: str, _: Given) -> str:
    return javascript.without_space(text).lower()


PROFILE: Profile = {
    "em": _common(_email, "no valid e-mail address of ASCII letters"),
    "ph": _common(_phone, "no digits"),
    "fn": _common(_name, "nothing left without white space and punctuation"),
    "ln": _common(_name, "nothing left without white space and punctuation"),
    "db": _common(_birth_date, "no date"),
    "ge": _common(_gender, "neither a female nor a male word"),
    "ct": _common(_city, "does not begin with a Latin letter"),
    "st": _common(_two_letters(STATES), "no Latin letters"),
    "zp": _common(_zip, "shorter than 2 characters"),
    "country": _common(_two_letters(COUNTRIES), "no Latin letters"),
    "external_id": _common(_external_id, "empty"),
}
