"""ISO 20022 statements: versions, states, collective entries, balances, hostile files."""

from __future__ import annotations

import resource
from decimal import Decimal
from pathlib import Path

import pytest

from tests.importing.statements.bank_files import OWN, money, open_statement, put, read_statement, recognised
from twofold.errors import FileRefused

ROOTS = {
    "053": ("BkToCstmrStmt", "Stmt"),
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def balance(code: str, amount: str, side: str = "CRDT", day: str = "2026-03-10") -> str:
    return (f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>"
            f"<Dt><Dt>{day}</Dt></Dt></Bal>")  # fmt: skip


def entry(
    amount: str, side: str = "CRDT", *, state: str = "<Sts>BOOK</Sts>", ref: str = "", details: str = "", more: str = "",
    day: str = "2026-03-10",
) -> str:  # fmt: skip
    ref = f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else ""
    return (f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{more}{state}<BookgDt><Dt>{day}</Dt></BookgDt>"
            f"<ValDt><Dt>{day}</Dt></ValDt>{ref}<BkTxCd/>{details}</Ntry>")  # fmt: skip


def document(*entries: str, kind: str = "053", version: str = "02", balances: str = "", prefix: str = "", head: str = "",
             account: str = f"<IBAN>{OWN}</IBAN>", second: str = "") -> str:  # fmt: skip
    root, report = ROOTS[kind]
    name = f"urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}"
    space = f"xmlns:{prefix}='{name}'" if prefix else f"xmlns='{name}'"
    body = (f"<{report}><Id>STMT-1</Id><ElctrncSeqNb>17</ElctrncSeqNb><CreDtTm>2026-03-11T03:00:00</CreDtTm>{head}"
            f"<Acct><Id>{account}</Id><Ccy>EUR</Ccy></Acct>{balances}{''.join(entries)}</{report}>")  # fmt: skip
    text = f"<Document><{root}><GrpHdr><MsgId>M1</MsgId></GrpHdr>{body}{second}</{root}></Document>"
    if prefix:
        text = text.replace("<", f"<{prefix}:").replace(f"<{prefix}:/", f"</{prefix}:")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + text.replace("Document>", f"Document {space}>", 1)


DETAIL = (
    "<NtryDtls><TxDtls><Refs><EndToEndId>ORDER-1001</EndToEndId><TxId>T77</TxId></Refs>"
    "<RltdPties><Dbtr><Nm>Nino Beridze</Nm></Dbtr><DbtrAcct><Id><IBAN>GE29NB0000000101904917</IBAN></Id></DbtrAcct>"
    "<Cdtr><Nm>Our Shop</Nm></Cdtr></RltdPties>"
    "<RmtInf><Ustrd>Order 1001 </Ustrd><Ustrd>thank you</Ustrd><Strd><CdtrRefInf><Tp/><Ref>RF18 5390 0754 7034</Ref></CdtrRefInf>"
    "</Strd></RmtInf></TxDtls></NtryDtls>"
)


@pytest.mark.parametrize("version", ["02", "03", "04", "06", "08", "10", "13"])
@pytest.mark.parametrize("prefix", ["", "ns2"])
def test_every_version_reads_alike(version: str, prefix: str, tmp_path: Path) -> None:
    """Elements are known by their local names; from version 8 on a state and a party's name stand one deeper."""
    state = "<Sts>BOOK</Sts>" if version < "08" else "<Sts><Cd>BOOK</Cd></Sts>"
    details = DETAIL
    if version >= "08":
        details = details.replace("<Dbtr><Nm>Nino Beridze</Nm></Dbtr>", "<Dbtr><Pty><Nm>Nino Beridze</Nm></Pty></Dbtr>")
    text = document(
        entry("120.50", state=state, ref="2026031000017", details=details),
        entry("20", "DBIT", state=state, ref="2026031000018"),
        version=version, prefix=prefix, balances=balance("OPBD", "1000.00") + balance("CLBD", "1100.50") + balance("CLAV", "9.99"),
    )  # fmt: skip
    found = read_statement(put(tmp_path, "a.xml", text))
    assert found.format == "camt"
    assert found.amounts == money("120.50", "-20")
    first = found.told[0]
    assert first.counterpart is not None
    assert (first.counterpart.name, first.counterpart.account) == ("Nino Beridze", "GE29NB0000000101904917")
    assert first.text == "Order 1001 thank you"
    line = found.lines[0]
    assert line.account == OWN
    assert line.id == "2026031000017:120.5"
    wanted = {"creditor:RF18539007547034", "bank_reference:ORDER-1001", "booking:2026031000017"}
    assert set(line.references) >= wanted
    (statement,) = found.statements
    assert (statement.id, statement.opening, statement.closing) == ("17", Decimal("1000.00"), Decimal("1100.50"))
    assert statement.entries == Decimal("100.50")
    assert not found.unbalanced
    assert not found.problems


@pytest.mark.parametrize("first", ["OPBD", "PRCD"])
def test_the_opening_balance_is_believed_before_the_last_closing_one(first: str, tmp_path: Path) -> None:
    """A bank that says both, and a closing balance of days before that is another: whichever stands first."""
    told = {"OPBD": balance("OPBD", "100.00"), "PRCD": balance("PRCD", "90.00", day="2026-03-06")}
    both = told[first] + told["PRCD" if first == "OPBD" else "OPBD"]
    found = read_statement(put(tmp_path, "a.xml", document(entry("5.00"), balances=both + balance("CLBD", "105.00"))))
    assert found.statements[0].opening == Decimal("100.00")
    assert not found.unbalanced


def test_what_is_not_booked_moves_no_money(tmp_path: Path) -> None:
    """PDNG and INFO are read, and stand in no sum; a state that nobody knows costs its entry."""
    text = document(
        entry("50.00", ref="REF000001"), entry("70.00", state="<Sts>PDNG</Sts>", ref="REF000002"),
        entry("80.00", state="<Sts>INFO</Sts>"), entry("90.00", state="<Sts>WAIT</Sts>"),
        balances=balance("PRCD", "0.00") + balance("CLBD", "50.00"),
    )  # fmt: skip
    found = read_statement(put(tmp_path, "a.xml", text))
    assert [(line.gross, line.status) for line in found.lines] == [
        (Decimal("50.00"), "booked"), (Decimal("70.00"), "pending"), (Decimal("80.00"), "info")]  # fmt: skip
    assert not found.unbalanced
    assert [(p.row, p.column, p.expected, p.got) for p in found.problems] == [
        (4, "Sts", "BOOK, PDNG, INFO or FUTR", "WAIT")
    ]


def test_a_pending_entry_and_the_same_one_booked_have_one_name(tmp_path: Path) -> None:
    """The state, the booking day and the file are no part of what a line is."""
    waiting = entry("70.00", state="<Sts>PDNG</Sts>", ref="REF000002", day="2026-03-09")
    before = read_statement(put(tmp_path, "a.xml", document(waiting, kind="052")))
    after = read_statement(put(tmp_path, "b.xml", document(entry("70.00", ref="REF000002"))))
    assert before.lines[0].id == after.lines[0].id
    assert [x.lines[0].status for x in (before, after)] == ["pending", "booked"]
    assert before.statements[0].covers_last is False


def parts(*amounts: str) -> str:
    one = "<TxDtls><Refs><EndToEndId>E{0}</EndToEndId></Refs><Amt Ccy='EUR'>{1}</Amt></TxDtls>"
    inside = "".join(one.format(n, a) for n, a in enumerate(amounts, 1))
    return f"<NtryDtls><Btch><MsgId>PAYOUT-9001</MsgId><NbOfTxs>{len(amounts)}</NbOfTxs></Btch>{inside}</NtryDtls>"


def test_a_collective_entry_is_as_many_lines_as_it_has_transactions(tmp_path: Path) -> None:
    """Each with its own amount and reference, all with the batch's; they add up to the entry."""
    text = document(entry("120.00", ref="COLL000001", details=parts("70.00", "50.00")),
                    balances=balance("OPBD", "0") + balance("CLBD", "120.00"))  # fmt: skip
    found = read_statement(put(tmp_path, "a.xml", text))
    assert found.amounts == money("70.00", "50.00")
    assert [line.id for line in found.lines] == ["COLL000001#1:70", "COLL000001#2:50"]
    assert all("bank_reference:PAYOUT-9001" in line.references for line in found.lines)
    assert "bank_reference:E2" in found.lines[1].references
    assert not found.unbalanced


def test_a_collective_entry_whose_parts_do_not_add_up_is_one_line_and_named(tmp_path: Path) -> None:
    """The entry moved the money; the difference is said."""
    text = document(entry("120.00", ref="COLL000001", details=parts("70.00", "49.00")))
    found = read_statement(put(tmp_path, "a.xml", text))
    assert found.amounts == money("120.00")
    (torn,) = found.unbalanced
    assert (torn.what, torn.id, torn.entries, torn.closing, torn.difference) == (
        "batch", "COLL000001", Decimal("119.00"), Decimal("120.00"), Decimal("1.00"))  # fmt: skip


def test_a_collective_entry_without_amounts_inside_is_one_line(tmp_path: Path) -> None:
    """With the references of all its transactions."""
    one = "<TxDtls><Refs><EndToEndId>E{}</EndToEndId></Refs></TxDtls>"
    inside = f"<NtryDtls>{one.format(1)}{one.format(2)}</NtryDtls>"
    found = read_statement(put(tmp_path, "a.xml", document(entry("120.00", details=inside))))
    assert found.amounts == money("120.00")
    assert set(found.lines[0].references) >= {"bank_reference:E1", "bank_reference:E2"}
    assert not found.unbalanced


def test_a_notification_beside_its_statement_banks_no_money_twice(tmp_path: Path) -> None:
    """A single credit has the statement's name; the parts of a collective one are information."""
    single = entry("9.00", ref="SINGLE001")
    collective = entry("120.00", ref="COLL000001", details=parts("70.00", "50.00"))
    told = read_statement(put(tmp_path, "n.xml", document(collective, single, kind="054")))
    booked = read_statement(put(tmp_path, "s.xml", document(entry("120.00", ref="COLL000001"), single)))
    assert [(line.gross, line.status) for line in told.lines] == [
        (Decimal("70.00"), "info"), (Decimal("50.00"), "info"), (Decimal("9.00"), "booked")]  # fmt: skip
    assert told.lines[2].id == booked.lines[1].id
    assert not told.statements
    assert any("parts" in note for note in told.notes)


def test_a_statement_that_does_not_close_is_named_with_its_difference(tmp_path: Path) -> None:
    """Closing less opening less entries, with what was read kept."""
    balances = balance("OPBD", "5.00", "DBIT") + balance("CLBD", "45.01")
    found = read_statement(put(tmp_path, "a.xml", document(entry("50.00"), balances=balances)))
    (torn,) = found.unbalanced
    assert (torn.what, torn.id, torn.opening, torn.entries, torn.closing, torn.difference) == (
        "statement", "17", Decimal("-5.00"), Decimal("50.00"), Decimal("45.01"), Decimal("0.01"))  # fmt: skip
    assert found.amounts == money("50.00")


@pytest.mark.parametrize(("closing", "expected"), [("70.00", ["100.00", "-30.00"]), ("130.00", ["100.00", "30.00"])])
def test_a_reversals_direction_is_the_one_that_closes(closing: str, expected: list[str], tmp_path: Path) -> None:
    """ISO: the indicator is what happened to the account. A bank that writes the original's is found by its balances."""
    text = document(
        entry("100.00", ref="REF000001"), entry("30.00", "DBIT", ref="REF000002", more="<RvslInd>true</RvslInd>"),
        balances=balance("OPBD", "0.00") + balance("CLBD", closing),
    )  # fmt: skip
    found = read_statement(put(tmp_path, "a.xml", text))
    assert found.amounts == money(*expected)
    assert not found.unbalanced
    assert bool(found.notes) == (closing == "130.00")


def test_a_reversal_without_balances_goes_as_its_indicator_says(tmp_path: Path) -> None:
    """Nothing else is known."""
    found = read_statement(put(tmp_path, "a.xml", document(entry("30.00", "DBIT", more="<RvslInd>true</RvslInd>"))))
    assert found.amounts == money("-30.00")


def test_several_statements_each_close_alone(tmp_path: Path) -> None:
    """Two accounts in one file."""
    second = ("<Stmt><Id>S2</Id><Acct><Id><Othr><Id>12-345</Id></Othr></Id><Ccy>EUR</Ccy></Acct>" + balance("OPBD", "1.00")
              + balance("CLBD", "3.00") + entry("2.00") + "</Stmt>")  # fmt: skip
    balances = balance("OPBD", "0") + balance("CLBD", "5.00")
    found = read_statement(put(tmp_path, "a.xml", document(entry("5.00"), balances=balances, second=second)))
    assert [(s.account, s.id, s.entries) for s in found.statements] == [
        (OWN, "17", Decimal("5.00")), ("12-345", "S2", Decimal("2.00"))]  # fmt: skip
    assert not found.unbalanced


def test_more_digits_than_the_currency_has_are_kept(tmp_path: Path) -> None:
    """And compared exactly."""
    balances = balance("OPBD", "0") + balance("CLBD", "0.30001")
    found = read_statement(put(tmp_path, "a.xml", document(entry("0.10000"), entry("0.20001"), balances=balances)))
    assert found.amounts == money("0.10000", "0.20001")
    assert not found.unbalanced


def test_a_conversion_keeps_what_was_before(tmp_path: Path) -> None:
    """The instructed amount, its currency, and the rate that the line says."""
    details = ("<NtryDtls><TxDtls><AmtDtls><InstdAmt><Amt Ccy='USD'>100.00</Amt></InstdAmt><TxAmt><Amt Ccy='EUR'>92.50</Amt>"
               "<CcyXchg><SrcCcy>USD</SrcCcy><TrgtCcy>EUR</TrgtCcy><UnitCcy>USD</UnitCcy><XchgRate>0.925</XchgRate></CcyXchg>"
               "</TxAmt></AmtDtls></TxDtls></NtryDtls>")  # fmt: skip
    (line,) = read_statement(put(tmp_path, "a.xml", document(entry("92.50", details=details)))).lines
    assert (line.gross, line.original, line.original_currency, line.rate) == (
        Decimal("92.50"), Decimal("100.00"), "USD", Decimal("0.925"))  # fmt: skip


def test_an_account_with_its_currency_behind_it_and_broken_check_digits(tmp_path: Path) -> None:
    """The currency is no part of the account; a wrong checksum is a warning, and the account is shown in part."""
    text = document(entry("1.00"), account="<Othr><Id>GE00BG0000000000000001GEL</Id></Othr>").replace("EUR", "GEL")
    found = read_statement(put(tmp_path, "a.xml", text))
    assert found.lines[0].account == "GE00BG0000000000000001"
    assert found.reasons == ["broken_iban"]
    assert found.lines[0].zone == "Asia/Tbilisi"
    assert "BG0000000000000" not in found.problems[0].got


def test_lines_without_a_reference_have_no_id(tmp_path: Path) -> None:
    """NONREF and counters stand for nothing: two equal payments stay two, by their ordinals."""
    text = document(entry("5.00", ref="NONREF"), entry("5.00", ref="NONREF"), entry("5.00", ref="1"))
    assert [line.id for line in read_statement(put(tmp_path, "a.xml", text)).lines] == ["", "", ""]


def test_one_reference_under_two_entries_is_two_lines(tmp_path: Path) -> None:
    """Banks do number alike: neither is lost, and the next reading gives the same names."""
    ref = "BATCH20260310"
    text = document(
        entry("5.00", ref=ref), entry("5.00", ref=ref), entry("6.00", ref=ref), entry("5.00", "DBIT", ref=ref)
    )
    first, again = (read_statement(put(tmp_path, f"{n}.xml", text)) for n in "ab")
    names = [(line.kind, line.id) for line in first.lines]
    assert len(set(names)) == 4
    assert names == [(line.kind, line.id) for line in again.lines]


def test_an_empty_statement_closes_on_its_balances(tmp_path: Path) -> None:
    """A day without entries is evidence too."""
    found = read_statement(put(tmp_path, "a.xml", document(balances=balance("OPBD", "7.00") + balance("CLBD", "7.00"))))
    (statement,) = found.statements
    assert (statement.entries, statement.closing) == (Decimal(0), Decimal("7.00"))
    assert not found.unbalanced


@pytest.mark.parametrize(
    ("change", "column"),
    [(("CRDT", "CREDIT"), "CdtDbtInd"), (("5.00<", "5,00<"), "Amt"), (("5.00<", "-5.00<"), "Amt"),
     (("2026-03-10", "10.03.2026"), "BookgDt"), (("'EUR'", "'USD'"), "Amt@Ccy")],
)  # fmt: skip
def test_an_entry_that_cannot_be_read_costs_itself(change: tuple[str, str], column: str, tmp_path: Path) -> None:
    """With its place among the entries, what was expected and the shape of what stood there."""
    text = document(entry("4.00"), entry("5.00").replace(*change), entry("6.00"))
    found = read_statement(put(tmp_path, "a.xml", text))
    assert found.amounts == money("4.00", "6.00")
    assert [(p.row, p.column) for p in found.refused] == [(2, column)]


def test_encodings(tmp_path: Path) -> None:
    """UTF-16 with its mark, a declared Windows-1252, an undeclared one, a mark before UTF-8, and line ends of Windows."""
    details = "<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>Müller</Nm></Dbtr></RltdPties></TxDtls></NtryDtls>"
    text = document(entry("5.00", details=details)).replace("><", ">\r\n<")
    declared = text.replace('"UTF-8"', '"windows-1252"')
    files = [
        put(tmp_path, "a.xml", text.replace('"UTF-8"', '"UTF-16"'), "utf-16"),
        put(tmp_path, "b.xml", declared, "cp1252"),
        put(tmp_path, "c.xml", text, "cp1252"),
        put(tmp_path, "d.xml", text, "utf-8-sig"),
    ]
    for path in files:
        found = read_statement(path)
        assert found.told[0].counterpart is not None, path
        assert found.told[0].counterpart.name == "Müller", path
        assert found.amounts == money("5.00")


@pytest.mark.parametrize(
    "evil",
    [
        '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_entities_are_refused_before_anything_is_read(evil: str, tmp_path: Path) -> None:
    """Neither expanded nor fetched."""
    text = document(entry("5.00")).replace("<Document", evil + "<Document")
    with pytest.raises(FileRefused, match="document type or entities"):
        read_statement(put(tmp_path, "a.xml", text))


@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_a_file_that_is_cut_off_is_refused(part: float, tmp_path: Path) -> None:
    """Wherever the cut is."""
    text = document(*(entry(f"{n}.00") for n in range(1, 200)))
    path = put(tmp_path, "a.xml", text[: int(len(text) * part)])
    with pytest.raises(FileRefused, match="cut off"):
        read_statement(path)


def test_another_xml_is_no_statement(tmp_path: Path) -> None:
    """A payment order is not recognised, and refused when it is called one."""
    path = put(tmp_path, "a.xml", "<Document xmlns='x'><CstmrCdtTrfInitn/></Document>")
    assert recognised(path) == ""
    with pytest.raises(FileRefused, match="expected a statement"):
        read_statement(path, "camt")


def test_a_large_file_is_read_as_a_stream(tmp_path: Path) -> None:
    """20,000 entries with details: the memory does not grow with the file."""
    path = tmp_path / "a.xml"
    head, _, rest = document(entry("1.00", details=DETAIL)).partition("<Ntry>")
    one, _, tail = rest.partition("</Ntry>")
    with path.open("w") as file:
        file.write(head)
        for _ in range(20_000):
            file.write(f"<Ntry>{one}</Ntry>\n")
        file.write(tail)
    opened = open_statement(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in opened.items()) == 20_001
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KiB
    assert opened.bytes_read > path.stat().st_size // 2
