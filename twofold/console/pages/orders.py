"""Orders: what became of each as a Purchase, and one order's whole story.

Owns the list behind every bar of the bridge, and the page of one order. Role: for the algorithm.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from twofold.console.access.roles import Right, may
from twofold.console.money.task import ask
from twofold.console.pages.money import task_of
from twofold.console.pages.page import SHOWN, Asked, NotHere, Page, Shown
from twofold.console.queries.policies import policy_of
from twofold.errors import StoreError
from twofold.ledger.references import people_number
from twofold.reconcile.spoken import evidence_words, money_words
from twofold.report.orders import show_order
from twofold.report.told import Fate, numbered

COLUMNS = (
    "dataset",
    "order_id",
    "number",
    "placed_at",
    "value",
    "currency",
    "method",
    "fate",
    "reason",
    "role",
    "link",
)


def read_orders(asked: Asked) -> Shown:
    """The orders of a period, newest first; chips with count and money that add up to the bridge."""
    period, dataset = asked.period(), asked.dataset()
    fate = asked.one_of("fate", [f.value for f in Fate])
    start = asked.number("after")
    with asked.sums.reading(asked.now, orders=period) as sums:
        bridge = sums.told.bridge(period, dataset)
        ids = sums.told.page(period, dataset, fate, start, SHOWN)
    of = bridge.count(Fate(fate)) if fate else bridge.orders
    shown = numbered(asked.folder, ids, policy_of(asked.settings), asked.now)
    rows = [
        {
            "dataset": o.dataset, "order_id": o.order_id, "number": o.number, "placed_at": o.placed_at,
            "value": None if o.value is None else str(o.value), "currency": o.currency, "method": o.method,
            "fate": o.fate.value, "reason": o.reason, "role": "signal", "link": "placed",
        }
        for o in shown
    ]  # fmt: skip
    return Shown(
        columns=COLUMNS,
        rows=rows,
        about={"period": period.choice, "timezone": period.zone, "orders": of, "after": start},
        figures={
            "bridge": bridge, "fate": fate, "orders": shown, "of": of, "start": start,
            "next": start + SHOWN if start + SHOWN < of else None, "period": period,
        },
    )  # fmt: skip


def read_order(asked: Asked) -> Shown:
    """One order: what was told of it, its copies, its deliveries."""
    found = show_order(asked.folder, policy_of(asked.settings), asked.now, asked.path["order"], dataset=asked.dataset())
    if not found:
        raise NotHere
    for order in found:
        order["number"] = people_number((a for f in order["facts"] for a in f["aliases"]), order["order_id"])
    told = _lives(asked, found)
    rows = [row for order in found for row in _story(order)]
    rows += [row for life in told["lives"] if life is not None for row in _life_rows(life)]
    return Shown(
        columns=("at", "what", "said", "from", "kind", "link", "amount", "currency", "reference"),
        rows=rows,
        figures={"orders": found, "stories": [_story(o) for o in found], **told},
    )


def _life_rows(life: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps from the order to the bank, as the page tells them."""
    return [
        {"at": step["at"], "what": step["what"], "said": "", "from": step["evidence"], "kind": "life", "link": step["link"],
         "amount": step["amount"], "currency": life["currency"], "reference": step["reference"]}
        for step in life["steps"]
    ]  # fmt: skip


def _lives(asked: Asked, found: list[dict[str, Any]]) -> dict[str, Any]:
    """Where the goods and the money of each are, for who may see money; why not, where that cannot be said."""
    if not may(asked.session.person.role, Right.MONEY):
        return {"may_money": False, "lives": [], "no_lives": ""}
    keys = [f"{order['dataset']}/{order['order_id']}" for order in found]
    try:
        lives = ask(task_of(asked, "life", orders=keys))
    except StoreError as err:
        return {"may_money": True, "lives": [None] * len(keys), "no_lives": str(err)}
    return {"may_money": True, "lives": [lives.get(key) for key in keys], "no_lives": "", "evidence_words": evidence_words,
            "money_words": lambda words, amount: money_words(words, Decimal(amount))}  # fmt: skip


def _story(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that happened, in the order of time (Unix s)."""
    told = [
        {"at": f["at"], "what": f["kind"], "said": f["said"], "from": f["source"], "kind": "fact"}
        for f in order["facts"]
    ]
    copies = [
        {"at": c["received_at"] // 1000, "what": c["verdict"], "said": c["event_name"], "from": c["sender"],
         "kind": "copy", "channel": c["channel"], "event_id": c["event_id"]}
        for c in order["copies"]
    ]  # fmt: skip
    sent = [
        {"at": (d["settled_at"] or d["due_at"]) // 1000, "what": d["state"], "said": d["reason"], "from": d["destination"],
         "kind": "delivery", "delivery": d["delivery"]}
        for d in order["deliveries"]
    ]  # fmt: skip
    return sorted([*told, *copies, *sent], key=lambda row: row["at"])


ORDERS = Page(
    path="/orders", name="Orders", room="signal", right=Right.SIGNAL, template="orders.html", read=read_orders
)
ORDER = Page(
    path="/orders/{order:path}",
    name="",
    room="signal",
    right=Right.SIGNAL,
    template="order.html",
    read=read_order,
    heavy=True,
)
