"""The report of what was not understood: harmless in a spreadsheet, lossless as JSON lines."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from made_files import only, written

from twofold.importing.readers.problems import ProblemReport, RowProblem
from twofold.importing.readers.values import unquoted

BEGINNINGS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "  +", " -", " @"]
BODIES = ["1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://x.example","y")', "SUM(A1:A9)"]
PAYLOADS = [beginning + body for beginning in BEGINNINGS for body in BODIES]


def problem(text: str) -> RowProblem:
    return RowProblem(file=text, row=7, column=text, expected="an amount", got=text, reason="bad_amount")


def test_there_are_sixty_payloads() -> None:
    """So many ways for a cell to be run as a formula are tried."""
    assert len(set(PAYLOADS)) == 60


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_of_the_csv_begins_like_a_formula(payload: str, tmp_path: Path) -> None:
    """Read back as a spreadsheet reads it, every text begins with an apostrophe; numbers stay numbers."""
    path = tmp_path / "report.csv"
    with ProblemReport(path) as report:
        report.write([problem(payload)])
    with path.open(newline="", encoding="utf-8") as file:
        header, row = list(csv.reader(file))
    assert header == ["kind", "file", "row", "column", "expected", "got", "reason"]
    assert [row[1], row[3], row[5]] == [f"'{payload}"] * 3
    assert row[2] == "7"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_json_lines_say_it_as_it_is(payload: str, tmp_path: Path) -> None:
    """One object a line whatever the text holds."""
    path = tmp_path / "report.jsonl"
    with ProblemReport(path) as report:
        report.write([problem(payload), problem("x")])
    first, _ = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(first)["got"] == payload


def test_a_protected_cell_is_imported_as_it_was(tmp_path: Path) -> None:
    """What a spreadsheet-safe CSV holds comes back without its apostrophe."""
    assert [unquoted(f"'{text}") for text in ("=A1", "+49151", "-5", "@x")] == ["=A1", "+49151", "-5", "@x"]
    path = written(tmp_path, "order_id,placed_at,total,currency,refunded\n'0071,2026-05-14,'1.00,EUR,'-0.50\n")
    found = only(path)
    assert found.order is not None
    assert (found.order.order_id, str(found.order.refunds[0].amount)) == ("0071", "0.50")
