"""One order's whole life from its page alone: where its goods and its money are, in time order, with who says so."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from tests.acceptance.eight_orders import SETTINGS, Shop, filled


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return filled(tmp_path_factory.mktemp("lives"))


# order: where its goods are, and its money
LIVES = {
    "A1": ("delivered", {"fee_psp": "2.40", "banked": "117.60"}),
    "A2": ("delivered", {"fee_cod": "1.60", "freight_deducted": "6.00", "banked": "72.40"}),
    "A4": ("refused", {"refused": "150.00", "freight_deducted": "10.00", "banked": "-10.00"}),
    "A5": ("cancelled", {"cancelled": "95.00"}),
    "A6": ("delivered", {"refunded": "50.00", "fee_psp": "4.00", "banked": "146.00"}),
    "A7": ("in_transit", {"in_transit": "70.00"}),
    "A8": ("delivered", {"courier_holds": "110.00"}),
}


@pytest.mark.parametrize("order", LIVES)
def test_where_the_goods_and_the_money_are(shop, order):
    """The parts add up to what was ordered."""
    station, money = LIVES[order]
    rows = shop.rows("orders", "show", order)
    (shown,) = [r for r in rows if r["row"] == "order"]
    assert shown["station"] == station
    parts = {r["where"]: r["amount"] for r in rows if r["row"] == "where"}
    assert parts == money
    placed = next(r for r in rows if r["row"] == "step" and r["link"] == "placed")
    assert sum(map(Decimal, parts.values())) == Decimal(placed["amount"])


def test_steps_stand_in_time_order_each_with_its_evidence(shop):
    rows = shop.rows("orders", "show", "A6")
    steps = [r for r in rows if r["row"] == "step" and r["link"]]
    assert [r["at"] for r in steps] == sorted(r["at"] for r in steps)
    assert [(r["link"], r["what"], r["amount"]) for r in steps] == [
        ("placed", "ordered, to be paid by card", "200.00"),
        ("collected", "kept by the payment provider", "-4.00"), ("collected", "taken from the buyer", "200.00"),
        ("confirmed", "confirmed", None), ("shipped", "parcel on its way", None), ("delivered", "parcel delivered", None),
        ("collected", "given back to the buyer", "-50.00"),
        ("collected", "paid out in payout po_1 of 263.60 GEL", "146.00"),
        ("banked", "on the bank: 263.60 GEL for payout po_1", "146.00"),
    ]  # fmt: skip
    assert all(r["evidence"] and r["reference"] for r in steps)
    ordered = next(r for r in shop.rows("orders", "show", "A8") if r["row"] == "step" and r["link"] == "placed")
    assert "courier" not in ordered["evidence"], "it told of the parcel, not of the order"


def test_each_line_says_why_it_is_the_orders_and_which_bank_line_has_it(shop):
    rows = shop.rows("orders", "show", "A6")
    lines = [r for r in rows if r["row"] == "line"]
    assert [(r["kind"], r["amount"], r["rule"], r["trust"], r["place"]) for r in lines] == [
        ("charge", "200.00", "order_name", "certain", "banked"), ("refund", "-50.00", "provider_id", "certain", "banked"),
    ]  # fmt: skip
    assert {len(r["bank_lines"]) for r in lines} == {1}
    bank = [r for r in shop.rows("bank", "lines") if r["row"] == "line"]
    assert lines[0]["bank_lines"][0] in {r["line"] for r in bank}


def test_a_bookkeeper_reads_it_without_knowing_the_product(shop):
    """The page for people says it in words, and nothing of it is cut."""
    page = shop.run("orders", "show", "A8")
    assert "the goods: delivered since 2026-03-06" in page
    assert "delivered; the courier swift has the cash" in page
    assert "110.00 GEL" in page
    assert "2026-03-13" in page
    page = shop.run("orders", "show", "A4")
    assert "refused at the door" in page
    assert "freight that the courier deducted" in page
    assert re.search(r"together, which is what was ordered +150\.00 GEL", page)


TWICE = """\
Booking date,Amount,Currency,Description,Transaction ID
2026-03-03,40.00,GEL,order 58210077,B1
2026-03-04,40.00,GEL,order 58210077,B2
2026-03-04,40.00,GEL,order 58210078,B3
"""


def test_a_buyer_who_paid_twice_stands_at_the_order(tmp_path):
    """The second payment is nobody's; whoever looks at the order has to learn that it came for it."""
    shop = Shop(tmp_path)
    head = "order_id,placed_at,total,currency,method,status\n"
    shop.take("orders", "orders.csv", head + "58210077,2026-03-01T10:00:00+04:00,40.00,GEL,bank_transfer,delivered\n",
              ("--dataset", "1234567890", "--ledger-only"))  # fmt: skip
    shop.take("bank", "bank.csv", TWICE, ("--account", "GE29BG0000000101904917"))
    rows = shop.rows("orders", "show", "58210077")
    steps = [(r["amount"], r["what"].partition(",")[0]) for r in rows if r["row"] == "step" and r["link"] == "banked"]
    assert steps == [("40.00", "paid to the bank by the buyer"), ("40.00", "came for this order")]
    assert {r["where"]: r["amount"] for r in rows if r["row"] == "where"} == {"banked": "40.00"}
    back = "Booking date,Amount,Currency,Description,Transaction ID\n2026-03-06,-40.00,GEL,paid twice 58210077,B4\n"
    shop.take("bank", "later.csv", back, ("--account", "GE29BG0000000101904917"))
    rows = shop.rows("orders", "show", "58210077")
    steps = [(r["amount"], r["what"]) for r in rows if r["row"] == "step" and r["link"] == "banked"]
    assert steps == [
        ("40.00", "paid to the bank by the buyer"), ("40.00", "came a second time for this order, and was given back"),
        ("-40.00", "the second payment, given back"),
    ]  # fmt: skip
    assert {r["where"]: r["amount"] for r in rows if r["row"] == "where"} == {"banked": "40.00"}


def test_what_a_courier_told_is_not_the_shops_word(tmp_path):
    """A list with the hour and a remittance with the day: the shop said nothing, and the order goes by the number that people use."""
    shop = Shop(tmp_path)
    head = "order_id,order_number,placed_at,total,currency,method,status\n"
    shop.take("orders", "orders.csv", head + "9000000001,7001,2026-03-01T10:00:00+04:00,40.00,GEL,cod,confirmed\n",
              ("--dataset", "1234567890", "--ledger-only"))  # fmt: skip
    shop.take(
        "parcels",
        "parcels.csv",
        "AWB No,Order ID,Status,Status date\nW1,9000000001,refused,2026-03-04T10:40:00+04:00\n",
        IN_TBILISI,
    )
    shop.take("remittances", "r.csv", "AWB No,Order ID,Status,COD Amount,RTO charges,Delivery date,Remittance ID,Remittance date,Currency\n"
              "W1,9000000001,Refused,0.00,3.00,2026-03-04,R1,2026-03-09,GEL\n", IN_TBILISI)  # fmt: skip
    page = shop.run("orders", "show", "7001")
    assert "order 7001 (id 9000000001) of dataset" in page
    assert "parcel refused at the door" in page
    assert "by the shop's word" not in page


# Days as their files write them, none with a time. The files of couriers and banks are read in Tbilisi (the bank's by its country),
# the provider's in the zone of reports, which is the default.
DAYS = {
    "orders": "order_id,placed_at,total,currency,method,status\n"
              "D1,2026-03-01T10:00:00+04:00,80.00,GEL,cod,confirmed\nD2,2026-03-01T10:00:00+04:00,120.00,GEL,card,confirmed\n",
    "parcels": "AWB No,Order ID,Status,Status date,COD due,Currency\nW1,D1,delivered,2026-03-04,80.00,GEL\n",
    "remittances": "AWB No,Order ID,COD Amount,COD fee,Delivery date,Remittance date,Remittance ID,UTR,Currency\n"
                   "W1,D1,80.00,1.60,2026-03-04,2026-03-12,R1,UTR77,GEL\n",
    "payouts": "batch,batch_date,kind,order,reference,gross,fee,net,currency,at,bank_reference\n"
               "Q1,2026-03-10,charge,D2,,120.00,2.40,117.60,GEL,2026-03-02,QREF1\n"
               "Q1,2026-03-10,payout,,,-117.60,0,-117.60,GEL,2026-03-10,QREF1\n",
    "bank": "Booking date,Amount,Currency,Description,Transaction ID\n"
            "2026-03-12,78.40,GEL,Remittance UTR77,B1\n2026-03-11,117.60,GEL,QREF1,B2\n",
}  # fmt: skip
IN_TBILISI = ("--source", "swift", "--timezone", "Asia/Tbilisi")
OPTIONS = {
    "orders": ("--dataset", "1234567890", "--ledger-only"), "parcels": IN_TBILISI, "remittances": IN_TBILISI,
    "bank": ("--account", "GE29BG0000000101904917"),
}  # fmt: skip


@pytest.mark.parametrize("zone", ["Asia/Tbilisi", "UTC", "America/Los_Angeles", "Pacific/Auckland"])
def test_a_day_without_a_time_is_that_day_whatever_the_zone_of_reports(zone, tmp_path):
    """A statement's 12 March began on the 11th in London, and there it is the 12th all the same."""
    shop = Shop(tmp_path, SETTINGS.replace("Asia/Tbilisi", zone))
    for kind, text in DAYS.items():
        shop.take(kind, f"{kind}.csv", text, OPTIONS.get(kind, ()))
    told = {
        "D1": [("delivered", "2026-03-04"), ("cash taken", "2026-03-04"), ("paid out", "2026-03-12"), ("on the bank", "2026-03-12")],
        "D2": [("taken from", "2026-03-02"), ("paid out", "2026-03-10"), ("on the bank", "2026-03-11")],
    }  # fmt: skip
    for order, days in told.items():
        page = shop.run("orders", "show", order)
        for what, day in days:
            (line,) = [row for row in page.splitlines() if re.match(rf"20\S+ .*  (parcel )?{what}", row)]
            assert line.startswith(f"{day}  "), (zone, line)
        (banked,) = [row for row in page.splitlines() if row.startswith("on the bank, with")]
        assert days[-1][1] in banked
    (batch,) = [row for row in shop.run("money", "batches").splitlines() if " R1 " in row]
    assert batch.startswith("2026-03-12")


def test_the_chain_has_a_day_without_a_time_on_that_day(tmp_path):
    shop = Shop(tmp_path, SETTINGS.replace("Asia/Tbilisi", "America/Los_Angeles"))
    for kind, text in DAYS.items():
        shop.take(kind, f"{kind}.csv", text, OPTIONS.get(kind, ()))
    rows = shop.rows("chain", "--since", "2026-03-09", "--until", "2026-03-13", "--view", "booked", "--by", "day")
    banked = {
        r["group"]: r["amount"]
        for r in rows
        if r["row"] == "link" and r["link"] == "banked" and r["group"] and Decimal(r["amount"])
    }
    assert banked == {"2026-03-11": "117.60", "2026-03-12": "78.40"}
