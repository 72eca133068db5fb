"""How commands print: JSON lines, tables that are wider than the terminal, times, a bar while something takes long.

Owns the form; which rows, columns and words there are is each command's own.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, ProgressColumn
from rich.table import Table


def print_json(rows: Iterable[Any]) -> None:
    """One JSON object a line, each as soon as it is there."""
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")


def make_table(*columns: str, right: Collection[str] = ()) -> Table:
    """An empty table without lines; the columns named in ``right`` hold figures."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True, justify="right" if column in right else "left")
    return table


def print_wide(table: Table) -> None:
    """Cut cells would hide ids and falsify figures; a line that is too long can be scrolled or piped."""
    Console(width=1_000, highlight=False).print(table, crop=False)


def plain(text: str) -> str:
    """Text for a terminal: control and bidi characters shown, never obeyed."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def cell(value: Any) -> str:
    """A value for a table, where brackets would be taken for styles."""
    text = "" if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return escape(plain(text))


def utc(at: int) -> str:
    """Unix seconds as people read them; a number that is no time stays a number."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(at)


def bar_on_stderr(*columns: ProgressColumn, quiet: bool) -> Progress | None:
    """A bar that is gone when it is done; none for machines, and none where nobody looks."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return None
    return Progress(*columns, console=console, transient=True)
