"""The chain for its page, and the orders behind one of its terms.

Owns the asking. Both are asked of the derived tables; which orders a term is made of is the question's (`term_orders`): those of
which it has something. Their amounts add up to the term, but for what belongs to no order, which is said beside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from twofold.console.money.task import Task
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.rows import Cell, Leak, Link, Metric, Open, Residual, Row, Step, closed
from twofold.reconcile.chain.told import Asked
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.lives.asking import chain_of, named
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.folder import Folder

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


def asked_of(task: Task) -> Asked:
    return Asked(since=task.since, until=task.until, as_of=task.as_of, by=task.by, view=task.view)


def chain(task: Task) -> dict[str, Any]:
    """The rows of the report, and what is said once."""
    with Folder(task.base.data) as store:
        rates = Exchange.of(store.rates())
    desk = Desk(rules=task.base.rules, rates=rates, costs=Costs((), rates), days=Days(ZoneInfo(task.base.zone)))
    seen: list[int] = []
    report, currency = chain_of(task.asking(seen), asked_of(task), desk, task.dataset)
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
    """The orders of a term such as ``link:shipped``, ``shipped:refused``, ``matrix:10``, the newest first, some of them."""
    place, _, reason = task.term.partition(":")
    given = {
        "since": task.since, "until": task.until, "as_of": task.as_of, "dataset": task.dataset or "", "place": place,
        "reason": reason, "by": task.by if task.group else "", "grp": task.group if task.by else "", "after": task.after,
        "most": task.most,
    }  # fmt: skip
    seen: list[int] = []
    (answer,) = task.asking(seen)(named(("term_orders",), given))
    currency = answer.currency or task.base.rules.currency
    first = answer.rows[0]
    return {
        "tables_at": min(seen, default=0),
        "orders": [
            {"dataset": row.dataset, "order_id": row.order_id, "number": row.number, "placed_at": row.placed_at, "method": row.method,
             "station": row.station, "courier": row.courier, "total": closed(row.total, currency),
             "amount": closed(row.amount, currency)}
            for row in answer.rows
            if row.order_id is not None
        ],
        "of": first.orders,
        "amount": closed(first.amounts, currency),
        "currency": currency,
    }  # fmt: skip
