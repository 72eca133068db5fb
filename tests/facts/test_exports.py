"""A table as a file: every form holds the rows of the table, exactly; a file is there as a whole or not at all, and no sheet runs its texts."""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from tests.command_line import invoke
from tests.facts.world import HOSTILE, World, contents, world
from twofold.errors import FactsError
from twofold.facts.engine import Analytics
from twofold.facts.exports import FORMS, _Csv, _Lines, _Parquet, export_table
from twofold.facts.manifest import read_manifest, write_manifest
from twofold.facts.parquet import schema_of
from twofold.facts.shape import Type
from twofold.facts.tables import BY_NAME, TABLES

ORDERS, SPEND = BY_NAME["orders"], BY_NAME["spend"]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("exported") / "data", 4) as w:
        w.live(150)
        for n in range(2):
            w.buy(n)
        w.trade()
        w.settle()
        w.rebuild(lives=True)
        yield w


def analytics(lived: World) -> Analytics:
    return Analytics(data=lived.folder, files=lived.files)


def key(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True, default=str)


def read_csv(path: Path, table: Any) -> list[dict[str, Any]]:
    """By another reader than the one that wrote it, in the table's own types; what is not quoted and empty is none."""
    columns = {c.name: "varchar" if c.type is Type.TEXT else str(c.type) for c in table.columns}
    rel = duckdb.connect().read_csv(
        str(path), header=True, dtype=columns, quotechar='"', escapechar='"', strict_mode=False
    )
    return [dict(zip(rel.columns, row, strict=True)) for row in rel.fetchall()]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_in_every_form(lived: World, tmp_path: Path, table: Any) -> None:
    """Each form has the rows that the table's own files have, no more and no fewer; an empty table has its columns."""
    known = contents(lived.files)[table.name]
    for form in FORMS:
        done = export_table(analytics(lived), table, tmp_path / f"rows{form}")
        assert done.rows == len(known), form
        assert done.size == (tmp_path / f"rows{form}").stat().st_size
    parquet = pq.read_table(tmp_path / "rows.parquet")
    assert sorted(map(key, parquet.to_pylist())) == sorted(map(key, known))
    assert parquet.schema.remove_metadata().equals(schema_of(table))
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    told = [{n: f"{v:f}" if isinstance(v, D) else v for n, v in row.items()} for row in known]
    assert sorted(map(key, lines)) == sorted(map(key, told))
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == [column.name for column in table.columns]
    assert len(rows) == len(known)
    written = [
        [
            "" if v is None else f"'{v}" if isinstance(v, str) and v.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") and v.strip(" ")
            else f"{v:f}" if isinstance(v, D) else str(v).lower() if isinstance(v, bool) else str(v)
            for v in (row[name] for name in head)
        ]
        for row in known
    ]  # fmt: skip
    assert sorted(rows) == sorted(written)


BAD = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t1", "\r1", "\n1", "  =1", "＝1", "＋1", "－1", "＠1"]
FINE = ["a=1", "", "'", "1-1", "-1", "-12.50", HOSTILE, " ", "ქართული"]
CUT = {"\t=1": "'\t'=1", "a;=1": "a;'=1", "a\n=1": "a\n'=1", "a|\t@SUM(1)": "a|\t'@SUM(1)"}


def batch_of(texts: list[str | None], amounts: list[D | None]) -> pa.RecordBatch:
    names = schema_of(SPEND).names
    columns = []
    for name in names:
        kind = schema_of(SPEND).field(name).type
        own = texts if name == "campaign" else amounts if name == "amount" else [None] * len(texts)
        columns.append(pa.array(own, type=kind))
    return pa.record_batch(columns, schema=schema_of(SPEND))


def test_no_sheet_runs_a_text(tmp_path: Path) -> None:
    """A quote leads what would be run, in CSV; what would not is as it was, and no amount is touched."""
    path = tmp_path / "a.csv"
    texts = [*BAD, *FINE, *CUT]
    with path.open("wb") as out:
        form = _Csv(SPEND, out)
        form.write(batch_of(texts, [D("-1.0000")] * len(texts)))
        form.close()
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["campaign"] for row in rows] == [*(f"'{text}" for text in BAD), *FINE, *CUT.values()]
    assert {row["amount"] for row in rows} == {"-1.000000000000"}


@pytest.mark.parametrize("amount", ["0.0001", "-0.0001", "99999999999999.9999", "0.0000", None])
def test_digits_stay_what_they_are(tmp_path: Path, amount: str | None) -> None:
    """Neither rounded nor written with an exponent; none is another thing than an empty text."""
    exact = None if amount is None else D(amount)
    told = batch_of(["", None], [exact] * 2)
    for form, ending in ((_Csv, "csv"), (_Lines, "jsonl"), (_Parquet, "parquet")):
        with (tmp_path / f"a.{ending}").open("wb") as out:
            made = form(SPEND, out)
            made.write(told)
            made.close()
    rows = read_csv(tmp_path / "a.csv", SPEND)
    assert [row["amount"] for row in rows] == [exact] * 2
    assert "E-" not in (tmp_path / "a.csv").read_text()
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [(line["amount"] and D(line["amount"]), line["campaign"]) for line in lines] == [(exact, ""), (exact, None)]
    found = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [(row["amount"], row["campaign"]) for row in found] == [(exact, ""), (exact, None)]
    text = (tmp_path / "a.csv").read_text().splitlines()[1:]
    place = schema_of(SPEND).names.index("campaign")
    assert [line.split(",")[place] for line in text] == ['""', ""]


def test_a_very_small_sum_is_written_out(tmp_path: Path) -> None:
    lives = BY_NAME["lives"]
    columns = [
        pa.array([D("1E-12"), D("-5.5")] if f.name == "total" else [None, None], type=f.type) for f in schema_of(lives)
    ]
    with (tmp_path / "a.csv").open("wb") as out:
        form = _Csv(lives, out)
        form.write(pa.record_batch(columns, schema=schema_of(lives)))
        form.close()
    with (tmp_path / "a.csv").open(newline="") as file:
        found = [row["total"] for row in csv.DictReader(file)]
    assert [D(one) for one in found] == [D("1E-12"), D("-5.5")]
    assert "E" not in "".join(found)


def test_days_that_are_asked_for(lived: World, tmp_path: Path) -> None:
    known = contents(lived.files)["orders"]
    days = sorted({row["day"] for row in known})
    assert len(days) > 3
    told: list[tuple[int, int]] = []
    done = export_table(analytics(lived), ORDERS, tmp_path / "a.jsonl", since=days[1], until=days[2], progress=lambda at, of: told.append((at, of)))  # fmt: skip
    assert done.rows == sum(days[1] <= row["day"] <= days[2] for row in known)
    assert told[-1] == (done.rows, done.rows)


def test_the_columns_words_go_with_a_parquet_file(lived: World, tmp_path: Path) -> None:
    export_table(analytics(lived), ORDERS, tmp_path / "a.parquet")
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.metadata[b"description"].decode() == ORDERS.words
    assert {f.name: f.metadata[b"description"].decode() for f in schema} == {c.name: c.words for c in ORDERS.columns}


def test_what_fails_leaves_what_was_there(lived: World, tmp_path: Path) -> None:
    """A day that is away, a question's time that is over, a file that is gone in the middle: the old file stays, and nothing beside it."""
    to = tmp_path / "a.csv"
    to.write_text("mine")
    known = read_manifest(lived.files)
    assert known is not None
    late = replace(analytics(lived), deadline_s=1e-9)
    with pytest.raises(FactsError, match="takes longer than"):
        export_table(late, ORDERS, to)
    write_manifest(lived.files, replace(known, absent=((ORDERS.group, 20_000),)))
    with pytest.raises(FactsError, match="the tables of 1 days are being made"):
        export_table(analytics(lived), ORDERS, to)
    file = lived.files / known.paths("orders")[0]
    write_manifest(lived.files, known)
    away = file.with_suffix(".away")
    file.rename(away)
    with pytest.raises(FactsError, match="cannot be written"):
        export_table(analytics(lived), ORDERS, to)
    away.rename(file)
    assert to.read_text() == "mine"
    assert os.listdir(tmp_path) == ["a.csv"]
    with pytest.raises(FactsError, match="not made yet"):
        export_table(Analytics(data=lived.folder, files=tmp_path / "nowhere"), ORDERS, to)
    export_table(analytics(lived), ORDERS, to)
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert not list((lived.folder / "facts.readers").glob("*"))


# -- by the command


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A folder whose store nobody holds any more: the command opens it."""
    with world(tmp_path / "data", 4) as w:
        w.live(20)
        w.buy(0)
        w.settle()
    path = tmp_path / "twofold.toml"
    path.write_text(f'[server]\ndata = "{tmp_path / "data"}"\n[[dataset]]\nid = "1"\n')
    return path


@pytest.mark.process
def test_the_command_writes_over_nothing_in_silence(config: Path, tmp_path: Path) -> None:
    to = tmp_path / "orders.csv"
    words = ["tables", "export", "orders", str(to), "--config", str(config), "--json"]
    done = invoke(words)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["row"], told["table"], told["file"], told["size"]) == (
        "exported_table",
        "orders",
        str(to),
        to.stat().st_size,
    )
    assert told["rows"] == len(contents(tmp_path / "data" / "facts")["orders"]) > 0
    before = to.read_bytes()
    again = invoke(words)
    assert again.exit_code == 2
    assert "expected a file that is not there, or --replace" in again.stderr.replace("\n", " ").replace(
        "│", ""
    ).replace("  ", " ")
    assert to.read_bytes() == before
    assert invoke([*words, "--replace", "--since", "2999-01-01"]).exit_code == 0
    assert to.read_text().count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [("nothing", "a.csv"), ("orders", "a.xlsx"), ("orders", "nowhere/a.csv"), ("orders", "a.csv", "--since", "2026-03-02", "--until", "2026-03-01"),
     ("orders", "a.csv", "--since", "tomorrow")],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    done = invoke(["tables", "export", *words])
    assert done.exit_code == 2, done.output
    assert "expected" in done.stderr
    assert os.listdir(tmp_path) == []


def test_tables_are_listed_from_their_definition() -> None:
    rows = [json.loads(line) for line in invoke(["tables", "list", "--json"]).stdout.splitlines()]
    assert len(rows) == sum(len(table.columns) for table in TABLES)
    assert {(r["table"], r["column"], r["type"], r["holds"], r["is_key"]) for r in rows} == {
        (t.name, c.name, str(c.type), c.words, c.name in t.key) for t in TABLES for c in t.columns
    }
    shown = invoke(["tables", "list"]).stdout
    assert all(table.name in shown for table in TABLES)
    one = invoke(["tables", "list", "spend"]).stdout
    assert all(column.name in one for column in SPEND.columns)
    assert invoke(["tables", "list", "nothing"]).exit_code == 2
