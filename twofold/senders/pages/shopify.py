"""Who else sends Purchase for this shop? Read from the source of one storefront page, without a browser.

Owns what Shopify's storefronts write into their pages (pages of public shops, seen November 2026; the keys are bare or
quoted, and flags are true or "true"): `webPixelsConfigList`, the options of `trekkie`, `asyncLoad`, and the usual lines
of Meta's and Google's own snippets. What a script does once it runs is for an audit in a browser.

Meta's app is known by its id. That it sends Shopify's own event ids (``sh-…``) is reported by other vendors and not
confirmed by Meta or Shopify, so the advice says how to check it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from twofold.senders.kinds import SenderClass
from twofold.senders.pages.shown import NATIVE, OWN, UNKNOWN, Shown

META_APP = "2329312"
GOOGLE_APP = "1780363"
SCRIPT_TAGS_END = "2027-03-01"
_BUILT_IN = ("shopify-app-pixel", "shopify-custom-pixel")
_MAX_LIST = 1 << 20  # characters of one list that are read


def other_senders(html: str) -> list[Shown]:
    """Every other sender that the page shows, the certain ones first. Empty when it shows none. Raises for no text."""
    pixels = list(_web_pixels(html))
    found = [*_meta_app(html, pixels), *_old_pixel(html), *_theme_pixel(html), *_custom_pixels(pixels)]
    found += [*_other_apps(pixels), *_script_tags(html), *_google(html, pixels)]
    return sorted(found, key=lambda sender: not sender.certain)


def shop_senders(html: str) -> list[Shown]:
    """What only Shopify's storefronts write: its apps, pixels of customer events, the old setting, script tags one by one."""
    pixels = list(_web_pixels(html))
    return [*_meta_app(html, pixels), *_old_pixel(html), *_custom_pixels(pixels), *_every_app(pixels), *_each_script_tag(html),
            *_google_app(pixels)]  # fmt: skip


# -- the signs, one function each

_CAPI = re.compile(r"""["']?facebookCapiEnabled["']?\s*:\s*["']?true\b""")
_APP_PIXEL = re.compile(r"""["']?facebookAppPixelId["']?\s*:\s*["']?(\d{5,20})""")
_OLD_PIXEL = re.compile(r"""["']Facebook Pixel["']\s*:\s*\{[^{}]{0,2000}""")
_NUMBER = re.compile(r"\d{5,20}")
_FBQ_INIT = re.compile(r"""fbq\s*\(\s*["']init["']\s*,\s*["']?(\d{5,20})""")
_FBEVENTS = re.compile(r"connect\.facebook\.net/[A-Za-z_]{2,10}/fbevents\.js")
_TAG = re.compile(r"/twofold(\.[0-9a-f]+)?\.js")
_GTM = re.compile(r"\b(GTM-[A-Z0-9]{4,12})\b")
_PIXEL_ID = re.compile(r'pixel_?id\\*"\s*:\s*\\*"?(\d{5,20})', re.I)
_GOOGLE_TAG = re.compile(r'\\*"((?:G|AW|GT)-[A-Z0-9]{4,16})\\*"')
_META_WORD = re.compile(r"facebook|meta_?pixel|fb_?pixel|\bcapi\b", re.I)
_ASYNC_URLS = re.compile(r"var\s+urls\s*=\s*(?=\[)")


def _meta_app(html: str, pixels: list[dict[str, Any]]) -> Iterator[Shown]:
    apps = [p for p in pixels if str(p.get("apiClientId")) == META_APP or "facebook_pixel" in _setup(p)]
    by_server = _CAPI.search(html) is not None
    accounts = _once([*(n for p in apps for n in _PIXEL_ID.findall(_setup(p))), *_APP_PIXEL.findall(html)])
    advice = (
        "Keep one sender of Purchase for this dataset. Either set the app's data sharing to off, or keep the app and set "
        'event_id = "native" for the source and nativeIds in the pixel, then compare the ids of one test order in Test '
        "Events before you rely on it."
    )
    if apps:
        context = ", ".join(_once([str(p.get("runtimeContext") or "?") for p in apps]))
        how = "from the page and from Shopify's servers" if by_server else "from the page"
        yield Shown(
            who="Meta's app for Shopify (Facebook & Instagram)",
            sender_class=SenderClass.PARTNER_APP,
            platform="meta",
            channel="both" if by_server else "browser",
            ids=NATIVE,
            certain=True,
            accounts=accounts,
            evidence=f"webPixelsConfigList has apiClientId {META_APP}, runtime context {context}"
            + (", and facebookCapiEnabled is true" if by_server else ""),
            means=f"It sends Purchase {how}, most likely under Shopify's own event ids (sh-…). A Purchase of ours under "
            "the order's number does not merge with it: Meta would count the order twice.",
            do=advice,
        )
    elif by_server:
        yield Shown(
            who="Shopify's own servers, for Meta",
            sender_class=SenderClass.PARTNER_APP,
            platform="meta",
            channel="server",
            ids=NATIVE,
            certain=bool(accounts),
            accounts=accounts,
            evidence="facebookCapiEnabled is true"
            + (", with facebookAppPixelId" if accounts else ", with no pixel named"),
            means="Shopify sends server events to Meta when data sharing is set to Maximum, most likely under its own "
            "event ids (sh-…)." + ("" if accounts else " The flag alone was also seen where no Meta pixel is named."),
            do=advice,
        )


def _old_pixel(html: str) -> Iterator[Shown]:
    match = _OLD_PIXEL.search(html)
    if match:
        yield Shown(
            who="Shopify's old pixel setting (Online Store preferences)",
            sender_class=SenderClass.THEME,
            platform="meta",
            channel="browser",
            ids=UNKNOWN,
            certain=True,
            accounts=_once(_NUMBER.findall(match[0])),
            evidence='trekkie has a "Facebook Pixel" with the agent plshopify',
            means="It sends Purchase from the page under ids that are not known to equal anybody's.",
            do="Remove the pixel id from Online Store > Preferences.",
        )


def _theme_pixel(html: str) -> Iterator[Shown]:
    accounts = _once(_FBQ_INIT.findall(html))
    if not accounts and not _FBEVENTS.search(html):
        return
    heard = _TAG.search(html) is not None
    yield Shown(
        who="Meta's pixel in the theme",
        sender_class=SenderClass.THEME,
        platform="meta",
        channel="browser",
        ids=OWN,
        certain=True,
        accounts=accounts,
        evidence="fbq('init', …) or fbevents.js stands in the page",
        means="Twofold's tag hears it, and both report under one id."
        if heard
        else "It reports under its own ids; its Purchase merges with ours only if it gives the order's id as eventID.",
        do="Nothing, as long as the tag stands before it."
        if heard
        else "Put Twofold's tag before it, or take it out of the theme.",
    )


def _custom_pixels(pixels: list[dict[str, Any]]) -> Iterator[Shown]:
    for pixel in pixels:
        if pixel.get("type") == "CUSTOM" and pixel.get("id") not in _BUILT_IN:
            name = str(pixel.get("name") or "")[:60]
            yield Shown(
                who=f"the custom pixel {name!r}" if name else f"custom pixel {str(pixel.get('id'))[:20]}",
                sender_class=SenderClass.CUSTOM_PIXEL,
                platform="any",
                channel="browser",
                ids=UNKNOWN,
                certain=False,
                evidence="webPixelsConfigList has a CUSTOM pixel",
                means="Its code is not in the page, so what it sends cannot be read here. It may be Twofold's own.",
                do="Open Settings > Customer events and look for fbq, facebook.com/tr or another gateway in it.",
                marks=(f"web-pixel-{pixel.get('id')}@",),
            )


def _other_apps(pixels: list[dict[str, Any]]) -> Iterator[Shown]:
    for pixel in pixels:
        app = str(pixel.get("apiClientId"))
        known = app in (META_APP, GOOGLE_APP) or "facebook_pixel" in _setup(pixel) or pixel.get("type") != "APP"
        if not known and _META_WORD.search(_setup(pixel)):
            yield Shown(
                who=f"the app with the id {app[:20]}",
                sender_class=SenderClass.APP_PIXEL,
                platform="meta",
                channel="both",
                ids=UNKNOWN,
                certain=False,
                accounts=_once(_PIXEL_ID.findall(_setup(pixel))),
                evidence="its settings in webPixelsConfigList speak of Meta",
                means="It may send Purchase to Meta from the page or from its own servers.",
                do="Ask the app's vendor which event id its Purchase has, or switch its Meta events off.",
            )


def _every_app(pixels: list[dict[str, Any]]) -> Iterator[Shown]:
    """Apps' pixels: those whose settings speak of Meta, and the others, of which the page does not say what they send."""
    yield from _other_apps(pixels)
    for pixel in pixels:
        app = str(pixel.get("apiClientId"))
        named = app in (META_APP, GOOGLE_APP) or pixel.get("id") in _BUILT_IN or _META_WORD.search(_setup(pixel))
        if pixel.get("type") == "APP" and not named:
            yield Shown(
                who=f"the app with the id {app[:20]}", sender_class=SenderClass.APP_PIXEL, platform="any", channel="browser",
                ids=UNKNOWN, certain=False, evidence="webPixelsConfigList has an APP pixel",
                means="Its code is not in the page, so what it sends cannot be read here.",
                do="Open Settings > Customer events > App pixels and see whose it is.",
                marks=(f"web-pixel-{pixel.get('id')}@",),
            )  # fmt: skip


def _each_script_tag(html: str) -> Iterator[Shown]:
    for host in _script_hosts(html):
        yield Shown(
            who=f"an app's script tag of {host}", sender_class=SenderClass.SCRIPT_TAG, platform="any", channel="browser",
            ids=UNKNOWN, certain=False, evidence="asyncLoad lists its address", ends=SCRIPT_TAGS_END, accounts=(host,), marks=(host,),
            means="It may send Purchase. Shopify takes no new script tags since 2026-10-01 and stops running them on "
            f"{SCRIPT_TAGS_END}: what counts on it goes silent that day.",
            do="Ask the app's vendor for its web pixel, or remove the app if it is not used.",
        )  # fmt: skip


def _script_hosts(html: str) -> tuple[str, ...]:
    urls = [url for match in _ASYNC_URLS.finditer(html) for url in _list_at(html, match.end()) if isinstance(url, str)]
    return _once([host[1] for url in urls if (host := re.match(r"(?:https?:)?//([^/?#]{1,200})", url))])


def _script_tags(html: str) -> Iterator[Shown]:
    hosts = _script_hosts(html)
    if hosts:
        yield Shown(
            who="apps that add scripts to the page (ScriptTag)",
            sender_class=SenderClass.SCRIPT_TAG,
            platform="any",
            channel="browser",
            ids=UNKNOWN,
            certain=False,
            accounts=hosts,
            evidence="asyncLoad lists script addresses",
            means="Any of them may send Purchase. Shopify takes no new ones since 2026-10-01 and stops running them on "
            "2027-03-01: what counts on them goes silent that day.",
            do="Ask each app's vendor for its web pixel, and remove apps that are not used.",
            ends=SCRIPT_TAGS_END,
        )


def _google_app(pixels: list[dict[str, Any]]) -> Iterator[Shown]:
    apps = [p for p in pixels if str(p.get("apiClientId")) == GOOGLE_APP]
    if apps:
        yield Shown(
            who="Google & YouTube app",
            sender_class=SenderClass.PARTNER_APP,
            platform="google",
            channel="browser",
            ids=OWN,
            certain=True,
            accounts=_once([tag for p in apps for tag in _GOOGLE_TAG.findall(_setup(p))]),
            evidence=f"webPixelsConfigList has apiClientId {GOOGLE_APP}",
            means="It sends purchases to Google, which merges them by transaction id.",
            do="Only matters if you send purchases to Google from here as well: use the same transaction id.",
        )


def _google(html: str, pixels: list[dict[str, Any]]) -> Iterator[Shown]:
    yield from _google_app(pixels)
    containers = _once(_GTM.findall(html))
    if containers:
        yield Shown(
            who="Google Tag Manager",
            sender_class=SenderClass.TAG_MANAGER,
            platform="any",
            channel="browser",
            ids=UNKNOWN,
            certain=False,
            accounts=containers,
            evidence="a container stands in the page",
            means="A container can hold any pixel; what it holds is not in the page.",
            do="Look in the container for Meta tags that fire on a purchase.",
        )


# -- reading a script's literals

_TOKEN = re.compile(r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|["'\[\]{}]""", re.S)
_LIST_KEY = re.compile(r"""["']?webPixelsConfigList["']?\s*:\s*(?=\[)""")
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_$][\w$]*)\s*:")
_LAST_COMMA = re.compile(r",(\s*[}\]])")


def _web_pixels(html: str) -> Iterator[dict[str, Any]]:
    """Every pixel of every list in the page, each id once."""
    seen: set[str] = set()
    for match in _LIST_KEY.finditer(html):
        for pixel in _list_at(html, match.end()):
            if isinstance(pixel, dict) and str(pixel.get("id")) not in seen:
                seen.add(str(pixel.get("id")))
                yield pixel


def _list_at(text: str, start: int) -> list[Any]:
    """The array literal that begins there; empty when it does not end or cannot be read."""
    depth = 0
    for token in _TOKEN.finditer(text, start, min(len(text), start + _MAX_LIST)):
        if token[0] in ('"', "'"):
            return []  # a text that never ends; to go on would look for its end again at every quote
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
            if depth == 0:
                return _loads(text[start : token.end()])
    return []


def _loads(literal: str) -> list[Any]:
    """A JavaScript literal as JSON: bare keys quoted, single quotes doubled, a comma before the end taken out."""
    pieces, end = [], 0
    for string in re.finditer(r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'""", literal, re.S):
        pieces += [literal[end : string.start()], _quoted(string[0])]
        end = string.end()
    pieces.append(literal[end:])
    # The text between two strings is at every other place.
    whole = "".join(_keys(piece) if place % 2 == 0 else piece for place, piece in enumerate(pieces))
    try:
        value = json.loads(whole)
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else []


def _keys(code: str) -> str:
    return _LAST_COMMA.sub(r"\1", _BARE_KEY.sub(r'\1"\2":', code))


def _quoted(string: str) -> str:
    if string[0] == '"':
        return string.replace("\\'", "'")
    return json.dumps(string[1:-1].replace("\\'", "'").replace('\\"', '"').replace("\\/", "/"))


def _setup(pixel: dict[str, Any]) -> str:
    configuration = pixel.get("configuration")
    return configuration if isinstance(configuration, str) else json.dumps(configuration)


def _once(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
