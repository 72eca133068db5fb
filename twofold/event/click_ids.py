"""Meta's click and browser ids: read, build and compare ``fbc`` and ``fbp``; the parameter builder's appendix.

Owns the formats of Meta's "fbp and fbc parameters" page and of the official parameter builder (1.3.2),
both read September 2026. A click id is case-sensitive and is never altered, shortened or invented.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

MAX_FBCLID = 500  # characters; the pixel and the builder ignore longer ones
LIFETIME_S = 90 * 86_400
_APPENDIX_V1 = frozenset({"AQ", "Ag", "Aw", "BA", "BQ", "Bg"})  # one per library language
_APPENDIX_V2 = re.compile(r"[A-Za-z0-9_-]{8}")
_PLAIN_FBP = re.compile(r"fb\.[0-9]{1,2}\.[0-9]{1,16}\.[0-9]+")
_ID = re.compile(r"fb\.([0-9]{1,2})\.([0-9]{1,16})\.([^\s]+)")


class ClickId(Struct, frozen=True):
    """``fb.{index}.{created_ms}.{payload}``, with any appendix removed from the payload."""

    index: int  # subdomain index: 0 com, 1 example.com, 2 www.example.com
    created_ms: int
    payload: str  # fbc: the fbclid; fbp: a random number


def strip_appendix(text: str) -> str:
    """Without the parameter builder's trailing ``.appendix``; anything else is returned as it was.

    Version 2 is eight base64url characters whose first byte is 1; version 1 is one of six two-letter codes.
    """
    head, dot, tail = text.rpartition(".")
    return head if dot and head and is_appendix(tail) else text


def is_appendix(text: str) -> bool:
    """True for a version 1 or version 2 appendix of the parameter builder."""
    if text in _APPENDIX_V1:
        return True
    if not _APPENDIX_V2.fullmatch(text):
        return False
    try:
        return base64.urlsafe_b64decode(text)[0] == 1
    except (binascii.Error, ValueError):
        return False


def is_fbc(text: str) -> bool:
    """True for what `parse_fbc` reads."""
    return _ID.fullmatch(text) is not None


def is_fbp(text: str) -> bool:
    """True for what `parse_fbp` reads."""
    return _PLAIN_FBP.fullmatch(text) is not None or parse_fbp(text) is not None


def parse_fbc(text: str) -> ClickId | None:
    """A ``_fbc`` value, or None when it does not read as one."""
    return _parse(text)


def parse_fbp(text: str) -> ClickId | None:
    """A ``_fbp`` value, or None when it does not read as one; its payload is a number."""
    found = _parse(text)
    return found if found and found.payload.isascii() and found.payload.isdigit() else None


def build_fbc(fbclid: str, seen_ms: int, index: int = 1) -> str | None:
    """The documented ``fbc`` for a click id first seen at ``seen_ms``; None for an id the pixel would ignore."""
    if not fbclid or len(fbclid) > MAX_FBCLID or re.search(r"[\s;,]", fbclid):
        return None
    return f"fb.{index}.{seen_ms}.{fbclid}"


def fbclid_of(url: str | None) -> str | None:
    """The ``fbclid`` in a URL's query, exactly as sent; None when there is none.

    The parameter builder's appendix to the URL itself is no part of it.
    """
    if not url or "fbclid=" not in url:
        return None
    try:
        query = urlsplit(strip_appendix(url)).query
    except ValueError:
        return None
    return next((v for k, v in parse_qsl(query) if k == "fbclid" and v), None)


def _parse(text: str) -> ClickId | None:
    match = _ID.fullmatch(text)
    if match is None:
        return None
    payload = match[3]
    # Only a segment after the payload can be an appendix: fb.1.17.AbC has none, whatever AbC looks like.
    if "." in payload:
        payload = strip_appendix(payload)
    return ClickId(int(match[1]), int(match[2]), payload)
