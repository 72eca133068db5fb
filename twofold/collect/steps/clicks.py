"""Steps that say which browser and which click a copy belongs to: address, user agent, ``fbc``, other click ids.

Owns the life of ``fbc`` on the server's side (Meta, "fbp and fbc parameters"; parameter builder 1.3.2, both read
September 2026): the cookie's value is kept as it is, a new click in the address replaces it, the referrer is asked
last, the time is that of the first sight, and nothing is ever made up. The browser's side is the tag's.
"""

from __future__ import annotations

from twofold.collect.steps.draft import Draft
from twofold.event.click_ids import (
    LIFETIME_S,
    build_fbc,
    click_ids_of,
    created_ms_of,
    fbclid_of,
    parse_fbc,
    read_click_ids,
)
from twofold.event.contact import mask_agent
from twofold.event.refusal import Refusal, describe

_LIFETIME_MS = LIFETIME_S * 1000
_FIRST_MS = 10**12  # September 2001; a smaller time was written in seconds
_MAX_IDS = 50
MINUTE_MS = 60_000


def put_browser_facts(draft: Draft) -> Refusal | None:
    """Address and user agent of a shopper's own request; ``fbc`` from the page's fbclid when no cookie gave one."""
    user, origin = draft.user, draft.origin
    if origin.is_browser:
        # What a public endpoint's body claims is a stranger's word: an address that is not known stays unknown.
        user.client_ip_address = origin.client_ip
        user.client_user_agent = origin.user_agent or user.client_user_agent
    if user.client_user_agent is not None and (agent := mask_agent(user.client_user_agent)) != user.client_user_agent:
        user.client_user_agent = agent
        draft.warnings.append("user_data.client_user_agent held contact data; masked")
    if user.fbc is not None and draft.fields.get("device_time"):
        user.fbc = _by_our_clock(draft, user.fbc)
    if user.fbc is None or draft.is_browser:
        user.fbc = _click(draft)
    if user.fbc is not None and not is_current(user.fbc, draft.event_time):
        _judge_time(draft, user.fbc)
    return None


def put_click_ids(draft: Draft) -> Refusal | None:
    """Other platforms' click ids: from the address, and what the tag or a source found in cookies and attributes."""
    given = draft.raw.click_ids
    found: dict[str, str] = {}
    if isinstance(given, dict):
        texts = {k: v for k, v in list(given.items())[:_MAX_IDS] if isinstance(k, str)}
        found = read_click_ids(texts)
        if len(found) < len(given):
            draft.warnings.append(f"click_ids: {len(given) - len(found)} unknown or unusable; left out")
    elif given is not None:
        draft.warnings.append(f"click_ids: expected an object of texts, got {describe(given)}; left out")
    url = draft.raw.event_source_url
    if isinstance(url, str) and "?" in url:
        found |= click_ids_of(url)  # newer than any cookie
    if found:
        draft.fields["click_ids"] = found
    return None


def is_current(fbc: str, event_time_s: int) -> bool:
    """True for a click id whose time can be true and whose 90 days are not over at the event."""
    created_ms = int(fbc.split(".", 3)[2])  # as `created_ms_of` and `is_expired` do: this runs for every event
    return created_ms >= _FIRST_MS and event_time_s * 1000 - created_ms <= _LIFETIME_MS


def _by_our_clock(draft: Draft, fbc: str) -> str:
    """Of a device whose clock is wrong: a click that it noted by the same clock, moved with it. ``fbp`` is never altered."""
    device_ms = draft.fields["device_time"] * 1000
    name, index, made, click = fbc.split(".", 3)
    if not -MINUTE_MS <= device_ms - int(made) <= LIFETIME_S * 1000:
        return fbc  # noted by another clock
    return f"{name}.{index}.{int(made) - device_ms + draft.event_time * 1000}.{click}"


def _click(draft: Draft) -> str | None:
    """The newest click there is. Not for a server's copy that has one: its word stands."""
    fbc = draft.user.fbc
    # First sight by us is the event's own time, not the time of a later retry; and never one that is still to come.
    seen_ms = min(draft.event_time * 1000, draft.origin.received_at)
    clicked = fbclid_of(_address(draft, "event_source_url"))
    if clicked and (fbc is None or _payload(fbc) != clicked):
        fbc = build_fbc(clicked, seen_ms) or fbc
    if fbc is None:
        # A landing page without a tag leads on to one with it. An older click than any cookie's, so asked last.
        referred = fbclid_of(_address(draft, "referrer_url"))
        fbc = build_fbc(referred, seen_ms) if referred else None
    return fbc


def _judge_time(draft: Draft, fbc: str) -> None:
    """Of one that is not current: a browser's that is over is not sent, a server's own word is passed on with a warning."""
    if created_ms_of(fbc) < _FIRST_MS:
        draft.warnings.append("user_data.fbc: its time is not in milliseconds; the platform may not accept it")
    elif draft.is_browser:
        draft.user.fbc = None
        draft.warnings.append("user_data.fbc is of a click more than 90 days ago; left out")
    else:
        draft.warnings.append("user_data.fbc is of a click more than 90 days ago; the platform may not count it")


def _payload(fbc: str) -> str | None:
    click = parse_fbc(fbc)
    return click.payload if click else None


def _address(draft: Draft, name: str) -> str | None:
    """As it came: what is kept of it may be shortened or without its query."""
    url = getattr(draft.raw, name)
    return url if isinstance(url, str) else None
