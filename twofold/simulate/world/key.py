"""What is true of a world: every link of the chain, every leak with its reason, order by order. The answer key.

Owns the figures that a report is held against. Worked out from the fates and the money alone, by the definitions that
docs/worlds.md prints; no figure is made from another one by subtraction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct, structs

from twofold.simulate.world.fates import CENT, Calendar, Fate, bank_day, rates_of
from twofold.simulate.world.money import ZERO, Batch, Money, Move
from twofold.simulate.world.scenario import Scenario
from twofold.simulate.world.shop_files import shop_of

CONFIRM_DAYS = 7
"""Days after which an order that nobody confirmed is lost, and no longer open."""

CASH_STEPS = {"GEL": Decimal("0.10")}
"""Coins below which couriers round, by currency."""

OPEN = frozenset(
    {"awaits_confirmation", "not_shipped", "in_transit", "courier_holds", "payout_pending", "in_flight", "not_arrived"}
)
AFTER = {
    "unconfirmed": "placed", "awaits_confirmation": "placed", "not_shipped": "confirmed", "in_transit": "shipped",
    "refused": "shipped", "lost": "shipped", "returned": "delivered", "refunded": "delivered", "courier_holds": "delivered",
    "short_collected": "delivered", "rounding": "delivered", "paid_by_voucher": "delivered",
}  # fmt: skip
_REASON_OF = {"freight": "freight_deducted", "freight_return": "freight_deducted", "dispute": "disputed",
              "won": "disputed",
              "reserve": "reserve_held", "release": "reserve_held", "bank_fee": "fee_psp", "invoice": "batch_adjustment", "claim": "batch_adjustment"}  # fmt: skip


class Loss(Struct, frozen=True, kw_only=True):
    """A part of the gap: where, why, how much."""

    after: str
    reason: str
    amount: Decimal


class Truth(Struct, frozen=True, kw_only=True):
    """One order as it really stands."""

    fate: Fate
    total: Decimal
    station: str
    confirmed: bool
    shipped: bool
    delivered: Decimal  # before refunds
    refunds: Decimal  # of what was delivered
    is_collected: bool
    collected: Decimal  # less what was given back
    is_banked: bool
    banked: Decimal
    losses: tuple[Loss, ...]


class _Where(Struct, frozen=True):
    move: Move
    place: str  # "banked", "in_flight", "not_arrived", "payout_pending"


Worth = Callable[[int], Decimal]
"""What one unit of the foreign currency is worth in the world's at a time, by that day's rate or the last before it."""


def worth_of(told: Scenario, calendar: Calendar) -> Worth:
    known = rates_of(told, calendar)

    def worth(at: int) -> Decimal:
        day = calendar.day(at)
        while day not in known:
            day -= timedelta(days=1)
        return known[day]

    return worth


def truths_of(
    fates: Sequence[Fate], money: Money, now: int, worth: Worth, cash_step: Decimal = ZERO
) -> tuple[Truth, ...]:
    """Each order's truth. ``now``: when the report is made, at the end of the world or later. ``cash_step``: how far cash may be
    off before it was taken short."""
    moves = _by_order(money, now)
    truths = (_truth(fate, moves.get(fate.id, []), now, cash_step) for fate in fates)
    return tuple(_in_the_worlds(truth, worth) if truth.fate.currency else truth for truth in truths)


def _in_the_worlds(truth: Truth, worth: Worth) -> Truth:
    """A foreign order by the rate of its day, its money by the rates of theirs, and what the two differ by."""
    fate, rate = truth.fate, worth(truth.fate.placed_at)
    came = fate.transferred * worth(fate.paid_at) if fate.paid_at is not None else ZERO
    collected = came - _sum(amount * worth(at) for at, amount in fate.refunds)
    differs = truth.collected * rate - collected
    losses = [Loss(after=loss.after, reason=loss.reason, amount=loss.amount * rate) for loss in truth.losses]
    if differs:
        losses.append(Loss(after="delivered", reason="rate_difference", amount=differs))
    return structs.replace(
        truth, total=truth.total * rate, delivered=truth.delivered * rate, refunds=truth.refunds * rate, collected=collected,
        banked=collected, losses=tuple(losses),
    )  # fmt: skip


def _place(batch: Batch, now: int) -> str:
    """Where a batch's money is: five bank days after its day it should have come."""
    if batch.banked is not None:
        return "banked"
    if batch.back_at_provider:
        return "payout_pending"
    return "in_flight" if datetime.fromtimestamp(now, UTC).date() <= bank_day(batch.day, 5) else "not_arrived"


def _by_order(money: Money, now: int) -> dict[int, list[_Where]]:
    found: dict[int, list[_Where]] = defaultdict(list)
    for batch in money.batches:
        place = _place(batch, now)
        for move in batch.moves:
            if move.fate is not None:
                found[move.fate.id].append(_Where(move, place))
    for move in money.pending:
        if move.fate is not None:
            found[move.fate.id].append(_Where(move, "payout_pending"))
    return found


def _truth(fate: Fate, moves: Sequence[_Where], now: int, cash_step: Decimal) -> Truth:
    station = fate.station
    if station == "unconfirmed" and now <= fate.placed_at + CONFIRM_DAYS * 86_400:
        station = "awaits_confirmation"
    confirmed = fate.confirmed_at is not None
    delivered = fate.kept if station == "delivered" else ZERO
    refunds = min(fate.refunded, delivered)
    taken = _sum(w.move.gross for w in moves if w.move.kind in ("charge", "cod")) + fate.transferred
    back = -_sum(w.move.gross for w in moves if w.move.kind == "refund")
    if fate.method == "transfer":
        back = fate.refunded
    collected = taken - back
    losses: list[Loss] = []
    if station != "delivered":
        after = "confirmed" if station == "cancelled" and confirmed else AFTER.get(station, "placed")
        losses.append(Loss(after=after, reason=station, amount=fate.total))
    elif fate.second_refused:
        losses.append(Loss(after="shipped", reason="refused", amount=fate.second_due))
    if refunds:
        losses.append(Loss(after="delivered", reason="refunded", amount=refunds))
    if delivered:
        losses += _short(fate, delivered - refunds, taken, collected, cash_step)
    losses += _on_the_way(moves)
    banked = _sum(w.move.net for w in moves if w.place == "banked")
    if fate.method == "transfer":
        banked += fate.transferred - back
    return Truth(
        fate=fate,
        total=fate.total,
        station=station,
        confirmed=confirmed,
        shipped=fate.shipped_at is not None,
        delivered=delivered,
        refunds=refunds,
        is_collected=bool(taken),
        collected=collected,
        is_banked=bool(fate.transferred)
        or any(w.place == "banked" and w.move.kind in ("charge", "cod") for w in moves),
        banked=banked,
        losses=tuple(losses),
    )


def _short(fate: Fate, due: Decimal, taken: Decimal, collected: Decimal, cash_step: Decimal) -> list[Loss]:
    """What was due on delivery and did not come, or came beyond it."""
    if fate.method == "voucher":
        return [Loss(after="delivered", reason="paid_by_voucher", amount=due)]
    if fate.method == "cod" and not taken:
        return [Loss(after="delivered", reason="courier_holds", amount=due)]
    if fate.method == "cod" and collected != due:
        reason = "short_collected" if abs(due - collected) > cash_step else "rounding"
        return [Loss(after="delivered", reason=reason, amount=due - collected)]
    if fate.method == "transfer" and collected != due:
        return [Loss(after="delivered", reason="rounding", amount=due - collected)]
    return []


def _on_the_way(moves: Sequence[_Where]) -> list[Loss]:
    """Between collected and banked: what others keep, and what is not there yet."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for where in moves:
        move = where.move
        found["fee_cod" if move.source.startswith("courier:") else "fee_psp"] += move.fee
        if move.kind in _REASON_OF:
            found[_REASON_OF[move.kind]] -= move.gross
        if where.place != "banked":
            found[where.place] += move.net
    return [Loss(after="collected", reason=reason, amount=amount) for reason, amount in found.items() if amount]


# -- sums


def links_of(truths: Sequence[Truth], loose: Sequence[_Where]) -> list[dict[str, Any]]:
    """Count and amount of each link, as its words define them."""
    rows = [
        ("placed", truths, [t.total for t in truths]),
        ("confirmed", chosen := [t for t in truths if t.confirmed], [t.total for t in chosen]),
        ("shipped", chosen := [t for t in truths if t.shipped], [t.total for t in chosen]),
        ("delivered", [t for t in truths if t.delivered], [t.delivered - t.refunds for t in truths]),
        ("collected", [t for t in truths if t.is_collected], [t.collected for t in truths]),
        ("banked", [t for t in truths if t.is_banked],
         [*(t.banked for t in truths), *(w.move.net for w in loose if w.place == "banked")]),
    ]  # fmt: skip
    return [{"link": name, "count": len(who), "amount": _sum(amounts)} for name, who, amounts in rows]


def losses_of(truths: Sequence[Truth], loose: Sequence[_Where]) -> list[dict[str, Any]]:
    """Every leak and everything open, by where and why. ``count``: orders, or lines where no order is."""
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for truth in truths:
        for loss in truth.losses:
            found[loss.after, loss.reason].append(loss.amount)
    for one in loose:  # one by one: two that cancel out are two
        for loss in _on_the_way([one]):
            found[loss.after, loss.reason].append(loss.amount)
    return [
        {"after": after, "reason": reason, "open": reason in OPEN, "count": len(amounts), "amount": _sum(amounts)}
        for (after, reason), amounts in sorted(found.items())
    ]


def loose_of(money: Money, now: int) -> list[_Where]:
    """Movements of no order: what a batch keeps for all."""
    found = [
        _Where(move, _place(batch, now))
        for batch in money.batches for move in batch.moves if move.fate is None and move.kind not in ("strange", "twice")
    ]  # fmt: skip
    found += [_Where(move, "payout_pending") for move in money.pending if move.fate is None]
    fees = [b for b in money.batches if b.bank_fee and b.banked is not None]
    return found + [
        _Where(Move(id=f"fee {b.id}", source=b.source, kind="bank_fee", gross=-b.bank_fee, at=0), "banked")
        for b in fees
    ]


def matrix_of(truths: Iterable[Truth]) -> list[dict[str, Any]]:
    """Delivered or not, collected or not: the smaller of both, what was delivered, what was collected, the total."""
    cells: dict[tuple[bool, bool], list[Decimal]] = {(d, c): [] for d in (True, False) for c in (True, False)}
    for truth in truths:
        delivered, due = bool(truth.delivered), truth.delivered - truth.refunds
        if delivered:
            amount = max(min(due, truth.collected), ZERO) if truth.is_collected else due
        else:
            amount = truth.collected if truth.is_collected else truth.total
        cells[delivered, truth.is_collected].append(amount)
    return [{"delivered": d, "collected": c, "count": len(a), "amount": _sum(a)} for (d, c), a in cells.items()]


def answer_key(told: Scenario, calendar: Calendar, fates: Sequence[Fate], money: Money, now: int) -> dict[str, Any]:
    """The truth of a world as docs/worlds.md describes it; amounts are text."""
    truths = truths_of(fates, money, now, worth_of(told, calendar), CASH_STEPS.get(told.currency, ZERO))
    loose = loose_of(money, now)
    deposits = [e.amount for e in money.entries if e.explains == "deposit"]
    return {
        "world": told.name,
        "seed": told.seed,
        "currency": told.currency,
        "zone": told.zone,
        "since": str(calendar.first),
        "until": str(calendar.last),
        "as_of": now,
        "links": [_plain(row) for row in links_of(truths, loose)],
        "losses": [_plain(row) for row in losses_of(truths, loose)],
        "matrix": [_plain(row) for row in matrix_of(truths)],
        "unmatched_credits": _plain({"count": len(deposits), "amount": _sum(deposits)}),
        "bank_closing": _text(told.bank.opening + _sum(e.amount for e in money.entries if not e.currency)),
        "orders": [_order(truth, calendar, bool(told.second_shop)) for truth in truths],
    }


def _order(truth: Truth, calendar: Calendar, second_shop: bool) -> dict[str, Any]:
    fate = truth.fate
    added = [p.article.price * p.quantity for p in fate.pieces if p.cross_sold]
    return {
        "number": str(fate.number),
        "shop": shop_of(fate) if second_shop else None,
        "placed_at": calendar.text(fate.placed_at),
        "currency": fate.currency or None,
        "replaces": str(fate.replaced.number) if fate.replaced else None,
        "total": _exact(truth.total),
        "sale": fate.sale,
        "method": fate.method,
        "station": truth.station,
        "confirmed": truth.confirmed,
        "shipped": truth.shipped,
        "delivered": _exact(truth.delivered),
        "refunded": _exact(truth.refunds),
        "collected": _exact(truth.collected),
        "banked": _exact(truth.banked),
        "losses": [{"after": x.after, "reason": x.reason, "amount": _exact(x.amount), "open": x.reason in OPEN}
                   for x in truth.losses],
        "campaign": fate.campaign.id if fate.campaign else None,
        "clicked_on": fate.device if fate.campaign else None,
        "bought_on": fate.bought_on if fate.sale == "web" else None,
        "cross_sold": _text(_sum(added)),
        "seen_by_ga4": fate.seen_by_ga4,
    }  # fmt: skip


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _text(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _exact(amount: Decimal) -> str:
    """Of one order all digits, so that orders add up to the figures of the whole."""
    return _text(amount) if amount == amount.quantize(CENT) else f"{amount.normalize():f}"


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
