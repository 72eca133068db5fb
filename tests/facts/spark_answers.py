"""Spark answers as DuckDB does: run by `make test-spark`, as it needs Java and a large package; see CONTRIBUTING.md.

Every question of the package, in one local Spark of 1 GB; one of them through the whole way of a command.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.facts.world import HOSTILE, RARE, World, contents, world
from twofold.facts.engine import _READ, ROOM, Analytics, Ask, Asked, ask
from twofold.facts.engines import spark
from twofold.facts.manifest import read_manifest
from twofold.facts.questions import Question, questions_of
from twofold.facts.shape import Type

QUESTIONS = questions_of(ROOM) | questions_of("twofold.reconcile") | questions_of("twofold.attribution")
VALUES = {
    "since": "2020-01-01", "until": "2030-01-01", "most": 7, "as_of": 1_900_000_000, "from_s": 0, "to_s": 1_900_000_000,
    "by": "method", "dataset": "", "history_s": 86_400, "before": 1_400_000_000,
    "first": "2019-12-01", "window": 30 * 86_400, "country": "", "currency": "EUR", "last": "2030-01-01", "after": "2030-01-01",
    "chat": 7 * 86_400, "half_life": 7 * 86_400, "repeats": "collapse", "unit": 100, "credit_day": "touch", "models": ",linear,time_decay,",
    "credit_since": "2020-01-01", "credit_until": "2030-01-01", "bucket": 0, "buckets": 1, "link": "true",
}  # fmt: skip


def values_of(question: Question) -> dict[str, Any]:
    """By name; where one name is a moment here and a day there, by type. Credits are asked by campaign."""
    own = {"last": 1_900_000_000} if question.asks.get("last") == Type.INT else {}
    own |= {"by": "campaign"} if "window" in question.asks or question.name == "adverts_spent" else {}
    own |= {"most": 1} if question.name == "credit_squares" else {}
    own |= {"grp": "unattributed:no_browser"} if question.name == "credited_orders" else {}
    return {name: own.get(name, VALUES[name]) for name in question.asks}


# Spark's own children are waited for by itself.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("lived") / "data", 4) as w:
        w.live(150)
        for n in range(2):
            w.buy(n)
        w.trade()
        w.settle()
        w.forget("bought0")
        w.rebuild(lives=True)
        assert [name for name, rows in contents(w.files).items() if not rows and name not in RARE] == []
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
