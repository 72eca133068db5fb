"""Match keys: which user_data values may travel, and in which form. Hashing happens here and nowhere else.

A contact value comes in plain or already hashed and leaves as `Hashed` with the name of the rule its text
was brought into before hashing. ``meta`` is Meta's documented form; ``sent`` means the sender hashed it and
we cannot know how. Platforms that hash another form get further rules here, made at the same moment, so
that the plain value can be forgotten (it is never stored).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from twofold.event.click_ids import is_fbc, is_fbp, strip_appendix
from twofold.event.model import Hashed, UserData
from twofold.event.normalise import FORMS, NEEDS_COUNTRY, normalise_country, normalise_ip
from twofold.event.refusal import DropReason, Refusal, describe, describe_key
from twofold.event.vocabulary import (
    CONTACT_ALIASES,
    CONTACT_FIELDS,
    HASHED_FIELDS,
    LEGACY_HASHED_FIELDS,
    PLAIN_FIELDS,
    TOO_BROAD,
)

RULE_META = "meta"  # Meta's documented normal form, hashed by us
RULE_SENT = "sent"  # hashed by the sender
META_RULES = frozenset({RULE_META, RULE_SENT})

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_SHA256_LOWER = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-fA-F]{32,}")
_SHORTEST_HASH = 32  # characters; shorter text cannot be a hash, not even a broken one
_MAX_VALUES = 20  # per key; more is a mistake, not a person
_KNOWN_PLAIN = frozenset(PLAIN_FIELDS) | frozenset(LEGACY_HASHED_FIELDS)
_DIRECT_PLAIN = ("client_ip_address", "client_user_agent", "fbc", "fbp")

sha256 = hashlib.sha256


def hash_user_data(
    raw: Any, *, default_country: str = "", lenient: bool = False
) -> tuple[UserData, list[str]] | Refusal:
    """A ``user_data`` object as received to typed, hashed match keys and a list of warnings.

    Refuses only what no receiver could read: not an object, or a broken hash (lenient callers, the browser
    endpoints, leave that key out instead). A value that is no such contact value is left out with a warning.
    """
    if not isinstance(raw, dict):
        return Refusal(reason=DropReason.MISSING_USER_DATA, path="user_data", expected="an object", got=describe(raw))
    warnings: list[str] = []
    found: dict[str, Any] = {}
    other: dict[str, Any] = {}
    country = _country_of(raw.get("country")) or default_country or None
    for key, value in raw.items():
        if type(value) is str and len(value) < _SHORTEST_HASH and key in FORMS and key not in found:
            # The common case, written out: one plain text.
            hashes = (_hash_known if key in _REPEATING else _hash_plain)(key, value, country)
            if hashes is not None:
                found[key] = hashes
                continue
        if value is None or value == "" or value == []:
            continue
        field = CONTACT_ALIASES.get(key, key)
        if field in FORMS:
            refusal = _put_hashed(found, field, value, country, warnings, lenient)
            if refusal is not None:
                return refusal
        elif field in _DIRECT_PLAIN:
            _put_plain(found, field, value, warnings)
        elif field in _KNOWN_PLAIN:
            _put_other(other, field, value, warnings)
        else:
            # An unknown key may hold anything, contact data included: it is named, not kept.
            warnings.append(f"user_data.{describe_key(key)} is not a documented key; left out")
    return UserData(**found, other=other), warnings


def present_keys(user: UserData) -> frozenset[str]:
    """The names of the match keys that hold something."""
    names = [f for f in HASHED_FIELDS if getattr(user, f)]
    names += [f for f in _DIRECT_PLAIN if getattr(user, f)]
    return frozenset(names) | user.other.keys()


def is_too_broad(keys: Iterable[str]) -> bool:
    """True when the keys fit too many people for Meta to accept the event (2804050)."""
    given = frozenset(keys)
    return any(given <= combination for combination in TOO_BROAD)


def hashed_values(values: Iterable[Hashed], rules: frozenset[str] = META_RULES) -> list[str]:
    """Hex texts made by one of ``rules``, in order, each once."""
    return list(dict.fromkeys(h.hex for h in values if h.rule in rules))


def _put_hashed(
    found: dict[str, Any], field: str, value: Any, country: str | None, warnings: list[str], lenient: bool
) -> Refusal | None:
    hashes: list[Hashed] = list(found.get(field, ()))
    for text in (value,) if type(value) is str else _texts(value):
        if text is None:
            warnings.append(f"user_data.{field} holds something other than text; left out")
            continue
        hashed = _hash_one(field, text, country)
        if type(hashed) is Hashed:
            if hashed not in hashes:
                hashes.append(hashed)
        elif hashed is None:
            warnings.append(f"user_data.{field} is not a usable value ({describe(text)}); left out")
        elif lenient:
            warnings.append(f"user_data.{field} is a broken hash; left out")
        else:
            return Refusal(
                reason=DropReason.NOT_HASHED,
                path=f"user_data.{field}",
                expected="plain text or 64 hexadecimal characters (SHA-256)",
                got=f"{len(text)} hexadecimal characters",
            )
    if hashes:
        found[field] = tuple(hashes)
    return None


def _hash_plain(field: str, text: str, country: str | None) -> tuple[Hashed] | None:
    form = FORMS[field](text, country) if field in NEEDS_COUNTRY else FORMS[field](text)
    return (Hashed(RULE_META, sha256(form.encode()).hexdigest()),) if form else None


# Names, places and dates repeat from person to person, so their hashes are kept in memory; e-mail addresses, phone
# numbers and ids point to one person and are not. Saves two thirds of the time of hashing nine fields.
_REPEATING = frozenset({"fn", "ln", "ct", "st", "zp", "country", "ge", "db"})
_hash_known = lru_cache(maxsize=32_768)(_hash_plain)

_BROKEN = object()


def _hash_one(field: str, text: str, country: str | None) -> Any:
    if len(text) == 64 and _SHA256_LOWER.fullmatch(text):
        return Hashed(RULE_SENT, text)
    if len(text) >= _SHORTEST_HASH:
        bare = strip_appendix(text.strip())
        if _SHA256.fullmatch(bare):
            return Hashed(RULE_SENT, bare.lower())
        # A long run of hex in a contact field is a cut or MD5 hash. An external id may look like that.
        if field != "external_id" and _HEX.fullmatch(bare):
            return _BROKEN
    hashes = _hash_plain(field, text, country)
    return hashes[0] if hashes else None


def _texts(value: Any) -> list[str | None]:
    items = value if isinstance(value, (list, tuple)) else (value,)
    return [_text(item) for item in items[:_MAX_VALUES] if item is not None and item != ""]


def _text(item: Any) -> str | None:
    if isinstance(item, str):
        return item
    # Numbers are common for zip, phone and external_id; True and False are mistakes.
    return str(item) if isinstance(item, int) and not isinstance(item, bool) else None


def _country_of(value: Any) -> str | None:
    first = value[0] if isinstance(value, list) and value else value
    return normalise_country(first) if isinstance(first, str) and len(first) < 60 else None


def _put_plain(found: dict[str, Any], field: str, value: Any, warnings: list[str]) -> None:
    text = value[0] if isinstance(value, list) and value else value
    if not isinstance(text, str):
        warnings.append(f"user_data.{field} is not text; left out")
        return
    text = text.strip()
    if field == "client_ip_address":
        address = normalise_ip(text) or normalise_ip(strip_appendix(text))
        if address is None:
            warnings.append("user_data.client_ip_address is not an IP address; left out")
        else:
            found[field] = address
    elif (field == "fbc" and not is_fbc(text)) or (field == "fbp" and not is_fbp(text)):
        warnings.append(f"user_data.{field} does not read fb.index.milliseconds.id; left out")
    elif text:
        found[field] = text


def _put_other(other: dict[str, Any], field: str, value: Any, warnings: list[str]) -> None:
    if field in LEGACY_HASHED_FIELDS:
        texts = [strip_appendix(t) for t in _texts(value) if t]
        if not texts or not all(_SHA256.fullmatch(t) for t in texts):
            warnings.append(f"user_data.{field} is a legacy key and must arrive hashed; left out")
            return
        other[field] = [t.lower() for t in texts]
    elif isinstance(value, str) and "@" in value:  # shops do use addresses as customer and subscription ids
        warnings.append(f"user_data.{field} holds an e-mail address in the clear; left out")
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        other[field] = value
    else:
        warnings.append(f"user_data.{field} is neither text nor number; left out")


assert set(FORMS) == set(HASHED_FIELDS)
assert set(CONTACT_FIELDS) < set(FORMS)
