"""`twofold schema`: the form of an event as JSON Schema, and what came that nobody has declared.

Owns the words and the table. The document is `schema.document`'s, the counts are those that the gateway keeps.
"""

from __future__ import annotations

import json as plain_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import ConfigOption, DataOption, DatasetOption, JsonOption
from twofold.commands.output.printing import make_table, plain, print_rows, print_wide, say

if TYPE_CHECKING:
    from twofold.schema.declared import Declared


def schema(
    undeclared: Annotated[
        bool,
        typer.Option("--undeclared", help="Events and properties that came and are neither documented nor declared."),
    ] = False,
    dataset: DatasetOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Print the form of an event as JSON Schema (2020-12), with what `[[schema.event]]` declares; or what came undeclared.

    Exit code 1 with --undeclared when something did.
    """
    from twofold.config import load_settings
    from twofold.policies import declared_in
    from twofold.schema.document import describe_event

    settings = load_settings(config, data=data)
    if not undeclared:
        print(plain_json.dumps(describe_event(declared_in(settings)), indent=None if json else 2, ensure_ascii=False))
        return
    rows, no_room = _undeclared(Path(settings.server.data), declared_in(settings), dataset)
    _print_json(rows) if json else _print_table(rows, no_room)
    raise typer.Exit(1 if rows or no_room else 0)


def _undeclared(folder: Path, declared: Declared, dataset: str | None) -> tuple[list[dict[str, Any]], int]:
    from twofold.report.period import journal_of
    from twofold.schema.watch import META, decode_seen, still_undeclared

    with journal_of(folder) as journal:
        return still_undeclared(decode_seen(journal.note(META)), declared, dataset)


def _print_json(rows: list[dict[str, Any]]) -> None:
    from twofold.commands.output.rows.signal import Undeclared

    print_rows(Undeclared, rows)


def _print_table(rows: list[dict[str, Any]], no_room: int) -> None:
    table = make_table("event", "property", "came", "of strangers", "types", "dataset")
    for row in rows:
        types = ", ".join(f"{kind} {count}" for kind, count in sorted(row["types"].items()))
        table.add_row(
            plain(row["event_name"]), plain(row["property"]), str(row["events"]), str(row["of_strangers"]), types, plain(row["dataset"])
        )  # fmt: skip
    print_wide(table)
    if no_room:
        say(f"{no_room} more times something came under names for which there was no room: senders make names up")
