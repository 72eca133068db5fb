"""The value check: every Purchase that arrived against its order, each difference explained to the cent or called wrong."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.store.copies import BROWSER, NOW, copy
from tests.store.order_reports import MINUTE, NOW_S, deliver, entry, report, shop_copy, shop_store
from twofold.event.delivery import DeliveryState
from twofold.ledger.model import Amounts, Paid, ParcelState
from twofold.ledger.policy import OrderPolicy
from twofold.report.value_check import Checked, check_values, sum_up

POLICY = OrderPolicy()
SEND = OrderPolicy(unmatched="send")
PLACE = {"client_ip_address": "203.0.113.9"}
SENT = NOW + MINUTE
LATER = NOW + 10 * MINUTE
LATER_S = LATER // 1000
D = Decimal
NO_TAX = replace(POLICY, value_parts=frozenset({"goods", "shipping", "tip", "duties", "gift_card"}))
NO_SHIPPING_NO_TIP = replace(POLICY, value_parts=frozenset({"goods", "tax", "duties", "gift_card"}))
PARTS = {"tax": "7.50", "shipping": "5.00", "tip": "2.00"}


def play(folder: Path, *steps, policy: OrderPolicy = POLICY, **settings: Any) -> None:
    """Each step is (time, orders and events): appended, then what is due is delivered."""

    async def main() -> None:
        async with shop_store(folder, policy, at=NOW, **settings) as store:
            for at, things in steps:
                await store.append_orders(
                    [t for t in things if hasattr(t, "report")], [t for t in things if not hasattr(t, "report")]
                )
                for destination in settings.get("destinations", ("meta-1",)):
                    await deliver(store, at, destination=destination)

    asyncio.run(main())


def checked(folder: Path, policy: OrderPolicy = POLICY, now_s: int = LATER_S, **asked: Any) -> list[Checked]:
    return list(check_values(folder, lambda _dataset: policy, now_s, **asked))


def later(**facts: Any):
    return LATER, [entry(report(**{"version": 2, "at": LATER_S} | facts), at=LATER)]


SALE = (SENT, [entry(report(amounts=PARTS), shop_copy())])
REFUND = (("r1", "10.00"),)

# name, steps, policy of today, verdict, reason, worth now, parts
JUDGED = [
    ("nothing happened", [SALE], POLICY, "equal", "", "42.50", {}),
    ("seen again, unchanged", [SALE, later()], POLICY, "equal", "", "42.50", {}),
    ("refund afterwards", [SALE, later(refunds=REFUND, paid=Paid.PART_REFUNDED)], POLICY, "explained",
     "refunded_after", "32.50", {"refunded_after": "-10.00"}),
    ("refund in a total that has it off", [SALE, later(total="32.50", after_refunds=True, refunds=REFUND)], POLICY,
     "explained", "refunded_after", "32.50", {"refunded_after": "-10.00"}),
    ("upsell afterwards", [SALE, later(total="61.49")], POLICY, "explained", "edited_after", "61.49",
     {"edited_after": "18.99"}),
    ("edit and refund afterwards", [SALE, later(total="40.00", refunds=REFUND)], POLICY, "explained",
     "edited_after+refunded_after", "30.00", {"edited_after": "-2.50", "refunded_after": "-10.00"}),
    ("cancelled afterwards", [SALE, later(cancelled_at=LATER_S)], POLICY, "explained", "order_cancelled", "0",
     {"order_cancelled": "-42.50"}),
    ("refunded wholly afterwards", [SALE, later(paid=Paid.REFUNDED)], POLICY, "explained", "order_refunded", "0",
     {"order_refunded": "-42.50"}),
    ("returned afterwards", [SALE, (LATER, [entry(report(total=None, parcel=ParcelState.RETURNED), at=LATER)])], POLICY,
     "explained", "order_returned", "0", {"order_returned": "-42.50"}),
    ("tax is not wanted any more", [SALE], NO_TAX, "explained", "setting:tax", "35.00", {"setting:tax": "-7.50"}),
    ("two settings changed", [SALE], NO_SHIPPING_NO_TIP, "explained", "setting:shipping+setting:tip", "35.50",
     {"setting:shipping+setting:tip": "-7.00"}),
    ("a setting and a refund", [SALE, later(refunds=REFUND, amounts=PARTS)], NO_TAX, "explained",
     "setting:tax+refunded_after", "26.76", {"setting:tax": "-7.50", "refunded_after": "-8.24"}),
    ("it would count later by the settings of today", [SALE], replace(POLICY, counts_when="delivered"), "explained",
     "setting:counts_when", "0", {"setting:counts_when": "-42.50"}),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "today", *"vrdp"), [r[1:] for r in JUDGED], ids=[r[0] for r in JUDGED])
def test_one_that_arrived(tmp_path, steps, today, v, r, d, p):
    """The verdict, the component, what it is worth now, and parts that add up to the difference exactly.

    Of a refund of 10.00 in an order of 42.50 with 7.50 of tax, 1.76 are tax: 8.24 where tax is not wanted.
    """
    play(tmp_path, *steps)
    (row,) = checked(tmp_path, today)
    assert (row.verdict, row.reason, row.due, row.sent) == (v, r, D(d), D("42.50"))
    assert row.parts == {word: D(amount) for word, amount in p.items()}
    assert sum(row.parts.values()) == (row.due - row.sent)
    assert row.irrevocable == (row.due == 0)


def test_the_other_currency(tmp_path):
    """What was sent as the buyer saw it is no difference to be added up when the shop's currency is wanted now."""
    shown = Amounts(currency="USD", total=D("49.99"))
    play(tmp_path, (SENT, [entry(report(shown=shown), shop_copy())]))
    (row,) = checked(tmp_path)
    assert (row.verdict, row.sent, row.sent_currency) == ("equal", D("49.99"), "USD")
    (row,) = checked(tmp_path, replace(POLICY, presentment=False))
    assert (row.verdict, row.reason, row.due, row.currency, row.parts) == (
        "explained", "setting:currency", D("42.50"), "EUR", {},
    )  # fmt: skip


def altered(folder: Path, sql: str) -> None:
    import apsw

    with apsw.Connection(str(folder / "twofold.db")) as db:
        db.execute(sql)


WRONGS = [
    ("a cent too little", "'42.49'", "differs", {"differs": "0.01"}),
    ("another sum", "'99.00'", "differs", {"differs": "-56.50"}),
]


@pytest.mark.parametrize(("value", "reason", "parts"), [r[1:] for r in WRONGS], ids=[r[0] for r in WRONGS])
def test_what_nothing_explains_is_wrong(tmp_path, value, reason, parts):
    """To the cent: the bytes were altered behind the ledger's back (a bug would do the same)."""
    play(tmp_path, SALE)
    altered(
        tmp_path,
        f"update frozen set payload = cast(json_set(cast(payload as text), '$.custom_data.value', {value} + 0.0) as blob)",
    )
    (row,) = checked(tmp_path)
    assert (row.verdict, row.reason, row.parts) == ("wrong", reason, {k: D(v) for k, v in parts.items()})


def test_one_that_should_not_have_left_is_wrong(tmp_path):
    """Its order was known to be cancelled long before the bytes were fixed."""
    play(tmp_path, SALE, later(cancelled_at=NOW_S))
    altered(tmp_path, "update order_fact set received_at = received_at - 3600000")
    (row,) = checked(tmp_path)
    assert (row.verdict, row.reason, row.parts) == ("wrong", "order_cancelled", {"order_cancelled": D("-42.50")})


def test_after_retention_the_action_still_tells(tmp_path):
    """An emptied payload is no lost comparison."""
    play(tmp_path, SALE, later(refunds=REFUND))
    before = checked(tmp_path)
    altered(tmp_path, "update frozen set payload = zeroblob(0)")
    assert checked(tmp_path) == before


def browser_sale(value: str = "40.00", order: str = "1001", at: int = NOW, **facts: Any):
    return copy(
        f"b-{order}-{at}", BROWSER, order=order, value=value, at=at, client_user_agent="Mozilla/5.0", em="a", **facts
    )


HOUR = 3_600_000


def test_sent_alone(tmp_path):
    """The browser's word went out after waiting; the order came then, with 2.50 of tax that the page had not counted."""
    comes = NOW + 3 * HOUR
    steps = (
        (NOW, [browser_sale(**PLACE)]),
        (NOW + 2 * HOUR, []),
        (comes, [entry(report(), shop_copy(at=comes, **PLACE), at=comes)]),
    )
    play(tmp_path, *steps, policy=SEND)
    (row,) = checked(tmp_path, SEND)
    assert (row.verdict, row.reason, row.due, row.parts) == (
        "explained", "sent_alone", D("42.50"), {"sent_alone": D("2.50")},
    )  # fmt: skip


def test_a_stranger_alone_then_the_order(tmp_path):
    """What a stranger sent under the order's number arrived, and is wrong with its whole sum; the order is equal."""
    comes = NOW + 3 * HOUR
    forged = browser_sale("0.01", client_ip_address="198.51.100.66")
    order = entry(report(), shop_copy(at=comes), at=comes)
    play(tmp_path, (NOW, [forged]), (NOW + 2 * HOUR, []), (comes, [order]), policy=SEND)
    equal, wrong = sorted(checked(tmp_path, SEND), key=lambda row: row.verdict)
    assert (equal.verdict, equal.sent, equal.event_id) == ("equal", D("42.50"), "")
    assert (wrong.verdict, wrong.reason, wrong.sent, wrong.event_id) == (
        "wrong",
        "sent_twice",
        D("0.01"),
        forged.event_id,
    )


def test_of_no_order(tmp_path):
    """A Purchase that arrived and whose order nobody ever reported."""
    play(tmp_path, (NOW, [browser_sale()]), (NOW + 2 * HOUR, []), policy=SEND)
    (row,) = checked(tmp_path, SEND)
    assert (row.verdict, row.order_id, row.sent, row.due) == ("no_order", "1001", D("40.00"), None)


def test_two_of_one_order(tmp_path):
    """The second Purchase in an order's name that arrived is wrong with its whole sum."""
    play(tmp_path, SALE, (LATER, [browser_sale(order="2002")]), (LATER + 2 * HOUR, []), policy=SEND)
    altered(tmp_path, "update action set order_id = '1001' where order_id = '2002'")
    equal, wrong = sorted(checked(tmp_path), key=lambda row: row.verdict)
    assert (equal.verdict, equal.sent) == ("equal", D("42.50"))
    assert (wrong.verdict, wrong.reason, wrong.sent, wrong.due) == ("wrong", "sent_twice", D("40.00"), 0)


UNSENT = [
    ("not paid", report(paid=Paid.UNPAID), shop_copy(), "not_yet", "not_paid", None),
    ("cancelled before", report(cancelled_at=NOW_S), shop_copy(), "never", "order_cancelled", None),
    ("a test", report(test=True), shop_copy(), "never", "test_order", None),
    ("no event stands for it", report(), None, "missing", "no_purchase", "42.50"),
    ("consent", report(), shop_copy(consent="denied"), "missing", "suppressed: consent_denied", "42.50"),
    ("nobody it could be matched to", report(), shop_copy(em=""), "missing", "suppressed: too_broad", "42.50"),
]


@pytest.mark.parametrize(("said", "purchase", *"vrd"), [r[1:] for r in UNSENT], ids=[r[0] for r in UNSENT])
def test_orders_that_did_not_arrive(tmp_path, said, purchase, v, r, d):
    """An order that counts is missed with the delivery's reason; one that does not is no loss."""
    play(tmp_path, (SENT, [entry(said, purchase)]))
    (row,) = checked(tmp_path)
    assert (row.verdict, row.reason, row.sent) == (v, r, None)
    assert row.due == (D(d) if d else None)


def test_dead_ones_are_missed(tmp_path):
    """With the reason it died of."""

    async def main():
        async with shop_store(tmp_path, POLICY) as store:
            await store.append_orders([entry(report(), shop_copy())])
            await deliver(store, SENT, state=DeliveryState.DEAD)

    asyncio.run(main())
    (row,) = checked(tmp_path)
    assert (row.verdict, row.reason, row.due) == ("missing", "dead", D("42.50"))


def test_each_destination_is_checked(tmp_path):
    """What one got before the refund and the other after it are two values."""

    async def main():
        async with shop_store(tmp_path, POLICY, destinations=("meta-1", "meta-2")) as store:
            await store.append_orders([entry(report(), shop_copy())])
            await deliver(store, SENT, destination="meta-1")
            await store.append_orders([entry(report(version=2, refunds=REFUND), at=LATER)])
            await deliver(store, LATER, destination="meta-2")

    asyncio.run(main())
    rows = {row.destination: (row.verdict, row.sent, row.reason) for row in checked(tmp_path)}
    assert rows["meta-1"] == ("explained", D("42.50"), "refunded_after")
    assert rows["meta-2"] == ("equal", D("32.50"), "")


def test_sums_to_the_minor_unit(tmp_path):
    """Three tenths that no binary fraction can hold, yen without any, a refund: exact, per currency and class."""
    sales = [
        entry(report("1", total="0.10"), shop_copy("1", value="0.10")),
        entry(report("2", total="0.20"), shop_copy("2", value="0.20")),
        entry(report("3", total="1200", currency="JPY"), shop_copy("3", value="1200", currency="JPY")),
        entry(report("4", total="9.99"), shop_copy("4", value="9.99")),
    ]
    refunded = entry(report("4", total="9.99", version=2, refunds=(("r", "3.33"),)), at=LATER)
    play(tmp_path, (SENT, sales), (LATER, [refunded]))
    sums, kept = sum_up(iter(checked(tmp_path)), lambda row: row.verdict == "explained")
    found = {(s.verdict, s.currency): (s.orders, s.sent, s.due, s.difference) for s in sums}
    assert found == {
        ("equal", "EUR"): (2, D("0.30"), D("0.30"), 0),
        ("equal", "JPY"): (1, D(1200), D(1200), 0),
        ("explained", "EUR"): (1, D("9.99"), D("6.66"), D("-3.33")),
    }
    assert [row.order_id for row in kept] == ["4"]


def test_every_order_is_in_exactly_one_class(tmp_path):
    """Orders in, rows out, with one destination: none falls through, none is there twice."""
    said = [u[1:3] for u in UNSENT]
    steps = [
        (SENT, [entry(replace(r, order_id=str(n)), c and shop_copy_as(c, str(n))) for n, (r, c) in enumerate(said)]),
        (LATER, [entry(report("z"), shop_copy("z", at=LATER), at=LATER)]),
    ]
    play(tmp_path, *steps)
    assert sorted(row.order_id for row in checked(tmp_path)) == ["0", "1", "2", "3", "4", "5", "z"]


def shop_copy_as(event, order: str):
    data = replace(event.custom_data, order_id=order)
    return replace(event, event_id=f"purchase.{order}", custom_data=data)


def test_since_and_dataset(tmp_path):
    """Only orders placed since, only of that dataset."""
    play(tmp_path, SALE)
    assert checked(tmp_path, since_s=NOW_S) == []  # it was placed a minute before
    assert len(checked(tmp_path, since_s=NOW_S - 60)) == 1
    assert checked(tmp_path, dataset="2") == []
