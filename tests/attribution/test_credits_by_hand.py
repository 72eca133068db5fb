"""Credits of eight orders that were shared out by hand, under every rule model: what the statements answer, to the last digit.

Beside each order that is credited stands what must not be: an older life of it, a touch outside of the window, a day that is not asked for.
Shares of time decay are 2^(-4/7), 2^(-1/7) and 1, normed: 0.26097, 0.35124, 0.38780.
"""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from tests.facts.everything import QUESTIONS
from tests.reconcile.tables import Tables
from twofold.facts.engine import Asked
from twofold.reconcile.chain.told import Told

DAY, NEXT, LATER = "2026-03-10", "2026-03-11", "2026-03-12"
DAYS = 86_400
META = {"channel": "paid_social", "source_of": "facebook", "platform": "meta", "paid": True}
GOOGLE = {"channel": "paid_search", "source_of": "google", "platform": "google", "paid": True}
MAIL = {"channel": "email", "source_of": "mail", "platform": "", "paid": False}
DIRECT = {"channel": "direct", "source_of": "", "platform": "", "paid": False}


def life(
    row: int, total: str, due: str = "0", collected: str = "0", banked: str = "0", cm3: str | None = None, **more: Any
) -> dict[str, Any]:
    amounts = {
        "total": D(total),
        "due": D(due),
        "collected": D(collected),
        "banked": D(banked),
        "cm3": None if cm3 is None else D(cm3),
    }
    told = {
        "day": DAY,
        "dataset": "1",
        "order_row": row,
        "placed_at": row,
        "week": "w",
        "method": "card",
        "from_at": 100,
        "until_at": 600,
    }
    return (
        told
        | amounts
        | {"station": "delivered", "confirmed": True, "is_delivered": due != "0", "is_final": True}
        | more
    )


def touch(row: int, place: int, age: int, sourced: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {
        "day": DAY,
        "dataset": "1",
        "order_row": row,
        "place": place,
        "age": age,
        "touch_day": DAY,
        "kind": "visit",
        "reason": "",
        "conflict": False,
    }
    texts = dict.fromkeys(
        ("campaign", "campaign_id", "term", "adset_id", "content", "ad_id", "landing_path", "source", "medium"), ""
    )
    return told | texts | {"device": "phone"} | sourced | more


def buyer(row: int, customer: int, **more: Any) -> dict[str, Any]:
    told = {
        "day": DAY,
        "dataset": "1",
        "order_row": row,
        "placed_at": 1000 + row,
        "place": f"{row:03}",
        "customer": customer,
    }
    return told | {"unsure": False, "counts": True, "delivered": True} | more


ROWS = {
    "lives": [
        life(1, "100.00", "90.00", "80.00", "77.125", "-10.005"), life(1, "999.00", from_at=50, until_at=100),
        life(2, "50.00", station="in_transit", confirmed=False, is_final=False, day=NEXT),
        life(3, "100.00", "100.00", "100.00", "99.999", "30.00"),
        life(4, "10.00"), life(5, "20.00"), life(6, "7.00", banked="-3.00"), life(7, "5.01"), life(9, "3.00"), life(8, "400.00", day=LATER),
    ],
    "paths": [
        touch(1, 0, 5 * DAYS, META, conflict=True, source=" Newsletter", medium="EMAIL"), touch(1, 1, 40 * DAYS, GOOGLE), touch(2, 0, DAYS, MAIL, day=NEXT),
        touch(3, 0, 5 * DAYS, META, conflict=True, source="newsletter", medium="email"), touch(3, 1, 2 * DAYS, MAIL), touch(3, 2, DAYS, GOOGLE),
        touch(4, -1, 0, DIRECT, kind="", reason="consent"),
        touch(5, 0, 0, MAIL, kind="shop_says"), touch(5, 1, 0, GOOGLE, kind="shop_says"), touch(9, 0, 0, GOOGLE, kind="shop_says"), touch(9, 1, 0, MAIL, kind="shop_says"),
        touch(6, 0, 3 * DAYS, MAIL), touch(6, 1, DAYS, DIRECT), touch(7, 0, 2 * DAYS, DIRECT), touch(7, 1, DAYS, DIRECT),
        touch(8, 0, DAYS, META, day=LATER, conflict=True),
    ],
    # 1 and 3 are one buyer's, of whom 3 is the second that counts: an earlier one was cancelled, and won nobody; 2 and 6 are new, 7 only as far as can be seen
    "buyers": [buyer(90, 11, day="2026-03-09", place="000", placed_at=1001, counts=False, delivered=False), buyer(1, 11), buyer(3, 11, delivered=False), buyer(2, 12, day=NEXT, delivered=False), buyer(6, 13), buyer(7, 14, unsure=True)],
}  # fmt: skip
GIVEN = {
    "since": DAY, "until": NEXT, "first": "2026-02-01", "last": NEXT, "after": LATER, "as_of": 500, "dataset": "", "by": "channel",
    "window": 30 * DAYS, "chat": 7 * DAYS, "half_life": 7 * DAYS, "repeats": "all", "unit": 100, "history_s": 0, "credit_day": "order",
    "credit_since": DAY, "credit_until": NEXT, "young": NEXT, "bucket": 0, "buckets": 1, "most": 400,
}  # fmt: skip
NOBODY = {"unattributed:consent": "1 10.00 0 0"}
# model: row: orders, placed, delivered, collected of it, banked
CREDITS: dict[str, dict[str, str]] = {
    "last": {"paid_social": "1 100.00 90.00 80.00 77.125", "email": "3 60.00 0 0 -3.00", "paid_search": "2 120.00 100.00 100.00 99.999",
             "direct": "1 5.01 0 0 0"},
    "last_paid": {"paid_social": "1 100.00 90.00 80.00 77.125", "paid_search": "2 120.00 100.00 100.00 99.999",
                  "unattributed:no_paid_touch": "4 65.01 0 0 -3.00"},
    "first": {"paid_social": "2 200.00 190.00 180.00 177.124", "email": "3 60.00 0 0 -3.00", "paid_search": "1 20.00 0 0 0",
              "direct": "1 5.01 0 0 0"},
    "linear": {"paid_social": "1.333333333334 133.34 123.34 113.34 110.464", "email": "3.333333333333 93.33 33.33 33.33 30.33",
               "paid_search": "1.333333333333 53.33 33.33 33.33 33.33", "direct": "1 5.01 0 0 0"},
    # of 99.99 the ends have 39.996 and the middle 19.998: the middle is nearer to one more, then the first; 0.009 goes with the first
    "position": {"paid_social": "1.4 140.00 130.00 120.00 117.134", "email": "3.2 80.00 20.00 20.00 17.00",
                 "paid_search": "1.4 60.00 40.00 40.00 39.99", "direct": "1 5.01 0 0 0"},
    # 0.009 of what is banked goes with the largest share, the last
    "time_decay": {"paid_social": "1.260968 126.10 116.10 106.10 103.215", "email": "3.351236 95.12 35.12 35.12 32.12",
                   "paid_search": "1.387796 58.78 38.78 38.78 38.789", "direct": "1 5.01 0 0 0"},
}  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> Tables:
    return Tables(Told(orders=[], moves={}, bought=[]), None, 1, 0, ROWS)


def ask(tables: Tables, name: str, **given: Any) -> list[Any]:
    question = QUESTIONS[name]
    told = GIVEN | {"models": ",last,"} | given
    (answer,) = tables.ask([Asked(question=question, parameters={p: told[p] for p in question.asks})])
    return answer.rows


def sums(rows: list[Any], name: str) -> D:
    return sum((getattr(row, name) for row in rows), D(0)) / 100


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among all"])
@pytest.mark.parametrize("model", CREDITS)
def test_each_order_is_shared_out(tables: Tables, model: str, alone: bool) -> None:
    models = f",{model}," if alone else f",{','.join(CREDITS)},"
    rows = [row for row in ask(tables, "credit_sums", models=models) if row.model == model]
    found = {grp: [row for row in rows if row.grp == grp] for grp in {row.grp for row in rows}}
    expected = CREDITS[model] | NOBODY
    assert set(found) == set(expected)
    for grp, told in expected.items():
        orders, *amounts = told.split()
        assert round(sum(D(row.orders) for row in found[grp]) / 10**12, len(orders.partition(".")[2])) == D(orders), grp
        names = ("placed", "delivered", "kept", "banked")
        assert [sums(found[grp], name) for name in names[: len(amounts)]] == [D(one) for one in amounts], grp
    assert sum(sums(rows, "placed") for rows in found.values()) == D("295.01")


def test_what_is_open_young_and_below_nothing(tables: Tables) -> None:
    rows = {row.grp: row for row in ask(tables, "credit_sums")}
    assert {grp: row.open / 100 for grp, row in rows.items() if row.open} == {"email": D("50.00")}
    assert {grp: row.young / 100 for grp, row in rows.items() if row.young} == {"email": D("50.00")}
    assert {grp: row.margin / 100 for grp, row in rows.items() if row.margin} == {
        "paid_social": D("-10.005"),
        "paid_search": D("30.00"),
    }
    assert rows["email"].confirmed / 100 == D("10.00")
    assert {grp: row.by_shop for grp, row in rows.items() if row.by_shop} == {"paid_search": 10**12, "email": 10**12}
    assert rows["paid_social"].final_due == rows["paid_social"].costed_due == D("9000")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # new buyers, of whom the first delivered order is credited, buyers who came back
        ("last", {"paid_social": (1, 1, 0), "email": (2, 0, 0), "paid_search": (0, 0, 1), "direct": (1, 0, 0)}),
        ("last_paid", {"paid_social": (1, 1, 0), "paid_search": (0, 0, 1), "unattributed:no_paid_touch": (3, 0, 0)}),
        ("first", {"paid_social": (1, 1, 1), "email": (2, 0, 0), "paid_search": (0, 0, 0), "direct": (1, 0, 0)}),
        ("linear", {"paid_social": (1, 1, 1), "email": (2, 0, 0), "paid_search": (0, 0, 0), "direct": (1, 0, 0)}),
        ("time_decay", {"paid_social": (1, 1, 0), "email": (2, 0, 0), "paid_search": (0, 0, 1), "direct": (1, 0, 0)}),
    ],
)
def test_whom_each_row_won(tables: Tables, model: str, expected: dict[str, tuple[int, int, int]]) -> None:
    rows = ask(tables, "credit_customers", models=f",{model},")
    found = {row.grp: (row.new_orders, row.won, row.returning) for row in rows}
    assert found == expected | {"unattributed:consent": (0, 0, 0)}
    parts = [ask(tables, "credit_customers", models=f",{model},", bucket=n, buckets=3) for n in range(3)]
    for grp, told in found.items():
        each = [row for part in parts for row in part if row.grp == grp]
        assert tuple(sum(getattr(row, name) for row in each) for name in ("new_orders", "won", "returning")) == told


def test_each_credit_and_their_squares(tables: Tables) -> None:
    """Of all rows but those of nobody. 80.00 and -10.01 (rounded for the square) are of one order; 100.00 and 30.00."""
    few = {(r.grp, r.told, r.kept / 100, r.margin / 100, r.credits) for r in ask(tables, "credit_values")}
    assert few == {
        ("paid_social", True, D("80.00"), D("-10.005"), 1), ("paid_search", True, D("100.00"), D("30.00"), 1),
        ("paid_search", False, D(0), D(0), 1), ("email", False, D(0), D(0), 3), ("direct", False, D(0), D(0), 1),
    }  # fmt: skip
    many = {
        (r.grp, r.credits, r.kept_squares, r.margin_squares) for r in ask(tables, "credit_squares", most=1) if r.told
    }
    assert many == {("paid_social", 1, 8000**2, 1001**2), ("paid_search", 1, 10000**2, 3000**2)}
    assert ask(tables, "credit_values", most=1) == ask(tables, "credit_squares", most=9) == []
    # to credits of one order: each touch's part is one value
    split = {(r.grp, r.kept / 100, r.credits) for r in ask(tables, "credit_values", models=",linear,") if r.kept}
    assert split == {
        ("paid_social", D("80.00"), 1),
        ("paid_social", D("33.34"), 1),
        ("email", D("33.33"), 1),
        ("paid_search", D("33.33"), 1),
    }


@pytest.mark.parametrize(("model", "orders"), [("last_paid", [2, 6, 7, 9]), ("last", [])])
def test_the_orders_behind_nobody_s_row(tables: Tables, model: str, orders: list[int]) -> None:
    rows = ask(tables, "credited_orders", models=f",{model},", grp="unattributed:no_paid_touch", link="orders")
    assert sorted(row.order_row for row in rows) == orders
    assert all(row.part == 10**12 for row in rows)


def test_by_the_day_of_the_touch(tables: Tables) -> None:
    """Only what was touched on the day counts, whatever the order's own; of whom nobody is known, the order's day decides."""
    rows = {
        row.grp: row.orders
        for row in ask(tables, "credit_sums", credit_day="touch", credit_since=NEXT, credit_until=NEXT)
    }
    assert rows == {}
    rows = {
        row.grp: row.placed / 100
        for row in ask(tables, "credit_sums", credit_day="touch", credit_since=DAY, credit_until=DAY)
    }
    assert rows["email"] == D("60.00")
    assert rows["unattributed:consent"] == D("10.00")


def test_whose_words_name_another_platform(tables: Tables) -> None:
    assert [tuple(row) for row in ask(tables, "double_tags")] == [("meta", "newsletter", "email", 2)]


def test_whose_orders_they_are(tables: Tables) -> None:
    """The first five seconds of the ledger are its wall, and an order of the second in which it ends stands behind it."""
    rows = ask(tables, "credit_sums", by="new_or_returning", models=",orders,", history_s=5)
    assert {row.grp: row.placed / 100 for row in rows} == {
        "new": D("7.00"), "new_unsure": D("155.01"), "returning": D("100.00"), "unknown": D("33.00"),
    }  # fmt: skip
