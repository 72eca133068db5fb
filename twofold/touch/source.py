"""What a page's address and its referrer say of where a visit came from.

Owns the reading: campaign texts, kinds of click ids, ids of campaign, ad set and ad, the referrer's host, and which pages
are no sign at all. What follows for a report (which channel, paid or not) is decided when touches are read. Pure; a text
that holds contact data is not taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote, unquote_plus, urlsplit

from msgspec import Struct

from twofold.event.contact import holds_contact
from twofold.touch.hosts import is_no_source, site_of_host

LONGEST = 200  # characters kept of one text
LONGEST_PATH = 200
_REMEMBERED = 1_000
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
_UTM = {name: n for n, name in enumerate(
    ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id")
)}  # fmt: skip
# Where operators and tools put the platform's ids, best first; the recommended tail uses the last of each.
_IDS = {
    "campaign_id": ("campaign_id", "campaignid", "gad_campaignid", "hsa_cam", "utm_id"),
    "adset_id": ("adset_id", "adsetid", "adgroup_id", "adgroupid", "hsa_grp", "utm_term"),
    "ad_id": ("ad_id", "adid", "creative", "hsa_ad", "utm_content"),
}
_RANK = {name: n for n, name in enumerate(CLICKS)}
_KNOWN = frozenset({*_UTM, *_CLICK_NAMES, *(name for names in _IDS.values() for name in names)})
_ID = re.compile(r"[0-9]{5,25}")
_MACRO = re.compile(r"\{.*\}|__[A-Za-z0-9_.]+__|%%.*%%|\$\{.*\}|\[[A-Za-z_]+\]")
_TELLING = re.compile(
    r"utm_|clid|braid|_cid=|li_fat_id|epik|gad_|_kx=|_hsenc|cjevent|obclid|dicbo|tblci|oppref|hsa_", re.I
)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?")
_AWAY = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


_Texts = tuple[str, str, str, str, str, str]  # source, medium, campaign, content, term, utm_id
_Ids = tuple[str, str, str]  # campaign, ad set, ad


class Source(Struct, frozen=True, gc=False):
    """What an address and a referrer say. ``clicks``: "kind=value" of each click id, for memory only."""

    texts: _Texts
    ids: _Ids
    click: str
    clicks: tuple[str, ...]
    referrer: str


_SILENT = Source(("", "", "", "", "", ""), ("", "", ""), "", (), "")


def is_macro(text: str) -> bool:
    """True for a placeholder that nobody filled in."""
    return _MACRO.fullmatch(text) is not None


def stays_within(url: str, referrer: str) -> bool:
    """True for a page reached from a page of the same host whose address says nothing of a source: inside a visit."""
    end = referrer.find("/", 8)
    host = referrer[: end + 1] if end > 0 else f"{referrer}/"
    if len(host) <= 8 or not url.startswith(host):
        return False
    query = url.find("?")
    return query < 0 or not _may_tell(url[query:].lower()) or _TELLING.search(url, query) is None


def _may_tell(query: str) -> bool:
    """False for a query in lower case in which nothing of `_TELLING` can stand: a look in C each costs a tenth of the search,
    and most pages of a visit with a query are asked."""
    return (
        "_" in query or "clid" in query or "braid" in query or "epik" in query or "cjevent" in query or "dicbo" in query
        or "tblci" in query or "oppref" in query
    )  # fmt: skip


def read_source(url: str, referrer: str) -> Source | None:
    """None for a page that is no sign of a visit: reached from the shop itself, a payment, a login or web mail."""
    parts = _split(url)
    if parts is None:
        return None
    host, query = parts
    found = _read_query(query) if query else _SILENT
    origin = _referrer_host(referrer) if referrer else ""
    if origin and (site_of_host(origin) == site_of_host(host) or is_no_source(origin)):
        return found if found.click or any(found.texts) or any(found.ids) else None
    return Source(found.texts, found.ids, found.click, found.clicks, origin) if origin else found


def read_parameters(pairs: Mapping[str, str]) -> Source:
    """The same of parameters that are read already."""
    clicks: dict[str, str] = {}
    rest = []
    for name, value in pairs.items():
        name = name.lower()
        kind = _CLICK_NAMES.get(name)
        if kind is None:
            rest.append((name, value))
        elif value and not (value[0] in "{_%$[" and is_macro(value)):
            clicks.setdefault(kind, value)
    # What is too long for a campaign is remembered by nobody: strangers fill no memory with it.
    campaign = _campaign if sum(len(value) for _, value in rest) <= _REMEMBERED else _campaign.__wrapped__
    texts, ids = campaign(tuple(rest))
    return _with_clicks(texts, ids, clicks)


def _read_query(query: str) -> Source:
    """`read_parameters` of an address, with what all share who come from one ad read once."""
    clicks: dict[str, str] = {}
    told, named = [], set()
    for pair in _split_pairs(query):
        name, _, value = pair.partition("=")
        low = name.lower()
        kind = _CLICK_NAMES.get(low)
        if kind is None:
            if value and low in _KNOWN:
                told.append(pair)
        elif value and name not in named:
            named.add(name)
            value = _decoded(value)
            if not (value[0] in "{_%$[" and is_macro(value)):
                clicks.setdefault(kind, value)
    text = "&".join(told)
    texts, ids = (_told if len(text) <= _REMEMBERED else _told.__wrapped__)(text)
    return _with_clicks(texts, ids, clicks)


def _with_clicks(texts: _Texts, ids: _Ids, clicks: Mapping[str, str]) -> Source:
    kinds = sorted(clicks, key=_RANK.__getitem__) if len(clicks) > 1 else list(clicks)
    return Source(texts, ids, ",".join(kinds), tuple([f"{kind}={clicks[kind]}" for kind in kinds]), "")


@lru_cache(maxsize=1_024)
def _told(pairs: str) -> tuple[_Texts, _Ids]:
    """Texts and ids of the parameters beside click ids, as they stand in an address."""
    read = tuple((name.lower(), value) for name, value in _pairs(pairs).items())
    return _campaign.__wrapped__(read)


@lru_cache(maxsize=1_024)
def _campaign(pairs: tuple[tuple[str, str], ...]) -> tuple[_Texts, _Ids]:
    """Texts and ids of the parameters beside click ids: the same for all who come from one ad."""
    texts = [""] * len(_UTM)
    for name, value in pairs:
        place = _UTM.get(name)
        if place is not None:
            clean = clean_text if len(value) <= _REMEMBERED else clean_text.__wrapped__
            texts[place] = texts[place] or clean(value)
    low = dict(pairs)
    ids = [_id_in(low, names) for names in _IDS.values()]
    return (texts[0], texts[1], texts[2], texts[3], texts[4], texts[5]), (ids[0], ids[1], ids[2])


@lru_cache(maxsize=4_096)
def clean_text(text: str) -> str:
    """One text of an address as it is kept; empty where it holds contact data."""
    clean = _AWAY.sub(" ", text).strip()[:LONGEST]
    return "" if not clean or holds_contact(clean) else clean


def path_of(url: str | None) -> str:
    """The path of a page, without query; empty when there is none."""
    if not url:
        return ""
    rest = url.partition("#")[0].partition("?")[0]
    start = rest.find("://")
    if start < 0:
        return rest[:LONGEST_PATH] if rest[:1] == "/" else ""
    slash = rest.find("/", start + 3)
    return rest[slash : slash + LONGEST_PATH] if slash > 0 else ""


def host_of(url: str) -> str:
    """The host of an address, or the bare host it is; empty for anything else."""
    return _referrer_host(url if "//" in url else f"//{url}")


def parameters_of(url: str) -> dict[str, str]:
    """The parameters of an address that may lack its host, each decoded once; of a repeated one the first."""
    return _pairs(url.partition("?")[2].partition("#")[0])


def forget_sources() -> None:
    """Texts of addresses that were read lately leave the memory."""
    clean_text.cache_clear()
    _campaign.cache_clear()
    _told.cache_clear()
    _referrer_host.cache_clear()


def _split(url: str) -> tuple[str, str] | None:
    """Host and query of a page's address."""
    start = url.find("://")
    if start not in (4, 5) or not url.startswith("http"):
        return None
    rest = url[start + 3 :].partition("#")[0]
    address, _, query = rest.partition("?")
    host = address.partition("/")[0].rpartition("@")[2].partition(":")[0].lower()
    return (host, query) if _HOST.fullmatch(host) else None


def _pairs(query: str) -> dict[str, str]:
    """The parameters that say something of a source, decoded once; of a repeated one the first counts."""
    found: dict[str, str] = {}
    for pair in _split_pairs(query):
        name, _, value = pair.partition("=")
        if value and name.lower() in _KNOWN and name not in found:
            found[name] = _decoded(value)
    return found


def _split_pairs(query: str) -> list[str]:
    # With one sign between its pairs; addresses are put together wrongly: ?a=b?gclid=c
    return query.replace("&amp;", "&").replace("?", "&").split("&", _MOST)[:_MOST]


def _decoded(value: str) -> str:
    return unquote_plus(value) if "%" in value or "+" in value else value


@lru_cache(maxsize=4_096)
def _referrer_host(referrer: str) -> str:
    """The referrer's host; an Android app's package for android-app://…"""
    try:
        host = (urlsplit(unquote(referrer) if "%2F" in referrer[:12] else referrer).hostname or "").rstrip(".")
    except ValueError:
        return ""
    host = host.removeprefix("www.")
    return host if _HOST.fullmatch(host) else ""


def _id_in(pairs: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        value = pairs.get(name)
        if value and _ID.fullmatch(value := value.strip()):
            return value
    return ""
