"""The named questions and the tables as a project of dbt, so that a data team can ask them in its own warehouse.

Owns the text of its files. Nothing in them is written by hand: models are the questions' own SQL in the warehouse's dialect, sources the
tables' own columns and words. What a question asks is a variable of dbt; the warehouse holds the tables as their Parquet files have them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from twofold.facts.engines.dialect import translated
from twofold.facts.questions import Question, with_values
from twofold.facts.shape import DAY, Table, Type

DIALECTS = ("duckdb", "postgres", "spark")
PROJECT = "twofold"
_CALLED = re.compile(r"\b(from|join)\s+(\w+)\b", re.IGNORECASE)
_HOLE = "twofold:{}"
_NUMBER = 900_000_000_000_000_000
_TEXT = re.compile(r"('(?:[^']|'')*')")


def project_of(tables: Iterable[Table], questions: Iterable[Question], version: str, dialect: str) -> dict[str, str]:
    """Every file by its path: ``dbt_project.yml``, the sources with their words and tests, and a model a question with its own."""
    known, asked = list(tables), sorted(questions, key=lambda question: question.name)
    files = {
        "dbt_project.yml": _project(asked, version),
        "models/sources.yml": _sources(known),
        "models/schema.yml": _schema(asked),
    }
    names = frozenset(table.name for table in known)
    files |= {f"models/{question.name}.sql": model_of(question, names, dialect) for question in asked}
    return files | {f"tests/{table.name}_key.sql": _key_test(table) for table in known}


def model_of(question: Question, tables: frozenset[str], dialect: str) -> str:
    """The question's SQL with its tables as sources and what it asks as variables."""
    holes = {name: _hole(n, name, kind) for n, (name, kind) in enumerate(question.asks.items())}
    sql = with_values(question, holes) if dialect == "duckdb" else translated(question, holes, dialect)
    parts = {part.name for part in question.parts}
    sql = "".join(
        text if text.startswith("'") else _CALLED.sub(lambda found: _source(found, tables - parts), text)
        for text in _TEXT.split(sql)
    )
    for n, (name, kind) in enumerate(question.asks.items()):
        written = f"'{_HOLE.format(name)}'" if kind is Type.TEXT else str(_NUMBER + n)
        sql = sql.replace(written, variable(name, kind))
    return f"-- {question.words}\n{sql}\n"


def variable(name: str, kind: Type) -> str:
    """What a question asks, as dbt writes it: texts are quoted, numbers are numbers."""
    if kind is Type.TEXT:
        return "'{{ var(\"" + name + '") | string | replace("\'", "\'\'") }}\''
    return '{{ var("' + name + '") | int }}'


def _hole(n: int, name: str, kind: Type) -> object:
    """A value that stands for a parameter while the question is translated."""
    return _HOLE.format(name) if kind is Type.TEXT else _NUMBER + n


def _source(found: re.Match[str], tables: frozenset[str]) -> str:
    word, name = found[1], found[2]
    return f"{word} {{{{ source('{PROJECT}', '{name}') }}}}" if name in tables else found[0]


def _key_test(table: Table) -> str:
    key = ", ".join(table.key)
    return (
        f"-- {table.words} Its key names one row.\nselect {key} from {{{{ source('{PROJECT}', '{table.name}') }}}}\n"
        f"group by {key} having count(*) > 1\n"
    )


# -- YAML: texts as JSON writes them, which YAML reads alike


def _project(questions: Iterable[Question], version: str) -> str:
    kinds = {name: kind for question in questions for name, kind in question.asks.items()}
    words = "\n".join(
        f"  # {name}: {' '.join(sorted({q.name for q in questions if name in q.asks}))}" for name in sorted(kinds)
    )
    return (
        f"name: {PROJECT}\nversion: {_text(version)}\nconfig-version: 2\nprofile: {PROJECT}\nmodel-paths: [models]\ntest-paths: [tests]\n"
        f"models:\n  {PROJECT}:\n    +materialized: view\n"
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
