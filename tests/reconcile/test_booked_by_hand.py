"""The booked view over a few lives that were written by hand, with answers that were added up by hand.

Three periods: (100, 200], (200, 300] and both together. Beside each life that belongs in stands one that ended before, began after, is another
shop's, or lies on the very edge: a second is the last of a period or the first of the next, never of both.
"""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from tests.facts.everything import QUESTIONS
from tests.reconcile.tables import Tables
from twofold.facts.engine import Asked
from twofold.reconcile.chain.told import Told

GIVEN = {"spans": "100:200 200:300 100:300", "many": 3, "first": 100, "final": 300, "by": "method", "dataset": "1"}


def life(
    row: int, span: tuple[int, int], delivered: str = "0", banked: str = "0", receivable: str = "0", **more: Any
) -> dict[str, Any]:
    amounts = {
        "total": D("10.00"),
        "delivered": D(delivered),
        "collected": D(banked),
        "banked": D(banked),
        "receivable": D(receivable),
    }
    told = {
        "day": "2026-03-10",
        "dataset": "1",
        "order_row": row,
        "method": "cod",
        "placed_at": span[0],
        "from_at": span[0],
        "until_at": span[1],
    }
    return (
        told
        | amounts
        | {"is_delivered": delivered != "0", "is_collected": banked != "0", "is_banked": banked != "0"}
        | more
    )


def term(row: int, span: tuple[int, int], amount: str, **more: Any) -> dict[str, Any]:
    told = {
        "day": "2026-03-10",
        "dataset": "1",
        "order_row": row,
        "method": "cod",
        "from_at": span[0],
        "until_at": span[1],
    }
    return told | {"bridge": "delivered", "reason": "refused", "amount": D(amount)} | more


ROWS = {
    "lives": [
        # 1 was delivered before; its money came in the second period
        life(1, (50, 100), "1.00", receivable="1.00"), life(1, (100, 250), "10.00", receivable="10.00", placed_at=50), life(1, (250, 900), "10.00", "9.00", placed_at=50),
        # 2 was placed at the last second of the first period, confirmed and shipped in the second, came back in the third
        life(2, (200, 260), receivable="10.00"), life(2, (260, 301), "10.00", receivable="10.00", placed_at=200, confirmed_at=230, shipped_at=260),
        life(2, (301, 900), placed_at=200, confirmed_at=230, shipped_at=260),
        # 3 is a card's, placed, confirmed and shipped in the first; 4 was over before; 5 is another shop's
        life(3, (150, 900), "10.00", "8.00", method="card", confirmed_at=150, shipped_at=200), life(4, (10, 60), "5.00"), life(5, (150, 900), "5.00", dataset="2"),
        # 6 has no rate in the second period: it is in no sum of that period nor of both together
        life(6, (100, 220), "10.00", receivable="10.00", placed_at=90), life(6, (240, 900), "10.00", "7.00", placed_at=90, confirmed_at=240),
        life(7, (301, 900), "5.00"),
        # 8 has none from the very last second of the first period on
        life(8, (50, 200), method="wire"), life(8, (230, 900), method="wire", placed_at=50),
    ],
    "unrated_lives": [
        {"day": "2026-03-10", "dataset": "1", "order_row": 6, "placed_at": 90, "from_at": 220, "until_at": 240},
        {"day": "2026-03-10", "dataset": "1", "order_row": 6, "placed_at": 90, "from_at": 295, "until_at": 301},
        {"day": "2026-03-10", "dataset": "2", "order_row": 5, "placed_at": 90, "from_at": 100, "until_at": 900},
        {"day": "2026-03-10", "dataset": "1", "order_row": 8, "placed_at": 50, "from_at": 200, "until_at": 230},
    ],
    "life_terms": [
        term(1, (50, 250), "-2.00"), term(1, (250, 900), "-3.00"), term(2, (260, 900), "-10.00"), term(2, (301, 900), "-1.00", reason="lost"),
        term(3, (150, 900), "-4.00", method="card", bridge="collected", reason="fee_psp"), term(3, (150, 900), "5.00", method="card", bridge="cash"),
        term(5, (150, 900), "-5.00", dataset="2"), term(6, (100, 900), "-6.00"), term(6, (250, 900), "-6.50"),
        # lines that are no order's: a payout on its way, and one that arrived
        term(-1, (150, 250), "-20.00", dataset="", method="", bridge="banked", reason="payout_pending"),
        term(-1, (150, 900), "0", dataset="", method="", bridge="line", reason=""),
        term(-2, (90, 200), "-7.00", dataset="", method="", bridge="banked", reason="in_flight"),
        term(-2, (90, 900), "0", dataset="", method="", bridge="line", reason=""), term(-3, (301, 900), "0", dataset="", method="", bridge="line", reason=""),
        term(-2, (90, 900), "-1.00", dataset="", method="", bridge="banked", reason="fee"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> Tables:
    return Tables(Told(orders=[], moves={}, bought=[]), None, 1, 0, ROWS)


def ask(tables: Tables, name: str, **given: Any) -> list[Any]:
    question, told = QUESTIONS[name], GIVEN | given
    (answer,) = tables.ask([Asked(question=question, parameters={p: told[p] for p in question.asks})])
    return answer.rows


def stock(rows: list[Any]) -> dict[tuple[str, int, str], tuple[Any, ...]]:
    return {
        (r.grp, r.slot, r.what): (
            r.orders,
            r.delivered,
            r.delivered_total,
            r.banked,
            r.banked_total,
            r.due,
            r.receivable,
        )
        for r in rows
    }


def test_what_stood_and_how_it_changed(tables: Tables) -> None:
    found = stock(ask(tables, "booked_stock"))
    # at 100: order 1's second life, which begins at that second, and order 6
    assert found["cod", 0, "stood"] == (2, 2, D("20.00"), 0, D(0), 2, D("20.00"))
    # up to 200 order 2 came; nothing else of cash on delivery changed
    assert found["cod", 1, "changed"] == (1, 0, D(0), 0, D(0), 1, D("10.00"))
    assert found["card", 1, "changed"] == (1, 1, D("10.00"), 1, D("8.00"), 0, D(0))
    # then 1's money came, 2 arrived, and 6's second life stands where its first stood
    assert found["cod", 2, "changed"] == (0, 1, D("10.00"), 2, D("16.00"), -2, D("-20.00"))
    # both together are the sum of both
    assert found["cod", 3, "changed"] == (1, 1, D("10.00"), 2, D("16.00"), -1, D("-10.00"))
    # 6 is left out of the second and of both: what stood of it before, and by how much it changed
    for slot in (2, 3):
        assert found["cod", slot, "left_before"] == (1, 1, D("10.00"), 0, D(0), 1, D("10.00"))
        assert found["cod", slot, "left_out"] == (0, 0, D(0), 1, D("7.00"), -1, D("-10.00"))
    assert {key for key in found if key[0] == "card"} == {("card", 1, "changed"), ("card", 3, "changed")}
    of_8 = {key[1:]: told[0] for key, told in found.items() if key[0] == "wire"}
    assert of_8 == {
        (0, "stood"): 1, (1, "changed"): -1, (1, "left_before"): 1, (1, "left_out"): -1, (2, "changed"): 1, (2, "left_out"): 1, (3, "changed"): 0,
    }  # fmt: skip
    assert {key[1:] for key in found if key[0] == "cod"} == {
        (0, "stood"), (1, "changed"), (2, "changed"), (3, "changed"), (2, "left_before"), (2, "left_out"), (3, "left_before"), (3, "left_out"),
    }  # fmt: skip


def test_all_shops_together(tables: Tables) -> None:
    """With the other shop's order, whose rate is missing throughout: it is left out of each period in which it would have changed something."""
    found = stock(ask(tables, "booked_stock", dataset="", by=""))
    assert found["", 0, "stood"][0] == 3
    assert found["", 1, "changed"][0] == 2
    assert found["", 1, "left_out"] == (0, 1, D("5.00"), 0, D(0), 0, D(0))


def test_what_was_placed_confirmed_and_shipped(tables: Tables) -> None:
    rows = {
        (r.grp, r.slot): (r.placed, r.placed_total, r.confirmed, r.confirmed_total, r.shipped, r.shipped_total)
        for r in ask(tables, "booked_flows")
    }
    whole, nothing = (1, D("10.00")), (0, D(0))
    assert rows == {
        ("cod", 1): (*whole, *nothing, *nothing), ("card", 1): (*whole, *whole, *whole),
        ("cod", 2): (*nothing, *whole, *whole), ("cod", 3): (*whole, *whole, *whole), ("card", 3): (*whole, *whole, *whole),
    }  # fmt: skip


def test_how_many_orders_brought_more_or_less(tables: Tables) -> None:
    rows = {(r.grp, r.slot): (r.delivered, r.banked) for r in ask(tables, "booked_changes")}
    assert rows == {
        ("cod", 1): (0, 0),
        ("card", 1): (1, 1),
        ("cod", 2): (1, 1),
        ("cod", 3): (1, 1),
        ("card", 3): (1, 1),
        ("wire", 3): (0, 0),
    }


def test_reasons_that_changed(tables: Tables) -> None:
    rows = {
        (r.grp, r.slot, r.is_line, r.bridge, r.reason): (r.concerned, r.amount) for r in ask(tables, "booked_terms")
    }
    lines = {("", n, True, "banked", "payout_pending"): (1, D(amount)) for n, amount in ((1, "-20.00"), (2, "20.00"))}
    lines |= {("", n, True, "banked", "in_flight"): (1, D("7.00")) for n in (1, 3)}
    assert rows == lines | {
        ("card", 1, False, "collected", "fee_psp"): (1, D("-4.00")), ("card", 3, False, "collected", "fee_psp"): (1, D("-4.00")),
        ("cod", 2, False, "delivered", "refused"): (2, D("-11.00")), ("cod", 3, False, "delivered", "refused"): (2, D("-11.00")),
    }  # fmt: skip


def test_lines_that_are_no_order_s(tables: Tables) -> None:
    """How many there are at the end, and what they had still to bring at both ends: 7.00 before the first, then 20.00, then nothing."""
    rows = {r.slot: (r.lines, r.opening, r.closing) for r in ask(tables, "booked_lines")}
    assert rows == {1: (2, D("7.00"), D("20.00")), 2: (2, D("20.00"), D(0)), 3: (2, D("7.00"), D(0))}


def test_how_many_orders_a_missing_rate_left_out(tables: Tables) -> None:
    assert [tuple(row) for row in ask(tables, "booked_unrated")] == [(1, 1), (2, 2), (3, 1)]
