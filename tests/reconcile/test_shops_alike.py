"""Two shops of one dataset that gave one number to two orders: the chain counts both, and each is its own shop's."""

from __future__ import annotations

import asyncio

from tests.store.order_reports import NOW, entry, report
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.reading.folder import Folder
from twofold.reconcile.reading.owed import read_orders
from twofold.store.opened.routes import Route
from twofold.store.store import Store

HERE, THERE = "one.example", "two.example"


def test_two_orders_of_one_number_are_two(tmp_path):
    """Whichever came first; an order that no other is like keeps its plain key."""

    async def play() -> None:
        route = Route(destinations=("meta-1",), has_orders=True, shops=frozenset({HERE, THERE}))
        store = Store(tmp_path, routes={"1": route}, opened_at=NOW)
        store.start()
        for shop, number, total in ((HERE, "1001", "42.50"), (THERE, "1001", "63.20"), (THERE, "1002", "10.00")):
            told = report(number, total=total, paid=None, at=NOW // 1000, placed=NOW // 1000, version=1)
            await store.append_orders([entry(told, source=f"shopify:{shop}")])
        await store.close()

    asyncio.run(play())
    with Folder(tmp_path) as folder:
        found = read_orders(folder, lambda _dataset: OrderPolicy())
    assert {key: str(order.total) for key, order in found.orders.items()} == {
        f"1/1001@{HERE}": "42.50",
        f"1/1001@{THERE}": "63.20",
        "1/1002": "10.00",
    }
