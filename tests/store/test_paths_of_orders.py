"""Paths of orders that turn out to be one, and of orders that were told by a clock that ran ahead.

What leads to an order, and how long it is completed, is told through the doors in `tests/collect/test_order_paths.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.facts.world import World
from tests.ledger.facts import amounts
from tests.store.copies import BROWSER, DAY, PLACE, copy
from twofold.ledger.model import Paid, Snapshot
from twofold.report.verify import verify
from twofold.store.engines import open_reader
from twofold.store.sqlite.statements import reading
from twofold.store.touches.frozen import ERASED, kept_paths
from twofold.store.touches.path_keeper import REACHED
from twofold.store.touches.paths import NO_BROWSER
from twofold.touch.model import Sign, Touch, TouchKind

FBP = "fb.1.1790000000000.990"
SHOPS, PAYS = "checkout:c1a2b3c4d5e6f7a8e1", "session:cs_a1b2c3d4e5f6a7b8c9"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def tell(shop: World, order: str, *aliases: str, source: str = "", version: int = 0) -> None:
    snapshot = Snapshot(
        version=shop.now + version, placed_at=shop.now // 1000, shop=amounts("40.00", "EUR"), paid=Paid.PAID
    )
    entry = shop._entry(order, snapshot=snapshot, payments=(), refunds=(), parcels=(), aliases=aliases)
    shop._run(shop._report(replace(entry, source=source or entry.source)))


def visit(shop: World, at: int, campaign: str) -> None:
    """A sign of the browser, told now."""
    touch = Touch(at=at, kind=TouchKind.VISIT, source="facebook", medium="cpc", campaign=campaign)
    sign = Sign(dataset="1", touch=touch, ids=(("fbp", FBP),))
    shop._run(shop.store.transact(lambda _e: shop.store.signs.note([sign], shop.now // 1000)))


def visit_and_buy(shop: World, order: str, secret: str) -> None:
    """A visit by an ad, and the page of thanks that the same browser saw."""
    visit(shop, shop.now // 1000 - 3600, "Spring")
    page = copy(f"shop.{order}", BROWSER, value="40.00", order=order, at=shop.now, happened=shop.now, fbp=FBP, **PLACE)
    shop._run(shop._append([replace(page, links=(f"order:{order}", secret))]))


def paths(shop: World) -> dict[int, Any]:
    db = open_reader(shop.folder)
    try:
        rows = [row for (row,) in db.execute("select id from orders order by id")]
        kept = kept_paths(reading(db), rows)
        return {row: (found := kept.get(row)) and (found.reason, [t.campaign for t in found.touches]) for row in rows}
    finally:
        db.close()


@pytest.mark.parametrize("seen", ["1001", "A-77"])
def test_of_two_orders_that_turn_out_to_be_one_the_path_with_touches_stays(shop: World, seen: str) -> None:
    """Whichever of them the browser named; and the next order has a path of its own, also where the engine gives it the number of
    the one that went."""
    tell(shop, "1001", SHOPS)
    tell(shop, "A-77", PAYS, source="stripe:acct")
    visit_and_buy(shop, seen, SHOPS if seen == "1001" else PAYS)
    shop.settle()
    assert paths(shop) == {n: ("", ["Spring"]) if (n == 1) == (seen == "1001") else (NO_BROWSER, []) for n in (1, 2)}
    shop.now += DAY
    tell(shop, "A-77", PAYS, SHOPS, source="stripe:acct", version=1)
    assert paths(shop) == {1: ("", ["Spring"])}
    tell(shop, "1002")
    shop.settle()
    assert list(paths(shop).values()) == [("", ["Spring"]), (NO_BROWSER, [])]
    assert all(check.holds for check in verify(shop.folder))


def reached(shop: World) -> int:
    """The row of the last order up to which no order is looked for that has no path yet."""
    db = open_reader(shop.folder)
    try:
        return int(reading(db)("select_progress", (REACHED,))[0][0])
    finally:
        db.close()


def test_orders_behind_one_that_went_are_not_looked_through_again_and_again(shop: World) -> None:
    """The first of them became part of another, so its number may be given again; all others have their paths already, up to one
    that is too young for it."""
    tell(shop, "1001", SHOPS)
    tell(shop, "A-77", PAYS, source="stripe:acct")
    for order in ("1002", "1003", "1004"):
        tell(shop, order)
    shop.settle()
    assert reached(shop) == 5
    shop.now += DAY
    tell(shop, "A-77", PAYS, SHOPS, source="stripe:acct", version=1)
    assert reached(shop) < 5
    tell(shop, "1005")
    shop._run(shop.store.transact(lambda _e: shop.store.paths.settle(shop.now)))
    assert reached(shop) == 5
    assert paths(shop)[6] is None
    shop.settle()
    assert (reached(shop), paths(shop)[6]) == (6, (NO_BROWSER, []))


def test_an_order_that_a_clock_told_ahead_holds_up_nobody(shop: World) -> None:
    """It would be settled a month from now; its path is made at once, and so are those of orders after it."""
    shop.now += 30 * DAY
    tell(shop, "1001")
    shop.now -= 30 * DAY
    tell(shop, "1002")
    assert paths(shop) == {1: None, 2: None}
    shop.settle()
    assert paths(shop) == {1: (NO_BROWSER, []), 2: (NO_BROWSER, [])}


@pytest.mark.parametrize("given_up", [False, True])
def test_what_is_told_late_completes_a_path_and_none_that_was_given_up(shop: World, given_up: bool) -> None:
    """A visit of the same browser before the order comes a day after it: nothing leads to it any more whose buyer was erased."""
    placed = shop.now // 1000
    tell(shop, "1001", SHOPS)
    visit_and_buy(shop, "1001", SHOPS)
    shop.settle()
    if given_up:
        shop.rebuild()
        assert shop.marks() == []
        shop.forget("1001")
        assert ("orders", placed // 86_400) in {mark[:2] for mark in shop.marks()}, (
            "the tables hold its path no longer than this"
        )
    shop.now += DAY
    visit(shop, placed - 7200, "Brand")
    shop.settle()
    assert paths(shop) == {1: (ERASED, []) if given_up else ("", ["Brand", "Spring"])}
    assert all(check.holds for check in verify(shop.folder))
