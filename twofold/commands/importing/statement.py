"""``twofold import spend|ga4|payouts|remittances|parcels|bank|rates|costs|survey``: one command under nine names.

Owns what is typed and printed. What happens is in `importing.statements`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
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
from twofold.commands.output.printing import make_table, plain, print_rows, print_wide, say

if TYPE_CHECKING:
    from rich.table import Table

KIND_HELP: dict[str, str] = {
    "spend": """Import what advertising cost: reports of Meta, Google Ads, TikTok, or a table of your own.

    One row an advertisement and day. A report of a period without days is refused. A day that is told again with other
    figures stays beside what was said before, and the newer one stands.""",
    "ga4": """Import what GA4 counted: a report or an exploration as CSV, or answers of its API.

    With the transaction id as a dimension orders can be compared one by one, without only in sums.""",
    "payouts": """Import what payment providers paid out: one line a charge, refund, fee, dispute or payout.

    The lines of each payout are added up; one that does not come to what was paid is named with the difference.""",
    "remittances": """Import what couriers took at the door and handed over, one row a parcel.

    No two couriers write alike: describe the columns in an [[import]] of the kind `remittances`, and name it with
    `--mapping`. The lines of each remittance are added up; one that does not come to what was paid is named.""",
    "parcels": """Import what became of parcels: states and times as a courier's file tells them.""",
    "bank": """Import statements of a bank: camt, MT940, OFX, or a table of the bank.

    Opening balance, entries and closing balance are added up; a statement that does not close is named with the
    difference. Who stands opposite is kept as keyed digests only, and of free text what looks like an order, a parcel, a
    batch or a payment (`[money] text`).""",
    "rates": """Import rates of exchange: the files of the ECB and of the National Bank of Georgia, or a table of your own.""",
    "costs": """Import what articles, parcels and payments cost you: a table of your own.""",
    "survey": """Import answers to "how did you hear about us?", one row an order.""",
}

FileArgument = Annotated[Path, typer.Argument(help="The file, as the bank, provider, courier or platform gives it.")]
FormatOption = Annotated[str, typer.Option("--format", help="auto, a format's name, or a mapping's name.")]
SourceOption = Annotated[
    str, typer.Option("--source", help="Provider, courier or channel, where the file does not say it.")
]
AccountOption = Annotated[
    str, typer.Option("--account", help="The account. A file of another one is refused, and nothing of it is kept.")
]
CurrencyOption = Annotated[
    str, typer.Option("--currency", help="Currency where the file has none. A file in another is refused.")
]
ZoneOption = Annotated[
    str,
    typer.Option(
        "--timezone", help="Zone of days and times that say none, e.g. Asia/Tbilisi. Default: `[chain] timezone`."
    ),
]
SheetOption = Annotated[str, typer.Option("--sheet", help="Sheet of a workbook. Default: found from the workbook.")]
SinceOption = Annotated[str, typer.Option("--since", help="First day that the file may have, e.g. 2026-03-01.")]
UntilOption = Annotated[str, typer.Option("--until", help="Last day that the file may have; else it is refused.")]
RowsOption = Annotated[
    bool,
    typer.Option(
        "--json", help="One JSON object a line: the file, its sums, its money, what was refused, what does not close."
    ),
]


def import_command(kind: str) -> Callable[..., None]:
    """The command of one kind of file."""

    def command(
        file: FileArgument,
        format: FormatOption = "auto",
        mapping: MappingOption = "",
        source: SourceOption = "",
        account: AccountOption = "",
        currency: CurrencyOption = "",
        timezone: ZoneOption = "",
        decimal: DecimalOption = "",
        dates: DatesOption = "",
        encoding: EncodingOption = "",
        sheet: SheetOption = "",
        since: SinceOption = "",
        until: UntilOption = "",
        dry_run: DryOption = False,
        report: ReportOption = None,
        json: RowsOption = False,
        config: ConfigOption = None,
        data: DataOption = None,
    ) -> None:
        asked = {
            "kind": kind, "path": file, "format": format, "mapping": mapping, "source": source, "account": account,
            "currency": currency, "timezone": timezone, "decimal": decimal, "dates": dates, "encoding": encoding,
            "sheet": sheet, "since": since, "until": until, "dry_run": dry_run, "report": report,
        }  # fmt: skip
        _run(asked, json, config, data)

    command.__doc__ = (
        f"{KIND_HELP[kind]}\n\n    The format is found from the file. Whole or nothing: a file that is cut or damaged leaves "
        "nothing behind, and the same file twice changes nothing. Works while the gateway runs. Exit code 1 when nothing "
        "was understood or something does not close; see docs/money.md.\n    "
    )
    return command


def _run(asked: dict[str, Any], json: bool, config: Path | None, data: str | None) -> None:
    from twofold.clock import now_ms
    from twofold.config import load_settings
    from twofold.importing.statements.plan import StatementPlan
    from twofold.importing.statements.run import import_statement

    os.umask(0o077)
    settings = load_settings(config, data=data)
    plan = StatementPlan(**asked)
    bar, watch = bar_of(plan.path, json, lambda s: f"{s.total:,} lines")
    with bar:
        summary = import_statement(settings, plan, now_ms(), watch)
    if json:
        _print_rows(summary)
    else:
        _print(summary, plan.report)
    raise typer.Exit(0 if summary.is_answered_yes else 1)


def _print(summary: Any, report: Path | None) -> None:
    say_figures(summary, _figures(summary))
    if summary.since:
        say(f"{'':>12}  from {summary.since} to {summary.until}")
    if summary.totals:
        print_wide(_money_table(summary))
    for one in summary.unbalanced:
        opening = f"{one.opening:,f} + " if one.opening is not None else ""
        of = f" of {one.account}" if one.account else ""
        say(
            plain(
                f"does not close: {one.what} {one.id}{of}: {opening}{one.entries:,f} is not {one.closing:,f} {one.currency}; "
                f"difference {one.difference:,f}"
            )
        )
    say_problems(summary, report)


def _figures(summary: Any) -> list[tuple[str, int]]:
    figures = [("lines", summary.total)]
    if summary.new is not None:
        figures += [
            ("of them new", summary.new),
            ("of them told otherwise before", summary.updated),
            ("of them already known", summary.known),
        ]
    figures += [(f"rows that are no lines: {reason}", n) for reason, n in summary.dropped.items()]
    figures += [(f"not understood: {reason}", n) for reason, n in summary.refused.items()]
    figures += [(f"understood in part: {reason}", n) for reason, n in summary.warnings.items()]
    return figures


def _money_table(summary: Any) -> Table:
    headings = ("lines", "gross", "fee", "net", "spend", "taken")
    table = make_table("", *headings, right=headings)
    for currency, sums in sorted(summary.totals.items()):
        amounts = (sums.gross, sums.fee, sums.net, sums.spend, sums.taken)
        table.add_row(currency, f"{sums.lines:,}", *(f"{amount:,f}" for amount in amounts))
    return table


def _print_rows(summary: Any) -> None:
    import msgspec

    from twofold.commands.output.rows.money import ImportedLines, LineMoney, LineRefused, LineSum, NotClosed

    file = {"sha256": summary.digest}
    file |= {n: getattr(summary, n) for n in ("file", "kind", "format", "title", "dry_run", "notes", "since", "until")}
    names = ("new", "known", "updated", "total", "kinds", "refused", "warnings", "dropped")
    print_rows(ImportedLines, [file])
    print_rows(LineSum, [{n: getattr(summary, n) for n in names}])
    print_rows(LineMoney, ({"currency": c, **msgspec.structs.asdict(t)} for c, t in sorted(summary.totals.items())))
    print_rows(
        LineRefused,
        problem_rows(summary.problems),
    )  # fmt: skip
    print_rows(NotClosed, (msgspec.structs.asdict(one) for one in summary.unbalanced))
