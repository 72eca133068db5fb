"""Who sends for a page, of any shop system, read from its source.

Owns who a snippet belongs to: the theme, a plugin that says so before what it writes, a tag manager, a server container, an
app. What a tag manager or a foreign script does once it runs is not in the source: it is said as something to look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct, field

from twofold.event.contact import mask_text
from twofold.senders.kinds import SenderClass
from twofold.senders.pages.code import Element, elements
from twofold.senders.pages.shopify import shop_senders
from twofold.senders.pages.shown import ANY, OWN, UNKNOWN, Shown
from twofold.senders.pages.signs import (
    AGENT,
    APP_BLOCK,
    GOOGLE_HOSTS,
    MANAGERS,
    ORDER_STATUS,
    OUR_TAG,
    PLUGIN_PATH,
    PLUGINS,
    SCRIPTS_END,
    SERVER_CONTAINER,
    SNIPPETS,
    SPEAKS,
    THEME_FILE,
    Plugin,
    Snippet,
)

MOST_SHOWN = 200


class _Found(Struct):
    """What was seen of one snippet of one owner."""

    accounts: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)


def senders_of(html: str) -> list[Shown]:
    """Every sender that the page's source shows, the certain ones first."""
    parts = list(elements(html))
    found = [
        *_snippets(html, parts),
        *_tag(parts),
        *_managers(parts),
        *_containers(parts),
        *_files(parts),
        *_images(parts),
    ]
    found += shop_senders(html)
    return sorted(found[:MOST_SHOWN], key=lambda sender: not sender.certain)


# -- the platforms' own snippets


def _snippets(html: str, parts: Sequence[Element]) -> Iterator[Shown]:
    found: dict[tuple[int, str], _Found] = {}
    for part in (p for p in parts if p.tag == "script"):
        for number, snippet in enumerate(SNIPPETS):
            accounts = [m[m.lastindex or 0] for m in snippet.accounts.finditer(part.code)]
            loads = snippet.loader.search(part.src) or snippet.loader.search(part.code)
            if loads is not None and loads.lastindex:
                accounts += [loads[1]] if _is_of(snippet, loads[1]) else []
                loads = loads if _is_of(snippet, loads[1]) else None
            events = [m[m.lastindex or 0] for m in snippet.events.finditer(part.code)]
            if not accounts and loads is None and not events:
                continue
            owner = _plugin_of(part)
            mine = found.setdefault((number, owner.slug if owner else ""), _Found())
            mine.accounts += accounts
            mine.events += events
            mine.agents += AGENT.findall(part.code)
    heard = any(OUR_TAG.search(p.src) for p in parts)
    is_order_page = ORDER_STATUS.search(html) is not None
    for (number, slug), seen in found.items():
        owner = next((p for p in PLUGINS if p.slug == slug), None)
        yield _snippet(SNIPPETS[number], owner, seen, heard=heard, is_order_page=is_order_page and "Shopify" in html)


def _is_of(snippet: Snippet, account: str) -> bool:
    """Google's loader is one for analytics and ads; the account says which."""
    return account.startswith(("G-", "GT-")) if snippet.platform == "ga4" else True


def _snippet(snippet: Snippet, owner: Plugin | None, seen: _Found, *, heard: bool, is_order_page: bool) -> Shown:
    accounts, events = _once(seen.accounts), _once([mask_text(e) for e in seen.events])
    is_heard = heard and snippet.platform == "meta" and not snippet.legacy
    if owner is not None:
        who, kind = f"{owner.title} ({snippet.title})", _class_of(owner)
        means = "The plugin makes its own event ids; its copies merge with ours only under the same id."
        do = "Switch its events off, or give it and us one id, and compare one test order."
    else:
        who, kind = f"{snippet.title} in the theme", SenderClass.THEME
        means = "It reports under its own ids; its copies merge with ours only if it gives the same event id."
        do = "Put Twofold's tag before it, or take it out of the theme." if snippet.platform == "meta" else (
            "Keep it as the only sender for this account, or give both sides one transaction id."
        )  # fmt: skip
    if is_heard:
        means, do = (
            "Twofold's tag hears it, and both report under one id.",
            "Nothing, as long as the tag stands before it.",
        )
    ends = snippet.ends or (SCRIPTS_END if is_order_page and owner is None else "")
    if snippet.legacy:
        means, do = snippet.legacy, "Take it out of the page."
    elif ends:
        means += " It stands in a page of an order, where Shopify runs added scripts no more."
    agents = _once(seen.agents)
    evidence = f"{snippet.title} stands in the page" + (f", with the agent {agents[0]}" if agents else "")
    return Shown(
        who=who, sender_class=kind, platform=snippet.platform, channel="browser", ids=OWN, certain=True, accounts=accounts,
        evidence=evidence, means=means, do=do, ends=ends, events=events, marks=(owner.slug,) if owner else (), meets=("tag",) if is_heard else (),
    )  # fmt: skip


def _plugin_of(part: Element) -> Plugin | None:
    """The plugin that wrote this script, by its file, by the comment before it or its id, or by the agent it gives."""
    named = PLUGIN_PATH.search(part.src)
    if named is not None:
        return next((p for p in PLUGINS if p.slug == named[1]), None)
    agents = [a for a in AGENT.findall(part.code) if a.startswith("woocommerce-")]
    return next((p for p in PLUGINS if any(w in part.label for w in p.words if w != "woocommerce-")), None) or (
        PLUGINS[0] if agents else None
    )


def _class_of(plugin: Plugin) -> SenderClass:
    return SenderClass.PARTNER_APP if plugin.official else SenderClass.THEME_APP


# -- ours, managers, containers


def _tag(parts: Sequence[Element]) -> Iterator[Shown]:
    places = [p for p in parts if p.tag == "script" and OUR_TAG.search(urlsplit(p.src).path if _is_url(p.src) else "")]
    if places:
        yield Shown(
            who="Twofold's tag", sender_class=SenderClass.TAG, platform="twofold", channel="browser", ids=OWN,
            certain=True, evidence=f"twofold.js stands {len(places)} time(s) in the page" if len(places) > 1 else "twofold.js stands in the page",
            means="It tells the events of the page to the gateway.",
            do="Take out all but the first." if len(places) > 1 else "Nothing.", marks=("twofold",),
        )  # fmt: skip


def _managers(parts: Sequence[Element]) -> Iterator[Shown]:
    for title, pattern in MANAGERS:
        texts = [t for p in parts for t in (p.src, p.code if "GTM-" not in p.code or "gtm.js" in p.code else "")]
        containers = _once([m[1] for text in texts for m in pattern.finditer(text)])
        if containers:
            yield Shown(
                who=title, sender_class=SenderClass.TAG_MANAGER, platform=ANY, channel="browser", ids=UNKNOWN,
                certain=False, accounts=containers, evidence="a container stands in the page",
                means="A container can hold any pixel; what it holds is not in the page.",
                do="Look in the container for tags that fire on a purchase, or look with a browser.", marks=containers,
            )  # fmt: skip


def _containers(parts: Sequence[Element]) -> Iterator[Shown]:
    """Tag managers on a server: an address given to Google's tag, or its script from a host that is not Google's."""
    hosts = _once(
        [host.lower() for p in parts for host in SERVER_CONTAINER.findall(p.code) if not GOOGLE_HOSTS.fullmatch(host)]
    )
    if hosts:
        yield _container(hosts, True, "Google's tag is told to send to it")
    own = _once([
        host for p in parts if p.tag == "script" and ("/gtm.js?" in p.src or "/gtag/js?" in p.src)
        and (host := _host(p.src)) and not GOOGLE_HOSTS.fullmatch(host) and host not in hosts
    ])  # fmt: skip
    if own:
        yield _container(own, False, "Google's script comes from a host that is not Google's")


def _container(hosts: tuple[str, ...], certain: bool, evidence: str) -> Shown:
    return Shown(
        who="Server container", sender_class=SenderClass.SERVER_CONTAINER, platform=ANY, channel="server", ids=UNKNOWN,
        certain=certain, accounts=hosts, evidence=evidence,
        means="It sends from a server what browsers tell it, often under ids that it makes anew.",
        do="Look in the container which platforms it sends to, and that it hands on the event id that it was given.", marks=hosts,
    )  # fmt: skip


# -- files of others


def _files(parts: Sequence[Element]) -> Iterator[Shown]:
    seen: set[str] = set()
    for src in (p.src for p in parts if p.tag == "script" and p.src):
        known = (
            any(s.loader.search(src) for s in SNIPPETS)
            or any(m.search(src) for _, m in MANAGERS)
            or OUR_TAG.search(src)
        )
        sign = None if known else _file(src)
        if sign is not None and sign.who not in seen:
            seen.add(sign.who)
            yield sign


def _file(src: str) -> Shown | None:
    block, plugin, theme = APP_BLOCK.search(src), PLUGIN_PATH.search(src), THEME_FILE.search(src)
    if block is not None:
        return _app(
            f"the app block {block[1]}", SenderClass.THEME_APP, ANY, f"{block[1]}", "an app's block stands in the page"
        )
    if plugin is not None:
        known = next((p for p in PLUGINS if p.slug == plugin[1]), None)
        if known is not None:
            return _app(
                f"the plugin {known.title}",
                _class_of(known),
                known.platform,
                known.slug,
                "its script stands in the page",
            )
        return (
            _app(
                f"the plugin {plugin[1]}",
                SenderClass.THEME_APP,
                ANY,
                plugin[1],
                "a script of it whose name speaks of tracking",
            )
            if SPEAKS.search(src)
            else None
        )
    if theme is not None:
        name = next(filter(None, theme.groups()))
        return (
            _app(f"the theme's file {name}", SenderClass.THEME, ANY, name, "its name speaks of tracking")
            if SPEAKS.search(name)
            else None
        )
    parts = urlsplit(src) if _is_url(src) else None
    if parts is None or not parts.hostname or not SPEAKS.search(f"{parts.hostname}{parts.path}"):
        return None
    return _app(
        f"a script of {parts.hostname}", SenderClass.THEME_APP, ANY, parts.hostname, "its address speaks of tracking"
    )


def _app(who: str, kind: SenderClass, platform: str, mark: str, evidence: str) -> Shown:
    return Shown(
        who=who, sender_class=kind, platform=platform, channel="browser", ids=UNKNOWN, certain=False, evidence=evidence,
        means="What its script sends is not in the page.", do="Ask its vendor which events it sends, or look with a browser.",
        marks=(mark,),
    )  # fmt: skip


# -- pixels without script


def _images(parts: Sequence[Element]) -> Iterator[Shown]:
    events: dict[str, list[str]] = {}
    for part in (p for p in parts if p.tag == "img"):
        if _host(part.src) == "www.facebook.com" and urlsplit(part.src).path.rstrip("/") == "/tr":
            fields = dict(parse_qsl(urlsplit(part.src).query))
            if fields.get("id", "").isdigit():
                events.setdefault(fields["id"], []).append(mask_text(fields.get("ev", ""))[:60])
    if events:
        yield Shown(
            who="Meta's pixel as an image", sender_class=SenderClass.IMAGE, platform="meta", channel="browser", ids=UNKNOWN,
            certain=True, accounts=tuple(events), events=_once([e for some in events.values() for e in some if e]),
            evidence="an image of facebook.com/tr stands in the page",
            means="Browsers without scripts tell it; it carries no event id unless one is written into it.",
            do="Leave it for PageView; take out any other event.", marks=("facebook.com/tr",),
        )  # fmt: skip


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").lower() if _is_url(address) else ""


def _is_url(address: str) -> bool:
    """An address that can be taken apart: a bracket too many makes one that cannot."""
    try:
        urlsplit(address).hostname  # noqa: B018
    except ValueError:
        return False
    return True


def _once(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
