"""The chain for its page, and the orders behind one of its terms.

Owns which orders a term is made of: those whose own account has it. Their amounts add up to the term, but for what belongs
to no order, which is said beside. What is worked out is `reconcile`'s, as `twofold chain` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from twofold.console.money.task import Task
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.chain.account import Account, Desk
from twofold.reconcile.chain.cohort import at_stake
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.purse import REFUNDED
from twofold.reconcile.chain.report import accounts_of
from twofold.reconcile.chain.rows import Cell, Leak, Link, Metric, Open, Residual, Row, Step, closed
from twofold.reconcile.chain.standing import Station
from twofold.reconcile.chain.told import Asked, group_of
from twofold.reconcile.chain.values import ZERO
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.lives.asking import chain_of
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.folder import Folder
from twofold.reconcile.reading.whole import Whole, read_whole

_KINDS = {
    Link: "link",
    Leak: "leak",
    Open: "open",
    Cell: "matrix",
    Step: "bridge",
    Residual: "residual",
    Metric: "metric",
}


def policy_of(task: Task) -> Callable[[str], OrderPolicy]:
    """As a command has it: the usual policy for a dataset that is not configured any more."""
    usual = OrderPolicy()
    return lambda dataset: task.base.policies.get(dataset, usual)


def read(task: Task) -> tuple[Whole, Asked]:
    """The whole ledger, matched, and what is asked of it."""
    asked = _asked(task)
    zone = ZoneInfo(task.base.zone)
    return read_whole(task.base.data, policy_of(task), asked, task.base.rules, zone, dataset=task.dataset), asked


def _asked(task: Task) -> Asked:
    return Asked(since=task.since, until=task.until, as_of=task.as_of, by=task.by, view=task.view)


def chain(task: Task) -> dict[str, Any]:
    """The rows of the report, and what is said once."""
    with Folder(task.base.data) as store:
        rates = Exchange.of(store.rates())
    desk = Desk(rules=task.base.rules, rates=rates, costs=Costs((), rates), days=Days(ZoneInfo(task.base.zone)))
    seen: list[int] = []
    report, currency = chain_of(task.asking(seen), _asked(task), desk, task.dataset)
    return {
        "tables_at": min(seen, default=0),
        "rows": [_row(row) for row in report.rows],
        "missing": {name: str(share) for name, share in report.missing.items() if share},
        "balanced": report.balanced,
        "currency": currency,
    }


def _row(row: Row) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in row.__struct_fields__}
    if isinstance(row, Leak):
        found["link"] = found.pop("after")
    return {"row": _KINDS[type(row)], **found}


def term(task: Task) -> dict[str, Any]:
    """The orders of a term such as ``link:shipped``, ``shipped:refused``, ``matrix:10``, the newest first."""
    whole, asked = read(task)
    name_of = group_of(task.by, whole.desk) if task.by and task.group else None
    accounts, _ = accounts_of(whole.told, asked, whole.desk)
    found = [
        (one, amount)
        for one in accounts
        if name_of is None or name_of(one.order) == task.group
        for amount in _of_term(one, task.term)
    ]
    currency = whole.desk.rules.currency
    return {
        "orders": [_order(one, amount, whole.desk) for one, amount in reversed(found)],
        "amount": closed(sum((amount for _, amount in found), ZERO), currency),
        "currency": currency,
    }


def _of_term(one: Account, term: str) -> Iterator[Decimal]:
    """The order's part of a term; nothing where it has none."""
    where, _, reason = term.partition(":")
    if where == "link":
        yield from _of_link(one, reason)
    elif where == "matrix":
        if (one.is_delivered, one.purse.is_collected) == (reason[:1] == "1", reason[1:] == "1"):
            yield at_stake(one)
    elif reason in set(Station):
        amount = one.parts.get(Station(reason))
        early = reason != Station.CANCELLED or one.standing.confirmed == (where == "confirmed")
        if amount is not None and early:
            yield amount
    elif reason == REFUNDED:
        if one.refunds:
            yield one.refunds
    elif reason in one.gap:
        yield one.gap[reason]
    elif reason in one.terms:
        yield -one.terms[reason]


def _of_link(one: Account, link: str) -> Iterator[Decimal]:
    standing, purse = one.standing, one.purse
    in_link = {
        "placed": (True, one.total), "confirmed": (standing.confirmed, one.total), "shipped": (standing.shipped, one.total),
        "delivered": (bool(one.delivered or one.refunds), one.delivered - one.refunds),
        "collected": (purse.is_collected or bool(one.collected), one.collected),
        "banked": (purse.is_banked or bool(one.banked), one.banked),
    }  # fmt: skip
    is_in, amount = in_link.get(link, (False, ZERO))
    if is_in:
        yield amount


def _order(one: Account, amount: Decimal, desk: Desk) -> dict[str, Any]:
    dataset = one.order.key.removesuffix(f"/{one.order.order_id}")  # an id may hold a slash
    return {
        "dataset": dataset, "order_id": one.order.order_id, "placed_at": one.order.placed_at, "method": one.order.method,
        "station": one.standing.station, "courier": one.order.courier, "total": closed(one.total, desk.rules.currency),
        "amount": closed(amount, desk.rules.currency),
    }  # fmt: skip
