"""Banks' tables: TBC, Bank of Georgia and any other, CSV and workbooks, balances, footers, signs, hostile files."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.importing.statements.bank_files import money, put, read_statement, recognised
from tests.importing.statements.workbook_files import sheets
from twofold.errors import FileRefused
from twofold.ledger.identity import fingerprint

TBC_ACCOUNT = "GE45TB0600000123456789"
BOG_ACCOUNT = "GE28BG0000000101904917"
TBC_GEORGIAN = ("თარიღი,დანიშნულება,დამატებითი ინფორმაცია,გასული თანხა,შემოსული თანხა,ბალანსი,ტიპი,საბუთის თარიღი,საბუთის ნომერი,"
                "პარტნიორის ანგარიში,პარტნიორი,პარტნიორის საგადასახადო კოდი,პარტნიორის ბანკის კოდი,შუამავალი ბანკის კოდი,ხარჯის ტიპი,"
                "გადასახადის გადამხდელის კოდი,გადამხდელის დასახელება,სახაზინო კოდი,ოპ. კოდი,დამატებითი დანიშნულება,ტრანზაქციის ID")  # fmt: skip
TBC_ENGLISH = ("Date,Description,Additional Information,Paid Out,Paid In,Balance,Type,Document Date,Document Number,"
               "Partner's Account,Partner's Name,Partner's Tax Code,Partner's Bank Code,Intermediary Bank Code,Charge Details,"
               "Taxpayer Code,Taxpayer Name,Treasury Code,Op. Code,Additional Description,Transaction ID")  # fmt: skip


def tbc(*rows: str) -> str:
    return "\n".join([TBC_GEORGIAN, TBC_ENGLISH, *rows]) + "\n"


def tbc_row(
    day: str, out: str, paid_in: str, balance: str, document: str, transaction: str, text: str = "Order 1001"
) -> str:
    return (f'{day},{text},,{out},{paid_in},{balance},GII,{day},{document},GE85TB7000000000000001,Nino Beridze,01010101010,'
            f'TBCBGE22,,SHA,,,,GII*,,{transaction}')  # fmt: skip


def days(found: Any, zone: str = "UTC") -> list[str]:
    return [
        datetime.fromtimestamp(line.at, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d") for line in found.lines
    ]


# -- TBC


def test_a_tbc_file(tmp_path: Path) -> None:
    """Two headers; document numbers repeat, transaction ids do not; account and currency are in the file's name."""
    text = tbc(
        tbc_row("10/03/2026", "", "120.50", "1120.50", "1773", "TX0000001"),
        tbc_row("10/03/2026", "20.00", "", "1100.50", "1773", "TX0000002"),
        tbc_row("11/03/2026", "", "0.05", "1100.55", "1774", "TX0000003"),
    )
    path = put(tmp_path, f"{TBC_ACCOUNT}_GEL_01032026.csv", text, "utf-8-sig")
    assert recognised(path) == "tbc"
    found = read_statement(path)
    assert found.amounts == money("120.50", "-20.00", "0.05")
    assert [line.id for line in found.lines] == ["TX0000001", "TX0000002", "TX0000003"]
    assert {(line.account, line.currency, line.zone) for line in found.lines} == {(TBC_ACCOUNT, "GEL", "Asia/Tbilisi")}
    assert days(found, "Asia/Tbilisi") == ["2026-03-10", "2026-03-10", "2026-03-11"]
    assert found.told[0].counterpart is not None
    assert (found.told[0].counterpart.name, found.told[0].counterpart.account) == (
        "Nino Beridze",
        "GE85TB7000000000000001",
    )
    assert found.told[0].text == "Order 1001"
    (whole,) = found.statements
    assert (whole.opening, whole.closing, whole.entries) == (Decimal("1000.00"), Decimal("1100.55"), Decimal("100.55"))
    assert not found.unbalanced
    assert not found.refused


def test_a_tbc_file_without_transaction_ids_goes_by_fingerprints(tmp_path: Path) -> None:
    """The document number is a reference, never an id."""
    text = tbc(tbc_row("10/03/2026", "", "5", "5", "1773", ""), tbc_row("10/03/2026", "", "5", "10", "1773", ""))
    found = read_statement(put(tmp_path, "a_GEL.csv", text), account=TBC_ACCOUNT)
    assert [line.id for line in found.lines] == ["", ""]
    assert fingerprint(found.lines[0]) == fingerprint(found.lines[1])
    assert found.lines[0].references == ("booking:1773",)


def test_a_tbc_workbook_has_its_rows_on_the_second_sheet(tmp_path: Path) -> None:
    """With the account and currency above the headers."""
    row = ["10/03/2026", "Order 1001", "", None, 120.5, 1120.5, "GII", "10/03/2026", "1773", "GE85TB7000000000000001", "Nino", "",
           "TBCBGE22", "", "SHA", "", "", "", "GII*", "", "TX0000001"]  # fmt: skip
    book = {"Info": [["TBC Bank"], ["Statement"]],
            "Transactions": [[f"Account {TBC_ACCOUNT}GEL"], TBC_GEORGIAN.split(","), TBC_ENGLISH.split(","), row]}  # fmt: skip
    found = read_statement(sheets(tmp_path / "statement.xlsx", book))
    assert found.format == "tbc"
    assert found.amounts == money("120.5")
    assert (found.lines[0].account, found.lines[0].currency) == (TBC_ACCOUNT, "GEL")
    assert not found.unbalanced


def test_a_tbc_file_with_one_amount_and_a_word_for_its_side(tmp_path: Path) -> None:
    """The other layout of the same bank: Income and Expense beside a signed amount."""
    header = ("Date,Description,Transaction Type,Amount,Currency,Account Number,Account Name,Additional Information,Document Date,"
              "Document Number,Partner's Account,Partner's Name,Partner's Tax Code,Transaction ID")  # fmt: skip
    rows = [f"10/03/2026,Order 1001,Income,50.00,GEL,{TBC_ACCOUNT},Shop,,10/03/2026,1,GE85TB7000000000000001,Nino,,TX0000001",
            f"11/03/2026,Rent,Expense,-20.00,GEL,{TBC_ACCOUNT},Shop,,11/03/2026,2,GE85TB7000000000000001,Gia,,TX0000002"]  # fmt: skip
    found = read_statement(put(tmp_path, "a.csv", "\n".join([header, *rows]) + "\n"))
    assert found.format == "tbc"
    assert found.amounts == money("50.00", "-20.00")
    assert {(line.account, line.currency) for line in found.lines} == {(TBC_ACCOUNT, "GEL")}


# -- Bank of Georgia

BOG_HEADER = ["Date", "Doc N", "Account N", "Currency", "Loro Account", "Rate", "Debit", "Credit", "Debit Amount in Gel",
              "Credit Amount in Gel", "Operation ID", "Entry Comment", "Operation Type", "Ref", "Sender Bank Name", "Sender Name",
              "Sender Number Taxpayer", "Sender Account N", "Sender Bank Code", "Recipient Bank Name", "Beneficiary Name",
              "Recipient Number Taxpayer", "Recipient Account N", "Recipient Bank Code", "Nomination", "Additional Info", "Amount",
              "Amount in Gel", "Turnover Debit", "Turnover Debit in Gel", "Turnover Credit", "Turnover Credit in Gel",
              "Balance at end of day", "Balance at end of day in Gel", "A", "B", "C"]  # fmt: skip


def bog_row(day: Any, currency: str, debit: Any, credit: Any, operation: Any, comment: str = "Order 1001") -> list[Any]:
    row: list[Any] = [None] * 37
    row[0], row[2], row[3], row[6], row[7], row[10], row[11] = (
        day,
        f"{BOG_ACCOUNT}{currency}",
        currency,
        debit,
        credit,
        operation,
        comment,
    )
    row[15], row[17], row[20], row[22] = "Nino Beridze", "GE85TB7000000000000001", "Shop", BOG_ACCOUNT
    return row


def bog_book(path: Path, rows: list[list[Any]], balances: list[list[Any]]) -> Path:
    top = [["Statement of Account"], [None, "Account Owner: ", "Shop LLC"], [None, "ID", "400000000"],
           [None, "Period:  ", "01.03.2026-31.03.2026"], []]  # fmt: skip
    summary = [
        ["Summary"],
        *[[]] * 8,
        ["Account N", "Currency", "Account Name", "Beginning Balance", "Ending Balance", "Turnover"],
        *balances,
    ]
    return sheets(path, {"Statement of Account": [*top, BOG_HEADER, *rows], "Summary": summary})


SERIAL = (date(2026, 3, 10) - date(1899, 12, 30)).days


def test_a_business_workbook_of_the_bank_of_georgia(tmp_path: Path) -> None:
    """Header in row 6, days as serial numbers, two currencies, balances on a sheet of their own."""
    path = bog_book(
        tmp_path / "statement.xlsx",
        [bog_row(SERIAL, "GEL", None, 120.5, 5000000001), bog_row(("date", SERIAL), "GEL", 20, None, 5000000002),
         bog_row("11.03.2026", "USD", None, 30, 5000000003)],
        [[BOG_ACCOUNT + "GEL", "GEL", "Shop", 1000, 1100.5, 0], [BOG_ACCOUNT + "USD", "USD", "Shop", 0.5, 30.51, 0]],
    )  # fmt: skip
    assert recognised(path) == "bog-xlsx"
    found = read_statement(path)
    assert [(line.gross, line.currency) for line in found.lines] == [
        (Decimal("120.5"), "GEL"), (Decimal("-20"), "GEL"), (Decimal("30"), "USD")]  # fmt: skip
    assert [line.id for line in found.lines] == ["5000000001", "5000000002", "5000000003"]
    assert days(found, "Asia/Tbilisi") == ["2026-03-10", "2026-03-10", "2026-03-11"]
    assert [t.counterpart.name for t in found.told if t.counterpart] == ["Nino Beridze", "Shop", "Nino Beridze"]
    assert [(s.account, s.currency, s.opening, s.closing, s.since, s.until) for s in found.statements] == [
        (BOG_ACCOUNT, "GEL", Decimal(1000), Decimal("1100.5"), "2026-03-01", "2026-03-31"),
        (BOG_ACCOUNT, "USD", Decimal("0.5"), Decimal("30.51"), "2026-03-01", "2026-03-31"),
    ]
    assert [(u.currency, u.difference) for u in found.unbalanced] == [("USD", Decimal("0.01"))]


def test_the_same_operation_in_a_workbook_and_in_an_answer_has_one_name(tmp_path: Path) -> None:
    """Operation id and EntryId are one."""
    from tests.importing.statements.test_bog_answers import answer, record

    book = read_statement(bog_book(tmp_path / "a.xlsx", [bog_row(SERIAL, "GEL", None, 50.25, 5000000001)], []))
    other = read_statement(put(tmp_path, "a.json", answer(record(1))))
    pick = lambda line: (line.id, line.account, line.currency, line.kind, line.at, line.gross)  # noqa: E731
    assert pick(book.lines[0]) == pick(other.lines[0])


def test_georgian_headers(tmp_path: Path) -> None:
    """თარიღი, დებეტი, კრედიტი and the rest, under a preamble of eight rows."""
    header = ["თარიღი", "საბუთის N", "ანგარიშის ნომერი", "ვალუტა", "დებეტი", "კრედიტი", "ოპერაციის შინაარსი", "ოპერაციის იდ",
              "გამგზავნის დასახელება", "გამგზავნის ანგარიშის ნომერი", "მიმღების დასახელება", "მიმღების ანგარიშის ნომერი", "დანიშნულება",
              "ბრუნვა (დებეტი)"]  # fmt: skip
    row = ["10.03.2026", "7", f"{BOG_ACCOUNT}GEL", "GEL", "", 50.25, "ჩარიცხვა", 5000000001, "ნინო", "GE85TB7000000000000001", "მაღაზია",
           BOG_ACCOUNT, "შეკვეთა 1001", 0]  # fmt: skip
    book = {"Sheet1": [["ამონაწერი"], *[[]] * 7, header, row]}
    found = read_statement(sheets(tmp_path / "a.xlsx", book))
    assert found.format == "bog-xlsx"
    assert found.amounts == money("50.25")
    assert found.told[0].text == "ჩარიცხვა შეკვეთა 1001"
    assert found.lines[0].id == "5000000001"


def test_a_personal_workbook_has_a_column_a_currency(tmp_path: Path) -> None:
    """Signed amounts, one account."""
    book = {"Details": [["Account", f"{BOG_ACCOUNT}"]],
            "Transactions": [["Account statement", BOG_ACCOUNT], [], ["Date", "Details", "GEL", "USD", "EUR"],
                             ["10/03/2026", "Order 1001", 50.25, None, None], ["11/03/2026", "Exchange", -27, 10, None]]}  # fmt: skip
    found = read_statement(sheets(tmp_path / "a.xlsx", book))
    assert found.format == "bog-personal"
    assert [(line.gross, line.currency) for line in found.lines] == [
        (Decimal("50.25"), "GEL"), (Decimal("-27"), "GEL"), (Decimal("10"), "USD")]  # fmt: skip


# -- any bank

GERMAN = "Buchungstag;Valutadatum;Buchungstext;Verwendungszweck;Begünstigter/Zahlungspflichtiger;Kontonummer/IBAN;Betrag;Währung;Info"


def test_a_german_bank(tmp_path: Path) -> None:
    """Windows-1252, semicolons, comma, days of two-digit years, what is only noted is not booked."""
    text = "\r\n".join([
        '"Auftragskonto: DE89370400440532013000"', GERMAN,
        '"10.03.26";"10.03.26";"GUTSCHRIFT";"Bestellung 1001";"Müller";"DE02120300000000202051";"1.120,50";"EUR";"Umsatz gebucht"',
        '"11.03.26";"11.03.26";"LASTSCHRIFT";"Miete";"Haus GmbH";"DE02120300000000202051";"-20,00";"EUR";"Umsatz vorgemerkt"', ""])  # fmt: skip
    found = read_statement(put(tmp_path, "umsaetze.csv", text, "cp1252"))
    assert found.format == "bank-table"
    assert [(line.gross, line.status) for line in found.lines] == [
        (Decimal("1120.50"), "booked"),
        (Decimal("-20.00"), "pending"),
    ]
    assert days(found) == ["2026-03-10", "2026-03-11"]
    assert found.lines[0].account == "DE89370400440532013000"
    assert found.told[0].counterpart is not None
    assert found.told[0].counterpart.name == "Müller"
    assert "Bestellung 1001" in found.told[0].text


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        ("Date,Description,Amount,Balance", ["2026-03-10,A,10.00,110.00", "2026-03-11,B,-5.00,105.00"], ["10.00", "-5.00"]),
        ("Date,Description,Amount,Balance", ["2026-03-11,B,-5.00,105.00", "2026-03-10,A,10.00,110.00"], ["-5.00", "10.00"]),
        ("Date,Description,Debit,Credit,Balance", ["2026-03-10,A,,10.00,110.00", "2026-03-11,B,5.00,,105.00"], ["10.00", "-5.00"]),
        ("Date,Description,Debit,Credit,Balance", ["2026-03-10,A,,10.00,110.00", "2026-03-11,B,-5.00,,105.00"], ["10.00", "-5.00"]),
        ("Date,Description,Debit,Credit,Balance", ["2026-03-10,A,0.00,10.00,110.00", "2026-03-11,B,5.00,0.00,105.00"], ["10.00", "-5.00"]),
        ("Date,Description,Amount,D/C,Balance", ["2026-03-10,A,10.00,C,110.00", "2026-03-11,B,5.00,D,105.00"], ["10.00", "-5.00"]),
        ("Date,Description,Amount,D/C,Balance", ["2026-03-10,A,10.00,C,110.00", "2026-03-11,B,-5.00,D,105.00"], ["10.00", "-5.00"]),
        ("Date;Text;Betrag;Saldo", ["10.03.2026;A;10,00 H;110,00", "11.03.2026;B;5,00 S;105,00"], ["10.00", "-5.00"]),
        ("Date;Text;Betrag;Saldo", ["10.03.2026;A;+10,00;110,00", "11.03.2026;B;5,00-;105,00"], ["10.00", "-5.00"]),
        ("Date,Description,Amount,Balance", ["10 Mar 2026,A,$10.00,$110.00", '11 Mar 2026,B,(5.00),"105.00"'], ["10.00", "-5.00"]),
        ("Date\tDescription\tAmount\tBalance", ["20260310\tA\t10.00\t110.00", "20260311\tB\t\u22125.00\t105.00"], ["10.00", "-5.00"]),
    ],
)  # fmt: skip
def test_signs_of_every_kind(header: str, rows: list[str], expected: list[str], tmp_path: Path) -> None:
    """A signed column, debit and credit either way, a side that is needed or redundant; oldest or newest first."""
    found = read_statement(put(tmp_path, "a.csv", "\n".join([header, *rows]) + "\n"), currency="EUR")
    assert found.amounts == money(*expected)
    assert not found.unbalanced
    assert not found.refused
    assert "running_balance" not in found.reasons
    assert (found.statements[0].opening, found.statements[0].closing) == (Decimal("100.00"), Decimal("105.00"))


def test_a_running_balance_that_breaks_is_named(tmp_path: Path) -> None:
    """The row where it does, and the statement with the difference; the rows are kept."""
    text = "Date,Description,Amount,Balance\n2026-03-10,A,10.00,110.00\n2026-03-11,B,5.00,115.02\n2026-03-12,C,1.00,116.02\n"
    found = read_statement(put(tmp_path, "a.csv", text), currency="EUR")
    assert [(p.row, p.expected, p.got) for p in found.problems if p.reason == "running_balance"] == [
        (3, "115.00", "115.02")
    ]
    (torn,) = found.unbalanced
    assert (torn.opening, torn.entries, torn.closing, torn.difference) == (
        Decimal("100.00"), Decimal("16.00"), Decimal("116.02"), Decimal("0.02"))  # fmt: skip
    assert found.amounts == money("10.00", "5.00", "1.00")


def test_what_stands_above_and_below(tmp_path: Path) -> None:
    """Account, currency and opening above the header; closing and totals below the rows."""
    text = ("My Bank\nAccount: DE89 3704 0044 0532 0130 00\nCurrency,EUR\nBalance at start of period,100.00\n\n"
            "Booking date,Value date,Description,Amount\n2026-03-10,2026-03-10,Order 1001,10.00\n2026-03-11,2026-03-12,B,-5.00\n"
            "Balance at end of period,,,105.01\nTotal,,,5.00\n")  # fmt: skip
    found = read_statement(put(tmp_path, "a.csv", text))
    assert found.amounts == money("10.00", "-5.00")
    assert {(line.account, line.currency) for line in found.lines} == {("DE89370400440532013000", "EUR")}
    assert [d.reason for d in found.dropped] == ["balance", "total"]
    assert [(u.what, u.difference) for u in found.unbalanced] == [("statement", Decimal("0.01"))]


def test_totals_that_disagree_are_named(tmp_path: Path) -> None:
    """By how much."""
    text = "Date,Text,Debit,Credit\n2026-03-10,A,,10.00\n2026-03-11,B,5.00,\nTotal,,5.00,10.01\n"
    found = read_statement(put(tmp_path, "a_EUR.csv", text))
    assert [(u.what, u.entries, u.closing, u.difference) for u in found.unbalanced] == [
        ("total", Decimal("5.00"), Decimal("5.01"), Decimal("0.01"))]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "column"),
    [("yesterday,A,5.00,C", "Date"), ("2026-03-10,A,five,C", "Amount"), ("2026-03-10,A,,C", "Amount"), ("2026-03-10,A,5.00,C,X", ""),
     ("2026-02-30,A,5.00,C", "Date")],
)  # fmt: skip
def test_a_row_that_cannot_be_read_costs_itself(row: str, column: str, tmp_path: Path) -> None:
    """With row, column, what was expected and the shape of what stood there."""
    text = f"Date,Description,Amount,D/C\n2026-03-09,A,1.00,C\n{row}\n2026-03-11,B,2.00,D\n"
    found = read_statement(put(tmp_path, "a_EUR.csv", text))
    assert found.amounts == money("1.00", "-2.00")
    assert [(p.row, p.column) for p in found.refused] == [(3, column)]


def test_days_that_could_be_months_are_asked_for(tmp_path: Path) -> None:
    """Never guessed: found from a day above twelve, else named by the operator."""
    text = "Date,Description,Amount\n03/04/2026,A,1.00\n05/06/2026,B,2.00\n"
    path = put(tmp_path, "a_EUR.csv", text)
    with pytest.raises(FileRefused, match="--dates"):
        read_statement(path)
    assert days(read_statement(path, dates="dmy")) == ["2026-04-03", "2026-06-05"]
    assert days(read_statement(put(tmp_path, "b_EUR.csv", text.replace("05/06", "06/25")))) == [
        "2026-03-04",
        "2026-06-25",
    ]


def test_amounts_that_could_be_thousands_are_asked_for(tmp_path: Path) -> None:
    """1.234 alone is no number yet."""
    path = put(tmp_path, "a_EUR.csv", "Date;Description;Amount\n2026-03-10;A;1.234\n")
    with pytest.raises(FileRefused, match="--decimal"):
        read_statement(path)
    assert read_statement(path, decimal=",").amounts == money("1234")


def test_a_currency_is_never_assumed(tmp_path: Path) -> None:
    """In a column, the header, the preamble or the name; else every row asks for it."""
    path = put(tmp_path, "a.csv", "Date,Description,Amount\n2026-03-10,A,1.00\n")
    assert read_statement(path).reasons == ["no_currency"]
    assert read_statement(path, currency="GEL").lines[0].currency == "GEL"
    assert (
        read_statement(put(tmp_path, "b.csv", "Date,Description,Amount (GEL)\n2026-03-10,A,1.00\n")).lines[0].currency
        == "GEL"
    )


def test_a_column_iban_with_one_account_is_the_merchants(tmp_path: Path) -> None:
    """With many it is the buyers'."""
    own = "".join(f"2026-03-1{n},A,{n}.00,EUR,DE89370400440532013000\n" for n in range(4))
    assert (
        read_statement(put(tmp_path, "a.csv", "Date,Text,Amount,Currency,IBAN\n" + own)).lines[0].account
        == "DE89370400440532013000"
    )
    many = own.replace("2026-03-11,A,1.00,EUR,DE89370400440532013000", "2026-03-11,A,1.00,EUR,DE02120300000000202051")
    found = read_statement(put(tmp_path, "b.csv", "Date,Text,Amount,Currency,IBAN\n" + many))
    assert found.lines[0].account == ""
    assert found.told[1].counterpart is not None


def test_several_accounts_in_one_file(tmp_path: Path) -> None:
    """Each closes alone, with its own running balance."""
    text = ("Account,Booking date,Amount,Currency,Balance,Text\nDE89370400440532013000,2026-03-10,10.00,EUR,110.00,A\n"
            "DE02120300000000202051,2026-03-10,1.00,EUR,2.00,B\nDE89370400440532013000,2026-03-11,-5.00,EUR,105.00,C\n")  # fmt: skip
    found = read_statement(put(tmp_path, "a.csv", text))
    assert [(s.account[:4], s.opening, s.closing) for s in found.statements] == [
        ("DE89", Decimal("100.00"), Decimal("105.00")), ("DE02", Decimal("1.00"), Decimal("2.00"))]  # fmt: skip
    assert not found.unbalanced


def test_a_fee_beside_the_amount(tmp_path: Path) -> None:
    """What the account moved is the amount less the fee; what was taken back moved nothing."""
    text = ("Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n"
            "TRANSFER,Current,2026-03-09 10:00:00,2026-03-10 11:00:00,Order 1001,100.00,1.50,EUR,COMPLETED,598.50\n"
            "CARD_PAYMENT,Current,2026-03-10 10:00:00,2026-03-11 11:00:00,Rent,-20.00,0.00,EUR,COMPLETED,578.50\n"
            "CARD_PAYMENT,Current,2026-03-10 10:00:00,2026-03-11 12:00:00,Taken back,-9.00,0.00,EUR,REVERTED,\n")  # fmt: skip
    found = read_statement(put(tmp_path, "a.csv", text))
    assert [(line.gross, line.fee, line.net) for line in found.lines] == [
        (Decimal("100.00"), Decimal("1.50"), Decimal("98.50")), (Decimal("-20.00"), Decimal(0), Decimal("-20.00"))]  # fmt: skip
    (whole,) = found.statements
    assert (whole.opening, whole.closing, whole.entries) == (Decimal("500.00"), Decimal("578.50"), Decimal("78.50"))
    assert not found.unbalanced
    assert [d.reason for d in found.dropped] == ["void"]


def test_a_banks_table_with_the_signs_of_the_euro(tmp_path: Path) -> None:
    """The currency stands in the header and in the cells, the account and a balance above, parties by direction."""
    text = ('"Girokonto";"DE89370400440532013000"\n"Kontostand vom 31.03.2026:";"1.234,56 €"\n""\n'
            '"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempfänger*in";"Verwendungszweck";"Umsatztyp";'
            '"IBAN";"Betrag (€)";"Kundenreferenz"\n'
            '"11.03.26";"11.03.26";"Gebucht";"Shop";"Haus GmbH";"Miete";"Ausgang";"DE02120300000000202051";"-20,00";""\n'
            '"10.03.26";"10.03.26";"Gebucht";"Nino Beridze";"Shop";"Bestellung 1001";"Eingang";"DE02120300000000202051";"50,00";"Order 1001"\n'
            '"09.03.26";"09.03.26";"Vorgemerkt";"Gia";"Shop";"x";"Eingang";"DE02120300000000202051";"7,00";""\n')  # fmt: skip
    found = read_statement(put(tmp_path, "a.csv", text))
    assert [(line.gross, line.currency, line.account, line.status) for line in found.lines] == [
        (Decimal("-20.00"), "EUR", "DE89370400440532013000", "booked"), (Decimal("50.00"), "EUR", "DE89370400440532013000", "booked"),
        (Decimal("7.00"), "EUR", "DE89370400440532013000", "pending")]  # fmt: skip
    assert [t.counterpart.name for t in found.told if t.counterpart] == ["Haus GmbH", "Nino Beridze", "Gia"]
    assert found.told[1].text == "Bestellung 1001 Order 1001"


def test_structured_references(tmp_path: Path) -> None:
    """ISO 11649 is the creditor's, any other is the bank line's."""
    text = "Date,Text,Amount,Reference\n2026-03-10,A,1.00,RF18 5390 0754 7034\n2026-03-10,B,2.00,PO-9001\n"
    found = read_statement(put(tmp_path, "a_EUR.csv", text))
    assert [line.references for line in found.lines] == [("creditor:RF18539007547034",), ("bank_reference:PO-9001",)]


def test_the_operators_own_columns(tmp_path: Path) -> None:
    """What an [[import]] says goes before every known word."""
    text = "Wann;Wieviel;Wofür;Datum\n10.03.2026;5,00;Order 1001;x\n"
    columns = {"booked_at": "Wann", "amount": "Wieviel", "text": "Wofür"}
    found = read_statement(put(tmp_path, "a_EUR.csv", text), "bank-table", columns=columns)
    assert found.amounts == money("5.00")
    assert found.told[0].text == "Order 1001"


def test_the_operators_own_words(tmp_path: Path) -> None:
    """For sides and states."""
    text = "Date,Amount,Side,State\n2026-03-10,5.00,Ein,ok\n2026-03-11,6.00,Aus,wartet\n"
    words = {"direction": {"ein": "credit", "aus": "debit"}, "status": {"wartet": "pending"}}
    columns = {"booked_at": "Date", "amount": "Amount", "direction": "Side", "status": "State"}
    found = read_statement(put(tmp_path, "a_EUR.csv", text), "bank-table", columns=columns, words=words)
    assert [(line.gross, line.status) for line in found.lines] == [
        (Decimal("5.00"), "booked"),
        (Decimal("-6.00"), "pending"),
    ]


# -- hostile


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    """Before it is unpacked into memory."""
    path = tmp_path / "a.xlsx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as out,
    ):
        for _ in range(900):
            out.write(b" " * (1 << 20))
    with pytest.raises(FileRefused, match="larger"):
        recognised(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600])
def test_a_broken_workbook_is_refused(content: bytes, tmp_path: Path) -> None:
    """In words."""
    with pytest.raises(FileRefused):
        recognised(put(tmp_path, "a.xls" if content[:2] == b"\xd0\xcf" else "a.xlsx", content))


def test_a_table_that_is_cut_off_in_a_row_is_refused(tmp_path: Path) -> None:
    """A last row with too few cells and no end of line is no row; a whole one without an end of line is."""
    text = "Date,Description,Amount,Currency\n2026-03-10,A,1.00,EUR\n2026-03-11,B,2"
    with pytest.raises(FileRefused, match="cut off"):
        read_statement(put(tmp_path, "a.csv", text))
    assert read_statement(put(tmp_path, "b.csv", text + ".00,EUR")).amounts == money("1.00", "2.00")


def test_a_header_without_rows_gives_nothing(tmp_path: Path) -> None:
    """Neither line nor statement."""
    found = read_statement(put(tmp_path, "a.csv", "Date,Description,Amount\n"))
    assert not found.told


def test_another_table_is_not_recognised(tmp_path: Path) -> None:
    """Orders are no statement."""
    path = put(
        tmp_path, "a.csv", "Name,Email,Financial Status,Total,Lineitem quantity\n#1001,a@example.com,paid,10.00,1\n"
    )
    assert recognised(path) == ""


def test_a_stray_quote_costs_its_row(tmp_path: Path) -> None:
    """Not those after it."""
    text = 'Date,Description,Amount,Currency\n2026-03-10,"A"x,1.00,EUR\n2026-03-11,B,2.00,EUR\n'
    found = read_statement(put(tmp_path, "a.csv", text))
    assert found.amounts == money("2.00")
    assert [(p.row, p.reason) for p in found.refused] == [(2, "broken_row")]


def test_a_quote_that_is_never_closed_costs_its_row(tmp_path: Path) -> None:
    """What it would swallow is read again."""
    rows = [f'2026-03-1{n},"A{n}",{n}.00,EUR' for n in range(5)]
    rows[1] = '2026-03-11,"open,1.00,EUR'
    found = read_statement(put(tmp_path, "a.csv", "Date,Description,Amount,Currency\n" + "\n".join(rows) + "\n"))
    assert found.amounts == money("2.00", "3.00", "4.00")
    assert [(p.row, p.reason) for p in found.refused] == [(3, "broken_row")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings_and_line_ends(encoding: str, tmp_path: Path) -> None:
    """As the file is written."""
    text = "Date,Description,Amount,Currency\r\n2026-03-10,Müller,1.00,EUR\r\n"
    found = read_statement(put(tmp_path, "a.csv", text, encoding))
    assert found.told[0].text == "Müller"
    assert found.amounts == money("1.00")


DKB = ('"Girokonto";"{own}"\n""\n"Kontostand vom 24.09.2026:";"2.345,67 €"\n""\n"Buchungsdatum";"Wertstellung";"Status";'
       '"Zahlungspflichtige*r";"Zahlungsempfänger*in";"Verwendungszweck";"Umsatztyp";"IBAN";"Betrag (€)";"Kundenreferenz"\n')  # fmt: skip


@pytest.mark.parametrize("own", ["DE89370400440532013000", "Konto"])
def test_a_month_with_one_payer_is_not_of_the_payers_account(tmp_path: Path, own: str) -> None:
    """The column IBAN holds one account in every row, and it is the provider's that paid out: as the lines above the
    header say, or as it stands behind its name."""
    rows = "".join(
        f'"{day}.09.26";"{day}.09.26";"Gebucht";"Stripe";"Shop";"PO 100{day}";"Eingang";"DE42500105175407324385";"{amount}";""\n'
        for day, amount in (("24", "1.190,00 €"), ("23", "29,9"), ("22", "1.119"))
    )
    found = read_statement(put(tmp_path, "a.csv", DKB.format(own=own) + rows), currency="EUR")
    assert {line.account for line in found.lines} == {own if own.startswith("DE") else ""}
    assert {told.counterpart.account for told in found.told if told.counterpart} == {"DE42500105175407324385"}
    assert found.amounts == money("1190.00", "29.9", "1119")


def test_rows_that_never_got_a_day_are_no_faults(tmp_path: Path) -> None:
    """What is still pending comes again with its day, what was reverted never does; a booked row without one is refused."""
    text = (
        "Type,Started Date,Completed Date,Description,Amount,Currency,State,Balance\n"
        "TOPUP,2026-10-05 19:40:00,2026-10-06 09:00:00,PO 1001,100.00,EUR,COMPLETED,228.51\n"
        "CARD,2026-10-07 19:30:00,,Ads,-13.99,EUR,PENDING,\n"
        "CARD,2026-10-07 19:30:00,,Ads,-13.99,EUR,REVERTED,\n"
        "CARD,2026-10-07 19:30:00,,Ads,-1.00,EUR,COMPLETED,\n"
    )
    found = read_statement(put(tmp_path, "a.csv", text))
    assert found.amounts == money("100.00")
    assert [(one.row, one.reason) for one in found.dropped] == [(3, "pending"), (4, "void")]
    assert [(one.row, one.column, one.expected) for one in found.refused] == [(5, "Completed Date", "a day")]


SWISS = {
    "ubs": "IBAN:;CH93 0076 2011 6238 5295 7;\nAnfangssaldo:;1000.00;\nSchlusssaldo:;1149.25;\n\n"
    "Abschlussdatum;Buchungsdatum;Valutadatum;Währung;Belastung;Gutschrift;Saldo;Transaktions-Nr.;Beschreibung1;Beschreibung2\n"
    "2026-09-30;2026-09-30;2026-09-30;CHF;;200.25;1149.25;9930805TI1111111;Kunde AG;Bestellung 1001\n"
    "2026-09-29;2026-09-29;2026-09-29;CHF;-51.00;;949.00;9930805TI1111112;Post;Belastung\n",
    "postfinance": "Konto:;CH9300762011623852957\nWährung:;CHF\n\n"
    "Buchungsdatum;Avisierungstext;Gutschrift in CHF;Lastschrift in CHF;Valuta;Saldo in CHF\n"
    "30.09.2026;Bestellung 1001;200.25;;30.09.2026;1149.25\n29.09.2026;Belastung;;-51.00;29.09.2026;949.00\n",
    "raiffeisen": "IBAN;Booked At;Text;Credit/Debit Amount;Balance;Valuta Date\n"
    "CH9300762011623852957;2026-09-30 00:00:00.0;Bestellung 1001;200.25;1149.25;2026-09-30 00:00:00.0\n"
    "CH9300762011623852957;2026-09-29 00:00:00.0;Belastung;-51.00;949.00;2026-09-29 00:00:00.0\n"
    "CH9300762011623852957;2026-09-28 00:00:00.0;Belastung;-1;1000.00;2026-09-28 00:00:00.0\n",
}


@pytest.mark.parametrize("bank", SWISS)
def test_tables_of_swiss_banks(tmp_path: Path, bank: str) -> None:
    found = read_statement(put(tmp_path, "a.csv", SWISS[bank]), currency="CHF")
    assert found.amounts[:2] == money("200.25", "-51.00")
    assert {(line.account, line.currency) for line in found.lines} == {("CH9300762011623852957", "CHF")}
    assert "Bestellung 1001" in found.told[0].text
    assert (found.statements[0].closing, found.unbalanced, found.problems) == (Decimal("1149.25"), [], [])
