"""``twofold events``, ``actions``, ``deliveries`` and ``refused``: the rows of the data folder as they are.

Owns which columns people see, and that a value which cannot be is refused with the known ones; the rows and what a
filter means are `store.lists`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import (
    ConfigOption,
    DataOption,
    DatasetOption,
    DestinationOption,
    IdOption,
    JsonOption,
    LimitOption,
    NameOption,
    completing,
    known_value,
)
from twofold.commands.output.printing import Clock, cell, clock_of, make_table, plain, print_rows, print_wide, say

if TYPE_CHECKING:
    from twofold.config import Settings
    from twofold.store.lists import Reader

VERDICTS = ("first", "repeat", "twin", "conflict")
DELIVERY_STATES = ("waiting", "delivered", "suppressed", "paused", "dead")
ACTION_STATES = (*DELIVERY_STATES, "merged", "stored", "mixed")


def events(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    state: Annotated[
        str | None, typer.Option(help="Verdict: first, repeat, twin or conflict.", autocompletion=completing(VERDICTS))
    ] = None,
    limit: LimitOption = 50,
) -> None:
    """List copies as they were journalled, newest last."""
    known_value("--state", state, VERDICTS)
    columns = ("position", "received_at", "dataset", "event_name", "event_id", "channel", "sender", "tier", "verdict",
               "action")  # fmt: skip
    filters = {"dataset": dataset, "name": name, "id": id, "state": state}
    _list("events", columns, config, data, filters, limit, json)


def actions(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="waiting, delivered, suppressed, paused, dead, merged, stored or mixed.",
            autocompletion=completing(ACTION_STATES),
        ),
    ] = None,
    limit: LimitOption = 50,
) -> None:
    """List actions: what the shoppers did once, folded from their copies."""
    known_value("--state", state, ACTION_STATES)
    columns = ("id", "created_at", "dataset", "event_name", "fold_key", "order_id", "copies", "late", "value", "currency",
               "match_keys", "state")  # fmt: skip
    filters = {"dataset": dataset, "name": name, "id": id, "state": state}
    _list("actions", columns, config, data, filters, limit, json)


deliveries = typer.Typer(
    name="deliveries",
    help="List deliveries: one action for one destination, its state and why; `show` one with request and answers.",
    invoke_without_command=True,
)


@deliveries.callback()
def list_deliveries(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="waiting, delivered, suppressed, paused or dead.", autocompletion=completing(DELIVERY_STATES)
        ),
    ] = None,
    destination: DestinationOption = None,
    limit: LimitOption = 50,
) -> None:
    """List deliveries: one action for one destination, its state and why; `show` one with request and answers.

    Each with the time of its last attempt, the HTTP status it got, how long it took and when the next try is due.
    """
    if context.invoked_subcommand is not None:
        return
    known_value("--state", state, DELIVERY_STATES)
    columns = ("id", "created_at", "destination", "event_name", "event_id", "order_id", "state", "reason", "attempts",
               "tried_at", "status", "took_ms", "due_at", "marks")  # fmt: skip
    filters = {"dataset": dataset, "name": name, "id": id, "state": state, "destination": destination}
    _list("deliveries", columns, config, data, filters, limit, json)


@deliveries.command("show")
def show_delivery(
    delivery: Annotated[str, typer.Argument(metavar="ID", help="Number of the delivery, or its event id.")],
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show one delivery: the request as it is sent, and each attempt with what came back.

    The payload is the bytes that every attempt carries: contact data as hashes, the visitor's address masked, no
    token. Retention empties it (`retention.payload_days`). Exit code 5 when there is no such delivery.
    """
    from twofold.commands.output.rows.journal import Attempt, Delivery, Sent
    from twofold.config import load_settings
    from twofold.errors import NotHere
    from twofold.store.lists import Reader

    settings = load_settings(config, data=data)
    with Reader(settings.server.data) as reader:
        found = _deliveries(reader, delivery)
        if not found:
            raise NotHere(
                f"no delivery {plain(delivery)} in {settings.server.data}; list them with `twofold deliveries`"
            )
        for row in found:
            request, attempts = _request(settings, reader, row), _attempts(reader, row["id"])
            if json:
                print_rows(Delivery, [row])
                print_rows(Sent, [request])
                print_rows(Attempt, attempts)
            else:
                _print_delivery(row, request, attempts, clock_of(settings))


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
    from twofold.event.refusal import DropReason

    known_value("--state", state, map(str, DropReason))
    columns = ("id", "received_at", "entry", "dataset", "event_name", "event_id", "reason", "index", "path", "expected",
               "got")  # fmt: skip
    filters = {"dataset": dataset, "name": name, "id": id, "state": state}
    _list("refused", columns, config, data, filters, limit, json)


# -- how it is listed

_HEADINGS = {
    "received_at": "came in", "created_at": "came in", "tried_at": "last tried", "due_at": "next try", "status": "HTTP",
    "took_ms": "took", "attempts": "tries", "event_name": "event", "event_id": "event id", "order_id": "order",
    "match_keys": "match keys", "fold_key": "fold key",
}  # fmt: skip
_FIGURES = ("tries", "HTTP", "took", "value", "copies", "late")


def _list(
    kind: str, columns: tuple[str, ...], config: Path | None, data: str | None, filters: dict[str, str | None],
    limit: int, json: bool,
) -> None:  # fmt: skip
    from twofold.commands.output.rows import COMMANDS
    from twofold.config import load_settings
    from twofold.store.lists import Reader

    settings = load_settings(config, data=data)
    with Reader(settings.server.data) as reader:
        rows = list(reader.rows(kind, filters, limit=limit)) if limit else reader.rows(kind, filters, limit=limit)
        if json:
            (shape,) = COMMANDS[kind]
            seen = _Counted(rows)
            print_rows(shape, seen)
            empty = not seen.any
        else:
            empty = not print_table(columns, rows, clock_of(settings))
        if empty:
            refuse_unknown(settings, reader, kind, filters)
    if empty and not json:
        say("nothing refused that fits" if kind == "refused" else f"no {kind} that fit")


def print_table(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]], clock: Clock) -> int:
    """Rows for people, under the headings of these lists; how many there were, nothing being printed for none."""
    table = make_table(*(_heading(c, clock) for c in columns), right=_FIGURES)
    for row in rows:
        table.add_row(*(_cell(row, c, clock) for c in columns))
    if table.row_count:
        print_wide(table)
    return table.row_count


class _Counted:
    """Rows as they come, and whether there were any."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = rows
        self.any = False

    def __iter__(self) -> Any:
        for row in self._rows:
            self.any = True
            yield row


def known_dataset(settings: Settings, dataset: str | None) -> None:
    """Refuses a dataset that is neither configured nor in the folder: "nobody is here" would be no answer about it."""
    from twofold.store.lists import Reader

    configured = [d.id for d in settings.dataset]
    if dataset is not None and dataset not in configured:
        with Reader(settings.server.data) as reader:
            known_value("--dataset", dataset, [*configured, *reader.datasets()])


def refuse_unknown(settings: Settings, reader: Reader, kind: str, filters: Mapping[str, str | None]) -> None:
    """After an empty answer: was it asked for something that is nowhere, neither configured nor in the folder?"""
    from twofold.event.vocabulary import STANDARD_EVENTS

    configured: dict[str, Iterable[str]] = {
        "dataset": [d.id for d in settings.dataset],
        "destination": [d.name for d in settings.destination],
        "name": sorted(STANDARD_EVENTS),
    }
    for name, known in configured.items():
        value = filters.get(name)
        if value is not None and value not in known:
            known_value(f"--{name}", value, [*known, *reader.known(kind, name)])


def _heading(column: str, clock: Clock) -> str:
    heading = _HEADINGS.get(column, column)
    return clock.over(heading) if column.endswith("_at") else heading


def _cell(row: Mapping[str, Any], column: str, clock: Clock) -> str:
    value = row.get(column)
    if column == "due_at" and row.get("state") not in ("waiting", "paused"):
        return ""
    if column.endswith("_at"):
        return clock.at_ms(value)
    if column == "took_ms" and value is not None:
        return f"{value} ms"
    return cell(value)


# -- one delivery


def _deliveries(reader: Reader, named: str) -> list[dict[str, Any]]:
    """By its number, else all with this event id."""
    if named.isascii() and named.isdecimal() and len(named) < 19 and (row := reader.delivery(int(named))) is not None:
        return [row]
    return list(reader.rows("deliveries", {"id": named}, limit=50))


def _request(settings: Settings, reader: Reader, row: Mapping[str, Any]) -> dict[str, Any]:
    from twofold.commands.output.payload import masked_payload

    payload = reader.frozen_payload(row["id"])
    target = next((d for d in settings.destination if d.name == row["destination"]), None)
    return {
        "delivery": row["id"],
        "endpoint": target.endpoint if target else None,
        "bytes": len(payload) if payload else None,
        "emptied": payload is not None and not payload,
        "payload": masked_payload(payload) if payload else None,
    }


def _attempts(reader: Reader, delivery: int) -> list[dict[str, Any]]:
    return [
        {
            "delivery": delivery, "started_at": a["started_at"], "took_ms": a["ended_at"] - a["started_at"],
            "outcome": a["outcome"], "status": a["status"], "code": a["code"], "decision": a["decision"],
            "answer": a["note"],
        }
        for a in reader.attempts(delivery)
    ]  # fmt: skip


def _print_delivery(
    row: Mapping[str, Any], request: Mapping[str, Any], attempts: list[dict[str, Any]], clock: Clock
) -> None:
    import json

    money = f", {row['value']} {row['currency']}" if row["value"] is not None else ""
    order = f", order {plain(row['order_id'])}" if row["order_id"] else ""
    say(f"delivery {row['id']}: {plain(row['event_name'])} {plain(row['event_id'])}{order}{money}")
    say(
        f"to {plain(row['destination'])} for dataset {plain(row['dataset'])}: {row['state']} {plain(row['reason'])}".rstrip()
    )
    say(
        f"came in {clock.said(row['created_at'] // 1000)} as action {row['action']}; see `twofold actions --id {plain(row['event_id'])}`"
    )
    if row["state"] in ("waiting", "paused"):
        say(f"next try {clock.said(row['due_at'] // 1000)}")
    if row["marks"]:
        say(f"marks: {', '.join(row['marks'])}")
    say("")
    if request["payload"] is not None:
        say(
            f"request, {request['bytes']} bytes to {request['endpoint'] or 'a destination that is no longer configured'}:"
        )
        say(plain_lines(json.dumps(request["payload"], indent=2, ensure_ascii=False)))
    else:
        say("request: emptied by retention" if request["emptied"] else "request: nothing was built yet")
    say("")
    if not attempts:
        say("no attempt yet")
        return
    table = make_table(clock.over("tried"), "took", "HTTP", "outcome", "code", "then", "answer", right=("took", "HTTP"))
    for a in attempts:
        table.add_row(
            clock.at_ms(a["started_at"]), f"{a['took_ms']} ms", cell(a["status"]), cell(a["outcome"]), cell(a["code"]),
            cell(a["decision"]), cell(a["answer"]),
        )  # fmt: skip
    print_wide(table)


def plain_lines(text: str) -> str:
    """As `plain`, keeping the lines."""
    return "\n".join(map(plain, text.split("\n")))
