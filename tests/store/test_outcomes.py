"""What is told of orders that were sent: which events, made of what, once whatever repeats and restarts."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.store.copies import BROWSER, NOW, PLACE, assert_sums_hold, copy, rows
from tests.store.order_reports import MINUTE, NOW_S, deliver, entry, report, shop_copy, shop_store
from twofold.errors import StoreError
from twofold.event.delivery import DeliveryState
from twofold.event.model import Consent, Hashed, UserData
from twofold.ledger.model import Line, Method, Paid, ParcelState
from twofold.ledger.policy import OrderPolicy

TELL = OrderPolicy(outcomes=True)
HOUR_S = 3_600
SENT = NOW + MINUTE
LATER = NOW + 10 * MINUTE


def parcel(state: ParcelState, at: int = NOW_S + 500, **facts: Any):
    return report(total=None, parcel=state, at=at, kind="parcel", **facts)


def run(folder: Path, *steps, policy: OrderPolicy = TELL, **settings: Any) -> list[list[dict[str, Any]]]:
    """Appends what each step says, (time, entries), then delivers what is due; the payloads of each step."""

    async def main() -> list[list[dict[str, Any]]]:
        sent = []
        for at, entries in steps:
            async with shop_store(folder, policy, at=at, **settings) as store:  # a restart between all steps
                await store.append_orders(entries)
                sent.append(await deliver(store, at))
        return sent

    found = asyncio.run(main())
    assert_sums_hold(folder)
    return found


def names(sent: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[event["event_name"] for event in step] for step in sent]


PURCHASE = (SENT, [entry(report(), shop_copy())])

TOLD = [
    ("the courier delivered it", [parcel(ParcelState.DELIVERED)], ["Delivered"]),
    ("the shop says so", [report(version=2, delivered_at=NOW_S + 500)], ["Delivered"]),
    ("refused at the door", [parcel(ParcelState.REFUSED)], ["Returned"]),
    ("on its way back", [parcel(ParcelState.RETURNING)], ["Returned"]),
    (
        "delivered, then sent back",
        [parcel(ParcelState.DELIVERED), parcel(ParcelState.RETURNED, NOW_S + 550)],
        ["Delivered", "Returned"],
    ),
    ("under way is no end", [parcel(ParcelState.OUT)], []),
    ("lost is no return", [parcel(ParcelState.LOST)], []),
    ("cancelled has no event outside of chats", [report(version=2, cancelled_at=NOW_S + 500)], []),
    ("refunded has none", [report(version=2, paid=Paid.REFUNDED, refunds=(("r1", "42.50"),))], []),
]


@pytest.mark.parametrize(("news", "expected"), [r[1:] for r in TOLD], ids=[r[0] for r in TOLD])
def test_which_ends_are_told(tmp_path, news, expected):
    """Delivered and returned, by a parcel or by the shop's word; nothing else has an event."""
    sent = run(tmp_path, PURCHASE, (LATER, [entry(n, at=LATER) for n in news]))
    assert names(sent) == [["Purchase"], expected]


def test_what_it_is_made_of(tmp_path):
    """The Purchase's match keys, the order's id and value, its own time and id; no page, for nobody was on one."""
    first = shop_copy(fbp="fb.1.1790000000000.1116446470")
    first = replace(first, event_source_url="https://shop.example/thanks", referrer_url="https://shop.example/")
    steps = (SENT, [entry(report(), first)]), (LATER, [entry(parcel(ParcelState.DELIVERED), at=LATER)])
    (purchase,), (delivered,) = run(tmp_path, *steps)
    assert purchase["event_source_url"] == "https://shop.example/thanks"
    assert delivered == {
        "event_name": "Delivered",
        "event_time": NOW_S + 500,
        "event_id": "delivered.1001",
        "action_source": "system_generated",
        "user_data": purchase["user_data"],
        "custom_data": {"value": 42.5, "currency": "EUR", "order_id": "1001"},
    }
    assert delivered["user_data"]["em"] == ["a" * 64]


NOT_TOLD = [
    ("nobody asked for it", OrderPolicy(), [entry(report(), shop_copy())], True),
    ("a test order", TELL, [entry(report(test=True), shop_copy())], True),
    ("nothing was sent: not paid", TELL, [entry(report(paid=Paid.UNPAID), shop_copy())], True),
    ("nothing was sent: no event stands for it", TELL, [entry(report())], True),
    ("the Purchase said it: it counts when delivered", OrderPolicy(outcomes=True, counts_when="delivered"),
     [entry(report(delivered_at=NOW_S + 10), shop_copy())], True),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "before", "told"), [r[1:] for r in NOT_TOLD], ids=[r[0] for r in NOT_TOLD])
def test_what_is_not_told(tmp_path, policy, before, told):
    """Only orders that were sent have an end that anybody waits for."""
    news = (LATER, [entry(parcel(ParcelState.DELIVERED), at=LATER)])
    sent = run(tmp_path, (SENT, before), news, policy=policy)
    assert not any("Delivered" in step for step in names(sent))


def test_once_an_order(tmp_path):
    """However often it is reported, together, again, weeks later, by another source, over restarts."""
    news = [entry(parcel(ParcelState.DELIVERED), at=LATER)]
    again = [entry(report(total=None, parcel=ParcelState.DELIVERED, at=NOW_S + 700, kind="parcel"), at=LATER)]
    month = NOW + 30 * 86_400_000
    other = [entry(report(version=9, delivered_at=month // 1000), at=month, source="shopify:other")]
    sent = run(tmp_path, PURCHASE, (LATER, news * 3 + again), (LATER + MINUTE, news), (month, other), (month + 1, news))
    assert names(sent) == [["Purchase"], ["Delivered"], [], [], []]


def test_two_orders_that_turn_out_to_be_one(tmp_path):
    """What was told of either was told of both."""
    one = entry(report("1001", aliases=("session:cs_1",)), shop_copy("1001"))
    steps = [
        (SENT, [one]),
        (LATER, [entry(parcel(ParcelState.DELIVERED), at=LATER)]),
        (LATER + 1, [entry(report("A-77", aliases=("payment:pi_1",)), source="own:second", at=LATER)]),
        (LATER + 2, [entry(report("A-77", version=2, aliases=("session:cs_1", "payment:pi_1"), delivered_at=NOW_S + 590),
                           source="own:second", at=LATER)]),
    ]  # fmt: skip
    assert names(run(tmp_path, *steps)) == [["Purchase"], ["Delivered"], [], []]


def test_it_is_told_at_the_next_report_when_the_purchase_left_later(tmp_path):
    """The parcel arrives before the money: nothing at first; the Purchase; then, with whatever is reported next, its end."""
    unpaid = entry(report(paid=Paid.UNPAID), shop_copy())
    arrived = entry(parcel(ParcelState.DELIVERED), at=LATER)
    paid = entry(report(version=2), at=LATER + MINUTE)
    steps = (SENT, [unpaid]), (LATER, [arrived]), (LATER + MINUTE, [paid]), (LATER + 2 * MINUTE, [paid])
    assert names(run(tmp_path, *steps)) == [[], [], ["Purchase"], ["Delivered"]]


def test_what_is_too_old_is_not_told(tmp_path):
    """Meta takes seven days: an end that is reported after six is left out, not sent to be refused."""
    late = NOW + 7 * 86_400_000
    news = entry(parcel(ParcelState.DELIVERED, NOW_S + 500), at=late)
    assert names(run(tmp_path, PURCHASE, (late, [news]))) == [["Purchase"], []]


def test_money_of_what_came_back_does_not_depend_on_the_refund(tmp_path):
    """42.50 were bought and came back; that 10.00 of them were refunded before is nothing to it."""
    news = [report(total=None, refunds=(("r1", "10.00"),), kind="refund"), parcel(ParcelState.RETURNED)]
    sent = run(tmp_path, PURCHASE, (LATER, [entry(n, at=LATER) for n in news]))
    assert sent[1][0]["custom_data"]["value"] == 42.5


def test_money_of_what_was_delivered_is_the_policys(tmp_path):
    """Without tax where the operator wants none: 42.50 of which 7.50 are tax are 35.00."""
    policy = OrderPolicy(outcomes=True, value_parts=frozenset({"goods", "shipping"}))
    first = entry(report(amounts={"tax": "7.50"}), shop_copy())
    sent = run(tmp_path, (SENT, [first]), (LATER, [entry(parcel(ParcelState.DELIVERED), at=LATER)]), policy=policy)
    assert [step[0]["custom_data"]["value"] for step in sent] == [35.0, 35.0]


CHATS = [
    ("delivered", parcel(ParcelState.DELIVERED), "OrderDelivered"),
    ("returned", parcel(ParcelState.RETURNED), "OrderReturned"),
    ("cancelled", report(version=2, cancelled_at=NOW_S + 500), "OrderCanceled"),
]


@pytest.mark.parametrize(("news", "expected"), [r[1:] for r in CHATS], ids=[r[0] for r in CHATS])
def test_orders_made_in_a_chat_have_metas_own_words(tmp_path, news, expected):
    """As business_messaging on the same channel, because Meta refuses other names there."""
    purchase = replace(
        shop_copy(),
        action_source="business_messaging",
        messaging_channel="whatsapp",
        user_data=UserData(ph=(Hashed("meta", "b" * 64),), other={"ctwa_clid": "ARAkLkA8rmlFeiCktEJQ"}),
    )
    sent = run(tmp_path, (SENT, [entry(report(), purchase)]), (LATER, [entry(news, at=LATER)]))
    assert names(sent) == [["Purchase"], [expected]]
    event = sent[1][0]
    assert (event["action_source"], event["messaging_channel"]) == ("business_messaging", "whatsapp")
    assert event["user_data"]["ctwa_clid"] == "ARAkLkA8rmlFeiCktEJQ"


def test_a_denial_after_the_sale_stops_it(tmp_path):
    """Whoever said no after the Purchase left is told of no further."""
    no = replace(shop_copy(), consent=Consent.DENIED, received_at=SENT + 1)

    async def main():
        async with shop_store(tmp_path, TELL, at=NOW) as store:
            await store.append_orders([entry(report(), shop_copy())])
            assert [e["event_name"] for e in await deliver(store, SENT)] == ["Purchase"]
            await store.append([no])
            await store.append_orders([entry(parcel(ParcelState.DELIVERED), at=LATER)])
            assert await deliver(store, LATER) == []

    asyncio.run(main())
    (delivery,) = [r for r in rows(tmp_path, "deliveries") if r["event_name"] == "Delivered"]
    assert (delivery["state"], delivery["reason"]) == ("suppressed", "consent_denied")


GIVEN_UP = [
    (DeliveryState.DEAD, []),
    (DeliveryState.SUPPRESSED, []),
    (DeliveryState.WAITING, ["Delivered", "Purchase"]),
]


@pytest.mark.parametrize(("state", "expected"), GIVEN_UP)
def test_a_purchase_that_was_given_up_has_no_end(tmp_path, state, expected):
    """One that is still being tried has."""

    async def main():
        async with shop_store(tmp_path, TELL, at=NOW) as store:
            await store.append_orders([entry(report(), shop_copy())])
            await deliver(store, SENT, state=state)
            await store.append_orders([entry(parcel(ParcelState.DELIVERED), at=LATER)])
            return sorted(e["event_name"] for e in await deliver(store, LATER))

    assert asyncio.run(main()) == expected


def test_a_crash_before_the_commit_tells_nothing_twice(tmp_path):
    """A transaction that is rolled back takes the event and the note of it back together."""

    async def main():
        async with shop_store(tmp_path, TELL, at=NOW) as store:
            await store.append_orders([entry(report(), shop_copy())])
            await deliver(store, SENT)

            def fail(engine):
                store._appends._append_orders([entry(parcel(ParcelState.DELIVERED), at=LATER)])
                assert engine.db.execute("select outcomes from orders").fetchall() == [(1,)]
                raise ValueError("as if the power had gone")

            with pytest.raises(StoreError, match="ValueError"):
                await store.transact(fail)
            await store.append_orders([entry(parcel(ParcelState.DELIVERED), at=LATER)])
            return [e["event_name"] for e in await deliver(store, LATER)]

    assert asyncio.run(main()) == ["Delivered"]
    assert_sums_hold(tmp_path)


def test_cash_on_delivery(tmp_path):
    """Counted when placed, so delivered or refused comes after it: the two ends a media buyer wants to see."""
    steps = []
    for n, state in ((1, ParcelState.DELIVERED), (2, ParcelState.REFUSED)):
        placed = report(str(n), paid=Paid.UNPAID, method=Method.COD)
        steps.append((SENT + n, [entry(placed, shop_copy(str(n)))]))
        news = report(str(n), total=None, parcel=state, at=NOW_S + 500)
        steps.append((LATER + n, [entry(news, at=LATER)]))
    assert names(run(tmp_path, *steps)) == [["Purchase"], ["Delivered"], ["Purchase"], ["Returned"]]


def test_a_later_visit_did_not_make_it(tmp_path):
    """The buyer comes back by another ad before the parcel does: that click is not the delivered order's."""
    click = "fb.1.1790000300000.IwAR0LaterClick"
    visit = copy("v1", BROWSER, name="PageView", value=None, em="a", at=NOW + 5 * MINUTE,
                 fbp="fb.1.1790000300000.1116446470", fbc=click)  # fmt: skip

    async def main():
        async with shop_store(tmp_path, TELL, at=NOW) as store:
            await store.append_orders([entry(report(), shop_copy())])
            await deliver(store, SENT)
            await store.append([visit])
            await deliver(store, NOW + 5 * MINUTE)
            await store.append_orders([entry(parcel(ParcelState.DELIVERED, LATER // 1000), at=LATER)])
            return await deliver(store, LATER)

    (delivered,) = asyncio.run(main())
    assert delivered["event_name"] == "Delivered"
    assert set(delivered["user_data"]) == {"em", "client_user_agent"}


def test_what_either_of_two_has_told_is_told(tmp_path):
    """Two orders were sent apart and one of them was told as delivered; then they turn out to be one."""
    both = ("payment:pi_1", "session:cs_1")
    steps = [
        (SENT, [entry(report("1001", aliases=both[:1]), shop_copy("1001"))]),
        (SENT + 1, [entry(report("A-77", aliases=both[1:]), shop_copy("A-77"), source="stripe:acct")]),
        (LATER, [entry(parcel(ParcelState.DELIVERED, order="A-77"), at=LATER, source="stripe:acct")]),
        (LATER + 1, [entry(report("A-77", version=2, aliases=both), at=LATER + 1, source="stripe:acct")]),
        (LATER + 2, [entry(parcel(ParcelState.DELIVERED), at=LATER + 2)]),
    ]
    assert names(run(tmp_path, *steps)) == [["Purchase"], ["Purchase"], ["Delivered"], [], []]


@pytest.mark.parametrize("place", [PLACE, {}], ids=["the buyer's", "by the key alone"])
def test_a_denial_that_names_two_reaches_the_other_one(tmp_path, place):
    """Where it is the buyer's, the order's own, which it names too, has no further word either."""
    torn = copy("e0", order="1001", consent=Consent.DENIED, at=SENT + 1, **place)

    async def main():
        async with shop_store(tmp_path, TELL, at=NOW, shop=False) as store:
            await store.append([copy("e0", em="a")])
            await store.append_orders([entry(report(), shop_copy(**PLACE))])
            assert len(await deliver(store, SENT)) == 2
            await store.append([torn])
            await store.append_orders([entry(parcel(ParcelState.DELIVERED), at=LATER)])
            return await deliver(store, LATER)

    assert len(asyncio.run(main())) == (0 if place else 1)
    reason = "consent_denied" if place else ""
    assert [r["reason"] for r in rows(tmp_path, "deliveries") if r["event_name"] == "Delivered"] == [reason]


MUGS = Line(id="MUG-1", quantity=2, price=Decimal("18.75"))
HAT = Line(id="HAT-9", quantity=1, price=Decimal("12.00"))


def holding(*lines: Line, version: int = 2, at: int = NOW_S + 500, total: str = "54.50", **facts: Any):
    """The order with these lines from then on."""
    said = report(version=version, at=at, total=total, **facts)
    return replace(said, snapshot=replace(said.snapshot, lines=lines))


# what is reported after the Purchase left -> (product, pieces, value) of each event
ADDITIONS = [
    ("a further product", [holding(MUGS, HAT)], [("HAT-9", 1, 12.0)]),
    ("two further products", [holding(MUGS, HAT, Line(id="CUP-3", quantity=3, price=Decimal("2.50")))],
     [("HAT-9", 1, 12.0), ("CUP-3", 3, 7.5)]),
    ("more pieces of one it had", [holding(replace(MUGS, quantity=5))], [("MUG-1", 3, 56.25)]),
    ("one for another", [holding(HAT)], [("HAT-9", 1, 12.0)]),
    ("at a discount", [holding(MUGS, replace(HAT, quantity=2, discount=Decimal("4.00")))], [("HAT-9", 2, 20.0)]),
    ("by its sku", [holding(MUGS, replace(HAT, id="", sku="S-9"))], [("S-9", 1, 12.0)]),
    ("without a price", [holding(MUGS, replace(HAT, price=None))], [("HAT-9", 1, None)]),
    ("fewer pieces", [holding(replace(MUGS, quantity=1))], []),
    ("nothing new", [holding(MUGS)], []),
    ("a gift card", [holding(MUGS, replace(HAT, gift_card=True))], []),
    ("in an order that was cancelled", [holding(MUGS, HAT, cancelled_at=NOW_S + 500)], []),
    ("in an order that is not paid now", [holding(MUGS, HAT, paid=Paid.VOIDED)], []),
    ("and taken out again", [holding(MUGS, HAT), holding(MUGS, version=3, at=NOW_S + 550)], []),
]  # fmt: skip


@pytest.mark.parametrize(("news", "expected"), [r[1:] for r in ADDITIONS], ids=[r[0] for r in ADDITIONS])
def test_what_is_sold_after_the_purchase_left(tmp_path, news, expected):
    """An event of its own with the product and its price; never a second Purchase."""
    (purchase,), added = run(tmp_path, PURCHASE, (LATER, [entry(n, at=LATER) for n in news]))
    assert purchase["event_name"] == "Purchase"
    assert {e["event_name"] for e in added} <= {"AddedToOrder"}
    found = [(e["custom_data"]["contents"][0], e["custom_data"].get("value")) for e in added]
    assert sorted((c["id"], c["quantity"], v) for c, v in found) == sorted(expected)
    for event in added:
        assert event["user_data"] == purchase["user_data"]
        assert (event["custom_data"]["order_id"], event["event_time"]) == ("1001", NOW_S + 500)


def test_each_piece_is_told_once(tmp_path):
    """Repeats, restarts, an update weeks later, and a further piece: that alone is new."""
    first = [entry(holding(MUGS, HAT), at=LATER)]
    again = [entry(holding(MUGS, HAT, version=3, at=NOW_S + 560), at=LATER + MINUTE)]
    more = [entry(holding(MUGS, replace(HAT, quantity=2), version=4, at=NOW_S + 900), at=LATER + 6 * MINUTE)]
    month = NOW + 30 * 86_400_000
    late = [entry(holding(MUGS, replace(HAT, quantity=2), version=9, at=month // 1000), at=month)]
    sent = run(
        tmp_path, PURCHASE, (LATER, first * 2), (LATER + MINUTE, again), (LATER + 6 * MINUTE, more), (month, late)
    )
    assert names(sent) == [["Purchase"], ["AddedToOrder"], [], ["AddedToOrder"], []]
    pieces = [(e["event_id"], e["custom_data"]["contents"][0]["quantity"]) for step in sent[1:] for e in step]
    assert pieces[0] == ("added.1001.HAT-9.1", 1)
    assert pieces[1][0] == "added.1001.HAT-9.2"


def test_what_is_sold_before_it_leaves_is_in_the_purchase(tmp_path):
    """An addition while the order waits changes the Purchase's value and goods, and is told by it alone."""
    unpaid = [entry(report(paid=Paid.UNPAID), shop_copy())]
    sent = run(tmp_path, (SENT, unpaid), (LATER, [entry(holding(MUGS, HAT), at=LATER)]),
               (LATER + MINUTE, [entry(holding(MUGS, HAT, version=3, at=NOW_S + 560), at=LATER + MINUTE)]))  # fmt: skip
    assert names(sent) == [[], ["Purchase"], []]
    assert [c["id"] for c in sent[1][0]["custom_data"]["contents"]] == ["MUG-1", "HAT-9"]


def test_nobody_is_told_of_additions_unless_asked(tmp_path):
    sent = run(tmp_path, PURCHASE, (LATER, [entry(holding(MUGS, HAT), at=LATER)]), policy=OrderPolicy())
    assert names(sent) == [["Purchase"], []]
