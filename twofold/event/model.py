"""The values that travel: RawEvent as received, Event as journalled, and the typed parts inside.

Owns shapes only. Contact data exists in the clear only inside a RawEvent's ``user_data``; an Event
cannot hold it, because its contact fields are tuples of `Hashed` and only `match_keys` makes those.
Money is Decimal from text; no field has a default currency.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

import msgspec
from msgspec import Struct, field

__all__ = [
    "Channel",
    "Consent",
    "Content",
    "CustomData",
    "Event",
    "Hashed",
    "RawEvent",
    "Tier",
    "UserData",
    "decode_event",
    "encode",
    "readable_event",
]


class Channel(StrEnum):
    """How a copy came to us."""

    BROWSER = "browser"
    SERVER = "server"


class Tier(IntEnum):
    """How far a copy is trusted; a lower tier never suppresses a higher one."""

    T0 = 0  # plain browser event: anyone can send it
    T1 = 1  # browser event with a token signed by the merchant
    T2 = 2  # authenticated server
    T3 = 3  # signed webhook


class Consent(StrEnum):
    """What the shopper said about sharing this event with advertising platforms."""

    GRANTED = "granted"
    DENIED = "denied"
    UNSTATED = "unstated"  # the copy says nothing; the merchant's setting decides


# Whatever these five hold was read from JSON and holds no circle: the collector of circles need not look at them, and
# reading a body costs a third of what it costs under its eyes.


class Hashed(Struct, frozen=True, array_like=True, gc=False):
    """A match key after hashing. ``rule`` names the normal form it was made by; see `match_keys`."""

    rule: str
    hex: str


class UserData(Struct, kw_only=True, omit_defaults=True, gc=False):
    """Match keys in Meta's spelling. Contact fields hold hashes only; the rest is kept as received."""

    em: tuple[Hashed, ...] = ()
    ph: tuple[Hashed, ...] = ()
    fn: tuple[Hashed, ...] = ()
    ln: tuple[Hashed, ...] = ()
    db: tuple[Hashed, ...] = ()
    ge: tuple[Hashed, ...] = ()
    ct: tuple[Hashed, ...] = ()
    st: tuple[Hashed, ...] = ()
    zp: tuple[Hashed, ...] = ()
    country: tuple[Hashed, ...] = ()
    external_id: tuple[Hashed, ...] = ()
    client_ip_address: str | None = None
    client_user_agent: str | None = None
    fbc: str | None = None
    fbp: str | None = None
    other: dict[str, Any] = {}  # remaining documented plain keys, legacy hashed keys


# The catch-all's name in JSON is one that no sender uses, because these two are also read from the wire as they
# are (`collect.decode.read_plain`): a sender's own property named "other" must stay a property.
_CATCH_ALL = "+"


class Content(Struct, kw_only=True, omit_defaults=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """One line of ``contents``. ``item_price`` is in the event's currency, per piece."""

    id: str
    quantity: int | None = None
    item_price: Decimal | None = None
    other: dict[str, Any] = field(name=_CATCH_ALL, default_factory=dict)


class CustomData(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """What the action was about. ``currency`` is upper-case ISO 4217; ``other`` keeps custom properties."""

    value: Decimal | None = None
    currency: str | None = None
    order_id: str | None = None
    content_type: str | None = None
    content_ids: tuple[str, ...] = ()
    contents: tuple[Content, ...] = ()
    num_items: int | None = None
    other: dict[str, Any] = field(name=_CATCH_ALL, default_factory=dict)


class RawEvent(Struct, kw_only=True, omit_defaults=True):
    """One event as received, before any step: names are Meta's, values are whatever the sender wrote.

    ``custom_data`` may be a `CustomData` already, when its shape was checked while it was decoded.
    """

    event_name: Any = None
    event_time: Any = None  # Unix seconds, UTC
    age: Any = None  # ours: seconds that passed on the device until the copy was sent; its clock may be wrong
    event_id: Any = None
    action_source: Any = None
    event_source_url: Any = None
    referrer_url: Any = None
    opt_out: Any = None
    user_data: Any = None
    custom_data: Any = None
    data_processing_options: Any = None
    data_processing_options_country: Any = None
    data_processing_options_state: Any = None
    messaging_channel: Any = None
    customer_segmentation: Any = None
    app_data: Any = None
    original_event_data: Any = None
    attribution_data: Any = None
    advanced_measurement_table: Any = None
    # Ours, from our tag, a source, or a sender that knows us:
    consent: Any = None  # "granted", "denied", or an object of purposes, Google signals, TCF and GPP texts
    links: Any = None  # what this copy is bound to, as "kind:value": order number, cart, checkout; see `identity`
    click_ids: Any = None  # other platforms' click ids and cookies by name, e.g. {"gclid": "…", "_ttp": "…"}
    visitor: Any = None  # our own first-party id of the browser
    token: Any = None  # a token that the merchant's server signed for this event
    region: Any = None  # where the shopper is: "DE", "US-CA"
    locale: Any = None  # in which language the browser asks: "de", "de-DE"
    destinations: Any = None  # who may be told of this copy, e.g. {"All": false, "Google Ads": true}; see `addressees`


class Event(Struct, kw_only=True, omit_defaults=True, gc=False):
    """One event as journalled: normalised, typed, hashed. Treated as frozen once the steps are done."""

    dataset: str
    event_name: str
    event_id: str
    event_time: int  # Unix seconds, UTC: when it happened
    device_time: int | None = None  # the same by the device's own clock, where that was wrong
    received_at: int  # Unix milliseconds, UTC: when we got it
    channel: Channel
    sender: str  # which software made the copy: tag, fbevents, image, sdk-python, shopify, ...
    tier: Tier
    id_given: bool = True  # False when the sender gave no event_id and we made one: no claim to any fold key
    action_source: str = "website"
    event_source_url: str | None = None
    referrer_url: str | None = None
    opt_out: bool | None = None
    consent: Consent = Consent.UNSTATED
    granted: tuple[str, ...] = ()  # purposes, where the copy says more than yes or no; see `consent`
    denied: tuple[str, ...] = ()
    consent_required: bool = False  # silence is not enough where this shopper is
    links: tuple[str, ...] = ()  # "kind:value"; see `identity`
    click_ids: dict[str, str] = {}
    visitor: str | None = None
    region: str | None = None  # ISO 3166-1 or -2, upper-case
    locale: str | None = None  # a language tag (BCP 47), as the browser writes it
    destinations: tuple[str, ...] = ()  # who may be told of this copy, where its sender says so; see `addressees`
    shop: str = ""  # which shop it is of, where several that number alike report to one dataset
    order_vouched: bool = False  # a token of the shop's server names this very order
    bot: str | None = None  # why it is taken for a robot
    held_back: str | None = None  # why it must not be sent whatever else holds, e.g. a value over its cap
    user_data: UserData
    forms: tuple[
        Hashed, ...
    ] = ()  # contact values under rules of other platforms than Meta; see `matching.other_forms`
    custom_data: CustomData
    data_processing_options: tuple[str, ...] | None = None
    data_processing_options_country: int | None = None
    data_processing_options_state: int | None = None
    messaging_channel: str | None = None
    customer_segmentation: str | None = None
    app_data: dict[str, Any] | None = None
    original_event_data: dict[str, Any] | None = None
    attribution_data: dict[str, Any] | None = None
    advanced_measurement_table: str | None = None
    test_event_code: str | None = None
    warnings: tuple[str, ...] = ()  # what was repaired or left out, in words without personal data


# Decimals travel as JSON numbers; float_hook keeps their text exact where the type is open.
encode = msgspec.json.Encoder(decimal_format="number").encode
"""Any value of this module to JSON bytes."""

decode_event = msgspec.json.Decoder(Event, float_hook=Decimal).decode
"""Journal bytes back to an Event; the inverse of `encode`."""


def readable_event(body: bytes) -> Event | None:
    """The same; None for bytes that nobody wrote, where work on others must go on. Who relies on a row holds it against
    the journal's chain."""
    try:
        return decode_event(body)
    except (msgspec.MsgspecError, ValueError):
        return None
