"""Remittances and lists of parcels: what is taken, kept and handed over, and that nothing of a courier is made up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.importing.readers.made_files import workbook
from tests.importing.statements.statement_files import read, recognised, written
from tests.importing.statements.workbook_files import sheets
from twofold.errors import FileRefused
from twofold.importing.statements.formats import formats_of
from twofold.ledger.filing import local_day
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Batch, MoneyLine, ParcelLine

REMITTANCES, PARCELS = formats_of("remittances"), formats_of("parcels")
HEADER = "AWB No,Order ID,COD Amount,COD fee,Freight,Remitted,Delivery date,Remittance date,Remittance ID,UTR,Status,Currency"
# chain.md 9.1's courier keeps 3.00 a parcel and 8.00 for one that came back; the sums here are worked out by hand.
ROWS = [
    "T1,1001,120.00,3.00,,117.00,2026-03-12,2026-03-16,R7,UTR9,Delivered,GEL",
    "T2,1002,80.00,2.00,5.00,73.00,2026-03-13,2026-03-16,R7,UTR9,,GEL",
    "T3,1003,0.00,,8.00,-8.00,,2026-03-16,R7,UTR9,Returned,GEL",
    ",,,,,-12.50,,2026-03-16,R7,UTR9,Lost claim February,GEL",
]


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def table(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows)) + "\n"


def money(found) -> list[tuple[str, str]]:
    return [(t.kind.value, f"{t.net:.2f}") for t in found.things if isinstance(t, MoneyLine)]


def parcels(found) -> list[ParcelLine]:
    return [t for t in found.things if isinstance(t, ParcelLine)]


@pytest.mark.parametrize("day", [46093, "2026-03-12", "12-Mar-26", datetime(2026, 3, 12)])
def test_a_workbooks_days_and_signs_are_read_as_they_are_written(tmp_path, day):
    """A number without a format, a text, a word for the month, a day with its midnight; what is kept with its minus behind it."""
    rows = [["AWB", "Order ID", "COD Amount", "Freight", "Remitted", "Remittance date", "Currency"],
            ["T1", "1001", "1,120.00", "", "+1,120.00", day, "GEL"], ["T2", "1002", "", "6.50-", "6.50-", day, "GEL"]]  # fmt: skip
    found = read(workbook(tmp_path / "r.xlsx", rows), formats_of("remittances"), source="q")
    assert (money(found), found.problems) == ([("cod_collected", "1120.00"), ("freight", "-6.50")], [])
    assert {local_day(t) for t in found.things} == {"2026-03-12"}


def test_a_remittance_becomes_parcels_money_and_a_batch(tmp_path):
    found = read(written(tmp_path, table(*ROWS)), REMITTANCES, source="Quick")
    assert (found.format, found.unbalanced) == ("remittance", [])
    assert money(found) == [
        ("cod_collected", "120.00"), ("cod_fee", "-3.00"), ("cod_collected", "80.00"), ("cod_fee", "-2.00"),
        ("freight", "-5.00"), ("freight_return", "-8.00"), ("adjustment", "-12.50"),
    ]  # fmt: skip
    assert [(p.parcel, p.order, p.state, p.at, p.taken, p.fee, p.freight) for p in parcels(found)] == [
        ("T1", "1001", "delivered", seconds("2026-03-12"), Decimal("120.00"), Decimal("3.00"), None),
        ("T2", "1002", "delivered", seconds("2026-03-13"), Decimal("80.00"), Decimal("2.00"), Decimal("5.00")),
        ("T3", "1003", "returned", seconds("2026-03-16"), Decimal("0"), None, Decimal("8.00")),
    ]
    (batch,) = [t for t in found.things if isinstance(t, Batch)]
    assert (batch.source, batch.id, batch.kind, batch.net, batch.bank_reference, batch.expected_at) == (
        "courier:quick", "R7", "remittance", Decimal("169.50"), "UTR9", seconds("2026-03-16"))  # fmt: skip
    first = next(t for t in found.things if isinstance(t, MoneyLine))
    assert (first.references, first.batch, first.at) == (("parcel:T1", "order:1001"), "R7", seconds("2026-03-12"))
    assert {p.event for p in parcels(found)} == {"from_remittance"}


def test_what_a_row_remits_is_compared_and_leaves_the_batch_open(tmp_path):
    """The courier says 116.00 for a parcel whose parts give 117.00."""
    rows = [ROWS[0].replace("117.00", "116.00"), ROWS[1]]
    found = read(written(tmp_path, table(*rows)), REMITTANCES, source="quick")
    assert [(p.row, p.kind, p.reason, p.expected, p.got) for p in found.problems] == [
        (2, "warning", "net_differs", "what was collected less fee and freight, 117.00", "116.00")]  # fmt: skip
    assert [(u.what, u.id, u.entries, u.closing, u.difference) for u in found.unbalanced] == [
        ("batch", "R7", Decimal("190.00"), Decimal("189.00"), Decimal("-1.00"))]  # fmt: skip


def test_a_parcel_in_two_batches_is_told_and_stays_two_lines(tmp_path):
    """Which of them counts is settled where all files are known: both have their own name."""
    found = read(written(tmp_path, table(ROWS[0], ROWS[0].replace(",R7,", ",R8,"))), REMITTANCES, source="quick")
    assert [(p.row, p.reason) for p in found.problems] == [(3, "parcel_twice")]
    taken = [t for t in found.things if isinstance(t, MoneyLine) and t.kind.value == "cod_collected"]
    assert len({name_of(line) for line in taken}) == 2


def test_georgian_headers(tmp_path):
    text = table("A-77,120.00,3.00", header="შეკვეთის კოდი,თანხა,საკომისიო")
    found = read(written(tmp_path, text, "2026-03-16.csv"), REMITTANCES, source="quick", currency="GEL")
    assert money(found) == [("cod_collected", "120.00"), ("cod_fee", "-3.00")]
    assert parcels(found)[0].parcel == "A-77"


@pytest.mark.parametrize("header", ["Consignment,Sum (GEL),Commission", "Barcode,Cash amount (GEL),COD charges"])
def test_common_headers_and_the_currency_behind_them(tmp_path, header):
    found = read(
        written(tmp_path, table("A-77,120.00,3.00", header=header), "remit 16.03.2026.csv"), REMITTANCES, source="q"
    )
    assert money(found) == [("cod_collected", "120.00"), ("cod_fee", "-3.00")]


def test_a_time_with_an_offset_of_its_own_keeps_it_whatever_the_file_has(tmp_path):
    """00:30 in Tbilisi is the day before in UTC: cash and its day are the row's, costs those of the remittance."""
    row = "T1,1001,120.00,3.00,,117.00,2026-03-12 00:30:00 +0400,2026-03-16 01:00:00 +05:30,R7,UTR9,Delivered,GEL"
    found = read(written(tmp_path, table(row)), REMITTANCES, source="Quick")
    lines = [t for t in found.things if isinstance(t, MoneyLine)]
    assert [(t.kind.value, t.zone, local_day(t)) for t in lines] == [
        ("cod_collected", "+04:00", "2026-03-12"), ("cod_fee", "+05:30", "2026-03-16")
    ]  # fmt: skip
    assert lines[0].at == seconds("2026-03-11T20:30:00")
    (batch,) = [t for t in found.things if isinstance(t, Batch)]
    assert (batch.zone, local_day(batch)) == ("+05:30", "2026-03-16")


def test_a_second_download_of_the_same_remittance_doubles_nothing(tmp_path):
    """The batch is named by the file and its day, without what a browser adds to the name."""
    text = table("A-77,120.00", header="AWB,COD Amount (GEL)")
    names = []
    for name in ("remit_2026-03-16.csv", "remit_2026-03-16 (1).csv"):
        found = read(written(tmp_path, text, name), REMITTANCES, source="q")
        names.append([name_of(thing) for thing in found.things])
    assert names[0] == names[1]


def test_without_a_day_or_a_currency_a_row_is_refused(tmp_path):
    text = table("A-77,120.00", header="AWB,COD Amount")
    assert [p.reason for p in read(written(tmp_path, text), REMITTANCES, source="q").problems] == ["no_currency"]
    found = read(written(tmp_path, text), REMITTANCES, source="q", currency="GEL")
    assert [p.reason for p in found.problems] == ["no_date"]


def test_a_courier_without_a_name_is_not_made_up(tmp_path):
    found = read(written(tmp_path, table(ROWS[0])), REMITTANCES)
    assert {t.source for t in found.things if isinstance(t, MoneyLine)} == {"courier"}
    assert any("--source" in note for note in found.notes)


def test_rows_of_totals_are_dropped_and_compared(tmp_path):
    found = read(written(tmp_path, table(*ROWS[:2], "Total,,200.00,5.00,5.00,191.00,,,,,,")), REMITTANCES, source="q")
    assert [d.reason for d in found.dropped] == ["total"]
    assert [(u.id, u.difference) for u in found.unbalanced] == [("Remitted", Decimal("1.00"))]


def test_a_tracking_number_that_a_spreadsheet_rounded_costs_its_row(tmp_path):
    found = read(written(tmp_path, table(ROWS[0].replace("T1", "4.20945E+21"), ROWS[1])), REMITTANCES, source="q")
    assert [(p.row, p.column, p.reason) for p in found.problems] == [(2, "AWB No", "rounded_id")]
    assert len(parcels(found)) == 1


def test_an_unknown_status_is_reported_and_the_cash_kept(tmp_path):
    found = read(written(tmp_path, table(ROWS[0].replace("Delivered", "Zugestellt"))), REMITTANCES, source="q")
    assert [(p.kind, p.reason, p.got) for p in found.problems] == [("warning", "unknown_word", "Zugestellt")]
    assert money(found)[0] == ("cod_collected", "120.00")
    mapped = read(written(tmp_path, table(ROWS[0].replace("Delivered", "Zugestellt"))), REMITTANCES, source="q",
                  words={"status": {"zugestellt": "delivered"}})  # fmt: skip
    assert (mapped.problems, parcels(mapped)[0].state) == ([], "delivered")


def test_a_file_with_columns_of_its_own_is_mapped(tmp_path):
    text = table("T1,120.00,2026-03-16", header="Nummer,Betrag,Tag")
    assert recognised(written(tmp_path, text), REMITTANCES) == []
    columns = {"parcel": "Nummer", "collected": "Betrag", "remitted_at": "Tag"}
    found = read(written(tmp_path, text), REMITTANCES, "remittance", columns=columns, source="q", currency="EUR")
    assert money(found) == [("cod_collected", "120.00")]
    with pytest.raises(FileRefused, match="columns parcel, collected"):
        read(written(tmp_path, text), REMITTANCES, "remittance")


# -- lists of parcels


def test_a_list_of_parcels_and_its_unknown_words(tmp_path):
    text = ("Tracking number,Order ID,Status,Status date,COD due (GEL)\n"
            "T1,1001,Delivered,2026-03-12 10:00:00,120.00\n"
            "T2,1002,Return to sender,2026-03-12 11:00:00,\n"
            "T3,1003,On the moon,2026-03-12 12:00:00,\n"
            "T4,1004,On the moon,2026-03-12 12:00:00,50.00\n")  # fmt: skip
    found = read(written(tmp_path, text), PARCELS, source="quick")
    assert [(p.courier, p.parcel, p.state, p.due) for p in parcels(found)] == [
        ("quick", "T1", "delivered", Decimal("120.00")), ("quick", "T2", "returning", None),
        ("quick", "T4", "", Decimal("50.00")),
    ]  # fmt: skip
    assert [d.reason for d in found.dropped] == ["unknown_state"]
    assert any("2 rows say On the moon" in note for note in found.notes)


@pytest.mark.parametrize("word", ["Picked up", "Exception", "Failure", "დაბრუნებული"])
def test_words_that_may_mean_two_things_are_not_guessed(tmp_path, word):
    text = f"AWB,Status,Date\nT1,{word},2026-03-12\n"
    found = read(written(tmp_path, text), PARCELS, source="quick")
    assert (found.things, [d.reason for d in found.dropped]) == ([], ["unknown_state"])


def test_the_same_list_in_a_workbook_and_as_utf16(tmp_path):
    rows = [["Barcode", "Status", "Date"], [420945123456789, "Delivered", "2026-03-12 10:00:00"]]
    workbook(tmp_path / "parcels.xlsx", rows)
    text = "Barcode\tStatus\tDate\n420945123456789\tDelivered\t2026-03-12 10:00:00\n"
    one = read(tmp_path / "parcels.xlsx", PARCELS, source="q")
    two = read(written(tmp_path, text, "a.csv", "utf-16"), PARCELS, source="q")
    assert one.things == two.things
    assert parcels(one)[0].parcel == "420945123456789"


def test_a_parcel_that_came_back_costs_both_ways_in_two_lines(tmp_path):
    """Both columns filled: two kinds, so that neither line stands for the other; one column: the way back."""
    header = "AWB,Order ID,Status,COD Amount,Freight,RTO charges,Remittance ID,Remittance date,Currency\n"
    both = read(
        written(tmp_path, header + "T1,1001,Refused,0,6.00,4.00,R1,2026-03-16,GEL\n"), REMITTANCES, source="Quick"
    )
    assert money(both) == [("freight", "-6.00"), ("freight_return", "-4.00")]
    one = read(written(tmp_path, header + "T1,1001,Refused,0,6.00,,R1,2026-03-16,GEL\n"), REMITTANCES, source="Quick")
    assert money(one) == [("freight_return", "-6.00")]


def test_a_cover_sheet_stands_before_the_table(tmp_path):
    """Couriers send workbooks whose first sheet is a letter: the sheet with the header is read."""
    path = sheets(tmp_path / "remit 2026-03-16.xlsx", {
        "Letter": [["Dear partner,"], ["Total", "190.00"]],
        "Parcels": [["Quick LLC"], [], HEADER.split(","), ["T1", "1001", 120.0, 3.0, None, 117.0, "2026-03-12", "2026-03-16", "R7",
                    "UTR9", "Delivered", "GEL"]],
    })  # fmt: skip
    found = read(path, REMITTANCES, source="q")
    assert money(found) == [("cod_collected", "120.00"), ("cod_fee", "-3.00")]


def test_a_day_is_a_day_of_the_couriers_zone(tmp_path):
    """Midnight in Tbilisi is the evening before in UTC: the line says whose day it is."""
    found = read(written(tmp_path, table(ROWS[0])), REMITTANCES, source="q", zone=ZoneInfo("Asia/Tbilisi"),
                 zone_name="Asia/Tbilisi")  # fmt: skip
    lines = [t for t in found.things if isinstance(t, MoneyLine)]
    assert {(line.day_only, local_day(line)) for line in lines} == {(True, "2026-03-12"), (True, "2026-03-16")}


def test_georgian_headers_with_their_currency(tmp_path):
    header = "შეკვეთის კოდი,თანხა,საკომისიო,Delivery date,Remittance ID,ვალუტა"
    found = read(
        written(tmp_path, table("T1,120.50,2.00,2026-03-10,R1,GEL", header=header)), REMITTANCES, source="Quick"
    )
    assert money(found) == [("cod_collected", "120.50"), ("cod_fee", "-2.00")]
    assert {t.currency for t in found.things} == {"GEL"}
