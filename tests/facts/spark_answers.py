"""Spark answers as DuckDB does: run by `make test-spark`, as it needs Java and a large package; see CONTRIBUTING.md.

Every question of the package, in one local Spark of 1 GB; one of them through the whole way of a command.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import msgspec
import pytest

from tests.facts.everything import QUESTIONS, lived_world, values_of
from tests.facts.world import HOSTILE, World
from twofold.facts.engine import _READ, Analytics, Ask, Asked, ask
from twofold.facts.engines import spark
from twofold.facts.engines.dbt import models_of
from twofold.facts.manifest import read_manifest
from twofold.facts.questions import Question
from twofold.facts.shape import Type
from twofold.facts.tables import BY_NAME

# Spark's own children are waited for by itself.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with lived_world(tmp_path_factory.mktemp("lived") / "data") as w:
        yield w


def asked_here(w: World, question: Question, parameters: dict[str, Any], spill: Path) -> list[tuple[Any, ...]]:
    """In this process, so that Java starts once; through the same forms as between the processes."""
    task = Ask(
        data=str(w.folder), files=str(w.files), engine="spark", memory_mb=1024, deadline_s=300, spill=str(spill),
        questions=[Asked(question=question, parameters=parameters)],
    )  # fmt: skip
    manifest = read_manifest(w.files)
    assert manifest is not None
    (parts,) = spark.asked(task, manifest)
    rows = [msgspec.json.decode(msgspec.json.encode(row)) for part in parts for row in part]
    read = [_READ[kind] for kind in question.answers.values()]
    return [tuple(v if v is None else f(v) for f, v in zip(read, row, strict=True)) for row in rows]


@pytest.mark.parametrize("name", QUESTIONS)
def test_spark_answers_alike(lived: World, tmp_path: Path, name: str) -> None:
    """The same file, the same rows in the same order, the same types."""
    given = values_of(QUESTIONS[name])
    here = ask(Analytics(data=lived.folder, files=lived.files), QUESTIONS[name], given)
    assert asked_here(lived, QUESTIONS[name], given, tmp_path) == [tuple(row) for row in here.rows]
    assert here.rows


@pytest.mark.parametrize("text", [HOSTILE, "", "' or 1=1 --", "\\'", "${x} %s"])
def test_a_hostile_parameter_is_a_value(lived: World, tmp_path: Path, text: str) -> None:
    asked = Question(name="tried", words="x", asks={"t": Type.TEXT}, answers={"t": Type.TEXT}, sql="select $t as t")
    assert asked_here(lived, asked, {"t": text}, tmp_path) == [(text,)]


def test_the_way_of_a_command(lived: World) -> None:
    """In a child of its own, with the setting that an operator writes."""
    where = Analytics(data=lived.folder, files=lived.files, engine="spark", memory_mb=1024, deadline_s=300)
    here = ask(
        Analytics(data=lived.folder, files=lived.files), "orders_placed", {"since": "2020-01-01", "until": "2030-01-01"}
    )
    assert ask(where, "orders_placed", {"since": "2020-01-01", "until": "2030-01-01"}).rows == here.rows


def test_a_project_of_dbt_answers_alike(lived: World, tmp_path: Path) -> None:
    """A model's steps, made as tables before it, as `dbt run --select +credit_sums` does."""
    question = QUESTIONS["credit_sums"]
    given = values_of(question)
    words = {"var": given.get, "source": lambda _, name: name, "ref": lambda name: name}
    manifest = read_manifest(lived.files)
    assert manifest is not None
    task = Ask(
        data=str(lived.folder), files=str(lived.files), engine="spark", memory_mb=1024, deadline_s=300, spill=str(tmp_path), questions=[]
    )  # fmt: skip
    session = spark._session(task)
    try:
        for name, table in BY_NAME.items():
            spark._view(session, table, [str((lived.files / path).absolute()) for path in manifest.paths(name)])
        for path, sql in models_of(question, frozenset(BY_NAME), "spark").items():
            frame = session.sql(jinja2.Template(sql).render(words))
            frame.localCheckpoint().createOrReplaceTempView(path.rpartition("/")[2])
        rows = [msgspec.json.decode(msgspec.json.encode(list(row))) for row in frame.collect()]
    finally:
        session.stop()
    read = [_READ[kind] for kind in question.answers.values()]
    told = [tuple(v if v is None else f(v) for f, v in zip(read, row, strict=True)) for row in rows]
    here = ask(Analytics(data=lived.folder, files=lived.files), question, given).rows
    assert sorted(map(str, told)) == sorted(str(tuple(row)) for row in here)
