"""The steps of the pipeline: each reads raw fields, checks them by Meta's documents, and puts typed ones.

``put_`` steps fill the draft and may leave a value out with a warning; ``drop_`` steps only decide. What
Meta refuses is refused; what Meta only warns about is kept and warned about (leniencies seen live, 2026).
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import Any

from msgspec.structs import astuple

from twofold.collect.steps.custom_data import read_custom_data
from twofold.collect.steps.draft import Draft
from twofold.event.identity import make_event_id, read_event_id, without_contact
from twofold.event.mending import stand_in
from twofold.event.model import CustomData, RawEvent
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_list, as_object, is_no_id, read_boolean, read_integer
from twofold.event.scrub import MAX_URL, scrub_custom, scrub_url
from twofold.event.vocabulary import (
    ACTION_SOURCES,
    MAX_AGE_S,
    MAX_AGE_STORE_S,
    MAX_CUSTOM_NAME,
    MAX_ID,
    MESSAGING_CHANNELS,
    MESSAGING_EVENTS,
    STANDARD_EVENTS,
)
from twofold.matching.other_forms import other_forms
from twofold.matching.user_data import hash_user_data, is_too_broad, present_keys

_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")  # "LDU" is the only one so far

MAX_AHEAD_S = 86_400  # Meta's tolerance for the future is unknown; a day covers any time zone mistake
MAX_SKEW_S = (
    300  # between a device's clock and ours, what a request's way may take included; beyond it the device's is wrong
)
NO_PAGE = (
    "about:",
    "blob:",
    "data:",
    "file:",
    "javascript:",
)  # what a frame without an address of its own calls itself


def put_event_name(draft: Draft) -> Refusal | None:
    name = draft.raw.event_name
    if name is None:
        return Refusal(reason=DropReason.MISSING_EVENT_NAME, path="event_name", expected="text", got="nothing")
    if type(name) is str and name in STANDARD_EVENTS:
        draft.event_name = name
        return None
    kept = _kept_name(name) if isinstance(name, str) else ""
    if not kept:
        return Refusal(
            reason=DropReason.INVALID_EVENT_NAME,
            path="event_name",
            expected=f"text of 1 to {MAX_CUSTOM_NAME} characters",
            got=describe(name),
        )
    if kept != name:
        draft.warnings.append(f"event_name is no name of 1 to {MAX_CUSTOM_NAME} printable characters; mended")
    draft.event_name = kept
    return None


def _kept_name(name: str) -> str:
    """The name without contact data and what cannot be printed, cut; empty when nothing is left."""
    if not name.isprintable():
        name = "".join(c for c in name if c.isprintable())
    return str(scrub_custom(name)[0]).strip()[:MAX_CUSTOM_NAME]


def put_event_time(draft: Draft) -> Refusal | None:
    given, now_s = draft.raw.event_time, draft.origin.received_at // 1000
    if draft.is_browser and draft.raw.age is not None:
        given = _by_our_clock(draft, given, now_s)
    if given is None:
        return Refusal(
            reason=DropReason.MISSING_EVENT_TIME, path="event_time", expected="Unix seconds", got="nothing"
        )  # fmt: skip
    time_s = given if type(given) is int else read_integer(given)
    if time_s is None or not 0 < time_s < 100_000_000_000:
        looks_ms = time_s is not None and time_s >= 100_000_000_000
        got = "a number that would be milliseconds" if looks_ms else describe(given)
        return Refusal(reason=DropReason.INVALID_EVENT_TIME, path="event_time", expected="Unix seconds", got=got)
    limit = MAX_AGE_STORE_S if draft.raw.action_source == "physical_store" else MAX_AGE_S
    # While our own clock is doubted, what fits any time that it may be is taken.
    earliest_s, latest_s = (ms // 1000 for ms in draft.origin.bounds) if draft.origin.bounds else (now_s, now_s)
    if time_s < earliest_s - limit:
        return Refusal(
            reason=DropReason.EVENT_TOO_OLD,
            path="event_time",
            expected=f"at most {limit // 86_400} days ago",
            got=f"{(earliest_s - time_s) // 86_400} days ago",
        )
    if time_s > latest_s + MAX_AHEAD_S:
        return Refusal(
            reason=DropReason.EVENT_IN_FUTURE,
            path="event_time",
            expected="a time that has come",
            got=f"{(time_s - latest_s) // 3600} hours ahead",
        )
    draft.event_time = time_s
    return None


def _by_our_clock(draft: Draft, given: Any, now_s: int) -> Any:
    """The time that was given, or what the age says where the device's clock cannot be right; its own is kept beside."""
    age_s = read_integer(draft.raw.age)
    if age_s is None or not 0 <= age_s <= MAX_AGE_S:
        draft.warnings.append(f"age: expected seconds of at most 7 days, got {describe(draft.raw.age)}; left out")
        return given
    device_s = read_integer(given)
    if device_s is not None and abs(now_s - age_s - device_s) <= MAX_SKEW_S:
        return given
    bounds = draft.origin.bounds
    if bounds and device_s is not None and bounds[0] - MAX_AGE_S * 1000 <= device_s * 1000 <= bounds[1]:
        return given  # ours is doubted, and the device's may be the right one
    draft.fields["device_time"] = device_s
    draft.warnings.append("event_time: the device's clock is wrong; the time is ours, less the event's age")
    return now_s - age_s


def put_action_source(draft: Draft) -> Refusal | None:
    source = draft.raw.action_source
    if source is None and draft.is_browser:
        source = "website"
    if source is None:
        # Meta's template omits it for delayed-value events, so the name decides there.
        if draft.event_name in ("AppendValue", "AppendAttribution"):
            draft.action_source = "other"
            return None
        return Refusal(
            reason=DropReason.MISSING_ACTION_SOURCE, path="action_source", expected="where it happened", got="nothing"
        )
    if source not in ACTION_SOURCES if isinstance(source, str) else True:
        return Refusal(
            reason=DropReason.INVALID_ACTION_SOURCE,
            path="action_source",
            expected=f"one of {', '.join(sorted(ACTION_SOURCES))}",
            got=describe(source),
        )
    draft.action_source = source
    return None


def put_event_id(draft: Draft) -> Refusal | None:
    given = draft.raw.event_id
    if not given or given is True or (type(given) is str and is_no_id(given)):
        draft.event_id = make_event_id()
        draft.fields["id_given"] = False
        says = "is missing" if given is None or given == "" else "says nothing"
        draft.warnings.append(f"event_id {says}: no other copy is known by it")
        return None
    event_id = read_event_id(given)
    if event_id is None and isinstance(given, str):
        # Broken or too long: both channels' copies get the same other id, and the event is not lost.
        event_id = stand_in(given)
        draft.warnings.append(f"event_id is not text of 1 to {MAX_ID} printable characters; replaced by a short id")
    if event_id is None:
        return Refusal(
            reason=DropReason.INVALID_EVENT_ID,
            path="event_id",
            expected=f"text of 1 to {MAX_ID} printable characters",
            got=describe(given),
        )
    draft.event_id = without_contact(event_id)
    if draft.event_id != event_id:
        draft.warnings.append(
            "event_id held an e-mail address: replaced, so the platform's own pixel will not fold with it"
        )
    return None


def put_urls(draft: Draft) -> Refusal | None:
    raw = draft.raw
    if raw.event_source_url is not None:
        _put_url(draft, "event_source_url", raw.event_source_url)
    if raw.referrer_url is not None:
        _put_url(draft, "referrer_url", raw.referrer_url)
    return None


_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}", re.ASCII)


def put_locale(draft: Draft) -> Refusal | None:
    """A language's tag, which is short and names nobody; what is none is left out."""
    given = draft.raw.locale
    if given in (None, ""):
        return None
    if isinstance(given, str) and _LOCALE.fullmatch(given):
        draft.fields["locale"] = given
    else:
        draft.warnings.append("locale is no language tag as de or de-DE; left out")
    return None


def _put_url(draft: Draft, name: str, url: Any) -> None:
    if not isinstance(url, str):
        draft.warnings.append(f"{name} is not text; left out")
    elif url.startswith(NO_PAGE):
        draft.warnings.append(f"{name} is no address of a page; left out")
    elif url:
        draft.fields[name], scrubbed = scrub_url(url)
        if len(url) > MAX_URL:
            draft.warnings.append(f"{name} has {len(url)} characters, {MAX_URL} are kept; cut")
        if scrubbed:
            draft.warnings.append(f"{name} carried a fragment or contact-like values; taken out")


def put_match_keys(draft: Draft) -> Refusal | None:
    raw = draft.raw.user_data
    if not isinstance(raw, dict):
        found = None if raw is None else as_object(raw)
        if found is None and draft.is_browser:
            draft.warnings += [] if raw is None else ["user_data is not an object; left out"]
            found = {}
        raw = raw if found is None else found
    policy = draft.origin.policy
    result = hash_user_data(raw, default_country=policy.country, lenient=draft.is_browser, variants=policy.variants)
    if isinstance(result, Refusal):
        return result
    draft.user, warnings = result
    draft.warnings += warnings
    if policy.forms and (forms := other_forms(raw, policy.forms, policy.country)):
        draft.fields["forms"] = forms
    return None


def put_messaging(draft: Draft) -> Refusal | None:
    if draft.action_source != "business_messaging":
        return None
    channel, name = draft.raw.messaging_channel, draft.event_name
    if channel not in MESSAGING_CHANNELS if isinstance(channel, str) else True:
        return Refusal(
            reason=DropReason.INVALID_MESSAGING,
            path="messaging_channel",
            expected=f"one of {', '.join(sorted(MESSAGING_CHANNELS))}",
            got=describe(channel),
        )
    if name not in MESSAGING_EVENTS:
        return Refusal(
            reason=DropReason.INVALID_MESSAGING, path="event_name", expected="a messaging event's name", got="another"
        )
    draft.fields["messaging_channel"] = channel
    user = draft.user
    if user.client_ip_address or user.client_user_agent or user.fbc or user.fbp:
        # Meta refuses these in messaging events (2804064); the sale is worth more than they are.
        user.client_ip_address = user.client_user_agent = user.fbc = user.fbp = None
        draft.warnings.append("messaging events carry no address, user agent, fbc or fbp; left out")
    return None


def drop_too_broad(draft: Draft) -> Refusal | None:
    user = draft.user
    if draft.is_browser:
        return None  # an address and a user agent are there by nature
    if user.em or user.ph or user.external_id or user.client_ip_address or user.fbp or user.fbc:
        return None  # none of these is part of a too broad combination
    keys = present_keys(user)
    if not keys:
        return Refusal(
            reason=DropReason.MISSING_USER_DATA, path="user_data", expected="at least one match key", got="none usable"
        )
    if is_too_broad(keys):
        return Refusal(
            reason=DropReason.TOO_BROAD,
            path="user_data",
            expected="a key that points to a person, such as em, ph, external_id, fbp or an address",
            got=f"only {', '.join(sorted(keys))}",
        )
    return None


def put_custom_data(draft: Draft) -> Refusal | None:
    data = read_custom_data(draft.raw.custom_data, draft.warnings)
    if isinstance(data, Refusal):
        if data.reason is not DropReason.WRONG_TYPE or draft.event_name == "Purchase":
            return data
        draft.warnings.append(f"custom_data is {data.got}, not an object; left out")
        data = CustomData()
    draft.custom_data = data
    return None


def drop_purchase_without_money(draft: Draft) -> Refusal | None:
    data = draft.custom_data
    if draft.event_name != "Purchase":
        if data.value is not None and data.currency is None:
            # Meta keeps such an event and its number, with a diagnostic (s2s_missing_currency_for_value_or_item_price).
            draft.warnings.append("custom_data.value has no currency (ISO 4217); kept as it is")
        return None
    if data.value is None:
        return Refusal(
            reason=DropReason.MISSING_VALUE, path="custom_data.value", expected="a number", got="nothing"
        )  # fmt: skip
    if data.currency is None:
        return Refusal(
            reason=DropReason.MISSING_CURRENCY,
            path="custom_data.currency",
            expected="three letters (ISO 4217)",
            got="nothing",
        )
    return None


def put_processing_options(draft: Draft) -> Refusal | None:
    raw = draft.raw
    options = raw.data_processing_options
    country, state = raw.data_processing_options_country, raw.data_processing_options_state
    if options is None and country is None and state is None and raw.opt_out is None:
        return None  # nearly every copy
    if options is not None:
        listed = as_list(options, alone=True)
        options = options if listed is None else listed
    if isinstance(options, list) and all(isinstance(o, str) and (o == "" or _OPTION.fullmatch(o)) for o in options):
        draft.fields["data_processing_options"] = tuple(options)
    elif options is not None:
        # A privacy wish that cannot be read must not be lost: the strict reading is Limited Data Use.
        draft.fields["data_processing_options"] = ("LDU",)
        draft.warnings.append("data_processing_options could not be read; treated as LDU")
    for name in ("data_processing_options_country", "data_processing_options_state"):
        number = read_integer(getattr(draft.raw, name))
        if number is not None:
            draft.fields[name] = number
    opt_out = read_boolean(draft.raw.opt_out)
    if opt_out is not None:
        draft.fields["opt_out"] = opt_out
    return None


_OPAQUE_PARTS, _OPAQUE_TEXTS = (
    ("app_data", "original_event_data", "attribution_data"),
    ("customer_segmentation", "advanced_measurement_table"),
)
_OPAQUE = itemgetter(*map(RawEvent.__struct_fields__.index, (*_OPAQUE_PARTS, *_OPAQUE_TEXTS)))
_NOTHING_OPAQUE = _OPAQUE(astuple(RawEvent()))


def put_opaque_parts(draft: Draft) -> Refusal | None:
    """Parts that are passed on as they are: app data, delayed-value references, segmentation."""
    if _OPAQUE(astuple(draft.raw)) == _NOTHING_OPAQUE:
        return None  # nearly every copy
    for name in _OPAQUE_PARTS:
        part = getattr(draft.raw, name)
        if part is None:
            continue
        part = as_object(part)
        if isinstance(part, dict):
            draft.fields[name] = scrub_custom(part)[0]
        else:
            draft.warnings.append(f"{name} is not an object; left out")
    for name in _OPAQUE_TEXTS:
        text = getattr(draft.raw, name)
        if isinstance(text, str) and text:
            draft.fields[name] = scrub_custom(text)[0]
    return None
