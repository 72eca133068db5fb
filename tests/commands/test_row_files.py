"""Rows that a report writes beside what it prints: what a spreadsheet would run is a text, and nothing else is altered."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from twofold.commands.output.files import write_rows

NAMES = {
    "=HYPERLINK(1)": "'=HYPERLINK(1)",
    "＝1+1": "'＝1+1",
    "\n=1": "'\n'=1",
    "  =1": "'  =1",
    "-1 -2": "'-1 -2",
    "a;=1": "a;'=1",
    "-129.90": "-129.90",
    "spring - summer": "spring - summer",
    "": "",
}
"""A campaign's name, and the cell of it that no spreadsheet runs; a single amount below nothing is an amount."""


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_formula_in_a_sheet_and_as_it_is_in_columns(name: str, tmp_path: Path) -> None:
    """A list of amounts is no sum of them either."""
    rows = [{"campaign": name, "gaps": ["-1", "-2"], "spend": "-0.50"}]
    write_rows(tmp_path / "rows.csv", rows)
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        [sheet] = csv.DictReader(file)
    assert sheet == {"campaign": NAMES[name], "gaps": "'-1 -2", "spend": "-0.50"}
    write_rows(tmp_path / "rows.parquet", rows)
    [column] = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    assert (column["campaign"] or "", column["gaps"], column["spend"]) == (name, "-1 -2", "-0.50")
