"""A day as its witnesses report it: who says what, the bridge of each, what a platform claims, and the same orders' money.

Owns the putting together. The fifth look, at what the courier and the bank have of the day's orders, is the chain's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.reconcile.chain.rows import Link, Metric, Row, closed
from twofold.reconcile.day.ga4 import bridge_ga4
from twofold.reconcile.day.meta import bridge_meta
from twofold.reconcile.day.own import bridge_log, bridge_shop, log_report, shop_report
from twofold.reconcile.day.values import GA4, META, ZERO, Bridge, Claim, DayOrder, Report, Sent, Sum, Term

WITNESSES = ("meta", "shop", "ga4", "log")
_COHORT = (("crm", "confirmed"), ("courier", "delivered"), ("bank", "banked"))
FINAL_AFTER_S = {GA4: 72 * 3_600, META: 28 * 86_400}


class Money(Struct, frozen=True, kw_only=True):
    """What one of those who handle the day's orders has of them."""

    who: str  # pixel, crm, courier, bank, books
    link: str
    count: int | None
    amount: Decimal | None
    role: str


class Day(Struct, frozen=True, kw_only=True):
    """The whole report of one day. ``young``: witnesses whose figures may still move; ``undelivered``: on the way to the bank."""

    day: str
    currency: str
    reports: tuple[Report, ...]
    bridges: tuple[Bridge, ...]
    claims: tuple[Claim, ...]
    cohort: tuple[Money, ...]
    undelivered: Term | None = None
    notes: tuple[str, ...] = ()
    young: tuple[str, ...] = ()

    def bridge_of(self, witness: str) -> Bridge:
        return next(b for b in self.bridges if b.witness == witness)


def day_report(
    day: str,
    orders: Sequence[DayOrder],
    strays: Sequence[Sent],
    meta: Report,
    ga4: Report,
    day_in: Callable[[str], Callable[[int], bool]],
    home: str,
    currency: str,
    as_of: int,
    end: int,
    chain: Sequence[Row] = (),
    notes: Sequence[str] = (),
    undelivered: Term | None = None,
) -> Day:
    """``day_in``: of a zone's name to whether a time lies on the day there; ``end``: when the shop's day was over."""
    here = day_in(home)
    admin = shop_report(orders, here, home, currency)
    log = log_report(orders, strays, here, home, currency)
    meta_bridge, claims = bridge_meta(orders, strays, meta, here, day_in(meta.zone or home), as_of)
    bridges = (
        meta_bridge,
        bridge_shop(orders, admin, here),
        bridge_ga4(orders, ga4, here, day_in(ga4.zone or home), as_of),
        bridge_log(orders, strays, log, here, as_of),
    )
    return Day(
        day=day,
        currency=currency,
        reports=tuple(_shown(r, currency) for r in (meta, admin, ga4, log)),
        bridges=tuple(_closed(b, currency) for b in bridges),
        claims=tuple(claims),
        cohort=tuple(_cohort(chain, _shown(log, currency))),
        notes=tuple(notes),
        undelivered=undelivered,
        young=tuple(w for w, s in FINAL_AFTER_S.items() if as_of < end + s and _is_here(w, (meta, ga4))),
    )


def undelivered_term(gone: Sequence[tuple[str, Decimal]], currency: str) -> Term | None:
    """Cash on delivery that everybody counted and nobody will bring. ``gone``: number and amount of the orders that were refused,
    came back or were lost by now."""
    if not gone:
        return None
    return Term(
        reason="cod_undelivered", count=-len(gone), amount=-closed(sum((a for _, a in gone), ZERO), currency),
        orders=tuple(sorted(number for number, _ in gone)),
    )  # fmt: skip


def _is_here(witness: str, reports: Sequence[Report]) -> bool:
    return any(r.source == witness and r.is_here for r in reports)


def _cohort(rows: Sequence[Row], log: Report) -> list[Money]:
    """The same day's orders where they are now, with the pixel's count beside them."""
    links = {r.link: r for r in rows if isinstance(r, Link) and not r.group}
    found = [Money(who="pixel", link="signalled", count=log.count, amount=log.amount, role="signal")]
    found += [
        Money(who=who, link=link, count=links[link].count, amount=links[link].amount, role="truth")
        for who, link in _COHORT if link in links
    ]  # fmt: skip
    for row in rows:
        if isinstance(row, Metric) and row.name == "cm3" and not row.group:
            found.append(Money(who="books", link="margin", count=None, amount=row.value, role="truth"))
    return found


def _shown(report: Report, currency: str) -> Report:
    if report.amount is None:
        return report
    own = report.original_amount
    short = None if own is None else closed(own, report.original_currency)
    return replace(report, amount=closed(report.amount, currency), original_amount=short if short == own else own)


def _closed(bridge: Bridge, currency: str) -> Bridge:
    lines = tuple(replace(line, amount=closed(line.amount, currency)) for line in bridge.lines)
    return replace(
        bridge,
        lines=lines,
        amount=None if bridge.amount is None else closed(bridge.amount, currency),
        residual=None if bridge.residual is None else closed(bridge.residual, currency),
    )


def share_of(bridge: Bridge) -> Decimal | None:
    """The residual as a share of the basis; None where there is no report, or no order."""
    basis = bridge.lines[0]
    assert isinstance(basis, Sum)
    if bridge.residual is None or not basis.amount:
        return None
    return (bridge.residual / basis.amount).quantize(Decimal("0.0001"))
