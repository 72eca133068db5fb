"""What Meta refuses in a server event: a list of rules, all or nothing over the batch.

Owns validity only; what Meta merely comments on is in `diagnostics`. Written from Meta's pages independently of
the gateway, so that it can judge it. Sources: Meta for Developers, "Server event parameters", "Customer information
parameters", "Conversion leads", "Business messaging", "App events" (read September 2026); leniencies from published
live transcripts of the same month. Where no source says what Meta does, the event is let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from twofold.event.click_ids import strip_appendix
from twofold.event.vocabulary import (
    ACTION_SOURCES,
    CONTACT_ALIASES,
    CONTACT_FIELDS,
    LEGACY_HASHED_FIELDS,
    MAX_AGE_S,
    MAX_AGE_STORE_S,
    MAX_CUSTOM_NAME,
    MAX_EVENTS,
    MESSAGING_CHANNELS,
    MESSAGING_EVENTS,
    PLAIN_FIELDS,
    TOO_BROAD,
)
from twofold.sandbox.answers import Kind, Refused

FUTURE_TOLERANCE_S = 86_400  # ours: Meta's tolerance was not found; a day covers any time zone mistake
APPEND_EVENTS = frozenset({"AppendValue", "AppendAttribution"})  # they add to an earlier event
HASHED_KEYS = frozenset({*CONTACT_FIELDS, *LEGACY_HASHED_FIELDS})
KNOWN_KEYS = HASHED_KEYS | {"external_id"} | frozenset(PLAIN_FIELDS)
OS_VERSION_SLOT = 4  # of app_data.extinfo

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_DECIMAL = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?|[+-]?\.\d{1,18}")
_LEAD_ID = re.compile(r"\d{15,17}")


class Checked(Struct, frozen=True, kw_only=True):
    """One valid server event: what the rules read, beside the event as it was sent (without nulls)."""

    event_name: str
    event_time: int  # Unix seconds
    action_source: str
    event_id: str | None
    user_data: dict[str, Any]  # Meta's spelling of the keys, no empty values; values as sent
    custom_data: dict[str, Any]
    value: Decimal | None
    currency: str | None  # upper case
    event: dict[str, Any]


class _Event(Struct, kw_only=True):
    """One event while it is checked."""

    raw: dict[str, Any]
    user_data: dict[str, Any]
    custom_data: dict[str, Any]
    now_s: int

    @property
    def name(self) -> Any:
        return self.raw.get("event_name")

    @property
    def source(self) -> Any:
        return self.raw.get("action_source")


def check_batch(events: list[Any], now_ms: int) -> list[Checked]:
    """Every event of a valid batch. Raises `Refused` for the first invalid one, so that nothing of it is kept."""
    if len(events) > MAX_EVENTS:
        raise Refused(Kind.TOO_MANY, f"expected at most {MAX_EVENTS} events, got {len(events)}", blame=("data",))
    return [_check(index, event, now_ms) for index, event in enumerate(events)]


def amount(value: Any) -> Decimal | None:
    """A number, or a text that is one, as exact Decimal; None for anything else, huge exponents included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**18 else None
    if isinstance(value, Decimal):
        return value if value.is_finite() and value.adjusted() < 18 and value.as_tuple().exponent >= -18 else None
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return Decimal(value.strip())
    return None


def is_hash(value: Any) -> bool:
    """True for a SHA-256 in hex, in either case, with or without the parameter builder's appendix."""
    return isinstance(value, str) and bool(_SHA256.fullmatch(strip_appendix(value)))


def meta_keys(user_data: Mapping[str, Any]) -> dict[str, Any]:
    """user_data with older spellings renamed and empty values left out."""
    named = ((CONTACT_ALIASES.get(key, key), _filled(value)) for key, value in user_data.items())
    return {key: value for key, value in named if value is not None}


def _check(index: int, event: Any, now_ms: int) -> Checked:
    try:
        reading = _read(event, now_ms // 1000)
        for rule in RULES:
            rule(reading)
    except Refused as refused:
        refused.index = index
        refused.detail = f"data[{index}]: {refused.detail or refused.answer.title}"
        raise
    event_id = reading.raw.get("event_id")
    currency = reading.custom_data.get("currency")
    return Checked(
        event_name=reading.name,
        event_time=_seconds(reading.raw["event_time"]) or 0,
        action_source=reading.source or "",
        event_id=None if event_id in (None, "") else str(event_id),
        user_data=reading.user_data,
        custom_data=reading.custom_data,
        value=amount(reading.custom_data.get("value")),
        currency=currency.upper() if isinstance(currency, str) else None,
        event=reading.raw,
    )


def _read(event: Any, now_s: int) -> _Event:
    if not isinstance(event, dict):
        raise Refused(Kind.WRONG_TYPE, "expected an event object", blame=("data",))
    raw = {key: value for key, value in event.items() if value is not None}
    parts = {}
    for key in ("user_data", "custom_data"):
        part = raw.get(key, {})
        # PHP senders write an empty object as an empty list.
        if part != [] and not isinstance(part, dict):
            raise Refused(Kind.WRONG_TYPE, f"{key}: expected an object", blame=(key,))
        parts[key] = dict(part) if part else {}
    custom_data = {key: value for key, value in parts["custom_data"].items() if value not in (None, "")}
    return _Event(raw=raw, user_data=meta_keys(parts["user_data"]), custom_data=custom_data, now_s=now_s)


def _rule_event_name(event: _Event) -> None:
    if event.name is None:
        raise Refused(Kind.NAME_MISSING, blame=("event_name",))
    if not isinstance(event.name, str) or not 0 < len(event.name) <= MAX_CUSTOM_NAME:
        raise Refused(Kind.NAME_INVALID, f"expected 1 to {MAX_CUSTOM_NAME} characters", blame=("event_name",))


def _rule_event_id(event: _Event) -> None:
    """Any text is an id (order ids are the documented example); a number is read as its digits."""
    value = event.raw.get("event_id")
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
        raise Refused(Kind.ID_INVALID, "expected a text", blame=("event_id",))


def _rule_event_time(event: _Event) -> None:
    value = event.raw.get("event_time")
    if value is None:
        raise Refused(Kind.TIME_MISSING, blame=("event_time",))
    seconds = _seconds(value)
    if seconds is None:
        raise Refused(Kind.TIME_INVALID, "expected Unix seconds", blame=("event_time",))
    limit = MAX_AGE_STORE_S if event.source == "physical_store" else MAX_AGE_S
    age = event.now_s - seconds
    if age > limit:
        raise Refused(Kind.TIME_OLD, f"expected at most {limit} s ago, got {age} s", blame=("event_time",))
    if -age > FUTURE_TOLERANCE_S:
        raise Refused(Kind.TIME_FUTURE, f"expected a past time, got {-age} s ahead", blame=("event_time",))


def _rule_action_source(event: _Event) -> None:
    if event.source is None:
        # Seen without it on the wire, in a widely used server tag.
        if event.name in APPEND_EVENTS:
            return
        raise Refused(Kind.SOURCE_MISSING, blame=("action_source",))
    if not isinstance(event.source, str) or event.source not in ACTION_SOURCES:
        raise Refused(Kind.SOURCE_INVALID, "expected one of the documented values", blame=("action_source",))


def _rule_hashed(event: _Event) -> None:
    for key in event.user_data.keys() & HASHED_KEYS:
        value = event.user_data[key]
        if not all(is_hash(item) for item in (value if isinstance(value, list) else [value])):
            detail = f"user_data.{key}: expected a SHA-256 in hex"
            raise Refused(Kind.NOT_HASHED, detail, blame=("user_data", key))


def _rule_enough_user_data(event: _Event) -> None:
    """Refused when empty, or when all its keys fit into one documented too-broad combination."""
    if event.name in APPEND_EVENTS and isinstance(event.raw.get("original_event_data"), dict):
        return  # the earlier event has the person; no source says whether Meta asks again
    keys = frozenset(event.user_data) & KNOWN_KEYS
    if not keys or any(keys <= broad for broad in TOO_BROAD):
        got = "nothing" if not keys else f"only {', '.join(sorted(keys))}"
        detail = f"user_data: expected at least one identifying key, got {got}"
        raise Refused(Kind.USER_DATA_INSUFFICIENT, detail, blame=("user_data",))


def _rule_lead_id(event: _Event) -> None:
    value = event.user_data.get("lead_id")
    if value is not None and not _LEAD_ID.fullmatch(str(value)):
        raise Refused(Kind.LEAD_ID_INVALID, "expected 15 to 17 digits", blame=("user_data", "lead_id"))


def _rule_value(event: _Event) -> None:
    value = event.custom_data.get("value")
    if value is None:
        if event.name == "Purchase":
            raise Refused(Kind.VALUE_MISSING, blame=("custom_data", "value"))
        return
    number = amount(value)
    if number is None or number < 0:
        detail = "expected a number of 0 or more" if number is None else "expected 0 or more, got a negative number"
        raise Refused(Kind.VALUE_INVALID, detail, blame=("custom_data", "value"))


def _rule_currency(event: _Event) -> None:
    """Three letters in either case; a code outside ISO 4217 is only commented on."""
    value = event.custom_data.get("currency")
    if value is None:
        if event.name == "Purchase":
            raise Refused(Kind.CURRENCY_MISSING, blame=("custom_data", "currency"))
        return
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z]{3}", value):
        raise Refused(Kind.CURRENCY_INVALID, "expected three letters", blame=("custom_data", "currency"))


def _rule_app(event: _Event) -> None:
    """Only the empty OS version is a refusal that was seen; the rest of app_data is commented on."""
    app_data = event.raw.get("app_data")
    extinfo = app_data.get("extinfo") if isinstance(app_data, dict) else None
    if event.source != "app" or not isinstance(extinfo, list) or len(extinfo) <= OS_VERSION_SLOT:
        return
    if extinfo[OS_VERSION_SLOT] in (None, ""):
        raise Refused(Kind.OS_VERSION_MISSING, blame=("app_data", "extinfo"))


def _rule_append(event: _Event) -> None:
    if event.name in APPEND_EVENTS and not isinstance(event.raw.get("original_event_data"), dict):
        raise Refused(Kind.APPEND_INVALID, "expected an object", blame=("original_event_data",))


def _rule_messaging(event: _Event) -> None:
    if event.source != "business_messaging":
        return
    channel = event.raw.get("messaging_channel")
    if channel is None:
        raise Refused(Kind.CHANNEL_MISSING, blame=("messaging_channel",))
    if channel not in MESSAGING_CHANNELS:
        raise Refused(Kind.CHANNEL_INVALID, "expected a documented channel", blame=("messaging_channel",))
    if event.name not in MESSAGING_EVENTS:
        raise Refused(Kind.MESSAGING_NAME, blame=("event_name",))
    for key in ("client_ip_address", "client_user_agent"):
        if key in event.user_data:
            raise Refused(Kind.MESSAGING_ARGUMENT, f"user_data.{key} is not allowed", blame=("user_data", key))
    for keys, kind in MESSAGING_IDS[channel]:
        if not any(key in event.user_data for key in keys):
            raise Refused(kind, f"user_data: expected {' or '.join(keys)}", blame=("user_data", keys[0]))


# channel -> (one of these keys is needed, the answer when none is there)
MESSAGING_IDS: dict[str, tuple[tuple[tuple[str, ...], Kind], ...]] = {
    "messenger": ((("page_id",), Kind.MESSAGING_ID_MISSING), (("page_scoped_user_id",), Kind.MESSAGING_ID_MISSING)),
    "whatsapp": (
        (("whatsapp_business_account_id", "page_id"), Kind.MESSAGING_ID_MISSING),
        (("ctwa_clid",), Kind.MESSAGING_ID_MISSING),
    ),
    "instagram": (
        (("ig_account_id", "instagram_business_account_id"), Kind.IG_ACCOUNT_MISSING),
        (("ig_sid",), Kind.IG_SID_MISSING),
    ),
}

RULES: tuple[Callable[[_Event], None], ...] = (
    _rule_event_name,
    _rule_event_id,
    _rule_action_source,
    _rule_event_time,
    _rule_append,
    _rule_messaging,  # before user data: its own faults are more precise
    _rule_hashed,
    _rule_enough_user_data,
    _rule_lead_id,
    _rule_value,
    _rule_currency,
    _rule_app,
)


def _seconds(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value):
        return int(value)
    if isinstance(value, Decimal) and abs(value.adjusted()) < 18 and value == value.to_integral_value():
        value = int(value)
    return value if isinstance(value, int) and value >= 0 else None


def _filled(value: Any) -> Any:
    """The value without nulls and empty texts; None when nothing is left."""
    if isinstance(value, list):
        return [item for item in value if item not in (None, "")] or None
    return None if value in (None, "", {}) else value
