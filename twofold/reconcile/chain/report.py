"""The chain of a period in one call: orders, movements and all else in, rows out.

Owns which orders and lines belong to a report, how they are grouped, and the closing of amounts at the very end. Reads
nothing and knows no clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from statistics import median_low

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.lines import MoneyKind
from twofold.reconcile.chain.account import Account, Desk, account_of, counts, in_currency
from twofold.reconcile.chain.cohort import Tally
from twofold.reconcile.chain.customers import Bought, customers, first_delivered
from twofold.reconcile.chain.metrics import Advertising, Buyers, costed, metrics_of
from twofold.reconcile.chain.purse import FREIGHT, LEAVING, RESERVE
from twofold.reconcile.chain.rows import SIGNAL, Link, Metric, Open, Report, Row, closed
from twofold.reconcile.chain.values import ZERO, Move, Order, place_of
from twofold.reconcile.exchange import day_number, day_text

BY = ("day", "week", "month", "channel", "method", "source", "sale", "currency")
NO_GROUP = "none"
HABIT_PARCELS = 30


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
    """Days are the reporting zone's, both included. ``by``: one of `BY`, or empty."""

    since: str
    until: str
    as_of: int
    by: str = ""


def report_chain(told: Told, asked: Asked, desk: Desk) -> Report:
    """The orders placed in the period, as they stand at the time."""
    first, last = day_number(asked.since), day_number(asked.until)
    today = desk.days.of(asked.as_of)
    orders = one_of_each_exchange([o for o in told.orders if counts(o)], told.moves)
    accounts: list[Account] = []
    without_rate = 0
    for order, moves in orders:
        if first <= desk.days.of(order.placed_at) <= last and order.placed_at <= asked.as_of:
            account = account_of(order, moves, desk, asked.as_of)
            if account is None:
                without_rate += 1
            else:
                accounts.append(account)
    accounts.sort(key=lambda a: (a.order.placed_at, a.order.key))
    loose = [
        replace(m, place=place_of(m, asked.as_of, today))
        for m in told.loose
        if first <= m.day <= last and m.at <= asked.as_of and is_deduction(m)
    ]
    loose, unrated = in_currency(loose, desk.rules.currency, desk.rates)
    loose.sort(key=lambda m: (m.at, m.line))
    rows: list[Row] = list(_signals(told, asked, desk, ""))
    rows += _tallied(accounts, loose, desk, asked.as_of, "")
    rows += _unmatched(told, asked, desk)
    buyers = Buyers(kinds=customers(told.bought, desk.rules.history_days), first_delivered=first_delivered(told.bought))
    rows += metrics_of(accounts, loose, told.ads, buyers, desk, asked.as_of)
    if asked.by:
        rows += _grouped(accounts, loose, told, asked, desk)
    known, whole = costed(accounts)
    missing = {
        "cost": _share(whole - known, whole),
        "rate": _share(Decimal(without_rate + len(unrated)), Decimal(len(accounts) + without_rate + len(unrated))),
    }
    return Report(
        rows=tuple(_closed(row, desk.rules.currency) for row in rows),
        missing=missing,
        balanced=not told.open_batches,
    )


def one_of_each_exchange(
    orders: Iterable[Order], moves: Mapping[str, Sequence[Move]]
) -> list[tuple[Order, list[Move]]]:
    """Orders with their money. An order that was replaced is told by the one that replaces it, with the money of both."""
    by_id = {(o.key.rpartition("/")[0], o.order_id): o for o in orders}
    newer: dict[str, Order] = {}
    for order in by_id.values():
        older = by_id.get((order.key.rpartition("/")[0], order.replaces)) if order.replaces else None
        if older is not None and older is not order:
            newer[older.key] = order
    gathered: dict[str, list[Move]] = defaultdict(list)
    for order in by_id.values():
        last, seen = order, {order.key}
        while last.key in newer and newer[last.key].key not in seen:
            last = newer[last.key]
            seen.add(last.key)
        gathered[last.key] += moves.get(order.key, ())
    return [(order, gathered[order.key]) for order in by_id.values() if order.key in gathered]


def is_deduction(move: Move) -> bool:
    """Whether a line without an order is something a batch keeps or adds for all, and not the money of one unknown."""
    kinds = (MoneyKind.FEE, MoneyKind.COD_FEE, MoneyKind.ADJUSTMENT, MoneyKind.TAX_WITHHELD)
    return move.kind not in LEAVING and (move.kind in FREIGHT or move.kind in RESERVE or move.kind in kinds)


def _tallied(accounts: Sequence[Account], loose: Sequence[Move], desk: Desk, as_of: int, group: str) -> Iterator[Row]:
    tally = Tally(desk, as_of)
    habits = courier_habits(accounts, desk)
    for account in accounts:
        tally.add(account, habits)
    if loose:
        tally.add_loose(loose)
    yield from tally.rows(group)


def courier_habits(accounts: Iterable[Account], desk: Desk) -> dict[str, int]:
    """Days from the delivery to the bank, of each courier that is known by enough parcels."""
    days: dict[str, list[int]] = defaultdict(list)
    for one in accounts:
        if one.order.courier and one.purse.banked_at is not None and one.standing.delivered_at is not None:
            days[one.order.courier].append(desk.days.of(one.purse.banked_at) - desk.days.of(one.standing.delivered_at))
    return {name: median_low(found) for name, found in days.items() if len(found) >= HABIT_PARCELS}


def _grouped(accounts: Sequence[Account], loose: Sequence[Move], told: Told, asked: Asked, desk: Desk) -> Iterator[Row]:
    group_of = _group_of(asked.by, desk)
    groups: dict[str, list[Account]] = defaultdict(list)
    for account in accounts:
        groups[group_of(account.order)].append(account)
    deducted: dict[str, list[Move]] = defaultdict(list)
    for move in loose:
        deducted[_period(asked.by, move.day) or NO_GROUP].append(move)
    for name in sorted({*groups, *deducted}):
        yield from _signals(told, asked, desk, name)
        yield from _tallied(groups.get(name, []), deducted.get(name, []), desk, asked.as_of, name)


def _group_of(by: str, desk: Desk) -> Callable[[Order], str]:
    if by in ("day", "week", "month"):
        return lambda order: _period(by, desk.days.of(order.placed_at))
    return lambda order: str(getattr(order, by)) or NO_GROUP


def _period(by: str, day: int) -> str:
    """The day, the Monday of the week, or the month; empty for what is no time."""
    text = day_text(day)
    if by == "week":
        year, week, _ = date.fromisoformat(text).isocalendar()
        return f"{year}-W{week:02d}"
    return text if by == "day" else text[:7] if by == "month" else ""


def _signals(told: Told, asked: Asked, desk: Desk, group: str) -> Iterator[Link]:
    """Purchase actions of the period, by their event's day."""
    first, last = day_number(asked.since), day_number(asked.until)
    group_of = _group_of(asked.by, desk) if asked.by else None
    orders = {o.key: o for o in told.orders} if group else {}
    count = sent = 0
    amount = ZERO
    for one in told.signals:
        day = desk.days.of(one.at)
        if not first <= day <= last or one.at > asked.as_of:
            continue
        if group and group_of is not None:
            order = orders.get(one.order)
            name = _period(asked.by, day) or (group_of(order) if order else NO_GROUP)
            if name != group:
                continue
        count += 1
        sent += one.sent
        amount += desk.rates.convert(one.value or ZERO, one.currency, desk.rules.currency, day) or ZERO
    yield Link(group=group, link="signalled", role=SIGNAL, count=count, amount=amount, sent=sent)


def _unmatched(told: Told, asked: Asked, desk: Desk) -> Iterator[Row]:
    first, last = day_number(asked.since), day_number(asked.until)
    mine = [u for u in told.unmatched if first <= u.day <= last and u.at <= asked.as_of]
    worth = [desk.rates.convert(u.amount, u.currency, desk.rules.currency, u.day) or ZERO for u in mine]
    total = sum(worth, ZERO)
    yield Metric(name="unmatched_bank_credits", value=total, unit="money", link="banked")
    yield Metric(name="unmatched_bank_credits_count", value=Decimal(len(mine)), unit="count", link="banked")
    if mine:
        oldest = desk.days.of(asked.as_of) - min(u.day for u in mine)
        yield Open(link="banked", reason="credit_unmatched", count=len(mine), amount=total, oldest_days=oldest)


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return (part / whole).quantize(Decimal("0.0001")) if whole else Decimal(0)


def _closed(row: Row, currency: str) -> Row:
    if isinstance(row, Metric):
        if row.unit != "money" or row.value is None:
            return row
        return replace(row, value=closed(row.value, currency))
    row = replace(row, amount=closed(row.amount, currency))
    if isinstance(row, Link) and row.before is not None:
        row = replace(row, before=closed(row.before, currency))
    return row
