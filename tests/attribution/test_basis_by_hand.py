"""What a report of attribution rests on besides credits, over rows that were written by hand, with answers that were added up by hand.

Beside each row that belongs into an answer stands one that does not: of another day, shop or country, a test, an older life, a later one.
"""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from tests.attribution.test_credits_by_hand import DAY, DAYS, GIVEN, GOOGLE, LATER, MAIL, META, NEXT, life, touch
from tests.facts.everything import QUESTIONS
from tests.reconcile.tables import Tables
from tests.reconcile.test_closure_law import RULES, write
from twofold.attribution.reading import read_basis, usual_days
from twofold.attribution.table import Asked as AskedOfCredits
from twofold.facts.engine import Asked
from twofold.reconcile.chain.told import Told

BEFORE = "2026-03-09"
GONE = {"station": "refused", "is_final": True}
OPEN = {"station": "in_transit", "is_final": False, "is_delivered": False}


def sign(who: str, at: int, campaign: str = "", **more: Any) -> dict[str, Any]:
    texts = dict.fromkeys(
        (
            "medium",
            "content",
            "term",
            "utm_id",
            "click_kind",
            "adset_id",
            "ad_id",
            "referrer_host",
            "landing_path",
            "device",
        ),
        "",
    )
    told = {
        "day": DAY,
        "dataset": "1",
        "who": who,
        "source_key": "k",
        "happened_at": at,
        "kind": "visit",
        "source": "Google ",
        "platform": "",
    }
    return texts | told | {"campaign": campaign, "campaign_id": ""} | more


def nameless(row: int, placed: str, **more: Any) -> dict[str, Any]:
    told = {
        "day": DAY,
        "nameless": row,
        "dataset": "1",
        "placed": D(placed),
        "method": "card",
        "final": True,
        "back": False,
        "buyer_kind": "new",
    }
    amounts = dict.fromkeys(("confirmed", "delivered", "delivered_collected", "banked", "open"), D(0))
    return told | amounts | {"first_delivered": False, "path_reason": ""} | more


def term(row: int, days: int, amount: str, **more: Any) -> dict[str, Any]:
    told = {
        "day": DAY,
        "dataset": "1",
        "order_row": row,
        "from_at": 100,
        "until_at": 600,
        "bridge": "cash",
        "reason": "",
        "days": days,
    }
    return told | {"amount": D(amount)} | more


def order(row: int, region: str, total: str, at: int, delivered: int | None = None, **more: Any) -> dict[str, Any]:
    told = {
        "day": DAY,
        "dataset": "1",
        "order_row": row,
        "placed_at": at,
        "region": region,
        "country": "GE",
        "currency": "GEL",
        "known": True,
    }
    return told | {"total": D(total), "test": False, "deleted": False, "delivered_at": delivered} | more


ROWS = {
    "lives": [
        life(1, "100.00", "90.00", "80.00", "77.00", "40.00", week="w1", placed_at=20, from_at=20, until_at=100, is_final=False), life(1, "100.00", "90.00", "80.00", "77.00", "40.00", week="w1", placed_at=20),
        life(2, "60.00", cm3="-6.00", week="w1", **GONE), life(3, "50.00", week="w2", method="cod", **OPEN), life(4, "30.00", "30.00", "40.00", week="w2", method="cod", day=NEXT),
        life(5, "500.00", "500.00", "500.00", "1.00", "1.00", dataset="2"), life(6, "70.00", "70.00", "70.00", "7.00", "7.00", from_at=501), life(7, "70.00", day=LATER),
        life(8, "20.00", week="w1", confirmed=False, station="awaits_confirmation", is_final=False), life(9, "11.00", "11.00", "5.00", "5.00", "2.00", week="w3", day=NEXT),
    ],
    "paths": [
        touch(1, 0, DAYS, META, content="{{ad.id}}", utm_id="7"), touch(2, -1, 0, MAIL, kind="", reason="consent"), touch(4, -1, 0, MAIL, kind="", reason="no_browser", day=NEXT),
        touch(4, 0, 0, GOOGLE, kind="shop_says", day=NEXT, campaign="Autumn", utm_id=""), touch(9, 0, 3 * DAYS, GOOGLE, day=NEXT, utm_id="", term="7"),
        touch(9, -1, 0, MAIL, kind="", reason="erased", day=NEXT), touch(7, 0, DAYS, META, day=LATER, content="{{late}}"),
    ],
    "nameless": [
        nameless(1, "15.00", margin=D("3.00"), delivered=D("15.00")), nameless(2, "9.00", day=LATER), nameless(3, "10.00", dataset="2"),
        nameless(4, "10.00", day=NEXT, confirmed=D("10.00"), delivered=D("10.00"), delivered_collected=D("5.00"), banked=D("4.00"), margin=D("2.00")),
    ],
    "nameless_paths": [{"day": DAY, "nameless": 1, "place": 0, "age": DAYS, "touch_day": BEFORE, "kind": "visit", **META}],
    "life_terms": [
        term(1, 3, "60.00"), term(4, 9, "40.00", day=NEXT), term(5, 30, "500.00", dataset="2"), term(1, 40, "9.00", from_at=501), term(7, 50, "9.00", day=LATER),
        term(-1, 60, "99.00"), term(9, 70, "-5.00"), term(-1, 0, "-25.00", bridge="link", reason="banked", dataset=""), term(-2, 0, "-7.00", bridge="link", reason="placed", dataset=""),
    ],
    "unrated_lives": [{"day": DAY, "dataset": name, "order_row": 70, "placed_at": 1, "from_at": at, "until_at": 900} for name, at in (("1", 100), ("1", 501), ("2", 100))],
    "touches": [
        sign("a", 10), sign("a", 20, "Spring", kind="click", platform="google", campaign_id="77"), sign("b", 10), sign("c", 10, kind="survey"), sign("d", 10, dataset="2"),
        sign("e", 10, day=LATER),
    ],
    "purchase_people": [{"day": DAY, "action": 1, "who": "b"}, {"day": DAY, "action": 2, "who": "a"}],
    "orders": [
        order(1, "GE-TB", "10.00", 900, 950, action=1), order(2, "GE-TB", "5.00", 1799), order(3, "GE-TB", "7.00", 1800), order(4, "GE-AJ", "9.00", 900, currency="USD"),
        order(5, "", "2.00", 900, country=""), order(6, "AM-ER", "99.00", 900, country="AM"), order(7, "GE-TB", "99.00", 900, test=True),
        order(8, "GE-TB", "99.00", 900, deleted=True), order(9, "GE-TB", "99.00", 900, known=False), order(10, "GE-TB", "99.00", 900, day=LATER),
    ],
}  # fmt: skip

ANSWERS: dict[str, tuple[dict[str, Any], list[tuple[Any, ...]]]] = {
    # 1 kept and paid; 2 came back; 3 and 8 open; 4 of no known cost; 9's buyer was erased: the nameless row 4 stands for it, another is nobody's
    "credit_usual": ({}, [(7, 1, D(28500), D(11500), D(4500), D(6000), D(-600))]),
    "credit_weeks": ({}, [
        ("card", "w1", 1, D("160.00"), D("80.00")), ("card", "w3", 0, D("11.00"), D("5.00")), ("cod", "w2", 1, D("80.00"), D("30.00")),
    ]),
    # of orders alone, as they stood
    "credit_ages": ({}, [(3, D("60.00")), (9, D("40.00"))]),
    # counted from the first life that was final, a day begun as a whole one
    "credit_ends": ({}, [(1, D("201.00"))]),
    "credit_apart": ({}, [(D("-25.00"), 1)]),
    # 9 as it stands now less all nameless rows of these days
    "credit_erased": ({}, [(D("-14.00"), D("1.00"), D("-14.00"), D("0.00"), D("1.00"), D("-3.00"))]),
    # by these rows alone the parts are sized: nameless rows of other shops are counted, too
    "credit_days": ({}, [(DAY, 9), (NEXT, 7)]),
    "texts_of_paths": ({}, [("7",), ("Autumn",), ("{{ad.id}}",)]),
    # b bought; a is marked by a Purchase that is no order's; a survey is no visit
    "touches_of_nobody": ({}, [("1", "a", "k", 10), ("1", "a", "k", 20)]),
    "adverts_seen": ({}, [("google", "", ""), ("google", "77", "Spring")]),
    "touches_credited": ({}, [(1,), (4,), (9,)]),
    "nameless_touches": ({}, [(1, BEFORE)]),
    # a quarter of an hour begins at 900 and at 1800; another currency counts, and has no amount
    "orders_by_region": ({"country": "GE", "currency": "GEL"}, [
        ("", 900, 1, D("2.00"), 0, D(0)), ("GE-AJ", 900, 1, D(0), 0, D(0)), ("GE-TB", 900, 2, D("15.00"), 1, D("10.00")), ("GE-TB", 1800, 1, D("7.00"), 0, D(0)),
    ]),
}  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> Tables:
    return Tables(Told(orders=[], moves={}, bought=[]), None, 1, 0, ROWS)


def ask(tables: Tables, name: str, **given: Any) -> list[Any]:
    question, told = QUESTIONS[name], GIVEN | {"dataset": "1"} | given
    (answer,) = tables.ask([Asked(question=question, parameters={p: told[p] for p in question.asks})])
    return answer.rows


@pytest.mark.parametrize("name", ANSWERS)
def test_it_answers_what_was_added_up_by_hand(tables: Tables, name: str) -> None:
    given, expected = ANSWERS[name]
    rows = [tuple(row) for row in ask(tables, name, **given)]
    if name == "adverts_seen":
        rows = [row[:3] for row in rows]
    assert [row[: len(expected[0])] for row in rows] == expected


def test_touches_outside_of_the_window_are_not_asked_for(tables: Tables) -> None:
    assert [row.order_row for row in ask(tables, "touches_credited", window=2 * DAYS)] == [1, 4]
    assert ask(tables, "nameless_touches", window=DAYS - 1) == []


def test_all_amounts_or_as_many_as_stand_for_all(tables: Tables) -> None:
    """Contributions of orders whose costs are known, and what is delivered and collected of all of them: 7 orders, of which four brought nothing."""
    found = [(row.of_margin, row.amount / 100, row.times) for row in ask(tables, "credit_pool", most=400)]
    assert [row for row in found if row[0]] == [
        (True, D("-6.00"), 1),
        (True, D("2.00"), 1),
        (True, D("3.00"), 1),
        (True, D("40.00"), 1),
    ]
    assert [row for row in found if not row[0]] == [
        (False, D(0), 4),
        (False, D("5.00"), 1),
        (False, D("30.00"), 1),
        (False, D("80.00"), 1),
    ]
    few = [(row.amount / 100, row.times) for row in ask(tables, "credit_pool", most=2) if row.of_margin]
    assert few == [(D("2.00"), 1), (D("40.00"), 1)]


@pytest.mark.parametrize(
    ("told", "days"),
    [
        ([(3, 60), (9, 40)], 9),  # nine tenths of it are there on the ninth day
        ([(9, 10), (3, 90)], 3),
        ([(3, 89), (9, 11)], 9),
        ([(5, 50), (6, 50)], 6),
        ([(-1, 100)], 0),
        ([], 0),
    ],
)
def test_how_long_most_money_takes(told: list[tuple[int, int]], days: int) -> None:
    from types import SimpleNamespace

    rows = [SimpleNamespace(days=n, amount=D(amount)) for n, amount in told]
    assert usual_days(rows) == days


def test_without_a_bank_a_day_is_young_until_most_outcomes_are_final(tmp_path: Path) -> None:
    """By the money where the bank has any, nine tenths of it on the ninth day; by the orders' ends, here the first day, where it has none."""
    write(tmp_path, ([], []))
    asked = AskedOfCredits(since=DAY, until=NEXT, currency="GEL")
    at = (date.fromisoformat(NEXT) - date(1970, 1, 1)).days * DAYS
    found = []
    for banked in ([term(1, 3, "60.00", until_at=2 * at), term(4, 9, "40.00", day=NEXT, until_at=2 * at)], []):
        tables = Tables(Told(orders=[], moves={}, bought=[]), None, 1, 0, {**ROWS, "life_terms": banked})
        basis = read_basis(tmp_path, asked, ["last"], RULES, UTC, at, tables.ask, "1")
        found.append((basis.young_days, basis.young_since))
    assert found == [(9, "2026-03-03"), (1, NEXT)]
