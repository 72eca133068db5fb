"""What couriers tell of parcels finds its order, whichever came first, and joins no two orders that share a parcel."""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest

from tests.store.order_reports import NOW_S, entry, report, shop_store
from twofold.ledger.model import OrderReport, Parcel, ParcelState
from twofold.ledger.policy import OrderPolicy
from twofold.ledger.state import decode_state

COURIER = "easypost:shop.example"


def told(state: ParcelState, at: int, number: str = "1Z 999", order: str = ""):
    """A tracking service's word: it knows the carrier's number, and the order only where it was told."""
    said = OrderReport(order_id=order or f"parcel:{number}", kind="parcel", at=at, reference="tracker",
                       parcels=(Parcel(id=number, state=state, at=at),))  # fmt: skip
    return entry(said, source=COURIER)


def fulfilled(order: str = "5000000001001", number: str = "1Z999", fulfilment: str = "41"):
    """A shop's word: its own id of the fulfilment, and the carrier's number beside it."""
    parcel = Parcel(id=fulfilment, state=ParcelState.IN_TRANSIT, at=NOW_S, numbers=(number,))
    said = OrderReport(order_id=order, kind="parcel", at=NOW_S, reference="fulfilment", parcels=(parcel,))
    return entry(said, source="shopify:demo")


def placed(order: str = "5000000001001", number: str = "1001"):
    return entry(report(order, aliases=(f"number:{number}",), version=2), source="shopify:demo")


async def _states(folder, entries):
    """Each order's state by its id, after these reports."""
    async with shop_store(folder, OrderPolicy()) as store:
        for one in entries:
            await store.append_orders([one])
        rows = await store.transact(lambda e: e.run("select_orders", (_all_ids(e),)))
    return {(s := decode_state(row[7])).order_id: s for row in rows}


def states(folder, entries):
    return asyncio.run(_states(folder, entries))


def _all_ids(engine):
    from twofold.store.engine import id_array

    return id_array(range(1, 50))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_parcel_finds_its_order_in_every_order_of_arrival(tmp_path, order):
    entries = [told(ParcelState.DELIVERED, NOW_S + 50), fulfilled(), placed()]
    found = states(tmp_path, [entries[n] for n in order])
    assert list(found) == ["5000000001001"]
    state = found["5000000001001"]
    assert (state.known, state.shipped_at, state.delivered_at) == (True, NOW_S, NOW_S + 50)
    assert state.sources == (COURIER, "shopify:demo")


def test_a_courier_that_was_told_the_orders_number_finds_it_by_that(tmp_path):
    found = states(tmp_path, [placed(), told(ParcelState.DELIVERED, NOW_S + 50, "T1", "1001")])
    assert [(o, s.delivered_at) for o, s in found.items()] == [("5000000001001", NOW_S + 50)]


def test_two_parcels_of_one_order_are_both_waited_for(tmp_path):
    entries = [
        placed(), fulfilled(), fulfilled(number="1Z888", fulfilment="42"), told(ParcelState.DELIVERED, NOW_S + 50),
    ]  # fmt: skip
    found = states(tmp_path, entries)
    assert found["5000000001001"].delivered_at is None


def test_all_numbers_of_one_fulfilment_are_waited_for(tmp_path):
    parcel = Parcel(id="41", state=ParcelState.IN_TRANSIT, at=NOW_S, numbers=("1Z999", "1Z888"))
    both = entry(OrderReport(order_id="5000000001001", kind="parcel", at=NOW_S, reference="f", parcels=(parcel,)),
                 source="shopify:demo")  # fmt: skip
    one = [placed(), both, told(ParcelState.DELIVERED, NOW_S + 50)]
    assert (states(tmp_path / "a", one))["5000000001001"].delivered_at is None
    two = [*one, told(ParcelState.DELIVERED, NOW_S + 70, "1Z888")]
    assert (states(tmp_path / "b", two))["5000000001001"].delivered_at == NOW_S + 70


def test_two_orders_in_one_parcel_stay_two(tmp_path):
    other = "5000000001002"
    entries = [placed(), fulfilled(), placed(other, "1002"), fulfilled(other, fulfilment="43"),
               told(ParcelState.DELIVERED, NOW_S + 50)]  # fmt: skip
    assert sorted(states(tmp_path, entries)) == ["5000000001001", other]


def test_a_parcel_of_no_order_is_kept_and_counts_as_none(tmp_path):
    found = states(tmp_path, [placed(), told(ParcelState.DELIVERED, NOW_S, "OTHER1")])
    assert sorted(found) == ["5000000001001", "parcel:OTHER1"]
    assert not found["parcel:OTHER1"].known
    assert found["5000000001001"].delivered_at is None


def test_parcels_of_one_courier_do_not_hide_each_other(tmp_path):
    """Each names itself where it knows no order; the second is no other order for that."""
    entries = [placed(), fulfilled(), fulfilled(number="1Z888", fulfilment="42"),
               told(ParcelState.DELIVERED, NOW_S + 50), told(ParcelState.DELIVERED, NOW_S + 90, "1Z888")]  # fmt: skip
    found = states(tmp_path, entries)
    assert list(found) == ["5000000001001"]
    assert found["5000000001001"].delivered_at == NOW_S + 90


def test_a_parcel_joins_no_orders_of_two_shops(tmp_path):
    """A shop and a tool beside it number alike: that two orders went in one parcel does not make them one."""
    other = entry(report("B-7", aliases=("number:7",), version=2), source="own:b.example")
    parcel = Parcel(id="1Z999", state=ParcelState.IN_TRANSIT, at=NOW_S)
    sent = entry(
        OrderReport(order_id="B-7", kind="parcel", at=NOW_S, reference="p", parcels=(parcel,)), source="own:b.example"
    )
    assert sorted(states(tmp_path, [placed(), fulfilled(), other, sent])) == ["5000000001001", "B-7"]
