"""How each platform's call is read from a request of a browser: one table, and pure functions over it.

Owns which addresses are calls and which fields of them are kept: names of events, ids, value, currency, the account. What is
not named here is never kept, so no contact data that rides along (hashed or not) comes out; what is named is masked where
it holds some. Who made a call is ``trace``'s question.

The fields are the platforms' own. Meta: spec of `/tr`, and `fbq.agent` in `a`. The others publish no page about what their scripts send:
their fields are those of open request readers (MisterPhilip/omnibug, `src/providers/`, seen November 2026). LinkedIn's
`/wa/` has a packed body and is kept without an event's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from twofold.event.contact import MASK, holds_contact, mask_id, mask_text

MOST_BODY = 256 << 10
MOST_EVENTS = 50  # of one request
_LONGEST = 120  # characters of a field that is kept
_DEEPEST = 4

EVENT, LIBRARY = "event", "library"


class Reading(Struct, frozen=True, kw_only=True):
    """One event of one request, or the load of a platform's own script (``what`` is "library")."""

    platform: str
    what: str = EVENT
    account: str = ""
    event: str = ""
    event_id: str = ""
    order_id: str = ""
    value: str = ""
    currency: str = ""
    agent: str = ""


class Doors(Struct, frozen=True):
    """Where our own gateway takes events: the shop's hosts and the gateway's (with their ports), the tag's path, the datasets."""

    hosts: frozenset[str] = frozenset()
    tag_path: str = "/t"
    datasets: frozenset[str] = frozenset()


class _Platform(Struct, frozen=True, kw_only=True):
    """Where a platform takes calls, and under which names its fields come; the first that has a value counts."""

    name: str
    hosts: re.Pattern[str]
    paths: re.Pattern[str]
    account: tuple[str, ...] = ()
    event: tuple[str, ...] = ()
    event_id: tuple[str, ...] = ()
    order_id: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    otherwise: str = ""  # the event's name where the request has none


def _host(*names: str) -> re.Pattern[str]:
    """One of these hosts; a leading dot takes what lies below it too."""
    found = [rf"(?:.+\.)?{re.escape(n[1:])}" if n.startswith(".") else re.escape(n) for n in names]
    return re.compile(rf"(?:{'|'.join(found)})")


META, GA4, TWOFOLD = "meta", "ga4", "twofold"

PLATFORMS = (
    _Platform(
        name=META, hosts=_host(".facebook.com"), paths=re.compile(r"/(?:privacy_sandbox/)?tr/?"),
        account=("id",), event=("ev",), event_id=("eid",), order_id=("cd[order_id]",), value=("cd[value]",),
        currency=("cd[currency]",), agent=("a",),
    ),
    _Platform(
        # Any host: a server container takes the same path under the shop's own name.
        name=GA4, hosts=re.compile(r"(?!.*(?:doubleclick\.net|clarity\.ms)$).+"), paths=re.compile(r"(?:/.*)?/g/collect"),
        account=("tid",), event=("en",), event_id=("ep.event_id",), order_id=("ep.transaction_id",),
        value=("epn.value", "ep.value"), currency=("cu", "ep.currency"),
    ),
    _Platform(
        name="google_ads",
        hosts=re.compile(r"googleads\.g\.doubleclick\.net|www\.googleadservices\.com|www\.google\.[a-z.]{2,6}|pagead2\.googlesyndication\.com"),
        paths=re.compile(r"/pagead/(?:viewthrough|1p-)?conversion/[\w-]+/?|/rmkt/collect/[\w-]+/?|/ccm/(?:form-data/[\w-]+|collect)/?"),
        account=("tid",), event=("en",), order_id=("oid",), value=("value",), currency=("currency_code",),
        otherwise="conversion",
    ),
    _Platform(
        name="tiktok", hosts=_host("analytics.tiktok.com"), paths=re.compile(r"/api/v\d+/(?:pixel(?:/(?:track|act|batch))?|track)/?"),
        account=("context.pixel.code", "sdkid", "id"), event=("event", "ev"), event_id=("event_id",),
        order_id=("properties.order_id",), value=("properties.value",), currency=("properties.currency",),
        agent=("context.library.name",),
    ),
    _Platform(
        name="pinterest", hosts=_host("ct.pinterest.com"), paths=re.compile(r"/v3/?"),
        account=("tid",), event=("event",), event_id=("ed.event_id", "ed[event_id]"), order_id=("ed.order_id", "ed[order_id]"),
        value=("ed.value", "ed[value]"), currency=("ed.currency", "ed[currency]"), agent=("pd.np",),
    ),
    _Platform(
        name="snap", hosts=re.compile(r"tr\d*\.snapchat\.com"), paths=re.compile(r"/p/?"),
        account=("pid",), event=("ev",), event_id=("client_dedup_id",), order_id=("e_tid", "transaction_id"),
        value=("e_pr", "price"), currency=("e_cur", "currency"), agent=("intg",),
    ),
    _Platform(
        name="linkedin", hosts=re.compile(r"(?:px\d*|dc)\.ads\.linkedin\.com"), paths=re.compile(r"/(?:collect|wa)/?"),
        account=("pid",), event_id=("eventId",),
    ),
    _Platform(
        name="reddit", hosts=_host("alb.reddit.com"), paths=re.compile(r"/rp(?:\.gif)?"),
        account=("id",), event=("m.customEventName", "event"), event_id=("m.conversionId",), order_id=("m.transactionId",),
        value=("m.valueDecimal", "m.value"), currency=("m.currency",), agent=("integration",),
    ),
    _Platform(
        name="microsoft", hosts=re.compile(r"bat\.bing\.(?:com|net)"), paths=re.compile(r"/action/\d+/?"),
        account=("ti",), event=("ea", "evt"), value=("gv",), currency=("gc",), agent=("tm",),
    ),
    _Platform(
        name="x", hosts=re.compile(r"t\.co|analytics\.(?:twitter|x)\.com"), paths=re.compile(r"/(?:1/)?i/adsct"),
        account=("txn_id",), event=("events.0.0", "type"), event_id=("event_id",), order_id=("event.conversion_id",),
        value=("tw_sale_amount", "event.value"), currency=("event.currency",), agent=("integration",),
    ),
)  # fmt: skip

LIBRARIES: tuple[tuple[str, re.Pattern[str]], ...] = (
    # Some shops serve Meta's and Google's own scripts from their hosts.
    (META, re.compile(r"[^/]+/(?:.*/)?fbevents\.js|connect\.facebook\.net/signals/(?:config|plugins)/.+")),
    (GA4, re.compile(r"[^/]+/(?:.*/)?gtag/js|www\.google-analytics\.com/.+\.js")),
    ("google_ads", re.compile(r"www\.googleadservices\.com/pagead/conversion(?:_async)?\.js|googleads\.g\.doubleclick\.net/.+\.js")),
    ("tiktok", re.compile(r"analytics\.tiktok\.com/(?:i18n/pixel/.+|.+\.js)")),
    ("pinterest", re.compile(r"s\.pinimg\.com/ct/.+\.js")),
    ("snap", re.compile(r"sc-static\.net/scevent(?:\.min)?\.js|tr\.snapchat\.com/config/.+\.js")),
    ("linkedin", re.compile(r"snap\.licdn\.com/.+\.js")),
    ("reddit", re.compile(r"www\.redditstatic\.com/ads/.*pixel\.js")),
    ("microsoft", re.compile(r"bat\.bing\.(?:com|net)/(?:bat\.js|p/action/.+\.js)")),
    ("x", re.compile(r"static\.ads-twitter\.com/.+\.js")),
)  # fmt: skip
"""The platforms' own scripts, by host and path. They send what others ask them to: they never own a call."""


def platform_of(url: str, doors: Doors | None = None) -> str:
    """Whose call this address is; empty for none. A quick look: whether anything is kept of it is up to `read_call`."""
    if _is_ours(url, doors):
        return TWOFOLD
    found = _door_of(url, doors)
    return found.name if found is not None else ""


def library_of(url: str) -> str:
    """Whose own script this address is; empty for any other."""
    parts = urlsplit(url)
    place = f"{parts.hostname or ''}{parts.path}"
    return next((name for name, pattern in LIBRARIES if pattern.fullmatch(place)), "")


def read_call(url: str, body: str = "", doors: Doors | None = None) -> list[Reading]:
    """The events of one request, in their order; empty where it is no call. Whatever is wrong in it is left empty."""
    platform = _door_of(url, doors)
    if platform is None:
        if _is_ours(url, doors):
            return [_own(fields) for fields in _each(url, body)]
        name = library_of(url)
        return [Reading(platform=name, what=LIBRARY, account=_library_account(url))] if name else []
    found = [_reading(platform, url, fields) for fields in _each(url, body)]
    if platform.name == GA4:
        found = [r for r in found if r.account.startswith("G-")]
    return found


def _door_of(url: str, doors: Doors | None) -> _Platform | None:
    if _is_ours(url, doors):
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    return next((p for p in PLATFORMS if p.hosts.fullmatch(host) and p.paths.fullmatch(parts.path)), None)


_CAPI = re.compile(r"/(?:v\d{1,3}\.\d{1,2}/)?([A-Za-z0-9_\-]{1,64})/events/?")


def _is_ours(url: str, doors: Doors | None) -> bool:
    parts = urlsplit(url)
    if doors is None or parts.netloc.lower() not in doors.hosts:
        return False
    if parts.path in (f"{doors.tag_path}/events", f"{doors.tag_path}/image", "/tr", "/tr/"):
        return True
    found = _CAPI.fullmatch(parts.path)
    return found is not None and found[1] in doors.datasets


# -- what is kept


def _reading(platform: _Platform, url: str, fields: Mapping[str, str]) -> Reading:
    account = _first(fields, platform.account)
    event = _first(fields, platform.event)
    if platform.name == "google_ads":
        account, event = _google_ads(url, fields, account, event)
    elif platform.name == "linkedin":
        account, event = _linkedin(url, fields, account)
    elif platform.name == "microsoft" and fields.get("evt") != "custom":
        event = fields.get("evt", "")
    return _kept(
        platform.name, account, event or platform.otherwise, _first(fields, platform.event_id),
        _first(fields, platform.order_id), _first(fields, platform.value), _first(fields, platform.currency),
        _first(fields, platform.agent),
    )  # fmt: skip


def _google_ads(url: str, fields: Mapping[str, str], account: str, event: str) -> tuple[str, str]:
    """The account is in the path and its label beside; the event's name may be inside of `data`."""
    number = re.search(r"/(?:AW-)?(\d{6,14})/?$", urlsplit(url).path)
    account = f"AW-{number[1]}" if number else account
    label = fields.get("label", "")
    inside = re.search(r"(?:^|;)event=([^;]+)", fields.get("data", ""))
    return f"{account}/{label}" if label and label != "gtag.config" else account, event or (inside[1] if inside else "")


def _linkedin(url: str, fields: Mapping[str, str], account: str) -> tuple[str, str]:
    rule = fields.get("conversionId", "")
    if urlsplit(url).path.startswith("/wa"):
        return account, ""
    return (f"{account}/{rule}", "conversion") if rule else (account, "visit")


def _own(fields: Mapping[str, str]) -> Reading:
    """The tag's, the image's (Meta's names) or Conversions API's."""
    return _kept(
        TWOFOLD, _first(fields, ("id", "dataset")), _first(fields, ("event_name", "ev")), _first(fields, ("event_id", "eid")),
        _first(fields, ("custom_data.order_id", "cd[order_id]")), _first(fields, ("custom_data.value", "cd[value]")),
        _first(fields, ("custom_data.currency", "cd[currency]")), _first(fields, ("a",)),
    )  # fmt: skip


def _library_account(url: str) -> str:
    found = re.search(r"/signals/config/(\d{5,20})", url) or re.search(r"[?&](?:id|sdkid)=([\w-]{4,24})(?:&|$)", url)
    return found[1] if found else ""


_MONEY = re.compile(r"-?\d{1,15}(?:[.,]\d{1,8})?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")


def _kept(
    platform: str, account: str, event: str, event_id: str, order_id: str, value: str, currency: str, agent: str
) -> Reading:
    return Reading(
        platform=platform, account=_id(account), event=_name(event), event_id=_id(event_id), order_id=_id(order_id),
        value=value if _MONEY.fullmatch(value) else "", currency=currency.upper() if _CURRENCY.fullmatch(currency) else "",
        agent=_name(agent),
    )  # fmt: skip


def _id(text: str) -> str:
    return MASK if holds_contact(text) else mask_id(text[:_LONGEST])


def _name(text: str) -> str:
    return mask_text(text[:_LONGEST])


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((fields[n] for n in names if fields.get(n, "") not in ("", "undefined", "null")), "")


# -- the fields of a request


def _each(url: str, body: str) -> Iterator[dict[str, str]]:
    """The fields of each event that a request carries: those of its address, and over them those of its body."""
    common = _expanded(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    for fields in _bodies(body[:MOST_BODY])[:MOST_EVENTS] or [{}]:
        yield common | fields


def _bodies(body: str) -> list[dict[str, str]]:
    text = body.strip()
    if not text:
        return []
    if text[0] in "{[":
        found = _json(text)
        return [dict(_flat(part)) for part in _events_in(found)] if found is not None else []
    if 'name="' in text[:1000]:
        return [_expanded(_MULTIPART.findall(text))]
    # One event a line, as GA4 sends them; anything else is one line.
    return [_expanded(parse_qsl(line, keep_blank_values=True)) for line in text.splitlines() if line.strip()]


_MULTIPART = re.compile(r'Content-Disposition: form-data; name="([^"\r\n]{1,80})"[^\r\n]*\r?\n\r?\n([^\r\n]*)')


def _events_in(found: Any) -> list[Any]:
    """A list of events, or a batch that holds one with what is common beside it."""
    if isinstance(found, list):
        return [part for part in found if isinstance(part, dict)]
    for name in ("events", "data", "batch"):
        inner = found.get(name)
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            common = {k: v for k, v in found.items() if k != name}
            return [common | part for part in inner if isinstance(part, dict)]
    return [found]


def _json(text: str) -> Any:
    """The object or list that this text is; None for any other, and for what is nested as only an attack is."""
    try:
        found = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _expanded(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Fields by name, and the parts of those that are JSON themselves."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
        if value[:1] in ("{", "[") and (found := _json(value)) is not None:
            fields |= {f"{name}.{key}": part for key, part in _flat(found)}
    return fields


def _flat(found: Any, deep: int = 0) -> Iterator[tuple[str, str]]:
    """Dotted names of all plain values inside."""
    if deep > _DEEPEST:
        return
    parts = found.items() if isinstance(found, dict) else enumerate(found[:20])
    for key, value in parts:
        if isinstance(value, dict | list):
            yield from ((f"{key}.{name}", part) for name, part in _flat(value, deep + 1))
        elif value is not None:
            yield str(key), str(value)
