"""``twofold orders list``, ``show`` and ``check``: what the ledger knows, and whether what was sent fits it.

Owns the words and tables of these commands; what is read and compared is `report`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from twofold.clock import now_ms
from twofold.collect.dataset import policy_of
from twofold.commands.quality import UNITS_MS
from twofold.config import Settings, load_settings
from twofold.ledger.policy import OrderPolicy
from twofold.report import orders as report
from twofold.report import value_check

orders = typer.Typer(
    name="orders",
    help="See the orders: list them, show one with its history, check what was sent against them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _period(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[1-9]\d{0,4}[mhd]", text):
        raise typer.BadParameter("expected a number with m, h or d, such as 48h or 30d")
    return text


Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration file (TOML).", envvar="TWOFOLD_CONFIG")
]
Data = Annotated[str | None, typer.Option("--data", help="Data folder; wins over the file.", envvar="TWOFOLD_DATA")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]
Dataset = Annotated[str | None, typer.Option("--dataset", help="Only this dataset.")]
Since = Annotated[
    str | None, typer.Option("--since", help="Only orders placed so long ago at most: 48h, 30d.", callback=_period)
]
State = Annotated[
    str | None, typer.Option("--state", help="counts, or why it does not: not_paid, order_cancelled, test_order, …")
]
Limit = Annotated[int, typer.Option("--limit", min=0, help="The last so many rows; 0 for all.")]
SHOWN = 20


@orders.command("list")
def list_(
    dataset: Dataset = None,
    state: State = None,
    since: Since = None,
    limit: Limit = 50,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List orders, the last placed last: state, value by the policy, and what became of the Purchase."""
    settings = load_settings(config, data=data)
    found = report.list_orders(
        settings.server.data, _policies(settings), now_ms() // 1000,
        dataset=dataset, state=state, since_s=_since_s(since), limit=limit,
    )  # fmt: skip
    if json:
        _print_json(map(report.as_row, found))
    elif not found:
        print("no orders that fit")
    else:
        _print_list(found)


@orders.command()
def show(
    order: Annotated[str, typer.Argument(help="Order id, or the number that stands for it.")],
    dataset: Dataset = None,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show one order: what was reported about it and when, what follows, its value, its copies and deliveries.

    Exit code 1 when no such order is known.
    """
    settings = load_settings(config, data=data)
    found = report.show_order(settings.server.data, _policies(settings), now_ms() // 1000, order, dataset=dataset)
    if json:
        _print_json(found)
    else:
        for one in found:
            _print_order(one)
        if not found:
            print(f"no order {_plain(order)} is known")
    raise typer.Exit(0 if found else 1)


@orders.command()
def check(
    dataset: Dataset = None,
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Rows shown that are not equal; 0 for all.")] = SHOWN,
    everything: Annotated[bool, typer.Option("--all", help="With --json: the equal ones too.")] = False,
    config: Config = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Check the value of every Purchase that arrived against its order, by today's policy.

    Each is equal, explained (by what came after it was sent, or by a setting), or wrong. Orders that count and did not
    arrive are named with the reason. Exit code 1 when anything is wrong.
    """
    settings = load_settings(config, data=data)
    with _progress(quiet=json) as progress:
        rows = value_check.check_values(
            settings.server.data, _policies(settings), now_ms() // 1000,
            dataset=dataset, since_s=_since_s(since), progress=progress,
        )  # fmt: skip
        sums, kept = value_check.sum_up(rows, lambda row: _wanted(row, json, everything))
    if json:
        _print_json({"row": value_check.as_row(row)} for row in kept)
        _print_json({"sum": value_check.as_sums(one)} for one in sums)
    else:
        _print_check(sums, kept, limit)
    raise typer.Exit(1 if any(one.verdict == value_check.WRONG for one in sums) else 0)


def _wanted(row: value_check.Checked, json: bool, everything: bool) -> bool:
    quiet = (value_check.EQUAL, value_check.NOT_YET, value_check.NEVER)
    if json:
        return everything or row.verdict not in quiet
    return row.verdict in (value_check.WRONG, value_check.EXPLAINED, value_check.MISSING)


# -- words and tables


def _print_list(found: list[report.ListedOrder]) -> None:
    table = _table("dataset", "order", "placed", "state", "value", "method", "purchase", "reason")
    for row in found:
        table.add_row(
            _cell(row.dataset), _cell(row.order_id), _time(row.placed_at), row.state,
            _money(row.value, row.currency), row.method, row.purchase, _cell(row.reason),
        )  # fmt: skip
    _wide(table)


def _print_order(one: dict[str, Any]) -> None:
    print(f"order {_plain(one['order_id'])} of dataset {_plain(one['dataset'])}, placed {_time(one['placed_at'])}")
    since = f" since {_time(one['since'])}" if one["since"] else ""
    print(f"state: {one['state']}{since} (paid by {one['method']}, counts when {one['counts_when']})")
    print(f"value: {_value_words(one['value'])}")
    facts = _table("happened", "came in", "kind", "source", "reference", "said")
    for fact in one["facts"]:
        facts.add_row(
            _time(fact["at"]), _time(fact["received_at"] // 1000), _cell(fact["kind"]), _cell(fact["source"]),
            _cell(fact["reference"]), _cell(fact["said"]),
        )  # fmt: skip
    _wide(facts)
    if one["copies"]:
        print(f"action {one['action']}, made of")
        copies = _table("position", "came in", "channel", "sender", "tier", "verdict", "event id")
        for copy in one["copies"]:
            copies.add_row(
                str(copy["position"]), _time(copy["received_at"] // 1000), copy["channel"], _cell(copy["sender"]),
                copy["tier"], copy["verdict"] + (" late" if copy["late"] else ""), _cell(copy["event_id"]),
            )  # fmt: skip
        _wide(copies)
    else:
        print("no event stands for it")
    for delivery in one["deliveries"]:
        marks = f" [{', '.join(delivery['marks'])}]" if delivery["marks"] else ""
        print(
            f"{delivery['event_name']} {_plain(delivery['event_id'])} to {_plain(delivery['destination'])}: "
            f"{delivery['state']} {_plain(delivery['reason'])}".rstrip()
            + marks
        )
    if one["outcomes_told"]:
        print(f"told as well: {', '.join(one['outcomes_told'])}")


def _value_words(value: dict[str, Any] | None) -> str:
    if value is None:
        return "unknown; nobody reported a total"
    words = f"{value['value']} {value['currency']}"
    if value["left_out"]:
        words += f" = {value['total']}" + "".join(f" - {a} {part}" for part, a in value["left_out"].items())
    contained = ", ".join(f"{part} {amount}" for part, amount in value["contained"].items())
    return words + (f" (the total contains {contained})" if contained else "")


def _print_check(sums: list[value_check.Sums], kept: list[value_check.Checked], limit: int) -> None:
    if not sums:
        print("no orders and no purchases that fit")
        return
    table = _table("dataset", "destination", "verdict", "why", "orders", "", "sent", "by policy", "difference")
    for one in sums:
        compared = one.verdict in (value_check.EQUAL, value_check.EXPLAINED, value_check.WRONG)
        table.add_row(
            _cell(one.dataset), _cell(one.destination), one.verdict, _cell(one.reason), f"{one.orders:,}",
            one.currency, f"{one.sent:,f}" if compared or one.verdict == value_check.NO_ORDER else "",
            f"{one.due:,f}" if compared or one.verdict == value_check.MISSING else "",
            f"{one.difference:+,f}" if compared and one.difference else "",
        )  # fmt: skip
    _wide(table)
    kept.sort(key=lambda row: value_check.VERDICTS.index(row.verdict) if row.verdict != value_check.WRONG else -1)
    for row in kept[: limit or None]:
        print(_sentence(row))
    if limit and len(kept) > limit:
        print(f"… {len(kept) - limit} more; see them all with --limit 0 or --json")
    if any(row.irrevocable for row in kept):
        print("What was sent and counts no more stays at the platform: it has no way to take an event back.")


def _sentence(row: value_check.Checked) -> str:
    parts = ", ".join(f"{_plain(word)} {amount:+,f}" for word, amount in row.parts.items())
    sent = _money(row.sent, row.sent_currency)
    told = f"sent {sent}, worth {_money(row.due, row.currency)}" if sent else "not sent"
    return f"{row.verdict}: {_plain(row.order_id)} {told}: {parts or _plain(row.reason)}"


def _money(amount: Decimal | None, currency: str | None) -> str:
    return "" if amount is None else f"{amount:f} {_plain(currency or '')}".rstrip()


def _time(at: int) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(at)


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        right = column in ("orders", "sent", "by policy", "difference", "value")
        table.add_column(column, no_wrap=True, justify="right" if right else "left")
    return table


def _wide(table: Table) -> None:
    """Cut cells would hide ids; a line that is too long can be scrolled or piped."""
    Console(width=1_000, highlight=False).print(table, crop=False)


def _plain(text: str) -> str:
    """Text for a terminal: control and bidi characters shown, never obeyed."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _cell(text: str) -> str:
    """The same for a table, where brackets would be taken for styles."""
    return escape(_plain(text))


def _print_json(rows: Iterable[Any]) -> None:
    for row in rows:
        print(msgspec.json.encode(row).decode())


# -- what the commands share


def _policies(settings: Settings) -> report.PolicyOf:
    """The order policy of a dataset; the defaults for one that is not configured any more."""
    found = {d.id: policy_of(d).orders for d in settings.dataset}
    return lambda dataset: found.get(dataset, _DEFAULT)


_DEFAULT = OrderPolicy()


def _since_s(since: str | None) -> int:
    return 0 if since is None else now_ms() // 1000 - int(since[:-1]) * UNITS_MS[since[-1]] // 1000


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _n: None
        return
    with Progress(TextColumn("orders"), BarColumn(), MofNCompleteColumn(), console=console, transient=True) as progress:
        task = progress.add_task("orders", total=None)
        yield lambda n: progress.advance(task, n)
