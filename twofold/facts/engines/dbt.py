"""The named questions and the tables as a project of dbt, so that a data team can ask them in its own warehouse.

Owns the text of its files. Nothing in them is written by hand: models are the questions' own SQL in the warehouse's dialect, sources the
tables' own columns and words. What a question asks is a variable of dbt; the warehouse holds the tables as their Parquet files have them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from twofold.facts.engines.dialect import in_steps, translated
from twofold.facts.questions import Question, with_values
from twofold.facts.shape import DAY, Table, Type

DIALECTS = ("duckdb", "postgres", "spark")
PROJECT = "twofold"
_CALLED = re.compile(r"\b(from|join)\s+(\w+)\b", re.IGNORECASE)
_HOLE = "twofold:{}"
_NUMBER = 900_000_000_000_000_000
_STEPS = "    steps:\n      +materialized: table\n"
_TEXT = re.compile(r"('(?:[^']|'')*')")


def project_of(tables: Iterable[Table], questions: Iterable[Question], version: str, dialect: str) -> dict[str, str]:
    """Every file by its path: ``dbt_project.yml``, the sources with their words and tests, and a question's models with their own."""
    known, asked = list(tables), sorted(questions, key=lambda question: question.name)
    files = {
        "dbt_project.yml": _project(asked, version, dialect),
        "models/sources.yml": _sources(known),
        "models/schema.yml": _schema(asked),
    }
    names = frozenset(table.name for table in known)
    for question in asked:
        files |= {f"models/{path}.sql": sql for path, sql in models_of(question, names, dialect).items()}
    return files | {f"tests/{table.name}_key.sql": _key_test(table) for table in known}


def models_of(question: Question, tables: frozenset[str], dialect: str) -> dict[str, str]:
    """By its path the question's SQL with its tables as sources and what it asks as variables.

    One model; for Spark, which writes a named part out wherever it is named, each part that is named more than once is a model before it.
    """
    holes = {name: _hole(n, name, kind) for n, (name, kind) in enumerate(question.asks.items())}
    if dialect == "spark":
        steps, sql = in_steps(question, holes, dialect)
    else:
        steps, sql = [], with_values(question, holes) if dialect == "duckdb" else translated(question, holes, dialect)
    known = {name: f"source('{PROJECT}', '{name}')" for name in tables - {part.name for part in question.parts}}
    known |= {name: f"ref('{question.name}__{name}')" for name, _ in steps}
    models = {
        f"steps/{question.name}__{name}": f"-- A step of {question.name}.\n{_model(text, question, known)}\n"
        for name, text in steps
    }
    return models | {question.name: f"-- {question.words}\n{_model(sql, question, known)}\n"}


def _model(sql: str, question: Question, known: dict[str, str]) -> str:
    sql = "".join(
        text if text.startswith("'") else _CALLED.sub(lambda found: _called(found, known), text)
        for text in _TEXT.split(sql)
    )
    for n, (name, kind) in enumerate(question.asks.items()):
        written = f"'{_HOLE.format(name)}'" if kind is Type.TEXT else str(_NUMBER + n)
        sql = sql.replace(written, variable(name, kind))
    return sql


def variable(name: str, kind: Type) -> str:
    """What a question asks, as dbt writes it: texts are quoted, numbers are numbers."""
    if kind is Type.TEXT:
        return "'{{ var(\"" + name + '") | string | replace("\'", "\'\'") }}\''
    return '{{ var("' + name + '") | int }}'


def _hole(n: int, name: str, kind: Type) -> object:
    """A value that stands for a parameter while the question is translated."""
    return _HOLE.format(name) if kind is Type.TEXT else _NUMBER + n


def _called(found: re.Match[str], known: dict[str, str]) -> str:
    word, name = found[1], found[2]
    return f"{word} {{{{ {known[name]} }}}}" if name in known else found[0]


def _key_test(table: Table) -> str:
    key = ", ".join(table.key)
    return (
        f"-- {table.words} Its key names one row.\nselect {key} from {{{{ source('{PROJECT}', '{table.name}') }}}}\n"
        f"group by {key} having count(*) > 1\n"
    )


# -- YAML: texts as JSON writes them, which YAML reads alike


def _project(questions: Iterable[Question], version: str, dialect: str) -> str:
    kinds = {name: kind for question in questions for name, kind in question.asks.items()}
    words = "\n".join(
        f"  # {name}: {' '.join(sorted({q.name for q in questions if name in q.asks}))}" for name in sorted(kinds)
    )
    return (
        f"name: {PROJECT}\nversion: {_text(version)}\nconfig-version: 2\nprofile: {PROJECT}\nmodel-paths: [models]\ntest-paths: [tests]\n"
        f"models:\n  {PROJECT}:\n    +materialized: view\n{_STEPS if dialect == 'spark' else ''}"
        f"# Give each model's variables when you run it: dbt run --select orders_placed --vars '{{since: 2026-03-01, until: 2026-03-31}}'\n"
        f"# Which models ask for which:\n{words}\n"
    )


def _sources(tables: Iterable[Table]) -> str:
    lines = [
        "version: 2",
        "sources:",
        f"  - name: {PROJECT}",
        "    schema: \"{{ var('twofold_schema', 'twofold') }}\"",
        "    tables:",
    ]
    for table in tables:
        lines += [f"      - name: {table.name}", f"        description: {_text(table.words)}", "        columns:"]
        for column in table.columns:
            lines += [
                f"          - name: {column.name}",
                f"            description: {_text(column.words)}",
                f"            data_type: {_text(str(column.type))}",
            ]
            if column.name == DAY:
                lines.append("            data_tests: [not_null]")
    return "\n".join(lines) + "\n"


def _schema(questions: Iterable[Question]) -> str:
    lines = ["version: 2", "models:"]
    for question in questions:
        lines += [f"  - name: {question.name}", f"    description: {_text(question.words)}", "    columns:"]
        for name, kind in question.answers.items():
            lines += [f"      - name: {name}", f"        data_type: {_text(str(kind))}"]
    return "\n".join(lines) + "\n"


def _text(words: str) -> str:
    return json.dumps(words.replace("{", "(").replace("}", ")"), ensure_ascii=False)
