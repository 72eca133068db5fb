"""Files of every kind and every kind of damage, as rows: a broken row costs itself and nothing else."""

from __future__ import annotations

import contextlib
import csv
import zipfile
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import opened, workbook, written

from tests.strategies import law_of
from twofold.errors import FileRefused
from twofold.importing.readers.formats import ORDER_FORMATS, SALE_FORMATS
from twofold.importing.readers.layout import Found, Skipped
from twofold.importing.readers.problems import RowProblem
from twofold.importing.readers.tables import MAX_CELL, Row, Table, open_table, survey_file
from twofold.importing.readers.values import DateStyle


def table_of(path: Path, encoding: str = "") -> Table:
    return open_table(path, survey_file(path, encoding))


def rows_of(path: Path) -> tuple[list[str], list[tuple[int, list[str]]], list[tuple[int, str]]]:
    """Columns, rows with their numbers, and (row, reason) of what was none."""
    table = table_of(path)
    parts = list(table.rows)
    good = [(part.number, part.cells) for part in parts if isinstance(part, Row)]
    return table.columns, good, [(part.row, part.reason) for part in parts if isinstance(part, RowProblem)]


GOOD = "id,name,total\n1,Müller,1.50\n2,Łódź,2.50\n"
LATIN = "id,name,total\n1,Müller,1.50\n2,Café,2.50\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
)  # fmt: skip
def test_the_encoding_is_found(encoding: str, tmp_path: Path) -> None:
    """Unicode of any kind, with its mark or without, gives the same table."""
    path = written(tmp_path, GOOD.encode(encoding))
    assert rows_of(path) == (
        ["id", "name", "total"], [(2, ["1", "Müller", "1.50"]), (3, ["2", "Łódź", "2.50"])], [],
    )  # fmt: skip


def test_windows_1252_is_said_aloud(tmp_path: Path) -> None:
    """Text that is not UTF-8 is read as Windows-1252, and the operator is told so; another can be named."""
    path = written(tmp_path, LATIN.encode("cp1252"))
    table = table_of(path)
    assert [row.cells[1] for row in table.rows] == ["Müller", "Café"]  # type: ignore[union-attr]
    assert "Windows-1252" in table.notes[0]
    cyrillic = written(tmp_path, "id,name\n1,Иван\n".encode("cp1251"), "c.csv")
    table = table_of(cyrillic, "cp1251")
    assert [row.cells[1] for row in table.rows] == ["Иван"]  # type: ignore[union-attr]
    assert not table.notes


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,b;c,d\n1,2,3\n", ["a", "b;c", "d"]),
        ("a;b;c\n1;2,5;3\n", ["a", "b", "c"]),
        ("a\tb\tc\n1\t2\t3\n", ["a", "b", "c"]),
        ("a|b|c\n1|2|3\n", ["a", "b", "c"]),
        ('sep=;\n"a,1";"b,2";c\n1;2;3\n', ["a,1", "b,2", "c"]),
        ('"a;x","b;y",c\n1,2,3\n', ["a;x", "b;y", "c"]),
        ("\n\n ,, \na,b,c\n1,2,3\n", ["a", "b", "c"]),
    ],
)
def test_the_separator_is_found(text: str, columns: list[str], tmp_path: Path) -> None:
    """From the header, outside quotes; Excel's own first line says it."""
    found, rows, _ = rows_of(written(tmp_path, text))
    assert found == columns
    assert len(rows[0][1]) == 3


# text after the header "a,b,c" -> first cells of the rows that stay, (row, reason) of those that do not
BROKEN = [
    ("1,2,3\n4,5\n6,7,8\n", ["1", "6"], [(3, "ragged_row")]),
    ("1,2,3\n4,5,6,7\n8,9,10\n", ["1", "8"], [(3, "ragged_row")]),
    ("1,2,3,,\n4,5,6\n", ["1", "4"], []),  # empty cells at the end are no cells
    ("1,2,3\n\n,,\n4,5,6\n", ["1", "4"], []),
    ('1,"x\ny",3\n4,5,6\n', ["1", "4"], []),  # a line break inside quotes is a cell's own
    ('1,"open,3\n4,5,6\n7,8,9\n', ["4", "7"], [(2, "broken_row")]),
    ('1,"open,3\n4,5,6\n7,"shut",9\n10,11,12\n', ["4", "7", "10"], [(2, "broken_row")]),
    ('1,"a"b,3\n4,5,6\n', ["4"], [(2, "broken_row")]),
    ('1,2,3\n4,"' + "x" * (MAX_CELL + 1) + '",6\n7,8,9\n', ["1", "7"], [(3, "broken_row")]),
    ("1,2,3\n4,5", ["1"], [(3, "ragged_row")]),  # a download that was cut off
    ('1,"say ""hi""",3\n', ["1"], []),
    ("1,2\x00,3\n4,5,6\n", ["1", "4"], []),
]


@pytest.mark.parametrize(("text", "kept", "lost"), BROKEN)
def test_a_broken_row_costs_itself_only(
    text: str, kept: list[str], lost: list[tuple[int, str]], tmp_path: Path
) -> None:
    """The rows around it are there, and its number is told."""
    _, rows, problems = rows_of(written(tmp_path, "a,b,c\n" + text))
    assert [cells[0] for _, cells in rows] == kept
    assert problems == lost


def test_json_lines_keep_numbers_as_they_are_written(tmp_path: Path) -> None:
    """No number passes through a float: places, long ids and large amounts stay; objects become names with dots."""
    path = written(
        tmp_path,
        '{"id": 820982911946154508, "total": 10.10, "buyer": {"email": "a@b.example", "ok": true}}\n'
        "\n"
        "not json\n"
        "[1]\n"
        '{"id": "2", "total": "1e-1", "late": 12345678901234567890.123456789, "none": null, "list": [1.10]}\n',
        "orders.jsonl",
    )
    columns, rows, problems = rows_of(path)
    assert columns == ["id", "total", "buyer.email", "buyer.ok", "late", "none", "list"]
    assert rows[0] == (1, ["820982911946154508", "10.10", "a@b.example", "true"])
    assert rows[1] == (5, ["2", "1e-1", "", "", "12345678901234567890.123456789", "", "[1.10]"])
    assert problems == [(3, "broken_row"), (4, "broken_row")]


def test_one_json_list_is_read_like_lines(tmp_path: Path) -> None:
    """Pretty-printed exports are one list."""
    path = written(tmp_path, '[\n  {"id": 1,\n "total": 2.50},\n  {"id": 2, "total": 3}\n]\n', "orders.json")
    assert rows_of(path)[1] == [(1, ["1", "2.50"]), (2, ["2", "3"])]


def test_parquet_keeps_decimals_and_shows_floats_with_their_digits(tmp_path: Path) -> None:
    """Decimals are exact; a double that is 59.97 with dust behind it is 59.97; times keep their zone."""
    path = tmp_path / "orders [1].parquet"  # brackets are a pattern to some readers
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 7::bigint as id, 1234567890123.10::decimal(18,2) as total, 19.99::double * 3 as sum, "
            "timestamptz '2026-05-14 11:23:45+02' as at, null as nothing) to '" + str(path) + "' (format parquet)"
        )
    table = table_of(path)
    ((number, cells),) = list(table.rows)  # type: ignore[misc]
    assert (number, cells[:3], cells[4]) == (1, ["7", "1234567890123.10", "59.97"], "")
    assert DateStyle(ZoneInfo("UTC")).read(cells[3]) == 1778750625  # 09:23:45 UTC
    assert any("15 digits" in note for note in table.notes)


def test_excel_shows_what_excel_shows(tmp_path: Path) -> None:
    """Amounts with Excel's 15 digits, ids as whole numbers, dates as dates; a longer number is known to be rounded."""
    path = workbook(
        tmp_path / "orders.xlsx",
        [
            ["Id", "Total", "Created at"],
            [5204621234567, 19.990000000000002, ("date", 46156.474826388889)],
            [],
            [820982911946154508, 0.1, "2026-05-14"],
        ],
        first_row=3,
    )
    columns, rows, problems = rows_of(path)
    assert columns == ["Id", "Total", "Created at"]
    assert rows == [
        (4, ["5204621234567", "19.99", "2026-05-14 11:23:45"]),
        (6, ["8.20982911946154e+17", "0.1", "2026-05-14"]),
    ]
    assert not problems


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.csv", "empty file"),
        (b"\n\n  \n", "a.csv", "header"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x01\x02\x03", "a.csv", "no text"),
        (b"<!DOCTYPE html><html></html>", "a.csv", "web page"),
        (b"PK\x03\x04rubbish", "a.xlsx", "damaged"),
        (b"PK\x03\x04rubbish", "a.csv", "archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", "cannot be read"),
        (b"\x1f\x8b\x08\0", "a.csv.gz", "unpack"),
        (b"PAR1garbagePAR1", "a.parquet", "Parquet"),
        (b"[1, 2", "a.json", "JSON"),
    ],
)
def test_what_is_no_table_is_refused_in_words(content: bytes, name: str, said: str, tmp_path: Path) -> None:
    """No trace of the reader, but what was expected and what to do."""
    path = written(tmp_path, content, name)
    with pytest.raises(FileRefused) as refused:
        list(table_of(path).rows)
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(FileRefused, match="No such file"):
        survey_file(tmp_path / "missing.csv")


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    """A small archive of a gigabyte of nothing never reaches the memory."""
    path = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as out,
    ):
        for _ in range(800):
            out.write(b" " * (1 << 20))
    assert path.stat().st_size < 4 << 20
    with pytest.raises(FileRefused, match="larger"):
        table_of(path)


def test_a_workbook_of_two_far_cells_is_refused(tmp_path: Path) -> None:
    """Two cells in opposite corners would be 17 thousand million cells in memory."""
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        "</sheetData></worksheet>"
    )
    with pytest.raises(FileRefused, match="larger"):
        table_of(workbook(tmp_path / "far.xlsx", [], sheet=sheet))


def _joined(rows: list[list[str]]) -> bytes:
    return "\n".join(",".join(row) for row in rows).encode()


_CELL = st.text(st.sampled_from("ab1,;\"'\t\n\r\0é€.-=@"), max_size=12)


@given(
    st.one_of(st.binary(max_size=400), st.lists(st.lists(_CELL, max_size=5), max_size=8).map(_joined)),
    st.sampled_from([".csv", ".json", ".jsonl", ".parquet", ".xlsx"]),
)
@law_of(150)
def test_no_bytes_are_more_than_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str) -> None:
    """Whatever stands in a file, it is a table with problems or `FileRefused`; nothing else ever comes out."""
    path = tmp_path_factory.mktemp("fuzz") / f"orders{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(FileRefused):
        for item in opened(path, known=(*ORDER_FORMATS, *SALE_FORMATS)).items():
            assert isinstance(item, (Found, Skipped, RowProblem))


@given(st.lists(st.lists(_CELL.map(lambda text: text.replace("\0", "x")), min_size=6, max_size=6), max_size=6))
@law_of(150)
def test_no_cells_are_more_than_refused(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    """Any cells under known headers: each row is an order, passed over, or a problem, and all rows are accounted for."""
    path = tmp_path_factory.mktemp("fuzz") / "orders.csv"
    header = ["order_id", "placed_at", "total", "currency", "status", "sku"]
    good = ["G-1", "2026-05-14", "1.00", "EUR", "paid", ""]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([header, good, *rows, ["G-2", *good[1:]]])
    items = list(opened(path, decimal=".", dates="dmy").items())
    found = [item.order.order_id for item in items if isinstance(item, Found) and item.order]
    assert [found[0], found[-1]] == ["G-1", "G-2"]
