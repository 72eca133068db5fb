"""``twofold chain``: the orders of a period from the pixel to the bank.

Owns what is typed and printed. What is worked out is `reconcile`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twofold.commands.options import ConfigOption, DataOption, DatasetOption, JsonOption
from twofold.commands.output.printing import make_table, plain, print_about, print_rows, print_wide, say
from twofold.commands.reconcile.words import LINKS, METRICS, REASONS, words

if TYPE_CHECKING:
    from twofold.config import Settings
    from twofold.reconcile.chain.account import Desk
    from twofold.reconcile.chain.rows import Report, Row
    from twofold.reconcile.chain.told import Asked
    from twofold.reconcile.chain.values import Rules
    from twofold.reconcile.lives.asking import AskAll


def day_option(text: str) -> str:
    """The check of an option that takes a day."""
    try:
        return date.fromisoformat(text).isoformat() if text else text
    except ValueError:
        raise typer.BadParameter("expected a day, such as 2026-03-10") from None


SinceDay = Annotated[str, typer.Option("--since", help="The first day, such as 2026-03-01.", callback=day_option)]
UntilDay = Annotated[str, typer.Option("--until", help="The last day; it is in the report.", callback=day_option)]
AsOfDay = Annotated[
    str,
    typer.Option("--as-of", help="As things stood at the end of that day. Default: now.", callback=day_option),
]
View = Annotated[
    Literal["cohort", "booked"],
    typer.Option(
        "--view", help="cohort: the orders of these days, as they stand. booked: what happened on these days."
    ),
]
By = Annotated[
    Literal["", "day", "week", "month", "channel", "method", "source", "sale", "currency"],
    typer.Option("--by", help="Also in groups: day, week, month, channel, method, source, sale or currency."),
]


def chain(
    since: SinceDay,
    until: UntilDay,
    view: View = "cohort",
    by: By = "",
    as_of: AsOfDay = "",
    dataset: DatasetOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """See where the money of the orders of these days is, from the pixel to the bank.

    Each link with its orders and money, what was lost on the way and why, what has not come yet and how old it is. Every
    bridge is a list of orders and lines; what they do not explain is shown as the residual. Days are those of
    `[chain] timezone`. Exit code 1 when a batch of a provider or courier does not close. The figures: docs/chain.md.
    """
    from twofold.config import load_settings
    from twofold.reconcile.chain.told import Asked
    from twofold.reconcile.lives.asking import chain_of

    if since > until:
        raise typer.BadParameter("--until: expected a day that is not before --since")
    settings = load_settings(config, data=data)
    zone = zone_of(settings)
    asked = Asked(since=since, until=until, as_of=moment_of(as_of, zone), by=by, view=view)
    report, currency = chain_of(asking_of(settings, json), asked, desk_of(settings), dataset)
    if json:
        _print_json(report, asked, zone, currency, dataset)
    else:
        _print(report, asked, settings, currency)
    raise typer.Exit(0 if report.balanced else 1)


# -- what the commands of money share


def zone_of(settings: Settings) -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(settings.chain.timezone)


def rules_of(settings: Settings) -> Rules:
    from twofold.policies import chain_rules

    return chain_rules(settings)


def asking_of(settings: Settings, quiet: bool) -> AskAll:
    """Questions to the tables, which are brought up to date first, with a bar for people who watch."""
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn

    from twofold.commands.output.printing import bar_on_stderr
    from twofold.control.tables import ask_tables_all
    from twofold.facts.child import step_back

    step_back()  # the gateway may run on this machine

    def ask(asked: Sequence[Any]) -> list[Any]:
        bar = bar_on_stderr(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), quiet=quiet)
        if bar is None:
            return ask_tables_all(settings, asked)
        with bar:
            task = bar.add_task("making the tables", total=None)
            return ask_tables_all(settings, asked, lambda at, of: bar.update(task, completed=at, total=of or None))

    return ask


def desk_of(settings: Settings) -> Desk:
    """Rules, days and rates, for what is converted after it was added up."""
    from twofold.reconcile.chain.account import Desk
    from twofold.reconcile.chain.margin import Costs
    from twofold.reconcile.exchange import Exchange
    from twofold.reconcile.matches.values import Days
    from twofold.reconcile.reading.folder import Folder
    from twofold.store.engines import require_data

    require_data(Path(settings.server.data))
    with Folder(settings.server.data) as store:
        rates = Exchange.of(store.rates())
    return Desk(rules=rules_of(settings), rates=rates, costs=Costs((), rates), days=Days(zone_of(settings)))


def moment_of(day: str, zone: tzinfo) -> int:
    """The last second of a day; now for none."""
    from twofold.clock import now_ms

    if not day:
        return now_ms() // 1000
    return start_of(day, zone, days=1) - 1


def start_of(day: str, zone: tzinfo, days: int = 0) -> int:
    """When a day begins (or the one so many days later)."""
    return int(datetime.combine(date.fromisoformat(day) + timedelta(days=days), time(), zone).timestamp())


# -- for machines


def _print_json(report: Report, asked: Asked, zone: tzinfo, currency: str, dataset: str | None) -> None:
    from twofold.commands.output.rows import reconcile as shapes
    from twofold.reconcile.chain import rows

    kinds: dict[type, tuple[Any, dict[str, str]]] = {
        rows.Link: (shapes.Link, {}),
        rows.Leak: (shapes.Leak, {"after": "start"}),
        rows.Open: (shapes.Open, {}),
        rows.Cell: (shapes.Matrix, {}),
        rows.Step: (shapes.Bridge, {}),
        rows.Residual: (shapes.Residual, {}),
        rows.Metric: (shapes.Metric, {}),
    }
    print_about(
        "chain", dataset=dataset, since=start_of(asked.since, zone), until=start_of(asked.until, zone, days=1),
        timezone=str(zone), currency=currency, view=asked.view, as_of=asked.as_of,
        missing={name: f"{share:f}" for name, share in report.missing.items()},
    )  # fmt: skip
    for row in report.rows:
        kind, renamed = kinds[type(row)]
        print_rows(kind, [{renamed.get(n, n): getattr(row, n) for n in row.__struct_fields__}])


# -- for people


def _print(report: Report, asked: Asked, settings: Settings, currency: str) -> None:
    stands = datetime.fromtimestamp(asked.as_of, zone_of(settings)).strftime("%Y-%m-%d %H:%M")
    what = "Orders of" if asked.view == "cohort" else "What happened from"
    say(
        f"{what} {asked.since} to {asked.until} ({settings.chain.timezone}), as of {stands}, in {currency or 'no currency'}"
    )
    groups = list(dict.fromkeys(row.group for row in report.rows))
    for group in groups:
        if group:
            say(f"\n{plain(asked.by)}: {plain(group)}")
        _print_group([row for row in report.rows if row.group == group])
    for name, share in report.missing.items():
        if share:
            say(f"missing: {name} of {share:.2%}")
    if not report.balanced:
        say("Some batches do not close: see `twofold money batches`. Nothing of them is counted as banked.")


def _print_group(rows: list[Row]) -> None:
    from twofold.reconcile.chain.rows import Cell, Link, Metric, Open, Residual, Step

    table = make_table("link", "what", "role", "orders", "amount", right=("orders", "amount"))
    for row in rows:
        if isinstance(row, Link):
            table.add_row(row.link, words(LINKS, row.link), row.role, f"{row.count:,}", f"{row.amount:,f}")
    print_wide(table)
    for bridge in dict.fromkeys((r.start, r.end) for r in rows if isinstance(r, Step)):
        steps = [r for r in rows if isinstance(r, Step | Residual) and (r.start, r.end) == bridge]
        say("")
        _print_bridge(steps)
    waits = [r for r in rows if isinstance(r, Open)]
    if waits:
        say("\nNot here yet")
        table = make_table("", "orders", "amount", "oldest", "expected by", right=("orders", "amount", "oldest"))
        for one in waits:
            table.add_row(words(REASONS, one.reason), f"{one.count:,}", f"{one.amount:,f}", f"{one.oldest_days} days",
                          one.expected or "")  # fmt: skip
        print_wide(table)
    cells = {(r.delivered, r.collected): r for r in rows if isinstance(r, Cell)}
    if cells:
        say("")
        table = make_table("", "money taken", "money not taken", right=("money taken", "money not taken"))
        for delivered, name in ((True, "delivered"), (False, "not delivered")):
            both = [cells[delivered, collected] for collected in (True, False)]
            table.add_row(name, *(f"{c.amount:,f} ({c.count:,})" for c in both))
        print_wide(table)
    metrics = [r for r in rows if isinstance(r, Metric) and r.value is not None and r.name in METRICS]
    if metrics:
        say("")
        table = make_table("figure", "of", "value", "role", "link", right=("value",))
        for metric in metrics:
            shown = f"{metric.value:.2%}" if _is_share(metric.name) else f"{metric.value:,f}"
            table.add_row(words(METRICS, metric.name), plain(metric.of), shown, metric.role, metric.link)
        print_wide(table)


def _is_share(name: str) -> bool:
    return name.endswith(("_rate", "_share", "_load", "_coverage"))


def _print_bridge(steps: list[Any]) -> None:
    from twofold.reconcile.chain.rows import Residual

    table = make_table("", "orders", "amount", right=("orders", "amount"))
    for step in steps:
        if isinstance(step, Residual):
            table.add_row("residual: nothing explains it", f"{step.count:+,}", f"{step.amount:+,f}")
        elif step.reason in (step.start, step.end):
            table.add_row(_link_words(step), f"{step.count:,}", f"{step.amount:,f}")
        else:
            table.add_row(
                "  " + words(REASONS, step.reason), f"{step.count:+,}" if step.count else "", f"{step.amount:+,f}"
            )
    print_wide(table)


def _link_words(step: Any) -> str:
    if step.reason == "delivered":
        return "delivered, before refunds"
    return words(LINKS, step.reason)
