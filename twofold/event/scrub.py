"""Contact data where it does not belong: in URLs, custom properties and bodies we refuse but keep.

Owns masking only. Two different needs: `scrub_url` and `scrub_custom` take out what looks like contact
data and leave the rest useful; `mask_body` keeps only words we know and masks everything else, because a
refused body may hold anything anywhere.
"""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit, urlunsplit

from twofold.event.contact import (
    EMAIL,
    MASK,
    PHONE,
    holds_at,
    holds_contact,
    is_disguised,
    is_private,
    mask_text,
    names_somebody,
)
from twofold.event.model import Content, CustomData, Event, RawEvent, UserData
from twofold.event.vocabulary import ACTION_SOURCES, CONTACT_ALIASES, MESSAGING_CHANNELS, STANDARD_EVENTS

_WORD = re.compile(r"[^\W_](?:[\w\-]*[^\W_])?|\w")
_NUMBERED = re.compile(r"&#(?:[0-9]{1,6}|[xX][0-9a-fA-F]{1,5});")
MAX_URL = 4096  # characters kept


def scrub_url(url: str) -> tuple[str, bool]:
    """The URL without fragment, credentials and contact-like query values; True when something was taken out."""
    plain = "@" not in url and "%" not in url and "#" not in url and "+" not in url and "\\" not in url
    if plain and url.isascii():
        query = url.partition("?")[2]
        if not query or not any(_is_private_plain(pair) for pair in query.split("&")):
            return url[:MAX_URL], False
    if "&#" in url:  # an encoded sign's # would end the address in the middle of it
        url = _NUMBERED.sub(lambda m: unescape(m[0]), url)
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK, True
    if names_somebody(host):  # as where the at sign behind a name and a password is encoded
        return MASK, True
    query = "&".join(_scrub_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    path = MASK.join(EMAIL.split(parts.path)) if "@" in parts.path else parts.path
    if holds_at(path):
        path = "/" + MASK
    path = _without_phones(path)
    if "%" in path or "&" in path or "+" in path or not path.isascii():
        path = "/".join(MASK if holds_contact(unquote(part)) else part for part in path.split("/"))
    clean = urlunsplit((parts.scheme, host, path, query, ""))[:MAX_URL]
    return clean, query != parts.query or path != parts.path or host != parts.netloc


def scrub_custom(value: Any, key: str = "", *, is_goods: bool = False) -> tuple[Any, bool]:
    """A custom property without contact data, and without values under keys that name it.

    ``is_goods``: the property belongs to a line of goods, where "name" is the product's.
    """
    if isinstance(value, str):
        if _is_private(key, value, is_goods):
            return MASK, bool(value)
        clean = mask_text(value)
        return clean, clean != value
    if isinstance(value, dict):
        pairs = {}
        hit = False
        for name, item in value.items():
            clean, masked = scrub_custom(item, name, is_goods=is_goods or key in _GOODS)
            kept = MASK if holds_contact(name) else name
            hit = hit or masked or kept != name
            pairs[kept] = clean
        return pairs, hit
    if isinstance(value, list):
        items = [scrub_custom(v, key, is_goods=is_goods) for v in value]
        return [v for v, _ in items], any(hit for _, hit in items)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and _is_private(key, value, is_goods):
        return MASK, True
    return value, False


def _is_private(key: str, value: Any, is_goods: bool) -> bool:
    if not key or key in _KEPT_KEYS or (is_goods and key == "name"):
        return False
    return is_private(key, value)


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
        return MASK if holds_at(pair) else pair
    plain_key = unquote(key)
    if plain_key.startswith("utm_") or plain_key == "fbclid":
        return f"{key}={MASK}" if holds_at(value) or _has_phone(value) else pair
    if holds_at(key):
        return MASK
    private = holds_at(value) or _has_phone(value) or _is_private_pair(plain_key, value)
    return f"{key}={MASK}" if private else pair


def _is_private_pair(key: str, value: str) -> bool:
    if is_private(key, value):
        return True
    return len(value) > 5 and holds_contact(unquote_plus(value))


def _is_private_plain(pair: str) -> bool:
    """The same for a pair in which nothing is encoded."""
    key, _, value = pair.partition("=")
    if is_private(key, value):
        return True
    return len(value) >= 16 and is_disguised(value)


def _has_phone(text: str) -> bool:
    return ("+" in text or "%2" in text) and PHONE.search(text) is not None


def _without_phones(text: str) -> str:
    """The text itself when it holds none, which callers may compare by identity."""
    return PHONE.sub(MASK, text) if _has_phone(text) else text


_GOODS = frozenset(
    {"contents", "items", "products", "line_items", "goods", "cart", "basket", "lines", "product", "item"}
)
# Documented custom_data keys that read like contact data but name the goods.
_KEPT_KEYS = frozenset({
    "content_name", "content_category", "event_name", "lead_event_source", "postal_code", "campaign_name", "coupon_name",
    "partner_name",
})  # fmt: skip

_KNOWN_WORDS = frozenset(
    {f for s in (RawEvent, Event, UserData, CustomData, Content) for f in s.__struct_fields__ if f != "shop"}
    | STANDARD_EVENTS | ACTION_SOURCES | MESSAGING_CHANNELS | CONTACT_ALIASES.keys()
    | {"data", "test_event_code", "partner_agent", "access_token", "true", "false", "null", "id", "quantity",
       "item_price", "events", "agent", "v", "line_items", "total_price", "note_attributes", "customer", "value",
       "billing_address", "shipping_address", "created_at", "updated_at", "processed_at", "financial_status",
       "ud", "cd", "ev", "eid", "dl", "rl", "ts", "if", "sw", "sh", "udff", "dpo", "dpoco", "dpost"}
)  # fmt: skip
