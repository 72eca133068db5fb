"""A named question to the tables: where it is asked, with how much memory, until when.

Owns the process that asks: never the gateway's loop or thread, and not the command's own, but a child of the same program
with DuckDB's memory limit, a hard limit of the operating system and a deadline. Past either the error says which, and what
to narrow. Rows come back as named tuples, typed as the question says.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from twofold.errors import FactsError, QuestionTooLarge, QuestionTooSlow
from twofold.facts.child import Child
from twofold.facts.manifest import Places
from twofold.facts.questions import Question, questions_of
from twofold.facts.tables import Type

ROOM = "twofold.facts"
DUCKDB, SPARK = "duckdb", "spark"


class Analytics(Struct, frozen=True, kw_only=True):
    """Where and within which limits questions are asked. ``engine``: duckdb, spark, or a connection to PostgreSQL."""

    data: Path
    files: Path
    engine: str = DUCKDB
    memory_mb: int = 2048
    deadline_s: float = 120.0

    @property
    def places(self) -> Places:
        return Places(data=self.data, files=self.files)


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    """What the child is told."""

    data: str
    files: str
    engine: str
    memory_mb: int
    deadline_s: float
    spill: str
    question: Question
    parameters: dict[str, Any]


class Head(Struct, frozen=True, kw_only=True, tag="head"):
    """The first line of an answer. ``as_of``: Unix s; the tables hold everything up to then."""

    as_of: int
    number: int


class Tail(Struct, frozen=True, kw_only=True, tag="tail"):
    """The last line of a whole answer."""

    rows: int


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """The last line of an answer that did not become whole."""

    memory: bool = False  # there was too little
    late: bool = False
    message: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """Rows as named tuples, in the question's order."""

    as_of: int
    rows: list[Any]


def ask(analytics: Analytics, name: str | Question, parameters: dict[str, Any] | None = None) -> Answer:
    """Asks a question of this room by its name, or any question.

    Raises `QuestionTooLarge` or `QuestionTooSlow` past a limit, `FactsError` for whatever else stopped it.
    """
    question = questions_of(ROOM)[name] if isinstance(name, str) else name
    given = parameters or {}
    if given.keys() != question.asks.keys():
        raise FactsError(f"{question.name}: expected the parameters {sorted(question.asks)}, got {sorted(given)}")
    with _spill(analytics.data) as spill:
        task = Ask(
            data=str(analytics.data),
            files=str(analytics.files),
            engine=analytics.engine,
            memory_mb=analytics.memory_mb,
            deadline_s=analytics.deadline_s,
            spill=str(spill),
            question=question,
            parameters=given,
        )
        return _heard(analytics, question, task)


def _heard(analytics: Analytics, question: Question, task: Ask) -> Answer:
    made: Any = namedtuple(question.name, list(question.answers))  # type: ignore[misc]
    turn = [_READ[kind] for kind in question.answers.values()]
    rows: list[Any] = []
    ends: list[Head | Tail | Failed] = []

    def hear(line: bytes) -> None:
        if line.startswith(b"["):
            values = msgspec.json.decode(line)
            rows.append(made._make(v if v is None else read(v) for read, v in zip(turn, values, strict=True)))
        else:
            ends.append(msgspec.json.decode(line, type=Head | Tail | Failed))

    try:
        code = Child().run(msgspec.json.encode(task), hear, analytics.deadline_s)
    except TimeoutError:
        raise too_slow(analytics, question) from None
    last = ends[-1] if ends else None
    if isinstance(last, Failed):
        raise error_of(analytics, question, last)
    if not isinstance(last, Tail) or last.rows != len(rows):
        # Ended without a word: the operating system refused memory where nothing could catch it, or ended it for others.
        raise too_large(analytics, question) if code else FactsError(f"{question.name}: the answer was cut off")
    (head,) = (end for end in ends if isinstance(end, Head))
    return Answer(as_of=head.as_of, rows=rows)


def error_of(analytics: Analytics, question: Question, failed: Failed) -> FactsError:
    if failed.memory:
        return too_large(analytics, question)
    if failed.late:
        return too_slow(analytics, question)
    return FactsError(f"{question.name}: {failed.message}")


def too_large(analytics: Analytics, question: Question) -> QuestionTooLarge:
    """Says which limit, and what to narrow."""
    return QuestionTooLarge(
        f"{question.name} needs more than {analytics.memory_mb} MB; {_narrow(question)}, or raise memory_mb under [analytics]"
    )


def too_slow(analytics: Analytics, question: Question) -> QuestionTooSlow:
    """The same for the time."""
    return QuestionTooSlow(
        f"{question.name} takes longer than {analytics.deadline_s:g} s; {_narrow(question)}, or raise deadline_s under "
        "[analytics]"
    )


def _narrow(question: Question) -> str:
    if {"since", "until"} <= question.asks.keys():
        return "ask for fewer days (since, until)"
    return "ask for less" if question.asks else "it can only be asked whole"


_READ: dict[Type, Callable[[Any], Any]] = {
    Type.TEXT: str,
    Type.INT: lambda value: int(Decimal(value)),
    Type.BOOL: bool,
    Type.MONEY: lambda value: Decimal(value).quantize(Decimal("0.0001")),
    Type.RATE: lambda value: Decimal(value).quantize(Decimal("0.00000001")),
}
"""A value as the child writes it, in the type that the question says."""


@contextlib.contextmanager
def _spill(data: Path) -> Iterator[Path]:
    """A folder for what does not fit into memory; gone when the question is answered, also when its process was killed."""
    folder = Places(data=data, files=data).spill / f"{os.getpid()}-{secrets.token_hex(6)}"
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
