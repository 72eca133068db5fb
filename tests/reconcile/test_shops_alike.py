"""Two shops of one dataset that gave one number to two orders: the chain counts both, and each is its own shop's."""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest

from tests.store.order_reports import NOW, entry, report
from twofold.ledger.model import OrderReport, Parcel, ParcelState
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


AT = NOW // 1000


def fulfilled(shop: str, fulfilment: str, number: str):
    """The shop's word: an id of its own, and the courier's number beside it."""
    parcel = Parcel(id=fulfilment, state=ParcelState.IN_TRANSIT, at=AT, numbers=(number,))
    said = OrderReport(order_id="1001", kind="parcel", at=AT, reference="fulfilment", parcels=(parcel,))
    return entry(said, source=f"shopify:{shop}")


def carried(number: str, state: ParcelState):
    """The courier's: the order's number, and nothing of a shop."""
    said = OrderReport(order_id="1001", kind="parcel", at=AT + 60, reference=f"swift {number}",
                       parcels=(Parcel(id=number, state=state, at=AT + 60),))  # fmt: skip
    return entry(said, source="courier:swift")


TOLD = [
    fulfilled(HERE, "71", "SW1"), fulfilled(THERE, "72", "SW2"),
    carried("SW1", ParcelState.DELIVERED), carried("SW2", ParcelState.LOST),
]  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5], ids=str)
def test_a_courier_that_names_a_number_of_two_shops_is_believed_by_the_parcel(tmp_path, order):
    """Both parcels went to the order that had one first. A parcel that the shop calls by an id of its own is one."""

    async def play() -> None:
        route = Route(destinations=("meta-1",), has_orders=True, shops=frozenset({HERE, THERE}))
        store = Store(tmp_path, routes={"1": route}, opened_at=NOW)
        store.start()
        for shop in (HERE, THERE):
            placed = report("1001", paid=None, at=AT - 60, placed=AT - 60, version=1)
            await store.append_orders([entry(placed, source=f"shopify:{shop}")])
        for place in order:
            await store.append_orders([TOLD[place]])
        await store.close()

    asyncio.run(play())
    with Folder(tmp_path) as folder:
        found = read_orders(folder, lambda _dataset: OrderPolicy()).orders
    counted = {key: (one.parcels, one.parcels_delivered, one.lost_at) for key, one in found.items() if one.known}
    assert counted == {f"1/1001@{HERE}": (1, 1, None), f"1/1001@{THERE}": (1, 0, AT + 60)}
