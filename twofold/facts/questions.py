"""Named questions: SQL files in the part of the language that DuckDB, PostgreSQL and Spark read alike.

Owns the little format and what a question may not use. A question is::

    -- name: orders_placed
    -- What was placed, by day and currency.
    -- asks: since text, until text
    -- answers: day text, currency text, orders bigint, total decimal(18,4)
    select ...

``$since`` stands for a parameter. ``asks`` is left out where there is none. Any room may hold questions in a folder ``sql``
of its own. No division and no average: engines differ in what comes of decimals; sum, and divide the sums where they are
shown. Nor anything that one engine alone has (see `FORBIDDEN`, `FORBIDDEN_CALLS`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

from msgspec import Struct

from twofold.facts.shape import Table, Type
from twofold.facts.tables import BY_NAME

FORBIDDEN = frozenset({
    "qualify", "asof", "pivot", "unpivot", "sample", "ilike", "similar", "exclude", "lateral", "current_date",
    "current_timestamp",
})  # fmt: skip
"""Words that no question has."""

FORBIDDEN_CALLS = frozenset({
    "arg_min", "arg_max", "quantile", "quantile_cont", "median", "mode", "list", "array_agg", "string_agg", "group_concat",
    "avg", "first", "last", "any_value", "regexp_matches", "strftime", "now", "random", "unnest",
})  # fmt: skip
"""Functions that none calls."""

_CALL = re.compile(r"([a-z_][a-z0-9_]*)\s*\(")
_NAME = re.compile(r"(?m)^-- name: (\w+)$")
_PARAMETER = re.compile(r"\$(\w+)")
_TEXT = re.compile(r"'(?:[^']|'')*'")
_WORD = re.compile(r"[a-z_][a-z0-9_]*")


class Question(Struct, frozen=True, kw_only=True):
    """One question. ``asks``: its parameters; ``answers``: its columns, both by name."""

    name: str
    words: str
    asks: dict[str, Type]
    answers: dict[str, Type]
    sql: str

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables it reads."""
        used = set(_WORD.findall(_TEXT.sub("''", self.sql.lower())))
        return tuple(table for name, table in BY_NAME.items() if name in used)


@lru_cache(maxsize=16)
def questions_of(room: str) -> dict[str, Question]:
    """The questions in the folder ``sql`` of a room, by name."""
    found: dict[str, Question] = {}
    for file in sorted(resources.files(room).joinpath("sql").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sql"):
            for question in read_questions(file.read_text(encoding="utf-8")):
                assert question.name not in found, f"two questions are named {question.name}"
                found[question.name] = question
    return found


def read_questions(text: str) -> list[Question]:
    """The questions of one file."""
    parts = _NAME.split(text)[1:]
    return [_question(name, body) for name, body in zip(parts[::2], parts[1::2], strict=True)]


def _question(name: str, body: str) -> Question:
    lines = body.strip().splitlines()
    said = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip().removesuffix(";")
    heads = {
        head: line.partition(":")[2] for line in said for head in ("asks", "answers") if line.startswith(f"{head}:")
    }
    words = " ".join(line for line in said if not line.startswith(("asks:", "answers:")))
    assert words, f"{name}: expected a line of plain words"
    question = Question(
        name=name, words=words, asks=_columns(heads.get("asks", "")), answers=_columns(heads["answers"]), sql=sql
    )
    assert set(_PARAMETER.findall(sql)) == set(question.asks), f"{name}: asks and $parameters differ"
    return question


def _columns(text: str) -> dict[str, Type]:
    found = (part.strip().partition(" ") for part in re.split(r",(?![^(]*\))", text) if part.strip())
    return {name: Type(kind.strip()) for name, _, kind in found}


def with_values(question: Question, parameters: dict[str, object]) -> str:
    """The question's SQL with its parameters written in, as the standard writes values."""
    return _PARAMETER.sub(lambda m: literal(parameters[m[1]], question.asks[m[1]]), question.sql)


def literal(value: object, kind: Type) -> str:
    """A value as SQL. Texts are quoted; everything else is one of numbers and truth values."""
    if value is None:
        return f"cast(null as {kind})"
    if kind is Type.TEXT:
        return "'" + str(value).replace("'", "''") + "'"
    if kind is Type.BOOL:
        return "true" if value else "false"
    if kind is Type.INT:
        return str(int(str(value)))
    return f"cast('{value}' as {kind})"


def faults_of(question: Question) -> list[str]:
    """What in a question one of the engines would read otherwise, or not at all."""
    bare = _TEXT.sub("''", question.sql.lower())
    found = sorted(set(_WORD.findall(bare)) & FORBIDDEN | set(_CALL.findall(bare)) & FORBIDDEN_CALLS)
    if "/" in bare:
        found.append("/")
    if "select *" in bare or ".*" in bare:
        found.append("*")
    return found
