"""The child process that makes tables or answers one question: ``python -m twofold.facts``, its task on standard input.

Owns the limits that this process sets itself, and the lines it prints. It ends with its parent.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from twofold.errors import FactsError, TwofoldError, place_of
from twofold.facts.build import Lives, Progressed, Task, build
from twofold.facts.child import SERIES, end_with_parent, memory_limit, step_back
from twofold.facts.engine import DUCKDB, SPARK, Ask, Failed, Head, Tail
from twofold.facts.manifest import Manifest, Places, reading
from twofold.facts.shape import Table

_encode = msgspec.json.Encoder(decimal_format="string").encode
GRACE_S = 30.0
_MEMORY = (
    "out of memory",
    "outofmemory",
    "bad_alloc",
    "cannot allocate",
    "failed to allocate",
    "heap space",
    "gc overhead",
)
_LATE = ("querycanceled", "statement timeout")


def main() -> None:
    """Reads the task, does it, and says what came of it as the last line."""
    end_with_parent()
    if SERIES in sys.argv[1:]:
        answer_all()
        return
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Ask | Task)
    if isinstance(task, Ask):
        answer(task)
    else:
        make(task)


def make(task: Task, lives: Lives | None = None) -> None:
    """Makes tables behind everything else that runs here."""
    step_back(idle=True)
    # Rows die without cycles: looking for some among them takes a sixteenth of the time.
    gc.set_threshold(50_000, 50, 50)
    try:
        _say(build(task, lambda at, of: _say(Progressed(at=at, of=of)), lives))
    except Exception as err:
        _say(Failed(message=str(err) if isinstance(err, TwofoldError) else f"{type(err).__name__} at {place_of(err)}"))


def answer_all() -> None:
    """Answers questions as they come, one task a line. What it needs for the first is loaded before that comes."""
    from twofold.facts.engines import duckdb  # noqa: F401

    for line in sys.stdin.buffer:
        answer(msgspec.json.decode(line, type=Ask))


def answer(task: Ask) -> None:
    """Prints a line for the state of the tables, one a row, and one for the end of each question's."""
    step_back()
    signal.setitimer(signal.ITIMER_REAL, task.deadline_s + GRACE_S)  # should nobody be left who would end it
    try:
        _answer(task)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(task: Ask) -> None:
    try:
        with reading(Places(data=Path(task.data), files=Path(task.files)), task.deadline_s + GRACE_S) as manifest:
            known = require(manifest, task.tables)
            _say(Head(as_of=known.made_at, number=known.number, currency=known.currency))
            for parts in _engine_of(task)(task, known):
                count = 0
                for rows in parts:
                    count += len(rows)
                    _say_rows(rows)
                _say(Tail(rows=count))
    except MemoryError:
        _say(Failed(memory=True))
    except TwofoldError as err:
        _say(Failed(message=str(err)))
    except Exception as err:
        text = f"{type(err).__name__}: {str(err).partition(chr(10))[0]}"
        found = text.lower()
        _say(Failed(memory=any(word in found for word in _MEMORY), late=any(w in found for w in _LATE), message=text))


def require(manifest: Manifest | None, tables: Iterable[Table]) -> Manifest:
    """The manifest, if it has all of these tables."""
    if manifest is None:
        raise FactsError("the tables are not made yet; start the gateway, or ask again with a report that makes them")
    groups = {table.group for table in tables}
    missing = sum(group in groups for group, _ in manifest.absent)
    if missing:
        raise FactsError(f"the tables of {missing} days are being made; ask again in a moment")
    return manifest


def _engine_of(task: Ask) -> Callable[[Ask, Manifest], Iterable[Iterable[Sequence[Any]]]]:
    """Loaded only where it is used: each needs packages that the others do not."""
    if task.engine == DUCKDB:
        from twofold.facts.engines import duckdb

        _limit_memory(task.memory_mb)
        return duckdb.asked
    if task.engine == SPARK:
        from twofold.facts.engines import spark

        return spark.asked
    from twofold.facts.engines import postgres

    return postgres.asked


def _limit_memory(megabytes: int) -> None:
    """So much beyond what the program itself takes at rest; the operating system refuses the rest. A process of a series has the limit
    of its first question."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        return
    limit = memory_limit(megabytes)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _say(line: Any) -> None:
    sys.stdout.buffer.write(_encode(line) + b"\n")
    sys.stdout.buffer.flush()


def _say_rows(rows: Sequence[Any]) -> None:
    sys.stdout.buffer.write(b"".join(_encode(row) + b"\n" for row in rows))


if __name__ == "__main__":
    main()
