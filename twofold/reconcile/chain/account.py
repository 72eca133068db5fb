"""One order's account in the reporting currency at one time: its station, its money, its margin.

Owns the way from an order and its lines to figures that can be added. The order's own amounts go by the rate of its day,
each movement by the rate of its own; what the two rates differ is a term by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.lines import MoneyKind
from twofold.reconcile.chain.margin import Costs, Margin, margin_of
from twofold.reconcile.chain.purse import GIVEN_BACK, LEAVING, TAKEN, Purse, open_purse, terms_of
from twofold.reconcile.chain.standing import Standing, Station, stand
from twofold.reconcile.chain.values import ZERO, At, Move, Order, Rules, place_of
from twofold.reconcile.exchange import Exchange, exact
from twofold.reconcile.matches.values import Days

RATE_DIFFERENCE = "rate_difference"


class Account(Struct, frozen=True, kw_only=True, gc=False):
    """Amounts are in the reporting currency, with the digits that are added up (`exchange.exact`). ``gap`` and ``terms`` as in
    `purse.Purse`; of both nothing is nought."""

    order: Order
    day: int
    standing: Standing
    purse: Purse
    total: Decimal
    parts: Mapping[Station, Decimal]
    refunds: Decimal
    due: Decimal
    gap: Mapping[str, Decimal]
    taken: Decimal
    collected: Decimal
    terms: Mapping[str, Decimal]
    banked: Decimal
    moves: tuple[Move, ...]
    margin: Margin | None
    net_revenue: Decimal | None = None
    cm1: Decimal | None = None
    cm2: Decimal | None = None
    cm3: Decimal | None = None

    @property
    def is_delivered(self) -> bool:
        return self.standing.station is Station.DELIVERED

    @property
    def delivered(self) -> Decimal:
        """What was delivered, before refunds."""
        return self.parts.get(Station.DELIVERED, ZERO)


class Desk(Struct, frozen=True, kw_only=True):
    """What every account of a report is made with."""

    rules: Rules
    rates: Exchange
    costs: Costs
    days: Days


def counts(order: Order) -> bool:
    """Whether an order stands in L1: somebody reported it, no test, not deleted."""
    return order.known and not order.test and not order.deleted


def account_of(order: Order, moves: Sequence[Move], desk: Desk, as_of: int) -> Account | None:
    """The order's account at a time; None where a rate is missing, so that it stands in no sum."""
    day = desk.days.of(order.placed_at)
    today = desk.days.of(as_of)
    order = _as_known(order, as_of)
    here = [replace(m, place=place_of(m, as_of, today)) for m in moves if m.at <= as_of and m.kind not in LEAVING]
    own = [_in_currency(m, order.currency, desk.rates) for m in here]
    rate = desk.rates.rate(order.currency, desk.rules.currency, day)
    if rate is None or any(m is None for m in own):
        return None
    in_order = [m for m in own if m is not None]
    cash_at = min((m.at for m in in_order if m.kind is MoneyKind.COD_COLLECTED and m.gross > 0), default=None)
    standing = stand(order, desk.rules, as_of, cash_at)
    purse = open_purse(order, standing, in_order, desk.rules)
    margin = margin_of(order, standing, purse, desk.costs, desk.rules, day)
    told = [m for m in purse.moves if m.told]
    booked = _booked(purse, here, told, rate, desk)
    if booked is None:
        return None
    collected, terms, banked, gap = booked
    return Account(
        order=order,
        day=day,
        standing=standing,
        purse=purse,
        total=exact(order.total * rate),
        parts={station: exact(amount * rate) for station, amount in standing.parts.items()},
        refunds=exact(purse.refunds * rate),
        due=exact(purse.due * rate),
        gap=_exact(gap),
        taken=exact(purse.taken * rate),
        collected=exact(collected),
        terms=_exact(terms),
        banked=exact(banked),
        moves=tuple(here),
        margin=margin,
        net_revenue=_times(margin.net_revenue if margin else None, rate),
        cm1=_times(margin.cm1 if margin else None, rate),
        cm2=_times(margin.cm2 if margin else None, rate),
        cm3=_times(margin.cm3 if margin else None, rate),
    )


def _exact(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {reason: told for reason, amount in amounts.items() if (told := exact(amount))}


def _booked(
    purse: Purse, here: Sequence[Move], told: Sequence[Move], rate: Decimal, desk: Desk
) -> tuple[Decimal, Mapping[str, Decimal], Decimal, Mapping[str, Decimal]] | None:
    """Collected, terms, banked and gap in the reporting currency."""
    currency = desk.rules.currency
    if rate == 1 and all(m.currency == currency for m in here):
        return purse.net, purse.terms, purse.banked, purse.gap
    moves = [_in_currency(m, currency, desk.rates) for m in (*here, *told)]
    if any(m is None for m in moves):
        return None
    booked = [m for m in moves if m is not None]
    collected = sum((m.gross for m in booked if m.kind in TAKEN or m.kind in GIVEN_BACK), ZERO)
    gap = {reason: amount * rate for reason, amount in purse.gap.items()}
    realised = collected - purse.net * rate
    if realised:
        gap[RATE_DIFFERENCE] = -realised
    return collected, terms_of(booked), sum((m.net for m in booked if m.place is At.BANKED), ZERO), gap


def in_currency(moves: Iterable[Move], currency: str, rates: Exchange) -> tuple[list[Move], list[Move]]:
    """Movements in a currency, each at the rate of its own day; and those for which there is no rate."""
    found: list[Move] = []
    without: list[Move] = []
    for move in moves:
        one = _in_currency(move, currency, rates)
        if one is None:
            without.append(move)
        else:
            found.append(one if one is move else replace(one, gross=exact(one.gross), fee=exact(one.fee)))
    return found, without


def _in_currency(move: Move, currency: str, rates: Exchange) -> Move | None:
    """The same movement in another currency: as the source converted it itself, else at its day's rate."""
    if move.currency == currency:
        return move
    if move.original is not None and move.original_currency == currency and move.gross:
        rate = move.original / move.gross
        return replace(move, gross=move.original, fee=move.fee * rate, currency=currency)
    gross = rates.convert(move.gross, move.currency, currency, move.day)
    fee = rates.convert(move.fee, move.currency, currency, move.day)
    return None if gross is None or fee is None else replace(move, gross=gross, fee=fee, currency=currency)


def _as_known(order: Order, as_of: int) -> Order:
    """Without what was given back or taken later."""
    if order.refunds and sum((a for _, a in order.refunds), ZERO) == order.refunded:
        back = sum((a for at, a in order.refunds if at <= as_of), ZERO)
        if back != order.refunded:
            order = replace(order, refunded=back)
    if order.paid_at is not None and order.paid_at > as_of and order.received:
        order = replace(order, received=ZERO)
    return order


def _times(amount: Decimal | None, rate: Decimal) -> Decimal | None:
    return None if amount is None else exact(amount * rate)
