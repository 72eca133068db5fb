"""One function per kind of contact value: text in, the documented normal form out, or None if it is no such value.

Owns the forms of Meta's "Customer information parameters" page (read September 2026), by rule and not by
imitating a library: Meta's own libraries disagree with the page and with each other. Where the page is
silent (white space inside a name) the newest official code decides: it is removed. What the libraries do is in
`profiles`. Does not hash; `match_keys` does.

Unicode is decided once, here, in `compose`: canonical composition (NFC); presentation forms (full and half width,
Arabic and Latin ligatures) become the letters they show; format characters (zero-width, bidi marks, soft hyphen) are
removed, but the two joiners that Persian and the Indic scripts write with stay between letters. Nothing else is
folded: NFKC would break Thai and Armenian letters apart, and no tool of any platform does it. Case is Unicode's own,
of no language: İ becomes i with a dot above, I becomes i, ı stays, a word-final Σ becomes ς, Georgian capitals become
their small letters. docs/match-keys.md has the same for readers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from twofold.event.scalars import SAYS_NOTHING, names_nobody, says_nothing
from twofold.matching import phones
from twofold.matching.phones import FEWEST_DIGITS

# Blocks whose characters are another look of ordinary letters: ligatures, Hebrew and Arabic forms, full and half width. Not the two
# signs that are whole sentences: no name has them, and a text of them would become eighteen times as long.
_PRESENTATION = re.compile("[\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufdf9\ufdfc-\ufdff\ufe70-\ufefc\uff00-\uffef]+")
# General category Cf. Spelled out, because asking for it character by character is slow.
_FORMAT = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f]"
)
_JOINERS = frozenset("\u200c\u200d")
_JOINED = frozenset({"Lo", "Mn", "Mc"})
# None begins as a JSON text does: a list of addresses that went through a form field is not one address.
_EMAIL = re.compile(r"(?!\[|{\")[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+").fullmatch
# The same for the characters that nearly all addresses are made of and begin with: what is listed is found faster than what is not.
_PLAIN_EMAIL = re.compile(r"[!-?A-Z\\-z|}~][!-?A-~]{0,63}@[!-\-/-?A-~]+(?:\.[!-\-/-?A-~]+)+").fullmatch
# For bytes.translate, which is several times faster than the same on text.
_NOT_ALNUM = bytes(c for c in range(128) if not chr(c).isalnum())
_NOT_DIGIT = bytes(c for c in range(128) if not chr(c).isdigit())
_INTERNATIONAL = re.compile(r"\+ ?[1-9][0-9 ().\-/]*")
# What stands after a number inside a company: ext. 5, x5, доб. 5
# Bounded before the word, as each of ten thousand blanks and commas would be looked at with all that follow; what is left of
# them has no digit.
_EXTENSION = re.compile(r"[\s,;]{0,8}(?:;ext=|ext(?:n|ension)?\.?|x|доб\.?)\s{0,8}\d{1,7}\s*$", re.IGNORECASE)
# Unicode general categories. Unassigned and private characters stay: some are letters newer than our tables.
_NOT_IN_NAMES = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Sk"})
_NOT_IN_PLACES = _NOT_IN_NAMES | {"Sm", "Sc", "So"}
_DATE = re.compile(r"(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})")
_NOTHING = frozenset({"0", "objectobject", *SAYS_NOTHING})
MAX_TEXT = 8192  # characters; longer values never reach this module

FEMALE = frozenset({"f", "female", "woman", "girl", "w", "she", "her"})
MALE = frozenset({"m", "male", "man", "boy", "he", "him"})


def compose(text: str) -> str:
    """The one spelling of a text (see above), trimmed. ASCII takes the short way."""
    if text.isascii():
        return text.strip()
    composed = unicodedata.normalize("NFC", _PRESENTATION.sub(_shown_letters, text))
    return _FORMAT.sub(_joiner_or_nothing, composed).strip()


def normalise_email(text: str) -> str | None:
    """Trimmed, lower-case; None unless it reads local@domain.tld."""
    value = text.strip().lower() if text.isascii() else _lower(text)
    return value if _PLAIN_EMAIL(value) or _EMAIL(value) else None


def normalise_phone(text: str, country: str | None = None) -> str | None:
    """Digits with the country code and without leading zeros; None when the country code cannot be known.

    ``country`` is an ISO 3166 alpha-2 code in any case, used only for numbers written locally. A number
    without a leading + or 00 is taken to carry its country code when no country is given and it is valid so, as
    in the documented example 16505551212. An extension is no part of a number.
    """
    if _INTERNATIONAL.fullmatch(text) and "(0" not in text:
        # The usual way, written out: saves half of the time.
        digits = text.encode().translate(None, _NOT_DIGIT).decode()
        if FEWEST_DIGITS <= len(digits) <= 20:
            return digits
    value = compose(text)
    digits = _digits(value)
    if len(digits) < FEWEST_DIGITS:
        return None
    if not value.isascii() or value.upper() != value:
        value = _EXTENSION.sub("", value).rstrip(" ,;")
        digits = _digits(value)
    if value[:2] == "00":  # how most of the world dials a plus
        value, digits = "+" + value[2:], digits[2:]
    if not FEWEST_DIGITS <= len(digits) <= 20:
        return None
    if value[0] == "+":
        if "(0" not in value and _INTERNATIONAL.fullmatch(value):
            return digits
        return phones.parsed("+" + value.lstrip("+0 "), None)
    return phones.local_number(digits, country.upper()) if country else phones.whole_number(digits)


def normalise_name(text: str) -> str | None:
    """Lower-case letters, marks and digits of any script; punctuation and white space removed.

    Symbols beyond ASCII stay: the page removes punctuation only, and every tool of Meta's keeps them.
    """
    if text.isascii():
        return _unless_nothing(text, text.lower().encode().translate(None, _NOT_ALNUM).decode())
    return _unless_nothing(text, _without(text, _NOT_IN_NAMES))


def normalise_city(text: str) -> str | None:
    """As a name, and without symbols: the page allows no special characters here."""
    if text.isascii():
        return _unless_nothing(text, text.lower().encode().translate(None, _NOT_ALNUM).decode())
    return _unless_nothing(text, _without(text, _NOT_IN_PLACES))


def normalise_state(text: str, country: str | None = None) -> str | None:
    """As a city; in the United States the two-letter code. A US state's name is mapped if no other country is given."""
    value = normalise_city(text)
    if value and len(value) > 2 and (country or "us").lower() == "us":
        return _us_states().get(value, value)
    return value


def normalise_zip(text: str, country: str | None = None) -> str | None:
    """Lower-case without spaces and dashes; in the United States the first five digits."""
    value = _unless_nothing(text, _joined(_lower(text).replace("-", " ").replace("\u2013", " "))) or ""
    if (country or "").lower() == "us" or (country is None and re.fullmatch(r"[0-9]{5}-[0-9]{4}", text.strip())):
        value = value[:5]
    return value or None


@lru_cache(maxsize=4096)
def normalise_country(text: str) -> str | None:
    """ISO 3166-1 alpha-2, lower-case, from a code or an English name; None for what is no country."""
    value = compose(text)
    if not value:
        return None
    return _countries().get(value.lower()) or _country_named(value)


def normalise_gender(text: str) -> str | None:
    """``f`` or ``m``; None for anything else, as the field has no further documented value."""
    value = _lower(text)
    return "f" if value in FEMALE else "m" if value in MALE else None


def normalise_birth_date(text: str) -> str | None:
    """YYYYMMDD. Year first, or month/day/year; day first only when the first number cannot be a month."""
    value = compose(text)
    if len(value) == 8 and value.isascii() and value.isdigit():
        year, month, day = int(value[:4]), int(value[4:6]), int(value[6:])
    else:
        match = _DATE.match(value)
        if not match:
            return None
        a, b, c = (int(x) for x in match.groups())
        year, month, day = (a, b, c) if len(match[1]) == 4 else (c, b, a) if a > 12 else (c, a, b)
    if not (1800 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{year:04}{month:02}{day:02}"


def normalise_external_id(text: str) -> str | None:
    """Lower-case without white space: what the genuine pixel hashes, so browser and server agree.

    None for what names nobody ("undefined", "0"): everybody would have the same id.
    """
    value = _joined(_lower(text))
    if value[:1] == "[" and value[-1:] == "]":
        return None  # a list that went through a form field is not one id
    return value if value and not names_nobody(value) and not says_nothing(text) else None


FORMS: dict[str, Callable[..., str | None]] = {
    "em": normalise_email,
    "ph": normalise_phone,
    "fn": normalise_name,
    "ln": normalise_name,
    "db": normalise_birth_date,
    "ge": normalise_gender,
    "ct": normalise_city,
    "st": normalise_state,
    "zp": normalise_zip,
    "country": normalise_country,
    "external_id": normalise_external_id,
}
"""Field to its documented form (rule ``meta``)."""

NEEDS_COUNTRY = frozenset({"ph", "st", "zp"})
"""Fields whose form depends on the country; their functions take it as second argument."""


def _unless_nothing(text: str, value: str | None) -> str | None:
    """A name's or place's form, unless a program wrote the text that knew none; nobody's is a zero."""
    return value if value and value not in _NOTHING and not says_nothing(text) else None


def _shown_letters(run: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", run[0])


def _joiner_or_nothing(found: re.Match[str]) -> str:
    """A joiner between letters or marks of a script without capitals is spelling (علی‌رضا, ශ්‍රී) and stays."""
    at, text = found.start(), found.string
    if found[0] not in _JOINERS or not 0 < at < len(text) - 1:
        return ""
    beside = {unicodedata.category(text[at - 1]), unicodedata.category(text[at + 1])}
    return found[0] if beside <= _JOINED else ""


def _without(text: str, categories: frozenset[str]) -> str | None:
    kept = (c for c in _lower(text) if c in _JOINERS or unicodedata.category(c) not in categories)
    kept = (c for c in kept if not (c.isascii() and not c.isalnum()))
    return unicodedata.normalize("NFC", "".join(kept)) or None


def load_tables() -> None:
    """Reads the tables of countries, states and phone formats now (a third of a second) instead of at first use."""
    _countries_by_name()
    _us_states()
    phones.parsed("020 7946 0958", "GB")


def _lower(text: str) -> str:
    if text.isascii():
        return text.strip().lower()
    return unicodedata.normalize("NFC", compose(text).lower())


def _joined(text: str) -> str:
    """Without white space. What then stands side by side may compose: NFC again."""
    joined = "".join(text.split())
    return joined if joined.isascii() else unicodedata.normalize("NFC", joined)


def _digits(text: str) -> str:
    if text.isascii():
        return text.encode().translate(None, _NOT_DIGIT).decode()
    return "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal())


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    import pycountry

    table = {}
    for c in pycountry.countries:
        for key in (c.alpha_2, c.alpha_3, c.name, getattr(c, "common_name", ""), getattr(c, "official_name", "")):
            if key:
                table[key.lower()] = c.alpha_2.lower()
    # What people write and the standard does not list; the United Kingdom's code is GB.
    # Kosovo has no code of the standard's own; XK is what shops, banks and phone tables use.
    return table | {
        "xk": "xk",
        "kosovo": "xk",
        "uk": "gb",
        "great britain": "gb",
        "england": "gb",
        "usa": "us",
        "u.s.": "us",
        "u.s.a.": "us",
    }


def _country_named(text: str) -> str | None:
    name = normalise_name(text)
    return _countries_by_name().get(name) if name else None


@lru_cache(maxsize=1)
def _countries_by_name() -> dict[str, str]:
    """As `normalise_name` writes them; where two are written alike, the one of the table's first counts."""
    table: dict[str, str] = {}
    for key, code in _countries().items():
        table.setdefault(normalise_name(key) or key, code)
    return table


@lru_cache(maxsize=1)
def country_codes() -> frozenset[str]:
    """The alpha-2 codes of ISO 3166-1, lower-case; what Meta's SDKs accept as a country."""
    import pycountry

    return frozenset(c.alpha_2.lower() for c in pycountry.countries)


@lru_cache(maxsize=1)
def _us_states() -> dict[str, str]:
    import pycountry

    states: Any = pycountry.subdivisions.get(country_code="US")  # type: ignore[no-untyped-call]
    return {normalise_name(s.name) or "": s.code[3:].lower() for s in states}
