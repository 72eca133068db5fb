"""``twofold import orders`` and ``twofold import sales``: options, the progress bar, the figures at the end.

Owns what is typed and printed. What happens is in `importing`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.importing.options import (
    DatesOption,
    DecimalOption,
    DryOption,
    EncodingOption,
    MappingOption,
    ReportOption,
)
from twofold.commands.importing.showing import bar_of, problem_rows, say_figures, say_problems
from twofold.commands.options import ConfigOption, DataOption
from twofold.commands.output.printing import make_table, print_rows, print_wide

if TYPE_CHECKING:
    from rich.table import Table

FileArgument = Annotated[Path, typer.Argument(help="CSV, JSON lines, Excel (.xlsx) or Parquet file.")]
OrdersDatasetOption = Annotated[
    str, typer.Option("--dataset", help="The dataset that the orders belong to. Default: the only one.")
]
SourceOption = Annotated[
    str, typer.Option("--source", help="Configured shop or source that the file comes from. Default: by its format.")
]
FormatOption = Annotated[
    str,
    typer.Option(
        "--format",
        help="auto, shopify, woocommerce, woocommerce-analytics, hubspot, pipedrive, salesforce, own, or a mapping's name.",
    ),
]
SaleFormatOption = Annotated[
    str, typer.Option("--format", help="auto, sales, hubspot, pipedrive, salesforce, or a mapping's name.")
]
CurrencyOption = Annotated[str, typer.Option("--currency", help="Currency where the file has none (ISO 4217).")]
ZoneOption = Annotated[
    str,
    typer.Option(
        "--timezone", help="Zone of days and times that say none, e.g. Europe/Berlin. Default: `[chain] timezone`."
    ),
]
SheetOption = Annotated[str, typer.Option("--sheet", help="Sheet of a workbook. Default: the first that is not empty.")]
LedgerOption = Annotated[bool, typer.Option("--ledger-only", help="Record the orders, send none of them.")]
RestartOption = Annotated[bool, typer.Option("--restart", help="Begin an interrupted import again from the first row.")]
FiguresJsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="One JSON object a line: the file, its sums, its money, what was refused; no progress bar."
    ),
]


def import_orders(
    file: FileArgument,
    dataset: OrdersDatasetOption = "",
    source: SourceOption = "",
    format: FormatOption = "auto",
    mapping: MappingOption = "",
    currency: CurrencyOption = "",
    timezone: ZoneOption = "",
    decimal: DecimalOption = "",
    dates: DatesOption = "",
    encoding: EncodingOption = "",
    sheet: SheetOption = "",
    dry_run: DryOption = False,
    ledger_only: LedgerOption = False,
    restart: RestartOption = False,
    report: ReportOption = None,
    json: FiguresJsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Import a file of orders into the ledger, exact to the minor unit.

    Shopify, WooCommerce, HubSpot, Pipedrive and Salesforce exports are known by their headers. Orders of the last week
    that nobody has sent become Purchases by the dataset's policy; older ones are recorded only. The same file twice
    changes nothing, and an interrupted import goes on where it was. Works while the gateway runs. Exit code 1 when no
    row was understood; see docs/import.md.
    """
    _run(
        {
            "path": file, "dataset": dataset, "source": source, "format": format, "mapping": mapping,
            "currency": currency, "timezone": timezone, "decimal": decimal, "dates": dates, "encoding": encoding,
            "sheet": sheet, "dry_run": dry_run, "ledger_only": ledger_only, "restart": restart, "report": report,
        },
        json, config, data,
    )  # fmt: skip


def import_sales(
    file: FileArgument,
    dataset: OrdersDatasetOption = "",
    channel: Annotated[
        str, typer.Option("--channel", help="Channel of all rows, when no column has it: phone, …")
    ] = "",
    source: SourceOption = "",
    format: SaleFormatOption = "auto",
    mapping: MappingOption = "",
    currency: CurrencyOption = "",
    timezone: ZoneOption = "",
    decimal: DecimalOption = "",
    dates: DatesOption = "",
    encoding: EncodingOption = "",
    sheet: SheetOption = "",
    dry_run: DryOption = False,
    ledger_only: LedgerOption = False,
    restart: RestartOption = False,
    report: ReportOption = None,
    json: FiguresJsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Import sales made without a page: by phone, in a chat, by the people of the CRM.

    Each row is a Purchase or, where a column says so, another step such as LeadSubmitted. They are sent as phone_call,
    business_messaging or system_generated with the ids that the row has. Otherwise as for orders.
    """
    _run(
        {
            "path": file, "dataset": dataset, "sales": True, "channel": channel, "source": source, "format": format,
            "mapping": mapping, "currency": currency, "timezone": timezone, "decimal": decimal, "dates": dates,
            "encoding": encoding, "sheet": sheet, "dry_run": dry_run, "ledger_only": ledger_only, "restart": restart,
            "report": report,
        },
        json, config, data,
    )  # fmt: skip


def _run(asked: dict[str, Any], json: bool, config: Path | None, data: str | None) -> None:
    from twofold.clock import now_ms
    from twofold.config import load_settings
    from twofold.importing.plan import Plan
    from twofold.importing.run import import_file

    os.umask(0o077)
    settings = load_settings(config, data=data)
    known = [d.id for d in settings.dataset]
    plan = Plan(**asked | {"dataset": asked["dataset"] or (known[0] if len(known) == 1 else "")})
    bar, watch = bar_of(plan.path, json, lambda s: f"{s.orders:,} orders")
    with bar:
        summary = import_file(settings, plan, now_ms(), watch)
    if json:
        _print_rows(summary, "sales" if asked.get("sales") else "orders")
    else:
        _print(summary, plan.report)
    raise typer.Exit(0 if summary.anything else 1)


def _print(summary: Any, report: Path | None) -> None:
    say_figures(summary, _figures(summary))
    if summary.totals:
        print_wide(_money_table(summary))
    say_problems(summary, report)


def _print_rows(summary: Any, kind: str) -> None:
    import msgspec

    from twofold.commands.output.rows.importing import Imported, ImportMoney, ImportRefused, ImportSum

    file = {"kind": kind, "sha256": summary.digest}
    file |= {
        n: getattr(summary, n) for n in ("file", "format", "title", "dry_run", "recognised", "notes", "resumed_after")
    }
    sums = {"known": summary.already_known, "total": summary.orders}
    sums |= {
        n: getattr(summary, n)
        for n in (
            "rows",
            "orders",
            "again",
            "events",
            "new",
            "updated",
            "young",
            "refused",
            "skipped",
            "warnings",
            "not_sendable",
        )
    }
    print_rows(Imported, [file])
    print_rows(ImportSum, [sums])
    print_rows(ImportMoney, ({"currency": c, **msgspec.structs.asdict(t)} for c, t in sorted(summary.totals.items())))
    print_rows(
        ImportRefused,
        problem_rows(summary.problems),
    )


def _figures(summary: Any) -> list[tuple[str, int]]:
    figures = [("rows read", summary.rows), ("orders", summary.orders)]
    if summary.new is not None:
        figures += [("of them new", summary.new), ("of them changed", summary.updated)]
        figures += [("of them already known", summary.already_known)]
    figures += [("of them recent enough to be sent", summary.young)]
    figures += [(f"of these nobody can be told of: {reason}", n) for reason, n in summary.not_sendable.items()]
    if summary.again:
        figures.append(("orders that stand in the file again, apart", summary.again))
    if summary.events:
        figures.append(("steps that are no orders", summary.events))
    figures += [(f"rows passed over: {reason}", n) for reason, n in summary.skipped.items()]
    figures += [(f"not understood: {reason}", n) for reason, n in summary.refused.items()]
    figures += [(f"understood in part: {reason}", n) for reason, n in summary.warnings.items()]
    return figures


def _money_table(summary: Any) -> Table:
    headings = ("orders", "total", "of it tax", "shipping", "discount", "refunded", "paid", "cancelled", "test")
    table = make_table("", *headings, right=headings)
    for currency, sums in sorted(summary.totals.items()):
        amounts = (sums.total, sums.tax, sums.shipping, sums.discount, sums.refunded, sums.paid_total,
                   sums.cancelled_total, sums.test_total)  # fmt: skip
        table.add_row(currency, f"{sums.orders:,}", *(f"{amount:,f}" for amount in amounts))
    return table
