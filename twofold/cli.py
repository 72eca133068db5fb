"""The command line: one small function a command. Prints and exits; knows no SQL and no HTTP.

Owns words, options and exit codes: 0 done, 1 an answer of no (verify, check), 2 configuration, 3 data folder,
4 folder in use. Output for people by default, ``--json`` gives one JSON object a line.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from twofold import __version__
from twofold.commands.consent import consent
from twofold.commands.importing import import_orders, import_sales
from twofold.commands.matching import explain_match, hash_file
from twofold.commands.orders import orders
from twofold.commands.privacy import erase, export_subject, privacy_requests, shared
from twofold.commands.quality import quality, stitching
from twofold.commands.shopify import shopify_senders
from twofold.config import Settings, load_settings
from twofold.errors import TwofoldError

app = typer.Typer(
    name="twofold",
    help="Folds the browser and server copies of one shopper action into one and delivers it once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console(highlight=False, soft_wrap=False)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration file (TOML).", envvar="TWOFOLD_CONFIG")
]
DataOption = Annotated[
    str | None, typer.Option("--data", help="Data folder; wins over the file.", envvar="TWOFOLD_DATA")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]
DatasetOption = Annotated[str | None, typer.Option("--dataset", help="Only this dataset.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Only this event name, e.g. Purchase.")]
IdOption = Annotated[str | None, typer.Option("--id", help="Only this event id.")]
OrderWindow = Literal["48h", "28d"]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="The last so many rows; 0 for all.")]


def main() -> None:
    """Runs a command; errors of ours become one sentence and an exit code."""
    try:
        app(standalone_mode=True)
    except TwofoldError as err:
        Console(stderr=True, highlight=False).print(f"twofold: {err}", markup=False, soft_wrap=True)
        sys.exit(err.exit_code)


@app.command()
def serve(
    config: ConfigOption = None,
    data: DataOption = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.", envvar="TWOFOLD_HOST")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 takes a free one.", envvar="TWOFOLD_PORT")] = None,
) -> None:
    """Run the gateway: accept events, fold them, deliver actions.

    Stops on Ctrl-C or SIGTERM within 10 seconds; what was accepted is on disk and goes on at the next start.
    """
    from twofold.app import serve as run_gateway

    settings = load_settings(config, data=data, host=host, port=port)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    run_gateway(settings, lambda address: print(f"twofold listening on {address}", flush=True))


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8401,
    data: Annotated[str | None, typer.Option(help="Folder that keeps what was received. Default: memory only.")] = None,
    token: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOKEN[=DATASET,...]",
            help="Access token to know, with the datasets it may write to; repeat for more. Default: any of 8 characters.",
        ),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="TOKEN=SCOPE,...", help="The only scopes of a token; repeat for more. Default: all."),
    ] = None,
    order_id_rule: Annotated[
        OrderWindow | None,
        typer.Option(
            help="Deduplicate a Purchase by user and order id in this window, as for a few of Meta's partners."
        ),
    ] = None,
    app_secret: Annotated[str, typer.Option(help="Require a fitting appsecret_proof.")] = "",
) -> None:
    """Run Meta's receiving side on this machine, to test any sender against.

    Takes what graph.facebook.com/{version}/{dataset}/events and facebook.com/tr take, answers as they do, and shows
    what was counted and why at its address in a browser.
    """
    import asyncio

    from twofold.sandbox.__main__ import settings_from
    from twofold.sandbox.server import serve as run_sandbox

    settings = settings_from(
        host=host,
        port=port,
        data=data,
        token=token or (),
        scope=scope or (),
        order_id_rule=order_id_rule,
        app_secret=app_secret,
    )
    asyncio.run(run_sandbox(settings, on_ready=lambda a: print(f"sandbox listening on {a}", flush=True)))


@app.command()
def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End after the table; 0 only if the counts are equal.")] = False,
    seed: Annotated[int, typer.Option(help="Which invented shoppers come.")] = 7,
) -> None:
    """See it work: a shop with a known truth, blockers and lost pages, measured four ways.

    Starts a sandbox, a gateway and a small shop on this machine, plays 156 orders and prints what each way of
    measuring would have counted. Then stays up, so that you can buy something yourself.
    """
    from twofold.simulate.demo import run_demo

    raise typer.Exit(run_demo(exit_after=exit_, seed=seed))


@app.command()
def check(config: ConfigOption = None, data: DataOption = None) -> None:
    """Say for each dependency and setting whether it is in order, or what to do.

    Changes nothing and needs no running gateway. Exit code 1 when something must be done.
    """
    from twofold.checks import run_checks

    failed = 0
    for name, problem in run_checks(config, data):
        print(f"{'OK ' if problem is None else 'DO '} {name}" + (f": {problem}" if problem else ""))
        failed += problem is not None
    raise typer.Exit(1 if failed else 0)


@app.command()
def verify(config: ConfigOption = None, data: DataOption = None, json: JsonOption = False) -> None:
    """Compare every sum that must be equal: accepted, journalled, folded, enqueued, settled, refused.

    Also walks the journal and names the first row that was altered, moved or lost. Works while the gateway runs.
    Exit code 0 only when everything holds.
    """
    from twofold.store.reading import verify as run_verify

    checks = run_verify(_folder(config, data))
    if json:
        _print_json(
            {"name": c.name, "left": c.left, "right": c.right, "holds": c.holds, "note": c.note} for c in checks
        )
    else:
        for c in checks:
            print(f"{'OK ' if c.holds else 'NO '} {c.name}: {c.left} = {c.right}" + (f" ({c.note})" if c.note else ""))
    raise typer.Exit(0 if all(c.holds for c in checks) else 1)


@app.command()
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
    _list("events", columns, config, data, json, {"dataset": dataset, "name": name, "id": id, "state": state}, limit)


@app.command()
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
    _list("actions", columns, config, data, json, {"dataset": dataset, "name": name, "id": id, "state": state}, limit)


@app.command()
def deliveries(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    state: Annotated[str | None, typer.Option(help="waiting, delivered, suppressed, paused or dead.")] = None,
    destination: Annotated[str | None, typer.Option(help="Only this destination.")] = None,
    limit: LimitOption = 50,
) -> None:
    """List deliveries: one action for one destination, its state and why."""
    filters = {"dataset": dataset, "name": name, "id": id, "state": state, "destination": destination}
    columns = ("id", "destination", "event_name", "event_id", "state", "attempts", "reason", "stitched", "marks")
    _list("deliveries", columns, config, data, json, filters, limit)


@app.command()
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
    _list("refused", columns, config, data, json, {"dataset": dataset, "name": name, "id": id, "state": state}, limit)


@app.command()
def revive(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    destination: Annotated[str | None, typer.Option(help="Only this destination.")] = None,
) -> None:
    """Make dead deliveries wait again, with the bytes they had.

    Age and consent are read again before anything is sent. Works while the gateway runs.
    """
    from twofold.reviving import revive_dead

    settings = _settings(config, data)
    filters = {"dataset": dataset, "name": name, "id": id, "destination": destination}
    revived = revive_dead(settings, filters)
    print(msgspec.json.encode({"revived": revived}).decode() if json else f"{revived} deliveries wait again")


imports = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Import a file of orders or sales.")
imports.command("orders")(import_orders)
imports.command("sales")(import_sales)
app.add_typer(imports, name="import")
app.add_typer(orders)
for privacy_command in (erase, export_subject, privacy_requests, shared):
    app.command()(privacy_command)


for area_command in (quality, stitching, explain_match, shopify_senders):
    app.command()(area_command)
app.command("hash")(hash_file)
app.add_typer(consent)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


# -- what the commands share


def _settings(config: Path | None, data: str | None) -> Settings:
    return load_settings(config, data=data)


def _folder(config: Path | None, data: str | None) -> Path:
    return Path(_settings(config, data).server.data)


def _list(
    kind: str,
    columns: tuple[str, ...],
    config: Path | None,
    data: str | None,
    json: bool,
    filters: dict[str, str | None],
    limit: int,
) -> None:
    from twofold.store.reading import Reader

    with Reader(_folder(config, data)) as reader:
        rows = reader.rows(kind, filters, limit=limit)
        _print_json(rows) if json else _print_table(columns, rows, kind)


def _print_json(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")


def _print_table(columns: tuple[str, ...], rows: Iterable[dict[str, Any]], kind: str) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(row.get(c)) for c in columns))
    if table.row_count:
        # Cut cells would hide ids; a line that is too long can be scrolled or piped.
        Console(width=1_000, highlight=False).print(table, crop=False)
    else:
        out.print(f"no {kind} that fit")


def _cell(value: Any) -> str:
    """A value for a terminal: control and bidi characters shown, never obeyed."""
    text = "" if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return escape("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text))
