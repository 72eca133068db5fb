"""Whose visit made this order? The rule, as one pure function over what was seen.

Owns the decision and its reasons. The stronger kind of identifier decides alone; where it points to two browsers,
nothing is taken, and no weaker one is asked. Times are Unix ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from twofold.event.model import Event
from twofold.store.visitors.identifiers import Identifier, Strength, identifier

SLACK_MS = 5 * 60_000
"""A visit that began later than this after the order did not make it; clocks of shops differ by less."""

CLAIM_MS = 60 * 60_000
"""How long before or after its order a browser's word for it counts: a confirmation page that is opened later, or by
somebody else, is no evidence. Before the order only for what can be guessed: nobody knows a number before it is given."""

LATER_VISIT = "later_visit"
SEVERAL_BROWSERS = "several_browsers"
SHARED_CONTACT = "shared_contact"
SHARED_DEVICE = "shared_device"
OTHER_BROWSER = "other_browser"
NO_CONSENT = "consent"
REASONS = {
    SEVERAL_BROWSERS: "several browsers claim this order",
    SHARED_CONTACT: "several browsers were seen with this person's e-mail, id or phone",
    SHARED_DEVICE: "the browser was seen with another person too",
    OTHER_BROWSER: "the order names another browser than the one that was found",
    LATER_VISIT: "the browser was first seen after the order, or has no more to show for it than its number",
    NO_CONSENT: "the visit's consent does not allow it",
}
"""Why nothing was taken although something was seen, as kept beside the delivery, and in words."""


_STRONGEST_FIRST = tuple(Strength)  # to walk through the enum itself costs a microsecond


class IdentifierSeen(NamedTuple):
    """An identifier of the order, and a browser it was seen with."""

    identifier: Identifier
    browser: int
    tier: int
    first_at: int
    last_at: int


class Match(NamedTuple):
    """The browser, and the identifier that found it."""

    browser: int
    identifier: Identifier

    @property
    def where(self) -> str:
        """For people: where stitched values were taken from."""
        return f"visit by {self.identifier.kind}"


def match_browser(
    sightings: Sequence[IdentifierSeen], order_ms: int, is_there: Callable[[int], bool] = lambda _browser: False
) -> Match | str | None:
    """The browser that made the order; a reason (of `REASONS`) when that is not certain; None when nothing was seen.

    ``is_there``: whether a browser had the order's own address and user agent. Anybody can name an order's number, so only
    such a browser is believed by it.
    """
    for strength in _STRONGEST_FIRST:
        claims = [s for s in sightings if s.identifier.strength is strength and _in_time(s, order_ms)]
        if strength is Strength.GUESSABLE:
            claims = [s for s in claims if is_there(s.browser)]
        if not claims:
            continue
        if strength in (Strength.SECRET, Strength.GUESSABLE):
            # A browser that the shop's server vouched for is believed before those that anybody can pretend to be.
            best = max(s.tier for s in claims)
            claims = [s for s in claims if s.tier == best]
        if len({s.browser for s in claims}) > 1:
            return SHARED_CONTACT if strength is Strength.PERSON else SEVERAL_BROWSERS
        return Match(claims[0].browser, claims[0].identifier)
    return LATER_VISIT if sightings else None


def is_shared(people: Iterable[tuple[str, bytes]], order: Sequence[Identifier], by: str) -> bool:
    """True when a browser's persons, with the order's own, are more than one: two e-mails, or two ids.

    ``by`` is the kind that found the browser; two phones only count where it was a phone.
    """
    seen: dict[str, set[bytes]] = {"em": set(), "external_id": set(), by: set()}
    for kind, key in (*people, *((i.kind, i.key) for i in order if i.strength is Strength.PERSON)):
        if kind in seen:
            seen[kind].add(key)
    return any(len(keys) > 1 for keys in seen.values())


def names_another(event: Event, match: Match, agent: str | None, fbp: str | None) -> bool:
    """True when the order's own words contradict the browser found, of which ``agent`` and ``fbp`` are known."""
    own = event.user_data
    if own.fbp and fbp and identifier(event.dataset, "fbp", own.fbp) != identifier(event.dataset, "fbp", fbp):
        return True
    # A person has several devices: where the order says which kind it came from, the visit must be that kind's.
    by_person = match.identifier.strength is Strength.PERSON
    return bool(by_person and own.client_user_agent and agent and own.client_user_agent != agent)


def _in_time(sighting: IdentifierSeen, order_ms: int) -> bool:
    first_at = sighting.first_at
    match sighting.identifier.strength:
        case Strength.SECRET:
            return first_at <= order_ms + CLAIM_MS
        case Strength.GUESSABLE:
            return order_ms - CLAIM_MS <= first_at <= order_ms + CLAIM_MS
        case Strength.BROWSER:
            return True  # the order itself names its browser
        case _:
            return first_at <= order_ms + SLACK_MS
