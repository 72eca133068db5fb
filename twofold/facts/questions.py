"""Named questions: SQL files in the part of the language that DuckDB, PostgreSQL and Spark read alike.

Owns the little format and what a question may not use. A question is::

    -- name: orders_placed
    -- What was placed, by day and currency.
    -- asks: since text, until text
    -- answers: day text, currency text, orders bigint, total decimal(18,4)
    select ...

A file may have parts beside questions: ``-- part: name``, a line of words and a select, which the file's questions and later
parts read as if it were a table; with a line ``-- kept: why`` one engine works it out once for the questions of a task that ask it
alike. ``$since`` stands for a parameter. ``asks`` is left out where there is none. Any room may hold questions in a folder ``sql``
of its own. No average and no division but of whole numbers (``//``) and of doubles: engines differ in what comes of decimals;
sum, and divide the sums where they are shown. Nor anything that one engine alone has (see `FORBIDDEN`, `FORBIDDEN_CALLS`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
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
_DOUBLES = re.compile(r"cast\([^()]+ as double\) / cast\([^()]+ as double\)")
"""A division that is the same everywhere."""
_NAME = re.compile(r"(?m)^-- (name|part): (\w+)$")
_PARAMETER = re.compile(r"\$(\w+)")
# A place in a row has no frame: DuckDB and PostgreSQL overlook one, Spark refuses it. Written out, it can be seen that there is none.
_PLACED = re.compile(
    r"\b(row_number|rank|dense_rank|ntile|lag|lead)\s*\([^()]*\)\s*over\s*(?:(?!\s|\()|\([^()]*\b(?:rows|range)\s+between\b)"
)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_WORD = re.compile(r"[a-z_][a-z0-9_]*")


class Part(Struct, frozen=True, kw_only=True):
    """A select that questions of its file read as a table. ``kept``: worked out once for questions that are asked together."""

    name: str
    words: str
    sql: str
    kept: bool = False


class Question(Struct, frozen=True, kw_only=True):
    """One question. ``asks``: its parameters; ``answers``: its columns, both by name. ``sql``: whole, with the parts that it reads;
    ``own``: without them."""

    name: str
    words: str
    asks: dict[str, Type]
    answers: dict[str, Type]
    sql: str
    own: str = ""
    parts: tuple[Part, ...] = ()

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
    parts: list[Part] = []
    found = []
    told = _NAME.split(text)[1:]
    for kind, name, body in zip(told[::3], told[1::3], told[2::3], strict=True):
        if kind == "part":
            words, heads, sql = _read(name, body)
            parts.append(Part(name=name, words=words, sql=sql, kept="kept" in heads))
        else:
            found.append(_question(name, body, parts))
    return found


def _question(name: str, body: str, parts: Sequence[Part]) -> Question:
    words, heads, sql = _read(name, body)
    used = parts_of(sql, parts)
    question = Question(
        name=name, words=words, asks=_columns(heads.get("asks", "")), answers=_columns(heads["answers"]),
        sql=_with_parts(sql, used), own=sql, parts=used,
    )  # fmt: skip
    assert set(_PARAMETER.findall(question.sql)) == set(question.asks), f"{name}: asks and $parameters differ"
    return question


def _read(name: str, body: str) -> tuple[str, dict[str, str], str]:
    """The plain words, the heads by name, and the SQL."""
    lines = body.strip().splitlines()
    said = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip().removesuffix(";")
    heads = {
        head: line.partition(":")[2]
        for line in said
        for head in ("asks", "answers", "kept")
        if line.startswith(f"{head}:")
    }
    words = " ".join(line for line in said if not line.startswith(("asks:", "answers:", "kept:")))
    assert words, f"{name}: expected a line of plain words"
    return words, heads, sql


def parts_of(sql: str, parts: Sequence[Part], there: Collection[str] = ()) -> tuple[Part, ...]:
    """Those that a text reads, and that these read, each after those that it reads itself. ``there``: parts that are tables already."""
    wanted = set(_WORD.findall(_TEXT.sub("''", sql.lower())))
    used: list[Part] = []
    for part in reversed(parts):
        if part.name in wanted and part.name not in there:
            used.append(part)
            wanted |= set(_WORD.findall(_TEXT.sub("''", part.sql.lower())))
    return tuple(reversed(used))


def sql_beside(sql: str, parts: Sequence[Part], there: Collection[str] = ()) -> str:
    """A text whole, with the parts that it reads; ``there``: those that are tables already."""
    return _with_parts(sql, parts_of(sql, parts, there))


def parameters_of(sql: str) -> set[str]:
    """The names of the parameters that a text asks."""
    return set(_PARAMETER.findall(sql))


def _with_parts(sql: str, used: Sequence[Part]) -> str:
    if not used:
        return sql
    assert not sql.startswith("with "), "a question of parts has no with of its own"
    return "with " + ", ".join(f"{part.name} as (\n{part.sql}\n)" for part in used) + f"\n{sql}"


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
    if "/" in _DOUBLES.sub("", bare).replace("//", ""):
        found.append("/")
    if "select *" in bare or ".*" in bare:
        found.append("*")
    return found + sorted(set(_PLACED.findall(bare)))
