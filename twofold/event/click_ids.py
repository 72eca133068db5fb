"""Click and browser ids: Meta's ``fbc`` and ``fbp`` with the parameter builder's appendix, and other platforms' ids.

Owns the formats of Meta's "fbp and fbc parameters" page and of the official parameter builder (1.3.2), and the
table of the other platforms' URL parameters and first-party cookies; all read September 2026. A click id is
case-sensitive and is never altered, shortened or invented.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from msgspec import Struct

from twofold.event.contact import names_somebody
from twofold.event.scalars import names_nobody

MAX_FBCLID = 500  # characters; the pixel and the builder ignore longer ones
MAX_CLICK_ID = 500  # ours, for the other platforms: none documents a limit
LIFETIME_S = 90 * 86_400
MAX_PARAMETERS = 200  # of one URL; more are not looked at
_APPENDIX_V1 = frozenset({"AQ", "Ag", "Aw", "BA", "BQ", "Bg"})  # one per library language
_APPENDIX_V2 = re.compile(r"[A-Za-z0-9_-]{8}")
PLAIN_FBP = re.compile(r"fb\.[0-9]{1,2}\.[0-9]{1,16}\.[0-9]*[1-9][0-9]*").fullmatch
"""Something for the ``fbp`` that the pixel writes, without an appendix; the quick first question of `is_fbp`."""
# In ASCII, so long that it can be no word for nothing, and without a sign of which contact data cannot do without: asked
# first, as it is quicker.
PLAIN_FBC = re.compile(r"fb\.[0-9]{1,2}\.[0-9]{1,16}\.[!-$')*,\-/-?A-\[\]-~]{17,}").fullmatch
_ID = re.compile(r"fb\.([0-9]{1,2})\.([0-9]{1,16})\.([^\s]+)")
_FBCLID = re.compile(r"[?&#;]fbclid=([^?&#;]+)")
_ENCODED_SIGN = re.compile(r"(?i)%(?:25|3[bdf]|2[36])")  # % ; = ? # &
MAX_NESTED = 3  # addresses inside one another that are looked into
_STREAM = re.compile(r"[A-Z0-9]{4,20}")  # of a Google Analytics cookie, which names its stream
_NO_CLICK_ID = re.compile(r"[\s;,]")  # cannot stand in a cookie


class ClickId(Struct, frozen=True):
    """``fb.{index}.{created_ms}.{payload}``, with any appendix removed from the payload."""

    index: int  # subdomain index: 0 com, 1 example.com, 2 www.example.com
    created_ms: int
    payload: str  # fbc: the fbclid; fbp: a random number


class Platform(Struct, frozen=True, kw_only=True):
    """One platform's ids as a shop's pages see them. Cookie names are exact; so are parameters unless ``any_case``."""

    name: str
    parameters: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    any_case: bool = False


# Parameters as in the registry of walkerOS (MIT), cookies as the platforms' own scripts set them. Meta's own are not
# here: they travel as fbc and fbp. ctwa_clid comes by webhook only and is a match key.
PLATFORMS: tuple[Platform, ...] = (
    Platform(
        name="google",
        # gbraid and wbraid stand for many clicks on Apple devices; srsltid is a free listing.
        parameters=("gclid", "gbraid", "wbraid", "dclid", "gclsrc", "srsltid", "gad_source", "gad_campaignid"),
        cookies=("_gcl_aw", "_gcl_gb", "_gcl_dc", "FPGCLAW", "_ga"),
    ),
    Platform(name="microsoft", parameters=("msclkid",), cookies=("_uetmsclkid", "_uetvid", "_uetsid")),
    Platform(name="tiktok", parameters=("ttclid",), cookies=("_ttp", "ttclid")),
    Platform(name="pinterest", parameters=("epik",), cookies=("_epik",)),
    # Written ScCid, sccid and sclid in the wild.
    Platform(name="snap", parameters=("ScCid", "sclid"), cookies=("_scid", "_scclid"), any_case=True),
    Platform(name="reddit", parameters=("rdt_cid",), cookies=("_rdt_uuid", "_rdt_cid")),
    Platform(name="linkedin", parameters=("li_fat_id",), cookies=("li_fat_id",)),
    Platform(name="x", parameters=("twclid",), cookies=("_twclid",)),
    Platform(name="yandex", parameters=("yclid", "ysclid")),
    Platform(name="quora", parameters=("qclid",)),
    Platform(name="outbrain", parameters=("obclid", "dicbo")),
    Platform(name="taboola", parameters=("tblci",)),
    Platform(name="impact", parameters=("irclickid",)),
    Platform(name="cj", parameters=("cjevent",)),
    Platform(name="mailchimp", parameters=("mc_cid",)),
    Platform(name="klaviyo", parameters=("_kx",)),
    Platform(name="hubspot", parameters=("_hsenc",)),
    Platform(name="openai", parameters=("oppref",)),
)
_PARAMETERS = {name: name for p in PLATFORMS for name in p.parameters}
_ANY_CASE = {name.lower(): name for p in PLATFORMS if p.any_case for name in p.parameters}
COOKIES = frozenset(name for p in PLATFORMS for name in p.cookies)
"""First-party cookies that carry a click or browser id of another platform."""

KNOWN = COOKIES | _PARAMETERS.keys()
"""Every name that `click_ids_of` and `read_click_ids` can answer, beside ``_ga_`` and the id of a stream."""


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
    return PLAIN_FBC(text) is not None or parse_fbc(text) is not None


def is_fbp(text: str) -> bool:
    """True for what `parse_fbp` reads."""
    return PLAIN_FBP(text) is not None or parse_fbp(text) is not None


def parse_fbc(text: str) -> ClickId | None:
    """A ``_fbc`` value, or None when it does not read as one."""
    return _parse(text)


def parse_fbp(text: str) -> ClickId | None:
    """A ``_fbp`` value, or None when it does not read as one; its payload is a number."""
    found = _parse(text)
    return found if found and found.payload.isascii() and found.payload.isdigit() else None


def browser_name(fbp: str) -> str:
    """What of an ``fbp`` stays the same while the browser does: without subdomain index and appendix."""
    if PLAIN_FBP(fbp) is not None:
        name = fbp.split(".", 2)[2]
        if name[0] != "0":
            return name
    parsed = parse_fbp(fbp)
    return f"{parsed.created_ms}.{parsed.payload}" if parsed else fbp


def created_ms_of(click_id: str) -> int:
    """When a value that `is_fbc` or `build_fbc` vouches for was made, Unix ms; without reading the rest of it."""
    return int(click_id.split(".", 3)[2])


def build_fbc(fbclid: str, seen_ms: int, index: int = 1) -> str | None:
    """The documented ``fbc`` for a click id first seen at ``seen_ms``; None for an id the pixel would ignore."""
    if not fbclid or len(fbclid) > MAX_FBCLID or _NO_CLICK_ID.search(fbclid) or _is_none(fbclid):
        return None
    return f"fb.{index}.{seen_ms}.{fbclid}"


def is_expired(created_ms: int, at_ms: int) -> bool:
    """True when a click id made then is no longer one for an event of that time: its 90 days are over."""
    return at_ms - created_ms > LIFETIME_S * 1000


def fbclid_of(url: str | None) -> str | None:
    """The ``fbclid`` in a URL, exactly as sent; None when there is none. Read as the tag reads it: behind any ``?``,
    ``&`` or ``#``, and in an address inside this one.

    The parameter builder's appendix to the URL itself is no part of it.
    """
    if not url or "fbclid" not in url:
        return None
    url = strip_appendix(url)
    for _ in range(MAX_NESTED):
        match = _FBCLID.search(url)
        if match is not None:
            return unquote_plus(match[1])
        url = _ENCODED_SIGN.sub(lambda code: unquote(code[0]), url)
    return None


def click_ids_of(url: str | None, cookies: Mapping[str, str] | None = None) -> dict[str, str]:
    """Other platforms' ids in a page's address and in first-party cookies, by their names in `PLATFORMS`.

    Values are exactly as they came. A parameter written in another case comes back under its own name.
    """
    found = read_click_ids(cookies) if cookies else {}
    if url and "?" in url and any(_is_parameter(pair.partition("=")[0]) for pair in _apart(url).split("&")):
        found |= read_click_ids(dict(reversed(_query(url))))  # of a repeated one, the first counts
    return found


def read_click_ids(given: Mapping[str, object]) -> dict[str, str]:
    """Of names and values as a page or shop sends them, those that are known ids and could be real."""
    pairs = ((_ANY_CASE.get(name.lower(), name), value) for name, value in given.items())
    return {name: value for name, value in pairs if _is_known(name) and isinstance(value, str) and _is_id(value)}


def _is_known(name: str) -> bool:
    return name in KNOWN or (name.startswith("_ga_") and _STREAM.fullmatch(name, 4) is not None)


def _is_id(value: str) -> bool:
    fits = 0 < len(value) <= MAX_CLICK_ID and value.isascii() and value.isprintable() and not _NO_CLICK_ID.search(value)
    return fits and not _is_none(value)


def _is_none(payload: str) -> bool:
    """True for what names no click: a word for nothing, or somebody's address or number."""
    return names_nobody(payload) or names_somebody(payload)


def _apart(query: str) -> str:
    """With one sign between its pairs; addresses are put together wrongly: ``?a=b?gclid=c``."""
    return query.replace("&amp;", "&").replace("?", "&")


def _is_parameter(name: str) -> bool:
    return name in _PARAMETERS or name.lower() in _ANY_CASE


def _query(url: str) -> list[tuple[str, str]]:
    """The pairs of a URL's query that can be a click id; cookies' names are no parameters."""
    try:
        pairs = parse_qsl(_apart(urlsplit(strip_appendix(url)).query), max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return []
    return [(name, value) for name, value in pairs if _is_parameter(name)]


def _parse(text: str) -> ClickId | None:
    match = _ID.fullmatch(text)
    if match is None:
        return None
    payload = match[3]
    # Only a segment after the payload can be an appendix: fb.1.17.AbC has none, whatever AbC looks like.
    if "." in payload:
        payload = strip_appendix(payload)
    # A real payload is longer than any word for nothing: the quick look of `is_fbc` rests on it.
    nothing = names_somebody(payload) or (len(payload) < 17 and names_nobody(payload))
    return None if nothing else ClickId(int(match[1]), int(match[2]), payload)
