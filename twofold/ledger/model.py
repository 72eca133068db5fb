"""The ledger's values: what one webhook, file row or call reports about one order.

Owns the shapes that every source brings its orders into. A report is evidence: it is kept as it came, without
contact data, and never changed; the state of an order is derived from all its reports in `state`. A part that is
None or empty says nothing, it does not say no. Money is Decimal in the currency named beside it.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec
from msgspec import Struct


class Method(StrEnum):
    """How an order is paid, as far as a policy must tell methods apart."""

    CARD = "card"
    WALLET = "wallet"  # PayPal, Apple Pay, Google Pay, Shop Pay
    LATER = "later"  # Klarna, Afterpay: the provider pays at once
    COD = "cod"  # cash on delivery
    BANK_TRANSFER = "bank_transfer"  # wires, cheques: the order comes first, the money days later
    GIFT_CARD = "gift_card"  # paid by a voucher alone
    MANUAL = "manual"  # a shop's own manual gateway, of which nothing more is known
    OTHER = "other"


class Paid(StrEnum):
    """The state of an order's payment, in the common words of shops."""

    UNPAID = "unpaid"  # pending, also cash on delivery before the courier came
    AUTHORISED = "authorised"  # the money is reserved
    PART = "part"
    PAID = "paid"
    PART_REFUNDED = "part_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"  # given up, expired, failed: nothing was and nothing will be paid


class Sale(StrEnum):
    """Where an order was made."""

    WEB = "web"
    APP = "app"  # the shop's own app
    STORE = "store"  # a till
    PHONE = "phone"
    CHAT = "chat"
    STAFF = "staff"  # drafts and orders typed in by people
    CRM = "crm"
    RENEWAL = "renewal"  # a later order of a subscription; nobody was there
    API = "api"


class ParcelState(StrEnum):
    """Where a parcel is. Only delivered, returned, lost and cancelled are ends."""

    CREATED = "created"
    IN_TRANSIT = "in_transit"
    OUT = "out_for_delivery"
    WAITING = "pickup_point"
    FAILED = "attempt_failed"
    REFUSED = "refused"
    RETURNING = "returning"
    RETURNED = "returned"
    DELIVERED = "delivered"
    LOST = "lost"
    CANCELLED = "cancelled"


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. ``price`` per piece before discounts, ``discount`` for the whole line, both in ``Amounts.currency``.

    ``shown_price`` is the price in the buyer's currency, where the source states it.
    """

    id: str = ""  # the catalogue's id: variant, else product, else sku; empty for a custom item
    sku: str = ""
    quantity: int = 1
    price: Decimal | None = None
    shown_price: Decimal | None = None
    discount: Decimal | None = None
    gift_card: bool = False  # money for later, not revenue


class Amounts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order's money in one currency, as it stands now: after edits, and after refunds where ``after_refunds``.

    ``total`` is what the buyer pays in all. The other parts are contained in it, whatever the shop displays;
    ``discount`` was already taken off. ``shipping`` is without its tax unless ``tax_included``.
    """

    currency: str  # ISO 4217, upper-case
    total: Decimal
    tax: Decimal | None = None
    shipping: Decimal | None = None
    shipping_tax: Decimal | None = None
    tip: Decimal | None = None
    duties: Decimal | None = None
    gift_cards: Decimal | None = None  # gift cards that were sold
    discount: Decimal | None = None
    tax_included: bool = False
    after_refunds: bool = False  # ``total`` has refunds taken off already


class Snapshot(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order as a whole at one moment. ``version`` orders snapshots of one source: an older one changes nothing."""

    version: int  # the source's own time of change in ms, or a sequence; 0 when it has none
    placed_at: int  # Unix s
    shop: Amounts | None = None
    presentment: Amounts | None = None  # what the buyer saw, when it is another currency
    lines: tuple[Line, ...] = ()
    gateways: tuple[str, ...] = ()  # payment gateways' names as the shop writes them
    method: Method | None = None  # when the source has a word for it; else the gateways decide
    paid: Paid | None = None
    confirmed: bool | None = None  # a person or the shop's rule accepted the order
    sale: Sale = Sale.WEB
    test: bool = False
    cancelled_at: int | None = None  # Unix s
    cancel_reason: str = ""
    delivered_at: int | None = None  # Unix s; the shop says the whole order arrived
    tags: tuple[str, ...] = ()
    replaces: str = ""  # order id of the order this one was made from, where the source says so


class Payment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money that moved, or failed to, for an order."""

    id: str
    kind: str  # "sale", "authorisation", "capture", "refund", "void", "dispute"
    amount: Decimal
    currency: str
    state: str = "success"  # "success", "pending", "failure"
    at: int  # Unix s
    gateway: str = ""
    provider_id: str = ""  # the provider's own id of it, where the shop has another


class Refund(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money given back; ``amount`` is positive.

    ``total``: all that was given back of the same payment by then, where the source tells a sum and not each refund. It
    holds what an event that was lost would have said. The ``id`` is the payment's, a colon and the sum then.
    """

    id: str
    amount: Decimal
    currency: str
    at: int  # Unix s
    reason: str = ""
    total: Decimal | None = None
    payment: str = ""  # whose money it is, where the source says so


class Parcel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parcel's state at one moment; one order can have many parcels.

    ``numbers``: by which its carrier calls it, where the shop has an id of its own for it.
    """

    id: str
    state: ParcelState
    at: int  # Unix s
    numbers: tuple[str, ...] = ()


class OrderReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one webhook, file row or call says about one order. Holds no contact data.

    ``order_id`` is the id that the platform is told as ``order_id``. ``aliases`` are other names of the same order
    by which a browser or another sender may know it (order number, cart or checkout token), as ``kind:value``, e.g.
    ``checkout:5f3…``, ``number:1001``.
    """

    order_id: str
    kind: str  # one word for the history: "placed", "updated", "paid", "refund", "parcel", "cancelled", "deleted", …
    at: int  # Unix s: when it happened, by the source
    reference: str  # where it can be looked up again: topic and delivery id, or file and row
    aliases: tuple[str, ...] = ()
    snapshot: Snapshot | None = None
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    deleted: bool = False
    country: str = ""  # of the delivery address, ISO 3166-1 alpha-2
    region: str = ""  # its first subdivision, ISO 3166-2; nothing finer is kept


encode_report = msgspec.json.Encoder(decimal_format="string").encode
"""A report to the bytes that the ledger keeps."""

decode_report = msgspec.json.Decoder(OrderReport).decode
"""The inverse of `encode_report`."""
