"""``twofold events``, ``actions``, ``deliveries`` and ``refused``: the rows of the data folder as they are.

Owns which columns people see; the rows and what a filter means are `store.reading`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from twofold.commands.options import (
    ConfigOption,
    DataOption,
    DatasetOption,
    DestinationOption,
    IdOption,
    JsonOption,
    LimitOption,
    NameOption,
    folder_of,
)
from twofold.commands.output import cell, make_table, print_json, print_wide


def events(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    state: Annotated[str | None, typer.Option(help="Verdict: first, repeat, twin or conflict.")] = None,
    limit: LimitOption = 50,
) -> None:
    """List copies as they were journalled, newest last."""
    columns = ("position", "dataset", "event_name", "event_id", "channel", "sender", "tier", "verdict", "action")
    filters = {"dataset": dataset, "name": name, "id": id, "state": state}
    _list("events", columns, folder_of(config, data), filters, limit, json)


def actions(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    state: Annotated[
        str | None, typer.Option(help="waiting, delivered, suppressed, paused, dead, merged, stored or mixed.")
    ] = None,
    limit: LimitOption = 50,
) -> None:
    """List actions: what the shoppers did once, folded from their copies."""
    columns = ("id", "dataset", "event_name", "fold_key", "copies", "late", "value", "currency", "match_keys", "state")
    filters = {"dataset": dataset, "name": name, "id": id, "state": state}
    _list("actions", columns, folder_of(config, data), filters, limit, json)


def deliveries(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    state: Annotated[str | None, typer.Option(help="waiting, delivered, suppressed, paused or dead.")] = None,
    destination: DestinationOption = None,
    limit: LimitOption = 50,
) -> None:
    """List deliveries: one action for one destination, its state and why."""
    columns = ("id", "destination", "event_name", "event_id", "state", "attempts", "reason", "stitched", "marks")
    filters = {"dataset": dataset, "name": name, "id": id, "state": state, "destination": destination}
    _list("deliveries", columns, folder_of(config, data), filters, limit, json)


def refused(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    state: Annotated[str | None, typer.Option(help="Drop reason, e.g. missing_currency.")] = None,
    limit: LimitOption = 50,
) -> None:
    """List what was refused, with the reason, the field, and the masked body."""
    columns = ("id", "entry", "dataset", "event_name", "event_id", "reason", "index", "path", "expected", "got")
    filters = {"dataset": dataset, "name": name, "id": id, "state": state}
    _list("refused", columns, folder_of(config, data), filters, limit, json)


def _list(
    kind: str, columns: tuple[str, ...], folder: Path, filters: dict[str, str | None], limit: int, json: bool
) -> None:
    from twofold.store.lists import Reader

    with Reader(folder) as reader:
        rows = reader.rows(kind, filters, limit=limit)
        if json:
            print_json(rows)
            return
        table = make_table(*columns)
        for row in rows:
            table.add_row(*(cell(row.get(c)) for c in columns))
    if table.row_count:
        print_wide(table)
    else:
        Console(highlight=False).print(f"no {kind} that fit")
