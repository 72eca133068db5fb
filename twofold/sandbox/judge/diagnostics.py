"""What Meta comments on: every diagnostic identifier the sandbox can compute, and the tests of single events.

Owns the catalogue (identifier, effect, which field to look at, what to do in our words), the tests that one event
decides by itself, and which refusal opens which identifier. Tests over many events are in `traffic`; counting,
resolving and reopening in `findings`. The identifiers are Meta's own (public archive of the Ads Manager front end,
2026); **when exactly Meta raises them is not published, so each test here is our reading of the name**. Documented
are only the thresholds of 2 hours, 24 hours and 75 %.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr

from twofold.event.click_ids import LIFETIME_S, MAX_FBCLID, ClickId, parse_fbc, parse_fbp, strip_appendix
from twofold.event.vocabulary import MAX_AGE_S, PIXEL_CURRENCIES, STANDARD_EVENTS
from twofold.sandbox.wire.answers import RefusalKind, Refused
from twofold.sandbox.wire.dedup import Source
from twofold.sandbox.wire.masking import has_contact
from twofold.sandbox.wire.rules import HASHED_KEYS, KNOWN_KEYS, Checked, amount

HOUR_S = 3_600
CLOCK_SKEW_S = 5  # ours: two clocks are never quite equal
MAX_ORDER_ID = 256  # ours: a limit exists, its figure was not found
MAX_SUBDOMAIN_INDEX = 3  # a.shop.co.uk; documented are 0, 1 and 2
SEGMENTS = frozenset({
    "new_customer_to_business", "new_customer_to_business_line", "new_customer_to_product_area",
    "new_customer_to_medium", "existing_customer_to_business", "existing_customer_to_business_line",
    "existing_customer_to_product_area", "existing_customer_to_medium", "customer_in_loyalty_program",
})  # fmt: skip
DELIVERY_CATEGORIES = frozenset({"in_store", "curbside", "home_delivery"})
CONTENT_TYPES = frozenset({
    "product", "product_group", "hotel", "flight", "destination", "vehicle", "vehicle_offer", "home_listing",
    "media_title", "local_service_business", "offline_product", "automotive_model",
})  # fmt: skip
CATALOGUE_EVENTS = frozenset({"ViewContent", "AddToCart", "Purchase"})

_SQUEEZED = {name.lower(): name for name in STANDARD_EVENTS}
_PLACEHOLDERS = frozenset({"", "null", "undefined", "none", "nan", "unknown", "n/a", "na", "-", "test", "user-agent"})
_FAKE_NETWORKS: dict[int, tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]] = {
    4: tuple(map(ipaddress.IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "0.0.0.0/8", "240.0.0.0/4"))),
    6: tuple(map(ipaddress.IPv6Network, ("2001:db8::/32", "3fff::/20"))),
}  # fmt: skip
_CARRIER_NAT = ipaddress.ip_network("100.64.0.0/10")


def _hashes(*texts: str) -> frozenset[str]:
    return frozenset(hashlib.sha256(text.encode()).hexdigest() for text in texts)


EMPTY_HASH = _hashes("")
NULL_HASHES = _hashes("null", "undefined", "none", "nan", "nil", "n/a", "na", "false", "0", "[object object]", "[]")
FAKE_EMAILS = _hashes(
    "test@test.com", "test@example.com", "test@gmail.com", "test@mail.com", "example@example.com", "user@example.com",
    "email@example.com", "a@a.com", "abc@abc.com", "admin@admin.com", "none@none.com", "noreply@noreply.com",
    "no@no.com", "asdf@asdf.com", "john@example.com", "joe@eg.com", "guest@guest.com",
)  # fmt: skip
FAKE_PHONES = _hashes(
    "1234567890", "11234567890", "0123456789", "123456789", "1111111111", "11111111111", "0000000000", "5555555555",
    "15555555555", "9999999999", "12345678", "16505551212", "15551234567",
)  # fmt: skip


class Effect(StrEnum):
    """What the finding costs."""

    DROPPED = "dropped"  # the event was refused, and its whole batch with it
    DEGRADED = "degraded"  # kept, but worth less than it could be
    ADVICE = "advice"  # kept; something to look at


class Side(StrEnum):
    """Whose events the share is of."""

    SERVER = "server"
    BROWSER = "browser"
    BOTH = "both"


class Address(StrEnum):
    """What kind of address a sender gave as the shopper's."""

    FAKE = "fake"  # reserved, or for documentation
    CARRIER = "carrier"  # inside a carrier's network
    PRIVATE = "private"
    V4 = "v4"
    V6 = "v6"


class Diagnostic(Struct, frozen=True):
    """One row of the catalogue. ``field`` is the path to look at in the example."""

    name: str
    side: Side
    effect: Effect
    field: str
    what_to_do: str


class Seen(Struct, frozen=True, kw_only=True):
    """One accepted event as the tests read it: a server event, or the event that a pixel hit stands for."""

    source: Source
    event_name: str
    event_time: int
    action_source: str
    user_data: dict[str, Any]  # no empty values
    custom_data: dict[str, Any]
    value: Decimal | None
    currency: str | None
    event: dict[str, Any]
    now_s: int
    outdated: bool = False  # sent under a version older than the oldest
    # Both are read once, because many tests look at them.
    address: Address | None = None  # of client_ip_address; None when absent or unreadable
    click: ClickId | None = None  # of fbc

    def __post_init__(self) -> None:
        ip, fbc = self.user_data.get("client_ip_address"), self.user_data.get("fbc")
        force_setattr(self, "address", kind_of_address(ip) if isinstance(ip, str) else None)
        force_setattr(self, "click", parse_fbc(fbc) if isinstance(fbc, str) else None)

    @property
    def server(self) -> bool:
        return self.source is Source.SERVER

    @property
    def browser(self) -> bool:
        return self.source is Source.BROWSER

    @property
    def web(self) -> bool:
        return self.server and self.action_source == "website"

    @property
    def crm(self) -> bool:
        return self.custom_data.get("event_source") == "crm"

    @property
    def delay_s(self) -> int:
        return self.now_s - self.event_time

    def hashes(self, key: str) -> frozenset[str]:
        """The comparable hashes of one key."""
        value = self.user_data.get(key)
        items = value if isinstance(value, list) else [value]
        return frozenset(strip_appendix(item).lower() for item in items if isinstance(item, str))


def seen_from(event: Checked, now_ms: int, *, outdated: bool = False) -> Seen:
    """A checked server event as the tests read it."""
    return Seen(
        source=Source.SERVER,
        event_name=event.event_name,
        event_time=event.event_time,
        action_source=event.action_source,
        user_data=event.user_data,
        custom_data=event.custom_data,
        value=event.value,
        currency=event.currency,
        event=event.event,
        now_s=now_ms // 1000,
        outdated=outdated,
    )


def diagnose(seen: Seen) -> tuple[str, ...]:
    """Identifiers that hold for one event by itself, in the table's order."""
    return tuple(name for name, holds in EVENT_TESTS if holds(seen))


def diagnose_refusal(refused: Refused) -> tuple[str, ...]:
    """Identifiers that a refused batch opens: Meta keeps nothing of it but this trace."""
    if refused.action_source == "system_generated" and refused.kind in CRM_REFUSALS:
        return (CRM_REFUSALS[refused.kind],)
    if refused.action_source == "business_messaging" and refused.kind in MESSAGING_REFUSALS:
        return (MESSAGING_REFUSALS[refused.kind],)
    if refused.kind is RefusalKind.MESSAGING_ID_MISSING:
        return (f"s2s_messaging_event_missing_{'ctwa_clid' if 'ctwa_clid' in refused.blame else refused.blame[-1]}",)
    if refused.kind is RefusalKind.USER_DATA_INSUFFICIENT and "unknown" in refused.detail:
        return ("s2s_no_valid_match_key",)
    if refused.kind is RefusalKind.USER_DATA_INSUFFICIENT and "only" in refused.detail:
        return ("s2s_missing_adequate_user_data",)
    if refused.kind is RefusalKind.VALUE_INVALID and refused.event_name == "Purchase":
        return ("s2s_invalid_purchase_event",)
    name = REFUSALS.get(refused.kind)
    return (name,) if name else ()


REFUSALS: dict[RefusalKind, str] = {
    RefusalKind.NAME_MISSING: "s2s_missing_event_name",
    RefusalKind.NAME_INVALID: "s2s_invalid_event_name",
    RefusalKind.SOURCE_MISSING: "s2s_missing_action_source",
    RefusalKind.SOURCE_INVALID: "s2s_invalid_action_source",
    RefusalKind.TIME_MISSING: "s2s_missing_event_time_or_order_id",
    RefusalKind.TIME_FUTURE: "s2s_event_time_in_future",
    RefusalKind.TIME_OLD: "s2s_event_time_too_old",
    RefusalKind.USER_DATA_INSUFFICIENT: "s2s_no_match_key",
    RefusalKind.NOT_HASHED: "s2s_pii_not_hashed",
    RefusalKind.LEAD_ID_INVALID: "s2s_invalid_lead_id",
    RefusalKind.CLICK_ID_INVALID: "s2s_invalid_click_id",
    RefusalKind.VALUE_MISSING: "s2s_invalid_purchase_event",
    RefusalKind.CURRENCY_MISSING: "s2s_invalid_purchase_event",
    RefusalKind.VALUE_INVALID: "s2s_invalid_custom_data_value",
    RefusalKind.CURRENCY_INVALID: "invalid_currency",
    RefusalKind.APPEND_INVALID: "s2s_invalid_append_value_event",
    RefusalKind.CHANNEL_MISSING: "s2s_missing_messaging_channel",
    RefusalKind.CHANNEL_INVALID: "s2s_invalid_messaging_channel",
    RefusalKind.MESSAGING_ARGUMENT: "s2s_messaging_event_invalid_argument",
    RefusalKind.MESSAGING_NAME: "s2s_messaging_event_invalid_event_type",
    RefusalKind.IG_SID_MISSING: "s2s_messaging_event_missing_ig_sid",
    RefusalKind.IG_ACCOUNT_MISSING: "s2s_messaging_event_missing_ig_account_id",
    RefusalKind.CTWA_INVALID: "s2s_messaging_event_invalid_ctwa_clid",
}
CRM_REFUSALS: dict[RefusalKind, str] = {
    RefusalKind.LEAD_ID_INVALID: "crm_invalid_lead_id",
    RefusalKind.TIME_OLD: "crm_event_time_too_old",
    RefusalKind.TIME_FUTURE: "crm_event_time_in_future",
    RefusalKind.USER_DATA_INSUFFICIENT: "crm_no_match_key",
}
MESSAGING_REFUSALS: dict[RefusalKind, str] = {
    RefusalKind.VALUE_MISSING: "s2s_messaging_event_no_custom_data",
    RefusalKind.USER_DATA_INSUFFICIENT: "s2s_messaging_event_no_user_data",
}


# ------------------------------------------------------------------ tests of one event


def _almost_standard(name: str) -> bool:
    standard = _SQUEEZED.get("".join(ch for ch in name if ch.isalnum()).lower())
    return standard is not None and standard != name


def _unreadable(seen: Seen, key: str, parse: Callable[[str], object]) -> bool:
    value = seen.user_data.get(key)
    return value is not None and not (isinstance(value, str) and parse(value) is not None)


def _bad_user_agent(seen: Seen) -> bool:
    value = seen.user_data.get("client_user_agent")
    if value is None:
        return False
    if not isinstance(value, str) or value.strip().lower() in _PLACEHOLDERS:
        return True
    return not re.search("[A-Za-z]", value) or bool(re.fullmatch("[0-9a-fA-F]{64}", value))


def _empty_ip(seen: Seen) -> bool:
    sent = seen.event.get("user_data")
    return isinstance(sent, dict) and "client_ip_address" in sent and sent["client_ip_address"] in (None, "", " ")


def kind_of_address(text: str) -> Address | None:
    """None when it does not read as an address."""
    try:
        ip = ipaddress.ip_address(strip_appendix(text))
    except ValueError:
        return None
    if any(ip in network for network in _FAKE_NETWORKS[ip.version]):
        return Address.FAKE
    if ip.version == 4 and ip in _CARRIER_NAT:
        return Address.CARRIER
    if ip.is_private:
        return Address.PRIVATE
    return Address.V4 if ip.version == 4 else Address.V6


def _user_value_invalid(seen: Seen) -> bool:
    """An unknown key, or an id that is no id."""
    data = seen.user_data
    if not data.keys() <= KNOWN_KEYS:
        return True
    login = data.get("fb_login_id")
    return login is not None and not str(login).isdigit()


def _bad_click(click: ClickId) -> bool:
    """Too long, odd characters, or lower-cased: real click ids are long and mix cases."""
    payload = click.payload
    if len(payload) > MAX_FBCLID or not re.fullmatch(r"[A-Za-z0-9_.~-]+", payload):
        return True
    return payload.lower() in _PLACEHOLDERS or (len(payload) >= 20 and payload == payload.lower())


def _created_absurdly(click: ClickId, now_s: int) -> bool:
    """In seconds instead of milliseconds, or later than now."""
    return click.created_ms < 1_100_000_000_000 or click.created_ms > (now_s + 86_400) * 1000


def _expired(click: ClickId, now_s: int) -> bool:
    return not _created_absurdly(click, now_s) and now_s - click.created_ms // 1000 > LIFETIME_S


def _elsewhere(seen: Seen, key: str, others: tuple[str, ...]) -> bool:
    """The same hash under a key of another kind: it cannot be both."""
    rest = [other for other in others if other in seen.user_data] if key in seen.user_data else []
    return any(not seen.hashes(key).isdisjoint(seen.hashes(other)) for other in rest)


def _rows(seen: Seen) -> list[Any]:
    contents = seen.custom_data.get("contents")
    return contents if isinstance(contents, list) else []


def _items(seen: Seen) -> list[dict[str, Any]]:
    return [row for row in _rows(seen) if isinstance(row, dict)]


def _bad_quantity(item: dict[str, Any]) -> bool:
    value = item.get("quantity")
    number = amount(value)
    return value is not None and (number is None or number <= 0)


def _content_ids_invalid(seen: Seen) -> bool:
    value = seen.custom_data.get("content_ids")
    if value is None:
        return False
    scalars = isinstance(value, list) and all(isinstance(i, str | int | Decimal) and i != "" for i in value)
    return not scalars or not value


def _bad_number(seen: Seen, key: str) -> bool:
    value = seen.custom_data.get(key)
    number = amount(value)
    return value is not None and (number is None or number < 0)


def _value_state(seen: Seen) -> tuple[bool, bool]:
    """(the value is unusable, the currency is unusable) of one event."""
    number = amount(seen.custom_data.get("value"))
    return number is None or number < 0, seen.currency is None


def _invalid_value(seen: Seen) -> bool:
    return "value" in seen.custom_data and _value_state(seen)[0]


def _segment_invalid(seen: Seen) -> bool:
    values = (seen.event.get("customer_segmentation"), seen.custom_data.get("customer_segmentation"))
    return any(value is not None and value not in SEGMENTS for value in values if not isinstance(value, dict | list))


def _original_too_old(seen: Seen) -> bool:
    original = seen.event.get("original_event_data")
    when = amount(original.get("event_time")) if isinstance(original, dict) else None
    return when is not None and seen.now_s - int(when) > MAX_AGE_S


def _clear_contact(seen: Seen) -> bool:
    """An e-mail or a phone number in the clear where it must not be: in custom data or in an address."""
    texts = [str(seen.event.get(key) or "") for key in ("event_source_url", "referrer_url")]
    texts += [value for value in seen.custom_data.values() if isinstance(value, str)]
    return any(map(has_contact, texts))


def _order_id_length(seen: Seen) -> bool:
    order_id = seen.custom_data.get("order_id")
    return isinstance(order_id, str) and len(order_id) > MAX_ORDER_ID


CONTACTS = HASHED_KEYS | {"external_id"}

# identifier -> does it hold for this event
# fmt: off
EVENT_TESTS: tuple[tuple[str, Callable[[Seen], bool]], ...] = (
    ("s2s_malformed_standard_event_name", lambda s: s.server and _almost_standard(s.event_name)),
    ("pixel_almost_standard_event", lambda s: s.browser and _almost_standard(s.event_name)),
    ("s2s_missing_event_source_url", lambda s: s.web and not s.event.get("event_source_url")),
    ("s2s_event_time_in_future", lambda s: s.server and s.delay_s < -CLOCK_SKEW_S),
    ("s2s_delay_greater_than_two_hours", lambda s: s.server and s.action_source != "physical_store" and 2 * HOUR_S < s.delay_s <= 24 * HOUR_S),
    ("s2s_delay_greater_than_twenty_four_hours", lambda s: s.server and s.action_source != "physical_store" and s.delay_s > 24 * HOUR_S),
    ("s2s_original_event_time_too_old", _original_too_old),
    # match keys
    ("s2s_missing_ua", lambda s: s.web and "client_user_agent" not in s.user_data),
    ("s2s_invalid_user_agent", lambda s: s.server and _bad_user_agent(s)),
    ("s2s_missing_ip", lambda s: s.web and "client_ip_address" not in s.user_data and not _empty_ip(s)),
    ("s2s_invalid_ip_address", lambda s: s.server and "client_ip_address" in s.user_data and s.address is None),
    ("s2s_private_ip_address", lambda s: s.server and s.address is Address.PRIVATE),
    ("s2s_invalid_fbp_cookie", lambda s: s.server and _unreadable(s, "fbp", parse_fbp)),
    ("s2s_missing_pii_or_external_id", lambda s: s.web and s.user_data.keys().isdisjoint(CONTACTS)),
    ("s2s_missing_match_key", lambda s: s.web and s.user_data.keys() <= {"client_ip_address", "client_user_agent"}),
    ("s2s_user_data_parameter_invalid", lambda s: s.server and _user_value_invalid(s)),
    ("s2s_extern_id_in_custom_data", lambda s: s.server and "external_id" in s.custom_data),
    ("s2s_event_id_in_custom_data", lambda s: s.server and ("event_id" in s.custom_data or "eventID" in s.custom_data)),
    # click ids
    ("capi_fbc_invalid_click_id", lambda s: s.server and s.click is not None and _bad_click(s.click)),
    ("capi_fbc_invalid_creation_time", lambda s: s.server and s.click is not None and _created_absurdly(s.click, s.now_s)),
    ("capi_fbc_invalid_subdomain_index", lambda s: s.server and s.click is not None and s.click.index > MAX_SUBDOMAIN_INDEX),
    ("capi_fbc_expired_click_id", lambda s: s.server and s.click is not None and _expired(s.click, s.now_s)),
    # addresses
    ("capi_ip_address_empty_ip", lambda s: s.server and _empty_ip(s)),
    ("capi_ip_address_fake_ip", lambda s: s.server and s.address is Address.FAKE),
    ("capi_ip_address_nat_ip", lambda s: s.server and s.address is Address.CARRIER),
    ("capi_ip_address_ip_v4", lambda s: s.web and s.address is Address.V4),
    # hashed contact data
    ("capi_pii_email_hot_email_empty", lambda s: s.server and not s.hashes("em").isdisjoint(EMPTY_HASH)),
    ("capi_pii_email_hot_email_null", lambda s: s.server and not s.hashes("em").isdisjoint(NULL_HASHES)),
    ("capi_pii_email_hot_email_fake", lambda s: s.server and not s.hashes("em").isdisjoint(FAKE_EMAILS)),
    ("capi_pii_email_invalid_email", lambda s: s.server and _elsewhere(s, "em", ("ph", "fn", "ln", "ct", "zp"))),
    ("capi_pii_phone_hot_phone_empty", lambda s: s.server and not s.hashes("ph").isdisjoint(EMPTY_HASH)),
    ("capi_pii_phone_hot_phone_null", lambda s: s.server and not s.hashes("ph").isdisjoint(NULL_HASHES)),
    ("capi_pii_phone_hot_phone_fake", lambda s: s.server and not s.hashes("ph").isdisjoint(FAKE_PHONES)),
    ("capi_pii_phone_invalid_phone", lambda s: s.server and _elsewhere(s, "ph", ("fn", "ln", "ct", "zp", "db"))),
    # money
    ("pixel_missing_value_parameter", lambda s: s.browser and s.event_name == "Purchase" and "value" not in s.custom_data),
    ("pixel_invalid_value_parameter", lambda s: s.browser and _invalid_value(s)),
    ("pixel_missing_currency_parameter", lambda s: s.browser and s.event_name == "Purchase" and "currency" not in s.custom_data),
    ("pixel_missing_or_invalid_currency", lambda s: s.browser and s.currency is None and ("currency" in s.custom_data or s.value is not None)),
    ("pixel_missing_or_invalid_value", lambda s: s.browser and s.event_name == "Purchase" and _value_state(s) == (True, False)),
    ("pixel_missing_or_invalid_value_and_currency", lambda s: s.browser and s.event_name == "Purchase" and _value_state(s) == (True, True)),
    ("s2s_missing_currency_for_value_or_item_price", lambda s: s.server and s.currency is None and (s.value is not None or any("item_price" in i for i in _items(s)))),
    ("s2s_item_price_without_currency", lambda s: s.server and s.currency is None and any("item_price" in i for i in _items(s))),
    ("s2s_missing_value_for_currency", lambda s: s.server and s.value is None and s.currency is not None),
    ("invalid_currency", lambda s: s.currency is not None and s.currency not in PIXEL_CURRENCIES),
    ("s2s_inconsistent_net_revenue", lambda s: s.server and s.value is not None and (amount(s.custom_data.get("net_revenue")) or 0) > s.value),
    ("pixel_missing_or_invalid_net_revenue", lambda s: _bad_number(s, "net_revenue")),
    ("pixel_missing_or_invalid_predicted_ltv", lambda s: _bad_number(s, "predicted_ltv")),
    # contents
    ("invalid_content_type", lambda s: "content_type" in s.custom_data and s.custom_data["content_type"] not in CONTENT_TYPES),
    ("invalid_content_ids", _content_ids_invalid),
    ("s2s_invalid_content_param", lambda s: s.server and "contents" in s.custom_data and len(_items(s)) != max(1, len(_rows(s)))),
    ("pixel_missing_content_ids", lambda s: s.event_name in CATALOGUE_EVENTS and "content_type" in s.custom_data and s.custom_data.keys().isdisjoint({"content_ids", "contents"})),
    ("pixel_missing_id_in_contents", lambda s: any(i.get("id") in (None, "") for i in _items(s))),
    ("pixel_missing_quantity_in_contents", lambda s: any(i.get("quantity") in (None, "") for i in _items(s))),
    ("pixel_missing_or_invalid_quantity_in_contents", lambda s: any(_bad_quantity(i) for i in _items(s))),
    ("pixel_invalid_delivery_category", lambda s: any(d not in DELIVERY_CATEGORIES for c in (s.custom_data, *_items(s)) if (d := c.get("delivery_category")))),
    ("pixel_search_search_string", lambda s: s.event_name == "Search" and "search_string" not in s.custom_data),
    ("pixel_purchase_order_id", lambda s: s.event_name == "Purchase" and s.action_source == "website" and "order_id" not in s.custom_data),
    ("s2s_invalid_order_id_length", lambda s: s.server and _order_id_length(s)),
    ("invalid_customer_segmentation", _segment_invalid),
    # privacy
    ("pixel_pii_sensitive_data_detected", _clear_contact),
    ("pixel_sensitive_data_event_name", lambda s: has_contact(s.event_name)),
    # leads, messaging, stores
    ("crm_no_match_key", lambda s: s.crm and s.user_data.keys().isdisjoint({"lead_id", "em", "ph", "fbc"})),
    ("crm_event_time_in_future", lambda s: s.crm and s.delay_s < -CLOCK_SKEW_S),
    ("s2s_action_source_messaging_channel_mismatch", lambda s: s.server and s.action_source != "business_messaging" and s.event.get("messaging_channel") is not None),
    ("s2s_messaging_event_no_custom_data", lambda s: s.action_source == "business_messaging" and s.event_name in ("AddToCart", "InitiateCheckout") and not s.custom_data),
    ("offline_no_orderid", lambda s: s.action_source == "physical_store" and s.event_name == "Purchase" and "order_id" not in s.custom_data),
    ("offline_itemnum_no_orderid", lambda s: s.action_source == "physical_store" and "item_number" in s.custom_data and "order_id" not in s.custom_data),
    ("offline_upload_delay", lambda s: s.action_source == "physical_store" and s.delay_s > 3 * 24 * HOUR_S),
    ("offline_precise_timestamps", lambda s: s.action_source == "physical_store" and s.event_time % 86_400 == 0),
    ("s2s_api_version_outdated", lambda s: s.outdated),
)

_S, _B, _A = Side.SERVER, Side.BROWSER, Side.BOTH
_X, _D, _I = Effect.DROPPED, Effect.DEGRADED, Effect.ADVICE
CATALOGUE: dict[str, Diagnostic] = {row[0]: Diagnostic(*row) for row in (
    # required fields
    ("s2s_missing_event_name", _S, _X, "event_name", "Give every event its event_name; the whole batch was refused."),
    ("s2s_invalid_event_name", _S, _X, "event_name", "Use a text of 1 to 50 characters."),
    ("s2s_malformed_standard_event_name", _S, _D, "event_name", "Write the standard name exactly, capitals included; this one counts as a custom event."),
    ("pixel_almost_standard_event", _B, _D, "ev", "Write the standard name exactly, capitals included; this one counts as a custom event."),
    ("s2s_missing_action_source", _S, _X, "action_source", "Say where it happened, for a shop usually website."),
    ("s2s_invalid_action_source", _S, _X, "action_source", "Use one of the documented values, in lower case."),
    ("s2s_missing_event_source_url", _S, _D, "event_source_url", "Send the address of the page with every website event."),
    ("s2s_missing_event_time_or_order_id", _S, _X, "event_time", "Send event_time in Unix seconds."),
    # time
    ("s2s_event_time_in_future", _S, _D, "event_time", "Check the sender's clock and that event_time is seconds in UTC."),
    ("s2s_event_time_too_old", _S, _X, "event_time", "Send within 7 days (62 for store events); look for a stuck queue or milliseconds cut wrong."),
    ("s2s_original_event_time_too_old", _S, _D, "original_event_data.event_time", "Add a delayed value while the original event is at most 7 days old."),
    ("s2s_delay_greater_than_two_hours", _S, _D, "event_time", "Send in real time, or at least once an hour."),
    ("s2s_delay_greater_than_twenty_four_hours", _S, _D, "event_time", "Send in real time; a day late an event hardly helps delivery."),
    # match keys
    ("s2s_no_match_key", _S, _X, "user_data", "Send at least one customer information parameter."),
    ("s2s_no_valid_match_key", _S, _X, "user_data", "Use Meta's names for the keys: none of those sent is one."),
    ("s2s_missing_adequate_user_data", _S, _X, "user_data", "Add a key that identifies one person: e-mail, phone, external_id, fbp, fbc or the IP address."),
    ("s2s_missing_match_key", _S, _D, "user_data", "Add more than IP address and user agent: fbp, fbc, external_id or a hashed contact key."),
    ("s2s_missing_pii_or_external_id", _S, _D, "user_data", "Where consent allows, add hashed contact data or external_id."),
    ("s2s_pii_not_hashed", _A, _X, "user_data", "Hash contact data with SHA-256 after normalising it; never send it in the clear."),
    ("s2s_user_data_parameter_invalid", _S, _D, "user_data", "Remove keys that Meta does not know, and check the format of ids."),
    ("s2s_missing_ip", _S, _D, "user_data.client_ip_address", "Send the shopper's IP address, not your server's."),
    ("s2s_invalid_ip_address", _S, _D, "user_data.client_ip_address", "Send one IPv4 or IPv6 address without port, spaces or list."),
    ("s2s_private_ip_address", _S, _D, "user_data.client_ip_address", "This is an address of your own network: read the shopper's from the proxy's header."),
    ("s2s_missing_ua", _S, _D, "user_data.client_user_agent", "Send the browser's user agent with every website event."),
    ("s2s_invalid_user_agent", _S, _D, "user_data.client_user_agent", "Send the browser's User-Agent header as it is, not hashed and not a placeholder."),
    ("s2s_invalid_fbp_cookie", _S, _D, "user_data.fbp", "Send the _fbp cookie as it is: fb.1.milliseconds.number."),
    ("s2s_invalid_click_id", _S, _X, "user_data.fbc", "Send the _fbc cookie as it is: fb.1.milliseconds.fbclid."),
    ("s2s_invalid_lead_id", _S, _X, "user_data.lead_id", "Send the lead's id of 15 to 17 digits."),
    ("s2s_extern_id_in_custom_data", _S, _D, "custom_data.external_id", "Move external_id into user_data."),
    ("s2s_extern_id_associations_never_made", _S, _D, "user_data.external_id", "No browser event ever carried one of these ids: hash on both sides by the same rule, or send it to the pixel too."),
    # click ids
    ("capi_fbc_invalid_click_id", _S, _D, "user_data.fbc", "Keep the click id exactly as it was in the address: same case, not cut, not replaced."),
    ("capi_fbc_invalid_creation_time", _S, _D, "user_data.fbc", "The second number of fbc is when the click id was first seen, in milliseconds."),
    ("capi_fbc_invalid_subdomain_index", _S, _D, "user_data.fbc", "The first number of fbc is 0, 1 or 2; use 1 when a server makes it."),
    ("capi_fbc_expired_click_id", _S, _D, "user_data.fbc", "Do not send a click id older than 90 days."),
    ("capi_fbc_coverage_issue", _S, _D, "user_data.fbc", "The browser knows click ids that the server does not send: pass the _fbc cookie on."),
    ("capi_fbc_matchability_issue", _S, _D, "user_data.fbc", "Server and browser send different click ids for one event: read the same cookie."),
    # addresses
    ("capi_ip_address_hot_ip", _S, _D, "user_data.client_ip_address", "Many visitors share one address: it is probably your server's or proxy's."),
    ("capi_ip_address_fake_ip", _S, _D, "user_data.client_ip_address", "This range is for documentation or reserved: send the shopper's address."),
    ("capi_ip_address_empty_ip", _S, _D, "user_data.client_ip_address", "Leave the key out when there is no address, or better find it."),
    ("capi_ip_address_nat_ip", _S, _D, "user_data.client_ip_address", "This is a carrier's inner address: read the outer one."),
    ("capi_ip_address_ip_v4", _S, _I, "user_data.client_ip_address", "Where the shopper has an IPv6 address, send that one."),
    ("capi_ip_address_ip_value_mismatch", _S, _D, "user_data.client_ip_address", "Server and browser saw different addresses for one event: pass the shopper's on."),
    # hashed contact data
    ("capi_pii_email_hot_email", _S, _D, "user_data.em", "Many visitors share one e-mail hash: it is a default or a staff address."),
    ("capi_pii_email_hot_email_empty", _S, _D, "user_data.em", "This is the hash of an empty text: leave the key out."),
    ("capi_pii_email_hot_email_null", _S, _D, "user_data.em", "This is the hash of a word like null: leave the key out."),
    ("capi_pii_email_hot_email_fake", _S, _D, "user_data.em", "This is the hash of a well-known test address."),
    ("capi_pii_email_invalid_email", _S, _D, "user_data.em", "The e-mail hash equals another key's hash: the fields are mixed up."),
    ("capi_pii_phone_hot_phone", _S, _D, "user_data.ph", "Many visitors share one phone hash: it is a default or the shop's number."),
    ("capi_pii_phone_hot_phone_empty", _S, _D, "user_data.ph", "This is the hash of an empty text: leave the key out."),
    ("capi_pii_phone_hot_phone_null", _S, _D, "user_data.ph", "This is the hash of a word like null: leave the key out."),
    ("capi_pii_phone_hot_phone_fake", _S, _D, "user_data.ph", "This is the hash of a well-known test number."),
    ("capi_pii_phone_invalid_phone", _S, _D, "user_data.ph", "The phone hash equals another key's hash: the fields are mixed up."),
    # deduplication
    ("s2s_dedupe_key_low_coverage", _A, _D, "event_id", "Send event_id with every copy on both sides (eventID in the browser)."),
    ("s2s_dedupe_key_low_overlap", _A, _D, "event_id", "Both sides send ids, but not the same ones: make the id once and give it to both."),
    ("s2s_redundant_events_not_deduped", _A, _D, "event_id", "One order counts more than once: give all its copies the same event_id and name."),
    ("s2s_event_id_in_custom_data", _S, _D, "custom_data.event_id", "Move event_id from custom_data to the event itself."),
    ("s2s_low_event_coverage", _B, _D, "event_id", "Send at least 75 % of the browser's events from the server too, with the same event_id."),
    ("pixel_low_event_coverage", _S, _D, "event_id", "Most server events have no browser copy: check the pixel, its consent and ad blockers."),
    ("website_event_session_multiple_events_fire", _B, _D, "dl", "The same event fires again on one page within seconds: look for two installations or a double call."),
    ("website_event_session_multiple_purchase_events_fire", _B, _D, "eid", "One visitor's Purchase fires more than once: fire it once per order, with one id."),
    # money
    ("pixel_missing_value_parameter", _B, _D, "cd[value]", "Give the Purchase its value."),
    ("pixel_invalid_value_parameter", _B, _D, "cd[value]", "Send a number of 0 or more with a point, without sign or currency."),
    ("pixel_missing_currency_parameter", _B, _D, "cd[currency]", "Give the Purchase its currency of three letters."),
    ("pixel_missing_or_invalid_currency", _B, _D, "cd[currency]", "Send a currency of three letters with every value."),
    ("pixel_missing_or_invalid_value", _B, _D, "cd[value]", "The currency is there, a usable value is not."),
    ("pixel_missing_or_invalid_value_and_currency", _B, _D, "cd[value]", "Neither value nor currency can be used: no return can be computed."),
    ("pixel_mismatched_value_currency_single_event", _A, _D, "custom_data.value", "Browser and server send different money for one event: compute it in one place."),
    ("pixel_outlier_value_parameter", _A, _I, "custom_data.value", "This value is a hundred times the usual: cents for euros, or a test order."),
    ("pixel_placeholder_value_single_event", _A, _D, "custom_data.value", "Every order has the same value: send the real one."),
    ("s2s_invalid_purchase_event", _S, _X, "custom_data", "A Purchase needs a value of 0 or more and a currency."),
    ("s2s_invalid_custom_data_value", _S, _X, "custom_data.value", "Send a number of 0 or more with a point, without sign or currency."),
    ("s2s_missing_currency_for_value_or_item_price", _S, _D, "custom_data.currency", "Send the currency with every value and item price."),
    ("s2s_item_price_without_currency", _S, _D, "custom_data.currency", "Send the currency with every item price."),
    ("s2s_missing_value_for_currency", _S, _D, "custom_data.value", "Send the value that the currency is for."),
    ("s2s_inconsistent_currency", _S, _D, "custom_data.currency", "One order came in two currencies: decide for the one that was charged."),
    ("s2s_inconsistent_net_revenue", _S, _D, "custom_data.net_revenue", "net_revenue is more than the value; it is what is left of it."),
    ("invalid_currency", _A, _D, "custom_data.currency", "Use a currency that Meta knows, as ISO 4217 writes it."),
    ("pixel_missing_or_invalid_net_revenue", _A, _D, "custom_data.net_revenue", "Send net_revenue as a number of 0 or more."),
    ("pixel_missing_or_invalid_predicted_ltv", _A, _D, "custom_data.predicted_ltv", "Send predicted_ltv as a number of 0 or more."),
    # contents
    ("invalid_content_type", _A, _D, "custom_data.content_type", "Use product or product_group."),
    ("invalid_content_ids", _A, _D, "custom_data.content_ids", "Send a list of ids that are in the catalogue."),
    ("s2s_invalid_content_param", _S, _D, "custom_data.contents", "Send a list of objects with id and quantity."),
    ("pixel_missing_content_ids", _A, _D, "custom_data.content_ids", "content_type came without content_ids or contents."),
    ("pixel_missing_id_in_contents", _A, _D, "custom_data.contents", "Every row of contents needs an id."),
    ("pixel_missing_quantity_in_contents", _A, _D, "custom_data.contents", "Every row of contents needs a quantity."),
    ("pixel_missing_or_invalid_quantity_in_contents", _A, _D, "custom_data.contents", "A quantity is a number above 0."),
    ("pixel_catalog_no_content_id", _A, _D, "custom_data.content_ids", "Other events of this dataset carry product ids; this one must too, or catalogue ads lose it."),
    ("pixel_invalid_delivery_category", _A, _I, "custom_data.delivery_category", "Use in_store, curbside or home_delivery."),
    ("pixel_search_search_string", _A, _I, "custom_data.search_string", "Send what was searched for with Search."),
    ("pixel_purchase_order_id", _A, _I, "custom_data.order_id", "Send the order's number: it is how a Purchase can be found again."),
    ("s2s_invalid_order_id_length", _S, _D, "custom_data.order_id", "Shorten order_id; Meta's limit is not published, ours is 256 characters."),
    ("invalid_customer_segmentation", _A, _D, "customer_segmentation", "Use one of the nine documented values."),
    # traffic
    ("pixel_event_not_received", _A, _I, "event_name", "This event used to come and stopped a day ago, while others still come."),
    ("add_missing_events", _A, _I, "event_name", "Purchases come, but not the steps before them (ViewContent, AddToCart, InitiateCheckout)."),
    ("pixel_new_domains_detected", _A, _I, "event_source_url", "Events come from a site that was not seen on the first day: if it is not yours, somebody uses your pixel."),
    # privacy
    ("pixel_pii_sensitive_data_detected", _A, _D, "custom_data", "An e-mail or phone number stands in the clear in custom data or an address: remove it."),
    ("pixel_sensitive_data_event_name", _A, _D, "event_name", "The event's name holds an e-mail or phone number: remove it."),
    # delayed values
    ("s2s_invalid_append_value_event", _S, _X, "original_event_data", "Name the original event: event_name, event_time and order_id or event_id."),
    # leads
    ("crm_no_match_key", _S, _D, "user_data", "Send lead_id, or hashed e-mail, phone or the click id."),
    ("crm_invalid_lead_id", _S, _X, "user_data.lead_id", "Send the lead's id of 15 to 17 digits as Meta gave it."),
    ("crm_event_time_in_future", _S, _D, "event_time", "Check the clock of the CRM's export."),
    ("crm_event_time_too_old", _S, _X, "event_time", "Send a change of stage within 7 days."),
    ("crm_integration_one_stage_only", _S, _D, "event_name", "Send every stage of the funnel, not only one."),
    ("crm_integration_too_many_stages", _S, _I, "event_name", "Send the few stages that matter; these are more than ten."),
    ("crm_integration_data_freshness", _S, _D, "event_time", "Upload at least once a day."),
    ("low_lead_id_coverage", _S, _D, "user_data.lead_id", "Send lead_id with every event of a lead; it is the strongest key."),
    # messaging
    ("s2s_missing_messaging_channel", _S, _X, "messaging_channel", "Say messenger, whatsapp or instagram."),
    ("s2s_invalid_messaging_channel", _S, _X, "messaging_channel", "Use messenger, whatsapp or instagram."),
    ("s2s_action_source_messaging_channel_mismatch", _S, _D, "messaging_channel", "messaging_channel belongs to action_source business_messaging only."),
    ("s2s_messaging_event_invalid_argument", _S, _X, "user_data", "Leave IP address, user agent, fbp, fbc and the page's address out of messaging events."),
    ("s2s_messaging_event_invalid_event_type", _S, _X, "event_name", "Use one of the event names of the messaging page; Lead is LeadSubmitted there."),
    ("s2s_messaging_event_no_user_data", _S, _X, "user_data", "Send the ids of page and person."),
    ("s2s_messaging_event_no_custom_data", _S, _D, "custom_data", "Send value and currency."),
    ("s2s_messaging_event_missing_page_id", _S, _X, "user_data.page_id", "Send the page's id."),
    ("s2s_messaging_event_missing_page_scoped_user_id", _S, _X, "user_data.page_scoped_user_id", "Send the person's id as this page knows it."),
    ("s2s_messaging_event_missing_whatsapp_business_account_id", _S, _X, "user_data.whatsapp_business_account_id", "Send the WhatsApp business account's id or the page's."),
    ("s2s_messaging_event_missing_ctwa_clid", _S, _X, "user_data.ctwa_clid", "Send the click id of the WhatsApp ad."),
    ("s2s_messaging_event_invalid_ctwa_clid", _S, _X, "user_data.ctwa_clid", "Send the click id as the first message brought it."),
    ("s2s_messaging_event_missing_ig_sid", _S, _X, "user_data.ig_sid", "Send the person's id as this Instagram account knows it."),
    ("s2s_messaging_event_missing_ig_account_id", _S, _X, "user_data.ig_account_id", "Send the Instagram account's id."),
    # stores
    ("offline_no_orderid", _S, _D, "custom_data.order_id", "Send order_id: without it, only equal user data finds a repeat."),
    ("offline_itemnum_no_orderid", _S, _D, "custom_data.item_number", "item_number means something only beside its order_id."),
    ("offline_dup_orderid_itemnum", _S, _D, "custom_data.item_number", "One item of one order came more than once."),
    ("offline_orderid_itemnum_diff_event_times", _S, _D, "event_time", "One item of one order came with two times, so it counts twice."),
    ("offline_orderid_diff_matched_users", _S, _D, "user_data", "One order belongs to two different people."),
    ("offline_duplicate_events", _S, _I, "custom_data.order_id", "Store events were uploaded again; repeats are dropped for 7 days only."),
    ("offline_upload_delay", _S, _D, "event_time", "Upload store events daily."),
    ("offline_precise_timestamps", _S, _I, "event_time", "Send the time of the sale, not midnight."),
    # the interface
    ("s2s_api_version_outdated", _S, _I, "version", "Move to a version that is still supported."),
)}
# fmt: on
