"""The whole ledger as the chain is told it: read, matched, and put together.

Owns the order of these steps and which orders a report is about. Holds the orders and lines in memory, and of what was
reported of orders only what is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.lines import Spend
from twofold.ledger.model import ParcelState
from twofold.ledger.rates import Rates
from twofold.ledger.spend import claimed, counted
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.customers import Bought
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.metrics import Advertising
from twofold.reconcile.chain.told import Asked, Told
from twofold.reconcile.chain.values import ZERO, Order, Rules
from twofold.reconcile.exchange import Exchange, day_number, exact
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.values import Days, Due, Entry
from twofold.reconcile.reading.folder import Folder, PolicyOf
from twofold.reconcile.reading.orders import KnownOrder
from twofold.reconcile.reading.owed import no_collector, read_orders
from twofold.reconcile.reading.world import Matched, match_all


class Whole(Struct, frozen=True, kw_only=True):
    """Everything of a folder, matched."""

    known: dict[str, KnownOrder]  # those whose lives are asked for
    orders: dict[str, Order]
    dues: dict[str, Due]
    entries: dict[str, Entry]
    matched: Matched
    same: Mapping[str, str]  # a line that another tells too, to the one that counts
    desk: Desk
    told: Told


def read_whole(
    folder: Path | str,
    policy_of: PolicyOf,
    asked: Asked,
    rules: Rules,
    zone: tzinfo,
    *,
    dataset: str | None = None,
    tolerance: Tolerance | None = None,
    lives: Iterable[str] = (),
) -> Whole:
    """Reads and matches. An empty currency of ``rules`` becomes that of most orders. ``lives``: keys of orders whose reports
    are kept, too."""
    tolerance = tolerance or tolerance_of(rules)
    with Folder(folder, zone) as store, no_collector():
        days = Days(zone)
        owed = read_orders(store, policy_of, frozenset(lives))
        orders, dues = owed.orders, owed.dues
        exchange = Exchange(Rates(store.rates()))
        entries = store.entries()
        matched = match_all(
            dues, entries, store.batches(), store.decisions(),
            tolerance=tolerance, convert=lambda a, c, to, at: exchange.convert(a, c, to, days.of(at)), days=days,
        )  # fmt: skip
        rules = replace(rules, currency=rules.currency or most_used(orders.values()))
        desk = Desk(rules=rules, rates=exchange, costs=Costs(store.costs(), exchange), days=days)
        mine = [o for key, o in sorted(orders.items()) if dataset is None or key.startswith(f"{dataset}/")]
        signals = store.signals(
            {row: key for row, key in owed.rows.items() if dataset is None or key.startswith(f"{dataset}/")}, dataset
        )
        told = Told(
            orders=mine,
            moves=matched.moves,
            loose=matched.loose,
            unmatched=matched.unmatched,
            bought=[bought_of(o) for o in mine],
            signals=signals,
            ads=advertising(store.spend(), asked, desk),
            open_batches=len(matched.open_groups),
        )
    return Whole(
        known=owed.kept,
        orders=orders,
        dues={d.order: d for d in dues},
        entries={e.name: e for e in entries},
        matched=matched,
        same=store.once.same,
        desk=desk,
        told=told,
    )


def tolerance_of(rules: Rules) -> Tolerance:
    """How far amounts may be off, as the operator set it."""
    return Tolerance(
        cash_step=rules.cash_step, short_in=rules.transfer_short, over_in=rules.transfer_over, bank_fee=rules.bank_fee,
        converted_most=rules.converted_most,
    )  # fmt: skip


def bought_of(order: Order) -> Bought:
    """The order for the question who is new."""
    delivered = order.delivered_at is not None or any(w.state is ParcelState.DELIVERED for w in order.words)
    back = order.returned_at is not None or any(
        w.state in (ParcelState.REFUSED, ParcelState.RETURNING, ParcelState.RETURNED) for w in order.words
    )
    gone = order.test or order.deleted or order.cancelled_at is not None or order.voided
    left = order.shipped_at is not None or bool(order.words)
    return Bought(
        key=order.key,
        buyer=order.buyer,
        placed_at=order.placed_at,
        counts=not gone and (order.confirmed_at is not None or left),
        delivered=delivered and not back and not gone,
        unsure=order.unsure,
    )


def advertising(spend: Iterable[Spend], asked: Asked, desk: Desk) -> Advertising:
    """What advertising cost in the period, by the accounts' own days, and what platforms claim by their own setting."""
    spent: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    asserted: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for row in counted(row for row in spend if asked.since <= row.day <= asked.until):
        spent[day_number(row.day), row.currency] += row.amount
        claim = claimed(row)
        if claim is not None and claim.value is not None:
            asserted[day_number(row.day), row.currency] += claim.value
    return Advertising(spend=worth_of(spent, desk), claimed=worth_of(asserted, desk))


def worth_of(sums: Mapping[tuple[int, str], Decimal], desk: Desk) -> Decimal | None:
    """Sums by day and currency in the reporting currency, each converted once; None for no sums."""
    found = [desk.rates.convert(amount, currency, desk.rules.currency, day) for (day, currency), amount in sums.items()]
    return sum((exact(amount) for amount in found if amount is not None), ZERO) if sums else None


def most_used(orders: Iterable[Order]) -> str:
    """The currency of most orders; of equals the first by name."""
    counts: dict[str, int] = {}
    for order in orders:
        if order.currency:
            counts[order.currency] = counts.get(order.currency, 0) + 1
    return min(counts, key=lambda c: (-counts[c], c), default="")
