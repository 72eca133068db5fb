"""OFX 1 and 2: tags without ends, amounts and days as banks write them, counters as FITID, hostile files."""

from __future__ import annotations

import resource
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.importing.statements.bank_files import OWN, money, open_statement, put, read_statement, recognised
from tests.importing.statements.test_import_lines import Folder
from twofold.errors import FileRefused

HEAD = ("OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n"
        "OLDFILEUID:NONE\nNEWFILEUID:NONE\n\n")  # fmt: skip


def transaction(amount: str, fitid: str, *, day: str = "20260310", memo: str = "Order 1001", more: str = "") -> str:
    return (f"<STMTTRN>\n<TRNTYPE>CREDIT\n<DTPOSTED>{day}\n<TRNAMT>{amount}\n<FITID>{fitid}\n<NAME>Nino Beridze\n"
            f"<MEMO>{memo}\n{more}</STMTTRN>\n")  # fmt: skip


def sgml(*transactions: str, account: str = OWN, currency: str = "EUR", balance: str = "1100.50", head: str = HEAD,
         end: str = "</OFX>\n") -> str:  # fmt: skip
    return (f"{head}<OFX>\n<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260311<LANGUAGE>ENG"
            f"</SONRS></SIGNONMSGSRSV1>\n<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STMTRS>\n<CURDEF>{currency}\n<BANKACCTFROM>\n"
            f"<BANKID>37040044\n<ACCTID>{account}\n<ACCTTYPE>CHECKING\n</BANKACCTFROM>\n<BANKTRANLIST>\n<DTSTART>20260309\n"
            f"<DTEND>20260310\n{''.join(transactions)}</BANKTRANLIST>\n<LEDGERBAL>\n<BALAMT>{balance}\n<DTASOF>20260310\n"
            f"</LEDGERBAL>\n<AVAILBAL>\n<BALAMT>9.99\n<DTASOF>20260310\n</AVAILBAL>\n</STMTRS></STMTTRNRS></BANKMSGSRSV1>\n{end}")  # fmt: skip


def xml(text: str) -> str:
    """The same as OFX 2: every element with its end."""
    import re

    body = text[text.index("<OFX>") :]
    body = re.sub(r"<([A-Z0-9.]+)>([^<\n]+)\n?", r"<\1>\2</\1>", body)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="220" SECURITY="NONE"?>\n{body}'


@pytest.mark.parametrize("form", ["sgml", "xml"])
def test_both_versions_read_alike(form: str, tmp_path: Path) -> None:
    """With and without end tags."""
    text = sgml(
        transaction("+120.50", "F2026031000017"), transaction("-20.00", "F2026031000018", memo="Rent &amp; more")
    )
    path = put(tmp_path, "a.ofx", xml(text) if form == "xml" else text)
    assert recognised(path) == "ofx"
    found = read_statement(path)
    assert found.amounts == money("120.50", "-20.00")
    assert [line.id for line in found.lines] == ["F2026031000017", "F2026031000018"]
    assert {line.account for line in found.lines} == {OWN}
    assert found.told[1].text == "Rent & more"
    assert found.told[0].counterpart is not None
    assert found.told[0].counterpart.name == "Nino Beridze"
    (whole,) = found.statements
    assert (whole.since, whole.until, whole.opening, whole.closing) == (
        "2026-03-09",
        "2026-03-10",
        None,
        Decimal("1100.50"),
    )
    assert not found.problems


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("000120.5000", "120.5"),
        ("+50", "50"),
        ("-0,05", "-0.05"),
        ("1234.5678", "1234.5678"),
        (".50", "0.50"),
        ("- 7.00", "-7"),
    ],
)
def test_amounts_as_banks_write_them(amount: str, expected: str, tmp_path: Path) -> None:
    """Zeros in front, a plus, four digits, a comma."""
    assert read_statement(put(tmp_path, "a.ofx", sgml(transaction(amount, "F2026031000017")))).amounts == money(
        expected
    )


@pytest.mark.parametrize(
    "day",
    ["20260310", "20260310120000", "20260310000000[-5:EST]", "20260310235959.123[+4:GET]", "20260310120000[0:GMT]"],
)
def test_the_day_is_the_banks(day: str, tmp_path: Path) -> None:
    """The bracket names a clock, not another day."""
    (line,) = read_statement(put(tmp_path, "a.ofx", sgml(transaction("1", "F2026031000017", day=day)))).lines
    assert datetime.fromtimestamp(line.at, UTC).strftime("%Y-%m-%d") == "2026-03-10"


def test_a_counter_is_no_id(tmp_path: Path) -> None:
    """ "1" in every file would be one line for ever: the fingerprint stands for it."""
    found = read_statement(
        put(tmp_path, "a.ofx", sgml(transaction("5", "1"), transaction("6", "2"), transaction("7", "0003")))
    )
    assert [line.id for line in found.lines] == ["", "", ""]


def test_a_counter_with_zeros_before_it_is_no_id_either(tmp_path: Path) -> None:
    """1 to n are the file's own; the same digits that are no run are the bank's."""
    counted = sgml(*(transaction("5", f"{n:08}") for n in range(1, 4)))
    assert [line.id for line in read_statement(put(tmp_path, "a.ofx", counted)).lines] == ["", "", ""]
    banks = sgml(*(transaction("5", f"{n:08}") for n in (20261, 20262, 20263)))
    assert [line.id for line in read_statement(put(tmp_path, "b.ofx", banks)).lines] == [
        "00020261",
        "00020262",
        "00020263",
    ]


def test_transactions_that_are_never_closed(tmp_path: Path) -> None:
    """The next one, or the list's end, ends the one before."""
    text = sgml(transaction("5", "F2026031000017"), transaction("6", "F2026031000018")).replace("</STMTTRN>\n", "")
    assert read_statement(put(tmp_path, "a.ofx", text)).amounts == money("5", "6")


def test_an_id_used_twice_is_two_lines(tmp_path: Path) -> None:
    """And the same two in the next file."""
    one = transaction("5", "F2026031000017")
    first, again = (read_statement(put(tmp_path, f"{n}.ofx", sgml(one, one))) for n in "ab")
    assert [line.id for line in first.lines] == ["F2026031000017", "F2026031000017/2"]
    assert first.lines == again.lines


@pytest.mark.parametrize(
    ("bad", "column"),
    [(transaction("1,234.50", "F1234567"), "TRNAMT"), (transaction("five", "F1234567"), "TRNAMT"),
     (transaction("5", "F1234567", day="20260230"), "DTPOSTED"), (transaction("5", "F1234567", day="10.03.2026"), "DTPOSTED"),
     (transaction("5", "F1234567", more="<CURRENCY><CURRATE>1<CURSYM>USD</CURRENCY>"), "CURRENCY")],
)  # fmt: skip
def test_a_transaction_that_cannot_be_read_costs_itself(bad: str, column: str, tmp_path: Path) -> None:
    """With the line at which it begins."""
    text = sgml(transaction("4", "F2026031000001"), bad, transaction("6", "F2026031000002"))
    found = read_statement(put(tmp_path, "a.ofx", text))
    assert found.amounts == money("4", "6")
    assert [(p.row, p.column) for p in found.refused] == [(text[: text.index(bad)].count("\n") + 1, column)]


def test_several_statements(tmp_path: Path) -> None:
    """A bank account and a card in one file, each with its own currency."""
    first = sgml(transaction("5", "F2026031000017"), end="")
    second = sgml(transaction("6", "F2026031000017"), account="5500-1", currency="USD", head="").replace(
        "STMTRS", "CCSTMTRS"
    )
    found = read_statement(put(tmp_path, "a.ofx", first + second.replace("<OFX>", "")))
    assert [(s.account, s.currency, s.entries) for s in found.statements] == [
        (OWN, "EUR", Decimal(5)),
        ("5500-1", "USD", Decimal(6)),
    ]
    assert [line.id for line in found.lines] == ["F2026031000017"] * 2


def test_an_empty_statement_is_one(tmp_path: Path) -> None:
    """Its balance is evidence."""
    found = read_statement(put(tmp_path, "a.ofx", sgml()))
    assert [(s.closing, s.entries) for s in found.statements] == [(Decimal("1100.50"), Decimal(0))]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_the_bytes_decide_the_encoding(encoding: str, tmp_path: Path) -> None:
    """Banks write CHARSET:1252 above UTF-8."""
    text = sgml(transaction("5", "F2026031000017", memo="Müller")).replace("\n", "\r\n")
    assert read_statement(put(tmp_path, "a.ofx", text, encoding)).told[0].text == "Müller"


@pytest.mark.parametrize("part", [0.4, 0.7, 0.985])
def test_a_file_that_is_cut_off_is_refused(part: float, tmp_path: Path) -> None:
    """Without its last tag it is not whole."""
    text = sgml(*(transaction(f"{n}.00", f"F20260310{n:05}") for n in range(1, 100)))
    with pytest.raises(FileRefused, match="cut off"):
        read_statement(put(tmp_path, "a.ofx", text[: int(len(text) * part)]))


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    """They are text."""
    evil = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n'
    text = xml(sgml(transaction("5", "F2026031000017", memo="&b;"))).replace("<OFX>", evil + "<OFX>")
    assert read_statement(put(tmp_path, "a.ofx", text)).told[0].text == "&b;"


def test_a_currency_is_never_assumed(tmp_path: Path) -> None:
    """Refused without one, read with the operator's."""
    text = sgml(transaction("5", "F2026031000017")).replace("<CURDEF>EUR\n", "")
    path = put(tmp_path, "a.ofx", text)
    with pytest.raises(FileRefused, match="--currency"):
        read_statement(path)
    assert read_statement(path, currency="EUR").lines[0].currency == "EUR"


def test_a_large_file_is_read_as_a_stream(tmp_path: Path) -> None:
    """30,000 transactions and a value without end: the memory does not grow with the file."""
    path = put(tmp_path, "a.ofx", sgml(*(transaction("1.00", f"F20260310{n:07}") for n in range(30_000))))
    opened = open_statement(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in opened.items()) == 30_001
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KiB
    endless = put(tmp_path, "b.ofx", HEAD + "<OFX><STMTRS><CURDEF>" + "x" * 1_000_000)
    with pytest.raises(FileRefused, match="without one"):
        read_statement(endless)


def test_a_cards_number_is_not_kept_whole(tmp_path: Path) -> None:
    """Its statement names it in full. It is known again by what stays, and another card that looks alike stays another."""
    folder = Folder(tmp_path)
    cards = ("4111111111111111", "4111110000091111")
    for number in cards:
        text = sgml(transaction("-10.00", f"F20260310{number[8:12]}"), account=number).replace(
            "BANKACCTFROM", "CCACCTFROM"
        )
        path = folder.put(f"{number}.ofx", text.replace("STMTRS", "CCSTMTRS"))
        code, _, told = folder.take("bank", path, "--account", number)
        assert code == 0, told
    kept = folder.standing()
    assert kept.count(b"411111") == 4  # a line and a statement each
    assert len({part.split(b'"')[0] for part in kept.split(b'"account":"')[1:]}) == 2
    everything = b"".join(path.read_bytes() for path in folder.data.rglob("*") if path.is_file())
    assert not any(number.encode() in everything for number in cards)
