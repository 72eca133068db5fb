"""What is left of an order: net revenue, then goods, handling and payment taken off, by known lines before rules.

Owns contribution before advertising (CM1 to CM3) of one order whose outcome is final. What an article costs is what was
valid on the order's day; an article without a cost makes the margin unknown, never zero.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from twofold.ledger.lines import Cost, MoneyKind
from twofold.ledger.money import to_minor
from twofold.reconcile.chain.purse import DISPUTED, FREIGHT, Purse, fee_reason, reason_of
from twofold.reconcile.chain.standing import FINAL, Standing, Station
from twofold.reconcile.chain.values import ZERO, Order, Rules
from twofold.reconcile.exchange import Exchange, day_number

_HUNDRED = Decimal(100)


class Margin(Struct, frozen=True, kw_only=True, gc=False):
    """One order's contribution in its own currency. ``cm1`` and what follows are None where a cost is unknown."""

    net_revenue: Decimal
    tax: Decimal
    goods: Decimal | None
    write_off: Decimal
    freight_out: Decimal
    freight_back: Decimal
    handling: Decimal
    fee_psp: Decimal
    fee_cod: Decimal
    estimated: tuple[str, ...] = ()  # which of them are rules' estimates

    @property
    def cm1(self) -> Decimal | None:
        return None if self.goods is None else self.net_revenue - self.goods - self.write_off

    @property
    def cm2(self) -> Decimal | None:
        cm1 = self.cm1
        return None if cm1 is None else cm1 - self.freight_out - self.freight_back - self.handling

    @property
    def cm3(self) -> Decimal | None:
        cm2 = self.cm2
        return None if cm2 is None else cm2 - self.fee_psp - self.fee_cod


class Costs:
    """The cost table: an article's or a rule's value on a day, in the order's currency."""

    def __init__(self, costs: Iterable[Cost], rates: Exchange) -> None:
        self._rates = rates
        found: dict[tuple[str, str, str], list[tuple[int, Cost]]] = defaultdict(list)
        for cost in costs:
            found[cost.sku, cost.rule, cost.of.casefold()].append((day_number(cost.since), cost))
        self._found = {key: sorted(rows, key=lambda r: r[0]) for key, rows in found.items()}

    def piece(self, sku: str, day: int, currency: str) -> Decimal | None:
        """What one piece cost then; None where nobody said, or no rate is there."""
        cost = self._valid((sku, "", ""), day) if sku else None
        if cost is None or cost.amount is None:
            return None
        return self._rates.convert(cost.amount, cost.currency or currency, currency, day)

    def rule(self, name: str, applies_to: Iterable[str], amount: Decimal, day: int, currency: str) -> Decimal | None:
        """A rule's cost for an amount: the one for the courier, provider or method if there is one, else the general."""
        for one in (*(a.casefold() for a in applies_to if a), ""):
            cost = self._valid(("", name, one), day)
            if cost is not None:
                return self._worth(cost, amount, day, currency)
        return None

    def _worth(self, cost: Cost, amount: Decimal, day: int, currency: str) -> Decimal | None:
        fixed = self._rates.convert(cost.amount or ZERO, cost.currency or currency, currency, day)
        least = self._rates.convert(cost.least or ZERO, cost.currency or currency, currency, day)
        if fixed is None or least is None:
            return None
        return max(to_minor(amount * (cost.percent or ZERO) / _HUNDRED + fixed, currency), least)

    def _valid(self, key: tuple[str, str, str], day: int) -> Cost | None:
        rows = self._found.get(key)
        if not rows:
            return None
        place = bisect_right(rows, day, key=lambda r: r[0])
        return rows[place - 1][1] if place else None


def margin_of(order: Order, standing: Standing, purse: Purse, costs: Costs, rules: Rules, day: int) -> Margin | None:
    """The order's contribution, or None while its outcome is open and for one that was cancelled. ``day``: the order's."""
    if standing.station not in FINAL:
        return None
    kept = standing.amount(Station.DELIVERED)
    disputed = sum((m.gross for m in purse.moves if m.kind in DISPUTED), ZERO)
    revenue = max(purse.due + disputed - (order.gift_cards if kept else ZERO), ZERO)
    if kept:
        revenue = max(revenue - order.tip - order.duties, ZERO)
    tax = tax_in(revenue, order, rules)
    goods, lost = _goods(order, standing, costs, day)
    used: list[str] = []
    lines = _Lines(purse)
    shipped, back = standing.shipped, standing.station in (Station.RETURNED, Station.REFUSED)
    who = (order.courier, order.method)
    parcels = max(order.parcels, len({w.parcel for w in order.words}), 1)

    def by_rule(name: str, amount: Decimal, wanted: bool, known: Decimal | None, times: int = 1) -> Decimal:
        if known is not None:
            return known
        found = costs.rule(name, who, amount, day, order.currency) if wanted else None
        if found is None:
            return ZERO
        used.append(name)
        return found * times

    freight_out = by_rule("freight", order.total, shipped, lines.freight, parcels)
    freight_back = by_rule("freight_return", order.total, back, lines.freight_return, parcels)
    handling = sum(
        (by_rule(name, order.total, shipped, None) for name in ("packaging", "picking", "call_minute")), ZERO
    )
    cod = order.method == "cod"
    fee_cod = by_rule("cod_fee", purse.taken or purse.due, cod and bool(kept), lines.fee_cod)
    fee_psp = by_rule("psp_fee", purse.taken, not cod and bool(purse.taken), lines.fee_psp)
    write_off = lost
    if back and goods is not None:
        write_off += by_rule("write_off", goods, True, None)
    return Margin(
        net_revenue=revenue - tax,
        tax=tax,
        goods=None if goods is None else ZERO if back or standing.station is Station.LOST else goods,
        write_off=write_off,
        freight_out=freight_out,
        freight_back=freight_back,
        handling=handling,
        fee_psp=fee_psp,
        fee_cod=fee_cod,
        estimated=tuple(dict.fromkeys(used)),
    )


def tax_in(amount: Decimal, order: Order, rules: Rules) -> Decimal:
    """The tax contained in a part of the order's total, rounded for the order."""
    if order.tax is not None:
        return to_minor(order.tax * amount / order.total, order.currency) if order.total else ZERO
    if rules.vat is None:
        return ZERO
    return to_minor(amount * rules.vat / (_HUNDRED + rules.vat), order.currency)


def _goods(order: Order, standing: Standing, costs: Costs, day: int) -> tuple[Decimal | None, Decimal]:
    """What the goods cost, None where one is unknown; and what of it is lost."""
    whole = ZERO
    for item in order.items:
        if item.gift_card:
            continue
        piece = costs.piece(item.sku, day, order.currency)
        if piece is None:
            return None, ZERO
        whole += piece * item.quantity
    if not order.items:
        return None, ZERO
    if standing.station is Station.LOST:
        return whole, whole
    if order.total and standing.station is Station.DELIVERED:
        share = standing.amount(Station.DELIVERED) / order.total  # what came back is in stock again
        gone = standing.amount(Station.LOST) / order.total
        if share != 1:
            return to_minor(whole * share, order.currency), to_minor(whole * gone, order.currency)
    return whole, ZERO


class _Lines:
    """What known lines say of costs; None where there is no line, so that a rule stands in."""

    def __init__(self, purse: Purse) -> None:
        self.fee_psp: Decimal | None = None
        self.fee_cod: Decimal | None = None
        self.freight: Decimal | None = None
        self.freight_return: Decimal | None = None
        for move in purse.moves:
            if move.told:
                continue
            if move.kind in FREIGHT:
                name = "freight" if move.kind is MoneyKind.FREIGHT else "freight_return"
                setattr(self, name, (getattr(self, name) or ZERO) - move.gross)
            own = -move.gross if reason_of(move) in ("fee_psp", "fee_cod") else ZERO
            fee = move.fee + own
            if fee or move.kind in (MoneyKind.CHARGE, MoneyKind.COD_COLLECTED):
                name = fee_reason(move)
                # A courier that deducts nothing from this parcel may charge it elsewhere: then the rule stands.
                if fee or name == "fee_psp":
                    setattr(self, name, (getattr(self, name) or ZERO) + fee)
