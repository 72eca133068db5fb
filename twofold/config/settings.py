"""The whole of the settings: frozen, typed. Their structs are the one table of names, units, defaults and help.

Owns the server, what it sends to, how long it keeps and the console; other tables stand beside this file (`datasets`, `sources`,
`money`, `declarations`, `alerts`, `audiences`) and are put together here. `describe_settings` walks all of them, so
docs/settings.md and ``twofold check`` cannot drift from the code. Not: how they are read (`read`) and what is refused (`check`).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from twofold.config.alerts import AlertSettings
from twofold.config.audiences import AudienceSettings
from twofold.config.datasets import (
    ConsentSettings,
    DatasetSettings,
    OrderSettings,
    PrivacySettings,
    TrustSettings,
    WaysInSettings,
)
from twofold.config.declarations import EventDeclaration, PropertyDeclaration, SchemaSettings
from twofold.config.money import AccountSettings, AnalyticsSettings, ChainSettings, ImportSettings, MoneySettings
from twofold.config.sources import SourceSettings


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    data: Annotated[
        str,
        Meta(
            description="Folder that holds everything; made with mode 0700 when missing. A relative one is beside the "
            "configuration file."
        ),
    ] = "data"
    store: Annotated[
        str,
        Meta(description="Empty: the database is a file in `data`. Or a PostgreSQL database of its own (`postgresql://…`, as "
             "`env:NAME`), a preview: docs/postgres.md says what is there. `data` is needed beside it."),
    ] = ""  # fmt: skip
    host: Annotated[str, Meta(description="Address to listen on. Put a TLS proxy in front before opening it.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(description="Port to listen on; 0 takes a free one.", ge=0, le=65535)] = 8400
    address: Annotated[
        str,
        Meta(description="Address by which browsers and shops reach this gateway, e.g. `https://gateway.shop.example`: what "
             "`twofold snippet`, `connect` and `doctor` write and ask. Where it listens is `host` and `port`."),
    ] = ""  # fmt: skip
    tag_path: Annotated[
        str, Meta(description="Where the tag and its endpoint are served, e.g. `/t` gives `/t/twofold.js`.")
    ] = "/t"
    status_token: Annotated[
        str,
        Meta(description="What whoever may read `/metrics` and the details of `/health` shows as `Authorization: Bearer`, 16 "
             "characters or more. Empty: nobody; `/health` answers one word to all."),
    ] = ""  # fmt: skip
    log: Annotated[
        str,
        Meta(
            description="Form of the log on standard error: `text`, or `json`, one object a line.",
            pattern="^(text|json)$",
        ),
    ] = "text"
    strict: Annotated[
        bool, Meta(description="Refuse a whole batch for one invalid event, as Meta does, instead of only that event.")
    ] = False
    proxies: Annotated[
        int,
        Meta(
            description="How many reverse proxies stand in front; the client address is read that far into "
            "X-Forwarded-For. 0 ignores the header.",
            ge=0,
            le=10,
        ),
    ] = 0
    window_days: Annotated[
        int, Meta(description="How long a fold key is remembered. 63 when physical-store events are sent.", ge=8, le=90)
    ] = 8
    max_body_bytes: Annotated[
        int, Meta(description="Largest request body in bytes, after decompression.", ge=1024, le=64 << 20)
    ] = 4 << 20
    max_queue: Annotated[
        int, Meta(description="Events waiting for the disk before new ones are answered 503.", ge=64, le=1_000_000)
    ] = 20_000
    refused_keep: Annotated[
        int, Meta(description="How many refused bodies are kept, masked; the oldest go first.", ge=100, le=10_000_000)
    ] = 100_000


class RetentionSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    address_days: Annotated[
        int, Meta(description="Days after which IP address and user agent are emptied, once nothing waits.", ge=1)
    ] = 30
    click_ids_days: Annotated[int, Meta(description="The same for click ids and browser ids.", ge=1)] = 90
    contact_days: Annotated[
        int,
        Meta(
            description="The same for hashed contact data, and by what an order's buyer is recognised: who comes back "
            "later is a new customer, not for certain.",
            ge=1,
        ),
    ] = 180
    people_days: Annotated[
        int,
        Meta(
            description="Days for which identifiers seen together are remembered, no longer than contact_days.",
            ge=1,
            le=730,
        ),
    ] = 30
    touch_days: Annotated[
        int,
        Meta(description="Days for which it is remembered where visits, chats and orders came from.", ge=1, le=1_500),
    ] = 400
    buyer_days: Annotated[
        int,
        Meta(
            description="Days from an order for which a keyed digest of its buyer's name says whose a bank transfer is. "
            "Whether a customer is new is known by contact_days.",
            ge=1,
        ),
    ] = 1_100
    payload_days: Annotated[int, Meta(description="Days for which sent bytes are kept.", ge=1)] = 30
    refused_days: Annotated[int, Meta(description="Days for which refused bodies are kept.", ge=1)] = 30
    audit_days: Annotated[int, Meta(description="Days for which it is kept what was shared with whom.", ge=30)] = 365


class DestinationSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    platform: Annotated[
        str, Meta(description="Who owns the API: one of those of docs/destinations.md, as `meta` or `ga4`.")
    ]
    dataset: Annotated[str, Meta(description="The dataset here whose actions are delivered.")]
    endpoint: Annotated[
        str, Meta(description="Base address of the platform's API, or of the sandbox. Default: the platform's own.")
    ] = ""
    token: Annotated[str, Meta(description="Access token or API secret of the platform.")] = ""
    name: Annotated[str, Meta(description="Name in commands and reports. Default: platform and remote dataset.")] = ""
    remote_dataset: Annotated[
        str, Meta(description="The id there: of the dataset, pixel, stream or account. Default: the same as `dataset`.")
    ] = ""
    version: Annotated[
        str, Meta(description="API version, where the address or a header has one. Default: the one that was checked.")
    ] = ""
    token_ends: Annotated[
        str,
        Meta(
            description="The day on which the token ends, e.g. `2027-03-31`, so that it is named before. Empty: Meta is asked "
            "once a day.",
            pattern=r"^(\d{4}-\d{2}-\d{2})?$",
        ),
    ] = ""
    app_secret: Annotated[str, Meta(description="App secret; when set, appsecret_proof is sent.")] = ""
    test_event_code: Annotated[
        str,
        Meta(description="Sent with every request, to watch in Test Events; where a platform has no code, any text turns its test "
             "mode on. Remove it in production."),
    ] = ""  # fmt: skip
    batch: Annotated[int, Meta(description="Events per request at most.", ge=1, le=1000)] = 200
    timeout_s: Annotated[float, Meta(description="Seconds one request may take in all.", gt=0, le=120)] = 10.0
    purposes: Annotated[
        tuple[str, ...] | None,
        Meta(description="What a shopper must not have denied for this destination: of `marketing`, `ad_user_data`, "
             "`personalization`, `analytics`, `sale_of_data`. Default: `marketing` and `ad_user_data`, or what the platform needs."),
    ] = None  # fmt: skip
    only: Annotated[
        tuple[str, ...],
        Meta(
            description="Events that leave for it. Default: all, or those of the platform's page in docs/destinations.md."
        ),
    ] = ()
    events: Annotated[
        dict[str, str],
        Meta(description="Our event name to the platform's own, or to an id that it has for it, as of a conversion action; an empty "
             'text keeps the event from leaving: `events = { Lead = "" }`.'),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    share: Annotated[
        float,
        Meta(description="Share of the browsers whose events leave for it, as 0.1; the same browser is always in or always out.",
             gt=0, le=1),
    ] = 1.0  # fmt: skip
    hold_s: Annotated[
        dict[str, float],
        Meta(description="Seconds an action waits here before it leaves, from its first copy, per event name; `*` for all others. It "
             "leaves with what is known by then, and not at all when its order was cancelled or consent was taken back."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    value: Annotated[
        str,
        Meta(description="What an order is told to be worth here: `revenue` or `margin`. Default: as `told_value` of "
             "`[dataset.orders]` says.", pattern="^(revenue|margin)?$"),
    ] = ""  # fmt: skip
    margin_unknown: Annotated[
        str,
        Meta(description="An order of which a cost is unknown, where margins are told: `revenue` is told in its place, marked; `wait` "
             "for the cost, two days at most; or `refuse`: it does not leave.", pattern="^(revenue|wait|refuse)$"),
    ] = "revenue"  # fmt: skip
    counts_when: Annotated[
        str,
        Meta(description="When an order becomes a Purchase for this destination: `placed`, `confirmed`, `paid` or `delivered`, whatever "
             "its payment. Default: as `[dataset.orders]` says."),
    ] = ""  # fmt: skip
    options: Annotated[
        dict[str, str],
        Meta(description="What only this platform has: docs/destinations.md, each on the platform's page."),
    ] = msgspec.field(default_factory=dict)


class SourceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: Annotated[
        str,
        Meta(description="What sends the webhook: `shopify`, `woocommerce`, `stripe`, `own`, `hubspot`, `pipedrive`, "
             "`chat`, `mapped` (any system's, by `fields`), of payments `adyen`, `mollie`, `paypal`, `bog` (docs/payments.md), or of parcels `easypost`, `shippo`, "
             "`aftership`, `courier` (docs/couriers.md). What only names its orders, or is asked from time to time: docs/fetching.md."),
    ]  # fmt: skip
    dataset: Annotated[str, Meta(description="The dataset its orders belong to.")]
    shop: Annotated[str, Meta(description="Shop name in the webhook path, e.g. `demo.myshopify.com`.", min_length=1)]
    secret: Annotated[
        str | tuple[str, ...],
        Meta(description="Signing secret, 16 characters or more; a list of two while it is being rotated. Only a source that is asked "
             "and never sends needs none."),
    ] = ""  # fmt: skip
    path: Annotated[
        str,
        Meta(description="Webhook path. Default: `/webhooks/{type}/{shop}`; of `shippo` and `courier`, which may be unable "
             "to sign, with `/{secret}` behind it."),
    ] = ""  # fmt: skip
    event_id: Annotated[
        str,
        Meta(description="Id of the Purchase: `secret`, from the checkout's token or the order's key, which nobody can "
             "guess; `order`, from the order's id; `native`, the id that the platform's own app uses, where the order "
             "carries it. Left out: `secret`, and `order` in a data folder of version 0.2 (`twofold check` says when to "
             "change it)."),
    ] = ""  # fmt: skip
    signature: Annotated[
        str,
        Meta(description="For `mapped`, how the system signs: `hmac-sha256-hex`, `hmac-sha256-base64`, `hmac-sha1-hex`, "
             "`hmac-sha512-hex`, `hmac-sha512-base64` (of the body, in `signature_header`), `jws-rs256` (a detached JSON Web Signature there; the secret is the public key), `standard` (Standard Webhooks), `twofold` (as a shop "
             "of its own), `path` (not at all: the secret stands in the address). For `mollie`: `path` for its older webhooks."),
    ] = ""  # fmt: skip
    signature_header: Annotated[
        str,
        Meta(description="For `mapped` with an `hmac-…` or `jws-rs256`: the header field that holds the signature."),
    ] = ""
    only: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description='For `mapped`: what must stand where in a body for it to be read, e.g. `{ "event" = ["order.paid"] }`. For `bog`: '
             'whose payments count, `{ "body.client.id" = ["10000"] }`.'),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    fields: Annotated[
        dict[str, str],
        Meta(description='Where a system has custom fields: our name to theirs, e.g. `fbc = "fb_click_id"`. For `mapped`: our field to the '
             "place of theirs (docs/ways-in.md)."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    stages: Annotated[
        dict[str, str],
        Meta(
            description="For a CRM or `chat`: their stage or status to the event it stands for. For `woocommerce`: a status of the shop's own to a state of ours (docs/woocommerce.md). For a `courier`: their word to "
            "a state of ours. For `mapped`: their word to ours, in any field. For `adyen`: what an `AUTHORISATION` is, `paid` or `authorised`."
        ),
    ] = msgspec.field(default_factory=dict)
    currency: Annotated[str, Meta(description="Currency of a system whose records have none (ISO 4217).")] = ""
    endpoint: Annotated[
        str,
        Meta(description="Where a source is asked (docs/fetching.md): the shop's own base address, or a provider's other than its usual. "
             "Nobody else is ever asked, whatever a notice says."),
    ] = ""  # fmt: skip
    token: Annotated[str, Meta(description="What lets us in there, as `env:NAME`: access token or key of the API.")] = (
        ""
    )
    client_id: Annotated[str, Meta(description="Or the name of the access, where it has a name and a secret.")] = ""
    client_secret: Annotated[str, Meta(description="And its secret, as `env:NAME`.")] = ""
    timezone: Annotated[
        str, Meta(description="Of a shop that tells its times without their zone: the shop's own, e.g. `Europe/Paris`.")
    ] = "UTC"
    every_minutes: Annotated[
        int,
        Meta(description="How often a source that lists its changes is asked for them; -1 as its page says, 0 never.", ge=-1, le=1_440),
    ] = -1  # fmt: skip
    asks_per_minute: Annotated[int, Meta(description="Questions to a source in a minute, at most.", ge=1, le=6_000)] = (
        120
    )
    verify_token: Annotated[
        str, Meta(description="For `chat`: the word you also enter at Meta, so that it can connect its webhooks.")
    ] = ""


class ImportSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, Meta(description="Name for `--mapping` of `twofold import`.")]
    columns: Annotated[
        dict[str, str],
        Meta(
            description="Our field to the file's column header; fields: docs/import.md, of other kinds docs/money.md."
        ),
    ]
    kind: Annotated[
        str,
        Meta(description="What the file holds: `orders` (also sales), `spend`, `ga4`, `payouts`, `remittances`, `parcels`, "
             "`bank`, `rates`, `costs` or `survey`."),
    ] = "orders"  # fmt: skip
    values: Annotated[
        dict[str, dict[str, str]],
        Meta(description="For a field with words (`status`, `payment_status`, `method`, `kind`): their word to ours."),
    ] = msgspec.field(default_factory=dict)
    source: Annotated[
        str,
        Meta(
            description="Of other kinds than orders: whose file it is, such as a courier or a provider. Default: the name."
        ),
    ] = ""
    account: Annotated[
        str, Meta(description="Of other kinds than orders: the account there, when no column has it.")
    ] = ""
    unit: Annotated[
        str,
        Meta(
            description="Of the kind `spend`: `micro` where amounts are in millionths, as Snap, X and Reddit have them."
        ),
    ] = ""
    timezone: Annotated[
        str, Meta(description="Time zone of times without one, e.g. `Europe/Berlin`. Empty: UTC, and it is said.")
    ] = ""
    currency: Annotated[str, Meta(description="Currency when no column has it (ISO 4217).")] = ""
    decimal: Annotated[
        str, Meta(description="Decimal sign of amounts: `.` or `,`. Empty: found from each column, when it shows it.")
    ] = ""
    dates: Annotated[
        str, Meta(description="Days like 05/04/2026: `dmy` or `mdy`. Empty: found from each column, when it shows it.")
    ] = ""


class MoneySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    text: Annotated[
        str,
        Meta(description="What is kept of the free text and the names of statements: `masked` keeps what looks like an order, "
             "a parcel, a batch or a payment; `kept` keeps all of it for `text_days`, for lines imported from then on."),
    ] = "masked"  # fmt: skip
    text_days: Annotated[
        int, Meta(description="Days after which text and names that were kept are masked.", ge=1, le=3650)
    ] = 90
    order_prefixes: Annotated[
        tuple[str, ...],
        Meta(description="How the shop's order numbers begin, e.g. `#` or `TB-`: what begins so and goes on with a digit is "
             "kept of a text."),
    ] = ("#",)  # fmt: skip


class AnalyticsSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    engine: Annotated[
        str,
        Meta(description="Where reports are asked: `duckdb` on this machine, `spark`, or a connection to PostgreSQL "
             "(`postgresql://…`, as `env:NAME`), into which the days that are asked for are copied."),
    ] = "duckdb"  # fmt: skip
    folder: Annotated[
        str,
        Meta(description="Where the tables that reports ask lie, also a mount of an object store. Empty: `facts`; a relative "
             "one lies in the data folder."),
    ] = ""  # fmt: skip
    memory_mb: Annotated[
        int, Meta(description="Megabytes that one question may take; past them it is ended, and says so.", ge=128)
    ] = 2048
    deadline_s: Annotated[float, Meta(description="Seconds that one question may take.", gt=0, le=3600)] = 120.0
    every_minutes: Annotated[
        float,
        Meta(description="How often the gateway makes the tables of the days that changed. 0: only when a report asks.", ge=0,
             le=1440),
    ] = 15.0  # fmt: skip


class AccountSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    platform: Annotated[
        str,
        Meta(description="Who is asked: `nbg`, `ecb`, `meta`, `google_ads`, `tiktok`, `ga4`, `stripe`, `shopify`, `bog` or `tbc`."),
    ]  # fmt: skip
    id: Annotated[
        str,
        Meta(description="The account there: ad account, customer, advertiser, property, shop (`demo.myshopify.com`), or "
             "the bank account's IBAN. Not for rates."),
    ] = ""  # fmt: skip
    name: Annotated[str, Meta(description="Name in commands and reports. Default: platform and id.")] = ""
    token: Annotated[
        str,
        Meta(description="What it lets us in by, as `env:NAME`: access token, or with `client_id` the refresh token."),
    ] = ""
    client_id: Annotated[
        str,
        Meta(description="Of your own application at Google, the Bank of Georgia or TBC, by which access is renewed."),
    ] = ""
    client_secret: Annotated[str, Meta(description="Its secret.")] = ""
    developer_token: Annotated[str, Meta(description="Of Google Ads.")] = ""
    login_id: Annotated[
        str, Meta(description="Of Google Ads: the manager account by which the customer is reached.")
    ] = ""
    endpoint: Annotated[
        str, Meta(description="Base address of the API, or of the sandbox. Default: the platform's own.")
    ] = ""
    version: Annotated[str, Meta(description="Version of the API. Default: the one that was last tried.")] = ""
    currency: Annotated[str, Meta(description="Of a bank account (ISO 4217). Others say it themselves.")] = ""
    timezone: Annotated[
        str, Meta(description="Zone of `pull` and of today, e.g. `Asia/Tbilisi`. Days are told in the account's own zone.")
    ] = "UTC"  # fmt: skip
    columns: Annotated[
        dict[str, str],
        Meta(description="Of TikTok: which of its metrics are `claimed_count` and `claimed_value`, e.g. "
             '`claimed_value = "total_complete_payment_rate"`.'),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    pull: Annotated[
        str, Meta(description="Time of the day at which a running gateway asks, e.g. `05:30`. Empty: never by itself.")
    ] = ""
    days: Annotated[
        int, Meta(description="How many days back it asks each time: platforms revise what they said.", ge=1, le=730)
    ] = 28


class ChainSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    currency: Annotated[
        str, Meta(description="Currency of reports (ISO 4217). Empty: that of most orders.", pattern="^([A-Z]{3})?$")
    ] = ""
    timezone: Annotated[
        str, Meta(description="Zone in which a report's days begin, e.g. `Asia/Tbilisi`: the shop's own.")
    ] = "UTC"
    vat: Annotated[
        str,
        Meta(description="Percent of tax contained in the totals of orders that tell none, e.g. `18`. Empty: no tax is taken "
             "out of them.", pattern=r"^(\d{1,2}(\.\d{1,4})?)?$"),
    ] = ""  # fmt: skip
    confirm_days: Annotated[
        int, Meta(description="Days after which an order that nobody confirmed is lost as `unconfirmed`.", ge=0, le=365)
    ] = 7
    history_days: Annotated[
        int, Meta(description="Days from the ledger's first order in which a new customer is not sure.", ge=0, le=3650)
    ] = 90
    courier_days: Annotated[
        int,
        Meta(
            description="Days from a delivery to the courier's money, until 30 parcels tell its own habit.",
            ge=0,
            le=365,
        ),
    ] = 7
    payout_days: Annotated[
        int,
        Meta(description="Days from a payment to the provider's payout, where its line does not say.", ge=0, le=365),
    ] = 7
    meta_day: Annotated[
        str,
        Meta(description="On which day Meta's imported reports put a purchase: `conversion`, that of the purchase, or `click`.",
             pattern="^(conversion|click)$"),
    ] = "conversion"  # fmt: skip
    cash_step: Annotated[
        dict[str, str],
        Meta(description='By how much couriers may round cash, by currency, e.g. `GEL = "0.10"`. Others: to the cent.'),
    ] = msgspec.field(default_factory=lambda: {"GEL": "0.10"})
    transfer_short: Annotated[
        dict[str, str],
        Meta(
            description="By how much a buyer's transfer may fall short of the order, by currency. Others: by nothing."
        ),
    ] = msgspec.field(default_factory=dict)
    transfer_over: Annotated[
        dict[str, str],
        Meta(description="By how much it may be over, by currency. Others: by 1.00."),
    ] = msgspec.field(default_factory=dict)
    converted_most: Annotated[
        str,
        Meta(
            description="By how much a payment that was converted may be off at most, of 0.5 %.",
            pattern=r"^\d{1,6}(\.\d{1,4})?$",
        ),
    ] = "1.00"
    bank_fee: Annotated[
        dict[str, str],
        Meta(description="What the bank takes of each credit of a provider or courier, e.g. `stripe = \"0.50\"` or "
             '`"courier:one" = "1.00"`. Others: nothing.'),
    ] = msgspec.field(default_factory=dict)  # fmt: skip
    answers: Annotated[
        dict[str, str],
        Meta(description="Which channel an answer to \"how did you hear about us?\" means, e.g. `\"A friend\" = \"referral\"`; its case does "
             "not matter. An answer that is a channel's name means that one. Others are listed, and mean none."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip


class PropertyDeclaration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    type: Annotated[
        str,
        Meta(description="What its value is: `text`, `number`, `boolean`, `list`, `object` or `any`.",
             pattern="^(text|number|boolean|list|object|any)$"),
    ]  # fmt: skip
    owner: Annotated[str, Meta(description="Who answers for it. Default: who answers for the event.")] = ""
    purpose: Annotated[str, Meta(description="What it is sent for. Default: what the event is.")] = ""
    sensitivity: Annotated[
        str,
        Meta(description="`open`, or `sensitive`: it leaves for no platform.", pattern="^(open|sensitive)$"),
    ] = "open"


class EventDeclaration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[
        str,
        Meta(description="An event of your own, a documented one that has properties of your own, or `*` for properties of all.",
             min_length=1, max_length=50),
    ]  # fmt: skip
    owner: Annotated[str, Meta(description="Who answers for it: a person or a team.", min_length=1)]
    purpose: Annotated[str, Meta(description="What it is sent for.", min_length=1)]
    properties: Annotated[
        dict[str, PropertyDeclaration],
        Meta(description="Its custom properties by name, each a table: `[schema.event.properties.NAME]` below its event."),
    ] = msgspec.field(default_factory=dict)  # fmt: skip


class SchemaSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    undeclared: Annotated[
        str,
        Meta(description="Events and properties that are neither documented nor declared: `count` them (`twofold schema --undeclared`), or "
             "`refuse` such an event and leave such a property out.", pattern="^(count|refuse)$"),
    ] = "count"  # fmt: skip
    event: Annotated[
        tuple[EventDeclaration, ...], Meta(description="What is declared, each a table `[[schema.event]]`.")
    ] = ()


class ConsoleSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    host: Annotated[
        str, Meta(description="Address that the console listens on. Put a TLS proxy in front before opening it.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port of the console; 0 takes a free one.", ge=0, le=65535)] = 8402
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Names under which the console is reached through a proxy, e.g. `console.shop.example`. Any other "
             "name is refused."),
    ] = ()  # fmt: skip
    proxies: Annotated[
        int,
        Meta(description="How many reverse proxies stand in front of the console; as `server.proxies`.", ge=0, le=10),
    ] = 0
    identity_header: Annotated[
        str,
        Meta(description="Header in which a proxy that logs people in names who is there, e.g. `X-Forwarded-User`, as the "
             "alternative to a password. The proxy has to take it off what browsers send.", pattern="^([A-Za-z0-9-]{1,60})?$"),
    ] = ""  # fmt: skip
    identity_from: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks of that proxy, e.g. `10.0.0.5`. From any other the header is not believed."),
    ] = ()  # fmt: skip
    name: Annotated[str, Meta(description="The shop's name, on top of every page.", max_length=60)] = ""
    timezone: Annotated[str, Meta(description="The shop's time zone: whose days the pages count.")] = "UTC"
    language: Annotated[
        str, Meta(description="Language for whoever asks for none that there is: `en` or `ka`.", pattern="^(en|ka)$")
    ] = "en"


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration. Lookups by id are made by `policies`."""

    server: ServerSettings = ServerSettings()
    dataset: tuple[DatasetSettings, ...] = ()
    destination: tuple[DestinationSettings, ...] = ()
    source: tuple[SourceSettings, ...] = ()
    imports: tuple[ImportSettings, ...] = msgspec.field(default=(), name="import")
    account: tuple[AccountSettings, ...] = ()
    alert: tuple[AlertSettings, ...] = ()
    audience: tuple[AudienceSettings, ...] = ()
    retention: RetentionSettings = RetentionSettings()
    money: MoneySettings = MoneySettings()
    analytics: AnalyticsSettings = AnalyticsSettings()
    chain: ChainSettings = ChainSettings()
    schema: SchemaSettings = SchemaSettings()
    console: ConsoleSettings | None = None  # None: the gateway starts none


SECTIONS: tuple[tuple[str, type[Struct]], ...] = (
    ("[server]", ServerSettings),
    ("[[dataset]]", DatasetSettings),
    ("[dataset.orders]", OrderSettings),
    ("[dataset.consent]", ConsentSettings),
    ("[dataset.trust]", TrustSettings),
    ("[dataset.privacy]", PrivacySettings),
    ("[dataset.ways_in]", WaysInSettings),
    ("[[destination]]", DestinationSettings),
    ("[[source]]", SourceSettings),
    ("[[import]]", ImportSettings),
    ("[[account]]", AccountSettings),
    ("[[alert]]", AlertSettings),
    ("[[audience]]", AudienceSettings),
    ("[retention]", RetentionSettings),
    ("[money]", MoneySettings),
    ("[analytics]", AnalyticsSettings),
    ("[chain]", ChainSettings),
    ("[schema]", SchemaSettings),
    ("[[schema.event]]", EventDeclaration),
    ("[schema.event.properties.NAME]", PropertyDeclaration),
    ("[console]", ConsoleSettings),
)


def describe_settings() -> list[tuple[str, str, str, str]]:
    """Rows of (section, name, default, help) for the documentation and ``twofold check``."""
    rows = []
    for section, struct in SECTIONS:
        for field in msgspec.structs.fields(struct):
            if isinstance(field.type, type) and issubclass(field.type, Struct):
                continue  # a table of its own
            meta = getattr(field.type, "__metadata__", ())
            help_text = next((m.description for m in meta if isinstance(m, Meta) and m.description), "")
            default = "required" if field.required else _show_default(field)
            rows.append((section, field.name, default, help_text))
    return rows


def _show_default(field: Any) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.encode(value).decode()
