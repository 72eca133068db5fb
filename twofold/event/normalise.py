"""One function per kind of contact value: text in, the documented normal form out, or None if it is no such value.

Owns the forms of Meta's "Customer information parameters" page (read September 2026), by rule and not by
imitating a library: Meta's own libraries disagree with the page and with each other. Where the page is
silent (white space inside a name) the newest official code decides: it is removed.
Unicode is decided once, here: compatibility composition (NFKC), format characters (zero-width, bidi marks)
removed, letters of every script kept. Does not hash; `match_keys` does. Profiles of other platforms and
libraries belong beside `FORMS` as further tables.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
# For bytes.translate, which is several times faster than the same on text.
_NOT_ALNUM = bytes(c for c in range(128) if not chr(c).isalnum())
_NOT_DIGIT = bytes(c for c in range(128) if not chr(c).isdigit())
_INTERNATIONAL = re.compile(r"\+[0-9 ().\-/]+")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_FEWEST_DIGITS = 7  # of a phone number with its country code
_DATE = re.compile(r"(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})")
MAX_TEXT = 8192  # characters; longer values never reach this module

FEMALE = frozenset({"f", "female", "woman", "girl", "w", "she", "her"})
MALE = frozenset({"m", "male", "man", "boy", "he", "him"})


def compose(text: str) -> str:
    """NFKC without format characters, trimmed. ASCII takes the short way."""
    if text.isascii():
        return text.strip()
    composed = unicodedata.normalize("NFKC", text)
    return "".join(c for c in composed if unicodedata.category(c) != "Cf").strip()


def normalise_email(text: str) -> str | None:
    """Trimmed, lower-case; None unless it reads local@domain.tld."""
    value = _lower(text)
    return value if _EMAIL.fullmatch(value) else None


def normalise_phone(text: str, country: str | None = None) -> str | None:
    """Digits with the country code and without leading zeros; None when the country code cannot be known.

    ``country`` is an ISO 3166 alpha-2 code in any case, used only for numbers written locally. A number
    without a leading + or 00 is taken to carry its country code when no country is given and it is valid so, as
    in the documented example 16505551212.
    """
    value = compose(text)
    digits = _digits(value)
    if not _FEWEST_DIGITS <= len(digits) <= 20:
        return None
    if value[0] == "+" and digits[0] != "0" and "(0" not in value and _INTERNATIONAL.fullmatch(value):
        return digits
    if value[:1] == "+" or value[:2] == "00":
        return _parsed_phone("+" + value.lstrip("+0 "), None)
    if country:
        return _parsed_phone(digits, country.upper())
    return _whole_number(digits)


def normalise_name(text: str) -> str | None:
    """Lower-case letters, marks and digits of any script; punctuation, symbols and white space removed."""
    if text.isascii():
        return text.lower().encode().translate(None, _NOT_ALNUM).decode() or None
    kept = (c for c in _lower(text) if unicodedata.category(c)[0] in "LMN")
    return unicodedata.normalize("NFC", "".join(kept)) or None


def normalise_state(text: str, country: str | None = None) -> str | None:
    """As a name; in the United States the two-letter code. A US state's name is mapped if no other country is given."""
    value = normalise_name(text)
    if value and len(value) > 2 and (country or "us").lower() == "us":
        return _us_states().get(value, value)
    return value


def normalise_zip(text: str, country: str | None = None) -> str | None:
    """Lower-case without spaces and dashes; in the United States the first five digits."""
    value = _joined(_lower(text).replace("-", " ").replace("\u2013", " "))
    if (country or "").lower() == "us" or (country is None and re.fullmatch(r"\d{5}-?\d{4}", text.strip())):
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
    """Lower-case without white space: what the genuine pixel hashes, so browser and server agree."""
    return _joined(_lower(text)) or None


def normalise_ip(text: str) -> str | None:
    """A valid IPv4 or IPv6 address in canonical text, never shortened; None for anything else."""
    value = text.strip()
    if _IPV4.fullmatch(value):
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return None


FORMS: dict[str, Callable[..., str | None]] = {
    "em": normalise_email,
    "ph": normalise_phone,
    "fn": normalise_name,
    "ln": normalise_name,
    "db": normalise_birth_date,
    "ge": normalise_gender,
    "ct": normalise_name,
    "st": normalise_state,
    "zp": normalise_zip,
    "country": normalise_country,
    "external_id": normalise_external_id,
}
"""Field to its documented form (rule ``meta``)."""

NEEDS_COUNTRY = frozenset({"ph", "st", "zp"})
"""Fields whose form depends on the country; their functions take it as second argument."""


def _whole_number(digits: str) -> str | None:
    """Digits that are a valid number with their country code, as the documented 16505551212; else None."""
    import phonenumbers

    if digits[0] == "0":
        return None
    try:
        valid = phonenumbers.is_valid_number(phonenumbers.parse("+" + digits, None))
    except phonenumbers.NumberParseException:
        return None
    return digits if valid else None


def load_tables() -> None:
    """Reads the tables of countries, states and phone formats now (a third of a second) instead of at first use."""
    _countries()
    _us_states()
    _parsed_phone("020 7946 0958", "GB")


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
    return table | {"uk": "gb", "great britain": "gb", "england": "gb", "usa": "us", "u.s.": "us", "u.s.a.": "us"}


def _country_named(text: str) -> str | None:
    name = normalise_name(text)
    return next((code for key, code in _countries().items() if normalise_name(key) == name), None)


@lru_cache(maxsize=1)
def _us_states() -> dict[str, str]:
    import pycountry

    states: Any = pycountry.subdivisions.get(country_code="US")  # type: ignore[no-untyped-call]
    return {normalise_name(s.name) or "": s.code[3:].lower() for s in states}


def _parsed_phone(text: str, region: str | None) -> str | None:
    """Through phonenumbers, which knows trunk zeros and national formats of every country."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
        if region and text[0] != "0" and not phonenumbers.is_valid_number(number):
            # Not a number of that country: shops often store the full number without its plus.
            whole = phonenumbers.parse("+" + text, None)
            number = whole if phonenumbers.is_valid_number(whole) else number
    except phonenumbers.NumberParseException:
        return None
    # Not only "could be dialled": 555-1212 can, inside its own area, but belongs to nobody in particular.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    return found if len(found) >= _FEWEST_DIGITS else None
