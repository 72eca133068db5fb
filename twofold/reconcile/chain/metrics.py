"""Figures of the chain: rates, days, margins, and the whole spend against the whole money. Sums before quotients, always.

Owns the formulas, over sums (`Figures`), and the sums of accounts; tables give the same sums. Each metric has its role and the link it is read from; one that would divide by nothing has no value.
Cash on delivery and prepaid money stand apart where mixing them says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct, field

from twofold.reconcile.chain.account import Account, Desk
from twofold.reconcile.chain.customers import Customer
from twofold.reconcile.chain.purse import COURIER_HOLDS, TAKEN, terms_of
from twofold.reconcile.chain.rows import SIGNAL, Metric, ratio
from twofold.reconcile.chain.standing import BACK, Station
from twofold.reconcile.chain.values import ZERO, At, Move
from twofold.reconcile.exchange import exact

COD, PREPAID = "cod", "prepaid"


class Advertising(Struct, frozen=True, kw_only=True):
    """All spend of the period and what platforms claim of it, in the reporting currency. None: no spend is here."""

    spend: Decimal | None = None
    claimed: Decimal | None = None


class Buyers(Struct, frozen=True, kw_only=True):
    """Of each order what its buyer is, and which are their buyers' first delivered ones."""

    kinds: Mapping[str, Customer]
    first_delivered: frozenset[str]


class Counts(Struct, kw_only=True):
    """Of a part of the orders how many are where."""

    orders: int = 0
    confirmed: int = 0
    shipped: int = 0
    stations: dict[str, int] = field(default_factory=dict)


class Bought(Struct, kw_only=True):
    """Of the orders' buyers. ``due``: of the orders with which somebody was acquired by delivery."""

    new: int = 0
    unsure: int = 0
    returning: int = 0
    first_delivered: int = 0
    first_due: Decimal = ZERO
    orders_returning: int = 0
    orders_of_unknown: int = 0


class Margins(Struct, kw_only=True):
    """Sums over orders whose costs are known; ``whole``: delivered money after refunds of all whose outcome is final."""

    orders: int = 0
    net_revenue: Decimal = ZERO
    cm1: Decimal = ZERO
    cm2: Decimal = ZERO
    cm3: Decimal = ZERO
    due: Decimal = ZERO
    whole: Decimal = ZERO


class Figures(Struct, kw_only=True):
    """The sums that all figures are made of. ``money``: placed, delivered, refunds, due, collected, banked (of orders), banked_all
    (with what belongs to none). ``cash``: days from the order to the bank to what came within just those. ``held``: of each
    courier the cash and the day since when the oldest of it."""

    counts: dict[str, Counts] = field(default_factory=dict)
    money: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    terms: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    cash: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    held: dict[str, tuple[Decimal, int]] = field(default_factory=dict)
    margins: Margins = field(default_factory=Margins)
    bought: Bought = field(default_factory=Bought)

    def stand(self, of: str, station: str, confirmed: bool, shipped: bool, orders: int = 1) -> None:
        """So many orders are there."""
        found = self.counts.setdefault(of, Counts())
        found.orders += orders
        found.confirmed += orders * confirmed
        found.shipped += orders * shipped
        found.stations[station] = found.stations.get(station, 0) + orders

    def hold(self, courier: str, amount: Decimal, since: int) -> None:
        """A courier holds so much since that day."""
        before, oldest = self.held.get(courier or "unknown", (ZERO, since))
        self.held[courier or "unknown"] = before + amount, min(oldest, since)


# -- sums of accounts


def figures_of(accounts: Sequence[Account], loose: Sequence[Move], buyers: Buyers, desk: Desk) -> Figures:
    """The sums of these orders, and of deductions without an order."""
    found = Figures()
    for one in accounts:
        for of in ("all", COD if one.order.method == "cod" else PREPAID):
            found.stand(of, one.standing.station, one.standing.confirmed, one.standing.shipped)
        for name, amount in (
            ("placed", one.total), ("delivered", one.delivered), ("refunds", one.refunds), ("due", one.due),
            ("collected", one.collected), ("banked", one.banked), ("banked_all", one.banked),
        ):  # fmt: skip
            found.money[name] += amount
        for reason, amount in one.terms.items():
            found.terms[reason] += amount
        for days, amount in came_in(one, desk):
            found.cash[days] += amount
        if COURIER_HOLDS in one.gap:
            since = one.standing.delivered_at or one.standing.since
            found.hold(one.order.courier, one.gap[COURIER_HOLDS], desk.days.of(since))
        _add_margin(found.margins, one)
    for reason, amount in terms_of(loose).items():
        found.terms[reason] += amount
    found.money["banked_all"] += sum((m.net for m in loose if m.place is At.BANKED), ZERO)
    found.bought = _bought(accounts, buyers)
    return found


def came_in(one: Account, desk: Desk) -> Iterator[tuple[int, Decimal]]:
    """What of the order's money is on the bank, line by line, with the days from the order to there."""
    for move in one.moves:
        if move.place is At.BANKED and move.kind in TAKEN and move.net > 0 and move.banked_at is not None:
            amount = desk.rates.convert(move.net, move.currency, desk.rules.currency, move.day)
            yield desk.days.of(move.banked_at) - one.day, exact(amount or ZERO)


def _add_margin(sums: Margins, one: Account) -> None:
    if one.margin is not None:
        sums.whole += one.due
    if one.cm3 is not None:
        sums.orders += 1
        sums.net_revenue += one.net_revenue or ZERO
        sums.cm1 += one.cm1 or ZERO
        sums.cm2 += one.cm2 or ZERO
        sums.cm3 += one.cm3
        sums.due += one.due


def _bought(accounts: Sequence[Account], buyers: Buyers) -> Bought:
    kinds = {a.order.key: buyers.kinds.get(a.order.key, Customer.UNKNOWN) for a in accounts}
    first = [a for a in accounts if a.is_delivered and a.order.key in buyers.first_delivered]
    return Bought(
        new=len({a.order.buyer for a in accounts if kinds[a.order.key] in (Customer.NEW, Customer.NEW_UNSURE)}),
        unsure=sum(kind is Customer.NEW_UNSURE for kind in kinds.values()),
        returning=len({a.order.buyer for a in accounts if kinds[a.order.key] is Customer.RETURNING}),
        first_delivered=len(first),
        first_due=sum((a.due for a in first), ZERO),
        orders_returning=sum(kind is Customer.RETURNING for kind in kinds.values()),
        orders_of_unknown=sum(kind is Customer.UNKNOWN for kind in kinds.values()),
    )


# -- figures of sums


def metrics_of(sums: Figures, ads: Advertising, least_costed: Decimal, today: int) -> Iterator[Metric]:
    """Unrounded sums, and quotients as they are shown."""
    for of in ("all", COD, PREPAID):
        yield from _rates(sums.counts.get(of, Counts()), of)
    yield from _money(sums)
    yield from _days(sums)
    yield from _holders(sums, today)
    yield from _margins(sums.margins, ads, least_costed)
    yield from _customers(sums, ads)


def _rates(counts: Counts, of: str) -> Iterator[Metric]:
    def at(*stations: Station) -> int:
        return sum(counts.stations.get(station, 0) for station in stations)

    delivered, back, lost = at(Station.DELIVERED), at(*BACK), at(Station.LOST)
    for name, value, link in (
        ("confirmation_rate", ratio(counts.confirmed, counts.orders - at(Station.AWAITS_CONFIRMATION)), "confirmed"),
        ("delivery_rate", ratio(delivered, delivered + back + lost), "delivered"),
        ("open_share", ratio(at(Station.IN_TRANSIT), counts.shipped), "delivered"),
        ("return_rate", ratio(back, delivered + back), "delivered"),
    ):
        yield Metric(name=name, of=of, value=value, unit="ratio", link=link)


def _money(sums: Figures) -> Iterator[Metric]:
    money, terms = sums.money, sums.terms
    collected = money["collected"]
    kept = -sum((terms[r] for r in ("fee_psp", "fee_cod", "freight_deducted")), ZERO)
    deducted = kept - sum((terms[r] for r in ("disputed", "batch_adjustment", "tax_withheld")), ZERO)
    still = money["delivered"] - money["refunds"]
    coverage = ratio(money["banked_all"], collected - deducted)
    yield Metric(name="refund_rate", value=ratio(money["refunds"], money["delivered"]), unit="ratio", link="delivered")
    yield Metric(name="collection_rate", value=ratio(collected, still), unit="ratio", link="collected")
    yield Metric(name="payout_pending", value=-terms[At.PENDING], unit="money", link="collected")
    yield Metric(name="bank_coverage", value=coverage, unit="ratio", link="banked")
    yield Metric(name="fee_load", value=ratio(kept, collected), unit="ratio", link="banked")


def _days(sums: Figures) -> Iterator[Metric]:
    """From the order to the bank, weighted by the money of the lines that came in."""
    cash = sorted(sums.cash.items())
    weight = sum((amount for _, amount in cash), ZERO)
    mean = ratio(sum((days * amount for days, amount in cash), ZERO), weight, 2)
    yield Metric(name="days_to_cash", value=mean, unit="days", link="banked")
    for name, share in (("days_to_cash_median", Decimal("0.5")), ("days_to_cash_p90", Decimal("0.9"))):
        yield Metric(name=name, value=_quantile(cash, weight * share), unit="days", link="banked")


def _quantile(cash: Sequence[tuple[int, Decimal]], reached: Decimal) -> Decimal | None:
    """The days within which so much of the money came."""
    total = ZERO
    for days, amount in cash:
        total += amount
        if total >= reached:
            return Decimal(days)
    return None


def _holders(sums: Figures, today: int) -> Iterator[Metric]:
    """Cash that each courier holds, and for how long the oldest."""
    whole = sum((amount for amount, _ in sums.held.values()), ZERO)
    yield Metric(name="cash_held_by_couriers", value=whole, unit="money", link="collected")
    for name, (amount, since) in sorted(sums.held.items()):
        days = Decimal(max(today - since, 0))
        yield Metric(name="cash_held_by_couriers", of=name, value=amount, unit="money", link="collected")
        yield Metric(name="cash_held_days", of=name, value=days, unit="days", link="collected")


def _margins(sums: Margins, ads: Advertising, least_costed: Decimal) -> Iterator[Metric]:
    divides = not sums.whole or sums.due >= sums.whole * least_costed
    final = bool(sums.orders)
    for name in ("net_revenue", "cm1", "cm2", "cm3"):
        yield Metric(name=name, value=getattr(sums, name) if final else None, unit="money", link="margin")
    spend = ads.spend
    cm4 = None if spend is None or not final else sums.cm3 - spend
    yield Metric(name="cm4", value=cm4, unit="money", link="margin")
    yield Metric(name="margin_rate", value=ratio(sums.cm3, sums.net_revenue), unit="ratio", link="margin")
    poas = ratio(sums.cm3, spend or 0) if divides else None
    yield Metric(name="poas", value=poas, unit="ratio", link="margin")
    even = ratio(sums.due, sums.cm3) if divides and sums.cm3 > 0 else None
    yield Metric(name="break_even_roas", value=even, unit="ratio", link="margin")


def _customers(sums: Figures, ads: Advertising) -> Iterator[Metric]:
    bought, money = sums.bought, sums.money
    for name, value, link in (
        ("customers_new", bought.new, "placed"),
        ("customers_new_unsure", bought.unsure, "placed"),
        ("customers_new_delivered", bought.first_delivered, "delivered"),
        ("customers_returning", bought.returning, "placed"),
        ("orders_returning", bought.orders_returning, "placed"),
        ("orders_of_unknown", bought.orders_of_unknown, "placed"),
    ):
        yield Metric(name=name, value=Decimal(value), unit="count", link=link)
    if ads.spend is None:
        return
    spend = ads.spend
    yield Metric(name="spend", value=spend, unit="money", link="placed")
    yield Metric(name="mer_placed", value=ratio(money["placed"], spend), unit="ratio", link="placed")
    yield Metric(name="mer", value=ratio(money["due"], spend), unit="ratio", link="delivered")
    yield Metric(name="banked_roas_blended", value=ratio(money["banked"], spend), unit="ratio", link="banked")
    yield Metric(name="amer", value=ratio(bought.first_due, spend), unit="ratio", link="delivered")
    yield Metric(name="blended_cac_placed", value=ratio(spend, bought.new, 2), unit="money", link="placed")
    yield Metric(name="blended_cac", value=ratio(spend, bought.first_delivered, 2), unit="money", link="delivered")
    if ads.claimed is not None:
        for name, whole in (("platform_roas_blended", spend), ("sum_of_claims", money["placed"])):
            share = ratio(ads.claimed, whole)
            yield Metric(name=name, value=share, unit="ratio", role=SIGNAL, link="signalled")
