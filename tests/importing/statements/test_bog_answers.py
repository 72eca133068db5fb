"""Bank of Georgia's answers as JSON: ids in their text forms, the account's own currency, pages, today's activities."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.importing.statements.bank_files import money, put, read_statement, recognised
from twofold.errors import FileRefused

ACCOUNT = "GE28BG0000000101904917"
OTHER = "GE85TB7000000000000001"


def record(number: int, **more: Any) -> dict[str, Any]:
    return {
        "EntryDate": "2026-03-10T00:00:00", "EntryId": 5_000_000_000 + number, "EntryDocumentNumber": f"10{number}",
        "EntryAccountNumber": f"{ACCOUNT}GEL", "EntryAmountDebit": 0, "EntryAmountDebitBase": 0, "EntryAmountCredit": 50.25,
        "EntryAmountCreditBase": 50.25, "EntryAmount": 50.25, "EntryAmountBase": 50.25, "EntryComment": "transfer",
        "DocumentProductGroup": "PMI", "DocumentValueDate": "2026-03-11T00:00:00",
        "SenderDetails": {"Name": "ნინო ბერიძე", "Inn": "01010101010", "AccountNumber": OTHER, "BankCode": "TBCBGE22", "BankName": "TBC"},
        "BeneficiaryDetails": {"Name": "Shop", "Inn": "400000000", "AccountNumber": ACCOUNT, "BankCode": "BAGAGE22", "BankName": "BOG"},
        "DocumentNomination": "Order 1001", "DocumentInformation": None, "DocumentSourceAmount": 50.25,
        "DocumentSourceCurrency": "GEL", "DocumentDestinationAmount": 50.25, "DocumentDestinationCurrency": "GEL",
        "DocumentRate": None, "DocumentKey": 7_000_000_000 + number, **more,
    }  # fmt: skip


def answer(*records: Any, count: int | None = None) -> str:
    return json.dumps(
        {"Id": 99, "Count": len(records) if count is None else count, "Records": list(records)}, ensure_ascii=False
    )


DEBIT = {"EntryAmountDebit": 20, "EntryAmountCredit": 0, "EntryAmount": -20}


def test_an_answer_of_the_statement(tmp_path: Path) -> None:
    """Credit and debit, the other side by the direction, the day as the bank has it."""
    path = put(tmp_path, "statement.json", answer(record(1), record(2, **DEBIT)))
    assert recognised(path) == "bog-json"
    found = read_statement(path)
    assert found.amounts == money("50.25", "-20")
    assert [line.id for line in found.lines] == ["5000000001", "5000000002"]
    assert {(line.account, line.currency, line.zone) for line in found.lines} == {(ACCOUNT, "GEL", "Asia/Tbilisi")}
    assert [t.counterpart.name for t in found.told if t.counterpart] == ["ნინო ბერიძე", "Shop"]
    assert found.told[0].text == "transfer Order 1001"
    assert found.lines[0].at == 1773086400  # 2026-03-10 00:00 in Tbilisi
    assert found.lines[0].references == ("booking:101", "booking:7000000001")
    assert [(s.since, s.until, s.entries) for s in found.statements] == [("2026-03-10", "2026-03-10", Decimal("30.25"))]
    assert not found.problems


@pytest.mark.parametrize("text", ["5000000001", '"5000000001"', '"5000000001.0"', "5000000001.0"])
def test_an_id_has_one_text_form(text: str, tmp_path: Path) -> None:
    """Text, number, either with a fraction of nothing."""
    body = answer(record(1)).replace('"EntryId": 5000000001', f'"EntryId": {text}')
    assert [line.id for line in read_statement(put(tmp_path, "a.json", body)).lines] == ["5000000001"]


def test_money_is_exact(tmp_path: Path) -> None:
    """No amount passes through a float, whether it is a number or text."""
    body = answer(record(1), record(2, EntryAmountCredit="0.30", EntryAmount="0.30")).replace(
        "50.25", "1234567890123.45"
    )
    assert read_statement(put(tmp_path, "a.json", body)).amounts == money("1234567890123.45", "0.30")


def test_the_accounts_currency_is_trusted(tmp_path: Path) -> None:
    """In a conversion the record's destination currency was seen wrong."""
    converted = record(1, EntryAccountNumber=f"{ACCOUNT}USD", DocumentProductGroup="CCO", DocumentSourceCurrency="GEL",
                       DocumentSourceAmount=135.68, DocumentDestinationCurrency="GEL")  # fmt: skip
    (line,) = read_statement(put(tmp_path, "a.json", answer(converted))).lines
    assert (line.currency, line.original, line.original_currency) == ("USD", Decimal("135.68"), "GEL")


def test_accounts_and_currencies_are_statements_of_their_own(tmp_path: Path) -> None:
    """One account a statement."""
    found = read_statement(put(tmp_path, "a.json", answer(record(1), record(2, EntryAccountNumber=f"{ACCOUNT}USD"))))
    assert [(s.account, s.currency) for s in found.statements] == [(ACCOUNT, "GEL"), (ACCOUNT, "USD")]


def test_a_page_says_that_others_are_missing(tmp_path: Path) -> None:
    """An answer has at most 1,000 records."""
    found = read_statement(put(tmp_path, "a.json", answer(record(1), count=1_500)))
    assert "1500 records" in found.notes[0]
    assert found.statements[0].covers_last is False


TODAY = {
    "Id": 5_000_000_001, "DocKey": 7_000_000_001, "DocNo": "101", "PostDate": "2026-03-10T14:03:11", "ValueDate": "2026-03-10T00:00:00",
    "EntryComment": "transfer", "EntryCommentEn": "transfer", "Nomination": "Order 1001", "Credit": 50.25, "Debit": 0, "Amount": 50.25,
    "AmountBase": 50.25, "PayerName": "ნინო ბერიძე", "PayerInn": None,
    "Sender": {"Name": "ნინო ბერიძე", "AccountNumber": OTHER}, "Beneficiary": {"Name": "Shop", "AccountNumber": f"{ACCOUNT}GEL"},
}  # fmt: skip


def test_todays_activities_are_the_lines_of_tomorrows_statement(tmp_path: Path) -> None:
    """The same id, account and currency; the day is not over."""
    path = put(tmp_path, "today_GEL.json", json.dumps([TODAY, {**TODAY, "Id": 5_000_000_003, "Credit": 0, "Debit": 5, "Amount": 5,
               "Sender": TODAY["Beneficiary"], "Beneficiary": TODAY["Sender"]}]))  # fmt: skip
    assert recognised(path) == "bog-json"
    today = read_statement(path)
    assert today.amounts == money("50.25", "-5")
    later = read_statement(put(tmp_path, "b.json", answer(record(1))))
    pick = lambda line: (line.id, line.account, line.currency, line.kind, line.at)  # noqa: E731
    assert pick(today.lines[0]) == pick(later.lines[0])
    assert today.statements[0].covers_last is False


@pytest.mark.parametrize(
    ("change", "column"),
    [({"EntryDate": "yesterday", "DocumentValueDate": None}, "EntryDate"), ({"EntryAmountCredit": "much"}, "EntryAmountCredit"),
     ({"EntryAmount": 51}, "EntryAmount"), ({"EntryAmountCredit": None, "EntryAmountDebit": None, "EntryAmount": None}, "EntryAmountCredit")],
)  # fmt: skip
def test_a_record_that_cannot_be_read_costs_itself(change: dict[str, Any], column: str, tmp_path: Path) -> None:
    """With its place in the file."""
    found = read_statement(put(tmp_path, "a.json", answer(record(1), record(2, **change), "text", record(3))))
    assert found.amounts == money("50.25", "50.25")
    assert [(p.row, p.column) for p in found.refused] == [(2, column), (3, "")]


@pytest.mark.parametrize("part", [0.5, 0.98])
def test_a_file_that_is_cut_off_is_refused(part: float, tmp_path: Path) -> None:
    """Nothing of it is read."""
    text = answer(*(record(n) for n in range(20)))
    with pytest.raises(FileRefused, match="whole JSON"):
        read_statement(put(tmp_path, "a.json", text[: int(len(text) * part)]), "bog-json")


def test_another_json_is_refused(tmp_path: Path) -> None:
    """Neither recognised nor read as a statement."""
    path = put(tmp_path, "a.json", '{"orders": []}')
    assert recognised(path) == ""
    with pytest.raises(FileRefused, match="expected Records"):
        read_statement(path, "bog-json")


def test_a_currency_is_never_assumed(tmp_path: Path) -> None:
    """Neither behind the account nor in the name nor in the records: asked for."""
    bare = record(1, EntryAccountNumber=ACCOUNT, DocumentSourceCurrency=None, DocumentDestinationCurrency=None)
    with pytest.raises(FileRefused, match="--currency"):
        read_statement(put(tmp_path, "a.json", answer(bare)))
    assert read_statement(put(tmp_path, "a.json", answer(bare)), currency="GEL").lines[0].currency == "GEL"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    """With a mark before it."""
    found = read_statement(put(tmp_path, "a.json", answer(record(1)), encoding))
    assert found.told[0].counterpart is not None
    assert found.told[0].counterpart.name == "ნინო ბერიძე"
