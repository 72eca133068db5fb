"""The values: a touch as it is kept, and a sign on its way to the store.

Owns shapes only. A sign is the first thing that shows a visit or the start of a chat; it holds plain identifiers in memory,
which the store turns into a keyed digest. What is kept holds no click id's value, no address and no agent. Touches of a
path are made of the kept signs when they are read (30 minutes' pause, direct gives way: the attribution's rules).
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class TouchKind(StrEnum):
    """How a touch is known."""

    CLICK = "click"  # the page's address carries a click id
    VISIT = "visit"  # a visit without one
    CHAT = "chat"  # somebody began to write
    SURVEY = "survey"  # the buyer's own answer after the order
    SHOP_SAYS = "shop_says"  # the shop system's opinion of the order's source


class Touch(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One sign as it is kept. Texts are as they were written, decoded once; empty says nothing was told.

    The ids of campaign, ad set and ad are digits: a macro that came unexpanded (``{{ad.id}}``, ``__CID__``) is no id. As a
    text of the address it stays what it is, so that it can be found and named.
    """

    at: int  # Unix s
    kind: TouchKind
    source: str = ""
    medium: str = ""
    campaign: str = ""
    content: str = ""
    term: str = ""
    utm_id: str = ""
    click: str = ""  # kinds of click ids in the address, those that prove a paid click first; with commas between
    campaign_id: str = ""
    adset_id: str = ""
    ad_id: str = ""
    referrer: str = ""  # host
    landing: str = ""  # path, without query
    device: str = "unknown"  # "phone", "tablet", "computer", "unknown"
    country: str = ""  # ISO 3166-1 or -2, as the copy says it
    consent: str = "unstated"


class Sign(Struct, frozen=True, kw_only=True, gc=False):
    """A touch with whose it is, in the clear: in memory only.

    ``ids``: (kind, value) of the browser, the conversation or the order; the first that is there is who it is kept under,
    for a chat each of them. ``clicks``: values of the click ids, so that another click is another sign. ``about``: by what
    else whoever it is about may have withdrawn consent: the order, hashed contact data.
    """

    dataset: str
    ids: tuple[tuple[str, str], ...]
    touch: Touch
    clicks: tuple[str, ...] = ()
    about: tuple[tuple[str, str], ...] = ()
