"""The project of dbt that a data team takes away: written by the command, rendered, asked, and answering what our reports answer.

dbt itself is not among the locked packages (it brings some fifty); its part that the files use, `var`, `source` and a filter, is Jinja's.
"""

from __future__ import annotations

import re
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import msgspec
import pytest
import sqlglot
import yaml

from tests.command_line import invoke
from tests.facts.everything import QUESTIONS, lived_world, values_of
from tests.facts.world import World
from twofold.facts.engine import _READ, Analytics, Asked, ask_all
from twofold.facts.engines.dbt import models_of
from twofold.facts.engines.duckdb import view_of
from twofold.facts.manifest import read_manifest
from twofold.facts.questions import read_questions
from twofold.facts.tables import BY_NAME


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with lived_world(tmp_path_factory.mktemp("lived") / "data") as w:
        yield w


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dbt") / "project"
    done = invoke(["warehouse", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    told = [msgspec.json.decode(line)["file"] for line in done.stdout.splitlines()]
    assert sorted(told) == sorted(str(path) for path in folder.rglob("*") if path.is_file())
    return folder


def rendered(text: str, values: dict[str, Any]) -> str:
    """As dbt renders it; a variable that is not given ends it."""
    sandbox = jinja2.Environment(undefined=jinja2.StrictUndefined)
    names = {"var": lambda name: values[name], "source": lambda project, name: f"{project}.{name}"}
    return sandbox.from_string(text).render(names)


def test_every_model_answers_what_our_reports_answer(lived: World, project: Path) -> None:
    questions = [Asked(question=question, parameters=values_of(question)) for question in QUESTIONS.values()]
    ours = ask_all(Analytics(data=lived.folder, files=lived.files), questions)
    manifest = read_manifest(lived.files)
    assert manifest is not None
    with duckdb.connect(":memory:", config={"threads": 1}) as db:
        db.execute("create schema twofold")
        for name, table in BY_NAME.items():
            view = view_of(table, [lived.files / path for path in manifest.paths(name)])
            db.execute(view.replace(f"create view {name} ", f"create view twofold.{name} ", 1))
        for asked, answer in zip(questions, ours, strict=True):
            name = asked.question.name
            sql = rendered((project / "models" / f"{name}.sql").read_text(encoding="utf-8"), asked.parameters)
            rows = db.execute(f"select * from ({sql}) as model").fetchall()
            turn = [_READ[kind] for kind in asked.question.answers.values()]
            told = [tuple(v if v is None else read(v) for read, v in zip(turn, row, strict=True)) for row in rows]
            assert told, name
            assert sorted(map(str, told)) == sorted(str(tuple(row)) for row in answer.rows), name
        for table in BY_NAME:
            sql = rendered((project / "tests" / f"{table}_key.sql").read_text(encoding="utf-8"), {})
            assert db.execute(sql).fetchall() == [], table


def test_words_and_columns_are_those_of_the_definitions(project: Path) -> None:
    """And nothing is left out: a source each table, a model each question, their columns in turn."""
    sources = yaml.safe_load((project / "models/sources.yml").read_text(encoding="utf-8"))["sources"][0]
    assert [(t["name"], [c["name"] for c in t["columns"]]) for t in sources["tables"]] == [
        (name, [c.name for c in table.columns]) for name, table in BY_NAME.items()
    ]
    models = yaml.safe_load((project / "models/schema.yml").read_text(encoding="utf-8"))["models"]
    assert {m["name"]: {c["name"]: c["data_type"] for c in m["columns"]} for m in models} == {
        name: {column: str(kind) for column, kind in question.answers.items()} for name, question in QUESTIONS.items()
    }
    assert all(m["description"] for m in [*models, *sources["tables"]])
    assert yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))["name"] == "twofold"


def test_a_text_that_holds_a_tables_name_or_a_quote_stays_a_text() -> None:
    (question,) = read_questions(
        "-- name: tried\n-- Tried.\n-- asks: since text\n-- answers: a text\n"
        "select 'from orders' || $since as a from orders as o where o.day = $since\n"
    )
    sql = rendered(models_of(question, frozenset(BY_NAME), "duckdb")["tried"], {"since": "it's from orders"})
    assert sql.splitlines()[1] == (
        "select 'from orders' || 'it''s from orders' as a from twofold.orders as o where o.day = 'it''s from orders'"
    )
    for dialect in ("postgres", "spark"):
        assert "twofold.orders" in rendered(models_of(question, frozenset(BY_NAME), dialect)["tried"], {"since": "x"})


def test_sparks_project_has_a_model_for_each_step(tmp_path: Path) -> None:
    """Whatever a model names is a source, a part of its own, or a step that is there, and a table."""
    assert invoke(["warehouse", str(tmp_path / "project"), "--dialect", "spark"]).exit_code == 0
    models = {path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / "project/models").rglob("*.sql")}
    called = {name: set(re.findall(r"ref\('(\w+)'\)", sql)) for name, sql in models.items()}
    assert set(models) - set(QUESTIONS) == set().union(*called.values())
    assert len(called["credit_sums"]) > 1
    for sql in models.values():
        tree = sqlglot.parse_one(re.sub(r"\{\{.*?\}\}", "known", sql), read="spark")
        assert {table.name for table in tree.find_all(sqlglot.exp.Table)} <= {
            "known",
            *(cte.alias for cte in tree.ctes),
        }
    settings = yaml.safe_load((tmp_path / "project/dbt_project.yml").read_text(encoding="utf-8"))
    assert settings["models"]["twofold"]["steps"] == {"+materialized": "table"}


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text("select 1")
    for words in ([str(tmp_path)], [str(tmp_path / "new"), "--dialect", "oracle"], [str(tmp_path / "mine.sql")]):
        assert invoke(["warehouse", *words]).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.sql"]


def test_a_disk_that_takes_no_more_leaves_no_half_of_it(tmp_path: Path) -> None:
    """Whatever was there before, a folder or none, is there after; and the reason is said."""
    assert "cannot be written" in str(invoke(["warehouse", "/proc/none/here"]).exception)
    (tmp_path / "empty").mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        said = [invoke(["warehouse", str(tmp_path / name)]) for name in ("empty", "new")]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, kept)
    assert all("cannot be written" in str(done.exception) for done in said)
    assert [(path.name, [*path.iterdir()]) for path in tmp_path.iterdir()] == [("empty", [])]
