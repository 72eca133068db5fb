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
from collections.abc import Callable, Iterator, Sequence
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from twofold.errors import FactsError, QuestionTooLarge, QuestionTooSlow
from twofold.facts.child import Child
from twofold.facts.manifest import Places
from twofold.facts.questions import Question, questions_of
from twofold.facts.shape import Table, Type

ROOM = "twofold.facts"
DUCKDB, SPARK = "duckdb", "spark"
_WIDE = Context(prec=60)


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


class Where(Struct, frozen=True, kw_only=True):
    """The same in plain values, for a child process that is told where it may ask."""

    data: str
    files: str
    engine: str
    memory_mb: int
    deadline_s: float

    @classmethod
    def of(cls, told: Analytics) -> Where:
        return cls(
            data=str(told.data), files=str(told.files), engine=told.engine, memory_mb=told.memory_mb,
            deadline_s=told.deadline_s,
        )  # fmt: skip

    @property
    def analytics(self) -> Analytics:
        return Analytics(
            data=Path(self.data), files=Path(self.files), engine=self.engine, memory_mb=self.memory_mb,
            deadline_s=self.deadline_s,
        )  # fmt: skip


class Asked(Struct, frozen=True, kw_only=True):
    """A question with its parameters."""

    question: Question
    parameters: dict[str, Any] = {}


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    """What the child is told. All questions are asked of one state of the tables."""

    data: str
    files: str
    engine: str
    memory_mb: int
    deadline_s: float
    spill: str
    questions: list[Asked]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that they read."""
        return tuple({table.name: table for one in self.questions for table in one.question.tables}.values())


class Head(Struct, frozen=True, kw_only=True, tag="head"):
    """The first line of an answer. ``as_of``: Unix s; the tables hold everything up to then."""

    as_of: int
    number: int
    currency: str = ""  # in which lives are told


class Tail(Struct, frozen=True, kw_only=True, tag="tail"):
    """The last line of a whole answer to one question."""

    rows: int


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """The last line of an answer that did not become whole."""

    memory: bool = False  # there was too little
    late: bool = False
    message: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """Rows as named tuples, in the question's order."""

    as_of: int
    currency: str = ""
    rows: list[Any]


def ask(analytics: Analytics, name: str | Question, parameters: dict[str, Any] | None = None) -> Answer:
    """Asks a question of this room by its name, or any question.

    Raises `QuestionTooLarge` or `QuestionTooSlow` past a limit, `FactsError` for whatever else stopped it.
    """
    question = questions_of(ROOM)[name] if isinstance(name, str) else name
    (answer,) = ask_all(analytics, [Asked(question=question, parameters=parameters or {})])
    return answer


def ask_all(analytics: Analytics, asked: Sequence[Asked], series: Child | None = None) -> list[Answer]:
    """Asks several questions of one state of the tables, one after the other within one deadline; an answer to each. ``series``: a
    child that was started for questions before and takes more after these; for the engine of this machine alone.

    Raises as `ask`, naming the question that was at work.
    """
    for one in asked:
        if one.parameters.keys() != one.question.asks.keys():
            expected, got = sorted(one.question.asks), sorted(one.parameters)
            raise FactsError(f"{one.question.name}: expected the parameters {expected}, got {got}")
    with _spill(analytics.data) as spill:
        task = Ask(
            data=str(analytics.data),
            files=str(analytics.files),
            engine=analytics.engine,
            memory_mb=analytics.memory_mb,
            deadline_s=analytics.deadline_s,
            spill=str(spill),
            questions=list(asked),
        )
        return _heard(analytics, task, series if analytics.engine == DUCKDB else None)


class _Hearing:
    """The child's lines as they come."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self.asked = asked
        self.rows: list[list[Any]] = [[]]
        self.head: Head | None = None
        self.failed: Failed | None = None
        self.cut = False
        self._read = [_reader(one.question) for one in asked]

    @property
    def question(self) -> Question:
        """The one at work."""
        return self.asked[min(len(self.rows), len(self.asked)) - 1].question

    def hear(self, line: bytes) -> None:
        if line.startswith(b"["):
            self.rows[-1].append(self._read[len(self.rows) - 1](msgspec.json.decode(line)))
            return
        told = msgspec.json.decode(line, type=Head | Tail | Failed)
        if isinstance(told, Head):
            self.head = told
        elif isinstance(told, Failed):
            self.failed = told
        else:
            self.cut = self.cut or told.rows != len(self.rows[-1])
            self.rows.append([])


def _reader(question: Question) -> Callable[[list[Any]], Any]:
    made: Any = namedtuple(question.name, list(question.answers))  # type: ignore[misc]
    turn = [_READ[kind] for kind in question.answers.values()]
    return lambda values: made._make(v if v is None else read(v) for read, v in zip(turn, values, strict=True))


def _heard(analytics: Analytics, task: Ask, series: Child | None) -> list[Answer]:
    heard = _Hearing(task.questions)
    try:
        code = _run(msgspec.json.encode(task), heard, analytics.deadline_s, series)
    except TimeoutError:
        raise too_slow(analytics, heard.question) from None
    if heard.failed is not None:
        raise error_of(analytics, heard.question, heard.failed)
    if heard.cut or len(heard.rows) <= len(task.questions) or heard.head is None:
        # Ended without a word: the operating system refused memory where nothing could catch it, or ended it for others.
        name = heard.question.name
        raise too_large(analytics, heard.question) if code else FactsError(f"{name}: the answer was cut off")
    head, rows = heard.head, heard.rows[: len(task.questions)]
    return [Answer(as_of=head.as_of, currency=head.currency, rows=one) for one in rows]


def _run(task: bytes, heard: _Hearing, deadline_s: float, series: Child | None) -> int | None:
    if series is None:
        return Child().run(task, heard.hear, deadline_s)

    def hear(line: bytes) -> bool:
        heard.hear(line)
        return heard.failed is not None or len(heard.rows) > len(heard.asked)

    return series.run_next(task, hear, deadline_s)


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
    Type.SUM: lambda value: Decimal(value).quantize(Decimal("0.000000000001"), context=_WIDE),
    Type.WHOLE: lambda value: int(Decimal(value)),
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
