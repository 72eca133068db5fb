"""The settings of one dataset: when an order is a Purchase, what consent is needed, who is believed, what stays private.

Owns the table `[[dataset]]` with those inside it, and the words for purposes and sensitive subjects. What is refused is in
`checks/datasets`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct


class OrderSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    counts_when: Annotated[
        str,
        Meta(description="When an order becomes a Purchase: `placed`, `confirmed`, `paid` or `delivered`."),
    ] = "paid"
    when: Annotated[
        dict[str, str],
        Meta(description="The same per payment method (`cod`, `bank_transfer`, `card`, `wallet`, `later`, `gift_card`, "
             "`manual`, `other`), or per source type, which wins."),
    ] = msgspec.field(default_factory=lambda: {"cod": "placed"})  # fmt: skip
    cod_gateways: Annotated[
        tuple[str, ...],
        Meta(description="Words in a gateway's name that mean cash on delivery, in any case."),
    ] = ("cash on delivery", "cod", "nachnahme", "наложен", "contra reembolso", "contrassegno", "გადახდა ადგილზე")
    confirmed_tags: Annotated[
        tuple[str, ...], Meta(description="Order tags by which the shop's people say that an order is confirmed.")
    ] = ("confirmed",)
    value_parts: Annotated[
        tuple[str, ...],
        Meta(description="What the value of a Purchase is made of; `goods` is the price after discounts. Leave out "
             "what is not wanted of `tax`, `shipping`, `tip`, `duties`, `gift_card` (gift cards that were sold)."),
    ] = ("goods", "tax", "shipping", "tip", "duties", "gift_card")  # fmt: skip
    refunds: Annotated[
        str, Meta(description="Refunds before the Purchase is sent: `deduct` them from its value or `ignore` them.")
    ] = "deduct"
    currency: Annotated[
        str, Meta(description="`presentment`: what the buyer saw and paid; `shop`: the shop's own currency.")
    ] = "presentment"
    renewals: Annotated[
        str, Meta(description="A subscription's later orders: `subscribe`, `purchase`, or `none` (the ledger only).")
    ] = "subscribe"
    wait_s: Annotated[
        float,
        Meta(description="Seconds a browser's Purchase waits for its order where the dataset has a shop source.", ge=0,
             le=518_400),
    ] = 3_600.0  # fmt: skip
    unmatched: Annotated[
        str,
        Meta(
            description="A Purchase whose order never came: `send` it, marked; `vouched`: only where a server or a token "
            "that names the order speaks for it; or `drop` it. What is kept back leaves after all when the order comes."
        ),
    ] = "vouched"
    expire_days: Annotated[
        int, Meta(description="An order that has not become a Purchase after so many days never will.", ge=1, le=365)
    ] = 30
    recreated_hours: Annotated[
        float,
        Meta(description="An order of the same person, goods and value within so many hours of a cancelled one is the "
             "same purchase placed again. 0: never.", ge=0, le=720),
    ] = 48.0  # fmt: skip
    told_value: Annotated[
        str,
        Meta(description="What destinations are told that an order is worth: `revenue`, or `margin`, expected from its lines and the "
             "cost table (docs/orders.md). A destination's `value` says otherwise for itself.", pattern="^(revenue|margin)$"),
    ] = "revenue"  # fmt: skip
    outcomes: Annotated[
        bool,
        Meta(description="Tell the platform what became of orders that were sent: events Delivered and Returned."),
    ] = False


class ConsentSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    require: Annotated[
        bool, Meta(description="Suppress what no copy says is consented; otherwise only what a copy says is denied.")
    ] = False
    require_in: Annotated[
        tuple[str, ...],
        Meta(description="The same only for shoppers in these countries (ISO 3166); `EEA` stands for all of it, with "
             "the United Kingdom and Switzerland."),
    ] = ()  # fmt: skip
    limited_in: Annotated[
        tuple[str, ...],
        Meta(description="US states, as `US-CA`, or `US`, whose shoppers' events go with Limited Data Use."),
    ] = ()
    limited_when: Annotated[
        str,
        Meta(description="When they do: `always`, or `unconsented` (unless sale of data is granted)."),
    ] = "always"
    opt_out_when_denied: Annotated[
        tuple[str, ...],
        Meta(description="Purposes whose denial sends `opt_out` (measurement only) instead of nothing, e.g. "
             "`personalization`."),
    ] = ()  # fmt: skip


class TrustSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    token_secret: Annotated[
        str | tuple[str, ...],
        Meta(description="Secret with which the shop's server signs browser tokens; a list while it is rotated. Empty: "
             "no token is believed."),
    ] = ""  # fmt: skip
    confirm_s: Annotated[
        dict[str, float],
        Meta(description="Seconds an untrusted browser event of a name is held for a copy from a trusted side; then "
             "`unconfirmed` decides."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    unconfirmed: Annotated[
        str, Meta(description="Held events that nobody confirmed: `send` them, marked, or `drop` them.")
    ] = "send"
    value_caps: Annotated[
        dict[str, float],
        Meta(description="Largest value per currency an untrusted browser event may claim; above it is held back."),
    ] = msgspec.field(default_factory=dict)
    currencies: Annotated[
        tuple[str, ...], Meta(description="Currencies an untrusted browser event may name. Empty: any.")
    ] = ()
    events_per_minute: Annotated[
        float,
        Meta(description="Events per minute that one client address (IPv6: /64) may send to the browser doors, a minute's "
             "worth at once; above, 429. An office or a mobile carrier is one address too. 0: any.", ge=0),
    ] = 600  # fmt: skip
    name_events_per_minute: Annotated[
        float,
        Meta(description="Untrusted browser events per minute of one event name, from all clients together; above, 429. "
             "0: any.", ge=0),
    ] = 0  # fmt: skip
    shift_factor: Annotated[
        float,
        Meta(description="How many times the expected untrusted browser events of a name may become in an hour before "
             "they are kept back as `quarantine`. 0: off.", ge=0, le=1000),
    ] = 5  # fmt: skip


class PrivacySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    core_setup: Annotated[
        bool, Meta(description="Send the site's address without path and only standard parameters.")
    ] = False
    sensitive: Annotated[
        tuple[str, ...],
        Meta(description="Categories whose words hold an event's custom values and address back: `health`, `finance`, "
             "`minors`, `beliefs`, `sexuality`."),
    ] = ("health", "finance", "minors", "beliefs", "sexuality")  # fmt: skip
    allow_custom: Annotated[
        tuple[str, ...], Meta(description="Custom properties that are always kept, whatever they are called.")
    ] = ()


class WaysInSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    segment_key: Annotated[
        str | tuple[str, ...],
        Meta(description="Write key of Segment's and RudderStack's clients on servers; a list while it is rotated. Who shows "
             "it is trusted as a server with the dataset's `key`. Empty: no such sender is let in."),
    ] = ""  # fmt: skip
    segment_page_key: Annotated[
        str,
        Meta(description="Write key of the same clients in pages, where everybody can read it: their word is a browser's. "
             "Another one than `segment_key`."),
    ] = ""  # fmt: skip
    measurement_ids: Annotated[
        tuple[str, ...],
        Meta(description="Measurement ids of Google Analytics whose hits (`/g/collect`) and Measurement Protocol bodies are this "
             "dataset's, e.g. `G-ABC1234567`."),
    ] = ()  # fmt: skip
    mp_secret: Annotated[
        str | tuple[str, ...],
        Meta(description="What servers present as `api_secret` of the Measurement Protocol; a list while it is rotated. Empty: no such "
             "sender is let in."),
    ] = ""  # fmt: skip
    consent_categories: Annotated[
        dict[str, str],
        Meta(description='What a category of your consent banner stands for, as in `C0004 = "marketing"`; `necessary` for '
             "one on which nothing depends."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    integrations: Annotated[
        dict[str, str],
        Meta(description='What a name in `integrations` of a message stands for, where it is no platform\'s own, as in '
             '`"Ads of the outlet" = "tiktok-outlet"`: the name of a [[destination]] of this dataset, or a platform.'),
    ] = msgspec.field(default_factory=dict)  # fmt: skip


class DatasetSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Annotated[str, Meta(description="Meta dataset (pixel) id.", min_length=1, max_length=64)]
    name: Annotated[
        str,
        Meta(
            description="What its people call it, e.g. the shop's name: shown in the console in place of the id.",
            max_length=60,
        ),
    ] = ""
    key: Annotated[
        str, Meta(description="What server senders present as access_token. Empty: no server sender is let in.")
    ] = ""
    origins: Annotated[
        tuple[str, ...],
        Meta(description="Sites whose browsers may send, e.g. `https://shop.example`. Empty: any."),
    ] = ()
    hold_s: Annotated[
        dict[str, float],
        Meta(description="Seconds an action waits for its other copy, per event name; names not listed do not wait."),
    ] = msgspec.field(default_factory=lambda: {"Purchase": 20.0})
    country: Annotated[
        str,
        Meta(description="ISO 3166 country of a local phone number when the event names none. Empty: such numbers "
             "are left out rather than sent wrong."),
    ] = ""  # fmt: skip
    hash_variants: Annotated[
        tuple[str, ...],
        Meta(description="Ambiguous match keys that are sent in further forms too, the documented one first: of `ph`, "
             "`fn`, `ln`, `ct`, `st`, `zp`, `db`."),
    ] = ()  # fmt: skip
    bots: Annotated[str, Meta(description="Events of known robots: `suppress` (kept, marked, not sent) or `send`.")] = (
        "suppress"
    )
    orders: OrderSettings = OrderSettings()
    consent: ConsentSettings = ConsentSettings()
    trust: TrustSettings = TrustSettings()
    privacy: PrivacySettings = PrivacySettings()
    ways_in: WaysInSettings = WaysInSettings()


PURPOSES = ("marketing", "ad_user_data", "personalization", "analytics", "sale_of_data")
SENSITIVE = ("health", "finance", "minors", "beliefs", "sexuality")
