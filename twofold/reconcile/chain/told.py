"""What a report of the chain is asked and told, and how it is parted: periods, groups, what belongs to an order.

Owns these shapes and rules, which both views share. Reads nothing and knows no clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.lines import MoneyKind
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.customers import Bought
from twofold.reconcile.chain.metrics import Advertising
from twofold.reconcile.chain.purse import FREIGHT, LEAVING, RESERVE
from twofold.reconcile.chain.rows import Link, Metric, Row, closed
from twofold.reconcile.chain.values import Move, Order
from twofold.reconcile.exchange import day_number, day_text

BY = ("day", "week", "month", "channel", "method", "source", "sale", "currency")
NO_GROUP = "none"


class Signalled(Struct, frozen=True, kw_only=True, gc=False):
    """A Purchase action that was not merged away. ``order``: the key of the order it stands for, where one is known."""

    at: int
    value: Decimal | None
    currency: str
    sent: bool
    order: str = ""


class Unmatched(Struct, frozen=True, kw_only=True, gc=False):
    """What is left of a bank credit that pays nothing known."""

    line: str
    amount: Decimal
    currency: str
    at: int
    day: int


class Told(Struct, frozen=True, kw_only=True):
    """Everything that a report is made of. ``moves``: by order key; ``loose``: of no order."""

    orders: Sequence[Order]
    moves: Mapping[str, Sequence[Move]]
    loose: Sequence[Move] = ()
    unmatched: Sequence[Unmatched] = ()
    bought: Sequence[Bought] = ()
    signals: Sequence[Signalled] = ()
    ads: Advertising = Advertising()
    open_batches: int = 0


class Asked(Struct, frozen=True, kw_only=True):
    """Days are the reporting zone's, both included. ``by``: one of `BY`, or empty. ``view``: cohort or booked."""

    since: str
    until: str
    as_of: int
    by: str = ""
    view: str = "cohort"


def one_of_each_exchange(
    orders: Iterable[Order], moves: Mapping[str, Sequence[Move]]
) -> list[tuple[Order, list[Move]]]:
    """Orders with their money. An order that was replaced is told by the one that replaces it, with the money of both.

    What replaces is never older than what it replaces: of two that name each other the later stands.
    """
    by_id = {o.key: o for o in sorted(orders, key=_age)}
    newer: dict[str, Order] = {}
    for order in by_id.values():
        dataset, _, own = order.key.partition("/")
        older = by_id.get(f"{dataset}/{order.replaces}{own.removeprefix(order.order_id)}") if order.replaces else None
        if older is not None and _age(older) < _age(order):
            newer[older.key] = order
    gathered: dict[str, list[Move]] = defaultdict(list)
    for order in by_id.values():
        last, seen = order, {order.key}
        while last.key in newer and newer[last.key].key not in seen:
            last = newer[last.key]
            seen.add(last.key)
        gathered[last.key] += moves.get(order.key, ())
    return [(order, gathered[order.key]) for order in by_id.values() if order.key in gathered]


def _age(order: Order) -> tuple[int, str]:
    return order.placed_at, order.key


def is_deduction(move: Move) -> bool:
    """Whether a line without an order is something a batch keeps or adds for all, and not the money of one unknown."""
    kinds = (MoneyKind.FEE, MoneyKind.COD_FEE, MoneyKind.ADJUSTMENT, MoneyKind.TAX_WITHHELD)
    return move.kind not in LEAVING and (move.kind in FREIGHT or move.kind in RESERVE or move.kind in kinds)


def group_of(by: str, desk: Desk) -> Callable[[Order], str]:
    if by in ("day", "week", "month"):
        return lambda order: period_of(by, desk.days.of(order.placed_at))
    return lambda order: str(getattr(order, by)) or NO_GROUP


def period_of(by: str, day: int) -> str:
    """The day, the Monday of the week, or the month; empty for what is no time."""
    text = day_text(day)
    if by == "week":
        year, week, _ = date.fromisoformat(text).isocalendar()
        return f"{year}-W{week:02d}"
    return text if by == "day" else text[:7] if by == "month" else ""


def parts_of(since: str, until: str, by: str) -> list[tuple[str, str, str]]:
    """The days, weeks or months of a period, each with its first and last day inside it."""
    found: dict[str, list[str]] = defaultdict(list)
    for day in range(day_number(since), day_number(until) + 1):
        found[period_of(by, day)].append(day_text(day))
    return [(name, days[0], days[-1]) for name, days in found.items()]


def closed_row(row: Row, currency: str) -> Row:
    if isinstance(row, Metric):
        if row.unit != "money" or row.value is None:
            return row
        return replace(row, value=closed(row.value, currency))
    row = replace(row, amount=closed(row.amount, currency))
    if isinstance(row, Link) and row.before is not None:
        row = replace(row, before=closed(row.before, currency))
    return row


def share_of(part: Decimal, whole: Decimal) -> Decimal:
    return (part / whole).quantize(Decimal("0.0001")) if whole else Decimal(0)
