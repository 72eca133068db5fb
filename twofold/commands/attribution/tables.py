"""``twofold tables``: which derived tables there are, and one of them as a file for somebody else's tools.

Owns what is typed and shown. The tables are `facts`'s, and so are the forms of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twofold.commands.options import ConfigOption, DataOption, JsonOption, known_value
from twofold.commands.output.printing import bar_on_stderr, make_table, print_rows, print_wide, say
from twofold.commands.reconcile.chain import day_option

if TYPE_CHECKING:
    from twofold.config import Settings
    from twofold.facts.exports import Exported
    from twofold.facts.shape import Table

tables = typer.Typer(
    no_args_is_help=True, help="The tables that reports ask: which there are, and one of them as a file."
)


def _names() -> list[str]:
    from twofold.facts.tables import TABLES

    return [table.name for table in TABLES]


@tables.command("list")
def list_tables(
    name: Annotated[str, typer.Argument(metavar="[TABLE]", help="One table, with its columns.")] = "",
    json: JsonOption = False,
) -> None:
    """Which tables there are and what a row of each is; of one table its columns. Reads no data folder."""
    from twofold.facts.tables import BY_NAME, TABLES

    if name:
        known_value("TABLE", name, _names())
    shown = [BY_NAME[name]] if name else list(TABLES)
    if json:
        from twofold.commands.output.rows.tables import TableColumn

        print_rows(TableColumn, (_column(table, n) for table in shown for n in range(len(table.columns))))
        return
    if not name:
        listed = make_table("table", "what", broken={"what": 100})
        for table in shown:
            listed.add_row(table.name, table.words)
        print_wide(listed)
        return
    say(f"{shown[0].words} Its key: {', '.join(shown[0].key)}.")
    columns = make_table("column", "type", "what it holds", broken={"what it holds": 100})
    for column in shown[0].columns:
        columns.add_row(column.name, str(column.type), column.words)
    print_wide(columns)


@tables.command("export")
def export_of(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="Which table.")],
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: .csv, .parquet or .jsonl.")],
    since: Annotated[
        str, typer.Option("--since", help="The first day by which rows are filed.", callback=day_option)
    ] = "",
    until: Annotated[str, typer.Option("--until", help="The last of them.", callback=day_option)] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a file that is there.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Write a table as CSV, Parquet or lines of JSON, as things stand now.

    The whole file is there or none of it. Columns: docs/tables.md. None of it is contact data, but rows name orders; what was written is
    outside of the data folder, where no erasure reaches it.
    """
    from twofold.config import load_settings
    from twofold.facts.exports import FORMS
    from twofold.facts.tables import BY_NAME

    known_value("TABLE", name, _names())
    if to.suffix not in FORMS:
        raise typer.BadParameter(
            f"expected a name that ends with {', '.join(FORMS[:-1])} or {FORMS[-1]}, got {to.name!r}", param_hint="FILE"
        )
    if not to.parent.is_dir():
        raise typer.BadParameter(f"expected a folder that is there, got {str(to.parent)!r}", param_hint="FILE")
    if to.exists() and (not replace or not to.is_file()):
        raise typer.BadParameter(f"expected a file that is not there, or --replace, got {str(to)!r}", param_hint="FILE")
    if since and until and since > until:
        raise typer.BadParameter("expected a day that is not before --since", param_hint="--until")
    settings = load_settings(config, data=data)
    done = _export(settings, BY_NAME[name], to, since, until, quiet=json)
    if json:
        from twofold.commands.output.rows.tables import ExportedTable

        told = done._asdict() | {"table": name, "file": str(to), "currency": done.currency or None}
        print_rows(ExportedTable, [told])
        return
    say(f"{done.rows:,} rows of {name}, {done.size:,} bytes: {to}")


def _export(settings: Settings, table: Table, to: Path, since: str, until: str, *, quiet: bool) -> Exported:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn

    from twofold.control.tables import make_tables
    from twofold.facts.child import step_back
    from twofold.facts.exports import export_table
    from twofold.policies import analytics_of

    step_back()  # the gateway may run on this machine
    bar = bar_on_stderr(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), quiet=quiet)
    if bar is None:
        make_tables(settings)
        return export_table(analytics_of(settings), table, to, since=since, until=until)
    with bar:
        making = bar.add_task("making the tables", total=None)
        make_tables(settings, lambda at, of: bar.update(making, completed=at, total=of or None))
        writing = bar.add_task("writing the rows", total=None)
        return export_table(
            analytics_of(settings), table, to, since=since, until=until,
            progress=lambda at, of: bar.update(writing, completed=at, total=of or None),
        )  # fmt: skip


def _column(table: Table, place: int) -> dict[str, object]:
    column = table.columns[place]
    return {
        "table": table.name, "what": table.words, "column": column.name, "type": str(column.type), "holds": column.words,
        "is_key": column.name in table.key,
    }  # fmt: skip
