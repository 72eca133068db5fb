"""The gate of visits: what an order without a browser gets from the visit that made it.

Owns when a candidate is looked up and what speaks against taking a visit's values. Whose visit it was is decided in
`visitors.stitch`; what was seen is kept by `visitors.browsers`. Holds and stops nothing that was never sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from twofold.consent.state import why_not_send
from twofold.event.identity import ORDER_EVENTS
from twofold.event.model import Channel, Consent, Event
from twofold.store.fold import unite
from twofold.store.gates.contract import Afresh, Candidate, Suppressed
from twofold.store.ladder import admit, browser_of, heard, network_of, place_of
from twofold.store.orders.outcomes import LEDGER
from twofold.store.visitors.browsers import Browser, Browsers
from twofold.store.visitors.identifiers import PERSON_KINDS, Identifier, Strength, identifiers_of
from twofold.store.visitors.stitch import (
    LATER_VISIT,
    NO_CONSENT,
    OTHER_BROWSER,
    SHARED_DEVICE,
    SLACK_MS,
    Match,
    is_shared,
    match_browser,
    names_another,
)
from twofold.store.visitors.visits import Visit, fill

WITHDRAWN = "consent_withdrawn"
_BROWSER = Channel.BROWSER  # a member looked up on its enum costs as much as the rest of a short function


class RouteLike(Protocol):
    @property
    def require_consent(self) -> bool: ...
    @property
    def purposes(self) -> Mapping[str, tuple[str, ...]]: ...


class StitchGate:
    """``routes`` tells what consent a destination needs."""

    def __init__(self, people: Browsers, routes: Mapping[str, RouteLike]) -> None:
        self._people = people
        self._routes = routes
        self._known: dict[
            int, tuple[Event, list[Identifier]]
        ] = {}  # by the address of the event, which is kept with it

    def stitch(self, candidate: Candidate, now_ms: int) -> Suppressed | None:
        """Fills the match keys that the candidate lacks from the visit that made it. Holds nothing.

        Copies of the browser found count as the buyer's from here on; where they say no, so does the buyer.
        """
        event = candidate.event
        known = self._known_of(event)
        if known is None:
            return None
        people, copies = self._people, candidate.copies
        order_ms = event.event_time * 1000
        since = max(now_ms, order_ms) - people.keep_ms
        found = self._match(event, known, order_ms, since)
        if isinstance(found, Match):
            browser = people.browser(found.browser)
            visits = people.visits(found.browser, order_ms + SLACK_MS, since)
            refusal = self._why_not(candidate, found, known, browser, visits, since)
            if refusal is None and browser is not None:
                denied = self._take_claims(candidate, found, browser)
                if denied is not None:
                    return denied
                has_browser = any(c.channel is _BROWSER for c in copies)
                fill(candidate, visits, browser.fbp, browser.limits, found.where, has_browser)
            found = refusal
        if isinstance(found, str):
            candidate.marks.append(f"unstitched:{found}")
        return None

    def prepare(self, candidates: Sequence[Candidate]) -> None:
        """Reads at once what `stitch` will ask about each of these, which it must before it is asked; until `done`."""
        if not self._people.any_seen:
            return  # no browser was ever seen
        self._known = {id(c.event): (c.event, identifiers_of(c.event)) for c in candidates if self._is_looked_up(c)}
        self._people.look_ahead(i.key for _, known in self._known.values() for i in known)

    def done(self) -> None:
        """Nothing that was read ahead is believed any more."""
        self._known = {}
        self._people.look_no_more()

    def asked(self) -> bool:
        """False when a visit could give something to none of those that `prepare` was told of."""
        return bool(self._known)

    def _known_of(self, event: Event) -> list[Identifier] | None:
        """The identifiers of an event that is looked up; None for one that no visit could give anything."""
        read = self._known.get(id(event))
        return read[1] if read is not None and read[0] is event else None

    def _is_looked_up(self, candidate: Candidate) -> bool:
        """False for a candidate that no visit could give anything."""
        event = candidate.event
        # Where it is its own visit, only an order is worth looking for the click that came before.
        own_visit = event.user_data.fbc or event.event_name not in ORDER_EVENTS
        if own_visit and _BROWSER in [c.channel for c in candidate.copies]:
            return False
        if event.action_source == "business_messaging" or not candidate.fresh:
            return False
        return event.sender != LEDGER  # an order's end has its Purchase's keys; a visit after that one did not make it

    def _take_claims(self, candidate: Candidate, found: Match, browser: Browser) -> Suppressed | None:
        """Claims of the browser that a secret of the purchase led to are the buyer's. An e-mail address is no secret."""
        if candidate.alone or not candidate.claims:
            return None
        if browser.fbp is None or found.identifier.strength is not Strength.SECRET:
            return None
        everything = sorted([*candidate.copies, *candidate.claims], key=lambda c: c.received_at)
        counted = admit(everything, browser_of(browser.fbp, None))
        if len(counted.copies) == len(candidate.copies):
            return None
        candidate.copies, candidate.claims = counted.copies, counted.claims
        candidate.event = unite(counted.copies)
        denied = any(c.consent is Consent.DENIED for c in heard(counted.copies))
        return Suppressed("consent_denied") if denied else None

    def recheck(self, candidate: Candidate, _now_ms: int) -> Suppressed | Afresh | None:
        """The gate for further attempts: bytes that hold a visit's data do not leave once its browser has said no.

        Where nothing but an e-mail address, a phone number or a customer id led there, the browser can be anybody's: its no takes
        the visit out of the bytes, as before the first attempt, and stops no order.
        """
        people = self._people
        if candidate.fresh or not people.any_denial:
            return None
        rows = people.stitched_bytes(candidate.delivery)
        if not rows or not rows[0][0]:
            return None
        stitched, payload = rows[0]
        event = candidate.event
        order_ms = event.event_time * 1000
        found = self._match(event, identifiers_of(event), order_ms, order_ms - people.keep_ms)
        if isinstance(found, str):
            return None  # no longer certain, but nobody said no
        # A person's sightings go with a denial, so what led there once and leads nowhere now was denied too.
        browser = people.browser(found.browser) if found else None
        if browser is None or self._refuses(candidate, browser):
            return _without(stitched)
        if stitched and b'"fbp":"' not in payload:
            return Afresh()  # another platform's bytes do not say whose visit is in them: made anew, of this browser's
        # Nor does it help that the same person has another browser: these bytes hold the first one's data.
        of_another = "fbp=" in stitched and browser.fbp is not None and f'"fbp":"{browser.fbp}"'.encode() not in payload
        return _without(stitched) if of_another else None

    def _match(self, event: Event, known: Sequence[Identifier], order_ms: int, since: int) -> Match | str | None:
        if not known:
            return None
        sightings = self._people.sightings(known, since)
        if not sightings:
            return None

        def is_there(browser: int) -> bool:
            place = place_of(event)
            visits = self._people.visits(browser, order_ms + SLACK_MS, since) if place else []
            return any((network_of(v.address), v.agent) == place for v in visits if v.address)

        return match_browser(sightings, order_ms, is_there)

    def _why_not(
        self,
        candidate: Candidate,
        found: Match,
        known: Sequence[Identifier],
        browser: Browser | None,
        visits: Sequence[Visit],
        since: int,
    ) -> str | None:
        event = candidate.event
        if browser is None or self._refuses(candidate, browser):
            return NO_CONSENT
        if not visits:
            return LATER_VISIT
        if names_another(event, found, visits[0].agent, browser.fbp):
            return OTHER_BROWSER
        by_person = found.identifier.strength is Strength.PERSON
        if by_person and is_shared(self._people.persons(browser.id, since), known, found.identifier.kind):
            return SHARED_DEVICE
        return None

    def _refuses(self, candidate: Candidate, browser: Browser) -> bool:
        """True when an event of this browser alone could not be sent to the candidate's destination."""
        route = self._routes.get(candidate.dataset)
        purposes = route.purposes.get(candidate.destination, ()) if route else ()
        return bool(why_not_send(browser.consent, purposes, route.require_consent if route else False))


def _without(stitched: str) -> Suppressed | Afresh:
    """What becomes of bytes that hold a visit's data which may not leave; ``stitched`` says by what it was found."""
    led = {part.rpartition(" ")[2] for part in stitched.split(",")}
    return Afresh() if led <= set(PERSON_KINDS) else Suppressed(WITHDRAWN)
