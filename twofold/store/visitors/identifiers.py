"""Which identifiers an event carries by which a visit and an order find each other, and how strong each is.

Owns the kinds, their strength and the digest under which they are kept. Pure; what follows from identifiers seen
together is decided in `stitching`, who was seen with what is kept by `people`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from operator import attrgetter

from msgspec import Struct

from twofold.event.click_ids import browser_name, parse_fbc
from twofold.event.identity import is_secret_link
from twofold.event.model import Event, Hashed
from twofold.matching.user_data import META_RULES
from twofold.store.digests import digest_16

BROWSER_KINDS = ("fbp", "visitor")
PERSON_KINDS = ("em", "external_id", "ph")


class Strength(IntEnum):
    """How well an identifier tells whose visit it was, strongest first."""

    SECRET = 0  # bound to one purchase and hard to guess: a cart or checkout token
    BROWSER = 1  # bound to one browser: fbp, the shop's own id of the browser
    GUESSABLE = 2  # bound to one purchase, but anyone can count: an order's id or number
    CLICK = 3  # bound to one click; its link can be shared
    PERSON = 4  # bound to a person, who has several browsers and may share one


class Identifier(Struct, frozen=True, gc=False):
    """One identifier; ``key`` is its 16-byte digest, ``kind`` the word people read."""

    key: bytes
    kind: str
    strength: Strength


def identifiers_of(event: Event, own: Sequence[Identifier] | None = None) -> list[Identifier]:
    """All identifiers of an event, each once, strongest first. ``own``: `browser_ids_of` it, where they are at hand."""
    found = browser_ids_of(event) if own is None else list(own)
    linked = _purchase_ids(event)
    found += linked
    found += _click_and_person_ids(event)
    if len(found) < 2:
        return found
    once = list({i.key: i for i in found}.values())
    if linked:  # all else is in this order already
        once.sort(key=_strength_of)
    return once


def browser_ids_of(event: Event) -> list[Identifier]:
    """Those by which the browser itself is known; the platform's id first."""
    dataset, fbp, visitor = event.dataset, event.user_data.fbp, event.visitor
    found = [_identifier(dataset, "fbp", browser_name(fbp), Strength.BROWSER)] if fbp else []
    if visitor:
        found.append(_identifier(dataset, "visitor", visitor, Strength.BROWSER))
    return found


def identifier(dataset: str, kind: str, value: str) -> Identifier | None:
    """The identifier of one value: hashes in hexadecimal, ``fbp`` and ``fbc`` whole or without what may change of
    them, links bare or (kind ``link``) as "kind:value". None for an empty value.

    The kinds are those of `event.subject.Mark` (``click`` is fbc) and any kind of link.
    """
    if kind == "link":
        kind, _, value = value.partition(":")
    if not kind or not value:
        return None
    if kind == "click":
        kind = "fbc"
    # The subdomain index and the builder's appendix change while the browser or click stays the same.
    if kind == "fbp":
        value = browser_name(value)
    elif kind == "fbc" and (click := parse_fbc(value)):
        value = click.payload
    return _identifier(dataset, kind, value, _STRENGTHS.get(kind) or _strength(kind, value))


def _identifier(dataset: str, kind: str, value: str, strength: Strength) -> Identifier:
    text = f"p\0{dataset}\0{kind}\0{value}"
    try:
        digest = digest_16(text.encode())
    except UnicodeEncodeError:
        digest = digest_16(text.encode("utf-8", "surrogatepass"))
    return Identifier(digest, kind, strength)


_strength_of = attrgetter("strength")


_STRENGTHS = {
    **dict.fromkeys(PERSON_KINDS, Strength.PERSON),
    **dict.fromkeys(BROWSER_KINDS, Strength.BROWSER),
    "fbc": Strength.CLICK,
}


def _strength(kind: str, value: str) -> Strength:
    """Of a link: names bound to one purchase."""
    return Strength.SECRET if is_secret_link(f"{kind}:{value}") else Strength.GUESSABLE


def _purchase_ids(event: Event) -> list[Identifier]:
    """What a copy is bound to, and the number of its order."""
    found = []
    for link in event.links:
        kind, _, value = link.partition(":")
        if kind and value and (known := identifier(event.dataset, kind, value)):
            found.append(known)
    if order := event.custom_data.order_id:
        found.append(_identifier(event.dataset, "order", order, _strength("order", order)))
    return found


def _click_and_person_ids(event: Event) -> list[Identifier]:
    found = []
    dataset, user = event.dataset, event.user_data
    if user.fbc and (click := identifier(dataset, "fbc", user.fbc)):
        found.append(click)
    for kind, values in (("em", user.em), ("external_id", user.external_id), ("ph", user.ph)):
        if values and (value := _hash(values)):
            found.append(_identifier(dataset, kind, value, Strength.PERSON))
    return found


def _hash(values: tuple[Hashed, ...]) -> str | None:
    """The first hash in Meta's form: the further forms of one value are not further persons."""
    for h in values:
        if h.rule in META_RULES:
            return h.hex
    return None
