"""The order policy: when an order becomes a Purchase, what its value is, and when it never will.

Pure: a state and the operator's rules in, a judgement out. It is asked again each time the Purchase could be sent, so
what is true then decides, whichever report came first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.scalars import NO_CURRENCY
from twofold.ledger.model import Amounts, Method, Paid, Sale
from twofold.ledger.money import to_minor
from twofold.ledger.state import OrderState

MILESTONES = ("placed", "confirmed", "paid", "delivered")
VALUE_PARTS = ("goods", "tax", "shipping", "tip", "duties", "gift_card")
NEVER_REASONS = (
    "test_order", "order_cancelled", "order_deleted", "order_voided", "order_refunded", "order_emptied", "order_returned",
    "order_currency_unknown", "renewal",
)  # fmt: skip
DAY_S = 86_400


class OrderPolicy(Struct, frozen=True, kw_only=True):
    """The operator's rules for one dataset; see [dataset.orders] in the settings."""

    counts_when: str = "paid"
    # Method or source type -> milestone.
    when: Mapping[str, str] = msgspec.field(default_factory=lambda: {"cod": "placed"})
    cod_gateways: tuple[str, ...] = (
        "cash on delivery", "cod", "nachnahme", "наложен", "contra reembolso", "contrassegno", "გადახდა ადგილზე",
    )  # fmt: skip
    confirmed_tags: frozenset[str] = frozenset({"confirmed"})
    value_parts: frozenset[str] = frozenset(VALUE_PARTS)
    deduct_refunds: bool = True
    presentment: bool = True
    renewals: str = "subscribe"
    wait_ms: int = 3_600_000
    unmatched: str = "vouched"  # or "send", "drop"
    expire_s: int = 30 * DAY_S
    recreated_s: int = 48 * 3_600
    outcomes: bool = False


class OrderStanding(StrEnum):
    """What an order is worth as a Purchase."""

    NOT_YET = "not_yet"
    COUNTS = "counts"
    NEVER = "never"


class Judgement(Struct, frozen=True):
    """``reason`` is one word for lists and reports; ``since`` (Unix s) when it became what it is, where known."""

    standing: OrderStanding
    reason: str
    since: int | None = None


class Valued(Struct, frozen=True, kw_only=True):
    """What a Purchase is worth by the policy. ``left_out``: part or ``refunds`` to what was taken off the total."""

    value: Decimal
    currency: str
    total: Decimal
    left_out: dict[str, Decimal] = {}


def judge_order(state: OrderState, policy: OrderPolicy, now_s: int) -> Judgement:
    """Whether the order is a Purchase now."""
    never = _never(state, policy)
    if never is not None:
        return never
    milestone = milestone_of(state, policy)
    since = reached_at(state, milestone, policy)
    if since is not None and state.known:
        return Judgement(OrderStanding.COUNTS, milestone, since)
    if now_s > state.placed_at + policy.expire_s:
        return Judgement(OrderStanding.NEVER, f"never_{milestone}")
    return Judgement(OrderStanding.NOT_YET, f"not_{milestone}")


def milestone_of(state: OrderState, policy: OrderPolicy) -> str:
    """The station at which an order of this method and source becomes a Purchase."""
    for source in state.sources:
        if source.partition(":")[0] in policy.when:
            return policy.when[source.partition(":")[0]]
    return policy.when.get(method_of(state, policy), policy.counts_when)


def method_of(state: OrderState, policy: OrderPolicy) -> Method:
    """How the order is paid: by the source's own word, else by its gateways' names.

    The operator's list of gateways stands above a source's word that tells nothing apart (manual, other).
    """
    if state.method not in (None, Method.MANUAL, Method.OTHER):
        return state.method
    told, is_cash = _method_by_names(tuple(state.gateways), tuple(policy.cod_gateways))
    return told if is_cash or state.method is None else state.method


@lru_cache(maxsize=1_024)  # a shop has a handful of gateways, and each of its orders is asked several times
def _method_by_names(gateways: tuple[str, ...], cash: tuple[str, ...]) -> tuple[Method, bool]:
    """What the gateways' names say, and whether it is cash by the operator's list."""
    names = [_plain(name) for name in gateways]
    if any(_names(name, _plain(pattern)) for pattern in cash for name in names):
        return Method.COD, True
    found = (method for word, method in _GATEWAYS if any(_names(name, word) for name in names))
    return next(found, Method.OTHER if any(names) else Method.CARD), False


def _plain(name: str) -> str:
    """A gateway's name as words: "Cash_on-Delivery (COD)" is "cash on delivery cod"."""
    return " ".join(_WORD.findall(name.casefold()))


def _names(name: str, word: str) -> bool:
    # A short word such as "cod" must stand alone: "code" and "encoded" are not cash on delivery.
    return bool(word) and f" {word} " in f" {name} " if len(word) <= 4 else word in name


_WORD = re.compile(r"[^\W_]+")

# What the gateways' own names say; the first that fits. Names are the shop's free text, so these are habits.
_GATEWAYS = (
    ("bank transfer", Method.BANK_TRANSFER), ("bank deposit", Method.BANK_TRANSFER), ("wire", Method.BANK_TRANSFER),
    ("bacs", Method.BANK_TRANSFER), ("cheque", Method.BANK_TRANSFER), ("money order", Method.BANK_TRANSFER),
    ("klarna", Method.LATER), ("afterpay", Method.LATER), ("clearpay", Method.LATER), ("affirm", Method.LATER),
    ("paypal", Method.WALLET), ("apple pay", Method.WALLET), ("google pay", Method.WALLET),
    ("amazon pay", Method.WALLET), ("gift card", Method.GIFT_CARD), ("manual", Method.MANUAL),
    ("shopify payments", Method.CARD), ("stripe", Method.CARD), ("card", Method.CARD), ("creditcard", Method.CARD),
)  # fmt: skip


def reached_at(state: OrderState, milestone: str, policy: OrderPolicy) -> int | None:
    """When the order reached a station, Unix s; a later station implies the earlier ones."""
    stations: dict[str, list[int | None]] = {
        "placed": [state.placed_at],
        "confirmed": [
            state.confirmed_at, state.authorised_at, state.shipped_at, state.paid_at, state.delivered_at,
            state.placed_at if policy.confirmed_tags & {t.strip().casefold() for t in state.tags} else None,
        ],
        "paid": [state.paid_at],
        "delivered": [state.delivered_at],
    }  # fmt: skip
    return min((t for t in stations[milestone] if t is not None), default=None)


def value_of(state: OrderState, policy: OrderPolicy) -> Valued | None:
    """The order's value by the policy, exact to the minor unit; None when no total was reported."""
    amounts = (_presentment(state) if policy.presentment else None) or state.shop
    if amounts is None:
        return None
    left_out = _left_out(amounts, policy)
    refunded = _refunded_in(amounts, state)
    if "tax" in left_out:
        refunded -= _tax_in(refunded, amounts)
    if amounts.after_refunds and not policy.deduct_refunds:
        left_out["refunds"] = -refunded
    elif policy.deduct_refunds and not amounts.after_refunds:
        left_out["refunds"] = refunded
    left_out = {part: amount for part, amount in left_out.items() if amount}
    value = max(amounts.total - sum(left_out.values(), Decimal(0)), Decimal(0))
    return Valued(
        value=to_minor(value, amounts.currency), currency=amounts.currency, total=amounts.total, left_out=left_out
    )


def _tax_in(refunded: Decimal, amounts: Amounts) -> Decimal:
    """The tax in a refund, which is told as one sum: the order's own share of it."""
    if not amounts.tax or not amounts.total:
        return Decimal(0)
    return to_minor(refunded * amounts.tax / amounts.total, amounts.currency)


def _presentment(state: OrderState) -> Amounts | None:
    """What the buyer saw; parts that only the shop's currency tells (a tip) by the order's own rate."""
    shown, shop = state.presentment, state.shop
    if shown is None or shop is None or not shop.total:
        return shown
    rate = shown.total / shop.total
    missing: dict[str, Any] = {
        part: to_minor(amount * rate, shown.currency)
        for part in ("tax", "shipping", "shipping_tax", "tip", "duties", "gift_cards")
        if getattr(shown, part) is None and (amount := getattr(shop, part)) is not None
    }
    if "shipping" in missing:  # with its tax or without it, as the shop tells it
        missing["tax_included"] = shop.tax_included
    return msgspec.structs.replace(shown, **missing)


def is_renewal(sale: Sale) -> bool:
    """True for a subscription's later orders."""
    return sale is Sale.RENEWAL


def _never(state: OrderState, policy: OrderPolicy) -> Judgement | None:
    if state.test:
        return Judgement(OrderStanding.NEVER, "test_order")
    if state.cancelled_at is not None:
        return Judgement(OrderStanding.NEVER, "order_cancelled", state.cancelled_at)
    if state.deleted:
        return Judgement(OrderStanding.NEVER, "order_deleted")
    if state.paid is Paid.VOIDED:
        return Judgement(OrderStanding.NEVER, "order_voided")
    if state.paid is Paid.REFUNDED or _wholly_refunded(state):
        return Judgement(OrderStanding.NEVER, "order_refunded")
    if _emptied(state):
        return Judgement(OrderStanding.NEVER, "order_emptied")
    if state.returned_at is not None:
        return Judgement(OrderStanding.NEVER, "order_returned", state.returned_at)
    if is_renewal(state.sale) and policy.renewals == "none":
        return Judgement(OrderStanding.NEVER, "renewal")
    told = (state.presentment if policy.presentment else None) or state.shop
    if told is not None and told.currency == NO_CURRENCY:
        return Judgement(OrderStanding.NEVER, "order_currency_unknown")
    return None


def _wholly_refunded(state: OrderState) -> bool:
    """In either currency: a refund told in the other one is only as exact as the order's rate."""
    return any(_is_refunded(amounts, state) for amounts in (state.shop, state.presentment) if amounts)


def _is_refunded(amounts: Amounts, state: OrderState) -> bool:
    refunded = _refunded_in(amounts, state)
    before = amounts.total + refunded if amounts.after_refunds else amounts.total
    return before > 0 and refunded >= before


def _emptied(state: OrderState) -> bool:
    """Nothing is left of it: every line was edited or taken away. An order that was free has its lines."""
    return state.shop is not None and state.shop.after_refunds and not state.shop.total and not state.lines


def _left_out(amounts: Amounts, policy: OrderPolicy) -> dict[str, Decimal]:
    """The parts of the total that the policy does not want, none of them twice."""
    zero = Decimal(0)
    shipping, shipping_tax = amounts.shipping or zero, amounts.shipping_tax or zero
    net_shipping = shipping - shipping_tax if amounts.tax_included else shipping
    found: dict[str, Decimal] = {}
    if "tax" not in policy.value_parts:
        found["tax"] = amounts.tax or zero
    if "shipping" not in policy.value_parts:
        # Shipping goes with its own tax, unless all tax goes already.
        found["shipping"] = net_shipping if "tax" in found else net_shipping + shipping_tax
    for part, amount in (("tip", amounts.tip), ("duties", amounts.duties), ("gift_card", amounts.gift_cards)):
        if part not in policy.value_parts:
            found[part] = amount or zero
    return found


def _refunded_in(amounts: Amounts, state: OrderState) -> Decimal:
    """Refunds in the currency of ``amounts``; those in another one by the order's own rate."""
    total = state.refunded.get(amounts.currency, Decimal(0))
    if total or not state.refunded:
        return total
    shop, shown = state.shop, state.presentment
    for other, mine in ((shop, shown), (shown, shop)):
        if other and mine and mine.currency == amounts.currency and other.total:
            part = state.refunded.get(other.currency, Decimal(0))
            return to_minor(part * mine.total / other.total, amounts.currency)
    return Decimal(0)
