"""Files that were cut, altered or made to harm: a reader gives rows, problems with their row, or refuses; nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.importing.readers.made_files import workbook
from tests.importing.statements.statement_files import read, written
from tests.importing.statements.test_read_advertising import AD, GOOGLE, OWN, TIKTOK, TOTALS, meta
from tests.importing.statements.test_read_advertising_answers import (
    ACCOUNT,
    ADVERTISER,
    ROW,
    google,
    page,
    tiktok,
    tiktok_row,
)
from tests.importing.statements.test_read_ga4 import EVENTS, EXPLORATION, ONE, REPORT, TWO, answer
from tests.importing.statements.test_read_rates_costs import COSTS, HIST, nbg
from twofold.errors import FileRefused
from twofold.importing.readers.tables import survey_file
from twofold.importing.statements import advertising, tables
from twofold.importing.statements.formats import recognise
from twofold.ledger.identity import name_of
from twofold.ledger.lines import encode_thing

FORMATS = (*advertising.FORMATS, *tables.FORMATS)


def text(*values) -> str:
    import json

    return "\n".join(value if isinstance(value, str) else json.dumps(value) for value in values)


FILES = {
    "meta-ads": (meta(f"{AD},2026-03-10,40.00,300,2,3,295.00,,,2026-03-10,2026-03-10", ",,,,,,,40.00,,,,,,,2026-03-10,2026-03-10"), "a.csv"),
    "google-ads": (GOOGLE + TOTALS, "a.csv"),
    "tiktok-ads": (TIKTOK + "2026-03-10,Look,Group,Film,1780000000000001,USD,12.50,2.10,5951,33,<5,6.25,https://shop.example/\n", "a.csv"),
    "spend": (OWN, "a.csv"),
    "meta-insights": (text(ACCOUNT, page(ROW, ROW)), "a.jsonl"),
    "google-ads-api": (text([{"results": [google()], "requestId": "1", "fieldMask": "x"}]), "a.json"),
    "tiktok-report": (text(ADVERTISER, tiktok(tiktok_row())), "a.jsonl"),
    "ga4-csv": (REPORT.format(start="20260310", end="20260310") + "\n" + EXPLORATION, "a.csv"),
    "ga4-api": (text(answer(ONE, TWO)), "a.json"),
    "ga4-bigquery": (text(*EVENTS), "a.jsonl"),
    "ecb": (HIST, "a.csv"),
    "nbg": (text([nbg()]), "a.json"),
    "rates": ("date,currency,per,rate,base\n2026-03-10,USD,1,2.7,GEL\n", "a.csv"),
    "costs": (COSTS, "a.csv"),
    "survey": ("order_id,answered_at,answer,detail\n1001,2026-03-10,TV,words\n", "a.csv"),
}  # fmt: skip
ODD = ["\x00", "\ufeff", "\u202e", "９", "١", "=1+1", '"', "'", ",", ";", "\t", "\n", "\r", "-", "1e999", "NaN", "Infinity", "-0", "1.2E+15", "∞",
       "{", "}", "[", "null", "true", "\\ud800", "\\u0000", "99999999999999999999999", "0x1F", "²", "1_000", "31.02.2026", "0000-00-00"]  # fmt: skip


def altered(content: str, drawn: random.Random) -> bytes:
    """One to four alterations: odd text put in or over, a part doubled, moved or taken out, bytes flipped, the end cut."""
    for _ in range(drawn.randint(1, 4)):
        here = drawn.randrange(len(content) + 1)
        there = min(len(content), here + drawn.randrange(40))
        match drawn.randrange(5):
            case 0:
                content = content[:here] + drawn.choice(ODD) + content[here:]
            case 1:
                content = content[:here] + drawn.choice(ODD) + content[there:]
            case 2:
                content = content[:there] + content[here:]
            case 3:
                content = content[:here] + content[there:]
            case _:
                content = content[:here]
    raw = bytearray(content.encode("utf-8", "surrogatepass"))
    if raw and drawn.randrange(3) == 0:
        raw[drawn.randrange(len(raw))] ^= 1 << drawn.randrange(8)
    return bytes(raw)


def looked_at(path: Path, name: str) -> None:
    try:
        found = read(path, FORMATS, name, currency="USD", source="x", account="")
    except FileRefused:
        return
    for told in found.told:
        assert told.row >= 0
        name_of(told.thing)
        encode_thing(told.thing)
    for problem in found.problems:
        assert problem.row >= 0
        assert problem.reason
        assert len(problem.got) < 200


@pytest.mark.parametrize("name", FILES)
def test_altered_file(tmp_path, name):
    content, file = FILES[name]
    drawn = random.Random(name)
    for _ in range(250):
        looked_at(written(tmp_path, altered(content, drawn), file), name)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"\x00" * 200, b"\xff\xfe", b"{}", b"[]", b"[[]]", b'{"data": 1}', b"," * 300, b"PK\x03\x04"],
)
def test_file_of_nothing(tmp_path, name, content):
    _, file = FILES[name]
    path = written(tmp_path, content, file)
    try:
        found = read(path, FORMATS, name, currency="USD", source="x")
    except FileRefused:
        return
    assert found.things == []


@pytest.mark.parametrize("name", [name for name, (_, file) in FILES.items() if file.endswith(".csv")])
def test_header_alone_is_no_line(tmp_path, name):
    content, file = FILES[name]
    lines = content.splitlines()
    header = next(n for n, line in enumerate(lines) if not line.startswith("#") and line.count(",") >= 3)
    path = written(tmp_path, "\n".join(lines[: header + 1]) + "\n", file)
    try:
        found = read(path, FORMATS, name, currency="USD", source="x")
    except FileRefused:
        return
    assert found.things == []


def test_formulas_of_a_workbook_are_text(tmp_path):
    """A cell that begins as a formula is read as what it says, and shown as nothing that a spreadsheet would run."""
    path = workbook(tmp_path / "a.xlsx", [["Campaign name", "Day", "Amount spent (USD)", "Impressions"],
                                          ["=HYPERLINK(x)", "2026-03-10", "=1+1", "5"]])  # fmt: skip

    found = read(path, FORMATS, "meta-ads")

    assert (found.things, [p.reason for p in found.problems]) == ([], ["bad_amount", "incomplete"])


QIF = "!Type:Bank\nD03.11.25\nT-5.00\nPa purchase\n^\n"
BAI2 = "01,121140399,9999999999,050608,1015,1,80,1,2/\n02,9999999999,121140399,1,050607,1015,,2/\n03,1234567890,,,,,/\n"


@pytest.mark.parametrize(("content", "said"), [(QIF, "a QIF file"), ("\ufeff" + QIF, "a QIF file"), (BAI2, "a BAI2 file"),
                                               ("%PDF-1.7\n%\u00e2\n", "a PDF"), ("<!DOCTYPE html>\n<html><table>", "a page of a website")])  # fmt: skip
@pytest.mark.parametrize("kind", ["bank", "payouts"])
def test_a_file_of_a_kind_that_is_not_read_is_called_by_its_name(tmp_path, kind, content, said):
    path = written(tmp_path, content, "statement.txt")
    with pytest.raises(FileRefused, match=f"got {said}.*not read"):
        recognise(path, survey_file(path), kind)


def test_a_table_that_nobody_knows_is_none_of_them(tmp_path):
    path = written(tmp_path, "01,02,when\n1,2,3\n", "statement.csv")
    with pytest.raises(FileRefused, match="got none of them"):
        recognise(path, survey_file(path), "bank")
