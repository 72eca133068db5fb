"""The evidence ladder: which copies of a lower tier are the buyer's own word about what a higher tier reported.

Owns that one rule, written down once: ids, match keys, consent, limits and goods of an action are taken from the copies that
`admit` lets through, and from no other. docs/trust.md says the same for people. Pure.

From the top, where an action has copies of several tiers:

1. vouched: the shop's own key (another server's copy), or a token of the shop's server that names this very order;
2. secret: something of this purchase that only its buyer's browser and the shop know (checkout token, order key, an event id
   that nobody can guess), said by both;
3. same browser: the platform's or the shop's own id of the browser as the shop reports it, as an admitted copy has it, or as
   stitching found it without doubt; else the order's own address and user agent;
4. a lone claim: all else. It alters nothing.

Where browsers that are not one claim equally on a rung, none of them wins. Address and agent are asked last, as several
people can share both, and only where no rung above has found the browser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from twofold.consent.state import consent_text, strictest_text
from twofold.event.click_ids import browser_name
from twofold.event.identity import COUNTED_LINKS, SECRET_LENGTH, is_secret_link
from twofold.event.model import Channel, Consent, Event, Tier

RANDOM_CHANGES = 6  # between capitals, small letters and digits; numbers, names and times have fewer


FEW = 32
"""Of an action that more than twice as many copies name, the first and the last so many are looked at where something new comes: a
stranger who names one order all day costs no more each time."""

_T2 = Tier.T2  # a member looked up on its enum costs as much as the rest of a short function


class Browser(NamedTuple):
    """By what a browser is known."""

    fbp: str | None = None
    visitor: str | None = None


class Admitted(NamedTuple):
    """What counts, in the order it came, and what does not."""

    copies: Sequence[Event]
    claims: Sequence[Event] = ()  # lone claims


def admit(copies: Sequence[Event], stitched: Browser | None = None) -> Admitted:
    """The copies of an action that count. All of them where nobody of a higher tier speaks."""
    if len(copies) < 2 or (len(copies) == 2 and _are_twins(*copies)):
        return Admitted(copies)
    tiers = [c.tier for c in copies]
    top = max(tiers)
    if top == min(tiers):
        return Admitted(copies)
    lower = [c for c in copies if c.tier < top]
    known = [c for c in copies if c.tier == top]
    known += [c for c in lower if _is_vouched(c, known)]
    links = {link for c in known for link in c.links}
    ids = {c.event_id for c in known if c.id_given}
    known += _one_browser([c for c in _rest(lower, known) if _shares_secret(c, links, ids)])
    if len(known) == len(copies):
        return Admitted(copies)  # as most are: the browser's copy of what the shop reported
    known += _of_known_browsers(_rest(lower, known), known, stitched)
    if not any(c.channel is Channel.BROWSER for c in known):
        places = {p for c in known if (p := place_of(c)) is not None}
        same = [c for c in _rest(lower, known) if place_of(c) in places and not _contradicts(c, known, stitched)]
        known += _one_browser(same, strictly=True)
    taken = {id(c) for c in known}
    return Admitted([c for c in copies if id(c) in taken], [c for c in copies if id(c) not in taken])


def _are_twins(a: Event, b: Event) -> bool:
    """True for a browser's copy and the shop's own under one id that was drawn, as most pairs are: rung 2, and nobody else
    claims anything."""
    if not (a.id_given and b.id_given and a.event_id == b.event_id):
        return False
    one, other = a.tier, b.tier
    return one != other and (one < _T2 or other < _T2) and is_random(a.event_id)


def _shares_secret(copy: Event, links: set[str], ids: set[str]) -> bool:
    """True when a copy says what nobody could say who is neither the buyer nor the shop."""
    if any(link in links and is_secret_link(link) for link in copy.links):
        return True
    return copy.id_given and copy.event_id in ids and is_random(copy.event_id)


def is_buyers(copy: Event, own: Sequence[Event]) -> bool:
    """True when a copy is the buyer's by more than a server's key: as if a browser had said it."""
    told = replace(copy, tier=Tier.T0, order_vouched=False)
    return any(c is told for c in admit([*own, told]).copies)


def heard(copies: Sequence[Event]) -> Sequence[Event]:
    """Those of the copies that count whose word on consent counts, too. A server's key vouches for what it reports, not for
    whose no it brings: below a signed order that no counts where more than the key says that it is the buyer's."""
    top = max(c.tier for c in copies)
    doubted = [c for c in copies if Tier.T2 <= c.tier < top and _says_no(c)]
    if not doubted:
        return copies
    own = [c for c in copies if not any(c is d for d in doubted)]
    return [c for c in copies if not any(c is d for d in doubted) or is_buyers(c, own)]


def trusted_wishes(copies: Sequence[Event]) -> list[list[tuple[str, ...]]]:
    """Which destinations may be told, by the copies that count and whose word counts for it: those of the highest tier, and below a
    signed order a server's that more than its key proves to be the buyer's, as with a no (`heard`). A browser's word about what a
    server or the shop reported counts for nothing: it is no consent, and nobody needs it from the buyer.

    Voices: what one of them lets go goes, each word of a voice may rule out. Servers and the shop are one; where nobody but browsers
    speaks each browser is one, as an order's number is known to strangers. Of a crowd the outer copies are asked."""
    if not copies:
        return []
    top = max(c.tier for c in copies)
    own = [c for c in copies if c.tier == top]
    if top < _T2:
        voices = [own] if len(own) == 1 else browsers_of(outer(own))
    else:
        beside = [c for c in copies if c.destinations and _T2 <= c.tier < top and is_buyers(c, own)]
        voices = [[*own, *beside]]
    return [[c.destinations for c in voice if c.destinations] for voice in voices]


def consent_of(copies: Sequence[Event]) -> str:
    """The consent of copies that count as one text: the strictest word of those that are heard on it."""
    text = _strictest(copies)
    return text if text in _NO_NO or len(copies) == 1 else _strictest(heard(copies))


def consent_told(counted: Admitted, kept: str) -> str:
    """The consent of an action. ``kept`` with it is the strictest word of all, also of copies that do not count and of those
    that named this action and another; it stands unless copies that are not heard may have made it."""
    doubted = bool(counted.claims) or len(heard(counted.copies)) < len(counted.copies)
    return consent_of(counted.copies) if doubted else kept


def agreed(copies: Sequence[Event], agrees: Callable[[str], bool]) -> Sequence[Event]:
    """Where silence is not enough: the copies that a yes covers. ``agrees``: whether a consent is one.

    A yes is about the browser that says it. Where nobody but browsers speaks, one that is silent does not leave by another's:
    an order's number is known to strangers; of a crowd the outer copies are asked. All of them where no browser says yes, or where a
    server vouches for them.
    """
    if len(copies) < 2 or max(c.tier for c in copies) >= _T2:
        return copies
    looked_at = outer(copies)
    willing = {id(c) for one in browsers_of(looked_at) if agrees(_strictest(one)) for c in one}
    return [c for c in looked_at if id(c) in willing] if willing else copies


def outer(copies: Sequence[Event]) -> Sequence[Event]:
    """The first and the last `FEW`, where there are more."""
    return copies if len(copies) <= 2 * FEW else [*copies[:FEW], *copies[-FEW:]]


def browsers_of(copies: Sequence[Event]) -> list[list[Event]]:
    """Copies by the browser that they can be of, who came first before the others."""
    found: list[list[tuple[_Signs, Event]]] = []
    for copy in copies:
        signs = _signs_of(copy)
        mine = [one for one in found if any(_are_of_one(signs, other) for other, _ in one)]
        if not mine:
            found.append([(signs, copy)])
            continue
        mine[0] += [*(c for one in mine[1:] for c in one), (signs, copy)]
        found = [one for one in found if not any(one is other for other in mine[1:])]
    return [[copy for _, copy in one] for one in found]


def of_known(known: Sequence[Event], copies: Sequence[Event]) -> list[Event]:
    """The copies of a browser of which some are known, in the order they came: by what nobody else knows, or by the browser's own id."""
    links = {link for c in known for link in c.links}
    ids = {c.event_id for c in known if c.id_given}
    found = [*known, *(c for c in _rest(copies, known) if _shares_secret(c, links, ids))]
    found += _of_known_browsers(_rest(copies, found), found, None)
    taken = {id(c) for c in found}
    return [c for c in copies if id(c) in taken]


class _Signs(NamedTuple):
    """By what copies of one browser are known: what nobody else knows, ids of its own, else address and agent."""

    secrets: frozenset[str]
    fbp: str | None
    visitor: str | None
    place: tuple[str, str] | None


def _signs_of(copy: Event) -> _Signs:
    secrets = [link for link in copy.links if is_secret_link(link)]
    if copy.id_given and is_random(copy.event_id):
        secrets.append(f"id:{copy.event_id}")
    browser = _browser(copy)
    return _Signs(frozenset(secrets), browser.fbp, browser.visitor, place_of(copy))


def _are_of_one(a: _Signs, b: _Signs) -> bool:
    """True for two copies of one browser. Asked for each pair of a crowd's."""
    if a.secrets and not a.secrets.isdisjoint(b.secrets):
        return True
    if a.fbp and b.fbp:
        return a.fbp == b.fbp
    if a.visitor and b.visitor:
        return a.visitor == b.visitor
    return a.place is not None and a.place == b.place


def _strictest(copies: Sequence[Event]) -> str:
    text = consent_text(copies[0])
    for copy in copies[1:]:
        text = strictest_text(text, consent_text(copy))
    return text


_NO_NO = ("unstated", "granted")


def _says_no(copy: Event) -> bool:
    return copy.consent is Consent.DENIED or bool(copy.denied) or copy.consent_required


def is_random(text: str) -> bool:
    """True for an id that was drawn, as a UUID or a digest is; counters, order numbers and times can be guessed."""
    letters = text.replace("-", "")  # what a UUID has; asked for each pair of copies
    if not (letters.isascii() and letters.isalnum()):
        letters = _SEPARATORS.sub("", letters)
    return len(letters) >= SECRET_LENGTH and _MANY_STRETCHES(letters) is not None


# Each stretch as long as it goes, so that none is counted twice.
_MANY_STRETCHES = re.compile(f"(?:[0-9]++|[A-Z]++|[a-z]++){{{RANDOM_CHANGES + 1}}}").match
_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")


def _rest(lower: Sequence[Event], known: Sequence[Event]) -> list[Event]:
    taken = {id(c) for c in known}
    return [c for c in lower if id(c) not in taken]


def _is_vouched(copy: Event, own: Sequence[Event]) -> bool:
    """A server's copy with the dataset's key, unless it is about another browser; a token that names the order."""
    if copy.tier >= Tier.T2:
        return not _contradicts(copy, own, None) and not _is_elsewhere(copy, own)
    order = copy.custom_data.order_id
    return copy.order_vouched and order is not None and _bare(order) in {n for c in own for n in _names(c)}


def _names(event: Event) -> Iterable[str]:
    if event.custom_data.order_id:
        yield _bare(event.custom_data.order_id)
    for link in event.links:
        kind, _, value = link.partition(":")
        if kind in COUNTED_LINKS:
            yield _bare(value)


def _bare(order: str) -> str:
    return order.lstrip("#")


def _of_known_browsers(rest: Sequence[Event], known: Sequence[Event], stitched: Browser | None) -> list[Event]:
    """Those of a browser that is known already by its own id; an id found this way may lead to the next."""
    found: list[Event] = []
    while True:
        browsers = [_browser(c) for c in (*known, *found)] + ([stitched] if stitched else [])
        fbps = {b.fbp for b in browsers if b.fbp}
        visitors = {b.visitor for b in browsers if b.visitor}
        more = [
            c
            for c in _rest(rest, found)
            if (b := _browser(c)) and (b.fbp in fbps or (b.visitor in visitors and (not b.fbp or not fbps)))
        ]
        if not more:
            return found
        found += more


def _one_browser(claims: Sequence[Event], strictly: bool = False) -> Sequence[Event]:
    """The claims, if all can be of one browser. ``strictly``: each must say which, and the same, or none does."""
    if len(claims) < 2:
        return claims
    browsers = [_browser(c) for c in claims]
    fbps = {b.fbp for b in browsers if b.fbp or strictly}
    visitors = {b.visitor for b in browsers if b.visitor}
    names = {c.event_id for c in claims if c.id_given} if strictly and fbps == {None} else set()
    return () if len(fbps) > 1 or len(visitors) > 1 or len(names) > 1 else claims


def _contradicts(copy: Event, known: Sequence[Event], stitched: Browser | None) -> bool:
    """True when a copy names another browser than those that are known."""
    mine = _browser(copy)
    browsers = [_browser(c) for c in known] + ([stitched] if stitched else [])
    return _differs(mine.fbp, (b.fbp for b in browsers)) or _differs(mine.visitor, (b.visitor for b in browsers))


def _is_elsewhere(copy: Event, known: Sequence[Event]) -> bool:
    """True when a copy names another device or another address of the same kind than the order does."""
    agents = (c.user_data.client_user_agent for c in known)
    if _differs(copy.user_data.client_user_agent, agents):
        return True
    mine = copy.user_data.client_ip_address
    others = [a for c in known if (a := c.user_data.client_ip_address) and mine and (":" in a) == (":" in mine)]
    return _differs(network_of(mine) if mine else None, map(network_of, others))


def _differs(mine: str | None, others: Iterable[str | None]) -> bool:
    known = {o for o in others if o}
    return bool(mine) and bool(known) and mine not in known


def _browser(event: Event) -> Browser:
    return browser_of(event.user_data.fbp, event.visitor)


def browser_of(fbp: str | None, visitor: str | None) -> Browser:
    """By what a browser is known; without what of the platform's id changes while the browser stays the same."""
    return Browser(browser_name(fbp) if fbp else fbp, visitor)


def place_of(event: Event) -> tuple[str, str] | None:
    """Where a copy says that the browser was: its network and its user agent."""
    user = event.user_data
    if not user.client_ip_address or not user.client_user_agent:
        return None
    return network_of(user.client_ip_address), user.client_user_agent


def network_of(address: str) -> str:
    """An IPv6 address as its /64: a device draws a new one within it every day."""
    return ":".join(_groups(address)[:4]) if ":" in address else address


def _groups(address: str) -> list[str]:
    head, _, tail = address.lower().partition("::")
    left = head.split(":") if head else []
    right = tail.split(":") if tail else []
    zeros = ["0"] * max(0, 8 - len(left) - len(right))
    return [g.lstrip("0") or "0" for g in (*left, *zeros, *right)]
