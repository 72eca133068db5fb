"""The settings of what brings the other side's word in, and of how reports count it: files, accounts, money, days.

Owns `[[import]]`, `[[account]]`, `[money]`, `[analytics]` and `[chain]`. What is refused is in `checks/accounts` and `check`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct


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
        str,
        Meta(
            description="Time zone of times without one, e.g. `Europe/Berlin`. Empty: that of `[chain] timezone`, and it is said."
        ),
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


PULLED = ("nbg", "ecb", "meta", "google_ads", "tiktok", "ga4", "stripe", "shopify", "bog", "tbc")
"""Platforms, shops and banks that can be asked."""
IMPORT_KINDS = ("orders", "spend", "ga4", "payouts", "remittances", "parcels", "bank", "rates", "costs", "survey")
