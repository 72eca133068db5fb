"""Meta's words for events: standard names, action sources, field names, limits, each with its source.

Owns closed lists only; what is done with them lives in `normalise`, `match_keys` and the steps.
Source of all lists: Meta for Developers, Conversions API parameter pages, read September 2026.
"""

from __future__ import annotations

from typing import Final

STANDARD_EVENTS: Final = frozenset({
    "PageView", "ViewContent", "Search", "AddToCart", "AddToWishlist", "InitiateCheckout", "AddPaymentInfo",
    "Purchase", "Lead", "CompleteRegistration", "Contact", "CustomizeProduct", "Donate", "FindLocation",
    "Schedule", "StartTrial", "SubmitApplication", "Subscribe",
})  # fmt: skip

ACTION_SOURCES: Final = frozenset({
    "email", "website", "app", "phone_call", "chat", "physical_store", "system_generated",
    "business_messaging", "other",
})  # fmt: skip

MESSAGING_CHANNELS: Final = frozenset({"messenger", "whatsapp", "instagram"})

MESSAGING_EVENTS: Final = frozenset({
    "Purchase", "LeadSubmitted", "QualifiedLead", "InitiateCheckout", "AddToCart", "ViewContent", "OrderCreated",
    "OrderShipped", "OrderDelivered", "OrderCanceled", "OrderReturned", "CartAbandoned", "RatingProvided",
    "ReviewProvided",
})  # fmt: skip

# Documented fields of custom_data that are not typed of their own (Meta, "Custom data parameters", September 2026): what
# core setup leaves in place.
STANDARD_PARAMETERS: Final = frozenset({
    "content_name", "content_category", "delivery_category", "predicted_ltv", "net_revenue", "search_string", "status",
    "item_number", "store_data", "event_source", "lead_event_source",
})  # fmt: skip

# user_data keys whose value must be a SHA-256 on Meta's wire, in the order the documentation lists them.
CONTACT_FIELDS: Final = ("em", "ph", "fn", "ln", "db", "ge", "ct", "st", "zp", "country")
# Hashing is only recommended for external_id; we always hash it (see match_keys).
HASHED_FIELDS: Final = (*CONTACT_FIELDS, "external_id")

# Older spellings seen on the wire: legacy offline page, pixel (`cn`, used by old shops for country).
CONTACT_ALIASES: Final = {
    "email": "em", "phone": "ph", "gen": "ge", "gender": "ge", "zip": "zp", "cn": "country", "dob": "db",
}  # fmt: skip

# Legacy keys of the official SDKs that are sent hashed but that no current page documents.
LEGACY_HASHED_FIELDS: Final = ("f5first", "f5last", "fi", "dobd", "dobm", "doby")

# user_data keys that are never hashed.
PLAIN_FIELDS: Final = (
    "client_ip_address", "client_user_agent", "fbc", "fbp", "subscription_id", "fb_login_id", "lead_id", "anon_id",
    "madid", "page_id", "page_scoped_user_id", "ctwa_clid", "ig_account_id", "instagram_business_account_id",
    "ig_sid", "whatsapp_business_account_id", "partner_id", "partner_name",
)  # fmt: skip

# "Too broad" combinations: refused with 2804050 when user_data is one of these or a subset
# (Meta, Customer information parameters).
TOO_BROAD: Final = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)

MAX_EVENTS: Final = 1_000  # per request
MAX_CUSTOM_NAME: Final = 50  # characters in a custom event's name
MAX_AGE_S: Final = 7 * 86_400
MAX_AGE_STORE_S: Final = 62 * 86_400  # action_source physical_store
MAX_ID: Final = 256  # ours (no documented limit was found); longer ids are refused, not cut

# Currencies the genuine pixel treats as valid (fbevents.js 2.9.178). The server accepts ISO 4217 more
# broadly, so this list only ever produces a warning.
PIXEL_CURRENCIES: Final = frozenset({
    "AED", "ARS", "AUD", "BOB", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CRC", "CZK", "DKK", "EUR",
    "GBP", "GTQ", "HKD", "HNL", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "MOP", "MXN", "MYR",
    "NIO", "NOK", "NZD", "PEN", "PHP", "PLN", "PYG", "QAR", "RON", "RUB", "SAR", "SEK", "SGD", "THB",
    "TRY", "TWD", "USD", "UYU", "VEF", "VND", "ZAR",
})  # fmt: skip
