"""Figures of the chain: rates, days, margins, and the whole spend against the whole money. Sums before quotients, always.

Owns the formulas. Each metric has its role and the link it is read from; one that would divide by nothing has no value.
Cash on delivery and prepaid money stand apart where mixing them says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from twofold.reconcile.chain.account import Account, Desk
from twofold.reconcile.chain.customers import Customer
from twofold.reconcile.chain.purse import COURIER_HOLDS, TAKEN, terms_of
from twofold.reconcile.chain.rows import SIGNAL, Metric, ratio
from twofold.reconcile.chain.standing import BACK, Station
from twofold.reconcile.chain.values import ZERO, At, Move

COD, PREPAID = "cod", "prepaid"


class Advertising(Struct, frozen=True, kw_only=True):
    """All spend of the period and what platforms claim of it, in the reporting currency. None: no spend is here."""

    spend: Decimal | None = None
    claimed: Decimal | None = None


class Buyers(Struct, frozen=True, kw_only=True):
    """Of each order what its buyer is, and which are their buyers' first delivered ones."""

    kinds: Mapping[str, Customer]
    first_delivered: frozenset[str]


def metrics_of(
    accounts: Sequence[Account], loose: Sequence[Move], ads: Advertising, buyers: Buyers, desk: Desk, as_of: int
) -> Iterator[Metric]:
    """Unrounded sums, and quotients as they are shown."""
    yield from _rates(accounts, "all")
    for name in (COD, PREPAID):
        yield from _rates([a for a in accounts if (a.order.method == "cod") is (name == COD)], name)
    yield from _money(accounts, loose)
    yield from _days(accounts, desk)
    yield from _holders(accounts, desk, as_of)
    yield from _margins(accounts, ads, desk)
    yield from _customers(accounts, ads, buyers)


def _count(accounts: Iterable[Account], *stations: Station) -> int:
    return sum(a.standing.station in stations for a in accounts)


def _rates(accounts: Sequence[Account], of: str) -> Iterator[Metric]:
    waiting = _count(accounts, Station.AWAITS_CONFIRMATION)
    confirmed = sum(a.standing.confirmed for a in accounts)
    shipped = sum(a.standing.shipped for a in accounts)
    delivered, lost = _count(accounts, Station.DELIVERED), _count(accounts, Station.LOST)
    back = _count(accounts, *BACK)
    for name, value, link in (
        ("confirmation_rate", ratio(confirmed, len(accounts) - waiting), "confirmed"),
        ("delivery_rate", ratio(delivered, delivered + back + lost), "delivered"),
        ("open_share", ratio(_count(accounts, Station.IN_TRANSIT), shipped), "delivered"),
        ("return_rate", ratio(back, delivered + back), "delivered"),
    ):
        yield Metric(name=name, of=of, value=value, unit="ratio", link=link)


def _money(accounts: Sequence[Account], loose: Sequence[Move]) -> Iterator[Metric]:
    terms: dict[str, Decimal] = defaultdict(Decimal)
    for one in accounts:
        for reason, amount in one.terms.items():
            terms[reason] += amount
    for reason, amount in terms_of(loose).items():
        terms[reason] += amount
    delivered = sum((a.delivered for a in accounts), ZERO)
    refunds = sum((a.refunds for a in accounts), ZERO)
    collected = sum((a.collected for a in accounts), ZERO)
    banked = sum((a.banked for a in accounts), ZERO) + sum((m.net for m in loose if m.place is At.BANKED), ZERO)
    kept = -sum((terms[r] for r in ("fee_psp", "fee_cod", "freight_deducted")), ZERO)
    deducted = kept - sum((terms[r] for r in ("disputed", "batch_adjustment", "tax_withheld")), ZERO)
    yield Metric(name="refund_rate", value=ratio(refunds, delivered), unit="ratio", link="delivered")
    yield Metric(name="collection_rate", value=ratio(collected, delivered - refunds), unit="ratio", link="collected")
    yield Metric(name="payout_pending", value=-terms[At.PENDING], unit="money", link="collected")
    yield Metric(name="bank_coverage", value=ratio(banked, collected - deducted), unit="ratio", link="banked")
    yield Metric(name="fee_load", value=ratio(kept, collected), unit="ratio", link="banked")


def _days(accounts: Sequence[Account], desk: Desk) -> Iterator[Metric]:
    """From the order to the bank, weighted by the money of the lines that came in."""
    lines: list[tuple[int, Decimal]] = []
    for one in accounts:
        for move in one.moves:
            if move.place is At.BANKED and move.kind in TAKEN and move.net > 0 and move.banked_at is not None:
                amount = desk.rates.convert(move.net, move.currency, desk.rules.currency, move.day)
                lines.append((desk.days.of(move.banked_at) - one.day, amount or ZERO))
    lines.sort()
    weight = sum((amount for _, amount in lines), ZERO)
    mean = ratio(sum((days * amount for days, amount in lines), ZERO), weight, 2)
    yield Metric(name="days_to_cash", value=mean, unit="days", link="banked")
    for name, share in (("days_to_cash_median", Decimal("0.5")), ("days_to_cash_p90", Decimal("0.9"))):
        yield Metric(name=name, value=_quantile(lines, weight * share), unit="days", link="banked")


def _quantile(lines: Sequence[tuple[int, Decimal]], reached: Decimal) -> Decimal | None:
    """The days within which so much of the money came."""
    total = ZERO
    for days, amount in lines:
        total += amount
        if total >= reached:
            return Decimal(days)
    return None


def _holders(accounts: Sequence[Account], desk: Desk, as_of: int) -> Iterator[Metric]:
    """Cash that each courier holds, and for how long the oldest."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    oldest: dict[str, int] = {}
    today = desk.days.of(as_of)
    for one in accounts:
        amount = one.gap.get(COURIER_HOLDS)
        if amount:
            name = one.order.courier or "unknown"
            since = one.standing.delivered_at or one.standing.since
            held[name] += amount
            oldest[name] = max(oldest.get(name, 0), today - desk.days.of(since))
    yield Metric(name="cash_held_by_couriers", value=sum(held.values(), ZERO), unit="money", link="collected")
    for name in sorted(held):
        yield Metric(name="cash_held_by_couriers", of=name, value=held[name], unit="money", link="collected")
        yield Metric(name="cash_held_days", of=name, value=Decimal(oldest[name]), unit="days", link="collected")


class _Sums(Struct):
    net_revenue: Decimal = ZERO
    cm1: Decimal = ZERO
    cm2: Decimal = ZERO
    cm3: Decimal = ZERO
    due: Decimal = ZERO  # delivered after refunds, of the orders whose costs are known


def costed(accounts: Iterable[Account]) -> tuple[Decimal, Decimal]:
    """Delivered money after refunds whose costs are known, and all of it."""
    known = whole = ZERO
    for one in accounts:
        if one.margin is not None:
            whole += one.due
            if one.cm3 is not None:
                known += one.due
    return known, whole


def _margins(accounts: Sequence[Account], ads: Advertising, desk: Desk) -> Iterator[Metric]:
    sums = _Sums()
    for one in accounts:
        if one.cm3 is not None:
            sums.net_revenue += one.net_revenue or ZERO
            sums.cm1 += one.cm1 or ZERO
            sums.cm2 += one.cm2 or ZERO
            sums.cm3 += one.cm3
            sums.due += one.due
    known, whole = costed(accounts)
    divides = not whole or known >= whole * desk.rules.least_costed
    final = any(one.cm3 is not None for one in accounts)
    for name in ("net_revenue", "cm1", "cm2", "cm3"):
        value = getattr(sums, name) if final else None
        yield Metric(name=name, value=value, unit="money", link="margin")
    spend = ads.spend
    cm4 = None if spend is None or not final else sums.cm3 - spend
    yield Metric(name="cm4", value=cm4, unit="money", link="margin")
    yield Metric(name="margin_rate", value=ratio(sums.cm3, sums.net_revenue), unit="ratio", link="margin")
    poas = ratio(sums.cm3, spend or 0) if divides else None
    yield Metric(name="poas", value=poas, unit="ratio", link="margin")
    even = ratio(sums.due, sums.cm3) if divides and sums.cm3 > 0 else None
    yield Metric(name="break_even_roas", value=even, unit="ratio", link="margin")


def _customers(accounts: Sequence[Account], ads: Advertising, buyers: Buyers) -> Iterator[Metric]:
    new = (Customer.NEW, Customer.NEW_UNSURE)
    kinds = {a.order.key: buyers.kinds.get(a.order.key, Customer.UNKNOWN) for a in accounts}
    placed_new = {a.order.buyer for a in accounts if kinds[a.order.key] in new}
    first = [a for a in accounts if a.is_delivered and a.order.key in buyers.first_delivered]
    returning = {a.order.buyer for a in accounts if kinds[a.order.key] is Customer.RETURNING}
    unsure = sum(kind is Customer.NEW_UNSURE for kind in kinds.values())
    for name, value, link in (
        ("customers_new", len(placed_new), "placed"),
        ("customers_new_unsure", unsure, "placed"),
        ("customers_new_delivered", len(first), "delivered"),
        ("customers_returning", len(returning), "placed"),
        ("orders_returning", sum(k is Customer.RETURNING for k in kinds.values()), "placed"),
        ("orders_of_unknown", sum(k is Customer.UNKNOWN for k in kinds.values()), "placed"),
    ):
        yield Metric(name=name, value=Decimal(value), unit="count", link=link)
    if ads.spend is None:
        return
    spend = ads.spend
    placed = sum((a.total for a in accounts), ZERO)
    due = sum((a.due for a in accounts), ZERO)
    banked = sum((a.banked for a in accounts), ZERO)
    yield Metric(name="spend", value=spend, unit="money", link="placed")
    yield Metric(name="mer_placed", value=ratio(placed, spend), unit="ratio", link="placed")
    yield Metric(name="mer", value=ratio(due, spend), unit="ratio", link="delivered")
    yield Metric(name="banked_roas_blended", value=ratio(banked, spend), unit="ratio", link="banked")
    yield Metric(name="amer", value=ratio(sum((a.due for a in first), ZERO), spend), unit="ratio", link="delivered")
    yield Metric(name="blended_cac_placed", value=ratio(spend, len(placed_new), 2), unit="money", link="placed")
    yield Metric(name="blended_cac", value=ratio(spend, len(first), 2), unit="money", link="delivered")
    if ads.claimed is not None:
        yield Metric(
            name="platform_roas_blended", value=ratio(ads.claimed, spend), unit="ratio", role=SIGNAL, link="signalled"
        )  # fmt: skip
        yield Metric(
            name="sum_of_claims", value=ratio(ads.claimed, placed), unit="ratio", role=SIGNAL, link="signalled"
        )
