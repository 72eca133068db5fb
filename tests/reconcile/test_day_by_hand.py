"""A day's Purchases over a few rows that were written by hand: which of several deliveries speaks for a Purchase, and whose it is."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from tests.facts.everything import QUESTIONS
from tests.reconcile.tables import Tables
from twofold.facts.engine import Asked
from twofold.reconcile.chain.told import Told

DAY = "2026-03-10"
GIVEN = {
    "from_s": 100, "to_s": 200, "upto_s": 200, "first_s": 100, "last_s": 200, "day": DAY, "dataset": "", "destinations": ",meta-a,meta-b,",
}  # fmt: skip


def purchase(action: int, event_time: int = 150, **more: Any) -> dict[str, Any]:
    return {
        "day": DAY,
        "dataset": "1",
        "action": action,
        "event_time": event_time,
        "value": D(action),
        "currency": "EUR",
        "called": "",
    } | more


def sent(action: int, destination: str, state: str, value: str | None = None, reason: str = "") -> dict[str, Any]:
    told = {"day": DAY, "action": action, "destination": destination, "state": state, "reason": reason, "told_as": ""}
    return told | {"sent_value": value and D(value), "sent_currency": value and "EUR"}


ROWS = {
    "purchases": [
        purchase(1), purchase(2), purchase(3), purchase(4), purchase(5, merged_into=1), purchase(6, 99), purchase(7, 100), purchase(8, 200),
        purchase(9, 50, order_row=40), purchase(10, 50, called="b-41"), purchase(11, 50),
    ],
    "purchase_deliveries": [
        sent(1, "meta-a", "waiting"), sent(1, "meta-b", "delivered", "1.50"),  # it arrived at the second alone
        sent(2, "meta-a", "delivered", "2.50"), sent(2, "meta-b", "delivered", "2.75"),  # at both: the first by name
        sent(3, "meta-b", "dead", reason="rejected"), sent(3, "meta-a", "suppressed", reason="consent"),  # at none: the first by name
        sent(4, "google", "delivered", "9.00"), sent(5, "meta-a", "delivered", "9.00"),
    ],
    "orders": [
        {"day": DAY, "dataset": "1", "order_row": row, "placed_at": at, "currency": "EUR", "total": D(9)} for row, at in ((40, 150), (41, 199), (42, 200))
    ],
    "order_names": [{"day": DAY, "dataset": "1", "order_row": 41, "kind": "called", "value": "b-41"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def purchases() -> dict[int, Any]:
    tables = Tables(Told(orders=[], moves={}, bought=[]), None, 1, 0, ROWS)
    question = QUESTIONS["day_purchases"]
    (answer,) = tables.ask([Asked(question=question, parameters={p: GIVEN[p] for p in question.asks})])
    return {row.action: row for row in answer.rows}


def test_which_purchases_are_of_the_day(purchases: dict[int, Any]) -> None:
    """Near it, from its first second on and not in the first after it; and those of its orders, whenever they were told."""
    assert sorted(purchases) == [1, 2, 3, 4, 7, 9, 10]
    assert {action: row.order_row for action, row in purchases.items() if row.order_row} == {9: 40, 10: 41}


def test_one_delivery_speaks_for_a_purchase(purchases: dict[int, Any]) -> None:
    said = {action: (row.state, row.reason, row.sent_value) for action, row in purchases.items() if row.state}
    assert said == {
        1: ("delivered", "", D("1.50")),
        2: ("delivered", "", D("2.50")),
        3: ("suppressed", "consent", None),
    }
