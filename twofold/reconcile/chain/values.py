"""What the chain is given: an order, what couriers say of its parcels, movements of its money, costs; and its rules.

Owns these shapes. Amounts are Decimal, exact; times Unix s. A movement stands for one kept line, or for what an order's
own facts tell of money of which no line is here yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field

from twofold.ledger.lines import MoneyKind
from twofold.ledger.model import ParcelState

ZERO = Decimal(0)


class Item(Struct, frozen=True, gc=False):
    """Pieces of one article of an order."""

    sku: str
    quantity: int
    gift_card: bool = False


class ParcelWord(Struct, frozen=True, kw_only=True, gc=False):
    """What a courier says of a parcel at one time. ``due``: cash to be taken."""

    parcel: str
    state: ParcelState
    at: int
    day_only: bool = False  # told without a time
    told_at: int = 0  # as the order's own facts have the same word: a day where it was told
    due: Decimal | None = None
    courier: str = ""
    evidence: str = ""


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """An order as it stands now. ``total``: what its buyer owes, after edits and before refunds."""

    key: str  # dataset and order id
    row: int = 0  # of the store
    order_id: str
    number: str = ""
    placed_at: int
    known: bool = True
    test: bool = False
    deleted: bool = False
    sale: str = "web"
    method: str = "card"
    source: str = ""
    channel: str = ""
    currency: str
    total: Decimal
    tax: Decimal | None = None
    tip: Decimal = ZERO
    duties: Decimal = ZERO
    gift_cards: Decimal = ZERO
    refunded: Decimal = ZERO  # as its facts tell
    refunds: tuple[tuple[int, Decimal], ...] = ()  # when how much of it, where each is told
    received: Decimal = ZERO  # as its facts tell, without vouchers
    vouchers: Decimal = ZERO  # paid with gift cards, whose money came when they were sold
    paid_at: int | None = None
    confirmed_at: int | None = None
    shipped_at: int | None = None
    delivered_at: int | None = None
    refused_at: int | None = None
    returned_at: int | None = None
    lost_at: int | None = None
    cancelled_at: int | None = None
    voided: bool = False
    parcels: int = 0
    parcels_delivered: int = 0
    words: tuple[ParcelWord, ...] = ()
    items: tuple[Item, ...] = ()
    buyer: str = ""
    unsure: bool = False  # of its buyer earlier orders may have been forgotten
    courier: str = ""
    replaces: str = ""


class At(StrEnum):
    """How far a movement of money has come on its way to the bank."""

    BANKED = "banked"
    IN_FLIGHT = "in_flight"  # its batch closes, and the bank's line is still in time
    NOT_ARRIVED = "not_arrived"  # its batch closes, and the bank's line is late
    BATCH_OPEN = "batch_open"  # its batch does not close, or another sum stands on the bank
    PENDING = "payout_pending"  # in no batch yet, or in one that came back


class Settlement(Struct, frozen=True, kw_only=True, gc=False):
    """What became of a batch. ``closes``: its lines add up to what it declares, and to what the bank got, if it did.

    ``late_after``: the last day (from the epoch) on which the bank's line is still in time.
    """

    batch: str
    at: int
    closes: bool
    late_after: int
    expected_at: int
    banked_at: int | None = None
    failed: bool = False


class Move(Struct, frozen=True, kw_only=True, gc=False):
    """One movement of money of an order (or of none). ``day``: of the fact, for its rate; ``line`` its name.

    ``direct``: the line stands on the bank itself, in no batch.
    """

    line: str
    kind: MoneyKind
    gross: Decimal
    fee: Decimal
    currency: str
    at: int
    day: int
    source: str
    settlement: Settlement | None = None
    direct: bool = False
    told: bool = False  # by the order's facts; no line of it is here
    probable: bool = False
    original: Decimal | None = None  # gross before the source's own conversion
    original_currency: str = ""
    due: Decimal | None = None  # of a parcel: what should have been taken
    place: At = At.PENDING  # as of the time of the report

    @property
    def net(self) -> Decimal:
        return self.gross - self.fee

    @property
    def banked_at(self) -> int | None:
        return self.at if self.direct else self.settlement.banked_at if self.settlement else None


def place_of(move: Move, as_of: int, day: int) -> At:
    """How far a movement had come at a time, whose day is given."""
    if move.direct:
        return At.BANKED
    batch = move.settlement
    if batch is None or batch.failed or batch.at > as_of:
        return At.PENDING
    if not batch.closes:
        return At.BATCH_OPEN
    if batch.banked_at is not None and batch.banked_at <= as_of:
        return At.BANKED
    return At.IN_FLIGHT if day <= batch.late_after else At.NOT_ARRIVED


class Rules(Struct, frozen=True, kw_only=True):
    """What the operator set. ``vat``: percent contained in totals of orders that tell no tax. Days are whole days."""

    currency: str
    vat: Decimal | None = None
    confirm_days: int = 7
    history_days: int = 90
    cash_step: Mapping[str, Decimal] = field(default_factory=lambda: {"GEL": Decimal("0.10")})
    transfer_over: Mapping[str, Decimal] = field(default_factory=dict)  # by currency; people round up
    transfer_short: Mapping[str, Decimal] = field(default_factory=dict)
    converted_most: Decimal = Decimal("1.00")
    bank_fee: Mapping[str, Decimal] = field(default_factory=dict)  # by source of a batch
    courier_days: int = 7  # from the delivery to the money, until a courier's own habit is known
    payout_days: int = 7
    least_costed: Decimal = Decimal(
        "0.8"
    )  # share of delivered money with known costs, below which nothing is divided by it
