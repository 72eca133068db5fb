"""MT940 and MT942: pages, signs, days that do not exist, what several banks write into :86:, hostile files."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.importing.statements.bank_files import OWN, money, put, read_statement, recognised
from twofold.errors import FileRefused
from twofold.ledger.identity import fingerprint

HEAD = ":20:STARTUMS\n:25:37040044/0532013000EUR\n:28C:00017/001\n"


def statement(*lines: str, opening: str = "C260309EUR1000,00", closing: str = "", head: str = HEAD, first: str = "60F",
              last: str = "62F") -> str:  # fmt: skip
    end = f":{last}:{closing}\n" if closing else ""
    return f"{head}:{first}:{opening}\n" + "".join(f"{line}\n" for line in lines) + end + "-\n"


def day_of(at: int | None) -> str:
    assert at is not None
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def test_a_german_statement(tmp_path: Path) -> None:
    """Structured text with SEPA keys, wrapped in the middle of words: joined again, with its references apart."""
    text = statement(
        ":61:2603100310CR120,50NTRFNONREF//2026031000017",
        ":86:166?00SEPA-UEBERWEISUNG?109248?20EREF+ORDER-1001?21SVWZ+Bestellung 10?2201 Danke?30COBADEFFXXX"
        "?31DE89370400440532013000?32NINO BERI?33DZE",
        ":61:2603100310DR20,00NMSC0815",
        ":86:105?00LASTSCHRIFT?20SVWZ+Miete",
        closing="C260310EUR1100,50",
    )
    path = put(tmp_path, "umsatz.sta", text)
    assert recognised(path) == "mt940"
    found = read_statement(path)
    assert found.amounts == money("120.50", "-20.00")
    first = found.told[0]
    assert first.counterpart is not None
    assert (first.counterpart.name, first.counterpart.account) == ("NINO BERIDZE", OWN)
    assert "Bestellung 1001 Danke" in first.text
    line = found.lines[0]
    assert line.id == ""
    assert (line.account, line.currency) == ("37040044/0532013000", "EUR")
    assert set(line.references) >= {"bank_reference:ORDER-1001", "booking:2026031000017"}
    assert day_of(line.at) == "2026-03-10"
    (whole,) = found.statements
    assert (whole.id, whole.opening, whole.closing, whole.entries) == (
        "17", Decimal("1000.00"), Decimal("1100.50"), Decimal("100.50"))  # fmt: skip
    assert not found.unbalanced
    assert not found.problems


@pytest.mark.parametrize("last", ["62F", "62M"])
def test_a_statement_that_ends_in_another_currency_than_it_began_is_refused(last: str, tmp_path: Path) -> None:
    """1,000.00 EUR and a credit of 120.50 are not 1,120.50 USD, however well the numbers add up."""
    text = statement(":61:2603100310CR120,50NTRFNONREF", closing="C260310USD1120,50", last=last)
    with pytest.raises(FileRefused, match=r"line 6: expected the closing balance .* currency EUR, got USD"):
        read_statement(put(tmp_path, "a.sta", text))


def test_the_third_letter_of_the_currency_and_reversals(tmp_path: Path) -> None:
    """CF on a HUF account is a credit; RC takes a credit back, RD a debit."""
    text = statement(
        ":61:260310CF1500,00NTRFNONREF", ":61:260310RCF500,NTRFNONREF", ":61:260310RDF20,NTRFNONREF", ":61:260310DF1,5NTRFNONREF",
        opening="D260309HUF100,", closing="C260310HUF918,5", head=HEAD.replace("37040044/0532013000EUR", "HU42117730161111101800000000"),
    )  # fmt: skip
    found = read_statement(put(tmp_path, "a.940", text))
    assert found.amounts == money("1500.00", "-500", "20", "-1.5")
    assert not found.unbalanced
    assert found.lines[0].account == "HU42117730161111101800000000"


def test_pages_are_one_statement(tmp_path: Path) -> None:
    """:62M: and :60M: are the seams; the statement opens on its first page and closes on its last."""
    first = statement(":61:260310C10,NTRFNONREF", closing="C260310EUR1010,00", last="62M")
    second = statement(":61:260310C5,NTRFNONREF", first="60M", opening="C260310EUR1010,00", closing="C260310EUR1015,00",
                       head=HEAD.replace("/001", "/002"))  # fmt: skip
    found = read_statement(put(tmp_path, "a.sta", first + second))
    (whole,) = found.statements
    assert (whole.opening, whole.closing, whole.entries) == (Decimal("1000.00"), Decimal("1015.00"), Decimal(15))
    assert not found.unbalanced
    torn = read_statement(put(tmp_path, "b.sta", first + second.replace("1010,00", "1011,00")))
    assert torn.reasons == ["pages_do_not_join"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_pages_in_any_order_are_one_statement(order: tuple[int, ...], tmp_path: Path) -> None:
    """Three pages, and another account's statement among them."""
    pages = [
        statement(":61:260310C10,NTRF", closing="C260310EUR1010,00", last="62M"),
        statement(":61:260310C5,NTRF", first="60M", opening="C260310EUR1010,00", closing="C260310EUR1015,00", last="62M",
                  head=HEAD.replace("/001", "/002")),
        statement(":61:260310D7,NTRF", first="60M", opening="C260310EUR1015,00", closing="C260310EUR1008,00",
                  head=HEAD.replace("/001", "/003")),
    ]  # fmt: skip
    other = statement(":61:260310C1,NTRF", closing="C260310EUR1001,00", head=HEAD.replace("0532013000", "99"))
    text = pages[order[0]] + other + pages[order[1]] + pages[order[2]]
    found = read_statement(put(tmp_path, "a.sta", text))
    assert sorted((s.account[-2:], s.opening, s.closing, s.entries) for s in found.statements) == [
        ("00", Decimal("1000.00"), Decimal("1008.00"), Decimal(8)), ("99", Decimal("1000.00"), Decimal("1001.00"), Decimal(1))]  # fmt: skip
    assert not found.unbalanced
    assert not found.problems


def test_statements_of_one_account_follow_each_other(tmp_path: Path) -> None:
    """A hole in the numbers and a balance that jumps are said; the lines are kept."""
    first = statement(":61:260310C10,NTRF", closing="C260310EUR1010,00")
    last = statement(
        ":61:260311C5,NTRF",
        opening="C260310EUR1011,00",
        closing="C260311EUR1016,00",
        head=HEAD.replace("00017", "00019"),
    )
    found = read_statement(put(tmp_path, "a.sta", first + last))
    assert found.reasons == ["statements_do_not_join", "statement_missing"]
    assert found.problems[1].expected == "statement 18"
    assert len(found.lines) == 2
    assert not found.unbalanced


def test_a_page_alone_closes_on_its_own_seams(tmp_path: Path) -> None:
    """Its other pages are in other files, in any order."""
    page = statement(":61:260310C5,NTRFNONREF", first="60M", opening="C260310EUR1010,00", closing="C260310EUR1015,00",
                     head=HEAD.replace("/001", "/002"))  # fmt: skip
    found = read_statement(put(tmp_path, "a.sta", page))
    assert [(s.id, s.opening, s.closing) for s in found.statements] == [
        ("17/2", Decimal("1010.00"), Decimal("1015.00"))
    ]
    assert not found.unbalanced


def test_a_statement_that_does_not_close(tmp_path: Path) -> None:
    """Named with the difference, its lines kept."""
    found = read_statement(put(tmp_path, "a.sta", statement(":61:260310C10,NTRFNONREF", closing="C260310EUR1009,99")))
    (torn,) = found.unbalanced
    assert torn.difference == Decimal("-0.01")
    assert found.amounts == money("10")


@pytest.mark.parametrize(
    ("line", "booked", "valued"),
    [
        (":61:2512310102C1,NTRF", "2026-01-02", "2025-12-31"),
        (":61:2601021231C1,NTRF", "2025-12-31", "2026-01-02"),
        (":61:2603100310C1,NTRF", "2026-03-10", "2026-03-10"),
        (":61:260310C1,NTRF", "2026-03-10", "2026-03-10"),
        (":61:260310    C1,NTRF", "2026-03-10", "2026-03-10"),
    ],
)
def test_a_booking_day_without_a_year_is_the_one_nearest_to_the_value_day(
    line: str, booked: str, valued: str, tmp_path: Path
) -> None:
    """Around the turn of the year both ways."""
    found = read_statement(put(tmp_path, "a.sta", statement(line, closing="C260310EUR1001,00")))
    assert (day_of(found.lines[0].at), day_of(found.lines[0].value_at)) == (booked, valued)


@pytest.mark.parametrize(
    ("line", "booked", "warnings"),
    [
        (":61:2602300230C1,NTRF", "2026-02-28", 2),
        (":61:2402300229C1,NTRF", "2024-02-29", 1),
        (":61:2606310630C1,NTRF", "2026-06-30", 1),
        (":61:2602290229C1,NTRF", "2026-02-28", 2),
    ],
)
def test_days_that_do_not_exist_are_the_months_last(line: str, booked: str, warnings: int, tmp_path: Path) -> None:
    """Banks that count months of 30 days write them: kept with a warning, with the line's row."""
    found = read_statement(put(tmp_path, "a.sta", statement(line, closing="C260310EUR1001,00")))
    assert day_of(found.lines[0].at) == booked
    assert found.reasons == ["no_such_day"] * warnings
    assert {(p.kind, p.row) for p in found.problems} == {("warning", 5)}


def test_identical_lines_are_real(tmp_path: Path) -> None:
    """Two equal payments of a day are two, by their ordinals."""
    line = ":61:2603100310C50,NTRFNONREF\n:86:COD"
    found = read_statement(put(tmp_path, "a.sta", statement(line, line, closing="C260310EUR1100,00")))
    assert found.amounts == money("50", "50")
    assert fingerprint(found.lines[0]) == fingerprint(found.lines[1])
    assert not found.unbalanced


def test_a_line_that_cannot_be_read_costs_itself_and_reaches_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A point as decimal sign would be another amount; the row and the shape are said, never the text."""
    text = statement(":61:2603100310C10,NTRF", ":61:2603100310C100.50NTRFSECRETNAME", ":86:Nino", ":61:26031C5,NTRF",
                     ":61:2613100310C5,NTRF", ":61:2603100310X5,NTRF", ":61:2603100310C7,NTRF", closing="C260310EUR1017,00")  # fmt: skip
    with caplog.at_level(logging.DEBUG):
        found = read_statement(put(tmp_path, "a.sta", text))
    assert found.amounts == money("10", "7")
    assert [(p.row, p.column) for p in found.refused] == [(6, ":61:"), (8, ":61:"), (9, ":61:"), (10, ":61:")]
    assert "SECRET" not in caplog.text
    assert not any("SECRET" in p.got for p in found.problems)
    assert not found.unbalanced


def test_a_dutch_statement(tmp_path: Path) -> None:
    """Words between strokes, over several lines, in the envelope of SWIFT's blocks."""
    text = ("{1:F01INGBNL2ABXXX0000000000}{2:I940INGBNL2AXXXN}{4:\n:20:P140220000000001\n:25:NL91ABNA0417164300EUR\n:28C:00049\n"
            ":60F:C260309EUR0,00\n:61:2603100310C90,25NTRFEREF//00000000001005\n/TRCD/00100/\n"
            ":86:/EREF/ORDER-77//CNTP/GE29NB0000000101904917/INGBNL2A/NINO BERIDZE///REMI\n/USTD//Order 77 thanks/\n"
            ":62F:C260310EUR90,25\n:86:/SUM/1/0/90,25/0,00/\n-}\n")  # fmt: skip
    found = read_statement(put(tmp_path, "a.940", text.replace("\n", "\r\n")))
    assert found.amounts == money("90.25")
    assert found.lines[0].account == "NL91ABNA0417164300"
    first = found.told[0]
    assert first.counterpart is not None
    assert (first.counterpart.name, first.counterpart.account) == ("NINO BERIDZE", "GE29NB0000000101904917")
    assert "Order 77 thanks" in first.text
    assert "bank_reference:ORDER-77" in found.lines[0].references
    assert not found.unbalanced


def test_a_text_without_structure_is_text(tmp_path: Path) -> None:
    """Also with a question mark in it, and a :86: of the statement's end belongs to no line."""
    text = statement(":61:2603100310C10,NTRF", ":86:Order 1001?\nthank you", closing="C260310EUR1010,00").replace(
        "-\n", ":86:END OF STATEMENT\n-\n")  # fmt: skip
    (told, _) = read_statement(put(tmp_path, "a.sta", text)).told
    assert told.text == "Order 1001? thank you"


def test_an_interim_report_banks_nothing(tmp_path: Path) -> None:
    """MT942: what the day's statement will tell again."""
    text = (":20:REPORT\n:25:DE89370400440532013000\n:28C:1/1\n:34F:EUR0,\n:13D:2603101200+0100\n:61:2603100310C10,NTRFNONREF\n"
            ":86:Order 1001\n:90D:0EUR0,\n:90C:1EUR10,\n-\n")  # fmt: skip
    found = read_statement(put(tmp_path, "a.942", text))
    assert [(line.gross, line.status, line.currency) for line in found.lines] == [(Decimal(10), "pending", "EUR")]
    assert found.statements[0].covers_last is False
    later = read_statement(put(tmp_path, "a.sta", statement(
        ":61:2603100310C10,NTRFNONREF", ":86:Order 1001", closing="C260310EUR1010,00", head=HEAD.replace("37040044/0532013000EUR", OWN))))  # fmt: skip
    assert (later.lines[0].at, later.told[0].text) == (found.lines[0].at, found.told[0].text)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
def test_encodings_and_line_ends(encoding: str, tmp_path: Path) -> None:
    """As the file is written, whatever it is called."""
    text = statement(":61:2603100310C10,NTRF", ":86:Müller & Söhne", closing="C260310EUR1010,00").replace("\n", "\r\n")
    found = read_statement(put(tmp_path, "a.txt", text, encoding))
    assert found.amounts == money("10")
    assert found.told[0].text == "Müller & Söhne"


@pytest.mark.parametrize("cut", [":61:2603100310C7", ":62F"])
def test_a_file_that_is_cut_off_is_refused(cut: str, tmp_path: Path) -> None:
    """A statement has a closing balance: without it the end is missing."""
    text = statement(":61:2603100310C10,NTRF", ":61:2603100310C7,NTRF", closing="C260310EUR1017,00")
    with pytest.raises(FileRefused, match="cut off"):
        read_statement(put(tmp_path, "a.sta", text[: text.index(cut)]))


@pytest.mark.parametrize(("text", "said"), [(":25:1\n:28C:1\n:61:260310C1,N\n", "begins with :20:"),
                                            (":20:A\n:25:1\n:28C:1\n:60F:C260310EURO1\n:62F:C260310EUR1,\n", "expected a balance")])  # fmt: skip
def test_what_is_no_statement_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """In words, with its line."""
    with pytest.raises(FileRefused, match=said):
        read_statement(put(tmp_path, "a.sta", text), "mt940")


def test_the_same_file_twice_has_the_same_lines(tmp_path: Path) -> None:
    """Whatever the file is called."""
    text = statement(":61:2603100310C10,NTRF", ":86:Order 1001", closing="C260310EUR1010,00")
    first, second = (read_statement(put(tmp_path, name, text)) for name in ("a.sta", "b.txt"))
    assert [(t.thing, t.text) for t in first.told] == [(t.thing, t.text) for t in second.told]


def test_a_blank_at_the_end_of_a_full_line_parts_two_numbers(tmp_path: Path) -> None:
    """Lines are cut at 65 characters wherever that is: a blank there is the text's own. A record that is filled up with
    blanks to 80 breaks its words all the same."""
    line = "/EREF/E2E-42/ORDP//NAME/Acme BV/REMI/payment of some orders 1001 "
    whole = f"/ORDP//NAME/Acme BV/REMI/{'x' * 35} Bes"
    assert (len(line), len(whole)) == (65, 64)
    text = statement(
        ":61:2603100310C20,00NTRFEREF//93381", f":86:{line}", "2002",
        ":61:2603100310C30,00NTRFPREF//93382", f":86:{whole}t{' ' * 15}", "ellung 3003",
        closing="C260310EUR1050,00",
    )  # fmt: skip
    found = read_statement(put(tmp_path, "a.sta", text))
    assert "1001 2002" in found.told[0].text
    assert "Bestellung 3003" in found.told[1].text
    # That the reference stands in the text is no reference: it would be the same one on every line of the bank.
    assert [set(one.references) for one in found.lines] == [
        {"booking:93381", "bank_reference:E2E-42"}, {"booking:93382"}]  # fmt: skip


def test_polish_parts_with_another_sign(tmp_path: Path) -> None:
    text = statement(
        ":61:2603100310C20,50N641NONREF//BR08167000001", "641Przelew krajowy",
        ":86:641^00PRZELEW KRAJOWY^3010600076^20WPLATA 1001^32JAN KOWALSKI^38PL54106000760000777777777777",
        closing="C260310EUR1020,50",
    )  # fmt: skip
    told = read_statement(put(tmp_path, "a.sta", text)).told[0]
    assert told.counterpart is not None
    assert (told.counterpart.name, told.counterpart.account) == ("JAN KOWALSKI", "PL54106000760000777777777777")
    assert "WPLATA 1001" in told.text
    assert "KOWALSKI" not in told.text
