"""The page about orders against the code: no reason without its words, no default and no figure that is not so."""

from __future__ import annotations

import ast
import inspect
import re
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from twofold.ledger import policy
from twofold.ledger.model import Amounts, Method
from twofold.ledger.policy import MILESTONES, VALUE_PARTS, OrderPolicy, milestone_of, value_of
from twofold.ledger.state import OrderState
from twofold.report import value_check
from twofold.store.evidence import SUPERSEDED
from twofold.store.gates import addressees, holds, values
from twofold.store.gates import orders as gate
from twofold.store.orders import outcomes

PAGE = (Path(__file__).parents[2] / "docs" / "orders.md").read_text(encoding="utf-8")
D = Decimal


def section(title: str) -> str:
    return PAGE[PAGE.index(f"## {title}") :].partition("\n## ")[0]


def table(title: str) -> list[list[str]]:
    """Cells of the rows of a section's only table, without its head."""
    rows = re.findall(r"^\| (.*?) \|$", section(title).replace("| |", "|  |"), re.M)
    return [[cell.strip() for cell in row.split(" | ")] for row in rows[1:]]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def reasons_in(module: ModuleType) -> set[str]:
    """Every reason that is written in a gate's or the policy's answer."""
    found = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Suppressed", "Held", "Judgement"):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found.add(argument.value)
                elif isinstance(argument, ast.Name) and isinstance(word := getattr(module, argument.id, None), str):
                    found.add(word)
                elif isinstance(argument, ast.JoinedStr):
                    (start,) = [part.value for part in argument.values if isinstance(part, ast.Constant)]
                    found |= {f"{start}{milestone}" for milestone in MILESTONES}
    return found


def test_every_reason_has_its_words() -> None:
    """The table names what the code can answer, all of it and nothing else."""
    named = [word for row in table("What waits, what is left out, and why") for word in words(row[0])]
    assert sorted(named) == sorted(
        reasons_in(policy)
        | reasons_in(gate)
        | reasons_in(addressees)
        | reasons_in(holds)
        | reasons_in(values)
        | {SUPERSEDED}
    )
    assert "order_placed_again" in named


def test_the_defaults_of_each_method() -> None:
    """All methods, each with the station that unchanged settings give it."""
    rows = {words(row[0])[0]: words(row[-1])[0] for row in table("When an order becomes a Purchase")}
    state = {m: OrderState(order_id="1", placed_at=0, method=m) for m in Method}
    assert rows == {m.value: milestone_of(state[m], OrderPolicy()) for m in Method}


VALUES = [
    (frozenset(), "0"),
    (frozenset({"tax"}), "0"),
    (frozenset({"tax", "shipping", "tip"}), "0"),
    (frozenset(), "10.00"),
]


@pytest.mark.parametrize(("row", "without", "refunded"), [(n, *v) for n, v in enumerate(VALUES)])
def test_the_example_of_values(row: int, without: frozenset[str], refunded: str) -> None:
    """The figures there are what the code computes."""
    amounts = Amounts(currency="EUR", total=D("42.50"), tax=D("7.50"), shipping=D("5.00"), tip=D("2.00"))
    state = OrderState(order_id="1", placed_at=0, shop=amounts, refunded={"EUR": D(refunded)} if D(refunded) else {})
    rules = OrderPolicy(value_parts=frozenset(VALUE_PARTS) - without)
    cells = table("What a Purchase is worth")[row]
    assert set(words(cells[0])) == set(without)
    assert value_of(state, rules).value == D(cells[1])


def test_the_outcomes_are_named() -> None:
    """Each end with its events."""
    found = [[words(cell) for cell in row[1:]] for row in table("What cannot be undone at Meta")]
    assert found == [
        [[word] if word else [] for word in (o.event_name, o.messaging_name)] for o in (*outcomes.OUTCOMES, outcomes.ADDED)
    ]  # fmt: skip


def test_every_verdict_is_named() -> None:
    """And each reason of the check's own."""
    part = section("The value check")
    rows = table("The value check")
    assert {word for row in rows for word in words(row[0])} == set(value_check.VERDICTS)
    own = [value_check.SENT_ALONE, value_check.EDITED, value_check.REFUNDED, value_check.NO_TOTAL, value_check.SENT_TWICE,
           value_check.NO_PURCHASE, value_check.DIFFERENT]  # fmt: skip
    for word in own:
        assert f"`{word}`" in part, word
