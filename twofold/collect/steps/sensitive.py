"""The step that holds sensitive things back: words about health, money, children, beliefs and sexuality; core setup.

Owns what is looked at (custom properties, the page's address, an own event name) and what becomes of it: a property is
left out, an address is cut to its site, an event name is only warned about, because renaming an event would lose it. The
event itself goes on. What counts as sensitive is `event.sensitive`; contact data is `event.scrub`'s.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from twofold.collect.policy import PrivacyRules
from twofold.collect.steps.draft import Draft
from twofold.event.model import CustomData
from twofold.event.refusal import Refusal, describe_key
from twofold.event.sensitive import category_of
from twofold.event.vocabulary import STANDARD_EVENTS, STANDARD_PARAMETERS

_CLICK_IDS = (
    "fbclid=",
    "gclid=",
    "gbraid=",
    "wbraid=",
    "ttclid=",
    "msclkid=",
    "epik=",
    "ScCid=",
    "li_fat_id=",
    "twclid=",
)
_CAMPAIGN = ("utm_",)
_URLS = ("event_source_url", "referrer_url")


def drop_sensitive(draft: Draft) -> Refusal | None:
    """Takes out what the dataset's rules hold back, and says so without repeating it."""
    rules = draft.origin.policy.privacy
    data = draft.custom_data
    if rules.core_setup:
        _core_setup(draft, data, rules)
    if not rules.sensitive:
        return None
    if data.other:
        data.other = _without_sensitive(draft, data.other, rules)
    for name in _URLS:
        url = draft.fields.get(name)
        if not url:
            continue
        category = _category_of_page(url, rules.sensitive)
        if category is not None:
            draft.fields[name] = _site(url, rules)
            draft.warnings.append(f"{name} is about {category}; cut to its site")
    name = draft.event_name
    if name not in STANDARD_EVENTS:
        category = category_of(name, rules.sensitive)
        if category is not None:
            draft.warnings.append(f"event_name is about {category}; the platform may restrict such events")
    return None


def is_about_nothing_sensitive(url: str | None, other: dict[str, Any], rules: PrivacyRules) -> bool:
    """True where `drop_sensitive` leaves an event of a standard name as it is, without core setup."""
    if not rules.sensitive:
        return True
    if url and _category_of_page(url, rules.sensitive) is not None:
        return False
    return not other or all(_category_of_property(k, v, rules) is None for k, v in other.items())


def _core_setup(draft: Draft, data: CustomData, rules: PrivacyRules) -> None:
    """Meta's core setup: the site without path and query, and no property that is not documented."""
    dropped = [k for k in data.other if k not in STANDARD_PARAMETERS and k not in rules.allow_custom]
    if dropped:
        data.other = {k: v for k, v in data.other.items() if k not in dropped}
        draft.warnings.append(f"core setup: {len(dropped)} custom properties left out")
    for name in _URLS:
        if draft.fields.get(name):
            draft.fields[name] = _site(draft.fields[name])


def _without_sensitive(draft: Draft, other: dict[str, Any], rules: PrivacyRules) -> dict[str, Any]:
    kept = {}
    for key, value in other.items():
        category = _category_of_property(key, value, rules)
        if category is None:
            kept[key] = value
            continue
        shown = "a property" if category_of(key, rules.sensitive) else f"custom_data.{describe_key(key)}"
        draft.warnings.append(f"{shown} is about {category}; held back")
    return kept


def _category_of_property(key: str, value: Any, rules: PrivacyRules) -> str | None:
    return None if key in rules.allow_custom else _category_in(key, value, rules)


def _category_in(key: str, value: Any, rules: PrivacyRules) -> str | None:
    found = category_of(key, rules.sensitive)
    if found is not None or value is None:
        return found
    if isinstance(value, str):
        return category_of(value, rules.sensitive)
    if isinstance(value, dict):
        return next((c for k, v in value.items() if (c := _category_in(k, v, rules))), None)
    if isinstance(value, (list, tuple)):
        return next((c for v in value if (c := _category_in("", v, rules))), None)
    return None


@lru_cache(maxsize=8_192)
def _category_of_page(url: str, categories: frozenset[str]) -> str | None:
    return category_of(_beyond_site(url), categories)


def _beyond_site(url: str) -> str:
    """Path and query: the shop's own name may be any word. Without click ids, whose letters mean nothing and never repeat."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if not parts.query:
        return parts.path
    return "?".join((parts.path, *(p for p in parts.query.split("&") if not p.startswith(_CLICK_IDS))))


def _site(url: str, rules: PrivacyRules | None = None) -> str:
    """The address without its path; with its click ids, and the campaign where that is harmless, when ``rules`` are given."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    pairs = [p for p in parts.query.split("&") if p.startswith(_CLICK_IDS)] if rules else []
    if rules:
        campaign = [p for p in parts.query.split("&") if p.startswith(_CAMPAIGN)]
        pairs += [p for p in campaign if category_of(p.partition("=")[2], rules.sensitive) is None]
    return urlunsplit((parts.scheme, parts.netloc, "/", "&".join(pairs), ""))
