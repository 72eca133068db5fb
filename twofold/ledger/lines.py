"""Money, parcels, advertising and rates as lines: what one row of a file, one webhook or one answer says.

Owns the shapes that every statement, payout, remittance, report of an advertising platform, courier and table of rates
or costs is brought into. A line is evidence: append-only, with who said it and where it stands; what is wrong is undone
by a second line. Which line is the same as another is `identity`, what pays what is worked out by `reconcile`.

Money is Decimal in the currency named beside it, from the merchant's side: what comes in is positive. Times are Unix s;
``zone`` is the zone in which a day was told. Nothing here holds contact data: a reader gives counterparts and free text
beside its lines (`Told`), and the importer turns them into keyed digests and masked text before anything is kept.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct


class MoneyKind(StrEnum):
    """What a movement of money is."""

    CHARGE = "charge"
    REFUND = "refund"
    FEE = "fee"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    RESERVE_HOLD = "reserve_hold"
    RESERVE_RELEASE = "reserve_release"
    PAYOUT = "payout"  # the batch leaves for the bank: negative at the provider
    PAYOUT_FAILED = "payout_failed"
    COD_COLLECTED = "cod_collected"
    COD_FEE = "cod_fee"
    FREIGHT = "freight"
    FREIGHT_RETURN = "freight_return"
    ADJUSTMENT = "adjustment"
    TAX_WITHHELD = "tax_withheld"
    BANK_CREDIT = "bank_credit"
    BANK_DEBIT = "bank_debit"


class MoneyLine(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="money"):
    """One movement of money as its source wrote it. ``net`` is ``gross - fee``: a row that breaks it is refused.

    ``id``: the source's own, unique within the account; empty where it has none, then a fingerprint stands for it.
    ``references``: keys to orders and other lines as ``kind:value``, e.g. ``order:1001``, ``payment_intent:pi_…``,
    ``charge:ch_…``, ``parcel:…``, ``capture:…``, ``creditor:RF…``, ``bank_reference:…``, ``payment:…`` (of a refund or
    dispute: whose money it is). ``status``, ``batch``, ``available_at`` and ``value_at`` may change when the line comes
    again; they are not part of what it is.
    """

    source: str  # "stripe", "shopify_payments", "paypal", "adyen", "klarna", "courier:NAME", "bank", a mapping's name
    account: str  # the provider's or the bank's account of the merchant; empty where the file does not say
    id: str = ""
    kind: MoneyKind
    gross: Decimal
    fee: Decimal = Decimal(0)
    net: Decimal
    currency: str
    at: int  # when it happened; of a bank line the booking day at 00:00 in its zone
    zone: str = "UTC"
    day_only: bool = False  # ``at`` is a day, the source tells no time
    available_at: int | None = None
    value_at: int | None = None
    batch: str = ""
    references: tuple[str, ...] = ()
    status: str = "booked"  # "booked", "pending", "hold", "info": only booked lines move money
    original: Decimal | None = None  # the amount before a conversion, in ``original_currency``
    original_currency: str = ""
    rate: Decimal | None = None  # units of ``currency`` for one of ``original_currency``, where the line says it
    counterpart: tuple[str, ...] = ()  # keyed digests: "name:…", "account:…", "phone:…", "email:…"
    text: str = ""  # masked; as written it stands beside the line, where [money] text = "kept"
    mark: str = ""  # keyed digest of the plain text without blanks: what stands for a line without an id never changes
    form: str = ""  # how it was told: the format and its layout; empty for what no file told. No part of what it is


class Batch(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="batch"):
    """A payout or remittance that groups lines. ``net`` is what it declares; None where its file declares nothing."""

    source: str
    account: str = ""
    id: str
    kind: str  # "payout", "remittance"
    net: Decimal | None = None
    currency: str
    at: int  # when it was issued
    zone: str = "UTC"  # in which it and ``expected_at`` are told: midnight there is a day without a time
    expected_at: int | None = None  # when the money should be on the bank
    bank_reference: str = ""  # what stands on the bank's line
    status: str = ""  # the source's word, e.g. "paid", "failed"
    lines: int | None = None  # how many lines it should hold, where its source says


class Statement(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="statement"):
    """One statement or page of a bank account. It closes when ``opening`` plus its booked entries is ``closing``."""

    source: str = "bank"
    account: str
    id: str  # the bank's number, else the span
    currency: str
    since: str  # day, YYYY-MM-DD
    until: str
    opening: Decimal | None = None
    closing: Decimal | None = None
    entries: Decimal = Decimal(0)  # sum of the booked entries that the file holds
    covers_first: bool = True  # False: the file begins, or ends, in the middle of a day
    covers_last: bool = True


class Claim(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Conversions that a platform says it brought, in one of its windows.

    ``setting``: as the ad set is set; ``1d_view``, ``7d_click``, …: as asked for, overlapping; ``click_day`` and
    ``conversion_day``: the same conversions on the click's and on their own day; ``view_through``: views only. Windows
    are never summed, but for ``7d_click`` and ``1d_view``, whose sum is meant.
    """

    window: str
    count: Decimal | None = None
    value: Decimal | None = None  # in the currency of the spend
    alias: str = ""  # which of the platform's names for a purchase was taken


REST = "rest"
INVOICE = "invoice"


class Spend(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="spend"):
    """What one advertisement (or ad set, campaign, account: the finest that the source names) cost on one day.

    ``level`` `REST`: what a campaign cost beyond its ads, which stand beside it; `INVOICE`: an invoice of a period,
    booked on its day, with an amount of 0. Of a campaign told at several levels the finest counts, and its rest.
    """

    source: str  # "meta", "google_ads", "tiktok", "microsoft", … or the operator's own channel
    account: str = ""
    level: str  # "ad", "adset", "campaign", "account", `REST`, `INVOICE`
    day: str  # YYYY-MM-DD in the account's zone
    zone: str = ""  # empty: not told
    campaign_id: str = ""
    campaign: str = ""
    adset_id: str = ""
    adset: str = ""
    ad_id: str = ""
    ad: str = ""
    currency: str
    amount: Decimal
    invoiced: Decimal | None = None
    impressions: int | None = None
    clicks: int | None = None
    setting: str = ""  # the attribution setting, as the source writes it
    claims: tuple[Claim, ...] = ()  # one name of the platform's for a purchase: the one for ROAS
    site_claims: tuple[Claim, ...] = ()  # the website's part of the same purchases, for the bridge of a shop's day


NOT_SET = "(not set)"
"""The id of purchases that have none, in a source that tells ids: no sum of a day."""


class SiteDay(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="site_day"):
    """What GA4 (or another counter of the site) says of one day, or of one purchase of it.

    ``transaction`` is empty for a sum, `NOT_SET` for purchases without an id. ``None`` means not told, never 0.
    """

    source: str = "ga4"
    account: str = ""  # the property
    day: str
    zone: str = ""
    currency: str
    transaction: str = ""
    medium_source: str = ""  # session source
    medium: str = ""
    campaign: str = ""
    channel: str = ""
    purchases: Decimal | None = None
    revenue: Decimal | None = None  # less refunds
    gross_revenue: Decimal | None = None
    refunds: Decimal | None = None
    sessions: int | None = None
    flags: tuple[str, ...] = ()  # "sampled", "threshold", "other_row"


class ParcelLine(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="parcel"):
    """What is due and was taken at the door for one parcel, or what became of it. None says nothing."""

    courier: str
    parcel: str
    order: str = ""  # order id or number, as the courier has it
    state: str = ""  # a word of `model.ParcelState`
    at: int
    zone: str = "UTC"  # in which it is told: midnight there is a day without a time
    due: Decimal | None = None
    taken: Decimal | None = None
    fee: Decimal | None = None
    freight: Decimal | None = None
    currency: str = ""
    method: str = ""  # "cash", "card", "qr"
    batch: str = ""
    event: str = ""  # the vendor's id of this message, where it has one


class Rate(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="rate"):
    """``rate`` units of ``base`` for ``per`` units of ``currency`` on a day, by one source."""

    source: str  # "ecb", "nbg", "own"
    day: str
    currency: str
    per: Decimal = Decimal(1)
    rate: Decimal
    base: str


class Cost(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="cost"):
    """What one piece of an article costs the merchant from a day on, or one rule (``rule`` named, ``sku`` empty).

    Rules: ``packaging``, ``picking``, ``call_minute``, ``freight``, ``freight_return``, ``cod_fee``, ``psp_fee``,
    ``write_off``, ``overhead_per_month``; ``of``: the courier, provider, zone or method for which it holds.
    """

    sku: str = ""
    rule: str = ""
    of: str = ""
    since: str  # day from which it is valid
    amount: Decimal | None = None  # a piece, an order, a parcel, a minute, a month
    percent: Decimal | None = None  # of the amount that the rule is about
    least: Decimal | None = None
    currency: str = ""


class Survey(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="survey"):
    """The answer of one buyer to "how did you hear about us?". ``answer`` is one of the shop's own choices, masked."""

    order: str
    at: int
    answer: str
    text: str = ""  # what the buyer added: masked


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="decision"):
    """A person's word about a match: made (``undo`` False) or taken back. Names are those of `identity`."""

    line: str  # name of a money line, hex
    to: str  # "order:ID", "batch:SOURCE/ID", "line:HEX"
    amount: Decimal | None = None  # None: as much as fits
    by: str
    why: str
    at: int
    undo: bool = False


Thing = MoneyLine | Batch | Statement | Spend | SiteDay | ParcelLine | Rate | Cost | Survey | Decision
"""Everything that is kept as a line."""


class Counterpart(Struct, frozen=True, kw_only=True):
    """The other side of a movement, in the clear as its file has it: in memory only, never kept."""

    name: str = ""
    account: str = ""
    phone: str = ""
    email: str = ""


class Told(Struct, frozen=True, kw_only=True):
    """One line as a reader found it. ``row``: its line in a text file, row of a sheet, place in a message.

    ``counterpart`` and ``text`` are plain and are made into the line's own fields before it is kept. ``updated_at``
    (Unix s): the source's own time of this state, where it has one; of two states of one line the later stands.
    """

    row: int
    thing: Thing
    counterpart: Counterpart | None = None
    text: str = ""
    updated_at: int | None = None


encode_thing = msgspec.json.Encoder(decimal_format="string").encode
"""A line to the bytes that are kept."""

decode_thing: Any = msgspec.json.Decoder(Thing).decode
"""The inverse of `encode_thing`."""
