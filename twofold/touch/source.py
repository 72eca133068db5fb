"""What a page's address and its referrer say of where a visit came from.

Owns the reading: campaign texts, kinds of click ids, ids of campaign, ad set and ad, the referrer's host, and which pages
are no sign at all. What follows for a report (which channel, paid or not) is decided when touches are read. Pure; a text
that holds contact data is not taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from twofold.event.contact import holds_contact
from twofold.touch.hosts import is_no_source, site_of_host

LONGEST = 200  # characters kept of one text
LONGEST_PATH = 200
_MOST = 200  # parameters of one address
PAID = (
    "gclid",
    "gbraid",
    "wbraid",
    "msclkid",
    "ttclid",
    "twclid",
    "li_fat_id",
    "rdt_cid",
    "ScCid",
    "epik",
    "ctwa_clid",
)
"""Click ids that only a paid click carries."""

CLICKS = (
    *PAID, "dclid", "yclid", "ysclid", "qclid", "obclid", "dicbo", "tblci", "irclickid", "cjevent", "oppref", "srsltid",
    "mc_cid", "_kx", "_hsenc", "fbclid",
)  # fmt: skip
"""Kinds of click ids in the order in which they are kept: what proves a paid click first, what proves least last."""

_CLICK_NAMES = {name.lower(): name for name in CLICKS} | {"sclid": "ScCid"}
_UTM = {
    "utm_source": "source", "utm_medium": "medium", "utm_campaign": "campaign", "utm_content": "content",
    "utm_term": "term", "utm_id": "utm_id",
}  # fmt: skip
# Where operators and tools put the platform's ids, best first; the recommended tail uses the last of each.
_IDS = {
    "campaign_id": ("campaign_id", "campaignid", "gad_campaignid", "hsa_cam", "utm_id"),
    "adset_id": ("adset_id", "adsetid", "adgroup_id", "adgroupid", "hsa_grp", "utm_term"),
    "ad_id": ("ad_id", "adid", "creative", "hsa_ad", "utm_content"),
}
_ID = re.compile(r"[0-9]{5,25}")
_MACRO = re.compile(r"\{.*\}|__[A-Za-z0-9_.]+__|%%.*%%|\$\{.*\}|\[[A-Za-z_]+\]")
_TELLING = re.compile(
    r"utm_|clid|braid|_cid=|li_fat_id|epik|gad_|_kx=|_hsenc|cjevent|obclid|dicbo|tblci|oppref|hsa_", re.I
)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?")
_AWAY = re.compile(r"[\x00-\x1f\x7f]+")


class Source(Struct, frozen=True, gc=False):
    """What an address and a referrer say. ``clicks``: "kind=value" of each click id, for memory only."""

    texts: tuple[str, str, str, str, str, str]  # source, medium, campaign, content, term, utm_id
    ids: tuple[str, str, str]  # campaign, ad set, ad
    click: str
    clicks: tuple[str, ...]
    referrer: str


def is_macro(text: str) -> bool:
    """True for a placeholder that nobody filled in."""
    return _MACRO.fullmatch(text) is not None


def stays_within(url: str, referrer: str) -> bool:
    """True for a page reached from a page of the same host whose address says nothing of a source: inside a visit."""
    end = referrer.find("/", 8)
    host = referrer[: end + 1] if end > 0 else f"{referrer}/"
    return len(host) > 8 and url.startswith(host) and ("?" not in url or not _TELLING.search(url))


@lru_cache(maxsize=2_048)
def read_source(url: str, referrer: str) -> Source | None:
    """None for a page that is no sign of a visit: reached from the shop itself, a payment, a login or web mail."""
    parts = _split(url)
    if parts is None:
        return None
    host, query = parts
    pairs = _pairs(query) if query else {}
    found = read_parameters(pairs)
    origin = _referrer_host(referrer)
    if origin and (site_of_host(origin) == site_of_host(host) or is_no_source(origin)):
        origin, no_sign = "", True
    else:
        no_sign = False
    if no_sign and not (found.click or any(found.texts[:3]) or any(found.ids)):
        return None
    return Source(found.texts, found.ids, found.click, found.clicks, origin)


def read_parameters(pairs: Mapping[str, str]) -> Source:
    """The same of parameters that are read already."""
    texts = dict.fromkeys(_UTM.values(), "")
    clicks: dict[str, str] = {}
    for name, value in pairs.items():
        low = name.lower()
        if low in _UTM:
            texts[_UTM[low]] = texts[_UTM[low]] or clean_text(value)
        elif low in _CLICK_NAMES and value and not is_macro(value):
            clicks.setdefault(_CLICK_NAMES[low], value)
    low_pairs = {name.lower(): value for name, value in pairs.items()}
    ids = tuple(_id_in(low_pairs, names) for names in _IDS.values())
    kinds = [name for name in CLICKS if name in clicks]
    return Source(
        tuple(texts.values()),  # type: ignore[arg-type]
        ids,  # type: ignore[arg-type]
        ",".join(kinds),
        tuple(f"{kind}={clicks[kind]}" for kind in kinds),
        "",
    )


def clean_text(text: str) -> str:
    """One text of an address as it is kept; empty where it holds contact data."""
    clean = _AWAY.sub(" ", text).strip()[:LONGEST]
    return "" if not clean or holds_contact(clean) else clean


def path_of(url: str | None) -> str:
    """The path of a page, without query; empty when there is none."""
    if not url:
        return ""
    try:
        return urlsplit(url).path[:LONGEST_PATH]
    except ValueError:
        return ""


def host_of(url: str) -> str:
    """The host of an address, or the bare host it is; empty for anything else."""
    return _referrer_host(url if "//" in url else f"//{url}")


def parameters_of(url: str) -> dict[str, str]:
    """The parameters of an address that may lack its host, each decoded once; of a repeated one the first."""
    return _pairs(url.partition("?")[2].partition("#")[0])


def forget_sources() -> None:
    """Addresses that were read lately leave the memory."""
    read_source.cache_clear()


def _split(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    return (host, parts.query) if parts.scheme in ("http", "https") and host else None


def _pairs(query: str) -> dict[str, str]:
    # With one sign between its pairs; addresses are put together wrongly: ?a=b?gclid=c
    text = query.replace("&amp;", "&").replace("?", "&")
    try:
        pairs = parse_qsl(text, keep_blank_values=False, max_num_fields=_MOST)
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _referrer_host(referrer: str) -> str:
    """The referrer's host; an Android app's package for android-app://…"""
    try:
        host = (urlsplit(unquote(referrer) if "%2F" in referrer[:12] else referrer).hostname or "").rstrip(".")
    except ValueError:
        return ""
    host = host.removeprefix("www.")
    return host if _HOST.fullmatch(host) else ""


def _id_in(pairs: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if _ID.fullmatch(value := pairs.get(name, "").strip())), "")
