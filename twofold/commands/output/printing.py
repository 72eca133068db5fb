"""How commands print: JSON lines, tables that are wider than the terminal, times, a bar while something takes long.

Owns the form; which rows, columns and words there are is each command's own.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a command that prints a line or two does not wait for these
    from rich.progress import Progress, ProgressColumn
    from rich.table import Table

    from twofold.commands.output.rows.row import Row
    from twofold.config import Settings


def print_rows(kind: type[Row], rows: Iterable[Any]) -> None:
    """For machines: one JSON object a line, each as soon as it is there; the rows are structs or mappings."""
    from twofold.commands.output.rows.row import encode_rows, row_of

    for line in encode_rows(row_of(kind, row) for row in rows):
        sys.stdout.write(line.decode() + "\n")


def print_about(command: str, **asked: Any) -> None:
    """The first line of a report for machines."""
    from twofold.commands.output.rows.row import About

    print_rows(About, [{"command": command, **asked}])


def say(text: str) -> None:
    """One line for people, never cut and never read as styles."""
    sys.stdout.write(text + "\n")


def make_table(*columns: str, right: Collection[str] = (), broken: Mapping[str, int] | None = None) -> Table:
    """An empty table without lines; the columns named in ``right`` hold figures. ``broken``: where the text of a column goes on in a new line."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        width = (broken or {}).get(column)
        table.add_column(
            column,
            no_wrap=width is None,
            max_width=width,
            overflow="fold",
            justify="right" if column in right else "left",
        )
    return table


def print_wide(table: Table) -> None:
    """Cut cells would hide ids and falsify figures; a line that is too long can be scrolled or piped. Cells are text: what a
    stranger calls a campaign is never read as styles or as the name of a picture."""
    from rich.console import Console

    Console(width=1_000, highlight=False, markup=False, emoji=False).print(table, crop=False)


def plain(text: str) -> str:
    """Text for a terminal: control and bidi characters shown, never obeyed."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def cell(value: Any) -> str:
    """A value for a table."""
    return plain("" if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value))


def cells(row: Mapping[str, Any], columns: Iterable[str]) -> list[str]:
    """These values of a row, for a table."""
    return [cell(row.get(column)) for column in columns]


class Clock:
    """Times as commands tell them to people: in the zone of reports and pages (`[chain] timezone`), which stands beside them."""

    def __init__(self, name: str = "UTC") -> None:
        from zoneinfo import ZoneInfo

        self.name, self.zone = name, ZoneInfo(name)

    def at(self, at: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Unix seconds, for a column whose heading names the zone; a number that is no time stays a number."""
        try:
            return datetime.fromtimestamp(at, self.zone).strftime(form)
        except (ValueError, OverflowError, OSError):
            return str(at)

    def at_ms(self, value: int | None) -> str:
        """The same of Unix ms; nothing for none."""
        return "" if value is None else self.at(value // 1000)

    def said(self, at: int) -> str:
        """Unix seconds with the zone, for a sentence."""
        return f"{self.at(at)} {self.name}"

    def over(self, heading: str) -> str:
        """The heading of a column of times."""
        return f"{heading} ({self.name})"


def clock_of(settings: Settings) -> Clock:
    """The clock by which people read what these settings are about."""
    return Clock(settings.chain.timezone)


def bar_on_stderr(*columns: ProgressColumn, quiet: bool) -> Progress | None:
    """A bar that is gone when it is done; none for machines, and none where nobody looks."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return None
    return Progress(*columns, console=console, transient=True)
