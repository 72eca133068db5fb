"""Which identifiers an event carries by which a visit and an order find each other, and how strong each is.

Owns the kinds, their strength and the digest under which they are kept. Pure; what follows from identifiers seen
together is decided in `stitching`, who was seen with what is kept by `people`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    found = {i.key: i for i in _all(event, browser_ids_of(event) if own is None else own)}
    if len(found) < 2:
        return list(found.values())
    return sorted(found.values(), key=_strength_of)


def browser_ids_of(event: Event) -> list[Identifier]:
    """Those by which the browser itself is known; the platform's id first."""
    return list(_browser_ids(event))


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
    text = f"p\0{dataset}\0{kind}\0{value}"
    try:
        digest = digest_16(text.encode())
    except UnicodeEncodeError:
        digest = digest_16(text.encode("utf-8", "surrogatepass"))
    return Identifier(digest, kind, _STRENGTHS.get(kind) or _strength(kind, value))


_strength_of = attrgetter("strength")
_persons = attrgetter(*PERSON_KINDS)


_STRENGTHS = {
    **dict.fromkeys(PERSON_KINDS, Strength.PERSON),
    **dict.fromkeys(BROWSER_KINDS, Strength.BROWSER),
    "fbc": Strength.CLICK,
}


def _strength(kind: str, value: str) -> Strength:
    """Of a link: names bound to one purchase."""
    return Strength.SECRET if is_secret_link(f"{kind}:{value}") else Strength.GUESSABLE


def _all(event: Event, own: Sequence[Identifier]) -> Iterator[Identifier]:
    yield from own
    links = [link.partition(":")[::2] for link in event.links]
    if event.custom_data.order_id:
        links.append(("order", event.custom_data.order_id))
    user = event.user_data
    people = [(kind, _hash(values)) for kind, values in zip(PERSON_KINDS, _persons(user), strict=True) if values]
    for kind, value in (*links, ("fbc", user.fbc), *people):
        found = identifier(event.dataset, kind, value) if kind and value else None
        if found:
            yield found


def _browser_ids(event: Event) -> Iterator[Identifier]:
    for kind, value in (("fbp", event.user_data.fbp), ("visitor", event.visitor)):
        found = identifier(event.dataset, kind, value) if value else None
        if found:
            yield found


def _hash(values: tuple[Hashed, ...]) -> str | None:
    """The first hash in Meta's form: the further forms of one value are not further persons."""
    for h in values:
        if h.rule in META_RULES:
            return h.hex
    return None
