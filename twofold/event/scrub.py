"""Contact data where it does not belong: in URLs, custom properties and bodies we refuse but keep.

Owns masking only. Two different needs: `scrub_url` and `scrub_custom` take out what looks like contact
data and leave the rest useful; `mask_body` keeps only words we know and masks everything else, because a
refused body may hold anything anywhere.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from twofold.event.model import Content, CustomData, Event, RawEvent, UserData
from twofold.event.vocabulary import ACTION_SOURCES, CONTACT_ALIASES, MESSAGING_CHANNELS, STANDARD_EVENTS

MASK = "masked"
EMAIL = re.compile(r"[^\s@<>\"',;:=&?/()]{1,64}(?:@|%40)[^\s@<>\"',;:=&?/()]+\.[^\s@<>\"',;:=&?/()]+")
_PRIVATE_KEY = re.compile(
    r"(?i)(^|[_\-.\[])(e?mail|phone|tel|mobile|msisdn|name|fname|lname|firstname|lastname|first|last|pass\w*|pwd|"
    r"token|secret|ssn|card|iban|dob|birth\w*|address|street|addr|zip|postcode|postal\w*|auth|jwt|otp|pin|"
    r"api_?key|session\w*|sid|telefono?|mobil|handy|vorname|nachname|passwort|kennwort|strasse|plz|geburts\w*|adresse|"
    r"correo|nombre|apellidos?|contrase\w*|clave|direccion|prenom|nom|mdp|naissance|indirizzo|cognome)"
    r"($|[_\-.\]0-9])|"
    r"(?i:email|phone|password|passwd|firstname|lastname|fullname|username|birthda|accesstoken|apikey|creditcard)"
)
# A number written the international way, as people write it into a search box or a note. Without the plus it could be
# anything: an order's number, a product's.
PHONE = re.compile(r"(?<![\w+])(?:\+|%2[Bb])\d(?:(?:[ ().\-/+]|%20|%28|%29|%2[DdFf])?\d){8,14}(?!\w)")
_WORD = re.compile(r"[^\W_](?:[\w\-]*[^\W_])?|\w")
MAX_URL = 4096  # characters kept


def scrub_url(url: str) -> tuple[str, bool]:
    """The URL without fragment, credentials and contact-like query values; True when something was taken out."""
    if "@" not in url and "%" not in url and "#" not in url and "+" not in url:
        query = url.partition("?")[2]
        if not query or not any(_is_private(pair.partition("=")[0]) for pair in query.split("&")):
            return url[:MAX_URL], False
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK, True
    query = "&".join(_scrub_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    path = MASK.join(EMAIL.split(parts.path)) if "@" in parts.path else parts.path
    if _holds_at(path):
        path = "/" + MASK
    path = _without_phones(path)
    clean = urlunsplit((parts.scheme, host, path, query, ""))[:MAX_URL]
    return clean, query != parts.query or path != parts.path or host != parts.netloc


def scrub_custom(value: Any, key: str = "") -> tuple[Any, bool]:
    """A custom property without e-mail addresses and without values under keys that name contact data."""
    if isinstance(value, str):
        if key and _is_private(key) and key not in _KEPT_KEYS:
            return MASK, bool(value)
        clean = _without_phones(EMAIL.sub(MASK, value) if _has_email(value) else value)
        return clean, clean is not value
    if isinstance(value, dict):
        pairs = {MASK if _has_email(k) else k: scrub_custom(v, k) for k, v in value.items()}
        hit = MASK in pairs or any(hit for _, hit in pairs.values())
        return {k: v for k, (v, _) in pairs.items()}, hit
    if isinstance(value, list):
        items = [scrub_custom(v, key) for v in value]
        return [v for v, _ in items], any(hit for _, hit in items)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and key and _is_private(key):
        return (value, False) if key in _KEPT_KEYS else (MASK, True)
    return value, False


def mask_body(body: bytes, limit: int = 8192) -> str:
    """A refused body as text in which only known field names and closed values can be read.

    Every other run of letters and digits becomes x and 9 of the same length, so the shape stays visible.
    """
    text = body[:limit].decode("utf-8", "replace")
    return _WORD.sub(lambda m: m[0] if m[0] in _KNOWN_WORDS else _blank(m[0]), text)


def _blank(word: str) -> str:
    return "".join("9" if c.isdigit() else "_" if c in "_-" else "x" for c in word)


def _scrub_pair(pair: str) -> str:
    key, equals, value = pair.partition("=")
    if not equals or not value:
        return MASK if _holds_at(pair) else pair
    plain_key = unquote(key)
    if plain_key.startswith("utm_") or plain_key == "fbclid":
        return f"{key}={MASK}" if _holds_at(value) or _has_phone(value) else pair
    if _holds_at(key):
        return MASK
    return f"{key}={MASK}" if _holds_at(value) or _has_phone(value) or _is_private(plain_key) else pair


@lru_cache(maxsize=4_096)  # a site's parameters are few, and a URL is scrubbed for each event
def _is_private(key: str) -> bool:
    return _PRIVATE_KEY.search(key) is not None


def _has_email(text: str) -> bool:
    return ("@" in text or "%40" in text) and EMAIL.search(text) is not None


def _has_phone(text: str) -> bool:
    return ("+" in text or "%2" in text) and PHONE.search(text) is not None


def _without_phones(text: str) -> str:
    """The text itself when it holds none, which callers may compare by identity."""
    return PHONE.sub(MASK, text) if _has_phone(text) else text


def _holds_at(text: str) -> bool:
    """True for an at sign, also when it is encoded twice: one address inside another's query."""
    return "@" in text or ("%" in text and "@" in unquote(unquote(text)))


# Documented custom_data keys that read like contact data but name the goods.
_KEPT_KEYS = frozenset({
    "content_name", "content_category", "event_name", "lead_event_source", "postal_code", "campaign_name", "coupon_name",
    "partner_name",
})  # fmt: skip

_KNOWN_WORDS = frozenset(
    {f for s in (RawEvent, Event, UserData, CustomData, Content) for f in s.__struct_fields__}
    | STANDARD_EVENTS | ACTION_SOURCES | MESSAGING_CHANNELS | CONTACT_ALIASES.keys()
    | {"data", "test_event_code", "partner_agent", "access_token", "true", "false", "null", "id", "quantity",
       "item_price", "events", "agent", "v", "line_items", "total_price", "note_attributes", "customer", "value",
       "billing_address", "shipping_address", "created_at", "updated_at", "processed_at", "financial_status",
       "ud", "cd", "ev", "eid", "dl", "rl", "ts", "if", "sw", "sh", "udff", "dpo", "dpoco", "dpost"}
)  # fmt: skip
