"""Questions: what they may be made of, that every engine answers alike, and what is said past a limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
import sqlglot

from tests.facts import postgres
from tests.facts.everything import QUESTIONS, lived_world, values_of
from tests.facts.world import HOSTILE, World, contents, world
from twofold.errors import FactsError, QuestionTooLarge, QuestionTooSlow
from twofold.facts.child import Child
from twofold.facts.engine import Analytics, Answer, Ask, Asked, ask, ask_all
from twofold.facts.engines import duckdb as duckdb_engine
from twofold.facts.engines.dialect import in_steps
from twofold.facts.manifest import read_manifest, write_manifest
from twofold.facts.questions import Question, faults_of, literal, read_questions
from twofold.facts.shape import Type


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with rows in every table."""
    with lived_world(tmp_path_factory.mktemp("lived") / "data") as w:
        yield w


def where(w: World, **limits: Any) -> Analytics:
    return Analytics(data=w.folder, files=w.files, **limits)


def everything_of(w: World, **limits: Any) -> dict[str, Answer]:
    """Every question's answer, of one process: to start one for each takes most of a minute."""
    asked = [Asked(question=q, parameters=values_of(q)) for q in QUESTIONS.values()]
    return dict(zip(QUESTIONS, ask_all(where(w, deadline_s=600, **limits), asked), strict=True))


@pytest.fixture(scope="module")
def here(lived: World) -> dict[str, Answer]:
    """By the name of the question, as DuckDB answers."""
    return everything_of(lived)


def question(sql: str, **kinds: str) -> Question:
    """One of the test's own."""
    answers = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    (found,) = read_questions(f"-- name: tried\n-- Tried.\n-- answers: {answers}\n{sql}\n")
    return found


# -- what a question is


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_in_the_part_that_engines_share(name: str) -> None:
    """None of the words that one of them has alone; every engine's grammar can write it."""
    assert faults_of(QUESTIONS[name]) == []
    for dialect in ("postgres", "spark"):
        assert sqlglot.transpile(
            QUESTIONS[name].sql, read="duckdb", write=dialect, unsupported_level=sqlglot.ErrorLevel.RAISE
        )


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_engine_that_writes_parts_out_is_asked_in_steps(name: str) -> None:
    """What it has to write out is never longer than the question: no step names a part of its own twice, none a later step."""
    steps, last = in_steps(QUESTIONS[name], values_of(QUESTIONS[name]), "spark")
    told = {cte.alias for cte in sqlglot.parse_one(QUESTIONS[name].sql, read="duckdb").ctes}
    known: set[str] = set()
    for step, text in [*steps, ("", last)]:
        tree = sqlglot.parse_one(text, read="spark")
        own = {cte.alias for cte in tree.ctes}
        named = [table.name for table in tree.find_all(sqlglot.exp.Table) if table.name in told]
        assert all(named.count(one) == 1 for one in own)
        assert set(named) <= own | known
        known.add(step)


@pytest.mark.parametrize(
    "sql",
    ["select avg(total) as x from orders", "select total / 2 as x from orders", "select * from orders",
     "select 1 as x from orders qualify true", "select arg_min(a, b) as x from orders", "select now() as x",
     "select row_number() over o as x from orders window o as (order by total)",
     "select lag(total) over (order by total rows between unbounded preceding and unbounded following) as x from orders"],
)  # fmt: skip
def test_what_engines_read_otherwise_is_found(sql: str) -> None:
    assert faults_of(question(sql, x="bigint"))


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_has_the_columns_that_it_says(lived: World, here: dict[str, Answer], name: str) -> None:
    """By name and type, from tables with rows."""
    asked, answer = QUESTIONS[name], here[name]
    types = {
        Type.TEXT: "str",
        Type.INT: "int",
        Type.MONEY: "Decimal",
        Type.SUM: "Decimal",
        Type.RATE: "Decimal",
        Type.WHOLE: "int",
        Type.BOOL: "bool",
    }
    for row in answer.rows:
        assert row._fields == tuple(asked.answers)
        assert all(v is None or type(v).__name__ == types[k] for v, k in zip(row, asked.answers.values(), strict=True))
    assert answer.as_of == lived.now // 1000


def test_an_answer_is_what_the_rows_add_up_to(lived: World) -> None:
    """Held against a sum made here from the files."""
    rows = contents(lived.files)["orders"]
    counted = [r for r in rows if r["known"] and not r["test"] and not r["deleted"]]
    expected: dict[tuple[str, str], list[Any]] = {}
    for row in counted:
        known = expected.setdefault((row["day"], row["currency"]), [0, 0])
        known[0] += 1
        known[1] += row["total"]
    answer = ask(where(lived), "orders_placed", {"since": "2020-01-01", "until": "2030-01-01"})
    assert [tuple(row) for row in answer.rows] == [(*key, *sums) for key, sums in sorted(expected.items())]


def test_a_parameter_that_is_missing_is_named(lived: World) -> None:
    with pytest.raises(FactsError, match=r"expected the parameters \['since', 'until'\], got \['since'\]"):
        ask(where(lived), "orders_placed", {"since": "2020-01-01"})


# -- engines alike


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with postgres.server() as found:
        yield found


@pytest.fixture(scope="module")
def there(lived: World, address: str) -> dict[str, Answer]:
    """The same, as PostgreSQL answers."""
    return everything_of(lived, engine=address)


@pytest.mark.postgres
@pytest.mark.parametrize("name", QUESTIONS)
def test_postgres_answers_alike(here: dict[str, Answer], there: dict[str, Answer], name: str) -> None:
    """The same file, the same rows in the same order, the same types; but for NUL, which it cannot hold."""
    assert [tuple(_pictured(v) for v in row) for row in here[name].rows] == [tuple(row) for row in there[name].rows]
    assert here[name].rows


def _pictured(value: Any) -> Any:
    return value.replace("\0", "\u2400") if isinstance(value, str) else value


@pytest.mark.postgres
def test_postgres_follows_the_manifest(tmp_path: Path, address: str) -> None:
    """Days that were made again are copied again, those that went go."""
    with world(tmp_path / "data", 9) as w:
        asked = {"since": "2020-01-01", "until": "2030-01-01"}
        for _ in range(4):
            w.live(20)
            w.rebuild()
            here, there = (ask(where(w, engine=e), "actions_by_event", asked) for e in ("duckdb", address))
            assert here.rows == there.rows


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_said_without_its_address(lived: World) -> None:
    with pytest.raises(FactsError, match="cannot be reached") as caught:
        ask(where(lived, engine="postgresql://me:secret@127.0.0.1:1/x"), "batches_that_do_not_close")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", [HOSTILE, "", "' or 1=1 --", "$since", "\\'", "%s :x ?"])
def test_a_hostile_parameter_is_a_value(lived: World, text: str) -> None:
    """In an answer it comes back as it went in; as a literal it is quoted."""
    asked = Question(name="tried", words="x", asks={"t": Type.TEXT}, answers={"t": Type.TEXT}, sql="select $t as t")
    assert ask(where(lived), asked, {"t": text}).rows == [(text,)]
    assert sqlglot.parse_one(literal(text, Type.TEXT), read="duckdb").this == text


# -- limits


LARGE = "select count(*) as n from (select a.i as i, b.i as j from range({0}) as a(i), range({0}) as b(i) group by a.i, b.i) as c"


def test_a_question_that_needs_too_much_memory_is_ended_and_says_so(lived: World) -> None:
    """DuckDB's own limit first, which cannot put enough aside."""
    large = question(
        "select count(distinct repeat(cast(i as text), 500)) as n from range(20000000) as r(i)", n="bigint"
    )
    with pytest.raises(
        QuestionTooLarge, match=r"needs more than 128 MB; it can only be asked whole, or raise memory_mb"
    ):
        ask(where(lived, memory_mb=128, deadline_s=60), large)


def test_the_operating_system_is_the_last_limit(lived: World) -> None:
    """What DuckDB does not count is refused by the system."""
    one_value = question("select length(repeat('x', 1500000000)) as n", n="bigint")
    with pytest.raises(QuestionTooLarge):
        ask(where(lived, memory_mb=256, deadline_s=60), one_value)


def test_a_question_that_takes_too_long_is_ended_and_says_so(lived: World) -> None:
    slow = question(LARGE.format(1_000_000), n="bigint")
    began = time.monotonic()
    with pytest.raises(QuestionTooSlow, match=r"takes longer than 1\.5 s"):
        ask(where(lived, deadline_s=1.5), slow)
    assert time.monotonic() - began < 60
    assert list(where(lived).places.spill.iterdir()) == []


def test_a_child_of_a_series_answers_one_task_after_another(lived: World) -> None:
    """The same as one of its own would; a question that fails, or needs too much, is not the end of it."""
    name = "chain_signals_whole"
    asked = [Asked(question=QUESTIONS[name], parameters=values_of(QUESTIONS[name]))]
    alone = ask_all(where(lived), asked)
    child = Child(series=True)
    try:
        assert ask_all(where(lived), asked * 2, child) == alone * 2
        with pytest.raises(FactsError, match="nowhere"):
            ask_all(where(lived), [Asked(question=question("select nowhere from orders", nowhere="text"))], child)
        assert ask_all(where(lived), asked, child) == alone
        assert child.waits
    finally:
        child.discard()


def test_what_to_narrow_is_said(lived: World) -> None:
    with pytest.raises(QuestionTooSlow, match=r"ask for fewer days \(since, until\)"):
        ask(where(lived, deadline_s=0.05), "orders_placed", {"since": "2020-01-01", "until": "2030-01-01"})


def test_a_fault_of_the_question_is_said(lived: World) -> None:
    with pytest.raises(FactsError, match="no_such"):
        ask(where(lived), question("select no_such as x from orders", x="bigint"))


# -- what is not there


def test_without_tables_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(FactsError, match="not made yet"):
        ask(Analytics(data=tmp_path / "data", files=tmp_path / "data" / "facts"), "batches_that_do_not_close")


def test_days_that_are_being_made_are_never_left_out_silently(tmp_path: Path) -> None:
    """A question that reads their tables is refused, one that reads others is not."""
    with world(tmp_path / "data") as w:
        w.live(40)
        w.rebuild()
        manifest = read_manifest(w.files)
        assert manifest is not None
        write_manifest(w.files, msgspec.structs.replace(manifest, absent=(("orders", 20_000),)))
        with pytest.raises(FactsError, match="tables of 1 days are being made"):
            ask(where(w), "orders_placed", {"since": "2020-01-01", "until": "2030-01-01"})
        ask(where(w), "actions_by_event", {"since": "2020-01-01", "until": "2030-01-01"})


def test_a_table_without_a_file_has_no_rows(tmp_path: Path) -> None:
    with world(tmp_path / "data") as w:
        w.view()
        w.rebuild()
        assert ask(where(w), "orders_placed", {"since": "2020-01-01", "until": "2030-01-01"}).rows == []
        assert len(ask(where(w), "actions_by_event", {"since": "2020-01-01", "until": "2030-01-01"}).rows) == 1
        manifest = read_manifest(w.files)
        assert manifest is not None
        (path,) = manifest.paths("signals")
        assert pq.read_metadata(w.files / path).num_rows == 1


DRAWN = """
-- part: drawn
-- A number that is another one each time it is drawn.
-- kept: for several questions
select cast(random() * 1000000000000000 as bigint) as n, $told as told

-- part: beside
-- One of its own, beside the first.
-- kept: for several questions
select d.n, cast(random() * 1000000000000000 as bigint) as own from drawn as d

-- part: anew
-- A number for each question.
select cast(random() * 1000000000000000 as bigint) as n, $told as told

-- name: once
-- Tried.
-- asks: told text
-- answers: n bigint
select d.n from drawn as d

-- name: both
-- Tried.
-- asks: told text
-- answers: n bigint, own bigint
select b.n, b.own from beside as b

-- name: each
-- Tried.
-- asks: told text
-- answers: n bigint
select a.n from anew as a
"""


def test_a_part_that_is_kept_is_worked_out_once_for_questions_that_ask_it_alike(
    lived: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other values, and a part that is not kept, are worked out for each; so is what is made of a part of too many rows."""
    by_name = {one.name: one for one in read_questions(DRAWN)}

    def answers(*asked: tuple[str, str]) -> list[Any]:
        told = [Asked(question=by_name[name], parameters={"told": told}) for name, told in asked]
        task = Ask(data=str(lived.folder), files=str(lived.files), engine="duckdb", memory_mb=512, deadline_s=60,
                   spill=str(lived.folder), questions=told)  # fmt: skip
        manifest = read_manifest(lived.files)
        assert manifest is not None
        return [row for found in duckdb_engine.asked(task, manifest) for rows in found for row in rows]

    first, one, other, elsewhere, again, each, anew = answers(
        ("once", "a"), ("both", "a"), ("both", "a"), ("once", "b"), ("once", "a"), ("each", "a"), ("each", "a")
    )
    assert first[0] == one[0] == other[0] == again[0]
    assert one[1] == other[1] != one[0]
    assert elsewhere[0] != first[0]
    assert each[0] != anew[0]
    turns = answers(("once", "a"), ("once", "b"), ("once", "a"), ("once", "b"))
    assert len({n for (n,) in turns}) == 4  # one table a part: another value takes its place
    monkeypatch.setattr(duckdb_engine, "MOST_KEPT", 0)
    one, other = answers(("both", "a"), ("both", "a"))
    assert one[0] == other[0]
    assert one[1] != other[1]
