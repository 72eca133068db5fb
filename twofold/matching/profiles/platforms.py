"""The forms of the other platforms, by their own documentation (read September 2026).

Each starts from our documented form, so an unusable value is unusable everywhere; what differs is written down here and
only that. A field that is missing from a platform's table is not sent to it by us: its form is not documented, or we
did not find it. The originals are web services, so there is nothing to compare with but their pages' examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from twofold.matching.normalise import FORMS, NEEDS_COUNTRY, compose, normalise_country
from twofold.matching.profiles.contract import Form, Given, Profile

_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_E164_DIGITS = 15
_SPACES = re.compile(r"\s+")
_NOT_PLAIN = re.compile(r"[^a-z0-9]")
_DIGEST = re.compile(r"[a-fA-F0-9]{64}")
_NON_BINARY = frozenset({"n", "non-binary", "nonbinary", "non binary"})


def _documented(field: str) -> Callable[[str, Given], str | None]:
    function = FORMS[field]
    if field in NEEDS_COUNTRY:
        return lambda text, given: function(text, given.country)
    return lambda text, _: function(text)


_email = _documented("em")


def _plus(digits: str) -> str | None:
    """E.164: a plus, the country code, and at most 15 digits in all."""
    return f"+{digits}" if len(digits) <= _E164_DIGITS else None


def _google_email(address: str) -> str | None:
    """Without the dots and the +tag of a Gmail address's local part; another domain's address is left as it is."""
    local, _, domain = address.rpartition("@")
    return address if domain not in _GMAIL else _with_local(local.partition("+")[0].replace(".", ""), domain)


def _reddit_email(address: str) -> str | None:
    """The local part up to its first +, and of that only letters and digits, whatever the domain."""
    local, _, domain = address.rpartition("@")
    return _with_local(_NOT_PLAIN.sub("", local.partition("+")[0]), domain)


def _microsoft_email(address: str) -> str | None:
    """The local part without dots and without +tag, whatever the domain."""
    local, _, domain = address.rpartition("@")
    return _with_local(local.partition("+")[0].replace(".", ""), domain)


def _with_local(local: str, domain: str) -> str | None:
    """None where nothing is left before the @: that would be the same address for many."""
    return f"{local}@{domain}" if local else None


def _single_spaced(text: str, _: Given) -> str | None:
    return _SPACES.sub(" ", compose(text).lower()).strip() or None


def _google_last_name(text: str, _: Given) -> str | None:
    """Lower-case and without punctuation; the space between two names stays."""
    words = (FORMS["ln"](word) for word in compose(text).split())
    return " ".join(word for word in words if word) or None


def _joined(text: str, _: Given) -> str | None:
    return _SPACES.sub("", compose(text).lower()) or None


def _trimmed(text: str, _: Given) -> str | None:
    return compose(text) or None


def _trimmed_lower(text: str, _: Given) -> str | None:
    return compose(text).lower() or None


def _capital_country(text: str, _: Given) -> str | None:
    code = normalise_country(text)
    return code.upper() if code else None


def _pinterest_gender(text: str, _: Given) -> str | None:
    return "n" if compose(text).lower() in _NON_BINARY else FORMS["ge"](text)


def _hashed(function: Callable[[str, Given], str | None]) -> Callable[[str, Given], Form]:
    def normalise(text: str, given: Given) -> Form:
        if _DIGEST.fullmatch(text.strip()):
            return Form.kept(text.strip().lower())
        value = function(text, given)
        return Form.hashed(value) if value else Form.dropped("no usable value")

    return normalise


def _from(field: str, rule: str) -> Callable[[str, Given], Form]:
    """What one of `FROM_DOCUMENTED` makes, from the text."""
    documented, made = _documented(field), FROM_DOCUMENTED[rule]

    def function(text: str, given: Given) -> str | None:
        form = documented(text, given)
        return made(form) if form else None

    return _hashed(function)


def _plain(function: Callable[[str, Given], str | None]) -> Callable[[str, Given], Form]:
    def normalise(text: str, given: Given) -> Form:
        value = function(text, given)
        return Form.plain(value) if value else Form.dropped("no usable value")

    return normalise


FROM_DOCUMENTED: Final[dict[str, Callable[[str], str | None]]] = {
    "tiktok.ph": _plus,
    "google.ph": _plus,
    "reddit.ph": _plus,
    "x.ph": _plus,
    "google.em": _google_email,
    "reddit.em": _reddit_email,
    "microsoft.em": _microsoft_email,
}
"""Rule to what it makes of our documented form, where the text itself is not needed: brought into that form once for all of them."""

PROFILES: Final[dict[str, Profile]] = {
    # ads.tiktok.com, Events API 2.0: phone as E.164 with its plus
    "tiktok": {
        "em": _hashed(_email),
        "ph": _from("ph", "tiktok.ph"),
        "fn": _hashed(_joined),
        "ln": _hashed(_joined),
        "external_id": _hashed(_trimmed_lower),
    },
    # developers.google.com, OfflineUserAddressInfo and UserIdentifier: only name and contact are hashed
    "google": {
        "em": _from("em", "google.em"),
        "ph": _from("ph", "google.ph"),
        "fn": _hashed(_single_spaced),
        "ln": _hashed(_google_last_name),
        "ct": _plain(_trimmed),
        "st": _plain(_trimmed),
        "zp": _plain(_trimmed),
        "country": _plain(_capital_country),
    },
    # developers.pinterest.com, conversions: user_data; gender has a third value
    "pinterest": {
        **{f: _hashed(_documented(f)) for f in ("em", "ph", "db", "ct", "st", "zp", "country", "external_id")},
        "fn": _hashed(_joined),
        "ln": _hashed(_joined),
        "ge": _hashed(_pinterest_gender),
    },
    # developers.snap.com, Conversions API parameters: same keys and forms as Meta's page
    "snap": {f: _hashed(_documented(f)) for f in FORMS},
    # learn.microsoft.com (LinkedIn), conversionEvents: userInfo travels in the clear
    "linkedin": {
        "em": _hashed(_email),
        "fn": _plain(_trimmed),
        "ln": _plain(_trimmed),
        "external_id": _plain(_trimmed),
    },
    # ads-api.reddit.com, conversion events
    "reddit": {"em": _from("em", "reddit.em"), "ph": _from("ph", "reddit.ph"), "external_id": _hashed(_trimmed)},
    # learn.microsoft.com, UET Conversions API; of a phone three sources have three forms, so none is sent
    "microsoft": {"em": _from("em", "microsoft.em")},
    # developer.x.com, conversions: hashed_email, hashed_phone_number
    "x": {"em": _hashed(_email), "ph": _from("ph", "x.ph")},
}
"""Platform to its fields."""
