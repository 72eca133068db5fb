"""The channel of a touch: its source, its medium, whether it was paid for, and the rule that said so.

Owns the order of evidence (a click id that proves payment, the address's own campaign words, a click id that proves none,
the referrer, nothing) and the default channel groups of Google Analytics, first match wins, with an assistants' channel
before referrals and chats beside them. The lists stand in `sources.toml`, with their date. Pure; knows no path and no
order. A survey's answer is not a touch of a path: it has no channel here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from msgspec import Struct

from twofold.touch.model import Touch, TouchKind

DIRECT = "direct"
CHANNELS = (
    DIRECT, "cross_network", "paid_shopping", "paid_search", "paid_social", "paid_video", "display", "paid_other",
    "organic_shopping", "organic_social", "organic_video", "organic_search", "ai_assistant", "referral", "email",
    "affiliates", "audio", "sms", "mobile_push", "unassigned", "paid_chat", "chat",
)  # fmt: skip
"""Every channel that a touch can have."""

PAID = frozenset({"cross_network", "paid_shopping", "paid_search", "paid_social", "paid_video", "display", "paid_other", "paid_chat"})  # fmt: skip
"""Channels that somebody pays a platform for by the click or the view."""

_PAID_MEDIUM = re.compile(r"(.*cp.*|ppc|retargeting|paid.*)", re.S)
_SHOP_CAMPAIGN = re.compile(r"(.*(([^a-df-z]|^)shop|shopping).*)", re.S)
_MAIL = re.compile(r"e[-_ ]?mail")
_DISPLAY = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
_UNPAID = frozenset({"organic", "referral", "affiliate", "audio", "sms", *_SOCIAL})  # and e-mail
_LINKS = frozenset({"referral", "app", "link"})
_NOTHING = frozenset({"", "(none)", "(not set)"})


class Sourced(Struct, frozen=True, kw_only=True, gc=False):
    """Where a touch came from. ``rule`` says in words which evidence and which group decided; ``conflict`` is True where a
    click id proves one platform and the address's words name another: the click id wins, the words stay as text."""

    source: str
    medium: str
    campaign: str
    platform: str  # "google", "meta", …; empty where none is known
    channel: str
    rule: str
    conflict: bool = False


class Said(NamedTuple):
    """What the groups are asked: lower-case texts, and the kind of the source's site."""

    source: str
    medium: str
    campaign: str
    kind: str

    @property
    def paid(self) -> bool:
        return _PAID_MEDIUM.fullmatch(self.medium) is not None

    @property
    def for_shops(self) -> bool:
        return self.kind == "shopping" or _SHOP_CAMPAIGN.fullmatch(self.campaign) is not None


GROUPS: tuple[tuple[str, str, Callable[[Said], bool]], ...] = (
    (DIRECT, "no source and no medium",
     lambda s: (s.source == "(direct)" and s.medium in _NOTHING) or not (s.source or s.medium)),
    ("cross_network", "the campaign is called cross-network", lambda s: "cross-network" in s.campaign),
    ("paid_shopping", "a paid medium and a shopping site or campaign", lambda s: s.paid and s.for_shops),
    ("paid_search", "a paid medium and a search engine", lambda s: s.paid and s.kind == "search"),
    ("paid_social", "a paid medium and a social network", lambda s: s.paid and s.kind == "social"),
    ("paid_video", "a paid medium and a video site", lambda s: s.paid and s.kind == "video"),
    ("display", "a display medium", lambda s: s.medium in _DISPLAY),
    ("paid_other", "a paid medium", lambda s: s.paid),
    ("organic_shopping", "a shopping site or campaign", lambda s: s.for_shops),
    ("organic_social", "a social network or medium", lambda s: s.kind == "social" or s.medium in _SOCIAL),
    ("organic_video", "a video site or medium", lambda s: s.kind == "video" or "video" in s.medium),
    ("organic_search", "a search engine or the medium organic", lambda s: s.kind == "search" or s.medium == "organic"),
    ("ai_assistant", "an assistant that answers with links",
     lambda s: s.medium == "ai-assistant" or (s.kind == "assistant" and s.medium in {"", *_LINKS})),
    ("referral", "a medium of links", lambda s: s.medium in _LINKS),
    ("email", "source or medium is e-mail", lambda s: bool(_MAIL.fullmatch(s.source) or _MAIL.fullmatch(s.medium))),
    ("affiliates", "the medium affiliate", lambda s: s.medium == "affiliate"),
    ("audio", "the medium audio", lambda s: s.medium == "audio"),
    ("sms", "source or medium is sms", lambda s: "sms" in (s.source, s.medium)),
    ("mobile_push", "a medium of notifications", lambda s: s.medium.endswith("push") or "mobile" in s.medium
     or "notification" in s.medium or s.source == "firebase"),
)  # fmt: skip
"""(channel, when in words, when), the first that holds. Google's default channel groups as of 2026."""


def listed_on() -> str:
    """The date of the lists, ISO."""
    return str(_lists()["date"])


@lru_cache(maxsize=8_192)
def channel_of(touch: Touch) -> Sourced:
    """Where a touch came from, by the first evidence that applies. Of chats only whether an ad began them is known."""
    if touch.kind is TouchKind.CHAT:
        return _of_chat(touch)
    source, medium, campaign = (_plain(text) for text in (touch.source, touch.medium, touch.campaign))
    clicks = touch.click.split(",") if touch.click else []
    proofs = [click for click in clicks if click in _lists()["paid"]]
    if proofs:
        return _of_proof(proofs[0], source, medium, campaign)
    if source or medium:
        return _of_words(touch, clicks, source, medium, campaign)
    for click in clicks:
        if click in _lists()["named"]:
            return _of_named(click, touch, campaign)
    if touch.referrer:
        return _of_referrer(touch.referrer, campaign)
    if campaign or touch.utm_id or touch.campaign_id or touch.ad_id:
        return Sourced(
            source="", medium="", campaign=campaign, platform="", channel="unassigned",
            rule="the address names a campaign and no source",
        )  # fmt: skip
    return Sourced(
        source="(direct)", medium="(none)", campaign="", platform="", channel=DIRECT, rule="nothing was told"
    )


def is_paid(sourced: Sourced) -> bool:
    """True for a touch that somebody paid a platform for."""
    return sourced.channel in PAID


@lru_cache(maxsize=4_096)
def site_kind(source: str) -> tuple[str, str]:
    """(kind, name in the lists) of a source or host: ``search``, ``shopping``, ``social``, ``video``, ``assistant``, or
    nothing. The longest name that covers it wins, so that a mail or an assistant below a search engine is its own."""
    names = _names()
    labels = source.removeprefix("www.").split(".")
    for at in range(len(labels)):
        name = ".".join(labels[at:])
        if name in names:
            return names[name], name
        if name.endswith(".com") and name[:-4] in names and "." not in name[:-4]:
            return names[name[:-4]], name[:-4]
        if labels[at] in _everywhere() and _is_ending(labels[at + 1 :]):
            return names[labels[at]], labels[at]
    return "", source


@lru_cache(maxsize=1_024)
def platform_of(source: str) -> str:
    """The platform that people mean by a source; empty where it is none of those that sell ads here."""
    source = source.removeprefix("www.")
    for platform, names in _lists()["platforms"].items():
        if source in names or site_kind(source)[1] in names:
            return str(platform)
    return ""


def _of_proof(click: str, source: str, medium: str, campaign: str) -> Sourced:
    platform, called = _lists()["paid"][click]
    named = platform_of(source)
    conflict = bool(source and named != platform) or medium in _UNPAID or bool(_MAIL.fullmatch(medium))
    pays = _PAID_MEDIUM.fullmatch(medium) is not None or medium in _DISPLAY
    seen = source if source and not conflict else called
    channel, why = _group(Said(seen, medium if pays and not conflict else "cpc", campaign, site_kind(seen)[0]))
    return Sourced(
        source=seen, medium=medium if medium and not conflict else "cpc", campaign=campaign, platform=platform,
        channel=channel, rule=f"click id {click}: {platform}, paid; {why}", conflict=conflict,
    )  # fmt: skip


def _of_words(touch: Touch, clicks: list[str], source: str, medium: str, campaign: str) -> Sourced:
    kind, _ = site_kind(source)
    by_ad = bool(touch.ad_id) and "fbclid" in clicks and platform_of(source) in ("", "meta") and not medium
    channel, why = _group(Said(source, "paid" if by_ad else medium, campaign, kind))
    return Sourced(
        source=source, medium=medium, campaign=campaign, platform=platform_of(source), channel=channel,
        rule=f"the address's campaign words{', an ad id' if by_ad else ''}: {why}",
    )  # fmt: skip


def _of_named(click: str, touch: Touch, campaign: str) -> Sourced:
    source, medium = _lists()["named"][click]
    by_ad = click == "fbclid" and bool(touch.ad_id)
    if not medium:
        channel, why = "unassigned", "nothing says of which channel"
    else:
        kind = "shopping" if click == "srsltid" else site_kind(source)[0]
        channel, why = _group(Said(source, "paid" if by_ad else medium, campaign, kind))
    return Sourced(
        source=source, medium="paid" if by_ad else medium, campaign=campaign, platform=platform_of(source),
        channel=channel, rule=f"click id {click}{' and an ad id' if by_ad else ', which proves no payment'}: {why}",
    )  # fmt: skip


def _of_referrer(referrer: str, campaign: str) -> Sourced:
    host = _lists()["apps"].get(referrer, referrer)
    kind, name = site_kind(host)
    medium = "organic" if kind == "search" else "referral"
    channel, why = _group(Said(name, medium, campaign, kind))
    return Sourced(
        source=name, medium=medium, campaign=campaign, platform=platform_of(host), channel=channel,
        rule=f"referrer {referrer}: {why}",
    )  # fmt: skip


def _of_chat(touch: Touch) -> Sourced:
    paid = bool(touch.ad_id) or "ctwa_clid" in touch.click.split(",")
    source = _plain(touch.source) or "chat"
    return Sourced(
        source=source, medium=_plain(touch.medium), campaign=_plain(touch.campaign), platform="meta" if paid else "",
        channel="paid_chat" if paid else "chat",
        rule="a chat that an ad began" if paid else "a chat of which no ad is known",
    )  # fmt: skip


def _group(said: Said) -> tuple[str, str]:
    for channel, why, holds in GROUPS:
        if holds(said):
            return channel, why
    return "unassigned", "no group has this source and medium"


def _plain(text: str) -> str:
    return text.strip().lower()


def _is_ending(labels: list[str]) -> bool:
    """``ge``, ``co.uk``, ``com.au``: a country's ending, as opposed to a page below another name."""
    return 1 <= len(labels) <= 2 and all(2 <= len(label) <= 3 for label in labels)


@cache
def _lists() -> dict[str, Any]:
    return tomllib.loads(files("twofold.touch").joinpath("sources.toml").read_text(encoding="utf-8"))


@cache
def _names() -> dict[str, str]:
    return {name: kind for kind, names in _lists()["kinds"].items() for name in names}


@cache
def _everywhere() -> frozenset[str]:
    return frozenset(_lists()["everywhere"])
