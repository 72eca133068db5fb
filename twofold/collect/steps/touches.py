"""What a copy shows of where its visit came from: a sign for the store, before the address is cut.

Owns when a copy is a sign at all, and what of it is kept where the dataset's rules cut addresses: a page of core setup, or
about something sensitive, keeps its source and loses the rest. Not a step of the pipeline: a sign is no part of the event
and is not journalled. A copy inside a visit costs two comparisons, a server's own copy one.
"""

from __future__ import annotations

from typing import Any

from twofold.collect.steps.draft import Origin
from twofold.consent.state import consent_text
from twofold.event.model import Channel, Consent, Event, RawEvent, Tier
from twofold.event.sensitive import category_of
from twofold.touch.device import device_of
from twofold.touch.model import Sign, Touch, TouchKind
from twofold.touch.source import Source, path_of, read_source, stays_within

RELAYED = "PageView"
"""The event of a server that passes on what it heard from a browser: a server has no page views of its own."""

_NEEDED = "analytics"


def sign_of(raw: RawEvent, event: Event, origin: Origin) -> Sign | None:
    """The sign that a browser's copy, or a page view that a server passes on, shows; None for most copies."""
    if origin.channel is not Channel.BROWSER and event.event_name != RELAYED:
        return None
    url, referrer = raw.event_source_url, raw.referrer_url
    if type(url) is not str:
        return None
    if type(referrer) is not str:
        referrer = ""
    elif event.consent is not Consent.DENIED and stays_within(url, referrer):
        return None
    user = event.user_data
    if (user.fbp is None and event.visitor is None) or event.held_back is not None:
        return None
    if event.consent is Consent.DENIED or _NEEDED in event.denied:
        return _no(event)
    if event.consent is Consent.UNSTATED and (event.consent_required or origin.policy.consent.require):
        return None
    source = read_source(url, referrer)
    if source is None or (origin.channel is not Channel.BROWSER and origin.tier < Tier.T2):
        return None
    return Sign(
        dataset=event.dataset,
        ids=_ids(event),
        touch=touch_from(
            _harmless(source, origin),
            event.event_time,
            landing=_landing(url, event, origin),
            device=device_of(user.client_user_agent),
            country=event.region or "",
            consent=consent_text(event),
        ),
        clicks=source.clicks,
    )


def touch_from(source: Source, at: int, kind: TouchKind | None = None, **rest: str) -> Touch:
    """A touch of a source that was read from an address; ``kind``: click or visit where nothing else is said."""
    name, medium, campaign, content, term, utm_id = source.texts
    return Touch(
        at=at,
        kind=kind or (TouchKind.CLICK if source.click else TouchKind.VISIT),
        source=name,
        medium=medium,
        campaign=campaign,
        content=content,
        term=term,
        utm_id=utm_id,
        click=source.click,
        campaign_id=source.ids[0],
        adset_id=source.ids[1],
        ad_id=source.ids[2],
        referrer=source.referrer,
        **rest,
    )


def _ids(event: Event) -> tuple[tuple[str, str], ...]:
    return tuple((kind, v) for kind, v in (("fbp", event.user_data.fbp), ("visitor", event.visitor)) if v)


def _no(event: Event) -> Sign:
    """No sign: whose browser says no loses those of before."""
    touch = Touch(at=event.event_time, kind=TouchKind.VISIT, consent=Consent.DENIED)
    return Sign(dataset=event.dataset, ids=_ids(event), touch=touch)


def _landing(url: str, event: Event, origin: Origin) -> str:
    """The page's path as it is journalled; none where it was cut."""
    if origin.policy.privacy.core_setup:
        return ""
    kept = path_of(event.event_source_url)
    if url == event.event_source_url:
        return kept
    return "" if kept in ("", "/") and path_of(url) not in ("", "/") else kept


def _harmless(source: Source, origin: Origin) -> Source:
    """Campaign texts that are about something sensitive go, as in the journal's addresses."""
    rules: Any = origin.policy.privacy.sensitive
    if not rules or not any(source.texts):
        return source
    texts = tuple("" if text and category_of(text, rules) is not None else text for text in source.texts)
    return Source(texts, source.ids, source.click, source.clicks, source.referrer)  # type: ignore[arg-type]
