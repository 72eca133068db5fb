"""Lists of orders and the history of one: what is told, in which order, under which names."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.store.copies import BROWSER, NOW, copy
from tests.store.order_reports import MINUTE, NOW_S, deliver, entry, report, shop_copy, shop_store
from twofold.ledger.model import Method, Paid, ParcelState, Payment
from twofold.ledger.policy import OrderPolicy
from twofold.report.orders import list_orders, said, show_order

D = Decimal
POLICY = OrderPolicy(outcomes=True)
LATER = NOW + 10 * MINUTE


def play(folder: Path, *steps: tuple[int, list[Any]]) -> None:
    async def main() -> None:
        async with shop_store(folder, POLICY) as store:
            for at, entries in steps:
                await store.append_orders(entries)
                await deliver(store, at)

    asyncio.run(main())


def listed(folder: Path, **asked: Any):
    return list_orders(folder, lambda _dataset: POLICY, LATER // 1000, **asked)


def shown(folder: Path, order: str, **asked: Any):
    return show_order(folder, lambda _dataset: POLICY, LATER // 1000, order, **asked)


SHOP_DAY = [
    entry(report("paid", placed=NOW_S - 50), shop_copy("paid")),
    entry(report("unpaid", paid=Paid.UNPAID, placed=NOW_S - 40), shop_copy("unpaid")),
    entry(report("cod", paid=Paid.UNPAID, method=Method.COD, placed=NOW_S - 30), shop_copy("cod")),
    entry(report("gone", cancelled_at=NOW_S, placed=NOW_S - 20), shop_copy("gone")),
    entry(report("test", test=True, placed=NOW_S - 10), shop_copy("test")),
    entry(report("money", total=None, payments=(Payment(id="p", kind="sale", amount=D("5.00"), currency="EUR", at=NOW_S),)),
          source="stripe:acct"),
]  # fmt: skip
STATES = [
    ("paid", "counts", "delivered", ""),
    ("unpaid", "not_paid", "waiting", "not_paid"),
    ("cod", "counts", "delivered", ""),
    ("gone", "order_cancelled", "suppressed", "order_cancelled"),
    ("test", "test_order", "none", ""),
    ("money", "not_reported", "none", ""),
]


def test_the_states(tmp_path):
    """Each order with its word, its Purchase's state and the reason, by the time it was placed."""
    play(tmp_path, (NOW + MINUTE, SHOP_DAY))
    rows = listed(tmp_path)
    assert [(r.order_id, r.state, r.purchase, r.reason) for r in rows] == STATES
    assert [(r.value, r.currency) for r in rows[:5]] == [(D("42.50"), "EUR")] * 5
    assert rows[2].method == "cod"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"state": "counts"}, ["paid", "cod"]),
        ({"state": "not_paid"}, ["unpaid"]),
        ({"limit": 2}, ["test", "money"]),
        ({"limit": 1, "state": "counts"}, ["cod"]),
        ({"limit": 0}, [s[0] for s in STATES]),
        ({"since_s": NOW_S - 30}, ["cod", "gone", "test", "money"]),
        ({"dataset": "1", "limit": 1}, ["money"]),
        ({"dataset": "2"}, []),
    ],
)
def test_filters(tmp_path, asked, expected):
    """The last ones that fit, newest last."""
    play(tmp_path, (NOW + MINUTE, SHOP_DAY))
    assert [r.order_id for r in listed(tmp_path, **asked)] == expected


def test_the_history_of_one(tmp_path):
    """Facts in the order they came, the judgement, the value's parts, copies and deliveries, what was told as well."""
    order = "5123456789012"
    first = report(order, paid=Paid.UNPAID, kind="placed", aliases=("number:#1001",), amounts={"tax": "7.50"})
    paid = report(order, version=2, amounts={"tax": "7.50"}, kind="paid")
    arrived = report(order, total=None, parcel=ParcelState.DELIVERED, at=NOW_S + 500, kind="parcel")
    back = report(order, total=None, refunds=(("r1", "10.00"),), kind="refund", at=NOW_S + 550)
    play(
        tmp_path,
        (NOW, [entry(first, shop_copy(order))]),
        (NOW + MINUTE, [entry(paid, at=NOW + MINUTE)]),
        (LATER, [entry(arrived, at=LATER), entry(back, at=LATER)]),
    )
    (one,) = shown(tmp_path, order)
    assert [f["kind"] for f in one["facts"]] == ["placed", "paid", "parcel", "refund"]
    assert [f["said"] for f in one["facts"]] == [
        "total 42.50 EUR; unpaid; 1 line",
        "total 42.50 EUR; paid; 1 line",
        "parcel P1 delivered",
        "refund of 10.00 EUR",
    ]
    assert one["facts"][1]["reference"] == "test paid 2"
    assert (one["state"], one["standing"], one["reason"], one["counts_when"]) == ("counts", "counts", "paid", "paid")
    assert one["value"] == {
        "value": D("32.50"), "currency": "EUR", "total": D("42.50"), "left_out": {"refunds": D("10.00")},
        "contained": {"tax": D("7.50")}, "after_refunds": False,
    }  # fmt: skip
    assert [(c["channel"], c["tier"], c["verdict"]) for c in one["copies"]] == [("server", "T3", "first")]
    assert [(d["destination"], d["state"], d["event_id"]) for d in one["deliveries"]] == [
        ("meta-1", "delivered", f"purchase.{order}")
    ]
    assert one["outcomes_told"] == ["delivered"]
    msgspec.json.encode(one)  # it can be printed as it is


@pytest.mark.parametrize("name", ["5123456789012", "1001", "#1001"])
def test_an_order_is_found_by_its_number(tmp_path, name):
    """By the id, and by the number people know."""
    play(tmp_path, (NOW, [entry(report("5123456789012", aliases=("number:#1001",)))]))
    assert [one["order_id"] for one in shown(tmp_path, name)] == ["5123456789012"]
    assert shown(tmp_path, name, dataset="2") == []


def test_what_is_not_known(tmp_path):
    """No order, no answer; a folder without any is no error."""
    play(tmp_path)
    assert shown(tmp_path, "1001") == []
    assert listed(tmp_path) == []


SAID = [
    (report(cancelled_at=NOW_S, cancel_reason="fraud"), "total 42.50 EUR; paid; cancelled (fraud); 1 line"),
    (report(test=True, gateways=("bogus",)), "total 42.50 EUR; a test; paid; by bogus; 1 line"),
    (report(total=None, deleted=True), "deleted"),
    (report(total=None), "nothing new"),
    (report(total=None, payments=(Payment(id="p", kind="capture", amount=D("5"), currency="EUR", at=1, state="failure"),)),
     "capture 5 EUR failure"),
    (report(total="40", after_refunds=True, replaces="77"), "total 40 EUR after refunds; paid; 1 line; replaces 77"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "words"), SAID)
def test_a_report_in_words(one, words):
    """What it says and nothing that it does not."""
    assert said(one) == words


def test_both_copies_are_shown(tmp_path):
    """The browser's and the shop's, the later one marked when it came after the send."""

    async def main():
        async with shop_store(tmp_path, POLICY) as store:
            await store.append_orders([entry(report(), shop_copy())])
            await deliver(store, NOW)
            await store.append([copy("purchase.1001", BROWSER, order="1001", at=LATER)])

    asyncio.run(main())
    (one,) = shown(tmp_path, "1001")
    assert [(c["channel"], c["verdict"], c["late"]) for c in one["copies"]] == [
        ("server", "first", False), ("browser", "twin", True),
    ]  # fmt: skip
