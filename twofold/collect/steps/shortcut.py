"""The short way of an ordinary copy: what all steps together make of it, in two thirds of their time.

Ordinary is a server's copy with a standard name, match keys, money and goods, of which no step has anything to say: no
warning, no refusal, nothing rare. Every other copy goes through the steps, which decide everything; nothing is decided
here. Laws hold the two ways against each other (tests/collect/test_shortcut.py).

Why it is there: 9 us against 14 for a Purchase by the Conversions API, of 26 us from request to answer (2026-11-28, 2 cores).
Choosing the list of steps once for each policy and channel was tried in its place: it saves less than 1 us of the 5, as
what nearly every step looks for stands in the copy and not in the policy.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import Any

from msgspec.structs import astuple

from twofold.collect.policy import PrivacyRules
from twofold.collect.steps.bots import MAX_AGENT, bot_of
from twofold.collect.steps.clicks import is_current
from twofold.collect.steps.custom_data import read_custom_data
from twofold.collect.steps.draft import Origin
from twofold.collect.steps.links import names_an_order
from twofold.collect.steps.required import MAX_AHEAD_S, NO_PAGE
from twofold.collect.steps.sensitive import is_about_nothing_sensitive
from twofold.event.click_ids import click_ids_of
from twofold.event.contact import mask_agent
from twofold.event.model import Channel, CustomData, Event, RawEvent, Tier, UserData
from twofold.event.scalars import is_plain_id
from twofold.event.scrub import scrub_url
from twofold.event.vocabulary import ACTION_SOURCES, MAX_AGE_S, MAX_ID, STANDARD_EVENTS
from twofold.matching.other_forms import other_forms
from twofold.matching.user_data import hash_user_data

_ORDINARY = frozenset(
    {"event_name", "event_time", "age", "event_id", "action_source", "event_source_url", "user_data", "custom_data"}
)
_USUAL = ("event_name", "event_time", "event_id", "action_source", "event_source_url", "user_data", "custom_data")
_usual_values = itemgetter(*_USUAL)
_RARE = itemgetter(*(n for n, name in enumerate(RawEvent.__struct_fields__) if name not in _ORDINARY))
_NOTHING_RARE = _RARE(astuple(RawEvent()))
_SOURCES = ACTION_SOURCES - {"business_messaging", "physical_store"}  # these two have rules of their own
_BROWSER, _T2 = Channel.BROWSER, Tier.T2  # a member looked up on its enum costs as much as three of the questions below


def read_ordinary(raw: RawEvent, origin: Origin) -> Event | None:
    """The event, or None for a copy that the steps have to look at."""
    if _RARE(astuple(raw)) != _NOTHING_RARE:
        return None
    return _read(
        raw.event_name, raw.event_time, raw.event_id, raw.action_source, raw.event_source_url, raw.user_data,
        raw.custom_data, origin,
    )  # fmt: skip


def read_ordinary_fields(fields: dict[str, Any], origin: Origin) -> Event | None:
    """The same of a copy as it stands in the JSON, before a `RawEvent` is made of it: that and the look through all that
    it may hold are a fifteenth of the way to the bytes of a Purchase."""
    if len(fields) == len(_USUAL):
        try:  # so many fields, and these among them, are these alone
            name, time_s, event_id, source, url, contact, goods = _usual_values(fields)
        except KeyError:
            pass
        else:
            return _read(name, time_s, event_id, source, url, contact, goods, origin)
    if not _ORDINARY.issuperset(fields):
        return None
    name, time_s, event_id, source, url, contact, goods = map(fields.get, _USUAL)
    return _read(name, time_s, event_id, source, url, contact, goods, origin)


def _read(
    name: Any, time_s: Any, event_id: Any, source: Any, url: Any, contact: Any, goods: Any, origin: Origin
) -> Event | None:
    if origin.channel is _BROWSER or origin.tier < _T2 or origin.gpc:
        return None
    rules, privacy = origin.policy.consent, origin.policy.privacy
    if rules.require_in or rules.limited_in or privacy.core_setup or origin.policy.shops:
        return None
    if type(name) is not str or name not in STANDARD_EVENTS or type(source) is not str or source not in _SOURCES:
        return None
    if type(event_id) is not str or len(event_id) > MAX_ID or not is_plain_id(event_id):
        return None
    if type(time_s) is not int or not -MAX_AGE_S <= time_s - origin.received_at // 1000 <= MAX_AHEAD_S:
        return None
    if url is not None and not _is_plain_page(url, privacy):
        return None
    data = _read_money_and_goods(goods, name)
    if data is None or (data.other and not is_about_nothing_sensitive(None, data.other, privacy)):
        return None
    user = _read_user(contact, origin, time_s)
    if user is None:
        return None
    event = Event(
        dataset=origin.dataset,
        event_name=name,
        event_id=event_id,
        event_time=time_s,
        received_at=origin.received_at,
        channel=origin.channel,
        sender=origin.sender,
        tier=origin.tier,
        action_source=source,
        event_source_url=url,
        user_data=user,
        custom_data=data,
        test_event_code=origin.test_event_code,
    )
    if url is not None and "?" in url and (clicks := click_ids_of(url)):
        event.click_ids = clicks
    if origin.policy.forms:
        event.forms = other_forms(contact, origin.policy.forms, origin.policy.country)
    return event


_MAX_PAGES = 8_192
_PAGES: dict[frozenset[str], set[str]] = {}
"""By what is sensitive: addresses without a query of which no step has anything to say, as a shop's pages repeat. One that shows contact
data or an order is none of them."""


def _is_plain_page(url: Any, privacy: PrivacyRules) -> bool:
    """True for an address of which no step has anything to say but for its click ids."""
    if type(url) is not str:
        return False
    known = _PAGES.get(privacy.sensitive)
    if known is None:
        known = _PAGES[privacy.sensitive] = set()
    if url in known:
        return True
    if not url or "fbclid" in url or url.startswith(NO_PAGE) or scrub_url(url) != (url, False) or names_an_order(url):
        return False
    if not is_about_nothing_sensitive(url, {}, privacy):
        return False
    if "?" not in url:
        if len(known) >= _MAX_PAGES:
            known.clear()
        known.add(url)
    return True


@lru_cache(maxsize=8_192)  # as `bot_of`, and instead of it: one look for both questions
def _is_shoppers(agent: str) -> bool:
    """True for a user agent of which no step has anything to say."""
    return mask_agent(agent) == agent and bot_of(agent[:MAX_AGENT]) is None


def _read_money_and_goods(goods: Any, event_name: str) -> CustomData | None:
    warnings: list[str] = []
    data = read_custom_data(goods, warnings)
    if warnings or type(data) is not CustomData:  # `isinstance` of a struct takes five times as long
        return None
    if data.value is None:
        return None if event_name == "Purchase" else data
    return data if data.currency is not None else None


def _read_user(contact: Any, origin: Origin, time_s: int) -> UserData | None:
    policy = origin.policy
    result = hash_user_data(contact, default_country=policy.country, variants=policy.variants)
    if type(result) is not tuple or result[1]:
        return None
    user = result[0]
    if not (user.em or user.ph or user.external_id or user.client_ip_address or user.fbp or user.fbc):
        return None  # may be too broad
    agent = user.client_user_agent
    if agent is not None and not _is_shoppers(agent):
        return None
    return user if user.fbc is None or is_current(user.fbc, time_s) else None
