"""``twofold quarantine``: what is kept back for want of trust: list it, let it through, or turn it away.

Owns the words and the question before something leaves. Which reasons keep back is `store.gates.trust`'s; the owner of the
folder carries the word out, and the log keeps that it was given.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twofold.commands.lists import print_table
from twofold.commands.options import (
    ConfigOption,
    DataOption,
    DatasetOption,
    DestinationOption,
    IdOption,
    JsonOption,
    LimitOption,
    NameOption,
    known_value,
)
from twofold.commands.output.printing import clock_of, print_rows, say

if TYPE_CHECKING:
    from pathlib import Path

    from twofold.config import Settings

quarantine = typer.Typer(
    name="quarantine",
    help="See what is kept back for want of trust, let it through, or turn it away.",
    no_args_is_help=True,
)

ReasonOption = Annotated[
    str | None,
    typer.Option(
        "--reason", help="quarantine, unconfirmed, value_over_cap, currency_not_listed, bot or dropped_by_hand."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
AllOption = Annotated[bool, typer.Option("--all", help="Everything that is kept back, with no other choice given.")]


@quarantine.command("list")
def list_kept_back(
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    destination: DestinationOption = None,
    reason: ReasonOption = None,
    limit: LimitOption = 50,
) -> None:
    """List deliveries that are kept back: only untrusted browsers speak for them, and something speaks against them.

    A trusted copy brings them back by itself; see docs/trust.md.
    """
    settings = _settings(config, data)
    found = _kept_back(settings, dataset, name, id, destination, reason)
    rows = found[-limit:] if limit else found
    if json:
        from twofold.commands.output.rows.journal import Delivery

        print_rows(Delivery, rows)
    elif not rows:
        say("nothing is kept back")
    else:
        columns = ("id", "created_at", "dataset", "destination", "event_name", "event_id", "order_id", "value", "currency",
                   "reason")  # fmt: skip
        print_table(columns, rows, clock_of(settings))
        if len(found) > len(rows):
            say(f"… and {len(found) - len(rows)} older; see them all with --limit 0")


_RELEASE = """Let through what is kept back: it is sent, and the gates of trust ask it nothing more.

Consent, age and the order's state are still read when it leaves. Shows how many and how much money first, and asks.
Works while the gateway runs. What came after is judged anew: a release opens no door."""
_DROP = """Turn away what is kept back: it is listed no more, with the reason dropped_by_hand.

The rows stay, counted as before. A trusted copy that comes later is sent all the same."""


@quarantine.command("drop", help=_DROP)  # the last one is registered, and so listed, first
@quarantine.command("release", help=_RELEASE)
def judge(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    name: NameOption = None,
    id: IdOption = None,
    destination: DestinationOption = None,
    reason: ReasonOption = None,
    everything: AllOption = False,
    yes: YesOption = False,
) -> None:
    """Both words choose alike; by which of them it was called says what becomes of what was chosen."""
    act: Literal["release", "drop"] = "release" if context.command.name == "release" else "drop"
    _judge(act, _settings(config, data), (dataset, name, id, destination, reason), everything, yes, json)


def _settings(config: Path | None, data: str | None) -> Settings:
    from twofold.config import load_settings

    return load_settings(config, data=data)


def _kept_back(
    settings: Settings,
    dataset: str | None,
    name: str | None,
    id: str | None,
    destination: str | None,
    reason: str | None,
) -> list[dict[str, Any]]:
    """The deliveries that fit, oldest first; those that a person dropped only when they are asked for by their reason."""
    from twofold.commands.lists import refuse_unknown
    from twofold.store.gates.trust import KEPT_BACK, REOPENED
    from twofold.store.lists import Reader

    known_value("--reason", reason, REOPENED)
    filters = {"dataset": dataset, "name": name, "id": id, "destination": destination, "state": "suppressed"}
    with Reader(settings.server.data) as reader:
        found = [
            row
            for wanted in ([reason] if reason else KEPT_BACK)
            for row in reader.rows("deliveries", {**filters, "reason": wanted}, limit=0)
        ]
        if not found:
            refuse_unknown(settings, reader, "deliveries", filters)
    return sorted(found, key=lambda row: row["id"])


def _judge(
    act: Literal["release", "drop"],
    settings: Settings,
    chosen: tuple[str | None, str | None, str | None, str | None, str | None],
    everything: bool,
    yes: bool,
    json: bool,
) -> None:
    from twofold.control.owner import on_store
    from twofold.control.questions import JudgeKeptBack

    if not any(chosen) and not everything:
        raise typer.BadParameter("say which: --dataset, --name, --id, --destination, --reason, or --all")
    found = _kept_back(settings, *chosen)
    if found and not yes:
        question = f"{'Send' if act == 'release' else 'Turn away'} {len(found)} deliveries{_money(found)}?"
        typer.confirm(question, abort=True, err=True)
    ids = [row["id"] for row in found]
    changed = int(on_store(settings, JudgeKeptBack(act=act, deliveries=ids))["changed"]) if ids else 0
    if json:
        from twofold.commands.output.rows.journal import QuarantineDone

        print_rows(QuarantineDone, [{"act": act, "deliveries": changed}])
    else:
        say(f"{changed} deliveries {'wait to be sent' if act == 'release' else 'are turned away'}")


def _money(found: list[dict[str, Any]]) -> str:
    """What they are worth, each action once, in the words of the question."""
    sums: dict[str, Decimal] = {}
    for row in {row["action"]: row for row in found}.values():
        try:
            sums[row["currency"]] = sums.get(row["currency"], Decimal()) + Decimal(row["value"])
        except (InvalidOperation, TypeError, KeyError):
            continue
    words = ", ".join(f"{amount:,f} {currency}" for currency, amount in sorted(sums.items()) if currency)
    return f", worth {words}" if words else ""
