"""The command line: one small function a command. Prints and exits; knows no SQL and no HTTP.

Owns words, options, the panels of the help and exit codes: 0 done, 1 an answer of no (verify, check), 2 command line or
configuration, 3 data folder, 4 folder in use, 5 the person or order that was named is not here. Output for people by
default, ``--json`` gives one JSON object a line (`commands.rows`). What a command needs is imported when it runs, so that
`version` and the help wait for nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twofold import __version__
from twofold.commands.acceptance.accept import accept
from twofold.commands.acceptance.decide import decide, decisions
from twofold.commands.attribution.customers import customers
from twofold.commands.attribution.experiment import experiment
from twofold.commands.attribution.source import explain_source
from twofold.commands.attribution.table import attribution
from twofold.commands.attribution.tables import tables
from twofold.commands.attribution.warehouse import warehouse
from twofold.commands.audiences import audiences
from twofold.commands.clock import clock
from twofold.commands.consent import consent
from twofold.commands.console import console
from twofold.commands.importing.orders import import_orders, import_sales
from twofold.commands.importing.statement import KIND_HELP, import_command
from twofold.commands.lists import actions, deliveries, events, refused
from twofold.commands.match_keys import explain_match, hash_file
from twofold.commands.money.lists import bank, money
from twofold.commands.money.match import match, unmatch
from twofold.commands.money.pull import pull_account
from twofold.commands.options import (
    ACT,
    EVERYDAY,
    LOOK,
    PEOPLE,
    TRY,
    ConfigOption,
    DataOption,
    DatasetOption,
    DestinationOption,
    IdOption,
    JsonOption,
    NameOption,
    folder_of,
    none_found,
    over_paths,
)
from twofold.commands.orders import orders
from twofold.commands.output.printing import print_rows, say
from twofold.commands.privacy import erase, export_subject, privacy_requests, shared
from twofold.commands.quality import quality, stitching
from twofold.commands.quarantine import quarantine
from twofold.commands.reconcile.chain import chain
from twofold.commands.reconcile.day import day
from twofold.commands.router.alert import alert
from twofold.commands.router.why import review, status, why
from twofold.commands.running.backup import backup
from twofold.commands.running.move import move
from twofold.commands.running.recover import restore, watermark
from twofold.commands.running.service import install_service
from twofold.commands.running.trace import trace
from twofold.commands.schema import schema
from twofold.commands.senders.expect import expect
from twofold.commands.senders.inventory import senders
from twofold.commands.senders.shopify import shopify_senders
from twofold.commands.setup.connect_asked import connect, disconnect
from twofold.commands.setup.destinations import destinations
from twofold.commands.setup.doctor import doctor
from twofold.commands.setup.init import init
from twofold.commands.setup.snippet import snippet
from twofold.roles import Role

if TYPE_CHECKING:
    from twofold.config import Settings

app = typer.Typer(
    name="twofold",
    help="Folds the browser and server copies of one shopper action into one and delivers it once.",
    epilog="New here? `twofold demo` shows it at work, `twofold check` says what is missing. Words: docs/glossary.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
DEMO_PORTS = (8410, 8411, 8412, 8413)
OrderWindow = Literal["48h", "28d"]


def main() -> None:
    """Runs a command; errors of ours become one sentence and an exit code."""
    from twofold.errors import StoreError, TwofoldError

    try:
        app(standalone_mode=True)
    except TwofoldError as err:
        print(f"twofold: {err}", file=sys.stderr)
        sys.exit(err.exit_code)
    except OSError as err:
        if err.filename is None:  # a socket's or a pipe's, which names nothing that somebody could look at
            raise
        print(f"twofold: {err.filename}: {err.strerror}", file=sys.stderr)
        sys.exit(StoreError.exit_code)


@app.command(rich_help_panel=EVERYDAY)
def serve(
    config: ConfigOption = None,
    data: DataOption = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.", envvar="TWOFOLD_HOST")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="Port; 0 takes a free one.", envvar="TWOFOLD_PORT")
    ] = None,
    role: Annotated[
        Role,
        typer.Option(
            "--role",
            help="What of the work: other than `all` only where several share a database.",
            envvar="TWOFOLD_ROLE",
        ),
    ] = Role.ALL,
    name: Annotated[
        str,
        typer.Option(
            "--name",
            help="Its name among several on one database. Default: the machine's name and the role.",
            envvar="TWOFOLD_NAME",
        ),
    ] = "",
    json: JsonOption = False,
) -> None:
    """Run the gateway: accept events, fold them, deliver actions.

    Stops on Ctrl-C or SIGTERM within 10 seconds; what was accepted is on disk and goes on at the next start. With a table
    `[console]` in the file it runs the console beside it, as a process of its own.
    """
    from twofold.app import serve as run_gateway
    from twofold.commands.running.trace import set_up_log
    from twofold.config import load_settings

    settings = load_settings(config, data=data, host=host, port=port)
    if not settings.dataset:
        named = f"{config} has no [[dataset]]" if config else none_found()
        print(
            f"twofold: {named}: every event is refused. `twofold check` says what to do.",
            file=sys.stderr,
        )
    set_up_log(settings.server.log)
    itself = (*(("--config", str(config)) if config else ()), "--data", settings.server.data)
    telling = ("--json",) if json else ()
    run_gateway(
        settings,
        lambda address: _listening("gateway", "twofold", address, json),
        itself,
        telling,
        _rereading(config, lambda environ: load_settings(config, environ=environ, data=data, host=host, port=port)),
        role,
        name,
    )


def _rereading(config: Path | None, read: Callable[[dict[str, str]], Settings]) -> Callable[[], Settings] | None:
    """The files as they are when it is called, by an environment in which nothing is a copy of them as they are now."""
    import os

    from twofold.config.private import private_file, read_private, without_copies

    if config is None:
        return None
    kept = read_private(private_file(config)) if config.suffix != ".env" else {}
    return lambda: read(without_copies(os.environ, kept))


def _listening(what: str, name: str, address: str, json: bool) -> None:
    if json:
        from twofold.commands.output.rows.running import Listening

        print_rows(Listening, [{"what": what, "address": address}])
    else:
        say(f"{name} listening on {address}")
    sys.stdout.flush()


@app.command(rich_help_panel=TRY)
def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 8401,
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
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="DATASET=NAME", help="What people call a dataset; repeat for more. Default: its id."),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIAGNOSTIC",
            help="A diagnostic that is meant so here: listed last, counted nowhere; repeat for more.",
        ),
    ] = None,
    json: JsonOption = False,
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
        name=name or (),
        accept=accept or (),
    )
    asyncio.run(run_sandbox(settings, on_ready=lambda a: _listening("sandbox", "sandbox", a, json)))


@app.command(rich_help_panel=TRY)
def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End after the tables; 0 only if both are the truth.")] = False,
    seed: Annotated[int, typer.Option(help="Which invented shoppers come.")] = 7,
    json: JsonOption = False,
) -> None:
    """See it work: a shop with a known truth, measured four ways, and its past followed to the bank.

    Starts a sandbox, a gateway and a small shop on this machine, plays 156 orders and prints what each way of
    measuring would have counted. Beside it the shop's last six weeks are imported from the files of shop, couriers,
    provider and bank, and the chain is laid beside the truth. Then stays up, so that you can look at all of it in the
    console and buy something yourself: the shop at port 8410, the gateway at 8411, the receiver at 8412 and the console at
    8413, or free ones where these are taken.
    """
    from twofold.simulate.demo import run_demo

    def tell(rows: list[dict[str, Any]], chain: list[dict[str, Any]]) -> None:
        from twofold.commands.output.rows.running import ChainFigure, Measure

        print_rows(Measure, rows)
        print_rows(ChainFigure, chain)
        sys.stdout.flush()

    shop, gateway, receiver, pages = DEMO_PORTS
    status = run_demo(
        exit_after=exit_,
        seed=seed,
        shop_port=shop,
        gateway_port=gateway,
        sandbox_port=receiver,
        console_port=pages,
        tell=tell if json else None,
    )
    raise typer.Exit(status)


@app.command(rich_help_panel=TRY)
def world(
    scenario: Annotated[Path | None, typer.Argument(help="A scenario (TOML). Without it the demo's.")] = None,
    into: Annotated[
        Path | None, typer.Option(help="Keep the world's files, its configuration and its truth in this folder.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another world of the same scenario.")] = None,
    write_only: Annotated[bool, typer.Option("--write-only", help="Write the files and import nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a world whose truth is known, import its files, and lay the chain beside the truth.

    The files are those that a shop, a payment provider, couriers, a bank, Meta and GA4 would give. docs/worlds.md says what a
    scenario may hold. Exit code 1 when a figure of the chain is not the truth.
    """
    from twofold.commands.world import play

    raise typer.Exit(play(scenario, into=into, seed=seed, write_only=write_only, json=json))


@app.command(rich_help_panel=EVERYDAY)
def check(config: ConfigOption = None, data: DataOption = None, json: JsonOption = False) -> None:
    """Say for each dependency and setting whether it is in order, or what to do.

    Changes nothing and needs no running gateway. Exit code 1 when something must be done.
    """
    from twofold.commands.check import CONFIGURATION, run_checks

    failed = faulty = 0
    for one in run_checks(config, data):
        failed += one.problem is not None and not one.look
        faulty += one.name == CONFIGURATION
        if json:
            from twofold.commands.output.rows.running import Line

            said = {
                "name": one.name,
                "state": "look" if one.look else "do" if one.problem else "ok",
                "text": one.problem or "",
            }
            print_rows(Line, [{**said, "file": one.file, "line": one.line or None}])
        elif one.problem is None:
            say(f"OK  {one.name}")
        else:
            at = f" {one.file}" if one.file else ""
            at += f", line {one.line}" if one.line else ""
            say(f"{'LOOK' if one.look else 'DO '} {one.name}{at}: {one.problem}")
    if faulty and not json:
        say("docs/settings.md has every setting, its unit and what it may be.")
    raise typer.Exit(1 if failed else 0)


@app.command(rich_help_panel=EVERYDAY)
def verify(
    full: Annotated[bool, typer.Option("--full", help="Walk all of a long journal again.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Compare every sum that must be equal: accepted, journalled, folded, enqueued, settled, refused.

    Also walks the journal and names the first row that was altered, moved or lost, and holds frozen bytes, attempts,
    settlements and orders against their digests. A journal of more than 500,000 events is walked from where it was
    proved in the last seven days; all of it with `--full`. Works while the gateway runs. Exit code 0 only when
    everything holds.
    """
    from twofold.clock import now_ms
    from twofold.report.verify import verify as run_verify

    checks = run_verify(folder_of(config, data), now_ms(), full=full)
    if json:
        from twofold.commands.output.rows.running import Check

        print_rows(
            Check,
            ({"name": c.name, "left": c.left, "right": c.right, "holds": c.holds, "note": c.note} for c in checks),
        )
    else:
        for c in checks:
            say(c.line)
    raise typer.Exit(0 if all(c.holds for c in checks) else 1)


app.command(rich_help_panel=EVERYDAY)(init)
app.command(rich_help_panel=EVERYDAY)(doctor)
app.command(rich_help_panel=EVERYDAY)(snippet)
app.add_typer(connect, name="connect", rich_help_panel=EVERYDAY)
app.add_typer(disconnect, name="disconnect", rich_help_panel=EVERYDAY)
app.command(rich_help_panel=EVERYDAY)(console)
app.command(rich_help_panel=LOOK)(events)
app.command(rich_help_panel=LOOK)(actions)
app.add_typer(deliveries, rich_help_panel=LOOK)
app.command(rich_help_panel=LOOK)(refused)
app.command(rich_help_panel=LOOK)(trace)


@app.command(rich_help_panel=ACT)
def revive(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    destination: DestinationOption = None,
) -> None:
    """Make dead deliveries wait again, with the bytes they had.

    Age and consent are read again before anything is sent. What is dead as `ambiguous` may have arrived, and may count twice.
    Works while the gateway runs.
    """
    from twofold.config import load_settings
    from twofold.control.revive import revive_dead

    settings = load_settings(config, data=data)
    filters = {"dataset": dataset, "name": name, "id": id, "destination": destination}
    revived = revive_dead(settings, filters)
    if not revived:
        _refuse_unknown(settings, filters)
    if json:
        from twofold.commands.output.rows.journal import Revived

        print_rows(Revived, [{"revived": revived}])
    else:
        say(f"{revived} deliveries wait again")


def _refuse_unknown(settings: Settings, filters: dict[str, str | None]) -> None:
    """Nothing to revive of a name that is nowhere is a typing error."""
    from twofold.commands.lists import refuse_unknown
    from twofold.store.lists import Reader

    with Reader(settings.server.data) as reader:
        refuse_unknown(settings, reader, "deliveries", filters)


imports = typer.Typer(no_args_is_help=True, help="Import a file: orders, money, parcels, advertising, rates, costs.")
imports.command("orders")(import_orders)
imports.command("sales")(import_sales)
for statement_kind in KIND_HELP:
    imports.command(statement_kind)(import_command(statement_kind))
money.command("match")(match)
money.command("unmatch")(unmatch)
app.add_typer(money, name="money", rich_help_panel=LOOK)
app.add_typer(bank, name="bank", rich_help_panel=LOOK)
app.add_typer(quarantine, rich_help_panel=ACT)
app.add_typer(imports, name="import", rich_help_panel=ACT)
app.command("pull", rich_help_panel=ACT)(pull_account)
app.add_typer(audiences, rich_help_panel=ACT)
app.add_typer(orders, rich_help_panel=LOOK)
app.command(rich_help_panel=LOOK)(chain)
app.command(rich_help_panel=LOOK)(day)
app.command(rich_help_panel=EVERYDAY)(install_service)
app.command(rich_help_panel=LOOK)(attribution)
app.command(rich_help_panel=LOOK)(customers)
app.add_typer(experiment, rich_help_panel=LOOK)
app.command(rich_help_panel=LOOK)(warehouse)
app.add_typer(tables, name="tables", rich_help_panel=LOOK)
app.command(rich_help_panel=ACT)(backup)
app.command(rich_help_panel=ACT)(restore)
app.command(rich_help_panel=ACT)(move)
app.add_typer(watermark, name="watermark", rich_help_panel=ACT)
for report_command in (why, status, review, quality, stitching):
    app.command(rich_help_panel=LOOK)(report_command)
for privacy_command in (erase, export_subject, privacy_requests, shared):
    app.command(rich_help_panel=PEOPLE)(privacy_command)
app.add_typer(consent, rich_help_panel=PEOPLE)
app.add_typer(clock, rich_help_panel=ACT)
app.add_typer(alert, name="alert", rich_help_panel=TRY)
app.add_typer(accept, name="accept", rich_help_panel=TRY)
senders.command("expect")(expect)
app.add_typer(senders, name="senders", rich_help_panel=LOOK)
app.command(rich_help_panel=ACT)(decide)
app.command(rich_help_panel=LOOK)(decisions)
app.command(rich_help_panel=TRY)(destinations)
app.command(rich_help_panel=TRY)(explain_match)
app.command("hash", rich_help_panel=TRY)(hash_file)
app.command(rich_help_panel=TRY)(explain_source)
app.command(rich_help_panel=LOOK)(schema)
app.command(rich_help_panel=TRY)(shopify_senders)


@app.command(rich_help_panel=EVERYDAY)
def version(json: JsonOption = False) -> None:
    """Print the version."""
    if json:
        from twofold.commands.output.rows.running import Version

        print_rows(Version, [{"version": __version__}])
    else:
        say(__version__)


over_paths(app)
