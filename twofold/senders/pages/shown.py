"""One sender that a page's source shows, or a sign of one."""

from __future__ import annotations

from msgspec import Struct

from twofold.senders.kinds import SenderClass

NATIVE, OWN, UNKNOWN = "native", "own", "unknown"
ANY = "any"
"""The platform of what can send to each of them."""


class Shown(Struct, frozen=True, kw_only=True):
    """``ids`` is the family of its event ids: "native" (Shopify's ``sh-…``), "own", or "unknown". Two senders of one
    purchase are counted once only when their ids are equal. ``certain`` is False for a sign that needs a look.

    ``events``: those that its code in the page names, in the platform's words; empty where the page does not say.
    ``marks``: what a browser would find it by: parts of its script's address. ``meets``: who tells the same under its ids.
    """

    who: str
    sender_class: SenderClass
    platform: str  # "meta", "google", "ga4", …, "any"
    channel: str  # "browser", "server", "both"
    ids: str
    certain: bool
    evidence: str
    means: str
    do: str
    accounts: tuple[str, ...] = ()  # pixel, tag or container ids
    ends: str = ""  # ISO date after which it no longer runs
    events: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    meets: tuple[str, ...] = ()
