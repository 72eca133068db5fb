"""Which script made a call: from stacks, from who loaded whom, out of workers and frames. Pure, over what the browser told.

Owns the walk from a call to its owner. From the innermost frame outward it passes what only carries (the platforms' own
libraries, jQuery, error reporters, consent managers that switch a page's own scripts on) and what has no address (code made
from text, blobs); the first other script is the owner. A tag manager is an owner: what it writes into a page is its own. When a stack
ends, it goes on with whoever loaded the last script, started the worker or put the frame there. Addresses are kept
without what could be secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct, field

from twofold.event.contact import holds_contact, mask_text
from twofold.senders.browser.calls import library_of
from twofold.senders.kinds import SenderClass

MOST_HOPS = 40
_LONGEST = 300


class Frame(Struct, frozen=True):
    """One line of a stack: the script, by its id in its session and its address."""

    session: str
    script: str
    url: str
    function: str = ""
    line: int = 0


class Script(Struct, frozen=True):
    """A script that ran. ``made`` is the stack that wrote it into the page, empty for what the page's own source has."""

    url: str
    made: tuple[Frame, ...] = ()
    is_inline: bool = False


class Place(Struct, frozen=True):
    """Where code runs: a page, a frame or a worker, who started it, and the place it was started from."""

    kind: str  # "page", "frame", "worker", "service worker", "shared worker"
    url: str = ""
    made: tuple[Frame, ...] = ()
    parent: str = ""  # key of another place


class Book(Struct):
    """All that the browser told of one walk. Bounded by who writes it."""

    scripts: dict[tuple[str, str], Script] = field(default_factory=dict)
    loads: dict[str, tuple[Frame, ...]] = field(
        default_factory=dict
    )  # address of a script: the stack that asked for it
    places: dict[str, Place] = field(default_factory=dict)


class Hop(Struct, frozen=True):
    """One station on the way from a call to whoever answers for it."""

    url: str
    line: int = 0
    function: str = ""
    is_inline: bool = False


class Maker(Struct, frozen=True, kw_only=True):
    """Who made a call. ``certain`` is False where the way ended before an owner and the page itself is named."""

    script: str
    line: int
    kind: SenderClass
    certain: bool
    chain: tuple[str, ...]


HELPERS = re.compile(
    r".*/(?:jquery|zepto|polyfills?|core-js|zone|rxjs|bugsnag|newrelic|nr-loader|raygun|lodash|require|gtag-helper)[\w.-]*\.js"
    r"|.*(?:browser\.sentry-cdn\.com|js\.sentry-cdn\.com|js-agent\.newrelic\.com|cdnjs\.cloudflare\.com)/.*",
    re.I,
)  # fmt: skip
"""Scripts that only pass calls on."""
CONSENT = re.compile(
    r".*(?:consent\.cookiebot\.com|cdn\.cookielaw\.org|app\.usercentrics\.eu|cdn\.iubenda\.com|cdn-cookieyes\.com|"
    r"consent\.cookiefirst\.com|policy\.app\.cookieinformation\.com|cdn\.termly\.io|/complianz[\w.-]*/|cookie-law-info)/?.*",
    re.I,
)  # fmt: skip
"""They switch on scripts that are the page's own."""
_MANAGER = re.compile(r".*/gtm(?:\.[\w-]+)?\.js")
_CUSTOM_PIXEL = re.compile(r"/custom/web-pixel-|/web-pixel-shopify-custom-pixel@|/sandbox/modern(?:/|$)")
_APP_PIXEL = re.compile(r"/app/web-pixel-|/web-pixel-shopify-app-pixel@")
_APP_BLOCK = re.compile(
    r"(?:^|//)cdn\.shopify\.com/extensions/|/cdn/shopifycloud/[\w-]*extensions|//extensions\.shopifycdn\.com/[0-9a-f-]{36}/"
)
_THEME = re.compile(r"/cdn/shop/t/\d+/|/s/files/(?:\d+/)+t/\d+/assets/|/wp-content/themes/")
_PLUGIN = re.compile(r"/wp-content/(?:plugins|mu-plugins)/([\w.-]+)/")


def credit(
    book: Book, stack: tuple[Frame, ...], place: str, page: str, tag_path: str = "/t", *, way: str = "", ours: bool = False
) -> Maker:  # fmt: skip
    """Who made the call with this stack, in this place of this page. ``ours``: it came to our own doors. Of any other our tag is
    not the owner: it stands before Meta's library, hears the page's calls and passes them on."""
    hops = list(_way(book, stack, place))
    inner = book.places.get(place)
    within = [inner.url] if inner is not None and inner.kind != "page" else []
    owner = next((h for h in hops if not _carries(h) and (ours or not _is_tag(h.url, tag_path))), None)
    kind = _kind(owner, hops, within, inner, page, tag_path)
    if owner is None and not hops and way == "image" and kind == SenderClass.THEME:
        kind = SenderClass.IMAGE
    shown = owner or Hop(page, is_inline=True)
    pixel = next((u for u in within if _CUSTOM_PIXEL.search(u) or _APP_PIXEL.search(u)), "")
    if pixel:
        shown = Hop(pixel, shown.line if shown.url == pixel else 0)
    chain = dict.fromkeys(_shown(h) for h in hops if _has_address(h.url))
    return Maker(
        script=_shown(shown), line=shown.line + 1 if owner is shown else 0, kind=kind,
        certain=owner is not None or bool(pixel), chain=tuple(chain)[:MOST_HOPS],
    )  # fmt: skip


def _way(book: Book, stack: tuple[Frame, ...], place: str) -> Iterator[Hop]:
    """The stations outward, each script once: the stack, then whoever loaded its last script, then whoever made the place."""
    seen: set[tuple[str, str]] = set()
    steps = 0
    while steps < MOST_HOPS:
        last: Frame | None = None
        for frame in stack:
            steps += 1
            key = (frame.session, frame.script) if not frame.url else ("", frame.url)
            last = frame
            if key in seen or steps > MOST_HOPS * 2:
                continue
            seen.add(key)
            yield from _hops(book, frame, seen)
        onward = _loaded(book, last, seen)
        if onward:
            stack = onward
            continue
        here = book.places.get(place)
        if here is None or ("place", place) in seen:
            return
        seen.add(("place", place))
        stack, place, steps = here.made, here.parent, steps + 1


def _hops(book: Book, frame: Frame, seen: set[tuple[str, str]]) -> Iterator[Hop]:
    script = book.scripts.get((frame.session, frame.script))
    is_inline = script is not None and script.is_inline
    yield Hop(frame.url, frame.line, frame.function, is_inline)
    if script is not None and not _has_address(frame.url):
        # Code without an address belongs to whoever wrote it, also where the stack has forgotten.
        for maker in script.made:
            key = (maker.session, maker.script) if not maker.url else ("", maker.url)
            if key not in seen:
                seen.add(key)
                yield from _hops(book, maker, seen)


def _loaded(book: Book, last: Frame | None, seen: set[tuple[str, str]]) -> tuple[Frame, ...]:
    """The stack that asked for the script of this frame, once."""
    if last is None or not last.url or ("load", last.url) in seen:
        return ()
    seen.add(("load", last.url))
    script = book.scripts.get((last.session, last.script))
    return book.loads.get(last.url, ()) or (script.made if script is not None else ())


def _has_address(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _carries(hop: Hop) -> bool:
    """True for a station that only passes on what another asked for."""
    if not _has_address(hop.url):
        return True
    bare = hop.url.partition("?")[0].partition("#")[0]
    return bool(library_of(hop.url) or HELPERS.fullmatch(bare) or CONSENT.fullmatch(bare))


# -- the class


def _kind(
    owner: Hop | None, hops: list[Hop], within: list[str], place: Place | None, page: str, tag_path: str
) -> SenderClass:
    if any(_CUSTOM_PIXEL.search(u) for u in within):
        return SenderClass.CUSTOM_PIXEL
    if any(_APP_PIXEL.search(u) for u in within):
        return SenderClass.APP_PIXEL
    if owner is None:
        return (
            SenderClass.THEME
            if hops or (place is not None and place.kind in ("page", "frame"))
            else SenderClass.UNKNOWN
        )
    url = owner.url
    if _CUSTOM_PIXEL.search(url):
        return SenderClass.CUSTOM_PIXEL
    if _APP_PIXEL.search(url):
        return SenderClass.APP_PIXEL if place is not None and place.kind == "worker" else SenderClass.PARTNER_APP
    if is_manager(url):
        return SenderClass.TAG_MANAGER
    if _is_tag(url, tag_path):
        return SenderClass.TAG
    if owner.is_inline:
        return SenderClass.THEME if _site(url) == _site(page) else SenderClass.THEME_APP
    return _by_path(url) or _by_host(owner, hops, page)


def _by_path(url: str) -> SenderClass | None:
    if _APP_BLOCK.search(url) or _PLUGIN.search(url):
        return SenderClass.THEME_APP
    return SenderClass.THEME if _THEME.search(url) else None


def _by_host(owner: Hop, hops: list[Hop], page: str) -> SenderClass:
    """Of a script that its address does not tell: the shop's own, one of Shopify's list of scripts, or a stranger's."""
    after = hops[hops.index(owner) + 1 :]
    query = dict(parse_qsl(urlsplit(owner.url).query))
    if any(h.function == "asyncLoad" for h in after) or query.get("shop", "").endswith(".myshopify.com"):
        return SenderClass.SCRIPT_TAG
    if any(is_manager(h.url) for h in after):
        return SenderClass.TAG_MANAGER
    return SenderClass.THEME if _site(owner.url) == _site(page) else SenderClass.THEME_APP


def _is_tag(url: str, tag_path: str) -> bool:
    return re.fullmatch(rf"{re.escape(tag_path)}/twofold[\w.]*\.js", urlsplit(url).path) is not None


def is_manager(url: str) -> bool:
    """A tag manager's container, also from a host of the shop's own."""
    parts = urlsplit(url)
    return bool(_MANAGER.fullmatch(parts.path)) or "GTM-" in parts.query


def _site(url: str) -> str:
    """The last two labels of the host, three under a short second one (co.uk): near enough to tell one's own."""
    host = urlsplit(url).hostname or ""
    labels = host.split(".")
    if labels[-1].isdigit():
        return host
    keep = 3 if len(labels) > 2 and len(labels[-2]) <= 3 and len(labels[-1]) == 2 else 2
    return ".".join(labels[-keep:])


# -- what is kept of an address

_ACCOUNT = re.compile(r"(?:GTM|GT|G|AW|DC|UA)-[\w-]{3,16}|\d{5,20}|[A-Z0-9]{16,24}")
_SECRET = re.compile(r"(?=[\w~.=-]*\d)(?=[\w~.=-]*[A-Za-z])[\w~.=-]{20,}")


def clean_address(url: str) -> str:
    """Host and path of a script, and the account it was asked for; nothing else of its query, no contact data."""
    parts = urlsplit(url)
    if not _has_address(url):
        return url.partition(":")[0][:20] + ":" if ":" in url else ""
    path = mask_text(unquote(parts.path))
    kept = [(k, v) for k, v in parse_qsl(parts.query) if k in ("id", "tid", "sdkid") and _ACCOUNT.fullmatch(v)]
    query = "?" + "&".join(f"{k}={v}" for k, v in kept[:2]) if kept else ""
    return f"{parts.scheme}://{_host(parts.netloc)}{path}{query}"[:_LONGEST]


def _shown(hop: Hop) -> str:
    """What is kept of a station: a script's address, or the page in whose source it stands."""
    return f"{urlsplit(hop.url).scheme}://{clean_page(hop.url)}" if hop.is_inline else clean_address(hop.url)


def clean_page(url: str) -> str:
    """Host and path of a page; parts that could let somebody in (tokens of a checkout) are left out."""
    parts = urlsplit(url)
    if not _has_address(url):
        return ""
    steps = [_step(unquote(step)) for step in parts.path.split("/")]
    return f"{_host(parts.netloc)}{'/'.join(steps)}"[:_LONGEST]


def _step(step: str) -> str:
    return "…" if _SECRET.fullmatch(step) or holds_contact(step) else step


def _host(netloc: str) -> str:
    return netloc.rpartition("@")[2]
