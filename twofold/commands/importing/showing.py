"""What every import shows alike: the bar while it reads, its notes and figures, and the rows that were not understood.

Owns that form. Which figures there are, and the tables of money, are each import's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from twofold.commands.output.printing import bar_on_stderr, plain, say

SHOWN = 10
"""Rows that were not understood, at most; all of them stand in the report."""


def bar_of(
    path: Path, quiet: bool, told: Callable[[Any], str]
) -> tuple[AbstractContextManager[Any], Callable[[int, Any], None] | None]:
    """The bar, and what to call with the bytes read and the sums so far. ``told`` says in words how far it is."""
    from rich.markup import escape
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = bar_on_stderr(*columns, quiet=quiet)
    if bar is None:
        return nullcontext(), None
    size = path.stat().st_size if path.exists() else 0
    task = bar.add_task(escape(path.name), total=size or None)

    def watch(bytes_read: int, summary: Any) -> None:
        total = size if bytes_read else None  # a workbook cannot tell how far it is
        bar.update(task, completed=bytes_read, total=total, description=told(summary))

    return bar, watch


def say_figures(summary: Any, figures: Iterable[tuple[str, int]]) -> None:
    """What the file is, what is to be known of it, and the figures, each with its name."""
    say(f"{plain(summary.title)}{' (dry run: nothing was written)' if summary.dry_run else ''}")
    for note in summary.notes:
        say(f"note: {plain(note)}")
    for name, count in figures:
        say(f"{count:>12,}  {plain(name)}")


def say_problems(summary: Any, report: Path | None) -> None:
    """The first rows that were not understood, and where all of them are."""
    for problem in summary.problems[:SHOWN]:
        where = f"row {problem.row}" + (f", {problem.column}" if problem.column else "")
        say(plain(f"{problem.kind}: {where}: expected {problem.expected or 'otherwise'}, got {problem.got}"))
    found = sum(summary.refused.values()) + sum(summary.warnings.values())
    if found > SHOWN:
        say(f"… {found - SHOWN} more; " + (f"all in {report}" if report else "see them all with --report FILE"))


def problem_rows(problems: Sequence[Any]) -> Iterable[dict[str, Any]]:
    """The rows that were not understood, for machines."""
    for p in problems:
        yield {
            "kind": p.kind, "line": p.row, "column": p.column, "reason": p.reason, "expected": p.expected, "got": p.got,
        }  # fmt: skip
