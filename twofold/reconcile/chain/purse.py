"""Where the money of an order is: due, taken, given back, kept by somebody, under way, on the bank.

Owns the money branch of the chain, L4 to L6, for one order. Every term is a sum of movements or of what nobody has moved
yet; none is made from the others by subtraction, except what is due and was not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec import Struct

from twofold.ledger.lines import MoneyKind
from twofold.reconcile.chain.standing import Standing, Station
from twofold.reconcile.chain.values import ZERO, At, Move, Order, Rules

THIRD_PARTY = frozenset({"card", "wallet", "later"})
"""Methods whose money a third party takes: its word in the order's facts is evidence before any payout is here."""

TAKEN = frozenset({MoneyKind.CHARGE, MoneyKind.COD_COLLECTED, MoneyKind.BANK_CREDIT})
GIVEN_BACK = frozenset({MoneyKind.REFUND, MoneyKind.BANK_DEBIT})
DISPUTED = frozenset({MoneyKind.DISPUTE, MoneyKind.DISPUTE_REVERSAL})
FREIGHT = frozenset({MoneyKind.FREIGHT, MoneyKind.FREIGHT_RETURN})
RESERVE = frozenset({MoneyKind.RESERVE_HOLD, MoneyKind.RESERVE_RELEASE})
LEAVING = frozenset({MoneyKind.PAYOUT, MoneyKind.PAYOUT_FAILED})
"""The way of a whole batch to the bank; no money of an order by itself."""

COURIER_HOLDS, SHORT, ROUNDING, UNPAID = "courier_holds", "short_collected", "rounding", "unpaid"
REFUNDED, NOT_DELIVERED, NOTHING_DUE = "refunded", "not_delivered", "nothing_due"
VOUCHER = "paid_by_voucher"
TRANSFER_OVER = Decimal("1.00")
"""By how much a buyer's transfer may be over, where nothing is set for its currency."""


class Purse(Struct, frozen=True, kw_only=True, gc=False):
    """An order's money in its own currency. ``gap``: reason to what was due on delivery and is not here.

    ``terms``: reason to money between collected and banked, negative where it is missing; with ``banked`` they add up to
    ``net``, which is what was taken less what was given back.
    """

    taken: Decimal
    given_back: Decimal
    due: Decimal  # of what was delivered, after refunds
    refunds: Decimal  # of what was delivered
    gap: dict[str, Decimal]
    terms: dict[str, Decimal]
    banked: Decimal
    taken_at: int | None
    banked_at: int | None
    moves: tuple[Move, ...]
    probable: bool

    @property
    def net(self) -> Decimal:
        return self.taken - self.given_back

    @property
    def is_collected(self) -> bool:
        """A third party took money, also where all of it was given back."""
        return any(m.kind in TAKEN and m.gross > 0 for m in self.moves)

    @property
    def is_banked(self) -> bool:
        return any(m.place is At.BANKED and m.kind in TAKEN and m.gross > 0 for m in self.moves)


def open_purse(order: Order, standing: Standing, moves: Sequence[Move], rules: Rules) -> Purse:
    """``moves``: lines that are matched to the order, in any order, in its currency."""
    moves = [m for m in moves if m.kind not in LEAVING]
    moves += _told(order, moves)
    taken = _sum(m.gross for m in moves if m.kind in TAKEN)
    back = -_sum(m.gross for m in moves if m.kind in GIVEN_BACK)
    refunded = max(order.refunded, back - _beyond(order, taken, back, rules))
    delivered = standing.amount(Station.DELIVERED)
    refunds = max(refunded - (order.total - delivered), ZERO)
    due = max(delivered - refunds, ZERO)
    refunds = delivered - due
    moves += _unseen_refund(order, moves, taken, back)
    back = -_sum(m.gross for m in moves if m.kind in GIVEN_BACK)
    banked = [m for m in moves if m.place is At.BANKED]
    return Purse(
        taken=taken,
        given_back=back,
        due=due,
        refunds=refunds,
        gap=_gap(order, standing, due, moves, rules),
        terms=terms_of(moves),
        banked=_sum(m.net for m in banked),
        taken_at=min((m.at for m in moves if m.kind in TAKEN), default=None),
        banked_at=max((at for m in banked if (at := m.banked_at) is not None), default=None),
        moves=tuple(sorted(moves, key=lambda m: (m.at, m.line))),
        probable=any(m.probable for m in moves),
    )


def terms_of(moves: Iterable[Move]) -> dict[str, Decimal]:
    """What stands between money that was taken and money on the bank, by reason and signed as it changes the sum."""
    found: dict[str, Decimal] = {}

    def add(reason: str, amount: Decimal) -> None:
        if amount:
            found[reason] = found.get(reason, ZERO) + amount

    for move in moves:
        add(fee_reason(move), -move.fee)
        reason = reason_of(move)
        if reason:
            add(reason, move.gross)
        if move.place is not At.BANKED:
            add("refund_pending" if move.told and move.kind is MoneyKind.REFUND else move.place.value, -move.net)
    return {reason: amount for reason, amount in found.items() if amount}


def fee_reason(move: Move) -> str:
    return "fee_cod" if move.source.startswith("courier") or move.kind is MoneyKind.COD_FEE else "fee_psp"


def reason_of(move: Move) -> str:
    """Why a movement that is neither taken from nor given back to a buyer changes what comes to the bank."""
    if move.kind in FREIGHT:
        return "freight_deducted"
    if move.kind in RESERVE:
        return "reserve_held"
    if move.kind in DISPUTED:
        return "disputed"
    if move.kind in (MoneyKind.FEE, MoneyKind.COD_FEE):
        return fee_reason(move)
    if move.kind is MoneyKind.TAX_WITHHELD:
        return "tax_withheld"
    return "batch_adjustment" if move.kind is MoneyKind.ADJUSTMENT else ""


def _beyond(order: Order, taken: Decimal, back: Decimal, rules: Rules) -> Decimal:
    """What of the money that was given back had been taken beyond the order's total: who paid twice and has one of it back was
    refunded nothing. What lies within rounding is the payer's own and goes back with the rest."""
    over = taken - (order.total - order.vouchers)
    within = max(rules.transfer_over.get(order.currency, TRANSFER_OVER), rules.cash_step.get(order.currency, ZERO))
    return min(over, back) if over > within else ZERO


def _told(order: Order, moves: Sequence[Move]) -> list[Move]:
    """Money that a payment system took by the order's own facts, and of which no line is here yet."""
    lines = _sum(m.gross for m in moves if m.kind in TAKEN)
    missing = order.received - lines
    if order.method not in THIRD_PARTY or missing <= 0:
        return []
    at = order.paid_at or order.placed_at
    return [_unlined(order, "received", MoneyKind.CHARGE, missing, at)]


def _unseen_refund(order: Order, moves: Sequence[Move], taken: Decimal, back: Decimal) -> list[Move]:
    """A refund that the shop tells and no line shows, as far as the buyer has paid more than is left to pay."""
    more = order.refunded - back
    over = taken - back - (order.total - order.refunded)
    amount = min(more, over)
    if amount <= 0:
        return []
    at = max((m.at for m in moves if m.kind in TAKEN), default=order.placed_at)
    return [_unlined(order, "refunded", MoneyKind.REFUND, -amount, at)]


def _unlined(order: Order, what: str, kind: MoneyKind, gross: Decimal, at: int) -> Move:
    return Move(
        line=f"{what}:{order.key}", kind=kind, gross=gross, fee=ZERO, currency=order.currency, at=at, day=at // 86_400,
        source="order", told=True,
    )  # fmt: skip


def _gap(order: Order, standing: Standing, due: Decimal, moves: Sequence[Move], rules: Rules) -> dict[str, Decimal]:
    """What should have been collected for what was delivered, and was not (or was too much: negative)."""
    net = _sum(m.gross for m in moves if m.kind in TAKEN or m.kind in GIVEN_BACK)
    taken = any(m.kind in TAKEN and m.gross > 0 for m in moves)
    if standing.station is not Station.DELIVERED and not standing.amount(Station.DELIVERED):
        return {NOT_DELIVERED: -net} if net else {}
    gap = due - net
    voucher = min(order.vouchers, max(gap, ZERO))
    found = {VOUCHER: voucher} if voucher else {}
    gap -= voucher
    if not gap:
        return found
    return found | _missing(order, standing, gap, taken, rules)


def _missing(order: Order, standing: Standing, gap: Decimal, taken: bool, rules: Rules) -> dict[str, Decimal]:
    if not taken:
        return {COURIER_HOLDS if order.method == "cod" else UNPAID: gap}
    if abs(gap) <= rules.cash_step.get(order.currency, ZERO) and order.method == "cod":
        return {ROUNDING: gap}
    over = rules.transfer_over.get(order.currency, TRANSFER_OVER)
    if -over <= gap <= rules.transfer_short.get(order.currency, ZERO) and order.method == "bank_transfer":
        return {ROUNDING: gap}
    open_part = standing.amount(Station.IN_TRANSIT, Station.NOT_SHIPPED)
    if gap < 0 and order.method in THIRD_PARTY and -gap <= open_part:
        return {NOT_DELIVERED: gap}  # paid in advance for a parcel that is still under way
    return {SHORT: gap}


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
