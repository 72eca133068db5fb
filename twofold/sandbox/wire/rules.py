"""What Meta refuses in a server event: a list of rules, all or nothing over the batch.

Owns validity only; what Meta merely comments on is in `diagnostics`. Written from Meta's pages independently of
the gateway, so that it can judge it. Sources: Meta for Developers, "Server event parameters", "Customer information
parameters", "Conversion leads", "Business messaging", "App events", "Data processing options" (read September 2026); leniencies from published
live transcripts of the same month. Where no source says what Meta does, the event is let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.click_ids import parse_fbc, strip_appendix
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
from twofold.sandbox.wire.answers import RefusalKind, Refused

FUTURE_TOLERANCE_S = 86_400  # ours: Meta's tolerance was not found; a day covers any time zone mistake
APPEND_EVENTS = frozenset({"AppendValue", "AppendAttribution"})  # they add to an earlier event
HASHED_KEYS = frozenset({*CONTACT_FIELDS, *LEGACY_HASHED_FIELDS})
KNOWN_KEYS = HASHED_KEYS | {"external_id"} | frozenset(PLAIN_FIELDS)
EXTINFO_SLOTS = 16
OS_VERSION_SLOT = 4  # of app_data.extinfo
PLATFORMS = ("a2", "i2")  # extinfo's first slot: Android, iOS
ATTRIBUTION_KEYS = ("ad_id", "touchpoint_ts", "attribution_share", "attribution_value")

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_DECIMAL = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?|[+-]?\.\d{1,18}")
_LEAD_ID = re.compile(r"\d{15,17}")
_CTWA_CLID = re.compile(r"[A-Za-z0-9_-]{1,1000}")


class Links(Struct):
    """What a dataset is linked to, as far as a test has said so. Empty fields refuse nothing.

    ``assets`` is page, WhatsApp business account or Instagram account -> dataset; ``clicks`` is ctwa_clid -> the
    page or account whose ad was clicked.
    """

    assets: dict[str, str] = msgspec.field(default_factory=dict)
    clicks: dict[str, str] = msgspec.field(default_factory=dict)


NO_LINKS = Links()


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
    dataset: str
    links: Links

    @property
    def name(self) -> Any:
        return self.raw.get("event_name")

    @property
    def source(self) -> Any:
        return self.raw.get("action_source")


def check_batch(events: list[Any], now_ms: int, dataset: str = "", links: Links = NO_LINKS) -> list[Checked]:
    """Every event of a valid batch. Raises `Refused` for the first invalid one, so that nothing of it is kept."""
    if len(events) > MAX_EVENTS:
        raise Refused(RefusalKind.TOO_MANY, f"expected at most {MAX_EVENTS} events, got {len(events)}", blame=("data",))
    return [_check(index, event, now_ms // 1000, dataset, links) for index, event in enumerate(events)]


def amount(value: Any) -> Decimal | None:
    """A number, or a text that is one, as exact Decimal; None for anything else, huge exponents included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**18 else None
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent  # a letter for infinity and NaN
        return value if isinstance(exponent, int) and exponent >= -18 and value.adjusted() < 18 else None
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


def _check(index: int, event: Any, now_s: int, dataset: str, links: Links) -> Checked:
    try:
        reading = _read(event, now_s, dataset, links)
        for rule in RULES:
            rule(reading)
    except Refused as refused:
        refused.index = index
        refused.event_name, refused.action_source = _word(event, "event_name"), _word(event, "action_source")
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


def _word(event: Any, key: str) -> str:
    """One of an invalid event's own words, cut to the length that a valid one may have."""
    value = event.get(key) if isinstance(event, dict) else None
    return value[:MAX_CUSTOM_NAME] if isinstance(value, str) else ""


def _read(event: Any, now_s: int, dataset: str, links: Links) -> _Event:
    if not isinstance(event, dict):
        raise Refused(RefusalKind.WRONG_TYPE, "expected an event object", blame=("data",))
    raw = {key: value for key, value in event.items() if value is not None}
    parts = {}
    for key in ("user_data", "custom_data"):
        part = raw.get(key, {})
        # PHP senders write an empty object as an empty list.
        if part != [] and not isinstance(part, dict):
            raise Refused(RefusalKind.WRONG_TYPE, f"{key}: expected an object", blame=(key,))
        parts[key] = dict(part) if part else {}
    custom_data = {key: value for key, value in parts["custom_data"].items() if value not in (None, "")}
    return _Event(
        raw=raw,
        user_data=meta_keys(parts["user_data"]),
        custom_data=custom_data,
        now_s=now_s,
        dataset=dataset,
        links=links,
    )


def _rule_event_name(event: _Event) -> None:
    if event.name is None:
        raise Refused(RefusalKind.NAME_MISSING, blame=("event_name",))
    if not isinstance(event.name, str) or not 0 < len(event.name) <= MAX_CUSTOM_NAME:
        raise Refused(RefusalKind.NAME_INVALID, f"expected 1 to {MAX_CUSTOM_NAME} characters", blame=("event_name",))


def _rule_event_id(event: _Event) -> None:
    """Any text is an id (order ids are the documented example); a number is read as its digits."""
    value = event.raw.get("event_id")
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
        raise Refused(RefusalKind.ID_INVALID, "expected a text", blame=("event_id",))


def _rule_event_time(event: _Event) -> None:
    value = event.raw.get("event_time")
    if value is None:
        raise Refused(RefusalKind.TIME_MISSING, blame=("event_time",))
    seconds = _seconds(value)
    if seconds is None:
        raise Refused(RefusalKind.TIME_INVALID, "expected Unix seconds", blame=("event_time",))
    limit = MAX_AGE_STORE_S if event.source == "physical_store" else MAX_AGE_S
    age = event.now_s - seconds
    if age > limit:
        raise Refused(RefusalKind.TIME_OLD, f"expected at most {limit} s ago, got {age} s", blame=("event_time",))
    if -age > FUTURE_TOLERANCE_S:
        raise Refused(RefusalKind.TIME_FUTURE, f"expected a past time, got {-age} s ahead", blame=("event_time",))


def _rule_action_source(event: _Event) -> None:
    if event.source is None:
        # Seen without it on the wire, in a widely used server tag.
        if event.name in APPEND_EVENTS:
            return
        raise Refused(RefusalKind.SOURCE_MISSING, blame=("action_source",))
    if not isinstance(event.source, str) or event.source not in ACTION_SOURCES:
        raise Refused(RefusalKind.SOURCE_INVALID, "expected one of the documented values", blame=("action_source",))


def _rule_hashed(event: _Event) -> None:
    for key in event.user_data.keys() & HASHED_KEYS:
        value = event.user_data[key]
        if not all(is_hash(item) for item in (value if isinstance(value, list) else [value])):
            detail = f"user_data.{key}: expected a SHA-256 in hex"
            raise Refused(RefusalKind.NOT_HASHED, detail, blame=("user_data", key))


def _rule_enough_user_data(event: _Event) -> None:
    """Refused when empty, or when all its keys fit into one documented too-broad combination."""
    if event.name in APPEND_EVENTS and isinstance(event.raw.get("original_event_data"), dict):
        return  # the earlier event has the person; no source says whether Meta asks again
    keys = frozenset(event.user_data) & KNOWN_KEYS
    if not keys or any(keys <= broad for broad in TOO_BROAD):
        found = f"only {', '.join(sorted(keys))}" if keys else "unknown keys"
        got = found if event.user_data else "nothing"
        detail = f"user_data: expected at least one identifying key, got {got}"
        raise Refused(RefusalKind.USER_DATA_INSUFFICIENT, detail, blame=("user_data",))


def _rule_lead_id(event: _Event) -> None:
    value = event.user_data.get("lead_id")
    if value is not None and not _LEAD_ID.fullmatch(str(value)):
        raise Refused(RefusalKind.LEAD_ID_INVALID, "expected 15 to 17 digits", blame=("user_data", "lead_id"))


def _rule_click_id(event: _Event) -> None:
    """Seen with the click id missing. Whether a text of another shape is refused too is not known; it is said to be."""
    value = event.user_data.get("fbc")
    given = value if isinstance(value, list) else [value] if value is not None and value != "" else []
    if not all(isinstance(item, str) and parse_fbc(item) for item in given):
        detail = "user_data.fbc: expected fb.{index}.{milliseconds}.{click id}"
        raise Refused(RefusalKind.CLICK_ID_INVALID, detail, blame=("user_data", "fbc"))


def _rule_value(event: _Event) -> None:
    value = event.custom_data.get("value")
    if value is None:
        if event.name == "Purchase":
            raise Refused(RefusalKind.VALUE_MISSING, blame=("custom_data", "value"))
        return
    number = amount(value)
    if number is None or number < 0:
        detail = "expected a number of 0 or more" if number is None else "expected 0 or more, got a negative number"
        raise Refused(RefusalKind.VALUE_INVALID, detail, blame=("custom_data", "value"))


def _rule_currency(event: _Event) -> None:
    """Three letters in either case; a code outside ISO 4217 is only commented on."""
    value = event.custom_data.get("currency")
    if value is None:
        if event.name == "Purchase":
            raise Refused(RefusalKind.CURRENCY_MISSING, blame=("custom_data", "currency"))
        return
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z]{3}", value):
        raise Refused(RefusalKind.CURRENCY_INVALID, "expected three letters", blame=("custom_data", "currency"))


def _rule_app(event: _Event) -> None:
    """app_data with extinfo of 16 texts, whose platform and OS version are filled, and the advertiser's flag.

    Meta's page demands them; only the empty OS version's subcode is known.
    """
    if event.source != "app":
        return
    app_data = event.raw.get("app_data")
    if not isinstance(app_data, dict) or not app_data:
        raise Refused(RefusalKind.APP_DATA_MISSING, "expected an object", blame=("app_data",))
    extinfo = app_data.get("extinfo")
    if extinfo is None:
        raise Refused(RefusalKind.EXTINFO_MISSING, blame=("app_data", "extinfo"))
    if isinstance(extinfo, str):  # form-minded senders write the list as its JSON text
        extinfo = _list_in(extinfo)
    if isinstance(extinfo, dict):  # the official Node SDK 24.0.1 writes {"0": …, "15": …}
        extinfo = [extinfo.get(str(slot)) for slot in range(len(extinfo))]
    if not isinstance(extinfo, list) or len(extinfo) != EXTINFO_SLOTS:
        raise Refused(RefusalKind.EXTINFO_INVALID, f"expected {EXTINFO_SLOTS} texts", blame=("app_data", "extinfo"))
    if extinfo[0] not in PLATFORMS:
        raise Refused(RefusalKind.EXTINFO_INVALID, "slot 0: expected a2 or i2", blame=("app_data", "extinfo"))
    if extinfo[OS_VERSION_SLOT] in (None, ""):
        raise Refused(RefusalKind.OS_VERSION_MISSING, blame=("app_data", "extinfo"))
    for key, needed in (("advertiser_tracking_enabled", True), ("application_tracking_enabled", False)):
        value = app_data.get(key)
        if not (value is None and not needed) and str(value).lower() not in ("0", "1", "true", "false"):
            raise Refused(RefusalKind.TRACKING_FLAG_INVALID, f"{key}: expected 0 or 1", blame=("app_data", key))


def _list_in(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _rule_append(event: _Event) -> None:
    """Delayed events name the earlier one; AppendAttribution also needs its four documented fields."""
    if event.name not in APPEND_EVENTS:
        return
    original = event.raw.get("original_event_data")
    if not isinstance(original, dict):
        raise Refused(RefusalKind.APPEND_INVALID, "expected an object", blame=("original_event_data",))
    if not isinstance(original.get("event_name"), str) or not original["event_name"]:
        raise Refused(RefusalKind.APPEND_INVALID, "expected a text", blame=("original_event_data", "event_name"))
    if _seconds(original.get("event_time")) is None:
        raise Refused(RefusalKind.APPEND_INVALID, "expected Unix seconds", blame=("original_event_data", "event_time"))
    if not any(original.get(key) for key in ("order_id", "event_id")):
        raise Refused(
            RefusalKind.APPEND_INVALID, "expected order_id or event_id", blame=("original_event_data", "order_id")
        )
    if event.name == "AppendAttribution":
        _check_attribution(event.raw.get("attribution_data"))


def _check_attribution(data: Any) -> None:
    if not isinstance(data, dict):
        raise Refused(RefusalKind.ATTRIBUTION_INVALID, "expected an object", blame=("attribution_data",))
    for key in ATTRIBUTION_KEYS:
        if data.get(key) in (None, ""):
            raise Refused(RefusalKind.ATTRIBUTION_INVALID, f"{key} is missing", blame=("attribution_data", key))
    share = amount(data["attribution_share"])
    if share is None or not 0 <= share <= 1:
        detail = "attribution_share: expected 0 to 1"
        raise Refused(RefusalKind.ATTRIBUTION_INVALID, detail, blame=("attribution_data", "attribution_share"))


def _rule_data_processing(event: _Event) -> None:
    """LDU needs country and state when there is no IP address to locate; a country always needs its state.

    An empty list says "no limited use". Other options than LDU exist without a description and are let through.
    """
    options = event.raw.get("data_processing_options")
    if options is not None and (not isinstance(options, list) or not all(isinstance(o, str) for o in options)):
        raise Refused(RefusalKind.WRONG_TYPE, "expected a list of texts", blame=("data_processing_options",))
    keys = ("data_processing_options_country", "data_processing_options_state")
    country, state = (event.raw.get(key) for key in keys)
    for key, value in zip(keys, (country, state), strict=True):
        if value is not None and _seconds(value) is None:
            raise Refused(RefusalKind.WRONG_TYPE, f"{key}: expected a whole number", blame=(key,))
    limited = "LDU" in (options or ())
    unlocated = limited and "client_ip_address" not in event.user_data
    if limited and country is not None and state is None:
        raise Refused(RefusalKind.LDU_INCOMPLETE, "a country needs its state", blame=(keys[1],))
    if unlocated and country is None:
        raise Refused(
            RefusalKind.LDU_INCOMPLETE, "without client_ip_address it needs country and state", blame=(keys[0],)
        )


def _rule_opt_out(event: _Event) -> None:
    value = event.raw.get("opt_out")
    if value is not None and str(value).lower() not in ("true", "false", "0", "1"):
        raise Refused(RefusalKind.WRONG_TYPE, "expected true or false", blame=("opt_out",))


def _rule_messaging(event: _Event) -> None:
    if event.source != "business_messaging":
        return
    channel = event.raw.get("messaging_channel")
    if channel is None:
        raise Refused(RefusalKind.CHANNEL_MISSING, blame=("messaging_channel",))
    if channel not in MESSAGING_CHANNELS:
        raise Refused(RefusalKind.CHANNEL_INVALID, "expected a documented channel", blame=("messaging_channel",))
    if event.name not in MESSAGING_EVENTS:
        raise Refused(RefusalKind.MESSAGING_NAME, blame=("event_name",))
    if not event.user_data:
        raise Refused(RefusalKind.USER_DATA_INSUFFICIENT, "user_data: expected the channel's ids", blame=("user_data",))
    for key in ("client_ip_address", "client_user_agent", "fbp", "fbc"):
        if key in event.user_data:
            raise Refused(RefusalKind.MESSAGING_ARGUMENT, f"user_data.{key} is not allowed", blame=("user_data", key))
    if event.raw.get("event_source_url"):
        raise Refused(RefusalKind.MESSAGING_ARGUMENT, "event_source_url is not allowed", blame=("event_source_url",))
    for keys, kind in MESSAGING_IDS[channel]:
        if not any(key in event.user_data for key in keys):
            raise Refused(kind, f"user_data: expected {' or '.join(keys)}", blame=("user_data", keys[0]))
    _check_links(event)


def _check_links(event: _Event) -> None:
    """Only as far as a test has registered links: a click belongs to one page, an account to one dataset."""
    data, links = event.user_data, event.links
    clid = data.get("ctwa_clid")
    if clid is not None and not (isinstance(clid, str) and _CTWA_CLID.fullmatch(clid)):
        raise Refused(RefusalKind.CTWA_INVALID, "expected a click id", blame=("user_data", "ctwa_clid"))
    if clid is not None and links.clicks:
        owner = links.clicks.get(clid)
        if owner is None:
            raise Refused(RefusalKind.CTWA_INVALID, "expected a registered click", blame=("user_data", "ctwa_clid"))
        if owner not in (str(data.get("page_id")), str(data.get("whatsapp_business_account_id"))):
            raise Refused(RefusalKind.CTWA_MISMATCH, "the click is another page's", blame=("user_data", "ctwa_clid"))
    account = data.get("ig_account_id") or data.get("instagram_business_account_id")
    if account is not None and links.assets and links.assets.get(str(account)) != event.dataset:
        raise Refused(
            RefusalKind.IG_NOT_LINKED, "link it with POST /{id}/dataset", blame=("user_data", "ig_account_id")
        )


# channel -> (one of these keys is needed, the answer when none is there)
MESSAGING_IDS: dict[str, tuple[tuple[tuple[str, ...], RefusalKind], ...]] = {
    "messenger": (
        (("page_id",), RefusalKind.MESSAGING_ID_MISSING),
        (("page_scoped_user_id",), RefusalKind.MESSAGING_ID_MISSING),
    ),
    "whatsapp": (
        (("whatsapp_business_account_id", "page_id"), RefusalKind.MESSAGING_ID_MISSING),
        (("ctwa_clid",), RefusalKind.MESSAGING_ID_MISSING),
    ),
    "instagram": (
        (("ig_account_id", "instagram_business_account_id"), RefusalKind.IG_ACCOUNT_MISSING),
        (("ig_sid",), RefusalKind.IG_SID_MISSING),
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
    _rule_click_id,
    _rule_value,
    _rule_currency,
    _rule_app,
    _rule_data_processing,
    _rule_opt_out,
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
