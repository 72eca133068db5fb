"""A visit: what a browser copy tells about one, when it goes on, and what an event gets from a browser's visits.

Owns the facts that are taken over: click id as it was first seen, browser id, address and agent, other platforms'
click ids, and the limits under which they may be used. Pure. Times are Unix ms.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from twofold.event.click_ids import is_expired, parse_fbc
from twofold.event.model import Event
from twofold.store.gates.contract import Candidate
from twofold.store.visitors.stitch import SLACK_MS

LONGEST_MS = 86_400_000  # a visit that goes on is a new one every day, so that its facts can be forgotten in time


class Visit(Struct):
    """A stretch of time in which a browser kept its address, its agent and its clicks; in the table's column order."""

    from_at: int
    until_at: int
    fbc: str | None
    address: str | None
    agent: str | None
    click_ids: str  # JSON or empty


class _Limits(Struct, array_like=True):
    options: tuple[str, ...] = ()
    country: int | None = None
    state: int | None = None
    opt_out: bool = False


def visit_of(event: Event) -> Visit:
    """The visit as this copy alone shows it."""
    user, at = event.user_data, event.received_at
    click_ids = msgspec.json.encode(event.click_ids).decode() if event.click_ids else ""
    return Visit(at, at, _own_fbc(event), user.client_ip_address, user.client_user_agent, click_ids)


def goes_on(visit: Visit, seen: Visit) -> bool:
    """True when a later copy tells nothing about the browser that the visit does not know."""
    if seen.until_at - visit.from_at >= LONGEST_MS:
        return False
    if any(getattr(seen, name) not in (None, "", getattr(visit, name)) for name in ("address", "agent", "click_ids")):
        return False
    return seen.fbc is None or (visit.fbc is not None and not _is_news(visit.fbc, seen.fbc))


def limits_of(event: Event) -> str:
    """How the shopper limited the use of this copy, as kept with the browser; empty when not at all."""
    if not event.data_processing_options and not event.opt_out:
        return ""
    limits = _Limits(
        event.data_processing_options or (),
        event.data_processing_options_country,
        event.data_processing_options_state,
        bool(event.opt_out),
    )
    return msgspec.json.encode(limits).decode()


def fill(
    candidate: Candidate, visits: Sequence[Visit], fbp: str | None, limits: str, where: str, has_browser: bool
) -> None:
    """Puts what the event lacks into it, and notes what and from ``where``.

    ``visits``: at least one, the newest before the order first. ``fbp`` and ``limits`` are the browser's.
    ``has_browser``: a browser copy is among the event's, so what it says of itself is not touched.
    """
    event = candidate.event
    user = event.user_data
    given = {"fbc": _first_sight(event, visits, has_browser), "fbp": user.fbp or fbp, **_place(event, visits[0])}
    news = {name: value for name, value in given.items() if value and value != getattr(user, name)}
    clicks: dict[str, str] = {}
    for visit in reversed(visits):
        clicks |= msgspec.json.decode(visit.click_ids) if visit.click_ids else {}
    new_clicks = {name: value for name, value in clicks.items() if name not in event.click_ids}
    if news or new_clicks:
        event = replace(event, user_data=replace(user, **news), click_ids={**new_clicks, **event.click_ids})
        candidate.event = _limited(event, limits)
        candidate.stitched |= dict.fromkeys((*news, *new_clicks), where)


def _own_fbc(event: Event) -> str | None:
    """The copy's click id, unless its time cannot be true."""
    click = parse_fbc(event.user_data.fbc) if event.user_data.fbc else None
    return event.user_data.fbc if click and click.created_ms <= event.received_at + SLACK_MS else None


def _is_news(known: str, seen: str) -> bool:
    """True for another click, and for the same one with an earlier time of first sight."""
    a, b = parse_fbc(known), parse_fbc(seen)
    return a is None or b is None or a.payload != b.payload or b.created_ms < a.created_ms


def _place(event: Event, visit: Visit) -> dict[str, str | None]:
    """Address and agent, only for what happened in a browser: those of a renewal, a call or a sale at a counter would
    be of another occasion. Both or none, so that two devices are never mixed.
    """
    user = event.user_data
    if event.action_source != "website":
        return {}
    if user.client_user_agent not in (None, visit.agent) or user.client_ip_address not in (None, visit.address):
        return {}
    return {"client_ip_address": visit.address, "client_user_agent": visit.agent}


def _first_sight(event: Event, visits: Sequence[Visit], has_browser: bool) -> str | None:
    """The click id to send: the event's own or else the last one before the order, as it was when first seen."""
    own = event.user_data.fbc
    if own and has_browser:
        return own  # exactly what the platform's own pixel sends
    last = own or next((v.fbc for v in visits if v.fbc), None)
    click = parse_fbc(last) if last else None
    if last is None or click is None:
        return own
    sights = [(click.created_ms, last)]
    for visit in visits:
        seen = parse_fbc(visit.fbc) if visit.fbc else None
        if visit.fbc and seen and seen.payload == click.payload:
            sights.append((seen.created_ms, visit.fbc))
    created_ms, first = min(sights, key=lambda sight: sight[0])
    return own if is_expired(created_ms, event.event_time * 1000) else first


def _limited(event: Event, limits: str) -> Event:
    """The event under the visit's limits too: its data may be used no more freely there than here."""
    if not limits:
        return event
    said = msgspec.json.decode(limits, type=_Limits)
    if said.options and not event.data_processing_options:
        event = replace(
            event,
            data_processing_options=said.options,
            data_processing_options_country=said.country,
            data_processing_options_state=said.state,
        )
    return replace(event, opt_out=True) if said.opt_out else event
